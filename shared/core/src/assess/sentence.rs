//! The sentence of each finding.

use std::fmt::{Display, Formatter, Result};

use super::{DelayFrom, Finding, Misfit, ReturnBound, StopTimeoutFrom};
use crate::observe::{Architecture, Compatibility, DeploymentController, Discovery, Market, ServiceStatus, VolumeKind};
use crate::policy::VolumeLevel;

impl Display for Finding {
    // One arm a sentence, and no `_` arm: a new finding does not compile until it has one.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Finding::Gap { gap } => write!(f, "{gap}"),
            Finding::NotJudged { needs } => write!(f, "not judged: see {needs}"),
            Finding::NotEnrolled => f.write_str("not enrolled: tag the service spotkeeper:enabled=true"),
            Finding::OptedOut => f.write_str("opted out by its tag spotkeeper:enabled=false"),
            Finding::TagMistake { mistake } => {
                write!(f, "the tag {}={:?} means nothing: it may be {}", mistake.tag, mistake.value, mistake.allowed)
            }
            Finding::Frozen { until } => write!(f, "frozen until {until} by its tag spotkeeper:freeze-until"),
            Finding::SwitchedOn { scope, reason, until } => {
                write!(f, "the kill switch {scope} is on ({reason})")?;
                until.map_or(Ok(()), |until| write!(f, " until {until}"))
            }
            Finding::StopTimeoutTooLong { container, stop_timeout, from, limit } => {
                let setting = match from {
                    StopTimeoutFrom::Container => "stopTimeout",
                    StopTimeoutFrom::FargateDefault => "Fargate's default stop timeout",
                    StopTimeoutFrom::Policy => "the policy's ec2_default_stop_timeout_seconds",
                };
                write!(f, "container {container} has {stop_timeout} to stop ({setting}): set stopTimeout below {limit}")
            }
            Finding::StopTimeoutUnknown { container, family } => write!(
                f,
                "container {container} leaves stopTimeout to the agent, and on {family} no API shows that: set \
                 stopTimeout, or ec2_default_stop_timeout_seconds in the policy"
            ),
            Finding::StopTimeoutNotExplicit { container } => {
                write!(f, "container {container} sets no stopTimeout, which the policy requires: set it")
            }
            Finding::TooFewTasks { desired, least } => {
                write!(f, "the desired count is {desired}: run {least} tasks or more")
            }
            Finding::ScalesTooLow { min, max, least } => {
                write!(f, "autoscaling may set {min} to {max} tasks: raise the minimum to {least} or more")
            }
            Finding::VolumeNotAllowed { volume, kind, allowed } => {
                let remedy = match (kind, allowed) {
                    (VolumeKind::Scratch, VolumeLevel::None) => "remove it, or allow volumes: scratch in the policy",
                    (VolumeKind::Efs | VolumeKind::Fsx, VolumeLevel::None | VolumeLevel::Scratch) => {
                        "remove it, or allow volumes: shared in the policy"
                    }
                    _ => "remove it: no policy allows this kind",
                };
                write!(f, "volume {volume} is {}: {remedy}", volume_kind(*kind))
            }
            Finding::VolumeAtLaunch => {
                f.write_str("each task gets an EBS volume at launch: remove volumeConfigurations from the service")
            }
            Finding::DeregistrationTooLong { target_group, delay, limit } => write!(
                f,
                "target group {target_group} holds on for {delay}: set deregistration_delay.timeout_seconds below {limit}"
            ),
            Finding::DrainBudgetSpent { delay, delay_from, stop, chain, margin, total, limit } => {
                let drains = match delay_from {
                    DelayFrom::Nothing => "no draining".to_owned(),
                    DelayFrom::TargetGroup(arn) => format!("{delay} of draining ({arn})"),
                    DelayFrom::Discovery => format!("{delay} of draining (discovery_drain_seconds)"),
                };
                write!(
                    f,
                    "{drains}, {stop} of stopping ({}) and {margin} of margin are {total}: bring the sum to {limit} or less",
                    chain.join(", then ")
                )
            }
            Finding::NotReplaceable { minimum_healthy_percent } => write!(
                f,
                "minimumHealthyPercent is {minimum_healthy_percent}: ECS cannot replace a task before its instance goes; \
                 set it below 100"
            ),
            Finding::NoRollingHeadroom { desired, minimum_healthy_percent, lower, maximum_percent, upper } => write!(
                f,
                "of {desired} tasks {lower} must stay (minimumHealthyPercent {minimum_healthy_percent}) and {upper} may \
                 run (maximumPercent {maximum_percent}): a rolling deployment can replace none; lower the one or raise \
                 the other"
            ),
            Finding::MutableTag { container, image } => write!(
                f,
                "container {container} runs {image} by tag: a forced deployment may bring another image; pin it by digest"
            ),
            Finding::ReadsAtStart { container } => write!(
                f,
                "container {container} reads secrets or environment files at each start: new tasks may differ from the old"
            ),
            Finding::VersionConsistencyOff { container } => write!(
                f,
                "container {container} has versionConsistency disabled: every task resolves its tag anew; enable it"
            ),
            Finding::NoDrainDelay { discovery, assumed } => write!(
                f,
                "clients find it by {} alone, which has no known drain delay: {assumed} is assumed \
                 (discovery_drain_seconds)",
                discoveries(*discovery)
            ),
            Finding::ForeignController { controller } => {
                let who = match controller {
                    DeploymentController::Ecs => "ECS",
                    DeploymentController::CodeDeploy => "CODE_DEPLOY",
                    DeploymentController::External => "EXTERNAL",
                };
                write!(f, "its deployment controller is {who}, which refuses or drops a strategy: use ECS")
            }
            Finding::DaemonScheduling => f.write_str("it is a DAEMON service: one task an instance, wherever that is"),
            Finding::ExternalLaunchType => {
                f.write_str("it runs on ECS Anywhere, which capacity providers do not manage")
            }
            Finding::Express => f.write_str("it is an Express service, which ECS manages itself"),
            Finding::ClassicLoadBalancer { name } => write!(
                f,
                "it is behind the Classic Load Balancer {name}, which capacity providers do not support: use a target group"
            ),
            Finding::ProtectedTasks { protected, tasks } => {
                write!(f, "{protected} of its {tasks} tasks are under scale-in protection, which stalls deployments")
            }
            Finding::EmptyStrategy => f.write_str("its strategy gives no provider a base or a weight"),
            Finding::ThirdProvider { providers } => write!(
                f,
                "its strategy uses {}, which are not one On-Demand and one Spot provider",
                join(providers.iter())
            ),
            Finding::MixedMarket { provider } => write!(
                f,
                "provider {provider} buys both Spot and On-Demand, or reservations: split it into one of each"
            ),
            Finding::NoPartner { provider, wanted, rejected } => {
                write!(f, "the cluster has no {} provider that fits {provider}", market(*wanted))?;
                for rejection in rejected {
                    write!(f, "; {} does not: {}", rejection.provider, rejection.misfit)?;
                }
                f.write_str("; associate one, or name the pair in the policy")
            }
            Finding::NoPair { family } => {
                write!(f, "the cluster has no On-Demand and Spot providers of {family} that fit each other")
            }
            Finding::SeveralPairs { candidates } => {
                write!(f, "several pairs fit: {}; name one in the policy", join(candidates.iter()))
            }
            Finding::NamedPairUnfit { pair, misfit } => write!(f, "the policy names the pair {pair}, but {misfit}"),
            Finding::NotAssociated { provider } => {
                write!(f, "provider {provider} is not associated with the cluster: associate it")
            }
            Finding::NotActive { provider } => write!(f, "provider {provider} is not ACTIVE"),
            Finding::WeightedGroup { provider } => write!(
                f,
                "the group of provider {provider} has weighted overrides, which capacity providers do not support"
            ),
            Finding::DrainingOff { provider } => write!(
                f,
                "managed draining of provider {provider} is off: its tasks would die with their instances; turn it on"
            ),
            Finding::ScalingOff { provider } => {
                write!(f, "managed scaling of provider {provider} is off: tasks find only the instances that are there")
            }
            Finding::Incompatible { family, requires } => {
                let asked = match requires.as_slice() {
                    [] => "nothing, which means EC2,".to_owned(),
                    listed => join(listed.iter().map(|one| compatibility(*one))),
                };
                write!(f, "its task definition has {asked} in requiresCompatibilities and cannot run on {family}")
            }
            Finding::PlatformVersionTooOld { version, least } => {
                write!(f, "its platform version is {version}: Fargate Spot needs {least} or newer, or LATEST")
            }
            Finding::WindowsOnFargateSpot => f.write_str("Fargate Spot does not run Windows containers"),
            Finding::GpusNotSupported { gpus, family } => {
                write!(f, "a task asks for {gpus} GPUs: whether they can be had on {family} Spot is not known")
            }
            Finding::DoesNotFit { instance_type, cpu, cpu_free, memory, memory_free } => write!(
                f,
                "a task needs {} CPU units and {memory}, but {instance_type} of the Spot group has {} CPU units and \
                 {memory_free} to give: shrink the task, or take that type out",
                cpu.0, cpu_free.0
            ),
            Finding::SizeUnknown => {
                f.write_str("its task definition states no memory, for the task or for every container")
            }
            Finding::ArchitectureDiffers { instance_type, has, wants } => write!(
                f,
                "{instance_type} of the Spot group is {}, its tasks need {}",
                architecture(*has),
                architecture(*wants)
            ),
            Finding::ConstraintUnmet { expression, fails_on } => {
                write!(f, "its placement constraint {expression:?} does not hold on {fails_on} of the Spot group")
            }
            Finding::ConstraintUnknown { expression } => {
                write!(f, "whether its placement constraint {expression:?} holds in the Spot group cannot be told")
            }
            Finding::OneTaskPerInstance { ports, tasks, max_size } => {
                let why = match ports.as_slice() {
                    [] => "distinctInstance".to_owned(),
                    ports => format!("host ports {}", join(ports.iter())),
                };
                write!(
                    f,
                    "an instance holds one task ({why}): {tasks} Spot tasks do not fit the Spot group's {max_size} instances"
                )
            }
            Finding::PortTaken { port, by } => {
                write!(f, "host port {port} is taken on every instance by the daemon service {by}")
            }
            Finding::NoWayBack { headroom, needed, bound } => {
                write!(f, "On-Demand could take {headroom} tasks back in time, {needed} would have to come: {bound}")
            }
            Finding::QuotaNotRead { instance_type } => write!(
                f,
                "{instance_type} of the On-Demand group is not a Standard instance, whose quota is the only one read"
            ),
            Finding::ClusterNotActive => f.write_str("the cluster is not ACTIVE"),
            Finding::ServiceNotActive { status } => {
                let status = match status {
                    ServiceStatus::Active => "ACTIVE",
                    ServiceStatus::Draining => "DRAINING",
                    ServiceStatus::Inactive => "INACTIVE",
                };
                write!(f, "the service is {status}")
            }
            Finding::Deploying { deployments } => write!(f, "a deployment is in progress ({deployments} listed)"),
            Finding::RolloutFailed { reason } => write!(f, "its last deployment failed: {reason}"),
            Finding::BelowDesired { running, desired } => write!(f, "{running} of {desired} tasks run"),
            Finding::BakesTooLong { bake, hooks, hook_time, limit } => write!(
                f,
                "a deployment may bake for {bake} and be held for {hook_time} by {hooks} hooks, longer than a move may \
                 take ({limit}): shorten them, or raise max_deadline_seconds"
            ),
            Finding::Quarantined { until, failures, reverts, reason } => {
                write!(f, "held back until {until} after {failures} failures and {reverts} reverts: {reason}")
            }
        }
    }
}

