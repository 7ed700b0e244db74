//! What the rules can say: one variant for each kind of finding, with its numbers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Level, Rule};
use crate::ids::{ProviderName, ServiceRef};
use crate::observe::{
    Architecture, Compatibility, DeploymentController, Discovery, Family, Gap, Market, ServiceStatus, TagMistake,
    VolumeKind,
};
use crate::plan::Pair;
use crate::policy::VolumeLevel;
use crate::switch::Scope;
use crate::units::{CpuUnits, MemoryMib, Seconds};

/// One thing that a rule found, with the numbers that decided it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    /// How bad it is.
    pub level: Level,
    /// What it is.
    #[serde(flatten)]
    pub finding: Finding,
}

/// What a rule can find. Its `Display` is the sentence that people read: it names the numbers and
/// what to change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
pub enum Finding {
    /// Something that the rule needs could not be read.
    Gap {
        /// What.
        gap: Gap,
    },
    /// The rule rests on what another rule could not find: that one blocks.
    NotJudged {
        /// The other rule.
        needs: Rule,
    },

    /// `enrolment`: no tag enrols it.
    NotEnrolled,
    /// `enrolment`: its tag opts it out.
    OptedOut,
    /// `enrolment`: a tag says something else than it may.
    TagMistake {
        /// The tag.
        mistake: TagMistake,
    },
    /// `enrolment`: its tag freezes it.
    Frozen {
        /// Until when.
        until: Timestamp,
    },
    /// `enrolment`: a kill switch covers it.
    SwitchedOn {
        /// The entry's scope.
        scope: Scope,
        /// The entry's reason.
        reason: String,
        /// When the entry ends by itself.
        until: Option<Timestamp>,
    },

    /// `stop_timeout`: a container may take the whole warning, or more, to stop.
    StopTimeoutTooLong {
        /// The container.
        container: String,
        /// Its effective stop timeout.
        stop_timeout: Seconds,
        /// Where that number comes from.
        from: StopTimeoutFrom,
        /// It must be shorter than this.
        limit: Seconds,
    },
    /// `stop_timeout`: a container leaves it to the agent, whose setting no API shows.
    StopTimeoutUnknown {
        /// The container.
        container: String,
        /// What it would run on.
        family: Family,
    },
    /// `stop_timeout`: a container leaves it out, and the policy wants it said.
    StopTimeoutNotExplicit {
        /// The container.
        container: String,
    },

    /// `redundancy`: one task, or none.
    TooFewTasks {
        /// The desired count.
        desired: u32,
        /// The least.
        least: u32,
    },
    /// `redundancy`: autoscaling may leave one task, or none.
    ScalesTooLow {
        /// The smallest count, scheduled actions included.
        min: u32,
        /// The largest.
        max: u32,
        /// The least.
        least: u32,
    },

    /// `stateless`: a volume that the policy does not allow.
    VolumeNotAllowed {
        /// The volume.
        volume: String,
        /// What backs it.
        kind: VolumeKind,
        /// What the policy allows.
        allowed: VolumeLevel,
    },
    /// `stateless`: its tasks get an EBS volume each at launch.
    VolumeAtLaunch,

    /// `deregistration`: a target group holds on to a target for the whole warning, or longer.
    DeregistrationTooLong {
        /// The target group's ARN.
        target_group: String,
        /// Its delay.
        delay: Seconds,
        /// It must be shorter than this.
        limit: Seconds,
    },
    /// `drain_budget`: draining and stopping do not fit the warning.
    DrainBudgetSpent {
        /// The drain delay.
        delay: Seconds,
        /// Where it comes from.
        delay_from: DelayFrom,
        /// The longest sum of stop timeouts along a `dependsOn` chain.
        stop: Seconds,
        /// That chain, the first to stop first.
        chain: Vec<String>,
        /// What the policy keeps free.
        margin: Seconds,
        /// The sum.
        total: Seconds,
        /// It may be this at the most.
        limit: Seconds,
    },

    /// `replaceable`: ECS may stop no task before its replacement runs.
    NotReplaceable {
        /// `minimumHealthyPercent`.
        minimum_healthy_percent: u32,
    },
    /// `replaceable`: a rolling deployment may neither start nor stop a task.
    NoRollingHeadroom {
        /// The desired count.
        desired: u32,
        /// `minimumHealthyPercent`.
        minimum_healthy_percent: u32,
        /// The tasks that must stay, rounded up.
        lower: u32,
        /// `maximumPercent`.
        maximum_percent: u32,
        /// The tasks that there may be, rounded down.
        upper: u32,
    },

