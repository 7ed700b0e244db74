//! What happened, a line each: time, who, what.

use jiff::Timestamp;

/// The lines, oldest first.
#[derive(Debug, Clone)]
pub struct Journal {
    origin: Timestamp,
    lines: Vec<Line>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// Who did it: a run, AWS, a person.
    pub who: String,
    /// What.
    pub what: String,
}

impl Journal {
    /// An empty journal whose times count from `origin`.
    #[must_use]
    pub const fn new(origin: Timestamp) -> Journal {
        Journal { origin, lines: Vec::new() }
    }

    /// Adds a line.
    pub fn note(&mut self, at: Timestamp, who: &str, what: impl Into<String>) {
        self.lines.push(Line { at, who: who.to_owned(), what: what.into() });
    }

    /// The time from which its times count.
    #[must_use]
    pub const fn origin(&self) -> Timestamp {
        self.origin
    }

    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// One line for a person: `1d 02:15:03  who  what`.
    #[must_use]
    pub fn text(&self, line: &Line) -> String {
        let seconds = line.at.duration_since(self.origin).as_secs();
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        let time = format!("{days}d {:02}:{:02}:{:02}", rest / 3_600, rest / 60 % 60, rest % 60);
        format!("{time}  {:<14} {}", line.who, line.what).trim_end().to_owned()
    }

    /// The whole journal, or its last lines.
    #[must_use]
    pub fn tail(&self, lines: usize) -> String {
        let skipped = self.lines.len().saturating_sub(lines);
        self.lines.iter().skip(skipped).map(|line| self.text(line) + "\n").collect()
    }
}
