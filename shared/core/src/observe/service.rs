//! A service, its deployments and its tasks, as `DescribeServices` and its kin show them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Place, Reading, ServiceDeploymentStatus, ServiceEvent, TaskDefinition};
use crate::ids::{ProviderName, ServiceRef};
use crate::strategy::Strategy;
use crate::units::{Percent, Seconds};

/// A service as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Which one.
    pub id: ServiceRef,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: ServiceStatus,
    /// How many tasks it should run.
    pub desired: u32,
    /// How many run.
    pub running: u32,
    /// How many are on their way.
    pub pending: u32,
    /// Where its tasks are placed.
    pub placed_by: PlacedBy,
    /// `platformVersion`, where ECS shows one: `LATEST` or `1.4.0`.
    pub platform_version: Option<String>,
    /// Replica or daemon.
    pub scheduling: Scheduling,
    /// Who runs its deployments.
    pub controller: DeploymentController,
    /// Whether ECS manages it as an Express service (`resourceManagementType` is `ECS`).
    pub express: bool,
    /// How its tasks are replaced.
    pub deployment: DeploymentConfiguration,
    /// Its deployments, as `deployments[]` shows them.
    pub deployments: Vec<Deployment>,
    /// The newest service deployment (`currentServiceDeployment`), if ECS names one: in progress
    /// or, as AWS's documentation leaves open, ended.
    pub current_service_deployment: Option<String>,
    /// How far that service deployment is (`DescribeServiceDeployments`). Not asked for where
    /// there is none, or where `rolloutState` says already that it is completed.
    pub current_deployment_status: Reading<ServiceDeploymentStatus>,
    /// Its load balancers.
    pub load_balancers: Vec<LoadBalancerUse>,
    /// The attributes of every target group that its load balancers name, by ARN.
    pub target_groups: BTreeMap<String, Reading<TargetGroup>>,
    /// How clients find it where that is not a target group.
    pub discovery: Discovery,
    /// Whether its tasks get an EBS volume each at launch (`volumeConfigurations`).
    pub volumes_at_launch: bool,
    /// Its placement constraints.
    pub placement_constraints: Vec<PlacementConstraint>,
    /// The subnets of its `awsvpc` network; empty in other network modes.
    pub subnets: Vec<String>,
    /// A digest of `networkConfiguration` as AWS gave it, for the fingerprint.
    pub network_digest: String,
    /// How long ECS ignores failing health checks of a new task.
    pub health_check_grace: Seconds,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its task definition's ARN.
    pub task_definition_arn: String,
    /// Its task definition.
    pub task_definition: Reading<TaskDefinition>,
    /// Its range under Application Auto Scaling; `None` inside where it is not a scalable target.
    pub scaling: Reading<Option<ScalingRange>>,
    /// Its tasks that should run.
    pub tasks: Reading<Vec<Task>>,
    /// Its newest events, newest first; empty at [`super::Depth::Switch`]. See [`super::recent`].
    #[serde(default)]
    pub events: Vec<ServiceEvent>,
}

/// `ACTIVE`, `DRAINING` or `INACTIVE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceStatus {
    /// It runs.
    Active,
    /// It is being deleted and tasks are left.
    Draining,
    /// It is deleted.
    Inactive,
}

/// Where a service's tasks are placed. ECS shows a launch type or a strategy, never both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacedBy {
    /// `launchType`.
    LaunchType(LaunchType),
    /// `capacityProviderStrategy`.
    Strategy(Strategy),
}

/// `launchType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchType {
    /// Container instances of the cluster.
    Ec2,
    /// Fargate, On-Demand.
    Fargate,
    /// ECS Anywhere.
    External,
    /// ECS Managed Instances.
    ManagedInstances,
}

/// `schedulingStrategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheduling {
    /// A number of tasks.
    Replica,
    /// One task per container instance.
    Daemon,
}

