//! Service deployments, service revisions, target health and events.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    ServiceDeployment as EcsServiceDeployment, ServiceDeploymentStatus as EcsStatus, ServiceEvent as EcsEvent,
    ServiceRevision as EcsServiceRevision, ServiceRevisionSummary,
};
use aws_sdk_elasticloadbalancingv2::types::{TargetHealthDescription, TargetHealthStateEnum};
use jiff::Timestamp;
use spotkeeper_core::observe::{
    ContainerImage, LoadBalancerTarget, LoadBalancerUse, RevisionTasks, ServiceDeployment, ServiceDeploymentStatus,
    ServiceEvent, ServiceRevision, TargetHealth,
};

use super::{NotUnderstood, count, placed_by, timestamp};

/// How far a service deployment is.
pub(crate) fn status(given: &EcsServiceDeployment) -> Result<ServiceDeploymentStatus, NotUnderstood> {
    match given.status() {
        Some(EcsStatus::Pending) => Ok(ServiceDeploymentStatus::Pending),
        Some(EcsStatus::InProgress) => Ok(ServiceDeploymentStatus::InProgress),
        Some(EcsStatus::Successful) => Ok(ServiceDeploymentStatus::Successful),
        Some(EcsStatus::StopRequested) => Ok(ServiceDeploymentStatus::StopRequested),
        Some(EcsStatus::Stopped) => Ok(ServiceDeploymentStatus::Stopped),
        Some(EcsStatus::RollbackRequested) => Ok(ServiceDeploymentStatus::RollbackRequested),
        Some(EcsStatus::RollbackInProgress) => Ok(ServiceDeploymentStatus::RollbackInProgress),
        Some(EcsStatus::RollbackSuccessful) => Ok(ServiceDeploymentStatus::RollbackSuccessful),
        Some(EcsStatus::RollbackFailed) => Ok(ServiceDeploymentStatus::RollbackFailed),
        Some(other) => Err(NotUnderstood::value("status of a service deployment", other)),
        None => Err(NotUnderstood::absent("status of a service deployment")),
    }
}

/// A service deployment.
pub(crate) fn service_deployment(given: &EcsServiceDeployment) -> Result<ServiceDeployment, NotUnderstood> {
    let status = status(given)?;
    let target = given.target_service_revision();
    Ok(ServiceDeployment {
        arn: given.service_deployment_arn().ok_or_else(|| NotUnderstood::absent("serviceDeploymentArn"))?.to_owned(),
        status,
        reason: given.status_reason().unwrap_or_default().to_owned(),
        created_at: given
            .created_at()
            .and_then(timestamp)
            .ok_or_else(|| NotUnderstood::absent("createdAt of a service deployment"))?,
        target_revision: target.and_then(ServiceRevisionSummary::arn).unwrap_or_default().to_owned(),
        source_revisions: given
            .source_service_revisions()
            .iter()
            .map(|one| RevisionTasks {
                revision: one.arn().unwrap_or_default().to_owned(),
                running: count(one.running_task_count()),
                pending: count(one.pending_task_count()),
            })
            .collect(),
        target_running: target.map_or(0, |target| count(target.running_task_count())),
        target_pending: target.map_or(0, |target| count(target.pending_task_count())),
        failed_tasks: given.deployment_circuit_breaker().map_or(0, |breaker| count(breaker.failure_count())),
        rolled_back: given.rollback().is_some() || status.rolls_back(),
        stage: given.lifecycle_stage().map(|stage| stage.as_str().to_owned()).unwrap_or_default(),
    })
}

/// A service revision. One that places by neither strategy nor launch type is not understood.
pub(crate) fn service_revision(given: &EcsServiceRevision) -> Result<ServiceRevision, NotUnderstood> {
    let image = |one: &aws_sdk_ecs::types::ContainerImage| ContainerImage {
        container: one.container_name().unwrap_or_default().to_owned(),
        image: one.image().unwrap_or_default().to_owned(),
        digest: one.image_digest().map(str::to_owned),
    };
    Ok(ServiceRevision {
        arn: given.service_revision_arn().ok_or_else(|| NotUnderstood::absent("serviceRevisionArn"))?.to_owned(),
        task_definition_arn: given.task_definition().unwrap_or_default().to_owned(),
        placed_by: placed_by(given.launch_type(), given.capacity_provider_strategy())?
            .ok_or_else(|| NotUnderstood::absent("launchType and capacityProviderStrategy of a service revision"))?,
        images: given.container_images().iter().map(image).collect(),
    })
}

/// The targets of one target group, by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct States {
    healthy: u32,
    unused: u32,
    draining: u32,
    other: u32,
}

/// Counts targets by state; a target without one is of the `other`.
pub(crate) fn states(given: &[TargetHealthDescription]) -> States {
    given.iter().fold(States::default(), |mut states, one| {
        let of_state = match one.target_health().and_then(|health| health.state()) {
            Some(TargetHealthStateEnum::Healthy) => &mut states.healthy,
            Some(TargetHealthStateEnum::Unused) => &mut states.unused,
            Some(TargetHealthStateEnum::Draining) => &mut states.draining,
            _ => &mut states.other,
        };
        *of_state += 1;
        states
    })
}

/// Which targets are healthy, for every target group of a service.
///
/// No call that is worth its price says whether a listener sends traffic to a group, so that is
/// read from the targets: a group receives none when all its targets are `unused`, or when it is
/// the empty side of a blue/green pair whose other side is not empty. An empty group that stands
/// alone is in use: its targets are missing.
pub(crate) fn target_health(uses: &[LoadBalancerUse], read: &BTreeMap<String, States>) -> Vec<TargetHealth> {
    let empty = |states: &States| *states == States::default();
    let idle = |states: &States| states.unused > 0 && states.unused == states.healthy + states.unused + states.other;
    let other_side_serves = |arn: &str| {
        pairs(uses).any(|(one, other)| {
            let other_side = if one == arn {
                other
            } else if other == arn {
                one
            } else {
                return false;
            };
            read.get(other_side).is_some_and(|states| !empty(states))
        })
    };
    read.iter()
        .map(|(arn, states)| TargetHealth {
            target_group: arn.clone(),
            healthy: states.healthy + states.unused,
            unhealthy: states.other,
            unused: idle(states) || (empty(states) && other_side_serves(arn)),
        })
        .collect()
}

/// The two target groups of each blue/green entry: they stand next to each other, for the same
/// container and port.
fn pairs(uses: &[LoadBalancerUse]) -> impl Iterator<Item = (&str, &str)> {
    uses.windows(2).filter_map(|two| match two {
        [
            LoadBalancerUse { target: LoadBalancerTarget::TargetGroup(one), container, port },
            LoadBalancerUse { target: LoadBalancerTarget::AlternateTargetGroup(other), container: same, port: too },
        ] if container == same && port == too => Some((one.as_str(), other.as_str())),
        _ => None,
    })
}

/// The events since a time, newest first.
pub(crate) fn events(given: &[EcsEvent], since: Timestamp) -> Vec<ServiceEvent> {
    let mut events: Vec<ServiceEvent> = given
        .iter()
        .filter_map(|one| {
            let at = one.created_at().and_then(timestamp)?;
            Some(ServiceEvent { at, message: one.message().unwrap_or_default().to_owned() })
        })
        .filter(|event| since <= event.at)
        .collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
