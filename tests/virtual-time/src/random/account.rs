//! A random account: one to three clusters, services of every family.

use fastrand::Rng;
use serde_json::{Value, json};
use spotkeeper_core::observe::Family;

/// One of several.
pub(super) fn one_of<T: Clone>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())].clone()
}

/// How a group may choose among its Spot pools.
const ALLOCATION: [&str; 4] =
    ["lowest-price", "capacity-optimized", "capacity-optimized-prioritized", "price-capacity-optimized"];

/// An account file.
pub(super) fn account(rng: &mut Rng, settings: &Value) -> Value {
    let clusters = rng.usize(1..=2);
    let mut account = json!({
        "seed": rng.u64(0..1_000_000),
        "settings": settings,
        "launchTemplates": [
            { "name": "on-demand", "instanceType": "m5.large" },
            { "name": "spot-market", "instanceType": "m5.large" },
        ],
        "pools": pools(rng), "autoScalingGroups": [], "capacityProviders": [], "clusters": [],
        "taskDefinitions": [], "targetGroups": [], "services": [], "scalableTargets": [],
    });
    for number in 0..clusters {
        cluster(rng, &mut account, &format!("c{number}"));
    }
    account
}

fn push(account: &mut Value, list: &str, item: Value) {
    if let Some(list) = account[list].as_array_mut() {
        list.push(item);
    }
}

fn cluster(rng: &mut Rng, account: &mut Value, name: &str) {
    let (on_demand, spot) = (format!("{name}-od"), format!("{name}-spot"));
    push(
        account,
        "autoScalingGroups",
        json!({ "name": on_demand, "cluster": name, "launchTemplate": "on-demand", "minSize": 1, "maxSize": rng.u32(12..=40) }),
    );
    push(
        account,
        "autoScalingGroups",
        json!({
            "name": spot, "cluster": name, "launchTemplate": "spot-market", "maxSize": 30,
            "instanceTypes": ["m5.large", "m6i.large", "m5.xlarge"], "capacityRebalance": rng.bool(),
            "agentDraining": rng.bool(),
            "instancesDistribution": {
                "onDemandBaseCapacity": 0, "onDemandPercentageAboveBaseCapacity": 0,
                "spotAllocationStrategy": one_of(rng, &ALLOCATION),
            },
        }),
    );
    for group in [&on_demand, &spot] {
        let mut behind = json!({ "autoScalingGroup": group, "managedScaling": { "status": "ENABLED" } });
        if rng.u32(0..4) == 0 {
            behind["managedDraining"] = json!("DISABLED");
        }
        push(account, "capacityProviders", json!({ "name": group, "autoScalingGroupProvider": behind }));
    }
    let managed = [(format!("{name}-mi-od"), "ON_DEMAND"), (format!("{name}-mi-spot"), "SPOT")];
    for (provider, market) in &managed {
        let behind = json!({ "capacityOptionType": market });
        push(
            account,
            "capacityProviders",
            json!({ "name": provider, "cluster": name, "managedInstancesProvider": behind }),
        );
    }
    let [(managed_on_demand, _), (managed_spot, _)] = &managed;
    let providers = json!(["FARGATE", "FARGATE_SPOT", on_demand, spot, managed_on_demand, managed_spot]);
    push(account, "clusters", json!({ "clusterName": name, "capacityProviders": providers }));
    for number in 0..rng.usize(3..=6) {
        service(rng, account, name, &format!("{name}s{number}"));
    }
}

fn service(rng: &mut Rng, account: &mut Value, cluster: &str, name: &str) {
    let family = one_of(rng, &[Family::Fargate, Family::Fargate, Family::AutoScalingGroup, Family::ManagedInstances]);
    task_definitions(rng, account, name, family);
    let desired = if rng.u32(0..8) == 0 { 1 } else { rng.u32(2..=12) };
    let (least, most) = one_of(rng, &[(50, 200), (100, 200), (50, 150), (0, 100), (66, 134)]);
    let breaker = rng.bool();
    let mut service = json!({
        "cluster": cluster, "serviceName": name, "taskDefinition": format!("{name}:1"), "desiredCount": desired,
        "deploymentConfiguration": {
            "minimumHealthyPercent": least, "maximumPercent": most,
            "deploymentCircuitBreaker": { "enable": breaker, "rollback": breaker && rng.bool() },
        },
    });
    let (on_demand, spot) = match family {
        Family::Fargate => ("FARGATE".to_owned(), "FARGATE_SPOT".to_owned()),
        Family::AutoScalingGroup => (format!("{cluster}-od"), format!("{cluster}-spot")),
        Family::ManagedInstances => (format!("{cluster}-mi-od"), format!("{cluster}-mi-spot")),
    };
    match rng.u32(0..6) {
        0 if family == Family::Fargate => service["launchType"] = json!("FARGATE"),
        1 => {
            service["capacityProviderStrategy"] = json!([
                { "capacityProvider": on_demand, "base": 1, "weight": 1 },
                { "capacityProvider": spot, "weight": rng.u32(1..=3) },
            ]);
        }
        _ => service["capacityProviderStrategy"] = json!([{ "capacityProvider": on_demand, "weight": 1 }]),
    }
    if rng.u32(0..3) > 0 {
        let delay = one_of(rng, &["5", "20", "20", "40", "40", "300"]);
        push(
            account,
            "targetGroups",
            json!({ "name": name, "attributes": { "deregistration_delay.timeout_seconds": delay } }),
        );
        service["loadBalancers"] = json!([{ "targetGroupArn": name, "containerName": "app", "containerPort": 8080 }]);
        if rng.u32(0..3) == 0 {
            blue_green(rng, account, &mut service, name);
        }
    }
    if rng.u32(0..12) == 0 {
        service["protectedTasks"] = json!(rng.u32(1..=2));
    }
    if rng.u32(0..12) == 0 {
        service["resourceManagementType"] = json!("ECS");
    }
    let mut tags = Vec::new();
    match rng.u32(0..8) {
        0 => {}
        1 => tags.push(json!({ "key": "spotkeeper:enabled", "value": "false" })),
        _ => tags.push(json!({ "key": "spotkeeper:enabled", "value": "true" })),
    }
    if rng.u32(0..5) == 0 {
        tags.push(json!({ "key": "spotkeeper:floor", "value": rng.u32(0..=4).to_string() }));
    }
    if rng.u32(0..5) == 0 {
        tags.push(json!({ "key": "spotkeeper:max-percent", "value": rng.u32(10..=90).to_string() }));
    }
    service["tags"] = json!(tags);
    push(account, "services", service);
    if rng.bool() {
        let (least, most) = (rng.u32(1..=desired.max(1)), desired + rng.u32(0..=8));
        let id = format!("service/{cluster}/{name}");
        let mut target = json!({ "resourceId": id, "minCapacity": least, "maxCapacity": most });
        if rng.bool() {
            target["load"] = load(rng, least, most);
        }
        push(account, "scalableTargets", target);
    }
}

