//! The Updater: checks each move against the world and writes it, and turns groups. The only function
//! that may call `ecs:UpdateService` and `autoscaling:UpdateAutoScalingGroup`.

mod pace;
mod turn;

use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use spotkeeper_core::apply::{ApplyDecision, ApplyInput, after_write, decide};
use spotkeeper_core::ids::MoveId;
use spotkeeper_core::interface::{MAX_MOVES, UpdateAnswer, UpdateInput, UpdateOutcome, Updated};
use spotkeeper_core::ports::{Clock, Fleet, LeaseAnswer, PortError, State};
use spotkeeper_core::record::{Lease, MoveRecord, Outcome, RunRecord};
use spotkeeper_core::turn::MAX_TURNS;
use spotkeeper_core::units::Seconds;
use spotkeeper_lambda::{Failure, keep_lock, run_of};

use crate::pace::{Pace, Turn};

/// How long a lease lasts: longer than the function's own timeout (120 s in `template.yaml`), so
/// that no write under a lease can come after it has ended.
pub const LEASE: SignedDuration = SignedDuration::from_secs(180);
/// What must be left of the function's time before another move is begun, and before its write is
/// put on record: the write and its retries.
pub const TIME_FOR_ONE_MOVE: SignedDuration = SignedDuration::from_secs(40);
/// How many moves are worked on at once: enough that the token buckets are what limits, not the
/// latency of the reads before each write.
const AT_ONCE: usize = 16;
/// How often a lease is asked for anew because a switch has changed in between.
const SWITCH_CHANGES: usize = 5;

/// What every move of a call is worked on with.
struct Call<'a, F, S, C> {
    fleet: &'a F,
    state: &'a S,
    clock: &'a C,
    ends_at: Timestamp,
    run: &'a RunRecord,
    pace: &'a Pace<'a, F, S, C>,
}

/// Writes the moves, each at most once.
///
/// # Errors
/// A [`Failure`] when the input is wrong or Spotkeeper's own state cannot be used. What was
/// written before that is in the records: calling again with the same moves is safe.
pub async fn handle(
    fleet: &impl Fleet,
    state: &impl State,
    clock: &impl Clock,
    ends_at: Timestamp,
    input: UpdateInput,
) -> Result<UpdateAnswer, Failure> {
    check(&input)?;
    let run = keep_lock(state, clock, run_of(state, &input.run_id).await?).await?;
    if !input.turns.is_empty() {
        let turns = turn::turn_all(fleet, state, clock, ends_at, &run, &input.turns).await?;
        return Ok(UpdateAnswer { moves: Vec::new(), turns });
    }
    let pace = Pace::new(fleet, state, clock, &run, input.move_ids.len());
    let call = Call { fleet, state, clock, ends_at, run: &run, pace: &pace };
    let work = input.move_ids.iter().map(|id| update(&call, id));
    let done: Vec<Result<Updated, Failure>> = futures_util::stream::iter(work).buffered(AT_ONCE).collect().await;
    pace.end().await;
    Ok(UpdateAnswer { moves: done.into_iter().collect::<Result<_, _>>()?, turns: Vec::new() })
}

fn check(input: &UpdateInput) -> Result<(), Failure> {
    let number = input.move_ids.len();
    match input.turns.len() {
        0 => {}
        turns if turns > MAX_TURNS => {
            return Err(Failure::invalid(format!("turns has {turns} groups: at most {MAX_TURNS} are allowed")));
        }
        _ if number > 0 => {
            return Err(Failure::invalid("move_ids and turns exclude each other: one call for each".to_owned()));
        }
        _ => return Ok(()),
    }
    if number == 0 || number > MAX_MOVES {
        return Err(Failure::invalid(format!("move_ids has {number} ids: 1 to {MAX_MOVES} are allowed")));
    }
    let mut ids: Vec<&MoveId> = input.move_ids.iter().collect();
    ids.sort();
    match ids.windows(2).find(|two| two[0] == two[1]) {
        Some(twice) => Err(Failure::invalid(format!("move_ids names {} twice", twice[0]))),
        None => Ok(()),
    }
}

async fn update(call: &Call<'_, impl Fleet, impl State, impl Clock>, id: &MoveId) -> Result<Updated, Failure> {
    let Call { state, clock, ends_at, run, pace, .. } = *call;
    let record = state.get_move(&run.id, id).await?;
    let record = record.ok_or_else(|| PortError::Absent { subject: format!("move {id} of run {}", run.id) })?;
    if let Some(outcome) = record.outcome {
        return Ok(answer(id, ended(outcome), &format!("it has ended {}", outcome.name()), Seconds(0)));
    }
    // First of all, since at a slow pace it may take longer than all the rest: what is read
    // afterwards is fresh when it decides.
    let last = last_begin(ends_at);
    let mut turn = match clock.now() <= last {
        true => pace.turn(last).await,
        false => None,
    };
    if turn.is_none() {
        return Ok(out_of_time(id));
    }
    let done = with_turn(call, record, &mut turn).await;
    if let Some(unused) = turn {
        pace.unused(unused).await;
    }
    done
}