/// `deploymentController`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentController {
    /// ECS itself.
    Ecs,
    /// AWS CodeDeploy.
    CodeDeploy,
    /// A third party, by task sets.
    External,
}

/// `deploymentConfiguration`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentConfiguration {
    /// How traffic moves from the old tasks to the new.
    pub strategy: DeploymentStrategy,
    /// `minimumHealthyPercent`, in percent of the desired count.
    pub minimum_healthy_percent: u32,
    /// `maximumPercent`, in percent of the desired count: may pass 100.
    pub maximum_percent: u32,
    /// Whether the circuit breaker is on.
    pub circuit_breaker: bool,
    /// Whether the circuit breaker, or an alarm, rolls back.
    pub rollback: bool,
    /// `bakeTimeInMinutes` and the bake times of canary and linear steps, summed.
    pub bake: Seconds,
    /// How many life-cycle hooks it has: each may pause a deployment.
    pub hooks: u32,
    /// How long its hooks may hold a deployment: the sum of their `timeoutInMinutes`, each 1,440
    /// where it is not set (`DeploymentLifecycleHookTimeoutConfiguration`, ECS API reference).
    #[serde(default)]
    pub hook_time: Seconds,
}

/// `deploymentConfiguration.strategy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentStrategy {
    /// Task by task.
    Rolling,
    /// All tasks twice, traffic at once.
    BlueGreen,
    /// All tasks twice, traffic in equal steps.
    Linear,
    /// All tasks twice, a part of the traffic first.
    Canary,
}

/// One of `deployments[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// `ecs-svc/...`.
    pub id: String,
    /// Whether it is the `PRIMARY` one: the newest.
    pub primary: bool,
    /// Its task definition's ARN.
    pub task_definition_arn: String,
    /// How many tasks it should run.
    pub desired: u32,
    /// How many run.
    pub running: u32,
    /// How many are on their way.
    pub pending: u32,
    /// How many failed to start since the deployment began.
    pub failed: u32,
    /// `rolloutState`; ECS shows it for rolling deployments only.
    pub rollout: Option<RolloutState>,
    /// `rolloutStateReason`; empty where there is none.
    pub rollout_reason: String,
    /// Where it places its tasks.
    pub placed_by: PlacedBy,
    /// When it was created.
    pub created_at: Timestamp,
}

/// `rolloutState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    /// Done: the service is in a steady state.
    Completed,
    /// The circuit breaker gave it up.
    Failed,
    /// Under way.
    InProgress,
}

/// One of `loadBalancers[]`, as far as draining is concerned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LoadBalancerUse {
    /// What receives the traffic.
    pub target: LoadBalancerTarget,
    /// `containerName`.
    pub container: String,
    /// `containerPort`.
    pub port: u32,
}

/// What a service registers its tasks with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadBalancerTarget {
    /// `targetGroupArn`.
    TargetGroup(String),
    /// `advancedConfiguration.alternateTargetGroupArn`, for blue/green deployments.
    AlternateTargetGroup(String),
    /// `loadBalancerName`: a Classic Load Balancer.
    Classic(String),
}

/// The attributes of a target group that decide how long draining takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// `deregistration_delay.timeout_seconds`.
    pub deregistration_delay: Seconds,
}

/// How clients find a service where that is not a target group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// `serviceConnectConfiguration` is enabled.
    pub service_connect: bool,
    /// `serviceRegistries` names a Cloud Map service.
    pub cloud_map: bool,
    /// `vpcLatticeConfigurations` names a target group of VPC Lattice.
    pub lattice: bool,
}

/// A placement constraint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlacementConstraint {
    /// `distinctInstance`: no two tasks on one instance.
    DistinctInstance,
    /// `memberOf` with its cluster query expression.
    MemberOf(String),
}

/// What Application Auto Scaling may set the desired count to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScalingRange {
    /// The smallest count, scheduled actions included.
    pub min: u32,
    /// The largest count, scheduled actions included.
    pub max: u32,
}

