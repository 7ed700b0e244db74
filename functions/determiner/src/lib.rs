//! The Determiner: observe, assess, plan; or name the next wave of a plan.

mod report;
mod waves;

use std::collections::BTreeSet;

use jiff::Timestamp;
use spotkeeper_core::assess::{Memory, assess};
use spotkeeper_core::control::Steered;
use spotkeeper_core::ids::ServiceArn;
use spotkeeper_core::interface::{DetermineAnswer, DetermineCounts, DetermineInput};
use spotkeeper_core::observe::Depth;
use spotkeeper_core::plan::{Plan, PlanInput, TurnReport, TurnWhat, plan};
use spotkeeper_core::ports::{Clock, Fleet, PortError, State};
use spotkeeper_core::reading::Read;
use spotkeeper_core::record::{ClusterReport, Ledger, MoveRecord, Outcome, RunMode, RunRecord};
use spotkeeper_core::signals::Signals;
use spotkeeper_core::units::Percent;
use spotkeeper_core::verify::{Resumption, resume};
use spotkeeper_lambda::{Failure, keep_lock, run_of};

/// Reads and plans a cluster; with a cursor, names the next wave of that plan.
///
/// # Errors
/// A [`Failure`] whose name the state machine matches: nothing has been written to the fleet.
pub async fn handle(
    fleet: &impl Fleet,
    state: &impl State,
    clock: &impl Clock,
    input: DetermineInput,
) -> Result<DetermineAnswer, Failure> {
    let run = keep_lock(state, clock, run_of(state, &input.run_id).await?).await?;
    match input.cursor {
        None => determine(fleet, state, clock, &run, &input).await,
        Some(wave) => waves::next(state, clock, &run, &input.cluster, wave).await,
    }
}

async fn determine(
    fleet: &impl Fleet,
    state: &impl State,
    clock: &impl Clock,
    run: &RunRecord,
    input: &DetermineInput,
) -> Result<DetermineAnswer, Failure> {
    let policy = &run.policy;
    let depth = match run.mode {
        RunMode::Switch { .. } => Depth::Switch,
        RunMode::Ordinary | RunMode::Dry { .. } | RunMode::Restore { .. } => Depth::Full,
    };
    let read = Read::cluster(fleet, state, &input.cluster, depth).await?;
    let Read { snapshot, mut ledgers, signals, switches, turns, turn_versions } = read;
    for gap in &snapshot.gaps {
        tracing::warn!(cluster = %input.cluster, %gap, "gap");
    }
    let now = clock.now();
    let resumed = resumable(state, run, &mut ledgers, now).await?;
    let given_up = given_up(state, run, input).await?;
    let memory = Memory::of(ledgers, signals, switches);
    let assessments = match depth {
        Depth::Full => assess(policy, &snapshot, &memory, now),
        Depth::Switch => Vec::new(),
    };
    let mut plan = plan(&PlanInput {
        policy,
        snapshot: &snapshot,
        assessments: &assessments,
        memory: &memory,
        run,
        resumed: &resumed,
        turns: &turns,
        turn_versions: &turn_versions,
        given_up: &given_up,
        now,
    });
    for reverted in &plan.reverted {
        tracing::warn!(service = %reverted.service, reverts = reverted.reverts, evidence = reverted.write.evidence(), "taken back");
    }
    for report in &plan.turn_reports {
        tracing::info!(cluster = %input.cluster, provider = %report.provider, what = ?report.what, said = report.said, "turn");
    }
    for ledger in &plan.ledgers {
        put_ledger(state, ledger).await?;
    }
    let decided = decided_before(state, run, input, &memory.signals).await?;
    if !turn_versions.is_empty() {
        let ended = ended_before(state, run, input, &plan.turn_reports).await?;
        plan.turn_reports.extend(ended);
    }
    let report = report::report(run, &snapshot, &assessments, &plan, &decided, fleet.api_counts(), now);
    if !run.is_dry() && plan.ceilings.iter().any(Steered::is_news) {
        // The changes are told of by the report, when the run ends: what is decided is in it before it is
        // kept, so that a repetition of this call finds it.
        state.put_report(&ClusterReport { waves: Vec::new(), ..report.clone() }).await?;
    }
    put_ceilings(state, run, &memory, &plan).await?;
    state.put_assessments(&run.id, &input.cluster, &assessments).await?;
    // The report names the waves, so it is written after the moves that they name.
    state.put_moves(&plan.moves).await?;
    state.put_report(&report).await?;
    let counts = report::counts(&report, &plan);
    if run.is_dry() {
        return Ok(waves::done(counts));
    }
    // The original is on record before any group is turned, and so is until when it may take.
    for turn in &plan.turns {
        state.put_turn(turn, None).await?;
    }
    if plan.turn_orders.is_empty() {
        return Ok(waves::answer(&report, 0, counts));
    }
    Ok(waves::turn(plan.turn_orders, counts))
}

