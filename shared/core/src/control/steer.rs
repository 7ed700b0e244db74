//! How a ceiling changes: up by a step when all is quiet, down by a part when capacity is lost or
//! about to be.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::evidence::{score, share};
use super::{Direction, Dry, Evidence, InForce, PairCeiling, PairFacts, ScoreEvidence, Trend, evidence};
use crate::ids::ClusterName;
use crate::plan::{Cap, CapBy, Pair};
use crate::policy::{Control, ScoreUse};
use crate::signals::{Score, Signals};
use crate::units::{Percent, Seconds};

/// What the controller decides from, beside the facts of a pair.
#[derive(Debug, Clone, Copy)]
pub struct SteerInput<'a> {
    /// The policy's settings.
    pub control: &'a Control,
    /// By how much a ceiling rises, `step_percent`.
    pub step: Percent,
    /// The most that it may be by policy, dial and windows, and which of them says so.
    pub cap: &'a Cap,
    /// The most that it may be by policy alone.
    pub policy_ceiling: Percent,
    /// How long tasks may wait before that is a drought.
    pub drought: Seconds,
    /// What is known of the cluster's Spot capacity.
    pub signals: &'a Signals,
    /// The cluster.
    pub cluster: &'a ClusterName,
    /// Now.
    pub now: Timestamp,
}

/// What the controller makes of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steered {
    /// The ceiling before; `None` for a pair that was not known.
    pub before: Option<Percent>,
    /// What counted before; `None` for a pair that was not known, or of which that was not kept.
    #[serde(default)]
    pub in_force_before: Option<InForce>,
    /// What is to be remembered.
    pub after: PairCeiling,
    /// What counts in this run: the ceiling, or what policy, dial and windows allow, if that is less.
    pub effective: Percent,
    /// Why.
    pub reason: CeilingReason,
    /// From what.
    pub evidence: Evidence,
}

/// Why a ceiling is what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum CeilingReason {
    /// First seen: one step, or what is on Spot already.
    FirstSeen,
    /// Lowered to what the policy allows.
    Policy,
    /// Raised by a step: quiet for long enough.
    Quiet,
    /// Raised to one step: the pause after a drought is over, and one service is to try.
    Canary,
    /// Cut: Spot capacity could not be had.
    Drought,
    /// Cut: more interruptions than ordinary.
    Interruptions,
    /// Cut: the placement score is poor.
    PoorScore,
    /// Cut: the placement score falls fast, or will be poor within an hour.
    FallingScore,
    /// Held: it is as high as policy, dial and windows allow.
    AtCap,
    /// Held: the step is 0.
    NoStep,
    /// Held: its pair was dry.
    Dry,
    /// Held: it changed too recently, or capacity was lost too recently.
    Resting,
    /// Held: no fresh placement score says that it may rise.
    NoScore,
    /// Held: the placement score is neither good nor poor, or its slope is not known yet.
    MiddlingScore,
    /// Held: services are held back after failed moves.
    FailedMoves,
    /// Held: nothing of its pair runs on Spot, so that nothing is known.
    Untested,
}

impl CeilingReason {
    /// Its name, as in JSON, metrics and events.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            CeilingReason::FirstSeen => "first_seen",
            CeilingReason::Policy => "policy",
            CeilingReason::Quiet => "quiet",
            CeilingReason::Canary => "canary",
            CeilingReason::Drought => "drought",
            CeilingReason::Interruptions => "interruptions",
            CeilingReason::PoorScore => "poor_score",
            CeilingReason::FallingScore => "falling_score",
            CeilingReason::AtCap => "at_cap",
            CeilingReason::NoStep => "no_step",
            CeilingReason::Dry => "dry",
            CeilingReason::Resting => "resting",
            CeilingReason::NoScore => "no_score",
            CeilingReason::MiddlingScore => "middling_score",
            CeilingReason::FailedMoves => "failed_moves",
            CeilingReason::Untested => "untested",
        }
    }
}

impl Steered {
    /// Whether the ceiling itself has changed.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.before != Some(self.after.ceiling)
    }

    /// What has changed what counts, where the ceiling itself has not: the cap that makes it less now, or the
    /// one that did before and makes it less no more, or by less.
    #[must_use]
    pub fn cap_change(&self) -> Option<&CapBy> {
        let (before, now) = (self.in_force_before.as_ref()?, self.after.in_force.as_ref()?);
        match now.percent.cmp(&before.percent) {
            Ordering::Less => now.capped_by.as_ref(),
            Ordering::Equal => None,
            Ordering::Greater => before.capped_by.as_ref(),
        }
    }

    /// Whether there is anything to tell of: the ceiling, or what counts of it, has changed.
    #[must_use]
    pub fn is_news(&self) -> bool {
        self.changed() || self.cap_change().is_some()
    }

    /// Why it changed, by name: the controller's reason where the ceiling did, and the cap's name where that
    /// changed what counts. None where there is nothing to tell of.
    pub fn reasons(&self) -> impl Iterator<Item = &'static str> {
        let own = self.changed().then(|| self.reason.name());
        own.into_iter().chain(self.cap_change().map(CapBy::name))
    }

    /// Whether it was kept, as far as the ceilings that stand now say: the one that stands is this one, or has
    /// come after it.
    #[must_use]
    pub fn was_kept(&self, stand: &[PairCeiling]) -> bool {
        let of_pair = |one: &&PairCeiling| (&one.cluster, &one.pair) == (&self.after.cluster, &self.after.pair);
        let stands = stand.iter().find(of_pair);
        stands.is_some_and(|stands| stands.version > self.after.version || *stands == self.after)
    }
}

