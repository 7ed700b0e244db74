//! The two ports: the fleet, which is AWS or the simulator, and Spotkeeper's own state, which is
//! DynamoDB or memory. And the clock, which only mains may own.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use jiff::Timestamp;

use crate::assess::Assessment;
use crate::control::PairCeiling;
use crate::ids::{ClusterName, InstanceId, MoveId, RunId, ServiceArn, ServiceRef};
use crate::observe::{Cluster, Depth, InstancesDistribution, Look, PlacedBy, Reading, Snapshot};
use crate::pace::WritePace;
use crate::policy::{Policy, PolicyMistake};
use crate::record::{ApiCounts, ClusterReport, Lease, Ledger, Lock, MoveRecord, Outcome, RunRecord, Turn};
use crate::signals::{
    AskedQueries, Directory, Occurrence, PlacementScore, ScoreQuery, ScoreRecord, ScoreRefusal, ScoreRound, Signals,
    SpotInstance, SpotProvider,
};
use crate::switch::{Scope, SwitchChange, SwitchEntry, Switches, ToldSwitches};
use crate::units::Seconds;

/// The services under Spotkeeper's care.
pub trait Fleet: Sync {
    /// The clusters of the Region, in order of name.
    fn clusters(&self) -> impl Future<Output = Result<Vec<Cluster>, PortError>> + Send;

    /// Reads one cluster. Partial answers are listed in [`Snapshot::gaps`], not hidden: an error
    /// means that not even the cluster or the list of its services could be read.
    fn observe(&self, cluster: &ClusterName, depth: Depth) -> impl Future<Output = Result<Snapshot, PortError>> + Send;

    /// Reads one service closely, with its service deployments and events since `since`:
    /// [`MoveRecord::look_since`].
    fn look(&self, service: &ServiceRef, since: Timestamp) -> impl Future<Output = Look> + Send;

    /// Waits until the pace of the account's API allows one more [`Fleet::write`], which then does
    /// not wait: what is put on record before a write must not stand there long without it. `false`
    /// where that would take longer than `patience`.
    fn ready_to_write(&self, patience: Seconds) -> impl Future<Output = bool> + Send;

    /// Lets one more [`Fleet::write`] go without waiting: it was let through by the bucket that all
    /// writes of the run share.
    fn write_granted(&self);

    /// Writes where a service's tasks are placed, with a forced deployment and nothing else.
    /// [`PlacedBy::LaunchType`] writes an empty strategy: ECS goes back to the launch type that
    /// the service was created with.
    fn write(&self, service: &ServiceRef, placed_by: &PlacedBy) -> impl Future<Output = Result<(), WriteError>> + Send;

    /// How many Spot instances an Auto Scaling group still has, those that are starting or shutting
    /// down included.
    fn spot_instances(&self, group: &str) -> impl Future<Output = Reading<u32>> + Send;

    /// The instances distribution of an Auto Scaling group; `None` where it has no mixed instances
    /// policy.
    fn distribution(&self, group: &str) -> impl Future<Output = Reading<Option<InstancesDistribution>>> + Send;

    /// Writes the instances distribution of an Auto Scaling group, and nothing else of it. After an
    /// error it is not known whether AWS has taken it.
    fn write_distribution(
        &self,
        group: &str,
        distribution: &InstancesDistribution,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The calls made through this fleet so far, and the throttles met.
    fn api_counts(&self) -> ApiCounts;
}

/// What EC2 says of Spot capacity, and who buys it.
pub trait SpotMarket: Sync {
    /// The providers of a cluster that launch Spot, and those of which that cannot be said, in order
    /// of name. Neither services nor tasks are read.
    fn spot_providers(&self, cluster: &Cluster) -> impl Future<Output = Vec<SpotProvider>> + Send;
    /// The names of the Region's zones in this account, by their ids.
    fn zone_names(&self) -> impl Future<Output = Result<BTreeMap<String, String>, ScoreRefusal>> + Send;
    /// EC2's answer to a query, all pages of it.
    fn placement_scores(
        &self,
        query: &ScoreQuery,
    ) -> impl Future<Output = Result<Vec<PlacementScore>, ScoreRefusal>> + Send;
}

/// Spotkeeper's own memory.
pub trait State: Sync {
    /// The policy document, parsed, or what is wrong with it. One that is absent or cannot be read
    /// is a mistaken one.
    fn policy(&self) -> impl Future<Output = Result<Policy, Vec<PolicyMistake>>> + Send;

