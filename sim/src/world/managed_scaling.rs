//! Managed scaling: how groups get the instances that waiting tasks need, and lose those that stand
//! empty.

use std::collections::BTreeMap;

use super::clusters::{ManagedScaling, ProviderKind};
use super::instances::Instance;
use super::rules::Rule;
use super::services::Scheduling;
use super::{Event, InstanceId, World};

impl World {
    /// Managed scaling: raises the group's desired capacity so that the waiting tasks fit.
    ///
    /// "Managed scaling only considers tasks that fit the smallest instance type of the group"
    /// (`cluster-auto-scaling.md`), and "MaxSize too low: tasks stay in PROVISIONING"
    /// (`asg-capacity-providers.md`).
    pub(super) fn scale_for_waiting_tasks(&mut self, cluster: &str) {
        let mut waiting: BTreeMap<String, Vec<(u32, u32)>> = BTreeMap::new();
        for task in self.waiting_tasks(cluster) {
            let Some(provider) = task.provider.as_deref() else {
                continue;
            };
            if let Some((group, true)) = self.group_of_provider(cluster, provider) {
                waiting
                    .entry(group)
                    .or_default()
                    .push((task.task_definition.cpu_units(), task.task_definition.memory_mib()));
            }
        }
        self.scale_managed_instances(cluster);
        for (name, tasks) in waiting {
            let Some(group) = self.groups.get(&name) else {
                continue;
            };
            let daemons = self.daemon_reservation(&group.cluster);
            let size = |t: &&super::groups::InstanceType| {
                (t.vcpus * 1024, t.memory_mib.saturating_sub(self.settings.instance_memory_overhead_mib))
            };
            let types = self.group_types(group);
            let reckoned = if self.holds(Rule::SmallestTypeDecides) {
                types.iter().map(size).min()
            } else {
                types.iter().map(size).max()
            };
            let Some((cpu, memory)) = reckoned.map(|(c, m)| (c.saturating_sub(daemons.0), m.saturating_sub(daemons.1)))
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
            // Everything that takes tasks is full as far as these are concerned.
            let in_use = self.instances_of(&name).filter(|i| i.takes_tasks()).count();
            let needed = u32::try_from(in_use + bins.len()).unwrap_or(u32::MAX);
            let scaling = self.managed_scaling_of(&name).unwrap_or_default();
            // Nor are those that drain a part of what the group has: they take no task, and go when they are
            // empty. "When launched tasks can't be placed on available instances, the Auto Scaling group
            // scales out" (`cluster-auto-scaling.md`).
            let drains = |i: &&Instance| i.draining && !i.leaving && self.holds(Rule::DrainingIsNoCapacity);
            let draining = self.instances_of(&name).filter(drains).count();
            let Some(group) = self.groups.get_mut(&name) else {
                continue;
            };
            let has = group.desired.saturating_sub(u32::try_from(draining).unwrap_or(u32::MAX));
            // "The minimum number of Amazon EC2 instances that Amazon ECS will scale out at one time",
            // and the maximum (ManagedScaling).
            let missing = instances_for(needed, &scaling).saturating_sub(has);
            if missing == 0 || group.scaling {
                continue;
            }
            let step = missing.max(scaling.minimum_scaling_step_size).min(scaling.maximum_scaling_step_size.max(1));
            let desired = group.desired.saturating_add(step);
            group.scaling = true;
            self.schedule(self.settings.durations.managed_scaling, Event::ScaleGroup { group: name, desired });
        }
    }

    fn daemon_reservation(&self, cluster: &str) -> (u32, u32) {
        self.services_of(cluster)
            .filter(|s| s.spec.scheduling == Scheduling::Daemon)
            .filter_map(|s| s.current())
            .fold((0, 0), |(c, m), r| (c + r.task_definition.cpu_units(), m + r.task_definition.memory_mib()))
    }

    pub(super) fn scale_group(&mut self, name: &str, desired: u32) {
        let max_size_binds = self.holds(Rule::MaxSizeBinds);
        if let Some(group) = self.groups.get_mut(name) {
            group.scaling = false;
            let most = if max_size_binds { group.max_size } else { u32::MAX };
            group.desired = group.desired.max(desired.min(most));
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
            let have = self.instances_of(name).filter(|i| !i.leaving).count();
            if have >= usize::try_from(group.desired).unwrap_or(usize::MAX) {
                return;
            }
            match self.launch_instance(name, false) {
                Ok(id) => self.note_activity(name, format!("Launching a new EC2 instance: {id}"), None),
                Err(failure) => {
                    self.note_activity(name, "Launching a new EC2 instance.".to_owned(), Some(failure.to_string()));
                    return self.retry_launch_later(name);
                }
            }
        }
    }

    fn retry_launch_later(&mut self, name: &str) {
        if let Some(group) = self.groups.get_mut(name).filter(|g| !g.retrying) {
            group.retrying = true;
            self.schedule(self.settings.durations.placement_retry, Event::RetryLaunch { group: name.to_owned() });
        }
    }

    /// Has managed scaling look at an instance once it may have been empty for long: "scale-in … 15
    /// data points of one minute" below the target.
    pub(super) fn look_whether_idle(&mut self, id: &InstanceId) {
        self.schedule(self.settings.durations.managed_scale_in, Event::InstanceIdle { instance: id.clone() });
    }

    /// Managed scaling takes an instance away that has had no task but daemons for a while; ECS does
    /// the same with Managed Instances.
    pub(super) fn instance_idle(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get(id) else {
            return;
        };
        let group = instance.group.clone();
        if self.replicas_on(instance).next().is_some() || !(instance.managed_by.is_some() || self.may_shrink(&group)) {
            return;
        }
        if let Some(group) = self.groups.get_mut(&group) {
            group.desired -= 1;
        }
        self.end_instance(id);
        if !group.is_empty() {
            self.note_activity(&group, format!("Terminating EC2 instance: {id}"), None);
        }
    }

    /// Whether managed scaling may take one instance of the group away: "targetCapacity … if you want
    /// the capacity provider to maintain 10% spare capacity, … use a targetCapacity of 90"
    /// (ManagedScaling).
    fn may_shrink(&self, name: &str) -> bool {
        let Some((group, scaling)) = self.groups.get(name).zip(self.managed_scaling_of(name)) else {
            return false;
        };
        let busy = self.instances_of(name).filter(|i| self.replicas_on(i).next().is_some()).count();
        let wanted = instances_for(u32::try_from(busy).unwrap_or(u32::MAX), &scaling);
        group.desired > group.min_size.max(wanted)
    }

    /// How a group is scaled by ECS, where it is.
    fn managed_scaling_of(&self, group: &str) -> Option<ManagedScaling> {
        let providers = self.provider_names_of_group(group);
        providers.iter().filter_map(|name| self.providers.get(name)).find_map(|p| match &p.kind {
            ProviderKind::Group(g) if g.managed_scaling.status == "ENABLED" => Some(g.managed_scaling.clone()),
            _ => None,
        })
    }
}

/// How many instances hold the target capacity where so many are needed: N = M / target.
fn instances_for(needed: u32, scaling: &ManagedScaling) -> u32 {
    let target = scaling.target_capacity.clamp(1, 100);
    u32::try_from((u64::from(needed) * 100).div_ceil(u64::from(target))).unwrap_or(u32::MAX)
}
