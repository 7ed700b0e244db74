//! Ending a run, or sending a switch run over its clusters once more.

use std::collections::BTreeMap;

use jiff::Timestamp;
use spotkeeper_core::ids::{ClusterName, MoveId, RunId};
use spotkeeper_core::interface::{EndAnswer, EndNext};
use spotkeeper_core::ports::{Clock, State, Telemetry};
use spotkeeper_core::record::{ClusterReport, Lease, Outcome, RunEnd, RunMode, RunRecord, RunStatus};
use spotkeeper_core::units::Seconds;
use spotkeeper_lambda::{Failure, run_of};

/// How long a switch run waits between two looks when no lease says how long.
const LOOK_AGAIN: Seconds = Seconds(5);
/// The longest wait between two looks: leases last 180 s.
const LONGEST_WAIT: Seconds = Seconds(180);

pub(crate) async fn end(
    state: &impl State,
    telemetry: &impl Telemetry,
    clock: &impl Clock,
    run_id: &RunId,
) -> Result<EndAnswer, Failure> {
    let run = run_of(state, run_id).await?;
    if let Some(ended) = &run.ended {
        return Ok(answer(ended));
    }
    let now = clock.now();
    let reports = state.reports(&run.id).await?;
    let outcomes = state.outcomes(&run.id).await?;
    if let RunMode::Switch { .. } = run.mode
        && let Some(wait) = look_again(&run, &reports, &state.leases(now).await?, now)
    {
        state.put_run(&RunRecord { passes: run.passes + 1, ..run }).await?;
        return Ok(EndAnswer {
            next: EndNext::Again,
            wait_seconds: wait.0,
            status: "running".to_owned(),
            moves: by_outcome(&outcomes),
        });
    }
    let ended = RunEnd {
        at: now,
        status: status(&run, &reports, &outcomes),
        moves: by_outcome(&outcomes),
        failed_clusters: failed_clusters(&run, &reports),
        code_changed: state.code_changed(&run.id).await?,
    };
    let run = RunRecord { ended: Some(ended.clone()), ..run };
    state.put_run(&run).await?;
    if run.holds_lock {
        state.release_lock(&run.id).await?;
    }
    // The run is on record: metrics and events that cannot be sent are no reason to fail it.
    if let Err(error) = telemetry.run_ended(&run, &reports).await {
        tracing::error!(run = %run.id, %error, "metrics or event not sent");
    }
    tracing::info!(run = %run.id, status = ?ended.status, moves = ?ended.moves, "ended");
    Ok(answer(&ended))
}

fn answer(ended: &RunEnd) -> EndAnswer {
    EndAnswer {
        next: EndNext::Ended,
        wait_seconds: 0,
        status: ended.status.name().to_owned(),
        moves: ended.moves.clone(),
    }
}

/// How long a switch run has to wait before it looks once more; `None` when it may end: every
/// lease older than the switch has ended, and the last look found nothing in scope to move.
fn look_again(run: &RunRecord, reports: &[ClusterReport], leases: &[Lease], now: Timestamp) -> Option<Seconds> {
    if now >= run.ends_by {
        return None;
    }
    let scope = run.scope();
    let older = leases.iter().filter(|lease| lease.epoch < run.epoch && scope.covers(&lease.service));
    let until = older.map(|lease| lease.until).max();
    let moved = reports.iter().any(|report| report.waves.iter().any(|wave| !wave.is_empty()));
    match (until, moved) {
        (Some(until), _) => {
            let left = until.duration_since(now).as_secs().max(1);
            Some(Seconds(u32::try_from(left).unwrap_or(u32::MAX)).min(LONGEST_WAIT))
        }
        (None, true) => Some(LOOK_AGAIN),
        (None, false) => None,
    }
}

fn by_outcome(outcomes: &[(MoveId, Option<Outcome>)]) -> BTreeMap<Outcome, u32> {
    let mut moves = BTreeMap::new();
    for outcome in outcomes.iter().filter_map(|(_, outcome)| *outcome) {
        *moves.entry(outcome).or_default() += 1;
    }
    moves
}

