use super::*;
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput;
use aws_sdk_ecs::operation::get_task_protection::GetTaskProtectionOutput;
use aws_sdk_ecs::types::{Failure, ProtectedTask, Task};
use aws_smithy_types::DateTime;

fn task(arn: &str, service: &str, provider: Option<&str>) -> Task {
    Task::builder()
        .task_arn(arn)
        .group(format!("service:{service}"))
        .set_capacity_provider_name(provider.map(str::to_owned))
        .last_status("RUNNING")
        .desired_status("RUNNING")
        .build()
}

fn tasks() -> [Rule; 2] {
    let list = mock!(Ecs::list_tasks)
        .match_requests(|it| it.max_results() == Some(100) && it.service_name().is_none())
        .then_output(|| ListTasksOutput::builder().task_arns("t1").task_arns("t2").task_arns("t3").build());
    let describe = mock!(Ecs::describe_tasks).match_requests(|it| it.tasks().len() == 3).then_output(|| {
        DescribeTasksOutput::builder()
            .tasks(task("t1", "web", Some("FARGATE_SPOT")))
            .tasks(task("t2", "api", None))
            .failures(Failure::builder().arn("t3").reason("MISSING").build())
            .build()
    });
    [list, describe]
}

#[tokio::test]
async fn tasks_are_read_for_the_cluster_and_dealt_to_their_services() {
    let [list_tasks, describe_tasks] = tasks();
    let protection =
        mock!(Ecs::get_task_protection).match_requests(|it| it.tasks() == ["t2", "t1"]).then_output(|| {
            let protected = ProtectedTask::builder().task_arn("t1").protection_enabled(true);
            let ended = ProtectedTask::builder().task_arn("t2").protection_enabled(true);
            GetTaskProtectionOutput::builder()
                .protected_tasks(protected.expiration_date(DateTime::from_secs(10_001)).build())
                .protected_tasks(ended.expiration_date(DateTime::from_secs(9_999)).build())
                .build()
        });
    let rules = [
        describe_cluster(),
        list(&["api", "web", "idle"]),
        describe(Arc::default()),
        providers(),
        list_tasks,
        describe_tasks,
        protection,
        definitions(),
    ];
    let fleet = fleet_on(clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)), Arc::default());
    let snapshot = fleet.observe(&prod(), Depth::Full).await.unwrap();
    assert_eq!(snapshot.gaps, []);
    let shown: Vec<(&str, usize, bool)> = snapshot
        .services
        .iter()
        .map(|service| {
            let tasks = service.tasks.known().unwrap();
            (service.id.name.as_str(), tasks.len(), tasks.iter().any(|task| task.protected))
        })
        .collect();
    assert_eq!(shown, [("api", 1, false), ("idle", 0, false), ("web", 1, true)]);
}

#[tokio::test]
async fn protection_that_cannot_be_read_hides_the_tasks_of_the_services_concerned() {
    let [list_tasks, describe_tasks] = tasks();
    let protection = mock!(Ecs::get_task_protection).then_http_response(|| {
        refused("AccessDeniedException", "is not authorized to perform: ecs:GetTaskProtection on x")
    });
    let rules = [
        describe_cluster(),
        list(&["api", "web", "idle"]),
        describe(Arc::default()),
        providers(),
        list_tasks,
        describe_tasks,
        protection,
        definitions(),
    ];
    let fleet = fleet_on(clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)), Arc::default());
    let snapshot = fleet.observe(&prod(), Depth::Full).await.unwrap();
    let known: Vec<bool> = snapshot.services.iter().map(|service| service.tasks.known().is_some()).collect();
    assert_eq!(known, [false, true, false]);
    assert!(snapshot.gaps.iter().all(|gap| gap.action == "ecs:GetTaskProtection" && gap.cause == GapCause::Denied));
}

#[tokio::test]
async fn a_switch_run_reads_services_providers_and_tasks_only() {
    let [list_tasks, describe_tasks] = tasks();
    let rules =
        [describe_cluster(), list(&["api", "web"]), describe(Arc::default()), providers(), list_tasks, describe_tasks];
    let fleet = fleet(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules));
    let snapshot = fleet.observe(&prod(), Depth::Switch).await.unwrap();
    assert_eq!(snapshot.gaps, [], "what was not asked for is no gap of the run's");
    let web = &snapshot.services[1];
    assert_eq!(web.tasks.known().map(Vec::len), Some(1));
    assert_eq!(web.task_definition.get().unwrap_err().cause, GapCause::NotRead);
    assert_eq!(snapshot.quotas.fargate_on_demand.get().unwrap_err().cause, GapCause::NotRead);
    assert!(snapshot.providers.values().all(|provider| provider.known().is_some()));
    assert_eq!(fleet.counts().total().calls, 6);
}
