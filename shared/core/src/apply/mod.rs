//! Deciding, just before the write, whether a move may still be made.
//!
//! The Updater takes the service's lease, reads the switches, looks at the service, and asks
//! [`decide`]. Of what it answers the ledger is stored first, then the record, and only then is
//! the strategy written; [`after_write`] says what the answer means.

mod checks;
mod outcome;
#[cfg(test)]
mod tests;

pub use outcome::{Answered, after_write};

use jiff::Timestamp;

use crate::observe::{Look, PlacedBy, Service, ServiceDeployment, ServiceDeploymentStatus};
use crate::plan::{MoveCause, MoveKind, crowded_again};
use crate::policy::Policy;
use crate::record::{Dealt, LastWrite, Lease, Ledger, MoveRecord, OpenMove, RunRecord, Setback, Step, Written};
use crate::switch::Switches;
use crate::units::Seconds;
use crate::verify::ends_by;
use crate::verify::find::{Sight, carries, forget, learn};
use checks::Checks;

/// What a lease must still have when a write is sent: longer than the SDK's timeout for it. Less,
/// and somebody else may take the lease while the call is on its way.
pub const LEASE_LEFT: Seconds = Seconds(30);

/// What is known just before a write.
#[derive(Debug, Clone, Copy)]
pub struct ApplyInput<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The run.
    pub run: &'a RunRecord,
    /// The move, with the step to write.
    pub record: &'a MoveRecord,
    /// The service's ledger, if it has one.
    pub ledger: Option<&'a Ledger>,
    /// The service, read after the lease was taken.
    pub look: &'a Look,
    /// The switch entries, read after the lease was taken.
    pub switches: &'a Switches,
    /// The service's lease.
    pub lease: &'a Lease,
    /// Now.
    pub now: Timestamp,
}

/// What to do about a move just before its write.
#[derive(Debug, Clone, PartialEq)]
pub enum ApplyDecision {
    /// Store the ledger, then the record, and then write.
    Write {
        /// What to write.
        placed_by: PlacedBy,
        /// The move, with the intent.
        record: Box<MoveRecord>,
        /// The ledger, with the original and the intent.
        ledger: Box<Ledger>,
    },
    /// Write nothing: the move is in place or on its way. Store ledger and record.
    AlreadyApplied {
        /// The move, with what was found.
        record: Box<MoveRecord>,
        /// The ledger, with what was found.
        ledger: Box<Ledger>,
        /// What was found, in a sentence.
        reason: String,
    },
    /// The service is no longer as the move needs it.
    Superseded {
        /// In a sentence.
        reason: String,
    },
    /// Something keeps the move from being written now.
    Held {
        /// In a sentence.
        reason: String,
    },
    /// AWS would refuse it, or there is nothing to write.
    Refused {
        /// In a sentence.
        reason: String,
    },
}

/// Decides whether the present step of a move may be written.
#[must_use]
pub fn decide(input: &ApplyInput<'_>) -> ApplyDecision {
    match decided(input) {
        Ok(decision) | Err(decision) => decision,
    }
}

/// The checks in their order; the first that says no ends them.
fn decided(input: &ApplyInput<'_>) -> Result<ApplyDecision, ApplyDecision> {
    let checks = Checks { input };
    checks.run_and_lease()?;
    let target = checks.target()?;
    let service = checks.service()?;
    checks.open_move()?;
    let mut draft = Draft::new(input, service, target);
    if let Some(decision) = draft.known_write() {
        return Ok(decision);
    }
    checks.spot()?;
    draft.place(&checks)
}

/// The decision in the making.
struct Draft<'d, 'a> {
    input: &'d ApplyInput<'a>,
    service: &'a Service,
    target: PlacedBy,
    record: MoveRecord,
    ledger: Ledger,
}

impl<'d, 'a> Draft<'d, 'a> {
    fn new(input: &'d ApplyInput<'a>, service: &'a Service, target: PlacedBy) -> Draft<'d, 'a> {
        let record = input.record.clone();
        let fence = input.lease.fence;
        let ledger = match input.ledger {
            Some(ledger) => Ledger { fence, pair: record.planned.pair.clone(), ..ledger.clone() },
            None => first_ledger(input),
        };
        Draft { input, service, target, record, ledger }
    }

