use super::*;
use aws_sdk_ecs::types::{
    CapacityProviderStrategyItem, ContainerImage as EcsImage, LaunchType, Rollback, ServiceDeploymentCircuitBreaker,
    ServiceDeploymentLifecycleStage, builders::ServiceDeploymentBuilder,
};
use aws_sdk_elasticloadbalancingv2::types::TargetHealth as ElbHealth;
use aws_smithy_types::DateTime;

fn given() -> ServiceDeploymentBuilder {
    let revision = |arn: &str, running| ServiceRevisionSummary::builder().arn(arn).running_task_count(running).build();
    EcsServiceDeployment::builder()
        .service_deployment_arn("arn:deployment")
        .status(EcsStatus::InProgress)
        .created_at(DateTime::from_secs(100))
        .target_service_revision(revision("arn:new", 2))
        .source_service_revisions(revision("arn:old", 3))
}

#[test]
fn a_service_deployment_says_how_far_it_is() {
    let actual = service_deployment(&given().build()).unwrap();
    assert_eq!((actual.status, actual.target_running), (ServiceDeploymentStatus::InProgress, 2));
    assert_eq!(actual.target_revision, "arn:new");
    assert_eq!(actual.source_revisions, [RevisionTasks { revision: "arn:old".to_owned(), running: 3, pending: 0 }]);
    assert!(!actual.rolled_back && actual.stage.is_empty());
    let breaker = ServiceDeploymentCircuitBreaker::builder().failure_count(4).build();
    let failing = given()
        .deployment_circuit_breaker(breaker)
        .lifecycle_stage(ServiceDeploymentLifecycleStage::BakeTime)
        .rollback(Rollback::builder().reason("alarm").build());
    let failing = service_deployment(&failing.build()).unwrap();
    assert_eq!((failing.failed_tasks, failing.rolled_back, failing.stage.as_str()), (4, true, "BAKE_TIME"));
}

#[test]
fn every_status_is_known_and_others_are_not_guessed() {
    use ServiceDeploymentStatus as Core;
    let cases = [
        (EcsStatus::Pending, Core::Pending, false),
        (EcsStatus::InProgress, Core::InProgress, false),
        (EcsStatus::Successful, Core::Successful, false),
        (EcsStatus::StopRequested, Core::StopRequested, false),
        (EcsStatus::Stopped, Core::Stopped, false),
        (EcsStatus::RollbackRequested, Core::RollbackRequested, true),
        (EcsStatus::RollbackInProgress, Core::RollbackInProgress, true),
        (EcsStatus::RollbackSuccessful, Core::RollbackSuccessful, true),
        (EcsStatus::RollbackFailed, Core::RollbackFailed, true),
    ];
    for (status, expected, rolled_back) in cases {
        let actual = service_deployment(&given().status(status).build()).unwrap();
        assert_eq!((actual.status, actual.rolled_back), (expected, rolled_back));
    }
    assert!(service_deployment(&given().status(EcsStatus::from("PAUSED")).build()).is_err());
    assert!(service_deployment(&given().set_status(None).build()).is_err());
    assert!(service_deployment(&given().set_created_at(None).build()).is_err());
}

#[test]
fn a_revision_has_its_placement_and_digests() {
    let item = CapacityProviderStrategyItem::builder().capacity_provider("FARGATE_SPOT").weight(1).build().unwrap();
    let image = EcsImage::builder().container_name("web").image("web:1").image_digest("sha256:1").build();
    let whole = EcsServiceRevision::builder()
        .service_revision_arn("arn:revision")
        .task_definition("arn:td")
        .capacity_provider_strategy(item)
        .container_images(image);
    let actual = service_revision(&whole.clone().build()).unwrap();
    assert_eq!(actual.images[0].digest.as_deref(), Some("sha256:1"));
    assert!(matches!(actual.placed_by, spotkeeper_core::observe::PlacedBy::Strategy(_)));
    assert!(service_revision(&whole.clone().set_capacity_provider_strategy(None).build()).is_err());
    assert!(service_revision(&whole.set_capacity_provider_strategy(None).launch_type(LaunchType::Ec2).build()).is_ok());
}

fn targets(names: &[&str]) -> States {
    let descriptions: Vec<TargetHealthDescription> = names
        .iter()
        .map(|state| {
            let health = ElbHealth::builder().state(TargetHealthStateEnum::from(*state)).build();
            TargetHealthDescription::builder().target_health(health).build()
        })
        .collect();
    states(&descriptions)
}

fn entry(target: LoadBalancerTarget) -> LoadBalancerUse {
    LoadBalancerUse { target, container: "web".to_owned(), port: 80 }
}

#[test]
fn targets_are_counted_by_what_they_mean() {
    let alone = [entry(LoadBalancerTarget::TargetGroup("blue".to_owned()))];
    type Case = (&'static str, &'static [&'static str], (u32, u32, bool));
    let cases: [Case; 7] = [
        ("healthy", &["healthy", "healthy"], (2, 0, false)),
        ("starting and failing", &["initial", "unhealthy", "unavailable"], (0, 3, false)),
        ("draining does not count", &["healthy", "draining"], (1, 0, false)),
        ("unhealthy while draining does", &["unhealthy.draining"], (0, 1, false)),
        ("no traffic", &["unused", "unused"], (2, 0, true)),
        ("a state that is not known", &["dreaming"], (0, 1, false)),
        ("no targets at all: they are missing", &[], (0, 0, false)),
    ];
    for (name, given, (healthy, unhealthy, unused)) in cases {
        let read = BTreeMap::from([("blue".to_owned(), targets(given))]);
        let actual = target_health(&alone, &read);
        let expected = TargetHealth { target_group: "blue".to_owned(), healthy, unhealthy, unused };
        assert_eq!(actual, [expected], "{name}");
    }
}

#[test]
fn the_empty_side_of_a_blue_green_pair_is_not_in_use() {
    let pair = [
        entry(LoadBalancerTarget::TargetGroup("blue".to_owned())),
        entry(LoadBalancerTarget::AlternateTargetGroup("green".to_owned())),
    ];
    type States = &'static [&'static str];
    let cases: [(&str, States, States, (bool, bool)); 4] = [
        ("blue serves", &["healthy"], &[], (false, true)),
        ("green serves", &[], &["healthy"], (true, false)),
        ("nobody serves", &[], &[], (false, false)),
        ("green warms up", &["healthy"], &["unused"], (false, true)),
    ];
    for (name, blue, green, expected) in cases {
        let read = BTreeMap::from([("blue".to_owned(), targets(blue)), ("green".to_owned(), targets(green))]);
        let actual = target_health(&pair, &read);
        assert_eq!((actual[0].unused, actual[1].unused), expected, "{name}");
    }
}

#[test]
fn events_are_those_since_then_newest_first() {
    let event =
        |at: i64, message: &str| EcsEvent::builder().created_at(DateTime::from_secs(at)).message(message).build();
    let given =
        [event(9, "before"), event(10, "first"), event(30, "last"), event(20, "middle"), EcsEvent::builder().build()];
    let actual = events(&given, Timestamp::from_second(10).unwrap());
    let messages: Vec<&str> = actual.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(messages, ["last", "middle", "first"]);
}
