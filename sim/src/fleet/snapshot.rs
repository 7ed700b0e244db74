//! A cluster with all that belongs to it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use spotkeeper_core::ids::{ClusterName, ProviderName};
use spotkeeper_core::observe::{
    Cluster, Depth, Gap, GapCause, PlacedBy, Provider, ProviderKind, Quotas, Reading, ScalingRange, Service, Snapshot,
    recent,
};
use spotkeeper_core::ports::PortError;

use super::look::events;
use super::{capacity, provider_name, service, task_definition};
use crate::world::elb::DEREGISTRATION_DELAY;
use crate::world::{World, clusters as sim};

/// The clusters, in order of name.
pub fn clusters(world: &World) -> Vec<Cluster> {
    world.clusters.values().filter_map(|one| cluster(world, one)).collect()
}

/// One cluster, as it is read at this depth.
///
/// # Errors
/// [`PortError::Absent`] where there is none of that name.
pub fn snapshot(world: &World, name: &ClusterName, depth: Depth) -> Result<Snapshot, PortError> {
    let found = world.clusters.get(name.as_str()).and_then(|one| cluster(world, one));
    let cluster = found.ok_or_else(|| PortError::Absent { subject: format!("cluster {name}") })?;
    let (mut services, mut gaps) = (Vec::new(), Vec::new());
    let shown = |listed: &crate::world::services::Service| world.service(name.as_str(), &listed.key.name);
    for one in world.services_of(name.as_str()).filter(|one| one.status != "INACTIVE").filter_map(shown) {
        match service::service(world, name, one) {
            Ok(mut service) => {
                if depth == Depth::Full {
                    service.events = recent(events(one, Timestamp::MIN), world.now());
                }
                services.push(service);
            }
            Err(gap) => gaps.push(gap),
        }
    }
    let mut tasks = service::tasks(world, name.as_str(), None, depth);
    for service in &mut services {
        service.tasks = Reading::Known(tasks.remove(service.id.name.as_str()).unwrap_or_default());
        if let Some(arn) = service.open_service_deployment().map(str::to_owned) {
            service.current_deployment_status = service::deployment_status(world, &arn);
        }
        if depth == Depth::Full {
            complete(world, service);
        }
    }
    let providers = providers(world, &cluster, &services, depth);
    if depth == Depth::Full {
        service::place_spot_tasks(world, &mut services, &providers);
    }
    let quotas = capacity::quotas(world, depth);
    let gaps = all_gaps(&services, &providers, &quotas, gaps);
    Ok(Snapshot { taken_at: world.now(), depth, cluster, services, providers, quotas, gaps })
}

fn cluster(world: &World, one: &sim::Cluster) -> Option<Cluster> {
    Some(Cluster {
        name: ClusterName::parse(&one.name).ok()?,
        arn: world.arns.cluster(&one.name),
        active: true,
        capacity_providers: one
            .capacity_providers
            .iter()
            .map(|name| provider_name(name))
            .collect::<Result<_, _>>()
            .ok()?,
    })
}

/// What only [`Depth::Full`] reads of a service.
fn complete(world: &World, service: &mut Service) {
    service.task_definition = match world.task_definition(&service.task_definition_arn) {
        Ok(found) => match task_definition::task_definition(&found) {
            Ok(known) => Reading::Known(known),
            Err(why) => {
                Reading::Missing(super::not_understood(&service.task_definition_arn, task_definition::ACTION, why))
            }
        },
        Err(refusal) => Reading::Missing(super::gap(
            &service.task_definition_arn,
            task_definition::ACTION,
            GapCause::Failed,
            refusal.to_string(),
        )),
    };
    service.scaling = Reading::Known(range(world, &format!("service/{}/{}", service.id.cluster, service.id.name)));
    for (arn, reading) in &mut service.target_groups {
        *reading = target_group(world, arn);
    }
}

