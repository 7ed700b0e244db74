//! The deregistration delays that a run may know: readings of target groups are kept for a while.

use std::collections::{BTreeMap, VecDeque};

use aws_sim::world::World;
use aws_sim::world::services::Service;
use jiff::{SignedDuration, Timestamp};

/// What each target group's delay was, in seconds, for as long as a reading of it may be kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Delays {
    /// Since when, oldest first. All but the first begin within the time that readings are kept.
    of: BTreeMap<String, VecDeque<(Timestamp, f64)>>,
}

impl Delays {
    /// Notes what the delays are now, and forgets what no reading can show any more.
    pub(super) fn note(&mut self, world: &World, kept: SignedDuration) {
        let now = world.now();
        for (arn, group) in &world.target_groups {
            let seen = self.of.entry(arn.clone()).or_default();
            let delay = group.deregistration_delay();
            if seen.back().is_none_or(|(_, last)| *last != delay) {
                seen.push_back((now, delay));
            }
            while seen.get(1).is_some_and(|(since, _)| *since + kept <= now) {
                seen.pop_front();
            }
        }
    }

    /// The slowest of a service's target groups, each as fast as the oldest reading may show it.
    pub(super) fn known_of(&self, world: &World, service: &Service) -> f64 {
        let least = |arn: &str| {
            let seen = self.of.get(arn).into_iter().flatten().map(|(_, delay)| *delay).reduce(f64::min);
            seen.or_else(|| Some(world.target_groups.get(arn)?.deregistration_delay()))
        };
        service.target_groups().filter_map(least).fold(0.0, f64::max)
    }
}
