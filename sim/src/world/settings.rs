//! What AWS leaves undocumented, and how long things take. All of it can be set in the account
//! file, so that a promise can be tested under every reading of the documentation.

use serde::{Deserialize, Serialize};

/// How a strategy's weights become whole tasks. AWS documents the ratio, not the rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rounding {
    /// Whole shares first; what is left goes to the largest remainders, ties to the first listed.
    #[default]
    LargestRemainder,
    /// What is left goes to the providers in the order of the strategy.
    FirstListed,
    /// What is left goes to the providers in the reverse order of the strategy.
    LastListed,
    /// What is left goes to Spot: the worst case for a promise about On-Demand.
    FavourSpot,
    /// What is left goes to On-Demand: the worst case for the savings.
    FavourOnDemand,
}

impl Rounding {
    /// Every reading, for tests that must hold under all of them.
    pub const ALL: [Self; 5] =
        [Self::LargestRemainder, Self::FirstListed, Self::LastListed, Self::FavourSpot, Self::FavourOnDemand];
}

/// Which tasks go when a service scales in. AWS says that it balances zones, not which provider's
/// tasks it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ScaleIn {
    /// The zone with the most tasks, the newest task in it.
    #[default]
    BalanceZones,
    /// The newest task.
    Newest,
    /// The oldest task.
    Oldest,
    /// On-Demand tasks first: the worst case for a floor.
    OnDemandFirst,
    /// Any task, by the seed.
    Random,
}

/// What a Fargate Spot drought looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FargateDrought {
    /// The task exists and stays in PROVISIONING.
    #[default]
    KeepProvisioning,
    /// No task exists between placement attempts, so that `pendingCount` is 0.
    NoTask,
}

/// When old tasks may be stopped below the desired count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StopBeforeStart {
    /// Only when `maximumPercent` leaves no room to start the new tasks.
    #[default]
    WhenRoomIsShort,
    /// As soon as `minimumHealthyPercent` lets it.
    Always,
}

/// What comes first when Fargate Spot takes a task back. AWS announced in 2023 that the target is
/// deregistered before SIGTERM, and users saw the opposite again in 2025 (containers-roadmap#2673).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FargateSpotStop {
    /// The target is deregistered and drains, then SIGTERM.
    #[default]
    DeregisterFirst,
    /// SIGTERM at once, while the target is in service until the task has STOPPED.
    SigtermFirst,
}

/// The `stopCode` of a Fargate Spot task that is taken back: AWS's own material has both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SpotStopCode {
    /// The API reference's.
    #[default]
    SpotInterruption,
    /// The developer guide's sample event's.
    TerminationNotice,
}

impl SpotStopCode {
    /// As AWS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::SpotInterruption => "SpotInterruption",
            Self::TerminationNotice => "TerminationNotice",
        }
    }
}

/// The `stopCode` of a task whose instance is gone. AWS documents the reason ("Host EC2 (instance …)
/// terminated.", developer guide, stopped task errors) and no code for it; its enumeration has several
/// that would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstanceGoneCode {
    /// A host that is taken away has told so.
    #[default]
    TerminationNotice,
    /// What a reclaimed Fargate Spot task has.
    SpotInterruption,
    /// What a task on a broken host has.
    InfrastructureHealth,
    /// No code at all.
    None,
}

impl InstanceGoneCode {
    /// As AWS writes it.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::TerminationNotice => Some("TerminationNotice"),
            Self::SpotInterruption => Some("SpotInterruption"),
            Self::InfrastructureHealth => Some("InfrastructureHealth"),
            Self::None => None,
        }
    }
}

/// Which clock the API token buckets run on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Throttling {
    /// No token buckets.
    Off,
    /// Buckets fill by the wall clock: clients live in wall time, whatever the world's speed.
    #[default]
    WallClock,
    /// Buckets fill by the world's clock.
    VirtualClock,
}

