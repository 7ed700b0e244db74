//! Instances, and the container instances on them: from their launch to their end.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::allocation::LaunchFailure;
use super::clusters::ProviderKind;
use super::groups::InstanceType;
use super::meters::Market;
use super::pools::PoolKey;
use super::rules::Rule;
use super::services::{Scheduling, Service};
use super::{Event, InstanceId, TaskId, World};

/// An instance of a group or of Managed Instances, and the container instance on it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// `i-…`.
    pub id: InstanceId,
    /// The id of the container instance.
    pub container_instance: String,
    /// Its group; empty where ECS launched it for a Managed Instances provider.
    pub group: String,
    /// Its Managed Instances provider.
    pub managed_by: Option<String>,
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
    /// Whether the container instance is DRAINING.
    pub draining: bool,
    /// When EC2 takes it away, once it has said so.
    pub reclaimed_at: Option<Timestamp>,
    /// Whether EC2 has recommended to rebalance away from it.
    pub rebalance_recommended: bool,
    /// Whether its group replaces it before it goes (Capacity Rebalancing).
    pub leaving: bool,
    /// When it was launched.
    pub launched_at: Timestamp,
    /// Virtual processors.
    pub vcpus: u32,
    /// CPU units in all.
    pub cpu: u32,
    /// MiB in all.
    pub memory: u32,
    /// ECS attributes: the built-in ones, and those that the group gives.
    pub attributes: BTreeMap<String, String>,
    /// The tasks on it, with what each takes: CPU units, MiB, host ports.
    pub tasks: BTreeMap<TaskId, (u32, u32, Vec<u16>)>,
}

impl Instance {
    /// CPU units and MiB that are free.
    pub fn free(&self) -> (u32, u32) {
        let used = self.tasks.values().fold((0, 0), |(c, m), (cpu, memory, _)| (c + cpu, m + memory));
        (self.cpu.saturating_sub(used.0), self.memory.saturating_sub(used.1))
    }

    /// Its group, where it has one.
    pub fn group_name(&self) -> Option<&str> {
        Some(self.group.as_str()).filter(|g| !g.is_empty())
    }

    /// Its capacity pool.
    pub fn pool(&self) -> PoolKey {
        PoolKey::new(&self.instance_type, &self.zone)
    }

    /// The container instance's status.
    pub fn status(&self) -> &'static str {
        match (self.registered, self.draining) {
            (false, _) => "REGISTERING",
            (true, true) => "DRAINING",
            (true, false) => "ACTIVE",
        }
    }

    /// Whether tasks may be placed on it: "when you set a container instance to DRAINING, Amazon ECS
    /// prevents new tasks from being scheduled for placement" (UpdateContainerInstancesState).
    pub fn takes_tasks(&self) -> bool {
        self.registered && !self.draining
    }

    pub(super) fn market(&self) -> Market {
        if self.spot { Market::Ec2Spot } else { Market::Ec2OnDemand }
    }
}

/// Where and as what an instance is launched.
pub(super) struct Launch {
    pub(super) group: String,
    pub(super) managed_by: Option<String>,
    pub(super) cluster: String,
    pub(super) pool: PoolKey,
    pub(super) subnet: String,
    pub(super) spot: bool,
    pub(super) attributes: BTreeMap<String, String>,
}

impl World {
    /// Launches one instance of a group, On-Demand or Spot as its distribution has it. `at_once`: it
    /// is there already (the world's start).
    pub(super) fn launch_instance(&mut self, name: &str, at_once: bool) -> Result<InstanceId, LaunchFailure> {
        let Some(group) = self.groups.get(name) else {
            return Err(LaunchFailure::NoSpotCapacity);
        };
        let spot = self.next_is_spot(group);
        if spot && self.provider_names_of_group(name).iter().any(|p| self.faults.is_dry(p)) {
            return Err(LaunchFailure::NoSpotCapacity);
        }
        let (spot, (subnet, pool)) = match self.choose_pool(group, spot) {
            Ok(chosen) => (spot, chosen),
            Err(_) if !self.holds(Rule::GroupsDoNotFallBack) => (false, self.choose_pool(group, false)?),
            Err(failure) => return Err(failure),
        };
        let launch = Launch {
            group: name.to_owned(),
            managed_by: None,
            cluster: group.cluster.clone(),
            pool,
            subnet,
            spot,
            attributes: group.attributes.clone(),
        };
        self.launch(launch, at_once)
    }

    pub(super) fn launch(&mut self, launch: Launch, at_once: bool) -> Result<InstanceId, LaunchFailure> {
        let Some(kind) = self.instance_types.get(&launch.pool.instance_type).cloned() else {
            return Err(LaunchFailure::InsufficientInstanceCapacity { pool: launch.pool });
        };
        if !at_once {
            self.check_vcpu_quota(&kind, launch.spot)?;
        }
        let id = format!("i-{}", self.hex(17));
        let mut attributes = self.built_in_attributes(&kind, &launch);
        attributes.extend(launch.attributes);
        let instance = Instance {
            id: id.clone(),
            container_instance: self.hex(32),
            group: launch.group,
            managed_by: launch.managed_by,
            cluster: launch.cluster,
            instance_type: kind.name,
            zone: launch.pool.zone.clone(),
            subnet: launch.subnet,
            spot: launch.spot,
            registered: at_once,
            draining: false,
            reclaimed_at: None,
            rebalance_recommended: false,
            leaving: false,
            launched_at: self.now,
            vcpus: kind.vcpus,
            cpu: kind.vcpus * 1024,
            memory: kind.memory_mib.saturating_sub(self.settings.instance_memory_overhead_mib),
            attributes,
            tasks: BTreeMap::new(),
        };
        self.meters.change(instance.market(), self.now, f64::from(instance.vcpus));
        if let Some(pool) = self.pools.get_mut(&launch.pool) {
            *pool.held_mut(launch.spot) += 1;
        }
        self.instances.insert(id.clone(), instance);
        if !at_once {
            let wait = self.jittered(self.settings.durations.instance_launch);
            self.schedule(wait, Event::InstanceReady { instance: id.clone() });
        }
        Ok(id)
    }