/// One task of a service that should run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its ARN.
    pub arn: String,
    /// `capacityProviderName`; `None` for tasks placed by launch type.
    pub provider: Option<ProviderName>,
    /// Whether `lastStatus` is `RUNNING`.
    pub running: bool,
    /// The zone it is in, where ECS shows one.
    pub zone: Option<String>,
    /// The capacity pool that it runs in. On instances this is read for running Spot tasks alone, at
    /// [`super::Depth::Full`]; elsewhere a gap ([`super::GapCause::NotRead`]) names the instance.
    pub place: Reading<Place>,
    /// The ARN of the container instance that it runs on; `None` on Fargate, and until it is placed.
    pub instance: Option<String>,
    /// Whether it is under scale-in protection now.
    pub protected: bool,
    /// The deployment that started it (`startedBy`).
    pub started_by: String,
}

/// The tags by which owners steer Spotkeeper.
pub mod tag {
    /// `true` enrols a service, `false` opts it out.
    pub const ENABLED: &str = "spotkeeper:enabled";
    /// The largest part of the tasks that may be on Spot, in percent.
    pub const MAX_PERCENT: &str = "spotkeeper:max-percent";
    /// The tasks that stay On-Demand whatever the share.
    pub const FLOOR: &str = "spotkeeper:floor";
    /// No move before this RFC 3339 time.
    pub const FREEZE_UNTIL: &str = "spotkeeper:freeze-until";
}

/// What a service's tags say; a tag that says something else than it may is a mistake, not a
/// default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagSettings {
    /// `spotkeeper:enabled`.
    pub enabled: Option<bool>,
    /// `spotkeeper:max-percent`.
    pub max_percent: Option<Percent>,
    /// `spotkeeper:floor`.
    pub floor: Option<u32>,
    /// `spotkeeper:freeze-until`.
    pub freeze_until: Option<Timestamp>,
    /// The tags that could not be read: `(tag, value, what is allowed)`.
    pub mistakes: Vec<TagMistake>,
}

/// A tag whose value means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagMistake {
    /// The tag's key.
    pub tag: String,
    /// The value it has.
    pub value: String,
    /// What it may have.
    pub allowed: String,
}

impl TagSettings {
    /// Until when the service is frozen, where it is now.
    #[must_use]
    pub fn frozen_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.freeze_until.filter(|until| now < *until)
    }
}

impl PlacedBy {
    /// Whether ECS would place tasks the same under both, and shows both alike.
    #[must_use]
    pub fn equivalent(&self, other: &PlacedBy) -> bool {
        match (self, other) {
            (PlacedBy::Strategy(one), PlacedBy::Strategy(other)) => one.equivalent(other),
            (one, other) => one == other,
        }
    }
}

impl std::fmt::Display for PlacedBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PlacedBy::LaunchType(LaunchType::Ec2) => f.write_str("launch type EC2"),
            PlacedBy::LaunchType(LaunchType::Fargate) => f.write_str("launch type FARGATE"),
            PlacedBy::LaunchType(LaunchType::External) => f.write_str("launch type EXTERNAL"),
            PlacedBy::LaunchType(LaunchType::ManagedInstances) => f.write_str("launch type MANAGED_INSTANCES"),
            PlacedBy::Strategy(strategy) => strategy.fmt(f),
        }
    }
}

/// Why the API refuses a strategy for a service, or drops it.
///
/// Source: `UpdateService`, `CapacityProviderStrategyItem` and `Service.resourceManagementType`,
/// ECS API reference; "Amazon ECS capacity providers", ECS developer guide (external instances,
/// Classic Load Balancers).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakesNoStrategy {
    /// CodeDeploy or a third party runs its deployments.
    ForeignController(DeploymentController),
    /// It is a `DAEMON` service.
    Daemon,
    /// It runs on ECS Anywhere.
    External,
    /// ECS manages it as an Express service.
    Express,
    /// It is behind this Classic Load Balancer.
    ClassicLoadBalancer(String),
}

