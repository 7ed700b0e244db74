//! Services with their deployments and tasks.

use spotkeeper_core::ids::{ClusterName, ProviderName, ServiceArn, ServiceName, ServiceRef};
use spotkeeper_core::observe::{
    Deployment, DeploymentConfiguration, DeploymentController, DeploymentStrategy, Depth, Discovery, Gap,
    LoadBalancerTarget, LoadBalancerUse, Place, PlacedBy, PlacementConstraint, Provider, Reading, RolloutState,
    Scheduling, Service, ServiceDeploymentStatus, ServiceStatus, Task, set_places, unread_instances,
};
use spotkeeper_core::strategy::Strategy;
use spotkeeper_core::units::Seconds;
use std::collections::BTreeMap;

use super::{digest, has_items, millis, missing, not_read, not_understood, placed_by, provider_name};
use crate::world::instances::Instance;
use crate::world::shapes::{self, AwsVpcConfiguration, LoadBalancer, PlacementRule};
use crate::world::tasks::Phase;
use crate::world::{World, deployments as sim, services};

/// The call that shows services.
pub(super) const ACTION: &str = "ecs:DescribeServices";
/// The call that shows container instances.
const INSTANCES: &str = "ecs:DescribeContainerInstances";
/// The call that shows service deployments.
pub(super) const DEPLOYMENTS: &str = "ecs:DescribeServiceDeployments";

/// A service, with everything that other calls have to say still unread.
///
/// # Errors
/// The gap where it would have stood.
pub(super) fn service(world: &World, cluster: &ClusterName, one: &services::Service) -> Result<Service, Gap> {
    translated(world, cluster, one).map_err(|why| not_understood(&one.arn, ACTION, why))
}

fn translated(world: &World, cluster: &ClusterName, one: &services::Service) -> Result<Service, String> {
    let tally = world.tally(one, |_| true);
    let current = one.current();
    let own = one.spec.controller == services::Controller::Ecs;
    let deployments = match own {
        true => one
            .deployments
            .iter()
            .enumerate()
            .map(|(n, d)| deployment(world, one, n == 0, d))
            .collect::<Result<_, _>>()?,
        false => Vec::new(),
    };
    let shows_deployment = own && !one.deployments.is_empty();
    let newest = one.service_deployments.first().filter(|_| own).map(|newest| newest.arn.clone());
    let load_balancers = load_balancers(&one.spec.load_balancers)?;
    let network = current.and_then(|revision| revision.network.as_ref()).map(|network| &network.awsvpc_configuration);
    let task_definition_arn =
        current.and_then(|revision| revision.task_definition.task_definition_arn.clone()).unwrap_or_default();
    Ok(Service {
        id: ServiceRef {
            cluster: cluster.clone(),
            name: ServiceName::parse(&one.key.name).map_err(|error| error.to_string())?,
            arn: ServiceArn::parse(&one.arn).map_err(|error| error.to_string())?,
        },
        status: match one.status {
            "ACTIVE" => ServiceStatus::Active,
            "DRAINING" => ServiceStatus::Draining,
            "INACTIVE" => ServiceStatus::Inactive,
            other => return Err(format!("status {other}")),
        },
        desired: one.desired_count,
        running: tally.running,
        pending: tally.pending,
        placed_by: match current.map(placed_by) {
            Some(Ok(placed_by)) => placed_by,
            _ if !own => PlacedBy::Strategy(Strategy { items: Vec::new() }),
            Some(Err(why)) => return Err(why),
            None => return Err("no launchType and capacityProviderStrategy".to_owned()),
        },
        platform_version: current.and_then(|revision| platform_version(world, one, revision)),
        scheduling: match one.spec.scheduling {
            services::Scheduling::Replica => Scheduling::Replica,
            services::Scheduling::Daemon => Scheduling::Daemon,
        },
        controller: match one.spec.controller {
            services::Controller::Ecs => DeploymentController::Ecs,
            services::Controller::CodeDeploy => DeploymentController::CodeDeploy,
            services::Controller::External => DeploymentController::External,
        },
        express: one.spec.resource_management_type.as_deref() == Some("ECS"),
        deployment: configuration(&one.spec.deployment_configuration),
        deployments,
        current_deployment_status: Reading::Missing(not_read(newest.as_deref().unwrap_or(&one.arn), DEPLOYMENTS)),
        current_service_deployment: newest,
        target_groups: load_balancers
            .iter()
            .filter_map(target_group)
            .map(|arn| {
                let unread = not_read(arn, "elasticloadbalancing:DescribeTargetGroupAttributes");
                (arn.to_owned(), Reading::Missing(unread))
            })
            .collect(),
        load_balancers,
        discovery: Discovery {
            service_connect: shows_deployment
                && one.spec.service_connect.as_ref().is_some_and(|connect| connect["enabled"] == true),
            cloud_map: !one.spec.service_registries.is_empty(),
            lattice: shows_deployment && has_items(one.spec.vpc_lattice.as_ref()),
        },
        volumes_at_launch: shows_deployment && has_items(one.spec.volume_configurations.as_ref()),
        placement_constraints: one.spec.placement_constraints.iter().map(constraint).collect::<Result<_, _>>()?,
        subnets: network.map(|network| network.subnets.clone()).unwrap_or_default(),
        network_digest: network.map(network_digest).unwrap_or_default(),
        health_check_grace: Seconds(one.spec.health_check_grace_seconds.unwrap_or(0)),
        tags: one.spec.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
        task_definition: Reading::Missing(not_read(&task_definition_arn, super::task_definition::ACTION)),
        task_definition_arn,
        scaling: Reading::Missing(not_read(&one.arn, "application-autoscaling:DescribeScalableTargets")),
        tasks: Reading::Missing(not_read(&one.arn, "ecs:ListTasks")),
        events: Vec::new(),
    })
}

