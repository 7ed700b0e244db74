//! Capacity providers, the Auto Scaling groups behind them, and what those launch.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_autoscaling::types::AutoScalingGroup;
use aws_sdk_ecs::types::{CapacityProvider, Failure};
use spotkeeper_aws_ec2::{INSTANCE_TYPES_PER_CALL, LaunchTemplate, TemplateVersion};
use spotkeeper_core::ids::{ClusterName, ProviderName};
use spotkeeper_core::observe::{Cluster, Depth, Gap, GapCause, Group, InstanceType, Provider, ProviderKind, Reading};
use spotkeeper_core::ports::Clock;

use super::cached::Keep;
use super::services::failed;
use super::translate::{self, NotUnderstood, capacity as translated, not_read};
use super::{AwsFleet, Cache, all, pages};
use crate::client::{Action, ApiError};

/// The most that `DescribeCapacityProviders` takes. Source: `capacityProviders`, ECS API reference.
pub(super) const PROVIDERS_PER_CALL: usize = 100;
/// The most that `DescribeAutoScalingGroups` takes and, with its page set, answers.
const GROUPS_PER_CALL: usize = 100;
const GROUPS_PAGE: i32 = 100;

/// What was read, by what it was asked for by.
pub(super) type Read<K, V> = BTreeMap<K, Result<V, Gap>>;

