//! Taking up what a dead run has left.

use jiff::Timestamp;

use crate::ids::RunId;
use crate::plan::MoveCause;
use crate::record::{Ledger, MoveRecord, Outcome, Step};

/// What becomes of the open move of a dead run.
#[derive(Debug, Clone, PartialEq)]
pub enum Resumption {
    /// It is gone on with, as a move of this run.
    Move(Box<MoveRecord>),
    /// Its record is lost or has ended, and its time is over: nobody will ever end it in the
    /// ledger, which is to be kept as this.
    Close(Box<Ledger>),
    /// There is nothing to do, or not yet.
    Nothing,
}

/// The open move of a run that is no more, as a move of this run: with what was planned and what
/// was written, so that it is verified and not written again. It still has the id of the dead
/// run's move: the plan gives it one of its own.
///
/// The caller knows that the other run is dead: it has ended, or the time in
/// [`crate::record::OpenMove::ends_by`] has come.
#[must_use]
pub fn resume(ledger: &Ledger, record: Option<MoveRecord>, run: &RunId, now: Timestamp) -> Resumption {
    let Some(open) = ledger.open.as_ref() else {
        return Resumption::Nothing;
    };
    let unfinished = record.filter(|record| matches!(record.outcome, None | Some(Outcome::Held)));
    let Some(mut record) = unfinished else {
        return match open.ends_by <= now {
            true => Resumption::Close(Box::new(Ledger { open: None, ..ledger.clone() })),
            false => Resumption::Nothing,
        };
    };
    record.note(now, format!("taken up from run {}, whose time was {}", open.run, open.ends_by));
    record.planned.cause = MoveCause::Resumed { run: open.run.clone() };
    record.planned.run = run.clone();
    record.outcome = None;
    record.concluded_at = None;
    record.stable_since = None;
    record.spot_wait = None;
    // Nobody has judged the service since: a move up is verified or undone, not written again.
    if record.planned.kind.may_add_spot() && record.step == Step::Retry && record.written.is_none() {
        record.step = record.way_back();
    }
    Resumption::Move(Box::new(record))
}
