//! A month's hazards and scores on one calendar, for whoever lives through it.

use aws_sim::world::World;
use aws_sim::world::faults::Fault;

use super::advisor::Region;
use super::hazards::{self, Hazard, Kind, Market, ZONES};
use super::scores::{self, Informativeness, STEP};

/// A month to live through.
#[derive(Debug, Clone)]
pub struct Month {
    /// How hard it is.
    pub kind: Kind,
    /// What it is made from.
    pub seed: u64,
    /// Its days.
    pub days: u32,
    /// Its Spot capacity.
    pub market: Market,
    calendar: Vec<(f64, Turn)>,
}

/// What happens at a time.
#[derive(Debug, Clone)]
pub enum Turn {
    /// To a pool.
    Hazard(Hazard),
    /// The zones have these scores from now on.
    Scores([u32; ZONES.len()]),
}

impl Month {
    /// A month from a seed.
    ///
    /// # Errors
    /// Where no Region has offers enough.
    pub fn new(
        regions: &[Region],
        kind: Kind,
        seed: u64,
        days: u32,
        informativeness: Informativeness,
    ) -> Result<Month, String> {
        let market = hazards::month(regions, kind, seed, days)?;
        Ok(Month::of(kind, seed, days, market, informativeness))
    }

    /// A month of such a market.
    pub(super) fn of(kind: Kind, seed: u64, days: u32, market: Market, informativeness: Informativeness) -> Month {
        let steps = scores::series(&market, informativeness, seed, days).into_iter().zip(0_u32..);
        let mut calendar: Vec<(f64, Turn)> =
            steps.map(|(zones, step)| (f64::from(step) * STEP, Turn::Scores(zones))).collect();
        calendar.extend(market.hazards.iter().map(|(at, hazard)| (*at, Turn::Hazard(hazard.clone()))));
        calendar.sort_by(|a, b| a.0.total_cmp(&b.0));
        Month { kind, seed, days, market, calendar }
    }

    /// What happens, by seconds since the start, in order.
    pub fn calendar(&self) -> impl Iterator<Item = &(f64, Turn)> {
        self.calendar.iter()
    }

    /// Its seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        f64::from(self.days) * 86_400.0
    }
}

impl Turn {
    /// Lets it happen now. Answers how many tasks ran on instances that are taken back.
    ///
    /// # Errors
    /// What it names that is not in the account.
    pub fn happen(&self, world: &mut World) -> Result<u64, String> {
        match self {
            Turn::Hazard(Hazard::Dry { pool, on }) => world.set_drought(pool, *on).map(|()| 0),
            Turn::Hazard(Hazard::Reclaim { pool, part, draw }) => {
                let key = world.pool_named(pool)?;
                let held = world.pools.get(&key).map_or(0, |pool| pool.spot_held);
                let running = tasks_warned(world);
                world.reclaim(pool, whole(f64::from(held) * part, *draw))?;
                Ok(tasks_warned(world) - running)
            }
            Turn::Scores(zones) => {
                for (zone, score) in ZONES.iter().zip(zones) {
                    let fault = Fault::PlacementScore { zone: Some((*zone).to_owned()), score: Some(*score) };
                    world.set_fault(fault, true, &[])?;
                }
                Ok(0)
            }
        }
    }
}

/// Tasks that run on instances with a warning.
fn tasks_warned(world: &World) -> u64 {
    let warned = world.instances.values().filter(|instance| instance.reclaimed_at.is_some());
    let tasks = warned.flat_map(|instance| instance.tasks.keys());
    let running = tasks.filter_map(|id| world.tasks.get(id)).filter(|task| task.is_healthy()).count();
    u64::try_from(running).unwrap_or(u64::MAX)
}

/// A whole number that is right in the mean.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of what is held")]
fn whole(count: f64, draw: f64) -> u32 {
    (count + draw).floor().max(0.0) as u32
}
