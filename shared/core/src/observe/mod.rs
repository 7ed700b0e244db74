//! What was read of AWS: a [`Snapshot`] of one cluster, with its gaps listed.
//!
//! A snapshot holds what AWS answered, in AWS's own terms and without judgement. What could not
//! be read is a [`Reading::Missing`] where it would have stood, never a zero and never an error
//! that hides.

mod capacity;
mod look;
mod place;
mod service;
mod task_definition;

pub use capacity::*;
pub use look::*;
pub use place::*;
pub use service::*;
pub use task_definition::*;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ClusterName, ProviderName};
use crate::units::CpuUnits;

/// One cluster as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the reading began.
    pub taken_at: Timestamp,
    /// How much was read.
    pub depth: Depth,
    /// The cluster.
    pub cluster: Cluster,
    /// Its services, in order of name.
    pub services: Vec<Service>,
    /// Every capacity provider that is associated with the cluster or used by one of its services.
    pub providers: BTreeMap<ProviderName, Reading<Provider>>,
    /// The quotas of the account that bound what can be launched.
    pub quotas: Quotas,
    /// Everything that could not be read, once each: the readings say where it is missing.
    pub gaps: Vec<Gap>,
}

/// How much to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Depth {
    /// Everything that the rules ask for.
    Full,
    /// What a switch run needs: services with their tasks and service deployments, and providers;
    /// not the slow ELB attributes, task definitions, instance types, scaling and quotas.
    Switch,
}

/// Something that was to be read: it was, or there is a gap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading<T> {
    /// AWS answered.
    Known(T),
    /// AWS did not: it blocks whatever depends on it.
    Missing(Gap),
}

impl<T> Reading<T> {
    /// The value, where it was read.
    #[must_use]
    pub const fn known(&self) -> Option<&T> {
        match self {
            Reading::Known(value) => Some(value),
            Reading::Missing(_) => None,
        }
    }

    /// The value.
    ///
    /// # Errors
    /// The gap that stands in its place.
    pub const fn get(&self) -> Result<&T, &Gap> {
        match self {
            Reading::Known(value) => Ok(value),
            Reading::Missing(gap) => Err(gap),
        }
    }
}

/// Something that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// What is missing: an ARN, or what AWS calls it.
    pub subject: String,
    /// The call that should have read it, as IAM names its action: `ecs:DescribeTaskDefinition`.
    pub action: String,
    /// Why it is missing.
    pub cause: GapCause,
    /// What AWS said, in short; empty where it said nothing.
    pub detail: String,
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Gap { subject, action, cause, detail } = self;
        match cause {
            GapCause::Denied => write!(f, "{subject} could not be read: the role may not call {action}"),
            GapCause::Absent => write!(f, "{subject} does not exist ({action})"),
            GapCause::Throttled => write!(f, "{subject} could not be read: {action} was throttled to the end"),
            GapCause::Failed => write!(f, "{subject} could not be read: {action} answered {detail}"),
            GapCause::NotRead => write!(f, "{subject} was not read in this run ({action})"),
            GapCause::NotUnderstood => write!(f, "{subject} was read by {action} but not understood: {detail}"),
        }
    }
}

/// Why something is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapCause {
    /// AWS refused the call: the role lacks the action.
    Denied,
    /// AWS says that there is no such thing (`failures[]` with `MISSING`, a not-found error).
    Absent,
    /// AWS throttled the call until the retries were used up.
    Throttled,
    /// The call failed otherwise.
    Failed,
    /// It was not asked for at this [`Depth`].
    NotRead,
    /// AWS answered something that this version does not know.
    NotUnderstood,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// Its name.
    pub name: ClusterName,
    /// Its ARN.
    pub arn: String,
    /// Whether it is `ACTIVE`.
    pub active: bool,
    /// The providers associated with it, in AWS's order.
    pub capacity_providers: Vec<ProviderName>,
}

/// The account's service quotas that bound how fast and how far On-Demand can take tasks back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quotas {
    /// vCPU of Fargate On-Demand tasks that may run at once (quota `L-3032A538`).
    pub fargate_on_demand: Reading<CpuUnits>,
    /// vCPU of Standard On-Demand instances that may run at once (quota `L-1216C47A`).
    pub ec2_on_demand_standard: Reading<CpuUnits>,
}
