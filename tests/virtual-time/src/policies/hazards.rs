//! What happens to Spot capacity in a month, from a seed alone: reclaims of pools, and times in which pools, zones
//! or the whole Region give no Spot. All that is assumed about capacity is in this file; ADR 16 argues each row.

use fastrand::Rng;

use super::advisor::{Offer, Region};

/// The zones of every month.
pub const ZONES: [&str; 3] = ["eu-west-1a", "eu-west-1b", "eu-west-1c"];
/// How many instance types the groups have.
const TYPES: usize = 4;
const HOUR: f64 = 3_600.0;
/// The month that rates are for: 30 days.
const MONTH: f64 = 30.0 * 24.0 * HOUR;
/// The bounds of Spot Advisor's buckets, as parts of the instances in a month. The last one has no upper
/// bound there.
const BUCKETS: [(f64, f64); 5] = [(0.0, 0.05), (0.05, 0.10), (0.10, 0.15), (0.15, 0.20), (0.22, 0.40)];
/// What one reclaim takes of what is held in a pool.
const PART: (f64, f64) = (0.3, 1.0);
/// The same, once a shortage lasts.
const FURTHER_PART: (f64, f64) = (0.1, 0.5);
/// How far apart the reclaims of a lasting shortage are, in the mean.
const FURTHER_EVERY: f64 = HOUR;

/// How hard a month is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// As Spot Advisor has it.
    Ordinary,
    /// Three times as many interruptions, and shortages every few days.
    Harsh,
}

impl Kind {
    /// Its name in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Ordinary => "ordinary",
            Kind::Harsh => "harsh",
        }
    }

    const fn rates(self) -> Rates {
        match self {
            Kind::Ordinary => {
                Rates { interruptions: 1.0, dry: HOUR, zone: (1.0, 2.0 * HOUR), region: (1.0, 4.0 * HOUR) }
            }
            Kind::Harsh => {
                Rates { interruptions: 3.0, dry: 2.0 * HOUR, zone: (8.0, 2.0 * HOUR), region: (8.0, 4.0 * HOUR) }
            }
        }
    }
}

/// How often what happens, and for how long in the mean.
struct Rates {
    /// Interruptions, over what Spot Advisor says.
    interruptions: f64,
    /// How many seconds a pool gives no Spot after a reclaim.
    dry: f64,
    /// Shortages of a zone in a month, and their seconds.
    zone: (f64, f64),
    /// Shortages of the Region in a month, and their seconds.
    region: (f64, f64),
}

/// Something that happens to a pool.
#[derive(Debug, Clone, PartialEq)]
pub enum Hazard {
    /// A part of the instances that are held of it are taken back.
    Reclaim {
        /// The pool: `m5.large/eu-west-1a`.
        pool: String,
        /// Which part, 0 to 1.
        part: f64,
        /// Decides on the last instance: 0 to 1.
        draw: f64,
    },
    /// It gives no more Spot, or gives it again.
    Dry {
        /// The pool.
        pool: String,
        /// Whether it is dry from now on.
        on: bool,
    },
}

/// A time in which a zone, or all of them, have no Spot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shortage {
    /// The zone, as an index into [`ZONES`]; `None` for the Region.
    pub zone: Option<usize>,
    /// Seconds since the month's start.
    pub from: f64,
    /// The same.
    pub to: f64,
}

impl Shortage {
    /// Whether a zone is short of Spot at any time of an interval.
    #[must_use]
    pub fn touches(&self, zone: usize, from: f64, to: f64) -> bool {
        self.zone.is_none_or(|of| of == zone) && self.from <= to && from < self.to
    }
}

/// A month of Spot capacity.
#[derive(Debug, Clone, PartialEq)]
pub struct Market {
    /// The Region whose offers these are.
    pub region: String,
    /// The instance types of all groups.
    pub offers: Vec<Offer>,
    /// What happens, by seconds since the start, in order.
    pub hazards: Vec<(f64, Hazard)>,
    /// The shortages of zones and of the Region.
    pub shortages: Vec<Shortage>,
}

impl Market {
    /// What Spot saves over On-Demand in the mean of the types, 0 to 1.
    #[must_use]
    pub fn saving(&self) -> f64 {
        let count = u32::try_from(self.offers.len().max(1)).unwrap_or(u32::MAX);
        self.offers.iter().map(|offer| offer.saving).sum::<f64>() / f64::from(count)
    }
}

