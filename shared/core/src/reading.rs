//! Reading a cluster and what is remembered of it: the same for a run and for a person who asks what a run would do.

use std::collections::BTreeMap;

use crate::assess::Memory;
use crate::ids::{ClusterName, ProviderName};
use crate::observe::{Depth, Reading, Snapshot};
use crate::ports::{Fleet, PortError, State};
use crate::record::Ledger;
use crate::signals::{self, Signals};
use crate::switch::Switches;
use crate::turn::{TurnSeen, as_recorded};

/// A cluster as it was read, with what is remembered of it.
#[derive(Debug, Clone)]
pub struct Read {
    /// The cluster, in which a provider whose group is turned counts as Spot.
    pub snapshot: Snapshot,
    /// The ledgers of its services.
    pub ledgers: Vec<Ledger>,
    /// What is known of its Spot capacity; nothing at [`Depth::Switch`].
    pub signals: Signals,
    /// The switches.
    pub switches: Switches,
    /// The turns that have not ended, of providers of this cluster, with what their groups have on Spot.
    pub turns: Vec<TurnSeen>,
    /// The newest version of each provider's turn, those that have ended included.
    pub turn_versions: BTreeMap<ProviderName, u64>,
}

impl Read {
    /// Reads a cluster.
    ///
    /// # Errors
    /// Where not even the cluster, the list of its services or Spotkeeper's own state could be read.
    pub async fn cluster(
        fleet: &impl Fleet,
        state: &impl State,
        cluster: &ClusterName,
        depth: Depth,
    ) -> Result<Read, PortError> {
        let mut snapshot = fleet.observe(cluster, depth).await?;
        let ledgers = state.ledgers(&snapshot.cluster).await?;
        // A switch run brings everything down: it needs no signals, and nothing of them may hold it up.
        let signals = match depth {
            Depth::Full => state.signals(cluster, signals::since(snapshot.taken_at)).await?,
            Depth::Switch => Signals::default(),
        };
        // Read last: a switch thrown while the cluster was read counts.
        let switches = state.switches().await?;
        // After the switches: a way back that was begun before one was thrown is seen.
        let (mut turns, mut turn_versions) = (Vec::new(), BTreeMap::new());
        for turn in state.turns().await? {
            turn_versions.insert(turn.provider.clone(), turn.version);
            if turn.ended.is_none() && snapshot.providers.contains_key(&turn.provider) {
                let spot_instances = fleet.spot_instances(&turn.group).await;
                if let Reading::Missing(gap) = &spot_instances {
                    snapshot.gaps.push(gap.clone());
                }
                turns.push(TurnSeen { turn, spot_instances });
            }
        }
        as_recorded(&mut snapshot, &turns);
        Ok(Read { snapshot, ledgers, signals, switches, turns, turn_versions })
    }
}

impl Memory {
    /// What is remembered, the ledgers by service.
    #[must_use]
    pub fn of(ledgers: Vec<Ledger>, signals: Signals, switches: Switches) -> Memory {
        let ledgers: BTreeMap<_, _> = ledgers.into_iter().map(|ledger| (ledger.service.arn.clone(), ledger)).collect();
        Memory { ledgers, switches, signals }
    }
}
