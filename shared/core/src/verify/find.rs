//! Finding the deployment that a write started, also where AWS's answer was lost.

use jiff::Timestamp;

use super::deadline::later;
use crate::observe::{Deployment, Look, PlacedBy, RolloutState, Service, ServiceDeployment, ServiceDeploymentStatus};
use crate::record::{LastWrite, Ledger, MoveRecord, Step, TakenBack, Written};
use crate::units::Seconds;

/// How far AWS's clock may be behind ours: a deployment that is older by more than this is not
/// the one that a write started.
const CLOCK_SKEW: Seconds = Seconds(30);

/// What is known of a write, in the move's record or in the ledger.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    at: Timestamp,
    after: &'a PlacedBy,
    previous_deployment: Option<&'a str>,
    previous_service_deployment: Option<&'a str>,
    deployment: Option<&'a str>,
    deployment_id: Option<&'a str>,
}

impl<'a> From<&'a Written> for Known<'a> {
    fn from(written: &'a Written) -> Known<'a> {
        Known {
            at: written.at,
            after: &written.after,
            previous_deployment: written.previous_deployment.as_deref(),
            previous_service_deployment: written.previous_service_deployment.as_deref(),
            deployment: written.deployment.as_deref(),
            deployment_id: written.deployment_id.as_deref(),
        }
    }
}

impl<'a> From<&'a LastWrite> for Known<'a> {
    fn from(write: &'a LastWrite) -> Known<'a> {
        Known {
            at: write.at,
            after: &write.after,
            previous_deployment: None,
            previous_service_deployment: None,
            deployment: write.deployment.as_deref(),
            deployment_id: write.deployment_id.as_deref(),
        }
    }
}

/// A write as a look shows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    /// The service deployment that it started.
    pub(crate) own: Option<&'a ServiceDeployment>,
    /// The id (`ecs-svc/...`) of the deployment that it started.
    pub(crate) own_id: Option<&'a str>,
    /// The newest service deployment, where those could be read.
    pub(crate) newest: Option<&'a ServiceDeployment>,
    /// The primary deployment.
    pub(crate) primary: Option<&'a Deployment>,
    /// The primary deployment just before the write.
    previous_deployment: Option<&'a str>,
}

impl<'a> Sight<'a> {
    /// Looks for a write: by its ARN or id where they are known; otherwise for the oldest
    /// deployment that is newer than the intent and than what was there, and carries what was
    /// written. A younger one with the same strategy is somebody's, on top of ours.
    pub(crate) fn of(look: &'a Look, service: &'a Service, known: Known<'a>) -> Sight<'a> {
        let deployments = look.deployments.known().map(Vec::as_slice).unwrap_or_default();
        let fresh = |created_at| later(created_at, CLOCK_SKEW) >= known.at;
        let own = match known.deployment {
            Some(arn) => deployments.iter().find(|one| one.arn == arn),
            None => deployments
                .iter()
                .take_while(|one| Some(one.arn.as_str()) != known.previous_service_deployment)
                .filter(|one| fresh(one.created_at))
                .filter(|one| carries(look, one).is_some_and(|placed_by| placed_by.equivalent(known.after)))
                .last(),
        };
        let own_id = known.deployment_id.or_else(|| {
            service
                .deployments
                .iter()
                .filter(|one| Some(one.id.as_str()) != known.previous_deployment)
                .filter(|one| fresh(one.created_at) && one.placed_by.equivalent(known.after))
                .min_by_key(|one| one.created_at)
                .map(|one| one.id.as_str())
        });
        Sight {
            own,
            own_id,
            newest: deployments.first(),
            primary: service.primary(),
            previous_deployment: known.previous_deployment,
        }
    }

    /// Whether the write is known to have started a deployment.
    pub(crate) const fn found(&self) -> bool {
        self.own.is_some() || self.own_id.is_some()
    }

    /// Whether a deployment that the write did not start has taken its place. What was there
    /// before the write is a read that lags behind, and ECS's own roll-back is no one else's.
    pub(crate) fn overtaken(&self) -> bool {
        if let (Some(own), Some(newest)) = (self.own, self.newest)
            && own.arn != newest.arn
        {
            return true;
        }
        match (self.own_id, self.primary) {
            (Some(own_id), Some(primary)) => {
                primary.id != own_id
                    && Some(primary.id.as_str()) != self.previous_deployment
                    && !self.own.is_some_and(|own| own.status.rolls_back())
            }
            _ => false,
        }
    }

    /// Whether the newest deployment is the write's.
    pub(crate) fn stands(&self) -> bool {
        self.found() && !self.overtaken()
    }

    /// Whether ECS, or somebody, has ended it without success.
    pub(crate) fn ended_badly(&self) -> bool {
        let by_status = self.own.is_some_and(|own| {
            matches!(
                own.status,
                ServiceDeploymentStatus::Stopped
                    | ServiceDeploymentStatus::RollbackSuccessful
                    | ServiceDeploymentStatus::RollbackFailed
            )
        });
        by_status || (self.own.is_none() && self.primary.is_some_and(|one| one.rollout == Some(RolloutState::Failed)))
    }
}

/// Where the target revision of a service deployment places its tasks, where that was read.
pub(crate) fn carries<'a>(look: &'a Look, deployment: &ServiceDeployment) -> Option<&'a PlacedBy> {
    let revisions = look.revisions.known()?;
    revisions.iter().find(|one| one.arn == deployment.target_revision).map(|one| &one.placed_by)
}

