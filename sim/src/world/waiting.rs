//! Tasks that wait for capacity: each attempt to place them, and what is said of it.

use super::arn::ServiceKey;
use super::capacity::NoPlace;
use super::clusters::ProviderFamily;
use super::rules::Rule;
use super::services::Service;
use super::shapes::LaunchType;
use super::tasks::Task;
use super::{Event, TaskId, World, after};

/// How many tasks of a cluster may wait for an instance at once: "the limit of 500 tasks that can be
/// in the PROVISIONING state simultaneously" ("Amazon ECS service event messages", developer guide; it
/// was 100 in 2020 and 300 in 2022).
const MOST_PROVISIONING: usize = 500;

impl World {
    /// The tasks of a cluster that wait for capacity.
    pub(super) fn waiting_tasks(&self, cluster: &str) -> impl Iterator<Item = &Task> {
        self.waiting.get(cluster).into_iter().flatten().filter_map(|id| self.tasks.get(id))
    }

    /// The task has its place, or is given up.
    pub(super) fn no_longer_waits(&mut self, id: &TaskId) {
        let Some(task) = self.tasks.get_mut(id).filter(|t| t.waiting) else {
            return;
        };
        task.waiting = false;
        if let Some(ids) = self.waiting.get_mut(&task.service.cluster) {
            ids.remove(id);
        }
    }

    /// Tries again to place what waits in a cluster, and has managed scaling look at the rest.
    pub(super) fn place_waiting_tasks(&mut self, cluster: &str) {
        let mut keys: Vec<ServiceKey> = self.waiting_tasks(cluster).map(|t| t.service.clone()).collect();
        keys.sort();
        keys.dedup();
        let mut still_waiting = false;
        for key in keys {
            self.with_service(&key, |world, service| {
                for id in world.ids(service, |t| t.waiting) {
                    match world.find_capacity(service, &id) {
                        Ok(()) => world.placed(&id),
                        Err(_) if world.waited_too_long(&id) => {
                            // No failed task: the scheduler simply starts another.
                            world.stop_task(service, &id, "TaskFailedToStart", "Timeout waiting for capacity.");
                            world.reconcile_soon(service);
                        }
                        Err(why) => {
                            still_waiting = true;
                            if !world.holds(Rule::PlacementFailureIsNoFailedTask) {
                                let deployment = service.primary().map(|d| d.id.clone()).unwrap_or_default();
                                world.task_failed(service, &deployment);
                            }
                            let provider = world.tasks.get(&id).and_then(|t| t.provider.clone());
                            world.tell_placement_failure(service, provider.as_deref(), why);
                        }
                    }
                }
            });
        }
        if still_waiting {
            self.scale_for_waiting_tasks(cluster);
            self.schedule_placement(cluster);
        }
    }

    /// Only tasks that wait for an instance are given up.
    fn waited_too_long(&self, id: &TaskId) -> bool {
        self.tasks.get(id).is_some_and(|t| {
            self.holds(Rule::ProvisioningTimesOut)
                && t.launch_type != LaunchType::Fargate
                && after(t.created_at, self.settings.durations.provisioning_timeout) <= self.now
        })
    }

    /// ECS "doesn't ever stop a failing service from retrying" (`service-throttle-logic.md`); its
    /// placement failures do not count as failed tasks.
    pub(super) fn tell_placement_failure(&mut self, service: &mut Service, provider: Option<&str>, why: NoPlace) {
        let pause = self.settings.durations.placement_failure_told;
        if service.told_placement.get(&why).is_some_and(|last| after(*last, pause) > self.now) {
            return;
        }
        service.told_placement.insert(why, self.now);
        let (reason, text) = match why {
            NoPlace::FargateCapacity => (
                "RESOURCE:FARGATE",
                "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.",
            ),
            NoPlace::FargateQuota => (
                "RESOURCE:FARGATE",
                "was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.",
            ),
            NoPlace::NoInstance => (
                "RESOURCE:CPU",
                "was unable to place a task because no container instance met all of its requirements.",
            ),
            // The text is that of the page of messages; which reason the event has is not shown there.
            NoPlace::ProvisioningLimit => (
                "RESOURCE:CPU",
                "was unable to place tasks in your cluster because the tasks provisioning capacity limit was exceeded.",
            ),
        };
        self.tell(service, text);
        self.put_service_action(service, "ERROR", "SERVICE_TASK_PLACEMENT_FAILURE", provider, Some(reason));
    }

    /// Above the limit of a cluster nothing is placed for now.
    pub(super) fn provisioning_is_full(&self, service: &Service, provider: Option<&str>) -> bool {
        let waits = provider
            .and_then(|p| self.provider(&service.key.cluster, p))
            .is_some_and(|p| p.family() != ProviderFamily::Fargate);
        let of_instances = |t: &&Task| t.launch_type != LaunchType::Fargate;
        waits
            && self.holds(Rule::ProvisioningIsLimited)
            && self.waiting_tasks(&service.key.cluster).filter(of_instances).count() >= MOST_PROVISIONING
    }

    pub(super) fn schedule_placement_if_waiting(&mut self, cluster: &str) {
        if self.waiting_tasks(cluster).next().is_some() {
            self.schedule_placement(cluster);
        }
    }

    /// Has the cluster's waiting tasks looked at again.
    pub(super) fn schedule_placement(&mut self, cluster: &str) {
        if self.placements_due.insert(cluster.to_owned()) {
            // The first look comes soon, so that managed scaling hears of the tasks.
            let tick = self.settings.durations.scheduler_tick;
            let waited = self.waiting_tasks(cluster).any(|t| after(t.created_at, tick) < self.now);
            let wait =
                if waited { self.settings.durations.placement_retry } else { self.settings.durations.scheduler_tick };
            self.schedule(wait, Event::PlaceWaiting { cluster: cluster.to_owned() });
        }
    }
}
