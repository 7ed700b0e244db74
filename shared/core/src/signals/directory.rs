//! Which provider and which cluster a notice is about: EC2's and Auto Scaling's events name neither.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::event::{About, FARGATE_SPOT, Ignored, Notice};
use super::{CapacityPool, Occurrence};
use crate::ids::{ClusterName, InstanceId, ProviderName};
use crate::observe::Market;

/// The capacity providers of the account in the Region, with what they stand on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The providers: one of Managed Instances once for its cluster, any other once.
    pub providers: Vec<DirectoryEntry>,
}

/// A capacity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryEntry {
    /// Its name.
    pub name: ProviderName,
    /// Its Auto Scaling group, where it has one.
    pub group: Option<String>,
    /// What it buys; `None` where that could not be read.
    pub market: Option<Market>,
    /// The clusters that it is associated with.
    pub clusters: Vec<ClusterName>,
}

impl Directory {
    /// The provider on a group, with its cluster where that is one and not several. Of two
    /// providers on one group, which ECS does not advise, the first.
    fn of_group(&self, group: &str) -> Option<(&DirectoryEntry, Option<&ClusterName>)> {
        let mut on_group = self.providers.iter().filter(|entry| entry.group.as_deref() == Some(group));
        let entry = on_group.next()?;
        let mut clusters: Vec<&ClusterName> =
            std::iter::once(entry).chain(on_group).flat_map(|entry| &entry.clusters).collect();
        clusters.sort();
        clusters.dedup();
        match clusters.as_slice() {
            [cluster] => Some((entry, Some(cluster))),
            _ => Some((entry, None)),
        }
    }

    /// The provider of that name that a cluster uses.
    fn named(&self, cluster: &ClusterName, name: &ProviderName) -> Option<&DirectoryEntry> {
        let mut of_name = self.providers.iter().filter(|entry| entry.name == *name);
        of_name.clone().find(|entry| entry.clusters.contains(cluster)).or_else(|| of_name.next())
    }

    /// Whether there is a provider on that group.
    #[must_use]
    pub fn has_group(&self, group: &str) -> bool {
        self.of_group(group).is_some()
    }
}

/// An EC2 instance, as far as its events leave it open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpotInstance {
    /// Its pool.
    pub pool: CapacityPool,
    /// What launched it.
    pub launched_by: LaunchedBy,
}

/// What launched an instance, by the tags that AWS puts on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LaunchedBy {
    /// An Auto Scaling group: `aws:autoscaling:groupName`.
    Group(String),
    /// ECS Managed Instances: `aws:ecs:clusterName` and `aws:ecs:capacityProviderName`. Source:
    /// "Tags for Amazon ECS Managed Instances", ECS developer guide.
    ManagedInstances {
        /// The cluster.
        cluster: ClusterName,
        /// The provider.
        provider: ProviderName,
    },
    /// Something else, which is no capacity provider.
    Other,
}

impl LaunchedBy {
    /// The Auto Scaling group, where it is one.
    #[must_use]
    pub fn group(&self) -> Option<&str> {
        match self {
            LaunchedBy::Group(name) => Some(name),
            LaunchedBy::ManagedInstances { .. } | LaunchedBy::Other => None,
        }
    }
}

/// Finds what a notice is about. An instance that EC2 does not know any more counts without its
/// pool and cluster; a directory that could not be had leaves provider and cluster open. A placement
/// failure counts for each Spot provider that it names.
///
/// # Errors
/// [`Ignored::Elsewhere`] where it has nothing to do with Spot providers of ECS.
pub fn resolve(
    notice: &Notice,
    instances: &BTreeMap<InstanceId, SpotInstance>,
    directory: Option<&Directory>,
) -> Result<Vec<Occurrence>, Ignored> {
    let bare = Occurrence {
        id: notice.id.clone(),
        kind: notice.kind,
        at: notice.at,
        cluster: None,
        provider: None,
        service: None,
        pool: None,
        sign: notice.sign,
    };
    match &notice.about {
        About::Instance(id) => of_instance(bare, instances.get(id), directory).map(|one| vec![one]),
        About::Task { cluster, service, provider } => Ok(vec![Occurrence {
            cluster: Some(cluster.clone()),
            provider: provider.clone(),
            service: service.as_ref().map(|name| name.as_str().to_owned()),
            ..bare
        }]),
        About::Service { cluster, service, providers } => {
            let of_service =
                Occurrence { cluster: Some(cluster.clone()), service: Some(service.as_str().to_owned()), ..bare };
            let spot: Vec<Occurrence> =
                providers.iter().filter_map(|name| of_provider(&of_service, cluster, name, directory)).collect();
            if spot.is_empty() { Err(Ignored::Elsewhere) } else { Ok(spot) }
        }
        About::Group { name, says_spot } => of_group(bare, name, *says_spot, directory).map(|one| vec![one]),
    }
}

fn of_instance(
    bare: Occurrence,
    instance: Option<&SpotInstance>,
    directory: Option<&Directory>,
) -> Result<Occurrence, Ignored> {
    let Some(SpotInstance { pool, launched_by }) = instance else {
        return Ok(bare);
    };
    let bare = Occurrence { pool: Some(pool.clone()), ..bare };
    match (launched_by, directory) {
        (LaunchedBy::Other, _) => Err(Ignored::Elsewhere),
        (LaunchedBy::ManagedInstances { cluster, provider }, _) => {
            Ok(Occurrence { cluster: Some(cluster.clone()), provider: Some(provider.clone()), ..bare })
        }
        (LaunchedBy::Group(_), None) => Ok(bare),
        (LaunchedBy::Group(group), Some(directory)) => {
            let (entry, cluster) = directory.of_group(group).ok_or(Ignored::Elsewhere)?;
            Ok(Occurrence { cluster: cluster.cloned(), provider: Some(entry.name.clone()), ..bare })
        }
    }
}

/// A placement failure on one of the providers that it names; `None` where that is known not to
/// be Spot. Where its market is not known it counts, and says nothing of a shortage: one of
/// On-Demand must not read as one of Spot.
fn of_provider(
    failure: &Occurrence,
    cluster: &ClusterName,
    name: &ProviderName,
    directory: Option<&Directory>,
) -> Option<Occurrence> {
    let market = match name.as_str() {
        FARGATE_SPOT => Some(Market::Spot),
        "FARGATE" => Some(Market::OnDemand),
        _ => directory.and_then(|directory| directory.named(cluster, name)).and_then(|entry| entry.market),
    };
    let sign = match market {
        Some(Market::Spot) => failure.sign,
        Some(Market::OnDemand | Market::Mixed) => return None,
        None => failure.sign.filter(|sign| *sign != crate::verify::Sign::SpotCapacity),
    };
    let id = format!("{}/{name}", failure.id);
    Some(Occurrence { id, provider: Some(name.clone()), sign, ..failure.clone() })
}

fn of_group(
    bare: Occurrence,
    group: &str,
    says_spot: bool,
    directory: Option<&Directory>,
) -> Result<Occurrence, Ignored> {
    let Some(directory) = directory else {
        return if says_spot { Ok(bare) } else { Err(Ignored::Elsewhere) };
    };
    let (entry, cluster) = directory.of_group(group).ok_or(Ignored::Elsewhere)?;
    match entry.market {
        Some(Market::Spot) => {}
        None if says_spot => {}
        Some(Market::OnDemand | Market::Mixed) | None => return Err(Ignored::Elsewhere),
    }
    Ok(Occurrence { cluster: cluster.cloned(), provider: Some(entry.name.clone()), ..bare })
}

#[cfg(test)]
#[path = "directory_tests.rs"]
mod tests;
