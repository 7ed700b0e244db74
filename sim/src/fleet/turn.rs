//! What the capacity lever reads and writes of a group.

use serde_json::{Map, Value, json};
use spotkeeper_core::observe::{GapCause, InstancesDistribution, Reading};
use spotkeeper_core::ports::PortError;

use super::capacity::distribution_of;
use super::{count, gap};
use crate::world::World;
use crate::world::groups_by_hand::GroupChange;

const GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const UPDATE: &str = "autoscaling:UpdateAutoScalingGroup";

/// How many Spot instances a group has.
#[must_use]
pub fn spot_instances(world: &World, group: &str) -> Reading<u32> {
    Reading::Known(count(world.instances_of(group).filter(|instance| instance.spot).count()))
}

/// A group's distribution; `None` where it has no mixed instances policy.
#[must_use]
pub fn distribution(world: &World, group: &str) -> Reading<Option<InstancesDistribution>> {
    match world.groups.get(group) {
        Some(found) => Reading::Known(distribution_of(found)),
        None => Reading::Missing(gap(group, GROUPS, GapCause::Absent, "")),
    }
}

/// `UpdateAutoScalingGroup` with the group and its distribution, and nothing else.
///
/// # Errors
/// [`PortError::Failed`] with the refusal.
pub fn write_distribution(
    world: &mut World,
    group: &str,
    distribution: &InstancesDistribution,
) -> Result<(), PortError> {
    let members = [
        ("onDemandAllocationStrategy", json!(distribution.on_demand_allocation_strategy)),
        ("onDemandBaseCapacity", json!(distribution.on_demand_base_capacity)),
        ("onDemandPercentageAboveBaseCapacity", json!(distribution.on_demand_percentage_above_base_capacity)),
        ("spotAllocationStrategy", json!(distribution.spot_allocation_strategy)),
        ("spotInstancePools", json!(distribution.spot_instance_pools)),
        ("spotMaxPrice", json!(distribution.spot_max_price)),
    ];
    let given = members.into_iter().filter(|(_, value)| !value.is_null());
    let members: Map<String, Value> = given.map(|(name, value)| (name.to_owned(), value)).collect();
    world.update_group(group, GroupChange { distribution: members, ..GroupChange::default() }).map_err(|refusal| {
        PortError::Failed {
            action: UPDATE.to_owned(),
            subject: group.to_owned(),
            source: format!("{}: {}", refusal.code, refusal.message).into(),
        }
    })
}
