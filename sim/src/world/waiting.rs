//! Tasks that wait for capacity: each attempt to place them, and what is said of it.

use super::arn::ServiceKey;
use super::services::Service;
use super::shapes::LaunchType;
use super::tasks::Task;
use super::{Event, TaskId, World, after};

impl World {
    /// The tasks of a cluster that wait for capacity.
    pub(super) fn waiting_tasks(&self, cluster: &str) -> impl Iterator<Item = &Task> {
        let ids = self.waiting.get(cluster).into_iter().flatten();
        ids.filter_map(|id| self.tasks.get(id)).filter(|t| t.waiting)
    }

    /// Tries again to place what waits in a cluster, and has managed scaling look at the rest.
    pub(super) fn place_waiting_tasks(&mut self, cluster: &str) {
        let World { waiting, tasks, .. } = self;
        if let Some(ids) = waiting.get_mut(cluster) {
            ids.retain(|id| tasks.get(id).is_some_and(|t| t.waiting));
        }
        let mut keys: Vec<ServiceKey> = self.waiting_tasks(cluster).map(|t| t.service.clone()).collect();
        keys.sort();
        keys.dedup();
        let mut still_waiting = false;
        for key in keys {
            self.with_service(&key, |world, service| {
                for id in world.ids(service, |t| t.waiting) {
                    if world.find_capacity(service, &id) {
                        world.placed(&id);
                    } else if world.waited_too_long(&id) {
                        // No failed task: the scheduler simply starts another.
                        world.stop_task(service, &id, "TaskFailedToStart", "Timeout waiting for capacity.");
                        world.reconcile_soon(service);
                    } else {
                        still_waiting = true;
                        let fargate = world
                            .tasks
                            .get(&id)
                            .is_some_and(|t| t.instance.is_none() && t.provider.as_deref() == Some("FARGATE_SPOT"));
                        world.tell_placement_failure(service, fargate);
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
            t.launch_type == LaunchType::Ec2
                && after(t.created_at, self.settings.durations.provisioning_timeout) <= self.now
        })
    }

    /// ECS "doesn't ever stop a failing service from retrying" (`service-throttle-logic.md`); its
    /// placement failures do not count as failed tasks.
    pub(super) fn tell_placement_failure(&mut self, service: &mut Service, fargate_spot: bool) {
        let pause = self.settings.durations.placement_retry * 4.0;
        if service.last_placement_event.is_some_and(|last| after(last, pause) > self.now) {
            return;
        }
        service.last_placement_event = Some(self.now);
        if fargate_spot {
            self.tell(service, "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.");
        } else {
            self.tell(service, "was unable to place a task because no container instance met all of its requirements.");
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
