//! The changes that would mend what blocks a service.
//!
//! Two rules may fail for one cause, and one change mend both: ELB's default delay of 300 s fails
//! `deregistration` (it is 120 s or more) and `drain_budget` (draining and stopping do not fit 120 s). So what
//! blocks is grouped by the change that mends it, and "fails only" counts changes, not rules.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::assess::{Assessment, DelayFrom, Finding, Level, Rule, SPOT_NOTICE};
use crate::units::Seconds;

/// One change, with everything that it mends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What kind of change.
    pub kind: ChangeKind,
    /// The rules that it mends, in the order of [`Rule::ALL`].
    pub rules: Vec<Rule>,
    /// What to do, in a sentence with its numbers.
    pub what: String,
    /// What a delay or a stop timeout may be at the most, where that is what to change and the other stays.
    pub at_most: Option<Seconds>,
}

/// The kinds of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Tag the service, so that it is enrolled.
    Enrol,
    /// Lower the delays of target groups, or what is assumed in their place.
    DrainDelay,
    /// Set or lower stop timeouts in the task definition.
    StopTimeout,
    /// Run more tasks, or raise the least that autoscaling may set.
    Tasks,
    /// Take volumes out, or allow them in the policy.
    Volumes,
    /// Leave a rolling deployment room to replace tasks.
    RollingRoom,
    /// Shorten bake times and hooks, or allow longer moves.
    DeploymentTime,
    /// Mend what the service's tags say.
    Tags,
    /// Give it one pair of providers that fits.
    Pair,
    /// Make its tasks fit the Spot side's instances.
    Placement,
    /// Let On-Demand take its tasks back in time.
    ReturnPath,
    /// Let it be read: nothing is said of what is not.
    Read,
    /// Wait: it passes by itself.
    Wait,
    /// Release a kill switch.
    Switch,
    /// It is kept off Spot by what it is: another controller, a daemon, ECS Anywhere, GPUs, Windows on Fargate.
    Unsupported,
    /// Its owners have opted out.
    OptedOut,
}

/// What a change asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nature {
    /// The tag by which owners say yes.
    Tag,
    /// Something to mend.
    Mend,
    /// Time.
    Wait,
    /// A reading that is missing.
    Unread,
    /// What is not to be changed.
    Never,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [ChangeKind; 16] = [
        ChangeKind::Enrol,
        ChangeKind::DrainDelay,
        ChangeKind::StopTimeout,
        ChangeKind::Tasks,
        ChangeKind::Volumes,
        ChangeKind::RollingRoom,
        ChangeKind::DeploymentTime,
        ChangeKind::Tags,
        ChangeKind::Pair,
        ChangeKind::Placement,
        ChangeKind::ReturnPath,
        ChangeKind::Read,
        ChangeKind::Wait,
        ChangeKind::Switch,
        ChangeKind::Unsupported,
        ChangeKind::OptedOut,
    ];

    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ChangeKind::Enrol => "enrol",
            ChangeKind::DrainDelay => "drain_delay",
            ChangeKind::StopTimeout => "stop_timeout",
            ChangeKind::Tasks => "tasks",
            ChangeKind::Volumes => "volumes",
            ChangeKind::RollingRoom => "rolling_room",
            ChangeKind::DeploymentTime => "deployment_time",
            ChangeKind::Tags => "tags",
            ChangeKind::Pair => "pair",
            ChangeKind::Placement => "placement",
            ChangeKind::ReturnPath => "return_path",
            ChangeKind::Read => "read",
            ChangeKind::Wait => "wait",
            ChangeKind::Switch => "switch",
            ChangeKind::Unsupported => "unsupported",
            ChangeKind::OptedOut => "opted_out",
        }
    }

    /// What it asks for.
    #[must_use]
    pub const fn nature(self) -> Nature {
        match self {
            ChangeKind::Enrol => Nature::Tag,
            ChangeKind::DrainDelay
            | ChangeKind::StopTimeout
            | ChangeKind::Tasks
            | ChangeKind::Volumes
            | ChangeKind::RollingRoom
            | ChangeKind::DeploymentTime
            | ChangeKind::Tags
            | ChangeKind::Pair
            | ChangeKind::Placement
            | ChangeKind::ReturnPath => Nature::Mend,
            ChangeKind::Read => Nature::Unread,
            ChangeKind::Wait | ChangeKind::Switch => Nature::Wait,
            ChangeKind::Unsupported | ChangeKind::OptedOut => Nature::Never,
        }
    }

    /// What to do, in a few words, for the head of a list.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            ChangeKind::Enrol => "tag it spotkeeper:enabled=true",
            ChangeKind::DrainDelay => "lower the deregistration delay",
            ChangeKind::StopTimeout => "set or lower the stop timeout",
            ChangeKind::Tasks => "run more tasks",
            ChangeKind::Volumes => "take volumes out, or allow them in the policy",
            ChangeKind::RollingRoom => "leave a rolling deployment room",
            ChangeKind::DeploymentTime => "shorten bake times and hooks",
            ChangeKind::Tags => "mend its tags",
            ChangeKind::Pair => "give it a pair of providers that fits",
            ChangeKind::Placement => "make its tasks fit the Spot instances",
            ChangeKind::ReturnPath => "let On-Demand take its tasks back",
            ChangeKind::Read => "let it be read",
            ChangeKind::Wait => "wait",
            ChangeKind::Switch => "release the kill switch",
            ChangeKind::Unsupported => "nothing: it cannot be on Spot",
            ChangeKind::OptedOut => "nothing: its owners opted out",
        }
    }
}

