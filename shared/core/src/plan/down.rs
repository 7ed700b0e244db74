//! Moves down: switches, services that became unsafe, more on Spot than allowed; and restores.

use std::collections::BTreeMap;

use super::ceilings::Ceilings;
use super::position::{OnSpot, Position};
use super::turns::{Levered, Turns, is_turned};
use super::up::worth_a_move;
use super::{BudgetReport, Cap, HeldBack, HeldWhy, MoveCause, MoveKind, Pair, PlanInput, drought, radius, solve};
use crate::assess::Assessment;
use crate::observe::PlacedBy;
use crate::plan::moves::Draft;
use crate::record::{Dealt, Ledger, LeftOnSpot, LeftWhy, RunMode};
use crate::strategy::Strategy;
use crate::switch::Scope;
use crate::units::Percent;
use crate::verify::{deployment_is_ours, since};

/// The moves down of this run. Services in the scope of a switch that stay on Spot are listed, and
/// those of which nobody can say how much they may have there.
pub(super) fn downs<'a, 'p>(
    input: &PlanInput<'a>,
    positions: &'p [Position<'a>],
    turns: &Turns,
    ceilings: &Ceilings,
    budget: &BudgetReport,
    left_on_spot: &mut Vec<LeftOnSpot>,
    held_back: &mut Vec<HeldBack>,
) -> Vec<Draft<'p, 'a>> {
    let mut drafts = Vec::new();
    let mut free = Vec::new();
    for position in positions.iter().filter(|position| position.on_spot() != OnSpot::No) {
        match input.memory.switches.over(&position.service.id, input.now) {
            None => free.push(position),
            // The group under it is On-Demand whole: there is nothing to bring down.
            Some(_) if turns.of(input, position) == Levered::Turned => {}
            // To take a way down over that is under way would only begin its time anew. A switch run
            // looks again until it has ended.
            Some(_) if comes_down(input, position) => {
                if input.run.switch().is_some() {
                    left_on_spot.push(LeftOnSpot { service: position.service.id.clone(), why: LeftWhy::MoveOpen });
                }
            }
            Some(_) if turns.of(input, position) == Levered::Turning => {
                if input.run.switch().is_some() {
                    left_on_spot.push(LeftOnSpot { service: position.service.id.clone(), why: LeftWhy::Turning });
                }
            }
            Some(_) => match by_switch(input, position) {
                Ok(draft) => drafts.push(draft),
                Err(why) => left_on_spot.push(LeftOnSpot { service: position.service.id.clone(), why }),
            },
        }
    }
    if matches!(input.run.mode, RunMode::Ordinary | RunMode::Dry { .. }) {
        drafts.extend(by_budget(input, ceilings, budget, &free, held_back));
    }
    drafts
}

/// Whether a move that is open, and has time left, has written a placement without Spot: it is in
/// place, or so new that this read may have come before it.
fn comes_down(input: &PlanInput<'_>, position: &Position<'_>) -> bool {
    let Some(ledger) = position.ledger else { return false };
    let (Some(open), Some(last)) = (&ledger.open, &ledger.last_write) else { return false };
    let written = open.run == last.run && open.move_id == last.move_id && input.now < open.ends_by;
    let without_spot = match &last.after {
        PlacedBy::Strategy(strategy) => !strategy.uses(&ledger.pair.spot),
        PlacedBy::LaunchType(_) => true,
    };
    let unseen = since(last.at, input.now) < input.policy.verify.unconfirmed_seconds;
    written && without_spot && (position.expected_spot == 0 || unseen)
}

/// The move that a switch asks for, or why there is none.
fn by_switch<'a, 'p>(input: &PlanInput<'a>, position: &'p Position<'a>) -> Result<Draft<'p, 'a>, LeftWhy> {
    let service = position.service;
    let entries = input.memory.switches.entries.iter();
    let over: Vec<_> = entries.filter(|entry| entry.in_force(input.now) && entry.scope.covers(&service.id)).collect();
    let covered = position.enrolled || position.ledger.is_some() || over.iter().any(|entry| entry.unenrolled);
    if !covered {
        return Err(LeftWhy::NotCovered);
    }
    if position.hands_off() {
        return Err(LeftWhy::HandsOff);
    }
    if input.given_up.contains(&service.id.arn) {
        return Err(LeftWhy::Stranded);
    }
    if position.on_spot() == OnSpot::Unread {
        return Err(LeftWhy::Unread);
    }
    let pair = position.pair.as_ref().ok_or(LeftWhy::NoPair)?;
    let preempt = over.iter().any(|entry| entry.preempt);
    let after = Strategy::only(pair.on_demand.clone());
    let ours = position.move_open || position.ledger.is_some_and(|ledger| deployment_is_ours(service, ledger));
    // What somebody brings down already is not begun anew either.
    let on_its_way = service.strategy().is_some_and(|strategy| strategy.equivalent(&after));
    if service.deploying() && !ours && (!preempt || on_its_way) {
        return Err(LeftWhy::SomebodyDeploys);
    }
    let entry = over.into_iter().min_by_key(|entry| entry.scope.clone()).ok_or(LeftWhy::NotCovered)?;
    let cause = MoveCause::Switch { scope: entry.scope.clone(), reason: entry.reason.clone(), preempt };
    Ok(Draft::new(position, pair, MoveKind::Down, cause, PlacedBy::Strategy(after)))
}

