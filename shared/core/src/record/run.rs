//! A run of the state machine.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{LastWrite, Outcome};
use crate::control::Steered;
use crate::ids::{ClusterName, MoveId, RunId, ServiceRef};
use crate::plan::{BudgetReport, Cap, Crowded, HeldWhy, Short, TurnReport};
use crate::policy::{Policy, PolicyMistake};
use crate::switch::{Scope, SwitchEntry};
use crate::turn::TurnOrder;
use crate::units::{CpuUnits, Percent};

/// A run: one item of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// Its id: the name of the execution.
    pub id: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// What it is for.
    pub mode: RunMode,
    /// The clusters it looks at.
    pub clusters: Vec<ClusterName>,
    /// How many clusters it works on at once: API rates are divided by this.
    pub clusters_in_flight: u32,
    /// Whether the stack may turn groups: its parameter `CapacityLever`.
    #[serde(default)]
    pub capacity_lever: bool,
    /// Whether it holds the run lock, and so may move up.
    pub holds_lock: bool,
    /// The run that held the lock where this one does not.
    pub lock_held_by: Option<RunId>,
    /// The switch epoch when it began.
    pub epoch: u64,
    /// The policy as it was when the run began: it works by this one to its end.
    pub policy: Policy,
    /// What is wrong with the policy; not empty means a dry run.
    pub policy_mistakes: Vec<PolicyMistake>,
    /// How often it has gone over its clusters: more than once only for a switch.
    pub passes: u32,
    /// How many looks at a cluster its passes come to, the present one included.
    pub looks: u32,
    /// Whether leases older than its switch were alive when its present pass began: what they
    /// were writing may have come after this pass had looked.
    pub older_leases: bool,
    /// When a switch run gives up waiting for what it cannot change.
    pub ends_by: Timestamp,
    /// How it ended; `None` while it runs.
    pub ended: Option<RunEnd>,
}

/// What a run is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum RunMode {
    /// The schedule's, or one that a person started without more.
    Ordinary,
    /// Writes nothing to the fleet.
    Dry {
        /// Why: `input`, `policy` or `policy_mistakes`.
        why: DryWhy,
    },
    /// Brings everything in scope back to On-Demand.
    Switch {
        /// The entry.
        entry: SwitchEntry,
    },
    /// Brings back what placed the tasks before the first write ever.
    Restore {
        /// For the services in this scope.
        scope: Scope,
    },
}

/// Why a run is dry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DryWhy {
    /// The execution's input says `dry_run`.
    Input,
    /// The policy says `mode: dry_run`.
    Policy,
    /// There is no policy, or it has mistakes.
    PolicyMistakes,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunEnd {
    /// When.
    pub at: Timestamp,
    /// In a word.
    pub status: RunStatus,
    /// Moves by outcome.
    pub moves: BTreeMap<Outcome, u32>,
    /// Clusters that could not be worked on, with the error's name; those that a switch run left
    /// unfinished with [`UNFINISHED`].
    pub failed_clusters: BTreeMap<ClusterName, String>,
    /// Moves whose tasks run another image than those before them.
    #[serde(default)]
    pub code_changed: u32,
    /// Whether metrics and event have been sent.
    pub told: bool,
}

impl RunEnd {
    /// Whether somebody must look: a move quarantined or stranded, one that brought another image,
    /// a cluster that failed, a service left as it is that the run covers, or whose tasks break
    /// floor or share and that nothing repairs.
    #[must_use]
    pub fn alarms(&self, reports: &[ClusterReport]) -> bool {
        let by_outcome = self.moves.iter().any(|(outcome, moves)| outcome.alarms() && *moves > 0);
        let of_clusters = !self.failed_clusters.is_empty() || reports.iter().any(ClusterReport::alarms);
        by_outcome || self.code_changed > 0 || of_clusters
    }
}

/// What [`RunEnd::failed_clusters`] says of a cluster that a switch run gave up on.
pub const UNFINISHED: &str = "Unfinished";

/// How a run ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Everything that it planned has ended.
    Completed,
    /// Another run was alive: only moves down were made.
    Skipped,
    /// It ended with services, clusters or moves that somebody must look at.
    CompletedWithErrors,
}

impl RunStatus {
    /// Its name, as in metrics, events and answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            RunStatus::Completed => "completed",
            RunStatus::Skipped => "skipped",
            RunStatus::CompletedWithErrors => "completed_with_errors",
        }
    }
}

