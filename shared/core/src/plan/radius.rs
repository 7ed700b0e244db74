//! The blast radius: how many of a service's tasks one capacity pool may hold, and what the measured
//! spread of its Spot tasks makes of that.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::position::Position;
use super::up::tolerated;
use super::{MoveCause, PlanInput, down};
use crate::assess::Spread;
use crate::ids::ServiceRef;
use crate::observe::Reading;
use crate::plan::moves::Draft;
use crate::policy::Policy;
use crate::record::Crowding;
use crate::units::{Percent, Seconds};

/// A service of which one pool holds more than it may, and more than the tolerance, while it is at
/// rest: it comes down once that has lasted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crowded {
    /// The service.
    pub service: ServiceRef,
    /// Its tasks.
    pub desired: u32,
    /// Where its Spot tasks run.
    pub spread: Spread,
    /// How many of its tasks one pool may hold.
    pub per_pool: u32,
    /// Since when, as the ledger has it.
    pub since: Option<Timestamp>,
}

/// How many of a service's tasks may be on Spot, so that no pool holds more than it may.
#[derive(Debug, Clone, Copy)]
pub(super) struct Radius {
    /// `blast_radius_percent`.
    percent: Percent,
    /// The pools that its Spot side draws on.
    pools: u32,
    /// How its Spot tasks are spread now.
    measured: Measured,
}

/// What is known of where Spot tasks run.
#[derive(Debug, Clone, Copy)]
enum Measured {
    /// There are none.
    None,
    /// So many run, and the fullest pool holds so many of them.
    Tasks { spot_tasks: u32, in_fullest: u32 },
    /// Where one of them runs could not be read.
    Unread,
}

impl Radius {
    pub(super) fn new(percent: Percent, pools: u32, spread: Option<&Reading<Spread>>) -> Radius {
        let measured = match spread {
            None => Measured::None,
            Some(Reading::Missing(_)) => Measured::Unread,
            Some(Reading::Known(spread)) => {
                Measured::Tasks { spot_tasks: spread.spot_tasks, in_fullest: spread.in_fullest }
            }
        };
        Radius { percent, pools, measured }
    }

    /// How many of so many tasks one pool may hold: one may always be where it is.
    pub(super) fn per_pool(self, desired: u32) -> u32 {
        u32::try_from(self.percent.floor_of(u64::from(desired))).unwrap_or(u32::MAX).max(1)
    }

    /// The Spot tasks that fit if they are spread evenly over all pools. Where the percentage does
    /// not come to a task, all pools together have as many as it comes to for all of them.
    pub(super) fn evenly(self, desired: u32) -> u32 {
        let in_all = Percent::saturating(u64::from(self.percent.get()) * u64::from(self.pools));
        let in_all = u32::try_from(in_all.floor_of(u64::from(desired))).unwrap_or(u32::MAX);
        in_all.min(self.pools.saturating_mul(self.per_pool(desired)))
    }

    /// The Spot tasks that fit if they are spread as they are now. So few tasks that they could not be
    /// spread better say nothing: they count as even. `None` where it is not known.
    pub(super) fn as_spread(self, desired: u32) -> Option<u32> {
        match self.measured {
            Measured::Unread => None,
            Measured::Tasks { spot_tasks, in_fullest } if in_fullest > spot_tasks.div_ceil(self.pools) => {
                Some(self.evenly(desired).min(scaled(self.per_pool(desired), spot_tasks, in_fullest)))
            }
            Measured::None | Measured::Tasks { .. } => Some(self.evenly(desired)),
        }
    }

    /// The Spot tasks that are left where the fullest pool holds more than it may and is tolerated to.
    fn crowded(self, desired: u32, tolerated: u32) -> Option<u32> {
        match self.measured {
            Measured::Tasks { spot_tasks, in_fullest }
                if in_fullest > self.per_pool(desired).saturating_add(tolerated) =>
            {
                Some(scaled(self.per_pool(desired), spot_tasks, in_fullest))
            }
            Measured::None | Measured::Unread | Measured::Tasks { .. } => None,
        }
    }
}

/// So many Spot tasks that the fullest pool holds `per_pool` if the spread stays as it is.
fn scaled(per_pool: u32, spot_tasks: u32, in_fullest: u32) -> u32 {
    let tasks = u64::from(per_pool) * u64::from(spot_tasks) / u64::from(in_fullest.max(1));
    u32::try_from(tasks).unwrap_or(u32::MAX)
}

