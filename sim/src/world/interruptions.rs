//! Spot interruptions: reclaims of a pool, the two minutes, draining, and rebalance recommendations.

use super::arn::ServiceKey;
use super::clusters::ProviderKind;
use super::pools::PoolKey;
use super::rules::Rule;
use super::services::Service;
use super::settings::FargateSpotStop;
use super::tasks::{Phase, TargetState, Task};
use super::{Event, InstanceId, TaskId, World, after};

/// "A Spot Instance interruption notice is a warning that is issued two minutes before Amazon EC2
/// stops or terminates your Spot Instance" (EC2 User Guide); Fargate Spot: "a two-minute warning is
/// sent before a task is stopped" (`fargate-capacity-providers.md`).
const WARNING_SECONDS: f64 = 120.0;

impl World {
    /// EC2 (or Fargate) takes so many instances (or tasks) of a pool back: each is warned now, and
    /// gone in two minutes. Which ones is up to the seed. Answers how many there were to take.
    pub fn reclaim(&mut self, pool: &str, count: u32) -> Result<u32, String> {
        let key = self.spot_pool_named(pool)?;
        Ok(self.reclaim_from(&key, count))
    }

    /// EC2 recommends to rebalance away from so many instances of a pool. "It is not always possible
    /// for Amazon EC2 to send the rebalance recommendation signal before the two-minute Spot Instance
    /// interruption notice", and no interruption need follow.
    pub fn recommend_rebalance(&mut self, pool: &str, count: u32) -> Result<u32, String> {
        let key = self.spot_pool_named(pool)?;
        let chosen = self.some_of(self.spot_instances_in(&key, |i| i.rebalance_recommended), count);
        let found = u32::try_from(chosen.len()).unwrap_or(u32::MAX);
        for id in chosen {
            self.recommend_for(&id);
        }
        Ok(found)
    }

    fn spot_pool_named(&self, pool: &str) -> Result<PoolKey, String> {
        let key = self.pool_named(pool)?;
        if key.instance_type == "FARGATE" {
            return Err(format!("pool {pool:?} is not Spot: nothing of it is reclaimed"));
        }
        Ok(key)
    }

    /// Reclaims what is held of a pool above what it gives; what goes already counts as gone.
    pub(super) fn reclaim_surplus(&mut self, key: &PoolKey) {
        let Some(most) = self.pools.get(key).and_then(|p| p.spot.at(self.elapsed())) else {
            return;
        };
        let staying =
            self.spot_instances_in(key, |i| i.reclaimed_at.is_some()).len() + self.fargate_spot_tasks_in(key).len();
        self.reclaim_from(key, u32::try_from(staying).unwrap_or(u32::MAX).saturating_sub(most));
    }

    fn reclaim_from(&mut self, key: &PoolKey, count: u32) -> u32 {
        let instances = self.some_of(self.spot_instances_in(key, |i| i.reclaimed_at.is_some()), count);
        for id in &instances {
            self.interrupt_instance(id);
        }
        let tasks = self.some_of(self.fargate_spot_tasks_in(key), count);
        for id in &tasks {
            self.interrupt_task(id);
        }
        let taken = u64::try_from(instances.len() + tasks.len()).unwrap_or(u64::MAX);
        if taken > 0 {
            *self.felt.interruptions.entry(key.to_string()).or_default() += taken;
        }
        u32::try_from(taken).unwrap_or(u32::MAX)
    }

    fn spot_instances_in(&self, key: &PoolKey, but: impl Fn(&super::instances::Instance) -> bool) -> Vec<InstanceId> {
        let there = self.instances.values().filter(|i| i.spot && i.pool() == *key && !but(i));
        there.map(|i| i.id.clone()).collect()
    }

    fn fargate_spot_tasks_in(&self, key: &PoolKey) -> Vec<TaskId> {
        if key.instance_type != "FARGATE_SPOT" {
            return Vec::new();
        }
        let on_spot = |t: &&Task| t.provider.as_deref() == Some("FARGATE_SPOT") && t.zone == key.zone;
        self.tasks.values().filter(on_spot).filter(|t| t.is_wanted() && !t.waiting).map(|t| t.id.clone()).collect()
    }

    fn some_of(&mut self, mut all: Vec<String>, count: u32) -> Vec<String> {
        self.rng.shuffle(&mut all);
        all.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        all
    }

