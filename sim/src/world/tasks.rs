//! Tasks and their life: PROVISIONING, PENDING, ACTIVATING, RUNNING, DEACTIVATING, STOPPING,
//! DEPROVISIONING, STOPPED ("Amazon ECS task lifecycle", developer guide).

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::arn::ServiceKey;
use super::deployments::ContainerImage;
use super::faults::StartFailure;
use super::rules::Rule;
use super::services::{Scheduling, Service};
use super::shapes::LaunchType;
use super::task_definitions::TaskDefinition;
use super::{Event, InstanceId, TaskId, World};

/// A task's `lastStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS documents them")]
pub enum Phase {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

/// A task's state in its target groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetState {
    /// Health checks have not passed yet.
    Initial,
    /// They have.
    Healthy,
    /// Deregistered, connections drain.
    Draining,
}

/// A task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its id, the last part of its ARN.
    pub id: TaskId,
    /// Its ARN.
    pub arn: String,
    /// Its service.
    pub service: ServiceKey,
    /// The deployment that started it (`startedBy`).
    pub deployment: String,
    /// The service revision that it runs.
    pub revision: String,
    /// Its task definition.
    pub task_definition: Arc<TaskDefinition>,
    /// Whether it is registered with the alternate target groups.
    pub alternate: bool,
    /// Its images by digest.
    pub images: Vec<ContainerImage>,
    /// Whether its service is a DAEMON.
    pub daemon: bool,
    /// The provider, where the service has a strategy.
    pub provider: Option<String>,
    /// What it runs on.
    pub launch_type: LaunchType,
    /// Where it stands.
    pub phase: Phase,
    /// Whether it waits for capacity.
    pub waiting: bool,
    /// Whether its `desiredStatus` is STOPPED.
    pub doomed: bool,
    /// The instance that it is on.
    pub instance: Option<InstanceId>,
    /// The zone that it is in.
    pub zone: String,
    /// Its subnet, where it has an interface of its own.
    pub subnet: Option<String>,
    /// Its address.
    pub ip: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it came to RUNNING.
    pub started_at: Option<Timestamp>,
    /// When it was told to stop.
    pub stopping_at: Option<Timestamp>,
    /// When it had stopped.
    pub stopped_at: Option<Timestamp>,
    /// Why, as a code.
    pub stop_code: Option<&'static str>,
    /// Why, in words.
    pub stopped_reason: Option<String>,
    /// The containers' exit code.
    pub exit_code: Option<i32>,
    /// Scale-in protection, until then.
    pub protected_until: Option<Timestamp>,
    /// Its state in the target groups.
    pub target: Option<TargetState>,
    /// Counts its changes.
    pub version: u64,
    /// Counts its steps on the calendar: only the latest is good.
    pub(super) step: u64,
}

impl Task {
    /// RUNNING.
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// On its way to RUNNING.
    pub fn is_pending(&self, provisioning_counts: bool) -> bool {
        self.is_wanted()
            && (matches!(self.phase, Phase::Pending | Phase::Activating)
                || (provisioning_counts && self.phase == Phase::Provisioning))
    }

    /// Not told to stop, and not stopped.
    pub fn is_wanted(&self) -> bool {
        !self.doomed && self.phase < Phase::Deactivating
    }

    /// Running, and its targets healthy where it has any.
    pub fn is_healthy(&self) -> bool {
        self.is_wanted() && self.is_running() && matches!(self.target, None | Some(TargetState::Healthy))
    }

    /// Whether scale-in protection holds it.
    pub fn is_protected(&self, now: Timestamp) -> bool {
        self.protected_until.is_some_and(|until| until > now)
    }
}

