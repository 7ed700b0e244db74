//! Reading a cluster and what is remembered of it: the same for a run and for a person who asks what a run would do.

use std::collections::BTreeMap;

use crate::assess::Memory;
use crate::ids::ClusterName;
use crate::observe::{Depth, Snapshot};
use crate::ports::{Fleet, PortError, State};
use crate::record::Ledger;
use crate::signals::{self, Signals};
use crate::switch::Switches;

/// A cluster as it was read, with what is remembered of it.
#[derive(Debug, Clone)]
pub struct Read {
    /// The cluster.
    pub snapshot: Snapshot,
    /// The ledgers of its services.
    pub ledgers: Vec<Ledger>,
    /// What is known of its Spot capacity; nothing at [`Depth::Switch`].
    pub signals: Signals,
    /// The switches.
    pub switches: Switches,
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
        let snapshot = fleet.observe(cluster, depth).await?;
        let ledgers = state.ledgers(&snapshot.cluster).await?;
        // A switch run brings everything down: it needs no signals, and nothing of them may hold it up.
        let signals = match depth {
            Depth::Full => state.signals(cluster, signals::since(snapshot.taken_at)).await?,
            Depth::Switch => Signals::default(),
        };
        // Read last: a switch thrown while the cluster was read counts.
        let switches = state.switches().await?;
        Ok(Read { snapshot, ledgers, signals, switches })
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
