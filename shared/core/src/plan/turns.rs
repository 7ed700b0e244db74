//! The capacity lever in a plan: which groups are turned to On-Demand, how far earlier turns have come,
//! and which groups are turned back.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::PlanInput;
use super::ceilings::Ceilings;
use super::moves::Draft;
use super::position::Position;
use super::{BudgetReport, barring_window_over};
use crate::assess::failing_safety;
use crate::ids::{ProviderName, ServiceName};
use crate::observe::{Depth, InstancesDistribution, Provider};
use crate::record::{RunMode, Turn, TurnEnd};
use crate::switch::{Lever, Scope, SwitchEntry};
use crate::turn::{
    Fit, LostWhy, MAX_TURNS, Standing, TurnOrder, TurnSeen, TurnWay, Unfit, distribution_now, group_of, standing,
};
use crate::units::Percent;
use crate::verify::since;

/// What a run does about a provider whose group is, was, or might be turned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnReport {
    /// The Spot provider.
    pub provider: ProviderName,
    /// What.
    pub what: TurnWhat,
    /// What AWS said of the last write that it did not confirm; empty where there is none.
    #[serde(default)]
    pub said: String,
}

/// What a run does about a provider's group, or why nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum TurnWhat {
    /// It is turned to On-Demand.
    Turn,
    /// It cannot be turned: its services move by strategy.
    Unfit {
        /// Why.
        why: Vec<Unfit>,
    },
    /// Its instances are being replaced.
    UnderWay {
        /// Spot instances that it still has, where that could be read.
        spot_instances: Option<u32>,
    },
    /// It is On-Demand whole: nothing on it is on Spot.
    Turned,
    /// The turn brings nothing off Spot any more: its services move by strategy.
    Lost {
        /// Why.
        why: LostWhy,
    },
    /// It is turned back.
    TurnBack,
    /// It is not turned back in this run.
    Held {
        /// Why.
        why: BackHeld,
    },
    /// Its turn has ended.
    Ended {
        /// How.
        how: TurnEnd,
    },
}

impl TurnWhat {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            TurnWhat::Turn => "turn",
            TurnWhat::Unfit { .. } => "unfit",
            TurnWhat::UnderWay { .. } => "under_way",
            TurnWhat::Turned => "turned",
            TurnWhat::Lost { .. } => "lost",
            TurnWhat::TurnBack => "turn_back",
            TurnWhat::Held { .. } => "held",
            TurnWhat::Ended { .. } => "ended",
        }
    }
}

/// Why a group is not turned back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackHeld {
    /// A switch is on over something in the cluster.
    SwitchOn,
    /// The run does not hold the run lock, or the policy has mistakes.
    NotNow,
    /// The restore does not cover everything on it.
    NotCovered,
    /// The stack's parameter `CapacityLever` is `off`: the role may not update the group.
    LeverOff,
    /// It was written so lately that a read may show the world before.
    JustWritten,
    /// What it takes to say so could not be read.
    Unread,
    /// A window, a dial or a ceiling leaves no room for what is on it.
    Ceiling,
    /// Its pair is dry.
    Dry,
    /// A service on it fails a safety rule.
    Unsafe,
    /// A service on it is deploying, has a move open, or is moved by this run.
    Deploying,
    /// Another group of the cluster is turned back first.
    OneAtATime,
}

/// What stands between a provider's services and Spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is turned, or is to be, and has time left.
    Turning,
    /// Nothing on it is on Spot.
    Turned,
    /// They move by strategy.
    Lost,
}

/// How a service stands to the lever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Levered {
    /// Not at all: it moves by strategy.
    No,
    /// The groups under it are being turned.
    Turning,
    /// Nothing of it is on Spot, whatever its strategy says.
    Turned,
}

/// The turns of a plan.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// What the Updater is to do.
    pub(super) orders: Vec<TurnOrder>,
    /// Records that change: begun or ended.
    pub(super) changed: Vec<Turn>,
    /// What is told.
    pub(super) reports: Vec<TurnReport>,
    states: BTreeMap<ProviderName, State>,
}

