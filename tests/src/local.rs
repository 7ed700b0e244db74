//! The whole of it on one machine: a fleet, the serverless half of AWS, and Spotkeeper in it.

use std::path::Path;

use crate::ministack::{MiniStack, Options};
use crate::sim::Simulator;
use crate::stack::Stack;

/// A simulated account with Spotkeeper deployed beside it. It ends with this value.
#[derive(Debug)]
pub struct Local {
    /// The fleet.
    pub simulator: Simulator,
    /// The serverless half.
    pub ministack: MiniStack,
    /// Spotkeeper.
    pub stack: Stack,
}

impl Local {
    /// Starts all of it with an account, at so many virtual seconds in a second. The options'
    /// fleet is the simulator's.
    ///
    /// # Errors
    /// When a part does not start.
    pub fn start(account: &Path, speed: u32, options: Options) -> anyhow::Result<Local> {
        let simulator = Simulator::start(account, speed)?;
        let ministack = MiniStack::start(&Options { fleet: Some(simulator.url().to_owned()), ..options })?;
        let stack = Stack::deploy(&ministack, "spotkeeper", &[])?;
        Ok(Local { simulator, ministack, stack })
    }
}
