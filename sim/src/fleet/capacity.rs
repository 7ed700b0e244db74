//! Capacity providers, the Auto Scaling groups behind them, and quotas.

use std::collections::BTreeSet;

use serde_json::Value;
use spotkeeper_core::ids::ProviderName;
use spotkeeper_core::observe::{
    Architecture, Depth, Gap, GapCause, Group, GroupProvider, InstanceType, InstancesDistribution, LEVER_TAG,
    LEVER_TAG_VALUE, ManagedInstancesProvider, Market, Provider, ProviderKind, Quotas, Reading, group_market,
};
use spotkeeper_core::units::{CpuUnits, MemoryMib, Seconds};

use super::{digest, gap, missing, not_read, not_understood};
use crate::world::arn::short_name;
use crate::world::instances::Instance;
use crate::world::{World, clusters, groups};

const PROVIDERS: &str = "ecs:DescribeCapacityProviders";
const GROUPS: &str = "autoscaling:DescribeAutoScalingGroups";
const TYPES: &str = "ec2:DescribeInstanceTypes";
const QUOTAS: &str = "servicequotas:GetServiceQuota";

/// A provider with the group behind it.
pub(super) fn provider(world: &World, name: &ProviderName, depth: Depth) -> Reading<Provider> {
    match world.providers.get(name.as_str()) {
        Some(found) => match translated(world, name, found, depth) {
            Ok(provider) => Reading::Known(provider),
            Err(why) => Reading::Missing(not_understood(name.as_str(), PROVIDERS, why)),
        },
        None => Reading::Missing(missing(&world.arns.provider(name.as_str()), PROVIDERS)),
    }
}

fn translated(
    world: &World,
    name: &ProviderName,
    given: &clusters::Provider,
    depth: Depth,
) -> Result<Provider, String> {
    let active = match given.status.as_str() {
        "ACTIVE" => true,
        "INACTIVE" | "PROVISIONING" | "DEPROVISIONING" => false,
        other => return Err(format!("status {other}")),
    };
    let kind = match &given.kind {
        clusters::ProviderKind::Fargate => ProviderKind::Fargate,
        clusters::ProviderKind::FargateSpot => ProviderKind::FargateSpot,
        clusters::ProviderKind::Group(behind) => ProviderKind::AutoScalingGroup(group_provider(world, behind, depth)),
        clusters::ProviderKind::ManagedInstances(managed) => {
            ProviderKind::ManagedInstances(managed_instances(&managed.instance_launch_template)?)
        }
    };
    Ok(Provider { name: name.clone(), arn: world.arns.provider(name.as_str()), active, kind })
}

fn group_provider(world: &World, behind: &clusters::GroupProvider, depth: Depth) -> GroupProvider {
    let name = short_name(&behind.auto_scaling_group);
    GroupProvider {
        managed_scaling: behind.managed_scaling.status == "ENABLED",
        managed_draining: behind.managed_draining == "ENABLED",
        managed_termination_protection: behind.managed_termination_protection == "ENABLED",
        warmup: Seconds(behind.managed_scaling.instance_warmup_period),
        group: match world.groups.get(name) {
            Some(found) => Reading::Known(group(world, found, depth)),
            None => Reading::Missing(gap(name, GROUPS, GapCause::Absent, "")),
        },
    }
}

/// What a group buys.
pub(super) fn market_of_group(world: &World, given: &groups::Group) -> Market {
    let template = world.launch_templates.get(&given.launch_template);
    let asks_for_spot = template.is_some_and(|template| template.market_type.as_deref() == Some("spot"));
    group_market(distribution_of(given).as_ref(), asks_for_spot)
}

/// How a group divides what it launches, as `DescribeAutoScalingGroups` shows it.
pub(super) fn distribution_of(given: &groups::Group) -> Option<InstancesDistribution> {
    given.distribution.as_ref().map(|distribution| InstancesDistribution {
        on_demand_allocation_strategy: Some(distribution.strategy(false).to_owned()),
        on_demand_base_capacity: Some(distribution.base()),
        on_demand_percentage_above_base_capacity: distribution.on_demand_percentage_above_base_capacity,
        spot_allocation_strategy: Some(distribution.strategy(true).to_owned()),
        spot_instance_pools: distribution.spot_instance_pools,
        spot_max_price: distribution.spot_max_price.clone(),
        has_segments: false,
    })
}