fn platform_version(world: &World, one: &services::Service, revision: &sim::Revision) -> Option<String> {
    let first = revision.strategy.first().and_then(|item| world.provider(&one.key.cluster, &item.capacity_provider));
    let launch_type = first.map(|provider| provider.launch_type()).or(revision.launch_type);
    let on_fargate = launch_type == Some(crate::world::shapes::LaunchType::Fargate);
    on_fargate.then(|| revision.platform_version.clone().unwrap_or_else(|| "LATEST".to_owned()))
}

fn deployment(
    world: &World,
    one: &services::Service,
    primary: bool,
    given: &sim::Deployment,
) -> Result<Deployment, String> {
    let tally = world.tally(one, |task| task.deployment == given.id);
    let revision = one.revision(&given.revision).ok_or_else(|| "no revision of a deployment".to_owned())?;
    let shown = one.shows_rollout_state();
    Ok(Deployment {
        id: given.id.clone(),
        primary,
        task_definition_arn: revision.task_definition.task_definition_arn.clone().unwrap_or_default(),
        desired: if primary { one.desired_count } else { tally.wanted },
        running: tally.running,
        pending: tally.pending,
        failed: given.failed_tasks,
        rollout: shown.then_some(match given.rollout_state {
            sim::RolloutState::Completed => RolloutState::Completed,
            sim::RolloutState::Failed => RolloutState::Failed,
            sim::RolloutState::InProgress => RolloutState::InProgress,
        }),
        rollout_reason: if shown { given.rollout_reason.clone() } else { String::new() },
        placed_by: placed_by(revision)?,
        created_at: millis(given.created_at),
    })
}

/// The status of a service deployment, by its ARN.
pub(super) fn deployment_status(world: &World, arn: &str) -> Reading<ServiceDeploymentStatus> {
    let found = world
        .service_of_arn(arn)
        .and_then(|key| world.service(&key.cluster, &key.name))
        .and_then(|service| service.service_deployments.iter().find(|one| one.arn == arn));
    match found {
        Some(found) => Reading::Known(status(found.status)),
        None => Reading::Missing(missing(arn, DEPLOYMENTS)),
    }
}

/// How far a service deployment is.
pub(super) const fn status(given: sim::ServiceDeploymentStatus) -> ServiceDeploymentStatus {
    use sim::ServiceDeploymentStatus as S;
    match given {
        S::Pending => ServiceDeploymentStatus::Pending,
        S::Successful => ServiceDeploymentStatus::Successful,
        S::Stopped => ServiceDeploymentStatus::Stopped,
        S::StopRequested => ServiceDeploymentStatus::StopRequested,
        S::InProgress => ServiceDeploymentStatus::InProgress,
        S::RollbackRequested => ServiceDeploymentStatus::RollbackRequested,
        S::RollbackInProgress => ServiceDeploymentStatus::RollbackInProgress,
        S::RollbackSuccessful => ServiceDeploymentStatus::RollbackSuccessful,
        S::RollbackFailed => ServiceDeploymentStatus::RollbackFailed,
    }
}

