//! The only place that asks the wall clock: the world's time is the wall's, times the speed, plus
//! what was skipped.

use std::time::Instant;

use jiff::Timestamp;

use crate::world::after;

/// How many virtual seconds pass in a second of the wall clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed(f64);

impl Speed {
    /// As fast as the wall clock.
    pub const REAL: Self = Self(1.0);

    /// A speed; `None` where it is not above 0 and at most 100,000.
    pub fn new(times: f64) -> Option<Self> {
        (times.is_finite() && times > 0.0 && times <= 100_000.0).then_some(Self(times))
    }
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| format!("{text:?} is not a speed: allowed are numbers above 0, up to 100000"))
    }
}

/// Maps the wall clock to the world's.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    started: Instant,
    origin: Timestamp,
    speed: Speed,
    skipped: f64,
}

impl Clock {
    pub(super) fn start(origin: Timestamp, speed: Speed) -> Self {
        Self { started: Instant::now(), origin, speed, skipped: 0.0 }
    }

    /// Seconds of the wall clock since the start.
    pub(super) fn wall(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// The world's time.
    pub(super) fn now(&self) -> Timestamp {
        after(self.origin, self.wall() * self.speed.0 + self.skipped)
    }

    /// Lets time pass at once.
    pub(super) fn skip(&mut self, seconds: f64) {
        self.skipped += seconds;
    }

    pub(super) fn speed(&self) -> f64 {
        self.speed.0
    }
}
