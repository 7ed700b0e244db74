//! The policy: what the owners allow, parsed into domain types at the edge.

mod contradictions;
mod control;
mod explain;
mod parse;
#[cfg(test)]
mod tests;
mod window;

pub use control::{Control, ScoreUse};
pub use parse::{PolicyMistake, checked, parse, schema};
pub use window::{Day, Once, Weekly, Window, ZoneName};

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ClusterName, ProviderName};
use crate::units::{CpuUnits, Percent, Seconds};

/// The largest policy document: what an Advanced SSM parameter holds. Source: "Parameter tiers",
/// AWS Systems Manager user guide.
pub const MAX_BYTES: usize = 8_192;

/// The policy of one installation.
///
/// Every field has a default, so that an empty document is a valid policy: a dry run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// `dry_run` observes, assesses and plans, and writes nothing to the fleet; `active` writes.
    pub mode: Mode,
    /// Which services are considered: `opt_in` those tagged `spotkeeper:enabled=true`, `opt_out`
    /// all but those tagged `false`.
    pub enrolment: EnrolmentRule,
    /// The clusters to look after, by name; empty means every cluster of the Region.
    #[schemars(length(max = 200))]
    pub clusters: Vec<ClusterName>,
    /// How much may be on Spot.
    pub budget: Budget,
    /// How the ceilings follow the capacity.
    pub control: Control,
    /// Times at which less may be on Spot.
    #[schemars(length(max = 50))]
    pub windows: Vec<Window>,
    /// What makes a service eligible.
    pub rules: Rules,
    /// How fast services are moved.
    pub pace: Pace,
    /// How a move is followed up.
    pub verify: Verify,
    /// Capacity pairs by On-Demand provider name, where the search finds none or several.
    #[schemars(length(max = 100))]
    pub pairs: Vec<NamedPair>,
    /// Budgets of single clusters, instead of the general one: a field that is left out has its
    /// default, not the general budget's value.
    #[schemars(extend("patternErrorMessage" = "an ECS cluster name has 1 to 255 letters, digits, hyphens and underscores"))]
    pub cluster_budgets: BTreeMap<ClusterName, Budget>,
    /// The part of the account's API rates that a run may use, in percent.
    #[schemars(range(min = 1))]
    pub api_rate_percent: Percent,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            mode: Mode::DryRun,
            enrolment: EnrolmentRule::OptIn,
            clusters: Vec::new(),
            budget: Budget::default(),
            control: Control::default(),
            windows: Vec::new(),
            rules: Rules::default(),
            pace: Pace::default(),
            verify: Verify::default(),
            pairs: Vec::new(),
            cluster_budgets: BTreeMap::new(),
            api_rate_percent: Percent::saturating(50),
        }
    }
}

impl Policy {
    /// The budget of a cluster: its own, or the general one.
    #[must_use]
    pub fn budget_of(&self, cluster: &ClusterName) -> &Budget {
        self.cluster_budgets.get(cluster).unwrap_or(&self.budget)
    }
}

/// Whether anything is written to the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is written; a kill switch is honoured all the same.
    DryRun,
    /// Moves are made.
    Active,
}

/// Which services are considered when no tag says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnrolmentRule {
    /// Those tagged `spotkeeper:enabled=true`.
    OptIn,
    /// All but those tagged `spotkeeper:enabled=false`.
    OptOut,
}

/// How much of a cluster, and of a service, may be on Spot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// The most of a cluster's task vCPU that may be on Spot, in percent.
    pub ceiling_percent: Percent,
    /// By how much the share on Spot may grow in one run, in percent of the cluster's task vCPU: one
    /// task at the least. 0 holds it where it is.
    pub step_percent: Percent,
    /// The most of one service's tasks that may be on Spot, in percent.
    pub service_percent: Percent,
    /// The tasks of every service that stay On-Demand.
    #[schemars(range(max = 100_000))]
    pub floor: u32,
    /// How far the Spot tasks of a service may be from the target before a move is worth it, in
    /// percent of its tasks. One task is always within it.
    pub tolerance_percent: Percent,
    /// The most of a service's tasks that may sit in one capacity pool, in percent.
    pub blast_radius_percent: Percent,
    /// The vCPU of a cluster that Savings Plans or reservations cover: only what is above it
    /// counts for the ceiling.
    #[schemars(range(max = 10_000_000))]
    pub commitment_floor_vcpu: u32,
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            ceiling_percent: Percent::saturating(10),
            step_percent: Percent::saturating(5),
            service_percent: Percent::saturating(50),
            floor: 1,
            tolerance_percent: Percent::saturating(10),
            blast_radius_percent: Percent::saturating(25),
            commitment_floor_vcpu: 0,
        }
    }
}