/// What the Determiner found in one cluster in one run: one item of the table. It is what the
/// metrics, the end of a switch run and `demo` read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterReport {
    /// The run.
    pub run: RunId,
    /// The cluster.
    pub cluster: ClusterName,
    /// When.
    pub at: Timestamp,
    /// The name of the error that kept the cluster from being worked on to the end.
    #[serde(default)]
    pub failed: Option<String>,
    /// Services looked at.
    pub services: u32,
    /// Services that no rule blocks.
    pub eligible: u32,
    /// Services by the rule that blocks them; a service counts once for each of its rules.
    pub blocked: BTreeMap<String, u32>,
    /// Tasks that run on Spot.
    pub spot_tasks: u32,
    /// Tasks that run elsewhere.
    pub on_demand_tasks: u32,
    /// Moves planned, in waves.
    pub waves: Vec<Vec<MoveId>>,
    /// The waves, by number, after which the next is written before either is verified.
    #[serde(default)]
    pub followed_at_once: Vec<u32>,
    /// What the Updater was to do about groups, before the first wave.
    #[serde(default)]
    pub turn_orders: Vec<TurnOrder>,
    /// Providers whose groups are, were, or might be turned. At most 50, the rest counted.
    #[serde(default)]
    pub turns: Vec<TurnReport>,
    /// How many more there are than `turns` lists.
    #[serde(default)]
    pub turns_more: u32,
    /// Services that this run was to move and leaves as they are, and why: under a switch those
    /// still on Spot, in a restore those that do not have their original back. At most 200, the
    /// rest counted.
    pub left_on_spot: Vec<LeftOnSpot>,
    /// How many more there are than `left_on_spot` lists.
    pub left_on_spot_more: u32,
    /// Services whose running tasks have broken floor or share for longer than the deadline of a
    /// move, and that this run does not repair: alarmed. At most 200, the rest counted.
    #[serde(default)]
    pub skewed: Vec<ServiceRef>,
    /// How many more there are than `skewed` lists.
    #[serde(default)]
    pub skewed_more: u32,
    /// What bounds the cluster's ceilings; `None` where too little was read to say.
    #[serde(default)]
    pub cap: Option<Cap>,
    /// The most that a ceiling may be by dials: the lowest over the cluster, 100 where none is in force;
    /// `None` where they were not read.
    #[serde(default)]
    pub dial: Option<Percent>,
    /// What the controller made of each pair: at most 50, those that changed first.
    #[serde(default)]
    pub ceilings: Vec<Steered>,
    /// Services whose last write somebody took back, as this run was the first to see: alarmed. At
    /// most 100, the rest counted.
    #[serde(default)]
    pub reverted: Vec<Reverted>,
    /// How many more there are than `reverted` lists.
    #[serde(default)]
    pub reverted_more: u32,
    /// Services of which one capacity pool holds more than it may, and more than is tolerated. At most
    /// 100, the rest counted.
    #[serde(default)]
    pub crowded: Vec<Crowded>,
    /// How many more there are than `crowded` lists.
    #[serde(default)]
    pub crowded_more: u32,
    /// Services on Spot that miss tasks and that this run does not move, and why. At most 100, the
    /// rest counted.
    #[serde(default)]
    pub short: Vec<Short>,
    /// How many more there are than `short` lists.
    #[serde(default)]
    pub short_more: u32,
    /// How the room under the ceiling was found; `None` where too little was read to say.
    #[serde(default)]
    pub budget: Option<BudgetReport>,
    /// CPU of the tasks that run on Spot, by the provider of each task; `None` as for `budget`.
    #[serde(default)]
    pub running_spot_cpu: Option<CpuUnits>,
    /// Services that could move and do not, by the reason.
    #[serde(default)]
    pub held_back: BTreeMap<HeldWhy, u32>,
    /// The gaps of the snapshot, in sentences: at most 50.
    pub gaps: Vec<String>,
    /// How many more there are than `gaps` lists.
    pub gaps_more: u32,
    /// API calls made, and throttles met.
    pub api: ApiCounts,
}

/// A service whose last write somebody took back, and the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reverted {
    /// The service.
    pub service: ServiceRef,
    /// What was written, and what stands in its place.
    pub write: LastWrite,
    /// How many times that has happened, as the ledger counts.
    pub reverts: u32,
    /// No move up before this time.
    pub quarantined_until: Timestamp,
}

/// A service that stays as it is, although a switch covers, or might have covered it, or a restore
/// was to bring its original back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOnSpot {
    /// The service.
    pub service: ServiceRef,
    /// Why.
    pub why: LeftWhy,
}

