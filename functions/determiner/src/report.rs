//! What a pass over a cluster found, in numbers that fit one item.

use std::collections::BTreeMap;

use jiff::Timestamp;
use spotkeeper_core::assess::{Assessment, task_cpu};
use spotkeeper_core::control::Steered;
use spotkeeper_core::interface::DetermineCounts;
use spotkeeper_core::observe::{Depth, Market, Provider, Service, Snapshot, Task};
use spotkeeper_core::plan::{HeldWhy, MoveKind, Plan};
use spotkeeper_core::record::{ApiCounts, ClusterReport, LeftWhy, RunRecord};
use spotkeeper_core::units::CpuUnits;

/// The most services that `left_on_spot` names.
const LEFT_ON_SPOT: usize = 200;
/// The most services that `skewed` names.
const SKEWED: usize = 200;
/// The most pairs whose ceilings are told.
const CEILINGS: usize = 50;
/// The most services that `reverted` names, with their evidence.
const REVERTED: usize = 100;
/// The most services that `crowded` names.
const CROWDED: usize = 100;
/// The most services that `short` names, with their evidence.
const SHORT: usize = 100;
/// The most providers that `turns` names.
const TURNS: usize = 50;
/// The most gaps that a report names.
const GAPS: usize = 50;

/// The report of a pass.
pub(crate) fn report(
    run: &RunRecord,
    snapshot: &Snapshot,
    assessments: &[Assessment],
    plan: &Plan,
    decided: &[Steered],
    api: ApiCounts,
    now: Timestamp,
) -> ClusterReport {
    let mut blocked: BTreeMap<String, u32> = BTreeMap::new();
    for rule in assessments.iter().flat_map(Assessment::blocking) {
        *blocked.entry(rule.name().to_owned()).or_default() += 1;
    }
    let mut held_back: BTreeMap<HeldWhy, u32> = BTreeMap::new();
    for held in &plan.held_back {
        *held_back.entry(held.why).or_default() += 1;
    }
    let tasks = || snapshot.services.iter().filter_map(|service| service.tasks.known()).flatten();
    let on_spot = tasks().filter(|task| task.running && is_on_spot(snapshot, task)).count();
    let running = tasks().filter(|task| task.running).count();
    // What somebody must look at comes first: the list may be cut.
    let mut left_on_spot = plan.left_on_spot.clone();
    left_on_spot.sort_by_key(|left| left.why == LeftWhy::NotCovered);
    let left_on_spot_more = number(left_on_spot.len().saturating_sub(LEFT_ON_SPOT));
    left_on_spot.truncate(LEFT_ON_SPOT);
    ClusterReport {
        run: run.id.clone(),
        cluster: snapshot.cluster.name.clone(),
        at: now,
        failed: None,
        services: number(snapshot.services.len()),
        eligible: number(assessments.iter().filter(|judged| !judged.blocked()).count()),
        blocked,
        spot_tasks: number(on_spot),
        on_demand_tasks: number(running - on_spot),
        waves: plan.waves.clone(),
        followed_at_once: plan.followed_at_once.clone(),
        turn_orders: plan.turn_orders.clone(),
        turns: plan.turn_reports.iter().take(TURNS).cloned().collect(),
        turns_more: number(plan.turn_reports.len().saturating_sub(TURNS)),
        left_on_spot,
        left_on_spot_more,
        skewed: plan.skewed.iter().take(SKEWED).cloned().collect(),
        skewed_more: number(plan.skewed.len().saturating_sub(SKEWED)),
        cap: (snapshot.depth == Depth::Full).then(|| plan.cap.clone()),
        dial: (snapshot.depth == Depth::Full).then_some(plan.dial),
        ceilings: ceilings(plan, decided),
        reverted: plan.reverted.iter().take(REVERTED).cloned().collect(),
        reverted_more: number(plan.reverted.len().saturating_sub(REVERTED)),
        crowded: plan.crowded.iter().take(CROWDED).cloned().collect(),
        crowded_more: number(plan.crowded.len().saturating_sub(CROWDED)),
        short: plan.short.iter().take(SHORT).cloned().collect(),
        short_more: number(plan.short.len().saturating_sub(SHORT)),
        budget: (snapshot.depth == Depth::Full).then_some(plan.budget),
        running_spot_cpu: (snapshot.depth == Depth::Full).then(|| running_spot_cpu(snapshot)).flatten(),
        held_back,
        gaps: snapshot.gaps.iter().take(GAPS).map(ToString::to_string).collect(),
        gaps_more: number(snapshot.gaps.len().saturating_sub(GAPS)),
        api,
    }
}

/// CPU of the tasks that run on Spot; `None` where that of a service cannot be said.
fn running_spot_cpu(snapshot: &Snapshot) -> Option<CpuUnits> {
    let of_service = |service: &Service| {
        let on_spot = |task: &&Task| task.running && is_on_spot(snapshot, task);
        match service.tasks.known()?.iter().filter(on_spot).count() {
            0 => Some(CpuUnits(0)),
            tasks => Some(task_cpu(service)?.times(tasks as u64)),
        }
    };
    snapshot.services.iter().map(of_service).sum()
}

/// What the controller made of each pair, those that changed first. What an earlier attempt decided stands
/// for what this one found unchanged.
fn ceilings(plan: &Plan, decided: &[Steered]) -> Vec<Steered> {
    let is_new = |steered: &&Steered| {
        steered.is_news() || decided.iter().all(|earlier| earlier.after.pair != steered.after.pair)
    };
    let mut ceilings: Vec<Steered> = decided.iter().chain(plan.ceilings.iter().filter(is_new)).cloned().collect();
    ceilings.sort_by_key(|steered| !steered.is_news());
    ceilings.truncate(CEILINGS);
    ceilings
}

/// The counts of an answer.
pub(crate) fn counts(report: &ClusterReport, plan: &Plan) -> DetermineCounts {
    let of_kind = |kind| number(plan.moves.iter().filter(|record| record.planned.kind == kind).count());
    DetermineCounts {
        services: report.services,
        eligible: report.eligible,
        up: of_kind(MoveKind::Up),
        down: of_kind(MoveKind::Down),
        rebalance: of_kind(MoveKind::Rebalance),
        gaps: number(report.gaps.len()) + report.gaps_more,
    }
}

fn is_on_spot(snapshot: &Snapshot, task: &Task) -> bool {
    let provider = task.provider.as_ref().and_then(|name| snapshot.providers.get(name));
    provider.and_then(|provider| provider.known()).and_then(Provider::market) == Some(Market::Spot)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
