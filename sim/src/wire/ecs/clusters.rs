//! Clusters.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{Cluster as Shape, Failure};
use super::{bounded, paging, read};
use crate::wire::write;
use crate::world::arn::short_name;
use crate::world::clusters::Cluster;
use crate::world::shapes::{LaunchType, StrategyItem};
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    next_token: Option<String>,
    max_results: Option<i64>,
}

pub(super) fn list(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: List = read(input)?;
    let names = world.clusters.keys().cloned().collect();
    // "If this parameter isn't used, then ListClusters returns up to 100 results" (maxResults).
    let (names, next) = paging(&call.next_token, call.max_results).cut(names, 100, 1..=100)?;
    let arns: Vec<String> = names.iter().map(|n| world.arns.cluster(n)).collect();
    Ok(json!({"clusterArns": arns, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Describe {
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(world: &World, input: &Value) -> Result<Value, Refusal> {
    let mut call: Describe = read(input)?;
    if call.clusters.is_empty() {
        call.clusters.push("default".to_owned());
    }
    bounded("Clusters", call.clusters.len(), 100)?;
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for name in &call.clusters {
        match world.clusters.get(short_name(name)) {
            Some(cluster) => clusters.push(shape(world, cluster, &call.include)),
            None => failures.push(Failure::missing(world.arns.cluster(short_name(name)))),
        }
    }
    Ok(json!({"clusters": write(&clusters)?, "failures": write(&failures)?}))
}

fn shape<'a>(world: &World, c: &'a Cluster, include: &[String]) -> Shape<'a> {
    let includes = |what: &str| include.iter().any(|i| i == what);
    let counts = Counts::of(world, c);
    Shape {
        cluster_arn: world.arns.cluster(&c.name),
        cluster_name: &c.name,
        status: "ACTIVE",
        registered_container_instances_count: world
            .instances
            .values()
            .filter(|i| i.cluster == c.name && i.registered)
            .count(),
        running_tasks_count: counts.running.iter().sum(),
        pending_tasks_count: counts.pending.iter().sum(),
        active_services_count: world.services_of(&c.name).filter(|s| s.status == "ACTIVE").count(),
        statistics: if includes("STATISTICS") { counts.statistics() } else { Vec::new() },
        tags: if includes("TAGS") { c.tags.clone() } else { Vec::new() },
        settings: if includes("SETTINGS") {
            vec![json!({"name": "containerInsights", "value": "disabled"})]
        } else {
            Vec::new()
        },
        capacity_providers: &c.capacity_providers,
        default_capacity_provider_strategy: &c.default_strategy,
    }
}

/// Tasks and services of a cluster: first those on EC2, then those on Fargate.
struct Counts {
    running: [u32; 2],
    pending: [u32; 2],
    services: [u32; 2],
}

impl Counts {
    fn of(world: &World, c: &Cluster) -> Self {
        let mut counts = Self { running: [0; 2], pending: [0; 2], services: [0; 2] };
        for task in world.tasks.values().filter(|t| t.service.cluster == c.name) {
            let kind = usize::from(task.launch_type == LaunchType::Fargate);
            counts.running[kind] += u32::from(task.is_running());
            counts.pending[kind] += u32::from(task.is_pending(world.settings.provisioning_counts_as_pending));
        }
        for service in world.services_of(&c.name).filter(|s| s.status == "ACTIVE") {
            let fargate = service.current().is_some_and(|r| super::services::on_fargate(world, service, r));
            counts.services[usize::from(fargate)] += 1;
        }
        counts
    }

    /// "Additional information about your clusters that are separated by launch type"
    /// (Cluster.statistics).
    fn statistics(&self) -> Vec<Value> {
        [
            ("runningEC2TasksCount", self.running[0]),
            ("runningFargateTasksCount", self.running[1]),
            ("pendingEC2TasksCount", self.pending[0]),
            ("pendingFargateTasksCount", self.pending[1]),
            ("activeEC2ServiceCount", self.services[0]),
            ("activeFargateServiceCount", self.services[1]),
            ("drainingEC2ServiceCount", 0),
            ("drainingFargateServiceCount", 0),
        ]
        .map(|(name, value)| json!({"name": name, "value": value.to_string()}))
        .to_vec()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PutCapacityProviders {
    cluster: String,
    capacity_providers: Vec<String>,
    default_capacity_provider_strategy: Vec<StrategyItem>,
}

pub(super) fn put_capacity_providers(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: PutCapacityProviders = read(input)?;
    let providers = call.capacity_providers.iter().map(|p| short_name(p).to_owned()).collect();
    let name =
        world.put_cluster_capacity_providers(&call.cluster, providers, call.default_capacity_provider_strategy)?;
    let cluster = world.cluster(Some(&name))?;
    Ok(json!({"cluster": write(&shape(world, cluster, &[]))?}))
}
