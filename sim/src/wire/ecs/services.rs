//! Services.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{Controller, Deployment, Event, Failure, RevisionSummary, Service as Shape};
use super::{bounded, paging, read};
use crate::wire::{epoch, write};
use crate::world::arn::short_name;
use crate::world::deployments::Revision;
use crate::world::rules::Rule;
use crate::world::services::{Controller as DeployedBy, Scheduling, Service};
use crate::world::shapes::{DeploymentConfiguration, LaunchType, StrategyItem};
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    cluster: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
    launch_type: Option<LaunchType>,
    scheduling_strategy: Option<Scheduling>,
    resource_management_type: Option<String>,
}

pub(super) fn list(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: List = read(input)?;
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
    let usual = if world.holds(Rule::ListServicesInTens) { 10 } else { 100 };
    // "If this parameter isn't used, then ListServices returns up to 10 results" (maxResults).
    let (arns, next) = paging(&call.next_token, call.max_results).cut(names, usual, 1..=100)?;
    Ok(json!({"serviceArns": arns, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Describe {
    cluster: Option<String>,
    services: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

pub(super) fn describe(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: Describe = read(input)?;
    let cluster = world.cluster(call.cluster.as_deref())?;
    let tags = call.include.iter().any(|i| i == "TAGS");
    // "You may specify up to 10 services to describe in a single operation."
    bounded("Services", call.services.len(), if world.holds(Rule::TenServicesACall) { 10 } else { 100 })?;
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for name in &call.services {
        match world.service(&cluster.name, name) {
            Some(service) => shown.push(shape(world, service, tags)?),
            None if !world.holds(Rule::MissingIsAFailure) => return Err(Refusal::service_not_found()),
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
pub(super) fn shape(world: &World, s: &Service, tags: bool) -> Result<Value, Refusal> {
    let tally = world.tally(s, |_| true);
    let current = s.current();
    let both = s.created_launch_type.filter(|_| !world.holds(Rule::LaunchTypeOrStrategy));
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
        launch_type: current.and_then(|r| r.launch_type).or(both),
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

pub(super) fn on_fargate(world: &World, s: &Service, r: &Revision) -> bool {
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
        requested_test_traffic_weight: None,
        requested_production_traffic_weight: None,
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
    let shown = s.shows_rollout_state() || !world.holds(Rule::RolloutStateOfRollingOnly);
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
                rollout_state: shown.then_some(d.rollout_state),
                rollout_state_reason: shown.then_some(d.rollout_reason.as_str()),
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
