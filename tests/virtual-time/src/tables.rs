//! Spotkeeper's own memory in memory, by the rules of the table in DynamoDB: fences, epochs, one
//! holder. `shared/core/src/fixtures/state_contract.rs` holds both to the same.

use std::collections::BTreeMap;

use jiff::Timestamp;
use spotkeeper_core::assess::Assessment;
use spotkeeper_core::control::{Dial, PairCeiling};
use spotkeeper_core::ids::{ClusterName, MoveId, ProviderName, RunId, ServiceArn, ServiceRef};
use spotkeeper_core::observe::Cluster;
use spotkeeper_core::pace::WriteBucket;
use spotkeeper_core::plan::Pair;
use spotkeeper_core::policy::{Policy, PolicyMistake};
use spotkeeper_core::ports::{LeaseAnswer, PortError};
use spotkeeper_core::record::{ClusterReport, Lease, Ledger, Lock, MoveRecord, Outcome, RunRecord, Turn};
use spotkeeper_core::signals::{AskedQueries, Occurrence, OccurrenceKind, ScoreRecord, Signals};
use spotkeeper_core::switch::{Scope, SwitchEntry, Switches, ToldSwitches};

/// Everything that Spotkeeper keeps.
#[derive(Debug, Clone)]
pub struct Tables {
    /// The policy, or what is wrong with it.
    pub policy: Result<Policy, Vec<PolicyMistake>>,
    /// Switch entries by scope.
    pub switches: BTreeMap<Scope, SwitchEntry>,
    /// Counts up with each change of a switch entry.
    pub epoch: u64,
    /// The switches that were told of.
    pub told_switches: ToldSwitches,
    /// Ledgers by service.
    pub ledgers: BTreeMap<ServiceArn, Ledger>,
    /// Leases by service, ended ones included: their numbers go on.
    pub leases: BTreeMap<ServiceArn, Lease>,
    /// Groups that were turned, by provider.
    pub turns: BTreeMap<ProviderName, Turn>,
    /// The run lock.
    pub lock: Option<Lock>,
    /// Runs.
    pub runs: BTreeMap<RunId, RunRecord>,
    /// What each run found, by cluster.
    pub reports: BTreeMap<(RunId, ClusterName), ClusterReport>,
    /// Judgements by run and cluster.
    pub assessments: BTreeMap<(RunId, ClusterName), Vec<Assessment>>,
    /// Moves by run.
    pub moves: BTreeMap<(RunId, MoveId), MoveRecord>,
    /// Dials by scope.
    pub dials: BTreeMap<Scope, Dial>,
    /// Placement scores by cluster and Spot provider.
    pub scores: BTreeMap<(ClusterName, ProviderName), ScoreRecord>,
    /// The distinct queries for placement scores.
    pub asked_queries: AskedQueries,
    /// Ceilings by cluster and pair.
    pub ceilings: BTreeMap<(ClusterName, Pair), PairCeiling>,
    /// What happened to Spot capacity, each once.
    pub occurrences: BTreeMap<(Option<ClusterName>, OccurrenceKind, String), Occurrence>,
    /// Until when the right to start an early run of a cluster is taken.
    pub early_runs: BTreeMap<ClusterName, Timestamp>,
    /// The bucket that all writes of switch runs share; none is a full one.
    pub write_bucket: Option<WriteBucket>,
}

impl Tables {
    /// Empty tables under a policy.
    #[must_use]
    pub fn new(policy: Result<Policy, Vec<PolicyMistake>>) -> Tables {
        Tables {
            policy,
            switches: BTreeMap::new(),
            epoch: 0,
            told_switches: ToldSwitches::default(),
            ledgers: BTreeMap::new(),
            leases: BTreeMap::new(),
            turns: BTreeMap::new(),
            lock: None,
            runs: BTreeMap::new(),
            reports: BTreeMap::new(),
            assessments: BTreeMap::new(),
            moves: BTreeMap::new(),
            dials: BTreeMap::new(),
            scores: BTreeMap::new(),
            asked_queries: AskedQueries::default(),
            ceilings: BTreeMap::new(),
            occurrences: BTreeMap::new(),
            early_runs: BTreeMap::new(),
            write_bucket: None,
        }
    }

