//! Choosing the moves of a run: afterwards nothing is left to choose.
//!
//! Moves down come first and need no budget; moves up are dealt the room under the ceiling. The
//! plan is a list of waves: one wave is applied and verified before the next begins, but for moves
//! down that fit together.

mod budget;
mod ceilings;
mod down;
mod drought;
mod moves;
mod position;
mod radius;
mod reverts;
mod solver;
#[cfg(test)]
mod tests;
mod turns;
mod up;
mod waves;

pub use budget::BudgetReport;
pub use ceilings::{Cap, CapBy};
pub(crate) use ceilings::{barring_window, barring_window_over};
pub use drought::{Short, ShortWhy};
pub use moves::*;
pub use position::most_on_spot;
pub use radius::Crowded;
pub(crate) use radius::crowded_again;
pub use solver::{Breach, Promise, first_breach, solve};
pub use turns::{BackHeld, TurnReport, TurnWhat};

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::assess::return_path::Survey;
use crate::assess::{Assessment, Memory};
use crate::control::Steered;
use crate::ids::{MoveId, ProviderName, ServiceArn, ServiceRef};
use crate::observe::Snapshot;
use crate::policy::Policy;
use crate::record::{Ledger, LeftOnSpot, MoveRecord, Reverted, RunMode, RunRecord, Turn};
use crate::turn::{TurnOrder, TurnSeen};
use crate::units::Percent;
use budget::Whole;
use ceilings::Ceilings;
use position::Position;
use turns::Turns;
use waves::InWaves;

/// What a plan is made from.
#[derive(Debug, Clone, Copy)]
pub struct PlanInput<'a> {
    /// The policy; the default one where there is none.
    pub policy: &'a Policy,
    /// The cluster as it was read, with [`crate::turn::as_recorded`].
    pub snapshot: &'a Snapshot,
    /// The judgement of each service, in the snapshot's order; empty at
    /// [`crate::observe::Depth::Switch`].
    pub assessments: &'a [Assessment],
    /// Ledgers and switches.
    pub memory: &'a Memory,
    /// The run.
    pub run: &'a RunRecord,
    /// Moves that a dead run left unfinished, as moves of this run.
    pub resumed: &'a [MoveRecord],
    /// The turns that have not ended.
    pub turns: &'a [TurnSeen],
    /// The newest version of each provider's turn, those that have ended included.
    pub turn_versions: &'a BTreeMap<ProviderName, u64>,
    /// Services that an earlier pass of this run could not bring down.
    pub given_up: &'a BTreeSet<ServiceArn>,
    /// Now.
    pub now: Timestamp,
}

/// The moves of a run in one cluster, in waves, and why there are not more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use = "a plan that nobody stores is not made"]
pub struct Plan {
    /// The moves, in the order of the waves.
    pub moves: Vec<MoveRecord>,
    /// Their ids by wave.
    pub waves: Vec<Vec<MoveId>>,
    /// The waves, by number, after which the next is written before either is verified.
    pub followed_at_once: Vec<u32>,
    /// What the Updater is to do about groups, before the first wave.
    pub turn_orders: Vec<TurnOrder>,
    /// Turns that begin or end: to be stored before the orders are given.
    pub turns: Vec<Turn>,
    /// What is told of providers whose groups are, were, or might be turned.
    pub turn_reports: Vec<TurnReport>,
    /// Ledgers that have changed: services adopted, times since which something holds.
    pub ledgers: Vec<Ledger>,
    /// Services that stay on Spot under a switch, or without their original in a restore, and why.
    pub left_on_spot: Vec<LeftOnSpot>,
    /// Services whose running tasks have broken floor or share for longer than the deadline of a
    /// move, and that this run does not move: alarmed.
    pub skewed: Vec<ServiceRef>,
    /// What bounds the cluster's ceilings.
    pub cap: Cap,
    /// The most that a ceiling may be by dials: the lowest over the cluster, 100 where none is in force.
    pub dial: Percent,
    /// What the controller made of each pair; nothing in a run that moves nothing by budget.
    pub ceilings: Vec<Steered>,
    /// Services whose last write somebody took back, as this run is the first to see: alarmed.
    pub reverted: Vec<Reverted>,
    /// Services of which one capacity pool holds more than it may.
    pub crowded: Vec<Crowded>,
    /// Services on Spot that miss tasks and that this run does not move, and why.
    pub short: Vec<Short>,
    /// How the room under the ceiling was found.
    pub budget: BudgetReport,
    /// Eligible services that do not move up in this run, and services on Spot of which nobody
    /// can say how much they may have there; and why.
    pub held_back: Vec<HeldBack>,
}

/// A service that could move and does not, in this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBack {
    /// The service.
    pub service: ServiceRef,
    /// Why.
    pub why: HeldWhy,
}