impl World {
    /// Starts a task of the PRIMARY deployment.
    pub(super) fn start_task(&mut self, service: &mut Service, provider: Option<String>) -> Option<TaskId> {
        let (deployment, alternate) = service.primary().map(|d| (d.id.clone(), d.alternate))?;
        let revision = service.current()?;
        let launch_type = match provider.as_deref() {
            Some(name) => self.provider(&service.key.cluster, name)?.launch_type(),
            None => revision.launch_type.unwrap_or(LaunchType::Ec2),
        };
        let id = self.hex(32);
        let subnet = revision.network.as_ref().and_then(|n| {
            let subnets = &n.awsvpc_configuration.subnets;
            (!subnets.is_empty()).then(|| subnets[service.tasks.len() % subnets.len()].clone())
        });
        let zone = subnet.as_deref().and_then(|s| self.subnets.get(s)).map(|s| s.zone.clone());
        let task = Task {
            arn: self.arns.ecs(&format!("task/{}/{id}", service.key.cluster)),
            id: id.clone(),
            service: service.key.clone(),
            deployment,
            revision: revision.arn.clone(),
            task_definition: revision.task_definition.clone(),
            alternate,
            images: revision.images.clone(),
            daemon: service.spec.scheduling == Scheduling::Daemon,
            provider,
            launch_type,
            phase: Phase::Provisioning,
            waiting: true,
            doomed: false,
            instance: None,
            zone: zone.unwrap_or_else(|| format!("{}a", self.arns.region)),
            subnet,
            ip: String::new(),
            created_at: self.now,
            started_at: None,
            stopping_at: None,
            stopped_at: None,
            stop_code: None,
            stopped_reason: None,
            exit_code: None,
            protected_until: None,
            target: None,
            version: 0,
            step: 0,
        };
        service.tasks.push(id.clone());
        self.waiting.entry(service.key.cluster.clone()).or_default().insert(id.clone());
        self.tasks.insert(id.clone(), task);
        self.put_task_event(&id);
        if self.find_capacity(service, &id).is_ok() {
            self.placed(&id);
        } else {
            self.schedule_placement(&service.key.cluster);
        }
        Some(id)
    }

    /// Puts the task's next step on the calendar; whatever was there for it is void.
    pub(super) fn step_after(&mut self, id: &TaskId, seconds: f64) {
        let wait = self.jittered(seconds);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.step += 1;
        let step = task.step;
        self.schedule(wait, Event::TaskStep { task: id.clone(), step });
    }

    /// A step of the life cycle.
    pub(super) fn task_step(&mut self, id: &TaskId, step: u64) {
        let Some(task) = self.tasks.get(id).filter(|t| t.step == step) else {
            return;
        };
        let key = task.service.clone();
        self.with_service(&key, |world, service| {
            world.advance_task(service, id);
            world.reconcile_soon(service);
        });
    }

    fn advance_task(&mut self, service: &mut Service, id: &TaskId) {
        let before = self.tasks.get(id).map(|t| t.phase);
        self.take_step(service, id);
        // One that has stopped has told so itself.
        if self.tasks.get(id).is_some_and(|t| Some(t.phase) != before && t.phase != Phase::Stopped) {
            self.put_task_event(id);
        }
    }

    fn take_step(&mut self, service: &mut Service, id: &TaskId) {
        let d = self.settings.durations.clone();
        let behind_target_group = service.target_groups().next().is_some();
        let now = self.now;
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        match task.phase {
            Phase::Pending if self.faults.start_failure(task).is_some() => {
                let why = self.faults.start_failure(task).map_or("", StartFailure::reason);
                task.stop_code = Some("TaskFailedToStart");
                task.stopped_reason = Some(why.to_owned());
                task.doomed = true;
                task.stopping_at = Some(now);
                task.phase = Phase::Deprovisioning;
                let deployment = task.deployment.clone();
                self.step_after(id, d.deprovisioning);
                self.tell(service, format!("failed to launch a task with (error {why})."));
                self.task_failed(service, &deployment);
            }
            Phase::Provisioning => {
                task.phase = Phase::Pending;
                self.step_after(id, d.pending);
            }
            Phase::Pending if self.faults.crashes(task) => {
                task.exit_code = Some(1);
                task.stop_code = Some("EssentialContainerExited");
                task.stopped_reason = Some("Essential container in task exited".to_owned());
                task.doomed = true;
                task.stopping_at = Some(now);
                task.phase = Phase::Deprovisioning;
                let deployment = task.deployment.clone();
                self.step_after(id, d.deprovisioning);
                self.task_failed(service, &deployment);
            }
            Phase::Pending if behind_target_group => {
                task.phase = Phase::Activating;
                self.step_after(id, d.activating);
            }
            Phase::Pending | Phase::Activating => {
                task.phase = Phase::Running;
                task.started_at = Some(now);
                if behind_target_group {
                    task.target = Some(TargetState::Initial);
                    self.step_after(id, d.target_healthy);
                } else {
                    let deployment = task.deployment.clone();
                    self.task_became_healthy(service, &deployment);
                }
            }
            Phase::Running => {
                task.target = Some(TargetState::Healthy);
                let deployment = task.deployment.clone();
                self.task_became_healthy(service, &deployment);
            }
            Phase::Deactivating => {
                task.target = None;
                self.begin_stopping(service, id);
            }
            Phase::Stopping => self.containers_exited(service, id),
            Phase::Deprovisioning => self.task_stopped(id),
            Phase::Stopped => {
                self.tasks.remove(id);
                service.tasks.retain(|t| t != id);
            }
        }
    }

