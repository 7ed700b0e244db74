//! Application Auto Scaling: scalable targets with a scripted load, and scheduled actions.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::arn::ServiceKey;
use super::rules::Rule;
use super::schedule::Schedule;
use super::schedule_expression::ScheduleExpression;
use super::{Event, World};

/// A scalable target: the range of a service's desired count.
#[derive(Clone, Debug)]
pub struct ScalableTarget {
    /// `service/CLUSTER/SERVICE`.
    pub resource_id: String,
    /// The fewest tasks.
    pub min_capacity: u32,
    /// The most tasks.
    pub max_capacity: u32,
    /// How many tasks the load wants, over time: what a scaling policy would have found.
    pub load: Option<Schedule>,
    /// When it was created.
    pub created_at: Timestamp,
}

/// A scheduled action.
#[derive(Clone, Debug)]
pub struct ScheduledAction {
    /// Its name.
    pub name: String,
    /// `service/CLUSTER/SERVICE`.
    pub resource_id: String,
    /// `cron(…)`, `rate(…)` or `at(…)`.
    pub schedule: String,
    /// The schedule's time zone; UTC where there is none.
    pub timezone: Option<String>,
    /// The new minimum.
    pub min_capacity: Option<u32>,
    /// The new maximum.
    pub max_capacity: Option<u32>,
    /// When it was created.
    pub created_at: Timestamp,
}

impl ScheduledAction {
    /// Whether its schedule and time zone can be read: the error says what is allowed.
    pub fn check(&self) -> Result<(), String> {
        ScheduleExpression::read(&self.schedule)?;
        self.zone().map(|_| ())
    }

    fn zone(&self) -> Result<TimeZone, String> {
        let name = self.timezone.as_deref().unwrap_or("UTC");
        TimeZone::get(name)
            .map_err(|_| format!("there is no time zone {name:?}: allowed are names such as Europe/Berlin"))
    }

    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        ScheduleExpression::read(&self.schedule).ok()?.next(now, self.created_at, &self.zone().ok()?)
    }
}

impl World {
    /// Adds a scalable target, or changes its range (RegisterScalableTarget).
    pub fn register_scalable_target(&mut self, target: ScalableTarget) {
        let id = target.resource_id.clone();
        match self.scalable_targets.iter_mut().find(|t| t.resource_id == id) {
            Some(old) => {
                (old.min_capacity, old.max_capacity) = (target.min_capacity, target.max_capacity);
                old.load = target.load.or_else(|| old.load.take());
            }
            None => self.scalable_targets.push(target),
        }
        self.schedule(0.0, Event::Scale { resource_id: id });
    }

    /// Adds a scheduled action, or replaces the one of the same name and target.
    pub fn put_scheduled_action(&mut self, action: ScheduledAction) {
        let (resource_id, name) = (action.resource_id.clone(), action.name.clone());
        self.scheduled_actions.retain(|a| (&a.resource_id, &a.name) != (&resource_id, &name));
        self.scheduled_actions.push(action);
        self.schedule_action(resource_id, name);
    }

    /// Puts what autoscaling does on the calendar.
    pub(super) fn schedule_autoscaling(&mut self) {
        let targets: Vec<String> = self.scalable_targets.iter().map(|t| t.resource_id.clone()).collect();
        for resource_id in targets {
            self.schedule(0.0, Event::Scale { resource_id });
        }
        let actions: Vec<_> = self.scheduled_actions.iter().map(|a| (a.resource_id.clone(), a.name.clone())).collect();
        for (resource_id, name) in actions {
            self.schedule_action(resource_id, name);
        }
    }

    fn scheduled_action(&self, resource_id: &str, name: &str) -> Option<&ScheduledAction> {
        self.scheduled_actions.iter().find(|a| a.resource_id == resource_id && a.name == name)
    }

    fn schedule_action(&mut self, resource_id: String, name: String) {
        let next = self.scheduled_action(&resource_id, &name).and_then(|a| a.next(self.now));
        if let Some(at) = next {
            let wait = at.duration_since(self.now).as_secs_f64();
            self.schedule(wait, Event::ScheduledAction { resource_id, name, at });
        }
    }

    /// "When a scheduled action runs, Application Auto Scaling … sets the minimum and maximum
    /// capacity; if the current capacity is below the minimum it scales out to it, if it is above the
    /// maximum it scales in to it" (ScalableTargetAction). One that was replaced meanwhile is void.
    pub(super) fn run_scheduled_action(&mut self, resource_id: String, name: String, at: Timestamp) {
        if self.now != at {
            return;
        }
        let Some((min, max)) = self.scheduled_action(&resource_id, &name).map(|a| (a.min_capacity, a.max_capacity))
        else {
            return;
        };
        if let Some(target) = self.scalable_targets.iter_mut().find(|t| t.resource_id == resource_id) {
            target.min_capacity = min.unwrap_or(target.min_capacity);
            target.max_capacity = max.unwrap_or(target.max_capacity).max(target.min_capacity);
        }
        self.scale(&resource_id);
        self.schedule_action(resource_id, name);
    }

    /// The load has changed, or the range has: autoscaling follows.
    pub(super) fn scale_due(&mut self, resource_id: String) {
        self.scale(&resource_id);
        let load = self.scalable_targets.iter().find(|t| t.resource_id == resource_id).and_then(|t| t.load.as_ref());
        let now = self.elapsed();
        if let Some(at) = load.and_then(|l| l.next_change(now)) {
            self.schedule(at - now, Event::Scale { resource_id });
        }
    }

    /// Brings the desired count to what the load wants, within the range. "Application Auto Scaling
    /// turns off scale-in processes while Amazon ECS deployments are in progress. However, scale-out
    /// processes continue to occur" (developer guide, service auto scaling).
    pub(super) fn scale(&mut self, resource_id: &str) {
        let Some(target) = self.scalable_targets.iter().find(|t| t.resource_id == resource_id) else {
            return;
        };
        let Some(key) = service_key(resource_id) else {
            return;
        };
        let Some(service) = self.services.get(&key).filter(|s| s.status == "ACTIVE") else {
            return;
        };
        let load = target.load.as_ref().and_then(|l| l.at(self.elapsed()));
        let wanted = load.unwrap_or(service.desired_count).clamp(target.min_capacity, target.max_capacity);
        let deploying = service.service_deployments.first().is_some_and(|d| !d.status.is_final());
        if wanted < service.desired_count && deploying && self.holds(Rule::ScaleInOffDuringDeployments) {
            let wait = self.settings.durations.autoscaling;
            return self.schedule(wait, Event::ScaleInAgain { resource_id: resource_id.to_owned() });
        }
        if wanted != service.desired_count {
            self.set_desired_count(&key, wanted);
        }
    }

    /// Sets the desired count of a service, as UpdateService does.
    pub(super) fn set_desired_count(&mut self, key: &ServiceKey, count: u32) {
        self.with_service(key, |world, service| {
            service.desired_count = count;
            service.steady_told = false;
            world.reconcile_soon(service);
        });
    }
}

/// The service of `service/CLUSTER/SERVICE`.
pub fn service_key(resource_id: &str) -> Option<ServiceKey> {
    let (cluster, name) = resource_id.strip_prefix("service/")?.split_once('/')?;
    Some(ServiceKey::new(cluster, name))
}
