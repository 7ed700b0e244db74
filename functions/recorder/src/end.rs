//! Ending a run, or sending a switch run over its clusters once more.

use std::collections::BTreeMap;

use jiff::Timestamp;
use spotkeeper_core::ids::{ClusterName, MoveId, RunId};
use spotkeeper_core::interface::{EndAnswer, EndNext};
use spotkeeper_core::ports::{Clock, State, Telemetry};
use spotkeeper_core::record::{ClusterReport, Lease, Outcome, RunEnd, RunMode, RunRecord, RunStatus, UNFINISHED};
use spotkeeper_core::units::Seconds;
use spotkeeper_lambda::{Failure, run_of};

/// How long a switch run waits after its first pass when no lease says how long; twice as long
/// after each further one.
const LOOK_AGAIN: Seconds = Seconds(5);
/// The longest wait between two passes: leases last 180 s.
const LONGEST_WAIT: Seconds = Seconds(180);
/// How many looks at clusters a switch run takes in all: each leaves 13 events, and 20 more with a
/// wave, in the execution's history of 25,000.
const MAX_LOOKS: u32 = 600;

pub(crate) async fn end(
    state: &impl State,
    telemetry: &impl Telemetry,
    clock: &impl Clock,
    run_id: &RunId,
) -> Result<EndAnswer, Failure> {
    let run = run_of(state, run_id).await?;
    let reports = state.reports(&run.id).await?;
    let run = match run.ended {
        // This call is a repetition: what follows the record may not have been done.
        Some(_) => run,
        None => {
            let now = clock.now();
            let outcomes = state.outcomes(&run.id).await?;
            let older_leases: Vec<Lease> = older(&run, &state.leases(now).await?).cloned().collect();
            let unfinished = unfinished(&run, &reports, &older_leases);
            let looks = run.looks.saturating_add(u32::try_from(reports.len()).unwrap_or(u32::MAX));
            if !unfinished.is_empty() && now < run.ends_by && looks < MAX_LOOKS {
                let wait = wait(run.passes, &older_leases, now);
                let passes = run.passes + 1;
                let older_leases = !older_leases.is_empty();
                tracing::info!(run = %run.id, passes, wait = wait.0, clusters = unfinished.len(), "looking again");
                state.put_run(&RunRecord { passes, looks, older_leases, ..run }).await?;
                return Ok(again(unfinished, wait, &outcomes));
            }
            let code_changed = state.code_changed(&run.id).await?;
            let ended = ended(&run, &reports, &outcomes, code_changed, &unfinished, now);
            let run = RunRecord { ended: Some(ended), looks, ..run };
            state.put_run(&run).await?;
            run
        }
    };
    let Some(ended) = run.ended.clone() else {
        return Err(Failure::invalid(format!("run {run_id} has no end")));
    };
    if run.holds_lock {
        state.release_lock(&run.id).await?;
    }
    if !ended.told {
        // The run is on record: metrics and events that cannot be sent are no reason to fail it.
        if let Err(error) = telemetry.run_ended(&run, &reports).await {
            tracing::error!(run = %run.id, %error, "metrics or event not sent");
        }
        let told = RunEnd { told: true, ..ended.clone() };
        state.put_run(&RunRecord { ended: Some(told), ..run }).await?;
    }
    tracing::info!(run = %run_id, status = ?ended.status, moves = ?ended.moves, "ended");
    Ok(EndAnswer {
        next: EndNext::Ended,
        wait_seconds: 0,
        clusters: Vec::new(),
        status: ended.status.name().to_owned(),
        moves: ended.moves,
    })
}

/// The leases in scope that were taken before the run's switch was on: whoever holds one may still
/// write as if it were not.
pub(crate) fn older<'a>(run: &RunRecord, leases: &'a [Lease]) -> impl Iterator<Item = &'a Lease> {
    let (scope, epoch) = (run.switch().map(|entry| entry.scope.clone()), run.epoch);
    let covered = move |lease: &&Lease| scope.as_ref().is_some_and(|scope| scope.covers(&lease.service));
    leases.iter().filter(move |lease| lease.epoch < epoch).filter(covered)
}

/// The clusters that a switch run must look at once more: all of them while a lease older than the
/// switch is alive, or was when this pass began; else those where moves were made, and those that
/// could not be worked on.
fn unfinished(run: &RunRecord, reports: &[ClusterReport], older_leases: &[Lease]) -> Vec<ClusterName> {
    if run.switch().is_none() {
        return Vec::new();
    }
    if run.older_leases || !older_leases.is_empty() {
        return run.clusters.clone();
    }
    let done = |report: &ClusterReport| report.failed.is_none() && report.waves.iter().all(Vec::is_empty);
    let is_done = |name: &&ClusterName| reports.iter().any(|report| report.cluster == **name && done(report));
    run.clusters.iter().filter(|name| !is_done(name)).cloned().collect()
}

/// How long to wait before the next pass: longer after each one, but not past the end of the last
/// older lease. Most are given back long before that.
fn wait(passes: u32, older_leases: &[Lease], now: Timestamp) -> Seconds {
    let until = older_leases.iter().map(|lease| lease.until).max();
    let left = until
        .map_or(LONGEST_WAIT.0, |until| u32::try_from(until.duration_since(now).as_secs().max(1)).unwrap_or(u32::MAX));
    let growing = LOOK_AGAIN.0.saturating_mul(1_u32.checked_shl(passes).unwrap_or(u32::MAX));
    Seconds(growing.min(left)).min(LONGEST_WAIT)
}

