//! What stands behind the names in events: instances, and the providers of the Region.

use std::collections::{BTreeMap, BTreeSet};

use spotkeeper_core::ids::{ClusterName, InstanceId, ProviderName};
use spotkeeper_core::observe::Market;
use spotkeeper_core::signals::{CapacityPool, Directory, DirectoryEntry, LaunchedBy, SpotInstance};

use super::capacity::{market, market_of_group};
use crate::world::arn::short_name;
use crate::world::clusters::{Provider, ProviderKind};
use crate::world::{World, instances::Instance};

/// The instances that are there, of those asked for.
pub fn instances(world: &World, ids: &BTreeSet<InstanceId>) -> BTreeMap<InstanceId, SpotInstance> {
    let found = ids.iter().filter_map(|id| Some((id.clone(), instance(world.instances.get(id.as_str())?)?)));
    found.collect()
}

fn instance(given: &Instance) -> Option<SpotInstance> {
    let launched_by = match (given.group_name(), &given.managed_by) {
        (Some(group), _) => LaunchedBy::Group(group.to_owned()),
        (None, Some(provider)) => LaunchedBy::ManagedInstances {
            cluster: ClusterName::parse(&given.cluster).ok()?,
            provider: ProviderName::parse(provider).ok()?,
        },
        (None, None) => LaunchedBy::Other,
    };
    let pool = CapacityPool { instance_type: given.instance_type.clone(), zone: given.zone.clone() };
    Some(SpotInstance { pool, launched_by })
}

/// Every provider, with its clusters.
pub fn directory(world: &World) -> Directory {
    Directory { providers: world.providers.values().filter_map(|provider| entry(world, provider)).collect() }
}

fn entry(world: &World, given: &Provider) -> Option<DirectoryEntry> {
    let name = ProviderName::parse(&given.name).ok()?;
    let (group, market) = match &given.kind {
        ProviderKind::Fargate => (None, Some(Market::OnDemand)),
        ProviderKind::FargateSpot => (None, Some(Market::Spot)),
        ProviderKind::Group(behind) => {
            let group = short_name(&behind.auto_scaling_group);
            (Some(group.to_owned()), world.groups.get(group).map(|group| market_of_group(world, group)))
        }
        ProviderKind::ManagedInstances(managed) => (None, market(&managed.instance_launch_template).ok()),
    };
    let associated = || world.clusters.values().filter(|cluster| cluster.capacity_providers.contains(&given.name));
    let clusters = match &given.kind {
        ProviderKind::ManagedInstances(managed) => vec![ClusterName::parse(&managed.cluster).ok()?],
        _ => associated().filter_map(|cluster| ClusterName::parse(&cluster.name).ok()).collect(),
    };
    Some(DirectoryEntry { name, group, market, clusters })
}
