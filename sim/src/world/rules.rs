//! The traps of ECS and EC2 Spot that this simulator models, each a rule that a test can switch off:
//! a trap counts as modelled only if its test fails without the rule (`tests/rules/`).

use super::World;

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// A rule. `sim/README.md` says which trap it is and where it is kept.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Rule {
            /// Every rule, in the order of the README's table.
            pub const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

rules! {
    /// A change of the strategy must be forced.
    StrategyChangeMustBeForced,
    /// The same providers in another order are no change.
    OrderIsNoChange,
    /// A desired count that is passed is taken, whoever scales the service.
    DesiredCountIsTaken,
    /// A forced deployment replaces every task, even with the same strategy.
    ForcedDeploymentReplacesAll,
    /// A forced deployment resolves image tags again.
    TagsResolveAgain,
    /// A family without a revision means the latest ACTIVE one.
    FamilyMeansLatest,
    /// An empty strategy goes back to the launch type of the service's creation, and to no other.
    BackToTheFirstLaunchTypeOnly,
    /// The task definition must list what the strategy runs on.
    TaskDefinitionMustFit,
    /// At most 20 providers in a strategy.
    AtMostTwentyProviders,
    /// A base is at most 100,000, a weight at most 1,000.
    BaseAndWeightHaveRanges,
    /// Only one provider of a strategy has a base.
    OneBase,
    /// Some provider of a strategy has a weight.
    SomeWeight,
    /// The providers of a strategy are of one type.
    OneProviderType,
    /// A provider must be associated with the cluster.
    ProviderMustBeAssociated,
    /// A provider must be ACTIVE or UPDATING.
    ProviderMustBeActive,
    /// PutClusterCapacityProviders replaces the whole list.
    PutProvidersReplacesTheList,
    /// A Managed Instances provider belongs to one cluster.
    ManagedInstancesBelongToACluster,
    /// The base of a provider is placed before the weights share the rest.
    BaseComesFirst,
    /// A provider of weight 0 takes no task, base or not.
    WeightZeroTakesNoTask,
    /// A strategy is looked at when a task is placed, and never again.
    SplitAtPlacementOnly,
    /// A service keeps the default strategy that its cluster had when it was created.
    DefaultStrategyIsCopied,
    /// Scale-in does not look at the strategy.
    ScaleInForgetsTheStrategy,
    /// Fargate Spot runs Linux on platform versions of its own.
    FargateSpotPlatforms,
    /// Managed scaling reckons with the smallest type of the group.
    SmallestTypeDecides,
    /// Instances that drain are no capacity: managed scaling launches others beside them.
    DrainingIsNoCapacity,
    /// A group does not grow above MaxSize.
    MaxSizeBinds,
    /// No more than 500 tasks of a cluster wait for an instance at once.
    ProvisioningIsLimited,
    /// A task that waits for an instance is given up after 10 to 30 minutes.
    ProvisioningTimesOut,
    /// A group without an On-Demand percentage is On-Demand.
    AbsentPercentageIsOnDemand,
    /// A group that gets no Spot launches no On-Demand instead.
    GroupsDoNotFallBack,
    /// A group's running instances follow a new On-Demand base or percentage.
    GroupsFollowTheirDistribution,
    /// Services of CODE_DEPLOY and EXTERNAL refuse a strategy and a forced deployment.
    ForeignControllersRefuse,
    /// DAEMON services have no strategy.
    DaemonsHaveNoStrategy,
    /// Services on ECS Anywhere have no strategy.
    ExternalInstancesHaveNoStrategy,
    /// Tasks under scale-in protection block a deployment.
    ProtectionBlocksDeployments,
    /// Blue/green, linear and canary deployments keep the old tasks until the bake time is over.
    TrafficShifts,
    /// A deployment waits for the hooks of its stage.
    HooksHoldTheirStage,
    /// A hook that does not answer in time rolls back.
    HooksTimeOut,
    /// A lifecycle stage that lasts too long is rolled back.
    StagesTimeOut,
    /// A deployment that shifts traffic and lasts too long is rolled back.
    DeploymentsTimeOut,
    /// A rolling deployment may succeed before the service is steady.
    EarlySuccessEndsEarly,
    /// A container that outlasts `stopTimeout` is killed.
    StopTimeoutKills,
    /// Stop timeouts along a chain of `dependsOn` add up.
    StopTimeoutsAddUp,
    /// Connections drain for the deregistration delay before SIGTERM.
    DeregistrationDelay,
    /// A target group that sets no deregistration delay has one of 300 seconds.
    DelayDefaultsToFiveMinutes,
    /// A Spot warning comes two minutes before the end.
    TwoMinuteWarning,
    /// A draining instance's tasks are replaced within minimum and maximum healthy percent.
    DrainKeepsMinimumHealthy,
    /// PENDING tasks of a draining instance are stopped at once.
    DrainStopsPendingTasks,
    /// Without managed draining or the agent's setting, tasks die with their instance.
    DrainingMustBeOn,
    /// Fargate Spot may send SIGTERM while the target is in service.
    FargateSpotStopOrder,
    /// The agent hears nothing of Capacity Rebalancing: only managed draining covers it.
    AgentMissesRebalancing,
    /// Capacity Rebalancing launches the replacement before the instance goes.
    RebalancingReplacesFirst,
    /// Fewer than three instance types always score low.
    FewTypesScoreLow,
    /// Scores name zones by their ID.
    ScoresNameZoneIds,
    /// A score is asked for by types or by requirements, never both.
    TypesOrRequirements,
    /// Requirements must match three instance types.
    RequirementsMatchThreeTypes,
    /// New configurations of a Spot placement score are limited by the day.
    NewConfigurationsAreLimited,
    /// A zone may be absent from the scores.
    ZonesMayBeAbsent,
    /// A deployment keeps `minimumHealthyPercent` of the tasks.
    MinimumHealthyBinds,
    /// A deployment starts no more than `maximumPercent` of the tasks.
    MaximumPercentBinds,
    /// Minimum and maximum of 100 % are refused: they block deployments.
    MinimumAndMaximumLeaveRoom,
    /// A new deployment supersedes one that is under way.
    NewDeploymentSupersedes,
    /// Only rolling deployments show a rollout state.
    RolloutStateOfRollingOnly,
    /// The circuit breaker is for rolling deployments only.
    BreakerIsForRollingOnly,
    /// A healthy task resets what the circuit breaker has counted.
    HealthyTaskResetsTheBreaker,
    /// The circuit breaker has a threshold of at least 3 failures.
    CircuitBreakerThreshold,
    /// A FAILED deployment starts no task.
    FailedDeploymentStartsNothing,
    /// A roll-back restores the whole revision, strategy included.
    RollbackRestoresTheStrategy,
    /// A placement failure is no failed task.
    PlacementFailureIsNoFailedTask,
    /// In a drought a service may show no task that waits.
    DroughtMayShowNothingPending,
    /// An alarm fails the deployment that watches it.
    AlarmsFailDeployments,
    /// An alarm that was raised before the deployment counts for nothing.
    AlarmsRaisedBeforeAreIgnored,
    /// A rolling deployment is complete only after its bake time.
    RollingDeploymentsBake,
    /// Tasks that fail again and again are started more and more slowly.
    FailedTasksSlowRestarts,
    /// Stopping a deployment rolls it back, configured or not.
    StoppingRollsBackAnyway,
    /// A service launches 500 tasks a minute on Fargate.
    ServiceLaunchRate,
    /// The account launches 20 Fargate tasks a second.
    FargateLaunchRate,
    /// API calls take tokens from the documented buckets.
    TokenBuckets,
    /// DescribeServices takes at most 10 services.
    TenServicesACall,
    /// ListServices answers 10 at a time unless asked for more.
    ListServicesInTens,
    /// ListTasks by the desired status PENDING finds nothing.
    PendingTasksAreNotListed,
    /// A service shows its launch type or its strategy, never both.
    LaunchTypeOrStrategy,
    /// What is not found is in `failures[]`, and no error.
    MissingIsAFailure,
    /// A service shows its latest 100 events.
    LatestHundredEvents,
    /// Stopped tasks can be described for an hour.
    StoppedTasksStayAnHour,
    /// A read just after a write may show the world before it.
    ReadsMayBeStale,
    /// Interruption warnings name an instance, and no cluster.
    InterruptionsNameNoCluster,
    /// The events of a task are numbered, so that a repeat can be told.
    TaskEventsHaveVersions,
    /// The events of a service are not.
    ServiceActionsHaveNoVersion,
    /// Placement failures name the provider.
    PlacementFailuresNameTheProvider,
    /// Nothing is scaled in while a deployment runs.
    ScaleInOffDuringDeployments,
    /// Pools give no more than their schedule says.
    PoolsAreFinite,
    /// vCPU quotas bind at launch.
    VcpuQuotas,
    /// Placement keeps to `distinctInstance` and `memberOf`.
    PlacementConstraints,
    /// Two tasks with the same static host port do not share an instance.
    StaticHostPorts,
}

impl World {
    /// Whether a rule is kept: every rule is, but in the test that switches one off.
    pub(crate) fn holds(&self, rule: Rule) -> bool {
        self.rule_off != Some(rule)
    }

    /// The seconds of a timeout; without its rule, longer than any test.
    pub(super) fn unless_off(&self, rule: Rule, seconds: f64) -> f64 {
        if self.holds(rule) { seconds } else { 1e9 }
    }
}