/// Groups as AWS shows them, with what they refer to.
pub(super) struct RawGroups {
    pub(super) groups: Read<String, AutoScalingGroup>,
    pub(super) templates: Read<TemplateVersion, LaunchTemplate>,
    pub(super) types: Read<String, InstanceType>,
}

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// The providers of that name, with their groups.
    pub(super) async fn providers(
        &self,
        cluster: &Cluster,
        names: BTreeSet<ProviderName>,
        depth: Depth,
    ) -> BTreeMap<ProviderName, Reading<Provider>> {
        // Managed Instances providers belong to one cluster and are shown with it alone; a
        // provider that is in use but not associated is shown without it alone.
        let (associated, others): (Vec<_>, Vec<_>) =
            names.into_iter().partition(|name| cluster.capacity_providers.contains(name));
        let batches = (associated.chunks(PROVIDERS_PER_CALL).map(|names| (Some(&cluster.name), names)))
            .chain(others.chunks(PROVIDERS_PER_CALL).map(|names| (None, names)));
        let read = all(batches.map(|(cluster, names)| self.described_providers(cluster, names))).await;
        let mut providers: Read<ProviderName, Provider> = read.into_iter().flatten().collect();

        let groups = providers.values().flatten().filter_map(group_of).map(str::to_owned).collect();
        let groups = self.groups(groups, depth).await;
        for provider in providers.values_mut().flatten() {
            let ProviderKind::AutoScalingGroup(behind) = &mut provider.kind else {
                continue;
            };
            let unread = match &behind.group {
                Reading::Missing(gap) => gap.subject.as_str(),
                Reading::Known(group) => group.name.as_str(),
            };
            if let Some(read) = groups.get(unread) {
                behind.group = reading(read.clone());
            }
        }
        providers.into_iter().map(|(name, provider)| (name, reading(provider))).collect()
    }

    pub(super) async fn described_providers(
        &self,
        cluster: Option<&ClusterName>,
        names: &[ProviderName],
    ) -> Read<ProviderName, Provider> {
        const ACTION: Action = Action::DescribeCapacityProviders;
        let mut read: Read<ProviderName, Provider> = BTreeMap::new();
        match self.raw_providers(cluster, names).await {
            Err(error) => read.extend(names.iter().map(|name| (name.clone(), Err(error.gap(name.as_str()))))),
            Ok(answers) => {
                for answer in answers {
                    let (name, provider) = match &answer {
                        Ok(one) => {
                            let name = one.name().unwrap_or_default();
                            (name, translated::provider(one).map_err(|error| error.gap(name, ACTION)))
                        }
                        Err(failure) => {
                            let arn = failure.arn().unwrap_or_default();
                            (arn.rsplit('/').next().unwrap_or_default(), Err(failed(failure, ACTION)))
                        }
                    };
                    if let Some(name) = names.iter().find(|known| known.as_str() == name) {
                        read.insert(name.clone(), provider);
                    }
                }
            }
        }
        for name in names {
            read.entry(name.clone())
                .or_insert_with(|| Err(translate::gap(name.as_str(), ACTION, GapCause::Absent, "no answer")));
        }
        read
    }

    /// All of them where none is named. ECS answers in pages of at most 10 however many are named,
    /// and takes no larger page.
    pub(super) async fn raw_providers(
        &self,
        cluster: Option<&ClusterName>,
        names: &[ProviderName],
    ) -> Result<Vec<Result<CapacityProvider, Failure>>, ApiError> {
        let named = names.iter().map(|name| name.as_str().to_owned()).collect();
        let request = self
            .api
            .clients
            .ecs
            .describe_capacity_providers()
            .set_cluster(cluster.map(|cluster| cluster.as_str().to_owned()))
            .set_capacity_providers(Some(named).filter(|named: &Vec<String>| !named.is_empty()));
        pages(|token| {
            let request = request.clone().set_next_token(token);
            async move {
                let answer = self.api.call(Action::DescribeCapacityProviders, || request.clone().send()).await?;
                let found = answer.capacity_providers.unwrap_or_default().into_iter().map(Ok);
                let failures = answer.failures.unwrap_or_default().into_iter().map(Err);
                Ok((found.chain(failures).collect(), answer.next_token))
            }
        })
        .await
    }

    pub(super) async fn groups(&self, names: BTreeSet<String>, depth: Depth) -> Read<String, Group> {
        let RawGroups { groups, templates, types } = self.raw_groups(names, depth).await;
        groups
            .into_iter()
            .map(|(name, group)| {
                let group = group.and_then(|group| assemble(&name, &group, &templates, &types, depth));
                (name, group)
            })
            .collect()
    }

    /// Groups with the templates and the instance types that they refer to.
    pub(super) async fn raw_groups(&self, names: BTreeSet<String>, depth: Depth) -> RawGroups {
        let names: Vec<String> = names.into_iter().collect();
        let batches = all(names.chunks(GROUPS_PER_CALL).map(|names| self.described_groups(names, depth))).await;
        let groups: Read<String, AutoScalingGroup> = batches.into_iter().flatten().collect();

        let found = || groups.values().flatten();
        let wanted: BTreeSet<TemplateVersion> =
            found().filter_map(|group| translated::template_needed(group).ok().flatten()).collect();
        let wanted: Vec<TemplateVersion> = wanted.into_iter().collect();
        let templates = all(wanted.iter().map(|version| self.launch_template(version))).await;
        let templates: Read<TemplateVersion, LaunchTemplate> = wanted.into_iter().zip(templates).collect();

        let types: BTreeSet<String> = match depth {
            Depth::Switch => BTreeSet::new(),
            Depth::Full => found()
                .filter_map(|group| translated::type_names(group, template_of(group, &templates).ok()?).ok())
                .flatten()
                .collect(),
        };
        let types = self.instance_types(types).await;
        RawGroups { groups, templates, types }
    }

    pub(super) async fn described_groups(&self, names: &[String], depth: Depth) -> Read<String, AutoScalingGroup> {
        const ACTION: Action = Action::DescribeAutoScalingGroups;
        let request = self
            .api
            .clients
            .groups
            .describe_auto_scaling_groups()
            .set_auto_scaling_group_names(Some(names.to_vec()))
            .include_instances(depth == Depth::Full)
            .max_records(GROUPS_PAGE);
        let found = pages(|token| {
            let request = request.clone().set_next_token(token);
            async move {
                let answer = self.api.call(ACTION, || request.clone().send()).await?;
                Ok((answer.auto_scaling_groups.unwrap_or_default(), answer.next_token))
            }
        })
        .await;
        match found {
            Err(error) => names.iter().map(|name| (name.clone(), Err(error.gap(name)))).collect(),
            Ok(found) => {
                let absent = |name: &String| Err(translate::gap(name, ACTION, GapCause::Absent, ""));
                let mut read: Read<String, _> = names.iter().map(|name| (name.clone(), absent(name))).collect();
                read.extend(found.into_iter().filter_map(|group| {
                    let name = group.auto_scaling_group_name()?.to_owned();
                    Some((name, Ok(group)))
                }));
                read
            }
        }
    }

    async fn launch_template(&self, version: &TemplateVersion) -> Result<LaunchTemplate, Gap> {
        const ACTION: Action = Action::DescribeLaunchTemplateVersions;
        let subject = version.to_string();
        let ec2 = &self.api.clients.ec2;
        match self.api.call(ACTION, || ec2.launch_template(version)).await {
            Ok(Some(template)) => Ok(template),
            Ok(None) => Err(translate::gap(&subject, ACTION, GapCause::Absent, "")),
            Err(error) => Err(error.gap(&subject)),
        }
    }

    /// Instance types by name: what one holds never changes, so it is read once for ever.
    async fn instance_types(&self, names: BTreeSet<String>) -> Read<String, InstanceType> {
        let keys: Vec<String> = names.iter().map(|name| type_key(name)).collect();
        let known: BTreeMap<String, InstanceType> = self.remembered(&keys).await;
        let unknown: Vec<String> = names.into_iter().filter(|name| !known.contains_key(&type_key(name))).collect();
        let read = all(unknown.chunks(INSTANCE_TYPES_PER_CALL).map(|names| self.described_types(names))).await;
        let read: Read<String, InstanceType> = read.into_iter().flatten().collect();
        let new: Vec<(String, &InstanceType)> =
            read.iter().filter_map(|(name, found)| Some((type_key(name), found.as_ref().ok()?))).collect();
        self.remember(new.iter().map(|(key, found)| (key, *found)), Keep::ForEver).await;
        known.into_values().map(|one| (one.name.clone(), Ok(one))).chain(read).collect()
    }

    async fn described_types(&self, names: &[String]) -> Read<String, InstanceType> {
        const ACTION: Action = Action::DescribeInstanceTypes;
        let ec2 = &self.api.clients.ec2;
        match self.api.call(ACTION, || ec2.instance_types(names)).await {
            Err(error) => names.iter().map(|name| (name.clone(), Err(error.gap(name)))).collect(),
            Ok(mut answer) => names
                .iter()
                .map(|name| {
                    let found = answer.known.remove(name).ok_or_else(|| match answer.not_understood.remove(name) {
                        Some(why) => NotUnderstood(why).gap(name, ACTION),
                        None => translate::gap(name, ACTION, GapCause::Absent, ""),
                    });
                    (name.clone(), found)
                })
                .collect(),
        }
    }
}

