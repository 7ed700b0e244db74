//! `spotkeeper`: the operator's tool. It has no rules of its own: they are core's.

#[cfg(feature = "account")]
mod account;
mod command;
mod console;
mod exit;
#[cfg(feature = "account")]
mod interrupt;
mod options;
#[cfg(feature = "account")]
mod progress;
mod render;
#[cfg(feature = "account")]
mod stack;

use std::process::ExitCode;

use clap::Parser;

use crate::command::Command;
use crate::console::Console;
use crate::options::Options;

/// Keeps Amazon ECS services on Spot capacity: what their owners do by hand.
///
/// Exit status: 0 all is well, or only warnings; 1 something blocks, or a document has mistakes; 2 the command could
/// not be understood, or a file not be read; 3 the account cannot be used; 4 something could not be read, and the rest
/// is shown; 130 interrupted by Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "spotkeeper", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let Arguments { options, command } = Arguments::parse();
    let console = Console::new(&options);
    let exit = command.run(&console).unwrap_or_else(|error| {
        console.error(&format!("{error:#}"));
        exit::Exit::of(&error)
    });
    exit.into()
}