    fn interrupt_instance(&mut self, id: &InstanceId) {
        let warning = if self.holds(Rule::TwoMinuteWarning) { WARNING_SECONDS } else { 0.0 };
        let at = after(self.now, warning);
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        instance.reclaimed_at = Some(at);
        let instance = instance.clone();
        self.put_instance_event(&instance, true);
        self.schedule(warning, Event::InstanceReclaimed { instance: id.clone() });
        if self.drains_on_interruption(&instance) {
            self.schedule(self.settings.durations.interruption_noticed, Event::DrainInstance { instance: id.clone() });
        }
        // "Capacity Rebalancing … when a Spot Instance receives a … notice, Auto Scaling … launches a
        // new instance before a running instance is interrupted".
        self.replace_if_rebalancing(id);
    }

    /// `managedDraining` covers Spot interruptions ("Safely stop Amazon ECS workloads running on EC2
    /// instances"); without it the agent drains where `ECS_ENABLE_SPOT_INSTANCE_DRAINING` is set,
    /// which it is not by default. ECS drains Managed Instances itself.
    fn drains_on_interruption(&self, instance: &super::instances::Instance) -> bool {
        if !self.holds(Rule::DrainingMustBeOn) {
            return true;
        }
        let agent = self.groups.get(&instance.group).is_some_and(|g| g.agent_draining);
        instance.managed_by.is_some() || agent || self.has_managed_draining(&instance.group)
    }

    fn has_managed_draining(&self, group: &str) -> bool {
        self.provider_names_of_group(group)
            .iter()
            .filter_map(|name| self.providers.get(name))
            .any(|p| matches!(&p.kind, ProviderKind::Group(g) if g.managed_draining == "ENABLED"))
    }

    /// Sets a container instance DRAINING: "Service tasks on the container instance that are in the
    /// PENDING state are stopped immediately", those in RUNNING are replaced by the scheduler
    /// (UpdateContainerInstancesState).
    pub fn drain_instance(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get_mut(id).filter(|i| i.registered && !i.draining) else {
            return;
        };
        instance.draining = true;
        let tasks: Vec<TaskId> = instance.tasks.keys().cloned().collect();
        let mut services: Vec<ServiceKey> =
            tasks.iter().filter_map(|t| self.tasks.get(t)).filter(|t| !t.daemon).map(|t| t.service.clone()).collect();
        services.sort();
        services.dedup();
        for key in services {
            self.with_service(&key, |world, service| {
                let here = |t: &Task| t.instance.as_ref() == Some(id) && t.phase < Phase::Running;
                let pending =
                    if world.holds(Rule::DrainStopsPendingTasks) { world.ids(service, here) } else { Vec::new() };
                for task in pending {
                    world.stop_task(service, &task, "ServiceSchedulerInitiated", "Host EC2 instance is draining.");
                }
                world.reconcile_soon(service);
            });
        }
    }

    /// The two minutes are over.
    pub(super) fn instance_reclaimed(&mut self, id: &InstanceId) {
        self.end_instance(id);
    }

    /// A task's instance is gone: nothing is left of the task, whatever it was doing.
    pub(super) fn task_dies_with_instance(&mut self, id: &TaskId) {
        let Some(task) = self.tasks.get(id) else {
            return;
        };
        let key = task.service.clone();
        let instance = task.instance.clone().unwrap_or_default();
        self.with_service(&key, |world, service| {
            world.kill_task(service, id, &format!("Host EC2 (instance {instance}) terminated."));
            world.reconcile_soon(service);
        });
    }

    fn kill_task(&mut self, service: &mut Service, id: &TaskId, reason: &str) {
        let delay = self.deregistration_delay(service, id);
        let now = self.now;
        let code = self.settings.instance_gone_stop_code.name();
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        let alive = (Phase::Running..Phase::Deprovisioning).contains(&task.phase);
        if alive && !task.daemon {
            let counter = match task.instance {
                Some(_) => &mut self.felt.killed_with_instance,
                None => &mut self.felt.killed_by_timeout,
            };
            *counter += 1;
            task.exit_code = Some(137);
        }
        let missing = match task.target {
            None => None,
            Some(TargetState::Draining) => {
                let drained = task.stopping_at.map_or(0.0, |at| now.duration_since(at).as_secs_f64());
                Some((delay - drained).max(0.0))
            }
            Some(_) => Some(delay),
        };
        task.stopping_at.get_or_insert(now);
        task.stop_code = task.stop_code.or(code);
        task.stopped_reason = Some(reason.to_owned());
        task.doomed = true;
        if let Some(seconds) = missing {
            self.cut_targets(service, seconds);
        }
        self.task_stopped(id);
    }