    /// All switch entries and the epoch, in one consistent read.
    fn switches(&self) -> impl Future<Output = Result<Switches, PortError>> + Send;
    /// Puts an entry in place of the one of its scope, and counts the epoch up. Doing it again
    /// with the same entry changes nothing.
    fn put_switch(&self, entry: &SwitchEntry) -> impl Future<Output = Result<u64, PortError>> + Send;
    /// Takes the entry of a scope away, and counts the epoch up where there was one.
    fn remove_switch(&self, scope: &Scope) -> impl Future<Output = Result<u64, PortError>> + Send;

    /// The switches that were told of; none where none ever was.
    fn told_switches(&self) -> impl Future<Output = Result<ToldSwitches, PortError>> + Send;
    /// Writes them: refused with [`PortError::Conflict`] when their version is not one more than that of those
    /// that stand.
    fn put_told_switches(&self, told: &ToldSwitches) -> impl Future<Output = Result<(), PortError>> + Send;

    /// The ledgers of a cluster's services.
    fn ledgers(&self, cluster: &Cluster) -> impl Future<Output = Result<Vec<Ledger>, PortError>> + Send;
    /// The ledger of one service.
    fn ledger(&self, service: &ServiceArn) -> impl Future<Output = Result<Option<Ledger>, PortError>> + Send;
    /// Writes a ledger: refused with [`PortError::Conflict`] when one with a higher fence stands.
    fn put_ledger(&self, ledger: &Ledger) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Takes a service's lease, in one transaction that also checks that the switch epoch is
    /// still `epoch`. A holder that has it keeps it, with a later end.
    fn take_lease(
        &self,
        service: &ServiceRef,
        holder: &str,
        epoch: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<LeaseAnswer, PortError>> + Send;
    /// Gives a lease back, if it is still held under its fence.
    fn release_lease(&self, lease: &Lease) -> impl Future<Output = Result<(), PortError>> + Send;
    /// The leases that have not ended.
    fn leases(&self, now: Timestamp) -> impl Future<Output = Result<Vec<Lease>, PortError>> + Send;

    /// The groups that were turned, those whose turn has ended included, in order of provider.
    fn turns(&self) -> impl Future<Output = Result<Vec<Turn>, PortError>> + Send;
    /// Writes a turn: refused with [`PortError::Conflict`] when its version is not one more than that
    /// of the one that stands. With an epoch, in one transaction that also checks that the switch
    /// epoch is still that; `false` where it is not, and nothing is written.
    fn put_turn(&self, turn: &Turn, epoch: Option<u64>) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Takes the run lock, or keeps it with a later end. `Err` inside is who has it.
    fn take_lock(
        &self,
        run: &RunId,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<Result<Lock, Lock>, PortError>> + Send;
    /// Gives the run lock back, if this run has it.
    fn release_lock(&self, run: &RunId) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Writes the record of a run.
    fn put_run(&self, run: &RunRecord) -> impl Future<Output = Result<(), PortError>> + Send;
    /// The record of a run.
    fn run(&self, run: &RunId) -> impl Future<Output = Result<Option<RunRecord>, PortError>> + Send;
    /// Writes what was found in a cluster.
    fn put_report(&self, report: &ClusterReport) -> impl Future<Output = Result<(), PortError>> + Send;
    /// What a run found, by cluster: the newest of each.
    fn reports(&self, run: &RunId) -> impl Future<Output = Result<Vec<ClusterReport>, PortError>> + Send;
    /// What a run found in one cluster.
    fn report(
        &self,
        run: &RunId,
        cluster: &ClusterName,
    ) -> impl Future<Output = Result<Option<ClusterReport>, PortError>> + Send;

    /// Writes the judgement of each service of a cluster, for people to read.
    fn put_assessments(
        &self,
        run: &RunId,
        cluster: &ClusterName,
        assessments: &[Assessment],
    ) -> impl Future<Output = Result<(), PortError>> + Send;
    /// The judgement of each service of a cluster, as a run found it.
    fn assessments(
        &self,
        run: &RunId,
        cluster: &ClusterName,
    ) -> impl Future<Output = Result<Vec<Assessment>, PortError>> + Send;

    /// What is known of a cluster's Spot capacity: scores, ceilings and dials, and what happened to it
    /// since a time.
    fn signals(
        &self,
        cluster: &ClusterName,
        since: Timestamp,
    ) -> impl Future<Output = Result<Signals, PortError>> + Send;
    /// What happened to a cluster's Spot capacity since a time: one part of [`State::signals`].
    fn occurrences(
        &self,
        cluster: &ClusterName,
        since: Timestamp,
    ) -> impl Future<Output = Result<Vec<Occurrence>, PortError>> + Send;
    /// Writes what is known of a provider's placement score.
    fn put_score(&self, score: &ScoreRecord) -> impl Future<Output = Result<(), PortError>> + Send;
    /// What is known of the placement scores of a cluster's providers.
    fn scores(&self, cluster: &ClusterName) -> impl Future<Output = Result<Vec<ScoreRecord>, PortError>> + Send;
    /// The distinct queries for placement scores that were asked of late; none where none was.
    fn asked_queries(&self) -> impl Future<Output = Result<AskedQueries, PortError>> + Send;
    /// Writes them: refused with [`PortError::Conflict`] when their version is not one more than that
    /// of those that stand.
    fn put_asked_queries(&self, asked: &AskedQueries) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Keeps what happened to Spot capacity; `false` where it is kept already.
    fn put_occurrence(&self, occurrence: &Occurrence) -> impl Future<Output = Result<bool, PortError>> + Send;
    /// Writes a pair's ceiling: refused with [`PortError::Conflict`] when its version is not one more
    /// than that of the one that stands.
    fn put_ceiling(&self, ceiling: &PairCeiling) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Takes the right to start an early run of a cluster until `until`; `false` where it is taken
    /// and that time has not come.
    fn take_early_run(
        &self,
        cluster: &ClusterName,
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<bool, PortError>> + Send;
    /// Gives back the right that was taken until `until`: the run could not be started.
    fn release_early_run(
        &self,
        cluster: &ClusterName,
        until: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Takes so many writes, or fewer, from the bucket that all writes of switch runs share, and answers
    /// when each of them may be sent, in order: [`WritePace::take`].
    fn take_writes(
        &self,
        pace: WritePace,
        wanted: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Timestamp>, PortError>> + Send;
    /// Gives back so many that were taken and not sent.
    fn give_back_writes(&self, pace: WritePace, number: u32) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Writes the records of moves.
    fn put_moves(&self, moves: &[MoveRecord]) -> impl Future<Output = Result<(), PortError>> + Send;
    /// The record of one move.
    fn get_move(&self, run: &RunId, id: &MoveId) -> impl Future<Output = Result<Option<MoveRecord>, PortError>> + Send;
    /// The outcomes of a run's moves; `None` for one that has not ended.
    fn outcomes(&self, run: &RunId) -> impl Future<Output = Result<Vec<(MoveId, Option<Outcome>)>, PortError>> + Send;
    /// How many of a run's moves have brought other images ([`MoveRecord::code_changed`]).
    fn code_changed(&self, run: &RunId) -> impl Future<Output = Result<u32, PortError>> + Send;
}

/// What stands behind the names in AWS's events.
pub trait Inventory: Sync {
    /// The instances that EC2 knows, of those asked for.
    fn instances(
        &self,
        ids: &BTreeSet<InstanceId>,
    ) -> impl Future<Output = Result<BTreeMap<InstanceId, SpotInstance>, PortError>> + Send;

    /// The capacity providers of the Region. It may be some minutes old; where it lacks one of the
    /// groups, which may be new, no older than a minute.
    fn directory(&self, groups: &BTreeSet<String>) -> impl Future<Output = Result<Directory, PortError>> + Send;
}

/// The state machine.
pub trait Orchestrator: Sync {
    /// Starts a run of these clusters under a name. A run of that name that was started before is
    /// that run.
    fn start_run(&self, name: &RunId, clusters: &[ClusterName]) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// What is told when a run has ended.
#[derive(Debug, Clone, Copy)]
pub struct EndOfRun<'a> {
    /// The run.
    pub run: &'a RunRecord,
    /// What it found, by cluster.
    pub reports: &'a [ClusterReport],
    /// Its moves that ended before they had a branch of their own, which nobody has told of.
    pub held: &'a [MoveRecord],
    /// The switches when it ended; `None` where they could not be read.
    pub switches: Option<&'a Switches>,
}

/// Who is told of switches, of how moves and runs end, of placement scores, and of what happens to Spot
/// capacity.
pub trait Telemetry: Sync {
    /// Tells metrics what is known of placement scores.
    fn scored(&self, round: &ScoreRound) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Tells events that a switch was thrown or released.
    fn switch_changed(&self, change: &SwitchChange) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Tells metrics and events how a move ended.
    fn move_ended(&self, record: &MoveRecord) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Tells metrics and events how a run ended, and which ceilings it changed.
    fn run_ended(&self, end: &EndOfRun<'_>) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Tells metrics what happened to Spot capacity, each occurrence once, and how many events could
    /// not be read.
    fn spot_events(
        &self,
        occurrences: &[Occurrence],
        malformed: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// The answer to [`State::take_lease`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It is the caller's.
    Taken(Lease),
    /// Somebody else has it.
    HeldBy(Lease),
    /// A switch has changed since `epoch` was read: read the switches again.
    SwitchChanged,
}

/// Time, owned by mains and by the simulator.
pub trait Clock: Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// A port could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// The role lacks an IAM action.
    #[error("the role may not call {action} on {subject}")]
    Denied {
        /// The action as IAM names it.
        action: String,
        /// The resource.
        subject: String,
    },
    /// AWS throttled the call to the end of the retries.
    #[error("{action} was throttled to the end")]
    Throttled {
        /// The action as IAM names it.
        action: String,
    },
    /// There is no such thing.
    #[error("{subject} does not exist")]
    Absent {
        /// What.
        subject: String,
    },
    /// Somebody else wrote in between.
    #[error("{subject} was changed by somebody else in between")]
    Conflict {
        /// What.
        subject: String,
    },
    /// An item of the table is not what this version writes.
    #[error("{subject} cannot be read back: {detail}")]
    Corrupt {
        /// The item.
        subject: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The call failed otherwise.
    #[error("{action} on {subject} failed")]
    Failed {
        /// The action as IAM names it.
        action: String,
        /// The resource.
        subject: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl PortError {
    /// The name that the state machine matches.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            PortError::Denied { .. } => "AccessDenied",
            PortError::Throttled { .. } => "Throttled",
            PortError::Absent { .. } => "Absent",
            PortError::Conflict { .. } => "Conflict",
            PortError::Corrupt { .. } => "CorruptState",
            PortError::Failed { .. } => "Unavailable",
        }
    }
}

/// Why a strategy was not written, or is not known to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// AWS refused it: nothing has changed.
    #[error("ECS refused the strategy for {service}: {code}: {message}")]
    Refused {
        /// The service.
        service: String,
        /// AWS's error code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// The role lacks `ecs:UpdateService`: nothing has changed.
    #[error("the role may not call ecs:UpdateService on {service}")]
    Denied {
        /// The service.
        service: String,
    },
    /// AWS throttled it to the end of the retries: nothing has changed.
    #[error("ecs:UpdateService on {service} was throttled to the end")]
    Throttled {
        /// The service.
        service: String,
    },
    /// The answer was lost: AWS may have taken it. It is not to be repeated but looked up.
    #[error("the answer to ecs:UpdateService on {service} was lost")]
    Lost {
        /// The service.
        service: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests {
    use super::PortError;
    use crate::phase::RETRIED;

    #[test]
    fn what_may_mend_itself_is_retried_by_its_name() {
        let (action, subject) = (|| "ecs:ListTasks".to_owned(), || "web".to_owned());
        let cases = [
            (PortError::Throttled { action: action() }, true),
            (PortError::Conflict { subject: subject() }, true),
            (PortError::Failed { action: action(), subject: subject(), source: "reset".into() }, true),
            (PortError::Denied { action: action(), subject: subject() }, false),
            (PortError::Absent { subject: subject() }, false),
            (PortError::Corrupt { subject: subject(), detail: "no fence".to_owned() }, false),
        ];
        for (error, retried) in cases {
            assert_eq!(RETRIED.contains(&error.name()), retried, "{error}");
        }
    }
}