impl std::fmt::Display for TakesNoStrategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TakesNoStrategy::ForeignController(controller) => {
                write!(f, "its deployment controller is {controller:?}")
            }
            TakesNoStrategy::Daemon => f.write_str("it is a DAEMON service"),
            TakesNoStrategy::External => f.write_str("its launch type is EXTERNAL"),
            TakesNoStrategy::Express => f.write_str("it is an Express service"),
            TakesNoStrategy::ClassicLoadBalancer(name) => write!(f, "it is behind the Classic Load Balancer {name}"),
        }
    }
}

impl Service {
    /// Every reason why the API takes no strategy for it. Where there is one, nothing is ever
    /// written to it, not even by a switch.
    #[must_use]
    pub fn takes_no_strategy(&self) -> Vec<TakesNoStrategy> {
        let controller = match self.controller {
            DeploymentController::Ecs => None,
            controller @ (DeploymentController::CodeDeploy | DeploymentController::External) => {
                Some(TakesNoStrategy::ForeignController(controller))
            }
        };
        let is_external = self.placed_by == PlacedBy::LaunchType(LaunchType::External);
        let classic = self.load_balancers.iter().filter_map(|used| match &used.target {
            LoadBalancerTarget::Classic(name) => Some(TakesNoStrategy::ClassicLoadBalancer(name.clone())),
            LoadBalancerTarget::TargetGroup(_) | LoadBalancerTarget::AlternateTargetGroup(_) => None,
        });
        controller
            .into_iter()
            .chain((self.scheduling == Scheduling::Daemon).then_some(TakesNoStrategy::Daemon))
            .chain(is_external.then_some(TakesNoStrategy::External))
            .chain(self.express.then_some(TakesNoStrategy::Express))
            .chain(classic)
            .collect()
    }

    /// What the tags of Spotkeeper say.
    #[must_use]
    pub fn tag_settings(&self) -> TagSettings {
        let mut settings = TagSettings::default();
        let mut read = |tag: &str, allowed: &str, accept: &mut dyn FnMut(&str) -> bool| {
            if let Some(value) = self.tags.get(tag)
                && !accept(value.trim())
            {
                settings.mistakes.push(TagMistake {
                    tag: tag.to_owned(),
                    value: value.clone(),
                    allowed: allowed.to_owned(),
                });
            }
        };
        let (mut enabled, mut max_percent, mut floor, mut freeze_until) = (None, None, None, None);
        read(tag::ENABLED, "true or false", &mut |value| set(&mut enabled, value.parse().ok()));
        read(tag::MAX_PERCENT, "a whole number from 0 to 100", &mut |value| {
            set(&mut max_percent, value.parse::<u64>().ok().and_then(|number| Percent::try_from(number).ok()))
        });
        read(tag::FLOOR, "a whole number of tasks", &mut |value| set(&mut floor, value.parse().ok()));
        read(tag::FREEZE_UNTIL, "an RFC 3339 time such as 2026-12-01T06:00:00Z", &mut |value| {
            set(&mut freeze_until, value.parse().ok())
        });
        TagSettings { enabled, max_percent, floor, freeze_until, ..settings }
    }

    /// The strategy in place; `None` where a launch type places the tasks.
    #[must_use]
    pub const fn strategy(&self) -> Option<&Strategy> {
        match &self.placed_by {
            PlacedBy::Strategy(strategy) => Some(strategy),
            PlacedBy::LaunchType(_) => None,
        }
    }

