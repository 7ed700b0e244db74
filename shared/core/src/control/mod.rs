//! The controller: how much of a pair's capacity may be on Spot now, and why.

mod ceiling;
mod dial;

pub use ceiling::*;
pub use dial::*;
