//! The ceilings of a run: what policy, dial and windows allow a cluster, and what the controller makes
//! of each of its pairs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::budget::{Room, Whole};
use super::position::Position;
use super::{Move, Pair, PlanInput};
use crate::assess::Assessment;
use crate::control::{
    Dial, OpenWindow, PairCeiling, PairFacts, SteerInput, Steered, dial_over, in_force, lowest, steer, window_over,
};
use crate::ids::ClusterName;
use crate::interface::MAX_MOVES;
use crate::observe::{Depth, Reading};
use crate::policy::Policy;
use crate::record::{RunMode, RunRecord};
use crate::signals::{Occurrence, Signals};
use crate::units::{CpuUnits, Percent, Seconds};
use crate::verify::Sign;
use crate::verify::signs::newest_sign;

/// What bounds the ceilings of a cluster from above.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cap {
    /// The most that a ceiling may be now.
    pub percent: Percent,
    /// By what.
    pub by: CapBy,
}

/// What bounds the ceilings of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum CapBy {
    /// The policy's `ceiling_percent`.
    Policy,
    /// A dial.
    Dial {
        /// Its scope.
        scope: String,
        /// Why it was set.
        reason: String,
    },
    /// A window that is open, or begins within the lead.
    Window {
        /// Which.
        window: OpenWindow,
    },
}

impl CapBy {
    /// Its name, as in JSON, metrics and events.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            CapBy::Policy => "policy",
            CapBy::Dial { .. } => "dial",
            CapBy::Window { .. } => "window",
        }
    }
}

/// The ceilings of a run in one cluster.
#[derive(Debug, Clone)]
pub(super) struct Ceilings {
    pub(super) cap: Cap,
    /// What dials allow of it.
    pub(super) dial: Percent,
    /// By pair; none where the run moves nothing by budget.
    pub(super) pairs: BTreeMap<Pair, PairBudget>,
}

/// What may be on Spot over one pair.
#[derive(Debug, Clone)]
pub(super) struct PairBudget {
    pub(super) steered: Steered,
    /// Under its ceiling.
    pub(super) room: Room,
}

/// The ceilings of this run.
pub(super) fn ceilings(input: &PlanInput<'_>, positions: &[Position<'_>], whole: &Whole) -> Ceilings {
    let dial = dial_over(&input.memory.signals.dials, &input.snapshot.cluster.name, input.now);
    let cap = cap(input, positions, dial);
    let dial = dial.map_or(Percent::HUNDRED, |dial| dial.percent);
    let steers = matches!(input.run.mode, RunMode::Ordinary | RunMode::Dry { .. });
    if !steers || input.snapshot.depth != Depth::Full {
        return Ceilings { cap, dial, pairs: BTreeMap::new() };
    }
    let mut of_pair: BTreeMap<&Pair, Vec<&Position<'_>>> = BTreeMap::new();
    for position in positions {
        if let Some(pair) = &position.pair {
            of_pair.entry(pair).or_default().push(position);
        }
    }
    let pairs = of_pair
        .into_iter()
        .filter_map(|(pair, positions)| Some((pair.clone(), pair_budget(input, &cap, pair, &positions, whole)?)));
    Ceilings { pairs: pairs.collect(), cap, dial }
}

/// The lowest of policy, dial and window.
fn cap(input: &PlanInput<'_>, positions: &[Position<'_>], dial: Option<&Dial>) -> Cap {
    let cluster = &input.snapshot.cluster.name;
    let policy = Cap { percent: input.policy.budget_of(cluster).ceiling_percent, by: CapBy::Policy };
    let dial = dial.map(|dial| Cap {
        percent: dial.percent,
        by: CapBy::Dial { scope: dial.scope.to_string(), reason: dial.reason.clone() },
    });
    let window = window(input, positions).map(|window| Cap { percent: window.ceiling, by: CapBy::Window { window } });
    [dial, window].into_iter().flatten().fold(policy, |low, cap| if cap.percent < low.percent { cap } else { low })
}

