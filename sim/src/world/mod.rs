//! The simulated account: pure and seeded. Time moves only through [`World::advance`].
//!
//! | file | what is in it |
//! |---|---|
//! | `clusters` | clusters and capacity providers |
//! | `services`, `deployments` | services; deployments, service deployments and revisions |
//! | `update_service` | what UpdateService refuses, and what starts a deployment |
//! | `by_hand`, `groups_by_hand`, `scaling_by_hand` | what else people change |
//! | `scheduler` | the service scheduler: which tasks start and stop |
//! | `placement` | base and weights |
//! | `capacity` | where a task gets its place |
//! | `waiting` | tasks that wait for capacity |
//! | `constraints` | `distinctInstance` and `memberOf` |
//! | `rollout` | the beginning and the end of a deployment |
//! | `traffic`, `hooks` | blue/green, linear and canary deployments; their lifecycle hooks |
//! | `circuit_breaker` | failed tasks, roll-back, stopping a deployment |
//! | `tasks` | the life of a task |
//! | `groups`, `managed_scaling`, `managed_instances` | Auto Scaling groups; who launches instances |
//! | `pools`, `schedule`, `allocation`, `quotas` | what EC2 has to give, which pool is taken, and limits |
//! | `instances` | instances from launch to end, and the tasks on them |
//! | `interruptions` | reclaims, the two minutes, draining, rebalance recommendations |
//! | `event_bridge` | the events that AWS sends |
//! | `meters` | what users feel and pay |
//! | `rules` | the traps that are modelled, for the test that switches them off |
//! | `images` | which digest a tag resolves to |
//! | `elb` | target groups |
//! | `autoscaling`, `schedule_expression` | scripted load, scheduled actions |
//! | `prices`, `placement_scores` | Spot prices over time; Spot placement scores |
//! | `records` | subnets, quotas |
//! | `settings` | what AWS leaves undocumented, and durations |
//! | `faults`, `set_fault`, `counters`, `buckets` | for tests: what goes wrong, what was asked, token buckets |
//! | `setup` | how a world is put together |

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

mod allocation;
pub mod arn;
pub mod autoscaling;
pub mod buckets;
pub mod by_hand;
mod capacity;
pub mod circuit_breaker;
pub mod clusters;
pub mod constraints;
pub mod counters;
mod deployment_configuration;
pub mod deployments;
mod distribution;
pub mod elb;
pub mod event_bridge;
pub mod faults;
pub mod groups;
pub mod groups_by_hand;
pub mod hooks;
mod images;
pub mod instances;
mod interruptions;
mod managed_instances;
mod managed_scaling;
pub mod meters;
pub mod placement;
pub mod placement_scores;
pub mod pools;
pub mod prices;
mod quotas;
pub mod records;
mod refusal;
mod rollout;
pub mod rules;
pub mod scaling_by_hand;
pub mod schedule;
pub mod schedule_expression;
mod scheduler;
pub mod services;
mod set_fault;
pub mod settings;
pub mod setup;
pub mod shapes;
pub mod task_definitions;
pub mod tasks;
pub mod traffic;
pub mod update_service;
mod waiting;

#[cfg(test)]
mod tests;

pub use arn::{Arns, ServiceKey};
pub use refusal::Refusal;
pub use settings::Settings;

/// The last part of a task's ARN.
pub type TaskId = String;

/// An EC2 instance's id.
pub type InstanceId = String;