fn target_group(world: &World, arn: &str) -> Reading<spotkeeper_core::observe::TargetGroup> {
    const ACTION: &str = "elasticloadbalancing:DescribeTargetGroupAttributes";
    let group = match world.target_group(arn) {
        Ok(group) => group,
        Err(refusal) => return Reading::Missing(super::gap(arn, ACTION, GapCause::Absent, refusal.to_string())),
    };
    let delay = group.all_attributes().remove(DEREGISTRATION_DELAY).unwrap_or_default();
    match delay.parse() {
        Ok(seconds) => Reading::Known(spotkeeper_core::observe::TargetGroup {
            deregistration_delay: spotkeeper_core::units::Seconds(seconds),
        }),
        Err(_) => Reading::Missing(super::not_understood(arn, ACTION, format!("{DEREGISTRATION_DELAY} {delay}"))),
    }
}

/// The range of a scalable target, widened by its scheduled actions.
fn range(world: &World, resource_id: &str) -> Option<ScalingRange> {
    let target = world.scalable_targets.iter().find(|target| target.resource_id == resource_id)?;
    let range = ScalingRange { min: target.min_capacity, max: target.max_capacity };
    let actions = world.scheduled_actions.iter().filter(|action| action.resource_id == resource_id);
    let bounds = actions.flat_map(|action| [action.min_capacity, action.max_capacity]).flatten();
    Some(bounds.fold(range, |range, bound| ScalingRange { min: range.min.min(bound), max: range.max.max(bound) }))
}

/// Every provider that is associated with the cluster, or named by a strategy in use.
fn providers(
    world: &World,
    cluster: &Cluster,
    services: &[Service],
    depth: Depth,
) -> BTreeMap<ProviderName, Reading<Provider>> {
    let placements = services.iter().flat_map(|service| {
        std::iter::once(&service.placed_by).chain(service.deployments.iter().map(|one| &one.placed_by))
    });
    let of_strategies = placements.flat_map(|placed_by| match placed_by {
        PlacedBy::Strategy(strategy) => strategy.items.as_slice(),
        PlacedBy::LaunchType(_) => &[],
    });
    let names: BTreeSet<&ProviderName> =
        cluster.capacity_providers.iter().chain(of_strategies.map(|item| &item.provider)).collect();
    names.into_iter().map(|name| (name.clone(), capacity::provider(world, name, depth))).collect()
}

/// Everything that could not be read, once each, in order. What was not asked for is not among it.
fn all_gaps(
    services: &[Service],
    providers: &BTreeMap<ProviderName, Reading<Provider>>,
    quotas: &Quotas,
    unread: Vec<Gap>,
) -> Vec<Gap> {
    let groups = providers.values().filter_map(|provider| match &provider.known()?.kind {
        ProviderKind::AutoScalingGroup(behind) => Some(&behind.group),
        ProviderKind::Fargate | ProviderKind::FargateSpot | ProviderKind::ManagedInstances(_) => None,
    });
    let of_services = services.iter().flat_map(|service| {
        let own = [
            service.task_definition.get().err(),
            service.scaling.get().err(),
            service.current_deployment_status.get().err(),
        ];
        let places = service.tasks.known().into_iter().flatten().map(|task| task.place.get().err());
        own.into_iter().chain(service.target_groups.values().map(|group| group.get().err())).chain(places)
    });
    let of_groups =
        groups.flat_map(|group| [group.get().err(), group.known().and_then(|group| group.instance_types.get().err())]);
    let of_quotas = [quotas.fargate_on_demand.get().err(), quotas.ec2_on_demand_standard.get().err()];
    let all = of_services.chain(providers.values().map(|one| one.get().err())).chain(of_groups).chain(of_quotas);
    let read = all.flatten().filter(|gap| gap.cause != GapCause::NotRead).cloned();
    read.chain(unread).collect::<BTreeSet<Gap>>().into_iter().collect()
}
