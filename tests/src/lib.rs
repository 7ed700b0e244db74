//! The harness of the end-to-end tests and of `cargo xtask demo`: Spotkeeper's real functions on
//! one machine, with MiniStack for the serverless half of AWS and `aws-sim` for the fleet.
//!
//! It needs what `cargo xtask build` leaves: the tools under `target/tools`, the functions under
//! `.aws-sam/build`, the simulator in the target directory.

pub mod api;
pub mod daemon;
pub mod events;
pub mod local;
pub mod ministack;
pub mod paths;
pub mod relay;
pub mod rie;
pub mod signed;
pub mod sim;
pub mod skips;
pub mod stack;