    /// "Amazon ECS automatically applies the following attributes to your container instances:
    /// ecs.ami-id, ecs.availability-zone, ecs.instance-type, ecs.os-type, …" (developer guide,
    /// container instance attributes).
    fn built_in_attributes(&self, kind: &InstanceType, launch: &Launch) -> BTreeMap<String, String> {
        let architecture = kind.architectures.first().map_or("x86_64", String::as_str);
        [
            ("ecs.availability-zone", launch.pool.zone.as_str()),
            ("ecs.instance-type", &kind.name),
            ("ecs.cpu-architecture", architecture),
            ("ecs.os-type", "linux"),
            ("ecs.subnet-id", &launch.subnet),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }

    /// An instance registers with its cluster.
    pub(super) fn instance_ready(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        instance.registered = true;
        let (cluster, group) = (instance.cluster.clone(), instance.group.clone());
        self.reconcile_daemons(&cluster);
        self.place_waiting_tasks(&cluster);
        self.let_leaving_go(&group);
        self.look_whether_idle(id);
    }

    pub(super) fn reconcile_daemons(&mut self, cluster: &str) {
        let daemons: Vec<_> = self
            .services_of(cluster)
            .filter(|s| s.spec.scheduling == Scheduling::Daemon)
            .map(|s| s.key.clone())
            .collect();
        for key in daemons {
            self.with_service(&key, |world, service| world.reconcile(service));
        }
    }

    /// The instance is gone, and every task on it with it.
    pub(super) fn end_instance(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get(id) else {
            return;
        };
        let tasks: Vec<TaskId> = instance.tasks.keys().cloned().collect();
        for task in &tasks {
            self.task_dies_with_instance(task);
        }
        let Some(instance) = self.instances.remove(id) else {
            return;
        };
        self.meters.change(instance.market(), self.now, -f64::from(instance.vcpus));
        if let Some(pool) = self.pools.get_mut(&instance.pool()) {
            let held = pool.held_mut(instance.spot);
            *held = held.saturating_sub(1);
        }
        if !instance.group.is_empty() {
            self.launch_missing(&instance.group);
            self.follow_distribution(&instance.group);
        }
    }

    /// Looks for a container instance with room for the task: the one with the fewest tasks of its
    /// service, then with the most room ("spread", the default across zones).
    pub(super) fn find_instance(&mut self, service: &Service, id: &TaskId) -> bool {
        let Some(task) = self.tasks.get(id) else {
            return false;
        };
        let provider = task.provider.as_deref().and_then(|p| self.provider(&service.key.cluster, p));
        let belongs = |i: &Instance| match provider.map(|p| (&p.name, &p.kind)) {
            Some((_, ProviderKind::Group(g))) => i.group == super::arn::short_name(&g.auto_scaling_group),
            Some((name, ProviderKind::ManagedInstances(_))) => i.managed_by.as_ref() == Some(name),
            Some(_) => false,
            // "Tasks that use the EC2 launch type" run on any container instance of the cluster but
            // those that ECS manages.
            None => i.managed_by.is_none(),
        };
        let (cpu, memory, ports) = (
            task.task_definition.cpu_units(),
            task.task_definition.memory_mib(),
            task.task_definition.static_host_ports(),
        );
        let wants = self.wants_of(service, &task.task_definition);
        let found = self
            .instances
            .values()
            .filter(|i| i.takes_tasks() && i.cluster == service.key.cluster && belongs(i))
            .filter_map(|i| {
                let free = i.free();
                let port_taken = self.holds(Rule::StaticHostPorts)
                    && i.tasks.values().any(|(_, _, p)| p.iter().any(|p| ports.contains(p)));
                if free.0 < cpu || free.1 < memory || port_taken {
                    return None;
                }
                // Only where it has room: in a large world most instances have none.
                let own = service.tasks.iter().filter(|t| i.tasks.contains_key(*t)).count();
                wants.accept(i, own).then(|| (own, u32::MAX - free.0, i.id.clone()))
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
        let (leaving, group) = (i.leaving, i.group.clone());
        if leaving {
            self.schedule(0.0, Event::LeavingGo { group });
        }
        self.look_whether_idle(&instance);
    }

    /// The tasks on an instance that are not daemons'.
    pub(super) fn replicas_on<'a>(&'a self, instance: &'a Instance) -> impl Iterator<Item = &'a TaskId> {
        instance.tasks.keys().filter(|id| self.tasks.get(*id).is_some_and(|t| !t.daemon))
    }

    /// The provider that a container instance belongs to.
    pub fn provider_of_instance(&self, instance: &Instance) -> Option<String> {
        instance.managed_by.clone().or_else(|| self.provider_of_group(&instance.group))
    }
}
