//! Where each service stands: its pair, its Spot tasks, what it may have.

use std::collections::BTreeMap;

use super::drought::{self, Shortage};
use super::radius::{self, Radius};
use super::{Pair, PlanInput, reverts};
use crate::assess::{self, Assessment};
use crate::ids::ProviderName;
use crate::observe::{
    Depth, Family, Market, PlacedBy, Provider, ScalingRange, Service, ServiceStatus, Snapshot, TagSettings, Task,
};
use crate::policy::{Budget, EnrolmentRule, Policy};
use crate::record::{Dealt, LastWrite, Ledger, TakenBack, UnsafeSince};
use crate::strategy::{Bounds, Strategy};
use crate::units::{CpuUnits, Percent};

/// Where a service stands.
#[derive(Debug, Clone)]
pub(super) struct Position<'a> {
    /// The service.
    pub(super) service: &'a Service,
    /// Its judgement; `None` at [`Depth::Switch`].
    pub(super) assessment: Option<&'a Assessment>,
    /// What is remembered of it.
    pub(super) ledger: Option<&'a Ledger>,
    /// The providers between which it moves.
    pub(super) pair: Option<Pair>,
    /// CPU of one task, where it is known.
    pub(super) task_cpu: Option<CpuUnits>,
    /// The most Spot tasks of its strategy at the present desired count.
    pub(super) expected_spot: u32,
    /// The providers that buy Spot and that its strategy, or one of its running tasks, uses: at any
    /// desired count, not only at the present one.
    pub(super) spot_providers: Vec<&'a ProviderName>,
    /// Whether a provider that it uses could not be read.
    unread: bool,
    /// Its running Spot tasks, where its tasks were read.
    pub(super) running_spot: Option<u32>,
    /// What it may have on Spot; `None` where that is not known, or was not read at
    /// [`Depth::Switch`]: nothing is shaped by a gap.
    pub(super) limit: Option<Limit>,
    /// Whether Spotkeeper may touch it at all: enrolled, not opted out.
    pub(super) enrolled: bool,
    /// Whether the ledger has a move of it that is not finished.
    pub(super) move_open: bool,
    /// What has taken its last write back, where that is not counted yet. It is counted of a service
    /// that is enrolled and of which no move is open.
    pub(super) taken_back: Option<TakenBack>,
    /// Why it misses tasks, where it is on Spot, no move of it is open, and that has lasted.
    pub(super) shortage: Option<Shortage>,
}

/// Whether any of a service's tasks are on Spot, or are placed there when it scales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnSpot {
    /// All its providers are On-Demand.
    No,
    /// A provider of it could not be read, and the others are On-Demand.
    Unread,
    /// A provider of it buys Spot.
    Yes,
}

impl<'a> Position<'a> {
    /// Whether any of its tasks are on Spot, or are placed there when it scales.
    pub(super) fn on_spot(&self) -> OnSpot {
        match (self.uses_spot(), self.unread) {
            (true, _) => OnSpot::Yes,
            (false, true) => OnSpot::Unread,
            (false, false) => OnSpot::No,
        }
    }

    fn uses_spot(&self) -> bool {
        !self.spot_providers.is_empty()
    }

    /// Whether its CPU on Spot is known.
    pub(super) fn spot_cpu_known(&self) -> bool {
        !self.unread && (!self.uses_spot() || self.task_cpu.is_some())
    }

    /// Whether another placement of it may add Spot tasks, at any desired count. What could not
    /// be read may.
    pub(super) fn may_place_on_spot(&self, snapshot: &Snapshot, placed_by: &PlacedBy) -> bool {
        match placed_by {
            PlacedBy::Strategy(strategy) => {
                strategy.used().any(|provider| market(snapshot, self.ledger, provider) != Some(Market::OnDemand))
            }
            PlacedBy::LaunchType(_) => false,
        }
    }

    /// CPU of so many of its tasks; none where the size of one is not known.
    pub(super) fn cpu_of(&self, tasks: u32) -> CpuUnits {
        self.task_cpu.unwrap_or_default().times(u64::from(tasks))
    }

    /// Its Spot tasks: running or to be placed, whichever are more.
    pub(super) fn spot_tasks(&self) -> u32 {
        self.expected_spot.max(self.running_spot.unwrap_or(0))
    }

    /// The write by which a switch brought it down, while that is in place.
    pub(super) fn down_by_switch(&self) -> Option<&'a LastWrite> {
        let last = self.ledger?.last_write.as_ref()?;
        (last.by_switch && last.after.equivalent(&self.service.placed_by)).then_some(last)
    }

    /// Whether the API takes no strategy for it.
    pub(super) fn hands_off(&self) -> bool {
        !self.service.takes_no_strategy().is_empty()
    }
}

