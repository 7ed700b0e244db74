//! A group that the capacity lever has turned to On-Demand.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ClusterName, ProviderName, RunId};
use crate::observe::InstancesDistribution;
use crate::switch::Scope;

/// A group whose instances distribution the capacity lever turns to On-Demand, has turned, or has turned
/// back: one item of the table for each provider. It is put on record before the first write and kept
/// when it has ended, so that its versions go on: a write over an older version is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// The Spot provider. While the turn has not ended it counts as Spot, whatever its group buys.
    pub provider: ProviderName,
    /// The cluster whose run turned it.
    pub cluster: ClusterName,
    /// The Auto Scaling group behind the provider.
    pub group: String,
    /// The whole distribution before the first write.
    pub original: InstancesDistribution,
    /// The scope of the switch that it was turned for.
    pub scope: Scope,
    /// The run that began it.
    pub run: RunId,
    /// When its last write was put on record.
    pub at: Timestamp,
    /// Until when its instances may take to be On-Demand. Afterwards its services move by strategy.
    pub ends_by: Timestamp,
    /// Since when AWS is known to have taken the turn: it has confirmed the write, or a read showed it.
    pub taken_at: Option<Timestamp>,
    /// The write of the original, once it was put on record.
    pub back: Option<WriteBack>,
    /// What AWS said of the last write that it did not confirm; empty where it confirmed it.
    pub said: String,
    /// How it ended; `None` while it lasts.
    pub ended: Option<TurnEnd>,
    /// Counts up with every write of this record, from 1.
    pub version: u64,
}

/// A write of the original distribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WriteBack {
    /// The run.
    pub run: RunId,
    /// When it was put on record, in a transaction that checks the switch epoch.
    pub at: Timestamp,
    /// Until when it may still reach AWS: as long as an Updater's lease.
    pub until: Timestamp,
}

/// How a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnEnd {
    /// The numbers of the original are in place again.
    Original,
    /// Somebody has given the group other numbers: they stay.
    Changed,
}

impl TurnEnd {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TurnEnd::Original => "original",
            TurnEnd::Changed => "changed",
        }
    }
}

impl Turn {
    /// Whether a write of the original may be on its way to AWS.
    #[must_use]
    pub fn may_come_back(&self, now: Timestamp) -> bool {
        self.back.as_ref().is_some_and(|back| now < back.until)
    }

    /// When it was last written, or seen taken: a read that is not much newer may show the world before.
    #[must_use]
    pub fn last_written_at(&self) -> Timestamp {
        let back = self.back.as_ref().map(|back| back.at);
        back.into_iter().chain(self.taken_at).fold(self.at, Timestamp::max)
    }
}
