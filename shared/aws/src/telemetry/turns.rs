//! The event of a group under the capacity lever.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use spotkeeper_core::plan::{TurnReport, TurnWhat};
use spotkeeper_core::record::{ClusterReport, RunMode, RunRecord};
use spotkeeper_core::turn::Unfit;

use super::event::{Detail, VERSION};

/// The detail of `Turn Changed`: what a run did about the group of a Spot provider under the capacity lever, or
/// how it left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TurnChanged {
    /// The version of this shape.
    pub version: u32,
    /// The same each time that this is told: `turn/RUN/CLUSTER/PROVIDER`.
    pub id: String,
    /// The run.
    pub run_id: String,
    /// The cluster.
    pub cluster: String,
    /// The Spot provider of which it is the group.
    pub spot_provider: String,
    /// `turn`, `under_way`, `turned`, `unfit`, `lost`, `turn_back` or `ended`.
    pub what: &'static str,
    /// Why it cannot be turned, came off Spot no more, or how its turn has ended, in a word each; else empty.
    pub why: Vec<&'static str>,
    /// Spot instances that it still had; null where that does not count, or could not be read.
    pub spot_instances: Option<u32>,
    /// What AWS said of the last write that it did not confirm; empty where it confirmed it.
    pub said: String,
    /// When it was decided.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub decided_at: Timestamp,
}

impl Detail for TurnChanged {
    const TYPE: &'static str = "Turn Changed";
    fn at(&self) -> Timestamp {
        self.decided_at
    }
}

impl TurnChanged {
    /// The detail for a group that a run changes, or of which a switch run ends; `None` for one that the run leaves
    /// as it found it. A dry run changes none.
    #[must_use]
    pub fn of(run: &RunRecord, report: &ClusterReport, told: &TurnReport) -> Option<TurnChanged> {
        let changes = match told.what {
            TurnWhat::Turn | TurnWhat::TurnBack | TurnWhat::Ended { .. } => !run.is_dry(),
            // Under a switch each run finds the same again: the run that threw it tells.
            TurnWhat::Unfit { .. } | TurnWhat::UnderWay { .. } | TurnWhat::Turned | TurnWhat::Lost { .. } => {
                matches!(run.mode, RunMode::Switch { .. })
            }
            TurnWhat::Held { .. } => false,
        };
        if !changes {
            return None;
        }
        let (why, spot_instances) = match &told.what {
            TurnWhat::Unfit { why } => (why.iter().map(Unfit::name).collect(), None),
            TurnWhat::Lost { why } => (vec![why.name()], None),
            TurnWhat::Ended { how } => (vec![how.name()], None),
            TurnWhat::UnderWay { spot_instances } => (Vec::new(), *spot_instances),
            TurnWhat::Turned => (Vec::new(), Some(0)),
            TurnWhat::Turn | TurnWhat::TurnBack | TurnWhat::Held { .. } => (Vec::new(), None),
        };
        Some(TurnChanged {
            version: VERSION,
            id: format!("turn/{}/{}/{}", run.id, report.cluster, told.provider),
            run_id: run.id.to_string(),
            cluster: report.cluster.to_string(),
            spot_provider: told.provider.to_string(),
            what: told.what.name(),
            why,
            spot_instances,
            said: told.said.clone(),
            decided_at: report.at,
        })
    }
}

#[cfg(test)]
#[path = "turns_tests.rs"]
pub(super) mod tests;
