//! The end of a deployment: steady state, circuit breaker, roll-back, and being stopped.

use jiff::Timestamp;

use super::arn::{ServiceKey, short_name};
use super::circuit_breaker::threshold;
use super::deployments::{Deployment, Revision, RolloutState, ServiceDeployment, ServiceDeploymentStatus};
use super::rules::Rule;
use super::services::{Scheduling, Service};
use super::shapes::RevisionCleanup;
use super::tasks::{Phase, Task};
use super::{World, after};

impl World {
    /// Starts a deployment of a new revision; one that is under way is superseded.
    pub(super) fn begin_deployment(&mut self, service: &mut Service, revision: Revision) {
        let id = format!("ecs-svc/{:019}", self.rng.u64(1..=9_223_372_036_854_775_807));
        let now = self.now;
        let supersedes = self.holds(Rule::NewDeploymentSupersedes);
        for old in service.service_deployments.iter_mut().filter(|d| supersedes && !d.status.is_final()) {
            old.status = ServiceDeploymentStatus::Stopped;
            old.status_reason =
                Some("Service deployment was stopped because a new service deployment was started.".to_owned());
            old.stopped_at = Some(now);
            old.finished_at = Some(now);
            old.updated_at = now;
        }
        *self.felt.deployments_started.entry(service.key.to_string()).or_default() += 1;
        let sources: Vec<String> = self.revisions_with_tasks(service);
        let breaker = service.spec.deployment_configuration.deployment_circuit_breaker.as_ref();
        let shift = self.new_shift(service);
        // Green is registered with the target group that blue does not use: "alternateTargetGroupArn"
        // (AdvancedConfiguration). The two change places with every such deployment.
        let changes_sides = shift.is_some() && service.has_alternate_target_group();
        let deployment = Deployment {
            id: id.clone(),
            revision: revision.arn.clone(),
            alternate: service.production_is_alternate != changes_sides,
            rollout_state: RolloutState::InProgress,
            rollout_reason: format!("ECS deployment {id} in progress."),
            failed_tasks: 0,
            created_at: now,
            updated_at: now,
        };
        let short: String = self.short_id();
        service.service_deployments.insert(
            0,
            ServiceDeployment {
                arn: self.arns.ecs(&format!("service-deployment/{}/{}/{short}", service.key.cluster, service.key.name)),
                deployment: id,
                status: ServiceDeploymentStatus::Pending,
                status_reason: None,
                target_revision: revision.arn.clone(),
                source_revisions: sources,
                created_at: now,
                started_at: None,
                finished_at: None,
                stopped_at: None,
                updated_at: now,
                rollback: None,
                healthy_since: None,
                shift,
                configuration: service.spec.deployment_configuration.clone(),
                failure_count: 0,
                rollback_failures: 0,
                threshold: threshold(breaker, service.desired_count),
                triggered: false,
                alarms_ignored: self.holds(Rule::AlarmsRaisedBeforeAreIgnored)
                    && !self.alarms_in_alarm(service).is_empty(),
                triggered_alarms: Vec::new(),
            },
        );
        service.revisions.push(revision);
        service.deployments.insert(0, deployment);
        self.begin_shift(service);
        service.failures_in_a_row = 0;
        service.hold_starts_until = None;
        service.steady_told = false;
        service.whole_since = None;
        service.told_placement.clear();
        let id = service.primary().map(|d| d.id.clone()).unwrap_or_default();
        self.put_deployment_event(
            service,
            "INFO",
            "SERVICE_DEPLOYMENT_IN_PROGRESS",
            &id,
            &format!("ECS deployment {id} in progress."),
        );
        self.reconcile_soon(service);
    }

    fn revisions_with_tasks(&self, service: &Service) -> Vec<String> {
        let mut arns: Vec<String> = service.deployments.iter().map(|d| d.revision.clone()).collect();
        arns.dedup();
        arns.retain(|arn| self.tally(service, |t| t.revision == *arn).wanted > 0);
        arns
    }

