//! Spot capacity: what the simulated EC2 says of it.

use std::collections::BTreeMap;

use spotkeeper_core::observe::{Cluster, Gap, GapCause, Reading};
use spotkeeper_core::ports::{PortError, SpotMarket};
use spotkeeper_core::signals::{PlacementScore, ScoreQuery, ScoreRefusal, SpotProvider};

use super::Ports;

impl SpotMarket for Ports {
    async fn spot_providers(&self, cluster: &Cluster) -> Vec<SpotProvider> {
        let read =
            self.call("market.spot_providers", |inner| Ok(aws_sim::fleet::spot_providers(&inner.world, cluster)));
        match read.await {
            Ok(providers) => providers,
            Err(error) => cluster.capacity_providers.iter().map(|name| unread(name, &error)).collect(),
        }
    }

    async fn zone_names(&self) -> Result<BTreeMap<String, String>, ScoreRefusal> {
        let read = self.call("market.zone_names", |inner| Ok(aws_sim::fleet::zone_names(&inner.world)));
        read.await.map_err(|error| refusal(&error))
    }

    async fn placement_scores(&self, query: &ScoreQuery) -> Result<Vec<PlacementScore>, ScoreRefusal> {
        let asked =
            self.call("market.placement_scores", |inner| Ok(aws_sim::fleet::placement_scores(&mut inner.world, query)));
        asked.await.unwrap_or_else(|error| Err(refusal(&error)))
    }
}

fn refusal(error: &PortError) -> ScoreRefusal {
    match error {
        PortError::Throttled { .. } => ScoreRefusal::Throttled,
        _ => ScoreRefusal::Failed { detail: error.to_string() },
    }
}

/// A provider that could not be read.
fn unread(name: &spotkeeper_core::ids::ProviderName, error: &PortError) -> SpotProvider {
    let gap = Gap {
        subject: name.as_str().to_owned(),
        action: "ecs:DescribeCapacityProviders".to_owned(),
        cause: match error {
            PortError::Throttled { .. } => GapCause::Throttled,
            _ => GapCause::Failed,
        },
        detail: error.to_string(),
    };
    SpotProvider { name: name.clone(), launches: Reading::Missing(gap) }
}