    pub(crate) fn switches(&self) -> Switches {
        // By scope as it is written, as DynamoDB orders sort keys.
        let mut entries: Vec<SwitchEntry> = self.switches.values().cloned().collect();
        entries.sort_by_key(|entry| entry.scope.to_string());
        Switches { entries, epoch: self.epoch }
    }

    pub(crate) fn put_switch(&mut self, entry: &SwitchEntry) -> u64 {
        if !self.switches.get(&entry.scope).is_some_and(|there| there.says_the_same(entry)) {
            self.switches.insert(entry.scope.clone(), entry.clone());
            self.epoch += 1;
        }
        self.epoch
    }

    pub(crate) fn remove_switch(&mut self, scope: &Scope) -> u64 {
        if self.switches.remove(scope).is_some() {
            self.epoch += 1;
        }
        self.epoch
    }

    pub(crate) fn take_early_run(&mut self, cluster: &ClusterName, now: Timestamp, until: Timestamp) -> bool {
        if self.early_runs.get(cluster).is_some_and(|taken| *taken > now) {
            return false;
        }
        self.early_runs.insert(cluster.clone(), until);
        true
    }

    pub(crate) fn release_early_run(&mut self, cluster: &ClusterName, until: Timestamp) {
        if self.early_runs.get(cluster) == Some(&until) {
            self.early_runs.remove(cluster);
        }
    }

    pub(crate) fn ledgers_of(&self, cluster: &Cluster) -> Vec<Ledger> {
        self.ledgers.values().filter(|ledger| ledger.service.cluster == cluster.name).cloned().collect()
    }

    /// # Errors
    /// [`PortError::Conflict`] where a ledger with a higher fence stands.
    pub(crate) fn put_ledger(&mut self, ledger: &Ledger) -> Result<(), PortError> {
        let stands = self.ledgers.get(&ledger.service.arn);
        if stands.is_some_and(|stands| stands.fence > ledger.fence) {
            return Err(PortError::Conflict { subject: format!("the ledger of {}", ledger.service) });
        }
        self.ledgers.insert(ledger.service.arn.clone(), ledger.clone());
        Ok(())
    }

