//! Capacity providers of `DescribeCapacityProviders`, and the Auto Scaling groups behind them.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{
    AutoScalingGroup, Instance, InstancesDistribution as AsgDistribution, LaunchTemplateSpecification,
    MixedInstancesPolicy, TagDescription,
};
use aws_sdk_ecs::types::{
    AutoScalingGroupProvider, CapacityOptionType, CapacityProvider, CapacityProviderStatus, CapacityProviderType,
    ManagedDraining, ManagedInstancesProvider as EcsManagedInstancesProvider, ManagedScalingStatus,
    ManagedTerminationProtection,
};
use spotkeeper_aws_ec2::{LaunchTemplate, TemplateKey, TemplateMarket, TemplateVersion};
use spotkeeper_core::ids::ProviderName;
use spotkeeper_core::observe::{
    Gap, Group, GroupProvider, InstanceType, InstancesDistribution, LEVER_TAG, LEVER_TAG_VALUE,
    ManagedInstancesProvider, Market, Provider, ProviderKind, Reading, group_market,
};
use spotkeeper_core::units::Seconds;

use super::{NotUnderstood, count, digest, not_read, provider_name, seconds};
use crate::client::Action;

/// `instanceWarmupPeriod` where it is not set. Source: `ManagedScaling`, ECS API reference.
const DEFAULT_WARMUP: Seconds = Seconds(300);

/// A provider, with its group still unread.
pub(crate) fn provider(given: &CapacityProvider) -> Result<Provider, NotUnderstood> {
    let name = provider_name(given.name().unwrap_or_default())?;
    let active = match given.status() {
        Some(CapacityProviderStatus::Active) => true,
        Some(
            CapacityProviderStatus::Inactive
            | CapacityProviderStatus::Provisioning
            | CapacityProviderStatus::Deprovisioning,
        ) => false,
        Some(other) => return Err(NotUnderstood::value("status", other)),
        None => return Err(NotUnderstood::absent("status")),
    };
    let kind = kind(given, &name)?;
    Ok(Provider { arn: given.capacity_provider_arn().unwrap_or_default().to_owned(), name, active, kind })
}

/// What a provider launches: by its type, or by what stands in it where ECS shows no type.
fn kind(given: &CapacityProvider, name: &ProviderName) -> Result<ProviderKind, NotUnderstood> {
    match (given.r#type(), given.auto_scaling_group_provider(), given.managed_instances_provider()) {
        (Some(CapacityProviderType::Fargate), _, _) => Ok(ProviderKind::Fargate),
        (Some(CapacityProviderType::FargateSpot), _, _) => Ok(ProviderKind::FargateSpot),
        (Some(CapacityProviderType::Ec2Autoscaling) | None, Some(group), _) => {
            group_provider(group).map(ProviderKind::AutoScalingGroup)
        }
        (Some(CapacityProviderType::ManagedInstances) | None, _, Some(managed)) => {
            managed_instances(managed).map(ProviderKind::ManagedInstances)
        }
        (None, None, None) => match name.as_str() {
            "FARGATE" => Ok(ProviderKind::Fargate),
            "FARGATE_SPOT" => Ok(ProviderKind::FargateSpot),
            _ => Err(NotUnderstood::absent("type")),
        },
        (Some(known @ (CapacityProviderType::Ec2Autoscaling | CapacityProviderType::ManagedInstances)), _, _) => {
            Err(NotUnderstood::absent(&format!("details of type {known}")))
        }
        (Some(other), _, _) => Err(NotUnderstood::value("type", other)),
    }
}

fn group_provider(given: &AutoScalingGroupProvider) -> Result<GroupProvider, NotUnderstood> {
    let scaling = given.managed_scaling();
    Ok(GroupProvider {
        managed_scaling: match scaling.and_then(|scaling| scaling.status()) {
            None | Some(ManagedScalingStatus::Disabled) => false,
            Some(ManagedScalingStatus::Enabled) => true,
            Some(other) => return Err(NotUnderstood::value("managedScaling.status", other)),
        },
        managed_draining: match given.managed_draining() {
            None | Some(ManagedDraining::Disabled) => false,
            Some(ManagedDraining::Enabled) => true,
            Some(other) => return Err(NotUnderstood::value("managedDraining", other)),
        },
        managed_termination_protection: match given.managed_termination_protection() {
            None | Some(ManagedTerminationProtection::Disabled) => false,
            Some(ManagedTerminationProtection::Enabled) => true,
            Some(other) => return Err(NotUnderstood::value("managedTerminationProtection", other)),
        },
        warmup: scaling.and_then(|scaling| scaling.instance_warmup_period()).map_or(DEFAULT_WARMUP, seconds),
        group: Reading::Missing(not_read(
            group_name(given.auto_scaling_group_arn()),
            Action::DescribeAutoScalingGroups,
        )),
    })
}