/// A month from a seed.
///
/// # Errors
/// Where no Region has offers enough.
pub fn month(regions: &[Region], kind: Kind, seed: u64, days: u32) -> Result<Market, String> {
    let rates = kind.rates();
    let mut rng = Rng::with_seed(seed);
    let regions: Vec<&Region> = regions.iter().filter(|region| region.offers.len() >= TYPES).collect();
    let region = rng.choice(regions).ok_or("no Region has four instance types of two vCPU")?;
    let mut offers = region.offers.clone();
    rng.shuffle(&mut offers);
    offers.truncate(TYPES);
    let end = f64::from(days) * 24.0 * HOUR;
    let mut made = Made { rng, end, hazards: Vec::new(), dry: Vec::new() };
    for offer in &offers {
        let (least, most) = BUCKETS[offer.bucket];
        let taken = (least + (most - least) * made.rng.f64()) * rates.interruptions;
        // Each reclaim takes a part, so that there are fewer of them.
        let reclaims = taken / ((PART.0 + PART.1) / 2.0);
        for zone in ZONES {
            let pool = format!("{}/{zone}", offer.instance_type);
            for at in made.times(reclaims) {
                made.reclaim(at, &pool, PART);
                let lasts = made.exponential(rates.dry);
                made.dry.push((pool.clone(), at, at + lasts));
            }
        }
    }
    let mut shortages = Vec::new();
    let zones = (0..ZONES.len()).map(|zone| (Some(zone), rates.zone)).chain([(None, rates.region)]);
    for (zone, (often, lasts)) in zones {
        for from in made.times(often) {
            shortages.push(Shortage { zone, from, to: from + made.exponential(lasts) });
        }
    }
    shortages.sort_by(|a, b| a.from.total_cmp(&b.from));
    for shortage in &shortages {
        made.shortage(shortage, &offers);
    }
    Ok(Market { region: region.name.clone(), hazards: made.calendar(), offers, shortages })
}

/// A month in the making.
struct Made {
    rng: Rng,
    end: f64,
    hazards: Vec<(f64, Hazard)>,
    /// When which pool is dry; the times of one may overlap.
    dry: Vec<(String, f64, f64)>,
}

impl Made {
    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.rng.f64()).ln()
    }

    /// When something happens that does so this often in a month.
    fn times(&mut self, in_a_month: f64) -> Vec<f64> {
        let mut times = Vec::new();
        if in_a_month <= 0.0 {
            return times;
        }
        let mut at = self.exponential(MONTH / in_a_month);
        while at < self.end {
            times.push(at);
            at += self.exponential(MONTH / in_a_month);
        }
        times
    }

    fn reclaim(&mut self, at: f64, pool: &str, (least, most): (f64, f64)) {
        let part = least + (most - least) * self.rng.f64();
        self.hazards.push((at, Hazard::Reclaim { pool: pool.to_owned(), part, draw: self.rng.f64() }));
    }

    fn shortage(&mut self, shortage: &Shortage, offers: &[Offer]) {
        let zones: Vec<&str> = shortage.zone.map_or_else(|| ZONES.to_vec(), |zone| vec![ZONES[zone]]);
        for zone in zones {
            for offer in offers {
                let pool = format!("{}/{zone}", offer.instance_type);
                // All within three minutes of each other.
                let at = shortage.from + self.rng.f64() * 180.0;
                self.reclaim(at, &pool, PART);
                let mut further = at;
                loop {
                    further += self.exponential(FURTHER_EVERY);
                    if further >= shortage.to {
                        break;
                    }
                    self.reclaim(further, &pool, FURTHER_PART);
                }
                self.dry.push((pool, shortage.from, shortage.to));
            }
        }
    }

    /// Everything in order: a pool is dry once, however many reasons there are.
    fn calendar(mut self) -> Vec<(f64, Hazard)> {
        self.dry.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut whole: Vec<(String, f64, f64)> = Vec::new();
        for (pool, from, to) in self.dry {
            match whole.last_mut() {
                Some(last) if last.0 == pool && from <= last.2 => last.2 = last.2.max(to),
                _ => whole.push((pool, from, to)),
            }
        }
        for (pool, from, to) in whole {
            self.hazards.push((from, Hazard::Dry { pool: pool.clone(), on: true }));
            self.hazards.push((to, Hazard::Dry { pool, on: false }));
        }
        self.hazards.retain(|(at, _)| *at < self.end);
        self.hazards.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.hazards
    }
}
