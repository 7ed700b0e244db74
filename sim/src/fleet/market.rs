//! Spot providers and placement scores.

use std::collections::{BTreeMap, BTreeSet};

use spotkeeper_core::ids::ProviderName;
use spotkeeper_core::observe::{Cluster, Depth, Gap, Market, Provider, ProviderKind, Reading};
use spotkeeper_core::signals::{
    Launches, PlacementScore, ScoreQuery, ScoreRefusal, Scored, SpotInstances, SpotProvider, Wanted,
};

use super::capacity;
use crate::wire::zone_id;
use crate::world::World;
use crate::world::placement_scores::{CapacityUnit, ScoreRequest};

/// The providers of a cluster that launch Spot, and those of which that cannot be said, in order of
/// name.
pub fn spot_providers(world: &World, cluster: &Cluster) -> Vec<SpotProvider> {
    let names: BTreeSet<&ProviderName> = cluster.capacity_providers.iter().collect();
    let provider = |name: &ProviderName| {
        let launches = match capacity::provider(world, name, Depth::Full) {
            Reading::Known(provider) => match launches(world, &provider) {
                Ok(launches) => Reading::Known(launches?),
                Err(gap) => Reading::Missing(gap),
            },
            Reading::Missing(gap) => Reading::Missing(gap),
        };
        Some(SpotProvider { name: name.clone(), launches })
    };
    names.into_iter().filter_map(provider).collect()
}

fn launches(world: &World, provider: &Provider) -> Result<Option<Launches>, Gap> {
    let behind = match &provider.kind {
        ProviderKind::Fargate => return Ok(None),
        ProviderKind::FargateSpot => return Ok(Some(Launches::fargate_spot())),
        ProviderKind::ManagedInstances(managed) => {
            return Ok((managed.market == Market::Spot).then(Launches::managed_instances));
        }
        ProviderKind::AutoScalingGroup(behind) => behind,
    };
    let group = behind.group.get().map_err(Clone::clone)?;
    if group.market != Market::Spot {
        return Ok(None);
    }
    // Groups here name their types.
    let types = group.instance_types.get().map_err(Clone::clone)?.iter().map(|one| one.name.clone()).collect();
    let distribution = world.groups.get(&group.name).and_then(|given| given.distribution.as_ref());
    Ok(Some(Launches::Instances(SpotInstances {
        wanted: Wanted::Types(types),
        max_size: group.max_size,
        zones: group.zones.iter().cloned().collect(),
        lowest_price: distribution.is_some_and(|distribution| distribution.strategy(true) == "lowest-price"),
    })))
}

/// The names of the zones by their ids.
pub fn zone_names(world: &World) -> BTreeMap<String, String> {
    world.subnets.values().map(|subnet| (zone_id(&subnet.zone), subnet.zone.clone())).collect()
}

/// The action by which [`placement_scores`] asks: IAM may refuse it.
pub const PLACEMENT_SCORES: &str = "ec2:GetSpotPlacementScores";

/// EC2's answer to a query.
///
/// # Errors
/// [`ScoreRefusal::MaxConfigLimitExceeded`], [`ScoreRefusal::Denied`] under that fault, or another
/// refusal with EC2's words.
pub fn placement_scores(world: &mut World, query: &ScoreQuery) -> Result<Vec<PlacementScore>, ScoreRefusal> {
    let ScoreQuery { region, wanted, capacity, of } = query;
    let instance_types = match wanted {
        Wanted::Types(types) => types.iter().cloned().collect(),
        // No group here asks by them; over the wire they are read.
        Wanted::Requirements { .. } => {
            let detail = "instance requirements are not modelled in process".to_owned();
            return Err(ScoreRefusal::Failed { detail });
        }
    };
    if world.faults.denies(PLACEMENT_SCORES, "") {
        return Err(ScoreRefusal::Denied { action: PLACEMENT_SCORES.to_owned() });
    }
    let request = ScoreRequest {
        instance_types,
        target_capacity: u64::from(*capacity),
        unit: CapacityUnit::Units,
        single_zone: *of == Scored::Zones,
    };
    let scores = world.spot_placement_scores(&request).map_err(|refusal| match refusal.code {
        "MaxConfigLimitExceeded" => ScoreRefusal::MaxConfigLimitExceeded,
        code => ScoreRefusal::Failed { detail: format!("{code}: {}", refusal.message) },
    })?;
    // Only this Region is simulated.
    let here = *region == world.arns.region;
    let scores = scores.into_iter().filter(|_| here).map(|one| PlacementScore {
        zone_id: one.zone.as_deref().map(zone_id),
        score: i32::try_from(one.score).unwrap_or(i32::MAX),
    });
    Ok(scores.collect())
}
