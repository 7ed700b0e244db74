//! Capacity providers.

use serde::Deserialize;
use serde_json::{Value, json};

use super::shapes::{CapacityProvider, Failure};
use super::{paging, read};
use crate::wire::write;
use crate::world::arn::short_name;
use crate::world::by_hand::ProviderChange;
use crate::world::clusters::{Provider, ProviderKind};
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Describe {
    #[serde(default)]
    capacity_providers: Vec<String>,
    cluster: Option<String>,
    #[serde(default)]
    include: Vec<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn describe(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: Describe = read(input)?;
    let cluster = call.cluster.as_deref().map(|c| world.cluster(Some(c))).transpose()?;
    // "Up to 100 capacity providers can be described in an action" (capacityProviders).
    if call.capacity_providers.len() > 100 {
        return Err(Refusal::invalid("capacityProviders cannot have more than 100 elements."));
    }
    // "When specified, only capacity providers associated with this cluster are returned, including
    // Amazon ECS Managed Instances capacity providers" (cluster).
    let visible = |p: &Provider| {
        cluster.is_none_or(|c| match &p.kind {
            ProviderKind::ManagedInstances(m) => c.name == m.cluster,
            _ => c.capacity_providers.contains(&p.name),
        })
    };
    let mut failures = Vec::new();
    let mut names: Vec<String> = if call.capacity_providers.is_empty() {
        world.providers.values().filter(|p| visible(p)).map(|p| p.name.clone()).collect()
    } else {
        let (found, missing): (Vec<_>, Vec<_>) = call
            .capacity_providers
            .iter()
            .map(|n| short_name(n).to_owned())
            .partition(|n| world.providers.get(n).is_some_and(visible));
        // Once is enough: not again with every page.
        if call.next_token.is_none() {
            failures.extend(missing.iter().map(|n| Failure::missing(world.arns.provider(n))));
        }
        found
    };
    names.sort();
    names.dedup();
    // "This value can be between 1 and 10. If this parameter is not used, then
    // DescribeCapacityProviders returns up to 10 results" (maxResults).
    let (names, next) = paging(&call.next_token, call.max_results).cut(names, 10, 1..=10)?;
    let tags = call.include.iter().any(|i| i == "TAGS");
    let shown: Vec<CapacityProvider> =
        names.iter().filter_map(|n| world.providers.get(n)).map(|p| shape(world, p, tags)).collect::<Result<_, _>>()?;
    Ok(json!({"capacityProviders": write(&shown)?, "failures": write(&failures)?, "nextToken": next}))
}

fn shape(world: &World, p: &Provider, tags: bool) -> Result<CapacityProvider, Refusal> {
    let (group, managed) = match &p.kind {
        ProviderKind::Fargate | ProviderKind::FargateSpot => (None, None),
        ProviderKind::Group(g) => (
            Some(json!({
                "autoScalingGroupArn": world.arns.group(short_name(&g.auto_scaling_group)),
                "managedScaling": write(&g.managed_scaling)?,
                "managedTerminationProtection": g.managed_termination_protection,
                "managedDraining": g.managed_draining,
            })),
            None,
        ),
        ProviderKind::ManagedInstances(m) => (
            None,
            Some(
                json!({"infrastructureRoleArn": m.infrastructure_role_arn, "instanceLaunchTemplate": m.instance_launch_template, "propagateTags": "NONE"}),
            ),
        ),
    };
    Ok(CapacityProvider {
        capacity_provider_arn: world.arns.provider(&p.name),
        name: p.name.clone(),
        cluster: match &p.kind {
            ProviderKind::ManagedInstances(m) => Some(m.cluster.clone()),
            _ => None,
        },
        status: p.status.clone(),
        auto_scaling_group_provider: group,
        managed_instances_provider: managed,
        tags: if tags { p.tags.clone() } else { Vec::new() },
        kind: p.type_name(),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    name: String,
    auto_scaling_group_provider: ProviderChange,
}

pub(super) fn update(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: Update = read(input)?;
    let provider = world.update_capacity_provider(&call.name, call.auto_scaling_group_provider)?.clone();
    Ok(json!({"capacityProvider": write(&shape(world, &provider, true)?)?}))
}
