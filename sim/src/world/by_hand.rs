//! What people change by hand, besides UpdateService.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::arn::{ServiceKey, short_name};
use super::clusters::{GroupProvider, Provider, ProviderKind};
use super::rules::Rule;
use super::shapes::{StrategyItem, Tag};
use super::tasks::Phase;
use super::{Refusal, TaskId, World, after};

/// What UpdateCapacityProvider changes of a provider on an Auto Scaling group; the rest stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderChange {
    /// Members of `managedScaling`.
    #[serde(default)]
    pub managed_scaling: serde_json::Map<String, Value>,
    /// ENABLED or DISABLED.
    pub managed_termination_protection: Option<String>,
    /// ENABLED or DISABLED.
    pub managed_draining: Option<String>,
}

/// "Maximum number of tags per resource - 50" (TagResource).
const MOST_TAGS: usize = 50;

impl World {
    /// PutClusterCapacityProviders: "Any existing capacity providers that are associated with a
    /// cluster that are omitted … will be disassociated with the cluster. You can only disassociate
    /// an existing capacity provider from a cluster if it's not being used by any existing tasks."
    /// Managed Instances providers belong to their cluster and stay. Answers the cluster's name.
    pub fn put_cluster_capacity_providers(
        &mut self,
        cluster: &str,
        mut providers: Vec<String>,
        default_strategy: Vec<StrategyItem>,
    ) -> Result<String, Refusal> {
        let before = self.cluster(Some(cluster))?.clone();
        for name in &providers {
            let found = self.provider(&before.name, name).ok_or_else(|| provider_not_found(name))?;
            if !matches!(found.status.as_str(), "ACTIVE" | "UPDATING") {
                return Err(Refusal::invalid(format!("The specified capacity provider '{name}' is not ACTIVE.")));
            }
        }
        let own = |name: &&String| {
            self.provider(&before.name, name).is_some_and(|p| matches!(p.kind, ProviderKind::ManagedInstances(_)))
        };
        let staying: Vec<String> = before.capacity_providers.iter().filter(own).cloned().collect();
        providers.extend(staying);
        if !self.holds(Rule::PutProvidersReplacesTheList) {
            providers.extend(before.capacity_providers.clone());
        }
        let mut seen = BTreeSet::new();
        providers.retain(|p| seen.insert(p.clone()));
        let used = |name: &String| {
            self.tasks.values().any(|t| {
                t.service.cluster == before.name && t.phase != Phase::Stopped && t.provider.as_ref() == Some(name)
            })
        };
        if let Some(gone) = before.capacity_providers.iter().find(|p| !providers.contains(p) && used(p)) {
            return Err(Refusal::new(
                "ResourceInUseException",
                format!("The capacity provider {gone} is in use by tasks and cannot be removed from the cluster."),
            ));
        }
        if let Some(entry) = self.clusters.get_mut(&before.name) {
            entry.capacity_providers = providers;
        }
        // The default strategy is held against the new list.
        if let Err(refusal) = self.check_strategy(&before.name, &default_strategy) {
            self.clusters.insert(before.name.clone(), before);
            return Err(refusal);
        }
        if let Some(entry) = self.clusters.get_mut(&before.name) {
            entry.default_strategy.clone_from(&default_strategy);
        }
        // "the defaultCapacityProviderStrategy for the cluster is used" at CreateService: what a service
        // has since is its own.
        if !self.holds(Rule::DefaultStrategyIsCopied) {
            let of_cluster = self.services.values_mut().filter(|s| s.key.cluster == before.name);
            for revision in of_cluster.flat_map(|s| &mut s.revisions) {
                if revision.strategy == before.default_strategy {
                    revision.strategy.clone_from(&default_strategy);
                }
            }
        }
        Ok(before.name)
    }

    /// UpdateCapacityProvider, for a provider on an Auto Scaling group.
    pub fn update_capacity_provider(&mut self, name: &str, change: ProviderChange) -> Result<&Provider, Refusal> {
        let name = short_name(name);
        let provider = self.providers.get_mut(name).ok_or_else(|| provider_not_found(name))?;
        let ProviderKind::Group(group) = &mut provider.kind else {
            return Err(Refusal::invalid(format!("The capacity provider {name} does not use an Auto Scaling group.")));
        };
        *group = changed(group, change)?;
        Ok(provider)
    }

    /// StopTask: the service scheduler starts another. Answers the task's id.
    pub fn stop_task_by_hand(
        &mut self,
        cluster: Option<&str>,
        task: &str,
        reason: Option<&str>,
    ) -> Result<TaskId, Refusal> {
        let cluster = &self.cluster(cluster)?.name;
        let found = self.tasks.get(short_name(task)).filter(|t| t.service.cluster == *cluster);
        let (id, key) = found
            .map(|t| (t.id.clone(), t.service.clone()))
            .ok_or_else(|| Refusal::invalid("The referenced task was not found."))?;
        let reason = reason.unwrap_or("Task stopped by user");
        self.with_service(&key, |world, service| {
            world.stop_task(service, &id, "UserInitiated", reason);
            world.reconcile_soon(service);
        });
        Ok(id)
    }

