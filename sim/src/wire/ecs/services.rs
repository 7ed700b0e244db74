//! Services, task definitions and tags.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{Controller, Deployment, Event, Failure, RevisionSummary, Service as Shape};
use super::{bounded, includes};
use crate::wire::page::page;
use crate::wire::{epoch, read, write};
use crate::world::arn::short_name;
use crate::world::deployments::Revision;
use crate::world::services::{Controller as DeployedBy, Scheduling, Service};
use crate::world::shapes::{DeploymentConfiguration, LaunchType, NetworkConfiguration, StrategyItem};
use crate::world::update_service::UpdateService;
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListServices {
    cluster: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
    launch_type: Option<LaunchType>,
    scheduling_strategy: Option<Scheduling>,
    resource_management_type: Option<String>,
}

pub(super) fn list_services(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: ListServices = read(input)?;
    let cluster = world.cluster(call.cluster.as_deref())?;
    let names = world
        .services_of(&cluster.name)
        .filter(|s| s.status != "INACTIVE")
        .filter(|s| call.launch_type.is_none_or(|l| s.current().and_then(|r| r.launch_type) == Some(l)))
        .filter(|s| call.scheduling_strategy.is_none_or(|x| s.spec.scheduling == x))
        .filter(|s| {
            call.resource_management_type
                .as_deref()
                .is_none_or(|x| s.spec.resource_management_type.as_deref().unwrap_or("CUSTOMER") == x)
        })
        .map(|s| s.arn.clone())
        .collect();
    // "If this parameter isn't used, then ListServices returns up to 10 results" (maxResults).
    let (arns, next) = page(names, call.next_token.as_deref(), call.max_results, 10, 100)?;
    Ok(json!({"serviceArns": arns, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeServices {
    cluster: Option<String>,
    services: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe_services(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: DescribeServices = read(input)?;
    let cluster = world.cluster(call.cluster.as_deref())?;
    let tags = includes(&call.include, "TAGS", &["TAGS"])?;
    // "You may specify up to 10 services to describe in a single operation."
    bounded("Services", call.services.len(), 10)?;
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for name in &call.services {
        match world.service(&cluster.name, name) {
            Some(service) => shown.push(describe(world, service, tags)?),
            None => failures.push(Failure::missing(world.arns.ecs(&format!(
                "service/{}/{}",
                cluster.name,
                short_name(name)
            )))),
        }
    }
    Ok(json!({"services": shown, "failures": write(&failures)?}))
}

/// A service as DescribeServices and UpdateService answer it.
fn describe(world: &World, s: &Service, tags: bool) -> Result<Value, Refusal> {
    let tally = world.tally(s, |_| true);
    let current = s.current();
    let own = s.spec.controller == DeployedBy::Ecs;
    let revisions: Vec<RevisionSummary> = {
        let mut arns: Vec<&str> = s.deployments.iter().map(|d| d.revision.as_str()).collect();
        arns.dedup();
        arns.into_iter().map(|arn| summary(world, s, arn)).collect()
    };
    write(&Shape {
        service_arn: &s.arn,
        service_name: &s.key.name,
        cluster_arn: world.arns.cluster(&s.key.cluster),
        load_balancers: &s.spec.load_balancers,
        service_registries: &s.spec.service_registries,
        status: s.status,
        desired_count: s.desired_count,
        running_count: tally.running,
        pending_count: tally.pending,
        launch_type: current.and_then(|r| r.launch_type),
        capacity_provider_strategy: current.and_then(strategy),
        platform_version: current.and_then(|r| platform_version(world, s, r)),
        platform_family: current.and_then(|r| platform_family(world, s, r)),
        task_definition: current.and_then(|r| r.task_definition.task_definition_arn.clone()),
        deployment_configuration: deployment_configuration(&s.spec.deployment_configuration)?,
        // "taskSets … in either an AWS CodeDeploy or an EXTERNAL deployment" (Service.taskSets).
        task_sets: (!own).then(|| task_sets(world, s)),
        deployments: if own { deployments(world, s) } else { Vec::new() },
        events: s
            .events
            .iter()
            .map(|e| Event { id: &e.id, created_at: epoch(e.created_at), message: &e.message })
            .collect(),
        created_at: epoch(s.created_at),
        current_service_deployment: s.service_deployments.first().filter(|_| own).map(|d| d.arn.as_str()),
        current_service_revisions: own.then_some(revisions),
        placement_constraints: &s.spec.placement_constraints,
        placement_strategy: &s.spec.placement_strategy,
        network_configuration: current.and_then(|r| r.network.as_ref()),
        health_check_grace_period_seconds: s.spec.health_check_grace_seconds,
        scheduling_strategy: if s.spec.scheduling == Scheduling::Daemon { "DAEMON" } else { "REPLICA" },
        deployment_controller: Controller { kind: s.spec.controller.name() },
        tags: tags.then_some(&s.spec.tags),
        created_by: format!("arn:aws:iam::{}:role/deployer", world.arns.account),
        enable_ecs_managed_tags: false,
        propagate_tags: "NONE",
        enable_execute_command: false,
        availability_zone_rebalancing: s.spec.zone_rebalancing.as_deref().unwrap_or("DISABLED"),
        resource_management_type: s.spec.resource_management_type.as_deref().or(Some("CUSTOMER")),
    })
}

/// "this field is omitted if the service was created using a launch type" (Service).
pub(super) fn strategy(r: &Revision) -> Option<&[StrategyItem]> {
    (!r.strategy.is_empty()).then_some(r.strategy.as_slice())
}

fn on_fargate(world: &World, s: &Service, r: &Revision) -> bool {
    let provider = r.strategy.first().and_then(|i| world.provider(&s.key.cluster, &i.capacity_provider));
    provider.map(|p| p.launch_type()).or(r.launch_type) == Some(LaunchType::Fargate)
}

pub(super) fn platform_version(world: &World, s: &Service, r: &Revision) -> Option<String> {
    on_fargate(world, s, r).then(|| r.platform_version.clone().unwrap_or_else(|| "LATEST".to_owned()))
}

pub(super) fn platform_family(world: &World, s: &Service, r: &Revision) -> Option<&'static str> {
    on_fargate(world, s, r).then_some("Linux")
}

/// Counts of one revision's tasks.
pub(super) fn summary(world: &World, s: &Service, arn: &str) -> RevisionSummary {
    let tally = world.tally(s, |t| t.revision == arn);
    let current = s.primary().is_some_and(|d| d.revision == arn);
    RevisionSummary {
        arn: arn.to_owned(),
        requested_task_count: if current { s.desired_count } else { tally.wanted },
        running_task_count: tally.running,
        pending_task_count: tally.pending,
    }
}

/// With the defaults that AWS fills in.
fn deployment_configuration(c: &DeploymentConfiguration) -> Result<Value, Refusal> {
    let mut full = c.clone();
    full.maximum_percent = Some(c.maximum());
    full.minimum_healthy_percent = Some(c.minimum());
    full.strategy.get_or_insert_default();
    full.bake_time_in_minutes.get_or_insert(0);
    let mut value = write(&full)?;
    if let Some(o) = value.as_object_mut()
        && !o.contains_key("deploymentCircuitBreaker")
    {
        o.insert("deploymentCircuitBreaker".to_owned(), json!({"enable": false, "rollback": false}));
    }
    Ok(value)
}

fn deployments<'a>(world: &World, s: &'a Service) -> Vec<Deployment<'a>> {
    s.deployments
        .iter()
        .enumerate()
        .map(|(n, d)| {
            let revision = s.revision(&d.revision);
            let tally = world.tally(s, |t| t.deployment == d.id);
            Deployment {
                id: &d.id,
                status: if n == 0 { "PRIMARY" } else { "ACTIVE" },
                task_definition: revision.and_then(|r| r.task_definition.task_definition_arn.clone()),
                desired_count: if n == 0 { s.desired_count } else { tally.wanted },
                pending_count: tally.pending,
                running_count: tally.running,
                failed_tasks: d.failed_tasks,
                created_at: epoch(d.created_at),
                updated_at: epoch(d.updated_at),
                capacity_provider_strategy: revision.and_then(strategy),
                launch_type: revision.and_then(|r| r.launch_type),
                platform_version: revision.and_then(|r| platform_version(world, s, r)),
                platform_family: revision.and_then(|r| platform_family(world, s, r)),
                network_configuration: revision.and_then(|r| r.network.as_ref()),
                rollout_state: s.shows_rollout_state().then_some(d.rollout_state),
                rollout_state_reason: s.shows_rollout_state().then_some(d.rollout_reason.as_str()),
                service_connect_configuration: s.spec.service_connect.as_ref(),
                volume_configurations: s.spec.volume_configurations.as_ref(),
                vpc_lattice_configurations: s.spec.vpc_lattice.as_ref(),
            }
        })
        .collect()
}

fn task_sets(world: &World, s: &Service) -> Vec<Value> {
    let Some((d, r)) = s.primary().zip(s.current()) else {
        return Vec::new();
    };
    let id = d.id.replace("ecs-svc/", "ecs-svc-");
    let tally = world.tally(s, |_| true);
    vec![json!({
        "id": d.id,
        "taskSetArn": world.arns.ecs(&format!("task-set/{}/{}/{id}", s.key.cluster, s.key.name)),
        "serviceArn": s.arn,
        "clusterArn": world.arns.cluster(&s.key.cluster),
        "status": "PRIMARY",
        "taskDefinition": r.task_definition.task_definition_arn,
        "computedDesiredCount": s.desired_count,
        "pendingCount": tally.pending,
        "runningCount": tally.running,
        "createdAt": epoch(d.created_at),
        "updatedAt": epoch(d.updated_at),
        "launchType": r.launch_type,
        "capacityProviderStrategy": strategy(r),
        "scale": {"value": 100.0, "unit": "PERCENT"},
        "stabilityStatus": "STEADY_STATE",
        "stabilityStatusAt": epoch(d.updated_at),
    })]
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpdateInput {
    cluster: Option<String>,
    service: String,
    desired_count: Option<i64>,
    task_definition: Option<String>,
    capacity_provider_strategy: Option<Vec<StrategyItem>>,
    deployment_configuration: Option<DeploymentConfiguration>,
    network_configuration: Option<NetworkConfiguration>,
    platform_version: Option<String>,
    health_check_grace_period_seconds: Option<u32>,
    #[serde(default)]
    force_new_deployment: bool,
    #[serde(flatten)]
    rest: serde_json::Map<String, Value>,
}

pub(super) fn update_service(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: UpdateInput = read(input)?;
    // A test instrument must not take silently what it does not do.
    if let Some(name) = call.rest.iter().find(|(_, v)| !v.is_null()).map(|(k, _)| k) {
        return Err(Refusal::new("ClientException", format!("aws-sim does not model {name:?} of UpdateService")));
    }
    let desired_count = call
        .desired_count
        .map(|n| u32::try_from(n).map_err(|_| Refusal::invalid("desiredCount cannot be negative.")))
        .transpose()?;
    let key = world.update_service(&UpdateService {
        cluster: call.cluster,
        service: call.service,
        desired_count,
        task_definition: call.task_definition,
        capacity_provider_strategy: call.capacity_provider_strategy,
        deployment_configuration: call.deployment_configuration,
        network_configuration: call.network_configuration,
        platform_version: call.platform_version,
        health_check_grace_period_seconds: call.health_check_grace_period_seconds,
        force_new_deployment: call.force_new_deployment,
    })?;
    // The writer sees its own write, whatever readers see.
    let written = world.written_service(&key).ok_or_else(Refusal::service_not_found)?;
    Ok(json!({"service": describe(world, written, true)?}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DescribeTaskDefinition {
    task_definition: String,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe_task_definition(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: DescribeTaskDefinition = read(input)?;
    let tags = includes(&call.include, "TAGS", &["TAGS"])?;
    let found = world.task_definition(&call.task_definition)?;
    Ok(json!({"taskDefinition": write(&*found)?, "tags": if tags { write(&found.tags)? } else { json!([]) }}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListTags {
    resource_arn: String,
}

pub(super) fn list_tags_for_resource(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: ListTags = read(input)?;
    let kind = call.resource_arn.split(':').nth(5).unwrap_or_default();
    let mut parts = kind.split('/');
    let not_found = || Refusal::invalid("The specified resource ARN is not valid or not found.");
    let tags = match (parts.next(), parts.next(), parts.next()) {
        (Some("cluster"), Some(name), None) => world.cluster(Some(name))?.tags.clone(),
        (Some("service"), Some(cluster), Some(name)) => {
            world.service(cluster, name).ok_or_else(not_found)?.spec.tags.clone()
        }
        (Some("task-definition"), Some(_), None) => world.task_definition(&call.resource_arn)?.tags.clone(),
        (Some("capacity-provider"), Some(name), None) => world.providers.get(name).ok_or_else(not_found)?.tags.clone(),
        _ => return Err(not_found()),
    };
    Ok(json!({"tags": write(&tags)?}))
}