/// Why a service that could move does not, in this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldWhy {
    /// It has as much Spot as it may, or close enough.
    AtTarget,
    /// The room under the ceiling is dealt.
    NoRoom,
    /// On-Demand could not take more tasks back.
    NoReturnPath,
    /// No strategy keeps floor and share over its whole scaling range and places a task on Spot.
    NoStrategy,
    /// It moved up less than the rest time ago.
    Resting,
    /// The run has made as many moves, or replaces as many tasks, as it may.
    PaceReached,
    /// The run does not hold the run lock.
    NoLock,
    /// Its pair was dry, and the pause is not over.
    Dry,
    /// Its pair was dry, and another service tries it first.
    Canary,
    /// A move of it is not finished yet.
    MoveOpen,
    /// Somebody has taken its last write back.
    TakenBack,
    /// The group of its Spot provider is turned to On-Demand by the capacity lever.
    Turned,
    /// Its scaling range, the instance types of its Spot provider, or where its Spot tasks run, could
    /// not be read: what it may have on Spot is not known.
    Unread,
    /// One capacity pool holds as much of it as it may, as its Spot tasks are spread; or held more, and
    /// the pause since then is not over.
    Crowded,
}

/// Chooses the moves of a run in one cluster.
pub fn plan(input: &PlanInput<'_>) -> Plan {
    let positions = position::positions(input);
    let ledgers = position::changed_ledgers(input, &positions);
    let mut left_on_spot = Vec::new();
    let mut held_back = Vec::new();
    let whole = Whole::of(input, &positions);
    let ceilings = ceilings::ceilings(input, &positions, &whole);
    let budget = budget::budget(input, &positions, &whole, &ceilings.cap);
    let mut turns = Turns::away(input, &positions);
    let downs = match &input.run.mode {
        RunMode::Restore { scope } => down::restores(input, &positions, &ceilings.cap, scope, &mut left_on_spot),
        _ => down::downs(input, &positions, &turns, &ceilings, &budget, &mut left_on_spot, &mut held_back),
    };
    turns.back(input, &positions, &downs, &ceilings, &budget);
    let survey = Survey::of(input.snapshot);
    let ups = match input.run.mode {
        RunMode::Ordinary | RunMode::Dry { .. } => {
            up::ups(input, &survey, &positions, &downs, &ceilings, &budget, &mut held_back)
        }
        RunMode::Switch { .. } | RunMode::Restore { .. } => Vec::new(),
    };
    let InWaves { moves, waves, followed_at_once } = waves::in_waves(input, &survey, &positions, downs, ups);
    let moved: BTreeSet<&ServiceRef> = moves.iter().map(|record| &record.planned.service).collect();
    let skewed = positions
        .iter()
        .filter(|position| position::skewed_too_long(input, position) && !moved.contains(&position.service.id))
        .map(|position| position.service.id.clone())
        .collect();
    let short = short(input, &positions, &moved);
    let crowded = radius::crowded(input, &positions);
    let reverted = positions.iter().filter(|position| position.taken_back.is_some());
    let reverted = reverted.filter_map(|position| reverted_in(&ledgers, &position.service.id)).collect();
    let Ceilings { cap, dial, pairs } = ceilings;
    let Turns { orders: turn_orders, changed, reports: turn_reports, .. } = turns;
    let ceilings = pairs.into_values().map(|pair| pair.steered).collect();
    Plan {
        moves,
        waves,
        followed_at_once,
        turn_orders,
        turns: changed,
        turn_reports,
        ledgers,
        left_on_spot,
        skewed,
        reverted,
        crowded,
        short,
        cap,
        dial,
        ceilings,
        budget,
        held_back,
    }
}

/// Services that miss tasks and stay as they are, but those that a switch brings down.
fn short(input: &PlanInput<'_>, positions: &[Position<'_>], moved: &BTreeSet<&ServiceRef>) -> Vec<Short> {
    let stays = |position: &&Position<'_>| {
        let service = &position.service.id;
        !moved.contains(service) && input.memory.switches.over(service, input.now).is_none()
    };
    positions
        .iter()
        .filter(stays)
        .filter_map(|position| {
            let shortage = position.shortage.as_ref()?;
            Some(Short {
                service: position.service.id.clone(),
                cause: shortage.cause,
                evidence: shortage.evidence.clone(),
                why: drought::why_left(input, position, shortage),
            })
        })
        .collect()
}

/// What the ledger says of a write that was just counted as taken back.
fn reverted_in(ledgers: &[Ledger], service: &ServiceRef) -> Option<Reverted> {
    let ledger = ledgers.iter().find(|ledger| ledger.service == *service)?;
    Some(Reverted {
        service: service.clone(),
        write: ledger.last_write.clone()?,
        reverts: ledger.reverts,
        quarantined_until: ledger.quarantined_until?,
    })
}

/// The position of a service, by its ARN.
fn position_of<'a, 'b>(positions: &'b [Position<'a>], service: &ServiceRef) -> Option<&'b Position<'a>> {
    positions.iter().find(|position| position.service.id == *service)
}
