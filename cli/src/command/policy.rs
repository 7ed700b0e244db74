//! `spotkeeper policy`.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use schemars::JsonSchema;
use serde::Serialize;
use spotkeeper_core::policy::{self, MAX_BYTES, PolicyMistake};

use super::input;
#[cfg(feature = "account")]
use super::on_account::OfStack;
use crate::console::Console;
use crate::exit::Exit;
use crate::render;

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
    #[cfg(feature = "account")]
    #[command(flatten)]
    OfStack(OfStack),
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
            #[cfg(feature = "account")]
            What::OfStack(what) => what.run(console),
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

fn validate(console: &Console, file: &Path) -> anyhow::Result<Exit> {
    let name = input::name(file);
    let mistakes = read(file)?.err().unwrap_or_default();
    let valid = mistakes.is_empty();
    let answer = Validated { version: 1, file: name, valid, mistakes };
    console.answer(&answer, || match &answer {
        Validated { valid: true, .. } if console.quiet => String::new(),
        Validated { valid: true, file, .. } => format!("{file} is a valid policy\n"),
        Validated { file, mistakes, .. } => mistakes.iter().map(|mistake| format!("{file}: {mistake}\n")).collect(),
    })?;
    Ok(if valid { Exit::Good } else { Exit::Bad })
}
