use super::*;
use crate::client::Action;
use aws_sdk_ecs::operation::describe_service_deployments::DescribeServiceDeploymentsOutput;
use aws_sdk_ecs::types::{Deployment, DeploymentRolloutState, Failure, LaunchType, ServiceDeployment};
use aws_smithy_types::DateTime;
use spotkeeper_core::observe::ServiceDeploymentStatus;

/// A service whose current service deployment is `arn:NAME`.
fn deployed(name: &str, rollout: Option<DeploymentRolloutState>) -> aws_sdk_ecs::types::Service {
    let deployment = Deployment::builder()
        .id("ecs-svc/1")
        .status("PRIMARY")
        .launch_type(LaunchType::Fargate)
        .set_rollout_state(rollout)
        .created_at(DateTime::from_secs(1))
        .build();
    service(name).set_deployments(Some(vec![deployment])).current_service_deployment(format!("arn:{name}")).build()
}

/// Blue/green services, but for the one called `rolling`, which is completed.
fn all_deployed() -> Rule {
    mock!(Ecs::describe_services).then_compute_output(|it| {
        let services = it.services().iter().map(|arn| match name_of(arn) {
            "rolling" => deployed("rolling", Some(DeploymentRolloutState::Completed)),
            name => deployed(name, None),
        });
        DescribeServicesOutput::builder().set_services(Some(services.collect())).build()
    })
}

#[tokio::test]
async fn a_current_deployment_is_looked_up_where_nothing_says_that_it_is_completed() {
    const NAMES: &[&str] = &["done", "failing", "odd", "open", "rolling", "silent"];
    let statuses = mock!(Ecs::describe_service_deployments)
        .match_requests(|it| {
            it.service_deployment_arns() == ["arn:done", "arn:failing", "arn:odd", "arn:open", "arn:silent"]
        })
        .then_output(|| {
            let one = |name: &str, status: &str| {
                ServiceDeployment::builder().service_deployment_arn(format!("arn:{name}")).status(status.into()).build()
            };
            DescribeServiceDeploymentsOutput::builder()
                .service_deployments(one("open", "IN_PROGRESS"))
                .service_deployments(one("done", "SUCCESSFUL"))
                .service_deployments(one("odd", "HALF_DONE"))
                .failures(Failure::builder().arn("arn:failing").reason("MISSING").build())
                .build()
        });
    for depth in [Depth::Full, Depth::Switch] {
        let rules =
            [describe_cluster(), list(NAMES), all_deployed(), statuses.clone(), providers(), no_tasks(), definitions()];
        let fleet = fleet_on(clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)), Arc::default());
        let snapshot = fleet.observe(&prod(), depth).await.unwrap();
        let found: Vec<_> = snapshot
            .services
            .iter()
            .map(|one| {
                (one.id.name.as_str(), one.current_deployment_status.get().map_err(|gap| gap.cause), one.deploying())
            })
            .collect();
        let expected = [
            ("done", Ok(&ServiceDeploymentStatus::Successful), false),
            ("failing", Err(GapCause::Absent), true),
            ("odd", Err(GapCause::NotUnderstood), true),
            ("open", Ok(&ServiceDeploymentStatus::InProgress), true),
            ("rolling", Err(GapCause::NotRead), false),
            ("silent", Err(GapCause::Absent), true),
        ];
        assert_eq!(found, expected, "{depth:?}");
        let gaps: Vec<&str> = snapshot.gaps.iter().map(|gap| gap.subject.as_str()).collect();
        assert_eq!(gaps, ["arn:failing", "arn:odd", "arn:silent"], "{depth:?}");
    }
}

#[tokio::test]
async fn current_deployments_are_looked_up_twenty_at_a_time() {
    const NAMES: &[&str] = &[
        "s01", "s02", "s03", "s04", "s05", "s06", "s07", "s08", "s09", "s10", "s11", "s12", "s13", "s14", "s15", "s16",
        "s17", "s18", "s19", "s20", "s21", "s22", "s23",
    ];
    let denied = mock!(Ecs::describe_service_deployments)
        .match_requests(|it| it.service_deployment_arns().len() <= 20)
        .then_http_response(|| {
            refused("AccessDeniedException", "User: x is not authorized to perform: ecs:DescribeServiceDeployments")
        });
    let rules = [describe_cluster(), list(NAMES), all_deployed(), denied, providers(), no_tasks(), definitions()];
    let fleet = fleet_on(clients(mock_client!(aws_sdk_ecs, RuleMode::MatchAny, &rules)), Arc::default());
    let snapshot = fleet.observe(&prod(), Depth::Full).await.unwrap();
    assert_eq!(fleet.counts().of(Action::DescribeServiceDeployments).calls, 2);
    let causes = snapshot.gaps.iter().map(|gap| (gap.action.as_str(), gap.cause));
    assert!(causes.eq([("ecs:DescribeServiceDeployments", GapCause::Denied); 23]));
    assert!(snapshot.services.iter().all(spotkeeper_core::observe::Service::deploying));
}
