//! The state: the tables.

use jiff::Timestamp;
use spotkeeper_core::assess::Assessment;
use spotkeeper_core::control::{PairCeiling, Steered};
use spotkeeper_core::ids::{ClusterName, MoveId, RunId, ServiceArn, ServiceRef};
use spotkeeper_core::observe::Cluster;
use spotkeeper_core::pace::WritePace;
use spotkeeper_core::plan::{Cap, CapBy, Short, TurnWhat};
use spotkeeper_core::policy::{Policy, PolicyMistake};
use spotkeeper_core::ports::{LeaseAnswer, PortError, State};
use spotkeeper_core::record::{ClusterReport, Lease, Ledger, Lock, MoveRecord, Outcome, RunRecord, Turn};
use spotkeeper_core::signals::{AskedQueries, Occurrence, ScoreRecord, Signals};
use spotkeeper_core::switch::{Scope, SwitchEntry, Switches, ToldSwitches};
use spotkeeper_core::turn::Unfit;

use super::{Ports, ceilings};
use crate::simulation::Inner;

/// Notes what a report says that the one before it did not: what bounds the ceilings, ceilings that
/// changed or are held for another reason, writes that were taken back, services that miss tasks
/// and are not moved, and groups that are turned or not.
fn tell(inner: &mut Inner, report: &ClusterReport) {
    let of_cluster = inner.tables.reports.values().filter(|before| before.cluster == report.cluster);
    let before = of_cluster.max_by_key(|before| before.at);
    let known = |short: &Short| {
        let same = |one: &Short| (&one.service, one.cause, one.why) == (&short.service, short.cause, short.why);
        before.is_some_and(|before| before.short.iter().any(same))
    };
    // The same report again, with the waves.
    if before.is_some_and(|before| (&before.run, before.at) == (&report.run, report.at)) {
        return;
    }
    let mut lines = Vec::new();
    let cap_before = before.and_then(|before| before.cap.as_ref());
    let bound = |cap: &&Cap| cap_before != Some(*cap) && (cap_before.is_some() || cap.by != CapBy::Policy);
    lines.extend(report.cap.as_ref().filter(bound).map(|cap| ceilings::cap(&report.cluster, cap)));
    for steered in &report.ceilings {
        let of_pair = |one: &&Steered| one.after.pair == steered.after.pair;
        let known = before.and_then(|before| before.ceilings.iter().find(of_pair));
        lines.extend(ceilings::steered(&report.cluster, known, steered));
    }
    for reverted in &report.reverted {
        let evidence = reverted.write.evidence().unwrap_or_default();
        lines.push(format!("{} was taken back, {} times: {evidence}", reverted.service, reverted.reverts));
    }
    for short in report.short.iter().filter(|short| !known(short)) {
        lines.push(format!("{} stays short, {:?}: {}", short.service, short.why, short.evidence));
    }
    for turn in &report.turns {
        if !before.is_some_and(|before| before.turns.contains(turn)) {
            let said = if turn.said.is_empty() { String::new() } else { format!(", after {}", turn.said) };
            lines.push(format!("{}/{}: {}{said}", report.cluster, turn.provider, turned(&turn.what)));
        }
    }
    for line in lines {
        inner.note(report.run.as_str(), line);
    }
}

/// What a run does about a group, in words.
fn turned(what: &TurnWhat) -> String {
    match what {
        TurnWhat::Turn => "is to be turned".to_owned(),
        TurnWhat::Unfit { why } => {
            let why: Vec<&str> = why.iter().map(Unfit::name).collect();
            format!("cannot be turned: {}", why.join(", "))
        }
        TurnWhat::UnderWay { spot_instances } => {
            let left = spot_instances.map_or_else(|| "an unknown number of".to_owned(), |left| left.to_string());
            format!("is being turned, {left} Spot instances are left")
        }
        TurnWhat::Turned => "is turned, no Spot instance is left".to_owned(),
        TurnWhat::Lost { why } => format!("goes by strategy: {why:?}"),
        TurnWhat::TurnBack => "is to be turned back".to_owned(),
        TurnWhat::Held { why } => format!("is not turned back: {why:?}"),
        TurnWhat::Ended { how } => format!("is turned no more: {how:?}"),
    }
}

/// Whether a report names changes of ceilings that are not kept yet: it is written so early only that they
/// are told of.
fn names_unkept_ceilings(inner: &Inner, report: &ClusterReport) -> bool {
    let is_dry = inner.tables.runs.get(&report.run).is_none_or(RunRecord::is_dry);
    let is_kept = |ceiling: &PairCeiling| {
        inner.tables.ceilings.get(&(ceiling.cluster.clone(), ceiling.pair.clone())) == Some(ceiling)
    };
    !is_dry && report.ceilings.iter().any(|steered| steered.is_news() && !is_kept(&steered.after))
}

