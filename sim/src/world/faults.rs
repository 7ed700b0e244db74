//! What can be made to go wrong.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::tasks::Task;

/// A fault, as `POST /_sim/faults` takes it: `{"fault": "...", ..., "on": true}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// New tasks of a service exit before they run; with `provider`, only those on it.
    NewTasksCrash {
        /// The cluster.
        cluster: String,
        /// The service.
        service: String,
        /// Only tasks on this provider.
        #[serde(default)]
        provider: Option<String>,
    },
    /// New tasks of a service are stopped before their containers start.
    TasksCannotStart {
        /// The cluster.
        cluster: String,
        /// The service.
        service: String,
        /// Why.
        why: StartFailure,
    },
    /// Spot cannot be had on a provider, or on `all`.
    SpotUnavailable {
        /// The provider's name, or `all`.
        provider: String,
    },
    /// A drought in one pool: it gives no Spot beyond what is held.
    Drought {
        /// Such as `m5.large/eu-west-1a` or `FARGATE_SPOT/eu-west-1a`.
        pool: String,
    },
    /// A pool gives this much Spot from now on, instead of its schedule (once). What is held above it
    /// is reclaimed.
    SetObtainable {
        /// Such as `m5.large/eu-west-1a`.
        pool: String,
        /// The count; absent: no limit.
        #[serde(default)]
        count: Option<u32>,
    },
    /// EC2 (or Fargate) takes Spot instances (or tasks) of a pool back (once).
    Reclaim {
        /// Such as `m5.large/eu-west-1a`.
        pool: String,
        /// How many; absent: all.
        #[serde(default = "all")]
        count: u32,
    },
    /// EC2 recommends to rebalance away from instances of a pool (once).
    RebalanceRecommendation {
        /// Such as `m5.large/eu-west-1a`.
        pool: String,
        /// How many; absent: all.
        #[serde(default = "all")]
        count: u32,
    },
    /// Placement scores are these, whatever the pools give.
    PlacementScore {
        /// A zone of the account; absent: every zone, and the Region.
        #[serde(default)]
        zone: Option<String>,
        /// From 1 to 10; absent: there is no score.
        #[serde(default)]
        score: Option<u32>,
    },
    /// The functions of a service's lifecycle hooks answer FAILED.
    HookFails {
        /// The cluster.
        cluster: String,
        /// The service.
        service: String,
    },
    /// A CloudWatch alarm is in ALARM: deployments that watch it fail.
    Alarm {
        /// Its name, as in `deploymentConfiguration.alarms`.
        name: String,
    },
    /// The write takes effect; then the connection is closed without an answer.
    LoseAnswer {
        /// Such as `ecs:UpdateService`.
        action: String,
        /// How often.
        #[serde(default = "once")]
        times: u32,
    },
    /// Somebody deploys (once).
    Deploy {
        /// The cluster.
        cluster: String,
        /// The service.
        service: String,
        /// The task definition; absent: the same.
        #[serde(default)]
        task_definition: Option<String>,
        /// The strategy; absent: the same.
        #[serde(default)]
        capacity_provider_strategy: Option<Vec<super::shapes::StrategyItem>>,
    },
    /// Somebody writes the strategy (or launch type) back that the service had before (once).
    RevertStrategy {
        /// The cluster.
        cluster: String,
        /// The service.
        service: String,
    },
    /// The image's tag resolves to a new digest from now on (once).
    PushImage {
        /// The image as task definitions name it.
        image: String,
    },
    /// IAM refuses an action, where the request names something with this text in it.
    Deny {
        /// Such as `ecs:DescribeTaskDefinition`.
        action: String,
        /// Part of the resource's name; absent: every resource.
        #[serde(default)]
        resource: String,
    },
    /// A service is deleted (once).
    VanishService {
        /// The cluster.
        cluster: String,
        /// The service.
        service: String,
        /// Whether it is still described, as INACTIVE.
        #[serde(default)]
        inactive: bool,
    },
    /// The next calls of an action are throttled.
    Throttle {
        /// Such as `ecs:DescribeServices`.
        action: String,
        /// How many calls.
        #[serde(default = "once")]
        times: u32,
    },
    /// Somebody, or autoscaling, changes the desired count (once).
    SetDesiredCount {
        /// The cluster.
        cluster: String,
        /// The service.
        service: String,
        /// The new count.
        desired_count: u32,
    },
    /// Reads of a service show it as it was before a write, for that long.
    StaleReads {
        /// Virtual seconds; 0 switches it off.
        seconds: f64,
    },
    /// Answers of an action are held until it is switched off. `before: true` holds the call before
    /// it takes effect.
    Hold {
        /// Such as `ecs:UpdateService`.
        action: String,
        /// Whether the call is held before it takes effect.
        #[serde(default)]
        before: bool,
    },
}