    pub(crate) fn take_lease(
        &mut self,
        service: &ServiceRef,
        holder: &str,
        epoch: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> LeaseAnswer {
        let there = self.leases.get(&service.arn);
        if let Some(there) = there.filter(|there| there.until > now && there.holder != holder) {
            return LeaseAnswer::HeldBy(there.clone());
        }
        if epoch != self.epoch {
            return LeaseAnswer::SwitchChanged;
        }
        // Every taking counts the fence up, a renewal by the same holder too.
        let of_ledger = || self.ledgers.get(&service.arn).map_or(0, |ledger| ledger.fence);
        let seen = there.map_or_else(of_ledger, |there| there.fence);
        let lease = Lease { service: service.clone(), holder: holder.to_owned(), fence: seen + 1, epoch, until };
        self.leases.insert(service.arn.clone(), lease.clone());
        LeaseAnswer::Taken(lease)
    }

    pub(crate) fn release_lease(&mut self, lease: &Lease) {
        if let Some(there) = self.leases.get_mut(&lease.service.arn).filter(|there| there.fence == lease.fence) {
            there.until = Timestamp::UNIX_EPOCH;
        }
    }

    pub(crate) fn leases_at(&self, now: Timestamp) -> Vec<Lease> {
        self.leases.values().filter(|lease| lease.until > now).cloned().collect()
    }

    /// # Errors
    /// [`PortError::Conflict`] where its version is not one more than that of the one that stands.
    pub(crate) fn put_turn(&mut self, turn: &Turn, epoch: Option<u64>) -> Result<bool, PortError> {
        let stands = self.turns.get(&turn.provider).map_or(0, |stands| stands.version);
        if turn.version != stands + 1 {
            return Err(PortError::Conflict { subject: format!("the turn of {}", turn.provider) });
        }
        if epoch.is_some_and(|epoch| epoch != self.epoch) {
            return Ok(false);
        }
        self.turns.insert(turn.provider.clone(), turn.clone());
        Ok(true)
    }

    pub(crate) fn take_lock(&mut self, run: &RunId, now: Timestamp, until: Timestamp) -> Result<Lock, Lock> {
        match &self.lock {
            Some(other) if other.run != *run && other.until > now => Err(other.clone()),
            _ => {
                let lock = Lock { run: run.clone(), until };
                self.lock = Some(lock.clone());
                Ok(lock)
            }
        }
    }

    pub(crate) fn release_lock(&mut self, run: &RunId) {
        if self.lock.as_ref().is_some_and(|lock| lock.run == *run) {
            self.lock = None;
        }
    }

    pub(crate) fn put_moves(&mut self, moves: &[MoveRecord]) {
        for record in moves {
            self.moves.insert((record.planned.run.clone(), record.planned.id.clone()), record.clone());
        }
    }

    /// The moves of a run, in order of their ids.
    pub fn moves_of<'a>(&'a self, run: &'a RunId) -> impl Iterator<Item = &'a MoveRecord> {
        let of_run = self.moves.iter().skip_while(move |((of, _), _)| of < run);
        of_run.take_while(move |((of, _), _)| of == run).map(|(_, record)| record)
    }

    pub(crate) fn outcomes(&self, run: &RunId) -> Vec<(MoveId, Option<Outcome>)> {
        self.moves_of(run).map(|record| (record.planned.id.clone(), record.outcome)).collect()
    }

    /// What a run found, in order of the clusters' names.
    pub fn reports_of(&self, run: &RunId) -> Vec<ClusterReport> {
        self.reports.iter().filter(|((of, _), _)| of == run).map(|(_, report)| report.clone()).collect()
    }

    pub(crate) fn signals(&self, cluster: &ClusterName, since: Timestamp) -> Signals {
        Signals {
            dials: self.dials.values().cloned().collect(),
            scores: self.scores_of(cluster),
            occurrences: self.occurrences_of(cluster, since),
            ceilings: self.ceilings.values().filter(|ceiling| ceiling.cluster == *cluster).cloned().collect(),
        }
    }

    pub(crate) fn occurrences_of(&self, cluster: &ClusterName, since: Timestamp) -> Vec<Occurrence> {
        let recent = |occurrence: &&Occurrence| occurrence.cluster.as_ref() == Some(cluster) && occurrence.at >= since;
        self.occurrences.values().filter(recent).cloned().collect()
    }

    pub(crate) fn put_score(&mut self, score: &ScoreRecord) {
        self.scores.insert((score.cluster.clone(), score.provider.clone()), score.clone());
    }

    pub(crate) fn scores_of(&self, cluster: &ClusterName) -> Vec<ScoreRecord> {
        self.scores.values().filter(|score| score.cluster == *cluster).cloned().collect()
    }

    /// # Errors
    /// [`PortError::Conflict`] where their version is not one more than that of those that stand.
    pub(crate) fn put_asked_queries(&mut self, asked: &AskedQueries) -> Result<(), PortError> {
        if asked.version != self.asked_queries.version + 1 {
            return Err(PortError::Conflict { subject: "the queries for placement scores".to_owned() });
        }
        self.asked_queries = asked.clone();
        Ok(())
    }

    /// # Errors
    /// [`PortError::Conflict`] where their version is not one more than that of those that stand.
    pub(crate) fn put_told_switches(&mut self, told: &ToldSwitches) -> Result<(), PortError> {
        if told.version != self.told_switches.version + 1 {
            return Err(PortError::Conflict { subject: "the switches that were told of".to_owned() });
        }
        self.told_switches = told.clone();
        Ok(())
    }

    pub(crate) fn put_occurrence(&mut self, occurrence: &Occurrence) -> bool {
        let key = (occurrence.cluster.clone(), occurrence.kind, occurrence.id.clone());
        let is_new = !self.occurrences.contains_key(&key);
        self.occurrences.entry(key).or_insert_with(|| occurrence.clone());
        is_new
    }

    /// # Errors
    /// [`PortError::Conflict`] where its version is not one more than that of the one that stands.
    pub(crate) fn put_ceiling(&mut self, ceiling: &PairCeiling) -> Result<(), PortError> {
        let key = (ceiling.cluster.clone(), ceiling.pair.clone());
        let stands = self.ceilings.get(&key).map_or(0, |stands| stands.version);
        if ceiling.version != stands + 1 {
            let subject = format!("the ceiling of {} in {}", ceiling.pair, ceiling.cluster);
            return Err(PortError::Conflict { subject });
        }
        self.ceilings.insert(key, ceiling.clone());
        Ok(())
    }
}
