//! One cluster, read.

use std::collections::{BTreeMap, BTreeSet};

use spotkeeper_core::ids::{ClusterName, ProviderName, ServiceName};
use spotkeeper_core::observe::{
    Cluster, Depth, Gap, GapCause, PlacedBy, Provider, ProviderKind, Quotas, Reading, Service, Snapshot,
};
use spotkeeper_core::ports::{Clock, PortError};

use super::tasks::Tasks;
use super::{AwsFleet, Cache};

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    pub(super) async fn snapshot(&self, name: &ClusterName, depth: Depth) -> Result<Snapshot, PortError> {
        let taken_at = self.clock.now();
        let (cluster, arns) = tokio::join!(self.cluster(name), self.service_arns(name));
        let cluster = cluster?;
        let arns = match cluster.active {
            true => arns.map_err(|error| error.into_port(name.as_str()))?,
            false => Vec::new(),
        };
        // A cluster without services has no tasks that matter.
        let tasks = async {
            match arns.is_empty() {
                true => Ok(BTreeMap::new()),
                false => self.tasks(name, None, depth).await,
            }
        };
        let ((mut services, unread, providers), tasks, quotas) =
            tokio::join!(self.services_and_providers(&cluster, &arns, depth), tasks, self.quotas(depth));
        place_tasks(&mut services, &tasks);
        if depth == Depth::Full {
            self.place_spot_tasks(name, &mut services, &providers).await;
        }
        let gaps = gaps(&services, &providers, &quotas, unread);
        Ok(Snapshot { taken_at, depth, cluster, services, providers, quotas, gaps })
    }

    /// The services with all that they refer to but their tasks; the services that could not be
    /// read; the providers.
    async fn services_and_providers(
        &self,
        cluster: &Cluster,
        arns: &[String],
        depth: Depth,
    ) -> (Vec<Service>, Vec<Gap>, BTreeMap<ProviderName, Reading<Provider>>) {
        let (mut services, unread) = self.services(&cluster.name, arns, depth).await;
        let providers = self.providers(cluster, provider_names(cluster, &services), depth);
        let deployments = self.open_deployments(&services);
        let (providers, deployments) = match depth {
            Depth::Switch => tokio::join!(providers, deployments),
            Depth::Full => {
                let definitions = services.iter().map(|one| one.task_definition_arn.clone()).collect();
                let groups = services.iter().flat_map(|one| one.target_groups.keys().cloned()).collect();
                let names: Vec<ServiceName> = services.iter().map(|one| one.id.name.clone()).collect();
                let (definitions, groups, mut scaling, providers, deployments) = tokio::join!(
                    self.task_definitions(definitions),
                    self.target_groups(groups),
                    self.scaling(&cluster.name, &names),
                    providers,
                    deployments,
                );
                for service in &mut services {
                    set(&mut service.task_definition, definitions.get(&service.task_definition_arn).cloned());
                    set(&mut service.scaling, scaling.remove(&service.id.name));
                    for (arn, group) in &mut service.target_groups {
                        set(group, groups.get(arn).cloned());
                    }
                }
                (providers, deployments)
            }
        };
        for service in &mut services {
            let status = service.open_service_deployment().and_then(|arn| deployments.get(arn)).cloned();
            set(&mut service.current_deployment_status, status);
        }
        (services, unread, providers)
    }
}

/// Puts what was read in its place; what was not asked for stays unread.
pub(super) fn set<T>(place: &mut Reading<T>, read: Option<Result<T, Gap>>) {
    match read {
        Some(Ok(value)) => *place = Reading::Known(value),
        Some(Err(gap)) => *place = Reading::Missing(gap),
        None => {}
    }
}

/// Gives each service its tasks.
pub(super) fn place_tasks(services: &mut [Service], tasks: &Tasks) {
    for service in services {
        let of_service = match tasks {
            Ok(by_service) => by_service.get(service.id.name.as_str()).cloned().unwrap_or_else(|| Ok(Vec::new())),
            Err(gap) => Err(gap.clone()),
        };
        set(&mut service.tasks, Some(of_service));
    }
}

/// Every provider that is associated with the cluster, or named by a strategy in use.
fn provider_names(cluster: &Cluster, services: &[Service]) -> BTreeSet<ProviderName> {
    let placements = services.iter().flat_map(|service| {
        std::iter::once(&service.placed_by).chain(service.deployments.iter().map(|one| &one.placed_by))
    });
    let of_strategies = placements.flat_map(|placed_by| match placed_by {
        PlacedBy::Strategy(strategy) => strategy.items.as_slice(),
        PlacedBy::LaunchType(_) => &[],
    });
    cluster.capacity_providers.iter().chain(of_strategies.map(|item| &item.provider)).cloned().collect()
}

/// Everything that could not be read, once each, in order. What was not asked for is not among it.
fn gaps(
    services: &[Service],
    providers: &BTreeMap<ProviderName, Reading<Provider>>,
    quotas: &Quotas,
    unread: Vec<Gap>,
) -> Vec<Gap> {
    let mut gaps: BTreeSet<Gap> = unread.into_iter().collect();
    let mut note = |gap: Option<&Gap>| {
        if let Some(gap) = gap.filter(|gap| gap.cause != GapCause::NotRead) {
            gaps.insert(gap.clone());
        }
    };
    for service in services {
        note(service.task_definition.get().err());
        note(service.scaling.get().err());
        note(service.tasks.get().err());
        for task in service.tasks.known().into_iter().flatten() {
            note(task.place.get().err());
        }
        note(service.current_deployment_status.get().err());
        for group in service.target_groups.values() {
            note(group.get().err());
        }
    }
    for provider in providers.values() {
        note(provider.get().err());
        if let Some(Provider { kind: ProviderKind::AutoScalingGroup(behind), .. }) = provider.known() {
            note(behind.group.get().err());
            note(behind.group.known().and_then(|group| group.instance_types.get().err()));
        }
    }
    note(quotas.fargate_on_demand.get().err());
    note(quotas.ec2_on_demand_standard.get().err());
    gaps.into_iter().collect()
}