/// The changes that would mend everything that blocks a service, in the order of [`ChangeKind`]; none where
/// nothing does.
#[must_use]
pub fn changes(assessment: &Assessment) -> Vec<Change> {
    let mut found: BTreeMap<ChangeKind, Change> = BTreeMap::new();
    // What draining and stopping must fit together, where it takes both to be shorter.
    let mut together = None;
    for verdict in &assessment.verdicts {
        for reason in verdict.reasons.iter().filter(|reason| reason.level == Level::Block) {
            for Mend { kind, what, at_most, fits } in mends(&reason.finding) {
                let change = found.entry(kind).or_insert_with(|| Change {
                    kind,
                    rules: Vec::new(),
                    what: String::new(),
                    at_most: None,
                });
                if !change.rules.contains(&verdict.rule) {
                    change.rules.push(verdict.rule);
                }
                change.at_most = change.at_most.into_iter().chain(at_most).min();
                together = together.or(fits);
                add(&mut change.what, &what);
            }
        }
    }
    found.into_values().map(|change| finished(change, together)).collect()
}

/// Adds a sentence that is not there yet.
fn add(what: &mut String, sentence: &str) {
    if !what.contains(sentence) {
        if !what.is_empty() {
            what.push_str("; ");
        }
        what.push_str(sentence);
    }
}

/// Says how short a delay must be: so that it mends all that it is to mend.
fn finished(change: Change, together: Option<Seconds>) -> Change {
    if change.kind != ChangeKind::DrainDelay {
        return change;
    }
    match (together, change.at_most) {
        (Some(both), _) => {
            let what = format!("lower {}, so that draining and stopping fit {both} together", change.what);
            Change { what, at_most: None, ..change }
        }
        (None, Some(most)) => Change { what: format!("lower {} to {most} or less", change.what), ..change },
        (None, None) => change,
    }
}

/// What would mend a finding.
struct Mend {
    kind: ChangeKind,
    /// In a sentence; of delays only what is to be lower.
    what: String,
    at_most: Option<Seconds>,
    /// What draining and stopping must fit together, where it takes both to be shorter.
    fits: Option<Seconds>,
}

impl Mend {
    const fn new(kind: ChangeKind, what: String, at_most: Option<Seconds>) -> Mend {
        Mend { kind, what, at_most, fits: None }
    }
}

