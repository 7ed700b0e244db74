use super::{Fixed, arn, fleet, service, web};
use crate::client::testing::{ALL, silent};
use crate::client::{Action, Clients};
use crate::fleet::{AwsFleet, MemoryCache};
use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::operation::describe_service_deployments::DescribeServiceDeploymentsOutput;
use aws_sdk_ecs::operation::describe_service_revisions::DescribeServiceRevisionsOutput;
use aws_sdk_ecs::operation::describe_services::DescribeServicesOutput;
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput;
use aws_sdk_ecs::operation::list_service_deployments::ListServiceDeploymentsOutput;
use aws_sdk_ecs::operation::list_tasks::ListTasksOutput;
use aws_sdk_ecs::types::{
    DesiredStatus, Failure, LaunchType, LoadBalancer, ServiceDeployment, ServiceDeploymentBrief,
    ServiceDeploymentStatus as EcsStatus, ServiceEvent, ServiceField, ServiceRevision, ServiceRevisionSummary, Task,
};
use aws_sdk_elasticloadbalancingv2::operation::describe_target_health::DescribeTargetHealthOutput;
use aws_sdk_elasticloadbalancingv2::types::{TargetHealth, TargetHealthDescription, TargetHealthStateEnum};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use spotkeeper_core::observe::{GapCause, ServiceDeploymentStatus};
use spotkeeper_core::ports::Fleet as _;

fn since() -> Timestamp {
    Timestamp::from_second(9_000).unwrap()
}

