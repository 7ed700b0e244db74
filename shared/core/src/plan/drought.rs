//! Services that miss tasks while nobody deploys: what their tasks and ECS's events say about why.
//!
//! Only a lack of Spot capacity that has lasted is a drought; an On-Demand shortage, a group at its
//! MaxSize, a quota, subnet addresses and images are told by their names.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::position::Position;
use super::{MoveCause, MoveKind, Pair, PlanInput};
use crate::ids::{ProviderName, ServiceRef};
use crate::observe::{PlacedBy, Provider, ProviderKind, Service, ServiceEvent, Snapshot};
use crate::plan::moves::Draft;
use crate::record::Ledger;
use crate::strategy::Strategy;
use crate::verify::signs::{is_steady, lack_of_spot, other_cause, sign};
use crate::verify::{Sign, later};

/// The most characters of an event that evidence keeps: a move's record has to stay small.
const MESSAGE: usize = 300;

/// A service on Spot that misses tasks, is not at work on a move, and stays as it is in this run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Short {
    /// The service.
    pub service: ServiceRef,
    /// What keeps its tasks from running.
    pub cause: Sign,
    /// What shows it.
    pub evidence: String,
    /// Why it stays.
    pub why: ShortWhy,
}

/// Why a service that misses tasks stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShortWhy {
    /// It is no lack of Spot: On-Demand alone would not help.
    AnotherCause,
    /// It is not enrolled, or opted out.
    NotEnrolled,
    /// The API refuses a strategy for it.
    HandsOff,
    /// Its tag freezes it.
    Frozen,
    /// A deployment runs.
    Deploying,
    /// This run only restores originals: the next ordinary one brings it back.
    NotThisRun,
}

/// Why a service misses tasks, as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shortage {
    pub(super) cause: Sign,
    pub(super) evidence: String,
}

/// The tasks of a service that misses some.
struct Missing {
    /// Spot tasks that run.
    spot_running: u32,
    /// Spot tasks that exist and do not run yet.
    spot_pending: u32,
    /// What the strategy places on Spot at the most.
    spot_most: u32,
    /// Whether On-Demand tasks are missing too.
    on_demand: bool,
}

impl Missing {
    /// Whether what is missing may be on Spot: how ECS rounds is not documented, so all but the
    /// most may be too few.
    const fn may_be_spot(&self) -> bool {
        self.spot_running < self.spot_most || self.spot_pending > 0
    }
}

/// Whether a service at rest misses tasks that may be Spot tasks.
pub(super) enum Shortness {
    /// It does not.
    Whole,
    /// It does.
    Short,
    /// Its tasks could not be read.
    Unread,
}

/// Whether a service at rest misses tasks that may be Spot tasks.
pub(super) fn shortness(position: &Position<'_>) -> Shortness {
    let Some(pair) = &position.pair else { return Shortness::Whole };
    if position.service.deploying() {
        return Shortness::Whole;
    }
    match missing(position.service, pair) {
        Ok(Some(missing)) if missing.may_be_spot() => Shortness::Short,
        Ok(_) => Shortness::Whole,
        Err(Unread) => Shortness::Unread,
    }
}

/// The tasks could not be read.
struct Unread;

fn missing(service: &Service, pair: &Pair) -> Result<Option<Missing>, Unread> {
    let Some(strategy) = service.strategy().filter(|strategy| strategy.uses(&pair.spot)) else {
        return Ok(None);
    };
    if service.running >= service.desired {
        return Ok(None);
    }
    let tasks = service.tasks.known().ok_or(Unread)?;
    let count = |spot: bool, running: bool| {
        let counted = tasks.iter().filter(|task| (task.provider.as_ref() == Some(&pair.spot)) == spot);
        u32::try_from(counted.filter(|task| task.running == running).count()).unwrap_or(u32::MAX)
    };
    let most = strategy.bounds(&pair.spot, service.desired).most;
    Ok(Some(Missing {
        spot_running: count(true, true),
        spot_pending: count(true, false),
        spot_most: most,
        on_demand: count(false, false) > 0 || count(false, true) < service.desired.saturating_sub(most),
    }))
}

/// Since when the ledger is to have a service as short.
pub(super) fn short_since(position: &Position<'_>, remembered: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    match shortness(position) {
        Shortness::Whole => None,
        Shortness::Unread => remembered,
        // It had all its tasks in between: this is another shortage.
        Shortness::Short => Some(remembered.filter(|since| steady_at(position.service) < Some(*since)).unwrap_or(now)),
    }
}