impl State for Ports {
    async fn policy(&self) -> Result<Policy, Vec<PolicyMistake>> {
        let read = self.call("state.policy", |inner| Ok(inner.tables.policy.clone())).await;
        read.unwrap_or_else(|error| Err(vec![PolicyMistake { path: "/".to_owned(), problem: error.to_string() }]))
    }

    async fn switches(&self) -> Result<Switches, PortError> {
        let function = self.invocation.function;
        self.call_telling("state.switches", self.has_ended(), |inner| {
            let switches = inner.tables.switches();
            let blind = inner.races.blind == Some(function);
            Ok(if blind { Switches { entries: Vec::new(), ..switches } } else { switches })
        })
        .await
    }

    async fn put_switch(&self, entry: &SwitchEntry) -> Result<u64, PortError> {
        self.call("state.put_switch", |inner| {
            inner.promises.switch_put(&inner.world, entry);
            Ok(inner.tables.put_switch(entry))
        })
        .await
    }

    async fn remove_switch(&self, scope: &Scope) -> Result<u64, PortError> {
        self.call("state.remove_switch", |inner| {
            inner.promises.switch_removed(&inner.world, scope);
            Ok(inner.tables.remove_switch(scope))
        })
        .await
    }

    async fn told_switches(&self) -> Result<ToldSwitches, PortError> {
        self.call_telling("state.told_switches", true, |inner| Ok(inner.tables.told_switches.clone())).await
    }

    async fn put_told_switches(&self, told: &ToldSwitches) -> Result<(), PortError> {
        self.call_telling("state.put_told_switches", true, |inner| inner.tables.put_told_switches(told)).await
    }

    async fn ledgers(&self, cluster: &Cluster) -> Result<Vec<Ledger>, PortError> {
        self.call("state.ledgers", |inner| Ok(inner.tables.ledgers_of(cluster))).await
    }

    async fn ledger(&self, service: &ServiceArn) -> Result<Option<Ledger>, PortError> {
        self.call("state.ledger", |inner| Ok(inner.tables.ledgers.get(service).cloned())).await
    }

    async fn put_ledger(&self, ledger: &Ledger) -> Result<(), PortError> {
        self.call("state.put_ledger", |inner| {
            inner.promises.ledger_put(&inner.world, inner.tables.ledgers.get(&ledger.service.arn), ledger);
            inner.tables.put_ledger(ledger)
        })
        .await
    }

