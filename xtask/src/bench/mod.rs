//! Measuring: what docs/PERFORMANCE.md says, command by command. Never part of a test.

mod functions;

use clap::Subcommand;

use crate::shell::Shell;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// The released functions: sizes, starts beside a function that does nothing, memory and the
    /// largest payload of a run over 500 services.
    ///
    /// Builds for release, which takes a quarter of an hour and leaves that build in place of the
    /// dev build; `cargo xtask build` brings the latter back.
    Functions,
}

/// Measures.
pub(crate) fn bench(shell: &Shell, what: &Bench) -> anyhow::Result<()> {
    match what {
        Bench::Functions => functions::measure(shell),
    }
}