    /// What is to be done where this step was written before: its deployment is found, or it is
    /// too early to say, or AWS has not taken it and the checks go on.
    fn known_write(&mut self) -> Option<ApplyDecision> {
        let written = self.record.written.clone()?;
        let sight = Sight::of(self.input.look, self.service, (&written).into());
        self.open();
        if sight.stands() {
            learn(&mut self.record, &mut self.ledger, &sight);
            let found = sight.own.map(|own| own.arn.as_str()).or(sight.own_id).unwrap_or_default();
            return Some(self.already(format!("written at {}: its deployment is {found}", written.at)));
        }
        let since = crate::verify::since(written.at, self.input.now);
        if written.confirmed || sight.found() || since < self.input.policy.verify.unconfirmed_seconds {
            return Some(self.already(format!("written {since} ago: the StabilityChecker says what became of it")));
        }
        let resumed = matches!(self.record.planned.cause, MoveCause::Resumed { .. });
        if resumed && self.record.may_add_spot() {
            return Some(self.already(format!("AWS did not take the write of {since} ago: it is not repeated")));
        }
        forget(&mut self.record, &mut self.ledger);
        None
    }

    /// Whether the step is written over what is there now, is there already, or has to stay away.
    fn place(self, checks: &Checks<'_, '_>) -> Result<ApplyDecision, ApplyDecision> {
        checks.steps_left()?;
        let last = self.ledger.last_write.as_ref();
        let sight = last.map(|last| Sight::of(self.input.look, self.service, last.into()));
        let ours = sight.is_some_and(|sight| sight.stands());
        let busy = self.service.deploying() || self.newest().is_some_and(|newest| !newest.status.has_ended());
        let in_place = self.service.placed_by.equivalent(&self.target);
        let first = self.record.step == Step::Apply;
        let rebalances = first && self.record.planned.kind == MoveKind::Rebalance;
        // A deployment of ours with this very strategy: of an earlier attempt, or of an earlier move
        // down that did not come to its end.
        let down = self.record.planned.kind == MoveKind::Down;
        let again = (!first || down) && ours && last.is_some_and(|last| last.after.equivalent(&self.target));
        let ended = !first && again && sight.is_some_and(|sight| sight.own.is_some() && sight.ended_badly());
        let rolls_back = self.newest().is_some_and(|newest| is_rolling_back(newest.status));
        if in_place && rolls_back && !rebalances {
            let reason = format!("ECS itself is rolling back to {}: nothing is written over that", self.target);
            return Err(ApplyDecision::Held { reason });
        }
        if in_place && !busy && !rebalances && !ended {
            let reason = format!("{} is in place already, and at rest", self.target);
            return Ok(self.adopt(reason));
        }
        match first {
            true => checks.first_step(self.service, busy, ours)?,
            false => checks.later_step(self.service, ours, busy)?,
        }
        if again && !ended {
            let reason =
                format!("our own deployment with {} is still under way: it gets another deadline", self.target);
            return Ok(self.adopt(reason));
        }
        Ok(self.write())
    }

