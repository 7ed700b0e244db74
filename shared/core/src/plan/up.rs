//! Moves up: the room under the ceiling, dealt as whole tasks to the most suitable services.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::ceilings::{Ceilings, PairBudget};
use super::moves::Draft;
use super::position::{Limit, Position, Skew, skew};
use super::radius::climbs_again_at;
use super::turns::is_turned;
use super::{BudgetReport, HeldBack, HeldWhy, MoveCause, MoveKind, Pair, PlanInput, Promise, first_breach, solve};
use crate::assess::return_path::{Survey, headroom_in};
use crate::ids::{ProviderName, ServiceArn};
use crate::observe::PlacedBy;
use crate::record::Dealt;
use crate::strategy::Bounds;

/// The moves up of this run, rebalances first. The eligible services that get none are listed.
pub(super) fn ups<'a, 'p>(
    input: &PlanInput<'a>,
    survey: &Survey<'_>,
    positions: &'p [Position<'a>],
    downs: &[Draft<'p, 'a>],
    ceilings: &Ceilings,
    budget: &BudgetReport,
    held_back: &mut Vec<HeldBack>,
) -> Vec<Draft<'p, 'a>> {
    let down: BTreeSet<&ServiceArn> = downs.iter().map(|draft| &draft.position.service.id.arn).collect();
    let going_down = |position: &Position<'_>| down.contains(&position.service.id.arn);
    let mut candidates: Vec<&Position<'a>> = positions
        .iter()
        .filter(|position| position.assessment.is_some_and(|judged| !judged.blocked()) && !going_down(position))
        .collect();
    candidates.sort_by_key(|position| {
        let score = position.assessment.map_or(0, |judged| judged.suitability.score);
        (skew(position).is_none(), std::cmp::Reverse(score), &position.service.id)
    });
    let mut dealer = Dealer::new(input, survey, positions, ceilings, budget);
    let mut drafts = Vec::new();
    for position in candidates {
        match dealer.deal(position) {
            Ok(draft) => drafts.push(draft),
            Err(why) => held_back.push(HeldBack { service: position.service.id.clone(), why }),
        }
    }
    drafts
}

/// Whether the Spot tasks of a service are so far from a target that a move is worth it: more
/// than one task and more than the tolerance.
pub(super) fn worth_a_move(input: &PlanInput<'_>, position: &Position<'_>, have: u32, target: u32) -> bool {
    have.abs_diff(target) > tolerated(input, position)
}

/// The tasks for which nothing is redeployed: what the policy tolerates, and one at least.
pub(super) fn tolerated(input: &PlanInput<'_>, position: &Position<'_>) -> u32 {
    let policy = input.policy.budget_of(&input.snapshot.cluster.name);
    let tolerated = policy.tolerance_percent.floor_of(u64::from(position.service.desired));
    u32::try_from(tolerated).unwrap_or(u32::MAX).max(1)
}

/// The Spot tasks that a service climbs to: what it may have; after a switch first what it had
/// before, if that is less (design 8).
fn climb_to(position: &Position<'_>, pair: &Pair, limit: Limit) -> u32 {
    let desired = position.service.desired;
    let cap = limit.cap_at(desired);
    match position.down_by_switch().map(|last| &last.before) {
        Some(PlacedBy::Strategy(before)) if before.uses(&pair.spot) => cap.min(before.bounds(&pair.spot, desired).most),
        Some(_) | None => cap,
    }
}

/// Whether more Spot is worth a move: the target is far, or the last deal did not reach its own.
/// Else what is missing comes from rounding and autoscaling, for which nothing is redeployed.
fn far_from_target(input: &PlanInput<'_>, position: &Position<'_>, pair: &Pair, limit: Limit) -> bool {
    let cap = limit.cap_at(position.service.desired);
    worth_a_move(input, position, position.expected_spot, cap) || last_deal_was_cut(position, pair, limit)
}

/// Whether ceiling or step cut the share that the strategy in place was dealt: at the desired
/// count of that time, more could have been dealt.
fn last_deal_was_cut(position: &Position<'_>, pair: &Pair, limit: Limit) -> bool {
    let last = position.ledger.and_then(|ledger| ledger.last_write.as_ref());
    let Some(last) = last.filter(|last| last.after.equivalent(&position.service.placed_by)) else {
        return false;
    };
    let Dealt { spot_tasks, desired } = last.dealt;
    let strategy = solve(pair, limit.promise(Dealt { spot_tasks: limit.cap_at(desired), desired }));
    strategy.is_some_and(|strategy| strategy.bounds(&pair.spot, desired).most > spot_tasks)
}

/// What is left to deal over one pair.
struct PairLeft {
    /// CPU under its ceiling.
    left: u64,
    /// Whether it was dry, and how far that is over.
    dry: Option<DryPhase>,
}

/// How far a drought is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DryPhase {
    /// Nothing moves up.
    Pause,
    /// One service tries it.
    Canary,
    /// One service has been dealt to try it.
    Tried,
}

