//! What the controller remembers of a pair.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::ClusterName;
use crate::plan::{Cap, CapBy, Pair};
use crate::units::Percent;

/// The ceiling of one pair of one cluster: one item of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairCeiling {
    /// The cluster.
    pub cluster: ClusterName,
    /// The pair.
    pub pair: Pair,
    /// The most of the cluster's task vCPU that may be on Spot over the pair, as far as the controller
    /// is concerned: policy, dial and windows may allow less, and allow it to all pairs together.
    pub ceiling: Percent,
    /// When the controller last changed it, or first set it.
    pub changed_at: Timestamp,
    /// Which way it changed then.
    pub direction: Direction,
    /// What was last known to have gone wrong with its capacity: older evidence has been answered.
    pub answered_until: Timestamp,
    /// Its drought, while it is remembered.
    pub dry: Option<Dry>,
    /// What counted in the run that last kept it; `None` in one that was kept before this was.
    #[serde(default)]
    pub in_force: Option<InForce>,
    /// Counts up with each write: a write under another number than the one before is refused.
    pub version: u64,
}

impl PairCeiling {
    /// When the ceiling, or what counts of it, last changed.
    #[must_use]
    pub fn last_change(&self) -> Timestamp {
        self.in_force.as_ref().map_or(self.changed_at, |in_force| in_force.since.max(self.changed_at))
    }
}

/// What counts of a ceiling: itself, or what policy, dial and windows allow, if that is less. A switch is no
/// cap, and what the commitment floor covers is left out of the whole that a ceiling is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InForce {
    /// The most of the cluster's task vCPU that may be on Spot over the pair.
    pub percent: Percent,
    /// What allows less than the ceiling; `None` where nothing does.
    pub capped_by: Option<CapBy>,
    /// Since when it is this percentage.
    pub since: Timestamp,
}

impl InForce {
    /// What counts of a ceiling under a cap, after what counted before.
    pub(super) fn of(ceiling: Percent, cap: &Cap, before: Option<&InForce>, now: Timestamp) -> InForce {
        let percent = ceiling.min(cap.percent);
        let as_before = before.filter(|before| before.percent == percent);
        InForce {
            percent,
            capped_by: (cap.percent < ceiling).then(|| cap.by.clone()),
            since: as_before.map_or(now, |before| before.since),
        }
    }
}

/// Which way a ceiling last changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// It was set for the first time.
    Set,
    /// Up.
    Raised,
    /// Down.
    Cut,
}

/// A drought of a pair's Spot capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dry {
    /// When it was last seen.
    pub seen_at: Timestamp,
    /// Nothing moves up over the pair before this time; afterwards one service at a time, until
    /// one is stable.
    pub until: Timestamp,
    /// How many times it was dry since a move up over it was last stable.
    pub times: u32,
}
