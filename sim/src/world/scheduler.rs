//! The service scheduler: starts and stops tasks until a service is what it should be.

use std::borrow::Cow;

use super::arn::ServiceKey;
use super::capacity::NoPlace;
use super::deployments::RolloutState;
use super::placement::{Share, place, targets};
use super::rules::Rule;
use super::services::{Scheduling, Service};
use super::settings::{FargateDrought, ScaleIn, StopBeforeStart};
use super::shapes::{LaunchType, StrategyItem};
use super::task_definitions::whole;
use super::tasks::{Phase, Task};
use super::traffic::LifecycleStage;
use super::{Event, TaskId, World, after};

impl World {
    /// Has the scheduler look at a service at its next tick.
    pub(super) fn reconcile_soon(&mut self, service: &mut Service) {
        self.reconcile_at(service, self.settings.durations.scheduler_tick);
    }

    pub(super) fn reconcile_at(&mut self, service: &mut Service, seconds: f64) {
        let at = after(self.now, seconds);
        // A look that is due now is still to come: to put it off would starve a busy service.
        if service.reconcile_at.is_some_and(|earlier| earlier <= at) {
            return;
        }
        service.reconcile_at = Some(at);
        self.schedule(seconds, Event::Reconcile { service: service.key.clone() });
    }

    pub(super) fn reconcile_due(&mut self, key: &ServiceKey) {
        self.with_service(key, |world, service| {
            // An earlier look may have been put on the calendar since: it has its own event.
            if service.reconcile_at == Some(world.now) {
                service.reconcile_at = None;
                world.reconcile(service);
            }
        });
    }

    /// One look of the scheduler at one service.
    pub(super) fn reconcile(&mut self, service: &mut Service) {
        if service.status != "ACTIVE" {
            return;
        }
        match service.spec.scheduling {
            Scheduling::Daemon => self.keep_daemons(service),
            Scheduling::Replica => {
                self.heed_alarms(service);
                self.shift_traffic(service);
                let short_of_room = self.start_missing(service);
                self.stop_replaced(service, short_of_room);
                self.scale_in(service);
            }
        }
        self.judge_rollout(service);
    }

    pub(super) fn ids(&self, service: &Service, of: impl Fn(&Task) -> bool) -> Vec<TaskId> {
        service.tasks.iter().filter(|id| self.tasks.get(*id).is_some_and(&of)).cloned().collect()
    }

    /// Starts what the PRIMARY deployment lacks; answers how many tasks found no room under
    /// `maximumPercent`.
    fn start_missing(&mut self, service: &mut Service) -> u32 {
        let Some(primary) = service.primary().cloned() else {
            return 0;
        };
        // "A deployment in FAILED state doesn't launch any new tasks" (Deployment.rolloutState).
        if primary.rollout_state == RolloutState::Failed && self.holds(Rule::FailedDeploymentStartsNothing) {
            return 0;
        }
        // "PRE_SCALE_UP: the green service revision has not started."
        let stage = self.shift_stage(service);
        if stage.is_some_and(|s| s < LifecycleStage::ScaleUp) {
            return 0;
        }
        let all = self.tally(service, |_| true).wanted;
        let own = self.tally(service, |t| t.deployment == primary.id && !self.is_draining(t)).wanted;
        let missing = service.desired_count.saturating_sub(own);
        // "an upper limit on the number of your service's tasks that are allowed in the RUNNING or
        // PENDING state during a deployment, as a percentage of the desiredCount (rounded down to
        // the nearest integer)" (DeploymentConfiguration.maximumPercent)
        let percent = u64::from(service.spec.deployment_configuration.maximum());
        let most = u32::try_from(u64::from(service.desired_count) * percent / 100).unwrap_or(u32::MAX);
        let most = match stage {
            // "SCALE_UP: the green service revision scales up to 100%", beside the blue one.
            Some(_) => u32::MAX,
            None if !self.holds(Rule::MaximumPercentBinds) => u32::MAX,
            None if all == own => most.max(service.desired_count),
            None => most,
        };
        let fits = missing.min(most.saturating_sub(all));
        if let Some(until) =
            service.hold_starts_until.filter(|until| *until > self.now && self.holds(Rule::FailedTasksSlowRestarts))
        {
            if fits > 0 {
                let wait = until.duration_since(self.now).as_secs_f64();
                self.reconcile_at(service, wait.max(0.001));
            }
            return missing - fits;
        }
        // Fargate service quotas: 500 tasks a minute for one service.
        let per_tick =
            f64::from(self.settings.service_launches_per_minute) / 60.0 * self.settings.durations.scheduler_tick;
        let a_tick =
            if self.holds(Rule::ServiceLaunchRate) { whole(per_tick.ceil()).unwrap_or(u32::MAX) } else { u32::MAX };
        let now = fits.min(a_tick.max(1));
        let started = self.start_tasks(service, now);
        if now < fits && started == now {
            self.reconcile_soon(service);
        }
        missing - fits
    }

