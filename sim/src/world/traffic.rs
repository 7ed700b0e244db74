//! Blue/green, linear and canary deployments: the lifecycle stages, hooks, traffic shift and bake time.
//!
//! "Blue/green …: running two identical production environments called blue and green"
//! (DeploymentConfiguration.strategy): the new revision is started whole beside the old one, traffic
//! is shifted at once, in equal steps, or a little first, and the old tasks stay until the bake time
//! is over.

use jiff::Timestamp;
use serde::Serialize;

use super::circuit_breaker::Cause;
use super::deployments::{ServiceDeployment, ServiceDeploymentStatus};
use super::hooks::{Hook, Verdict};
use super::rules::Rule;
use super::services::Service;
use super::shapes::{DeploymentConfiguration, DeploymentStrategy, HookStage};
use super::tasks::{Phase, Task};
use super::{World, after};

/// `ServiceDeploymentLifecycleStage`, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS documents them")]
pub enum LifecycleStage {
    ReconcileService,
    PreScaleUp,
    ScaleUp,
    PostScaleUp,
    TestTrafficShift,
    PostTestTrafficShift,
    /// The text of `lifecycleStage` lists it, its enumeration does not: it is answered as the stage
    /// that follows.
    #[serde(rename = "PRODUCTION_TRAFFIC_SHIFT")]
    PreProductionTrafficShift,
    ProductionTrafficShift,
    PostProductionTrafficShift,
    BakeTime,
    CleanUp,
}

impl LifecycleStage {
    const ALL: [Self; 11] = [
        Self::ReconcileService,
        Self::PreScaleUp,
        Self::ScaleUp,
        Self::PostScaleUp,
        Self::TestTrafficShift,
        Self::PostTestTrafficShift,
        Self::PreProductionTrafficShift,
        Self::ProductionTrafficShift,
        Self::PostProductionTrafficShift,
        Self::BakeTime,
        Self::CleanUp,
    ];

    fn next(self) -> Self {
        let n = Self::ALL.iter().position(|s| *s == self).unwrap_or(0);
        Self::ALL.get(n + 1).copied().unwrap_or(self)
    }

    /// The hooks that are called when the stage begins. "For linear and canary deployments" those
    /// of PRE_PRODUCTION_TRAFFIC_SHIFT "before every traffic shift step", those of
    /// PRODUCTION_TRAFFIC_SHIFT "at every traffic shift step" (DeploymentLifecycleHook).
    pub(super) fn hook_point(self) -> Option<HookStage> {
        match self {
            Self::ReconcileService => Some(HookStage::ReconcileService),
            Self::PreScaleUp => Some(HookStage::PreScaleUp),
            Self::PostScaleUp => Some(HookStage::PostScaleUp),
            Self::TestTrafficShift => Some(HookStage::TestTrafficShift),
            Self::PostTestTrafficShift => Some(HookStage::PostTestTrafficShift),
            Self::PreProductionTrafficShift => Some(HookStage::PreProductionTrafficShift),
            Self::ProductionTrafficShift => Some(HookStage::ProductionTrafficShift),
            Self::PostProductionTrafficShift => Some(HookStage::PostProductionTrafficShift),
            Self::ScaleUp | Self::BakeTime | Self::CleanUp => None,
        }
    }
}

/// How far a deployment that shifts traffic has come.
#[derive(Clone, Debug)]
pub struct Shift {
    /// The stage that it is in.
    pub stage: LifecycleStage,
    /// Percent of the production traffic that the new revision has, or had before a roll-back.
    pub production_weight: f64,
    /// The hooks of the stage, or of this step of it, those that have ended included.
    pub hooks: Vec<Hook>,
    /// The revision that has the rest of the traffic.
    blue: Option<String>,
    /// Seconds that the stage, or this step of it, lasts once its hooks are done.
    lasts: f64,
    /// When it is over; `None` while its hooks hold it.
    until: Option<Timestamp>,
}

/// A revision's percent of the traffic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrafficWeight {
    /// `requestedTestTrafficWeight`.
    pub test: f64,
    /// `requestedProductionTrafficWeight`.
    pub production: f64,
}

impl ServiceDeployment {
    /// `lifecycleStage`: of a rolling deployment too, which only scales up.
    pub fn lifecycle_stage(&self) -> Option<LifecycleStage> {
        if self.status != ServiceDeploymentStatus::InProgress {
            return None;
        }
        Some(self.shift.as_ref().map_or(LifecycleStage::ScaleUp, |s| s.stage))
    }

