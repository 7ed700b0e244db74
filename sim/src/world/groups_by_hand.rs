//! What people change of Auto Scaling groups and container instances by hand.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::groups::{Group, InstancesDistribution};
use super::{InstanceId, Refusal, World};

/// UpdateAutoScalingGroup: what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct GroupChange {
    /// The fewest instances.
    pub min_size: Option<u32>,
    /// The most instances.
    pub max_size: Option<u32>,
    /// How many it wants.
    pub desired: Option<u32>,
    /// Capacity Rebalancing.
    pub capacity_rebalance: Option<bool>,
    /// Whether new instances are protected from scale-in.
    pub protects_new_instances: Option<bool>,
    /// Members of `InstancesDistribution`, in the spelling of the account file.
    pub distribution: Map<String, Value>,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

impl World {
    /// A group by name.
    pub fn group(&self, name: &str) -> Result<&Group, Refusal> {
        self.groups
            .get(name)
            .ok_or_else(|| invalid(format!("AutoScalingGroup name not found - AutoScalingGroup: {name} not found")))
    }

    /// SetDesiredCapacity.
    pub fn set_desired_capacity(&mut self, name: &str, desired: u32) -> Result<(), Refusal> {
        let group = self.group(name)?;
        let refused = |side: &str, limit: u32| {
            let what =
                format!("New SetDesiredCapacity value {desired} is {side} value {limit} for the AutoScalingGroup.");
            Err(invalid(what))
        };
        if desired > group.max_size {
            return refused("above max", group.max_size);
        }
        if desired < group.min_size {
            return refused("below min", group.min_size);
        }
        self.resize(name, desired);
        Ok(())
    }

    /// UpdateAutoScalingGroup: "If a new value for MinSize is specified without setting
    /// DesiredCapacity and the new MinSize is larger than the current size of the group, this sets
    /// the group's DesiredCapacity to the new MinSize value", and likewise with MaxSize. "The new
    /// settings take effect on any scaling activities after this call returns."
    pub fn update_group(&mut self, name: &str, change: GroupChange) -> Result<(), Refusal> {
        let mut group = self.group(name)?.clone();
        group.min_size = change.min_size.unwrap_or(group.min_size);
        group.max_size = change.max_size.unwrap_or(group.max_size);
        if group.min_size > group.max_size {
            return Err(invalid("Min size must be less than or equal to max size."));
        }
        let desired = match change.desired {
            None => group.desired.clamp(group.min_size, group.max_size),
            Some(desired) if (group.min_size..=group.max_size).contains(&desired) => desired,
            Some(desired) => {
                let what = format!(
                    "Desired capacity:{desired} must be between the specified min size:{} and max size:{}",
                    group.min_size, group.max_size
                );
                return Err(invalid(what));
            }
        };
        if !change.distribution.is_empty() {
            let old = group.distribution.as_ref();
            let old = old.ok_or_else(|| invalid(format!("The group {name} has no MixedInstancesPolicy")))?;
            group.distribution = Some(changed(old, change.distribution)?);
        }
        group.capacity_rebalance = change.capacity_rebalance.unwrap_or(group.capacity_rebalance);
        group.protects_new_instances = change.protects_new_instances.unwrap_or(group.protects_new_instances);
        let old = self.groups.insert(name.to_owned(), group);
        if let Some(old) = old.and_then(|g| g.distribution) {
            self.note_distribution(name, &old);
        }
        self.resize(name, desired);
        self.follow_distribution(name);
        Ok(())
    }

    /// Launches what is missing, or lets what is too much go.
    fn resize(&mut self, name: &str, desired: u32) {
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        group.desired = desired;
        self.launch_missing(name);
        for id in self.surplus(name) {
            if let Some(instance) = self.instances.get_mut(&id) {
                instance.leaving = true;
            }
            self.note_activity(name, format!("Terminating EC2 instance: {id}"), None);
        }
        self.let_leaving_go(name);
    }

    /// Which instances go: "it … identifies which Availability Zone has the most instances, and at
    /// least one instance that is not protected from scale in" (default termination policy), there
    /// the oldest. Managed termination protection keeps instances with tasks
    /// (AutoScalingGroupProvider.managedTerminationProtection).
    fn surplus(&self, name: &str) -> Vec<InstanceId> {
        let Some(group) = self.groups.get(name) else {
            return Vec::new();
        };
        let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
        let mut staying = Vec::new();
        for i in self.instances_of(name).filter(|i| !i.leaving) {
            *zones.entry(&i.zone).or_default() += 1;
            staying.push(i);
        }
        let mut gone: Vec<InstanceId> = Vec::new();
        let wanted = usize::try_from(group.desired).unwrap_or(usize::MAX);
        for _ in wanted..staying.len() {
            let may_go = staying.iter().filter(|i| !gone.contains(&i.id)).filter(|i| !self.is_protected(group, i));
            let key = |i: &&&super::instances::Instance| {
                (std::cmp::Reverse(zones.get(i.zone.as_str()).copied()), i.launched_at, i.id.clone())
            };
            let Some(next) = may_go.min_by_key(key) else {
                break;
            };
            if let Some(count) = zones.get_mut(next.zone.as_str()) {
                *count -= 1;
            }
            gone.push(next.id.clone());
        }
        gone
    }

    /// UpdateContainerInstancesState: DRAINING, or ACTIVE again.
    pub fn set_container_instance_state(&mut self, id: &InstanceId, draining: bool) {
        if draining {
            return self.drain_instance(id);
        }
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        instance.draining = false;
        let cluster = instance.cluster.clone();
        self.place_waiting_tasks(&cluster);
    }
}

fn changed(old: &InstancesDistribution, members: Map<String, Value>) -> Result<InstancesDistribution, Refusal> {
    let unreadable = |e: serde_json::Error| invalid(e.to_string());
    let mut new = serde_json::to_value(old).map_err(unreadable)?;
    if let Some(new) = new.as_object_mut() {
        new.extend(members);
    }
    let new: InstancesDistribution = serde_json::from_value(new).map_err(unreadable)?;
    if new.on_demand_percent() > 100 {
        return Err(invalid("OnDemandPercentageAboveBaseCapacity must be from 0 to 100."));
    }
    Ok(new)
}