/// What AWS leaves undocumented, and how long things take.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// How weights become whole tasks.
    pub rounding: Rounding,
    /// Which tasks go at scale-in.
    pub scale_in: ScaleIn,
    /// What a Fargate Spot drought looks like.
    pub fargate_drought: FargateDrought,
    /// When old tasks may be stopped below the desired count.
    pub stop_before_start: StopBeforeStart,
    /// Whether every new deployment resolves image tags again, or only one with a new task
    /// definition.
    pub forced_deployment_resolves_images: bool,
    /// Whether tasks in PROVISIONING count in `pendingCount`.
    pub provisioning_counts_as_pending: bool,
    /// Which clock the API token buckets run on.
    pub throttling: Throttling,
    /// Tasks that a service may launch in a minute (Fargate service quotas: 500).
    pub service_launches_per_minute: u32,
    /// Fargate tasks that the account may launch in a second, On-Demand and Spot each ("20 per
    /// second sustained", developer guide, `throttling.md`).
    pub fargate_launches_per_second: f64,
    /// How many Fargate tasks may be launched at once before that rate holds ("burst 100").
    pub fargate_launch_burst: f64,
    /// What comes first when Fargate Spot takes a task back.
    pub fargate_spot_stop: FargateSpotStop,
    /// The code that such a task stops with.
    pub fargate_spot_stop_code: SpotStopCode,
    /// The code of a task whose instance is gone.
    pub instance_gone_stop_code: InstanceGoneCode,
    /// Whether a Fargate task that finds no room in its zone takes another of its subnets. "Capacity is
    /// unavailable at this time. Please try again later or in a different availability zone" (service
    /// event messages) does not say who tries.
    pub fargate_tries_other_zones: bool,
    /// Whether scale-in protection holds a task back on a container instance that is DRAINING. It
    /// protects "from being terminated by scale-in events from either service auto scaling or
    /// deployments" (developer guide, task scale-in protection); the page on draining does not name it.
    pub protection_holds_drains: bool,
    /// Whether UpdateService takes a strategy for an Express Mode service. UpdateExpressGatewayService
    /// knows none; of the other APIs the developer guide says that they "will execute the operations you
    /// request" ("Updating Resources Outside of Express Mode"), without a word on strategies.
    pub express_takes_strategy: bool,
    /// What the pause grows by after each further round of failed tasks: "the time between subsequent
    /// restart attempts is incrementally increased" (`service-throttle-logic.md`) gives no steps.
    pub failed_task_backoff_factor: f64,
    /// From how many percent of the deepest pool's capacity on a pool is as good as it, for the
    /// allocation strategies that look at the price or the priority next. AWS publishes no measure.
    pub deep_pool_percent: u32,
    /// How many new configurations GetSpotPlacementScores takes in 24 hours (AWS publishes none; users
    /// report 10 to 50).
    pub spot_placement_configurations_per_day: u32,
    /// Zones that GetSpotPlacementScores leaves out: an absent zone is no score.
    pub spot_placement_absent_zones: Vec<String>,
    /// How much of a group is replaced at once when its distribution changes, in percent of its
    /// desired capacity and at least one instance. AWS says "gradual"; 10 % is what it documents for
    /// the rebalancing of zones.
    pub distribution_batch_percent: u32,
    /// Whether scale-in protection keeps an instance from being replaced so. AWS does not say: where it
    /// does, a group with protected instances never comes off Spot.
    pub distribution_spares_protected: bool,
    /// Memory of an instance that ECS's agent and the system keep for themselves.
    pub instance_memory_overhead_mib: u32,
    /// Every duration is spread by up to this many percent either way, by the seed.
    pub jitter_percent: u32,
    /// How long things take.
    pub durations: Durations,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rounding: Rounding::default(),
            scale_in: ScaleIn::default(),
            fargate_drought: FargateDrought::default(),
            stop_before_start: StopBeforeStart::default(),
            forced_deployment_resolves_images: true,
            provisioning_counts_as_pending: true,
            throttling: Throttling::default(),
            service_launches_per_minute: 500,
            fargate_launches_per_second: 20.0,
            fargate_launch_burst: 100.0,
            fargate_spot_stop: FargateSpotStop::default(),
            fargate_spot_stop_code: SpotStopCode::default(),
            instance_gone_stop_code: InstanceGoneCode::default(),
            fargate_tries_other_zones: true,
            protection_holds_drains: true,
            express_takes_strategy: true,
            failed_task_backoff_factor: 2.0,
            deep_pool_percent: 50,
            spot_placement_configurations_per_day: 50,
            spot_placement_absent_zones: Vec::new(),
            distribution_batch_percent: 10,
            distribution_spares_protected: true,
            instance_memory_overhead_mib: 400,
            jitter_percent: 20,
            durations: Durations::default(),
        }
    }
}