impl Turns {
    /// What the switches in force ask for, and how far earlier turns have come.
    pub(super) fn away(input: &PlanInput<'_>, positions: &[Position<'_>]) -> Turns {
        let mut turns = Turns::default();
        if matches!(input.run.mode, RunMode::Restore { .. }) {
            return turns;
        }
        let wanted: BTreeSet<&ProviderName> = positions
            .iter()
            .filter(|position| levers(input, position).next().is_some())
            .flat_map(|position| position.spot_providers.iter().copied())
            .collect();
        for seen in lasting(input) {
            let provider = &seen.turn.provider;
            let under_switch = users(positions, provider).any(|position| is_switched(input, position));
            if under_switch {
                turns.follow(input, positions, seen, wanted.contains(provider));
            }
        }
        for provider in wanted {
            if lasting(input).any(|seen| seen.turn.provider == *provider) {
                continue;
            }
            turns.begin(input, positions, provider);
        }
        turns
    }

    /// How far a turn has come whose services are under a switch.
    fn follow(&mut self, input: &PlanInput<'_>, positions: &[Position<'_>], seen: &TurnSeen, wanted: bool) {
        let provider = &seen.turn.provider;
        let (state, what) = match standing(seen, known(input, provider), &input.policy.verify, input.now) {
            Standing::NotTaken if wanted && unfit(input, positions, provider).is_empty() => {
                self.order(&seen.turn, TurnWay::Away);
                (State::Turning, TurnWhat::Turn)
            }
            Standing::NotTaken => (State::Lost, TurnWhat::Unfit { why: unfit(input, positions, provider) }),
            Standing::UnderWay { spot_instances } => (State::Turning, TurnWhat::UnderWay { spot_instances }),
            Standing::Done => (State::Turned, TurnWhat::Turned),
            Standing::Lost(why) => (State::Lost, TurnWhat::Lost { why }),
        };
        self.states.insert(provider.clone(), state);
        self.say(provider, what, &seen.turn.said);
    }

    /// A turn that is wanted and not on record.
    fn begin(&mut self, input: &PlanInput<'_>, positions: &[Position<'_>], provider: &ProviderName) {
        let why = unfit(input, positions, provider);
        let group = known(input, provider).and_then(group_of);
        let scope = users(positions, provider).flat_map(|position| levers(input, position)).map(|entry| &entry.scope);
        let (Some((name, original)), Some(scope), true) = (group, scope.min(), why.is_empty()) else {
            self.states.insert(provider.clone(), State::Lost);
            return self.say(provider, TurnWhat::Unfit { why }, "");
        };
        self.states.insert(provider.clone(), State::Turning);
        if self.orders.len() >= MAX_TURNS {
            return self.say(provider, TurnWhat::UnderWay { spot_instances: None }, "");
        }
        let ends_by = input.now.saturating_add(input.policy.verify.turn_seconds.duration()).unwrap_or(input.now);
        let turn = Turn {
            provider: provider.clone(),
            cluster: input.snapshot.cluster.name.clone(),
            group: name.to_owned(),
            original: original.clone(),
            scope: scope.clone(),
            run: input.run.id.clone(),
            at: input.now,
            ends_by,
            taken_at: None,
            back: None,
            said: String::new(),
            ended: None,
            version: input.turn_versions.get(provider).copied().unwrap_or(0) + 1,
        };
        self.order(&turn, TurnWay::Away);
        self.changed.push(turn);
        self.say(provider, TurnWhat::Turn, "");
    }

    /// The way back of the groups that no switch keeps turned.
    pub(super) fn back(
        &mut self,
        input: &PlanInput<'_>,
        positions: &[Position<'_>],
        downs: &[Draft<'_, '_>],
        ceilings: &Ceilings,
        budget: &BudgetReport,
    ) {
        if matches!(input.run.mode, RunMode::Switch { .. }) {
            return;
        }
        for seen in lasting(input).filter(|seen| seen.turn.cluster == input.snapshot.cluster.name) {
            let turn = &seen.turn;
            if self.states.contains_key(&turn.provider) {
                continue;
            }
            let first = self.orders.iter().all(|order| order.way != TurnWay::Back);
            let way_back = Back { input, positions, downs, ceilings, budget };
            let what = match way_back.of(turn) {
                Err(why) => TurnWhat::Held { why },
                Ok(Some(how)) => {
                    let version = turn.version + 1;
                    self.changed.push(Turn { ended: Some(how), version, ..turn.clone() });
                    TurnWhat::Ended { how }
                }
                Ok(None) if !first => TurnWhat::Held { why: BackHeld::OneAtATime },
                Ok(None) => {
                    self.order(turn, TurnWay::Back);
                    TurnWhat::TurnBack
                }
            };
            self.say(&turn.provider, what, &turn.said);
        }
    }

    /// How a service stands to the lever.
    pub(super) fn of(&self, input: &PlanInput<'_>, position: &Position<'_>) -> Levered {
        if position.spot_providers.is_empty() {
            return Levered::No;
        }
        let state = |provider: &&ProviderName| self.states.get(*provider).copied().unwrap_or(State::Lost);
        let states: Vec<State> = position.spot_providers.iter().map(state).collect();
        if states.contains(&State::Lost) {
            Levered::No
        } else if states.contains(&State::Turning) {
            // A switch that asks for strategies does not wait for instances.
            if levers(input, position).next().is_some() { Levered::Turning } else { Levered::No }
        } else {
            Levered::Turned
        }
    }

    fn order(&mut self, turn: &Turn, way: TurnWay) {
        if self.orders.len() < MAX_TURNS {
            self.orders.push(TurnOrder { cluster: turn.cluster.clone(), provider: turn.provider.clone(), way });
        }
    }

    fn say(&mut self, provider: &ProviderName, what: TurnWhat, said: &str) {
        self.reports.push(TurnReport { provider: provider.clone(), what, said: said.to_owned() });
    }
}