/// What a service may have on Spot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit {
    /// Tasks that stay On-Demand.
    floor: u32,
    /// The part of its tasks that policy and tag allow on Spot.
    percent: Percent,
    /// What one capacity pool may hold of it.
    pub(super) radius: Radius,
    /// The desired counts that it may have.
    range: ScalingRange,
}

impl Limit {
    /// The most Spot tasks that it may have at a desired count, if they are spread evenly.
    pub(super) fn cap_at(&self, desired: u32) -> u32 {
        let part = u32::try_from(self.percent.floor_of(u64::from(desired))).unwrap_or(u32::MAX);
        part.min(desired.saturating_sub(self.floor)).min(self.radius.evenly(desired))
    }

    /// The most that it may climb to, spread as they are; `None` where that is not known.
    pub(super) fn climb_at(&self, desired: u32) -> Option<u32> {
        Some(self.cap_at(desired).min(self.radius.as_spread(desired)?))
    }

    /// The promise that its strategy is to keep, for a share.
    pub(super) const fn promise(&self, share: Dealt) -> super::Promise {
        super::Promise { floor: self.floor, share, range: self.range }
    }
}

/// Whether policy and tags put a service under Spotkeeper's care.
fn enrolled(policy: &Policy, tags: &TagSettings) -> bool {
    match (tags.enabled, policy.enrolment) {
        (Some(said), _) => said,
        (None, EnrolmentRule::OptOut) => true,
        (None, EnrolmentRule::OptIn) => false,
    }
}

/// Where every service that is not gone stands, in the snapshot's order.
pub(super) fn positions<'a>(input: &PlanInput<'a>) -> Vec<Position<'a>> {
    let budget = input.policy.budget_of(&input.snapshot.cluster.name);
    input
        .snapshot
        .services
        .iter()
        .enumerate()
        .filter(|(_, service)| service.status == ServiceStatus::Active)
        .map(|(index, service)| position(input, budget, service, input.assessments.get(index)))
        .collect()
}

fn position<'a>(
    input: &PlanInput<'a>,
    budget: &Budget,
    service: &'a Service,
    assessment: Option<&'a Assessment>,
) -> Position<'a> {
    let ledger = input.memory.ledgers.get(&service.id.arn);
    let market = |provider: &ProviderName| market(input.snapshot, ledger, provider);
    let in_strategy: Vec<&ProviderName> = service.strategy().into_iter().flat_map(Strategy::used).collect();
    let in_place = |pair: &Pair| in_strategy.contains(&&pair.spot);
    let pair = assessment
        .and_then(|assessment| assessment.pair.clone())
        .or_else(|| ledger.map(|ledger| ledger.pair.clone()).filter(in_place))
        .or_else(|| pair_in_use(input, &in_strategy));
    let expected_spot = service.strategy().map_or(0, |strategy| {
        let on_spot = in_strategy.iter().filter(|provider| market(provider) == Some(Market::Spot));
        on_spot.map(|provider| strategy.bounds(provider, service.desired).most).sum::<u32>().min(service.desired)
    });
    // By provider: there are few, and each is looked up once.
    let running: Option<BTreeMap<&ProviderName, u32>> = service.tasks.known().map(|tasks| running(tasks));
    let running_spot = running.as_ref().map(|running| {
        let on_spot = running.iter().filter(|(provider, _)| market(provider) == Some(Market::Spot));
        on_spot.map(|(_, tasks)| *tasks).sum()
    });
    let used = || in_strategy.iter().chain(running.iter().flat_map(BTreeMap::keys));
    let mut spot_providers: Vec<&ProviderName> =
        used().copied().filter(|provider| buys_spot(input.snapshot, provider, market(provider))).collect();
    spot_providers.sort();
    spot_providers.dedup();
    let tags = service.tag_settings();
    let move_open = ledger.is_some_and(|ledger| ledger.open.is_some());
    let shortage = pair.as_ref().filter(|_| !move_open && input.snapshot.depth == Depth::Full);
    let shortage = shortage.and_then(|pair| drought::shortage(input, service, ledger, pair));
    let position = Position {
        service,
        assessment,
        ledger,
        pair: pair.clone(),
        task_cpu: assess::task_cpu(service),
        expected_spot,
        spot_providers,
        unread: used().any(|provider| market(provider).is_none()),
        running_spot,
        limit: pair.as_ref().and_then(|pair| limit(input.snapshot, budget, service, assessment, &tags, pair)),
        enrolled: enrolled(input.policy, &tags),
        move_open,
        taken_back: None,
        shortage,
    };
    Position { taken_back: reverts::taken_back(input.snapshot, &position), ..position }
}