async fn with_turn(
    call: &Call<'_, impl Fleet, impl State, impl Clock>,
    record: MoveRecord,
    turn: &mut Option<Turn>,
) -> Result<Updated, Failure> {
    let Call { state, clock, run, .. } = *call;
    let id = record.planned.id.clone();
    match lease(state, clock, run, &record).await? {
        Ok(lease) => {
            let done = under_lease(call, record, &lease, turn).await;
            // A lease that cannot be given back ends by itself; the work is what counts.
            if let Err(error) = state.release_lease(&lease).await {
                tracing::warn!(%id, %error, "the lease was not given back");
            }
            done
        }
        Err(reason) => Ok(answer(&id, UpdateOutcome::Held, &reason, Seconds(0))),
    }
}

/// Until when a move may be begun, and kept waiting.
pub(crate) fn last_begin(ends_at: Timestamp) -> Timestamp {
    ends_at.saturating_sub(TIME_FOR_ONE_MOVE).unwrap_or(ends_at)
}

fn out_of_time(id: &MoveId) -> Updated {
    answer(id, UpdateOutcome::Held, "the time of this call is used up", Seconds(0))
}

/// Takes the service's lease together with a check of the switch epoch; or says who has it.
async fn lease(
    state: &impl State,
    clock: &impl Clock,
    run: &RunRecord,
    record: &MoveRecord,
) -> Result<Result<Lease, String>, Failure> {
    let holder = format!("{}/{}", run.id, record.planned.id);
    for _ in 0..SWITCH_CHANGES {
        let epoch = state.switches().await?.epoch;
        let now = clock.now();
        match state.take_lease(&record.planned.service, &holder, epoch, now, now + LEASE).await? {
            LeaseAnswer::Taken(lease) => return Ok(Ok(lease)),
            LeaseAnswer::HeldBy(other) => {
                return Ok(Err(format!("{} works on the service until {}", other.holder, other.until)));
            }
            LeaseAnswer::SwitchChanged => {}
        }
    }
    Ok(Err("switches change faster than a lease can be taken".to_owned()))
}

async fn under_lease(
    call: &Call<'_, impl Fleet, impl State, impl Clock>,
    record: MoveRecord,
    lease: &Lease,
    turn: &mut Option<Turn>,
) -> Result<Updated, Failure> {
    let Call { fleet, state, clock, ends_at, run, .. } = *call;
    let policy = &run.policy;
    let id = record.planned.id.clone();
    let service = record.planned.service.clone();
    let ledger = state.ledger(&service.arn).await?;
    let look = fleet.look(&service, record.look_since(clock.now())).await;
    for gap in look.gaps() {
        tracing::warn!(%id, %service, %gap, "gap");
    }
    // Read after the lease and the look, right before deciding: entries that people put into the
    // table by hand do not count the epoch up.
    let switches = state.switches().await?;
    let decision = decide(&ApplyInput {
        policy,
        run,
        record: &record,
        ledger: ledger.as_ref(),
        look: &look,
        switches: &switches,
        lease,
        now: clock.now(),
    });
    match decision {
        // A function that dies after the intent and before the write leaves five minutes of
        // looking for what was never sent.
        ApplyDecision::Write { .. } if clock.now() > last_begin(ends_at) => Ok(out_of_time(&id)),
        ApplyDecision::Write { placed_by, record, ledger } => {
            // The intent is on record before the write: whoever comes after a crash finds it.
            state.put_ledger(&ledger).await?;
            state.put_moves(std::slice::from_ref(&record)).await?;
            tracing::info!(%id, %service, step = ?record.step, after = ?placed_by, "writing");
            if let Some(Turn::Shared(_)) = turn.take() {
                fleet.write_granted();
            }
            let result = fleet.write(&service, &placed_by).await;
            if let Err(error) = &result {
                tracing::warn!(%id, %service, %error, "not confirmed");
            }
            let done = after_write(policy, *record, *ledger, result.as_ref().copied(), clock.now());
            state.put_ledger(&done.ledger).await?;
            state.put_moves(std::slice::from_ref(&done.record)).await?;
            Ok(answer(&id, done.outcome, &done.reason, done.wait))
        }
        ApplyDecision::AlreadyApplied { record, ledger, reason } => {
            state.put_ledger(&ledger).await?;
            state.put_moves(std::slice::from_ref(&record)).await?;
            Ok(answer(&id, UpdateOutcome::Applied, &reason, policy.verify.poll_seconds))
        }
        ApplyDecision::Superseded { reason } => Ok(answer(&id, UpdateOutcome::Superseded, &reason, Seconds(0))),
        ApplyDecision::Held { reason } => Ok(answer(&id, UpdateOutcome::Held, &reason, Seconds(0))),
        ApplyDecision::Refused { reason } => Ok(answer(&id, UpdateOutcome::Refused, &reason, Seconds(0))),
    }
}

/// What a move that has ended is to the state machine: nothing more to apply.
const fn ended(outcome: Outcome) -> UpdateOutcome {
    match outcome {
        Outcome::Stable | Outcome::Undone | Outcome::FallenBack | Outcome::Held => UpdateOutcome::Held,
        Outcome::Superseded => UpdateOutcome::Superseded,
        Outcome::Quarantined | Outcome::Stranded | Outcome::Refused => UpdateOutcome::Refused,
    }
}

fn answer(id: &MoveId, outcome: UpdateOutcome, reason: &str, wait: Seconds) -> Updated {
    tracing::info!(%id, ?outcome, reason, "updated");
    let reason = reason.chars().take(256).collect();
    Updated { move_id: id.clone(), outcome, reason, wait_seconds: wait.0 }
}
