use super::*;
use crate::client::testing::ALL;
use crate::client::{Action, ApiLimits};
use crate::fleet::tests::Fixed;
use crate::fleet::{AwsFleet, Cache, CacheEntry, MemoryCache};
use aws_sdk_applicationautoscaling::operation::describe_scheduled_actions::DescribeScheduledActionsOutput;
use aws_sdk_applicationautoscaling::types::{ScalableDimension, ScalableTarget, ServiceNamespace};
use aws_sdk_ecs::types::LoadBalancer;
use aws_sdk_elasticloadbalancingv2::operation::describe_target_group_attributes::DescribeTargetGroupAttributesOutput;
use aws_sdk_elasticloadbalancingv2::types::TargetGroupAttribute;
use aws_smithy_types::DateTime;
use spotkeeper_core::units::Percent;

fn target_groups() -> (Rule, aws_sdk_elasticloadbalancingv2::Client) {
    let attributes = mock!(aws_sdk_elasticloadbalancingv2::Client::describe_target_group_attributes)
        .match_requests(|it| it.target_group_arn() == Some("arn:tg"))
        .then_output(|| {
            let delay = TargetGroupAttribute::builder().key("deregistration_delay.timeout_seconds").value("30").build();
            DescribeTargetGroupAttributesOutput::builder().attributes(delay).build()
        });
    let client = mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, [&attributes]);
    (attributes, client)
}

#[tokio::test]
async fn what_rarely_changes_is_read_once() {
    let describe = mock!(Ecs::describe_services).then_output(|| {
        let balancer =
            LoadBalancer::builder().target_group_arn("arn:tg").container_name("web").container_port(80).build();
        DescribeServicesOutput::builder().services(service("web").load_balancers(balancer).build()).build()
    });
    let rules = [describe_cluster(), list(&["web"]), describe, providers(), no_tasks(), definitions()];
    let (attributes, elb) = target_groups();
    let clients = Clients { elb, ..clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)) };
    let cache = Arc::new(MemoryCache::default());
    let cold = fleet_on(clients.clone(), Arc::clone(&cache));
    let first = cold.observe(&prod(), Depth::Full).await.unwrap();
    assert_eq!(cold.counts().of(Action::DescribeTaskDefinition).calls, 1);
    assert_eq!(
        cache.keys(),
        ["arn:td:1", "arn:tg", "servicequotas/ec2/L-1216C47A", "servicequotas/fargate/L-3032A538"]
    );

    let warm = fleet_on(clients.clone(), Arc::clone(&cache));
    assert_eq!(warm.observe(&prod(), Depth::Full).await.unwrap(), first);
    let counts = warm.counts();
    let again = [Action::DescribeTaskDefinition, Action::DescribeTargetGroupAttributes, Action::GetServiceQuota];
    assert_eq!(again.map(|action| counts.of(action).calls), [0, 0, 0]);
    assert_eq!(attributes.num_calls(), 1);

    let later = AwsFleet::new(clients, cache, ALL, Fixed(10_000 + 6 * 60 * 60));
    later.observe(&prod(), Depth::Full).await.unwrap();
    assert_eq!(attributes.num_calls(), 2, "its turn has come");
    assert_eq!(later.counts().of(Action::DescribeTaskDefinition).calls, 0, "a revision never changes");
}

fn with_target_groups(count: usize) -> Rule {
    mock!(Ecs::describe_services).then_output(move || {
        let web = (0..count).fold(service("web"), |web, number| {
            let arn = format!("arn:tg/{number}");
            let balancer = LoadBalancer::builder().target_group_arn(arn).container_name("web").container_port(80);
            web.load_balancers(balancer.build())
        });
        DescribeServicesOutput::builder().services(web.build()).build()
    })
}

/// 900 target groups at a call a second take as long as the Determiner has: what one attempt has
/// read, the next one must not read again, or no attempt ever ends.
#[tokio::test(start_paused = true)]
async fn an_attempt_that_runs_out_of_time_leaves_what_it_has_read() {
    const COUNT: usize = 900;
    let rules = [describe_cluster(), list(&["web"]), with_target_groups(COUNT), providers(), no_tasks(), definitions()];
    let attributes =
        mock!(aws_sdk_elasticloadbalancingv2::Client::describe_target_group_attributes).then_output(|| {
            let delay = TargetGroupAttribute::builder().key("deregistration_delay.timeout_seconds").value("30").build();
            DescribeTargetGroupAttributesOutput::builder().attributes(delay).build()
        });
    let elb = mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, [&attributes]);
    let clients = Clients { elb, ..clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)) };
    let cache = Arc::new(MemoryCache::default());
    let slow = ApiLimits { rate_percent: Percent::saturating(10), invocations: 1, readers: 1 };
    let attempt = || AwsFleet::new(clients.clone(), Arc::clone(&cache), slow, Fixed(10_000));

    let cut_off = attempt();
    let lambda = std::time::Duration::from_secs(600);
    tokio::time::timeout(lambda, cut_off.observe(&prod(), Depth::Full)).await.unwrap_err();
    let kept = cache.keys().iter().filter(|key| key.starts_with("arn:tg")).count();
    assert!((550..=600).contains(&kept), "{kept} are kept of about 600 that were read");

    let next = attempt();
    let snapshot = tokio::time::timeout(lambda, next.observe(&prod(), Depth::Full)).await.unwrap().unwrap();
    assert_eq!(snapshot.gaps, []);
    assert!(snapshot.services[0].target_groups.values().all(|group| group.known().is_some()));
    let calls = next.counts().of(Action::DescribeTargetGroupAttributes).calls;
    assert_eq!(usize::try_from(calls).unwrap(), COUNT - kept);
}