    /// "When tasks using Fargate Spot capacity are stopped due to a Spot interruption, a two-minute
    /// warning is sent before a task is stopped. The warning is sent as a task state change event to
    /// Amazon EventBridge and as a SIGTERM signal to the running task"
    /// (`fargate-capacity-providers.md`). Whether the target is deregistered before SIGTERM is a
    /// setting: AWS has told and done both.
    fn interrupt_task(&mut self, id: &TaskId) {
        let Some(key) = self.tasks.get(id).map(|t| t.service.clone()) else {
            return;
        };
        let code = self.settings.fargate_spot_stop_code.name();
        self.with_service(&key, |world, service| {
            let was_running = world.tasks.get(id).is_some_and(Task::is_running);
            let sigterm_first = was_running && world.holds(Rule::FargateSpotStopOrder);
            match world.settings.fargate_spot_stop {
                FargateSpotStop::SigtermFirst if sigterm_first => world.sigterm_in_service(service, id, code),
                _ => world.stop_task(service, id, code, "Your Spot Task was interrupted."),
            }
            world.schedule(WARNING_SECONDS, Event::FargateTaskReclaimed { task: id.clone() });
            world.reconcile_soon(service);
        });
    }

    /// SIGTERM while the targets are still in service: they stay so until the task has STOPPED
    /// (re:Post, "tasks might not be deregistered from a load balancer's target group until the task
    /// transitions to STOPPED").
    fn sigterm_in_service(&mut self, service: &Service, id: &TaskId, code: &'static str) {
        let now = self.now;
        let Some(task) = self.tasks.get_mut(id) else {
            return;
        };
        task.doomed = true;
        task.stopping_at = Some(now);
        task.stop_code = Some(code);
        task.stopped_reason = Some("Your Spot Task was interrupted.".to_owned());
        self.begin_stopping(service, id);
        self.put_task_event(id);
    }

    /// The two minutes of a Fargate Spot task are over: what still runs is killed.
    pub(super) fn fargate_task_reclaimed(&mut self, id: &TaskId) {
        let Some(task) = self.tasks.get(id).filter(|t| t.phase < Phase::Deprovisioning) else {
            return;
        };
        let key = task.service.clone();
        self.with_service(&key, |world, service| {
            world.kill_task(service, id, "Your Spot Task was interrupted.");
            world.reconcile_soon(service);
        });
    }

    fn recommend_for(&mut self, id: &InstanceId) {
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        instance.rebalance_recommended = true;
        let instance = instance.clone();
        self.put_instance_event(&instance, false);
        self.replace_if_rebalancing(id);
    }

    /// With Capacity Rebalancing a group launches the replacement first, "and after the new instance
    /// passes its health check, terminates the old one" (Auto Scaling User Guide).
    fn replace_if_rebalancing(&mut self, id: &InstanceId) {
        let Some(group) = self.instances.get(id).map(|i| i.group.clone()) else {
            return;
        };
        if self.groups.get(&group).is_some_and(|g| g.capacity_rebalance) && self.holds(Rule::RebalancingReplacesFirst) {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.leaving = true;
            }
            self.launch_missing(&group);
        }
    }

    /// Instances that are being replaced go, once nothing of the group is on its way: drained first
    /// where managed draining is on (it covers Capacity Rebalancing too; the agent looks for interruption
    /// notices alone).
    pub(super) fn let_leaving_go(&mut self, group: &str) {
        let wanted = self.groups.get(group).map_or(0, |g| usize::try_from(g.desired).unwrap_or(usize::MAX));
        let staying = self.instances_of(group).filter(|i| i.registered && !i.leaving).count();
        if staying < wanted {
            return;
        }
        let agent = self.groups.get(group).is_some_and(|g| g.agent_draining);
        let drains = self.has_managed_draining(group) || (agent && !self.holds(Rule::AgentMissesRebalancing));
        let leaving: Vec<InstanceId> =
            self.instances_of(group).filter(|i| i.leaving && i.registered).map(|i| i.id.clone()).collect();
        for id in leaving {
            let busy = self.instances.get(&id).is_some_and(|i| self.replicas_on(i).next().is_some());
            if busy && drains {
                self.drain_instance(&id);
            } else {
                self.end_instance(&id);
            }
        }
    }
}