/// How many tasks the load wants: it rises and falls all day.
fn load(rng: &mut Rng, least: u32, most: u32) -> Value {
    let step = |after: u32, count: u32| json!({ "after": after, "count": count });
    let steps = [0, 3_600, 7_200, 10_800].map(|after| step(after, rng.u32(least..=most)));
    json!({ "every": 14_400, "steps": steps })
}

/// What some pools give: for hours less than they did, until all is calm.
fn pools(rng: &mut Rng) -> Value {
    let mut pools = Vec::new();
    for kind in ["m5.large", "m6i.large", "m5.xlarge", "FARGATE_SPOT"] {
        for zone in ["a", "b", "c"] {
            if rng.u32(0..4) == 0 {
                let from = rng.i64(1..=14) * 3_600;
                let until = (from + rng.i64(1..=5) * 3_600).min(super::CALM.as_secs());
                let steps = json!([
                    { "after": 0, "count": null },
                    { "after": from, "count": rng.u32(0..=4) },
                    { "after": until, "count": null },
                ]);
                let zone = format!("eu-west-1{zone}");
                pools.push(json!({ "instanceType": kind, "zone": zone, "spotObtainable": steps }));
            }
        }
    }
    Value::Array(pools)
}

/// Deployments that start all tasks twice, and shift the traffic.
fn blue_green(rng: &mut Rng, account: &mut Value, service: &mut Value, name: &str) {
    let other = format!("{name}-green");
    push(
        account,
        "targetGroups",
        json!({ "name": other, "attributes": { "deregistration_delay.timeout_seconds": "20" } }),
    );
    service["loadBalancers"][0]["advancedConfiguration"] = json!({
        "alternateTargetGroupArn": other,
        "productionListenerRule": "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/a/1/1/1",
        "roleArn": "arn:aws:iam::123456789012:role/ecs",
    });
    service["deploymentConfiguration"] = json!({
        "strategy": one_of(rng, &["BLUE_GREEN", "CANARY", "LINEAR"]),
        "bakeTimeInMinutes": rng.u32(0..=5),
        "maximumPercent": 200, "minimumHealthyPercent": 100,
    });
    let configuration = &mut service["deploymentConfiguration"];
    match configuration["strategy"].as_str() {
        Some("CANARY") => {
            configuration["canaryConfiguration"] = json!({ "canaryPercent": 10.0, "canaryBakeTimeInMinutes": 2 });
        }
        Some("LINEAR") => {
            configuration["linearConfiguration"] = json!({ "stepPercent": 25.0, "stepBakeTimeInMinutes": 1 });
        }
        _ => {}
    }
}

/// Two revisions, so that somebody can deploy the other.
fn task_definitions(rng: &mut Rng, account: &mut Value, name: &str, family: Family) {
    let stop = one_of(rng, &[None, Some(5), Some(30), Some(30), Some(60), Some(119)]);
    let volumes = if rng.u32(0..10) == 0 { json!([{ "name": "scratch" }]) } else { json!([]) };
    for revision in [1, 2] {
        let mut container = json!({
            "name": "app", "image": format!("{name}:{revision}"), "portMappings": [{ "containerPort": 8080 }],
        });
        if let Some(stop) = stop {
            container["stopTimeout"] = json!(stop);
        }
        let on = match family {
            Family::Fargate => "FARGATE",
            Family::AutoScalingGroup => "EC2",
            Family::ManagedInstances => "MANAGED_INSTANCES",
        };
        push(
            account,
            "taskDefinitions",
            json!({
                "family": name, "revision": revision, "cpu": 512, "memory": 1024, "networkMode": "awsvpc",
                "requiresCompatibilities": [on], "volumes": volumes, "containerDefinitions": [container],
            }),
        );
    }
}
