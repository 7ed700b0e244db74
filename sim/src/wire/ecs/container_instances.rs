//! Container instances.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{ContainerInstance as Shape, Failure, Resource};
use super::{bounded, paging, read};
use crate::wire::{epoch, write};
use crate::world::arn::short_name;
use crate::world::constraints::Expression;
use crate::world::instances::Instance;
use crate::world::tasks::Phase;
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    cluster: Option<String>,
    filter: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
    status: Option<String>,
}

pub(super) fn list(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: List = read(input)?;
    let cluster = world.cluster(call.cluster.as_deref())?;
    let filter = call.filter.as_deref().map(Expression::read).transpose().map_err(Refusal::invalid)?;
    let mut arns: Vec<String> = world
        .instances
        .values()
        .filter(|i| i.registered && i.cluster == cluster.name)
        .filter(|i| filter.as_ref().is_none_or(|f| f.holds(i)))
        .filter(|i| call.status.as_deref().is_none_or(|s| s == i.status()))
        .map(|i| world.arns.container_instance(i))
        .collect();
    arns.sort();
    let (arns, next) = paging(&call.next_token, call.max_results).cut(arns, 100, 1..=100)?;
    Ok(json!({"containerInstanceArns": arns, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Describe {
    cluster: Option<String>,
    container_instances: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: Describe = read(input)?;
    let cluster = world.cluster(call.cluster.as_deref())?;
    // "A list of up to 100 container instance IDs" (containerInstances).
    bounded("Container instances", call.container_instances.len(), 100)?;
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for name in &call.container_instances {
        match find(world, &cluster.name, name) {
            Ok(i) => shown.push(shape(world, i, call.include.iter().any(|i| i == "CONTAINER_INSTANCE_HEALTH"))),
            Err(missing) => failures.push(missing),
        }
    }
    Ok(json!({"containerInstances": write(&shown)?, "failures": write(&failures)?}))
}

fn find<'a>(world: &'a World, cluster: &str, name: &str) -> Result<&'a Instance, Failure> {
    let short = short_name(name);
    let found =
        world.instances.values().find(|i| i.cluster == cluster && i.registered && i.container_instance == short);
    found.ok_or_else(|| Failure::missing(world.arns.ecs(&format!("container-instance/{cluster}/{short}"))))
}

fn shape<'a>(world: &'a World, i: &'a Instance, health: bool) -> Shape<'a> {
    let resources = |cpu, memory| {
        vec![
            Resource { name: "CPU", kind: "INTEGER", integer_value: cpu },
            Resource { name: "MEMORY", kind: "INTEGER", integer_value: memory },
        ]
    };
    let free = i.free();
    let running = i.tasks.keys().filter_map(|t| world.tasks.get(t)).filter(|t| t.phase == Phase::Running).count();
    Shape {
        container_instance_arn: world.arns.container_instance(i),
        ec2_instance_id: &i.id,
        capacity_provider_name: world.provider_of_instance(i),
        version: 1,
        remaining_resources: resources(free.0, free.1),
        registered_resources: resources(i.cpu, i.memory),
        status: i.status(),
        agent_connected: true,
        running_tasks_count: running,
        pending_tasks_count: i.tasks.len() - running,
        attributes: i.attributes.iter().map(|(name, value)| json!({"name": name, "value": value})).collect(),
        registered_at: epoch(i.launched_at),
        tags: Vec::new(),
        health_status: health.then(|| json!({"overallStatus": "OK"})),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct UpdateState {
    cluster: Option<String>,
    container_instances: Vec<String>,
    status: String,
}

pub(super) fn update_state(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: UpdateState = read(input)?;
    let cluster = world.cluster(call.cluster.as_deref())?.name.clone();
    // "A list of up to 10 container instance IDs" (containerInstances).
    bounded("Container instances", call.container_instances.len(), 10)?;
    // "The only valid values for this action are ACTIVE and DRAINING" (status).
    let draining = match call.status.as_str() {
        "ACTIVE" => false,
        "DRAINING" => true,
        other => return Err(Refusal::invalid(format!("Invalid status {other}: allowed are ACTIVE and DRAINING."))),
    };
    let (mut ids, mut failures) = (Vec::new(), Vec::new());
    for name in &call.container_instances {
        match find(world, &cluster, name).map(|i| i.id.clone()) {
            Ok(id) => ids.push(id),
            Err(missing) => failures.push(missing),
        }
    }
    for id in &ids {
        world.set_container_instance_state(id, draining);
    }
    let shown: Vec<Shape<'_>> =
        ids.iter().filter_map(|id| world.instances.get(id)).map(|i| shape(world, i, false)).collect();
    Ok(json!({"containerInstances": write(&shown)?, "failures": write(&failures)?}))
}