fn once() -> u32 {
    1
}

fn all() -> u32 {
    u32::MAX
}

/// Why a task is stopped before its containers start ("Amazon ECS TaskFailedToStart errors" and
/// "CannotPullContainer task errors", developer guide).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartFailure {
    /// Its subnet has no free address.
    Addresses,
    /// Its image is not there.
    Image,
}

impl StartFailure {
    /// The task's `stoppedReason`.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Addresses => {
                "Unexpected EC2 error while attempting to Create Network Interface: InsufficientFreeAddressesInSubnet"
            }
            Self::Image => "CannotPullContainerError: pull image manifest has been retried 5 time(s): not found",
        }
    }
}

/// A rule for tasks that crash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Crash {
    /// The cluster.
    pub cluster: String,
    /// The service.
    pub service: String,
    /// Only tasks on this provider.
    pub provider: Option<String>,
}

/// The faults that are on.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Faults {
    /// Services whose new tasks crash.
    pub new_tasks_crash: Vec<Crash>,
    /// Services, as `cluster/service`, whose new tasks cannot start, and why.
    pub tasks_cannot_start: BTreeMap<String, StartFailure>,
    /// Providers that have no Spot capacity; `all` for every one.
    pub spot_unavailable: BTreeSet<String>,
    /// Placement scores by zone, or of `all`; none where a zone is absent from the answers.
    pub placement_scores: BTreeMap<String, Option<u32>>,
    /// Services, as `cluster/service`, whose lifecycle hooks fail.
    pub hooks_fail: BTreeSet<String>,
    /// Alarms that are in ALARM.
    pub alarms: BTreeSet<String>,
    /// Answers to be lost, by action.
    pub lose_answer: BTreeMap<String, u32>,
    /// Actions that are denied, with a part of the resource.
    pub deny: BTreeSet<(String, String)>,
    /// Calls to be throttled, by action.
    pub throttle: BTreeMap<String, u32>,
    /// How long reads show the world before a write.
    pub stale_reads_seconds: f64,
    /// Actions whose answers are held; whether before the effect.
    pub hold: BTreeMap<String, bool>,
}

impl Faults {
    /// Whether Spot cannot be had on this provider.
    pub fn is_dry(&self, provider: &str) -> bool {
        self.spot_unavailable.contains("all") || self.spot_unavailable.contains(provider)
    }

    /// The placement score that a zone, or the Region, is to have, if one is: none stands for no score.
    pub fn placement_score(&self, zone: Option<&str>) -> Option<Option<u32>> {
        let of_zone = zone.and_then(|zone| self.placement_scores.get(zone));
        of_zone.or_else(|| self.placement_scores.get("all")).copied()
    }

    /// Why this task cannot start, if it cannot.
    pub fn start_failure(&self, task: &Task) -> Option<StartFailure> {
        self.tasks_cannot_start.get(&task.service.to_string()).copied()
    }

    /// Whether this task is to crash.
    pub fn crashes(&self, task: &Task) -> bool {
        self.new_tasks_crash.iter().any(|c| {
            c.cluster == task.service.cluster
                && c.service == task.service.name
                && c.provider.as_ref().is_none_or(|p| task.provider.as_ref() == Some(p))
        })
    }

    /// Whether the answer to this call is to be lost; counts it.
    pub fn loses_answer(&mut self, action: &str) -> bool {
        take_one(&mut self.lose_answer, action)
    }

    /// Whether this call is to be throttled; counts it.
    pub fn throttles(&mut self, action: &str) -> bool {
        take_one(&mut self.throttle, action)
    }

    /// Whether a call that names these things is denied.
    pub fn denies(&self, action: &str, request: &str) -> bool {
        self.deny.iter().any(|(a, resource)| a == action && request.contains(resource))
    }
}

fn take_one(map: &mut BTreeMap<String, u32>, action: &str) -> bool {
    let Some(left) = map.get_mut(action) else {
        return false;
    };
    *left = left.saturating_sub(1);
    if *left == 0 {
        map.remove(action);
    }
    true
}
