//! One service closely.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::json;
use spotkeeper_core::ids::ServiceRef;
use spotkeeper_core::observe::{
    ContainerImage, Depth, Gap, GapCause, LoadBalancerTarget, LoadBalancerUse, Look, Reading, RevisionTasks,
    ServiceDeployment, ServiceEvent, ServiceRevision, TargetHealth,
};

use super::{gap, millis, missing, not_understood, placed_by, service};
use crate::world::tasks::TargetState;
use crate::world::{Refusal, World, deployments as sim, services};

/// The most service deployments, and the most revisions, that a look names.
const MOST: usize = 20;
const REVISIONS: &str = "ecs:DescribeServiceRevisions";

/// One service, its service deployments since a time, and what they run.
pub fn look(world: &World, id: &ServiceRef, since: Timestamp) -> Look {
    let at = world.now();
    let Some(found) = world.service(id.cluster.as_str(), id.name.as_str()) else {
        return vanished(id, at);
    };
    let deployments = deployments(world, found, since);
    let revisions = revisions(found, &deployments);
    let service = service::service(world, &id.cluster, found).map(|mut service| {
        let mut tasks = service::tasks(world, id.cluster.as_str(), Some(id.name.as_str()), Depth::Switch);
        service.tasks = Reading::Known(tasks.remove(id.name.as_str()).unwrap_or_default());
        let current = service.current_service_deployment.as_ref();
        if let Some(current) = deployments.iter().find(|one| Some(&one.arn) == current) {
            service.current_deployment_status = Reading::Known(current.status);
        }
        service
    });
    let (targets, events) = match &service {
        Ok(service) => (targets(world, &service.load_balancers), events(found, since)),
        Err(gap) => (Reading::Missing(gap.clone()), Vec::new()),
    };
    Look {
        at,
        service: reading(service),
        deployments: Reading::Known(deployments),
        revisions: reading(revisions),
        targets,
        events,
    }
}

fn reading<T>(read: Result<T, Gap>) -> Reading<T> {
    match read {
        Ok(value) => Reading::Known(value),
        Err(gap) => Reading::Missing(gap),
    }
}

/// A look at what is not there.
fn vanished(id: &ServiceRef, at: Timestamp) -> Look {
    let unlisted =
        gap(id.arn.as_str(), "ecs:ListServiceDeployments", GapCause::Absent, Refusal::service_not_found().to_string());
    let unread = missing(id.arn.as_str(), service::ACTION);
    Look {
        at,
        service: Reading::Missing(unread.clone()),
        deployments: Reading::Missing(unlisted.clone()),
        revisions: Reading::Missing(unlisted),
        targets: Reading::Missing(unread),
        events: Vec::new(),
    }
}

/// The newest service deployments since then, newest first, and the current one, however old.
fn deployments(world: &World, found: &services::Service, since: Timestamp) -> Vec<ServiceDeployment> {
    // The world keeps them newest first.
    let mut listed: Vec<&sim::ServiceDeployment> =
        found.service_deployments.iter().filter(|one| millis(one.created_at) > millis(since)).collect();
    let own = found.spec.controller == services::Controller::Ecs;
    if let Some(current) = found.service_deployments.first().filter(|_| own)
        && !listed.iter().any(|one| one.arn == current.arn)
    {
        listed.truncate(MOST - 1);
        listed.push(current);
    }
    listed.truncate(MOST);
    let mut shown: Vec<ServiceDeployment> = listed.into_iter().map(|one| deployment(world, found, one)).collect();
    shown.sort_by_key(|one| std::cmp::Reverse(one.created_at));
    shown
}

fn deployment(world: &World, of: &services::Service, given: &sim::ServiceDeployment) -> ServiceDeployment {
    let tasks = |revision: &str| {
        let tally = world.tally(of, |task| task.revision == revision);
        RevisionTasks { revision: revision.to_owned(), running: tally.running, pending: tally.pending }
    };
    let status = service::status(given.status);
    let target = tasks(&given.target_revision);
    ServiceDeployment {
        arn: given.arn.clone(),
        status,
        reason: given.status_reason.clone().unwrap_or_default(),
        created_at: millis(given.created_at),
        source_revisions: given.source_revisions.iter().map(|revision| tasks(revision)).collect(),
        target_running: target.running,
        target_pending: target.pending,
        target_revision: target.revision,
        failed_tasks: given.failure_count,
        rolled_back: given.rollback.is_some() || status.rolls_back(),
        // Spelt as on the wire.
        stage: given.lifecycle_stage().and_then(|stage| Some(json!(stage).as_str()?.to_owned())).unwrap_or_default(),
    }
}