/// The window that is open, or begins within the lead. Most policies have none, and need no lead.
fn window(input: &PlanInput<'_>, positions: &[Position<'_>]) -> Option<OpenWindow> {
    let windows = &input.policy.windows;
    if windows.is_empty() {
        return None;
    }
    let cluster = &input.snapshot.cluster.name;
    if let Some(lead) = input.policy.control.window_lead_seconds {
        return window_over(windows, cluster, input.now, lead);
    }
    let lead = lead(input, positions);
    // What has come down for a window needs no lead any more: it would go up again, and come down once more.
    let has_counted = |window: &OpenWindow| {
        let capped_by = |ceiling: &PairCeiling| ceiling.in_force.as_ref().and_then(|one| one.capped_by.clone());
        let by_it = |by: CapBy| matches!(by, CapBy::Window { window: other } if other == *window);
        input.memory.signals.ceilings.iter().filter_map(capped_by).any(by_it)
    };
    let counts = |window: &OpenWindow| window.counts(input.now, lead) || has_counted(window);
    lowest(in_force(windows, cluster, input.now, LONGEST_LEAD).filter(counts))
}

/// The window under which a step of a move may not add Spot any more: nothing may be on Spot once it is
/// open, or the run's plan did not reckon with it. It counts as soon as the move could not end before
/// it begins.
#[must_use]
pub(crate) fn barring_window(policy: &Policy, run: &RunRecord, planned: &Move, now: Timestamp) -> Option<OpenWindow> {
    barring_window_over(policy, run, &planned.service.cluster, planned.deadline, now)
}

/// The same for something in a cluster that takes so long.
#[must_use]
pub(crate) fn barring_window_over(
    policy: &Policy,
    run: &RunRecord,
    cluster: &ClusterName,
    takes: Seconds,
    now: Timestamp,
) -> Option<OpenWindow> {
    let windows = &policy.windows;
    let lead = policy.control.window_lead_seconds;
    let known = |window: &OpenWindow| {
        in_force(windows, cluster, run.started_at, lead.unwrap_or(BETWEEN_RUNS)).any(|one| one == *window)
    };
    in_force(windows, cluster, now, lead.unwrap_or(takes))
        .filter(|window| window.ceiling == Percent::ZERO || !known(window))
        .min_by_key(|window| window.ceiling)
}

/// How long a run may come late: the schedule's default rate, twice. Where the schedule is slower, the
/// policy says the lead.
const BETWEEN_RUNS: Seconds = Seconds(1_800);
/// The longest lead.
const LONGEST_LEAD: Seconds = Seconds(86_400);

/// The time that it takes to bring everything on Spot down: so many waves, each as long as the
/// longest deadline of a service in it, after the next run has begun.
fn lead(input: &PlanInput<'_>, positions: &[Position<'_>]) -> Seconds {
    let on_spot: Vec<&Position<'_>> = positions.iter().filter(|position| position.spot_tasks() > 0).collect();
    let longest = on_spot.iter().map(|position| crate::verify::deadline(&input.policy.verify, position.service));
    let longest = longest.max().unwrap_or_default();
    let all: u64 = positions.iter().map(|position| u64::from(position.service.desired)).sum();
    let replaced: u64 = on_spot.iter().map(|position| u64::from(position.service.desired)).sum();
    let by_tasks = match input.policy.pace.down_wave_percent.floor_of(all) {
        0 => on_spot.len() as u64,
        allowed => replaced.div_ceil(allowed),
    };
    let waves = by_tasks.max(on_spot.len().div_ceil(MAX_MOVES) as u64).min(on_spot.len() as u64);
    let waves = u32::try_from(waves).unwrap_or(u32::MAX);
    longest.saturating_mul(waves).saturating_add(BETWEEN_RUNS).min(LONGEST_LEAD)
}

