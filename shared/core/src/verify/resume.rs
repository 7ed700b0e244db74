//! Taking up what a dead run has left.

use jiff::Timestamp;

use crate::ids::RunId;
use crate::plan::MoveCause;
use crate::record::{Ledger, MoveRecord, Outcome, Step};

/// The open move of a run that is no more, as a move of this run: with what was planned and what
/// was written, so that it is verified and not written again. It still has the id of the dead
/// run's move: the plan gives it one of its own.
///
/// The caller knows that the other run is dead: it has ended, or the time in
/// [`crate::record::OpenMove::ends_by`] has come. `None` where nothing is open, and where the
/// record is lost or has ended.
#[must_use]
pub fn resume(ledger: &Ledger, record: Option<MoveRecord>, run: &RunId, now: Timestamp) -> Option<MoveRecord> {
    let open = ledger.open.as_ref()?;
    let mut record = record?;
    if !matches!(record.outcome, None | Some(Outcome::Held)) {
        return None;
    }
    record.note(now, format!("taken up from run {}, whose time was {}", open.run, open.ends_by));
    record.planned.cause = MoveCause::Resumed { run: open.run.clone() };
    record.planned.run = run.clone();
    record.outcome = None;
    record.stable_since = None;
    record.spot_wait = None;
    // Nobody has judged the service since: a move up is verified or undone, not written again.
    if record.planned.kind.may_add_spot() && record.step == Step::Retry && record.written.is_none() {
        record.step = record.way_back();
    }
    Some(record)
}
