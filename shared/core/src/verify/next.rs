//! What follows a verdict.

use super::deadline::{between, later, most_steps};
use super::seen::{Seen, due};
use super::{MoveVerdict, Next, VerifyInput};
use crate::plan::{MoveCause, barring_window};
use crate::record::{Ledger, MoveRecord, Setback, Step};
use crate::units::Seconds;

/// The longest wait between two looks, where the policy's own is not longer.
const LONGEST_WAIT: Seconds = Seconds(60);

/// What to do after a verdict, and what drove the move off its strategy, if anything did.
pub(super) fn next(
    input: &VerifyInput<'_>,
    record: &MoveRecord,
    ledger: &Ledger,
    seen: &Seen,
) -> (Next, Option<Setback>) {
    let choice = Choice { input, record, ledger, seen };
    match &seen.verdict {
        MoveVerdict::Superseded { .. } => return (Next::Yield, None),
        MoveVerdict::Reverted { by_ecs, .. } => return choice.reverted(*by_ecs),
        _ => {}
    }
    if choice.switched() {
        return (Next::FallBack, Some(Setback::Switch));
    }
    match &seen.verdict {
        MoveVerdict::Stable => (Next::Stable, None),
        MoveVerdict::Drought { .. } => choice.drought(),
        MoveVerdict::Failed { .. } => choice.failed(),
        MoveVerdict::Unknown { .. } if seen.not_taken => (choice.again(), None),
        _ => (Next::Wait, None),
    }
}

struct Choice<'c, 'a> {
    input: &'c VerifyInput<'a>,
    record: &'c MoveRecord,
    ledger: &'c Ledger,
    seen: &'c Seen,
}

impl Choice<'_, '_> {
    /// Whether a step is left to the move.
    fn has_step(&self) -> bool {
        self.record.steps < most_steps(&self.input.policy.verify)
    }

    fn is_up(&self) -> bool {
        self.record.planned.kind.may_add_spot()
    }

    /// Whether a switch in force turns this step back. A write that may still be on its way is
    /// resolved first: the switch's own run brings the service down meanwhile.
    fn switched(&self) -> bool {
        self.under_switch() && self.record.may_add_spot() && self.seen.resolved && self.has_step()
    }

    fn under_switch(&self) -> bool {
        self.input.switches.over(&self.record.planned.service, self.input.now).is_some()
    }

    /// The present step once more.
    fn again(&self) -> Next {
        match self.record.step {
            Step::Apply | Step::Retry => Next::Retry,
            Step::Undo => Next::Undo,
            Step::FallBack => Next::FallBack,
        }
    }

    /// What a failed move up goes back to: what was there before; On-Demand where that would be
    /// the same strategy again, or may not be given Spot now.
    fn back(&self) -> Next {
        let barred = self.record.step_may_add_spot(Step::Undo)
            && (self.quarantined() || self.under_switch() || self.in_a_window());
        match self.record.way_back() {
            Step::Undo if !barred => Next::Undo,
            _ => Next::FallBack,
        }
    }

    fn in_a_window(&self) -> bool {
        barring_window(self.input.policy, self.input.run, &self.record.planned, self.input.now).is_some()
    }

    fn quarantined(&self) -> bool {
        self.ledger.quarantined_until(self.input.now).is_some()
    }

    /// Whether a failed move up may be written again: a move up like any other, and one that
    /// another run began is not: nobody has judged the service since.
    fn may_retry(&self) -> bool {
        let resumed = matches!(self.record.planned.cause, MoveCause::Resumed { .. });
        self.seen.ended
            && self.record.attempts < self.input.policy.verify.attempts
            && self.has_step()
            && self.input.run.holds_lock
            && !resumed
            && !self.quarantined()
            && !self.in_a_window()
    }

    fn failed(&self) -> (Next, Option<Setback>) {
        let setback = Some(if self.seen.not_taken { Setback::NotTaken } else { Setback::Failed });
        // What is not undone has until its deadline to mend itself.
        let may_mend = !self.seen.ended && !self.seen.late;
        match self.record.step {
            Step::Apply | Step::Retry if self.is_up() => match self.may_retry() {
                true => (Next::Retry, None),
                false if self.has_step() => (self.back(), setback),
                false => (Next::Quarantine, setback),
            },
            _ if may_mend => (Next::Wait, None),
            Step::Apply | Step::Retry => {
                let left = self.record.attempts < self.input.policy.verify.attempts && self.has_step();
                if left { (Next::Retry, None) } else { (Next::Quarantine, setback) }
            }
            Step::Undo if self.seen.not_taken && self.has_step() => (Next::Undo, None),
            Step::Undo => (Next::Quarantine, setback),
            Step::FallBack if self.has_step() => (Next::FallBack, None),
            Step::FallBack => (Next::Quarantine, setback),
        }
    }

    fn drought(&self) -> (Next, Option<Setback>) {
        let next = if self.has_step() { Next::FallBack } else { Next::Quarantine };
        (next, Some(Setback::Drought))
    }

    /// ECS's roll-back of a move down is a failure like another, and no reason to leave the
    /// service on Spot; what somebody does by hand, and what ECS does to a move up, stands.
    fn reverted(&self, by_ecs: bool) -> (Next, Option<Setback>) {
        let setback = Some(if by_ecs { Setback::RolledBack } else { Setback::Reverted });
        match (self.record.step, by_ecs) {
            (_, false) => (Next::Yield, setback),
            (Step::Apply | Step::Retry, true) if self.is_up() => (Next::Yield, setback),
            (Step::Apply | Step::Retry | Step::Undo | Step::FallBack, true) => self.failed(),
        }
    }
}

/// Makes the record ready for the step that follows.
pub(super) fn turn(record: &mut MoveRecord, next: Next) {
    let step = match next {
        Next::Stable | Next::Wait | Next::Yield | Next::Quarantine => return,
        Next::Retry => Step::Retry,
        Next::Undo => Step::Undo,
        Next::FallBack => Step::FallBack,
    };
    record.step = step;
    record.written = None;
    record.stable_since = None;
    record.spot_wait = None;
}

/// How long to wait before the next look: the policy's poll, longer for a deployment that takes
/// long, never past a time at which something is decided.
pub(super) fn wait(input: &VerifyInput<'_>, record: &MoveRecord, next: Next) -> Seconds {
    let Some(written) = record.written.as_ref().filter(|_| next == Next::Wait) else {
        return Seconds(0);
    };
    let poll = input.policy.verify.poll_seconds;
    let grown = Seconds(between(written.at, input.now).0 / 10).min(LONGEST_WAIT).max(poll);
    let dwelt = record.stable_since.map(|since| later(since, input.policy.verify.dwell_seconds));
    let drought = record.spot_wait.map(|wait| later(wait.since, input.policy.verify.drought_seconds));
    [Some(due(&input.policy.verify, written)), dwelt, drought]
        .into_iter()
        .flatten()
        .map(|at| between(input.now, at))
        .filter(|left| left.0 > 0)
        .fold(grown, Seconds::min)
        .max(Seconds(1))
}
