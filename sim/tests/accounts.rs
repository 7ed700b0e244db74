//! Account files: the samples are good, and a mistake is told with file, line and what is allowed.

use aws_sim::account;

const SAMPLES: [(&str, &str); 3] = [
    ("demo", include_str!("../accounts/demo.yaml")),
    ("fleet", include_str!("../accounts/fleet.yaml")),
    ("the demo's own", include_str!("../../xtask/demo/account.yaml")),
];

fn mistake(yaml: &str) -> String {
    match account::parse(yaml, "a.yaml", jiff::Timestamp::UNIX_EPOCH) {
        Ok(_) => panic!("no mistake was found in\n{yaml}"),
        Err(e) => e.to_string(),
    }
}

#[test]
fn the_samples_are_good() {
    for (name, yaml) in SAMPLES {
        let world = account::parse(yaml, name, jiff::Timestamp::UNIX_EPOCH);
        assert!(world.is_ok(), "{:?}", world.err());
    }
}

#[test]
fn a_fleet_of_500_has_500_task_definitions_and_target_groups() {
    let world = account::parse(SAMPLES[1].1, "fleet", jiff::Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(world.service_keys().count(), 500);
    assert_eq!(world.services_of("c3").count(), 100);
    assert_eq!((world.task_definitions.len(), world.target_groups.len()), (501, 501));
    assert_eq!(world.scalable_targets.len(), 500);
    assert_eq!(world.tasks.len(), 2000);
}

#[test]
fn json_is_read_too() {
    let world = account::parse(
        r#"{"clusters": [{"clusterName": "c", "capacityProviders": ["FARGATE"]}]}"#,
        "a.json",
        jiff::Timestamp::UNIX_EPOCH,
    );
    assert!(world.is_ok(), "{:?}", world.err());
}

#[test]
fn mistakes_are_told_with_their_place() {
    let base = "clusters:\n  - { clusterName: c, capacityProviders: [FARGATE] }\ntaskDefinitions:\n  - { family: f, networkMode: awsvpc, requiresCompatibilities: [FARGATE] }\nservices:\n";
    let table = [
        ("clusters: []\nclustres: []\n".to_owned(), vec!["line 2", "clustres", "autoScalingGroups"]),
        ("clusters: []\nsettings: { rounding: up }\n".to_owned(), vec!["line 2", "largestRemainder"]),
        ("clusters: []\nsettings: { durations: { schedulerTick: 0 } }\n".to_owned(), vec!["a.yaml:2", "schedulerTick is 0", "0.1 to"]),
        ("clusters: []\nsettings:\n  rounding: firstListed\n  durations:\n    pending: 1\n    schedulerTick: 0\n".to_owned(), vec!["a.yaml:6", "settings.durations.schedulerTick is 0", "0.1 to"]),
        ("clusters: []\nsettings:\n  rounding: firstListed\n  jitterPercent: 95\n".to_owned(), vec!["a.yaml:4", "jitterPercent is 95", "0 to 90"]),
        ("settings:\n  fargateLaunchBurst: 0\nclusters: []\n".to_owned(), vec!["a.yaml:2", "fargateLaunchBurst is 0", "1 to 1000000"]),
        ("settings:\n  distributionBatchPercent: 0\nclusters: []\n".to_owned(), vec!["a.yaml:2", "distributionBatchPercent is 0", "1 to 100"]),
        ("settings:\n  deepPoolPercent: 101\nclusters: []\n".to_owned(), vec!["a.yaml:2", "deepPoolPercent is 101", "1 to 100"]),
        ("settings:\n  failedTaskBackoffFactor: 0.5\nclusters: []\n".to_owned(), vec!["a.yaml:2", "failedTaskBackoffFactor is 0.5", "1 to 10"]),
        ("settings:\n  durations: { steadyState: -1 }\nclusters: []\n".to_owned(), vec!["a.yaml:2", "steadyState is -1", "0 to"]),
        ("settings:\n  serviceLaunchesPerMinute: 0\nclusters: []\n".to_owned(), vec!["a.yaml:2", "serviceLaunchesPerMinute is 0", "1 or more"]),
        ("clusters: []\nsubnets:\n  - { id: s, zone: eu-west-1a }\n  - { id: s, zone: eu-west-1b }\n".to_owned(), vec!["a.yaml:4", "subnet \"s\"", "twice"]),
        ("clusters: []\nsubnets:\n  - { id: s, zone: us-east-1a }\n".to_owned(), vec!["a.yaml:3", "us-east-1a", "eu-west-1a to eu-west-1z"]),
        ("clusters: []\ninstanceTypes:\n  - { name: x1.large, vcpus: 0, memoryMib: 8 }\n".to_owned(), vec!["a.yaml:3", "0 vcpus", "1 or more"]),
        ("clusters: []\nquotas:\n  - { serviceCode: ec2, quotaCode: L-1216C47A, value: -1 }\n".to_owned(), vec!["a.yaml:3", "L-1216C47A is -1", "0 or more"]),
        ("clusters: [{ clusterName: c }]\ncapacityProviders:\n  - { name: p, status: GONE, cluster: c, managedInstancesProvider: { capacityOptionType: SPOT } }\n".to_owned(), vec!["a.yaml:3", "GONE", "ACTIVE, INACTIVE"]),
        ("clusters: [{ clusterName: c }]\ngenerate:\n  - { count: 1, namePattern: \"a-{n}\", clusters: [c], distinctTaskDefinitions: true, service: { taskDefinition: f } }\ntaskDefinitions: [{ family: g }]\n".to_owned(), vec!["a.yaml:3", "\"f\"", "g:1"]),
        ("clusters: []\naccountId: \"12\"\n".to_owned(), vec!["a.yaml:2", "twelve digits"]),
        ("clusters:\n  - { clusterName: c, capacityProviders: [nope] }\n".to_owned(), vec!["a.yaml:2", "\"nope\"", "FARGATE, FARGATE_SPOT"]),
        (format!("{base}  - {{ cluster: x, serviceName: s, taskDefinition: f, launchType: FARGATE }}\n"), vec!["a.yaml:6", "no cluster \"x\"", "there are c"]),
        (format!("{base}  - {{ cluster: c, serviceName: s, taskDefinition: g, launchType: FARGATE }}\n"), vec!["a.yaml:6", "\"g\"", "f:1"]),
        (format!("{base}  - {{ cluster: c, serviceName: s, taskDefinition: f, launchType: EC2 }}\n"), vec!["a.yaml:6", "requiresCompatibilities"]),
        (format!("{base}  - {{ cluster: c, serviceName: s, taskDefinition: f, capacityProviderStrategy: [{{ capacityProvider: FARGATE_SPOT, weight: 1 }}] }}\n"), vec!["a.yaml:6", "not associated"]),
        (format!("{base}  - {{ cluster: c, serviceName: s, taskDefinition: f, launchType: FARGATE, loadBalancers: [{{ targetGroupArn: t }}] }}\n"), vec!["a.yaml:6", "target group \"t\""]),
        (format!("{base}  - {{ cluster: c, serviceName: s, taskDefinition: f, launchtype: FARGATE }}\n"), vec!["line 6", "launchType"]),
        (format!("{base}  - {{ cluster: c, serviceName: s, taskDefinition: f, launchType: FARGATE }}\n  - {{ cluster: c, serviceName: s, taskDefinition: f, launchType: FARGATE }}\n"), vec!["a.yaml:7", "twice"]),
        ("clusters: [{ clusterName: c }]\nscalableTargets:\n  - { resourceId: service/c/x, minCapacity: 1, maxCapacity: 2 }\n".to_owned(), vec!["a.yaml:3", "service/CLUSTER/SERVICE"]),
        ("clusters: []\ntaskDefinitions:\n  - { family: f, requiresCompatibilities: [FARGATE], containerDefinitions: [{ name: a, image: i, stopTimeout: 0 }] }\n".to_owned(), vec!["a.yaml:3", "container a is 0", "2 to 120 on Fargate"]),
        ("clusters: []\ntaskDefinitions:\n  - { family: f, requiresCompatibilities: [EC2, FARGATE], containerDefinitions: [{ name: a, image: i, stopTimeout: 121 }] }\n".to_owned(), vec!["a.yaml:3", "container a is 121"]),
        ("clusters: [{ clusterName: c }]\ntargetGroups:\n  - { name: t, attributes: { deregistration_delay.timeout_seconds: 4000 } }\n".to_owned(), vec!["a.yaml:3", "0 to 3600"]),
        ("clusters: []\npools:\n  - { instanceType: m9.huge, spotObtainable: 1 }\n".to_owned(), vec!["a.yaml:3", "m9.huge/eu-west-1a", "m5.large/eu-west-1a"]),
        ("clusters: []\npools:\n  - { instanceType: m5.large, spotObtainable: [{ after: 5, count: 1 }, { after: 1, count: 2 }] }\n".to_owned(), vec!["a.yaml:3", "spotObtainable", "after the one before it"]),
        ("clusters: []\npools:\n  - { instanceType: m5.large, spotPrice: -1 }\n".to_owned(), vec!["a.yaml:3", "-1", "0 to 1000000"]),
        (format!("{base}  - {{ cluster: c, serviceName: s, taskDefinition: f, launchType: FARGATE }}\nscalableTargets:\n  - {{ resourceId: service/c/s, minCapacity: 3, maxCapacity: 2 }}\n"), vec!["a.yaml:8", "minCapacity 3"]),
        (format!("{base}  - {{ cluster: c, serviceName: s, taskDefinition: f, launchType: FARGATE }}\nscheduledActions:\n  - {{ scheduledActionName: a, resourceId: service/c/s, schedule: \"cron(0 9 * *)\" }}\n"), vec!["a.yaml:8", "cron(0 9 * *)", "rate(N minutes|hours|days)"]),
        (format!("{base}  - {{ cluster: c, serviceName: s, taskDefinition: f, launchType: FARGATE }}\nscheduledActions:\n  - {{ scheduledActionName: a, resourceId: service/c/s, schedule: \"rate(1 day)\", timezone: Mars }}\n"), vec!["a.yaml:8", "Mars", "Europe/Berlin"]),
    ];
    let served = |container: &str, port: u16| {
        format!(
            "clusters: [{{ clusterName: c, capacityProviders: [FARGATE] }}]\ntargetGroups: [{{ name: t }}]\ntaskDefinitions:\n  - {{ family: f, networkMode: awsvpc, requiresCompatibilities: [FARGATE], containerDefinitions: [{{ name: a, image: i, portMappings: [{{ containerPort: 80 }}] }}] }}\nservices:\n  - {{ cluster: c, serviceName: s, taskDefinition: f, launchType: FARGATE, loadBalancers: [{{ targetGroupArn: t, containerName: {container}, containerPort: {port} }}] }}\n"
        )
    };
    let table = table.into_iter().chain([
        (served("b", 80), vec!["a.yaml:6", "no container \"b\"", "there are a"]),
        (served("a", 81), vec!["a.yaml:6", "no port 81", "there are 80"]),
    ]);
    for (yaml, texts) in table {
        let told = mistake(&yaml);
        for text in texts {
            assert!(told.contains(text), "{text:?} is missing from: {told}");
        }
        assert!(told.contains("a.yaml"), "{told}");
    }
}

#[test]
fn tasks_that_do_not_fit_are_a_mistake() {
    let yaml = "clusters: [{ clusterName: c, capacityProviders: [p] }]\nlaunchTemplates: [{ name: small, instanceType: m5.large }]\nautoScalingGroups: [{ name: g, cluster: c, launchTemplate: small, maxSize: 1 }]\ncapacityProviders: [{ name: p, autoScalingGroupProvider: { autoScalingGroup: g } }]\ntaskDefinitions: [{ family: f, cpu: 2048, memory: 1024 }]\nservices:\n  - { cluster: c, serviceName: s, taskDefinition: f, desiredCount: 2, capacityProviderStrategy: [{ capacityProvider: p, weight: 1 }] }\n";
    let told = mistake(yaml);
    assert!(told.contains("a.yaml:7") && told.contains("do not fit") && told.contains("maxSize"), "{told}");
}
