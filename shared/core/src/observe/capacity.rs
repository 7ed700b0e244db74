//! Capacity providers and what stands behind them.

use serde::{Deserialize, Serialize};

use super::{Architecture, Reading};
use crate::ids::ProviderName;
use crate::units::{CpuUnits, MemoryMib, Seconds};

/// A capacity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provider {
    /// Its name.
    pub name: ProviderName,
    /// Its ARN.
    pub arn: String,
    /// Whether it is `ACTIVE` (or `UPDATING`).
    pub active: bool,
    /// What it launches.
    pub kind: ProviderKind,
}

/// What a provider launches. A strategy may mix providers of one family only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// `FARGATE`.
    Fargate,
    /// `FARGATE_SPOT`.
    FargateSpot,
    /// An Auto Scaling group.
    AutoScalingGroup(GroupProvider),
    /// ECS Managed Instances.
    ManagedInstances(ManagedInstancesProvider),
}

/// The part of a provider that ECS keeps for an Auto Scaling group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupProvider {
    /// Whether managed scaling is on.
    pub managed_scaling: bool,
    /// Whether managed draining is on.
    pub managed_draining: bool,
    /// Whether managed termination protection is on.
    #[serde(default)]
    pub managed_termination_protection: bool,
    /// `instanceWarmupPeriod` of managed scaling.
    pub warmup: Seconds,
    /// The group.
    pub group: Reading<Group>,
}

/// An Auto Scaling group with its launch template and instance types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Whether it launches Spot, On-Demand or both.
    pub market: Market,
    /// `MaxSize`.
    pub max_size: u32,
    /// `DesiredCapacity`.
    pub desired: u32,
    /// How many instances it has, without those on their way out; `None` where they were not asked
    /// for.
    #[serde(default)]
    pub instances: Option<u32>,
    /// Its zones.
    pub zones: Vec<String>,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// The instance types it may launch, with what they hold; a group that asks by
    /// `InstanceRequirements` has the types that its instances have.
    pub instance_types: Reading<Vec<InstanceType>>,
    /// Whether an override carries a weight: providers do not support that.
    pub weighted: bool,
    /// How its mixed instances policy divides what it launches; `None` where it has none.
    #[serde(default)]
    pub distribution: Option<InstancesDistribution>,
    /// Whether new instances are protected from scale-in.
    #[serde(default)]
    pub protects_new_instances: bool,
    /// Whether its tag [`LEVER_TAG`] lets the capacity lever turn it.
    #[serde(default)]
    pub may_be_turned: bool,
}

/// The tag by which the owners of a group let the capacity lever turn it, with the value
/// [`LEVER_TAG_VALUE`]. The Updater's role may update no other group.
pub const LEVER_TAG: &str = "spotkeeper:lever";
/// The value of [`LEVER_TAG`].
pub const LEVER_TAG_VALUE: &str = "capacity";

/// What a group, or a Managed Instances provider, buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Market {
    /// On-Demand alone.
    OnDemand,
    /// Spot alone.
    Spot,
    /// Both, or capacity reservations: fits neither side of a pair.
    Mixed,
}

/// An instance type and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceType {
    /// `m5.large`.
    pub name: String,
    /// Its vCPU.
    pub cpu: CpuUnits,
    /// Its memory.
    pub memory: MemoryMib,
    /// Its architecture.
    pub architecture: Architecture,
}

/// The part of a provider that ECS keeps for Managed Instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagedInstancesProvider {
    /// From `capacityOptionType`: `ON_DEMAND`, `SPOT`; `RESERVED` is [`Market::Mixed`].
    pub market: Market,
    /// The subnets of its instances.
    pub subnets: Vec<String>,
    /// A digest of its instance requirements: two providers of a pair have the same.
    pub requirements_digest: String,
}

/// The families of providers. A strategy may mix providers of one family only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// `FARGATE` and `FARGATE_SPOT`.
    Fargate,
    /// Auto Scaling groups.
    AutoScalingGroup,
    /// ECS Managed Instances.
    ManagedInstances,
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Family::Fargate => "Fargate",
            Family::AutoScalingGroup => "EC2 Auto Scaling groups",
            Family::ManagedInstances => "ECS Managed Instances",
        })
    }
}

impl ProviderKind {
    /// The family it belongs to.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self {
            ProviderKind::Fargate | ProviderKind::FargateSpot => Family::Fargate,
            ProviderKind::AutoScalingGroup(_) => Family::AutoScalingGroup,
            ProviderKind::ManagedInstances(_) => Family::ManagedInstances,
        }
    }
}

impl Provider {
    /// Whether it launches Spot, On-Demand or both; `None` where that could not be read.
    #[must_use]
    pub fn market(&self) -> Option<Market> {
        match &self.kind {
            ProviderKind::Fargate => Some(Market::OnDemand),
            ProviderKind::FargateSpot => Some(Market::Spot),
            ProviderKind::AutoScalingGroup(provider) => provider.group.known().map(|group| group.market),
            ProviderKind::ManagedInstances(provider) => Some(provider.market),
        }
    }
}