/// Moves down that no switch asks for: services that a drought has hit, unsafe ones, those of which
/// one pool holds too much, then what is over its share, then what is over a ceiling, the least suitable first.
fn by_budget<'a, 'p>(
    input: &PlanInput<'a>,
    ceilings: &Ceilings,
    budget: &BudgetReport,
    free: &[&'p Position<'a>],
    held_back: &mut Vec<HeldBack>,
) -> Vec<Draft<'p, 'a>> {
    let mut drafts: Vec<Draft<'p, 'a>> = Vec::new();
    let mut movable: Vec<&Position<'a>> =
        free.iter().copied().filter(|position| may_be_moved(input, position)).collect();
    movable.retain(|position| {
        let draft = drought::fall_back(position)
            .or_else(|| because_unsafe(input, position))
            .or_else(|| radius::because_crowded(input, position))
            .or_else(|| because_over_share(input, position));
        let stays = draft.is_none();
        drafts.extend(draft);
        stays
    });
    for position in movable.iter().filter(|position| position.pair.is_some() && position.limit.is_none()) {
        held_back.push(HeldBack { service: position.service.id.clone(), why: HeldWhy::Unread });
    }
    let mut excess = Excess::new(ceilings, budget);
    for draft in &drafts {
        excess.free(draft);
    }
    movable.sort_by_key(|position| {
        (position.assessment.map_or(0, |judged| judged.suitability.score), &position.service.id)
    });
    for position in movable {
        let over_by = excess.of(position);
        let Some(cpu) = position.task_cpu.filter(|_| over_by > 0) else {
            continue;
        };
        let spot_tasks = position.spot_tasks();
        let over = u32::try_from(over_by.div_ceil(cpu.0)).unwrap_or(u32::MAX).min(spot_tasks);
        // One that misses tasks would be placed anew where tasks cannot be had: it leaves Spot whole.
        let missing = position.service.running < position.service.desired;
        let allowed = if missing { 0 } else { spot_tasks - over };
        if let Some(draft) = reduced_to(position, allowed) {
            excess.free(&draft);
            drafts.push(draft);
        }
    }
    drafts
}

/// CPU on Spot that has to come down: of the cluster, and of each pair.
struct Excess {
    cluster: u64,
    pairs: BTreeMap<Pair, u64>,
}

impl Excess {
    fn new(ceilings: &Ceilings, budget: &BudgetReport) -> Excess {
        let pairs = ceilings.pairs.iter().map(|(pair, budget)| (pair.clone(), budget.room.excess.0)).collect();
        Excess { cluster: budget.excess.0, pairs }
    }

    /// What a service may have to give.
    fn of(&self, position: &Position<'_>) -> u64 {
        let of_pair = position.pair.as_ref().and_then(|pair| self.pairs.get(pair)).copied();
        self.cluster.max(of_pair.unwrap_or(0))
    }

    fn free(&mut self, draft: &Draft<'_, '_>) {
        let freed = draft.freed_cpu();
        self.cluster = self.cluster.saturating_sub(freed);
        if let Some(of_pair) = draft.position.pair.as_ref().and_then(|pair| self.pairs.get_mut(pair)) {
            *of_pair = of_pair.saturating_sub(freed);
        }
    }
}

/// Whether a service may be moved down without a switch: enrolled, at rest, not frozen, nothing
/// open, and AWS takes strategies for it.
fn may_be_moved(input: &PlanInput<'_>, position: &Position<'_>) -> bool {
    let frozen = position.service.tag_settings().frozen_until(input.now).is_some();
    position.enrolled && !frozen && !position.move_open && !position.service.deploying() && !position.hands_off()
}