/// Durations in virtual seconds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Durations {
    /// PROVISIONING, once there is capacity.
    pub provisioning: f64,
    /// PENDING: images are pulled and containers start.
    pub pending: f64,
    /// ACTIVATING: targets are registered.
    pub activating: f64,
    /// From RUNNING to the first healthy answer of the target.
    pub target_healthy: f64,
    /// STOPPING, for containers that heed SIGTERM; the others take their whole `stopTimeout`.
    pub stopping: f64,
    /// DEPROVISIONING.
    pub deprovisioning: f64,
    /// How long a STOPPED task can still be described (about an hour).
    pub stopped_visible: f64,
    /// From the group's decision to a registered container instance.
    pub instance_launch: f64,
    /// From waiting tasks to managed scaling's decision.
    pub managed_scaling: f64,
    /// How long an instance stays empty before managed scaling ends it.
    pub managed_scale_in: f64,
    /// How often autoscaling looks again at a scale-in that a deployment holds up.
    pub autoscaling: f64,
    /// How long the load balancer takes to shift traffic, once told.
    pub traffic_shift: f64,
    /// How long the function of a lifecycle hook takes to answer SUCCEEDED.
    pub lifecycle_hook: f64,
    /// How long a lifecycle stage, or a step of the traffic shift, may last beyond its hooks and its
    /// bake time before the deployment is rolled back: "Each lifecycle stage can last up to 24 hours
    /// and in addition each traffic shift step in PRODUCTION_TRAFFIC_SHIFT" ("Amazon ECS linear
    /// deployments", developer guide). Hooks have timeouts of their own.
    pub lifecycle_stage_timeout: f64,
    /// How long such a deployment may last as a whole: "The overall deployment timeout is 30 days"
    /// (the same page).
    pub deployment_timeout: f64,
    /// How long a rolling deployment that alarms may roll back bakes where it sets no
    /// `bakeTimeInMinutes`: "The default bake time is less than 5 minutes" ("How CloudWatch alarms
    /// detect Amazon ECS deployment failures", developer guide).
    pub alarm_bake: f64,
    /// From an interruption warning to DRAINING: the agent polls, ECS is told (best effort; about 40 s
    /// have been reported).
    pub interruption_noticed: f64,
    /// The least time between two looks of the service scheduler at one service.
    pub scheduler_tick: f64,
    /// From one placement attempt to the next when there is no capacity.
    pub placement_retry: f64,
    /// After how long the same cause of a placement failure is told again.
    pub placement_failure_told: f64,
    /// How long a service must have all its tasks, healthy and of one deployment, until it counts as
    /// steady: "reached a steady state" ("Amazon ECS service event messages") names no time.
    pub steady_state: f64,
    /// How long a task may wait for an instance in PROVISIONING before ECS stops it and starts
    /// another (10 to 30 minutes, containers-roadmap#2381).
    pub provisioning_timeout: f64,
    /// The first pause after a task failed to start; it grows by `failedTaskBackoffFactor` up to the
    /// largest.
    pub failed_task_backoff: f64,
    /// The largest pause ("the delay between restart attempts … up to 15 minutes").
    pub failed_task_backoff_max: f64,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            provisioning: 10.0,
            pending: 12.0,
            activating: 3.0,
            target_healthy: 20.0,
            stopping: 2.0,
            deprovisioning: 2.0,
            stopped_visible: 3600.0,
            instance_launch: 90.0,
            managed_scaling: 15.0,
            managed_scale_in: 900.0,
            autoscaling: 60.0,
            traffic_shift: 30.0,
            lifecycle_hook: 30.0,
            lifecycle_stage_timeout: 86_400.0,
            deployment_timeout: 30.0 * 86_400.0,
            alarm_bake: 240.0,
            interruption_noticed: 5.0,
            scheduler_tick: 1.0,
            placement_retry: 15.0,
            placement_failure_told: 60.0,
            steady_state: 0.0,
            provisioning_timeout: 1800.0,
            failed_task_backoff: 2.0,
            failed_task_backoff_max: 900.0,
        }
    }
}

