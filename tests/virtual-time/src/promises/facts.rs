//! What is true of a service in the world.

use aws_sim::world::services::{Controller, Scheduling, Service};
use aws_sim::world::{ServiceKey, World};
use spotkeeper_core::ids::{ProviderName, ServiceRef};
use spotkeeper_core::observe::{LaunchType, PlacedBy, tag};
use spotkeeper_core::policy::{EnrolmentRule, Policy, VolumeLevel};
use spotkeeper_core::strategy::{Strategy, StrategyItem};
use spotkeeper_core::units::Percent;

use crate::tables::Tables;

/// How the world names a service.
pub(super) fn key(service: &ServiceRef) -> ServiceKey {
    ServiceKey::new(service.cluster.as_str(), service.name.as_str())
}

/// The ARN of the service deployment in progress.
#[must_use]
pub fn deploying(service: &Service) -> Option<&str> {
    let newest = service.service_deployments.first().filter(|newest| !newest.status.is_final())?;
    Some(newest.arn.as_str())
}

/// Where a service places its tasks.
#[must_use]
pub fn placement(service: &Service) -> Option<PlacedBy> {
    use aws_sim::world::shapes::LaunchType as L;
    let current = service.current()?;
    if current.strategy.is_empty() {
        return Some(PlacedBy::LaunchType(match current.launch_type? {
            L::Ec2 => LaunchType::Ec2,
            L::Fargate => LaunchType::Fargate,
            L::External => LaunchType::External,
            L::ManagedInstances => LaunchType::ManagedInstances,
        }));
    }
    let item = |item: &aws_sim::world::shapes::StrategyItem| {
        let provider = ProviderName::parse(&item.capacity_provider).ok()?;
        Some(StrategyItem { provider, base: item.base, weight: item.weight })
    };
    let items = current.strategy.iter().map(item).collect::<Option<_>>()?;
    Some(PlacedBy::Strategy(Strategy { items }))
}

/// Whether a provider buys Spot.
pub(super) fn is_spot(world: &World, provider: &str) -> bool {
    world.providers.get(provider).is_some_and(|provider| world.is_spot(provider))
}

/// Whether tasks may be placed on Spot.
#[must_use]
pub fn uses_spot(world: &World, placed_by: &PlacedBy) -> bool {
    match placed_by {
        PlacedBy::Strategy(strategy) => strategy.used().any(|provider| is_spot(world, provider.as_str())),
        PlacedBy::LaunchType(_) => false,
    }
}

/// The most tasks that may be placed on Spot at a desired count.
pub(super) fn most_spot(world: &World, placed_by: &PlacedBy, desired: u32) -> u32 {
    match placed_by {
        PlacedBy::Strategy(strategy) => strategy
            .used()
            .filter(|provider| is_spot(world, provider.as_str()))
            .map(|provider| strategy.bounds(provider, desired).most)
            .sum(),
        PlacedBy::LaunchType(_) => 0,
    }
}

/// The running tasks of a service that are to stay, on Spot and elsewhere.
#[must_use]
pub fn spot_tasks(world: &World, service: &Service) -> (u32, u32) {
    let running =
        service.tasks.iter().filter_map(|id| world.tasks.get(id)).filter(|task| task.is_running() && task.is_wanted());
    running.fold((0, 0), |(spot, elsewhere), task| {
        // A turned group has instances of both kinds for a while: what is under the task counts.
        let instance = task.instance.as_ref().and_then(|id| world.instances.get(id)).map(|instance| instance.spot);
        let by_provider = || task.provider.as_deref().is_some_and(|provider| is_spot(world, provider));
        match instance.unwrap_or_else(by_provider) {
            true => (spot + 1, elsewhere),
            false => (spot, elsewhere + 1),
        }
    })
}

/// The tasks that stay On-Demand: the larger of the tag's and the policy's.
pub(super) fn floor(policy: &Policy, service: &ServiceRef, world: &World) -> u32 {
    let found = world.written_service(&key(service));
    let of_tag = found.and_then(|found| tag_of(found, tag::FLOOR)).and_then(|value| value.parse().ok());
    of_tag.unwrap_or(0).max(policy.budget_of(&service.cluster).floor)
}

/// The Spot tasks that policy and tag allow a service at a desired count.
pub(super) fn allowed(policy: &Policy, service: &ServiceRef, world: &World, desired: u32) -> u32 {
    let found = world.written_service(&key(service));
    let of_tag = found.and_then(|found| tag_of(found, tag::MAX_PERCENT)).and_then(|value| value.parse::<u64>().ok());
    let of_tag = of_tag.and_then(|value| Percent::try_from(value).ok());
    let percent = of_tag.unwrap_or(Percent::HUNDRED).min(policy.budget_of(&service.cluster).service_percent);
    u32::try_from(percent.floor_of(u64::from(desired))).unwrap_or(u32::MAX)
}

fn tag_of<'a>(service: &'a Service, key: &str) -> Option<&'a str> {
    service.spec.tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
}

/// Whether Spotkeeper looks after a service: from others it keeps its hands off.
pub(super) fn enrolled(policy: &Policy, service: &Service) -> bool {
    match (tag_of(service, tag::ENABLED), policy.enrolment) {
        (Some(value), _) => value.trim() == "true",
        (None, EnrolmentRule::OptIn) => false,
        (None, EnrolmentRule::OptOut) => true,
    }
}

/// Why a service must not move up: what the rules of design.md forbid, looked up in the world
/// itself. Not all rules: those that a fact alone decides. A quarantine may end between the look and
/// the write, and is asked for at the write. `slowest` is the deregistration delay, in seconds, that a
/// run must know of.
pub(super) fn blocks(world: &World, tables: &Tables, service: &Service, slowest: f64) -> Vec<&'static str> {
    let default = Policy::default();
    let policy = tables.policy.as_ref().unwrap_or(&default);
    let tally = world.tally(service, |_| true);
    let resource = format!("service/{}/{}", service.key.cluster, service.key.name);
    let smallest = world.scalable_targets.iter().find(|target| target.resource_id == resource);
    let actions = world.scheduled_actions.iter().filter(|action| action.resource_id == resource);
    let least =
        actions.filter_map(|action| action.min_capacity).chain(smallest.map(|target| target.min_capacity)).min();
    let definition = service.current().map(|revision| revision.task_definition.clone());
    let containers = definition.iter().flat_map(|definition| &definition.container_definitions);
    let stop = containers.filter_map(|container| container.stop_timeout).max().unwrap_or(30);
    let now = world.now();
    let mut tasks = service.tasks.iter().filter_map(|id| world.tasks.get(id));
    let protected = tasks.any(|task| task.is_wanted() && task.is_protected(now));
    let volumes = definition.as_ref().is_some_and(|definition| !definition.volumes.is_empty());
    [
        ("enrolment", !enrolled(policy, service)),
        ("redundancy", service.desired_count < 2 || least.is_some_and(|least| least < 2)),
        ("deregistration", slowest >= 120.0),
        ("stop_timeout", stop >= 120),
        ("drain_budget", slowest + f64::from(stop) + f64::from(policy.rules.drain_margin_seconds.0) > 120.0),
        ("stateless", volumes && policy.rules.volumes == VolumeLevel::None),
        ("controller", service.spec.controller != Controller::Ecs || service.spec.scheduling == Scheduling::Daemon),
        ("express", service.spec.resource_management_type.as_deref() == Some("ECS")),
        ("protection", protected),
        ("settled", deploying(service).is_some() || tally.running < service.desired_count),
    ]
    .into_iter()
    .filter_map(|(rule, blocks)| blocks.then_some(rule))
    .collect()
}
