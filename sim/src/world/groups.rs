//! Auto Scaling groups, their instances as ECS container instances, and managed scaling.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::arn::short_name;
use super::clusters::ProviderKind;
use super::services::{Scheduling, Service};
use super::shapes::Tag;
use super::{Event, InstanceId, TaskId, World};

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
    /// How many Spot instances it can have at once; absent: no limit.
    pub spot_obtainable: Option<u32>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Whether managed scaling has decided, and not acted yet.
    pub scaling: bool,
    /// Whether a launch that found no capacity is on the calendar again.
    pub retrying: bool,
    /// How many instances it has launched.
    pub launches: u32,
}

/// An instance of a group, and the container instance on it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// `i-…`.
    pub id: InstanceId,
    /// The id of the container instance.
    pub container_instance: String,
    /// Its group.
    pub group: String,
    /// Its cluster.
    pub cluster: String,
    /// Its type.
    pub instance_type: String,
    /// Its zone.
    pub zone: String,
    /// Its subnet.
    pub subnet: String,
    /// Whether it is on Spot.
    pub spot: bool,
    /// Whether it has registered with the cluster.
    pub registered: bool,
    /// When it was launched.
    pub launched_at: Timestamp,
    /// CPU units in all.
    pub cpu: u32,
    /// MiB in all.
    pub memory: u32,
    /// The tasks on it, with what each takes: CPU units, MiB, host ports.
    pub tasks: BTreeMap<TaskId, (u32, u32, Vec<u16>)>,
}

impl Instance {
    /// CPU units and MiB that are free.
    pub fn free(&self) -> (u32, u32) {
        let used = self.tasks.values().fold((0, 0), |(c, m), (cpu, memory, _)| (c + cpu, m + memory));
        (self.cpu.saturating_sub(used.0), self.memory.saturating_sub(used.1))
    }
}

impl World {
    /// Whether every instance of the group above no base at all is Spot.
    pub fn is_spot_group(&self, group: &Group) -> bool {
        match &group.distribution {
            Some(d) => d.base() == 0 && d.on_demand_percent() == 0,
            None => self
                .launch_templates
                .get(&group.launch_template)
                .is_some_and(|t| t.market_type.as_deref() == Some("spot")),
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

    /// The instances of a group.
    pub fn instances_of<'a>(&'a self, group: &'a str) -> impl Iterator<Item = &'a Instance> {
        self.instances.values().filter(move |i| i.group == group)
    }

    /// Looks for a container instance with room for the task: the one with the fewest tasks of its
    /// service, then with the most room ("spread", the default across zones).
    pub(super) fn find_instance(&mut self, service: &Service, id: &TaskId) -> bool {
        let Some(task) = self.tasks.get(id) else {
            return false;
        };
        let group =
            task.provider.as_deref().and_then(|p| self.group_of_provider(&service.key.cluster, p)).map(|(g, _)| g);
        let (cpu, memory, ports) = (
            task.task_definition.cpu_units(),
            task.task_definition.memory_mib(),
            task.task_definition.static_host_ports(),
        );
        let distinct = service.spec.placement_constraints.iter().any(|c| c.kind == "distinctInstance")
            || service.spec.scheduling == Scheduling::Daemon;
        let found = self
            .instances
            .values()
            .filter(|i| {
                i.registered && i.cluster == service.key.cluster && group.as_ref().is_none_or(|g| *g == i.group)
            })
            .filter_map(|i| {
                let free = i.free();
                let own = service.tasks.iter().filter(|t| i.tasks.contains_key(*t)).count();
                let fits = free.0 >= cpu
                    && free.1 >= memory
                    && !i.tasks.values().any(|(_, _, p)| p.iter().any(|p| ports.contains(p)));
                (fits && !(distinct && own > 0)).then(|| (own, u32::MAX - free.0, i.id.clone()))
            })
            .min();
        let Some((_, _, instance)) = found else {
            return false;
        };
        self.join_instance(id, &instance, (cpu, memory, ports));
        true
    }

    pub(super) fn join_instance(&mut self, id: &TaskId, instance: &InstanceId, takes: (u32, u32, Vec<u16>)) {
        let Some(i) = self.instances.get_mut(instance) else {
            return;
        };
        i.tasks.insert(id.clone(), takes);
        let zone = i.zone.clone();
        if let Some(task) = self.tasks.get_mut(id) {
            task.instance = Some(instance.clone());
            task.zone = zone;
        }
    }

    pub(super) fn leave_instance(&mut self, id: &TaskId) {
        let Some(instance) = self.tasks.get(id).and_then(|t| t.instance.clone()) else {
            return;
        };
        let Some(i) = self.instances.get_mut(&instance) else {
            return;
        };
        i.tasks.remove(id);
        self.schedule(self.settings.durations.managed_scale_in, Event::InstanceIdle { instance });
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