fn again(clusters: Vec<ClusterName>, wait: Seconds, outcomes: &[(MoveId, Option<Outcome>)]) -> EndAnswer {
    EndAnswer {
        next: EndNext::Again,
        wait_seconds: wait.0,
        clusters,
        status: "running".to_owned(),
        moves: by_outcome(outcomes),
    }
}

fn ended(
    run: &RunRecord,
    reports: &[ClusterReport],
    outcomes: &[(MoveId, Option<Outcome>)],
    code_changed: u32,
    unfinished: &[ClusterName],
    now: Timestamp,
) -> RunEnd {
    let mut failed_clusters = failed_clusters(run, reports);
    for cluster in unfinished {
        failed_clusters.entry(cluster.clone()).or_insert_with(|| UNFINISHED.to_owned());
    }
    let status = RunStatus::Completed;
    let ended = RunEnd { at: now, status, moves: by_outcome(outcomes), failed_clusters, code_changed, told: false };
    // A dry run's moves are planned and never made.
    let open = !run.is_dry() && outcomes.iter().any(|(_, outcome)| outcome.is_none());
    let status = match (&run.mode, run.holds_lock) {
        _ if open || !run.policy_mistakes.is_empty() || ended.alarms(reports) => RunStatus::CompletedWithErrors,
        (RunMode::Ordinary | RunMode::Restore { .. }, false) => RunStatus::Skipped,
        _ => RunStatus::Completed,
    };
    RunEnd { status, ..ended }
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

#[cfg(test)]
mod tests {
    use spotkeeper_core::ids::{ServiceArn, ServiceName, ServiceRef};
    use spotkeeper_core::policy::Policy;
    use spotkeeper_core::record::{LeftOnSpot, LeftWhy};
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
            policy: Policy::default(),
            policy_mistakes: Vec::new(),
            passes: 0,
            looks: 0,
            older_leases: false,
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
        let (run, cluster) = (RunId::parse("run-1").unwrap(), ClusterName::parse("prod").unwrap());
        let waves = vec![moves.iter().map(|id| MoveId::parse(id).unwrap()).collect()];
        ClusterReport { waves, ..ClusterReport::empty(run, cluster, at(1)) }
    }

    #[test]
    fn s4_a_switch_run_looks_again_until_nothing_older_lives_and_nothing_is_left_to_move() {
        let failed = ClusterReport { failed: Some("Throttled".to_owned()), ..report(&[]) };
        let before = RunRecord { older_leases: true, ..run() };
        let ordinary = RunRecord { mode: RunMode::Ordinary, ..run() };
        let cases = [
            ("nothing to move, no leases", run(), vec![report(&[])], vec![], false),
            ("moves were made: look at what came of them", run(), vec![report(&["m"])], vec![], true),
            ("a lease older than the switch", run(), vec![report(&[])], vec![lease(6, 70)], true),
            ("a lease taken after the switch", run(), vec![report(&[])], vec![lease(7, 70)], false),
            ("an older lease ended while this pass looked", before, vec![report(&[])], vec![], true),
            ("the cluster could not be worked on", run(), vec![failed.clone()], vec![], true),
            ("the cluster has no report", run(), vec![], vec![], true),
            ("a run that is no switch", ordinary, vec![failed], vec![lease(6, 70)], false),
        ];
        for (name, run, reports, leases, again) in cases {
            let older: Vec<Lease> = older(&run, &leases).cloned().collect();
            assert_eq!(!unfinished(&run, &reports, &older).is_empty(), again, "{name}");
        }
    }

    #[test]
    fn passes_come_further_and_further_apart() {
        let cases = [
            ("the first", 0, vec![], 5),
            ("the third", 2, vec![], 20),
            ("never longer than a lease", 40, vec![], 180),
            ("an older lease may be given back early", 0, vec![lease(6, 70)], 5),
            ("until the older lease has ended", 6, vec![lease(6, 70)], 60),
            ("a long lease is looked at in between", 40, vec![lease(6, 900)], 180),
        ];
        for (name, passes, leases, expected) in cases {
            assert_eq!(wait(passes, &leases, at(10)), Seconds(expected), "{name}");
        }
    }

    #[test]
    fn what_is_left_on_spot_makes_an_end_with_errors() {
        let left =
            |why| ClusterReport { left_on_spot: vec![LeftOnSpot { service: lease(1, 1).service, why }], ..report(&[]) };
        let prod = vec![ClusterName::parse("prod").unwrap()];
        let cases = [
            ("nothing", report(&[]), vec![], RunStatus::Completed),
            ("not covered, as asked", left(LeftWhy::NotCovered), vec![], RunStatus::Completed),
            ("somebody deploys", left(LeftWhy::SomebodyDeploys), vec![], RunStatus::CompletedWithErrors),
            ("given up", report(&["m"]), prod, RunStatus::CompletedWithErrors),
        ];
        for (name, report, unfinished, expected) in cases {
            let ended = ended(&run(), &[report], &[], 0, &unfinished, at(2_000));
            assert_eq!(ended.status, expected, "{name}");
            assert_eq!(ended.failed_clusters.len(), unfinished.len(), "{name}");
        }
    }
}
