//! Capacity pools: what EC2 has to give of one instance type in one Availability Zone, over time.
//!
//! "A Spot capacity pool is a set of unused EC2 instances with the same instance type (for example,
//! m5.large) and Availability Zone" (EC2 User Guide, Spot concepts). Fargate Spot has one pool in
//! each zone here, under the type `FARGATE_SPOT`, counted in tasks: AWS publishes nothing of it.

use serde::Serialize;

use super::rules::Rule;
use super::schedule::Schedule;
use super::{Event, World};

/// What tells a pool from all others. It is written `m5.large/eu-west-1a`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolKey {
    /// An instance type, or `FARGATE_SPOT`.
    pub instance_type: String,
    /// The Availability Zone's name.
    pub zone: String,
}

impl PoolKey {
    /// The key of a pool.
    pub fn new(instance_type: impl Into<String>, zone: impl Into<String>) -> Self {
        Self { instance_type: instance_type.into(), zone: zone.into() }
    }
}

impl std::fmt::Display for PoolKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.instance_type, self.zone)
    }
}

impl Serialize for PoolKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A pool, and what this account holds of it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// How many Spot instances (or Fargate Spot tasks) this account can have at once. Those that it
    /// holds above the count are reclaimed when the count falls.
    pub spot: Schedule,
    /// How many On-Demand instances it can have at once. A fall takes none away.
    pub on_demand: Schedule,
    /// Whether a drought is on: no more Spot than what is held.
    pub drought: bool,
    /// US dollars an hour.
    pub spot_price: f64,
    /// US dollars an hour.
    pub on_demand_price: f64,
    /// Spot instances (or tasks) that this account holds.
    pub spot_held: u32,
    /// On-Demand instances that this account holds.
    pub on_demand_held: u32,
}

impl Pool {
    /// How many more can be had, so many seconds after the world's start; `None`: no limit.
    pub fn obtainable(&self, spot: bool, seconds: f64) -> Option<u32> {
        if spot && self.drought {
            return Some(0);
        }
        let (schedule, held) = if spot { (&self.spot, self.spot_held) } else { (&self.on_demand, self.on_demand_held) };
        schedule.at(seconds).map(|most| most.saturating_sub(held))
    }

    pub(super) fn held_mut(&mut self, spot: bool) -> &mut u32 {
        if spot { &mut self.spot_held } else { &mut self.on_demand_held }
    }
}

impl World {
    /// Seconds since the world's start.
    pub fn elapsed(&self) -> f64 {
        self.now.duration_since(self.start).as_secs_f64()
    }

    /// How many more instances (or Fargate Spot tasks) a pool gives now; `None`: no limit.
    pub fn obtainable(&self, pool: &PoolKey, spot: bool) -> Option<u32> {
        let limited = self.pools.get(pool).filter(|_| self.holds(Rule::PoolsAreFinite));
        limited.and_then(|p| p.obtainable(spot, self.elapsed()))
    }

    /// A pool by its name, or the names that there are.
    pub fn pool_named(&self, name: &str) -> Result<PoolKey, String> {
        let found = self.pools.keys().find(|k| k.to_string() == name);
        found.cloned().ok_or_else(|| {
            let known: Vec<String> = self.pools.keys().map(PoolKey::to_string).collect();
            format!("there is no pool {name:?}: there are {}", known.join(", "))
        })
    }

    /// Sets what a pool gives from now on, instead of its schedule; `None`: no limit. What is held
    /// of it above the count is reclaimed.
    pub fn set_obtainable(&mut self, pool: &str, spot: Option<u32>) -> Result<(), String> {
        let key = self.pool_named(pool)?;
        if let Some(pool) = self.pools.get_mut(&key) {
            pool.spot = Schedule::constant(spot);
        }
        self.reclaim_surplus(&key);
        Ok(())
    }

    /// Begins or ends a drought in a pool: it gives no Spot beyond what is held.
    pub fn set_drought(&mut self, pool: &str, on: bool) -> Result<(), String> {
        let key = self.pool_named(pool)?;
        if let Some(pool) = self.pools.get_mut(&key) {
            pool.drought = on;
        }
        Ok(())
    }

    /// Puts the next change of each pool on the calendar.
    pub(super) fn schedule_pools(&mut self) {
        let keys: Vec<PoolKey> = self.pools.keys().cloned().collect();
        for key in keys {
            self.schedule_pool(key);
        }
    }

    fn schedule_pool(&mut self, pool: PoolKey) {
        let now = self.elapsed();
        if let Some(at) = self.pools.get(&pool).and_then(|p| p.spot.next_change(now)) {
            self.schedule(at - now, Event::PoolChanges { pool });
        }
    }

    pub(super) fn pool_changes(&mut self, key: PoolKey) {
        self.reclaim_surplus(&key);
        self.schedule_pool(key);
    }
}
