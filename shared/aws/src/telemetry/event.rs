//! The event of a run's end, and what every event has.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::record::{ClusterReport, DryWhy, Outcome, RunEnd, RunMode, RunRecord};

/// The source of every event.
pub const SOURCE: &str = "spotkeeper";
/// The version of the details' shapes. Fields may be added under the same number; one that goes or
/// changes its meaning takes the next.
pub const VERSION: u32 = 1;
/// The most failed clusters that are named.
const FAILED_CLUSTERS: usize = 20;

/// The detail of an event.
pub trait Detail: Serialize {
    /// The event's detail-type.
    const TYPE: &'static str;
    /// When what it tells of happened or was decided.
    fn at(&self) -> Timestamp;
}

/// The detail of `Run Ended`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunEnded {
    /// The version of this shape.
    pub version: u32,
    /// The same each time that this end is told: `run/RUN`.
    pub id: String,
    /// The run: the name of the state machine's execution.
    #[schemars(with = "String")]
    pub run_id: RunId,
    /// `ordinary`, `dry`, `switch` or `restore`.
    pub mode: &'static str,
    /// Why a dry run was dry: `input`, `policy` or `policy_mistakes`.
    pub dry_because: Option<&'static str>,
    /// What a run covered: `all`, `cluster/NAME` or `service/CLUSTER/NAME`.
    pub scope: String,
    /// `completed`, `skipped` or `completed_with_errors`.
    pub status: &'static str,
    /// When it began.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub started_at: Timestamp,
    /// When it ended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub ended_at: Timestamp,
    /// How long that was.
    pub duration_seconds: i64,
    /// How many mistakes the policy has.
    pub policy_mistakes: usize,
    /// How many clusters it looked at.
    pub clusters: usize,
    /// Clusters that could not be worked on to the end, with the error's name: at most twenty.
    #[schemars(with = "BTreeMap<String, String>")]
    pub failed_clusters: BTreeMap<ClusterName, String>,
    /// How many more there are than `failed_clusters` lists.
    pub failed_clusters_more: usize,
    /// Services looked at.
    pub services: u64,
    /// Running tasks on Spot when they were looked at, before the moves.
    pub spot_tasks: u64,
    /// Running tasks elsewhere.
    pub on_demand_tasks: u64,
    /// Services that stay on Spot under a switch.
    pub services_left_on_spot: u64,
    /// Services whose running tasks have broken floor or share for too long.
    pub services_skewed: u64,
    /// Services whose last write somebody took back.
    pub services_reverted: u64,
    /// Moves whose tasks run another image than those before them.
    pub moves_code_changed: u32,
    /// Moves by outcome; an outcome that none had is left out.
    #[schemars(with = "BTreeMap<String, u32>")]
    pub moves: BTreeMap<Outcome, u32>,
    /// Whether somebody must look: a move quarantined or stranded, a cluster that failed, a
    /// service left as it is that the run covers, one whose share measured has long been off, or one
    /// whose last write somebody took back.
    pub alarm: bool,
}

impl Detail for RunEnded {
    const TYPE: &'static str = "Run Ended";
    fn at(&self) -> Timestamp {
        self.ended_at
    }
}

impl RunEnded {
    /// The detail for a run that has ended.
    #[must_use]
    pub fn of(run: &RunRecord, ended: &RunEnd, reports: &[ClusterReport]) -> RunEnded {
        let sum = |number: fn(&ClusterReport) -> u64| reports.iter().map(number).fold(0, u64::saturating_add);
        let named = ended.failed_clusters.iter().take(FAILED_CLUSTERS);
        RunEnded {
            version: VERSION,
            id: format!("run/{}", run.id),
            run_id: run.id.clone(),
            mode: mode_name(&run.mode),
            dry_because: dry_because(&run.mode),
            scope: run.scope().to_string(),
            status: ended.status.name(),
            started_at: run.started_at,
            ended_at: ended.at,
            duration_seconds: ended.at.duration_since(run.started_at).as_secs().max(0),
            policy_mistakes: run.policy_mistakes.len(),
            clusters: run.clusters.len(),
            failed_clusters: named.map(|(cluster, error)| (cluster.clone(), error.clone())).collect(),
            failed_clusters_more: ended.failed_clusters.len().saturating_sub(FAILED_CLUSTERS),
            services: sum(|report| u64::from(report.services)),
            spot_tasks: sum(|report| u64::from(report.spot_tasks)),
            on_demand_tasks: sum(|report| u64::from(report.on_demand_tasks)),
            services_left_on_spot: sum(|report| report.left_on_spot.len() as u64 + u64::from(report.left_on_spot_more)),
            services_skewed: sum(|report| report.skewed.len() as u64 + u64::from(report.skewed_more)),
            services_reverted: sum(|report| report.reverted.len() as u64 + u64::from(report.reverted_more)),
            moves_code_changed: ended.code_changed,
            moves: ended.moves.iter().filter(|(_, moves)| **moves > 0).map(|(one, moves)| (*one, *moves)).collect(),
            alarm: ended.alarms(reports),
        }
    }
}

/// A mode's name in metrics and events.
pub(super) const fn mode_name(mode: &RunMode) -> &'static str {
    match mode {
        RunMode::Ordinary => "ordinary",
        RunMode::Dry { .. } => "dry",
        RunMode::Switch { .. } => "switch",
        RunMode::Restore { .. } => "restore",
    }
}

const fn dry_because(mode: &RunMode) -> Option<&'static str> {
    match mode {
        RunMode::Dry { why: DryWhy::Input } => Some("input"),
        RunMode::Dry { why: DryWhy::Policy } => Some("policy"),
        RunMode::Dry { why: DryWhy::PolicyMistakes } => Some("policy_mistakes"),
        RunMode::Ordinary | RunMode::Switch { .. } | RunMode::Restore { .. } => None,
    }
}
