//! The run that a function works for, and its lock.

use jiff::SignedDuration;
use spotkeeper_core::ids::RunId;
use spotkeeper_core::ports::{Clock, PortError, State};
use spotkeeper_core::record::RunRecord;

use crate::Failure;

/// How long the run lock lasts without being renewed. Every function of a run renews it, and two
/// of them are never further apart than the longest wait (600 s, `verify.poll_seconds`) and the
/// longest timeout (the Determiner's 900 s).
pub const LOCK: SignedDuration = SignedDuration::from_secs(1_800);

/// The record of a run.
///
/// # Errors
/// `Absent` where there is none.
pub async fn run_of(state: &impl State, run: &RunId) -> Result<RunRecord, Failure> {
    let record = state.run(run).await?;
    record.ok_or_else(|| PortError::Absent { subject: format!("run {run}") }.into())
}

/// Renews the lock of a run that holds it. One that has lost it, because it was silent for
/// [`LOCK`], goes on without: it moves nothing up any more.
///
/// # Errors
/// Where the state cannot be used.
pub async fn keep_lock(state: &impl State, clock: &impl Clock, run: RunRecord) -> Result<RunRecord, Failure> {
    if !run.holds_lock || run.ended.is_some() {
        return Ok(run);
    }
    let now = clock.now();
    match state.take_lock(&run.id, now, now + LOCK).await? {
        Ok(_) => Ok(run),
        Err(other) => {
            tracing::warn!(run = %run.id, holder = %other.run, "the run lock was lost: nothing moves up any more");
            Ok(RunRecord { holds_lock: false, lock_held_by: Some(other.run), ..run })
        }
    }
}
