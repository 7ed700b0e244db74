//! Core's `Inventory` on AWS: what stands behind the names in events.
//!
//! i instances cost `ceil(i/200)` calls of `DescribeInstances`. The directory of C clusters, v
//! providers, g groups and m clusters with Managed Instances costs
//! `2 * ceil(C/100) + ceil(v/10) + ceil(g/100) + m` calls and one for each launch template that
//! decides a market. It is kept in the cache, so that the events of some minutes cost one.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::CapacityProvider;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spotkeeper_aws_ec2::INSTANCES_PER_CALL;
use spotkeeper_core::ids::{ClusterName, InstanceId, ProviderName};
use spotkeeper_core::observe::{Cluster, Depth, Group, Provider, ProviderKind};
use spotkeeper_core::ports::{Clock, Inventory, PortError};
use spotkeeper_core::signals::{Directory, DirectoryEntry, SpotInstance};
use spotkeeper_core::units::Seconds;

use super::cached::Keep;
use super::capacity::group_of;
use super::translate::capacity as translated;
use super::{AwsFleet, Cache, all, pages};
use crate::client::Action;

/// How long a directory is believed. Providers and groups come and go by deployments; one that is
/// missing is looked for after [`YOUNG`].
const DIRECTORY_KEPT: Seconds = Seconds(300);
/// A directory that is no older is not read anew for a group that it lacks: the Spot instances of
/// others, which no directory has, cost no more than this.
const YOUNG: Seconds = Seconds(60);
/// Its key in the cache.
const KEY: &str = "ecs/directory";

/// A directory in the cache.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    read_at: Timestamp,
    directory: Directory,
}

impl Kept {
    /// Whether it can be used for these groups.
    fn serves(&self, groups: &BTreeSet<String>, now: Timestamp) -> bool {
        groups.iter().all(|group| self.directory.has_group(group))
            || now.duration_since(self.read_at) <= YOUNG.duration()
    }
}

impl<C: Cache, K: Clock> Inventory for AwsFleet<C, K> {
    async fn instances(&self, ids: &BTreeSet<InstanceId>) -> Result<BTreeMap<InstanceId, SpotInstance>, PortError> {
        let ids: Vec<InstanceId> = ids.iter().cloned().collect();
        let batches = all(ids.chunks(INSTANCES_PER_CALL).map(|ids| self.described_instances(ids))).await;
        let mut found = BTreeMap::new();
        for batch in batches {
            found.extend(batch?);
        }
        Ok(found)
    }

    async fn directory(&self, groups: &BTreeSet<String>) -> Result<Directory, PortError> {
        let key = KEY.to_owned();
        let kept: Option<Kept> = self.remembered(std::slice::from_ref(&key)).await.remove(&key);
        let now = self.clock.now();
        if let Some(kept) = kept.filter(|kept| kept.serves(groups, now)) {
            return Ok(kept.directory);
        }
        let kept = Kept { read_at: now, directory: self.read_directory().await? };
        self.remember([(&key, &kept)], Keep::For(DIRECTORY_KEPT)).await;
        Ok(kept.directory)
    }
}

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    async fn described_instances(&self, ids: &[InstanceId]) -> Result<Vec<(InstanceId, SpotInstance)>, PortError> {
        let ec2 = &self.api.clients.ec2;
        let found = pages(|token: Option<String>| async move {
            let page = self.api.call(Action::DescribeInstances, || ec2.instances(ids, token.clone())).await?;
            for (id, why) in &page.not_understood {
                tracing::warn!(id, why, "an instance was not understood");
            }
            Ok((page.found, page.next))
        });
        found.await.map_err(|error| error.into_port("the instances of events"))
    }

    async fn read_directory(&self) -> Result<Directory, PortError> {
        let clusters = self.all_clusters().await?;
        let mut providers = self.providers_shown(None, &[]).await?;
        // Those of Managed Instances belong to one cluster, and are shown with it alone.
        let shown: BTreeSet<ProviderName> = providers.iter().map(|(_, provider)| provider.name.clone()).collect();
        let missing = |cluster: &Cluster| -> Vec<ProviderName> {
            cluster.capacity_providers.iter().filter(|name| !shown.contains(*name)).cloned().collect()
        };
        let lacking: Vec<(&ClusterName, Vec<ProviderName>)> = clusters
            .iter()
            .map(|cluster| (&cluster.name, missing(cluster)))
            .filter(|(_, names)| !names.is_empty())
            .collect();
        let with_clusters =
            all(lacking.iter().map(|(cluster, names)| self.providers_shown(Some(cluster), names))).await;
        for ((cluster, _), shown) in lacking.iter().zip(with_clusters) {
            providers.extend(shown?.into_iter().map(|(_, provider)| (Some((*cluster).clone()), provider)));
        }
        let groups = providers.iter().filter_map(|(_, provider)| group_of(provider)).map(str::to_owned).collect();
        let groups: BTreeMap<String, Group> = self
            .groups(groups, Depth::Switch)
            .await
            .into_iter()
            .filter_map(|(name, group)| match group {
                Ok(group) => Some((name, group)),
                Err(gap) => {
                    tracing::warn!(%gap, "a group behind a capacity provider could not be read");
                    None
                }
            })
            .collect();
        let entry = |(cluster, provider): (Option<ClusterName>, Provider)| entry(cluster, provider, &clusters, &groups);
        Ok(Directory { providers: providers.into_iter().map(entry).collect() })
    }

    /// The providers that ECS shows, with the cluster that one of Managed Instances says it is of;
    /// one that is not understood is left out, and one that has gone.
    async fn providers_shown(
        &self,
        cluster: Option<&ClusterName>,
        names: &[ProviderName],
    ) -> Result<Vec<(Option<ClusterName>, Provider)>, PortError> {
        let raw = self.raw_providers(cluster, names).await;
        let raw = raw.map_err(|error| error.into_port("the capacity providers of the Region"))?;
        let understood = |one: &CapacityProvider| match translated::provider(one) {
            Ok(provider) => Some((one.cluster().and_then(|name| ClusterName::parse(name).ok()), provider)),
            Err(error) => {
                tracing::warn!(name = one.name(), %error, "a capacity provider was not understood");
                None
            }
        };
        Ok(raw.iter().flatten().filter_map(understood).collect())
    }
}

fn entry(
    of: Option<ClusterName>,
    provider: Provider,
    clusters: &[Cluster],
    groups: &BTreeMap<String, Group>,
) -> DirectoryEntry {
    let group = group_of(&provider).map(str::to_owned);
    let market = match &provider.kind {
        ProviderKind::AutoScalingGroup(_) => group.as_ref().and_then(|name| groups.get(name)).map(|group| group.market),
        ProviderKind::Fargate | ProviderKind::FargateSpot | ProviderKind::ManagedInstances(_) => provider.market(),
    };
    let associated = clusters.iter().filter(|cluster| cluster.capacity_providers.contains(&provider.name));
    let clusters = match of {
        Some(cluster) => vec![cluster],
        None => associated.map(|cluster| cluster.name.clone()).collect(),
    };
    DirectoryEntry { name: provider.name, group, market, clusters }
}
