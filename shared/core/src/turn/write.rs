//! Deciding, just before the write, whether a group may be turned; and what the answer means.
//!
//! The Updater reads the record, the group and the switches, and asks [`decide`]. The record that it
//! answers is stored first, that of a write back in a transaction that checks the switch epoch, and only
//! then is the distribution written; [`after_write`] says what is stored afterwards.

use jiff::Timestamp;

use super::{TurnOrder, TurnWay, WRITE_BACK};
use crate::observe::{InstancesDistribution, Market, Reading};
use crate::plan::barring_window_over;
use crate::policy::Policy;
use crate::ports::PortError;
use crate::record::{RunMode, RunRecord, Turn, WriteBack};
use crate::switch::{Lever, SwitchEntry, Switches};

/// The longest that is kept of what AWS said.
const SAID: usize = 256;

/// What is known just before a turn is written.
#[derive(Debug, Clone, Copy)]
pub struct TurnInput<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The run.
    pub run: &'a RunRecord,
    /// What is to be done.
    pub order: &'a TurnOrder,
    /// The provider's turn, if it has one.
    pub turn: Option<&'a Turn>,
    /// The group's distribution, read just now.
    pub distribution: &'a Reading<Option<InstancesDistribution>>,
    /// The switch entries, read after everything else.
    pub switches: &'a Switches,
    /// Now.
    pub now: Timestamp,
}

/// What to do about a turn just before its write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnDecision {
    /// Store the record, a way back under the epoch alone that was read with the switches; then write.
    Write {
        /// The record, with the intent.
        turn: Box<Turn>,
        /// What to write.
        distribution: InstancesDistribution,
    },
    /// Write nothing: it is in place. Store the record where it has changed.
    InPlace {
        /// The record.
        turn: Box<Turn>,
    },
    /// Something keeps it from being written now.
    Held {
        /// In a sentence.
        reason: String,
    },
}

/// Decides whether a turn may be written.
#[must_use]
pub fn decide(input: &TurnInput<'_>) -> TurnDecision {
    let decided = match input.order.way {
        TurnWay::Away => away(input),
        TurnWay::Back => back(input),
    };
    decided.unwrap_or_else(|reason| TurnDecision::Held { reason })
}

/// The turn that the order is about, and what its group has; or why nothing is written.
fn subject<'a>(input: &TurnInput<'a>) -> Result<(&'a Turn, &'a InstancesDistribution), String> {
    let TurnInput { run, order, turn, distribution, .. } = input;
    if run.is_dry() {
        return Err(format!("run {} is dry: nothing is written", run.id));
    }
    let turn = turn.filter(|turn| turn.ended.is_none() && turn.cluster == order.cluster);
    let turn = turn.ok_or_else(|| format!("no turn of {} is on record", order.provider))?;
    match distribution.get() {
        Err(gap) => Err(gap.to_string()),
        Ok(None) => Err(format!("{} has no mixed instances policy any more", turn.group)),
        Ok(Some(found)) => Ok((turn, found)),
    }
}

/// The entry in force that covers something of the turn's cluster; the widest scope first.
fn over<'a>(input: &TurnInput<'a>, turn: &Turn, wanted: impl Fn(&SwitchEntry) -> bool) -> Option<&'a SwitchEntry> {
    let of_cluster = |entry: &&SwitchEntry| entry.scope.cluster().is_none_or(|cluster| *cluster == turn.cluster);
    let entries = input.switches.in_force(input.now).filter(of_cluster).filter(|entry| wanted(entry));
    entries.min_by_key(|entry| &entry.scope)
}

fn away(input: &TurnInput<'_>) -> Result<TurnDecision, String> {
    let (turn, found) = subject(input)?;
    let now = input.now;
    if over(input, turn, |entry| entry.lever == Lever::Capacity).is_none() {
        return Err("no switch with the capacity lever is on".to_owned());
    }
    if turn.may_come_back(now) {
        return Err("it is being turned back: its services move by strategy".to_owned());
    }
    match found.market() {
        Market::OnDemand => {
            let taken_at = turn.taken_at.or(Some(now));
            let turn = Turn { taken_at, version: turn.version + u64::from(turn.taken_at.is_none()), ..turn.clone() };
            Ok(TurnDecision::InPlace { turn: Box::new(turn) })
        }
        Market::Mixed => Err(format!("{} has {found}: it is not Spot alone any more", turn.group)),
        Market::Spot if now >= turn.ends_by => Err(format!("its time was over at {}", turn.ends_by)),
        Market::Spot => {
            let distribution = found.turned();
            let version = turn.version + 1;
            // What is kept as the original is what the write replaces.
            let turn = Turn { original: found.clone(), at: now, back: None, version, ..turn.clone() };
            Ok(TurnDecision::Write { turn: Box::new(turn), distribution })
        }
    }
}

fn back(input: &TurnInput<'_>) -> Result<TurnDecision, String> {
    let (turn, found) = subject(input)?;
    let TurnInput { policy, run, now, .. } = *input;
    if !run.holds_lock {
        return Err("only the run that holds the lock turns groups back".to_owned());
    }
    if matches!(run.mode, RunMode::Switch { .. }) {
        return Err("a switch run turns nothing back".to_owned());
    }
    // Whichever of the cluster's services it covers: one that uses the group may be new.
    if let Some(entry) = over(input, turn, |_| true) {
        return Err(format!("the switch over {} is on: {}", entry.scope, entry.reason));
    }
    if let Some(window) = barring_window_over(policy, run, &turn.cluster, policy.verify.turn_seconds, now) {
        return Err(format!("the window {} bars more Spot from {} until {}", window.name, window.from, window.to));
    }
    if turn.may_come_back(now) {
        return Err("another run may be turning it back".to_owned());
    }
    if found.has_numbers_of(&turn.original) {
        return Ok(TurnDecision::InPlace { turn: Box::new(turn.clone()) });
    }
    if !found.has_numbers_of(&turn.original.turned()) {
        return Err(format!("somebody has given {} {found}", turn.group));
    }
    let distribution = found.with_numbers_of(&turn.original);
    let back = Some(WriteBack { run: run.id.clone(), at: now, until: now + WRITE_BACK });
    let turn = Turn { back, version: turn.version + 1, ..turn.clone() };
    Ok(TurnDecision::Write { turn: Box::new(turn), distribution })
}

/// The record after its write.
///
/// A refusal that trying again does not mend ends the time of a turn to On-Demand: its services move by
/// strategy at once. Any other error leaves open whether AWS has taken it, and a later read tells.
#[must_use]
pub fn after_write(turn: Turn, way: TurnWay, result: Result<(), &PortError>, now: Timestamp) -> Turn {
    let version = turn.version + 1;
    match (way, result) {
        (TurnWay::Away, Ok(())) => Turn { taken_at: Some(now), said: String::new(), version, ..turn },
        (TurnWay::Back, Ok(())) => Turn { said: String::new(), version, ..turn },
        (_, Err(error)) => {
            let hopeless = matches!(error, PortError::Denied { .. } | PortError::Absent { .. });
            let ends_by = if way == TurnWay::Away && hopeless { now } else { turn.ends_by };
            let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
            let said = format!("{error}{source}").chars().take(SAID).collect();
            Turn { said, ends_by, version, ..turn }
        }
    }
}
