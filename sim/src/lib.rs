//! A simulated AWS for tests: ECS with its real capacity-provider rules, and what stands around it.
//!
//! * [`world`] is pure: no I/O, no tokio, no wall clock. Time moves only through
//!   [`world::World::advance`], and everything random comes from the account's seed.
//! * [`account`] reads the file that says what is in the simulated account.
//! * [`fleet`] is what Spotkeeper reads and writes of a world, in process.
//! * [`wire`] serves one world over the protocols that AWS speaks, so that the SDKs, boto3 and the
//!   AWS CLI work against it through `AWS_ENDPOINT_URL_ECS` and its kin.
//!
//! What it does not model is listed in `sim/README.md`.

pub mod account;
pub mod fleet;
pub mod wire;
pub mod world;

pub use wire::{Speed, serve};
