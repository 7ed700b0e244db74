//! UpdateService: what ECS refuses, and what starts a deployment.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::arn::{ServiceKey, short_name};
use super::constraints::Expression;
use super::rules::Rule;
use super::services::{Controller, Scheduling, Service};
use super::shapes::{DeploymentConfiguration, LaunchType, NetworkConfiguration, PlacementRule, StrategyItem};
use super::task_definitions::TaskDefinition;
use super::{Refusal, World};

/// What an UpdateService call asks for.
#[derive(Clone, Debug, Default)]
pub struct UpdateService {
    /// The cluster, by name or ARN.
    pub cluster: Option<String>,
    /// The service, by name or ARN.
    pub service: String,
    /// A new desired count.
    pub desired_count: Option<u32>,
    /// A new task definition.
    pub task_definition: Option<String>,
    /// A new strategy; an empty one goes back to the launch type.
    pub capacity_provider_strategy: Option<Vec<StrategyItem>>,
    /// How deployments go from now on.
    pub deployment_configuration: Option<DeploymentConfiguration>,
    /// New subnets and groups.
    pub network_configuration: Option<NetworkConfiguration>,
    /// A new platform version.
    pub platform_version: Option<String>,
    /// Grace before failed health checks count.
    pub health_check_grace_period_seconds: Option<u32>,
    /// ENABLED or DISABLED.
    pub availability_zone_rebalancing: Option<String>,
    /// New placement constraints.
    pub placement_constraints: Option<Vec<PlacementRule>>,
    /// A new placement strategy.
    pub placement_strategy: Option<Vec<PlacementRule>>,
    /// Whether a deployment is started even if nothing changes.
    pub force_new_deployment: bool,
}

/// The text that ECS answers with since capacity providers exist (reproio/ecs_deploy#74,
/// pipe-cd/pipecd#6385).
const MUST_FORCE: &str = "When switching from launch type to capacity provider strategy on an existing service, or making a change to a capacity provider strategy on a service that is already using one, you must force a new deployment.";

impl World {
    /// UpdateService.
    pub fn update_service(&mut self, call: &UpdateService) -> Result<ServiceKey, Refusal> {
        let cluster = self.cluster(call.cluster.as_deref())?.name.clone();
        let key = ServiceKey::new(cluster, short_name(&call.service));
        let outcome = self.try_update(&key, call);
        let counts = match &outcome {
            Ok(()) => &mut self.counters.update_service,
            Err(_) => &mut self.counters.update_service_refused,
        };
        super::counters::count(counts, &key.to_string());
        outcome.map(|()| key)
    }