    /// UpdateTaskProtection: for so many minutes from now, or no longer.
    pub fn protect_task(&mut self, id: &TaskId, minutes: Option<u32>) {
        let until = minutes.map(|m| after(self.now, f64::from(m) * 60.0));
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.protected_until = until;
        let key = task.service.clone();
        self.with_service(&key, |world, service| world.reconcile_soon(service));
    }

    /// The tags of a cluster, service, task definition or capacity provider.
    pub fn tags(&self, arn: &str) -> Result<&Vec<Tag>, Refusal> {
        match Resource::parse(arn)? {
            Resource::Cluster(name) => Ok(&self.cluster(Some(&name))?.tags),
            Resource::Service(key) => {
                Ok(&self.service(&key.cluster, &key.name).ok_or_else(resource_not_found)?.spec.tags)
            }
            Resource::Provider(name) => Ok(&self.providers.get(&name).ok_or_else(resource_not_found)?.tags),
            Resource::TaskDefinition(family, revision) => {
                Ok(&self.task_definitions.get(&(family, revision)).ok_or_else(resource_not_found)?.tags)
            }
        }
    }

    /// TagResource and UntagResource: "If existing tags on a resource aren't specified in the request
    /// parameters, they aren't changed".
    pub fn change_tags(&mut self, arn: &str, set: Vec<Tag>, removed: &[String]) -> Result<(), Refusal> {
        let mut tags = self.tags(arn)?.clone();
        tags.retain(|t| !removed.contains(&t.key) && !set.iter().any(|s| s.key == t.key));
        tags.extend(set);
        if tags.len() > MOST_TAGS {
            return Err(Refusal::invalid(format!("A resource cannot have more than {MOST_TAGS} tags.")));
        }
        match Resource::parse(arn)? {
            Resource::Cluster(name) => {
                let cluster = self.clusters.get_mut(&name).ok_or_else(Refusal::cluster_not_found)?;
                cluster.tags = tags;
            }
            Resource::Service(key) => {
                self.remember_for_stale_reads(&key);
                self.services.get_mut(&key).ok_or_else(resource_not_found)?.spec.tags = tags;
            }
            Resource::Provider(name) => self.providers.get_mut(&name).ok_or_else(resource_not_found)?.tags = tags,
            Resource::TaskDefinition(family, revision) => {
                let found = self.task_definitions.get_mut(&(family, revision)).ok_or_else(resource_not_found)?;
                std::sync::Arc::make_mut(found).tags = tags;
            }
        }
        Ok(())
    }
}

/// What can have tags here.
enum Resource {
    Cluster(String),
    Service(ServiceKey),
    Provider(String),
    TaskDefinition(String, u32),
}

impl Resource {
    fn parse(arn: &str) -> Result<Self, Refusal> {
        let resource = arn.split(':').nth(5).unwrap_or_default();
        let mut parts = resource.split('/');
        let revision = arn.split(':').nth(6).and_then(|r| r.parse().ok());
        match (parts.next(), parts.next(), parts.next()) {
            (Some("cluster"), Some(name), None) => Ok(Self::Cluster(name.to_owned())),
            (Some("service"), Some(cluster), Some(name)) => Ok(Self::Service(ServiceKey::new(cluster, name))),
            (Some("capacity-provider"), Some(name), None) => Ok(Self::Provider(name.to_owned())),
            (Some("task-definition"), Some(family), None) => {
                Ok(Self::TaskDefinition(family.to_owned(), revision.ok_or_else(resource_not_found)?))
            }
            _ => Err(resource_not_found()),
        }
    }
}

fn resource_not_found() -> Refusal {
    Refusal::invalid("The specified resource ARN is not valid or not found.")
}

fn provider_not_found(name: &str) -> Refusal {
    Refusal::invalid(format!(
        "The specified capacity provider '{name}' was not found. Specify a valid name or ARN and try again."
    ))
}

fn changed(group: &GroupProvider, change: ProviderChange) -> Result<GroupProvider, Refusal> {
    let unreadable = |e: serde_json::Error| Refusal::invalid(e.to_string());
    let mut scaling = serde_json::to_value(&group.managed_scaling).map_err(unreadable)?;
    if let Some(members) = scaling.as_object_mut() {
        members.extend(change.managed_scaling);
    }
    let new = GroupProvider {
        auto_scaling_group: group.auto_scaling_group.clone(),
        managed_scaling: serde_json::from_value(scaling).map_err(unreadable)?,
        managed_termination_protection: change
            .managed_termination_protection
            .unwrap_or_else(|| group.managed_termination_protection.clone()),
        managed_draining: change.managed_draining.unwrap_or_else(|| group.managed_draining.clone()),
    };
    // "When using managed termination protection, managed scaling must also be used"
    // (AutoScalingGroupProviderUpdate.managedTerminationProtection).
    if new.managed_termination_protection == "ENABLED" && new.managed_scaling.status != "ENABLED" {
        return Err(Refusal::invalid("Managed termination protection requires managed scaling to be ENABLED."));
    }
    Ok(new)
}