/// What would mend a finding: one change, or two that it takes together.
fn mends(finding: &Finding) -> Vec<Mend> {
    let one = |kind: ChangeKind| vec![Mend::new(kind, finding.to_string(), None)];
    match finding {
        Finding::Gap { .. }
        | Finding::NotJudged { .. }
        | Finding::SizeUnknown
        | Finding::ConstraintUnknown { .. }
        | Finding::QuotaNotRead { .. } => one(ChangeKind::Read),
        Finding::NotEnrolled => one(ChangeKind::Enrol),
        Finding::OptedOut => one(ChangeKind::OptedOut),
        Finding::TagMistake { .. } => one(ChangeKind::Tags),
        Finding::SwitchedOn { .. } => one(ChangeKind::Switch),
        Finding::StopTimeoutTooLong { .. }
        | Finding::StopTimeoutUnknown { .. }
        | Finding::StopTimeoutNotExplicit { .. } => one(ChangeKind::StopTimeout),
        Finding::TooFewTasks { .. } | Finding::ScalesTooLow { .. } => one(ChangeKind::Tasks),
        Finding::VolumeNotAllowed { .. } | Finding::VolumeAtLaunch => one(ChangeKind::Volumes),
        Finding::DeregistrationTooLong { target_group, delay, .. } => {
            vec![Mend::new(ChangeKind::DrainDelay, delay_of(target_group, *delay), Some(below(SPOT_NOTICE)))]
        }
        Finding::DrainBudgetSpent { delay, delay_from, stop, chain, margin, limit, .. } => {
            let delay_is = match delay_from {
                DelayFrom::TargetGroup(group) => delay_of(group, *delay),
                DelayFrom::Discovery => format!("discovery_drain_seconds in the policy ({delay})"),
                DelayFrom::Nothing => String::new(),
            };
            let stop_is = |most: &str| format!("bring the stop timeouts of {} ({stop}) {most}", chain.join(", then "));
            let for_delay = limit.saturating_sub(margin.saturating_add(*stop));
            let for_stop = limit.saturating_sub(margin.saturating_add(*delay));
            if for_delay.0 > 0 && *delay_from != DelayFrom::Nothing {
                vec![Mend::new(ChangeKind::DrainDelay, delay_is, Some(for_delay))]
            } else if for_stop.0 > 0 {
                let most = format!("to {for_stop} or less");
                vec![Mend::new(ChangeKind::StopTimeout, stop_is(&most), Some(for_stop))]
            } else if *delay_from == DelayFrom::Nothing {
                vec![Mend::new(ChangeKind::StopTimeout, stop_is("down"), None)]
            } else {
                let fits = Some(limit.saturating_sub(*margin));
                vec![
                    Mend { fits, ..Mend::new(ChangeKind::DrainDelay, delay_is, None) },
                    Mend { fits, ..Mend::new(ChangeKind::StopTimeout, stop_is("down"), None) },
                ]
            }
        }
        Finding::NotReplaceable { .. } | Finding::NoRollingHeadroom { .. } => one(ChangeKind::RollingRoom),
        Finding::ForeignController { .. }
        | Finding::DaemonScheduling
        | Finding::ExternalLaunchType
        | Finding::Express
        | Finding::ClassicLoadBalancer { .. }
        | Finding::WindowsOnFargateSpot
        | Finding::GpusNotSupported { .. } => one(ChangeKind::Unsupported),
        Finding::EmptyStrategy
        | Finding::ThirdProvider { .. }
        | Finding::MixedMarket { .. }
        | Finding::NoPartner { .. }
        | Finding::NoPair { .. }
        | Finding::SeveralPairs { .. }
        | Finding::NamedPairUnfit { .. }
        | Finding::NotAssociated { .. }
        | Finding::NotActive { .. }
        | Finding::WeightedGroup { .. }
        | Finding::DrainingOff { .. }
        | Finding::ScalingOff { .. }
        | Finding::Incompatible { .. }
        | Finding::PlatformVersionTooOld { .. } => one(ChangeKind::Pair),
        Finding::DoesNotFit { .. }
        | Finding::ArchitectureDiffers { .. }
        | Finding::ConstraintUnmet { .. }
        | Finding::OneTaskPerInstance { .. }
        | Finding::PortTaken { .. } => one(ChangeKind::Placement),
        Finding::NoWayBack { .. } => one(ChangeKind::ReturnPath),
        Finding::BakesTooLong { .. } => one(ChangeKind::DeploymentTime),
        Finding::Frozen { .. }
        | Finding::ProtectedTasks { .. }
        | Finding::ClusterNotActive
        | Finding::ServiceNotActive { .. }
        | Finding::Deploying { .. }
        | Finding::RolloutFailed { .. }
        | Finding::BelowDesired { .. }
        | Finding::Quarantined { .. } => one(ChangeKind::Wait),
        // These only warn.
        Finding::MutableTag { .. }
        | Finding::ReadsAtStart { .. }
        | Finding::VersionConsistencyOff { .. }
        | Finding::NoDrainDelay { .. } => Vec::new(),
    }
}

fn delay_of(target_group: &str, delay: Seconds) -> String {
    format!("deregistration_delay.timeout_seconds of target group {target_group} ({delay})")
}

/// The longest whole time that is shorter.
const fn below(limit: Seconds) -> Seconds {
    limit.saturating_sub(Seconds(1))
}
