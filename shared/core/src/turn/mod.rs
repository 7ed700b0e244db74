//! The capacity lever: a kill switch that turns the Auto Scaling group of a Spot provider to
//! On-Demand, by one call, instead of moving each of its services by strategy.
//!
//! | file | what it decides |
//! |---|---|
//! | here | what a turned provider counts as, and how far its turn has come |
//! | `fit` | whether a group can be turned |
//! | `write` | whether a turn may be written, just before the write |
//!
//! Nothing of a switch rests on the lever: what a turn has not brought off Spot when its time is over
//! moves by strategy (ADR 14).

mod fit;
#[cfg(test)]
mod tests;
mod write;

pub use fit::{Fit, Unfit};
pub use write::{TurnDecision, TurnInput, after_write, decide};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ClusterName, ProviderName};
use crate::observe::{InstancesDistribution, Market, Provider, ProviderKind, Reading, Snapshot};
use crate::policy::Verify;
use crate::record::Turn;
use crate::units::Seconds;
use crate::verify::since;

/// The most turns that one answer of the Determiner names, and that one call of the Updater takes.
pub const MAX_TURNS: usize = 20;

/// How long a write of the original may take to reach AWS: longer than the Updater's own timeout (120 s
/// in `template.yaml`), as its leases are.
pub const WRITE_BACK: SignedDuration = SignedDuration::from_secs(180);

/// How long after a turn a Spot instance that was launched just before it may be missing in what EC2
/// lists. Source: "Eventual consistency in the Amazon EC2 API", EC2 developer guide, which gives no
/// number.
const LAUNCHES_SHOW_AFTER: Seconds = Seconds(60);

/// A turn that the Updater is to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TurnOrder {
    /// The cluster.
    pub cluster: ClusterName,
    /// The Spot provider.
    pub provider: ProviderName,
    /// To On-Demand, or back.
    pub way: TurnWay,
}

/// The direction of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TurnWay {
    /// To On-Demand: less Spot.
    Away,
    /// To what the group was before: more Spot.
    Back,
}

/// A turn that has not ended, and what EC2 says of its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnSeen {
    /// The record.
    pub turn: Turn,
    /// How many Spot instances the group has.
    pub spot_instances: Reading<u32>,
}

/// How far a turn to On-Demand has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// AWS has not taken it, as far as is known, and there is time to write it again.
    NotTaken,
    /// The group's instances are being replaced, and there is time left.
    UnderWay {
        /// Spot instances that it still has, where that could be read.
        spot_instances: Option<u32>,
    },
    /// The group is On-Demand and has no Spot instance.
    Done,
    /// It brings nothing off Spot any more: its services move by strategy.
    Lost(LostWhy),
}

/// Why a turn brings nothing off Spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostWhy {
    /// Its time is over, and the group still has Spot instances.
    TimeOver,
    /// Its time is over, and what the group is or has could not be read.
    Unread,
    /// Somebody has given the group Spot again.
    Reverted,
    /// It is being turned back.
    ComingBack,
}

impl LostWhy {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LostWhy::TimeOver => "time_over",
            LostWhy::Unread => "unread",
            LostWhy::Reverted => "reverted",
            LostWhy::ComingBack => "coming_back",
        }
    }
}

/// Has every provider with a turn that has not ended count as Spot, whatever its group buys now: so the
/// pairs of its services stay as they were, and the tasks on it count against the ceilings.
pub fn as_recorded(snapshot: &mut Snapshot, turns: &[TurnSeen]) {
    for TurnSeen { turn, .. } in turns {
        let Some(Reading::Known(provider)) = snapshot.providers.get_mut(&turn.provider) else { continue };
        let ProviderKind::AutoScalingGroup(behind) = &mut provider.kind else { continue };
        if let Reading::Known(group) = &mut behind.group {
            group.market = Market::Spot;
        }
    }
}

/// The distribution that the group of a provider has now; `None` where that was not read.
pub(crate) fn distribution_now(provider: Option<&Provider>) -> Option<Option<&InstancesDistribution>> {
    match &provider?.kind {
        ProviderKind::AutoScalingGroup(behind) => Some(behind.group.known()?.distribution.as_ref()),
        ProviderKind::Fargate | ProviderKind::FargateSpot | ProviderKind::ManagedInstances(_) => None,
    }
}

/// The name of a provider's group with the distribution that it has now.
pub(crate) fn group_of(provider: &Provider) -> Option<(&str, &InstancesDistribution)> {
    match &provider.kind {
        ProviderKind::AutoScalingGroup(behind) => {
            let group = behind.group.known()?;
            Some((&group.name, group.distribution.as_ref()?))
        }
        ProviderKind::Fargate | ProviderKind::FargateSpot | ProviderKind::ManagedInstances(_) => None,
    }
}

/// How far a turn has come.
#[must_use]
pub fn standing(seen: &TurnSeen, provider: Option<&Provider>, policy: &Verify, now: Timestamp) -> Standing {
    let turn = &seen.turn;
    let time_left = now < turn.ends_by;
    if turn.may_come_back(now) {
        return Standing::Lost(LostWhy::ComingBack);
    }
    let spot_instances = seen.spot_instances.known().copied();
    let Some(distribution) = distribution_now(provider) else {
        return if time_left { Standing::UnderWay { spot_instances } } else { Standing::Lost(LostWhy::Unread) };
    };
    if distribution.map(InstancesDistribution::market) == Some(Market::OnDemand) {
        let shown = since(turn.taken_at.unwrap_or(turn.at), now) >= LAUNCHES_SHOW_AFTER;
        return match spot_instances {
            Some(0) if shown => Standing::Done,
            _ if time_left => Standing::UnderWay { spot_instances },
            Some(0) => Standing::Done,
            Some(_) => Standing::Lost(LostWhy::TimeOver),
            None => Standing::Lost(LostWhy::Unread),
        };
    }
    let stale = since(turn.last_written_at(), now) < policy.unconfirmed_seconds;
    match (turn.taken_at, time_left) {
        // What was once taken and shows Spot may be a read that came before; later it is somebody's doing.
        (Some(_), true) if stale && turn.back.is_none() => Standing::UnderWay { spot_instances },
        (Some(_), _) => Standing::Lost(LostWhy::Reverted),
        (None, true) => Standing::NotTaken,
        (None, false) => Standing::Lost(LostWhy::TimeOver),
    }
}
