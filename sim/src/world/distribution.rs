//! A group whose purchase options were changed: its running instances follow, a few at a time.

use super::InstanceId;
use super::groups::{Group, InstancesDistribution};
use super::instances::Instance;
use super::rules::Rule;
use super::{World, clusters::ProviderKind};

impl World {
    /// Has the group's running instances follow a new base or percentage: "An update to this setting
    /// means a gradual replacement of instances", launched "before terminating the previous ones"
    /// (OnDemandBaseCapacity and OnDemandPercentageAboveBaseCapacity, CloudFormation's
    /// `InstancesDistribution`). A new SpotAllocationStrategy, SpotInstancePools or SpotMaxPrice "does
    /// not deploy any changes across the running EC2 instances" (InstancesDistribution, Auto Scaling
    /// API reference).
    pub(super) fn note_distribution(&mut self, name: &str, old: &InstancesDistribution) {
        let kept = self.holds(Rule::GroupsFollowTheirDistribution);
        let Some(group) = self.groups.get_mut(name) else {
            return;
        };
        if let Some(new) = &group.distribution {
            let differs = (new.base(), new.on_demand_percent()) != (old.base(), old.on_demand_percent());
            group.following |= differs && kept;
        }
    }

    /// Begins the next batch of replacements, once nothing of the group is being replaced. Nothing is
    /// ended here: what leaves goes when its replacement is there (`let_leaving_go`), so a group that
    /// gets no On-Demand capacity keeps its Spot instances.
    pub(super) fn follow_distribution(&mut self, name: &str) {
        let Some(group) = self.groups.get(name).filter(|g| g.following) else {
            return;
        };
        if self.instances_of(name).any(|i| i.leaving) {
            return;
        }
        let surplus = self.of_the_wrong_market(group);
        if surplus.is_empty() {
            if let Some(group) = self.groups.get_mut(name) {
                group.following = false;
            }
            return;
        }
        let spared = self.settings.distribution_spares_protected;
        let may_go = |id: &&InstanceId| {
            let instance = self.instances.get(*id);
            instance.is_some_and(|i| !(spared && self.is_protected(group, i)))
        };
        let batch = (group.desired * self.settings.distribution_batch_percent / 100).max(1);
        let batch = usize::try_from(batch).unwrap_or(usize::MAX);
        let going: Vec<InstanceId> = surplus.iter().filter(may_go).take(batch).cloned().collect();
        for id in &going {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.leaving = true;
            }
        }
        self.launch_missing(name);
    }

    /// The instances that the distribution would not have bought so, the oldest first.
    fn of_the_wrong_market(&self, group: &Group) -> Vec<InstanceId> {
        let Some(d) = &group.distribution else {
            return Vec::new();
        };
        let above_base = group.desired.saturating_sub(d.base());
        let on_demand = d.base().min(group.desired) + (above_base * d.on_demand_percent()).div_ceil(100);
        let surplus_of = |spot: bool, wanted: u32| {
            let mut of_market: Vec<&Instance> = self.instances_of(&group.name).filter(|i| i.spot == spot).collect();
            of_market.sort_by(|a, b| (a.launched_at, &a.id).cmp(&(b.launched_at, &b.id)));
            let surplus = of_market.len().saturating_sub(usize::try_from(wanted).unwrap_or(usize::MAX));
            of_market.into_iter().take(surplus).map(|i| i.id.clone()).collect::<Vec<_>>()
        };
        let mut surplus = surplus_of(true, group.desired.saturating_sub(on_demand));
        surplus.extend(surplus_of(false, on_demand));
        surplus
    }

    /// Whether scale-in protection keeps an instance: the group's own, or that which managed
    /// termination protection gives instances with tasks
    /// (AutoScalingGroupProvider.managedTerminationProtection).
    pub(super) fn is_protected(&self, group: &Group, instance: &Instance) -> bool {
        let managed = self
            .provider_names_of_group(&group.name)
            .iter()
            .filter_map(|p| self.providers.get(p))
            .any(|p| matches!(&p.kind, ProviderKind::Group(g) if g.managed_termination_protection == "ENABLED"));
        group.protects_new_instances || managed && self.replicas_on(instance).next().is_some()
    }
}
