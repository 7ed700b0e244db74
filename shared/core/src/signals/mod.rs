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

use crate::control::{Dial, PairCeiling};
use crate::units::Seconds;

/// How far a run looks back at what happened to Spot capacity: a day.
pub const LOOK_BACK: Seconds = Seconds(86_400);

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
