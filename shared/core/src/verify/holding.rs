//! Everything that stable means, but for the dwell.

use super::find::carries;
use crate::observe::{LoadBalancerTarget, Look, Service, ServiceDeployment};
use crate::record::MoveRecord;

/// Whether everything holds that stable means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Holds {
    /// It does.
    Yes,
    /// It does not: this is missing.
    No(String),
    /// It could not be read.
    Unknown(String),
}

/// Asks a service deployment that is done: its revision carries what was written, no older
/// revision has tasks, and all tasks run and are healthy.
pub(super) fn of_deployment(look: &Look, record: &MoveRecord, service: &Service, own: &ServiceDeployment) -> Holds {
    let Some(target) = record.target() else {
        return Holds::No("this move has nothing to put back".to_owned());
    };
    if let Err(gap) = look.revisions.get() {
        return Holds::Unknown(gap.to_string());
    }
    match carries(look, own) {
        None => {
            return Holds::Unknown(format!("{} was not among the revisions read", own.target_revision));
        }
        Some(placed_by) if !placed_by.equivalent(&target) => {
            return Holds::No(format!("our deployment places tasks by {placed_by}, not by {target}"));
        }
        Some(_) => {}
    }
    let older = older_tasks(own);
    if older > 0 {
        return Holds::No(format!("{older} tasks of older revisions are left"));
    }
    of_service(look, record, service)
}

/// Asks the service alone.
pub(super) fn of_service(look: &Look, record: &MoveRecord, service: &Service) -> Holds {
    if let Some(target) = record.target()
        && !service.placed_by.equivalent(&target)
    {
        return Holds::No(format!("the service still shows {} instead of {target}", service.placed_by));
    }
    let older: u32 = service.deployments.iter().filter(|one| !one.primary).map(|one| one.running + one.pending).sum();
    if older > 0 {
        return Holds::No(format!("{older} tasks of older deployments are left"));
    }
    let needed = match record.stable_since {
        Some(_) => service.desired.min(record.dwell_desired),
        None => service.desired,
    };
    if service.running < needed {
        return Holds::No(format!("{} of {needed} tasks run", service.running));
    }
    healthy(look, service, needed)
}

/// Whether every target group that receives traffic has as many healthy targets as tasks. The
/// other side of a blue/green pair may be left out of the reading, the first may not.
fn healthy(look: &Look, service: &Service, needed: u32) -> Holds {
    let named: Vec<&str> = service
        .load_balancers
        .iter()
        .filter_map(|used| match &used.target {
            LoadBalancerTarget::TargetGroup(arn) => Some(arn.as_str()),
            LoadBalancerTarget::AlternateTargetGroup(_) | LoadBalancerTarget::Classic(_) => None,
        })
        .collect();
    if named.is_empty() {
        return Holds::Yes;
    }
    let targets = match look.targets.get() {
        Ok(targets) => targets,
        Err(gap) => return Holds::Unknown(gap.to_string()),
    };
    if let Some(unread) = named.iter().find(|arn| targets.iter().all(|group| group.target_group != **arn)) {
        return Holds::Unknown(format!("the targets of {unread} were not read"));
    }
    match targets.iter().find(|group| !group.unused && group.healthy < needed) {
        None => Holds::Yes,
        Some(group) => Holds::No(format!(
            "{} has {} healthy and {} unhealthy targets, {needed} are needed",
            group.target_group, group.healthy, group.unhealthy
        )),
    }
}

/// Tasks of the revisions that a deployment replaces.
pub(super) fn older_tasks(own: &ServiceDeployment) -> u32 {
    let older = own.source_revisions.iter().filter(|one| one.revision != own.target_revision);
    older.map(|one| one.running.saturating_add(one.pending)).fold(0, u32::saturating_add)
}