    fn start_tasks(&mut self, service: &mut Service, count: u32) -> u32 {
        if count == 0 {
            return 0;
        }
        let mut started = 0;
        for provider in self.choose_providers(service, count) {
            if self.provisioning_is_full(service, provider.as_deref()) {
                self.tell_placement_failure(service, provider.as_deref(), NoPlace::ProvisioningLimit);
                self.reconcile_at(service, self.settings.durations.placement_retry);
                break;
            }
            if !self.may_launch(service, provider.as_deref()) {
                let wait = service.launch_turn.map_or(0.0, |turn| turn.duration_since(self.now).as_secs_f64());
                self.reconcile_at(service, wait.max(0.001));
                break;
            }
            let no_task = self.settings.fargate_drought == FargateDrought::NoTask
                && self.holds(Rule::DroughtMayShowNothingPending)
                && provider.as_deref() == Some("FARGATE_SPOT")
                && self.faults.is_dry("FARGATE_SPOT");
            if no_task {
                self.tell_placement_failure(service, provider.as_deref(), NoPlace::FargateCapacity);
                self.reconcile_at(service, self.settings.durations.placement_retry);
            } else if self.start_task(service, provider).is_some() {
                started += 1;
            }
        }
        if started > 0 {
            service.steady_told = false;
            let plural = if started == 1 { "task" } else { "tasks" };
            self.tell(service, format!("has started {started} {plural}."));
        }
        started
    }

    /// The providers of the next tasks of the PRIMARY deployment; `None` where there is no strategy.
    pub(super) fn choose_providers(&self, service: &Service, count: u32) -> Vec<Option<String>> {
        let Some((primary, revision)) = service.primary().zip(service.current()) else {
            return Vec::new();
        };
        if revision.strategy.is_empty() {
            return vec![None; usize::try_from(count).unwrap_or(0)];
        }
        let placed = |provider: &String| {
            let here =
                |t: &Task| t.deployment == primary.id && t.provider.as_ref() == Some(provider) && !self.is_draining(t);
            self.tally(service, here).wanted
        };
        let is_spot = |name: &str| self.provider(&service.key.cluster, name).is_some_and(|p| self.is_spot(p));
        let items = self.as_placed(&revision.strategy);
        let shares: Vec<Share<'_>> = items
            .iter()
            .map(|item| Share { item, spot: is_spot(&item.capacity_provider), placed: placed(&item.capacity_provider) })
            .collect();
        let chosen = place(&shares, count, self.settings.rounding);
        chosen.into_iter().map(|n| Some(revision.strategy[n].capacity_provider.clone())).collect()
    }