impl PairLeft {
    fn of(budget: &PairBudget, now: Timestamp) -> PairLeft {
        let dry = budget.steered.after.dry;
        let phase = dry.map(|dry| if now < dry.until { DryPhase::Pause } else { DryPhase::Canary });
        PairLeft { left: budget.room.left.0, dry: phase }
    }
}

/// What is left to deal.
struct Dealer<'i, 'a> {
    input: &'i PlanInput<'a>,
    /// CPU under the cluster's ceiling.
    left: u64,
    /// What is known of each pair, and CPU under its ceiling.
    pairs: BTreeMap<Pair, PairLeft>,
    /// CPU of this run's step.
    room: u64,
    /// Whether any Spot was dealt: the first deal may be larger than the step.
    dealt: bool,
    /// Moves that the run may still make.
    moves: u32,
    /// Tasks that the run may still replace.
    restarts: u64,
    /// Whether any move was dealt: the first may replace more tasks than the pace allows.
    any: bool,
    /// What On-Demand is used for already.
    survey: &'i Survey<'i>,
    /// Tasks that each On-Demand provider has been promised to take back.
    promised: BTreeMap<ProviderName, u32>,
}

impl<'i, 'a> Dealer<'i, 'a> {
    fn new(
        input: &'i PlanInput<'a>,
        survey: &'i Survey<'i>,
        positions: &[Position<'_>],
        ceilings: &Ceilings,
        budget: &BudgetReport,
    ) -> Dealer<'i, 'a> {
        let pace = &input.policy.pace;
        let tasks: u64 = positions.iter().map(|position| u64::from(position.service.desired)).sum();
        Dealer {
            input,
            left: budget.left.0,
            pairs: ceilings
                .pairs
                .iter()
                .map(|(pair, budget)| (pair.clone(), PairLeft::of(budget, input.now)))
                .collect(),
            room: budget.room.0,
            dealt: false,
            moves: pace.moves_per_run,
            restarts: pace.restart_percent.floor_of(tasks),
            any: false,
            survey,
            promised: BTreeMap::new(),
        }
    }

    /// The move up, or the rebalance, of one service; or why it gets none.
    fn deal<'p>(&mut self, position: &'p Position<'a>) -> Result<Draft<'p, 'a>, HeldWhy> {
        let input = self.input;
        let service = position.service;
        let pair = position.pair.as_ref().ok_or(HeldWhy::NoReturnPath)?;
        let limit = position.limit.ok_or(HeldWhy::Unread)?;
        if position.move_open {
            return Err(HeldWhy::MoveOpen);
        }
        if position.taken_back.is_some() {
            return Err(HeldWhy::TakenBack);
        }
        if is_turned(input, &pair.spot) {
            return Err(HeldWhy::Turned);
        }
        if let Some(draft) = self.rebalance(position, pair, limit) {
            self.check_dry(pair)?;
            self.check_rest(position)?;
            self.check_pace(position)?;
            self.spend(position, pair);
            return Ok(draft);
        }
        let (have, cap) = (position.expected_spot, climb_to(position, pair, limit));
        if have >= cap || (have > 0 && !far_from_target(input, position, pair, limit)) {
            return Err(HeldWhy::AtTarget);
        }
        let cap = self.check_radius(position, limit, cap)?;
        self.check_dry(pair)?;
        self.check_rest(position)?;
        self.check_pace(position)?;
        let cpu = position.task_cpu.ok_or(HeldWhy::NoRoom)?;
        let whole = |cpu_units: u64| u32::try_from(cpu_units / cpu.0).unwrap_or(u32::MAX);
        let wanted = cap - have;
        // A pair of which nothing could be read has no ceiling, and so no room.
        let left = self.pairs.get(pair).map_or(0, |of_pair| of_pair.left.min(self.left));
        let (by_step, by_ceiling) = (whole(self.room).min(wanted), whole(left).min(wanted));
        let by_return_path = self.headroom(position, pair);
        let most = by_ceiling.min(by_return_path);
        let (strategy, dealt) = self
            .extras(by_step.min(most), most)
            .find_map(|extra| {
                let share = Dealt { spot_tasks: have + extra, desired: service.desired };
                let strategy = solve(pair, limit.promise(share))?;
                let dealt = strategy.bounds(&pair.spot, service.desired).most;
                (dealt > have).then_some((strategy, dealt))
            })
            .ok_or(match (most, by_step) {
                (0, _) if by_return_path < by_ceiling => HeldWhy::NoReturnPath,
                (0, _) => HeldWhy::NoRoom,
                (_, 0) if self.dealt => HeldWhy::NoRoom,
                (..) => HeldWhy::NoStrategy,
            })?;
        self.spend(position, pair);
        let cpu_dealt = cpu.times(u64::from(dealt - have)).0;
        self.left = self.left.saturating_sub(cpu_dealt);
        if let Some(of_pair) = self.pairs.get_mut(pair) {
            of_pair.left = of_pair.left.saturating_sub(cpu_dealt);
        }
        self.room = self.room.saturating_sub(cpu_dealt);
        self.dealt = true;
        *self.promised.entry(pair.on_demand.clone()).or_default() += dealt - have;
        Ok(Draft::new(position, pair, MoveKind::Up, MoveCause::Budget, PlacedBy::Strategy(strategy)))
    }

