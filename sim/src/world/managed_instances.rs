//! ECS Managed Instances: "Amazon ECS provisions, configures, and operates EC2 instances" (developer
//! guide). ECS launches what waiting tasks need, out of the pools that the provider's requirements
//! allow, drains what EC2 reclaims, and ends what stands empty.

use serde_json::Value;

use super::allocation::LaunchFailure;
use super::clusters::{ManagedInstances, ProviderKind};
use super::groups::InstanceType;
use super::instances::Launch;
use super::pools::PoolKey;
use super::{InstanceId, TaskId, World};

impl World {
    /// Launches the instances that the waiting tasks of a cluster's Managed Instances providers need.
    pub(super) fn scale_managed_instances(&mut self, cluster: &str) {
        let names: Vec<String> = self
            .providers
            .values()
            .filter(|p| matches!(&p.kind, ProviderKind::ManagedInstances(m) if m.cluster == cluster))
            .map(|p| p.name.clone())
            .collect();
        for name in names {
            // What is on its way is there for the first that wait.
            let mut free: Vec<(u32, u32)> = self
                .instances
                .values()
                .filter(|i| i.managed_by.as_ref() == Some(&name) && !i.registered)
                .map(|i| (i.cpu, i.memory))
                .collect();
            let waiting = self.waiting_tasks(cluster).filter(|t| t.provider.as_ref() == Some(&name));
            let sizes: Vec<(u32, u32)> =
                waiting.map(|t| (t.task_definition.cpu_units(), t.task_definition.memory_mib())).collect();
            for (cpu, memory) in sizes {
                let room = free.iter().position(|f| f.0 >= cpu && f.1 >= memory);
                let room = match room {
                    Some(n) => n,
                    None => match self.launch_managed(cluster, &name, (cpu, memory), false) {
                        Ok(id) => {
                            free.extend(self.instances.get(&id).map(|i| (i.cpu, i.memory)));
                            free.len().saturating_sub(1)
                        }
                        // The pools have nothing that would do: the task waits, and ECS tries again.
                        Err(_) => continue,
                    },
                };
                if let Some(f) = free.get_mut(room) {
                    *f = (f.0.saturating_sub(cpu), f.1.saturating_sub(memory));
                }
            }
        }
    }

    /// One more instance for a task at the world's start.
    pub(super) fn launch_managed_for_start(&mut self, cluster: &str, provider: &str, task: &TaskId) -> bool {
        let Some(size) = self.tasks.get(task).map(|t| (t.task_definition.cpu_units(), t.task_definition.memory_mib()))
        else {
            return false;
        };
        self.launch_managed(cluster, provider, size, true).is_ok()
    }

    /// Launches the cheapest instance that fits the requirements and one task, in the zone with the
    /// fewest of the provider. How ECS chooses is not documented beyond that it optimizes cost.
    fn launch_managed(
        &mut self,
        cluster: &str,
        provider: &str,
        (cpu, memory): (u32, u32),
        at_once: bool,
    ) -> Result<InstanceId, LaunchFailure> {
        let Some(ProviderKind::ManagedInstances(m)) = self.provider(cluster, provider).map(|p| p.kind.clone()) else {
            return Err(LaunchFailure::NoSpotCapacity);
        };
        let spot = m.capacity_option_type == "SPOT";
        if spot && self.faults.is_dry(provider) {
            return Err(LaunchFailure::NoSpotCapacity);
        }
        let overhead = self.settings.instance_memory_overhead_mib;
        let fits =
            |t: &&InstanceType| m.allows(t) && t.vcpus * 1024 >= cpu && t.memory_mib.saturating_sub(overhead) >= memory;
        let in_zone = |zone: &str| {
            self.instances.values().filter(|i| i.managed_by.as_deref() == Some(provider) && i.zone == zone).count()
        };
        let chosen = self
            .instance_types
            .values()
            .filter(fits)
            .flat_map(|t| self.subnets.values().map(move |s| (PoolKey::new(&t.name, &s.zone), s)))
            .filter(|(pool, _)| self.obtainable(pool, spot) != Some(0))
            .filter_map(|(pool, subnet)| {
                let p = self.pools.get(&pool)?;
                let price = if spot { p.spot_price } else { p.on_demand_price };
                Some((in_zone(&subnet.zone), price, pool, subnet.id.clone()))
            })
            .min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        let Some((_, _, pool, subnet)) = chosen else {
            return Err(LaunchFailure::NoSpotCapacity);
        };
        let launch = Launch {
            group: String::new(),
            managed_by: Some(provider.to_owned()),
            cluster: cluster.to_owned(),
            pool,
            subnet,
            spot,
            attributes: std::collections::BTreeMap::new(),
        };
        self.launch(launch, at_once)
    }
}

impl ManagedInstances {
    /// Whether the provider's `instanceRequirements` allow a type: vCPU, memory and
    /// `allowedInstanceTypes` (with `*`) are looked at, the other requirements are not.
    fn allows(&self, t: &InstanceType) -> bool {
        let requirements = &self.instance_launch_template["instanceRequirements"];
        let within = |name: &str, value: u32| {
            let bound = |end: &str| requirements[name][end].as_u64();
            let value = u64::from(value);
            bound("min").is_none_or(|least| value >= least) && bound("max").is_none_or(|most| value <= most)
        };
        let allowed = requirements["allowedInstanceTypes"].as_array();
        let named = |patterns: &Vec<Value>| {
            patterns.iter().filter_map(Value::as_str).any(|p| super::constraints::matches(p, &t.name))
        };
        within("vCpuCount", t.vcpus) && within("memoryMiB", t.memory_mib) && allowed.is_none_or(named)
    }
}
