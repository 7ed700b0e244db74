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
use super::rules::Rule;
use super::services::Service;
use super::shapes::{DeploymentConfiguration, DeploymentStrategy, HookAction, HookStage, HookTarget};
use super::tasks::{Phase, Task};
use super::{Refusal, World, after};

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
    ProductionTrafficShift,
    PostProductionTrafficShift,
    BakeTime,
    CleanUp,
}

impl LifecycleStage {
    const ALL: [Self; 10] = [
        Self::ReconcileService,
        Self::PreScaleUp,
        Self::ScaleUp,
        Self::PostScaleUp,
        Self::TestTrafficShift,
        Self::PostTestTrafficShift,
        Self::ProductionTrafficShift,
        Self::PostProductionTrafficShift,
        Self::BakeTime,
        Self::CleanUp,
    ];

    fn next(self) -> Self {
        let n = Self::ALL.iter().position(|s| *s == self).unwrap_or(0);
        Self::ALL.get(n + 1).copied().unwrap_or(self)
    }

    /// The hooks that are called when a stage begins.
    fn hooks(self) -> &'static [HookStage] {
        match self {
            Self::ReconcileService => &[HookStage::ReconcileService],
            Self::PreScaleUp => &[HookStage::PreScaleUp],
            Self::PostScaleUp => &[HookStage::PostScaleUp],
            Self::TestTrafficShift => &[HookStage::TestTrafficShift],
            Self::PostTestTrafficShift => &[HookStage::PostTestTrafficShift],
            // "For linear and canary deployments, this stage is invoked before every traffic shift
            // step", and the other "at every traffic shift step".
            Self::ProductionTrafficShift => &[HookStage::PreProductionTrafficShift, HookStage::ProductionTrafficShift],
            Self::PostProductionTrafficShift => &[HookStage::PostProductionTrafficShift],
            Self::ScaleUp | Self::BakeTime | Self::CleanUp => &[],
        }
    }
}

/// How far a deployment that shifts traffic has come.
#[derive(Clone, Debug)]
pub struct Shift {
    /// The stage that it is in.
    pub stage: LifecycleStage,
    /// Percent of the production traffic that the new revision has.
    pub production_weight: f64,
    /// The hook that holds the stage, if one does.
    pub hook: Option<Hook>,
    /// Seconds that the stage, or this step of it, lasts once its hooks are done.
    pub(super) lasts: f64,
    /// When it is over.
    pub(super) until: Timestamp,
}

/// A lifecycle hook that is under way.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its id, for ContinueServiceDeployment.
    pub id: String,
    /// A function, or a pause.
    pub target: HookTarget,
    /// The function's ARN.
    pub target_arn: Option<String>,
    /// When ECS gives it up.
    pub expires_at: Timestamp,
    /// What ECS does then.
    pub timeout_action: HookAction,
    /// When a function answers; a pause does not.
    pub(super) answers_at: Option<Timestamp>,
    /// Hooks that come after it.
    pub(super) then: u32,
}

impl ServiceDeployment {
    /// `lifecycleStage`: of a rolling deployment too, which only scales up.
    pub fn lifecycle_stage(&self) -> Option<LifecycleStage> {
        if self.status != ServiceDeploymentStatus::InProgress {
            return None;
        }
        Some(self.shift.as_ref().map_or(LifecycleStage::ScaleUp, |s| s.stage))
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
            hook: None,
            lasts: 0.0,
            until: self.now,
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
        // A stage leads to the next, and a hook to the next hook: both are few.
        while self.step_shift(service) {}
        let shift = service.service_deployments.first().and_then(|d| d.shift.as_ref());
        let Some(shift) = shift.filter(|_| self.shift_stage(service).is_some_and(|s| s < LifecycleStage::CleanUp))
        else {
            return;
        };
        let next = match &shift.hook {
            Some(hook) => hook.answers_at.unwrap_or(hook.expires_at).min(hook.expires_at),
            None => shift.until,
        };
        let timeout = after(shift.until, self.settings.durations.lifecycle_stage_timeout);
        let next = if next > self.now { next } else { timeout };
        self.reconcile_at(service, next.duration_since(self.now).as_secs_f64().max(0.001));
    }

