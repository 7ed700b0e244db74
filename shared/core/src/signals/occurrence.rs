//! What happened to Spot capacity, as AWS's events tell it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ClusterName, ProviderName};
use crate::verify::Sign;

/// One thing that happened to Spot capacity: one item of the table, kept once however often its
/// event arrives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Occurrence {
    /// What makes it one: the instance's id, the task's ARN, the event's or the activity's id.
    pub id: String,
    /// What happened.
    pub kind: OccurrenceKind,
    /// When, as its event says.
    pub at: Timestamp,
    /// The cluster that it happened to; `None` where that could not be found.
    pub cluster: Option<ClusterName>,
    /// The Spot provider, where that is known.
    pub provider: Option<ProviderName>,
    /// The service, of a task or of a placement failure.
    pub service: Option<String>,
    /// The capacity pool, where that is known; Fargate Spot has none.
    pub pool: Option<CapacityPool>,
    /// Why a placement or a launch failed, where its event says so: only [`Sign::SpotCapacity`] is
    /// a sign of a drought.
    pub sign: Option<Sign>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceKind {
    /// EC2 takes a Spot instance away in two minutes.
    InstanceInterruption,
    /// A task was, or is being, stopped because its Spot capacity is taken away.
    TaskInterruption,
    /// EC2 sees an instance at higher risk. It may never be taken away: never counted as a loss.
    RebalanceRecommendation,
    /// ECS could not place a task of a service on a Spot provider.
    PlacementFailure,
    /// A Spot launch of an Auto Scaling group failed.
    LaunchFailure,
}

/// One (instance type, Availability Zone).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityPool {
    /// `m5.large`.
    pub instance_type: String,
    /// The zone's name, `eu-west-1a`.
    pub zone: String,
}

impl Occurrence {
    /// Whether Spot capacity that was asked for could not be had.
    #[must_use]
    pub fn is_shortage(&self) -> bool {
        matches!(self.kind, OccurrenceKind::PlacementFailure | OccurrenceKind::LaunchFailure)
            && self.sign == Some(Sign::SpotCapacity)
    }
}

impl OccurrenceKind {
    /// Whether capacity that ran was taken away.
    #[must_use]
    pub const fn is_interruption(self) -> bool {
        matches!(self, OccurrenceKind::InstanceInterruption | OccurrenceKind::TaskInterruption)
    }

    /// Its name, as in keys and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            OccurrenceKind::InstanceInterruption => "instance_interruption",
            OccurrenceKind::TaskInterruption => "task_interruption",
            OccurrenceKind::RebalanceRecommendation => "rebalance_recommendation",
            OccurrenceKind::PlacementFailure => "placement_failure",
            OccurrenceKind::LaunchFailure => "launch_failure",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::OccurrenceKind;

    #[test]
    fn names_are_those_of_the_table() {
        for kind in [
            OccurrenceKind::InstanceInterruption,
            OccurrenceKind::TaskInterruption,
            OccurrenceKind::RebalanceRecommendation,
            OccurrenceKind::PlacementFailure,
            OccurrenceKind::LaunchFailure,
        ] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
