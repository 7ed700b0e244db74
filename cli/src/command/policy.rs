//! `spotkeeper policy`.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use schemars::JsonSchema;
use serde::Serialize;
use spotkeeper_core::policy::{self, MAX_BYTES, PolicyMistake};

use super::{deployed, input};
use crate::account::block_on;
use crate::console::Console;
use crate::exit::Exit;
use crate::options::Output;
use crate::render;
use crate::stack::StackOptions;

/// Look after the policy.
#[derive(Debug, Args)]
pub(crate) struct Policy {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Check a policy document, and list every mistake in it.
    ///
    /// Exit status: 0 it is a valid policy; 1 it has mistakes; 2 it cannot be read.
    Validate {
        /// The document, in YAML or JSON; `-` for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the JSON Schema of a policy document.
    Schema,
    /// Print the policy of a stack as it is written there.
    ///
    /// Exit status: 0 it is a valid policy; 1 it has mistakes, which make every run dry; 3 the account cannot be
    /// used, or there is none.
    Show {
        #[command(flatten)]
        stack: StackOptions,
    },
    /// Compare a file with the policy of a stack, field by field, defaults included.
    ///
    /// Exit status: 0 they say the same; 1 they differ; 2 the file is no policy; 3 the account cannot be used.
    Diff {
        /// The document, in YAML or JSON; `-` for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        stack: StackOptions,
    },
    /// Put a file in place of the policy of a stack; the next run goes by it.
    ///
    /// The file is checked first, and one with mistakes is not written. What changes is printed, and what was written
    /// is read back.
    ///
    /// Exit status: 0 it is in place; 1 it was written and something else was read back; 2 the file is no policy, and
    /// nothing was written; 3 the account cannot be used.
    Set {
        /// The document, in YAML or JSON; `-` for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        stack: StackOptions,
    },
}

/// The answer of `policy validate --output json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Validated {
    /// The version of this shape.
    version: u32,
    /// The file.
    file: String,
    /// Whether it is a valid policy.
    valid: bool,
    /// Every mistake, in order of path.
    mistakes: Vec<PolicyMistake>,
}

impl Policy {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        match self.what {
            What::Validate { file } => validate(console, &file),
            What::Schema => {
                console.print(&render::json(&policy::schema())?);
                Ok(Exit::Good)
            }
            What::Show { stack } => block_on(deployed::show(console, &stack)),
            What::Diff { file, stack } => block_on(deployed::diff(console, &stack, &file)),
            What::Set { file, stack } => block_on(deployed::set(console, &stack, &file)),
        }
    }
}

/// Reads a policy file; its mistakes are an answer, not an error.
pub(crate) fn read(file: &Path) -> anyhow::Result<Result<policy::Policy, Vec<PolicyMistake>>> {
    Ok(policy::parse(&input::read(file, MAX_BYTES)?))
}

/// The policy of a file; one with mistakes is an error.
pub(crate) fn of_file(file: &Path) -> anyhow::Result<policy::Policy> {
    read(file)?.map_err(|mistakes| mistaken(&input::name(file), &mistakes))
}

/// That a document is no policy, with all that is wrong with it.
pub(crate) fn mistaken(name: &str, mistakes: &[PolicyMistake]) -> anyhow::Error {
    anyhow!("{name} is no policy: {}", listed(mistakes))
}

/// Mistakes in one sentence.
pub(crate) fn listed(mistakes: &[PolicyMistake]) -> String {
    let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
    all.join("; ")
}

/// What a run makes of a document: under one with mistakes the default policy counts, and the run is dry.
pub(crate) fn as_a_run_has_it(text: &str) -> (policy::Policy, Vec<PolicyMistake>) {
    match policy::parse(text) {
        Ok(policy) => (policy, Vec::new()),
        Err(mistakes) => (policy::Policy::default(), mistakes),
    }
}

fn validate(console: &Console, file: &Path) -> anyhow::Result<Exit> {
    let name = input::name(file);
    let mistakes = read(file)?.err().unwrap_or_default();
    let exit = if mistakes.is_empty() { Exit::Good } else { Exit::Bad };
    match console.output {
        Output::Json => {
            let valid = mistakes.is_empty();
            console.print(&render::json(&Validated { version: 1, file: name, valid, mistakes })?);
        }
        Output::Table if mistakes.is_empty() && console.quiet => {}
        Output::Table if mistakes.is_empty() => console.print(&format!("{name} is a valid policy\n")),
        Output::Table => {
            for mistake in mistakes {
                console.print(&format!("{name}: {mistake}\n"));
            }
        }
    }
    Ok(exit)
}
