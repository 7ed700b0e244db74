//! Naming the waves of a plan, one at a time.

use spotkeeper_core::ids::{ClusterName, MoveId};
use spotkeeper_core::interface::{DetermineAnswer, DetermineCounts, DetermineNext, Then};
use spotkeeper_core::plan::MoveKind;
use spotkeeper_core::ports::{Clock, PortError, State};
use spotkeeper_core::record::{ClusterReport, MoveRecord, Outcome, RunRecord};
use spotkeeper_core::turn::TurnOrder;
use spotkeeper_lambda::Failure;

use crate::no_counts;

/// The next wave; none when it is one of moves up and an earlier move up did not end well. What
/// another run has left is followed up all the same, and so are the moves down after it: moves up
/// are the last of a plan.
pub(crate) async fn next(
    state: &impl State,
    clock: &impl Clock,
    run: &RunRecord,
    cluster: &ClusterName,
    wave: u32,
) -> Result<DetermineAnswer, Failure> {
    let Some(report) = state.report(&run.id, cluster).await? else {
        let subject = format!("the plan of {cluster} in run {}", run.id);
        return Err(PortError::Absent { subject }.into());
    };
    let index = usize::try_from(wave).unwrap_or(usize::MAX);
    let rest = report.waves.get(index..).unwrap_or_default();
    let (Some(first), earlier) = (rest.first().and_then(|wave| wave.first()), report.waves.get(..index)) else {
        return Ok(done(no_counts()));
    };
    let goes_up = move_of(state, run, first).await?.planned.begins_to_add_spot();
    if goes_up && let Some(reason) = why_stop(state, run, earlier.unwrap_or_default()).await? {
        tracing::warn!(%cluster, wave, reason, "the remaining waves are held");
        hold(state, clock, run, rest, &reason).await?;
        return Ok(done(no_counts()));
    }
    Ok(answer(&report, index, no_counts()))
}

/// Why no further service may move up: an earlier one did not end stable, or runs other code.
async fn why_stop(state: &impl State, run: &RunRecord, earlier: &[Vec<MoveId>]) -> Result<Option<String>, Failure> {
    for id in earlier.iter().flatten() {
        let record = move_of(state, run, id).await?;
        if record.planned.kind == MoveKind::Down {
            continue;
        }
        if record.code_changed {
            return Ok(Some(format!("{} runs another image since its move", record.planned.service)));
        }
        match record.outcome {
            Some(Outcome::Stable) => {}
            Some(outcome) => {
                return Ok(Some(format!("the move of {} ended {}", record.planned.service, outcome.name())));
            }
            None => return Ok(Some(format!("the move of {} has not ended", record.planned.service))),
        }
    }
    Ok(None)
}

/// Ends moves that will not be made in this run.
async fn hold(
    state: &impl State,
    clock: &impl Clock,
    run: &RunRecord,
    waves: &[Vec<MoveId>],
    reason: &str,
) -> Result<(), Failure> {
    let mut held = Vec::new();
    for id in waves.iter().flatten() {
        let mut record = move_of(state, run, id).await?;
        if record.outcome.is_none() && record.written.is_none() {
            record.note(clock.now(), format!("held: {reason}"));
            record.outcome = Some(Outcome::Held);
            held.push(record);
        }
    }
    Ok(state.put_moves(&held).await?)
}

async fn move_of(state: &impl State, run: &RunRecord, id: &MoveId) -> Result<MoveRecord, Failure> {
    let record = state.get_move(&run.id, id).await?;
    record.ok_or_else(|| PortError::Absent { subject: format!("move {id} of run {}", run.id) }.into())
}

/// The answer that names a wave.
pub(crate) fn answer(report: &ClusterReport, index: usize, counts: DetermineCounts) -> DetermineAnswer {
    let Some(moves) = report.waves.get(index) else {
        return done(counts);
    };
    let following = index + 1;
    let cursor = (following < report.waves.len()).then(|| u32::try_from(following).unwrap_or(u32::MAX));
    let at_once = cursor.is_some() && report.followed_at_once.iter().any(|wave| usize::try_from(*wave) == Ok(index));
    let then = if at_once { Then::NextWave } else { Then::Verify };
    DetermineAnswer { next: DetermineNext::Update, moves: moves.clone(), turns: Vec::new(), cursor, then, counts }
}

/// The answer that names groups to turn: the first wave follows.
pub(crate) const fn turn(turns: Vec<TurnOrder>, counts: DetermineCounts) -> DetermineAnswer {
    let (next, then) = (DetermineNext::Turn, Then::Verify);
    DetermineAnswer { next, moves: Vec::new(), turns, cursor: Some(0), then, counts }
}

/// The answer that there is no further wave.
pub(crate) const fn done(counts: DetermineCounts) -> DetermineAnswer {
    let (next, then) = (DetermineNext::Done, Then::Verify);
    DetermineAnswer { next, moves: Vec::new(), turns: Vec::new(), cursor: None, then, counts }
}
