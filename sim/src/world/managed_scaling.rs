//! Managed scaling: how groups get the instances that waiting tasks need, and lose those that stand
//! empty.

use std::collections::BTreeMap;

use super::groups::Instance;
use super::services::Scheduling;
use super::{Event, InstanceId, TaskId, World};

impl World {
    /// Managed scaling: raises the group's desired capacity so that the waiting tasks fit.
    ///
    /// "Managed scaling only considers tasks that fit the smallest instance type of the group"
    /// (`cluster-auto-scaling.md`), and "MaxSize too low: tasks stay in PROVISIONING"
    /// (`asg-capacity-providers.md`).
    pub(super) fn scale_for_waiting_tasks(&mut self, cluster: &str) {
        let mut waiting: BTreeMap<String, Vec<(u32, u32)>> = BTreeMap::new();
        for task in self.waiting_tasks(cluster) {
            if let Some((group, true)) = task.provider.as_deref().and_then(|p| self.group_of_provider(cluster, p)) {
                waiting
                    .entry(group)
                    .or_default()
                    .push((task.task_definition.cpu_units(), task.task_definition.memory_mib()));
            }
        }
        for (name, tasks) in waiting {
            let Some(group) = self.groups.get(&name) else {
                continue;
            };
            let daemons = self.daemon_reservation(&group.cluster);
            let Some((cpu, memory)) = self
                .group_types(group)
                .iter()
                .map(|t| (t.vcpus * 1024, t.memory_mib.saturating_sub(self.settings.instance_memory_overhead_mib)))
                .min()
                .map(|(c, m)| (c.saturating_sub(daemons.0), m.saturating_sub(daemons.1)))
            else {
                continue;
            };
            let mut bins: Vec<(u32, u32)> = Vec::new();
            for (c, m) in tasks.into_iter().filter(|(c, m)| *c <= cpu && *m <= memory) {
                match bins.iter_mut().find(|b| b.0 >= c && b.1 >= m) {
                    Some(bin) => *bin = (bin.0 - c, bin.1 - m),
                    None => bins.push((cpu - c, memory - m)),
                }
            }
            // Everything that has registered is full as far as these tasks are concerned.
            let registered = self.instances_of(&name).filter(|i| i.registered).count();
            let wanted = u32::try_from(registered + bins.len()).unwrap_or(u32::MAX);
            let Some(group) = self.groups.get_mut(&name) else {
                continue;
            };
            let wanted = wanted.min(group.max_size).max(group.desired);
            if wanted > group.desired && !group.scaling {
                group.scaling = true;
                self.schedule(
                    self.settings.durations.managed_scaling,
                    Event::ScaleGroup { group: name, desired: wanted },
                );
            }
        }
    }

    fn daemon_reservation(&self, cluster: &str) -> (u32, u32) {
        self.services_of(cluster)
            .filter(|s| s.spec.scheduling == Scheduling::Daemon)
            .filter_map(|s| s.current())
            .fold((0, 0), |(c, m), r| (c + r.task_definition.cpu_units(), m + r.task_definition.memory_mib()))
    }

    pub(super) fn scale_group(&mut self, name: &str, desired: u32) {
        if let Some(group) = self.groups.get_mut(name) {
            group.scaling = false;
            group.desired = group.desired.max(desired.min(group.max_size));
        }
        self.launch_missing(name);
    }

    pub(super) fn retry_launch(&mut self, name: &str) {
        if let Some(group) = self.groups.get_mut(name) {
            group.retrying = false;
        }
        self.launch_missing(name);
    }

    /// Launches what the group lacks, as far as there is capacity. "A group whose Spot share cannot
    /// be filled does not fall back to On-Demand by itself": it tries again.
    pub(super) fn launch_missing(&mut self, name: &str) {
        loop {
            let Some(group) = self.groups.get(name) else {
                return;
            };
            let have = self.instances_of(name).count();
            if have >= usize::try_from(group.desired).unwrap_or(usize::MAX) {
                return;
            }
            if self.launch_instance(name, false).is_none() {
                if let Some(group) = self.groups.get_mut(name).filter(|g| !g.retrying) {
                    group.retrying = true;
                    self.schedule(
                        self.settings.durations.placement_retry,
                        Event::RetryLaunch { group: name.to_owned() },
                    );
                }
                return;
            }
        }
    }