/// The revisions that the deployments name.
fn revisions(of: &services::Service, deployments: &[ServiceDeployment]) -> Result<Vec<ServiceRevision>, Gap> {
    let mut named: Vec<&str> = Vec::new();
    for deployment in deployments {
        let sources = deployment.source_revisions.iter().map(|source| source.revision.as_str());
        for revision in std::iter::once(deployment.target_revision.as_str()).chain(sources) {
            if !revision.is_empty() && !named.contains(&revision) {
                named.push(revision);
            }
        }
    }
    named.truncate(MOST);
    let shown = named.into_iter().map(|arn| {
        let found = of.revision(arn).ok_or_else(|| missing(arn, REVISIONS))?;
        revision(found).map_err(|why| not_understood(arn, REVISIONS, why))
    });
    shown.collect()
}

fn revision(given: &sim::Revision) -> Result<ServiceRevision, String> {
    let image = |one: &sim::ContainerImage| ContainerImage {
        container: one.container_name.clone(),
        image: one.image.clone(),
        digest: Some(one.image_digest.clone()),
    };
    Ok(ServiceRevision {
        arn: given.arn.clone(),
        task_definition_arn: given.task_definition.task_definition_arn.clone().unwrap_or_default(),
        placed_by: placed_by(given)?,
        images: given.images.iter().map(image).collect(),
    })
}

/// The targets of one target group, by state.
#[derive(Clone, Copy, Default, PartialEq)]
struct States {
    healthy: u32,
    draining: u32,
    other: u32,
}

/// Which targets are healthy, for every target group of a service. A group receives no traffic
/// when it is the empty side of a blue/green pair whose other side is not empty.
fn targets(world: &World, uses: &[LoadBalancerUse]) -> Reading<Vec<TargetHealth>> {
    let arns: BTreeSet<&str> = uses.iter().filter_map(service::target_group).collect();
    let mut read: BTreeMap<&str, States> = BTreeMap::new();
    for arn in arns {
        if let Err(refusal) = world.target_group(arn) {
            const ACTION: &str = "elasticloadbalancing:DescribeTargetHealth";
            return Reading::Missing(gap(arn, ACTION, GapCause::Absent, refusal.to_string()));
        }
        let states = world.targets_of(arn).fold(States::default(), |states, (_, _, state)| match state {
            TargetState::Healthy => States { healthy: states.healthy + 1, ..states },
            TargetState::Draining => States { draining: states.draining + 1, ..states },
            TargetState::Initial => States { other: states.other + 1, ..states },
        });
        read.insert(arn, states);
    }
    let is_empty = |arn: &str| read.get(arn).is_none_or(|states| *states == States::default());
    let health = read.iter().map(|(arn, states)| TargetHealth {
        target_group: (*arn).to_owned(),
        healthy: states.healthy,
        unhealthy: states.other,
        unused: is_empty(arn) && other_sides(uses, arn).any(|other| !is_empty(other)),
    });
    Reading::Known(health.collect())
}

/// The target groups that stand on the other side of this one in a blue/green entry.
fn other_sides<'a>(uses: &'a [LoadBalancerUse], arn: &'a str) -> impl Iterator<Item = &'a str> {
    uses.windows(2).filter_map(move |two| match two {
        [
            LoadBalancerUse { target: LoadBalancerTarget::TargetGroup(one), container, port },
            LoadBalancerUse { target: LoadBalancerTarget::AlternateTargetGroup(other), container: same, port: too },
        ] if container == same && port == too => match (one == arn, other == arn) {
            (true, _) => Some(other.as_str()),
            (_, true) => Some(one.as_str()),
            _ => None,
        },
        _ => None,
    })
}

/// The events since a time, newest first.
pub(super) fn events(of: &services::Service, since: Timestamp) -> Vec<ServiceEvent> {
    let shown = of.events.iter().map(|one| ServiceEvent { at: millis(one.created_at), message: one.message.clone() });
    let mut events: Vec<ServiceEvent> = shown.filter(|event| since <= event.at).collect();
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events
}
