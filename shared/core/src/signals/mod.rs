//! What AWS says of Spot capacity, kept between runs: placement scores, interruptions and failed
//! launches, and what the controller and the owners have made of them.

mod directory;
mod event;
mod field;
mod occurrence;
mod query;
mod score;
mod storm;

pub use directory::*;
pub use event::*;
pub use field::EventError;
pub use occurrence::*;
pub use query::*;
pub use score::*;
pub use storm::*;

use jiff::Timestamp;

use crate::control::{Dial, PairCeiling};
use crate::units::Seconds;

/// How far a run looks back at what happened to Spot capacity: a day.
const LOOK_BACK: Seconds = Seconds(86_400);

/// From when on a run at `now` looks at what happened to Spot capacity.
#[must_use]
pub fn since(now: Timestamp) -> Timestamp {
    now - LOOK_BACK.duration()
}

/// Everything about Spot capacity that is remembered for one cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signals {
    /// The dials of all scopes.
    pub dials: Vec<Dial>,
    /// The scores of the cluster's Spot providers: one each.
    pub scores: Vec<ScoreRecord>,
    /// What happened to the cluster's Spot capacity since the time asked for, in no order.
    pub occurrences: Vec<Occurrence>,
    /// The ceilings of the cluster's pairs: one each.
    pub ceilings: Vec<PairCeiling>,
}

/// What one pass over the Spot providers came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreRound {
    /// When.
    pub at: jiff::Timestamp,
    /// What is known now of each provider that was asked about, in order of cluster and provider.
    pub records: Vec<ScoreRecord>,
    /// The distinct queries of the last 24 hours.
    pub queries: u32,
}

#[cfg(test)]
mod tests {
    use super::since;

    #[test]
    fn a_run_looks_back_a_day() {
        let [now, then] = ["2026-11-28T12:00:00Z", "2026-11-27T12:00:00Z"].map(|text| text.parse().unwrap());
        assert_eq!(since(now), then);
    }
}