    /// SIGTERM: containers that heed it are soon gone; the others are killed after `stopTimeout`.
    pub(super) fn begin_stopping(&mut self, service: &Service, id: &TaskId) {
        let resists = service.spec.ignores_sigterm && self.holds(Rule::StopTimeoutKills);
        let heeds = self.settings.durations.stopping;
        let add_up = self.holds(Rule::StopTimeoutsAddUp);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.phase = Phase::Stopping;
        let timeout =
            if add_up { task.task_definition.stop_timeout() } else { task.task_definition.longest_stop_timeout() };
        let wait = if resists { f64::from(timeout) } else { heeds };
        if resists {
            task.exit_code = Some(137);
        }
        self.step_after(id, wait);
    }

    /// The containers have exited, or were killed.
    fn containers_exited(&mut self, service: &Service, id: &TaskId) {
        let delay = self.deregistration_delay(service, id);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.phase = Phase::Deprovisioning;
        let killed = task.exit_code.get_or_insert(0) == &137;
        let in_service = task.target.take().is_some();
        self.felt.killed_by_timeout += u64::from(killed);
        if in_service {
            self.cut_targets(service, delay);
        }
        self.step_after(id, self.settings.durations.deprovisioning);
    }

    pub(super) fn task_stopped(&mut self, id: &TaskId) {
        let now = self.now;
        self.leave_place(id);
        self.no_longer_waits(id);
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.phase = Phase::Stopped;
        task.doomed = true;
        task.target = None;
        task.stopped_at = Some(now);
        let cluster = task.service.cluster.clone();
        self.put_task_event(id);
        // What it held is there for others.
        self.schedule_placement_if_waiting(&cluster);
        // "Stopped tasks … are visible … for at least 1 hour".
        let visible =
            if self.holds(Rule::StoppedTasksStayAnHour) { self.settings.durations.stopped_visible } else { 0.0 };
        self.step_after(id, visible);
    }

    /// Tells a task to stop. In a service behind a target group: "the service scheduler …
    /// deregisters from the load balancer and waits for connections to drain", then SIGTERM, then
    /// SIGKILL after `stopTimeout` (UpdateService).
    pub(super) fn stop_task(&mut self, service: &Service, id: &TaskId, code: &'static str, reason: &str) {
        let delay = if self.holds(Rule::DeregistrationDelay) { self.deregistration_delay(service, id) } else { 0.0 };
        let now = self.now;
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        if task.doomed || task.phase >= Phase::Deactivating {
            return;
        }
        task.doomed = true;
        task.stopping_at = Some(now);
        task.stop_code = Some(code);
        task.stopped_reason = Some(reason.to_owned());
        if task.waiting {
            return self.task_stopped(id);
        }
        let was_running = task.phase == Phase::Running;
        task.phase = Phase::Deactivating;
        let drains = was_running && task.target.is_some();
        task.target = drains.then_some(TargetState::Draining);
        self.put_task_event(id);
        self.step_exactly_after(id, if drains { delay } else { 0.0 });
    }

    /// Like [`World::step_after`], but to the second: a deregistration delay has no jitter.
    fn step_exactly_after(&mut self, id: &TaskId, seconds: f64) {
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.step += 1;
        let step = task.step;
        self.schedule(seconds, Event::TaskStep { task: id.clone(), step });
    }
}
