//! Clusters.

use aws_sdk_ecs::types::Cluster as EcsCluster;
use spotkeeper_core::ids::{ClusterName, ProviderName};
use spotkeeper_core::observe::Cluster;
use spotkeeper_core::ports::{Clock, PortError};

use super::translate::NotUnderstood;
use super::{AwsFleet, Cache, all, pages};
use crate::client::{Action, ApiError};

/// The most that `ListClusters` and `DescribeClusters` take.
const PER_CALL: usize = 100;
const PAGE: i32 = 100;

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    pub(super) async fn all_clusters(&self) -> Result<Vec<Cluster>, PortError> {
        const SUBJECT: &str = "the clusters of the Region";
        let ecs = &self.api.clients.ecs;
        let arns = pages(|token| async move {
            let request = ecs.list_clusters().max_results(PAGE).set_next_token(token);
            let answer = self.api.call(Action::ListClusters, || request.clone().send()).await?;
            Ok((answer.cluster_arns.unwrap_or_default(), answer.next_token))
        })
        .await
        .map_err(|error| error.into_port(SUBJECT))?;
        let described = all(arns.chunks(PER_CALL).map(|arns| self.described_clusters(arns.to_vec()))).await;
        let mut clusters = Vec::new();
        for batch in described {
            for one in batch.map_err(|error| error.into_port(SUBJECT))? {
                match cluster(&one) {
                    Ok(one) => clusters.push(one),
                    Err(error) => {
                        tracing::warn!(arn = one.cluster_arn(), %error, "cluster not understood")
                    }
                }
            }
        }
        clusters.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(clusters)
    }

    /// One cluster.
    pub(super) async fn cluster(&self, name: &ClusterName) -> Result<Cluster, PortError> {
        let found = self.described_clusters(vec![name.as_str().to_owned()]).await;
        let found = found.map_err(|error| error.into_port(name.as_str()))?;
        let Some(found) = found.first() else {
            return Err(PortError::Absent { subject: format!("cluster {name}") });
        };
        cluster(found).map_err(|error| PortError::Failed {
            action: Action::DescribeClusters.name().to_owned(),
            subject: name.as_str().to_owned(),
            source: Box::new(error),
        })
    }

    /// The clusters that exist; one that has gone since it was listed is left out.
    async fn described_clusters(&self, names: Vec<String>) -> Result<Vec<EcsCluster>, ApiError> {
        let request = self.api.clients.ecs.describe_clusters().set_clusters(Some(names));
        let answer = self.api.call(Action::DescribeClusters, || request.clone().send()).await?;
        Ok(answer.clusters.unwrap_or_default())
    }
}

fn cluster(given: &EcsCluster) -> Result<Cluster, NotUnderstood> {
    let providers = given.capacity_providers().iter().map(|name| ProviderName::parse(name));
    Ok(Cluster {
        name: ClusterName::parse(given.cluster_name().unwrap_or_default())
            .map_err(|error| NotUnderstood(error.to_string()))?,
        arn: given.cluster_arn().unwrap_or_default().to_owned(),
        active: given.status() == Some("ACTIVE"),
        capacity_providers: providers.collect::<Result<_, _>>().map_err(|error| NotUnderstood(error.to_string()))?,
    })
}
