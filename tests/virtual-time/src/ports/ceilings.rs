//! Ceilings in the journal.

use spotkeeper_core::control::{CeilingReason, ScoreEvidence, Steered};
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::plan::{Cap, CapBy};

/// What bounds the ceilings of a cluster.
pub(super) fn cap(cluster: &ClusterName, cap: &Cap) -> String {
    let by = match &cap.by {
        CapBy::Policy => "the policy".to_owned(),
        CapBy::Dial { scope, .. } => format!("the dial of {scope}"),
        CapBy::Window { window } => format!("window {}, {} to {}", window.name, window.from, window.to),
    };
    format!("{cluster} may have {} on Spot: {by}", cap.percent)
}

/// What became of the ceiling of a pair, where that is news after what was told before.
pub(super) fn steered(cluster: &ClusterName, told: Option<&Steered>, now: &Steered) -> Option<String> {
    let Steered { before, after, reason, evidence, .. } = now;
    let pair = format!("{cluster}/{}", after.pair.spot);
    let score = match &evidence.score {
        ScoreEvidence::Fresh { trend } => {
            let slope = trend.slope_per_hour.map_or_else(String::new, |slope| format!(", {slope:+} an hour"));
            format!("; score {}{slope}", trend.level)
        }
        ScoreEvidence::Missing { why } => format!("; score {why}"),
        ScoreEvidence::NotApplicable => String::new(),
    };
    let interruptions = match evidence.interruptions {
        0 => String::new(),
        some => format!("; {some} interruptions, {} ordinary", evidence.ordinary_interruptions),
    };
    let why = format!("{}{score}{interruptions}", reason.name());
    if now.changed() {
        let from = before.map_or_else(String::new, |before| format!("{before} to "));
        return Some(format!("{pair} ceiling {from}{}: {why}", after.ceiling));
    }
    let is_news = told.is_some_and(|told| told.reason.name() != reason.name()) && tells(reason);
    is_news.then(|| format!("{pair} ceiling stays {}: {why}", after.ceiling))
}

/// Whether a reason for which a ceiling is held says more than that it has not rested yet, or is as
/// high as it may be.
const fn tells(reason: &CeilingReason) -> bool {
    match reason {
        CeilingReason::Dry
        | CeilingReason::NoScore
        | CeilingReason::MiddlingScore
        | CeilingReason::FailedMoves
        | CeilingReason::Untested
        | CeilingReason::Drought
        | CeilingReason::Interruptions => true,
        CeilingReason::FirstSeen
        | CeilingReason::Policy
        | CeilingReason::Quiet
        | CeilingReason::Canary
        | CeilingReason::PoorScore
        | CeilingReason::FallingScore
        | CeilingReason::AtCap
        | CeilingReason::NoStep
        | CeilingReason::Resting => false,
    }
}
