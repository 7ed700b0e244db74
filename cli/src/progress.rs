//! What is done while it takes its time, on standard error: one line that is written over on a terminal, a line a
//! step elsewhere.

use std::io::{IsTerminal, Write};

/// Tells how far a command is.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
    terminal: bool,
}

impl Progress {
    /// Nothing is told where little is wanted.
    pub(crate) fn new(quiet: bool) -> Progress {
        Progress { shown: !quiet, terminal: std::io::stderr().is_terminal() }
    }

    /// Says where it is.
    pub(crate) fn say(&self, text: &str) {
        if !self.shown {
            return;
        }
        let mut out = std::io::stderr().lock();
        // What cannot be told is no reason to stop.
        _ = match self.terminal {
            // Back to the beginning of the line, and the rest of it cleared.
            true => write!(out, "\r\u{1b}[K{text}").and_then(|()| out.flush()),
            false => writeln!(out, "{text}"),
        };
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown && self.terminal {
            _ = write!(std::io::stderr().lock(), "\r\u{1b}[K");
        }
    }
}
