//! What is written down when a move has ended.

use jiff::Timestamp;

use super::Next;
use super::deadline::later;
use crate::interface::{Because, UpdateOutcome};
use crate::plan::MoveKind;
use crate::policy::{self, Policy};
use crate::record::{LastWrite, Ledger, MoveRecord, Outcome, Setback, Step};
use crate::units::Seconds;

/// Writes down how a move ended: the outcome in the record, and in the ledger that nothing is
/// open, what failed, and how long the service rests. The ledger is written first.
///
/// A move that something was written of, and that an error or a lease keeps from going on, stays
/// open in the ledger: the next run finds it there and takes it up at once. Asked again, it
/// changes nothing.
#[must_use]
pub fn conclude(
    policy: &Policy,
    mut record: MoveRecord,
    ledger: Option<&Ledger>,
    because: &Because,
    now: Timestamp,
) -> Concluded {
    let policy = &policy.verify;
    if record.outcome.is_some() {
        return Concluded { record, ledger: ledger.cloned() };
    }
    let end = end(&record, because);
    record.outcome = end.outcome;
    record.concluded_at = end.outcome.map(|_| now);
    let ended = match end.outcome {
        Some(outcome) => format!("ended as {} because of {}", outcome.name(), told(because)),
        None => format!("left open because of {}", told(because)),
    };
    record.note(now, format!("{ended}, after {} writes of at most {}", record.steps, super::most_steps(policy)));
    let ledger = ledger.map(|ledger| closed(&record, ledger, end, now, policy));
    Concluded { record, ledger }
}

/// A move at its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Concluded {
    /// The record as it is to be kept.
    pub record: MoveRecord,
    /// The ledger as it is to be kept, where the service has one.
    pub ledger: Option<Ledger>,
}

/// How a move ends.
#[derive(Debug, Clone, Copy)]
struct End {
    outcome: Option<Outcome>,
    /// Whether it stays open in the ledger, for the next run.
    open: bool,
}

fn end(record: &MoveRecord, because: &Because) -> End {
    let begun = record.steps > 0;
    let closed = |outcome| End { outcome: Some(outcome), open: false };
    let left = End { outcome: (!begun).then_some(Outcome::Held), open: begun };
    let alarmed = match (record.step, record.planned.kind) {
        (Step::FallBack, _) | (_, MoveKind::Down) => Outcome::Stranded,
        (_, MoveKind::Up | MoveKind::Rebalance) => Outcome::Quarantined,
    };
    match because {
        Because::Next(Next::Stable) => closed(match record.step {
            Step::Apply | Step::Retry => Outcome::Stable,
            Step::Undo => Outcome::Undone,
            Step::FallBack => Outcome::FallenBack,
        }),
        Because::Next(Next::Yield) | Because::Update(UpdateOutcome::Superseded) => closed(Outcome::Superseded),
        Because::Next(Next::Quarantine) => closed(alarmed),
        Because::Update(UpdateOutcome::Held) => End { outcome: Some(Outcome::Held), open: begun },
        Because::Update(UpdateOutcome::Refused) => match (begun, record.planned.kind) {
            (false, MoveKind::Up | MoveKind::Rebalance) => closed(Outcome::Refused),
            (true, _) | (false, MoveKind::Down) => closed(alarmed),
        },
        Because::Next(Next::Wait | Next::Retry | Next::Undo | Next::FallBack)
        | Because::Update(UpdateOutcome::Applied)
        | Because::Error(_) => left,
    }
}

fn told(because: &Because) -> String {
    match because {
        Because::Next(next) => format!("the answer {}", next.name()),
        Because::Update(UpdateOutcome::Applied) => "the answer applied".to_owned(),
        Because::Update(UpdateOutcome::Superseded) => "the answer superseded".to_owned(),
        Because::Update(UpdateOutcome::Held) => "the answer held".to_owned(),
        Because::Update(UpdateOutcome::Refused) => "the answer refused".to_owned(),
        Because::Error(name) => format!("the error {name}"),
    }
}

/// The ledger after the end of a move. One in which another move is open is left as it is.
fn closed(record: &MoveRecord, ledger: &Ledger, end: End, now: Timestamp, policy: &policy::Verify) -> Ledger {
    let mut ledger = ledger.clone();
    let Some(open) = ledger.open.as_mut().filter(|open| open.is_of(&record.planned)) else {
        return ledger;
    };
    if end.open {
        open.ends_by = open.ends_by.min(now);
        return ledger;
    }
    if record.steps == 0 {
        ledger.last_write.clone_from(&open.previous);
    }
    ledger.open = None;
    if record.setback == Some(Setback::Drought) {
        ledger.drought_at = Some(now);
    }
    let up = record.planned.kind.may_add_spot();
    match (end.outcome, record.setback) {
        (Some(Outcome::Stable), _) if up => {
            ledger.failures = 0;
            ledger.quarantined_until = None;
            ledger.quarantine_reason.clear();
        }
        (Some(Outcome::Superseded), Some(Setback::Reverted)) => {
            ledger.reverts = ledger.reverts.saturating_add(1);
            let evidence = ledger.last_write.as_ref().and_then(LastWrite::evidence);
            let evidence = evidence.map(|evidence| format!(": {evidence}")).unwrap_or_default();
            let reason = format!("a move under way has been taken back, {} times in all{evidence}", ledger.reverts);
            let times = ledger.reverts;
            quarantine(&mut ledger, reason, times, now, policy);
        }
        (Some(Outcome::Undone | Outcome::FallenBack), Some(Setback::Failed | Setback::Drought))
        | (Some(Outcome::Superseded), Some(Setback::RolledBack))
        | (Some(Outcome::Quarantined | Outcome::Stranded), _) => {
            if up {
                ledger.failures = ledger.failures.saturating_add(1);
            }
            let what = match (end.outcome, record.setback) {
                (Some(Outcome::Stranded), _) => "the way to On-Demand could not be completed",
                (Some(Outcome::Quarantined), _) => "a move up failed and so did going back",
                (_, Some(Setback::Drought)) => "Spot could not be had",
                (_, Some(Setback::RolledBack)) => "ECS rolled a move up back",
                _ => "a move up failed",
            };
            let reason = format!("{what}; {} moves up have failed since one was stable", ledger.failures);
            let times = ledger.failures.max(1);
            quarantine(&mut ledger, reason, times, now, policy);
        }
        _ => {}
    }
    ledger
}

/// Bars moves up for the pause; a longer one that stands already stays.
pub(crate) fn quarantine(ledger: &mut Ledger, reason: String, times: u32, now: Timestamp, policy: &policy::Verify) {
    let pause = pause(policy, times);
    let until = later(now, pause);
    ledger.quarantined_until = Some(ledger.quarantined_until.map_or(until, |standing| standing.max(until)));
    ledger.quarantine_reason = format!("{reason}; no move up for {pause}");
}

/// How long a service rests when something has gone wrong for so many times: the policy's pause,
/// doubled for each time after the first, at most the policy's longest.
#[must_use]
pub fn pause(policy: &policy::Verify, times: u32) -> Seconds {
    policy.quarantine_seconds.doubled(times, policy.max_quarantine_seconds)
}