    /// Looks whether the PRIMARY deployment has reached its end.
    pub(super) fn judge_rollout(&mut self, service: &mut Service) {
        let now = self.now;
        let Some(primary) = service.primary().cloned() else {
            return;
        };
        if let Some(entry) =
            service.service_deployment_mut(&primary.id).filter(|d| d.status == ServiceDeploymentStatus::Pending)
        {
            entry.status = ServiceDeploymentStatus::InProgress;
            entry.started_at = Some(now);
            entry.updated_at = now;
        }
        // An ACTIVE deployment is one that "still has running tasks": with a target group that is
        // until the connections have drained and the tasks have stopped.
        let tasks: Vec<&Task> = service.tasks.iter().filter_map(|id| self.tasks.get(id)).collect();
        let own = |id: &str| tasks.iter().any(|t| t.deployment == id && t.phase != Phase::Stopped);
        let with_tasks: Vec<bool> = service.deployments.iter().map(|d| d.id == primary.id || own(&d.id)).collect();
        let of_primary = || tasks.iter().filter(|t| t.deployment == primary.id);
        let healthy = of_primary().filter(|t| t.is_healthy()).count();
        let wanted = of_primary().filter(|t| t.is_wanted()).count();
        let desired = usize::try_from(service.desired_count).unwrap_or(usize::MAX);
        let mut keep = with_tasks.into_iter();
        let before = service.deployments.len();
        service.deployments.retain(|_| keep.next().unwrap_or(true));
        if service.deployments.len() < before {
            // A reconciliation stage may have waited for it.
            self.reconcile_soon(service);
        }

        let whole = service.deployments.len() == 1 && wanted == desired && healthy >= desired;
        // The bake time and the time to a steady state run side by side.
        let in_progress = primary.rollout_state == RolloutState::InProgress;
        let baked = whole && in_progress && self.has_baked(service, &primary.id);
        if !self.is_steady(service, whole) {
            return self.judge_early_success(service, &primary, healthy, whole);
        }
        if baked {
            self.complete(service, &primary.id, &primary.revision);
        }
        if !service.steady_told && service.spec.scheduling == Scheduling::Replica {
            service.steady_told = true;
            self.tell(service, "has reached a steady state.");
            self.put_service_action(service, "INFO", "SERVICE_STEADY_STATE", None, None);
        }
    }

    /// Whether a service that has all its tasks has had them for long enough to count as steady: how
    /// long that is, AWS does not say.
    fn is_steady(&mut self, service: &mut Service, whole: bool) -> bool {
        if !whole {
            service.whole_since = None;
            return false;
        }
        let until = after(*service.whole_since.get_or_insert(self.now), self.settings.durations.steady_state);
        if until > self.now {
            self.reconcile_at(service, until.duration_since(self.now).as_secs_f64());
        }
        until <= self.now
    }

    /// Whether the bake time of a rolling deployment is over. It "starts after: All tasks for a target
    /// service revision are running and in a healthy state; Source service revisions are scaled down
    /// to 0% … You can configure the bake time for a rolling deployment" ("How CloudWatch alarms detect
    /// Amazon ECS deployment failures", developer guide). Those that shift traffic have a stage for it.
    fn has_baked(&mut self, service: &mut Service, id: &str) -> bool {
        let now = self.now;
        let configuration = &service.spec.deployment_configuration;
        let watched = configuration.alarms.as_ref().is_some_and(|a| a.enable && a.rollback);
        let configured = configuration.bake_time_in_minutes.map(|minutes| f64::from(minutes) * 60.0);
        let bakes = !configuration.shifts() && self.holds(Rule::RollingDeploymentsBake);
        let computed = self.settings.durations.alarm_bake;
        let Some(entry) = service.service_deployment_mut(id) else {
            return true;
        };
        if !bakes || entry.status == ServiceDeploymentStatus::RollbackInProgress {
            return true;
        }
        let unset = if watched && !entry.alarms_ignored { computed } else { 0.0 };
        let until = after(*entry.healthy_since.get_or_insert(now), configured.unwrap_or(unset));
        if until > now {
            self.reconcile_at(service, until.duration_since(now).as_secs_f64());
        }
        until <= now
    }

