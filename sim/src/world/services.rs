//! Services, their deployments, service deployments and service revisions.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::arn::{ServiceKey, short_name};
use super::deployments::{Deployment, Revision, ServiceDeployment};
use super::rules::Rule;
use super::shapes::{DeploymentConfiguration, LaunchType, LoadBalancer, PlacementRule, ServiceRegistry, Tag};
use super::tasks::Task;
use super::{Refusal, TaskId, World};

/// Who carries deployments out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Controller {
    /// ECS itself.
    #[default]
    Ecs,
    /// CodeDeploy.
    CodeDeploy,
    /// A third party, with task sets.
    External,
}

impl Controller {
    /// As AWS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecs => "ECS",
            Self::CodeDeploy => "CODE_DEPLOY",
            Self::External => "EXTERNAL",
        }
    }
}

/// How many tasks a service wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Scheduling {
    /// A number of tasks.
    #[default]
    Replica,
    /// One on each container instance.
    Daemon,
}

/// What a service is, apart from what its revisions carry.
#[derive(Clone, Debug, Default)]
pub struct ServiceSpec {
    /// Who carries deployments out.
    pub controller: Controller,
    /// REPLICA or DAEMON.
    pub scheduling: Scheduling,
    /// How a deployment goes.
    pub deployment_configuration: DeploymentConfiguration,
    /// Where its targets are registered (ARNs, not names).
    pub load_balancers: Vec<LoadBalancer>,
    /// Cloud Map.
    pub service_registries: Vec<ServiceRegistry>,
    /// Service Connect, carried through.
    pub service_connect: Option<Value>,
    /// VPC Lattice, carried through.
    pub vpc_lattice: Option<Value>,
    /// Volumes configured at launch, carried through.
    pub volume_configurations: Option<Value>,
    /// Placement constraints.
    pub placement_constraints: Vec<PlacementRule>,
    /// Placement strategy.
    pub placement_strategy: Vec<PlacementRule>,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// CUSTOMER or ECS (Express).
    pub resource_management_type: Option<String>,
    /// ENABLED or DISABLED.
    pub zone_rebalancing: Option<String>,
    /// Grace before failed health checks count.
    pub health_check_grace_seconds: Option<u32>,
    /// Whether its containers take their whole `stopTimeout`.
    pub ignores_sigterm: bool,
}

/// A service.
#[derive(Clone, Debug)]
pub struct Service {
    /// What tells it from others.
    pub key: ServiceKey,
    /// Its ARN.
    pub arn: String,
    /// ACTIVE, DRAINING or INACTIVE.
    pub status: &'static str,
    /// What it is.
    pub spec: ServiceSpec,
    /// The number of tasks wanted.
    pub desired_count: u32,
    /// The launch type that it was created with: the only one that it can go back to.
    pub created_launch_type: Option<LaunchType>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Service revisions, oldest first.
    pub revisions: Vec<Revision>,
    /// `deployments[]`: PRIMARY first, then those that still have tasks.
    pub deployments: Vec<Deployment>,
    /// Service deployments, newest first.
    pub service_deployments: Vec<ServiceDeployment>,
    /// The latest events, newest first.
    pub events: VecDeque<ServiceEvent>,
    /// Its tasks, those that stopped lately included.
    pub tasks: Vec<TaskId>,
    /// Whether production is on the alternate target groups.
    pub(super) production_is_alternate: bool,
    /// The deployment id and revision that last reached a steady state.
    pub(super) last_completed: Option<(String, String)>,
    pub(super) reconcile_at: Option<Timestamp>,
    pub(super) failures_in_a_row: u32,
    pub(super) hold_starts_until: Option<Timestamp>,
    pub(super) steady_told: bool,
    /// Since when it has all its tasks, healthy and of one deployment.
    pub(super) whole_since: Option<Timestamp>,
    /// When each cause of a placement failure was last told.
    pub(super) told_placement: BTreeMap<super::capacity::NoPlace, Timestamp>,
    pub(super) shortfall: super::meters::Meter,
    /// When it may launch on Fargate again, where the account's rate holds it up.
    pub(super) launch_turn: Option<Timestamp>,
}

/// An entry of a service's event stream.
#[derive(Clone, Debug)]
pub struct ServiceEvent {
    /// Its id.
    pub id: String,
    /// When.
    pub created_at: Timestamp,
    /// What.
    pub message: String,
}

/// How many tasks are running and pending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// RUNNING.
    pub running: u32,
    /// On their way there.
    pub pending: u32,
    /// Wanted: not on their way out.
    pub wanted: u32,
}

impl Service {
    /// The deployment that counts.
    pub fn primary(&self) -> Option<&Deployment> {
        self.deployments.first()
    }

    /// A revision by ARN.
    pub fn revision(&self, arn: &str) -> Option<&Revision> {
        self.revisions.iter().find(|r| r.arn == arn)
    }

    /// The revision of the PRIMARY deployment: what the service "is" now.
    pub fn current(&self) -> Option<&Revision> {
        self.primary().and_then(|d| self.revision(&d.revision))
    }

    /// Whether its targets must be healthy before a task counts.
    pub fn target_groups(&self) -> impl Iterator<Item = &str> {
        self.spec.load_balancers.iter().filter_map(|l| l.target_group_arn.as_deref())
    }

