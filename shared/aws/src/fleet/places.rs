//! Where Spot tasks run: the type and the zone of the instances under them.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{ContainerInstance, Failure};
use spotkeeper_core::ids::{ClusterName, ProviderName};
use spotkeeper_core::observe::{Gap, GapCause, Place, Provider, Reading, Service, set_places, unread_instances};
use spotkeeper_core::ports::Clock;

use super::services::failed;
use super::translate::NotUnderstood;
use super::{AwsFleet, Cache, all, translate};
use crate::client::{Action, ApiError};

const ACTION: Action = Action::DescribeContainerInstances;
/// The most that `DescribeContainerInstances` takes.
const PER_CALL: usize = 100;
/// Attributes that every container instance has by itself. Source: "Container instance attributes",
/// ECS developer guide.
const TYPE: &str = "ecs.instance-type";
const ZONE: &str = "ecs.availability-zone";

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// Reads where the running Spot tasks of a cluster's services run. Each instance is asked about
    /// once; where no Spot task runs on one, nothing is.
    pub(super) async fn place_spot_tasks(
        &self,
        cluster: &ClusterName,
        services: &mut [Service],
        providers: &BTreeMap<ProviderName, Reading<Provider>>,
    ) {
        let arns: Vec<String> = unread_instances(services, providers).into_iter().collect();
        let batches = all(arns.chunks(PER_CALL).map(|arns| self.places(cluster, arns))).await;
        set_places(services, &batches.into_iter().flatten().collect());
    }

    /// The places of these container instances, by ARN.
    async fn places(&self, cluster: &ClusterName, arns: &[String]) -> BTreeMap<String, Result<Place, Gap>> {
        let (found, failures) = match self.container_instances(cluster, arns.to_vec()).await {
            Ok(answer) => answer,
            // One gap for all of them: what is missing is the call.
            Err(error) => {
                let gap = error.gap(cluster.as_str());
                return arns.iter().map(|arn| (arn.clone(), Err(gap.clone()))).collect();
            }
        };
        let of = |arn: &String| {
            let known = found.iter().find(|one| one.container_instance_arn().map(id_of) == Some(id_of(arn)));
            let failure = || failures.iter().find(|one| one.arn().map(id_of) == Some(id_of(arn)));
            match (known, failure()) {
                (Some(known), _) => place(known).map_err(|error| error.gap(arn, ACTION)),
                (None, Some(failure)) => Err(Gap { subject: arn.clone(), ..failed(failure, ACTION) }),
                (None, None) => Err(translate::gap(arn, ACTION, GapCause::Absent, "no answer")),
            }
        };
        arns.iter().map(|arn| (arn.clone(), of(arn))).collect()
    }

    async fn container_instances(
        &self,
        cluster: &ClusterName,
        arns: Vec<String>,
    ) -> Result<(Vec<ContainerInstance>, Vec<Failure>), ApiError> {
        let request = self
            .api
            .clients
            .ecs
            .describe_container_instances()
            .cluster(cluster.as_str())
            .set_container_instances(Some(arns));
        let answer = self.api.call(ACTION, || request.clone().send()).await?;
        Ok((answer.container_instances.unwrap_or_default(), answer.failures.unwrap_or_default()))
    }
}

/// The id at the end of an ARN: `failures[]` may name an instance without its cluster.
fn id_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn place(given: &ContainerInstance) -> Result<Place, NotUnderstood> {
    let attribute = |name: &'static str| {
        let found = given.attributes().iter().find(|one| one.name() == name);
        found.and_then(|one| one.value()).map(str::to_owned).ok_or_else(|| NotUnderstood::absent(name))
    };
    Ok(Place { instance_type: Some(attribute(TYPE)?), zone: attribute(ZONE)? })
}
