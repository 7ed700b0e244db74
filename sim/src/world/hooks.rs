//! Lifecycle hooks of a service deployment: functions, which answer by themselves, and pauses, which
//! wait for ContinueServiceDeployment.
//!
//! "All hooks configured at the same lifecycle stage run in parallel … If any hook triggers a
//! rollback, the entire deployment rolls back regardless of the status of other hooks at that stage"
//! ("Pause hooks for Amazon ECS service deployments", developer guide).

use jiff::Timestamp;
use serde::Serialize;

use super::circuit_breaker::Cause;
use super::rules::Rule;
use super::services::Service;
use super::shapes::{HookAction, HookStage, HookTarget, LifecycleHook};
use super::traffic::LifecycleStage;
use super::{Refusal, World, after};

/// `DeploymentLifecycleHookStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS documents them")]
pub enum HookStatus {
    AwaitingAction,
    InProgress,
    Succeeded,
    Failed,
    TimedOut,
}

impl HookStatus {
    /// The name of the event that tells of it ("Amazon ECS service deployment hook state change
    /// events", developer guide).
    pub(super) fn event_name(self) -> &'static str {
        match self {
            Self::AwaitingAction => "HOOK_AWAITING_ACTION",
            Self::InProgress => "HOOK_IN_PROGRESS",
            Self::Succeeded => "HOOK_SUCCEEDED",
            Self::Failed => "HOOK_FAILED",
            Self::TimedOut => "HOOK_TIMED_OUT",
        }
    }
}

/// A lifecycle hook that was called.
#[derive(Clone, Debug)]
pub struct Hook {
    /// Its id, for ContinueServiceDeployment: another one at each call.
    pub id: String,
    /// When it was called.
    pub point: HookStage,
    /// A function, or a pause.
    pub target: HookTarget,
    /// The function's ARN.
    pub target_arn: Option<String>,
    /// Where it stands.
    pub status: HookStatus,
    /// When ECS gives it up.
    pub expires_at: Timestamp,
    /// What ECS does then.
    pub timeout_action: HookAction,
    /// When a function answers; a pause does not.
    answers_at: Option<Timestamp>,
}

impl Hook {
    fn is_open(&self) -> bool {
        matches!(self.status, HookStatus::AwaitingAction | HookStatus::InProgress)
    }

    fn rolls_back(&self) -> bool {
        match self.status {
            HookStatus::Failed => true,
            HookStatus::TimedOut => self.timeout_action == HookAction::Rollback,
            HookStatus::AwaitingAction | HookStatus::InProgress | HookStatus::Succeeded => false,
        }
    }

    /// When it answers or expires; `None` once it has.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.is_open().then(|| self.answers_at.map_or(self.expires_at, |at| at.min(self.expires_at)))
    }

    /// What becomes of it by `now`: a function answers `answer`.
    fn by(&self, now: Timestamp, answer: HookStatus) -> HookStatus {
        match self.due() {
            Some(due) if due <= now && Some(due) == self.answers_at => answer,
            Some(due) if due <= now => HookStatus::TimedOut,
            _ => self.status,
        }
    }
}

/// What the hooks of a stage let its deployment do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Wait,
    GoOn,
    RollBack,
}

impl World {
    /// Calls the hooks of a stage.
    pub(super) fn call_hooks(&mut self, service: &Service, stage: LifecycleStage) -> Vec<Hook> {
        let Some(point) = stage.hook_point().filter(|_| self.holds(Rule::HooksHoldTheirStage)) else {
            return Vec::new();
        };
        let configured = service.spec.deployment_configuration.lifecycle_hooks.iter().flatten();
        let called: Vec<LifecycleHook> = configured.filter(|h| h.lifecycle_stages.contains(&point)).cloned().collect();
        let hooks: Vec<Hook> = called.into_iter().map(|hook| self.call_hook(hook, point)).collect();
        for hook in &hooks {
            self.put_hook_event(service, hook);
        }
        hooks
    }

