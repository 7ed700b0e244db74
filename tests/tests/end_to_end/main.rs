//! The main job on the real binaries: `sam deploy` on MiniStack, the fleet simulated by `aws-sim`,
//! the state machine, and AWS's own answers about what came of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod between;
mod crash;
mod events;
mod gate;
mod interruptions;
mod killer;
mod ordinary;
mod roles;
mod schedule;
mod scores;
mod signed;
mod switch;
mod trouble;
mod world;
