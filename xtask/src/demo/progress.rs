//! How the moves of a run come along: a line for each change, and on a terminal a spinner that
//! says what is waited for.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use spotkeeper_core::record::{MoveRecord, Step};

use super::check::name_of;
use super::show::direction;

/// What was shown so far.
#[derive(Debug)]
pub(super) struct Progress {
    started: Instant,
    spinner: Option<ProgressBar>,
    shown: BTreeMap<String, String>,
}

impl Progress {
    /// Nothing yet.
    pub(super) fn new() -> Progress {
        let spinner = std::io::stdout().is_terminal().then(|| {
            let spinner = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
                spinner.set_style(style);
            }
            spinner.set_message("reading, judging, planning");
            spinner.enable_steady_tick(Duration::from_millis(100));
            spinner
        });
        Progress { started: Instant::now(), spinner, shown: BTreeMap::new() }
    }

    /// Shows what has changed.
    pub(super) fn show(&mut self, moves: &[MoveRecord]) {
        for record in moves {
            let id = record.planned.id.to_string();
            let state = state(record);
            if self.shown.get(&id) == Some(&state) {
                continue;
            }
            let direction = direction(record.planned.kind);
            self.line(&format!(
                "{:5.1} s  {:<18} {direction:<4} {state}",
                self.started.elapsed().as_secs_f64(),
                name_of(record)
            ));
            self.shown.insert(id, state);
        }
        if let Some(spinner) = &self.spinner {
            let open = moves.iter().filter(|record| record.outcome.is_none()).count();
            if !moves.is_empty() {
                spinner.set_message(format!("{open} of {} moves to go", moves.len()));
            }
        }
    }

    /// Takes the spinner away.
    pub(super) fn end(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    fn line(&self, text: &str) {
        match &self.spinner {
            Some(spinner) => spinner.println(text),
            None => println!("{text}"),
        }
    }
}

/// Where a move stands, in a few words.
fn state(record: &MoveRecord) -> String {
    if let Some(outcome) = record.outcome {
        return outcome.name().replace('_', " ");
    }
    let step = match record.step {
        Step::Apply => "the move",
        Step::Retry => "the move once more",
        Step::Undo => "what was there before",
        Step::FallBack => "On-Demand alone",
    };
    match (&record.written, record.stable_since) {
        (None, _) => format!("planned, wave {}", record.planned.wave + 1),
        (Some(_), None) => format!("written: {step}; tasks are being replaced"),
        (Some(_), Some(_)) => "all as it should be; waiting whether it stays".to_owned(),
    }
}
