//! What may keep a step from being written.

use super::{ApplyDecision, ApplyInput, LEASE_LEFT, by_switch};
use crate::observe::{GapCause, PlacedBy, Service, ServiceStatus};
use crate::plan::{Fingerprint, MoveCause, MoveKind, barring_window};
use crate::record::Step;
use crate::units::Percent;
use crate::verify::{most_steps, since};

/// The checks of one decision. `Err` is the decision that ends it.
pub(super) struct Checks<'c, 'a> {
    pub(super) input: &'c ApplyInput<'a>,
}

type Check = Result<(), ApplyDecision>;

fn held<T>(reason: String) -> Result<T, ApplyDecision> {
    Err(ApplyDecision::Held { reason })
}

fn superseded<T>(reason: String) -> Result<T, ApplyDecision> {
    Err(ApplyDecision::Superseded { reason })
}

fn refused<T>(reason: String) -> Result<T, ApplyDecision> {
    Err(ApplyDecision::Refused { reason })
}

impl<'a> Checks<'_, 'a> {
    /// A dry run writes nothing, nor does a lease that is not ours for long enough.
    pub(super) fn run_and_lease(&self) -> Check {
        let ApplyInput { run, record, lease, ledger, now, .. } = self.input;
        if run.is_dry() {
            return held(format!("run {} is dry: nothing is written", run.id));
        }
        if let Some(outcome) = record.outcome {
            return superseded(format!("the move has ended as {} after {} writes", outcome.name(), record.steps));
        }
        if lease.service != record.planned.service {
            return held(format!("the lease is for {}, the move for {}", lease.service, record.planned.service));
        }
        let left = since(*now, lease.until);
        if left < LEASE_LEFT {
            return held(format!("the lease has {left} left, a write needs {LEASE_LEFT}"));
        }
        match ledger {
            Some(ledger) if ledger.fence > lease.fence => {
                held(format!("the ledger was written under lease {}, ours is {}", ledger.fence, lease.fence))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What the step writes.
    pub(super) fn target(&self) -> Result<PlacedBy, ApplyDecision> {
        let record = self.input.record;
        let Some(target) = record.target() else {
            return refused(format!("{} has nothing to put back", record.planned.service));
        };
        match &target {
            PlacedBy::Strategy(strategy) if strategy.items.iter().all(|item| item.weight == 0) => refused(format!(
                "the strategy \"{strategy}\" places no task: all {} weights are 0",
                strategy.items.len()
            )),
            PlacedBy::Strategy(_) | PlacedBy::LaunchType(_) => Ok(target),
        }
    }

    /// The service as it was read, if AWS takes strategies for it.
    pub(super) fn service(&self) -> Result<&'a Service, ApplyDecision> {
        let service = match self.input.look.service.get() {
            Ok(service) => service,
            Err(gap) if gap.cause == GapCause::Absent => {
                return superseded(format!("the service is gone: {gap}"));
            }
            Err(gap) => return held(gap.to_string()),
        };
        if service.status != ServiceStatus::Active {
            return superseded(format!("somebody is deleting the service: {} tasks still run", service.running));
        }
        if let Some(why) = service.takes_no_strategy().first() {
            return refused(format!("ECS takes no strategy for the service: {why}"));
        }
        Ok(service)
    }

    /// One move of a service is open at a time; a move down for a switch does not wait for it.
    pub(super) fn open_move(&self) -> Check {
        let ApplyInput { record, ledger, now, .. } = self.input;
        let planned = &record.planned;
        let begun = record.steps > 0 || record.written.is_some();
        let open = ledger.and_then(|ledger| ledger.open.as_ref());
        match open {
            Some(open) if open.is_of(planned) => {
                let resumed = matches!(planned.cause, MoveCause::Resumed { .. });
                if resumed && !begun && planned.kind.may_add_spot() {
                    return superseded(format!("run {} planned it and never wrote it: it is planned anew", open.run));
                }
                Ok(())
            }
            Some(open) if begun => {
                superseded(format!("move {} of run {} has taken the service over", open.move_id, open.run))
            }
            None if begun => superseded(format!("the move was closed after {} writes", record.steps)),
            Some(open) if *now < open.ends_by && !self.for_a_switch() => held(format!(
                "move {} of run {} is at work on the service until {}",
                open.move_id, open.run, open.ends_by
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// What may add Spot needs more: no switch, no window, no quarantine, and the run lock.
    pub(super) fn spot(&self) -> Check {
        let ApplyInput { policy, record, ledger, switches, run, now, .. } = self.input;
        if !record.may_add_spot() {
            return Ok(());
        }
        if let Some(entry) = switches.over(&record.planned.service, *now) {
            return held(format!("the switch over {} is on: {}", entry.scope, entry.reason));
        }
        if let Some(window) = barring_window(policy, run, &record.planned, *now) {
            let most = if window.ceiling == Percent::ZERO { "nothing".to_owned() } else { window.ceiling.to_string() };
            return held(format!(
                "the window {} lets {most} be on Spot from {} until {}",
                window.name, window.from, window.to
            ));
        }
        if let Some(ledger) = ledger
            && let Some(until) = ledger.quarantined_until(*now)
        {
            return held(format!("quarantined until {until}: {}", ledger.quarantine_reason));
        }
        if matches!(record.step, Step::Apply | Step::Retry) && !run.holds_lock {
            let holder = run.lock_held_by.as_ref().map_or_else(|| "nobody".to_owned(), ToString::to_string);
            return held(format!("only the run that holds the lock moves up: {holder} had it"));
        }
        Ok(())
    }

    /// A move has a bounded number of steps.
    pub(super) fn steps_left(&self) -> Check {
        let (steps, most) = (self.input.record.steps, most_steps(&self.input.policy.verify));
        if steps >= most {
            return refused(format!("the move has taken {steps} steps of at most {most}"));
        }
        Ok(())
    }

    /// The first write of a move: the service is as the plan found it, and nobody is deploying.
    pub(super) fn first_step(&self, service: &Service, busy: bool, ours: bool) -> Check {
        let planned = &self.input.record.planned;
        if Fingerprint::of(service) != planned.fingerprint {
            let primary = service.primary().map_or("none", |primary| primary.id.as_str());
            return superseded(format!(
                "the service is no longer as planned: {}, primary deployment {primary}, task definition {}",
                service.placed_by, service.task_definition_arn
            ));
        }
        if planned.kind.may_add_spot()
            && let Err(gap) = self.input.look.deployments.get().and_then(|_| self.input.look.revisions.get())
        {
            return held(gap.to_string());
        }
        if !busy {
            return Ok(());
        }
        let deployments = service.deployments.len();
        match (planned.kind, ours) {
            (MoveKind::Up | MoveKind::Rebalance, _) => {
                held(format!("a deployment is in progress, {deployments} are listed: no move up starts during one"))
            }
            (MoveKind::Down, true) if self.for_a_switch() => Ok(()),
            (MoveKind::Down, true) => {
                held(format!("our own deployment is in progress, {deployments} are listed, and no switch is on"))
            }
            (MoveKind::Down, false) if self.preempts() => Ok(()),
            (MoveKind::Down, false) => held(format!(
                "somebody's deployment is in progress, {deployments} are listed, and no switch preempts it"
            )),
        }
    }

    /// A later write of a move: over our own deployment, or over a world that none of our writes
    /// has changed; never over somebody else's.
    pub(super) fn later_step(&self, service: &Service, ours: bool, busy: bool) -> Check {
        let record = self.input.record;
        let untouched = !busy && Fingerprint::of(service) == record.planned.fingerprint;
        if ours || untouched || (!record.may_add_spot() && self.preempts()) {
            return Ok(());
        }
        let primary = service.primary().map_or("none", |primary| primary.id.as_str());
        superseded(format!(
            "the newest deployment is not ours: {primary} with {}, {} are listed",
            service.placed_by,
            service.deployments.len()
        ))
    }

    /// Whether it is a move down that a switch asks for.
    fn for_a_switch(&self) -> bool {
        let planned = &self.input.record.planned;
        let in_force = self.input.switches.over(&planned.service, self.input.now).is_some();
        planned.kind == MoveKind::Down && (in_force || by_switch(&planned.cause))
    }

    /// Whether a switch in force interrupts what somebody else deploys.
    fn preempts(&self) -> bool {
        let ApplyInput { record, switches, now, .. } = self.input;
        switches.preempts(&record.planned.service, *now)
    }
}