    /// `image`: the tag may point to something newer at the next deployment.
    MutableTag {
        /// The container.
        container: String,
        /// Its image.
        image: String,
    },
    /// `image`: secrets or environment files are read anew at each start.
    ReadsAtStart {
        /// The container.
        container: String,
    },
    /// `image`: every task resolves the tag anew.
    VersionConsistencyOff {
        /// The container.
        container: String,
    },

    /// `discovery`: nothing that drains knows of its tasks.
    NoDrainDelay {
        /// How clients find it.
        discovery: Discovery,
        /// What the policy says they take.
        assumed: Seconds,
    },

    /// `controller`: somebody else runs its deployments.
    ForeignController {
        /// Who.
        controller: DeploymentController,
    },
    /// `controller`: one task per instance.
    DaemonScheduling,
    /// `controller`: ECS Anywhere.
    ExternalLaunchType,
    /// `controller`: an Express service.
    Express,
    /// `controller`: behind a Classic Load Balancer.
    ClassicLoadBalancer {
        /// Its name.
        name: String,
    },

    /// `protection`: tasks are under scale-in protection.
    ProtectedTasks {
        /// How many.
        protected: u32,
        /// Of how many.
        tasks: u32,
    },

    /// `capacity`: its strategy names no provider that could place a task.
    EmptyStrategy,
    /// `capacity`: its strategy uses more than one pair.
    ThirdProvider {
        /// Every provider with a base or a weight.
        providers: Vec<ProviderName>,
    },
    /// `capacity`: a provider buys both Spot and On-Demand.
    MixedMarket {
        /// The provider.
        provider: ProviderName,
    },
    /// `capacity`: no provider fits as the other side.
    NoPartner {
        /// The provider that it uses.
        provider: ProviderName,
        /// What the other side must buy.
        wanted: Market,
        /// The cluster's other providers of the family, and why each does not fit.
        rejected: Vec<Rejection>,
    },
    /// `capacity`: no pair of the family fits a service placed by launch type.
    NoPair {
        /// The family.
        family: Family,
    },
    /// `capacity`: several pairs fit.
    SeveralPairs {
        /// All that fit.
        candidates: Vec<Pair>,
    },
    /// `capacity`: the policy names a pair that is none.
    NamedPairUnfit {
        /// The pair.
        pair: Pair,
        /// Why it is none.
        misfit: Misfit,
    },
    /// `capacity`: a provider is not associated with the cluster.
    NotAssociated {
        /// The provider.
        provider: ProviderName,
    },
    /// `capacity`: a provider is not `ACTIVE`.
    NotActive {
        /// The provider.
        provider: ProviderName,
    },
    /// `capacity`: a group's overrides carry weights.
    WeightedGroup {
        /// The provider.
        provider: ProviderName,
    },
    /// `capacity`: nothing drains the Spot provider's instances before they go.
    DrainingOff {
        /// The provider.
        provider: ProviderName,
    },
    /// `capacity`: nothing launches instances for the Spot provider's tasks.
    ScalingOff {
        /// The provider.
        provider: ProviderName,
    },
    /// `capacity`: the task definition may not be used with the family.
    Incompatible {
        /// The family.
        family: Family,
        /// `requiresCompatibilities`; empty means `EC2`.
        requires: Vec<Compatibility>,
    },
    /// `capacity`: Fargate Spot needs a newer platform version.
    PlatformVersionTooOld {
        /// The version in place.
        version: String,
        /// The least.
        least: String,
    },
    /// `capacity`: Fargate Spot has no Windows.
    WindowsOnFargateSpot,
    /// `capacity`: GPUs, which Fargate has not, and of which a group's types say nothing here.
    GpusNotSupported {
        /// GPUs of one task.
        gpus: u32,
        /// What it would run on.
        family: Family,
    },

    /// `placement`: a task does not fit an instance type of the Spot group.
    DoesNotFit {
        /// The instance type.
        instance_type: String,
        /// CPU of a task.
        cpu: CpuUnits,
        /// CPU left on that type by the daemons.
        cpu_free: CpuUnits,
        /// Memory of a task.
        memory: MemoryMib,
        /// Memory left on that type by the system and the daemons.
        memory_free: MemoryMib,
    },
    /// `placement`: its memory is not stated.
    SizeUnknown,
    /// `placement`: an instance type has another architecture.
    ArchitectureDiffers {
        /// The instance type.
        instance_type: String,
        /// Its architecture.
        has: Architecture,
        /// The task definition's.
        wants: Architecture,
    },
    /// `placement`: a constraint does not hold in all of the Spot group.
    ConstraintUnmet {
        /// The constraint's expression.
        expression: String,
        /// Where it does not hold: an instance type or a zone.
        fails_on: String,
    },
    /// `placement`: a constraint that cannot be checked from outside.
    ConstraintUnknown {
        /// The constraint's expression.
        expression: String,
    },
    /// `placement`: one task an instance, and too few instances.
    OneTaskPerInstance {
        /// The fixed host ports that a task takes; empty where `distinctInstance` says so.
        ports: Vec<u16>,
        /// The Spot tasks that the policy might deal it.
        tasks: u32,
        /// `MaxSize` of the Spot group.
        max_size: u32,
    },
    /// `placement`: a daemon service has the port on every instance.
    PortTaken {
        /// The port.
        port: u16,
        /// The daemon service.
        by: ServiceRef,
    },