    /// The numbers of Spot tasks to try to add: what the step allows. The first deal of a run
    /// then tries more, up to `most`, which the ceiling allows: a step may be less than a task,
    /// or less than any strategy can add over the whole scaling range.
    fn extras(&self, by_step: u32, most: u32) -> impl Iterator<Item = u32> + use<> {
        let most = if self.dealt { by_step } else { most };
        let doubled = std::iter::successors(Some(by_step.max(1)), |extra| Some(extra.saturating_mul(2)));
        doubled.take_while(move |extra| *extra < most).chain(Some(most))
    }

    /// The same strategy, forced, where the running tasks have not followed it for the dwell.
    fn rebalance<'p>(&self, position: &'p Position<'a>, pair: &Pair, limit: Limit) -> Option<Draft<'p, 'a>> {
        let Skew { spot_tasks, bounds: Bounds { least, most } } = skew(position)?;
        let since = position.ledger?.skewed_since?;
        let due = since.checked_add(self.input.policy.verify.dwell_seconds.duration()).ok()?;
        if self.input.now < due {
            return None;
        }
        let strategy = position.service.strategy()?;
        let desired = position.service.desired;
        let promise: Promise = limit.promise(Dealt { spot_tasks: limit.cap_at(desired), desired });
        // Placing the tasks anew repairs nothing where the strategy itself breaks the promise.
        first_breach(strategy, pair, Promise { range: at(desired), ..promise }).is_none().then(|| {
            let cause = MoveCause::Skewed { spot_tasks, least, most };
            Draft::new(position, pair, MoveKind::Rebalance, cause, PlacedBy::Strategy(strategy.clone()))
        })
    }

    /// Whether the run may still make a move, and replace this service's tasks.
    fn check_pace(&self, position: &Position<'_>) -> Result<(), HeldWhy> {
        if !self.input.run.holds_lock && !self.input.run.is_dry() {
            return Err(HeldWhy::NoLock);
        }
        let replaced = u64::from(position.service.desired);
        match self.moves == 0 || (self.any && replaced > self.restarts) {
            true => Err(HeldWhy::PaceReached),
            false => Ok(()),
        }
    }

    /// Whether Spot capacity could be had over the pair, as far as is known: after a drought one
    /// service tries first.
    fn check_dry(&self, pair: &Pair) -> Result<(), HeldWhy> {
        match self.pairs.get(pair).and_then(|of_pair| of_pair.dry) {
            Some(DryPhase::Pause) => Err(HeldWhy::Dry),
            Some(DryPhase::Tried) => Err(HeldWhy::Canary),
            Some(DryPhase::Canary) | None => Ok(()),
        }
    }

    /// The Spot tasks that the service climbs to if they stay spread over capacity pools as they are,
    /// `cap` at the most.
    fn check_radius(&self, position: &Position<'_>, limit: Limit, cap: u32) -> Result<u32, HeldWhy> {
        let have = position.expected_spot;
        let fits = limit.climb_at(position.service.desired).ok_or(HeldWhy::Unread)?;
        let crowding = position.ledger.and_then(|ledger| ledger.crowding.as_ref());
        let waits = climbs_again_at(self.input.policy, crowding, self.input.now).is_some();
        // Where the pools cut it short, what is left must be worth a move by itself.
        let near = fits < cap && have > 0 && !worth_a_move(self.input, position, have, fits);
        match waits || fits <= have || near {
            true => Err(HeldWhy::Crowded),
            false => Ok(cap.min(fits)),
        }
    }

    /// Takes a move of the service out of the run's pace.
    fn spend(&mut self, position: &Position<'_>, pair: &Pair) {
        if let Some(dry) = self.pairs.get_mut(pair).and_then(|of_pair| of_pair.dry.as_mut()) {
            *dry = DryPhase::Tried;
        }
        self.any = true;
        self.moves -= 1;
        self.restarts = self.restarts.saturating_sub(u64::from(position.service.desired));
    }

    /// Whether the service has rested since its last move up. What a switch brought down comes
    /// back without.
    fn check_rest(&self, position: &Position<'_>) -> Result<(), HeldWhy> {
        if position.down_by_switch().is_some() {
            return Ok(());
        }
        let last = position.ledger.and_then(|ledger| ledger.last_up_at);
        let rested = last.and_then(|at| at.checked_add(self.input.policy.pace.rest_seconds.duration()).ok());
        match rested.is_some_and(|at| self.input.now < at) {
            true => Err(HeldWhy::Resting),
            false => Ok(()),
        }
    }

    /// How many more tasks On-Demand can take back, less what was promised in this plan.
    fn headroom(&self, position: &Position<'_>, pair: &Pair) -> u32 {
        let snapshot = self.input.snapshot;
        let all = headroom_in(self.survey, snapshot, pair, position.service, self.input.policy).unwrap_or(0);
        all.saturating_sub(self.promised.get(&pair.on_demand).copied().unwrap_or(0))
    }
}

const fn at(desired: u32) -> crate::observe::ScalingRange {
    crate::observe::ScalingRange { min: desired, max: desired }
}
