//! Building what is deployed, and the simulator.

use crate::shell::{Shell, step};

/// Builds the functions as `sam build` does, in the dev profile, and the simulator.
///
/// Cargo comes first, because it says how far it is, which `sam build` does not; cargo-lambda then
/// finds everything done.
pub(crate) fn build(shell: &Shell) -> anyhow::Result<()> {
    step("cargo build", shell.command("cargo").args(["build", "--workspace", "--bins"]))?;
    step("sam build", shell.command("sam").args(["build"]))
}