impl Display for Misfit {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Misfit::Unread => f.write_str("it could not be read"),
            Misfit::Families(one, other) => write!(f, "a strategy cannot mix {one} and {other}"),
            Misfit::Markets(one, other) => {
                write!(f, "they buy {} and {}, not On-Demand and Spot", market(*one), market(*other))
            }
            Misfit::Zones { on_demand, spot } => {
                write!(f, "On-Demand is in {}, Spot in {}", on_demand.join(", "), spot.join(", "))
            }
            Misfit::Subnets => f.write_str("their subnets differ"),
            Misfit::Architectures => f.write_str("their instance types have other architectures"),
            Misfit::Requirements => f.write_str("their instance requirements differ"),
        }
    }
}

impl Display for ReturnBound {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            ReturnBound::Quota { quota, in_use } => {
                write!(f, "the account's On-Demand quota is {quota}, of which this cluster uses {in_use}; raise it")
            }
            ReturnBound::MaxSize { max_size, desired, tasks_per_instance } => write!(
                f,
                "the On-Demand group has {desired} of at most {max_size} instances with room for {tasks_per_instance} \
                 tasks each; raise MaxSize"
            ),
            ReturnBound::ManagedScalingOff => {
                f.write_str("managed scaling of the On-Demand provider is off; turn it on")
            }
            ReturnBound::LaunchRate { within } => {
                write!(f, "{within} are left for launching before the deadline; raise max_deadline_seconds")
            }
        }
    }
}