    /// `return_path`: On-Demand could not take its Spot tasks back.
    NoWayBack {
        /// Tasks that On-Demand can take within the deadline.
        headroom: u32,
        /// Tasks that it would have to.
        needed: u32,
        /// What bounds it.
        bound: ReturnBound,
    },
    /// `return_path`: an instance type that is not under the quota that is read.
    QuotaNotRead {
        /// The instance type.
        instance_type: String,
    },

    /// `settled`: the cluster is not `ACTIVE`.
    ClusterNotActive,
    /// `settled`: the service is not `ACTIVE`.
    ServiceNotActive {
        /// What it is.
        status: ServiceStatus,
    },
    /// `settled`: ECS is at work on a deployment.
    Deploying {
        /// How many deployments are listed.
        deployments: u32,
    },
    /// `settled`: ECS has given its last deployment up.
    RolloutFailed {
        /// Why, in ECS's words.
        reason: String,
    },
    /// `settled`: tasks are missing.
    BelowDesired {
        /// Tasks that run.
        running: u32,
        /// Tasks that should.
        desired: u32,
    },
    /// `settled`: a deployment would take longer than any move may.
    BakesTooLong {
        /// Bake time.
        bake: Seconds,
        /// Life-cycle hooks.
        hooks: u32,
        /// How long they may hold it.
        hook_time: Seconds,
        /// The longest deadline.
        limit: Seconds,
    },

    /// `quarantine`: the ledger holds it back.
    Quarantined {
        /// Until when.
        until: Timestamp,
        /// Moves up that failed.
        failures: u32,
        /// Moves that were taken back.
        reverts: u32,
        /// Why, as the ledger says.
        reason: String,
    },
}

/// Where an effective stop timeout comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopTimeoutFrom {
    /// The container's `stopTimeout`.
    Container,
    /// Fargate's documented default.
    FargateDefault,
    /// `ec2_default_stop_timeout_seconds` of the policy.
    Policy,
}

/// Where a drain delay comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelayFrom {
    /// Nothing has to let go of its tasks.
    Nothing,
    /// A target group's ARN.
    TargetGroup(String),
    /// `discovery_drain_seconds` of the policy.
    Discovery,
}

/// A provider that was looked at as the other side of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The provider.
    pub provider: ProviderName,
    /// Why it does not fit.
    pub misfit: Misfit,
}

/// Why two providers are no pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Misfit {
    /// One of them was not read.
    Unread,
    /// A strategy may not mix their families.
    Families(Family, Family),
    /// They do not buy On-Demand and Spot: what the first and the second buy.
    Markets(Market, Market),
    /// Their groups are not in the same zones.
    Zones {
        /// Zones of the On-Demand side.
        on_demand: Vec<String>,
        /// Zones of the Spot side.
        spot: Vec<String>,
    },
    /// Neither's subnets are among the other's.
    Subnets,
    /// Their instance types have other architectures.
    Architectures,
    /// Managed Instances with other instance requirements.
    Requirements,
}

/// What bounds the tasks that On-Demand can take back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReturnBound {
    /// The account's vCPU quota.
    Quota {
        /// The quota.
        quota: CpuUnits,
        /// What this cluster uses of it.
        in_use: CpuUnits,
    },
    /// The group's `MaxSize`.
    MaxSize {
        /// `MaxSize`.
        max_size: u32,
        /// `DesiredCapacity`.
        desired: u32,
        /// Tasks that the smallest instance holds.
        tasks_per_instance: u32,
    },
    /// Managed scaling is off: nothing launches instances.
    ManagedScalingOff,
    /// ECS's launch rates, within the deadline.
    LaunchRate {
        /// The time that is left for launching.
        within: Seconds,
    },
}

impl Finding {
    /// Whether it says that something is not known, rather than that something known is wrong: a
    /// service on Spot is held where it is, not moved down.
    #[must_use]
    pub const fn is_gap(&self) -> bool {
        matches!(
            self,
            Finding::Gap { .. }
                | Finding::NotJudged { .. }
                | Finding::StopTimeoutUnknown { .. }
                | Finding::SizeUnknown
                | Finding::ConstraintUnknown { .. }
                | Finding::QuotaNotRead { .. }
        )
    }
}
