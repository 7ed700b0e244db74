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
}

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
pub const fn group_market(distribution: Option<InstancesDistribution>, template_asks_for_spot: bool) -> Market {
    let Some(distribution) = distribution else {
        return if template_asks_for_spot { Market::Spot } else { Market::OnDemand };
    };
    let base = match distribution.on_demand_base_capacity {
        Some(base) => base,
        None => 0,
    };
    let above_base = match distribution.on_demand_percentage_above_base_capacity {
        Some(percentage) => percentage,
        None => 100,
    };
    match (base, above_base) {
        (0, 0) => Market::Spot,
        (_, 100) => Market::OnDemand,
        _ => Market::Mixed,
    }
}

/// The two numbers of a group's `InstancesDistribution` that decide its [`Market`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstancesDistribution {
    /// `OnDemandBaseCapacity`, where it is set.
    pub on_demand_base_capacity: Option<u32>,
    /// `OnDemandPercentageAboveBaseCapacity`, where it is set.
    pub on_demand_percentage_above_base_capacity: Option<u32>,
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
            })
        };
        let cases = [
            ("no policy, plain template", None, false, Market::OnDemand),
            ("no policy, Spot template", None, true, Market::Spot),
            ("both absent: 100 % On-Demand", distribution(None, None), false, Market::OnDemand),
            ("both zero", distribution(Some(0), Some(0)), false, Market::Spot),
            ("base absent, percentage zero", distribution(None, Some(0)), false, Market::Spot),
            ("a base of one", distribution(Some(1), Some(0)), false, Market::Mixed),
            ("half and half", distribution(Some(0), Some(50)), false, Market::Mixed),
            ("all On-Demand above a base", distribution(Some(2), Some(100)), false, Market::OnDemand),
        ];
        for (name, given, template, expected) in cases {
            assert_eq!(group_market(given, template), expected, "{name}");
        }
    }
}
