//! Clusters, capacity providers and container instances.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{CapacityProvider, Cluster, ContainerInstance, Failure, Resource};
use super::{bounded, includes};
use crate::wire::page::page;
use crate::wire::{epoch, read, write};
use crate::world::arn::short_name;
use crate::world::clusters::{Provider, ProviderKind};
use crate::world::instances::Instance;
use crate::world::tasks::Phase;
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    cluster: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
    filter: Option<String>,
    status: Option<String>,
}

pub(super) fn list_clusters(world: &World, input: &Value) -> Result<Value, Refusal> {
    let list: List = read(input)?;
    let names = world.clusters.keys().cloned().collect();
    let (names, next) = page(names, list.next_token.as_deref(), list.max_results, 100, 100)?;
    let arns: Vec<String> = names.iter().map(|n| world.arns.cluster(n)).collect();
    Ok(json!({"clusterArns": arns, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeClusters {
    #[serde(default)]
    clusters: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe_clusters(world: &World, input: &Value) -> Result<Value, Refusal> {
    let mut call: DescribeClusters = read(input)?;
    let tags = includes(&call.include, "TAGS", &["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "STATISTICS", "TAGS"])?;
    if call.clusters.is_empty() {
        call.clusters.push("default".to_owned());
    }
    bounded("Clusters", call.clusters.len(), 100)?;
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for name in &call.clusters {
        let Some(c) = world.clusters.get(short_name(name)) else {
            failures.push(Failure::missing(world.arns.cluster(short_name(name))));
            continue;
        };
        let (mut running, mut pending) = (0, 0);
        for task in world.tasks.values().filter(|t| t.service.cluster == c.name) {
            running += u32::from(task.is_running());
            pending += u32::from(task.is_pending(world.settings.provisioning_counts_as_pending));
        }
        clusters.push(Cluster {
            cluster_arn: world.arns.cluster(&c.name),
            cluster_name: &c.name,
            status: "ACTIVE",
            registered_container_instances_count: world
                .instances
                .values()
                .filter(|i| i.cluster == c.name && i.registered)
                .count(),
            running_tasks_count: running,
            pending_tasks_count: pending,
            active_services_count: world.services_of(&c.name).filter(|s| s.status == "ACTIVE").count(),
            statistics: Vec::new(),
            tags: if tags { c.tags.clone() } else { Vec::new() },
            settings: vec![json!({"name": "containerInsights", "value": "disabled"})],
            capacity_providers: &c.capacity_providers,
            default_capacity_provider_strategy: &c.default_strategy,
        });
    }
    write(&json!({"clusters": write(&clusters)?, "failures": write(&failures)?}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeProviders {
    #[serde(default)]
    capacity_providers: Vec<String>,
    cluster: Option<String>,
    #[serde(default)]
    include: Vec<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn describe_capacity_providers(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: DescribeProviders = read(input)?;
    let tags = includes(&call.include, "TAGS", &["TAGS"])?;
    let cluster = call.cluster.as_deref().map(|c| world.cluster(Some(c))).transpose()?.map(|c| c.name.clone());
    // "Up to 100 capacity providers can be described in an action", 10 a page by default.
    if call.capacity_providers.len() > 100 {
        return Err(Refusal::invalid("capacityProviders cannot have more than 100 elements."));
    }
    let visible = |p: &Provider| match &p.kind {
        ProviderKind::ManagedInstances(m) => cluster.as_ref().is_none_or(|c| *c == m.cluster),
        // With a cluster, AWS answers with the providers of that cluster.
        _ => cluster
            .as_ref()
            .is_none_or(|c| world.clusters.get(c).is_some_and(|c| c.capacity_providers.contains(&p.name))),
    };
    let mut failures = Vec::new();
    let names: Vec<String> = if call.capacity_providers.is_empty() {
        world.providers.values().filter(|p| visible(p)).map(|p| p.name.clone()).collect()
    } else {
        let (found, missing): (Vec<_>, Vec<_>) = call
            .capacity_providers
            .iter()
            .map(|n| short_name(n).to_owned())
            .partition(|n| world.providers.contains_key(n));
        failures.extend(missing.iter().map(|n| Failure::missing(world.arns.provider(n))));
        let mut found = found;
        found.sort();
        found.dedup();
        found
    };
    let asked = call.capacity_providers.len();
    let (names, next) =
        page(names, call.next_token.as_deref(), call.max_results, if asked > 0 { 100 } else { 10 }, 100)?;
    let shown: Vec<CapacityProvider> = names
        .iter()
        .filter_map(|n| world.providers.get(n))
        .map(|p| provider(world, p, tags))
        .collect::<Result<_, _>>()?;
    Ok(json!({"capacityProviders": write(&shown)?, "failures": write(&failures)?, "nextToken": next}))
}

fn provider(world: &World, p: &Provider, tags: bool) -> Result<CapacityProvider, Refusal> {
    let (group, managed) = match &p.kind {
        ProviderKind::Fargate | ProviderKind::FargateSpot => (None, None),
        ProviderKind::Group(g) => (
            Some(json!({
                "autoScalingGroupArn": world.arns.group(short_name(&g.auto_scaling_group)),
                "managedScaling": write(&g.managed_scaling)?,
                "managedTerminationProtection": g.managed_termination_protection,
                "managedDraining": g.managed_draining,
            })),
            None,
        ),
        ProviderKind::ManagedInstances(m) => (
            None,
            Some(
                json!({"infrastructureRoleArn": m.infrastructure_role_arn, "instanceLaunchTemplate": m.instance_launch_template, "propagateTags": "NONE"}),
            ),
        ),
    };
    Ok(CapacityProvider {
        capacity_provider_arn: world.arns.provider(&p.name),
        name: p.name.clone(),
        cluster: match &p.kind {
            ProviderKind::ManagedInstances(m) => Some(m.cluster.clone()),
            _ => None,
        },
        status: p.status.clone(),
        auto_scaling_group_provider: group,
        managed_instances_provider: managed,
        tags: if tags { p.tags.clone() } else { Vec::new() },
        kind: p.type_name(),
    })
}

pub(super) fn list_container_instances(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: List = read(input)?;
    let cluster = world.cluster(call.cluster.as_deref())?;
    if call.filter.is_some() {
        return Err(Refusal::invalid("aws-sim does not model the filter of ListContainerInstances."));
    }
    let shown = call.status.as_deref().is_none_or(|s| s == "ACTIVE");
    let mut arns: Vec<String> = world
        .instances
        .values()
        .filter(|i| shown && i.registered && i.cluster == cluster.name)
        .map(|i| arn(world, i))
        .collect();
    arns.sort();
    let (arns, next) = page(arns, call.next_token.as_deref(), call.max_results, 100, 100)?;
    Ok(json!({"containerInstanceArns": arns, "nextToken": next}))
}

fn arn(world: &World, i: &Instance) -> String {
    world.arns.ecs(&format!("container-instance/{}/{}", i.cluster, i.container_instance))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeInstances {
    cluster: Option<String>,
    container_instances: Vec<String>,
}

pub(super) fn describe_container_instances(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: DescribeInstances = read(input)?;
    let cluster = world.cluster(call.cluster.as_deref())?;
    bounded("Container instances", call.container_instances.len(), 100)?;
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for name in &call.container_instances {
        let short = short_name(name);
        match world
            .instances
            .values()
            .find(|i| i.cluster == cluster.name && i.registered && i.container_instance == short)
        {
            Some(i) => shown.push(container_instance(world, i)),
            None => {
                failures.push(Failure::missing(world.arns.ecs(&format!("container-instance/{}/{short}", cluster.name))))
            }
        }
    }
    Ok(json!({"containerInstances": write(&shown)?, "failures": write(&failures)?}))
}

fn container_instance<'a>(world: &'a World, i: &'a Instance) -> ContainerInstance<'a> {
    let resources = |cpu, memory| {
        vec![
            Resource { name: "CPU", kind: "INTEGER", integer_value: cpu },
            Resource { name: "MEMORY", kind: "INTEGER", integer_value: memory },
        ]
    };
    let free = i.free();
    let running = i.tasks.keys().filter_map(|t| world.tasks.get(t)).filter(|t| t.phase == Phase::Running).count();
    let architecture = world
        .instance_types
        .get(&i.instance_type)
        .and_then(|t| t.architectures.first())
        .map_or("x86_64", String::as_str);
    ContainerInstance {
        container_instance_arn: arn(world, i),
        ec2_instance_id: &i.id,
        capacity_provider_name: world.provider_of_instance(i),
        version: 1,
        remaining_resources: resources(free.0, free.1),
        registered_resources: resources(i.cpu, i.memory),
        status: "ACTIVE",
        agent_connected: true,
        running_tasks_count: running,
        pending_tasks_count: i.tasks.len() - running,
        attributes: vec![
            json!({"name": "ecs.availability-zone", "value": i.zone}),
            json!({"name": "ecs.instance-type", "value": i.instance_type}),
            json!({"name": "ecs.cpu-architecture", "value": architecture}),
            json!({"name": "ecs.os-type", "value": "linux"}),
            json!({"name": "ecs.subnet-id", "value": i.subnet}),
        ],
        registered_at: epoch(i.launched_at),
        tags: Vec::new(),
    }
}