impl Settings {
    /// Everything that is wrong with these settings: the path of each mistake, and what is allowed.
    pub fn mistakes(&self) -> Vec<(Vec<&'static str>, String)> {
        let mut found = Vec::new();
        let d = &self.durations;
        for (name, value, least) in [
            ("provisioning", d.provisioning, 0.0),
            ("pending", d.pending, 0.0),
            ("activating", d.activating, 0.0),
            ("targetHealthy", d.target_healthy, 0.0),
            ("stopping", d.stopping, 0.0),
            ("deprovisioning", d.deprovisioning, 0.0),
            ("stoppedVisible", d.stopped_visible, 0.0),
            ("instanceLaunch", d.instance_launch, 0.0),
            ("managedScaling", d.managed_scaling, 0.1),
            ("managedScaleIn", d.managed_scale_in, 1.0),
            ("autoscaling", d.autoscaling, 1.0),
            ("trafficShift", d.traffic_shift, 0.0),
            ("lifecycleHook", d.lifecycle_hook, 0.0),
            ("lifecycleStageTimeout", d.lifecycle_stage_timeout, 60.0),
            ("deploymentTimeout", d.deployment_timeout, 60.0),
            ("alarmBake", d.alarm_bake, 0.0),
            ("interruptionNoticed", d.interruption_noticed, 0.0),
            // The scheduler looks again after this time: 0 would be a loop without an end.
            ("schedulerTick", d.scheduler_tick, 0.1),
            ("placementRetry", d.placement_retry, 0.1),
            ("placementFailureTold", d.placement_failure_told, 0.0),
            ("steadyState", d.steady_state, 0.0),
            ("provisioningTimeout", d.provisioning_timeout, 1.0),
            ("failedTaskBackoff", d.failed_task_backoff, 0.1),
            ("failedTaskBackoffMax", d.failed_task_backoff_max, 0.1),
        ] {
            if !value.is_finite() || value < least || value > 1e7 {
                let what = format!("is {value}: allowed are {least} to 10000000 seconds");
                found.push((vec!["durations", name], what));
            }
        }
        if self.jitter_percent > 90 {
            found.push((vec!["jitterPercent"], format!("is {}: allowed are 0 to 90", self.jitter_percent)));
        }
        for (name, value) in [
            ("fargateLaunchesPerSecond", self.fargate_launches_per_second),
            ("fargateLaunchBurst", self.fargate_launch_burst),
        ] {
            if !value.is_finite() || !(1.0..=1e6).contains(&value) {
                found.push((vec![name], format!("is {value}: allowed are 1 to 1000000")));
            }
        }
        for (name, percent) in
            [("distributionBatchPercent", self.distribution_batch_percent), ("deepPoolPercent", self.deep_pool_percent)]
        {
            if !(1..=100).contains(&percent) {
                found.push((vec![name], format!("is {percent}: allowed are 1 to 100")));
            }
        }
        let factor = self.failed_task_backoff_factor;
        if !factor.is_finite() || !(1.0..=10.0).contains(&factor) {
            found.push((vec!["failedTaskBackoffFactor"], format!("is {factor}: allowed are 1 to 10")));
        }
        if self.service_launches_per_minute == 0 {
            found.push((vec!["serviceLaunchesPerMinute"], "is 0: allowed is 1 or more".to_owned()));
        }
        found
    }
}
