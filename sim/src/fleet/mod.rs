//! The in-process front of the world: what Spotkeeper's port to AWS reads and writes, without a
//! network between. Pure functions; latency, faults and counts are the caller's.
//!
//! Each says exactly what `spotkeeper-aws` makes of the answers that [`crate::wire`] gives: a test
//! compares the two (`shared/aws/tests/in_process.rs`).
//!
//! | file | what it translates |
//! |---|---|
//! | `snapshot` | a cluster with all that belongs to it |
//! | `service`, `task_definition` | services with their deployments and tasks; task definitions |
//! | `capacity` | capacity providers, the groups behind them, quotas |
//! | `inventory` | what stands behind the names in events |
//! | `look` | one service closely, with its service deployments and revisions |
//! | `market` | Spot providers and placement scores |
//! | `turn` | what the capacity lever reads and writes of a group |
//! | `write` | the one write |

mod capacity;
mod inventory;
mod look;
mod market;
mod service;
mod snapshot;
mod task_definition;
mod turn;
mod write;

pub use inventory::{directory, instances};
pub use look::look;
pub use market::{PLACEMENT_SCORES, placement_scores, spot_providers, zone_names};
pub use snapshot::{clusters, snapshot};
pub use turn::{distribution, spot_instances, write_distribution};
pub use write::write;

use jiff::Timestamp;
use serde_json::Value;
use spotkeeper_core::ids::ProviderName;
use spotkeeper_core::observe::{Gap, GapCause, LaunchType, PlacedBy};
use spotkeeper_core::strategy::{Strategy, StrategyItem};

use crate::world::deployments::Revision;
use crate::world::shapes;

fn gap(subject: &str, action: &str, cause: GapCause, detail: impl Into<String>) -> Gap {
    Gap { subject: subject.to_owned(), action: action.to_owned(), cause, detail: detail.into() }
}

/// What is not asked for at this depth.
fn not_read(subject: &str, action: &str) -> Gap {
    gap(subject, action, GapCause::NotRead, "")
}

/// One of `failures[]`.
fn missing(subject: &str, action: &str) -> Gap {
    gap(subject, action, GapCause::Absent, "MISSING")
}

fn not_understood(subject: &str, action: &str, detail: impl Into<String>) -> Gap {
    gap(subject, action, GapCause::NotUnderstood, detail)
}

/// AWS's times are in milliseconds.
fn millis(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// SHA-256 in hexadecimal.
fn digest(text: &str) -> String {
    spotkeeper_core::digest::hex(text, 32)
}

fn provider_name(name: &str) -> Result<ProviderName, String> {
    ProviderName::parse(name).map_err(|error| error.to_string())
}

/// Where a revision places its tasks.
fn placed_by(revision: &Revision) -> Result<PlacedBy, String> {
    if !revision.strategy.is_empty() {
        let item = |item: &shapes::StrategyItem| {
            Ok(StrategyItem { provider: provider_name(&item.capacity_provider)?, base: item.base, weight: item.weight })
        };
        let items = revision.strategy.iter().map(item).collect::<Result<_, String>>()?;
        return Ok(PlacedBy::Strategy(Strategy { items }));
    }
    match revision.launch_type {
        Some(shapes::LaunchType::Ec2) => Ok(PlacedBy::LaunchType(LaunchType::Ec2)),
        Some(shapes::LaunchType::Fargate) => Ok(PlacedBy::LaunchType(LaunchType::Fargate)),
        Some(shapes::LaunchType::External) => Ok(PlacedBy::LaunchType(LaunchType::External)),
        Some(shapes::LaunchType::ManagedInstances) => Ok(PlacedBy::LaunchType(LaunchType::ManagedInstances)),
        None => Err("no launchType and capacityProviderStrategy".to_owned()),
    }
}

/// Whether a list that is carried through holds anything.
fn has_items(list: Option<&Value>) -> bool {
    list.and_then(Value::as_array).is_some_and(|list| !list.is_empty())
}