fn join(items: impl Iterator<Item = impl Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

const fn market(market: Market) -> &'static str {
    match market {
        Market::OnDemand => "On-Demand",
        Market::Spot => "Spot",
        Market::Mixed => "mixed",
    }
}

const fn architecture(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X8664 => "X86_64",
        Architecture::Arm64 => "ARM64",
    }
}

const fn compatibility(compatibility: Compatibility) -> &'static str {
    match compatibility {
        Compatibility::Ec2 => "EC2",
        Compatibility::Fargate => "FARGATE",
        Compatibility::External => "EXTERNAL",
        Compatibility::ManagedInstances => "MANAGED_INSTANCES",
    }
}

const fn volume_kind(kind: VolumeKind) -> &'static str {
    match kind {
        VolumeKind::Scratch => "an empty bind mount",
        VolumeKind::HostPath => "a path of the instance",
        VolumeKind::Docker => "a Docker volume",
        VolumeKind::Efs => "on EFS",
        VolumeKind::Fsx => "on FSx",
        VolumeKind::EbsAtLaunch => "an EBS volume",
        VolumeKind::Unknown => "of a kind that this version does not know",
    }
}

fn discoveries(discovery: Discovery) -> String {
    let Discovery { service_connect, cloud_map, lattice } = discovery;
    let named = [(service_connect, "Service Connect"), (cloud_map, "Cloud Map"), (lattice, "VPC Lattice")];
    join(named.into_iter().filter(|(used, _)| *used).map(|(_, name)| name))
}
