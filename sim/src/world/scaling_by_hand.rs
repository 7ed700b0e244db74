//! What people change of Application Auto Scaling by hand.

use super::autoscaling::{ScalableTarget, ScheduledAction, service_key};
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
    pub fn change_scalable_target(&mut self, change: ScalableTargetChange) -> Result<(), Refusal> {
        let id = &change.resource_id;
        if !service_key(id).is_some_and(|key| self.services.contains_key(&key)) {
            return Err(invalid(format!("ECS service doesn't exist: {id}")));
        }
        let old = self.scalable_targets.iter().find(|t| t.resource_id == *id);
        let min = change.min_capacity.or_else(|| old.map(|t| t.min_capacity));
        let max = change.max_capacity.or_else(|| old.map(|t| t.max_capacity));
        let (min_capacity, max_capacity) =
            min.zip(max).ok_or_else(|| invalid("A new scalable target needs MinCapacity and MaxCapacity"))?;
        if min_capacity > max_capacity {
            return Err(invalid("MinCapacity cannot be greater than MaxCapacity"));
        }
        self.register_scalable_target(ScalableTarget {
            resource_id: change.resource_id,
            min_capacity,
            max_capacity,
            load: None,
            created_at: self.now,
        });
        Ok(())
    }

    /// PutScheduledAction: "You cannot create a scheduled action until you have registered the
    /// resource as a scalable target. … To update a scheduled action, specify the parameters that you
    /// want to change."
    pub fn change_scheduled_action(&mut self, change: ScheduledActionChange) -> Result<(), Refusal> {
        let id = &change.resource_id;
        if !self.scalable_targets.iter().any(|t| t.resource_id == *id) {
            let what = format!(
                "No scalable target registered for service namespace: ecs, resource ID: {id}, scalable dimension: ecs:service:DesiredCount"
            );
            return Err(Refusal::new("ObjectNotFoundException", what));
        }
        let old = self.scheduled_actions.iter().find(|a| a.resource_id == *id && a.name == change.name);
        let action = ScheduledAction {
            schedule: change
                .schedule
                .or_else(|| old.map(|a| a.schedule.clone()))
                .ok_or_else(|| invalid("A new scheduled action needs a Schedule"))?,
            timezone: change.timezone.or_else(|| old?.timezone.clone()),
            min_capacity: change.min_capacity.or_else(|| old?.min_capacity),
            max_capacity: change.max_capacity.or_else(|| old?.max_capacity),
            created_at: old.map_or(self.now, |a| a.created_at),
            name: change.name,
            resource_id: change.resource_id,
        };
        action.check().map_err(invalid)?;
        self.put_scheduled_action(action);
        Ok(())
    }
}