fn pair_budget(
    input: &PlanInput<'_>,
    cap: &Cap,
    pair: &Pair,
    positions: &[&Position<'_>],
    whole: &Whole,
) -> Option<PairBudget> {
    let cluster = &input.snapshot.cluster.name;
    let budget = input.policy.budget_of(cluster);
    let facts = facts(input, pair, positions, whole.task_cpu)?;
    let remembered = input.memory.signals.ceilings.iter().find(|one| one.pair == *pair);
    let signals = signals(input, pair, positions);
    let steer_input = SteerInput {
        control: &input.policy.control,
        step: budget.step_percent,
        cap,
        policy_ceiling: budget.ceiling_percent,
        drought: input.policy.verify.drought_seconds,
        signals: &signals,
        cluster,
        now: input.now,
    };
    let steered = steer(&steer_input, pair, &facts, remembered);
    let room = whole.room(steered.effective, budget.tolerance_percent, facts.spot_cpu);
    Some(PairBudget { steered, room })
}

/// What is known of a pair's capacity. An event of a placement that failed may not say why (on Fargate a
/// quota reads as a lack of capacity does); where the service's own events name another cause, that one
/// counts.
fn signals<'a>(input: &PlanInput<'a>, pair: &Pair, positions: &[&Position<'_>]) -> Cow<'a, Signals> {
    let other_cause = |position: &&&Position<'_>| match newest_sign(&position.service.events, pair) {
        Some(Sign::SpotCapacity | Sign::OnDemandCapacity) | None => false,
        Some(Sign::Quota | Sign::Addresses | Sign::Image | Sign::MaxSize | Sign::Placement | Sign::Internal) => true,
    };
    let named: BTreeSet<&str> =
        positions.iter().filter(other_cause).map(|position| position.service.id.name.as_str()).collect();
    let mut signals = Cow::Borrowed(&input.memory.signals);
    if !named.is_empty() {
        let of_them = |one: &Occurrence| one.service.as_deref().is_some_and(|name| named.contains(name));
        signals.to_mut().occurrences.retain(|one| !(one.is_shortage() && of_them(one)));
    }
    signals
}

/// The services of a pair, taken together; `None` where its Spot provider could not be read.
fn facts(input: &PlanInput<'_>, pair: &Pair, positions: &[&Position<'_>], task_cpu: CpuUnits) -> Option<PairFacts> {
    let family =
        input.snapshot.providers.get(&pair.spot).and_then(Reading::known).map(|provider| provider.kind.family())?;
    let could_have_more = |position: &&&Position<'_>| {
        let eligible = position.assessment.is_some_and(|judged: &Assessment| !judged.blocked());
        eligible
            && position
                .limit
                .is_some_and(|limit| limit.climb_at(position.service.desired) > Some(position.expected_spot))
    };
    let smallest = positions.iter().filter(could_have_more).filter_map(|position| position.task_cpu).min();
    let ledgers = || positions.iter().filter_map(|position| Some((position, position.ledger?)));
    let held_back =
        ledgers().filter(|(_, ledger)| ledger.failures > 0 && ledger.quarantined_until(input.now).is_some());
    let stable = ledgers().filter(|(position, ledger)| {
        // One that was brought down again, by a switch, has shown nothing.
        let in_place =
            ledger.last_write.as_ref().is_some_and(|last| last.after.equivalent(&position.service.placed_by))
                && position.service.strategy().is_some_and(|strategy| strategy.uses(&pair.spot));
        in_place && ledger.open.is_none() && ledger.failures == 0 && !position.service.deploying()
    });
    Some(PairFacts {
        family,
        task_cpu,
        spot_cpu: positions.iter().map(|position| position.cpu_of(position.spot_tasks())).sum(),
        smallest_task: smallest.unwrap_or_default(),
        running_spot_tasks: positions.iter().filter_map(|position| position.running_spot).sum(),
        interruptible: interruptible(positions, pair),
        failed: u32::try_from(held_back.count()).unwrap_or(u32::MAX),
        drought_at: ledgers().filter_map(|(_, ledger)| ledger.drought_at).max(),
        stable_up_at: stable.filter_map(|(_, ledger)| ledger.last_up_at).max(),
    })
}

/// What one interruption each can take of a pair's running Spot tasks.
fn interruptible(positions: &[&Position<'_>], pair: &Pair) -> u32 {
    let tasks = positions.iter().filter_map(|position| position.service.tasks.known()).flatten();
    let on_spot = tasks.filter(|task| task.running && task.provider.as_ref() == Some(&pair.spot));
    let taken: BTreeSet<&str> = on_spot.map(|task| task.instance.as_deref().unwrap_or(&task.arn)).collect();
    u32::try_from(taken.len()).unwrap_or(u32::MAX)
}
