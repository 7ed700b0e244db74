//! The documented samples, and what is not as documented.

use serde_json::{Value, json};

use super::*;
use crate::fixtures::provider_name;

fn sample(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

macro_rules! sample {
    ($name:literal) => {
        sample(include_str!(concat!("../../../../events/interruption-recorder/samples/", $name, ".json")))
    };
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn task_of(cluster: &str, service: Option<&str>, provider: Option<&str>) -> About {
    About::Task {
        cluster: ClusterName::parse(cluster).unwrap(),
        service: service.map(|name| ServiceName::parse(name).unwrap()),
        provider: provider.map(provider_name),
    }
}

#[test]
fn the_documented_samples_are_read() {
    use OccurrenceKind::{
        InstanceInterruption, LaunchFailure, PlacementFailure, RebalanceRecommendation, TaskInterruption,
    };
    let instance = || About::Instance(InstanceId::parse("i-1234567890abcdef0").unwrap());
    let task = "arn:aws:ecs:us-west-2:111122223333:task/FargateCluster/c13b4cb40f1f4fe4a2971f76ae5a47ad";
    let web = || task_of("FargateCluster", Some("web"), Some(FARGATE_SPOT));
    let noon = "2026-01-15T12:00:00Z";
    let stopping = "2026-01-15T12:00:00.25Z";
    let cases = [
        // name, event, id, kind, at, about, sign
        (
            "the warning",
            sample!("spot-interruption-warning"),
            "i-1234567890abcdef0",
            InstanceInterruption,
            noon,
            instance(),
            None,
        ),
        (
            "the recommendation",
            sample!("rebalance-recommendation"),
            "i-1234567890abcdef0",
            RebalanceRecommendation,
            noon,
            instance(),
            None,
        ),
        (
            "Fargate Spot, as its page has it",
            sample!("fargate-spot-termination-notice"),
            "arn:aws:ecs:us-east-1:111122223333:task/b99d40b3-5176-4f71-9a52-9dbd6fEXAMPLE",
            TaskInterruption,
            noon,
            task_of("default", None, Some(FARGATE_SPOT)),
            None,
        ),
        (
            "Fargate Spot, the other code",
            sample!("fargate-spot-interruption"),
            task,
            TaskInterruption,
            stopping,
            web(),
            None,
        ),
        ("the same, stopped", sample!("fargate-spot-stopped"), task, TaskInterruption, stopping, web(), None),
        (
            "the same, without a code",
            sample!("fargate-spot-without-stop-code"),
            task,
            TaskInterruption,
            stopping,
            web(),
            None,
        ),
        (
            "a placement failure",
            sample!("placement-failure"),
            "ddca6449-b258-46c0-8653-e0e3a6d0468b",
            PlacementFailure,
            noon,
            About::Service {
                cluster: ClusterName::parse("default").unwrap(),
                service: ServiceName::parse("servicetest").unwrap(),
                providers: vec![provider_name(FARGATE_SPOT)],
            },
            Some(Sign::SpotCapacity),
        ),
        (
            "a failed launch",
            sample!("launch-unsuccessful"),
            "87654321-4321-4321-4321-210987654321",
            LaunchFailure,
            noon,
            About::Group { name: "my-auto-scaling-group".to_owned(), says_spot: true },
            Some(Sign::SpotCapacity),
        ),
    ];
    for (name, event, id, kind, at, about, sign) in cases {
        let expected = Notice { id: id.to_owned(), kind, at: time(at), about, sign };
        assert_eq!(parse_event(&event), Ok(Parsed::Notice(expected)), "{name}");
    }
}

#[test]
fn events_of_no_concern_are_ignored_with_a_reason() {
    let task = |changes: Value| changed(sample!("fargate-spot-interruption"), "/detail", changes);
    let failure = |changes: Value| changed(sample!("placement-failure"), "/detail", changes);
    let cases = [
        ("a task scaled in", sample!("ignored-scaled-in"), Ignored::OtherStop),
        ("no code, another reason", task(json!({"stopCode": null, "stoppedReason": "Scaling"})), Ignored::OtherStop),
        ("no code and no reason", task(json!({"stopCode": null, "stoppedReason": null})), Ignored::OtherStop),
        (
            "On-Demand Fargate",
            task(json!({"stopCode": "TerminationNotice", "capacityProviderName": "FARGATE"})),
            Ignored::OtherStop,
        ),
        ("a task of EC2", task(json!({"launchType": "EC2"})), Ignored::TaskOfInstance),
        ("a task of Managed Instances", task(json!({"launchType": "MANAGED_INSTANCES"})), Ignored::TaskOfInstance),
        (
            "a task on an instance",
            task(json!({"launchType": null, "containerInstanceArn": "arn:aws:ecs:us-west-2:1:container-instance/c/1"})),
            Ignored::TaskOfInstance,
        ),
        ("a steady state", sample!("ignored-steady-state"), Ignored::OtherAction),
        ("a steady provider", sample!("ignored-provider-steady-state"), Ignored::OtherAction),
        ("no provider named", failure(json!({"capacityProviderArns": null})), Ignored::OtherAction),
        ("no provider in the list", failure(json!({"capacityProviderArns": []})), Ignored::OtherAction),
    ];
    for (name, event, expected) in cases {
        assert_eq!(parse_event(&event), Ok(Parsed::Ignored(expected)), "{name}");
    }
}

#[test]
fn a_task_shows_its_provider_or_leaves_it_open() {
    let task = |changes: Value| changed(sample!("fargate-spot-interruption"), "/detail", changes);
    let cases = [
        (
            "the code of Spot alone",
            task(json!({"capacityProviderName": null, "stoppedReason": null})),
            Some(FARGATE_SPOT),
        ),
        (
            "the words of Spot alone",
            task(json!({"capacityProviderName": null, "stopCode": "TerminationNotice"})),
            Some(FARGATE_SPOT),
        ),
        (
            "neither",
            task(json!({"capacityProviderName": null, "stopCode": "TerminationNotice", "stoppedReason": "Retired"})),
            None,
        ),
    ];
    for (name, event, provider) in cases {
        let Ok(Parsed::Notice(notice)) = parse_event(&event) else {
            panic!("{name}: {:?}", parse_event(&event));
        };
        assert_eq!(notice.about, task_of("FargateCluster", Some("web"), provider), "{name}");
    }
    let alone = task(json!({"group": "family:batch"}));
    let Ok(Parsed::Notice(notice)) = parse_event(&alone) else {
        panic!("{:?}", parse_event(&alone));
    };
    assert_eq!(notice.about, task_of("FargateCluster", None, Some(FARGATE_SPOT)), "a task of no service");
}

#[test]
fn a_failure_says_why() {
    let placement = |reason: Value| changed(sample!("placement-failure"), "/detail", json!({ "reason": reason }));
    let launch =
        |message: &str| changed(sample!("launch-unsuccessful"), "/detail", json!({ "StatusMessage": message }));
    let cases = [
        ("no capacity on Fargate", placement(json!("RESOURCE:FARGATE")), Some(Sign::SpotCapacity)),
        ("no instance has the CPU", placement(json!("RESOURCE:CPU")), Some(Sign::Placement)),
        ("no instance has the memory", placement(json!("RESOURCE:MEMORY")), Some(Sign::Placement)),
        ("an attribute", placement(json!("ATTRIBUTE")), Some(Sign::Placement)),
        ("the agent", placement(json!("AGENT")), None),
        ("no reason", placement(Value::Null), None),
        (
            "no Spot capacity",
            launch(
                "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your request configuration. Please adjust your request and try again. Launching EC2 instance failed.",
            ),
            Some(Sign::SpotCapacity),
        ),
        (
            "no capacity in the zone",
            launch(
                "Could not launch Spot Instances. InsufficientInstanceCapacity - We currently do not have sufficient m5.large capacity in the Availability Zone you requested.",
            ),
            Some(Sign::SpotCapacity),
        ),
        (
            "no On-Demand capacity",
            launch(
                "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient m5.large capacity in the Availability Zone you requested.",
            ),
            Some(Sign::OnDemandCapacity),
        ),
        (
            "the Spot quota",
            launch(
                "Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot instance count exceeded. Launching EC2 instance failed.",
            ),
            Some(Sign::Quota),
        ),
        (
            "the vCPU quota",
            launch(
                "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that the specified instance type belongs to.",
            ),
            Some(Sign::Quota),
        ),
        (
            "no addresses",
            launch(
                "There are not enough free addresses in subnet 'subnet-1' to satisfy the requested number of instances. Launching EC2 instance failed.",
            ),
            Some(Sign::Addresses),
        ),
        (
            "what this version does not know",
            launch(
                "Could not launch Spot Instances. InvalidParameterCombination - The specified instance type is not eligible for Free Tier.",
            ),
            None,
        ),
    ];
    for (name, event, expected) in cases {
        let Ok(Parsed::Notice(notice)) = parse_event(&event) else {
            panic!("{name}: {:?}", parse_event(&event));
        };
        assert_eq!(notice.sign, expected, "{name}");
    }
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let warning = |path: &str, changes: Value| changed(sample!("spot-interruption-warning"), path, changes);
    let task = |changes: Value| changed(sample!("fargate-spot-interruption"), "/detail", changes);
    let failure = |path: &str, changes: Value| changed(sample!("placement-failure"), path, changes);
    let long = "x".repeat(3_000);
    let cases = [
        ("no object", json!([1]), "the event", "an object"),
        ("no source", warning("", json!({"source": null})), "source", "is not there"),
        (
            "an unknown type",
            warning("", json!({"detail-type": "EC2 Instance State-change Notification"})),
            "detail-type",
            "State-change",
        ),
        ("an unknown source", warning("", json!({"source": "test.aws.ec2"})), "detail-type", "test.aws.ec2"),
        ("no detail", warning("", json!({"detail": null})), "detail", "is not there"),
        ("a detail of another kind", warning("", json!({"detail": "text"})), "detail", "an object"),
        ("no instance", warning("/detail", json!({"instance-id": null})), "detail/instance-id", "is not there"),
        (
            "no id",
            warning("/detail", json!({"instance-id": "i-1/../x"})),
            "detail/instance-id",
            "the id of an EC2 instance",
        ),
        ("a number", warning("/detail", json!({"instance-id": 7})), "detail/instance-id", "a text"),
        ("no time", warning("", json!({"time": "yyyy-mm-ddThh:mm:ssZ"})), "time", "RFC 3339"),
        ("no cluster", task(json!({"clusterArn": null})), "detail/clusterArn", "is not there"),
        ("a wrong ARN", task(json!({"clusterArn": "arn:aws:ecs:r:1:task/x"})), "detail/clusterArn", "a cluster of ecs"),
        ("a cluster's name alone", task(json!({"clusterArn": "prod"})), "detail/clusterArn", "the ARN of a cluster"),
        ("no task", task(json!({"taskArn": "arn:aws:ec2:r:1:task/x"})), "detail/taskArn", "a task of ecs"),
        ("too long", task(json!({"taskArn": long})), "detail/taskArn", "at most 2048"),
        ("a service that is none", task(json!({"group": "service:a/b"})), "detail/group", "an ECS service name"),
        ("no service", failure("", json!({"resources": []})), "resources", "the ARN of the service"),
        ("no service's ARN", failure("", json!({"resources": ["x"]})), "resources/0", "a service of ecs"),
        (
            "a provider that is none",
            failure("/detail", json!({"capacityProviderArns": ["x"]})),
            "detail/capacityProviderArns/0",
            "a capacity-provider",
        ),
        (
            "too many",
            failure("/detail", json!({"capacityProviderArns": vec!["x"; 101]})),
            "detail/capacityProviderArns",
            "at most 100",
        ),
    ];
    for (name, event, place, part) in cases {
        let told = parse_event(&event).expect_err(name);
        assert_eq!(told.place, place, "{name}: {told}");
        assert!(told.problem.contains(part), "{name}: {told}");
        assert!(told.to_string().len() < 300, "{name}: {told}");
    }
}

#[test]
fn arns_of_clusters_old_and_new() {
    let failure = |arn: &str| changed(sample!("placement-failure"), "", json!({ "resources": [arn] }));
    for arn in ["arn:aws:ecs:eu-west-1:1:service/web", "arn:aws-cn:ecs:cn-north-1:1:service/prod/web"] {
        let Ok(Parsed::Notice(Notice { about: About::Service { service, .. }, .. })) = parse_event(&failure(arn))
        else {
            panic!("{arn}");
        };
        assert_eq!(service.as_str(), "web", "{arn}");
    }
    let managed = json!({"capacityProviderArns": ["arn:aws:ecs:eu-west-1:1:capacity-provider/prod/managed-spot"]});
    let event = changed(sample!("placement-failure"), "/detail", managed);
    let Ok(Parsed::Notice(Notice { about: About::Service { providers, .. }, .. })) = parse_event(&event) else {
        panic!("{:?}", parse_event(&event));
    };
    assert_eq!(providers, [provider_name("managed-spot")]);
}

#[test]
fn texts_and_lists_are_taken_up_to_their_longest() {
    let arn = "arn:aws:ecs:eu-west-1:1:capacity-provider/spot";
    let many = changed(sample!("placement-failure"), "/detail", json!({ "capacityProviderArns": vec![arn; 100] }));
    let Ok(Parsed::Notice(Notice { about: About::Service { providers, .. }, .. })) = parse_event(&many) else {
        panic!("{:?}", parse_event(&many));
    };
    assert_eq!(providers.len(), 100);
    let message = "x".repeat(2_048);
    let long = changed(sample!("launch-unsuccessful"), "/detail", json!({ "StatusMessage": message }));
    assert!(parse_event(&long).is_ok(), "{:?}", parse_event(&long));
}

/// They are counted by these names.
#[test]
fn each_reason_to_ignore_an_event_has_its_own_name() {
    let all = [Ignored::OtherStop, Ignored::TaskOfInstance, Ignored::OtherAction, Ignored::Elsewhere];
    let names = std::collections::BTreeSet::from(all.map(Ignored::name));
    assert_eq!(names.len(), all.len(), "{names:?}");
}

/// An event with some fields of the object at a path changed; `null` takes one away.
fn changed(mut event: Value, path: &str, changes: Value) -> Value {
    let object = event.pointer_mut(path).unwrap().as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => _ = object.remove(name),
            value => _ = object.insert(name.clone(), value.clone()),
        }
    }
    event
}
