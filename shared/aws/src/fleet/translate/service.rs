//! A service of `DescribeServices`.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    DeploymentControllerType, LoadBalancer, NetworkConfiguration, PlacementConstraint as EcsConstraint,
    PlacementConstraintType, ResourceManagementType, SchedulingStrategy, Service as EcsService, TaskSet,
};
use spotkeeper_core::ids::{ClusterName, ServiceArn, ServiceName, ServiceRef};
use spotkeeper_core::observe::{
    DeploymentController, Discovery, LoadBalancerTarget, LoadBalancerUse, PlacedBy, PlacementConstraint, Reading,
    Scheduling, Service, ServiceStatus,
};
use spotkeeper_core::strategy::Strategy;

use super::{NotUnderstood, count, deployment, digest, not_read, placed_by, seconds};
use crate::client::Action;

/// A service, with everything that other calls have to say still unread.
///
/// A service under an external controller shows placement and task definition on its primary
/// task set only; where there is none yet, its strategy is empty.
pub(crate) fn service(cluster: &ClusterName, given: &EcsService) -> Result<Service, NotUnderstood> {
    let id = service_ref(cluster, given)?;
    let controller = controller(given)?;
    let scheduling = match given.scheduling_strategy() {
        None | Some(SchedulingStrategy::Replica) => Scheduling::Replica,
        Some(SchedulingStrategy::Daemon) => Scheduling::Daemon,
        Some(other) => return Err(NotUnderstood::value("schedulingStrategy", other)),
    };
    let primary_set = given.task_sets().iter().find(|set| set.status() == Some("PRIMARY"));
    let placed_by = placement(given, primary_set, controller)?;
    let task_definition_arn = given
        .task_definition()
        .or_else(|| primary_set.and_then(TaskSet::task_definition))
        .unwrap_or_default()
        .to_owned();
    let load_balancers = load_balancers(given.load_balancers())?;
    let target_groups = load_balancers
        .iter()
        .filter_map(target_group)
        .map(|arn| (arn.to_owned(), Reading::Missing(not_read(arn, Action::DescribeTargetGroupAttributes))));
    let newest = given.deployments().iter().find(|one| one.status() == Some("PRIMARY"));
    let network = given.network_configuration();
    Ok(Service {
        status: match given.status() {
            Some("ACTIVE") => ServiceStatus::Active,
            Some("DRAINING") => ServiceStatus::Draining,
            Some("INACTIVE") => ServiceStatus::Inactive,
            other => return Err(NotUnderstood::value("status", other.unwrap_or_default())),
        },
        desired: count(given.desired_count()),
        running: count(given.running_count()),
        pending: count(given.pending_count()),
        placed_by,
        platform_version: given.platform_version().map(str::to_owned),
        scheduling,
        controller,
        express: match given.resource_management_type() {
            None | Some(ResourceManagementType::Customer) => false,
            Some(ResourceManagementType::Ecs) => true,
            Some(other) => return Err(NotUnderstood::value("resourceManagementType", other)),
        },
        deployment: deployment::configuration(given.deployment_configuration(), scheduling)?,
        deployments: given.deployments().iter().map(deployment::deployment).collect::<Result<_, _>>()?,
        current_service_deployment: given.current_service_deployment().map(str::to_owned),
        current_deployment_status: Reading::Missing(not_read(
            given.current_service_deployment().unwrap_or(id.arn.as_str()),
            Action::DescribeServiceDeployments,
        )),
        target_groups: target_groups.collect(),
        load_balancers,
        discovery: Discovery {
            service_connect: newest
                .and_then(|one| one.service_connect_configuration())
                .is_some_and(|connect| connect.enabled()),
            cloud_map: !given.service_registries().is_empty(),
            lattice: newest.is_some_and(|one| !one.vpc_lattice_configurations().is_empty()),
        },
        volumes_at_launch: newest.is_some_and(|one| !one.volume_configurations().is_empty()),
        placement_constraints: given.placement_constraints().iter().map(constraint).collect::<Result<_, _>>()?,
        subnets: subnets(network),
        network_digest: network_digest(network),
        health_check_grace: given.health_check_grace_period_seconds().map_or_else(Default::default, seconds),
        tags: given
            .tags()
            .iter()
            .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
            .collect::<BTreeMap<_, _>>(),
        task_definition: Reading::Missing(not_read(&task_definition_arn, Action::DescribeTaskDefinition)),
        task_definition_arn,
        scaling: Reading::Missing(not_read(id.arn.as_str(), Action::DescribeScalableTargets)),
        tasks: Reading::Missing(not_read(id.arn.as_str(), Action::ListTasks)),
        events: Vec::new(),
        id,
    })
}