/// A cache that is broken, or holds what this version cannot read.
struct Broken;

impl Cache for Broken {
    async fn get_many(
        &self,
        keys: &[String],
        _now: jiff::Timestamp,
    ) -> Result<std::collections::BTreeMap<String, String>, PortError> {
        match keys.first().is_some_and(|key| key.starts_with("arn:td")) {
            true => Ok(keys.iter().map(|key| (key.clone(), "{\"from\":\"the future\"}".to_owned())).collect()),
            false => Err(PortError::Throttled { action: "dynamodb:BatchGetItem".to_owned() }),
        }
    }

    async fn put_many(&self, _entries: &[CacheEntry]) -> Result<(), PortError> {
        Err(PortError::Throttled { action: "dynamodb:BatchWriteItem".to_owned() })
    }
}

#[tokio::test]
async fn a_broken_cache_costs_calls_and_never_a_run() {
    let rules = [describe_cluster(), list(&["web"]), describe(Arc::default()), providers(), no_tasks(), definitions()];
    let clients = clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules));
    let fleet = AwsFleet::new(clients, Broken, ALL, Fixed(10_000));
    let snapshot = fleet.observe(&prod(), Depth::Full).await.unwrap();
    assert_eq!(snapshot.gaps, []);
    assert!(snapshot.services[0].task_definition.known().is_some());
}

#[tokio::test]
async fn a_target_group_that_denies_access_is_a_gap_on_its_service() {
    let describe = mock!(Ecs::describe_services).then_output(|| {
        let balancer = LoadBalancer::builder().target_group_arn("arn:tg").container_name("w").container_port(1).build();
        DescribeServicesOutput::builder().services(service("web").load_balancers(balancer).build()).build()
    });
    let rules = [describe_cluster(), list(&["web"]), describe, providers(), no_tasks(), definitions()];
    let denied = mock!(aws_sdk_elasticloadbalancingv2::Client::describe_target_group_attributes).then_http_response(|| {
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: x is not authorized \
                    to perform: elasticloadbalancing:DescribeTargetGroupAttributes</Message></Error></ErrorResponse>";
        aws_smithy_runtime_api::client::orchestrator::HttpResponse::new(403.try_into().unwrap(), body.into())
    });
    let elb = mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, [&denied]);
    let clients = Clients { elb, ..clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)) };
    let snapshot = fleet_on(clients, Arc::default()).observe(&prod(), Depth::Full).await.unwrap();
    let gap = snapshot.services[0].target_groups["arn:tg"].get().unwrap_err();
    assert_eq!(gap.cause, GapCause::Denied);
    assert_eq!(
        gap.to_string(),
        "arn:tg could not be read: the role may not call elasticloadbalancing:DescribeTargetGroupAttributes"
    );
    assert_eq!(snapshot.gaps.iter().collect::<Vec<_>>(), [gap]);
}

#[tokio::test]
async fn scaling_ranges_take_scheduled_actions_in() {
    let targets = mock!(Scaling::describe_scalable_targets)
        .match_requests(|it| it.resource_ids() == ["service/prod/api", "service/prod/web"])
        .then_output(|| {
            let target = ScalableTarget::builder()
                .service_namespace(ServiceNamespace::Ecs)
                .resource_id("service/prod/web")
                .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
                .min_capacity(2)
                .max_capacity(9)
                .role_arn("r")
                .creation_time(DateTime::from_secs(0))
                .build()
                .unwrap();
            DescribeScalableTargetsOutput::builder().scalable_targets(target).build()
        });
    let denied = mock!(Scaling::describe_scheduled_actions)
        .match_requests(|it| it.max_results() == Some(50) && it.service_namespace() == Some(&ServiceNamespace::Ecs))
        .then_http_response(|| refused("AccessDeniedException", "no"));
    let fine =
        mock!(Scaling::describe_scheduled_actions).then_output(|| DescribeScheduledActionsOutput::builder().build());
    for (actions, known) in [(denied, false), (fine, true)] {
        let rules = [
            describe_cluster(),
            list(&["api", "web"]),
            describe(Arc::default()),
            providers(),
            no_tasks(),
            definitions(),
        ];
        let scaling = mock_client!(aws_sdk_applicationautoscaling, RuleMode::MatchAny, [&targets, &actions]);
        let clients = Clients { scaling, ..clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)) };
        let snapshot = fleet_on(clients, Arc::default()).observe(&prod(), Depth::Full).await.unwrap();
        let [api, web] = snapshot.services.as_slice() else { panic!("two services") };
        assert_eq!(api.scaling.known(), Some(&None));
        match known {
            true => {
                assert_eq!(web.scaling.known().copied().flatten().map(|range| (range.min, range.max)), Some((2, 9)))
            }
            false => {
                assert_eq!(web.scaling.get().unwrap_err().action, "application-autoscaling:DescribeScheduledActions")
            }
        }
    }
}