/// Whether a provider has a turn that has not ended: nothing moves up onto it.
pub(super) fn is_turned(input: &PlanInput<'_>, provider: &ProviderName) -> bool {
    lasting(input).any(|seen| seen.turn.provider == *provider)
}

fn lasting<'a>(input: &PlanInput<'a>) -> impl Iterator<Item = &'a TurnSeen> + use<'a> {
    input.turns.iter().filter(|seen| seen.turn.ended.is_none())
}

fn known<'a>(input: &PlanInput<'a>, provider: &ProviderName) -> Option<&'a Provider> {
    input.snapshot.providers.get(provider).and_then(|provider| provider.known())
}

/// The entries in force over a service that turn groups, if they cover it at all.
fn levers<'i, 'a: 'i>(
    input: &PlanInput<'a>,
    position: &'i Position<'_>,
) -> impl Iterator<Item = &'a SwitchEntry> + use<'i, 'a> {
    let entries = input.memory.switches.in_force(input.now);
    entries.filter(|entry| {
        let covered = position.enrolled || position.ledger.is_some() || entry.unenrolled;
        entry.lever == Lever::Capacity && covered && entry.scope.covers(&position.service.id)
    })
}

fn is_switched(input: &PlanInput<'_>, position: &Position<'_>) -> bool {
    input.memory.switches.over(&position.service.id, input.now).is_some()
}

/// The services that use a provider.
fn users<'p, 'a>(positions: &'p [Position<'a>], provider: &'p ProviderName) -> impl Iterator<Item = &'p Position<'a>> {
    positions.iter().filter(move |position| position.spot_providers.contains(&provider))
}

fn unfit(input: &PlanInput<'_>, positions: &[Position<'_>], provider: &ProviderName) -> Vec<Unfit> {
    let outside = users(positions, provider).filter(|position| levers(input, position).next().is_none());
    let outside: Option<&ServiceName> = outside.map(|position| &position.service.id.name).min();
    // A service that could not be read is not in the snapshot.
    let services_read = input.snapshot.gaps.iter().all(|gap| gap.action != "ecs:DescribeServices")
        && positions.iter().all(|position| position.running_spot.is_some());
    let provider = known(input, provider);
    Fit { lever: input.run.capacity_lever, provider, services_read, outside }.unfit()
}