/// Why a service stays as it is under a switch or in a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftWhy {
    /// It is neither enrolled nor in the ledger, and the switch does not say `unenrolled`.
    NotCovered,
    /// A deployment runs: somebody else's under a switch that does not say `preempt`, anybody's in
    /// a restore.
    SomebodyDeploys,
    /// Its move has failed for good.
    Stranded,
    /// No On-Demand provider was found for it.
    NoPair,
    /// A provider of it could not be read, so that nobody knows whether it is on Spot.
    Unread,
    /// The API refuses a strategy for it: hands off.
    HandsOff,
    /// A move of it is not finished.
    MoveOpen,
    /// The groups under it are being turned to On-Demand, and there is time left.
    Turning,
    /// Its original has Spot, and a switch is on.
    SwitchOn,
    /// Its original has Spot, and without the run lock, with mistakes in the policy, or onto a group
    /// that is turned, nothing moves up.
    NotNow,
    /// Its original has Spot, and a rule blocks the service.
    Blocked,
}

/// API calls, of one pass over a cluster or of one action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiCounts {
    /// Calls sent, retries included.
    pub calls: u32,
    /// Calls that AWS throttled.
    pub throttled: u32,
}

/// The right to work on one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    /// The service.
    pub service: ServiceRef,
    /// Who holds it: `RUN/MOVE`.
    pub holder: String,
    /// Counts up with each new holder: a write under an older number is refused.
    pub fence: u64,
    /// The switch epoch that was checked when it was taken.
    pub epoch: u64,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// The right to move up: one run at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// The run that holds it.
    pub run: RunId,
    /// When it ends by itself.
    pub until: Timestamp,
}

impl ClusterReport {
    /// The report of a cluster of which nothing was read.
    #[must_use]
    pub fn empty(run: RunId, cluster: ClusterName, at: Timestamp) -> ClusterReport {
        ClusterReport {
            run,
            cluster,
            at,
            failed: None,
            services: 0,
            eligible: 0,
            blocked: BTreeMap::new(),
            spot_tasks: 0,
            on_demand_tasks: 0,
            waves: Vec::new(),
            followed_at_once: Vec::new(),
            turn_orders: Vec::new(),
            turns: Vec::new(),
            turns_more: 0,
            left_on_spot: Vec::new(),
            left_on_spot_more: 0,
            skewed: Vec::new(),
            skewed_more: 0,
            cap: None,
            dial: None,
            ceilings: Vec::new(),
            reverted: Vec::new(),
            reverted_more: 0,
            crowded: Vec::new(),
            crowded_more: 0,
            short: Vec::new(),
            short_more: 0,
            budget: None,
            running_spot_cpu: None,
            held_back: BTreeMap::new(),
            gaps: Vec::new(),
            gaps_more: 0,
            api: ApiCounts::default(),
        }
    }

    /// Whether somebody must look at a service of it: one that the run covers stays as it is, the
    /// share measured has been off for longer than a deadline, or somebody took a write back. That a switch does not cover a
    /// service is as it was asked for; such are listed last.
    #[must_use]
    pub fn alarms(&self) -> bool {
        !self.skewed.is_empty()
            || !self.reverted.is_empty()
            || self.left_on_spot.iter().any(|left| left.why != LeftWhy::NotCovered)
    }
}

/// The part of the account's API rates that a switch run uses at the least, in percent: while it
/// lasts, what others deploy waits, and not what a switch brings down. The rest keeps what they do
/// from standing still, and the run from being throttled itself.
const SWITCH_API_RATE: u64 = 95;

impl RunRecord {
    /// The record of a run that only looks at one cluster, now, and is kept nowhere: as if it were the only one
    /// and held the lock, so that what it plans is what a run would do.
    #[must_use]
    pub fn look(id: RunId, cluster: ClusterName, policy: Policy, now: Timestamp) -> RunRecord {
        RunRecord {
            id,
            started_at: now,
            mode: RunMode::Dry { why: DryWhy::Input },
            clusters: vec![cluster],
            clusters_in_flight: 1,
            // The stack's parameter is not known here: a switch that asks for the lever was let through by it.
            capacity_lever: true,
            holds_lock: true,
            lock_held_by: None,
            epoch: 0,
            policy,
            policy_mistakes: Vec::new(),
            passes: 0,
            looks: 1,
            older_leases: false,
            ends_by: now,
            ended: None,
        }
    }