fn service_ref(cluster: &ClusterName, given: &EcsService) -> Result<ServiceRef, NotUnderstood> {
    let invalid = |error: spotkeeper_core::ids::InvalidName| NotUnderstood(error.to_string());
    Ok(ServiceRef {
        cluster: cluster.clone(),
        name: ServiceName::parse(given.service_name().unwrap_or_default()).map_err(invalid)?,
        arn: ServiceArn::parse(given.service_arn().unwrap_or_default()).map_err(invalid)?,
    })
}

fn controller(given: &EcsService) -> Result<DeploymentController, NotUnderstood> {
    match given.deployment_controller().map(|controller| controller.r#type()) {
        None | Some(DeploymentControllerType::Ecs) => Ok(DeploymentController::Ecs),
        Some(DeploymentControllerType::CodeDeploy) => Ok(DeploymentController::CodeDeploy),
        Some(DeploymentControllerType::External) => Ok(DeploymentController::External),
        Some(other) => Err(NotUnderstood::value("deploymentController", other)),
    }
}

fn placement(
    given: &EcsService,
    primary_set: Option<&TaskSet>,
    controller: DeploymentController,
) -> Result<PlacedBy, NotUnderstood> {
    if let Some(placed_by) = placed_by(given.launch_type(), given.capacity_provider_strategy())? {
        return Ok(placed_by);
    }
    if controller == DeploymentController::Ecs {
        return Err(NotUnderstood::absent("launchType and capacityProviderStrategy"));
    }
    let of_set = primary_set.map(|set| placed_by(set.launch_type(), set.capacity_provider_strategy())).transpose()?;
    Ok(of_set.flatten().unwrap_or(PlacedBy::Strategy(Strategy { items: Vec::new() })))
}

/// Every place where a service registers its tasks; a blue/green one has two for each entry.
fn load_balancers(given: &[LoadBalancer]) -> Result<Vec<LoadBalancerUse>, NotUnderstood> {
    let mut uses = Vec::new();
    for one in given {
        let alternate = one.advanced_configuration().and_then(|advanced| advanced.alternate_target_group_arn());
        let targets = [
            one.target_group_arn().map(|arn| LoadBalancerTarget::TargetGroup(arn.to_owned())),
            alternate.map(|arn| LoadBalancerTarget::AlternateTargetGroup(arn.to_owned())),
            one.load_balancer_name().map(|name| LoadBalancerTarget::Classic(name.to_owned())),
        ];
        let before = uses.len();
        uses.extend(targets.into_iter().flatten().map(|target| LoadBalancerUse {
            target,
            container: one.container_name().unwrap_or_default().to_owned(),
            port: one.container_port().map_or(0, count),
        }));
        if uses.len() == before {
            return Err(NotUnderstood::absent("target group and load balancer name in loadBalancers[]"));
        }
    }
    Ok(uses)
}

/// The target group that a load balancer entry names; a Classic one has none.
pub(crate) fn target_group(given: &LoadBalancerUse) -> Option<&str> {
    match &given.target {
        LoadBalancerTarget::TargetGroup(arn) | LoadBalancerTarget::AlternateTargetGroup(arn) => Some(arn),
        LoadBalancerTarget::Classic(_) => None,
    }
}

fn constraint(given: &EcsConstraint) -> Result<PlacementConstraint, NotUnderstood> {
    match given.r#type() {
        Some(PlacementConstraintType::DistinctInstance) => Ok(PlacementConstraint::DistinctInstance),
        Some(PlacementConstraintType::MemberOf) => {
            Ok(PlacementConstraint::MemberOf(given.expression().unwrap_or_default().to_owned()))
        }
        Some(other) => Err(NotUnderstood::value("placementConstraints[].type", other)),
        None => Err(NotUnderstood::absent("type of a placement constraint")),
    }
}

fn subnets(network: Option<&NetworkConfiguration>) -> Vec<String> {
    network.and_then(NetworkConfiguration::awsvpc_configuration).map(|vpc| vpc.subnets().to_vec()).unwrap_or_default()
}

/// The same for the same settings in any order, and not dependent on how the SDK prints them.
/// Empty in network modes other than `awsvpc`.
fn network_digest(network: Option<&NetworkConfiguration>) -> String {
    let Some(vpc) = network.and_then(NetworkConfiguration::awsvpc_configuration) else {
        return String::new();
    };
    let sorted = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort();
        ids.join(",")
    };
    let public_ip = vpc.assign_public_ip().map(|assign| assign.as_str()).unwrap_or_default();
    digest(&format!("{};{};{public_ip}", sorted(vpc.subnets()), sorted(vpc.security_groups())))
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