/// How much of what an Auto Scaling group launches is On-Demand, as its own settings say.
///
/// `OnDemandBaseCapacity` absent is 0; `OnDemandPercentageAboveBaseCapacity` absent is 100.
/// Source: `InstancesDistribution` in the Amazon EC2 Auto Scaling API reference. Without a mixed
/// instances policy the launch template alone decides.
#[must_use]
pub const fn group_market(distribution: Option<&InstancesDistribution>, template_asks_for_spot: bool) -> Market {
    match distribution {
        Some(distribution) => distribution.market(),
        None if template_asks_for_spot => Market::Spot,
        None => Market::OnDemand,
    }
}

/// A group's `InstancesDistribution`, whole, as `DescribeAutoScalingGroups` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InstancesDistribution {
    /// `OnDemandAllocationStrategy`, where it is set.
    pub on_demand_allocation_strategy: Option<String>,
    /// `OnDemandBaseCapacity`, where it is set.
    pub on_demand_base_capacity: Option<u32>,
    /// `OnDemandPercentageAboveBaseCapacity`, where it is set.
    pub on_demand_percentage_above_base_capacity: Option<u32>,
    /// `SpotAllocationStrategy`, where it is set.
    pub spot_allocation_strategy: Option<String>,
    /// `SpotInstancePools`, where it is set.
    pub spot_instance_pools: Option<u32>,
    /// `SpotMaxPrice`, where it is set.
    pub spot_max_price: Option<String>,
    /// Whether it has `DistributionSegments`: they put reservations in front of what is bought, and a
    /// write of base or percentage removes them.
    pub has_segments: bool,
}

impl InstancesDistribution {
    /// `OnDemandBaseCapacity`; absent, it is 0.
    #[must_use]
    pub const fn base(&self) -> u32 {
        match self.on_demand_base_capacity {
            Some(base) => base,
            None => 0,
        }
    }

    /// `OnDemandPercentageAboveBaseCapacity`; absent, it is 100.
    #[must_use]
    pub const fn percentage(&self) -> u32 {
        match self.on_demand_percentage_above_base_capacity {
            Some(percentage) => percentage,
            None => 100,
        }
    }

    /// What it buys.
    #[must_use]
    pub const fn market(&self) -> Market {
        match (self.has_segments, self.base(), self.percentage()) {
            (true, _, _) => Market::Mixed,
            (false, 0, 0) => Market::Spot,
            (false, _, 100) => Market::OnDemand,
            (false, _, _) => Market::Mixed,
        }
    }

    /// The same with the base and the percentage of another.
    #[must_use]
    pub fn with_numbers_of(&self, other: &InstancesDistribution) -> InstancesDistribution {
        InstancesDistribution {
            on_demand_base_capacity: Some(other.base()),
            on_demand_percentage_above_base_capacity: Some(other.percentage()),
            ..self.clone()
        }
    }

    /// The same, all On-Demand.
    #[must_use]
    pub fn turned(&self) -> InstancesDistribution {
        InstancesDistribution {
            on_demand_base_capacity: Some(0),
            on_demand_percentage_above_base_capacity: Some(100),
            ..self.clone()
        }
    }

    /// Whether base and percentage are those of another.
    #[must_use]
    pub const fn has_numbers_of(&self, other: &InstancesDistribution) -> bool {
        self.base() == other.base() && self.percentage() == other.percentage()
    }
}

impl std::fmt::Display for InstancesDistribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a base of {} and {} % On-Demand above it", self.base(), self.percentage())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_spot_only_when_both_numbers_are_zero() {
        let distribution = |base, above| {
            Some(InstancesDistribution {
                on_demand_base_capacity: base,
                on_demand_percentage_above_base_capacity: above,
                ..InstancesDistribution::default()
            })
        };
        let segments = InstancesDistribution { has_segments: true, ..InstancesDistribution::default() };
        let cases = [
            ("no policy, plain template", None, false, Market::OnDemand),
            ("no policy, Spot template", None, true, Market::Spot),
            ("both absent: 100 % On-Demand", distribution(None, None), false, Market::OnDemand),
            ("both zero", distribution(Some(0), Some(0)), false, Market::Spot),
            ("base absent, percentage zero", distribution(None, Some(0)), false, Market::Spot),
            ("a base of one", distribution(Some(1), Some(0)), false, Market::Mixed),
            ("half and half", distribution(Some(0), Some(50)), false, Market::Mixed),
            ("all On-Demand above a base", distribution(Some(2), Some(100)), false, Market::OnDemand),
            ("segments before it", Some(segments), false, Market::Mixed),
        ];
        for (name, given, template, expected) in cases {
            assert_eq!(group_market(given.as_ref(), template), expected, "{name}");
        }
    }

    #[test]
    fn a_turned_distribution_differs_in_its_two_numbers_alone() {
        let original = InstancesDistribution {
            on_demand_percentage_above_base_capacity: Some(0),
            spot_allocation_strategy: Some("price-capacity-optimized".to_owned()),
            spot_max_price: Some("0.05".to_owned()),
            ..InstancesDistribution::default()
        };
        let turned = original.turned();
        assert_eq!((original.market(), turned.market()), (Market::Spot, Market::OnDemand));
        assert!(!turned.has_numbers_of(&original));
        let back = turned.with_numbers_of(&original);
        assert_eq!(back, InstancesDistribution { on_demand_base_capacity: Some(0), ..original.clone() });
        assert!(back.has_numbers_of(&original), "an absent base is 0");
    }
}