fn group(world: &World, given: &groups::Group, depth: Depth) -> Group {
    let zones: BTreeSet<&str> =
        given.subnets.iter().filter_map(|id| world.subnets.get(id)).map(|subnet| subnet.zone.as_str()).collect();
    Group {
        name: given.name.clone(),
        market: market_of_group(world, given),
        max_size: given.max_size,
        desired: given.desired,
        instances: (depth == Depth::Full).then(|| instances(world, given)),
        zones: zones.into_iter().map(str::to_owned).collect(),
        subnets: given.subnets.clone(),
        instance_types: match depth {
            Depth::Full => instance_types(world, given),
            Depth::Switch => Reading::Missing(not_read(&given.name, TYPES)),
        },
        weighted: false,
        distribution: distribution_of(given),
        protects_new_instances: given.protects_new_instances,
        may_be_turned: given.tags.iter().any(|tag| tag.key == LEVER_TAG && tag.value == LEVER_TAG_VALUE),
    }
}

/// How many instances a group has, without those on their way out.
fn instances(world: &World, given: &groups::Group) -> u32 {
    let stays = |one: &&Instance| !(one.registered && one.leaving && one.draining);
    super::count(world.instances_of(&given.name).filter(stays).count())
}

/// All of a group's types, or the first gap.
fn instance_types(world: &World, given: &groups::Group) -> Reading<Vec<InstanceType>> {
    let names: BTreeSet<&str> = world.group_types(given).into_iter().map(|one| one.name.as_str()).collect();
    if names.is_empty() {
        let why = "no instance type in the group's overrides and launch template";
        return Reading::Missing(not_understood(&given.name, GROUPS, why));
    }
    let types = names.into_iter().map(|name| match world.instance_types.get(name) {
        Some(found) => instance_type(found),
        None => Err(gap(name, TYPES, GapCause::Absent, "")),
    });
    match types.collect() {
        Ok(types) => Reading::Known(types),
        Err(gap) => Reading::Missing(gap),
    }
}

fn instance_type(given: &groups::InstanceType) -> Result<InstanceType, Gap> {
    let architecture = given.architectures.iter().find_map(|one| match one.as_str() {
        "x86_64" => Some(Architecture::X8664),
        "arm64" => Some(Architecture::Arm64),
        _ => None,
    });
    let Some(architecture) = architecture else {
        return Err(not_understood(&given.name, TYPES, "no architecture that ECS runs on"));
    };
    Ok(InstanceType {
        name: given.name.clone(),
        cpu: CpuUnits::VCPU.times(u64::from(given.vcpus)),
        memory: MemoryMib(u64::from(given.memory_mib)),
        architecture,
    })
}

/// What a Managed Instances provider buys.
pub(super) fn market(template: &Value) -> Result<Market, String> {
    match template["capacityOptionType"].as_str() {
        None | Some("ON_DEMAND") => Ok(Market::OnDemand),
        Some("SPOT") => Ok(Market::Spot),
        Some("RESERVED") => Ok(Market::Mixed),
        Some(other) => Err(format!("capacityOptionType {other}")),
    }
}

fn managed_instances(template: &Value) -> Result<ManagedInstancesProvider, String> {
    let market = market(template)?;
    let subnets = template["networkConfiguration"]["subnets"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(ManagedInstancesProvider {
        market,
        subnets: subnets.iter().filter_map(|subnet| subnet.as_str().map(str::to_owned)).collect(),
        requirements_digest: requirements_digest(template),
    })
}

/// A digest of what instances are asked for, without what may be paid for them, which differs
/// between the two sides of a pair. It is compared within one snapshot only.
fn requirements_digest(template: &Value) -> String {
    let mut requirements = template["instanceRequirements"].clone();
    if let Some(requirements) = requirements.as_object_mut() {
        for price in [
            "spotMaxPricePercentageOverLowestPrice",
            "onDemandMaxPricePercentageOverLowestPrice",
            "maxSpotPriceAsPercentageOfOptimalOnDemandPrice",
        ] {
            requirements.remove(price);
        }
    }
    digest(&requirements.to_string())
}

/// The quotas that bound what On-Demand can take back.
pub(super) fn quotas(world: &World, depth: Depth) -> Quotas {
    Quotas {
        fargate_on_demand: quota(world, depth, "fargate", "L-3032A538"),
        ec2_on_demand_standard: quota(world, depth, "ec2", "L-1216C47A"),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be positive and bounded")]
fn quota(world: &World, depth: Depth, service: &str, code: &str) -> Reading<CpuUnits> {
    let subject = format!("servicequotas/{service}/{code}");
    if depth == Depth::Switch {
        return Reading::Missing(not_read(&subject, QUOTAS));
    }
    let found = world.quotas.iter().find(|quota| quota.service_code == service && quota.quota_code == code);
    match found.map(|quota| quota.value) {
        Some(value) if (0.0..=1e12).contains(&value) => Reading::Known(CpuUnits::VCPU.times(value as u64)),
        Some(value) => Reading::Missing(not_understood(&subject, QUOTAS, format!("value {value}"))),
        None => Reading::Missing(gap(&subject, QUOTAS, GapCause::Absent, "")),
    }
}
