//! Virtual time: tokio's paused clock, which leaps to the next timer when nothing is left to do.

use jiff::{SignedDuration, Timestamp};
use spotkeeper_core::ports::Clock;
use tokio::time::Instant;

/// The time of everything in a simulation. Made inside a runtime whose clock is paused.
#[derive(Debug, Clone, Copy)]
pub struct VirtualClock {
    origin: Timestamp,
    started: Instant,
}

impl VirtualClock {
    /// A clock that shows `origin` now.
    #[must_use]
    pub fn start(origin: Timestamp) -> VirtualClock {
        VirtualClock { origin, started: Instant::now() }
    }

    /// The time that it showed first.
    #[must_use]
    pub const fn origin(&self) -> Timestamp {
        self.origin
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        self.origin.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}