    /// The traffic that a revision has by this deployment; `None` where it rolls. "PRE_SCALE_UP … The
    /// blue service revision is handling 100% of the production traffic. There is no test traffic …
    /// POST_TEST_TRAFFIC_SHIFT … The green service revision handles 100% of the test traffic"
    /// (ServiceDeployment.lifecycleStage). A roll-back gives blue all of it.
    pub fn traffic_weight(&self, revision: &str) -> Option<TrafficWeight> {
        let shift = self.shift.as_ref()?;
        let tests = shift.stage >= LifecycleStage::TestTrafficShift;
        let green = match self.rollback {
            Some(_) => TrafficWeight { test: 0.0, production: 0.0 },
            None => TrafficWeight { test: if tests { 100.0 } else { 0.0 }, production: shift.production_weight },
        };
        Some(match revision {
            r if r == self.target_revision => green,
            r if Some(r) == shift.blue.as_deref() => TrafficWeight { test: 0.0, production: 100.0 - green.production },
            _ => TrafficWeight { test: 0.0, production: 0.0 },
        })
    }
}

impl World {
    /// The beginning of a deployment's shift; `None` where it rolls.
    pub(super) fn new_shift(&self, service: &Service) -> Option<Shift> {
        let shifts = service.spec.deployment_configuration.shifts() && self.holds(Rule::TrafficShifts);
        shifts.then_some(Shift {
            // "The reconciliation stage that only happens when you start a new service deployment
            // with more than 1 service revision in an ACTIVE state."
            stage: if service.deployments.len() > 1 {
                LifecycleStage::ReconcileService
            } else {
                LifecycleStage::PreScaleUp
            },
            production_weight: 0.0,
            hooks: Vec::new(),
            blue: service.last_completed.as_ref().map(|(_, revision)| revision.clone()),
            lasts: 0.0,
            until: None,
        })
    }

    /// Enters the first stage of a deployment that has just begun, where it shifts traffic.
    pub(super) fn begin_shift(&mut self, service: &mut Service) {
        if let Some(stage) = self.shift_stage(service) {
            self.enter(service, stage, 0.0, 0.0);
        }
    }

    /// The stage that the service's deployment is in, where it shifts traffic and is not rolled back.
    pub(super) fn shift_stage(&self, service: &Service) -> Option<LifecycleStage> {
        let newest = service.service_deployments.first()?;
        let under_way = matches!(newest.status, ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress);
        newest.shift.as_ref().filter(|_| under_way).map(|s| s.stage)
    }

    /// Whether a task of an older deployment stays for now: blue serves until the bake time is over.
    /// What is neither blue nor green goes at the reconciliation stage, as far as nobody misses it.
    pub(super) fn stays_beside(&self, service: &Service, task: &Task) -> bool {
        self.shift_stage(service).is_some_and(|stage| match stage {
            LifecycleStage::ReconcileService => is_blue(service, task),
            stage => stage < LifecycleStage::CleanUp,
        })
    }

    /// Takes a shift on from stage to stage, as far as it has come.
    pub(super) fn shift_traffic(&mut self, service: &mut Service) {
        // A stage leads to the next, and a hook's answer to what the stage does: both are few.
        while self.step_shift(service) {}
        let deployment = service.service_deployments.first();
        let Some((shift, created_at)) = deployment
            .and_then(|d| Some((d.shift.as_ref()?, d.created_at)))
            .filter(|_| self.shift_stage(service).is_some_and(|s| s < LifecycleStage::CleanUp))
        else {
            return;
        };
        let hooks = shift.hooks.iter().filter_map(Hook::due);
        let stage_ends = shift.until.map(|until| after(until, self.stage_timeout()));
        let all = hooks.chain(shift.until).chain(stage_ends).chain([after(created_at, self.deployment_timeout())]);
        let Some(next) = all.filter(|at| *at > self.now).min() else {
            return;
        };
        self.reconcile_at(service, next.duration_since(self.now).as_secs_f64().max(0.001));
    }

    fn stage_timeout(&self) -> f64 {
        self.unless_off(Rule::StagesTimeOut, self.settings.durations.lifecycle_stage_timeout)
    }

    fn deployment_timeout(&self) -> f64 {
        self.unless_off(Rule::DeploymentsTimeOut, self.settings.durations.deployment_timeout)
    }

    /// One step; `false` where there is nothing to do for now.
    fn step_shift(&mut self, service: &mut Service) -> bool {
        let Some((shift, created_at)) = self
            .shift_stage(service)
            .and_then(|_| service.service_deployments.first())
            .and_then(|d| Some((d.shift.clone()?, d.created_at)))
        else {
            return false;
        };
        // "The overall deployment timeout is 30 days" ("Amazon ECS blue/green deployments", developer
        // guide).
        if after(created_at, self.deployment_timeout()) <= self.now {
            self.roll_shift_back(service, Cause::StageTimeout);
            return false;
        }
        let Some(until) = shift.until else {
            return self.pass_hooks(service, shift.lasts);
        };
        if after(until, self.stage_timeout()) <= self.now {
            self.roll_shift_back(service, Cause::StageTimeout);
            return false;
        }
        if until > self.now || shift.stage == LifecycleStage::CleanUp || !self.stage_is_done(service, shift.stage) {
            return false;
        }
        let weight = shift.production_weight;
        let stage = match shift.stage {
            LifecycleStage::ProductionTrafficShift if weight < 100.0 => LifecycleStage::PreProductionTrafficShift,
            stage => stage.next(),
        };
        let configuration = &service.spec.deployment_configuration;
        let (weight, minutes) = match stage {
            LifecycleStage::ProductionTrafficShift => next_weight(configuration, weight),
            LifecycleStage::BakeTime => (weight, f64::from(configuration.bake_time_in_minutes.unwrap_or(0))),
            _ => (weight, 0.0),
        };
        self.enter(service, stage, weight, minutes * 60.0);
        true
    }