#[tokio::test]
async fn a_look_shows_the_deployment_its_revisions_and_its_tasks() {
    let balancer = LoadBalancer::builder().target_group_arn("arn:tg").container_name("web").container_port(80).build();
    let event =
        |at: i64, message: &str| ServiceEvent::builder().created_at(DateTime::from_secs(at)).message(message).build();
    let found = service("web")
        .load_balancers(balancer)
        .current_service_deployment("arn:old-but-current")
        .events(event(9_500, "placed"))
        .events(event(8_000, "long ago"))
        .build();
    let describe = mock!(Ecs::describe_services)
        .match_requests(|it| {
            it.cluster() == Some("prod") && it.services() == ["web"] && it.include() == [ServiceField::Tags]
        })
        .then_output(move || DescribeServicesOutput::builder().services(found.clone()).build());
    let list = mock!(Ecs::list_service_deployments)
        .match_requests(|it| {
            it.service() == Some("web")
                && it.cluster() == Some("prod")
                && it.max_results() == Some(100)
                && it.created_at().and_then(|created| created.after()) == Some(&DateTime::from_secs(9_000))
        })
        .then_output(|| {
            let brief = |arn: &str, at| {
                ServiceDeploymentBrief::builder()
                    .service_deployment_arn(arn)
                    .created_at(DateTime::from_secs(at))
                    .build()
            };
            ListServiceDeploymentsOutput::builder()
                .service_deployments(brief("arn:first", 9_100))
                .service_deployments(brief("arn:second", 9_200))
                .build()
        });
    let deployments = mock!(Ecs::describe_service_deployments)
        .match_requests(|it| it.service_deployment_arns() == ["arn:second", "arn:first", "arn:old-but-current"])
        .then_output(|| {
            let revision = |arn: &str| ServiceRevisionSummary::builder().arn(arn).build();
            let one = |arn: &str, at, target: &str| {
                ServiceDeployment::builder()
                    .service_deployment_arn(arn)
                    .status(EcsStatus::InProgress)
                    .created_at(DateTime::from_secs(at))
                    .target_service_revision(revision(target))
                    .source_service_revisions(revision("arn:r0"))
                    .build()
            };
            DescribeServiceDeploymentsOutput::builder()
                .service_deployments(one("arn:old-but-current", 100, "arn:r0"))
                .service_deployments(one("arn:first", 9_100, "arn:r1"))
                .service_deployments(one("arn:second", 9_200, "arn:r2"))
                .build()
        });
    let revisions = mock!(Ecs::describe_service_revisions)
        .match_requests(|it| it.service_revision_arns() == ["arn:r2", "arn:r0", "arn:r1"])
        .then_output(|| {
            let one = |arn: &str| {
                ServiceRevision::builder().service_revision_arn(arn).launch_type(LaunchType::Fargate).build()
            };
            DescribeServiceRevisionsOutput::builder().service_revisions(one("arn:r2")).build()
        });
    let tasks = mock!(Ecs::list_tasks)
        .match_requests(|it| {
            it.service_name() == Some("web")
                && it.desired_status() == Some(&DesiredStatus::Running)
                && it.max_results() == Some(100)
        })
        .then_output(|| ListTasksOutput::builder().task_arns("arn:task").build());
    let described = mock!(Ecs::describe_tasks).then_output(|| {
        let task = Task::builder()
            .task_arn("arn:task")
            .group("service:web")
            .capacity_provider_name("FARGATE_SPOT")
            .last_status("RUNNING")
            .build();
        DescribeTasksOutput::builder().tasks(task).build()
    });
    let ecs =
        mock_client!(aws_sdk_ecs, RuleMode::MatchAny, [&describe, &list, &deployments, &revisions, &tasks, &described]);
    let health = mock!(aws_sdk_elasticloadbalancingv2::Client::describe_target_health)
        .match_requests(|it| it.target_group_arn() == Some("arn:tg"))
        .then_output(|| {
            let healthy = TargetHealth::builder().state(TargetHealthStateEnum::Healthy).build();
            let target = TargetHealthDescription::builder().target_health(healthy).build();
            DescribeTargetHealthOutput::builder().target_health_descriptions(target).build()
        });
    let elb = mock_client!(aws_sdk_elasticloadbalancingv2, RuleMode::MatchAny, [&health]);
    let fleet = AwsFleet::new(Clients { ecs, elb, ..silent() }, MemoryCache::default(), ALL, Fixed(10_000));

    let look = fleet.look(&web(), since()).await;
    let service = look.service.known().unwrap();
    assert_eq!(service.tasks.known().map(Vec::len), Some(1));
    let order: Vec<&str> = look.deployments.known().unwrap().iter().map(|one| one.arn.as_str()).collect();
    assert_eq!(order, ["arn:second", "arn:first", "arn:old-but-current"]);
    assert_eq!(service.current_deployment_status.known(), Some(&ServiceDeploymentStatus::InProgress));
    assert_eq!(look.revisions.known().map(Vec::len), Some(1));
    assert_eq!(look.targets.known().unwrap()[0].healthy, 1);
    assert_eq!(look.events.iter().map(|event| event.message.as_str()).collect::<Vec<_>>(), ["placed"]);
    assert_eq!(fleet.counts().total().calls, 7);
    assert_eq!(fleet.counts().of(Action::GetTaskProtection).calls, 0);
}

#[tokio::test]
async fn a_service_that_has_vanished_is_a_gap() {
    let missing = mock!(Ecs::describe_services).then_output(|| {
        let failure = Failure::builder().arn(arn("web")).reason("MISSING").build();
        DescribeServicesOutput::builder().failures(failure).build()
    });
    let list = mock!(Ecs::list_service_deployments)
        .then_http_response(|| refused("ServiceNotFoundException", "Service not found."));
    let tasks = mock!(Ecs::list_tasks).then_output(|| ListTasksOutput::builder().build());
    let fleet = fleet(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, [&missing, &list, &tasks]));
    let look = fleet.look(&web(), since()).await;
    let causes = [
        look.service.get().err().map(|gap| gap.cause),
        look.deployments.get().err().map(|gap| gap.cause),
        look.revisions.get().err().map(|gap| gap.cause),
        look.targets.get().err().map(|gap| gap.cause),
    ];
    assert_eq!(causes, [Some(GapCause::Absent); 4]);
    assert_eq!(look.service.get().unwrap_err().subject, arn("web"));
}

/// An error of ECS's.
pub(super) fn refused(code: &str, message: &str) -> aws_smithy_runtime_api::client::orchestrator::HttpResponse {
    let body = crate::client::testing::ecs_error(code, message);
    aws_smithy_runtime_api::client::orchestrator::HttpResponse::new(
        400.try_into().unwrap(),
        aws_smithy_types::body::SdkBody::from(body),
    )
}
