//! When a deployment does not reach its end: failed tasks, the circuit breaker, roll-back, and being
//! stopped.

use super::deployments::{Deployment, Rollback, RolloutState, ServiceDeploymentStatus};
use super::rules::Rule;
use super::services::Service;
use super::shapes::{CircuitBreaker, ThresholdType};
use super::{Refusal, World, after};

/// How many failures trigger the circuit breaker.
///
/// "The deployment circuit breaker has a minimum threshold of 3 and a maximum threshold of 200 …
/// 0.5 * desired task count" (ServiceDeploymentCircuitBreaker.threshold); "rounded up to the next
/// integer" (developer guide). By default "a type of BOUNDED_PERCENT with a value of 50"
/// (ThresholdConfiguration).
pub fn threshold(breaker: Option<&CircuitBreaker>, desired: u32) -> u32 {
    let configured = breaker.and_then(|b| b.threshold_configuration.as_ref());
    let (kind, value) = configured.map_or((ThresholdType::BoundedPercent, 50), |t| (t.kind, t.value));
    let percent = u32::try_from((u64::from(desired) * u64::from(value)).div_ceil(100)).unwrap_or(u32::MAX);
    match kind {
        ThresholdType::Count => value.max(1),
        ThresholdType::BoundedPercent => percent.clamp(3, 200),
        ThresholdType::UnboundedPercent => percent.max(1),
    }
}

/// Why a deployment has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Tasks failed to start.
    CircuitBreaker,
    /// A CloudWatch alarm.
    Alarm,
    /// A lifecycle hook answered FAILED, or timed out.
    Hook,
    /// A lifecycle stage lasted too long.
    StageTimeout,
    /// Somebody stopped it.
    User,
}

impl Cause {
    /// `rolloutStateReason`.
    fn rollout_reason(self) -> &'static str {
        match self {
            Self::CircuitBreaker => "ECS deployment circuit breaker: tasks failed to start.",
            Self::Alarm => "ECS deployment failed: alarm detected.",
            Self::Hook => "ECS deployment failed: a lifecycle hook did not succeed.",
            Self::StageTimeout => "ECS deployment failed: a lifecycle stage timed out.",
            Self::User => "ECS deployment was stopped by a user.",
        }
    }

    /// `statusReason` of the service deployment.
    fn status_reason(self, rolled_back: bool) -> String {
        let outcome = if rolled_back { "rolled back" } else { "failed" };
        let because = match self {
            Self::CircuitBreaker => "the circuit breaker threshold was exceeded",
            Self::Alarm => "an alarm was detected",
            Self::Hook => "a lifecycle hook did not succeed",
            Self::StageTimeout => "a lifecycle stage timed out",
            Self::User => "it was stopped by a user",
        };
        format!("Service deployment {outcome} because {because}.")
    }
}

impl World {
    /// A task of this deployment failed to start.
    pub(super) fn task_failed(&mut self, service: &mut Service, deployment: &str) {
        let now = self.now;
        service.failures_in_a_row += 1;
        let d = &self.settings.durations;
        // "the time between subsequent restart attempts is incrementally increased up to … 15
        // minutes" (`service-throttle-logic.md`): the steps are not documented.
        let rounds = service.failures_in_a_row / service.desired_count.max(1);
        let grown = self.settings.failed_task_backoff_factor.powi(i32::try_from(rounds.min(20)).unwrap_or(20));
        let pause = (d.failed_task_backoff * grown).min(d.failed_task_backoff_max);
        service.hold_starts_until = Some(after(now, pause));
        if rounds > 0 && service.failures_in_a_row.is_multiple_of(service.desired_count.max(1)) {
            self.tell(service, "is unable to consistently start tasks successfully.");
            self.put_service_action(service, "WARN", "SERVICE_TASK_START_IMPAIRED", None, None);
        }
        let Some(entry) = service.deployments.iter_mut().find(|d| d.id == deployment) else {
            return;
        };
        entry.failed_tasks += 1;
        entry.updated_at = now;
        if entry.rollout_state != RolloutState::InProgress {
            return;
        }
        let desired = service.desired_count;
        let bounded = self.holds(Rule::CircuitBreakerThreshold);
        // "The deployment circuit breaker can only be used for services using the rolling update (ECS)
        // deployment type" (DeploymentConfiguration).
        let configuration = &service.spec.deployment_configuration;
        let rolls = !configuration.shifts() || !self.holds(Rule::BreakerIsForRollingOnly);
        let breaker = configuration.deployment_circuit_breaker.clone().filter(|b| b.enable && rolls);
        let Some(entry) = service.service_deployment_mut(deployment) else {
            return;
        };
        entry.count_failure();
        entry.threshold = if bounded { threshold(breaker.as_ref(), desired) } else { 1 };
        entry.updated_at = now;
        let Some(breaker) = breaker.filter(|_| entry.failures() >= entry.threshold) else {
            return;
        };
        entry.triggered = true;
        self.fail_deployment(service, deployment, breaker.rollback, Cause::CircuitBreaker);
    }