/// What makes a service eligible.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Whether every container must set `stopTimeout` itself; otherwise Fargate's documented
    /// default of 30 s counts, and on EC2 `ec2_default_stop_timeout_seconds`.
    pub require_explicit_stop_timeout: bool,
    /// What `ECS_CONTAINER_STOP_TIMEOUT` is on the container instances. No API shows it: while
    /// this is not set, an EC2 service with a container that leaves `stopTimeout` out is blocked.
    #[schemars(range(max = 3600))]
    pub ec2_default_stop_timeout_seconds: Option<Seconds>,
    /// Which volumes a service may have.
    pub volumes: VolumeLevel,
    /// What is kept free of the two minutes between warning and end.
    #[schemars(range(max = 120))]
    pub drain_margin_seconds: Seconds,
    /// The drain delay of services found by Service Connect, Cloud Map or Lattice alone.
    #[schemars(range(max = 3600))]
    pub discovery_drain_seconds: Seconds,
    /// Whether the `replaceable` rule blocks instead of warning.
    pub replaceable_blocks: bool,
    /// How long a service on Spot may fail a safety rule before it moves down.
    #[schemars(range(max = 604_800))]
    pub grace_seconds: Seconds,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            require_explicit_stop_timeout: false,
            ec2_default_stop_timeout_seconds: None,
            volumes: VolumeLevel::None,
            drain_margin_seconds: Seconds(15),
            discovery_drain_seconds: Seconds(30),
            replaceable_blocks: false,
            grace_seconds: Seconds(900),
        }
    }
}

/// Which volumes a service may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VolumeLevel {
    /// No volume at all.
    None,
    /// Empty bind mounts, which go with the task.
    Scratch,
    /// Empty bind mounts, EFS and FSx.
    Shared,
}

/// How fast services are moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Pace {
    /// How many services of a cluster may be on the way up at once.
    #[schemars(range(min = 1, max = 100))]
    pub services_in_flight: u32,
    /// How many moves up a run may make in a cluster.
    #[schemars(range(min = 0, max = 1000))]
    pub moves_per_run: u32,
    /// How many of a cluster's running tasks the moves up of one run may replace, in percent.
    pub restart_percent: Percent,
    /// How long a service rests after a move up.
    #[schemars(range(max = 604_800))]
    pub rest_seconds: Seconds,
    /// How many of a cluster's tasks one wave of moves down may replace, in percent; a wave has
    /// one move at least.
    pub down_wave_percent: Percent,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            services_in_flight: 5,
            moves_per_run: 20,
            restart_percent: Percent::saturating(20),
            rest_seconds: Seconds(86_400),
            down_wave_percent: Percent::HUNDRED,
        }
    }
}

/// How a move is followed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Verify {
    /// How long everything must hold before a move counts as stable.
    #[schemars(range(max = 3600))]
    pub dwell_seconds: Seconds,
    /// How long to wait between two looks.
    #[schemars(range(min = 1, max = 600))]
    pub poll_seconds: Seconds,
    /// How often a move is written before it is given up.
    #[schemars(range(min = 1, max = 10))]
    pub attempts: u32,
    /// How long tasks may wait for Spot capacity before that is a drought.
    #[schemars(range(max = 3600))]
    pub drought_seconds: Seconds,
    /// The longest deadline of a move. A service whose bake and hook times exceed it is blocked.
    #[schemars(range(min = 10, max = 86_400))]
    pub max_deadline_seconds: Seconds,
    /// What a deadline allows on top of the computed time, in percent of it.
    pub deadline_slack_percent: Percent,
    /// How long it takes from the wish for an instance or a Fargate task until the task runs.
    #[schemars(range(max = 3600))]
    pub launch_seconds: Seconds,
    /// How long a write without an answer is looked for before it counts as not taken: as long as a
    /// read may show the world before the write. Shorter, and a strategy may be written twice.
    /// Source: ECS asks to back off for up to five minutes (`RunTask`, ECS API reference).
    #[schemars(range(min = 1, max = 900))]
    pub unconfirmed_seconds: Seconds,
    /// How long the instances of a group that the capacity lever turns may take to be On-Demand before
    /// its services move by strategy.
    #[schemars(range(min = 60, max = 3600))]
    pub turn_seconds: Seconds,
    /// The first pause of a service that failed; it doubles each time.
    #[schemars(range(max = 2_592_000))]
    pub quarantine_seconds: Seconds,
    /// The longest pause.
    #[schemars(range(max = 31_536_000))]
    pub max_quarantine_seconds: Seconds,
}

impl Default for Verify {
    fn default() -> Verify {
        Verify {
            dwell_seconds: Seconds(120),
            poll_seconds: Seconds(15),
            attempts: 2,
            drought_seconds: Seconds(300),
            max_deadline_seconds: Seconds(3_600),
            deadline_slack_percent: Percent::saturating(50),
            launch_seconds: Seconds(180),
            unconfirmed_seconds: Seconds(300),
            turn_seconds: Seconds(600),
            quarantine_seconds: Seconds(3_600),
            max_quarantine_seconds: Seconds(604_800),
        }
    }
}

/// A capacity pair named by the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedPair {
    /// The On-Demand provider.
    pub on_demand: ProviderName,
    /// The Spot provider.
    pub spot: ProviderName,
}

impl Budget {
    /// The vCPU below which nothing counts for the ceiling.
    #[must_use]
    pub const fn commitment_floor(&self) -> CpuUnits {
        CpuUnits::VCPU.times(self.commitment_floor_vcpu as u64)
    }
}