    /// Whether it has a second target group for blue/green deployments.
    pub(super) fn has_alternate_target_group(&self) -> bool {
        self.spec.load_balancers.iter().any(|l| l.alternate().is_some())
    }

    /// Whether `rolloutState` is shown: "only returned for services that use the rolling update
    /// (ECS) deployment type that aren't behind a Classic Load Balancer" (Deployment).
    pub fn shows_rollout_state(&self) -> bool {
        self.spec.controller == Controller::Ecs
            && !self.spec.deployment_configuration.shifts()
            && self.spec.load_balancers.iter().all(|l| l.load_balancer_name.is_none())
    }

    pub(super) fn service_deployment_mut(&mut self, deployment: &str) -> Option<&mut ServiceDeployment> {
        self.service_deployments.iter_mut().find(|d| d.deployment == deployment && !d.status.is_final())
    }
}

impl World {
    /// A service by name or ARN, as reads see it: under stale reads, as it was before a late write.
    pub fn service(&self, cluster: &str, name: &str) -> Option<&Service> {
        let key = ServiceKey::new(cluster, short_name(name));
        let late = self.stale.get(&key).and_then(|old| old.iter().find(|(until, _)| *until > self.now));
        late.map(|(_, service)| service).or_else(|| self.services.get(&key))
    }

    /// A service as it is, stale reads or not: what the answer to a write shows.
    pub fn written_service(&self, key: &ServiceKey) -> Option<&Service> {
        self.services.get(key)
    }

    /// The services of a cluster, by name.
    pub fn services_of<'a>(&'a self, cluster: &'a str) -> impl Iterator<Item = &'a Service> {
        self.services
            .range(ServiceKey::new(cluster, "")..)
            .take_while(move |(k, _)| k.cluster == cluster)
            .map(|(_, s)| s)
    }

    /// A service by name or ARN, or the refusal of ECS.
    pub fn service_or_refusal(&self, cluster: Option<&str>, name: &str) -> Result<&Service, Refusal> {
        let cluster = self.cluster(cluster)?;
        self.service(&cluster.name, name).ok_or_else(Refusal::service_not_found)
    }

    /// Counts tasks of a service; all of them, or those of one deployment or revision.
    pub fn tally(&self, service: &Service, of: impl Fn(&Task) -> bool) -> Tally {
        let mut tally = Tally::default();
        for task in service.tasks.iter().filter_map(|id| self.tasks.get(id)).filter(|t| of(t)) {
            tally.running += u32::from(task.is_running());
            tally.pending += u32::from(task.is_pending(self.settings.provisioning_counts_as_pending));
            tally.wanted += u32::from(task.is_wanted());
        }
        tally
    }

    /// Takes a service out of the world while `f` works on both.
    pub(super) fn with_service<T>(
        &mut self,
        key: &ServiceKey,
        f: impl FnOnce(&mut World, &mut Service) -> T,
    ) -> Option<T> {
        let mut service = self.services.remove(key)?;
        let out = f(self, &mut service);
        self.measure_shortfall(&mut service);
        self.services.insert(key.clone(), service);
        Some(out)
    }

    /// Gives a service another value for a tag; without one the tag is taken away.
    pub fn set_tag(&mut self, key: &ServiceKey, tag: &str, value: Option<&str>) {
        if let Some(service) = self.services.get_mut(key) {
            service.spec.tags.retain(|one| one.key != tag);
            service.spec.tags.extend(value.map(|value| Tag { key: tag.to_owned(), value: value.to_owned() }));
        }
    }

    pub(super) fn tell(&mut self, service: &mut Service, message: impl Into<String>) {
        let event = ServiceEvent {
            id: self.uuid(),
            created_at: self.now,
            message: format!("(service {}) {}", service.key.name, message.into()),
        };
        service.events.push_front(event);
        // "A maximum of 100 of the latest events are displayed" (Service.events).
        if self.holds(Rule::LatestHundredEvents) {
            service.events.truncate(100);
        }
    }

    /// The tasks of a cluster as lists show them: under stale reads, without those that were started
    /// since the late write.
    pub fn listed_tasks<'a>(&'a self, cluster: &'a str) -> impl Iterator<Item = &'a Task> {
        let late =
            |t: &Task| self.stale.contains_key(&t.service).then(|| self.service(cluster, &t.service.name)).flatten();
        let shown = move |t: &&Task| late(t).is_none_or(|service| service.tasks.contains(&t.id));
        self.tasks.values().filter(move |t| t.service.cluster == cluster).filter(shown)
    }

    /// Keeps the service as it is now for readers, if reads are stale.
    pub(super) fn remember_for_stale_reads(&mut self, key: &ServiceKey) {
        let until = super::after(self.now, self.faults.stale_reads_seconds);
        if until <= self.now || !self.holds(Rule::ReadsMayBeStale) {
            return;
        }
        let Some(service) = self.services.get(key).cloned() else {
            return;
        };
        let now = self.now;
        let old = self.stale.entry(key.clone()).or_default();
        old.retain(|(until, _)| *until > now);
        old.push_back((until, service));
    }
}

/// Services by key.
pub(super) type Services = BTreeMap<ServiceKey, Service>;
