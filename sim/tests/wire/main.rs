//! The wire, with raw HTTP: what clients rely on in each protocol, what goes wrong on purpose, and `/_sim/`.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as the tests themselves do")]

mod admin;
mod faults;
mod protocols;
mod server;