    fn newest(&self) -> Option<&'a ServiceDeployment> {
        self.input.look.deployments.known().and_then(|deployments| deployments.first())
    }

    fn already(&self, reason: String) -> ApplyDecision {
        ApplyDecision::AlreadyApplied {
            record: Box::new(self.record.clone()),
            ledger: Box::new(self.ledger.clone()),
            reason,
        }
    }

    /// Takes the newest deployment for the step's own, instead of writing.
    fn adopt(mut self, reason: String) -> ApplyDecision {
        let deployment = self.newest().map(|newest| newest.arn.clone());
        let deployment_id = self.service.primary().map(|primary| primary.id.clone());
        self.begin(true, deployment, deployment_id);
        self.record.note(self.input.now, reason.clone());
        self.already(reason)
    }

    fn write(mut self) -> ApplyDecision {
        if self.record.steps == 0 {
            self.record.images_before = images(self.input.look);
        }
        self.begin(false, None, None);
        let (step, steps) = (self.record.step, self.record.steps);
        let reason = format!("write {steps} ({}): {} instead of {}", step.name(), self.target, self.service.placed_by);
        self.record.note(self.input.now, reason);
        ApplyDecision::Write { placed_by: self.target, record: Box::new(self.record), ledger: Box::new(self.ledger) }
    }

    /// Begins the step: in the record, and in the ledger.
    fn begin(&mut self, confirmed: bool, deployment: Option<String>, deployment_id: Option<String>) {
        let now = self.input.now;
        let newest = self.newest().map(|newest| newest.arn.clone());
        let primary = self.service.primary().map(|primary| primary.id.clone());
        self.open();
        let dealt = self.dealt();
        let by_switch = by_switch(&self.record.planned.cause) || self.record.setback == Some(Setback::Switch);
        let planned = &self.record.planned;
        // The same write again: a later attempt, or what another run has left.
        let same = self.ledger.last_write.as_ref().filter(|last| last.after.equivalent(&self.target));
        let again = same.filter(|_| self.service.placed_by.equivalent(&self.target));
        self.ledger.last_write = Some(LastWrite {
            at: now,
            run: planned.run.clone(),
            move_id: planned.id.clone(),
            before: again.map_or_else(|| self.service.placed_by.clone(), |last| last.before.clone()),
            after: self.target.clone(),
            deployment: deployment.clone(),
            deployment_id: deployment_id.clone(),
            dealt,
            by_switch: by_switch || same.is_some_and(|last| last.by_switch),
            task_definition: Some(self.service.task_definition_arn.clone()),
            stands_since: None,
            taken_back: None,
        });
        if matches!(planned.cause, MoveCause::Drought { .. }) {
            self.ledger.drought_at = Some(now);
        }
        // Later writes of the same move are no other one.
        if matches!(planned.cause, MoveCause::Crowded { .. }) && self.record.steps == 0 {
            self.ledger.crowding = Some(crowded_again(self.input.policy, self.ledger.crowding.as_ref(), now));
        }
        self.record.written = Some(Written {
            at: now,
            after: self.target.clone(),
            previous_deployment: primary.filter(|_| !confirmed),
            previous_service_deployment: newest.filter(|_| !confirmed),
            confirmed,
            deployment,
            deployment_id,
            deadline: planned.deadline,
        });
        self.record.stable_since = None;
        self.record.spot_wait = None;
        self.record.steps = self.record.steps.saturating_add(1);
        if matches!(self.record.step, Step::Apply | Step::Retry) {
            self.record.attempts = self.record.attempts.saturating_add(1);
        }
    }

    /// Opens the move in the ledger, or takes over the one that it resumes; what the ledger knows
    /// as the last write is kept, for when AWS does not take this one.
    fn open(&mut self) {
        let planned = &self.record.planned;
        let standing = self.ledger.open.as_ref().filter(|open| open.is_of(planned));
        let unanswered = self.record.written.is_some();
        let previous = match standing {
            Some(open) if unanswered => open.previous.clone(),
            _ => self.ledger.last_write.clone(),
        };
        self.ledger.open = Some(OpenMove {
            run: planned.run.clone(),
            move_id: planned.id.clone(),
            ends_by: ends_by(&self.input.policy.verify, &self.record, self.input.now),
            previous,
        });
    }

    /// The share that the step deals.
    fn dealt(&self) -> Dealt {
        let planned = &self.record.planned;
        let spot_tasks = match (self.record.step, &self.target) {
            (Step::Apply | Step::Retry, _) => planned.spot_tasks,
            (_, PlacedBy::Strategy(strategy)) => strategy.bounds(&planned.pair.spot, planned.desired).most,
            (_, PlacedBy::LaunchType(_)) => 0,
        };
        Dealt { spot_tasks, desired: planned.desired }
    }
}

/// The ledger of a service that has none: its original is what the move found.
fn first_ledger(input: &ApplyInput<'_>) -> Ledger {
    let planned = &input.record.planned;
    let ledger = Ledger::new(planned.service.clone(), planned.before.clone(), planned.pair.clone());
    Ledger { fence: input.lease.fence, ..ledger }
}

/// The images that the service runs: those of the newest service deployment that is done.
fn images(look: &Look) -> Vec<crate::observe::ContainerImage> {
    let deployments = look.deployments.known().map(Vec::as_slice).unwrap_or_default();
    let revisions = look.revisions.known().map(Vec::as_slice).unwrap_or_default();
    let done = deployments.iter().find(|one| one.status.has_ended() && carries(look, one).is_some());
    let running = done.and_then(|done| revisions.iter().find(|one| one.arn == done.target_revision));
    running.map(|revision| revision.images.clone()).unwrap_or_default()
}

/// Whether ECS puts the revision before this deployment back.
const fn is_rolling_back(status: ServiceDeploymentStatus) -> bool {
    matches!(status, ServiceDeploymentStatus::RollbackRequested | ServiceDeploymentStatus::RollbackInProgress)
}

/// Whether a switch asks for this move: it was planned for one.
fn by_switch(cause: &MoveCause) -> bool {
    matches!(cause, MoveCause::Switch { .. })
}