/// Decides a pair's ceiling. `before` is what is remembered of it.
///
/// Lost capacity cuts at once. A score cuts, and quiet raises, only when the ceiling has rested:
/// so it never goes up and down again within `cool_down_seconds` because of a score, and never up
/// within `raise_after_seconds` of a cut or of a loss. Missing data never raises it.
#[must_use]
pub fn steer(input: &SteerInput<'_>, pair: &Pair, facts: &PairFacts, before: Option<&PairCeiling>) -> Steered {
    let start = before.cloned().unwrap_or_else(|| first_seen(input, pair, facts));
    let evidence = evidence(input.control, input.drought, input.signals, &pair.spot, facts, &start, input.now);
    let (mut after, mut reason) = match cut(input, facts, &start, &evidence) {
        Some(cut) => cut,
        None => rise(input, facts, &start, &evidence),
    };
    if before.is_none() && after.ceiling == start.ceiling {
        reason = CeilingReason::FirstSeen;
    }
    let in_force_before = before.and_then(|before| before.in_force.clone());
    let in_force = InForce::of(after.ceiling, input.cap, in_force_before.as_ref(), input.now);
    let effective = in_force.percent;
    after.in_force = Some(in_force);
    if before != Some(&after) {
        after.version = start.version + 1;
    }
    let before = before.map(|before| before.ceiling);
    Steered { before, in_force_before, after, effective, reason, evidence }
}

/// A pair that was not known starts with what its services have on Spot already, one step or one
/// task at the least, unless a fresh score is poor. What has happened before is not held against it twice: it counts from now on.
fn first_seen(input: &SteerInput<'_>, pair: &Pair, facts: &PairFacts) -> PairCeiling {
    let score = score(input.control, input.signals, &pair.spot, facts.family, input.now);
    let first = match score {
        ScoreEvidence::Fresh { trend } if lost_trust(input.control, &trend).is_some() => Percent::ZERO,
        _ => step(input, facts),
    };
    PairCeiling {
        cluster: input.cluster.clone(),
        pair: pair.clone(),
        ceiling: share(facts.spot_cpu, facts.task_cpu).max(first).min(input.policy_ceiling),
        changed_at: input.now,
        direction: Direction::Set,
        answered_until: input.now.saturating_sub(SignedDuration::from_hours(1)).unwrap_or(Timestamp::MIN),
        dry: None,
        in_force: None,
        version: 0,
    }
}

/// By how much a ceiling rises: the policy's step, one task at the least; nothing where that is 0.
fn step(input: &SteerInput<'_>, facts: &PairFacts) -> Percent {
    match input.step {
        Percent::ZERO => Percent::ZERO,
        step => step.max(share(facts.smallest_task, facts.task_cpu)),
    }
}

/// The cut that the evidence asks for, if any.
fn cut(
    input: &SteerInput<'_>,
    facts: &PairFacts,
    start: &PairCeiling,
    evidence: &Evidence,
) -> Option<(PairCeiling, CeilingReason)> {
    let lower = |ceiling: Percent| PairCeiling {
        ceiling: ceiling.min(start.ceiling),
        changed_at: input.now,
        direction: Direction::Cut,
        answered_until: input.now,
        ..start.clone()
    };
    let kept = Percent::HUNDRED.saturating_sub(input.control.cut_percent);
    let cut = Percent::saturating(kept.floor_of(u64::from(start.ceiling.get())));
    if let Some(at) = evidence.drought_at {
        let dry = Some(dry_again(input, start.dry, at));
        let ceiling = match start.dry {
            // Within the pause it is the same drought, which has been answered.
            Some(known) if at < known.until => start.ceiling,
            // What runs is left alone: a drought is no reason to restart it.
            _ => cut.max(share(facts.spot_cpu, facts.task_cpu)),
        };
        return Some((PairCeiling { dry, ..lower(ceiling) }, CeilingReason::Drought));
    }
    if evidence.interruptions > evidence.ordinary_interruptions {
        return Some((lower(cut), CeilingReason::Interruptions));
    }
    let rested = input.now.duration_since(start.changed_at) >= input.control.cool_down_seconds.duration();
    let ScoreEvidence::Fresh { trend } = &evidence.score else { return None };
    let reason = lost_trust(input.control, trend)?;
    (rested && start.ceiling > Percent::ZERO).then(|| (lower(cut), reason))
}