/// The group's name at the end of its ARN; ECS takes the bare name too.
pub(crate) fn group_name(arn: &str) -> &str {
    arn.rsplit_once("autoScalingGroupName/").map_or(arn, |(_, name)| name)
}

fn managed_instances(given: &EcsManagedInstancesProvider) -> Result<ManagedInstancesProvider, NotUnderstood> {
    let template = given.instance_launch_template().ok_or_else(|| NotUnderstood::absent("instanceLaunchTemplate"))?;
    let market = match template.capacity_option_type() {
        None | Some(CapacityOptionType::OnDemand) => Market::OnDemand,
        Some(CapacityOptionType::Spot) => Market::Spot,
        Some(CapacityOptionType::Reserved) => Market::Mixed,
        Some(other) => return Err(NotUnderstood::value("capacityOptionType", other)),
    };
    let network = template.network_configuration();
    Ok(ManagedInstancesProvider {
        market,
        subnets: network.map(|network| network.subnets().to_vec()).unwrap_or_default(),
        requirements_digest: requirements_digest(template),
    })
}

/// A digest of what instances are asked for. What is allowed to be paid for them is left out: it
/// differs between the two sides of a pair. It is compared within one snapshot only, so it may
/// depend on how the SDK prints the requirements.
fn requirements_digest(template: &aws_sdk_ecs::types::InstanceLaunchTemplate) -> String {
    let requirements = template.instance_requirements().cloned().map(|mut requirements| {
        requirements.spot_max_price_percentage_over_lowest_price = None;
        requirements.on_demand_max_price_percentage_over_lowest_price = None;
        requirements.max_spot_price_as_percentage_of_optimal_on_demand_price = None;
        requirements
    });
    digest(&format!("{requirements:?}"))
}

/// The launch template that has to be read for a group: of one without a mixed instances policy,
/// for its market; of one whose policy has no overrides, for its instance types.
pub(crate) fn template_needed(given: &AutoScalingGroup) -> Result<Option<TemplateVersion>, NotUnderstood> {
    let specification = match given.mixed_instances_policy().map(MixedInstancesPolicy::launch_template) {
        Some(Some(template)) if template.overrides().is_empty() => template.launch_template_specification(),
        Some(Some(_)) => return Ok(None),
        Some(None) => None,
        None => given.launch_template(),
    };
    match (specification, given.launch_configuration_name()) {
        (Some(specification), _) => template_version(specification).map(Some),
        (None, Some(name)) => Err(NotUnderstood::value("launch configuration (not a launch template)", name)),
        (None, None) => Err(NotUnderstood::absent("launch template")),
    }
}

fn template_version(given: &LaunchTemplateSpecification) -> Result<TemplateVersion, NotUnderstood> {
    let template = match (given.launch_template_id(), given.launch_template_name()) {
        (Some(id), _) => TemplateKey::Id(id.to_owned()),
        (None, Some(name)) => TemplateKey::Name(name.to_owned()),
        (None, None) => return Err(NotUnderstood::absent("id and name of the launch template")),
    };
    Ok(TemplateVersion { template, version: given.version().unwrap_or("$Default").to_owned() })
}

/// What a group buys.
pub(crate) fn market(given: &AutoScalingGroup, template: Option<&LaunchTemplate>) -> Market {
    match (distribution(given), template.map(|template| template.market)) {
        (Some(distribution), _) => group_market(Some(&distribution), false),
        (None, Some(TemplateMarket::Other)) => Market::Mixed,
        (None, market) => group_market(None, market == Some(TemplateMarket::Spot)),
    }
}

