//! What the functions' mains share: configuration, logs, inputs, and error names that the state
//! machine can match.

mod calls;
mod config;
mod failure;
mod input;
mod run;
mod runs;

pub use calls::log_calls;
pub use config::{Config, MissingSettings, state_machine};
pub use failure::{Failure, with_causes};
pub use input::{parse, parse_tagged};
pub use run::{PANICKED, SystemClock, init_logs, serve};
pub use runs::{LOCK, keep_lock, run_of};
