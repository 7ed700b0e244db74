//! `spotkeeper completions`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::console::Console;
use crate::exit::Exit;

/// Print a shell's completions.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut crate::Arguments::command(), "spotkeeper", &mut text);
        console.print(&String::from_utf8_lossy(&text));
        Ok(Exit::Good)
    }
}
