//! Target groups: attributes and the health of the tasks behind them.

use std::collections::BTreeMap;

use super::rules::Rule;
use super::services::Service;
use super::shapes::{LoadBalancer, Tag};
use super::tasks::{TargetState, Task};
use super::{Refusal, TaskId, World};

/// A target group.
#[derive(Clone, Debug)]
pub struct TargetGroup {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// HTTP, TCP and so on.
    pub protocol: String,
    /// Its port.
    pub port: u16,
    /// `ip` or `instance`.
    pub target_type: String,
    /// The attributes that differ from the defaults.
    pub attributes: BTreeMap<String, String>,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// The attribute that says how long connections drain.
pub const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";

/// Attributes and their defaults (TargetGroupAttribute, ELBv2 API reference).
const DEFAULTS: [(&str, &str); 8] = [
    (DEREGISTRATION_DELAY, "300"),
    ("load_balancing.algorithm.type", "round_robin"),
    ("load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
    ("slow_start.duration_seconds", "0"),
    ("stickiness.enabled", "false"),
    ("stickiness.lb_cookie.duration_seconds", "86400"),
    ("stickiness.type", "lb_cookie"),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1"),
];

impl TargetGroup {
    /// Every attribute with its value.
    pub fn all_attributes(&self) -> BTreeMap<String, String> {
        let mut all: BTreeMap<String, String> =
            DEFAULTS.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        all.extend(self.attributes.clone());
        all
    }

    /// How long connections drain.
    pub fn deregistration_delay(&self) -> f64 {
        self.attributes.get(DEREGISTRATION_DELAY).and_then(|v| v.parse().ok()).unwrap_or(300.0)
    }
}

/// Whether an attribute can have this value: `Err` says what is allowed.
pub fn check_attribute(key: &str, value: &str) -> Result<(), String> {
    if !DEFAULTS.iter().any(|(k, _)| *k == key) {
        return Err(format!("Target group attribute key '{key}' is not recognized"));
    }
    // "The range is 0-3600 seconds. The default value is 300 seconds."
    if key == DEREGISTRATION_DELAY && !value.parse::<u32>().is_ok_and(|v| v <= 3600) {
        return Err(format!("The value '{value}' for '{key}' must be a whole number from 0 to 3600"));
    }
    Ok(())
}

impl World {
    /// A target group by ARN.
    pub fn target_group(&self, arn: &str) -> Result<&TargetGroup, Refusal> {
        self.target_groups
            .get(arn)
            .ok_or_else(|| Refusal::new("TargetGroupNotFound", format!("Target groups '{arn}' not found")))
    }

    /// Changes attributes of a target group.
    pub fn modify_target_group_attributes(
        &mut self,
        arn: &str,
        changes: &[(String, String)],
    ) -> Result<&TargetGroup, Refusal> {
        self.target_group(arn)?;
        for (key, value) in changes {
            check_attribute(key, value).map_err(|e| Refusal::new("InvalidConfigurationRequest", e))?;
        }
        match self.target_groups.get_mut(arn) {
            Some(group) => {
                group.attributes.extend(changes.iter().cloned());
                Ok(group)
            }
            None => Err(Refusal::new("TargetGroupNotFound", format!("Target groups '{arn}' not found"))),
        }
    }

    /// The tasks that are registered with a target group, with their container port.
    pub fn targets_of<'a>(&'a self, arn: &'a str) -> impl Iterator<Item = (&'a Task, u16, TargetState)> {
        let uses = move |s: &&Service| {
            s.spec.load_balancers.iter().any(|l| l.side(false) == Some(arn) || l.side(true) == Some(arn))
        };
        self.services.values().filter(uses).flat_map(move |s| {
            s.tasks.iter().filter_map(|id| self.tasks.get(id)).filter_map(move |t| {
                let here = |l: &&LoadBalancer| l.side(t.alternate) == Some(arn);
                let balancer = s.spec.load_balancers.iter().find(here)?;
                Some((t, balancer.container_port.unwrap_or(80), t.target?))
            })
        })
    }

    /// How long the connections of a task drain: the longest delay of its target groups.
    pub(super) fn deregistration_delay(&self, service: &Service, id: &TaskId) -> f64 {
        let alternate = self.tasks.get(id).is_some_and(|t| t.alternate);
        let sides = service.spec.load_balancers.iter().filter_map(|l| l.side(alternate));
        let defaults = self.holds(Rule::DelayDefaultsToFiveMinutes);
        let groups = sides.filter_map(|arn| self.target_groups.get(arn));
        let set = groups.filter(|group| defaults || group.attributes.contains_key(DEREGISTRATION_DELAY));
        set.map(TargetGroup::deregistration_delay).fold(0.0, f64::max)
    }
}
