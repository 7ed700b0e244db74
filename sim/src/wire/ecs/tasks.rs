//! Tasks.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{Container, Failure, Task as Shape};
use super::{bounded, paging, read};
use crate::wire::{epoch, write};
use crate::world::arn::short_name;
use crate::world::rules::Rule;
use crate::world::shapes::LaunchType;
use crate::world::tasks::{Phase, Task};
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    cluster: Option<String>,
    container_instance: Option<String>,
    family: Option<String>,
    started_by: Option<String>,
    service_name: Option<String>,
    desired_status: Option<String>,
    launch_type: Option<LaunchType>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

pub(super) fn list(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: List = read(input)?;
    let cluster = world.cluster(call.cluster.as_deref())?;
    if let Some(name) = &call.service_name {
        world.service(&cluster.name, name).ok_or_else(Refusal::service_not_found)?;
    }
    let doomed = match call.desired_status.as_deref() {
        None | Some("RUNNING") => Some(false),
        Some("STOPPED") => Some(true),
        // "specifying a desiredStatus of PENDING doesn't return any results. Amazon ECS never sets
        // the desired status of a task to that value" (ListTasks).
        Some(_) if world.holds(Rule::PendingTasksAreNotListed) => None,
        Some(_) => Some(false),
    };
    // "When you specify startedBy as the filter, it must be the only filter that you use" (startedBy).
    let others = [&call.container_instance, &call.family, &call.service_name, &call.desired_status];
    if call.started_by.is_some() && (others.iter().any(|f| f.is_some()) || call.launch_type.is_some()) {
        return Err(Refusal::invalid("startedBy must be the only filter."));
    }
    let of_instance = |t: &Task| {
        call.container_instance.as_deref().is_none_or(|name| {
            t.instance
                .as_ref()
                .and_then(|i| world.instances.get(i))
                .is_some_and(|i| i.container_instance == short_name(name))
        })
    };
    let arns = world
        .listed_tasks(&cluster.name)
        .filter(|t| doomed == Some(t.doomed))
        .filter(|t| call.service_name.as_deref().is_none_or(|n| short_name(n) == t.service.name))
        .filter(|t| call.family.as_deref().is_none_or(|f| f == t.task_definition.family))
        .filter(|t| call.started_by.as_deref().is_none_or(|s| s == t.deployment))
        .filter(|t| call.launch_type.is_none_or(|l| l == t.launch_type))
        .filter(|t| of_instance(t))
        .map(|t| t.arn.clone())
        .collect();
    let (arns, next) = paging(&call.next_token, call.max_results).cut(arns, 100, 1..=100)?;
    Ok(json!({"taskArns": arns, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Describe {
    cluster: Option<String>,
    tasks: Vec<String>,
    // Tasks carry no tags here: what may be included is never there.
    #[serde(default, rename = "include")]
    _include: Vec<String>,
}

pub(super) fn describe(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: Describe = read(input)?;
    let cluster = world.cluster(call.cluster.as_deref())?;
    bounded("Tasks", call.tasks.len(), 100)?;
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for name in &call.tasks {
        match world.tasks.get(short_name(name)).filter(|t| t.service.cluster == cluster.name) {
            Some(t) => shown.push(shape(world, t)),
            None => {
                failures.push(Failure::missing(world.arns.ecs(&format!("task/{}/{}", cluster.name, short_name(name)))))
            }
        }
    }
    Ok(json!({"tasks": write(&shown)?, "failures": write(&failures)?}))
}

fn shape<'a>(world: &World, t: &'a Task) -> Shape<'a> {
    let instance = t.instance.as_ref().and_then(|i| world.instances.get(i));
    let fargate = t.launch_type == LaunchType::Fargate;
    let placed = !t.waiting;
    let interface = t.subnet.as_deref().filter(|_| t.task_definition.is_awsvpc() && placed).map(|subnet| {
        json!({
            "id": format!("{}-eni", t.id),
            "type": "ElasticNetworkInterface",
            "status": if t.phase == Phase::Stopped { "DELETED" } else { "ATTACHED" },
            "details": [{"name": "subnetId", "value": subnet}, {"name": "privateIPv4Address", "value": t.ip}],
        })
    });
    let architecture = t
        .task_definition
        .runtime_platform
        .as_ref()
        .and_then(|p| p.cpu_architecture.as_deref())
        .map_or("x86_64", |a| if a == "ARM64" { "arm64" } else { "x86_64" });
    let pulled = t.phase >= Phase::Activating;
    Shape {
        task_arn: &t.arn,
        cluster_arn: world.arns.cluster(&t.service.cluster),
        task_definition_arn: t.task_definition.task_definition_arn.as_deref(),
        group: format!("service:{}", t.service.name),
        started_by: &t.deployment,
        last_status: t.phase,
        desired_status: if t.doomed { "STOPPED" } else { "RUNNING" },
        launch_type: t.launch_type,
        capacity_provider_name: t.provider.as_deref(),
        availability_zone: &t.zone,
        container_instance_arn: instance
            .map(|i| world.arns.ecs(&format!("container-instance/{}/{}", i.cluster, i.container_instance))),
        attachments: interface.into_iter().collect(),
        attributes: vec![json!({"name": "ecs.cpu-architecture", "value": architecture})],
        containers: t
            .images
            .iter()
            .map(|i| Container {
                container_arn: world.arns.ecs(&format!(
                    "container/{}/{}/{:016x}",
                    t.service.cluster,
                    t.id,
                    crate::world::arn::hash(&i.container_name)
                )),
                task_arn: &t.arn,
                name: &i.container_name,
                image: &i.image,
                image_digest: pulled.then_some(i.image_digest.as_str()),
                last_status: match t.phase {
                    Phase::Running | Phase::Deactivating | Phase::Stopping => Phase::Running,
                    Phase::Deprovisioning | Phase::Stopped => Phase::Stopped,
                    _ => Phase::Pending,
                },
                exit_code: if t.phase >= Phase::Deprovisioning { t.exit_code } else { None },
                health_status: "UNKNOWN",
                cpu: t
                    .task_definition
                    .container_definitions
                    .iter()
                    .find(|c| c.name == i.container_name)
                    .map_or(0, |c| c.cpu)
                    .to_string(),
            })
            .collect(),
        cpu: t.task_definition.cpu_units().to_string(),
        memory: t.task_definition.memory_mib().to_string(),
        connectivity: (t.phase >= Phase::Pending && placed).then_some("CONNECTED"),
        health_status: "UNKNOWN",
        platform_version: fargate.then_some("1.4.0"),
        platform_family: fargate.then_some("Linux"),
        created_at: epoch(t.created_at),
        started_at: t.started_at.map(epoch),
        stopping_at: t.stopping_at.map(epoch),
        stopped_at: t.stopped_at.map(epoch),
        stop_code: t.stop_code,
        stopped_reason: t.stopped_reason.as_deref(),
        enable_execute_command: false,
        overrides: json!({"containerOverrides": [], "inferenceAcceleratorOverrides": []}),
        tags: Vec::new(),
        version: t.version,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stop {
    cluster: Option<String>,
    task: String,
    reason: Option<String>,
}

pub(super) fn stop(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: Stop = read(input)?;
    let id = world.stop_task_by_hand(call.cluster.as_deref(), &call.task, call.reason.as_deref())?;
    let task = world.tasks.get(&id).ok_or_else(|| Refusal::invalid("The referenced task was not found."))?;
    Ok(json!({"task": write(&shape(world, task))?}))
}
