//! What people change of Application Auto Scaling by hand.

use super::arn::ServiceKey;
use super::records::{ScalableTarget, ScheduledAction};
use super::{Refusal, World};

/// RegisterScalableTarget: what is `None` stays.
#[derive(Clone, Debug)]
pub struct ScalableTargetChange {
    /// `service/CLUSTER/SERVICE`.
    pub resource_id: String,
    /// The fewest tasks.
    pub min_capacity: Option<u32>,
    /// The most tasks.
    pub max_capacity: Option<u32>,
}

/// PutScheduledAction: what is `None` stays.
#[derive(Clone, Debug)]
pub struct ScheduledActionChange {
    /// Its name.
    pub name: String,
    /// `service/CLUSTER/SERVICE`.
    pub resource_id: String,
    /// `cron(…)`, `rate(…)` or `at(…)`.
    pub schedule: Option<String>,
    /// The schedule's time zone.
    pub timezone: Option<String>,
    /// The new minimum.
    pub min_capacity: Option<u32>,
    /// The new maximum.
    pub max_capacity: Option<u32>,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationException", message)
}

impl World {
    /// RegisterScalableTarget: "Registers or updates a scalable target … When you register a new
    /// scalable target, you must specify values for the minimum and maximum capacity." It changes
    /// "the resource's current capacity to a value that is inside of this range".
    pub fn register_scalable_target(&mut self, change: ScalableTargetChange) -> Result<(), Refusal> {
        let id = &change.resource_id;
        let key = service_of(id).filter(|key| self.services.contains_key(key));
        let key = key.ok_or_else(|| invalid(format!("ECS service doesn't exist: {id}")))?;
        let found = self.scalable_targets.iter().position(|t| t.resource_id == *id);
        let old = found.map(|n| &self.scalable_targets[n]);
        let min = change.min_capacity.or_else(|| old.map(|t| t.min_capacity));
        let max = change.max_capacity.or_else(|| old.map(|t| t.max_capacity));
        let (min_capacity, max_capacity) =
            min.zip(max).ok_or_else(|| invalid("A new scalable target needs MinCapacity and MaxCapacity"))?;
        if min_capacity > max_capacity {
            return Err(invalid("MinCapacity cannot be greater than MaxCapacity"));
        }
        match found {
            Some(n) => {
                let target = &mut self.scalable_targets[n];
                (target.min_capacity, target.max_capacity) = (min_capacity, max_capacity);
            }
            None => self.scalable_targets.push(ScalableTarget {
                resource_id: change.resource_id,
                min_capacity,
                max_capacity,
                created_at: self.now,
            }),
        }
        self.with_service(&key, |world, service| {
            let within = service.desired_count.clamp(min_capacity, max_capacity);
            if within != service.desired_count {
                service.desired_count = within;
                service.steady_told = false;
                world.reconcile_soon(service);
            }
        });
        Ok(())
    }

    /// PutScheduledAction: "You cannot create a scheduled action until you have registered the
    /// resource as a scalable target."
    pub fn put_scheduled_action(&mut self, change: ScheduledActionChange) -> Result<(), Refusal> {
        let id = &change.resource_id;
        if !self.scalable_targets.iter().any(|t| t.resource_id == *id) {
            let what = format!(
                "No scalable target registered for service namespace: ecs, resource ID: {id}, scalable dimension: ecs:service:DesiredCount"
            );
            return Err(Refusal::new("ObjectNotFoundException", what));
        }
        if let Some(schedule) = &change.schedule
            && !["at(", "rate(", "cron("].iter().any(|kind| schedule.starts_with(kind) && schedule.ends_with(')'))
        {
            return Err(invalid(format!("Schedule {schedule} is not at(…), rate(…) or cron(…)")));
        }
        let found = self.scheduled_actions.iter_mut().find(|a| a.resource_id == *id && a.name == change.name);
        if let Some(action) = found {
            action.schedule = change.schedule.unwrap_or_else(|| action.schedule.clone());
            action.timezone = change.timezone.or_else(|| action.timezone.take());
            action.min_capacity = change.min_capacity.or(action.min_capacity);
            action.max_capacity = change.max_capacity.or(action.max_capacity);
            return Ok(());
        }
        self.scheduled_actions.push(ScheduledAction {
            schedule: change.schedule.ok_or_else(|| invalid("A new scheduled action needs a Schedule"))?,
            name: change.name,
            resource_id: change.resource_id,
            timezone: change.timezone,
            min_capacity: change.min_capacity,
            max_capacity: change.max_capacity,
            created_at: self.now,
        });
        Ok(())
    }
}

/// The service of `service/CLUSTER/SERVICE`.
fn service_of(resource_id: &str) -> Option<ServiceKey> {
    let (cluster, name) = resource_id.strip_prefix("service/")?.split_once('/')?;
    Some(ServiceKey::new(cluster, name))
}
