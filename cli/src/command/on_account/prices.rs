//! What the file of prices does not say, asked of AWS.

use std::collections::BTreeSet;

use spotkeeper_core::observe::{Architecture, Gap, Group, ProviderKind, Reading, Snapshot};
use spotkeeper_core::outlook::{Currency, Prices};
use spotkeeper_core::plan::Pair;

use crate::account::{Account, LiveFleet};
use crate::progress::Progress;
use crate::render::text::counted;

/// What is to be priced.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    on_demand: BTreeSet<String>,
    spot: BTreeSet<String>,
    fargate: bool,
}

impl Wanted {
    /// Adds the two sides of a pair.
    pub(super) fn add(&mut self, snapshot: &Snapshot, pair: &Pair) {
        let kind = |name| snapshot.providers.get(name).and_then(Reading::known).map(|provider| &provider.kind);
        match kind(&pair.spot) {
            Some(ProviderKind::FargateSpot) => self.fargate = true,
            Some(ProviderKind::AutoScalingGroup(behind)) => self.spot.extend(types(behind.group.known())),
            _ => {}
        }
        if let Some(ProviderKind::AutoScalingGroup(behind)) = kind(&pair.on_demand) {
            self.on_demand.extend(types(behind.group.known()));
        }
    }
}

fn types(group: Option<&Group>) -> impl Iterator<Item = String> {
    let types = group.and_then(|group| group.instance_types.known());
    types.into_iter().flatten().map(|one| one.name.clone())
}

/// Asks for what the prices do not say; answers where something could not be read. What is known stays as it is.
pub(super) async fn fill(
    account: &Account,
    fleet: &LiveFleet,
    mut wanted: Wanted,
    prices: &mut Prices,
    progress: &Progress,
) -> Vec<Gap> {
    // AWS's lists are in US dollars: beside another currency they say nothing.
    if prices.currency != Currency::default() {
        return Vec::new();
    }
    let region = &account.session.region;
    let mut gaps = Vec::new();
    wanted.on_demand.retain(|name| !prices.on_demand.contains_key(name));
    if !wanted.on_demand.is_empty() {
        let types = counted(wanted.on_demand.len(), "instance type", "instance types");
        progress.say(&format!("reading the On-Demand prices of {types}"));
        let published = fleet.on_demand_prices(region, &wanted.on_demand).await;
        prices.on_demand.extend(published.prices);
        gaps.extend(published.gaps);
    }
    // Without what On-Demand costs, what Spot costs saves nobody anything; nor the other way round.
    wanted.spot.retain(|name| !prices.spot.contains_key(name));
    if !wanted.spot.is_empty() && !prices.on_demand.is_empty() {
        let types = counted(wanted.spot.len(), "instance type", "instance types");
        progress.say(&format!("reading the Spot prices of {types}"));
        match fleet.spot_prices(&wanted.spot).await {
            Ok(history) => prices.history = history,
            Err(gap) => gaps.push(gap),
        }
    }
    let lacks = [&prices.fargate, &prices.fargate_arm64].into_iter().flatten().any(|one| one.lacks_on_demand());
    if wanted.fargate && lacks {
        progress.say("reading the prices of Fargate");
        let published = fleet.fargate_prices(region).await;
        let of = |architecture| published.prices.get(&architecture).copied().unwrap_or_default();
        prices.fargate = prices.fargate.map(|known| known.or_on_demand(of(Architecture::X8664)));
        prices.fargate_arm64 = prices.fargate_arm64.map(|known| known.or_on_demand(of(Architecture::Arm64)));
        gaps.extend(published.gaps);
    }
    gaps
}
