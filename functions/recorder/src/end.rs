//! Ending a run, or sending a switch run over its clusters once more.

use std::collections::BTreeMap;

use jiff::Timestamp;
use spotkeeper_core::ids::{ClusterName, MoveId, RunId};
use spotkeeper_core::interface::{EndAnswer, EndNext};
use spotkeeper_core::ports::{Clock, EndOfRun, State, Telemetry};
use spotkeeper_core::record::{
    ClusterReport, Lease, LeftWhy, MoveRecord, Outcome, RunEnd, RunMode, RunRecord, RunStatus, UNFINISHED,
};
use spotkeeper_core::switch::{SwitchEntry, Switches};
use spotkeeper_core::units::Seconds;
use spotkeeper_lambda::{Failure, run_of};

/// How long a switch run waits after its first pass when no lease says how long; twice as long
/// after each further one.
const LOOK_AGAIN: Seconds = Seconds(5);
/// The longest wait between two passes: leases last 180 s.
const LONGEST_WAIT: Seconds = Seconds(180);
/// How many looks at clusters a switch run takes in all: each leaves 13 events, 22 more with a wave, and 14 more
/// with groups to turn, which are few, in the execution's history of 25,000.
const MAX_LOOKS: u32 = 600;

pub(crate) async fn end(
    state: &impl State,
    telemetry: &impl Telemetry,
    clock: &impl Clock,
    run_id: &RunId,
) -> Result<EndAnswer, Failure> {
    let run = run_of(state, run_id).await?;
    let reports = state.reports(&run.id).await?;
    let ended = match &run.ended {
        // This call is a repetition: what follows the record may not have been done.
        Some(ended) => ended.clone(),
        None => {
            let now = clock.now();
            let outcomes = state.outcomes(&run.id).await?;
            let older_leases = older_leases(state, &run, now).await?;
            let unfinished = unfinished(&run, &reports, &older_leases);
            if let Some(pass) = next_pass(&run, &unfinished, &older_leases, now) {
                let wait = wait(run.passes, &older_leases, now);
                tracing::info!(run = %run.id, pass.passes, wait = wait.0, clusters = unfinished.len(), "looking again");
                state.put_run(&pass).await?;
                return Ok(again(unfinished, wait, &outcomes));
            }
            let code_changed = state.code_changed(&run.id).await?;
            let ended = ended(&run, &reports, &outcomes, code_changed, &unfinished, now);
            state.put_run(&RunRecord { ended: Some(ended.clone()), ..run.clone() }).await?;
            ended
        }
    };
    if run.holds_lock {
        state.release_lock(&run.id).await?;
    }
    if !ended.told {
        let run = RunRecord { ended: Some(ended.clone()), ..run };
        // The run is on record: metrics and events that cannot be sent are no reason to fail it.
        let (held, switches) = (held(state, &run.id, &ended).await, switches(state, &run.id).await);
        let end = EndOfRun { run: &run, reports: &reports, held: &held, switches: switches.as_ref() };
        if let Err(error) = telemetry.run_ended(&end).await {
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

/// The moves that were held before they had a branch of their own: nobody has told of them.
async fn held(state: &impl State, run: &RunId, ended: &RunEnd) -> Vec<MoveRecord> {
    let mut held = Vec::new();
    if ended.moves.get(&Outcome::Held).is_none_or(|moves| *moves == 0) {
        return held;
    }
    let outcomes = state.outcomes(run).await.unwrap_or_else(|error| {
        tracing::error!(%run, %error, "the moves that were held are not told of");
        Vec::new()
    });
    for (id, _) in outcomes.into_iter().filter(|(_, outcome)| *outcome == Some(Outcome::Held)) {
        match state.get_move(run, &id).await {
            Ok(record) => held.extend(record.filter(|record| record.concluded_at.is_none())),
            Err(error) => tracing::error!(%run, %id, %error, "a move that was held is not told of"),
        }
    }
    held
}

/// The switches as the run ends: what they are is no reason to fail it.
async fn switches(state: &impl State, run: &RunId) -> Option<Switches> {
    let switches = state.switches().await;
    switches.inspect_err(|error| tracing::error!(%run, %error, "what the switches are is not told")).ok()
}

/// The leases in scope that were taken before the run's switch was on, and are alive: whoever holds
/// one may still write as if it were not. None where the run is for no switch.
pub(crate) async fn older_leases(state: &impl State, run: &RunRecord, now: Timestamp) -> Result<Vec<Lease>, Failure> {
    match run.switch() {
        Some(entry) => Ok(state.leases(now).await?.into_iter().filter(|lease| is_older(run, entry, lease)).collect()),
        None => Ok(Vec::new()),
    }
}

fn is_older(run: &RunRecord, entry: &SwitchEntry, lease: &Lease) -> bool {
    lease.epoch < run.epoch && entry.scope.covers(&lease.service)
}

/// The clusters that a switch run must look at once more: all of them while a lease older than the
/// switch is alive, or was when this pass began; else those where moves were made, here or by
/// another run, and those that could not be worked on.
fn unfinished(run: &RunRecord, reports: &[ClusterReport], older_leases: &[Lease]) -> Vec<ClusterName> {
    if run.switch().is_none() {
        return Vec::new();
    }
    if run.older_leases || !older_leases.is_empty() {
        return run.clusters.clone();
    }
    let under_way = |report: &ClusterReport| {
        report.waves.iter().any(|wave| !wave.is_empty())
            || report.left_on_spot.iter().any(|left| matches!(left.why, LeftWhy::MoveOpen | LeftWhy::Turning))
    };
    let done = |report: &ClusterReport| report.failed.is_none() && !under_way(report);
    let is_done = |name: &&ClusterName| reports.iter().any(|report| report.cluster == **name && done(report));
    run.clusters.iter().filter(|name| !is_done(name)).cloned().collect()
}

/// The run as its next pass begins, over the clusters that are not done; `None` where there are
/// none, or its patience is at an end.
fn next_pass(run: &RunRecord, unfinished: &[ClusterName], older_leases: &[Lease], now: Timestamp) -> Option<RunRecord> {
    if unfinished.is_empty() || now >= run.ends_by || run.looks >= MAX_LOOKS {
        return None;
    }
    let looks = run.looks.saturating_add(number(unfinished.len()));
    Some(RunRecord { passes: run.passes + 1, looks, older_leases: !older_leases.is_empty(), ..run.clone() })
}

/// How long to wait before the next pass: longer after each one, but not past the end of the last
/// older lease. Most are given back long before that.
fn wait(passes: u32, older_leases: &[Lease], now: Timestamp) -> Seconds {
    let until = older_leases.iter().map(|lease| lease.until).max();
    let left = until.map_or(LONGEST_WAIT.0, |until| number(until.duration_since(now).as_secs().max(1)));
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

/// A count as the records keep it.
pub(crate) fn number(count: impl TryInto<u32>) -> u32 {
    count.try_into().unwrap_or(u32::MAX)
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
    use spotkeeper_core::fixtures;
    use spotkeeper_core::record::LeftOnSpot;
    use spotkeeper_core::switch::Scope;

    use super::*;

    use fixtures::at;

    fn run() -> RunRecord {
        let entry = fixtures::switch(Scope::All);
        RunRecord { epoch: 7, ends_by: at(1_000), holds_lock: false, ..fixtures::run(RunMode::Switch { entry }) }
    }

    fn lease(epoch: u64, until: i64) -> Lease {
        let service = fixtures::service_ref("web");
        Lease { service, holder: "other/1".to_owned(), fence: 1, epoch, until: at(until) }
    }

    fn report(moves: &[&str]) -> ClusterReport {
        let (run, cluster) = (fixtures::run_id("run-1"), fixtures::cluster_name());
        let waves = vec![moves.iter().map(|id| MoveId::parse(id).unwrap()).collect()];
        ClusterReport { waves, ..ClusterReport::empty(run, cluster, at(1)) }
    }

    #[test]
    fn s4_a_switch_run_looks_again_until_nothing_older_lives_and_nothing_is_left_to_move() {
        let failed = ClusterReport { failed: Some("Throttled".to_owned()), ..report(&[]) };
        let service = lease(1, 1).service;
        let open = ClusterReport { left_on_spot: vec![LeftOnSpot { service, why: LeftWhy::MoveOpen }], ..report(&[]) };
        let service = lease(1, 1).service;
        let turning =
            ClusterReport { left_on_spot: vec![LeftOnSpot { service, why: LeftWhy::Turning }], ..report(&[]) };
        let before = RunRecord { older_leases: true, ..run() };
        let ordinary = RunRecord { mode: RunMode::Ordinary, ..run() };
        let cases = [
            ("nothing to move, no leases", run(), vec![report(&[])], vec![], false),
            ("moves were made: look at what came of them", run(), vec![report(&["m"])], vec![], true),
            ("another run brings a service down", run(), vec![open], vec![], true),
            ("a group is being turned", run(), vec![turning], vec![], true),
            ("a lease older than the switch", run(), vec![report(&[])], vec![lease(6, 70)], true),
            ("a lease taken after the switch", run(), vec![report(&[])], vec![lease(7, 70)], false),
            ("an older lease ended while this pass looked", before, vec![report(&[])], vec![], true),
            ("the cluster could not be worked on", run(), vec![failed.clone()], vec![], true),
            ("the cluster has no report", run(), vec![], vec![], true),
            ("a run that is no switch", ordinary, vec![failed], vec![lease(6, 70)], false),
        ];
        for (name, run, reports, leases, again) in cases {
            let is_older = |lease: &&Lease| run.switch().is_some_and(|entry| is_older(&run, entry, lease));
            let older: Vec<Lease> = leases.iter().filter(is_older).cloned().collect();
            assert_eq!(!unfinished(&run, &reports, &older).is_empty(), again, "{name}");
        }
    }

    /// A pass counts for the clusters that it goes over, not for all of the run's.
    #[test]
    fn a_switch_run_goes_on_while_it_has_patience() {
        let prod = [fixtures::cluster_name()];
        let prod = prod.as_slice();
        let cases = [
            ("one of many clusters is not done", 200, prod, 10, Some(201)),
            ("the last look", 599, prod, 10, Some(600)),
            ("looks are used up", 600, prod, 10, None),
            ("time is used up", 200, prod, 1_000, None),
            ("all is done", 200, &[], 10, None),
        ];
        for (name, looks, unfinished, now, expected) in cases {
            let pass = next_pass(&RunRecord { looks, ..run() }, unfinished, &[], at(now));
            assert_eq!(pass.map(|pass| pass.looks), expected, "{name}");
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
        let prod = vec![fixtures::cluster_name()];
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