/// Keeps a ledger; `false` where somebody works on the service right now and knows better.
async fn put_ledger(state: &impl State, ledger: &Ledger) -> Result<bool, Failure> {
    match state.put_ledger(ledger).await {
        Ok(()) => Ok(true),
        Err(PortError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Keeps what the controller decided, before the moves that follow from it: a cut that is remembered is
/// made by the next run where this one dies. Where another run has decided meanwhile, it is all done
/// again.
async fn put_ceilings(state: &impl State, run: &RunRecord, memory: &Memory, plan: &Plan) -> Result<(), Failure> {
    for steered in &plan.ceilings {
        let Steered { before, in_force_before, after, effective, evidence, .. } = steered;
        if steered.is_news() {
            let or_none = |percent: Option<Percent>| percent.map_or_else(|| "none".to_owned(), |one| one.to_string());
            let before = or_none(*before);
            let effective_before = or_none(in_force_before.as_ref().map(|before| before.percent));
            let reasons: Vec<&str> = steered.reasons().collect();
            let capped_by = after.in_force.as_ref().and_then(|in_force| in_force.capped_by.as_ref());
            tracing::info!(cluster = %after.cluster, pair = %after.pair, before, after = %after.ceiling, effective_before, %effective, ?capped_by, ?reasons, ?evidence, "ceiling");
        }
        if !run.is_dry() && !memory.signals.ceilings.contains(after) {
            state.put_ceiling(after).await?;
        }
    }
    Ok(())
}

/// The changes of ceilings that an earlier attempt of this call has decided and kept: to this one the
/// ceilings look as if they had always been so.
async fn decided_before(
    state: &impl State,
    run: &RunRecord,
    input: &DetermineInput,
    signals: &Signals,
) -> Result<Vec<Steered>, Failure> {
    if run.is_dry() || signals.ceilings.iter().all(|ceiling| ceiling.last_change() < run.started_at) {
        return Ok(Vec::new());
    }
    let decided = state.report(&run.id, &input.cluster).await?.map(|report| report.ceilings).unwrap_or_default();
    let kept = |steered: &Steered| steered.is_news() && steered.was_kept(&signals.ceilings);
    Ok(decided.into_iter().filter(kept).collect())
}

/// The turns that an earlier attempt of this call has ended: this one does not find them any more.
async fn ended_before(
    state: &impl State,
    run: &RunRecord,
    input: &DetermineInput,
    found: &[TurnReport],
) -> Result<Vec<TurnReport>, Failure> {
    let before = state.report(&run.id, &input.cluster).await?.map(|report| report.turns).unwrap_or_default();
    let is_gone = |one: &TurnReport| found.iter().all(|now| now.provider != one.provider);
    let ended = |one: &TurnReport| matches!(one.what, TurnWhat::Ended { .. });
    Ok(before.into_iter().filter(|one| ended(one) && is_gone(one)).collect())
}

/// The moves of other runs that were left unfinished and whose time is over. Those of which the
/// record is gone are closed in the ledger.
async fn resumable(
    state: &impl State,
    run: &RunRecord,
    ledgers: &mut [Ledger],
    now: Timestamp,
) -> Result<Vec<MoveRecord>, Failure> {
    let mut moves = Vec::new();
    if run.is_dry() {
        return Ok(moves);
    }
    for ledger in ledgers {
        let Some(open) = ledger.open.as_ref().filter(|open| open.run != run.id) else {
            continue;
        };
        let ended = state.run(&open.run).await?.is_none_or(|other| other.ended.is_some());
        if ended || open.ends_by <= now {
            let record = state.get_move(&open.run, &open.move_id).await?;
            match resume(ledger, record, &run.id, now) {
                Resumption::Move(record) => moves.push(*record),
                Resumption::Close(closed) => {
                    tracing::warn!(service = %ledger.service, run = %open.run, id = %open.move_id, "closed: its record is gone");
                    if put_ledger(state, &closed).await? {
                        *ledger = *closed;
                    }
                }
                Resumption::Nothing => {}
            }
        }
    }
    Ok(moves)
}

/// The services that an earlier pass of this switch run could not bring down: they are reported,
/// not tried for ever.
async fn given_up(
    state: &impl State,
    run: &RunRecord,
    input: &DetermineInput,
) -> Result<BTreeSet<ServiceArn>, Failure> {
    let mut services = BTreeSet::new();
    if run.passes == 0 {
        return Ok(services);
    }
    for (id, outcome) in state.outcomes(&run.id).await? {
        let failed = matches!(outcome, Some(Outcome::Stranded | Outcome::Refused | Outcome::Quarantined));
        if failed
            && let Some(record) = state.get_move(&run.id, &id).await?
            && record.planned.service.cluster == input.cluster
        {
            services.insert(record.planned.service.arn);
        }
    }
    Ok(services)
}

/// Nothing found: the counts of a wave that only continues.
const fn no_counts() -> DetermineCounts {
    DetermineCounts { services: 0, eligible: 0, up: 0, down: 0, rebalance: 0, gaps: 0 }
}