/// What decides whether a group is turned back.
struct Back<'b, 'p, 'a> {
    input: &'b PlanInput<'a>,
    positions: &'b [Position<'a>],
    downs: &'b [Draft<'p, 'a>],
    ceilings: &'b Ceilings,
    budget: &'b BudgetReport,
}

impl Back<'_, '_, '_> {
    /// How the turn has ended, if it has; nothing where the group may be turned back.
    fn of(&self, turn: &Turn) -> Result<Option<TurnEnd>, BackHeld> {
        let Back { input, positions, .. } = *self;
        let cluster = &input.snapshot.cluster.name;
        let mut switches = input.memory.switches.in_force(input.now).map(|entry| entry.scope.cluster());
        if switches.any(|of| of.is_none_or(|of| of == cluster)) {
            return Err(BackHeld::SwitchOn);
        }
        let distribution = match distribution_now(known(input, &turn.provider)) {
            _ if input.snapshot.depth != Depth::Full => return Err(BackHeld::Unread),
            None => return Err(BackHeld::Unread),
            Some(distribution) => distribution,
        };
        let has = |numbers: &InstancesDistribution| distribution.is_some_and(|now| now.has_numbers_of(numbers));
        if !has(&turn.original.turned()) {
            let unconfirmed = input.policy.verify.unconfirmed_seconds;
            return match since(turn.last_written_at(), input.now) < unconfirmed {
                true => Err(BackHeld::JustWritten),
                false if has(&turn.original) => Ok(Some(TurnEnd::Original)),
                false => Ok(Some(TurnEnd::Changed)),
            };
        }
        if turn.may_come_back(input.now) {
            return Err(BackHeld::JustWritten);
        }
        if !input.run.capacity_lever {
            return Err(BackHeld::LeverOff);
        }
        if let RunMode::Restore { scope } = &input.run.mode
            && (scope.cluster().is_some_and(|of| of != cluster)
                || !users(positions, &turn.provider).all(|position| scope.covers(&position.service.id))
                || matches!(scope, Scope::Service(..)) && users(positions, &turn.provider).next().is_none())
        {
            return Err(BackHeld::NotCovered);
        }
        self.room(turn)?;
        self.services(turn)?;
        if !input.run.is_dry() && (!input.run.holds_lock || !input.run.policy_mistakes.is_empty()) {
            return Err(BackHeld::NotNow);
        }
        Ok(None)
    }

    /// Whether there is room for what is on it: it counts as Spot already.
    fn room(&self, turn: &Turn) -> Result<(), BackHeld> {
        let Back { input, ceilings, budget, .. } = *self;
        if budget.unknown > 0 {
            return Err(BackHeld::Unread);
        }
        let lead = input.policy.verify.turn_seconds;
        let window = barring_window_over(input.policy, input.run, &turn.cluster, lead, input.now);
        let of_pairs = ceilings.pairs.iter().filter(|(pair, _)| pair.spot == turn.provider);
        let over = of_pairs.map(|(_, of_pair)| of_pair.room.excess.0).max().unwrap_or(0).max(budget.excess.0);
        if window.is_some() || ceilings.cap.percent == Percent::ZERO || over > 0 {
            return Err(BackHeld::Ceiling);
        }
        let mut of_pair = input
            .memory
            .signals
            .ceilings
            .iter()
            .filter(|one| one.cluster == turn.cluster && one.pair.spot == turn.provider);
        match of_pair.any(|one| one.dry.is_some_and(|dry| input.now < dry.until)) {
            true => Err(BackHeld::Dry),
            false => Ok(()),
        }
    }

    /// Whether its services may be on Spot, and are at rest.
    fn services(&self, turn: &Turn) -> Result<(), BackHeld> {
        let Back { positions, downs, .. } = *self;
        for position in users(positions, &turn.provider) {
            let judged = position.assessment.ok_or(BackHeld::Unread)?;
            if !failing_safety(judged).is_empty() {
                return Err(BackHeld::Unsafe);
            }
            let moved = downs.iter().any(|draft| draft.position.service.id == position.service.id);
            if moved || position.move_open || position.service.deploying() {
                return Err(BackHeld::Deploying);
            }
        }
        Ok(())
    }
}
