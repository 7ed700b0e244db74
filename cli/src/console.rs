//! Where answers go: the one place that writes, and that asks what it writes to.

use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::options::{Color, Options, Output};
use crate::render;

/// How wide a table is that goes to no terminal, where COLUMNS does not say.
const WIDTH: u16 = 80;
/// Narrower, and nothing reads well.
const LEAST_WIDTH: u16 = 40;

/// Where answers go, and how.
#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) output: Output,
    pub(crate) quiet: bool,
    pub(crate) verbose: bool,
    pub(crate) color: bool,
    pub(crate) width: u16,
}

impl Console {
    pub(crate) fn new(options: &Options) -> Console {
        let terminal = std::io::stdout().is_terminal();
        // An empty NO_COLOR does not count. Source: no-color.org.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let of_terminal = || if terminal { comfy_table::Table::new().width() } else { None };
        Console {
            output: options.output,
            quiet: options.quiet,
            verbose: options.verbose,
            color: match options.color {
                Color::Auto => terminal && !no_color,
                Color::Always => true,
                Color::Never => false,
            },
            width: columns.or_else(of_terminal).unwrap_or(WIDTH).max(LEAST_WIDTH),
        }
    }

    /// Prints an answer in the shape that was asked for: as JSON, or as the text for people.
    ///
    /// # Errors
    /// Where it cannot be written as JSON, which each can.
    pub(crate) fn answer<T: Serialize>(&self, answer: &T, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        self.print(&match self.output {
            Output::Json => render::json(answer)?,
            Output::Table => text(),
        });
        Ok(())
    }

    /// Prints a text. A reader that has gone away has what it wanted.
    pub(crate) fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Says what went wrong.
    pub(crate) fn error(&self, text: &str) {
        _ = writeln!(std::io::stderr().lock(), "error: {text}");
    }
}