    /// "After this percentage of tasks is healthy and the bake time elapses, Amazon ECS completes the
    /// deployment. Amazon ECS continues to scale the target service revision to 100 percent in the
    /// background"; with BLOCKING it "removes the previous tasks before it marks the deployment as
    /// successful" (DeploymentEarlySuccessCriteria).
    fn judge_early_success(&mut self, service: &mut Service, primary: &Deployment, healthy: usize, whole: bool) {
        let configuration = &service.spec.deployment_configuration;
        let criteria = configuration.early_success_criteria.as_ref();
        let Some(criteria) =
            criteria.filter(|c| c.enable && !configuration.shifts() && self.holds(Rule::EarlySuccessEndsEarly))
        else {
            if let Some(entry) = service.service_deployment_mut(&primary.id).filter(|_| !whole) {
                entry.healthy_since = None;
            }
            return;
        };
        let percent = usize::try_from(criteria.healthy_percent.unwrap_or(100)).unwrap_or(100);
        let enough = healthy * 100 >= usize::try_from(service.desired_count).unwrap_or(usize::MAX) * percent;
        let deferred = criteria.source_service_revision_cleanup == Some(RevisionCleanup::Deferred);
        let bake = f64::from(configuration.bake_time_in_minutes.unwrap_or(0)) * 60.0;
        let now = self.now;
        let alone = service.deployments.len() == 1;
        let Some(entry) = service.service_deployment_mut(&primary.id) else {
            return;
        };
        entry.healthy_since = if enough { entry.healthy_since.or(Some(now)) } else { None };
        let Some(until) = entry.healthy_since.map(|since| after(since, bake)) else {
            return;
        };
        if until > now {
            return self.reconcile_at(service, until.duration_since(now).as_secs_f64());
        }
        if (deferred || alone) && primary.rollout_state == RolloutState::InProgress {
            self.complete(service, &primary.id, &primary.revision);
        }
    }

    pub(super) fn complete(&mut self, service: &mut Service, id: &str, revision: &str) {
        let now = self.now;
        if let Some(entry) = service.deployments.first_mut() {
            entry.rollout_state = RolloutState::Completed;
            service.production_is_alternate = entry.alternate;
            entry.rollout_reason = format!("ECS deployment {id} completed.");
            entry.updated_at = now;
        }
        if let Some(entry) = service.service_deployment_mut(id) {
            entry.status = match entry.status {
                ServiceDeploymentStatus::RollbackInProgress => ServiceDeploymentStatus::RollbackSuccessful,
                _ => ServiceDeploymentStatus::Successful,
            };
            entry.finished_at = Some(now);
            entry.updated_at = now;
        }
        service.last_completed = Some((id.to_owned(), revision.to_owned()));
        self.tell(service, format!("(deployment {id}) deployment completed."));
        let reason = format!("ECS deployment {id} completed.");
        self.put_deployment_event(service, "INFO", "SERVICE_DEPLOYMENT_COMPLETED", id, &reason);
    }

    /// The service that an ARN of a service deployment or service revision belongs to.
    pub fn service_of_arn(&self, arn: &str) -> Option<ServiceKey> {
        let mut parts = arn.rsplit('/').skip(1);
        let (name, cluster) = (parts.next()?, parts.next()?);
        let key = ServiceKey::new(short_name(cluster), name);
        self.services.contains_key(&key).then_some(key)
    }

    /// A new revision of a service, as its current one but for what `change` changes.
    pub(super) fn next_revision(
        &mut self,
        service: &Service,
        now: Timestamp,
        change: impl FnOnce(&mut Revision),
    ) -> Option<Revision> {
        let current = service.current()?;
        let mut revision = current.clone();
        let same_task_definition = current.task_definition.clone();
        revision.arn = self.revision_arn(&service.key);
        revision.created_at = now;
        change(&mut revision);
        // "The new tasks launched by the deployment pull the current image/tag combination"
        // (UpdateService.forceNewDeployment); exactly when ECS resolves a tag again is undocumented.
        let new_task_definition = revision.task_definition.short() != same_task_definition.short();
        if (self.settings.forced_deployment_resolves_images && self.holds(Rule::TagsResolveAgain))
            || new_task_definition
        {
            revision.images = self.resolve_images(&revision.task_definition);
        }
        Some(revision)
    }

    pub(super) fn revision_arn(&mut self, key: &ServiceKey) -> String {
        let n = self.rng.u64(1_000_000_000_000_000_000..=9_223_372_036_854_775_807);
        self.arns.ecs(&format!("service-revision/{}/{}/{n}", key.cluster, key.name))
    }
}
