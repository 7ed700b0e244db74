//! Auto Scaling groups, launch templates and instance types.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::World;
use super::arn::short_name;
use super::clusters::ProviderKind;
use super::instances::Instance;
use super::rules::Rule;
use super::shapes::Tag;

/// An instance type of the account.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InstanceType {
    /// Such as `m5.large`.
    pub name: String,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory.
    pub memory_mib: u32,
    /// `x86_64`, `arm64`.
    #[serde(default = "x86")]
    pub architectures: Vec<String>,
}

fn x86() -> Vec<String> {
    vec!["x86_64".to_owned()]
}

/// A launch template: one version is enough here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LaunchTemplate {
    /// Its name.
    pub name: String,
    /// Its id; absent: made from the name.
    #[serde(default)]
    pub id: String,
    /// The instance type, where it names one.
    #[serde(default)]
    pub instance_type: Option<String>,
    /// `spot` where it asks for the Spot market.
    #[serde(default)]
    pub market_type: Option<String>,
}

/// `MixedInstancesPolicy.InstancesDistribution`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs, reason = "AWS documents these fields")]
pub struct InstancesDistribution {
    pub on_demand_allocation_strategy: Option<String>,
    pub on_demand_base_capacity: Option<u32>,
    pub on_demand_percentage_above_base_capacity: Option<u32>,
    pub spot_allocation_strategy: Option<String>,
    pub spot_instance_pools: Option<u32>,
    pub spot_max_price: Option<String>,
}

impl InstancesDistribution {
    /// On-Demand instances before any Spot.
    pub fn base(&self) -> u32 {
        self.on_demand_base_capacity.unwrap_or(0)
    }

    /// "The default is 100" (InstancesDistribution): absent means On-Demand.
    pub fn on_demand_percent(&self) -> u32 {
        self.on_demand_percentage_above_base_capacity.unwrap_or(100)
    }

    /// The allocation strategy, with its default: "lowest-price … is the default value" for Spot,
    /// "prioritized … is the default value for Auto Scaling groups that don't specify
    /// InstanceRequirements" for On-Demand.
    pub fn strategy(&self, spot: bool) -> &str {
        let (strategy, default) = if spot {
            (&self.spot_allocation_strategy, "lowest-price")
        } else {
            (&self.on_demand_allocation_strategy, "prioritized")
        };
        strategy.as_deref().unwrap_or(default)
    }
}

/// An Auto Scaling group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The cluster that its instances join.
    pub cluster: String,
    /// Its launch template's name.
    pub launch_template: String,
    /// The instance types of its overrides, in order; empty: the launch template's.
    pub instance_types: Vec<String>,
    /// The distribution; absent: the group has no mixed instances policy.
    pub distribution: Option<InstancesDistribution>,
    /// The fewest instances.
    pub min_size: u32,
    /// The most instances.
    pub max_size: u32,
    /// How many it wants now.
    pub desired: u32,
    /// Its subnets.
    pub subnets: Vec<String>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Capacity Rebalancing.
    pub capacity_rebalance: bool,
    /// Whether new instances are protected from scale-in.
    pub protects_new_instances: bool,
    /// Attributes that its container instances register with (`ECS_INSTANCE_ATTRIBUTES`).
    pub attributes: BTreeMap<String, String>,
    /// Whether the agents drain on a Spot interruption notice (`ECS_ENABLE_SPOT_INSTANCE_DRAINING`).
    pub agent_draining: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether managed scaling has decided, and not acted yet.
    pub scaling: bool,
    /// Whether a launch that found no capacity is on the calendar again.
    pub retrying: bool,
    /// Whether its running instances do not match its distribution yet, and are replaced.
    pub following: bool,
    /// Its latest scaling activities, newest first.
    pub activities: VecDeque<Activity>,
}

/// A scaling activity of a group.
#[derive(Clone, Debug)]
pub struct Activity {
    /// Its id.
    pub id: String,
    /// When it began, and ended.
    pub at: Timestamp,
    /// What it was to do.
    pub description: String,
    /// Successful or Failed.
    pub status_code: &'static str,
    /// Why it failed.
    pub status_message: Option<String>,
}

impl World {
    /// Whether every instance of the group above no base at all is Spot.
    pub fn is_spot_group(&self, group: &Group) -> bool {
        match &group.distribution {
            Some(d) => d.base() == 0 && self.on_demand_percent(d) == 0,
            None => self
                .launch_templates
                .get(&group.launch_template)
                .is_some_and(|t| t.market_type.as_deref() == Some("spot")),
        }
    }

    fn on_demand_percent(&self, d: &InstancesDistribution) -> u32 {
        match d.on_demand_percentage_above_base_capacity {
            None if !self.holds(Rule::AbsentPercentageIsOnDemand) => 0,
            _ => d.on_demand_percent(),
        }
    }

    /// The group's instance types, in order.
    pub fn group_types<'a>(&'a self, group: &'a Group) -> Vec<&'a InstanceType> {
        let template = self.launch_templates.get(&group.launch_template).and_then(|t| t.instance_type.as_ref());
        let names: Vec<&String> = if group.instance_types.is_empty() {
            template.into_iter().collect()
        } else {
            group.instance_types.iter().collect()
        };
        names.into_iter().filter_map(|n| self.instance_types.get(n)).collect()
    }

    /// Whether the group's next instance is Spot: the base is launched first, On-Demand, and above it
    /// the percentage holds (InstancesDistribution).
    pub(super) fn next_is_spot(&self, group: &Group) -> bool {
        let Some(d) = &group.distribution else {
            return self.is_spot_group(group);
        };
        let (mut on_demand, mut all) = (0_u32, 0_u32);
        for i in self.instances_of(&group.name) {
            on_demand += u32::from(!i.spot);
            all += 1;
        }
        let above_base = (all + 1).saturating_sub(d.base());
        on_demand >= d.base() + (above_base * self.on_demand_percent(d)).div_ceil(100)
    }

    /// Notes what a group did, or could not do.
    pub(super) fn note_activity(&mut self, group: &str, description: String, failure: Option<String>) {
        let activity = Activity {
            id: self.uuid(),
            at: self.now,
            description,
            status_code: if failure.is_some() { "Failed" } else { "Successful" },
            status_message: failure,
        };
        if activity.status_message.is_some() && self.groups.contains_key(group) {
            self.put_launch_failure(group, &activity);
        }
        if let Some(group) = self.groups.get_mut(group) {
            group.activities.push_front(activity);
            group.activities.truncate(100);
        }
    }

    /// The instances of a group.
    pub fn instances_of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Instance> {
        self.instances.values().filter(move |i| i.group == group)
    }

    /// The group behind a provider, and whether ECS scales it.
    pub(super) fn group_of_provider(&self, cluster: &str, provider: &str) -> Option<(String, bool)> {
        match &self.provider(cluster, provider)?.kind {
            ProviderKind::Group(g) => {
                Some((short_name(&g.auto_scaling_group).to_owned(), g.managed_scaling.status == "ENABLED"))
            }
            _ => None,
        }
    }

    /// The names of the providers on a group.
    pub(super) fn provider_names_of_group(&self, group: &str) -> Vec<String> {
        self.providers
            .values()
            .filter(|p| matches!(&p.kind, ProviderKind::Group(g) if short_name(&g.auto_scaling_group) == group))
            .map(|p| p.name.clone())
            .collect()
    }

    /// The provider that a group's container instances belong to.
    pub fn provider_of_group(&self, group: &str) -> Option<String> {
        self.provider_names_of_group(group).into_iter().next()
    }
}