fn failed_clusters(run: &RunRecord, reports: &[ClusterReport]) -> BTreeMap<ClusterName, String> {
    let of = |name: &ClusterName| reports.iter().find(|report| report.cluster == *name);
    let failed = run.clusters.iter().filter_map(|name| match of(name) {
        Some(report) => report.failed.clone().map(|error| (name.clone(), error)),
        None => Some((name.clone(), "NotReported".to_owned())),
    });
    failed.collect()
}

fn status(run: &RunRecord, reports: &[ClusterReport], outcomes: &[(MoveId, Option<Outcome>)]) -> RunStatus {
    // A dry run's moves are planned and never made.
    let unfinished = !run.is_dry() && outcomes.iter().any(|(_, outcome)| outcome.is_none_or(Outcome::alarms));
    if unfinished || !failed_clusters(run, reports).is_empty() || !run.policy_mistakes.is_empty() {
        return RunStatus::CompletedWithErrors;
    }
    match (&run.mode, run.holds_lock) {
        (RunMode::Ordinary | RunMode::Restore { .. }, false) => RunStatus::Skipped,
        _ => RunStatus::Completed,
    }
}

#[cfg(test)]
mod tests {
    use spotkeeper_core::ids::{ServiceArn, ServiceName, ServiceRef};
    use spotkeeper_core::switch::{Scope, SwitchEntry};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn run() -> RunRecord {
        let entry = SwitchEntry {
            scope: Scope::All,
            reason: "launch".to_owned(),
            who: "somebody".to_owned(),
            set_at: at(0),
            until: None,
            preempt: false,
            unenrolled: false,
        };
        RunRecord {
            id: RunId::parse("run-1").unwrap(),
            started_at: at(0),
            mode: RunMode::Switch { entry },
            clusters: vec![ClusterName::parse("prod").unwrap()],
            clusters_in_flight: 1,
            holds_lock: false,
            lock_held_by: None,
            epoch: 7,
            policy_mistakes: Vec::new(),
            passes: 0,
            ends_by: at(1_000),
            ended: None,
        }
    }

    fn lease(epoch: u64, until: i64) -> Lease {
        let service = ServiceRef {
            cluster: ClusterName::parse("prod").unwrap(),
            name: ServiceName::parse("web").unwrap(),
            arn: ServiceArn::parse("arn:aws:ecs:eu-west-1:123456789012:service/prod/web").unwrap(),
        };
        Lease { service, holder: "other/1".to_owned(), fence: 1, epoch, until: at(until) }
    }

    fn report(moves: &[&str]) -> ClusterReport {
        ClusterReport {
            run: RunId::parse("run-1").unwrap(),
            cluster: ClusterName::parse("prod").unwrap(),
            at: at(1),
            failed: None,
            services: 1,
            eligible: 0,
            blocked: BTreeMap::new(),
            spot_tasks: 0,
            on_demand_tasks: 2,
            waves: vec![moves.iter().map(|id| MoveId::parse(id).unwrap()).collect()],
            left_on_spot: Vec::new(),
            left_on_spot_more: 0,
            skewed: Vec::new(),
            skewed_more: 0,
            budget: None,
            held_back: BTreeMap::new(),
            gaps: Vec::new(),
            gaps_more: 0,
            api: Default::default(),
        }
    }

    #[test]
    fn a_switch_run_ends_when_older_leases_have_ended_and_nothing_is_left_to_move() {
        let cases = [
            ("nothing to move, no leases", vec![report(&[])], vec![], 10, None),
            ("moves were made: look at what came of them", vec![report(&["m"])], vec![], 10, Some(LOOK_AGAIN)),
            ("a lease older than the switch", vec![report(&[])], vec![lease(6, 70)], 10, Some(Seconds(60))),
            ("a lease taken after the switch", vec![report(&[])], vec![lease(7, 70)], 10, None),
            ("a long lease is looked at in between", vec![report(&[])], vec![lease(6, 900)], 10, Some(LONGEST_WAIT)),
            ("patience has an end", vec![report(&["m"])], vec![lease(6, 2_000)], 1_000, None),
        ];
        for (name, reports, leases, now, expected) in cases {
            assert_eq!(look_again(&run(), &reports, &leases, at(now)), expected, "{name}");
        }
    }
}