    /// The alarms in ALARM that the service's deployments watch.
    pub(super) fn alarms_in_alarm(&self, service: &Service) -> Vec<String> {
        let alarms = service.spec.deployment_configuration.alarms.iter().filter(|a| a.enable);
        alarms.flat_map(|a| &a.alarm_names).filter(|name| self.faults.alarms.contains(*name)).cloned().collect()
    }

    /// "When the alarms are generated, Amazon ECS sets the service deployment to failed. Set the
    /// rollback parameter to have Amazon ECS … roll back your service to the last completed deployment"
    /// (DeploymentAlarms). With a blue/green deployment alarms count through the bake time. "If an alarm
    /// is in the ALARM state at the beginning of a deployment, Amazon ECS will not monitor alarms for
    /// the duration of that deployment" ("How CloudWatch alarms detect Amazon ECS deployment
    /// failures", developer guide).
    pub(super) fn heed_alarms(&mut self, service: &mut Service) {
        let rollback = service.spec.deployment_configuration.alarms.as_ref().is_some_and(|a| a.rollback);
        let raised = self.alarms_in_alarm(service);
        let heeds = self.holds(Rule::AlarmsFailDeployments);
        let Some(entry) = service.service_deployments.first_mut().filter(|d| {
            !d.alarms_ignored
                && matches!(d.status, ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress)
        }) else {
            return;
        };
        if raised.is_empty() || !heeds {
            return;
        }
        entry.triggered_alarms = raised;
        let deployment = service.primary().map(|d| d.id.clone()).unwrap_or_default();
        self.fail_deployment(service, &deployment, rollback, Cause::Alarm);
    }

    /// A task of this deployment came to a healthy state: "Once a service deployment has one or
    /// more successfully running tasks, the failed task count resets to zero" (Deployment.failedTasks).
    pub(super) fn task_became_healthy(&mut self, service: &mut Service, deployment: &str) {
        service.failures_in_a_row = 0;
        service.hold_starts_until = None;
        if let Some(entry) = service.deployments.iter_mut().find(|d| d.id == deployment) {
            entry.failed_tasks = 0;
        }
        let breaker = service.spec.deployment_configuration.deployment_circuit_breaker.as_ref();
        let resets = breaker.and_then(|b| b.reset_on_healthy_task).unwrap_or(true);
        let resets = resets && self.holds(Rule::HealthyTaskResetsTheBreaker);
        if let Some(entry) = service.service_deployment_mut(deployment).filter(|_| resets) {
            entry.forget_failures();
        }
    }

    /// The deployment is FAILED; with `rollback`, "the service is rolled back to the last
    /// deployment that completed successfully" (DeploymentCircuitBreaker).
    pub(super) fn fail_deployment(&mut self, service: &mut Service, deployment: &str, rollback: bool, cause: Cause) {
        let now = self.now;
        if let Some(entry) = service.deployments.iter_mut().find(|d| d.id == deployment) {
            entry.rollout_state = RolloutState::Failed;
            entry.rollout_reason = cause.rollout_reason().to_owned();
            entry.updated_at = now;
        }
        self.tell(service, format!("(deployment {deployment}) deployment failed: {}", cause.rollout_reason()));
        self.put_deployment_event(service, "ERROR", "SERVICE_DEPLOYMENT_FAILED", deployment, cause.rollout_reason());
        let already_rolling_back = service
            .service_deployment_mut(deployment)
            .is_some_and(|d| d.status == ServiceDeploymentStatus::RollbackInProgress);
        let target =
            service.last_completed.clone().filter(|(id, _)| rollback && !already_rolling_back && id != deployment);
        match target {
            Some((id, revision)) => self.roll_back(service, deployment, &id, &revision, cause),
            None => {
                if let Some(entry) = service.service_deployment_mut(deployment) {
                    entry.status = if already_rolling_back {
                        ServiceDeploymentStatus::RollbackFailed
                    } else {
                        ServiceDeploymentStatus::Stopped
                    };
                    entry.status_reason = Some(cause.status_reason(false));
                    entry.stopped_at = Some(now);
                    entry.finished_at = Some(now);
                    entry.updated_at = now;
                }
            }
        }
    }

