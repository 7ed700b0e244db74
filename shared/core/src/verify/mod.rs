//! Saying what a written move came to, and what to do next.
//!
//! [`verify`] is asked after each look: it finds the deployment that the write started, judges it,
//! and chooses what follows. [`conclude`] writes down how the move ended. Every step has its
//! [`deadline`], and a move has a bounded number of steps, so that every move ends.

mod conclude;
mod deadline;
mod drought;
pub(crate) mod find;
mod holding;
mod images;
mod next;
mod resume;
mod seen;
pub(crate) mod signs;
#[cfg(test)]
pub(crate) mod tests;
mod verdict;

pub(crate) use conclude::quarantine;
pub use conclude::{Concluded, conclude, pause};
pub(crate) use deadline::{between as since, later, most_steps};
pub use deadline::{deadline, ends_by};
pub use find::deployment_is_ours;
pub use resume::{Resumption, resume};
pub use signs::{Sign, sign_by_words};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observe::Look;
use crate::policy::Policy;
use crate::record::{Ledger, MoveRecord, RunRecord, Setback};
use crate::switch::Switches;
use crate::units::Seconds;
use find::Sight;

/// What a move is judged by.
#[derive(Debug, Clone, Copy)]
pub struct VerifyInput<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The run.
    pub run: &'a RunRecord,
    /// The move.
    pub record: &'a MoveRecord,
    /// The service's ledger.
    pub ledger: &'a Ledger,
    /// The service as it is now.
    pub look: &'a Look,
    /// The switch entries as they are now.
    pub switches: &'a Switches,
    /// Now.
    pub now: Timestamp,
}

/// What a closer look says about a write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum MoveVerdict {
    /// Everything that stable means holds, and has for the dwell.
    Stable,
    /// Not yet.
    Waiting {
        /// For what.
        what: String,
    },
    /// Spot capacity cannot be had.
    Drought {
        /// What shows it.
        evidence: String,
    },
    /// New tasks fail, the circuit breaker ended it, or the deadline passed.
    Failed {
        /// What shows it.
        evidence: String,
    },
    /// The strategy that was there before is in place again.
    Reverted {
        /// Whether ECS itself did it (a roll-back), and not somebody.
        by_ecs: bool,
        /// What shows it.
        evidence: String,
    },
    /// Somebody else's deployment has taken its place.
    Superseded {
        /// What shows it.
        evidence: String,
    },
    /// The new tasks run other images than the old: alarmed, and the wave stops.
    CodeChanged {
        /// Which container, from and to which digest.
        evidence: String,
    },
    /// The world could not be read well enough to say.
    Unknown {
        /// What is missing.
        gap: String,
    },
}

/// What the state machine does next with a move: the answer of the StabilityChecker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// It has ended well; so has an undo or a fallback.
    Stable,
    /// Look again after the wait.
    Wait,
    /// Write the move again.
    Retry,
    /// Write what was there before.
    Undo,
    /// Write the On-Demand provider alone.
    FallBack,
    /// Leave it to somebody else.
    Yield,
    /// Hold the service back, and alarm.
    Quarantine,
}

impl std::fmt::Display for MoveVerdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            MoveVerdict::Stable => f.write_str("stable"),
            MoveVerdict::Waiting { what } => write!(f, "waiting: {what}"),
            MoveVerdict::Drought { evidence } => write!(f, "drought: {evidence}"),
            MoveVerdict::Failed { evidence } => write!(f, "failed: {evidence}"),
            MoveVerdict::Reverted { by_ecs: true, evidence } => write!(f, "reverted by ECS: {evidence}"),
            MoveVerdict::Reverted { by_ecs: false, evidence } => write!(f, "reverted by somebody: {evidence}"),
            MoveVerdict::Superseded { evidence } => write!(f, "superseded: {evidence}"),
            MoveVerdict::CodeChanged { evidence } => write!(f, "the code has changed: {evidence}"),
            MoveVerdict::Unknown { gap } => write!(f, "unknown: {gap}"),
        }
    }
}

impl Next {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Next::Stable => "stable",
            Next::Wait => "wait",
            Next::Retry => "retry",
            Next::Undo => "undo",
            Next::FallBack => "fall_back",
            Next::Yield => "yield",
            Next::Quarantine => "quarantine",
        }
    }
}

/// The judgement of a look: the verdict, what follows, and record and ledger with what was
/// learnt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// What the look says.
    pub verdict: MoveVerdict,
    /// What to do.
    pub next: Next,
    /// How long to wait first.
    pub wait: Seconds,
    /// Why, in a sentence: the last line of the record's history.
    pub reason: String,
    /// The record as it is to be kept: with the step to write next.
    pub record: MoveRecord,
    /// The ledger as it is to be kept. Where it differs, it is written before the record.
    pub ledger: Ledger,
}

/// Judges the present write of a move by a look at its service.
#[must_use]
pub fn verify(input: &VerifyInput<'_>) -> Judgement {
    let mut record = input.record.clone();
    let mut ledger = input.ledger.clone();
    let seen = verdict::see(input, &mut record, &mut ledger);
    let (next, setback) = next::next(input, &record, &ledger, &seen);
    record.setback = match setback {
        Some(Setback::Reverted | Setback::RolledBack) => setback,
        _ => record.setback.or(setback),
    };
    let mut reason = match (next, setback) {
        (Next::Wait | Next::Stable, _) => seen.verdict.to_string(),
        (_, Some(Setback::Switch)) => {
            let entry = input.switches.over(&record.planned.service, input.now);
            let why = entry.map(|entry| format!("{}: {}", entry.scope, entry.reason)).unwrap_or_default();
            format!(
                "the switch over {why} is on, step {} of at most {}; fall_back",
                record.steps,
                most_steps(&input.policy.verify)
            )
        }
        _ => format!(
            "{}; {} after step {} of at most {}",
            seen.verdict,
            next.name(),
            record.steps,
            most_steps(&input.policy.verify)
        ),
    };
    let mut verdict = seen.verdict;
    if let Some(evidence) = code_changed(input, &record) {
        record.code_changed = true;
        let changed = MoveVerdict::CodeChanged { evidence };
        reason = format!("{changed}; {reason}");
        if matches!(verdict, MoveVerdict::Stable | MoveVerdict::Waiting { .. }) {
            verdict = changed;
        }
    }
    note(&mut record, input.now, next, reason.clone());
    if seen.not_taken && record.written.is_some() {
        find::forget(&mut record, &mut ledger);
    }
    let wait = next::wait(input, &record, next);
    next::turn(&mut record, next);
    Judgement { verdict, next, wait, reason, record, ledger }
}

/// What shows that the write's deployment runs other code than before, if it is seen for the
/// first time.
fn code_changed(input: &VerifyInput<'_>, record: &MoveRecord) -> Option<String> {
    let written = record.written.as_ref().filter(|_| !record.code_changed)?;
    let service = input.look.service.known()?;
    let sight = Sight::of(input.look, service, written.into());
    sight.stands().then(|| images::changed(input.look, record, &sight)).flatten()
}

/// Adds a sentence to the history; one about waiting takes the place of the one before.
fn note(record: &mut MoveRecord, at: Timestamp, next: Next, reason: String) {
    let waits = |what: &str| what.starts_with("waiting: ") || what.starts_with("unknown: ");
    if next == Next::Wait && waits(&reason) && record.history.last().is_some_and(|line| waits(&line.what)) {
        record.history.pop();
    }
    record.note(at, reason);
}
