//! Service deployments and service revisions.

use serde::Deserialize;
use serde_json::{Value, json};

use super::services::{platform_family, platform_version, strategy, summary};
use super::shapes::{
    Alarms, CircuitBreaker, Failure, HookDetail, ResolvedConfiguration, ResolvedLoadBalancer, RevisionSummary,
    Rollback, ServiceDeployment as Shape, ServiceDeploymentBrief, ServiceRevision,
};
use super::{bounded, paging, read};
use crate::wire::{epoch, write};
use crate::world::deployments::{ServiceDeployment, ServiceDeploymentStatus};
use crate::world::hooks::Hook;
use crate::world::services::Service;
use crate::world::shapes::HookAction;
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    service: String,
    cluster: Option<String>,
    #[serde(default)]
    status: Vec<ServiceDeploymentStatus>,
    #[serde(default)]
    created_at: CreatedAt,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreatedAt {
    before: Option<f64>,
    after: Option<f64>,
}

pub(super) fn list(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: List = read(input)?;
    let service = world.service_or_refusal(call.cluster.as_deref(), &call.service)?;
    let found: Vec<&ServiceDeployment> = service
        .service_deployments
        .iter()
        .filter(|d| call.status.is_empty() || call.status.contains(&d.status))
        .filter(|d| {
            call.created_at.before.is_none_or(|t| epoch(d.created_at) < t)
                && call.created_at.after.is_none_or(|t| epoch(d.created_at) > t)
        })
        .collect();
    // Newest first.
    let key = |d: &ServiceDeployment| format!("{:030} {}", d.created_at.as_nanosecond(), d.arn);
    let mut keys: Vec<String> = found.iter().map(|d| key(d)).collect();
    keys.sort_by(|a, b| b.cmp(a));
    // "If this parameter isn't used, then ListServiceDeployments returns up to 20 results" (maxResults).
    let (keys, next) = paging(&call.next_token, call.max_results).cut(keys, 20, 1..=100)?;
    let shown: Vec<ServiceDeploymentBrief<'_>> = keys
        .iter()
        .filter_map(|k| found.iter().find(|d| key(d) == *k))
        .map(|d| ServiceDeploymentBrief {
            service_deployment_arn: &d.arn,
            service_arn: &service.arn,
            cluster_arn: world.arns.cluster(&service.key.cluster),
            started_at: d.started_at.map(epoch),
            created_at: epoch(d.created_at),
            finished_at: d.finished_at.map(epoch),
            target_service_revision_arn: &d.target_revision,
            status: d.status,
            status_reason: d.status_reason.as_deref(),
        })
        .collect();
    Ok(json!({"serviceDeployments": write(&shown)?, "nextToken": next}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Describe {
    service_deployment_arns: Vec<String>,
}

fn find<'a>(world: &'a World, arn: &str) -> Option<&'a Service> {
    let key = world.service_of_arn(arn)?;
    world.service(&key.cluster, &key.name)
}

pub(super) fn describe(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: Describe = read(input)?;
    // "You can specify up to 20 ARNs" (serviceDeploymentArns).
    bounded("Service deployment ARNs", call.service_deployment_arns.len(), 20)?;
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for arn in &call.service_deployment_arns {
        match find(world, arn).and_then(|s| Some((s, s.service_deployments.iter().find(|d| d.arn == *arn)?))) {
            Some((s, d)) => shown.push(shape(world, s, d)),
            None => failures.push(Failure::missing(arn.clone())),
        }
    }
    Ok(json!({"serviceDeployments": write(&shown)?, "failures": write(&failures)?}))
}

/// `ServiceDeploymentRollbackMonitorsStatus`.
fn monitor(enabled: bool, triggered: bool, ended: bool) -> &'static str {
    match (enabled, triggered, ended) {
        (false, _, _) => "DISABLED",
        (true, true, _) => "TRIGGERED",
        (true, false, true) => "MONITORING_COMPLETE",
        (true, false, false) => "MONITORING",
    }
}

/// Which alarms decide. "Amazon ECS ignores the alarm configuration" where one was in ALARM at the
/// beginning: that is taken for DISABLED.
fn alarms(d: &ServiceDeployment) -> Alarms<'_> {
    let configured = d.configuration.alarms.as_ref();
    let enabled = configured.is_some_and(|a| a.enable) && !d.alarms_ignored;
    Alarms {
        status: monitor(enabled, !d.triggered_alarms.is_empty(), d.status.is_final()),
        alarm_names: configured.map(|a| a.alarm_names.as_slice()).unwrap_or_default(),
        triggered_alarm_names: &d.triggered_alarms,
    }
}

fn hook(hook: &Hook) -> HookDetail<'_> {
    HookDetail {
        hook_id: &hook.id,
        target_type: hook.target,
        target_arn: hook.target_arn.as_deref(),
        status: hook.status,
        expires_at: epoch(hook.expires_at),
        timeout_action: hook.timeout_action,
    }
}

