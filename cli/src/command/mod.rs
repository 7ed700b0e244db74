//! The commands, one module each; those that ask an account are together in `on_account`.

mod check;
mod completions;
mod input;
mod man;
#[cfg(feature = "account")]
pub(crate) mod on_account;
mod policy;

use clap::Subcommand;

use crate::console::Console;
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "account")]
    #[command(flatten)]
    OnAccount(on_account::Command),
    Check(check::Check),
    Policy(policy::Policy),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        match self {
            #[cfg(feature = "account")]
            Command::OnAccount(command) => command.run(console),
            Command::Check(check) => check.run(console),
            Command::Policy(policy) => policy.run(console),
            Command::Completions(completions) => completions.run(console),
            Command::Man(man) => man.run(console),
        }
    }
}