    async fn take_lease(
        &self,
        service: &ServiceRef,
        holder: &str,
        epoch: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<LeaseAnswer, PortError> {
        self.call("state.take_lease", |inner| Ok(inner.tables.take_lease(service, holder, epoch, now, until))).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), PortError> {
        self.call("state.release_lease", |inner| {
            inner.tables.release_lease(lease);
            Ok(())
        })
        .await
    }

    async fn leases(&self, now: Timestamp) -> Result<Vec<Lease>, PortError> {
        self.call("state.leases", |inner| Ok(inner.tables.leases_at(now))).await
    }

    async fn turns(&self) -> Result<Vec<Turn>, PortError> {
        // Where no group was ever turned it changes no other call.
        let none = self.simulation.with(|inner| inner.tables.turns.is_empty());
        self.call_telling("state.turns", none, |inner| Ok(inner.tables.turns.values().cloned().collect())).await
    }

    async fn put_turn(&self, turn: &Turn, epoch: Option<u64>) -> Result<bool, PortError> {
        self.call("state.put_turn", |inner| {
            let put = inner.tables.put_turn(turn, epoch)?;
            if put {
                inner.promises.turn_put(&inner.world, turn);
            }
            Ok(put)
        })
        .await
    }

    async fn take_lock(&self, run: &RunId, now: Timestamp, until: Timestamp) -> Result<Result<Lock, Lock>, PortError> {
        self.call("state.take_lock", |inner| Ok(inner.tables.take_lock(run, now, until))).await
    }

    async fn release_lock(&self, run: &RunId) -> Result<(), PortError> {
        self.call("state.release_lock", |inner| {
            inner.tables.release_lock(run);
            Ok(())
        })
        .await
    }

    async fn put_run(&self, run: &RunRecord) -> Result<(), PortError> {
        self.call("state.put_run", |inner| {
            inner.tables.runs.insert(run.id.clone(), run.clone());
            Ok(())
        })
        .await
    }

    async fn run(&self, run: &RunId) -> Result<Option<RunRecord>, PortError> {
        self.call("state.run", |inner| Ok(inner.tables.runs.get(run).cloned())).await
    }

    async fn put_report(&self, report: &ClusterReport) -> Result<(), PortError> {
        let is_early = self.simulation.with(|inner| names_unkept_ceilings(inner, report));
        self.call_telling("state.put_report", is_early, |inner| {
            tell(inner, report);
            inner.tables.reports.insert((report.run.clone(), report.cluster.clone()), report.clone());
            Ok(())
        })
        .await
    }

    async fn reports(&self, run: &RunId) -> Result<Vec<ClusterReport>, PortError> {
        self.call("state.reports", |inner| Ok(inner.tables.reports_of(run))).await
    }

    async fn report(&self, run: &RunId, cluster: &ClusterName) -> Result<Option<ClusterReport>, PortError> {
        self.call("state.report", |inner| Ok(inner.tables.reports.get(&(run.clone(), cluster.clone())).cloned())).await
    }

    async fn put_assessments(
        &self,
        run: &RunId,
        cluster: &ClusterName,
        assessments: &[Assessment],
    ) -> Result<(), PortError> {
        self.call("state.put_assessments", |inner| {
            inner.tables.assessments.insert((run.clone(), cluster.clone()), assessments.to_vec());
            Ok(())
        })
        .await
    }

    async fn assessments(&self, run: &RunId, cluster: &ClusterName) -> Result<Vec<Assessment>, PortError> {
        self.call("state.assessments", |inner| {
            let found = inner.tables.assessments.get(&(run.clone(), cluster.clone()));
            Ok(found.cloned().unwrap_or_default())
        })
        .await
    }

    async fn signals(&self, cluster: &ClusterName, since: Timestamp) -> Result<Signals, PortError> {
        self.call("state.signals", |inner| Ok(inner.tables.signals(cluster, since))).await
    }

    async fn occurrences(&self, cluster: &ClusterName, since: Timestamp) -> Result<Vec<Occurrence>, PortError> {
        self.call("state.occurrences", |inner| Ok(inner.tables.occurrences_of(cluster, since))).await
    }

    async fn put_score(&self, score: &ScoreRecord) -> Result<(), PortError> {
        self.call("state.put_score", |inner| {
            inner.tables.put_score(score);
            Ok(())
        })
        .await
    }

    async fn scores(&self, cluster: &ClusterName) -> Result<Vec<ScoreRecord>, PortError> {
        self.call("state.scores", |inner| Ok(inner.tables.scores_of(cluster))).await
    }

    async fn asked_queries(&self) -> Result<AskedQueries, PortError> {
        self.call("state.asked_queries", |inner| Ok(inner.tables.asked_queries.clone())).await
    }

    async fn put_asked_queries(&self, asked: &AskedQueries) -> Result<(), PortError> {
        self.call("state.put_asked_queries", |inner| inner.tables.put_asked_queries(asked)).await
    }

    async fn put_occurrence(&self, occurrence: &Occurrence) -> Result<bool, PortError> {
        self.call("state.put_occurrence", |inner| Ok(inner.tables.put_occurrence(occurrence))).await
    }

    async fn put_ceiling(&self, ceiling: &PairCeiling) -> Result<(), PortError> {
        self.call("state.put_ceiling", |inner| inner.tables.put_ceiling(ceiling)).await
    }

    async fn take_early_run(&self, cluster: &ClusterName, now: Timestamp, until: Timestamp) -> Result<bool, PortError> {
        self.call("state.take_early_run", |inner| Ok(inner.tables.take_early_run(cluster, now, until))).await
    }

    async fn release_early_run(&self, cluster: &ClusterName, until: Timestamp) -> Result<(), PortError> {
        self.call("state.release_early_run", |inner| {
            inner.tables.release_early_run(cluster, until);
            Ok(())
        })
        .await
    }

    async fn take_writes(&self, pace: WritePace, wanted: u32, now: Timestamp) -> Result<Vec<Timestamp>, PortError> {
        self.call("state.take_writes", |inner| {
            let (left, slots) = pace.take(inner.tables.write_bucket, wanted, now);
            inner.tables.write_bucket = Some(left);
            Ok(slots)
        })
        .await
    }

    async fn give_back_writes(&self, pace: WritePace, number: u32) -> Result<(), PortError> {
        self.call("state.give_back_writes", |inner| {
            inner.tables.write_bucket = inner.tables.write_bucket.map(|bucket| pace.give_back(bucket, number));
            Ok(())
        })
        .await
    }

    async fn put_moves(&self, moves: &[MoveRecord]) -> Result<(), PortError> {
        self.call("state.put_moves", |inner| {
            inner.tables.put_moves(moves);
            inner.promises.moves_put(&inner.world, &inner.tables, moves);
            Ok(())
        })
        .await
    }

    async fn get_move(&self, run: &RunId, id: &MoveId) -> Result<Option<MoveRecord>, PortError> {
        self.call_telling("state.get_move", self.has_ended(), |inner| {
            Ok(inner.tables.moves.get(&(run.clone(), id.clone())).cloned())
        })
        .await
    }

    async fn outcomes(&self, run: &RunId) -> Result<Vec<(MoveId, Option<Outcome>)>, PortError> {
        self.call_telling("state.outcomes", self.has_ended(), |inner| Ok(inner.tables.outcomes(run))).await
    }

    async fn code_changed(&self, run: &RunId) -> Result<u32, PortError> {
        self.call("state.code_changed", |inner| {
            let changed = inner.tables.moves_of(run).filter(|record| record.code_changed).count();
            Ok(u32::try_from(changed).unwrap_or(u32::MAX))
        })
        .await
    }
}