    /// A strategy as placement reckons with it: another one only where a rule is off.
    fn as_placed<'s>(&self, strategy: &'s [StrategyItem]) -> Cow<'s, [StrategyItem]> {
        let mut items = Cow::Borrowed(strategy);
        if !self.holds(Rule::BaseComesFirst) {
            items.to_mut().iter_mut().for_each(|item| item.base = 0);
        }
        if !self.holds(Rule::WeightZeroTakesNoTask) {
            items.to_mut().iter_mut().for_each(|item| item.weight = item.weight.max(1));
        }
        items
    }

    /// The account's launch rate on Fargate: On-Demand and Spot have a bucket each, in virtual time.
    /// Who finds it empty is given the time of a token that comes back, in the order of asking, so
    /// that a thousand services that wait are not asked every second.
    fn may_launch(&mut self, service: &mut Service, provider: Option<&str>) -> bool {
        let bucket = match provider {
            Some("FARGATE_SPOT") => "fargate spot launches",
            Some("FARGATE") => "fargate launches",
            None if service.current().and_then(|r| r.launch_type) == Some(LaunchType::Fargate) => "fargate launches",
            _ => return true,
        };
        if !self.holds(Rule::FargateLaunchRate) {
            return true;
        }
        let turn = service.launch_turn.take();
        if let Some(turn) = turn.filter(|turn| *turn > self.now) {
            service.launch_turn = Some(turn);
            return false;
        }
        let seconds = self.now.duration_since(jiff::Timestamp::UNIX_EPOCH).as_secs_f64();
        let (burst, rate) = (self.settings.fargate_launch_burst, self.settings.fargate_launches_per_second);
        let last = self.launch_turns.get(bucket).copied().unwrap_or(self.now);
        if (turn.is_some() || last <= self.now) && self.launches.take_from(bucket, burst, rate, seconds) {
            return true;
        }
        // A little later than the token, so that rounding does not miss it.
        let turn = after(last.max(self.now), 1.0 / rate + 1e-4);
        self.launch_turns.insert(bucket, turn);
        service.launch_turn = Some(turn);
        false
    }

    /// Whether a task's container instance is DRAINING.
    pub(super) fn is_draining(&self, task: &Task) -> bool {
        task.instance.as_ref().and_then(|i| self.instances.get(i)).is_some_and(|i| i.draining)
    }

    /// Stops tasks that are to be replaced, as far as `minimumHealthyPercent` lets it: those of older
    /// deployments, and those on draining instances.
    fn stop_replaced(&mut self, service: &mut Service, short_of_room: u32) {
        let Some(primary) = service.primary().cloned() else {
            return;
        };
        if primary.rollout_state == RolloutState::Failed {
            return;
        }
        let now = self.now;
        let outgoing = |t: &Task| {
            let old = t.deployment != primary.id && !self.stays_beside(service, t);
            t.is_wanted() && (old || self.is_draining(t))
        };
        let holds = self.holds(Rule::ProtectionBlocksDeployments);
        let holds_drains = self.settings.protection_holds_drains;
        let is_protected = |t: &Task| holds && t.is_protected(now) && (holds_drains || !self.is_draining(t));
        // Each task is looked up once: in a large world that is most of what a look costs.
        let tasks: Vec<&Task> = service.tasks.iter().filter_map(|id| self.tasks.get(id)).collect();
        let healthy = tasks.iter().filter(|t| t.is_healthy()).count();
        let (protected, free): (Vec<&Task>, Vec<&Task>) =
            tasks.into_iter().filter(|t| outgoing(t)).partition(|t| is_protected(t));
        // Tasks of a superseded deployment that serve nobody are of no use to anybody.
        let (serving, idle): (Vec<&Task>, Vec<&Task>) = free.into_iter().partition(|t| t.is_healthy());
        let (draining, old): (Vec<&Task>, Vec<&Task>) = serving.into_iter().partition(|t| self.is_draining(t));
        let free_at = protected.iter().filter_map(|t| t.protected_until).min();
        let protected = protected.len();
        let desired = usize::try_from(service.desired_count).unwrap_or(usize::MAX);
        // "a lower limit on the number of your service's tasks that must remain in the RUNNING
        // state during a deployment, as a percentage of the desiredCount (rounded up to the nearest
        // integer)" (DeploymentConfiguration.minimumHealthyPercent)
        let percent = usize::try_from(service.spec.deployment_configuration.minimum()).unwrap_or(100);
        let least = (desired * percent).div_ceil(100);
        let surplus = healthy.saturating_sub(desired);
        let early = match self.settings.stop_before_start {
            StopBeforeStart::WhenRoomIsShort => usize::try_from(short_of_room).unwrap_or(0).saturating_sub(idle.len()),
            StopBeforeStart::Always => usize::MAX,
        };
        let allowed_old = if self.holds(Rule::MinimumHealthyBinds) {
            surplus.max(healthy.saturating_sub(least).min(early))
        } else {
            usize::MAX
        };
        // "If minimumHealthyPercent is below 100%, the scheduler can ignore desiredCount temporarily
        // during task replacement … If the minimum is 100%, the service scheduler can't remove
        // existing tasks until the replacement tasks are considered healthy"
        // (UpdateContainerInstancesState).
        let allowed_draining = if self.holds(Rule::DrainKeepsMinimumHealthy) {
            surplus.max(healthy.saturating_sub(least))
        } else {
            usize::MAX
        };
        let draining = draining.iter().take(allowed_draining);
        let left = allowed_old.saturating_sub(draining.len());
        let stopping = idle.iter().chain(draining).chain(old.iter().take(left));
        let stopping: Vec<TaskId> = stopping.map(|t| t.id.clone()).collect();
        self.stop_all(service, &stopping, &format!("Scaling activity initiated by (deployment {})", primary.id));
        // Nothing else may happen before the protection runs out.
        if let Some(until) = free_at {
            self.reconcile_at(service, until.duration_since(now).as_secs_f64() + 1.0);
        }
        if stopping.is_empty() && protected > 0 && !service.steady_told {
            // The event's text is not documented; the reason code is DEPLOYMENT_BLOCKED.
            service.steady_told = true;
            self.tell(
                service,
                format!(
                    "(deployment {}) was unable to stop {} tasks because they are protected from scale-in.",
                    primary.id, protected
                ),
            );
        }
    }

    fn stop_all(&mut self, service: &mut Service, ids: &[TaskId], reason: &str) {
        let wanted = |id: &&TaskId| self.tasks.get(*id).is_some_and(Task::is_wanted);
        let ids: Vec<TaskId> = ids.iter().filter(wanted).cloned().collect();
        if ids.is_empty() {
            return;
        }
        let draining = ids.iter().filter(|id| self.tasks.get(*id).is_some_and(|t| t.target.is_some())).count();
        for id in &ids {
            self.stop_task(service, id, "ServiceSchedulerInitiated", reason);
        }
        service.steady_told = false;
        let plural = if ids.len() == 1 { "task" } else { "tasks" };
        self.tell(service, format!("has stopped {} running {plural}.", ids.len()));
        if draining > 0 {
            self.tell(service, format!("has begun draining connections on {draining} tasks."));
        }
        self.reconcile_soon(service);
    }

    /// Stops what the PRIMARY deployment has too much. Which tasks go is a setting: AWS only says
    /// that it balances Availability Zones, and the strategy is not looked at.
    fn scale_in(&mut self, service: &mut Service) {
        let Some(primary) = service.primary().cloned() else {
            return;
        };
        let now = self.now;
        let stays = |t: &Task| t.deployment == primary.id && !self.is_draining(t);
        let wanted = usize::try_from(self.tally(service, stays).wanted).unwrap_or(0);
        let surplus = wanted.saturating_sub(usize::try_from(service.desired_count).unwrap_or(usize::MAX));
        let mut left = self.ids(service, |t| stays(t) && t.is_wanted() && !t.is_protected(now));
        let mut stopping = Vec::new();
        for _ in 0..surplus.min(left.len()) {
            let n = self.choose_for_scale_in(service, &left);
            stopping.push(left.remove(n));
        }
        // "The split is made at placement": without the rule a running task is moved for its sake.
        if !self.holds(Rule::SplitAtPlacementOnly) && surplus == 0 && service.deployments.len() == 1 {
            stopping.extend(self.misplaced(service, &left));
        }
        self.stop_all(service, &stopping, &format!("Scaling activity initiated by (deployment {})", primary.id));
    }

    /// A running task of a provider that has more than its share.
    fn misplaced(&self, service: &Service, running: &[TaskId]) -> Option<TaskId> {
        let strategy = &service.current()?.strategy;
        let shares: Vec<Share<'_>> = strategy.iter().map(|item| Share { item, spot: false, placed: 0 }).collect();
        let want = targets(&shares, service.desired_count, self.settings.rounding);
        strategy.iter().zip(want).find_map(|(item, want)| {
            let on = |id: &&TaskId| {
                self.tasks.get(*id).is_some_and(|t| t.provider.as_ref() == Some(&item.capacity_provider))
            };
            running.iter().filter(on).nth(usize::try_from(want).unwrap_or(usize::MAX)).cloned()
        })
    }

    fn choose_for_scale_in(&mut self, service: &Service, left: &[TaskId]) -> usize {
        // `left` is in the order of start: oldest first.
        let setting =
            if self.holds(Rule::ScaleInForgetsTheStrategy) { self.settings.scale_in } else { ScaleIn::Newest };
        match setting {
            ScaleIn::Newest => left.len() - 1,
            ScaleIn::Oldest => 0,
            ScaleIn::Random => self.rng.usize(0..left.len()),
            ScaleIn::OnDemandFirst => {
                let on_demand = |id: &TaskId| {
                    let provider = self.tasks.get(id).and_then(|t| t.provider.as_deref());
                    !provider.and_then(|p| self.provider(&service.key.cluster, p)).is_some_and(|p| self.is_spot(p))
                };
                left.iter().rposition(on_demand).unwrap_or(left.len() - 1)
            }
            ScaleIn::BalanceZones => {
                let zone = |id: &TaskId| self.tasks.get(id).map(|t| t.zone.as_str()).unwrap_or_default();
                let tasks_in = |z: &str| left.iter().filter(|id| zone(id) == z).count();
                (0..left.len()).max_by_key(|n| (tasks_in(zone(&left[*n])), *n)).unwrap_or(0)
            }
        }
    }

    /// "The daemon scheduling strategy deploys exactly one task on each active container instance"
    /// (developer guide, service scheduler concepts).
    fn keep_daemons(&mut self, service: &mut Service) {
        let instances: Vec<_> = self
            .instances
            .values()
            .filter(|i| i.cluster == service.key.cluster && i.registered && i.managed_by.is_none())
            .map(|i| i.id.clone())
            .collect();
        service.desired_count = u32::try_from(instances.len()).unwrap_or(u32::MAX);
        let primary = service.primary().map(|d| d.id.clone()).unwrap_or_default();
        let mut without = 0;
        for instance in instances {
            let here = self.ids(service, |t| t.phase != Phase::Stopped && t.instance.as_ref() == Some(&instance));
            let old: Vec<TaskId> = here
                .iter()
                .filter(|id| self.tasks.get(*id).is_some_and(|t| t.deployment != primary))
                .cloned()
                .collect();
            // A daemon's maximum is 100 %: the old task goes first, and whole.
            self.stop_all(service, &old, "Scaling activity initiated by deployment");
            without += usize::from(here.is_empty());
        }
        let waiting = self.ids(service, |t| t.waiting && t.is_wanted()).len();
        for _ in waiting..without {
            self.start_task(service, None);
        }
    }
}