    /// Puts the last completed revision back, whole: "ServiceRevision" carries the task definition,
    /// the network, the load balancers *and the capacity provider strategy*.
    fn roll_back(&mut self, service: &mut Service, failed: &str, to: &str, revision: &str, cause: Cause) {
        let now = self.now;
        if let Some(entry) = service.deployments.iter_mut().find(|d| d.id == failed) {
            entry.rollout_state = RolloutState::Failed;
        }
        if !self.holds(Rule::RollbackRestoresTheStrategy) {
            let strategy = service.current().map(|r| r.strategy.clone()).unwrap_or_default();
            if let Some(revision) = service.revisions.iter_mut().find(|r| r.arn == revision) {
                revision.strategy = strategy;
            }
        }
        let position = service.deployments.iter().position(|d| d.id == to);
        let mut back = match position {
            Some(n) => service.deployments.remove(n),
            None => Deployment {
                id: to.to_owned(),
                revision: revision.to_owned(),
                alternate: service.production_is_alternate,
                rollout_state: RolloutState::InProgress,
                rollout_reason: String::new(),
                failed_tasks: 0,
                created_at: now,
                updated_at: now,
            },
        };
        back.rollout_state = RolloutState::InProgress;
        back.rollout_reason = match cause {
            Cause::CircuitBreaker => format!("ECS deployment circuit breaker: rolling back to deploymentId {to}."),
            _ => format!("ECS deployment: rolling back to deploymentId {to}."),
        };
        back.updated_at = now;
        service.deployments.insert(0, back);
        if let Some(entry) = service.service_deployment_mut(failed) {
            entry.status = ServiceDeploymentStatus::RollbackInProgress;
            let reason = cause.status_reason(true);
            entry.rollback = Some(Rollback { reason: reason.clone(), started_at: now, revision: revision.to_owned() });
            entry.status_reason = Some(reason);
            entry.deployment = to.to_owned();
            entry.updated_at = now;
        }
        service.failures_in_a_row = 0;
        service.hold_starts_until = None;
        self.tell(service, format!("rolling back to deployment {to}."));
        self.reconcile_soon(service);
    }

    /// StopServiceDeployment. "ROLLBACK … You can use this option even if you didn't configure the
    /// service deployment for the rollback option." What ABORT leaves behind is not documented:
    /// here the deployment is FAILED and nothing more is started.
    pub fn stop_service_deployment(&mut self, arn: &str, abort: bool) -> Result<String, Refusal> {
        let not_found = || Refusal::new("ServiceDeploymentNotFoundException", "The service deployment was not found.");
        let key = self.service_of_arn(arn).ok_or_else(not_found)?;
        let found = self
            .services
            .get(&key)
            .and_then(|s| s.service_deployments.iter().find(|d| d.arn == arn))
            .ok_or_else(not_found)?;
        if !matches!(found.status, ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress) {
            return Err(Refusal::new(
                "ConflictException",
                "The service deployment cannot be stopped because it is not in progress.",
            ));
        }
        let deployment = found.deployment.clone();
        let service = self.services.get(&key).filter(|s| {
            let breaker = s.spec.deployment_configuration.deployment_circuit_breaker.as_ref();
            self.holds(Rule::StoppingRollsBackAnyway) || breaker.is_some_and(|b| b.rollback)
        });
        let back = service.and_then(|s| s.last_completed.clone());
        self.remember_for_stale_reads(&key);
        self.with_service(&key, |world, service| match back.filter(|_| !abort) {
            Some((id, revision)) => world.roll_back(service, &deployment, &id, &revision, Cause::User),
            None => world.fail_deployment(service, &deployment, false, Cause::User),
        });
        Ok(arn.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::shapes::ThresholdConfiguration;

    #[test]
    fn half_the_desired_count_within_3_and_200() {
        for (desired, want) in [(0, 3), (1, 3), (5, 3), (7, 4), (25, 13), (400, 200), (1000, 200)] {
            assert_eq!(threshold(None, desired), want, "{desired}");
        }
        let of = |kind, value| CircuitBreaker {
            enable: true,
            rollback: true,
            reset_on_healthy_task: None,
            threshold_configuration: Some(ThresholdConfiguration { kind, value }),
        };
        assert_eq!(threshold(Some(&of(ThresholdType::Count, 1)), 100), 1);
        assert_eq!(threshold(Some(&of(ThresholdType::UnboundedPercent, 10)), 10), 1);
        assert_eq!(threshold(Some(&of(ThresholdType::BoundedPercent, 10)), 10), 3);
    }
}