fn type_key(name: &str) -> String {
    format!("ec2/instance-type/{name}")
}

fn reading<T>(read: Result<T, Gap>) -> Reading<T> {
    match read {
        Ok(value) => Reading::Known(value),
        Err(gap) => Reading::Missing(gap),
    }
}

/// The group behind a provider, still unread, by name.
pub(super) fn group_of(provider: &Provider) -> Option<&str> {
    match &provider.kind {
        ProviderKind::AutoScalingGroup(behind) => behind.group.get().err().map(|gap| gap.subject.as_str()),
        ProviderKind::Fargate | ProviderKind::FargateSpot | ProviderKind::ManagedInstances(_) => None,
    }
}

/// The template of a group that needs one; the gap where it could not be read.
pub(super) fn template_of<'t>(
    group: &AutoScalingGroup,
    templates: &'t Read<TemplateVersion, LaunchTemplate>,
) -> Result<Option<&'t LaunchTemplate>, Gap> {
    let name = group.auto_scaling_group_name().unwrap_or_default();
    let needed =
        translated::template_needed(group).map_err(|error| error.gap(name, Action::DescribeAutoScalingGroups))?;
    let Some(version) = needed else {
        return Ok(None);
    };
    match templates.get(&version) {
        Some(Ok(template)) => Ok(Some(template)),
        Some(Err(gap)) => Err(gap.clone()),
        None => Err(not_read(&version.to_string(), Action::DescribeLaunchTemplateVersions)),
    }
}

pub(super) fn assemble(
    name: &str,
    group: &AutoScalingGroup,
    templates: &Read<TemplateVersion, LaunchTemplate>,
    types: &Read<String, InstanceType>,
    depth: Depth,
) -> Result<Group, Gap> {
    // The market of a group with a mixed instances policy does not depend on its template.
    let template = match (template_of(group, templates), group.mixed_instances_policy()) {
        (Ok(template), _) => Ok(template),
        (Err(gap), Some(_)) => Err(gap),
        (Err(gap), None) => return Err(gap),
    };
    let instance_types = match (depth, &template) {
        (Depth::Switch, _) => Reading::Missing(not_read(name, Action::DescribeInstanceTypes)),
        (Depth::Full, Err(gap)) => Reading::Missing(gap.clone()),
        (Depth::Full, Ok(template)) => match translated::type_names(group, *template) {
            Ok(names) => translated::instance_types(&names, types),
            Err(error) => Reading::Missing(error.gap(name, Action::DescribeAutoScalingGroups)),
        },
    };
    let instances = (depth == Depth::Full).then(|| translated::instances(group));
    Ok(translated::group(group, template.ok().flatten(), instance_types, instances))
}
