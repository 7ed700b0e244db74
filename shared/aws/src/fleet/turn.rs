//! What the capacity lever reads and writes of a group.

use aws_sdk_autoscaling::types::{InstancesDistribution as AsgDistribution, MixedInstancesPolicy};
use spotkeeper_core::observe::{Depth, GapCause, InstancesDistribution, Reading};
use spotkeeper_core::ports::{Clock, PortError};

use super::translate::{self, capacity as translated};
use super::{AwsFleet, Cache, pages};
use crate::client::Action;

/// The one allocation strategy with which `SpotInstancePools` is valid. Source: `InstancesDistribution`,
/// Auto Scaling API reference.
const WITH_POOLS: &str = "lowest-price";

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// `DescribeInstances` by the tag that Auto Scaling gives its instances.
    pub(super) async fn spot_instances_of(&self, group: &str) -> Reading<u32> {
        let ec2 = &self.api.clients.ec2;
        let counted = pages(|token: Option<String>| async move {
            let (found, next) =
                self.api.call(Action::DescribeInstances, || ec2.spot_instances(group, token.clone())).await?;
            Ok((vec![found], next))
        })
        .await;
        match counted {
            Ok(pages) => Reading::Known(pages.iter().sum()),
            Err(error) => Reading::Missing(error.gap(&format!("the instances of {group}"))),
        }
    }

    pub(super) async fn distribution_of(&self, group: &str) -> Reading<Option<InstancesDistribution>> {
        let name = group.to_owned();
        let read = self.described_groups(std::slice::from_ref(&name), Depth::Switch).await.remove(&name);
        match read {
            Some(Ok(found)) => Reading::Known(translated::distribution(&found)),
            Some(Err(gap)) => Reading::Missing(gap),
            None => Reading::Missing(translate::gap(group, Action::DescribeAutoScalingGroups, GapCause::Absent, "")),
        }
    }

    /// `UpdateAutoScalingGroup` with the group and the whole distribution: whether a member that is left
    /// out stays as it is, is not documented. Launch template, sizes and subnets are left out, and stay.
    pub(super) async fn update_distribution(
        &self,
        group: &str,
        distribution: &InstancesDistribution,
    ) -> Result<(), PortError> {
        let pools = distribution
            .spot_instance_pools
            .filter(|_| distribution.spot_allocation_strategy.as_deref().is_none_or(|one| one == WITH_POOLS));
        let members = AsgDistribution::builder()
            .set_on_demand_allocation_strategy(distribution.on_demand_allocation_strategy.clone())
            .set_on_demand_base_capacity(distribution.on_demand_base_capacity.map(number))
            .set_on_demand_percentage_above_base_capacity(
                distribution.on_demand_percentage_above_base_capacity.map(number),
            )
            .set_spot_allocation_strategy(distribution.spot_allocation_strategy.clone())
            .set_spot_instance_pools(pools.map(number))
            .set_spot_max_price(distribution.spot_max_price.clone())
            .build();
        let policy = MixedInstancesPolicy::builder().instances_distribution(members).build();
        let request = self
            .api
            .clients
            .groups
            .update_auto_scaling_group()
            .auto_scaling_group_name(group)
            .mixed_instances_policy(policy);
        let sent = self.api.call(Action::UpdateAutoScalingGroup, || request.clone().send()).await;
        sent.map(drop).map_err(|error| error.into_port(group))
    }
}

fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