    /// Launches one instance, On-Demand or Spot as the distribution has it; `None` where Spot
    /// cannot be had.
    pub(super) fn launch_instance(&mut self, name: &str, at_once: bool) -> Option<InstanceId> {
        let group = self.groups.get(name)?;
        let (mut on_demand, mut spot_count) = (0_u32, 0_u32);
        for i in self.instances_of(name) {
            if i.spot { spot_count += 1 } else { on_demand += 1 }
        }
        let spot = match &group.distribution {
            Some(d) => {
                let above_base = (on_demand + spot_count + 1).saturating_sub(d.base());
                on_demand >= d.base() + (above_base * d.on_demand_percent()).div_ceil(100)
            }
            None => self.is_spot_group(group),
        };
        let dry = self.provider_names_of_group(name).iter().any(|p| self.faults.is_dry(p));
        if spot && (dry || group.spot_obtainable.is_some_and(|most| spot_count >= most)) {
            return None;
        }
        let types = self.group_types(group);
        let nth = usize::try_from(group.launches).unwrap_or(0);
        let chosen = (*types.get(nth % types.len().max(1))?).clone();
        let subnet = group.subnets.get(nth % group.subnets.len().max(1)).cloned().unwrap_or_default();
        let zone = self.subnets.get(&subnet).map_or_else(|| format!("{}a", self.arns.region), |s| s.zone.clone());
        let cluster = group.cluster.clone();
        let id = format!("i-{}", self.hex(17));
        let instance = Instance {
            id: id.clone(),
            container_instance: self.hex(32),
            group: name.to_owned(),
            cluster,
            instance_type: chosen.name,
            zone,
            subnet,
            spot,
            registered: at_once,
            launched_at: self.now,
            cpu: chosen.vcpus * 1024,
            memory: chosen.memory_mib.saturating_sub(self.settings.instance_memory_overhead_mib),
            tasks: BTreeMap::new(),
        };
        self.instances.insert(id.clone(), instance);
        if let Some(group) = self.groups.get_mut(name) {
            group.launches += 1;
        }
        if !at_once {
            let wait = self.jittered(self.settings.durations.instance_launch);
            self.schedule(wait, Event::InstanceReady { instance: id.clone() });
        }
        Some(id)
    }

    pub(super) fn instance_ready(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        instance.registered = true;
        let cluster = instance.cluster.clone();
        let daemons: Vec<_> = self
            .services_of(&cluster)
            .filter(|s| s.spec.scheduling == Scheduling::Daemon)
            .map(|s| s.key.clone())
            .collect();
        for key in daemons {
            self.with_service(&key, |world, service| world.reconcile(service));
        }
        self.place_waiting_tasks(&cluster);
        self.schedule(self.settings.durations.managed_scale_in, Event::InstanceIdle { instance: id.clone() });
    }

    /// Managed scaling takes an instance away that has had no task but daemons for a while.
    pub(super) fn instance_idle(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get(id) else {
            return;
        };
        let busy = instance
            .tasks
            .keys()
            .filter_map(|t| self.tasks.get(t))
            .any(|t| self.services.get(&t.service).is_none_or(|s| s.spec.scheduling == Scheduling::Replica));
        let group = instance.group.clone();
        let managed = self
            .provider_names_of_group(&group)
            .iter()
            .any(|p| self.group_of_provider(&instance.cluster, p).is_some_and(|(_, managed)| managed));
        let Some(g) = self.groups.get_mut(&group) else {
            return;
        };
        if busy || !managed || g.desired <= g.min_size {
            return;
        }
        g.desired -= 1;
        let tasks: Vec<TaskId> = instance.tasks.keys().cloned().collect();
        for task in tasks {
            let Some(key) = self.tasks.get(&task).map(|t| t.service.clone()) else {
                continue;
            };
            self.with_service(&key, |world, service| {
                world.stop_task(service, &task, "ServiceSchedulerInitiated", "Host EC2 instance terminated.")
            });
        }
        self.instances.remove(id);
    }
}