    /// One step; `false` where there is nothing to do for now.
    fn step_shift(&mut self, service: &mut Service) -> bool {
        let Some(shift) = self.shift_stage(service).and_then(|_| service.service_deployments.first()?.shift.clone())
        else {
            return false;
        };
        if let Some(hook) = &shift.hook {
            return self.step_hook(service, &shift, hook);
        }
        if after(shift.until, self.settings.durations.lifecycle_stage_timeout) <= self.now {
            self.roll_shift_back(service, Cause::StageTimeout);
            return false;
        }
        if shift.until > self.now || !self.stage_is_done(service, shift.stage) {
            return false;
        }
        let weight = shift.production_weight;
        if shift.stage == LifecycleStage::ProductionTrafficShift && weight < 100.0 {
            let (step, bake_minutes) = next_weight(&service.spec.deployment_configuration, weight);
            self.enter(service, shift.stage, step, bake_minutes * 60.0);
            return true;
        }
        if shift.stage == LifecycleStage::CleanUp {
            return false;
        }
        let stage = shift.stage.next();
        let configuration = &service.spec.deployment_configuration;
        let (weight, seconds) = match stage {
            LifecycleStage::ProductionTrafficShift => {
                let (step, bake_minutes) = next_weight(configuration, 0.0);
                (step, bake_minutes * 60.0)
            }
            LifecycleStage::BakeTime => (weight, f64::from(configuration.bake_time_in_minutes.unwrap_or(0)) * 60.0),
            _ => (weight, 0.0),
        };
        self.enter(service, stage, weight, seconds);
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
        let hook = self.start_hook(service, stage, 0);
        let now = self.now;
        let Some(entry) = service.service_deployments.first_mut() else {
            return;
        };
        entry.updated_at = now;
        entry.shift = Some(Shift { stage, production_weight, hook, lasts, until: after(now, lasts) });
    }

    fn hooks_of(&self, service: &Service, stage: LifecycleStage) -> Vec<(HookTarget, Option<String>, f64, HookAction)> {
        let hooks = service.spec.deployment_configuration.lifecycle_hooks.iter().flatten();
        stage
            .hooks()
            .iter()
            .flat_map(|point| hooks.clone().filter(|h| h.lifecycle_stages.contains(point)))
            .map(|h| (h.target_type, h.hook_target_arn.clone(), h.timeout_minutes(), h.timeout_action()))
            .collect()
    }

    fn start_hook(&mut self, service: &Service, stage: LifecycleStage, nth: u32) -> Option<Hook> {
        let (target, target_arn, minutes, timeout_action) =
            self.hooks_of(service, stage).into_iter().nth(usize::try_from(nth).ok()?)?;
        let answers = self.settings.durations.lifecycle_hook;
        Some(Hook {
            id: self.uuid(),
            target,
            target_arn,
            expires_at: after(self.now, minutes * 60.0),
            timeout_action,
            answers_at: (target == HookTarget::AwsLambda).then(|| after(self.now, answers)),
            then: nth + 1,
        })
    }

    /// A hook has answered, was answered, or has timed out. "ROLLBACK … CONTINUE … Default: ROLLBACK"
    /// (DeploymentLifecycleHookTimeoutConfiguration).
    fn step_hook(&mut self, service: &mut Service, shift: &Shift, hook: &Hook) -> bool {
        let answered = hook.answers_at.is_some_and(|at| at <= self.now);
        let expired = hook.expires_at <= self.now;
        if !answered && !expired {
            return false;
        }
        let fails = answered && self.faults.hooks_fail.contains(&service.key.to_string());
        if fails || (expired && !answered && hook.timeout_action == HookAction::Rollback) {
            self.roll_shift_back(service, Cause::Hook);
            return false;
        }
        self.pass_hook(service, shift.stage, hook.then);
        true
    }

    /// Goes on behind a hook: to the next of the stage, or to what the stage does.
    fn pass_hook(&mut self, service: &mut Service, stage: LifecycleStage, nth: u32) {
        let next = self.start_hook(service, stage, nth);
        let now = self.now;
        let Some(entry) = service.service_deployments.first_mut() else {
            return;
        };
        entry.updated_at = now;
        if let Some(shift) = entry.shift.as_mut() {
            shift.until = after(now, shift.lasts);
            shift.hook = next;
        }
    }

    fn roll_shift_back(&mut self, service: &mut Service, cause: Cause) {
        let deployment = service.primary().map(|d| d.id.clone()).unwrap_or_default();
        self.fail_deployment(service, &deployment, true, cause);
    }

    /// ContinueServiceDeployment: goes on from a PAUSE hook, or rolls back.
    pub fn continue_service_deployment(
        &mut self,
        arn: &str,
        hook_id: &str,
        action: HookAction,
    ) -> Result<String, Refusal> {
        let not_found = || Refusal::new("ServiceDeploymentNotFoundException", "The service deployment was not found.");
        let key = self.service_of_arn(arn).ok_or_else(not_found)?;
        let found = self.services.get(&key).and_then(|s| s.service_deployments.iter().find(|d| d.arn == arn));
        let shift = found.ok_or_else(not_found)?.shift.clone();
        let paused = shift.as_ref().and_then(|s| {
            s.hook.as_ref().filter(|h| h.id == hook_id && h.target == HookTarget::Pause).map(|h| (s.stage, h.then))
        });
        let under_way = self.services.get(&key).is_some_and(|s| self.shift_stage(s).is_some());
        let Some((stage, then)) = paused.filter(|_| under_way) else {
            return Err(Refusal::new(
                "ConflictException",
                "The service deployment is not paused at this lifecycle hook.",
            ));
        };
        self.with_service(&key, |world, service| {
            match action {
                HookAction::Continue => world.pass_hook(service, stage, then),
                HookAction::Rollback => world.roll_shift_back(service, Cause::User),
            }
            world.reconcile_soon(service);
        });
        Ok(arn.to_owned())
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