/// How many tasks run on each provider.
fn running(tasks: &[Task]) -> BTreeMap<&ProviderName, u32> {
    let mut running = BTreeMap::new();
    for provider in tasks.iter().filter(|task| task.running).filter_map(|task| task.provider.as_ref()) {
        *running.entry(provider).or_default() += 1;
    }
    running
}

fn limit(
    snapshot: &Snapshot,
    budget: &Budget,
    service: &Service,
    assessment: Option<&Assessment>,
    tags: &TagSettings,
    pair: &Pair,
) -> Option<Limit> {
    let pools = assess::pools(snapshot, pair, service)?;
    let spread = assessment.and_then(|judged| judged.spread.as_ref());
    Some(Limit {
        floor: tags.floor.unwrap_or(0).max(budget.floor),
        percent: tags.max_percent.map_or(budget.service_percent, |tag| tag.min(budget.service_percent)),
        radius: Radius::new(budget.blast_radius_percent, pools, spread),
        range: range(service)?,
    })
}

/// The most Spot tasks that policy and tags allow a service at its desired count, if they are spread evenly;
/// `None` where it has no pair, or what it takes to say so was not read.
#[must_use]
pub fn most_on_spot(policy: &Policy, snapshot: &Snapshot, service: &Service, assessment: &Assessment) -> Option<u32> {
    let budget = policy.budget_of(&snapshot.cluster.name);
    let pair = assessment.pair.as_ref()?;
    let limit = limit(snapshot, budget, service, Some(assessment), &service.tag_settings(), pair)?;
    Some(limit.cap_at(service.desired))
}

/// The desired counts at which a strategy must keep its promise: the scalable target's, else the
/// present one; the present one is always among them. `None` where the scaling was not read.
fn range(service: &Service) -> Option<ScalingRange> {
    let desired = service.desired;
    let scaling = service.scaling.known()?.unwrap_or(ScalingRange { min: desired, max: desired });
    Some(ScalingRange { min: scaling.min.min(desired), max: scaling.max.max(desired) })
}

/// What a provider buys, where that is known: as AWS reserves the name, as it was read, or as the
/// ledger has it, which Spotkeeper moved the service onto as Spot.
fn market(snapshot: &Snapshot, ledger: Option<&Ledger>, name: &ProviderName) -> Option<Market> {
    match name.as_str() {
        "FARGATE" => Some(Market::OnDemand),
        "FARGATE_SPOT" => Some(Market::Spot),
        _ => known_provider(snapshot, name)
            .and_then(Provider::market)
            .or_else(|| ledger.filter(|ledger| ledger.pair.spot == *name).map(|_| Market::Spot)),
    }
}

/// Whether some of what a provider buys is Spot. A group may buy both; what Managed Instances buy
/// that is neither is reserved.
fn buys_spot(snapshot: &Snapshot, name: &ProviderName, market: Option<Market>) -> bool {
    let is_group = || known_provider(snapshot, name).is_some_and(|one| one.kind.family() == Family::AutoScalingGroup);
    match market {
        Some(Market::Spot) => true,
        Some(Market::Mixed) => is_group(),
        Some(Market::OnDemand) | None => false,
    }
}

fn known_provider<'a>(snapshot: &'a Snapshot, name: &ProviderName) -> Option<&'a Provider> {
    snapshot.providers.get(name).and_then(|provider| provider.known())
}

/// The pair that a strategy on Spot already uses: its Spot provider, and its one On-Demand
/// provider, or the only one of the family in the cluster. A switch run finds the way back by
/// this alone, without task definitions.
fn pair_in_use(input: &PlanInput<'_>, in_strategy: &[&ProviderName]) -> Option<Pair> {
    let is_spot = |name: &&&ProviderName| market(input.snapshot, None, name) == Some(Market::Spot);
    let spot = (**in_strategy.iter().find(is_spot)?).clone();
    if let Some(pair) = assess::fargate_pair().filter(|pair| pair.spot == spot) {
        return Some(pair);
    }
    if let Some(named) = input.policy.pairs.iter().find(|pair| pair.spot == spot) {
        return Some(Pair { on_demand: named.on_demand.clone(), spot });
    }
    let on_demand_of = |names: Vec<&ProviderName>| -> Option<ProviderName> {
        let mut fitting = names.into_iter().filter(|name| {
            let provider = known_provider(input.snapshot, name);
            provider.and_then(Provider::market) == Some(Market::OnDemand)
                && same_family(known_provider(input.snapshot, &spot), provider)
        });
        let first = fitting.next()?;
        fitting.next().is_none().then(|| first.clone())
    };
    let on_demand = on_demand_of(in_strategy.to_vec())
        .or_else(|| on_demand_of(input.snapshot.cluster.capacity_providers.iter().collect()))?;
    Some(Pair { on_demand, spot })
}

