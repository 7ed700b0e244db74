//! The core of Spotkeeper: every type and every decision, as total functions of
//! (policy, snapshot, memory, now).
//!
//! The modules are named after the flow: [`observe`] holds what was read, [`assess`] judges it,
//! [`plan`] chooses the moves, [`apply`] decides whether a move may still be written, [`verify`]
//! says what a written move came to, [`record`] keeps what must not be forgotten. [`signals`] holds
//! what is known of Spot capacity, and [`control`] decides how much of it may be used. [`outlook`] tells
//! owners what all that comes to. [`turn`] is the capacity lever.
//!
//! Nothing here does I/O, reads a clock or the environment, or can fail: a gap in what was read
//! is a value ([`observe::Reading::Missing`]) that blocks a move up.

pub mod apply;
pub mod assess;
pub mod control;
pub mod digest;
pub mod files;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
pub mod ids;
pub mod interface;
pub mod observe;
pub mod outlook;
pub mod pace;
pub mod phase;
pub mod plan;
pub mod policy;
pub mod ports;
pub mod reading;
pub mod record;
pub mod signals;
pub mod strategy;
pub mod switch;
pub mod turn;
pub mod units;
pub mod verify;
