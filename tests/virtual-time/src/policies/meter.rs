//! How long services have the tasks that they want, from every change and not by sampling.

use std::collections::BTreeMap;

use aws_sim::world::meters::HealthChange;
use aws_sim::world::{ServiceKey, World};
use jiff::Timestamp;

use super::account::BESIDE;

/// Adds up the time that each service is at or above its desired count, its twin's tasks included.
#[derive(Debug, Clone)]
pub struct Meter {
    start: Timestamp,
    stands: BTreeMap<ServiceKey, Stand>,
}

/// How a service stands.
#[derive(Debug, Clone, Default)]
struct Stand {
    desired: u32,
    own: u32,
    beside: u32,
    since: Timestamp,
    below: f64,
}

impl Stand {
    fn is_below(&self) -> bool {
        self.own + self.beside < self.desired
    }

    fn below_at(&self, now: Timestamp) -> f64 {
        let lasting = if self.is_below() { now.duration_since(self.since).as_secs_f64() } else { 0.0 };
        self.below + lasting
    }
}

impl Meter {
    /// Begins to measure these services, all without tasks until the first change.
    #[must_use]
    pub fn new(start: Timestamp, services: &[(ServiceKey, u32)]) -> Meter {
        let stand = |desired| Stand { desired, since: start, ..Stand::default() };
        Meter { start, stands: services.iter().map(|(key, desired)| (key.clone(), stand(*desired))).collect() }
    }

    /// Takes in what has changed. Answers the services whose tasks have.
    pub fn take(&mut self, world: &mut World) -> Vec<ServiceKey> {
        let changes = world.take_health_changes();
        changes.iter().filter_map(|change| self.change(change)).collect()
    }

    fn change(&mut self, change: &HealthChange) -> Option<ServiceKey> {
        let beside = change.service.name.strip_suffix(BESIDE);
        let name = beside.unwrap_or(&change.service.name);
        let key = ServiceKey::new(change.service.cluster.clone(), name);
        let stand = self.stands.get_mut(&key)?;
        stand.below = stand.below_at(change.at);
        stand.since = change.at;
        *(if beside.is_some() { &mut stand.beside } else { &mut stand.own }) = change.healthy;
        Some(key)
    }

    /// How many services are measured.
    #[must_use]
    pub fn services(&self) -> usize {
        self.stands.len()
    }

    /// Healthy tasks of a service, without its twin's.
    #[must_use]
    pub fn healthy(&self, key: &ServiceKey) -> u32 {
        self.stands.get(key).map_or(0, |stand| stand.own)
    }

    /// The part of the service-seconds at or above desired, 0 to 1, of all and of the worst service.
    #[must_use]
    pub fn served(&self, now: Timestamp) -> (f64, f64) {
        let seconds = now.duration_since(self.start).as_secs_f64();
        let below: Vec<f64> = self.stands.values().map(|stand| stand.below_at(now)).collect();
        let services = f64::from(u32::try_from(below.len()).unwrap_or(u32::MAX));
        let most = below.iter().copied().fold(0.0, f64::max);
        (1.0 - below.iter().sum::<f64>() / (services * seconds), 1.0 - most / seconds)
    }
}