/// What is on the calendar.
#[derive(Clone, Debug)]
enum Event {
    /// A task's next step; void when the task has another step on the calendar since.
    TaskStep { task: TaskId, step: u64 },
    /// The scheduler looks at a service.
    Reconcile { service: ServiceKey },
    /// Waiting tasks of a cluster are looked at again.
    PlaceWaiting { cluster: String },
    /// Managed scaling has decided.
    ScaleGroup { group: String, desired: u32 },
    /// A group that could not launch tries again.
    RetryLaunch { group: String },
    /// An instance registers with its cluster.
    InstanceReady { instance: InstanceId },
    /// An instance may have been empty for long.
    InstanceIdle { instance: InstanceId },
    /// A pool's schedule has come to another count.
    PoolChanges { pool: pools::PoolKey },
    /// ECS or the agent has noticed an interruption warning.
    DrainInstance { instance: InstanceId },
    /// The two minutes of an instance are over.
    InstanceReclaimed { instance: InstanceId },
    /// The two minutes of a Fargate Spot task are over.
    FargateTaskReclaimed { task: TaskId },
    /// A scalable target's load has come to another count.
    Scale { resource_id: String },
    /// A scale-in that a deployment held up is tried again.
    ScaleInAgain { resource_id: String },
    /// A scheduled action is due.
    ScheduledAction { resource_id: String, name: String, at: Timestamp },
    /// Instances that are being replaced may go.
    LeavingGo { group: String },
}

/// One AWS account in one Region.
#[derive(Clone, Debug)]
pub struct World {
    start: Timestamp,
    now: Timestamp,
    seed: u64,
    /// How its ARNs are spelt.
    pub arns: Arns,
    /// What AWS leaves undocumented.
    pub settings: Settings,
    /// Clusters by name.
    pub clusters: BTreeMap<String, clusters::Cluster>,
    /// Capacity providers by name.
    pub providers: BTreeMap<String, clusters::Provider>,
    /// Task definitions by family and revision.
    pub task_definitions: BTreeMap<(String, u32), Arc<task_definitions::TaskDefinition>>,
    /// Tasks by id.
    pub tasks: BTreeMap<TaskId, tasks::Task>,
    /// Auto Scaling groups by name.
    pub groups: BTreeMap<String, groups::Group>,
    /// Launch templates by name.
    pub launch_templates: BTreeMap<String, groups::LaunchTemplate>,
    /// Instance types by name.
    pub instance_types: BTreeMap<String, groups::InstanceType>,
    /// Instances by id.
    pub instances: BTreeMap<InstanceId, instances::Instance>,
    /// Capacity pools.
    pub pools: BTreeMap<pools::PoolKey, pools::Pool>,
    /// Target groups by ARN.
    pub target_groups: BTreeMap<String, elb::TargetGroup>,
    /// Subnets by id.
    pub subnets: BTreeMap<String, records::Subnet>,
    /// Scalable targets.
    pub scalable_targets: Vec<autoscaling::ScalableTarget>,
    /// Scheduled actions.
    pub scheduled_actions: Vec<autoscaling::ScheduledAction>,
    /// Service quotas.
    pub quotas: Vec<records::Quota>,
    /// What is made to go wrong.
    pub faults: faults::Faults,
    /// What was asked.
    pub counters: counters::Counters,
    /// The API's token buckets.
    pub buckets: buckets::Buckets,
    /// What Spot placement scores were asked for, and when last.
    placement_configurations: BTreeMap<String, Timestamp>,
    /// The account's launch rates.
    launches: buckets::Buckets,
    /// The last turn that was given out of each.
    launch_turns: BTreeMap<&'static str, Timestamp>,
    services: services::Services,
    meters: meters::VcpuMeters,
    felt: meters::Felt,
    /// How the services' healthy tasks changed, where that is kept.
    health_log: Option<meters::HealthLog>,
    /// Events that nobody has taken yet.
    bus: VecDeque<event_bridge::BusEvent>,
    /// The rule that a test has switched off.
    rule_off: Option<rules::Rule>,
    /// Services as readers still see them, each until a time.
    stale: BTreeMap<ServiceKey, VecDeque<(Timestamp, services::Service)>>,
    /// How often each image's tag was pushed since the start.
    pushes: BTreeMap<String, u32>,
    /// Tasks that wait for capacity, by cluster.
    waiting: BTreeMap<String, BTreeSet<TaskId>>,
    /// Clusters whose waiting tasks are on the calendar.
    placements_due: BTreeSet<String>,
    rng: fastrand::Rng,
    calendar: BTreeMap<(Timestamp, u64), Event>,
    scheduled: u64,
}