/// Why a service misses tasks, once that has lasted for as long as the policy waits for Spot.
///
/// It has lasted since the first event that says so, or since the ledger has the service as short,
/// and no longer than since the service was steady. A task that hangs without failing, and without
/// a word of ECS, is a lack of Spot too; a group that has all the instances it asks for lacks none.
pub(super) fn shortage(
    input: &PlanInput<'_>,
    service: &Service,
    ledger: Option<&Ledger>,
    pair: &Pair,
) -> Option<Shortage> {
    let missing = missing(service, pair).ok().flatten()?;
    let steady = steady_at(service).unwrap_or(Timestamp::MIN);
    let events: Vec<&ServiceEvent> = service.events.iter().take_while(|event| event.at > steady).collect();
    let told = events.iter().filter(|event| sign(&event.message, pair).is_some()).map(|event| event.at).min();
    let remembered = ledger.and_then(|ledger| ledger.short_since).filter(|since| *since > steady);
    let since = told.into_iter().chain(remembered.filter(|_| !service.deploying())).min()?;
    if input.now < later(since, input.policy.verify.drought_seconds) {
        return None;
    }
    let Missing { spot_running, spot_pending, spot_most, .. } = missing;
    let counted = format!(
        "since {since} {} of {} tasks run: {spot_running} of at most {spot_most} on {}, where {spot_pending} wait",
        service.running, service.desired, pair.spot
    );
    let because = |cause: Sign, message: &str| {
        let message: String = message.chars().take(MESSAGE).collect();
        Some(Shortage { cause, evidence: format!("{counted}; {}: {message}", cause.name()) })
    };
    if let Some((cause, message)) = other_cause(&service.events, pair, since) {
        return because(cause, message);
    }
    let lack = lack_of_spot(&service.events, pair, since);
    let failing = service.primary().is_some_and(|primary| primary.failed > 0);
    let hangs = spot_pending > 0 && !failing;
    let provider = if missing.on_demand { &pair.on_demand } else { &pair.spot };
    match (room(input.snapshot, provider), lack) {
        _ if !missing.on_demand && (!missing.may_be_spot() || (lack.is_none() && !hangs)) => None,
        (Room::Full(group), _) => because(Sign::MaxSize, &group),
        (_, Some(message)) if missing.on_demand => because(Sign::OnDemandCapacity, message),
        (Room::Asked, Some(message)) => because(Sign::SpotCapacity, message),
        (Room::Asked, None) if !missing.on_demand => Some(Shortage { cause: Sign::SpotCapacity, evidence: counted }),
        (Room::Asked | Room::Unasked, _) => None,
    }
}

/// When the service last had all its tasks, as its events say.
fn steady_at(service: &Service) -> Option<Timestamp> {
    service.events.iter().filter(|event| is_steady(&event.message)).map(|event| event.at).max()
}

/// Whether the group behind a provider could grow.
enum Room {
    /// It has as many instances as it may: EC2 has given them all, and what is missing is the owner's
    /// limit. What says so.
    Full(String),
    /// It has all the instances that it asks for, and may ask for more.
    Unasked,
    /// It asks for more than it has; or there is no group, or it could not be read.
    Asked,
}

fn room(snapshot: &Snapshot, provider: &ProviderName) -> Room {
    let Some(Provider { kind: ProviderKind::AutoScalingGroup(behind), .. }) =
        snapshot.providers.get(provider).and_then(|provider| provider.known())
    else {
        return Room::Asked;
    };
    let Some(group) = behind.group.known() else { return Room::Asked };
    match group.instances {
        Some(instances) if instances >= group.max_size => {
            Room::Full(format!("{} has {instances} instances, its MaxSize is {}", group.name, group.max_size))
        }
        Some(instances) if instances >= group.desired => Room::Unasked,
        Some(_) | None => Room::Asked,
    }
}

/// The move that brings a service back that a drought has hit.
pub(super) fn fall_back<'a, 'p>(position: &'p Position<'a>) -> Option<Draft<'p, 'a>> {
    let shortage = position.shortage.as_ref().filter(|shortage| shortage.cause == Sign::SpotCapacity)?;
    let pair = position.pair.as_ref()?;
    let after = PlacedBy::Strategy(Strategy::only(pair.on_demand.clone()));
    let cause = MoveCause::Drought { evidence: shortage.evidence.clone() };
    Some(Draft::new(position, pair, MoveKind::Down, cause, after))
}

/// Why a service that misses tasks is not moved by this run.
pub(super) fn why_left(input: &PlanInput<'_>, position: &Position<'_>, shortage: &Shortage) -> ShortWhy {
    let frozen = position.service.tag_settings().frozen_until(input.now).is_some();
    match shortage.cause {
        Sign::SpotCapacity if !position.enrolled => ShortWhy::NotEnrolled,
        Sign::SpotCapacity if position.hands_off() => ShortWhy::HandsOff,
        Sign::SpotCapacity if frozen => ShortWhy::Frozen,
        Sign::SpotCapacity if position.service.deploying() => ShortWhy::Deploying,
        Sign::SpotCapacity => ShortWhy::NotThisRun,
        Sign::OnDemandCapacity
        | Sign::Quota
        | Sign::Addresses
        | Sign::Image
        | Sign::MaxSize
        | Sign::Placement
        | Sign::Internal => ShortWhy::AnotherCause,
    }
}