    /// Its `PRIMARY` deployment.
    #[must_use]
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.iter().find(|deployment| deployment.primary)
    }

    /// The current service deployment, where `deployments[]` does not say that it is completed:
    /// it is in progress, or it has ended and only [`Service::current_deployment_status`] knows.
    /// Blue/green, linear and canary deployments have no `rolloutState`.
    #[must_use]
    pub fn open_service_deployment(&self) -> Option<&str> {
        let completed = self.primary().is_some_and(|primary| primary.rollout == Some(RolloutState::Completed));
        self.current_service_deployment.as_deref().filter(|_| !completed)
    }

    /// Whether ECS is at work on a deployment: more than one is listed, one is in progress, or a
    /// service deployment is named as current and nothing says that it has ended.
    #[must_use]
    pub fn deploying(&self) -> bool {
        let ended = self.current_deployment_status.known().is_some_and(|status| status.has_ended());
        self.deployments.len() > 1
            || (self.open_service_deployment().is_some() && !ended)
            || self.deployments.iter().any(|one| one.rollout == Some(RolloutState::InProgress))
    }
}

/// Keeps what was parsed; says whether there was anything.
fn set<T>(place: &mut Option<T>, parsed: Option<T>) -> bool {
    *place = parsed;
    place.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::observe::Family;

    #[test]
    fn a_service_deploys_until_its_deployment_has_ended() {
        use ServiceDeploymentStatus::{
            InProgress, Pending, RollbackFailed, RollbackInProgress, RollbackRequested, RollbackSuccessful,
            StopRequested, Stopped, Successful,
        };
        let cases = [
            // name, rolloutState, current service deployment, its status, deploying
            ("rolling, completed", Some(RolloutState::Completed), true, None, false),
            ("rolling, in progress", Some(RolloutState::InProgress), true, Some(InProgress), true),
            (
                "rolling, in progress whatever else is said",
                Some(RolloutState::InProgress),
                true,
                Some(Successful),
                true,
            ),
            ("rolling, failed and ended", Some(RolloutState::Failed), true, Some(Stopped), false),
            ("no deployment is named", None, false, None, false),
            ("blue/green, its status is a gap", None, true, None, true),
            ("blue/green, not begun", None, true, Some(Pending), true),
            ("blue/green, in progress", None, true, Some(InProgress), true),
            ("blue/green, done", None, true, Some(Successful), false),
            ("blue/green, about to be stopped", None, true, Some(StopRequested), true),
            ("blue/green, stopped", None, true, Some(Stopped), false),
            ("blue/green, about to be rolled back", None, true, Some(RollbackRequested), true),
            ("blue/green, being rolled back", None, true, Some(RollbackInProgress), true),
            ("blue/green, rolled back", None, true, Some(RollbackSuccessful), false),
            ("blue/green, not even rolled back", None, true, Some(RollbackFailed), false),
        ];
        for (name, rollout, named, status, expected) in cases {
            let mut service = fixtures::service("web", Family::Fargate);
            service.deployments[0].rollout = rollout;
            service.current_service_deployment = named.then(|| "arn:deployment".to_owned());
            if let Some(status) = status {
                service.current_deployment_status = Reading::Known(status);
            }
            assert_eq!(service.deploying(), expected, "{name}");
        }
    }

    #[test]
    fn why_ecs_takes_no_strategy_is_said() {
        type Vary = fn(&mut Service);
        let cases: [(Vary, &[&str]); 6] = [
            (|_| {}, &[]),
            (
                |service| service.controller = DeploymentController::CodeDeploy,
                &["its deployment controller is CodeDeploy"],
            ),
            (|service| service.scheduling = Scheduling::Daemon, &["it is a DAEMON service"]),
            (
                |service| service.placed_by = PlacedBy::LaunchType(LaunchType::External),
                &["its launch type is EXTERNAL"],
            ),
            (|service| service.express = true, &["it is an Express service"]),
            (
                |service| service.load_balancers[0].target = LoadBalancerTarget::Classic("old".to_owned()),
                &["it is behind the Classic Load Balancer old"],
            ),
        ];
        for (vary, expected) in cases {
            let mut service = fixtures::service("web", Family::Fargate);
            vary(&mut service);
            let said: Vec<String> = service.takes_no_strategy().iter().map(ToString::to_string).collect();
            assert_eq!(said, expected);
        }
    }
}