/// Whether the newest deployment of a service is the one that Spotkeeper wrote last, by what
/// `DescribeServices` alone shows: what the planner asks before it moves a service down during a
/// deployment.
#[must_use]
pub fn deployment_is_ours(service: &Service, ledger: &Ledger) -> bool {
    let Some(write) = &ledger.last_write else {
        return false;
    };
    if write.deployment.is_some() && service.current_service_deployment.is_some() {
        return write.deployment == service.current_service_deployment;
    }
    let Some(primary) = service.primary() else {
        return false;
    };
    match &write.deployment_id {
        Some(id) => primary.id == *id,
        None => later(primary.created_at, CLOCK_SKEW) >= write.at && primary.placed_by.equivalent(&write.after),
    }
}

/// Keeps what has taken a write's place, by ECS or by somebody: the end of the move counts it, and
/// no later look counts it again.
pub(crate) fn take_back(ledger: &mut Ledger, written: &Written, sight: &Sight<'_>) {
    if let Some(last) = &mut ledger.last_write
        && let Some(primary) = sight.primary
        && last.after.equivalent(&written.after)
        && !primary.placed_by.equivalent(&written.after)
    {
        last.taken_back = Some(TakenBack::by(primary));
    }
}

/// Keeps what a look shows of a write that was found: in the record, and in the ledger.
pub(crate) fn learn(record: &mut MoveRecord, ledger: &mut Ledger, sight: &Sight<'_>) {
    let Some(written) = record.written.as_mut().filter(|_| sight.found()) else {
        return;
    };
    written.confirmed = true;
    if let Some(own) = sight.own {
        written.deployment = Some(own.arn.clone());
    }
    if let Some(own_id) = sight.own_id {
        written.deployment_id = Some(own_id.to_owned());
    }
    if matches!(record.step, Step::Apply | Step::Retry) && record.planned.kind.may_add_spot() {
        ledger.last_up_at = ledger.last_up_at.max(Some(written.at));
    }
    if let Some(last) = &mut ledger.last_write
        && last.after.equivalent(&written.after)
    {
        last.deployment.clone_from(&written.deployment);
        last.deployment_id.clone_from(&written.deployment_id);
    }
}

/// Keeps that AWS did not take the present write: the ledger says again what it said before.
pub(crate) fn forget(record: &mut MoveRecord, ledger: &mut Ledger) {
    record.written = None;
    record.stable_since = None;
    record.spot_wait = None;
    if let Some(open) = &ledger.open
        && open.is_of(&record.planned)
    {
        ledger.last_write.clone_from(&open.previous);
    }
}