    fn try_update(&mut self, key: &ServiceKey, call: &UpdateService) -> Result<(), Refusal> {
        let service = self.services.get(key).ok_or_else(Refusal::service_not_found)?;
        if service.status != "ACTIVE" {
            return Err(Refusal::new("ServiceNotActiveException", "Service was not ACTIVE."));
        }
        if self.holds(Rule::ForeignControllersRefuse) {
            refuse_foreign_controllers(service, call)?;
        }
        if let Some(strategy) = &call.capacity_provider_strategy {
            self.check_strategy_fits_service(service, strategy)?;
        }
        let task_definition = call.task_definition.as_deref().map(|name| self.task_definition(name)).transpose()?;
        let current =
            service.current().ok_or_else(|| Refusal::new("ServerException", "the service has no revision"))?;
        let next = task_definition.clone().unwrap_or_else(|| current.task_definition.clone());
        let strategy_changes =
            call.capacity_provider_strategy.as_ref().is_some_and(|new| !self.same_strategy(new, &current.strategy));
        if strategy_changes && !call.force_new_deployment && self.holds(Rule::StrategyChangeMustBeForced) {
            return Err(Refusal::invalid(MUST_FORCE));
        }
        let strategy = call.capacity_provider_strategy.clone().unwrap_or_else(|| current.strategy.clone());
        let launch_type = if !strategy.is_empty() {
            None
        } else if call.capacity_provider_strategy.is_some() && !current.strategy.is_empty() {
            // "Update the Auto Scaling group or Fargate capacity provider back to the launch type.
            // Pass an empty list": only to the launch type that the service was created with.
            let any = (!self.holds(Rule::BackToTheFirstLaunchTypeOnly)).then_some(LaunchType::Fargate);
            let back = service.created_launch_type.or(any).ok_or_else(|| {
                Refusal::invalid(
                    "The service was not created with a launch type: its capacity provider strategy cannot be removed.",
                )
            })?;
            Some(back)
        } else {
            current.launch_type
        };
        self.check_compatible(service, &next, &strategy, launch_type, call)?;
        if let Some(c) = call.deployment_configuration.as_ref().filter(|_| self.holds(Rule::MinimumAndMaximumLeaveRoom))
        {
            check_deployment_configuration(c)?;
        }
        if let Some(mistake) = call.deployment_configuration.as_ref().and_then(DeploymentConfiguration::hook_mistake) {
            return Err(Refusal::invalid(mistake));
        }
        check_placement(call)?;

        let changes_tasks = task_definition.is_some_and(|t| t.short() != current.task_definition.short())
            || call.network_configuration.as_ref().is_some_and(|n| Some(n) != current.network.as_ref())
            || call.platform_version.as_ref().is_some_and(|p| Some(p) != current.platform_version.as_ref());
        let forced = call.force_new_deployment && (strategy_changes || self.holds(Rule::ForcedDeploymentReplacesAll));
        let deploys = forced || changes_tasks;
        let takes_count = self.holds(Rule::DesiredCountIsTaken);
        self.remember_for_stale_reads(key);
        self.with_service(key, |world, service| {
            if let Some(count) =
                call.desired_count.filter(|_| takes_count && service.spec.scheduling == Scheduling::Replica)
            {
                service.desired_count = count;
                service.steady_told = false;
            }
            if let Some(c) = &call.deployment_configuration {
                service.spec.deployment_configuration = c.clone();
            }
            if let Some(seconds) = call.health_check_grace_period_seconds {
                service.spec.health_check_grace_seconds = Some(seconds);
            }
            // "This parameter doesn't trigger a new service deployment" holds for these three.
            if let Some(zones) = &call.availability_zone_rebalancing {
                service.spec.zone_rebalancing = Some(zones.clone());
            }
            if let Some(constraints) = &call.placement_constraints {
                service.spec.placement_constraints = constraints.clone();
            }
            if let Some(strategy) = &call.placement_strategy {
                service.spec.placement_strategy = strategy.clone();
            }
            if deploys {
                let revision = world.next_revision(service, world.now, |r| {
                    r.task_definition = next;
                    r.strategy = strategy;
                    r.launch_type = launch_type;
                    r.network = call.network_configuration.clone().or_else(|| r.network.take());
                    r.platform_version = call.platform_version.clone().or_else(|| r.platform_version.take());
                });
                if let Some(revision) = revision {
                    world.begin_deployment(service, revision);
                }
            }
            world.reconcile_soon(service);
        });
        Ok(())
    }

    /// Whether ECS sees no change: the same providers with the same numbers. Ratios are not reduced,
    /// because nothing says that ECS does.
    fn same_strategy(&self, a: &[StrategyItem], b: &[StrategyItem]) -> bool {
        let sorted = |s: &[StrategyItem]| {
            let mut s: Vec<_> = s.iter().map(|i| (i.capacity_provider.clone(), i.weight, i.base)).collect();
            s.sort();
            s
        };
        if self.holds(Rule::OrderIsNoChange) { sorted(a) == sorted(b) } else { a == b }
    }

    fn check_strategy_fits_service(&self, service: &Service, strategy: &[StrategyItem]) -> Result<(), Refusal> {
        if service.spec.scheduling == Scheduling::Daemon
            && !strategy.is_empty()
            && self.holds(Rule::DaemonsHaveNoStrategy)
        {
            return Err(Refusal::invalid(
                "Specifying a capacity provider strategy is not supported when you create a service using the DAEMON scheduling strategy.",
            ));
        }
        // In which words ECS refuses is not documented either.
        let express = service.spec.resource_management_type.as_deref() == Some("ECS");
        if express && !self.settings.express_takes_strategy {
            return Err(Refusal::invalid(
                "Specifying a capacity provider strategy is not supported for services that are managed by Amazon ECS.",
            ));
        }
        // "Capacity providers cannot manage external instances" (developer guide, ECS Anywhere).
        if service.current().and_then(|r| r.launch_type) == Some(LaunchType::External)
            && self.holds(Rule::ExternalInstancesHaveNoStrategy)
        {
            return Err(Refusal::invalid(
                "Specifying a capacity provider strategy is not supported for services that use the EXTERNAL launch type.",
            ));
        }
        self.check_strategy(&service.key.cluster, strategy)
    }

