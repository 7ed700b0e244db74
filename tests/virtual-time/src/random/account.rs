//! A random account: one to three clusters, services of every family.

use fastrand::Rng;
use serde_json::{Value, json};

/// One of several.
pub(super) fn one_of<T: Clone>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())].clone()
}

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
        "autoScalingGroups": [], "capacityProviders": [], "clusters": [],
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
            "instanceTypes": ["m5.large", "m6i.large", "m5.xlarge"],
            "instancesDistribution": { "onDemandBaseCapacity": 0, "onDemandPercentageAboveBaseCapacity": 0 },
        }),
    );
    for group in [&on_demand, &spot] {
        let behind = json!({ "autoScalingGroup": group, "managedScaling": { "status": "ENABLED" } });
        push(account, "capacityProviders", json!({ "name": group, "autoScalingGroupProvider": behind }));
    }
    let providers = json!(["FARGATE", "FARGATE_SPOT", on_demand, spot]);
    push(account, "clusters", json!({ "clusterName": name, "capacityProviders": providers }));
    for number in 0..rng.usize(3..=6) {
        service(rng, account, name, &format!("{name}s{number}"));
    }
}

fn service(rng: &mut Rng, account: &mut Value, cluster: &str, name: &str) {
    let fargate = rng.u32(0..3) > 0;
    task_definitions(rng, account, name, fargate);
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
    let (on_demand, spot) = match fargate {
        true => ("FARGATE".to_owned(), "FARGATE_SPOT".to_owned()),
        false => (format!("{cluster}-od"), format!("{cluster}-spot")),
    };
    match rng.u32(0..6) {
        0 if fargate => service["launchType"] = json!("FARGATE"),
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
        if rng.u32(0..5) == 0 {
            blue_green(rng, account, &mut service, name);
        }
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
        push(account, "scalableTargets", json!({ "resourceId": id, "minCapacity": least, "maxCapacity": most }));
    }
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
        "strategy": one_of(rng, &["BLUE_GREEN", "CANARY"]),
        "bakeTimeInMinutes": rng.u32(0..=5),
        "maximumPercent": 200, "minimumHealthyPercent": 100,
    });
}

/// Two revisions, so that somebody can deploy the other.
fn task_definitions(rng: &mut Rng, account: &mut Value, name: &str, fargate: bool) {
    let stop = one_of(rng, &[None, Some(5), Some(30), Some(30), Some(60), Some(119)]);
    let volumes = if rng.u32(0..10) == 0 { json!([{ "name": "scratch" }]) } else { json!([]) };
    for revision in [1, 2] {
        let mut container = json!({
            "name": "app", "image": format!("{name}:{revision}"), "portMappings": [{ "containerPort": 8080 }],
        });
        if let Some(stop) = stop {
            container["stopTimeout"] = json!(stop);
        }
        let on = if fargate { "FARGATE" } else { "EC2" };
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