    /// Goes on behind the hooks of a stage, where they let it.
    fn pass_hooks(&mut self, service: &mut Service, lasts: f64) -> bool {
        match self.judge_hooks(service) {
            Verdict::Wait => return false,
            Verdict::RollBack => {
                self.roll_shift_back(service, Cause::Hook);
                return false;
            }
            Verdict::GoOn => {}
        }
        let now = self.now;
        let Some(shift) = service.service_deployments.first_mut().and_then(|entry| entry.shift.as_mut()) else {
            return false;
        };
        shift.until = Some(after(now, lasts));
        true
    }

    fn stage_is_done(&self, service: &Service, stage: LifecycleStage) -> bool {
        let Some(primary) = service.primary() else {
            return false;
        };
        match stage {
            LifecycleStage::ReconcileService => self.is_reconciled(service),
            LifecycleStage::ScaleUp => {
                let green =
                    |id: &&String| self.tasks.get(*id).is_some_and(|t| t.deployment == primary.id && t.is_healthy());
                let healthy = service.tasks.iter().filter(green).count();
                healthy >= usize::try_from(service.desired_count).unwrap_or(usize::MAX)
            }
            _ => true,
        }
    }

    /// Whatever is neither blue nor green has gone, or cannot go because blue alone is too few.
    fn is_reconciled(&self, service: &Service) -> bool {
        let green = service.primary().map(|d| d.id.as_str());
        let tasks = || service.tasks.iter().filter_map(|id| self.tasks.get(id)).filter(|t| t.phase != Phase::Stopped);
        let mut others = tasks().filter(|t| Some(t.deployment.as_str()) != green && !is_blue(service, t)).peekable();
        let healthy = tasks().filter(|t| t.is_healthy()).count();
        let needed = healthy <= usize::try_from(service.desired_count).unwrap_or(usize::MAX);
        others.peek().is_none() || (needed && others.all(Task::is_healthy))
    }

    /// Enters a stage, or a further step of the traffic shift: its hooks first, then what it waits for.
    fn enter(&mut self, service: &mut Service, stage: LifecycleStage, production_weight: f64, seconds: f64) {
        let shifts_traffic = matches!(stage, LifecycleStage::TestTrafficShift | LifecycleStage::ProductionTrafficShift);
        let lasts = seconds + if shifts_traffic { self.settings.durations.traffic_shift } else { 0.0 };
        let hooks = self.call_hooks(service, stage);
        let now = self.now;
        let Some(entry) = service.service_deployments.first_mut() else {
            return;
        };
        entry.updated_at = now;
        if let Some(shift) = entry.shift.as_mut() {
            *shift = Shift { stage, production_weight, hooks, lasts, until: None, blue: shift.blue.take() };
        }
    }

    pub(super) fn roll_shift_back(&mut self, service: &mut Service, cause: Cause) {
        let deployment = service.primary().map(|d| d.id.clone()).unwrap_or_default();
        self.fail_deployment(service, &deployment, true, cause);
    }
}

/// Whether a task is of the deployment that was completed last.
fn is_blue(service: &Service, task: &Task) -> bool {
    service.last_completed.as_ref().is_some_and(|(id, _)| *id == task.deployment)
}

/// The next share of the production traffic, and how many minutes it bakes. "This bake time is not
/// applied after reaching 100 percent traffic" (LinearConfiguration).
fn next_weight(configuration: &DeploymentConfiguration, weight: f64) -> (f64, f64) {
    let (next, minutes) = match configuration.strategy.unwrap_or_default() {
        DeploymentStrategy::Linear => {
            let linear = configuration.linear_configuration.clone().unwrap_or_default();
            (weight + linear.step_percent.unwrap_or(10.0), linear.step_bake_time_in_minutes.unwrap_or(6))
        }
        DeploymentStrategy::Canary if weight == 0.0 => {
            let canary = configuration.canary_configuration.clone().unwrap_or_default();
            (canary.canary_percent.unwrap_or(5.0), canary.canary_bake_time_in_minutes.unwrap_or(10))
        }
        _ => (100.0, 0),
    };
    if next >= 100.0 { (100.0, 0.0) } else { (next, f64::from(minutes)) }
}
