//! What is known of a pair's capacity, for the controller.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{PairCeiling, Trend, trend};
use crate::ids::ProviderName;
use crate::observe::Family;
use crate::policy::Control;
use crate::signals::{Occurrence, ScoreAnswer, ScoreRecord, Signals};
use crate::units::{CpuUnits, Percent, Seconds};

/// How far back interruptions and shortages count.
const RECENT: SignedDuration = SignedDuration::from_hours(1);

/// What a plan knows of a pair: the services that move over it, taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairFacts {
    /// What the providers launch.
    pub family: Family,
    /// CPU of all the cluster's service tasks above the commitment floor: every ceiling is a part of it.
    pub task_cpu: CpuUnits,
    /// CPU of its services' tasks that are, or are to be, on Spot.
    pub spot_cpu: CpuUnits,
    /// CPU of the smallest task that could still be dealt Spot.
    pub smallest_task: CpuUnits,
    /// Spot tasks that run.
    pub running_spot_tasks: u32,
    /// What one interruption each can take of them: the instances that they run on; on Fargate, the
    /// tasks themselves.
    pub interruptible: u32,
    /// Services whose last move up failed, and that are held back for it.
    pub failed: u32,
    /// When a service last found no Spot capacity.
    pub drought_at: Option<Timestamp>,
    /// When the newest move up that is stable now was written.
    pub stable_up_at: Option<Timestamp>,
}

/// What decides a pair's ceiling: kept with the decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Its placement score, or why none decides.
    pub score: ScoreEvidence,
    /// Interruptions in the last hour that no cut has answered yet.
    pub interruptions: u32,
    /// How many of them are ordinary.
    pub ordinary_interruptions: u32,
    /// The newest sign of a drought that no cut has answered yet.
    pub drought_at: Option<Timestamp>,
    /// Services held back after a failed move up.
    pub failed_moves: u32,
    /// The part of the cluster's task CPU that is on Spot over it.
    pub share: Percent,
    /// Whether the ceiling is put to the test: some of its tasks run on Spot, or none would fit.
    pub tested: bool,
}

/// What the placement score says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ScoreEvidence {
    /// It is fresh.
    Fresh {
        /// Level and slope.
        trend: Trend,
    },
    /// It is not, or there is none: by the name of the newest answer, `stale` or `never_asked`.
    Missing {
        /// The name.
        why: String,
    },
    /// There is no score for this family: other evidence decides.
    NotApplicable,
}

/// The evidence of a pair.
#[must_use]
pub fn evidence(
    control: &Control,
    drought: Seconds,
    signals: &Signals,
    spot: &ProviderName,
    facts: &PairFacts,
    before: &PairCeiling,
    now: Timestamp,
) -> Evidence {
    let since = now.saturating_sub(RECENT).unwrap_or(Timestamp::MIN).max(before.answered_until);
    let recent = || {
        let of_pair = |one: &&Occurrence| one.provider.as_ref() == Some(spot);
        signals.occurrences.iter().filter(of_pair).filter(move |one| since < one.at && one.at <= now)
    };
    let interruptions = recent().filter(|one| one.kind.is_interruption()).count();
    let share = share(facts.spot_cpu, facts.task_cpu);
    let under_ceiling = before.ceiling.floor_of(facts.task_cpu.0);
    Evidence {
        score: score(control, signals, spot, facts.family, now),
        interruptions: u32::try_from(interruptions).unwrap_or(u32::MAX),
        ordinary_interruptions: ordinary(control, facts.interruptible),
        drought_at: facts.drought_at.filter(|at| before.answered_until < *at).max(shortage(recent(), drought)),
        failed_moves: facts.failed,
        share,
        tested: facts.running_spot_tasks > 0 || facts.smallest_task.0 > under_ceiling,
    }
}

/// A part as a percentage, rounded up: a share that is there is not 0.
pub(super) fn share(part: CpuUnits, whole: CpuUnits) -> Percent {
    match whole.0 {
        0 => Percent::ZERO,
        whole => Percent::saturating(part.0.saturating_mul(100).div_ceil(whole)),
    }
}

/// How many interruptions in an hour are no reason to cut: two at the least, since one instance's
/// fate says nothing of the next.
fn ordinary(control: &Control, interruptible: u32) -> u32 {
    let part = control.interruptions_percent.floor_of(u64::from(interruptible));
    u32::try_from(part).unwrap_or(u32::MAX).max(2)
}

/// Failed placements and launches are a drought when they go on for as long as a service's would.
fn shortage<'a>(recent: impl Iterator<Item = &'a Occurrence>, drought: Seconds) -> Option<Timestamp> {
    let times: Vec<Timestamp> = recent.filter(|one| one.is_shortage()).map(|one| one.at).collect();
    let (first, last) = (times.iter().min()?, times.iter().max()?);
    (last.duration_since(*first) >= drought.duration()).then_some(*last)
}

pub(super) fn score(
    control: &Control,
    signals: &Signals,
    spot: &ProviderName,
    family: Family,
    now: Timestamp,
) -> ScoreEvidence {
    match family {
        Family::Fargate | Family::ManagedInstances => return ScoreEvidence::NotApplicable,
        Family::AutoScalingGroup => {}
    }
    let missing = |why: &str| ScoreEvidence::Missing { why: why.to_owned() };
    let Some(record) = signals.scores.iter().find(|record| record.provider == *spot) else {
        return missing("never_asked");
    };
    match fresh(record, control, now) {
        Some(trend) => ScoreEvidence::Fresh { trend },
        None if matches!(record.answer, ScoreAnswer::Scored { .. }) => missing("stale"),
        None => missing(record.answer.name()),
    }
}

fn fresh(record: &ScoreRecord, control: &Control, now: Timestamp) -> Option<Trend> {
    record.is_fresh(now, control.score_max_age_seconds).then(|| trend(&record.samples, now)).flatten()
}