/// `deploymentConfiguration`, with the defaults that AWS fills in, and the waiting that it asks for.
fn configuration(given: &shapes::DeploymentConfiguration) -> DeploymentConfiguration {
    let strategy = match given.strategy.unwrap_or_default() {
        shapes::DeploymentStrategy::Rolling => DeploymentStrategy::Rolling,
        shapes::DeploymentStrategy::BlueGreen => DeploymentStrategy::BlueGreen,
        shapes::DeploymentStrategy::Linear => DeploymentStrategy::Linear,
        shapes::DeploymentStrategy::Canary => DeploymentStrategy::Canary,
    };
    let breaker = given.deployment_circuit_breaker.as_ref();
    let alarms = given.alarms.as_ref();
    let hooks = given.lifecycle_hooks.as_deref().unwrap_or_default();
    let alarms_roll_back = alarms.is_some_and(|alarms| alarms.enable && alarms.rollback);
    let calls = |hook| hook_time(hook, shifts(given, strategy));
    DeploymentConfiguration {
        strategy,
        minimum_healthy_percent: given.minimum(),
        maximum_percent: given.maximum(),
        circuit_breaker: breaker.is_some_and(|breaker| breaker.enable),
        rollback: breaker.is_some_and(|breaker| breaker.enable && breaker.rollback) || alarms_roll_back,
        bake: bake(given, strategy, alarms_roll_back),
        hooks: super::count(hooks.len()),
        hook_time: hooks.iter().map(calls).fold(Seconds::default(), Seconds::saturating_add),
    }
}

fn minutes(minutes: u64) -> Seconds {
    Seconds(u32::try_from(minutes).unwrap_or(u32::MAX)).saturating_mul(60)
}

/// 1,440 minutes where a hook says nothing (`DeploymentLifecycleHookTimeoutConfiguration`, ECS API
/// reference), each time that it is called: before and at the shift of production traffic "at every
/// traffic shift step".
fn hook_time(hook: &shapes::LifecycleHook, shifts: u32) -> Seconds {
    use shapes::HookStage::{PreProductionTrafficShift, ProductionTrafficShift};
    let timeout = hook.timeout_configuration.as_ref().and_then(|t| t.timeout_in_minutes).unwrap_or(1_440);
    let at_shifts = |stage: &&shapes::HookStage| matches!(stage, PreProductionTrafficShift | ProductionTrafficShift);
    let (all, at_shifts) = (hook.lifecycle_stages.len(), hook.lifecycle_stages.iter().filter(at_shifts).count());
    let calls = super::count(all - at_shifts).saturating_add(super::count(at_shifts).saturating_mul(shifts));
    minutes(timeout.into()).saturating_mul(calls.max(1))
}

/// In how many steps the production traffic shifts: of 10 % where nothing is said
/// (`LinearConfiguration`, ECS API reference).
fn shifts(given: &shapes::DeploymentConfiguration, strategy: DeploymentStrategy) -> u32 {
    match strategy {
        DeploymentStrategy::Rolling | DeploymentStrategy::BlueGreen => 1,
        DeploymentStrategy::Linear => {
            steps(given.linear_configuration.as_ref().and_then(|linear| linear.step_percent).unwrap_or(10.0))
        }
        DeploymentStrategy::Canary => 2,
    }
}

/// 6 minutes a step, 10 minutes of canary where nothing is said (`LinearConfiguration`,
/// `CanaryConfiguration`, ECS API reference), and "less than 5 minutes" of a rolling deployment that
/// alarms may roll back ("How CloudWatch alarms detect Amazon ECS deployment failures", developer
/// guide).
fn bake(given: &shapes::DeploymentConfiguration, strategy: DeploymentStrategy, alarms_roll_back: bool) -> Seconds {
    let last = minutes(given.bake_time_in_minutes.unwrap_or(0).into());
    match strategy {
        DeploymentStrategy::Rolling if alarms_roll_back && last == Seconds(0) => minutes(5),
        DeploymentStrategy::Rolling | DeploymentStrategy::BlueGreen => last,
        DeploymentStrategy::Linear => {
            let linear = given.linear_configuration.as_ref();
            let pause = linear.and_then(|linear| linear.step_bake_time_in_minutes).unwrap_or(6);
            last.saturating_add(minutes(pause.into()).saturating_mul(shifts(given, strategy).saturating_sub(1)))
        }
        DeploymentStrategy::Canary => {
            let canary = given.canary_configuration.as_ref();
            let pause = canary.and_then(|canary| canary.canary_bake_time_in_minutes).unwrap_or(10);
            last.saturating_add(minutes(pause.into()))
        }
    }
}

/// In how many steps of `percent` all traffic moves.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=1000 before")]
fn steps(percent: f64) -> u32 {
    let tenths = (percent * 10.0).round().clamp(1.0, 1_000.0) as u32;
    1_000_u32.div_ceil(tenths)
}

