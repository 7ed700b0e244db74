//! The controller: how much of a pair's capacity may be on Spot now, and why.

mod ceiling;
#[cfg(test)]
mod days;
mod dial;
mod evidence;
#[cfg(test)]
mod in_force_tests;
mod steer;
#[cfg(test)]
mod tests;
mod trend;
mod window;

pub use ceiling::*;
pub use dial::*;
pub use evidence::*;
pub use steer::*;
pub use trend::*;
pub use window::*;