/// A time so many seconds after another; the end of time where there is no such time.
pub fn after(at: Timestamp, seconds: f64) -> Timestamp {
    SignedDuration::try_from_secs_f64(seconds).ok().and_then(|d| at.checked_add(d).ok()).unwrap_or(Timestamp::MAX)
}

impl World {
    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets everything happen that is due up to `to`, in order. Time never goes back.
    pub fn advance(&mut self, to: Timestamp) {
        while let Some(entry) = self.calendar.first_entry() {
            if entry.key().0 > to {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = self.now.max(at);
            self.happen(event);
        }
        self.now = self.now.max(to);
    }

    /// Lets so many seconds pass.
    pub fn advance_by(&mut self, seconds: f64) {
        self.advance(after(self.now, seconds));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::TaskStep { task, step } => self.task_step(&task, step),
            Event::Reconcile { service } => self.reconcile_due(&service),
            Event::PlaceWaiting { cluster } => {
                self.placements_due.remove(&cluster);
                self.place_waiting_tasks(&cluster);
            }
            Event::ScaleGroup { group, desired } => self.scale_group(&group, desired),
            Event::RetryLaunch { group } => self.retry_launch(&group),
            Event::InstanceReady { instance } => self.instance_ready(&instance),
            Event::InstanceIdle { instance } => self.instance_idle(&instance),
            Event::PoolChanges { pool } => self.pool_changes(pool),
            Event::DrainInstance { instance } => self.drain_instance(&instance),
            Event::InstanceReclaimed { instance } => self.instance_reclaimed(&instance),
            Event::FargateTaskReclaimed { task } => self.fargate_task_reclaimed(&task),
            Event::Scale { resource_id } => self.scale_due(resource_id),
            Event::ScaleInAgain { resource_id } => self.scale(&resource_id),
            Event::ScheduledAction { resource_id, name, at } => self.run_scheduled_action(resource_id, name, at),
            Event::LeavingGo { group } => self.let_leaving_go(&group),
        }
    }

    fn schedule(&mut self, seconds: f64, event: Event) {
        self.scheduled += 1;
        self.calendar.insert((after(self.now, seconds.max(0.0)), self.scheduled), event);
    }

    /// The duration, spread by the account's jitter.
    fn jittered(&mut self, seconds: f64) -> f64 {
        let part = f64::from(self.settings.jitter_percent) / 100.0;
        seconds * (1.0 + part * (self.rng.f64() * 2.0 - 1.0))
    }

    /// So many hexadecimal digits.
    fn hex(&mut self, digits: usize) -> String {
        (0..digits).filter_map(|_| char::from_digit(self.rng.u32(0..16), 16)).collect()
    }

    fn uuid(&mut self) -> String {
        let h = self.hex(31);
        format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[12..15], &h[15..18], &h[18..30])
    }

    /// The short random ids of service deployments.
    fn short_id(&mut self) -> String {
        (0..21).map(|_| self.rng.alphanumeric()).collect()
    }

    /// A capacity provider as a cluster sees it: a Managed Instances provider belongs to one.
    pub fn provider(&self, cluster: &str, name: &str) -> Option<&clusters::Provider> {
        self.providers.get(name).filter(|p| match &p.kind {
            clusters::ProviderKind::ManagedInstances(m) => {
                m.cluster == cluster || !self.holds(rules::Rule::ManagedInstancesBelongToACluster)
            }
            _ => true,
        })
    }

    /// The keys of all services.
    pub fn service_keys(&self) -> impl Iterator<Item = &ServiceKey> {
        self.services.keys()
    }
}
