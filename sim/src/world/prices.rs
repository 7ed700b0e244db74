//! What an instance costs: On-Demand, and Spot over time, a seeded walk around each pool's price.

use jiff::Timestamp;

use super::World;
use super::arn::hash;
use super::pools::PoolKey;

/// "up to the past 90 days" (DescribeSpotPriceHistory.StartTime).
pub const HISTORY_DAYS: i64 = 90;

/// A price moves at most once an hour, and turns once a day.
const HOUR: i64 = 3_600;
const HOURS_BETWEEN_TURNS: i64 = 24;

/// How far a price goes from its pool's, either way. "Spot prices … adjust gradually based on
/// long-term trends in supply and demand" (EC2 User Guide): nothing says how far.
const REACH: f64 = 0.2;

/// From a time on, a price in US dollars an hour.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceChange {
    /// Since when.
    pub at: Timestamp,
    /// In ten-thousandths of a dollar, the finest step that AWS shows here.
    pub price: u64,
}

impl World {
    /// What an hour of an instance type costs On-Demand, in US dollars: the same in every zone of a Region, so that
    /// the first zone's pool counts.
    pub fn on_demand_price(&self, instance_type: &str) -> f64 {
        let pool = self.pools.iter().find(|(key, _)| key.instance_type == instance_type);
        pool.map_or(0.0, |(_, pool)| pool.on_demand_price)
    }

    /// The changes of a pool's Spot price from one time to another, newest first, and before them the
    /// one that held at the beginning: "the last price change before the start time, which is the
    /// effective price as of the start time".
    pub fn spot_price_changes(&self, pool: &PoolKey, from: Timestamp, to: Timestamp) -> Vec<PriceChange> {
        let oldest = self.now().as_second() - HISTORY_DAYS * 24 * HOUR;
        let (from, to) = (from.as_second().max(oldest), to.as_second().min(self.now().as_second()));
        // Not every pool's price moves at the full hour.
        let offset = i64::try_from(hash(&pool.to_string()) % 3_600).unwrap_or(0);
        let end = oldest.div_euclid(HOUR) - HOURS_BETWEEN_TURNS;
        let mut hour = (to - offset).div_euclid(HOUR);
        let mut price = self.spot_price_in_hour(pool, hour);
        let mut changes = Vec::new();
        while hour > end {
            let before = self.spot_price_in_hour(pool, hour - 1);
            let at = hour * HOUR + offset;
            if price != before {
                changes.push(PriceChange { at: Timestamp::from_second(at).unwrap_or(Timestamp::MIN), price });
                if at <= from {
                    break;
                }
            }
            (hour, price) = (hour - 1, before);
        }
        changes
    }

    /// Straight from one turn to the next; where the turns are is up to the seed.
    fn spot_price_in_hour(&self, pool: &PoolKey, hour: i64) -> u64 {
        let base = self.pools.get(pool).map_or(0.0, |p| p.spot_price);
        let day = hour.div_euclid(HOURS_BETWEEN_TURNS);
        #[allow(clippy::cast_precision_loss, reason = "at most 23")]
        let part = hour.rem_euclid(HOURS_BETWEEN_TURNS) as f64 / HOURS_BETWEEN_TURNS as f64;
        let level = self.turn(pool, day) * (1.0 - part) + self.turn(pool, day + 1) * part;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "prices are small and positive")]
        let price = (base * (1.0 + REACH * level) * 10_000.0).round() as u64;
        price
    }

    /// From -1 to 1.
    fn turn(&self, pool: &PoolKey, day: i64) -> f64 {
        fastrand::Rng::with_seed(hash(&format!("{} {pool} {day}", self.seed))).f64() * 2.0 - 1.0
    }
}
