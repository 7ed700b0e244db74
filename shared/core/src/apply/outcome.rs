//! What AWS's answer to a write means.

use jiff::Timestamp;

use crate::interface::UpdateOutcome;
use crate::policy::Policy;
use crate::ports::WriteError;
use crate::record::{Ledger, MoveRecord, Step};
use crate::units::Seconds;
use crate::verify::find::forget;

/// What follows AWS's answer to a write.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// The record as it is to be kept.
    pub record: MoveRecord,
    /// The ledger as it is to be kept.
    pub ledger: Ledger,
    /// What to answer.
    pub outcome: UpdateOutcome,
    /// Why, in a sentence.
    pub reason: String,
    /// How long to wait before the first look.
    pub wait: Seconds,
}

/// What AWS's answer to a write means. A refused or throttled write has not happened; a lost
/// answer may have, and is looked up.
#[must_use]
pub fn after_write(
    policy: &Policy,
    mut record: MoveRecord,
    mut ledger: Ledger,
    answer: Result<(), &WriteError>,
    now: Timestamp,
) -> Answered {
    let (outcome, reason) = match answer {
        Ok(()) => (UpdateOutcome::Applied, format!("ECS took write {} of the move", record.steps)),
        Err(error @ WriteError::Lost { .. }) => (
            UpdateOutcome::Applied,
            format!("{error}: it is looked up, not repeated, for {}", policy.verify.unconfirmed_seconds),
        ),
        Err(error @ WriteError::Throttled { .. }) => (UpdateOutcome::Held, error.to_string()),
        Err(error @ (WriteError::Refused { .. } | WriteError::Denied { .. })) => {
            (UpdateOutcome::Refused, error.to_string())
        }
    };
    match outcome {
        UpdateOutcome::Applied => {
            if let Some(written) = &mut record.written {
                written.confirmed = answer.is_ok();
                if matches!(record.step, Step::Apply | Step::Retry) && record.planned.kind.may_add_spot() {
                    ledger.last_up_at = ledger.last_up_at.max(Some(written.at));
                }
            }
        }
        UpdateOutcome::Superseded | UpdateOutcome::Held | UpdateOutcome::Refused => {
            forget(&mut record, &mut ledger);
            record.steps = record.steps.saturating_sub(1);
            if matches!(record.step, Step::Apply | Step::Retry) {
                record.attempts = record.attempts.saturating_sub(1);
            }
            if record.steps == 0 {
                ledger.open = None;
            }
        }
    }
    record.note(now, reason.clone());
    let wait = match outcome {
        UpdateOutcome::Applied => policy.verify.poll_seconds,
        UpdateOutcome::Superseded | UpdateOutcome::Held | UpdateOutcome::Refused => Seconds(0),
    };
    Answered { record, ledger, outcome, reason, wait }
}