fn because_unsafe<'a, 'p>(input: &PlanInput<'a>, position: &'p Position<'a>) -> Option<Draft<'p, 'a>> {
    let since = position.ledger?.unsafe_since.as_ref()?;
    let failing = position.assessment.map(crate::assess::failing_safety)?;
    let grace_ends = since.at.checked_add(input.policy.rules.grace_seconds.duration()).ok()?;
    if failing.is_empty() || input.now < grace_ends {
        return None;
    }
    let pair = position.pair.as_ref()?;
    let after = PlacedBy::Strategy(Strategy::only(pair.on_demand.clone()));
    Some(Draft::new(position, pair, MoveKind::Down, MoveCause::Unsafe { rules: failing }, after))
}

fn because_over_share<'a, 'p>(input: &PlanInput<'a>, position: &'p Position<'a>) -> Option<Draft<'p, 'a>> {
    // Measured tasks beyond the strategy are a matter of rebalancing: here the strategy counts.
    let cap = position.limit?.cap_at(position.service.desired);
    let over = position.expected_spot > cap;
    let far = worth_a_move(input, position, position.expected_spot, cap) || cap == 0;
    (over && far).then(|| reduced_to(position, cap)).flatten()
}

fn reduced_to<'a, 'p>(position: &'p Position<'a>, allowed: u32) -> Option<Draft<'p, 'a>> {
    reduced(position, allowed, MoveCause::OverShare { spot_tasks: position.spot_tasks(), allowed })
}

/// The move down to `allowed` Spot tasks at the present desired count.
pub(super) fn reduced<'a, 'p>(position: &'p Position<'a>, allowed: u32, cause: MoveCause) -> Option<Draft<'p, 'a>> {
    let pair = position.pair.as_ref()?;
    let share = Dealt { spot_tasks: allowed, desired: position.service.desired };
    let after = solve(pair, position.limit?.promise(share)).unwrap_or_else(|| Strategy::only(pair.on_demand.clone()));
    let in_place = position.service.strategy().is_some_and(|strategy| strategy.equivalent(&after));
    (!in_place).then(|| Draft::new(position, pair, MoveKind::Down, cause, PlacedBy::Strategy(after)))
}

/// The moves that bring originals back, for the services in scope whose ledger has another. Those
/// that do not get theirs back are listed.
pub(super) fn restores<'a, 'p>(
    input: &PlanInput<'a>,
    positions: &'p [Position<'a>],
    cap: &Cap,
    scope: &Scope,
    left: &mut Vec<LeftOnSpot>,
) -> Vec<Draft<'p, 'a>> {
    let mut drafts = Vec::new();
    for position in positions.iter().filter(|position| scope.covers(&position.service.id)) {
        let Some(ledger) = position.ledger.filter(|ledger| !ledger.original.equivalent(&position.service.placed_by))
        else {
            continue;
        };
        match restore(input, position, cap, ledger) {
            Ok(draft) => drafts.push(draft),
            Err(why) => left.push(LeftOnSpot { service: position.service.id.clone(), why }),
        }
    }
    drafts
}

/// The move that brings an original back, or why there is none.
fn restore<'a, 'p>(
    input: &PlanInput<'a>,
    position: &'p Position<'a>,
    cap: &Cap,
    ledger: &Ledger,
) -> Result<Draft<'p, 'a>, LeftWhy> {
    if position.hands_off() {
        return Err(LeftWhy::HandsOff);
    }
    if position.move_open {
        return Err(LeftWhy::MoveOpen);
    }
    if position.service.deploying() {
        return Err(LeftWhy::SomebodyDeploys);
    }
    let adds_spot = position.may_place_on_spot(input.snapshot, &ledger.original);
    if adds_spot {
        may_move_up(input, position, cap)?;
    }
    let kind = if adds_spot { MoveKind::Up } else { MoveKind::Down };
    Ok(Draft::new(position, &ledger.pair, kind, MoveCause::Restore, ledger.original.clone()))
}

/// What bars a restore that adds Spot: it is a move up like any other.
fn may_move_up(input: &PlanInput<'_>, position: &Position<'_>, cap: &Cap) -> Result<(), LeftWhy> {
    if input.memory.switches.over(&position.service.id, input.now).is_some() {
        return Err(LeftWhy::SwitchOn);
    }
    let turned = position.pair.as_ref().is_some_and(|pair| is_turned(input, &pair.spot));
    if !input.run.policy_mistakes.is_empty() || !input.run.holds_lock || cap.percent == Percent::ZERO || turned {
        return Err(LeftWhy::NotNow);
    }
    match position.assessment.is_none_or(Assessment::blocked) || position.taken_back.is_some() {
        true => Err(LeftWhy::Blocked),
        false => Ok(()),
    }
}
