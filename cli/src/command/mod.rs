//! The commands, one module each.

mod check;
mod completions;
mod input;
mod policy;

use clap::Subcommand;

use crate::console::Console;
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(check::Check),
    Policy(policy::Policy),
    Completions(completions::Completions),
}

impl Command {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        match self {
            Command::Check(check) => check.run(console),
            Command::Policy(policy) => policy.run(console),
            Command::Completions(completions) => completions.run(console),
        }
    }
}