fn same_family(one: Option<&Provider>, other: Option<&Provider>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => one.kind.family() == other.kind.family(),
        _ => false,
    }
}

/// The ledgers that this look changes: services on Spot that are seen for the first time are
/// adopted, and the times since which a service is unsafe, skewed, crowded or short are kept; writes that
/// somebody took back are counted. A brief look shows only the last.
pub(super) fn changed_ledgers(input: &PlanInput<'_>, positions: &[Position<'_>]) -> Vec<Ledger> {
    if input.run.is_dry() {
        return Vec::new();
    }
    positions
        .iter()
        .filter(|position| position.enrolled && !position.move_open)
        .filter_map(|position| {
            let full = input.snapshot.depth == Depth::Full;
            let remembered = position.ledger.cloned().or_else(|| full.then(|| adopted(position)).flatten())?;
            let mut ledger = remembered.clone();
            let taken_back = position.taken_back.clone();
            reverts::follow(&input.policy.verify, position.service, &mut ledger, taken_back, input.now);
            if !full {
                return (position.ledger != Some(&ledger)).then_some(ledger);
            }
            let failing = match (position.on_spot(), position.assessment) {
                (OnSpot::Yes, Some(assessment)) => assess::failing_safety(assessment),
                _ => Vec::new(),
            };
            ledger.unsafe_since = match failing.is_empty() {
                true => None,
                false => Some(UnsafeSince {
                    at: remembered.unsafe_since.as_ref().map_or(input.now, |since| since.at),
                    rules: failing,
                }),
            };
            ledger.skewed_since = match split(position) {
                Split::Kept => None,
                Split::Broken(_) => remembered.skewed_since.or(Some(input.now)),
                Split::Unread => remembered.skewed_since,
            };
            ledger.crowded_since = radius::crowded_since(input, position, remembered.crowded_since);
            ledger.short_since = drought::short_since(position, remembered.short_since, input.now);
            (position.ledger != Some(&ledger)).then_some(ledger)
        })
        .collect()
}

fn adopted(position: &Position<'_>) -> Option<Ledger> {
    let uses = |pair: &Pair| position.service.strategy().is_some_and(|strategy| strategy.uses(&pair.spot));
    let pair = position.pair.clone().filter(uses)?;
    Some(Ledger::new(position.service.id.clone(), position.service.placed_by.clone(), pair))
}

/// Whether the running tasks of a service keep floor and share.
#[derive(Debug, Clone, Copy)]
enum Split {
    /// They do, or the service is not at rest with all its tasks running.
    Kept,
    /// They do not.
    Broken(Skew),
    /// What it takes to say so could not be read.
    Unread,
}

/// How the running tasks of a service break floor or share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Skew {
    /// Spot tasks that run.
    pub(super) spot_tasks: u32,
    /// The least and the most that the strategy in place puts on Spot.
    pub(super) bounds: Bounds,
}

fn split(position: &Position<'_>) -> Split {
    let service = position.service;
    let (Some(strategy), Some(pair)) = (service.strategy(), position.pair.as_ref()) else {
        return Split::Kept;
    };
    let (Some(limit), Some(spot_tasks)) = (position.limit, position.running_spot) else {
        return Split::Unread;
    };
    if service.deploying() || service.running != service.desired || service.pending > 0 {
        return Split::Kept;
    }
    let bounds = strategy.bounds(&pair.spot, service.desired);
    let floor_broken = service.desired.saturating_sub(spot_tasks) < limit.floor.min(service.desired);
    let share_broken = spot_tasks > bounds.most && spot_tasks > limit.cap_at(service.desired);
    // A strategy that places no Spot at this count, and does at others, may have left tasks there.
    match (floor_broken || share_broken) && strategy.uses(&pair.spot) {
        true => Split::Broken(Skew { spot_tasks, bounds }),
        false => Split::Kept,
    }
}

/// Whether the running tasks of a service have broken floor or share for as long as a move that
/// repairs it may take: somebody must look.
pub(super) fn skewed_too_long(input: &PlanInput<'_>, position: &Position<'_>) -> bool {
    let Some(since) = position.ledger.and_then(|ledger| ledger.skewed_since) else {
        return false;
    };
    let deadline = crate::verify::deadline(&input.policy.verify, position.service).duration();
    let due = since.checked_add(deadline).is_ok_and(|due| due <= input.now);
    due && position.enrolled && !position.move_open && skew(position).is_some()
}

/// How the running tasks of a service break floor or share, if they are known to. Only a service
/// at rest, with all its tasks running, can be skewed.
pub(super) fn skew(position: &Position<'_>) -> Option<Skew> {
    match split(position) {
        Split::Broken(skew) => Some(skew),
        Split::Kept | Split::Unread => None,
    }
}