/// A revision with the traffic that it has, where the deployment shifts traffic.
fn weighed(world: &World, s: &Service, d: &ServiceDeployment, revision: &str) -> RevisionSummary {
    let weight = d.traffic_weight(revision);
    RevisionSummary {
        requested_test_traffic_weight: weight.map(|w| w.test),
        requested_production_traffic_weight: weight.map(|w| w.production),
        ..summary(world, s, revision)
    }
}

fn shape<'a>(world: &World, s: &'a Service, d: &'a ServiceDeployment) -> Shape<'a> {
    let enabled = d.configuration.deployment_circuit_breaker.as_ref().is_some_and(|b| b.enable);
    Shape {
        service_deployment_arn: &d.arn,
        service_arn: &s.arn,
        cluster_arn: world.arns.cluster(&s.key.cluster),
        created_at: epoch(d.created_at),
        started_at: d.started_at.map(epoch),
        finished_at: d.finished_at.map(epoch),
        stopped_at: d.stopped_at.map(epoch),
        updated_at: epoch(d.updated_at),
        source_service_revisions: d.source_revisions.iter().map(|arn| weighed(world, s, d, arn)).collect(),
        target_service_revision: weighed(world, s, d, &d.target_revision),
        status: d.status,
        status_reason: d.status_reason.as_deref(),
        lifecycle_stage: d.lifecycle_stage(),
        lifecycle_hook_details: d.shift.as_ref().map(|shift| shift.hooks.iter().map(hook).collect()),
        deployment_configuration: &d.configuration,
        rollback: d.rollback.as_ref().map(|r| Rollback {
            reason: &r.reason,
            started_at: epoch(r.started_at),
            service_revision_arn: &r.revision,
        }),
        deployment_circuit_breaker: CircuitBreaker {
            status: monitor(enabled, d.triggered, d.status.is_final()),
            failure_count: d.failure_count,
            threshold: d.threshold,
        },
        alarms: alarms(d),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeRevisions {
    service_revision_arns: Vec<String>,
}

pub(super) fn describe_revisions(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: DescribeRevisions = read(input)?;
    bounded("Service revision ARNs", call.service_revision_arns.len(), 20)?;
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for arn in &call.service_revision_arns {
        match find(world, arn).and_then(|s| Some((s, s.revision(arn)?))) {
            Some((s, r)) => shown.push(ServiceRevision {
                service_revision_arn: &r.arn,
                service_arn: &s.arn,
                cluster_arn: world.arns.cluster(&s.key.cluster),
                task_definition: r.task_definition.task_definition_arn.clone(),
                capacity_provider_strategy: strategy(r),
                launch_type: r.launch_type,
                platform_version: platform_version(world, s, r),
                platform_family: platform_family(world, s, r),
                load_balancers: &s.spec.load_balancers,
                service_registries: &s.spec.service_registries,
                network_configuration: r.network.as_ref(),
                container_images: &r.images,
                guard_duty_enabled: false,
                service_connect_configuration: s.spec.service_connect.as_ref(),
                volume_configurations: s.spec.volume_configurations.as_ref(),
                vpc_lattice_configurations: s.spec.vpc_lattice.as_ref(),
                resolved_configuration: resolved(s, arn),
                created_at: epoch(r.created_at),
            }),
            None => failures.push(Failure::missing(arn.clone())),
        }
    }
    Ok(json!({"serviceRevisions": write(&shown)?, "failures": write(&failures)?}))
}

/// "the actual resources your service revision uses, such as which target groups serve traffic"
/// (ServiceRevision.resolvedConfiguration), of a revision that still has a deployment.
fn resolved<'a>(s: &'a Service, revision: &str) -> Option<ResolvedConfiguration<'a>> {
    let deployment = s.deployments.iter().find(|d| d.revision == revision)?;
    let load_balancers = s.spec.load_balancers.iter().filter_map(|used| {
        Some(ResolvedLoadBalancer {
            target_group_arn: used.side(deployment.alternate)?,
            production_listener_rule: used.production_listener_rule(),
        })
    });
    Some(ResolvedConfiguration { load_balancers: load_balancers.collect() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Continue {
    service_deployment_arn: String,
    hook_id: String,
    action: Option<HookAction>,
}

pub(super) fn go_on(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: Continue = read(input)?;
    // "If no value is specified, the default action is CONTINUE" (action).
    let action = call.action.unwrap_or(HookAction::Continue);
    let arn = world.continue_service_deployment(&call.service_deployment_arn, &call.hook_id, action)?;
    Ok(json!({"serviceDeploymentArn": arn}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Stop {
    service_deployment_arn: String,
    #[serde(default)]
    stop_type: StopType,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StopType {
    Abort,
    // "The default is ROLLBACK."
    #[default]
    Rollback,
}

pub(super) fn stop(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: Stop = read(input)?;
    let arn = world.stop_service_deployment(&call.service_deployment_arn, call.stop_type == StopType::Abort)?;
    Ok(json!({"serviceDeploymentArn": arn}))
}