    /// Whether a cluster can have this strategy (CapacityProviderStrategyItem, and the guide on
    /// capacity providers). An empty one is not a strategy, and passes.
    pub fn check_strategy(&self, cluster: &str, strategy: &[StrategyItem]) -> Result<(), Refusal> {
        if strategy.is_empty() {
            return Ok(());
        }
        // "A capacity provider strategy can contain a maximum of 20 capacity providers."
        if strategy.len() > 20 && self.holds(Rule::AtMostTwentyProviders) {
            return Err(Refusal::invalid(
                "The capacity provider strategy cannot contain more than 20 capacity providers.",
            ));
        }
        let associated = self.cluster(Some(cluster))?.capacity_providers.clone();
        let mut families = Vec::new();
        let mut seen = BTreeSet::new();
        let ranges = self.holds(Rule::BaseAndWeightHaveRanges);
        for item in strategy {
            if item.weight > 1_000 && ranges {
                return Err(Refusal::invalid(format!(
                    "Weight {} is not valid: the valid range is 0 to 1,000.",
                    item.weight
                )));
            }
            if item.base > 100_000 && ranges {
                return Err(Refusal::invalid(format!(
                    "Base {} is not valid: the valid range is 0 to 100,000.",
                    item.base
                )));
            }
            let name = &item.capacity_provider;
            if !seen.insert(name) {
                return Err(Refusal::invalid(
                    "The capacity provider strategy cannot contain the same capacity provider more than once.",
                ));
            }
            let provider = self.provider(cluster, name).ok_or_else(|| {
                Refusal::invalid(format!(
                    "The specified capacity provider '{name}' was not found. Specify a valid name or ARN and try again."
                ))
            })?;
            // "Only capacity providers that are already associated with a cluster and have an
            // ACTIVE or UPDATING status can be used in a capacity provider strategy."
            if !associated.contains(name) && self.holds(Rule::ProviderMustBeAssociated) {
                return Err(Refusal::invalid(
                    "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again.",
                ));
            }
            if !matches!(provider.status.as_str(), "ACTIVE" | "UPDATING") && self.holds(Rule::ProviderMustBeActive) {
                return Err(Refusal::invalid(
                    "The specified capacity provider is not in an ACTIVE state. Specify a capacity provider that is in an ACTIVE state and try again.",
                ));
            }
            families.push(provider.family());
        }
        families.dedup();
        if families.len() > 1 && self.holds(Rule::OneProviderType) {
            return Err(Refusal::invalid(
                "The specified capacity provider strategy cannot contain a mix of capacity providers using Auto Scaling groups, Fargate providers and Managed Instances providers. Specify one or the other and try again.",
            ));
        }
        // "Only one capacity provider in a capacity provider strategy can have a base defined."
        if strategy.iter().filter(|i| i.base > 0).count() > 1 && self.holds(Rule::OneBase) {
            return Err(Refusal::invalid(
                "The specified capacity provider strategy cannot contain more than one capacity provider with a base value defined.",
            ));
        }
        // "If you specify multiple capacity providers in a strategy that all have a weight of 0,
        // any RunTask or CreateService actions using the capacity provider strategy will fail."
        if strategy.iter().all(|i| i.weight == 0) && self.holds(Rule::SomeWeight) {
            return Err(Refusal::invalid(
                "The specified capacity provider strategy must contain at least one capacity provider with a weight greater than 0.",
            ));
        }
        Ok(())
    }