    fn call_hook(&mut self, hook: LifecycleHook, point: HookStage) -> Hook {
        let is_function = hook.target_type == HookTarget::AwsLambda;
        // The page on pause hooks shows such ids; that of a function is not shown anywhere.
        let kind = if is_function { "lambda" } else { "pause" };
        Hook {
            id: format!("ecs-{kind}-{}", (0..43).map(|_| self.rng.alphanumeric()).collect::<String>()),
            point,
            target: hook.target_type,
            target_arn: hook.hook_target_arn.clone(),
            status: if is_function { HookStatus::InProgress } else { HookStatus::AwaitingAction },
            expires_at: after(self.now, self.unless_off(Rule::HooksTimeOut, hook.timeout_minutes() * 60.0)),
            timeout_action: hook.timeout_action(),
            answers_at: is_function.then(|| after(self.now, self.settings.durations.lifecycle_hook)),
        }
    }

    /// Lets the hooks of the stage that the service's deployment is in answer or expire.
    pub(super) fn judge_hooks(&mut self, service: &mut Service) -> Verdict {
        let fails = self.faults.hooks_fail.contains(&service.key.to_string());
        let answer = if fails { HookStatus::Failed } else { HookStatus::Succeeded };
        let now = self.now;
        let shift = service.service_deployments.first().and_then(|d| d.shift.as_ref());
        let ids: Vec<(String, HookStatus)> =
            shift.iter().flat_map(|s| &s.hooks).map(|hook| (hook.id.clone(), hook.by(now, answer))).collect();
        for (id, status) in ids {
            self.set_hook(service, &id, status);
        }
        let hooks = service.service_deployments.first().and_then(|d| d.shift.as_ref()).map(|s| s.hooks.as_slice());
        let hooks = hooks.unwrap_or_default();
        if hooks.iter().any(Hook::rolls_back) {
            Verdict::RollBack
        } else if hooks.iter().any(Hook::is_open) {
            Verdict::Wait
        } else {
            Verdict::GoOn
        }
    }

    fn set_hook(&mut self, service: &mut Service, id: &str, status: HookStatus) {
        let now = self.now;
        let Some(entry) = service.service_deployments.first_mut() else {
            return;
        };
        let hook = entry.shift.as_mut().and_then(|s| s.hooks.iter_mut().find(|h| h.id == id && h.status != status));
        let Some(hook) = hook else {
            return;
        };
        hook.status = status;
        let hook = hook.clone();
        entry.updated_at = now;
        self.put_hook_event(service, &hook);
    }

    /// ContinueServiceDeployment: goes on from a PAUSE hook, or rolls back. "You can continue a
    /// deployment that has a pause hook in AWAITING_ACTION status. The deployment must be in the
    /// IN_PROGRESS state" ("Continuing service deployments", developer guide); in which words it is
    /// refused otherwise is not documented.
    pub fn continue_service_deployment(
        &mut self,
        arn: &str,
        hook_id: &str,
        action: HookAction,
    ) -> Result<String, Refusal> {
        let not_found = || Refusal::new("ServiceDeploymentNotFoundException", "The service deployment was not found.");
        let key = self.service_of_arn(arn).ok_or_else(not_found)?;
        let service = self.services.get(&key).ok_or_else(not_found)?;
        let found = service.service_deployments.iter().find(|d| d.arn == arn).ok_or_else(not_found)?;
        let under_way =
            service.service_deployments.first().is_some_and(|d| d.arn == arn) && self.shift_stage(service).is_some();
        let mut hooks = found.shift.iter().filter(|_| under_way).flat_map(|s| &s.hooks);
        if !hooks.any(|h| h.id == hook_id && h.status == HookStatus::AwaitingAction) {
            return Err(Refusal::invalid("The service deployment does not await an action at this lifecycle hook."));
        }
        self.remember_for_stale_reads(&key);
        self.with_service(&key, |world, service| {
            match action {
                HookAction::Continue => world.set_hook(service, hook_id, HookStatus::Succeeded),
                HookAction::Rollback => {
                    world.set_hook(service, hook_id, HookStatus::Failed);
                    world.roll_shift_back(service, Cause::User);
                }
            }
            world.reconcile_soon(service);
        });
        Ok(arn.to_owned())
    }
}
