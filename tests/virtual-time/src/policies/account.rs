//! The account of every month: services on pairs of Auto Scaling groups, a task to an instance.

use aws_sim::world::services::Service;
use aws_sim::world::{ServiceKey, World};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::hazards::{Market, ZONES};

/// How many clusters share the services.
const CLUSTERS: u32 = 4;
/// What stands behind the name of a service's twin, where a policy needs one.
pub const BESIDE: &str = "-beside";
/// How many Spot instances a pool has to give: the least, and how much more at the most.
const DEPTH: (u32, u32) = (150, 300);

/// The name of the On-Demand provider of a cluster.
#[must_use]
pub fn on_demand(cluster: &str) -> String {
    format!("{cluster}-od")
}

/// The name of the Spot provider of a cluster.
#[must_use]
pub fn spot(cluster: &str) -> String {
    format!("{cluster}-spot")
}

/// The account with all tasks On-Demand; with `beside`, each service has a twin without tasks.
///
/// # Errors
/// A mistake of this module.
pub fn world(market: &Market, services: u32, seed: u64, beside: bool) -> Result<World, String> {
    let start = Timestamp::from_second(1_767_225_600).map_err(|error| error.to_string())?;
    let account = account(market, services, seed, beside);
    let mut world = aws_sim::account::parse(&account.to_string(), "the account of a month", start)
        .map_err(|error| error.to_string())?;
    world.keep_health_changes();
    Ok(world)
}

/// The services whose tasks are counted, in order, with their desired counts: no twins.
#[must_use]
pub fn services(world: &World) -> Vec<(ServiceKey, u32)> {
    let keys = world.service_keys().filter(|key| !key.name.ends_with(BESIDE));
    let desired = |key: &ServiceKey| world.written_service(key).map_or(0, |service: &Service| service.desired_count);
    keys.map(|key| (key.clone(), desired(key))).collect()
}

fn account(market: &Market, services: u32, seed: u64, beside: bool) -> Value {
    let types: Vec<&str> = market.offers.iter().map(|offer| offer.instance_type.as_str()).collect();
    let clusters: Vec<String> = (0..CLUSTERS).map(|number| format!("c{number}")).collect();
    let each = services.div_ceil(CLUSTERS) * 8;
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x6465_7074_6800);
    let mut pools = Vec::new();
    for kind in &types {
        for zone in ZONES {
            let count = DEPTH.0 + rng.u32(0..=DEPTH.1);
            pools.push(json!({ "instanceType": kind, "zone": zone, "spotObtainable": count }));
        }
    }
    let group = |name: String, cluster: &str, percent: u32, desired: u32| {
        json!({
            "name": name, "cluster": cluster, "launchTemplate": "node", "instanceTypes": types,
            "instancesDistribution": {
                "onDemandBaseCapacity": 0, "onDemandPercentageAboveBaseCapacity": percent,
                "spotAllocationStrategy": "capacity-optimized",
            },
            "maxSize": each, "desiredCapacity": desired,
        })
    };
    let mut groups = Vec::new();
    let mut providers = Vec::new();
    for (number, cluster) in (0..).zip(&clusters) {
        let tasks: u32 = (0..services).filter(|service| service % CLUSTERS == number).map(desired).sum();
        groups.push(group(on_demand(cluster), cluster, 100, tasks));
        groups.push(group(spot(cluster), cluster, 0, 0));
        for name in [on_demand(cluster), spot(cluster)] {
            providers.push(json!({ "name": name, "autoScalingGroupProvider": {
                "autoScalingGroup": name, "managedScaling": { "status": "ENABLED" }, "managedDraining": "ENABLED",
            } }));
        }
    }
    let mut listed = Vec::new();
    for number in 0..services {
        let cluster = &clusters[usize::try_from(number % CLUSTERS).unwrap_or(0)];
        listed.push(service(cluster, &format!("web-{number:03}"), desired(number)));
        if beside {
            listed.push(service(cluster, &format!("web-{number:03}{BESIDE}"), 0));
        }
    }
    let known = aws_sim::account::parse("clusters: []", "none", Timestamp::UNIX_EPOCH).ok();
    let is_new = |name: &str| known.as_ref().is_none_or(|world| !world.instance_types.contains_key(name));
    let new_types: Vec<Value> = market
        .offers
        .iter()
        .filter(|offer| is_new(&offer.instance_type))
        .map(|offer| {
            json!({
                "name": offer.instance_type, "vcpus": 2, "memoryMib": offer.memory_gib * 1024,
                "architectures": ["x86_64"],
            })
        })
        .collect();
    json!({
        "seed": seed,
        "settings": { "throttling": "off" },
        "instanceTypes": new_types, "pools": pools,
        "launchTemplates": [{ "name": "node", "instanceType": types.first() }],
        "autoScalingGroups": groups, "capacityProviders": providers,
        "clusters": clusters.iter().map(|name| {
            json!({ "clusterName": name, "capacityProviders": [on_demand(name), spot(name)] })
        }).collect::<Vec<_>>(),
        "quotas": [
            { "serviceCode": "ec2", "quotaCode": "L-1216C47A", "value": 100_000 },
            { "serviceCode": "ec2", "quotaCode": "L-34B43A08", "value": 100_000 },
        ],
        "taskDefinitions": [{
            "family": "web", "cpu": 2048, "memory": 2048, "networkMode": "awsvpc",
            "requiresCompatibilities": ["EC2"],
            "containerDefinitions": [{ "name": "app", "image": "web:1", "stopTimeout": 30 }],
        }],
        "services": listed,
    })
}

/// 2 to 6 tasks, four in the mean.
const fn desired(number: u32) -> u32 {
    2 + number / CLUSTERS % 5
}

fn service(cluster: &str, name: &str, desired: u32) -> Value {
    json!({
        "cluster": cluster, "serviceName": name, "taskDefinition": "web", "desiredCount": desired,
        "capacityProviderStrategy": [{ "capacityProvider": on_demand(cluster), "weight": 1 }],
        "deploymentConfiguration": { "minimumHealthyPercent": 100, "maximumPercent": 200 },
        "tags": [{ "key": "spotkeeper:enabled", "value": "true" }],
    })
}
