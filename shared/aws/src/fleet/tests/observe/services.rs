use super::*;
use crate::client::Action;
use aws_sdk_ecs::operation::list_clusters::ListClustersOutput;
use aws_sdk_ecs::types::{Failure, SchedulingStrategy};
use spotkeeper_core::units::CpuUnits;

#[tokio::test]
async fn clusters_are_listed_in_pages_and_described_a_hundred_at_a_time() {
    let arns = |range: std::ops::Range<usize>| Some(range.map(|n| format!("arn:c{n:03}")).collect::<Vec<_>>());
    let first = mock!(Ecs::list_clusters)
        .match_requests(|it| it.max_results() == Some(100) && it.next_token().is_none())
        .then_output(move || ListClustersOutput::builder().set_cluster_arns(arns(0..100)).next_token("more").build());
    let second = mock!(Ecs::list_clusters)
        .match_requests(|it| it.max_results() == Some(100) && it.next_token() == Some("more"))
        .then_output(move || ListClustersOutput::builder().set_cluster_arns(arns(100..130)).build());
    let describe =
        mock!(Ecs::describe_clusters).match_requests(|it| it.clusters().len() <= 100).then_compute_output(|it| {
            let described = it.clusters().iter().rev().map(|arn| {
                let name = arn.trim_start_matches("arn:");
                aws_sdk_ecs::types::Cluster::builder().cluster_name(name).cluster_arn(arn).status("ACTIVE").build()
            });
            DescribeClustersOutput::builder().set_clusters(Some(described.collect())).build()
        });
    let fleet = fleet(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, [&first, &second, &describe]));
    let clusters = fleet.clusters().await.unwrap();
    assert_eq!(clusters.len(), 130);
    assert!(clusters.is_sorted_by_key(|cluster| cluster.name.clone()));
    assert_eq!(describe.num_calls(), 2);
}

#[tokio::test]
async fn services_are_described_ten_at_a_time() {
    const NAMES: &[&str] = &[
        "s01", "s02", "s03", "s04", "s05", "s06", "s07", "s08", "s09", "s10", "s11", "s12", "s13", "s14", "s15", "s16",
        "s17", "s18", "s19", "s20", "s21", "s22", "s23",
    ];
    let sizes = Arc::default();
    let rules = [describe_cluster(), list(NAMES), describe(Arc::clone(&sizes)), providers(), no_tasks(), definitions()];
    let fleet = fleet_on(clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)), Arc::default());
    let snapshot = fleet.observe(&prod(), Depth::Full).await.unwrap();
    assert_eq!(snapshot.services.len(), 23);
    assert!(snapshot.services.is_sorted_by_key(|service| service.id.name.clone()));
    assert_eq!(*sizes.lock().unwrap(), [10, 10, 3]);
    assert_eq!(snapshot.gaps, []);
    assert_eq!(snapshot.quotas.fargate_on_demand.known(), Some(&CpuUnits(64 * 1024)));
    assert!(snapshot.services.iter().all(|service| service.scaling.known() == Some(&None)));
    let counts = fleet.counts();
    assert_eq!(counts.of(Action::DescribeTaskDefinition).calls, 1, "one for all: they share it");
    // DescribeClusters, ListServices, 3 DescribeServices, 1 task definition, 1 providers,
    // 1 ListTasks, 1 DescribeScalableTargets, 2 quotas.
    assert_eq!(counts.total().calls, 11);
}

#[tokio::test]
async fn what_vanishes_or_is_not_understood_is_a_gap_and_the_run_goes_on() {
    let describe = mock!(Ecs::describe_services).then_output(|| {
        DescribeServicesOutput::builder()
            .services(service("web").build())
            .services(service("odd").scheduling_strategy(SchedulingStrategy::from("CRON")).build())
            .failures(Failure::builder().arn(arn("gone")).reason("MISSING").build())
            .build()
    });
    let broken = mock!(Ecs::describe_task_definition).then_http_response(|| {
        refused(
            "AccessDeniedException",
            "User: x is not authorized to perform: ecs:DescribeTaskDefinition on resource: *",
        )
    });
    let rules = [describe_cluster(), list(&["gone", "odd", "web"]), describe, providers(), no_tasks(), broken];
    let fleet = fleet_on(clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)), Arc::default());
    let snapshot = fleet.observe(&prod(), Depth::Full).await.unwrap();
    assert_eq!(snapshot.services.len(), 1);
    let gap = snapshot.services[0].task_definition.get().unwrap_err();
    assert_eq!((gap.cause, gap.action.as_str()), (GapCause::Denied, "ecs:DescribeTaskDefinition"));
    let listed: Vec<(&str, GapCause)> = snapshot.gaps.iter().map(|gap| (gap.subject.as_str(), gap.cause)).collect();
    let (gone, odd) = (arn("gone"), arn("odd"));
    assert_eq!(
        listed,
        [(gone.as_str(), GapCause::Absent), (odd.as_str(), GapCause::NotUnderstood), ("arn:td:1", GapCause::Denied),]
    );
}

#[tokio::test]
async fn a_cluster_that_is_not_there_is_an_error() {
    let absent = mock!(Ecs::describe_clusters).then_output(|| {
        let failure = Failure::builder().arn("prod").reason("MISSING").build();
        DescribeClustersOutput::builder().failures(failure).build()
    });
    let list =
        mock!(Ecs::list_services).then_http_response(|| refused("ClusterNotFoundException", "Cluster not found."));
    let fleet = fleet(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, [&absent, &list]));
    let error = fleet.observe(&prod(), Depth::Full).await.unwrap_err();
    assert!(matches!(error, PortError::Absent { .. }), "{error}");
}

#[tokio::test]
async fn an_inactive_cluster_has_no_services() {
    let inactive = mock!(Ecs::describe_clusters).then_output(|| {
        let cluster = aws_sdk_ecs::types::Cluster::builder().cluster_name("prod").status("INACTIVE").build();
        DescribeClustersOutput::builder().clusters(cluster).build()
    });
    let list =
        mock!(Ecs::list_services).then_http_response(|| refused("ClusterNotFoundException", "Cluster not found."));
    let ecs = mock_client!(aws_sdk_ecs, RuleMode::MatchAny, [&inactive, &list]);
    let snapshot = fleet_on(clients(ecs), Arc::default()).observe(&prod(), Depth::Full).await.unwrap();
    assert!(!snapshot.cluster.active && snapshot.services.is_empty() && snapshot.providers.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_without_an_answer_is_a_gap_for_each_of_its_services() {
    let lost = mock!(Ecs::describe_services).sequence().http_status(500, None).times(3).build();
    let rules = [describe_cluster(), list(&["api", "web"]), lost, providers(), no_tasks()];
    let ecs = mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules, |conf| conf
        .retry_config(aws_smithy_types::retry::RetryConfig::disabled()));
    let fleet = fleet_on(clients(ecs), Arc::default());
    let snapshot = fleet.observe(&prod(), Depth::Full).await.unwrap();
    let gaps: Vec<(&str, GapCause)> = snapshot.gaps.iter().map(|gap| (gap.subject.as_str(), gap.cause)).collect();
    let (api, web) = (arn("api"), arn("web"));
    assert_eq!(gaps, [(api.as_str(), GapCause::Failed), (web.as_str(), GapCause::Failed)]);
    assert_eq!(fleet.counts().of(Action::DescribeServices).calls, 3);
}