    fn check_compatible(
        &self,
        service: &Service,
        task_definition: &Arc<TaskDefinition>,
        strategy: &[StrategyItem],
        launch_type: Option<LaunchType>,
        call: &UpdateService,
    ) -> Result<(), Refusal> {
        let first = strategy.first().and_then(|i| self.provider(&service.key.cluster, &i.capacity_provider));
        let Some(on) = launch_type.or_else(|| first.map(super::clusters::Provider::launch_type)) else {
            return Ok(());
        };
        if !task_definition.fits(on) && self.holds(Rule::TaskDefinitionMustFit) {
            return Err(Refusal::invalid(format!("Task definition does not support launch_type {}.", on.name())));
        }
        if on != LaunchType::Fargate {
            return Ok(());
        }
        for (what, rules) in [("constraints", &call.placement_constraints), ("strategies", &call.placement_strategy)] {
            if rules.as_ref().is_some_and(|r| !r.is_empty()) {
                return Err(Refusal::invalid(format!("Placement {what} are not supported with FARGATE launch type.")));
            }
        }
        let current = service.current();
        let network = call.network_configuration.as_ref().or_else(|| current.and_then(|r| r.network.as_ref()));
        if network.is_none() {
            return Err(Refusal::invalid(
                "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            ));
        }
        let spot = strategy.iter().any(|i| i.capacity_provider == "FARGATE_SPOT" && i.weight > 0);
        let platform = task_definition.runtime_platform.clone().unwrap_or_default();
        let windows = platform.operating_system_family.as_deref().is_some_and(|f| f.starts_with("WINDOWS"));
        let version = call
            .platform_version
            .as_deref()
            .or_else(|| current.and_then(|r| r.platform_version.as_deref()))
            .unwrap_or("LATEST");
        // "FARGATE_SPOT supports Linux tasks with the X86_64 architecture on platform version 1.3.0
        // or later … with the ARM64 architecture on platform version 1.4.0 or later"
        let least = if platform.cpu_architecture.as_deref() == Some("ARM64") { "1.4.0" } else { "1.3.0" };
        if spot && self.holds(Rule::FargateSpotPlatforms) && (windows || (version != "LATEST" && version < least)) {
            return Err(Refusal::new(
                "PlatformTaskDefinitionIncompatibilityException",
                "The specified platform does not satisfy the task definition's required capabilities.",
            ));
        }
        Ok(())
    }
}

/// "For services using the blue/green (CODE_DEPLOY) deployment controller, only the desired count,
/// deployment configuration, health check grace period, … can be updated using this API. … For
/// services using an external deployment controller, you can update only the desired count, task
/// placement constraints and strategies, health check grace period, …" (UpdateService). The strategy
/// of an EXTERNAL service is on its task set (CreateTaskSet).
fn refuse_foreign_controllers(service: &Service, call: &UpdateService) -> Result<(), Refusal> {
    let controller = service.spec.controller;
    if controller == Controller::Ecs {
        return Ok(());
    }
    let how = if controller == Controller::CodeDeploy {
        "Use AWS CodeDeploy to trigger a new deployment."
    } else {
        "Create a new task set instead."
    };
    let refuse = |what: &str| {
        Err(Refusal::invalid(format!(
            "{what} on services with {} {} deployment controller. {how}",
            if controller == Controller::External { "an" } else { "a" },
            controller.name()
        )))
    };
    if call.force_new_deployment {
        return refuse("Cannot force a new deployment");
    }
    if call.capacity_provider_strategy.is_some() {
        return refuse("Unable to update capacity provider strategy");
    }
    if call.task_definition.is_some() {
        return refuse("Unable to update task definition");
    }
    if call.network_configuration.is_some() || call.platform_version.is_some() {
        return refuse("Unable to update network parameters");
    }
    Ok(())
}

fn check_deployment_configuration(c: &DeploymentConfiguration) -> Result<(), Refusal> {
    if c.maximum() < 100 {
        return Err(Refusal::invalid("The deployment configuration's maximumPercent must be at least 100."));
    }
    if c.minimum() > 100 {
        return Err(Refusal::invalid("The deployment configuration's minimumHealthyPercent must be from 0 to 100."));
    }
    if c.minimum() == 100 && c.maximum() == 100 {
        return Err(Refusal::invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ));
    }
    Ok(())
}

/// "You can specify a maximum of 10 constraints for each task … You can specify a maximum of five
/// strategy rules for each service" (placementConstraints, placementStrategy).
fn check_placement(call: &UpdateService) -> Result<(), Refusal> {
    for (what, rules, most) in
        [("constraints", &call.placement_constraints, 10), ("strategies", &call.placement_strategy, 5)]
    {
        if rules.as_ref().is_some_and(|r| r.len() > most) {
            return Err(Refusal::invalid(format!("There cannot be more than {most} placement {what}.")));
        }
    }
    let expressions = call.placement_constraints.iter().flatten().filter_map(|c| c.expression.as_deref());
    expressions.map(Expression::read).try_for_each(|read| read.map(|_| ())).map_err(Refusal::invalid)
}
