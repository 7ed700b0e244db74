//! Placement scores that foretell the shortages of a month, more or less: no series of real ones is published.

use fastrand::Rng;

use super::hazards::{Market, ZONES};

/// The time between two scores, in seconds.
pub const STEP: f64 = 600.0;
/// How far a score looks ahead, in seconds.
const AHEAD: f64 = 3_600.0;
/// What a score is in the mean of good times, and what one standard deviation is.
const MEAN: f64 = 7.5;
const DEVIATION: f64 = 2.0;
/// How long noise is remembered, in seconds.
const CORRELATION: f64 = 6.0 * 3_600.0;

/// How much a score says: the chance that a bad time has a lower one than a good time, the area under its
/// receiver operating characteristic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Informativeness {
    /// 0.5: nothing.
    Half,
    /// 0.7.
    SevenTenths,
    /// 0.9.
    NineTenths,
    /// 1: only bad times have low scores, and all of them. For tests.
    Whole,
}

impl Informativeness {
    /// Those of the benchmark.
    pub const MEASURED: [Informativeness; 3] =
        [Informativeness::Half, Informativeness::SevenTenths, Informativeness::NineTenths];

    /// Its name in files and tables.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Informativeness::Half => "0.5",
            Informativeness::SevenTenths => "0.7",
            Informativeness::NineTenths => "0.9",
            Informativeness::Whole => "1",
        }
    }

    /// How many standard deviations lie between bad and good times: of two normal variables of variance 1 whose
    /// means are that far apart, the lower one is lower with the chance `Phi(d / sqrt(2))`.
    const fn separation(self) -> f64 {
        match self {
            Informativeness::Half => 0.0,
            Informativeness::SevenTenths => 0.741_614,
            Informativeness::NineTenths => 1.812_388,
            Informativeness::Whole => 100.0,
        }
    }
}

/// The scores of the zones in order of [`ZONES`], a step each: what EC2 would answer.
#[must_use]
pub fn series(market: &Market, informativeness: Informativeness, seed: u64, days: u32) -> Vec<[u32; ZONES.len()]> {
    raw(market, informativeness, seed, days).into_iter().map(|zones| zones.map(|(_, score)| answer(score))).collect()
}

/// A zone's score before it is rounded, and whether it is a bad time.
pub(super) fn raw(
    market: &Market,
    informativeness: Informativeness,
    seed: u64,
    days: u32,
) -> Vec<[(bool, f64); ZONES.len()]> {
    // Another stream than the hazards', and the same noise whatever the informativeness.
    let mut rng = Rng::with_seed(seed ^ 0x0073_636f_7265_7300);
    let kept = (-STEP / CORRELATION).exp();
    let mut noise = normal(&mut rng);
    let scored = |at: f64, noise: f64| {
        std::array::from_fn(|zone| {
            let bad = market.shortages.iter().any(|one| one.touches(zone, at, at + AHEAD));
            let lost = if bad { informativeness.separation() } else { 0.0 };
            (bad, MEAN - DEVIATION * (lost + noise))
        })
    };
    (0..days * 144)
        .map(|step| {
            noise = kept * noise + (1.0 - kept * kept).sqrt() * normal(&mut rng);
            scored(f64::from(step) * STEP, noise)
        })
        .collect()
}

/// A normal variable of mean 0 and variance 1 (Box and Muller).
fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos()
}

/// As EC2 answers: a whole number from 1 to 10.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 1 to 10")]
fn answer(score: f64) -> u32 {
    score.round().clamp(1.0, 10.0) as u32
}
