//! The StabilityChecker: looks at one move and says what follows.

use spotkeeper_core::interface::{CheckAnswer, CheckInput};
use spotkeeper_core::ports::{Clock, Fleet, PortError, State};
use spotkeeper_core::record::Outcome;
use spotkeeper_core::verify::{Next, VerifyInput, verify};
use spotkeeper_lambda::{Failure, keep_lock, run_of};

/// Looks at a move, keeps what was learnt and says what follows.
///
/// # Errors
/// A [`Failure`] when Spotkeeper's own state cannot be used, or the service was being worked on
/// in the same moment (`Conflict`: look again). The fleet is left as it is.
pub async fn handle(
    fleet: &impl Fleet,
    state: &impl State,
    clock: &impl Clock,
    input: CheckInput,
) -> Result<CheckAnswer, Failure> {
    let run = keep_lock(state, clock, run_of(state, &input.run_id).await?).await?;
    let absent =
        |what: &str| PortError::Absent { subject: format!("{what} of move {} of run {}", input.move_id, run.id) };
    let record = state.get_move(&run.id, &input.move_id).await?.ok_or_else(|| absent("the record"))?;
    if let Some(outcome) = record.outcome {
        return Ok(answer(ended(outcome), 0, &format!("it has ended {}", outcome.name())));
    }
    let service = record.planned.service.clone();
    let ledger = state.ledger(&service.arn).await?.ok_or_else(|| absent("the ledger"))?;
    let look = fleet.look(&service, record.look_since(clock.now())).await;
    for gap in look.gaps() {
        tracing::warn!(move_id = %input.move_id, %service, %gap, "gap");
    }
    let switches = state.switches().await?;
    let now = clock.now();
    let judgement = verify(&VerifyInput {
        policy: &run.policy,
        run: &run,
        record: &record,
        ledger: &ledger,
        look: &look,
        switches: &switches,
        now,
    });
    if judgement.ledger != ledger {
        state.put_ledger(&judgement.ledger).await?;
    }
    if judgement.record != record {
        state.put_moves(std::slice::from_ref(&judgement.record)).await?;
    }
    tracing::info!(move_id = %input.move_id, %service, next = ?judgement.next, reason = judgement.reason, "checked");
    Ok(answer(judgement.next, judgement.wait.0, &judgement.reason))
}

/// What a move that has ended answers when it is looked at once more.
const fn ended(outcome: Outcome) -> Next {
    match outcome {
        Outcome::Stable | Outcome::Undone | Outcome::FallenBack => Next::Stable,
        Outcome::Superseded | Outcome::Held | Outcome::Refused => Next::Yield,
        Outcome::Quarantined | Outcome::Stranded => Next::Quarantine,
    }
}

fn answer(next: Next, wait_seconds: u32, reason: &str) -> CheckAnswer {
    CheckAnswer { next, wait_seconds, reason: reason.chars().take(256).collect() }
}