    /// The scope of the switch that this run is for.
    #[must_use]
    pub const fn switch(&self) -> Option<&SwitchEntry> {
        match &self.mode {
            RunMode::Switch { entry } => Some(entry),
            RunMode::Ordinary | RunMode::Dry { .. } | RunMode::Restore { .. } => None,
        }
    }

    /// The part of the account's API rates that the run uses: what the policy gives, and nearly all
    /// of it for a switch.
    #[must_use]
    pub fn api_rate_percent(&self) -> crate::units::Percent {
        let of_policy = self.policy.api_rate_percent;
        if self.switch().is_some() {
            of_policy.max(crate::units::Percent::saturating(SWITCH_API_RATE))
        } else {
            of_policy
        }
    }

    /// Whether its Updaters take their turns to write from one bucket: those of a switch run, where
    /// there is more than one at a time.
    #[must_use]
    pub const fn shares_turns(&self) -> bool {
        self.switch().is_some() && self.clusters_in_flight > 1
    }

    /// Whether nothing may be written to the fleet.
    #[must_use]
    pub const fn is_dry(&self) -> bool {
        matches!(self.mode, RunMode::Dry { .. })
    }

    /// The scope in which this run works.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match &self.mode {
            RunMode::Switch { entry } => entry.scope.clone(),
            RunMode::Restore { scope } => scope.clone(),
            RunMode::Ordinary | RunMode::Dry { .. } => Scope::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn left(why: LeftWhy) -> LeftOnSpot {
        LeftOnSpot { service: fixtures::service_ref("web"), why }
    }

    #[test]
    fn names_are_those_of_the_table() {
        for status in [RunStatus::Completed, RunStatus::Skipped, RunStatus::CompletedWithErrors] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
    }

    #[test]
    fn updaters_share_a_bucket_in_a_switch_run_over_several_clusters() {
        let switch = || RunMode::Switch { entry: fixtures::switch(Scope::All) };
        let rows = [
            ("a switch over two at a time", switch(), 2, true),
            ("a switch over one at a time", switch(), 1, false),
            ("an ordinary run over two", RunMode::Ordinary, 2, false),
            ("an ordinary run over one", RunMode::Ordinary, 1, false),
        ];
        for (name, mode, clusters_in_flight, expected) in rows {
            let run = RunRecord { clusters_in_flight, ..fixtures::run(mode) };
            assert_eq!(run.shares_turns(), expected, "{name}");
        }
    }

    #[test]
    fn what_somebody_must_look_at_alarms() {
        type Vary = fn(&mut RunEnd, &mut ClusterReport);
        let cases: [(&str, Vary, bool); 9] = [
            ("all is well", |_, _| {}, false),
            (
                "a stranded move",
                |end, _| {
                    end.moves.insert(Outcome::Stranded, 1);
                },
                true,
            ),
            (
                "no stranded move",
                |end, _| {
                    end.moves.insert(Outcome::Stranded, 0);
                },
                false,
            ),
            ("another image", |end, _| end.code_changed = 1, true),
            (
                "a cluster that failed",
                |end, _| {
                    end.failed_clusters.insert(fixtures::cluster_name(), "AccessDenied".to_owned());
                },
                true,
            ),
            ("a service left on Spot", |_, report| report.left_on_spot.push(left(LeftWhy::NoPair)), true),
            (
                "one that the switch does not cover",
                |_, report| report.left_on_spot.push(left(LeftWhy::NotCovered)),
                false,
            ),
            (
                "a write that somebody took back",
                |_, report| {
                    let web = fixtures::service("web", crate::observe::Family::Fargate);
                    report.reverted.push(Reverted {
                        service: web.id.clone(),
                        write: fixtures::last_write(&web),
                        reverts: 1,
                        quarantined_until: fixtures::at(3_600),
                    });
                },
                true,
            ),
            ("a split that nothing repairs", |_, report| report.skewed.push(fixtures::service_ref("web")), true),
        ];
        for (name, vary, expected) in cases {
            let mut end = RunEnd {
                at: fixtures::now(),
                status: RunStatus::Completed,
                moves: BTreeMap::from([(Outcome::Stable, 2)]),
                failed_clusters: BTreeMap::new(),
                code_changed: 0,
                told: false,
            };
            let run = fixtures::run_id("run-1");
            let mut report = ClusterReport::empty(run, fixtures::cluster_name(), fixtures::now());
            vary(&mut end, &mut report);
            assert_eq!(end.alarms(&[report]), expected, "{name}");
        }
    }
}