/// Why a score is a reason to cut, if it is.
fn lost_trust(control: &Control, trend: &Trend) -> Option<CeilingReason> {
    if trend.level <= whole(control.poor_score) {
        return Some(CeilingReason::PoorScore);
    }
    let slope = trend.slope_per_hour.filter(|slope| *slope <= -FALLS)?;
    let in_an_hour = i32::from(trend.level.0) + slope;
    let fast = slope <= -i32::from(control.falling_per_hour) * 100 && trend.level < whole(control.good_score);
    let poor_soon = in_an_hour <= i32::from(whole(control.poor_score).0);
    (fast || poor_soon).then_some(CeilingReason::FallingScore)
}

/// What a score loses in an hour, in hundredths, when it falls: less is noise.
const FALLS: i32 = 100;

fn whole(score: u8) -> Score {
    Score(u16::from(score) * 100)
}

/// The memory of a drought that was seen again: what comes within the pause does not make it longer.
fn dry_again(input: &SteerInput<'_>, before: Option<Dry>, at: Timestamp) -> Dry {
    match before {
        Some(dry) if at < dry.until => Dry { seen_at: dry.seen_at.max(at), ..dry },
        before => {
            let times = before.map_or(0, |dry| dry.times).saturating_add(1);
            let pause = dry_pause(input.control, times);
            Dry { seen_at: at, until: input.now.saturating_add(pause.duration()).unwrap_or(Timestamp::MAX), times }
        }
    }
}

/// How long nothing moves up over a pair that was dry for so many times in a row.
#[must_use]
pub fn dry_pause(control: &Control, times: u32) -> Seconds {
    control.dry_seconds.doubled(times, control.max_dry_seconds)
}

/// The ceiling when nothing asks for a cut: a step up, or why not.
fn rise(
    input: &SteerInput<'_>,
    facts: &PairFacts,
    start: &PairCeiling,
    evidence: &Evidence,
) -> (PairCeiling, CeilingReason) {
    let mut after = start.clone();
    if after.dry.is_some_and(|dry| facts.stable_up_at.is_some_and(|at| dry.until <= at)) {
        after.dry = None;
    }
    // A policy that allows less than what is remembered is obeyed at once.
    let is_lowered = input.policy_ceiling < after.ceiling;
    after.ceiling = after.ceiling.min(input.policy_ceiling);
    let first = step(input, facts).min(input.cap.percent);
    if after.dry.is_some_and(|dry| dry.until <= input.now) && after.ceiling < first {
        after.ceiling = first;
        after.changed_at = input.now;
        after.direction = Direction::Raised;
        return (after, CeilingReason::Canary);
    }
    match held(input, &after, evidence) {
        Some(_) if is_lowered => (after, CeilingReason::Policy),
        Some(why) => (after, why),
        None => {
            after.ceiling = after.ceiling.saturating_add(step(input, facts)).min(input.cap.percent);
            after.changed_at = input.now;
            after.direction = Direction::Raised;
            (after, CeilingReason::Quiet)
        }
    }
}

/// Why a ceiling does not rise, if it does not.
fn held(input: &SteerInput<'_>, at: &PairCeiling, evidence: &Evidence) -> Option<CeilingReason> {
    if at.ceiling >= input.cap.percent {
        return Some(CeilingReason::AtCap);
    }
    if input.step == Percent::ZERO {
        return Some(CeilingReason::NoStep);
    }
    if at.dry.is_some() {
        return Some(CeilingReason::Dry);
    }
    let quiet_since = at.changed_at.max(at.answered_until);
    let rest = match at.direction {
        Direction::Cut => input.control.raise_after_seconds.max(input.control.cool_down_seconds),
        Direction::Set | Direction::Raised => input.control.raise_after_seconds,
    };
    let quiet = input.now.duration_since(quiet_since) >= rest.duration();
    if !quiet || evidence.interruptions > 0 {
        return Some(CeilingReason::Resting);
    }
    if let Some(why) = score_bars(input.control, &evidence.score) {
        return Some(why);
    }
    if evidence.failed_moves > 0 {
        return Some(CeilingReason::FailedMoves);
    }
    (!evidence.tested).then_some(CeilingReason::Untested)
}

/// Why the placement score does not let a ceiling rise, if it does not.
fn score_bars(control: &Control, score: &ScoreEvidence) -> Option<CeilingReason> {
    match score {
        ScoreEvidence::NotApplicable => None,
        ScoreEvidence::Missing { .. } => match control.placement_score {
            ScoreUse::Required => Some(CeilingReason::NoScore),
            ScoreUse::Optional => None,
        },
        ScoreEvidence::Fresh { trend } => {
            let required = control.placement_score == ScoreUse::Required;
            let falls = trend.slope_per_hour.map_or(required, |slope| slope <= -FALLS);
            (trend.level < whole(control.good_score) || falls).then_some(CeilingReason::MiddlingScore)
        }
    }
}

#[cfg(test)]
#[path = "trust_tests.rs"]
mod tests;