/// Every place where a service registers its tasks; a blue/green one has two for each entry.
fn load_balancers(given: &[LoadBalancer]) -> Result<Vec<LoadBalancerUse>, String> {
    let mut uses = Vec::new();
    for one in given {
        let alternate = one.advanced_configuration.as_ref().and_then(|more| more.alternate_target_group_arn.clone());
        let targets = [
            one.target_group_arn.clone().map(LoadBalancerTarget::TargetGroup),
            alternate.map(LoadBalancerTarget::AlternateTargetGroup),
            one.load_balancer_name.clone().map(LoadBalancerTarget::Classic),
        ];
        let before = uses.len();
        uses.extend(targets.into_iter().flatten().map(|target| LoadBalancerUse {
            target,
            container: one.container_name.clone().unwrap_or_default(),
            port: one.container_port.map_or(0, u32::from),
        }));
        if uses.len() == before {
            return Err("no target group and load balancer name in loadBalancers[]".to_owned());
        }
    }
    Ok(uses)
}

/// The target group that a load balancer entry names; a Classic one has none.
pub(super) fn target_group(given: &LoadBalancerUse) -> Option<&str> {
    match &given.target {
        LoadBalancerTarget::TargetGroup(arn) | LoadBalancerTarget::AlternateTargetGroup(arn) => Some(arn),
        LoadBalancerTarget::Classic(_) => None,
    }
}

fn constraint(given: &PlacementRule) -> Result<PlacementConstraint, String> {
    match given.kind.as_str() {
        "distinctInstance" => Ok(PlacementConstraint::DistinctInstance),
        "memberOf" => Ok(PlacementConstraint::MemberOf(given.expression.clone().unwrap_or_default())),
        other => Err(format!("placementConstraints[].type {other}")),
    }
}

/// The same for the same settings in any order.
fn network_digest(network: &AwsVpcConfiguration) -> String {
    let sorted = |ids: &[String]| {
        let mut ids = ids.to_vec();
        ids.sort();
        ids.join(",")
    };
    digest(&format!("{};{};{}", sorted(&network.subnets), sorted(&network.security_groups), network.assign_public_ip))
}

/// The tasks that should run, by name of their service: of a whole cluster, or of one service.
/// Protection is read at full depth.
pub(super) fn tasks(world: &World, cluster: &str, of: Option<&str>, depth: Depth) -> BTreeMap<String, Vec<Task>> {
    let mut by_service: BTreeMap<String, Vec<Task>> = BTreeMap::new();
    let wanted = world
        .listed_tasks(cluster)
        .filter(|task| of.is_none_or(|name| task.service.name == name) && !task.doomed && task.phase != Phase::Stopped);
    for task in wanted {
        let running = task.phase == Phase::Running;
        by_service.entry(task.service.name.clone()).or_default().push(Task {
            arn: task.arn.clone(),
            provider: task.provider.as_deref().and_then(|name| provider_name(name).ok()),
            running,
            zone: Some(task.zone.clone()),
            place: place(world, task),
            instance: instance_of(world, task).map(|instance| world.arns.container_instance(instance)),
            protected: depth == Depth::Full && running && task.is_protected(world.now()),
            started_by: task.deployment.clone(),
        });
    }
    by_service
}

/// Where a task runs, as far as it shows that itself.
fn place(world: &World, task: &crate::world::tasks::Task) -> Reading<Place> {
    match instance_of(world, task) {
        Some(instance) => Reading::Missing(not_read(&world.arns.container_instance(instance), INSTANCES)),
        None => Reading::Known(Place { instance_type: None, zone: task.zone.clone() }),
    }
}

fn instance_of<'w>(world: &'w World, task: &crate::world::tasks::Task) -> Option<&'w Instance> {
    world.instances.get(task.instance.as_ref()?)
}

/// Where the running Spot tasks on instances run.
pub(super) fn place_spot_tasks(
    world: &World,
    services: &mut [Service],
    providers: &BTreeMap<ProviderName, Reading<Provider>>,
) {
    let registered = world.instances.values().filter(|one| one.registered);
    // An ARN is written once an instance: to look for each among all is most of what a large world costs.
    let by_arn: BTreeMap<String, &Instance> = registered.map(|one| (world.arns.container_instance(one), one)).collect();
    let of = |arn: &String| {
        let place = |one: &&Instance| Place { instance_type: Some(one.instance_type.clone()), zone: one.zone.clone() };
        by_arn.get(arn).map(place).ok_or_else(|| missing(arn, INSTANCES))
    };
    let places = unread_instances(services, providers).into_iter().map(|arn| {
        let place = of(&arn);
        (arn, place)
    });
    set_places(services, &places.collect());
}
