//! Measuring: what docs/PERFORMANCE.md says, command by command. Never part of a test.

mod assess;
mod functions;

use clap::Subcommand;

use crate::shell::{Shell, step};

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The released functions: sizes, starts beside a function that does nothing, memory and the
    /// largest payload of a run over 500 services.
    ///
    /// Builds for release, which takes a quarter of an hour and leaves that build in place of the
    /// dev build; `cargo xtask build` brings the latter back.
    Functions,
    /// From a kill switch to the last Spot task stopped, at 50, 200 and 1,000 services, over the floor
    /// that the account sets: in virtual time.
    ///
    /// Builds with the profile `measured`, which compiles the AWS SDK once more.
    Switch,
    /// Spotkeeper beside other policies over simulated months of 200 services: cost, service-seconds at or above
    /// desired, interruptions, changes. Goes on where it stopped; results are kept under target/bench/policies.
    ///
    /// Builds with the profile `measured`, which compiles the AWS SDK once more.
    Policies {
        /// `--months N --days N --services N --policies NAME,... --threads N --tuning`: less than the whole.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// The operator's tool: `assess` on 5,000 services in 50 clusters beside a script that reads the same one call
    /// after the other, `check` on the corpus, and a cold `--help`.
    ///
    /// Builds for release, which takes a quarter of an hour. The token buckets run on the wall clock: twenty minutes
    /// more, of which the machine is idle for the most part.
    Assess {
        /// Build with this profile instead.
        #[arg(long, value_name = "PROFILE", default_value = "release")]
        profile: String,
        /// How many services, in clusters of a hundred.
        #[arg(long, value_name = "NUMBER", default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(100..=5_000))]
        services: u32,
    },
}

/// Measures.
pub(crate) fn bench(shell: &Shell, what: &Bench) -> anyhow::Result<()> {
    match what {
        Bench::Functions => functions::measure(shell),
        Bench::Switch => virtual_time(shell, "switch", &[]),
        Bench::Policies { arguments } => virtual_time(shell, "policies", arguments),
        Bench::Assess { profile, services } => assess::measure(shell, profile, *services),
    }
}

/// A benchmark of `tests/virtual-time/benches`.
fn virtual_time(shell: &Shell, bench: &str, more: &[String]) -> anyhow::Result<()> {
    let arguments = ["bench", "--package", "spotkeeper-virtual-time", "--profile", "measured", "--bench", bench, "--"];
    step(bench, shell.command("cargo").args(arguments).args(more))
}