/// How a group's mixed instances policy divides what it launches; `None` where it has none. A policy
/// without a distribution has that of the defaults.
pub(crate) fn distribution(given: &AutoScalingGroup) -> Option<InstancesDistribution> {
    let of_policy = |given: &AsgDistribution| InstancesDistribution {
        on_demand_allocation_strategy: said(given.on_demand_allocation_strategy()),
        on_demand_base_capacity: given.on_demand_base_capacity().map(count),
        on_demand_percentage_above_base_capacity: given.on_demand_percentage_above_base_capacity().map(count),
        spot_allocation_strategy: said(given.spot_allocation_strategy()),
        spot_instance_pools: given.spot_instance_pools().map(count),
        spot_max_price: said(given.spot_max_price()),
        has_segments: !given.distribution_segments().is_empty(),
    };
    let policy = given.mixed_instances_policy()?;
    Some(policy.instances_distribution().map(of_policy).unwrap_or_default())
}

/// A text that says something: AWS takes an empty one for none.
fn said(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The instance types that a group may launch, by name. One that asks by instance requirements
/// has those of its instances, and is not understood while it has none.
pub(crate) fn type_names(
    given: &AutoScalingGroup,
    template: Option<&LaunchTemplate>,
) -> Result<Vec<String>, NotUnderstood> {
    let overrides = given
        .mixed_instances_policy()
        .and_then(MixedInstancesPolicy::launch_template)
        .map(|template| template.overrides())
        .unwrap_or_default();
    let by_requirements = match overrides {
        [] => template.is_some_and(|template| template.requirements.is_some()),
        overrides => overrides.iter().any(|one| one.instance_requirements().is_some()),
    };
    let named = overrides.iter().filter_map(|one| one.instance_type());
    let of_template = template.filter(|_| overrides.is_empty()).and_then(|template| template.instance_type.as_deref());
    let of_instances = given.instances().iter().filter(|_| by_requirements).filter_map(|one| one.instance_type());
    let mut names: Vec<String> = named.chain(of_template).chain(of_instances).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    match (names.is_empty(), by_requirements) {
        (false, _) => Ok(names),
        (true, true) => Err(NotUnderstood(
            "the group asks by instance requirements and has no instance yet that shows which types it gets".to_owned(),
        )),
        (true, false) => Err(NotUnderstood::absent("instance type in the group's overrides and launch template")),
    }
}

/// How many instances a group has, without those on their way out.
pub(crate) fn instances(given: &AutoScalingGroup) -> u32 {
    let leaves = |one: &&Instance| one.lifecycle_state().is_some_and(|state| state.as_str().starts_with("Terminat"));
    u32::try_from(given.instances().iter().filter(|one| !leaves(one)).count()).unwrap_or(u32::MAX)
}

/// A group, from what was read of its template and of its instance types.
pub(crate) fn group(
    given: &AutoScalingGroup,
    template: Option<&LaunchTemplate>,
    instance_types: Reading<Vec<InstanceType>>,
    instances: Option<u32>,
) -> Group {
    let weights = given
        .mixed_instances_policy()
        .and_then(MixedInstancesPolicy::launch_template)
        .map(|template| template.overrides())
        .unwrap_or_default();
    Group {
        name: given.auto_scaling_group_name().unwrap_or_default().to_owned(),
        market: market(given, template),
        max_size: given.max_size().map_or(0, count),
        desired: given.desired_capacity().map_or(0, count),
        instances,
        zones: given.availability_zones().to_vec(),
        subnets: given
            .vpc_zone_identifier()
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|subnet| !subnet.is_empty())
            .map(str::to_owned)
            .collect(),
        instance_types,
        weighted: weights.iter().any(|one| one.weighted_capacity().is_some()),
        distribution: distribution(given),
        protects_new_instances: given.new_instances_protected_from_scale_in().unwrap_or(false),
        may_be_turned: given.tags().iter().any(lets_the_lever),
    }
}

fn lets_the_lever(tag: &TagDescription) -> bool {
    tag.key() == Some(LEVER_TAG) && tag.value() == Some(LEVER_TAG_VALUE)
}

/// All of a group's types, or the first gap: the smallest type decides what fits, so one that is
/// missing leaves all in doubt.
pub(crate) fn instance_types(
    names: &[String],
    read: &BTreeMap<String, Result<InstanceType, Gap>>,
) -> Reading<Vec<InstanceType>> {
    let types = names.iter().map(|name| match read.get(name) {
        Some(found) => found.clone(),
        None => Err(not_read(name, Action::DescribeInstanceTypes)),
    });
    match types.collect() {
        Ok(types) => Reading::Known(types),
        Err(gap) => Reading::Missing(gap),
    }
}

#[cfg(test)]
#[path = "group_tests.rs"]
mod group_tests;
#[cfg(test)]
#[path = "capacity_tests.rs"]
mod tests;
