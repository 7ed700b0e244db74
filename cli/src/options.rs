//! What every command takes.

use clap::{Args, ValueEnum};

/// The options of every command.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How to print the answer.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: Output,
    /// Print only what must be looked at.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print everything, with what passes and what was made alike.
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// When to use colours; `auto`: on a terminal, unless NO_COLOR is set.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
}

/// How to print an answer.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs: a documented shape with a version.
    Json,
}

/// When to use colours.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which account, as whom. What is not said here is as AWS's own CLI has it: the environment, then `~/.aws`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Account")]
pub(crate) struct AwsOptions {
    /// A profile of ~/.aws.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The Region.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// A role to take first.
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Option<String>,
    /// Where to ask every service, in place of AWS.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// The twelve digits of the account that it must be; in any other, nothing is read or written.
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    pub(crate) expect_account: Option<String>,
}

fn account(text: &str) -> Result<String, String> {
    let is_one = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { Ok(text.to_owned()) } else { Err("an account has twelve digits".to_owned()) }
}