/// Whether one pool holds too much of a service.
pub(super) enum Crowd {
    /// None does, or the service is not at rest with all its tasks running.
    None,
    /// One does: so many Spot tasks may stay.
    Crowded(u32),
    /// What it takes to say so could not be read.
    Unread,
}

pub(super) fn crowd(input: &PlanInput<'_>, position: &Position<'_>) -> Crowd {
    let service = position.service;
    let spread = position.assessment.and_then(|judged| judged.spread.as_ref());
    match (spread, position.limit) {
        (None, _) => Crowd::None,
        (Some(Reading::Missing(_)), _) | (Some(_), None) => Crowd::Unread,
        (Some(_), Some(_)) if service.deploying() || service.running != service.desired || service.pending > 0 => {
            Crowd::None
        }
        (Some(Reading::Known(_)), Some(limit)) => {
            match limit.radius.crowded(service.desired, tolerated(input, position)) {
                Some(allowed) => Crowd::Crowded(allowed),
                None => Crowd::None,
            }
        }
    }
}

/// Since when the ledger is to have a service as crowded.
pub(super) fn crowded_since(
    input: &PlanInput<'_>,
    position: &Position<'_>,
    remembered: Option<Timestamp>,
) -> Option<Timestamp> {
    match crowd(input, position) {
        Crowd::None => None,
        Crowd::Crowded(_) => remembered.or(Some(input.now)),
        Crowd::Unread => remembered,
    }
}

/// The move that brings a service down of which one pool has held too much for the grace.
pub(super) fn because_crowded<'a, 'p>(input: &PlanInput<'a>, position: &'p Position<'a>) -> Option<Draft<'p, 'a>> {
    let Crowd::Crowded(allowed) = crowd(input, position) else { return None };
    let since = position.ledger?.crowded_since?;
    let due = since.checked_add(input.policy.rules.grace_seconds.duration()).ok()?;
    // Tasks beyond the strategy are a matter of rebalancing.
    if input.now < due || allowed >= position.expected_spot {
        return None;
    }
    let spread = position.assessment?.spread.as_ref()?.known()?;
    let cause = MoveCause::Crowded {
        pool: spread.fullest.to_string(),
        in_pool: spread.in_fullest,
        spot_tasks: spread.spot_tasks,
        allowed,
    };
    down::reduced(position, allowed, cause)
}

/// The services of which one pool holds too much now.
pub(super) fn crowded(input: &PlanInput<'_>, positions: &[Position<'_>]) -> Vec<Crowded> {
    let one = |position: &Position<'_>| {
        let Crowd::Crowded(_) = crowd(input, position) else { return None };
        let service = position.service;
        Some(Crowded {
            service: service.id.clone(),
            desired: service.desired,
            spread: position.assessment?.spread.as_ref()?.known()?.clone(),
            per_pool: position.limit?.radius.per_pool(service.desired),
            since: position.ledger.and_then(|ledger| ledger.crowded_since),
        })
    };
    positions.iter().filter(|position| position.enrolled).filter_map(one).collect()
}

/// How long a service that was crowded so often waits before it climbs again: it rests as after a move
/// up, and no less than after one that failed.
fn pause(policy: &Policy, times: u32) -> Seconds {
    let first = policy.pace.rest_seconds.max(policy.verify.quarantine_seconds);
    first.doubled(times, policy.verify.max_quarantine_seconds.max(first))
}

/// Until when a service that came down because of one pool does not climb, where that is so now.
pub(super) fn climbs_again_at(policy: &Policy, crowding: Option<&Crowding>, now: Timestamp) -> Option<Timestamp> {
    let Crowding { at, times } = crowding?;
    at.checked_add(pause(policy, *times).duration()).ok().filter(|until| now < *until)
}

/// What the ledger keeps of one more move down because of one pool. One that comes soon after the
/// pause of the one before is another sign of the same: the pause doubles.
pub(crate) fn crowded_again(policy: &Policy, before: Option<&Crowding>, now: Timestamp) -> Crowding {
    let times = before.map_or(1, |Crowding { at, times }| {
        let soon = pause(policy, *times).saturating_mul(2).duration();
        match at.checked_add(soon).is_ok_and(|until| now < until) {
            true => times.saturating_add(1),
            false => 1,
        }
    });
    Crowding { at: now, times }
}
