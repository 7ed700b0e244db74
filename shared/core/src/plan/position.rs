//! Where each service stands: its pair, its Spot tasks, what it may have.

use super::{Pair, PlanInput};
use crate::assess::{self, Assessment};
use crate::ids::ProviderName;
use crate::observe::{Depth, Market, PlacedBy, Provider, ScalingRange, Service, ServiceStatus, Snapshot};
use crate::policy::{Budget, EnrolmentRule, Policy};
use crate::record::{Dealt, Ledger, UnsafeSince};
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
    /// Its running Spot tasks, where its tasks were read.
    pub(super) running_spot: Option<u32>,
    /// Tasks that stay On-Demand.
    pub(super) floor: u32,
    /// The most Spot tasks that policy, tag, floor and blast radius allow it now.
    pub(super) cap: u32,
    /// The desired counts that it may have.
    pub(super) range: ScalingRange,
    /// Whether Spotkeeper may touch it at all: enrolled, not opted out.
    pub(super) enrolled: bool,
    /// Whether the ledger has a move of it that is not finished.
    pub(super) move_open: bool,
}

impl Position<'_> {
    /// Whether any of its tasks are, or are to be, on Spot.
    pub(super) fn on_spot(&self) -> bool {
        self.expected_spot > 0 || self.running_spot.is_some_and(|tasks| tasks > 0)
    }

    /// Its Spot tasks: running or to be placed, whichever are more.
    pub(super) fn spot_tasks(&self) -> u32 {
        self.expected_spot.max(self.running_spot.unwrap_or(0))
    }

    /// Whether the API takes no strategy for it.
    pub(super) fn hands_off(&self) -> bool {
        self.assessment.is_some_and(assess::hands_off)
    }

    /// The promise that its strategy is to keep, for a share.
    pub(super) const fn promise(&self, share: Dealt) -> super::Promise {
        super::Promise { floor: self.floor, share, range: self.range }
    }
}

/// Whether policy and tags put a service under Spotkeeper's care.
#[must_use]
pub fn enrolled(policy: &Policy, service: &Service) -> bool {
    match (service.tag_settings().enabled, policy.enrolment) {
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
    let spot_providers = spot_providers(input.snapshot, service);
    let pair = assessment
        .and_then(|assessment| assessment.pair.clone())
        .or_else(|| ledger.map(|ledger| ledger.pair.clone()))
        .or_else(|| pair_in_use(input, service));
    let expected_spot = service.strategy().map_or(0, |strategy| {
        spot_providers
            .iter()
            .map(|provider| strategy.bounds(provider, service.desired).most)
            .sum::<u32>()
            .min(service.desired)
    });
    let running_spot = service.tasks.known().map(|tasks| {
        let on_spot = tasks.iter().filter(|task| {
            task.running && task.provider.as_ref().is_some_and(|provider| is_spot(input.snapshot, provider))
        });
        u32::try_from(on_spot.count()).unwrap_or(u32::MAX)
    });
    let tags = service.tag_settings();
    let floor = tags.floor.unwrap_or(0).max(budget.floor);
    let percent = tags.max_percent.map_or(budget.service_percent, |tag| tag.min(budget.service_percent));
    let pools = match (input.snapshot.depth, &pair) {
        (Depth::Full, Some(pair)) => assess::pools(input.snapshot, pair, service),
        (Depth::Switch, _) | (_, None) => 0,
    };
    let in_pools = Percent::saturating(u64::from(budget.blast_radius_percent.get()) * u64::from(pools));
    let whole = |percent: Percent| u32::try_from(percent.floor_of(u64::from(service.desired))).unwrap_or(u32::MAX);
    Position {
        service,
        assessment,
        ledger,
        pair,
        task_cpu: assess::task_cpu(service),
        expected_spot,
        running_spot,
        floor,
        cap: whole(percent).min(whole(in_pools)).min(service.desired.saturating_sub(floor)),
        range: range(service),
        enrolled: enrolled(input.policy, service),
        move_open: ledger.is_some_and(|ledger| ledger.open.is_some()),
    }
}

/// The desired counts at which a strategy must keep its promise: the scalable target's, else the
/// present one; the present one is always among them.
fn range(service: &Service) -> ScalingRange {
    let scaling = service.scaling.known().copied().flatten();
    let (min, max) = scaling.map_or((service.desired, service.desired), |range| (range.min, range.max));
    ScalingRange { min: min.min(service.desired), max: max.max(service.desired) }
}

/// The Spot providers that a service's strategy names.
fn spot_providers<'a>(snapshot: &Snapshot, service: &'a Service) -> Vec<&'a ProviderName> {
    let Some(strategy) = service.strategy() else {
        return Vec::new();
    };
    strategy.items.iter().map(|item| &item.provider).filter(|provider| is_spot(snapshot, provider)).collect()
}

fn is_spot(snapshot: &Snapshot, name: &ProviderName) -> bool {
    name.as_str() == "FARGATE_SPOT" || known_provider(snapshot, name).and_then(Provider::market) == Some(Market::Spot)
}

fn known_provider<'a>(snapshot: &'a Snapshot, name: &ProviderName) -> Option<&'a Provider> {
    snapshot.providers.get(name).and_then(|provider| provider.known())
}

/// The pair that a strategy on Spot already uses: its Spot provider, and its one On-Demand
/// provider, or the only one of the family in the cluster. A switch run finds the way back by
/// this alone, without task definitions.
fn pair_in_use(input: &PlanInput<'_>, service: &Service) -> Option<Pair> {
    let spot = (*spot_providers(input.snapshot, service).first()?).clone();
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
    let in_strategy = service.strategy().map(|strategy| strategy.items.iter().map(|item| &item.provider).collect());
    let on_demand = in_strategy
        .and_then(on_demand_of)
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
/// adopted, and the times since which a service is unsafe or skewed are kept.
pub(super) fn changed_ledgers(input: &PlanInput<'_>, positions: &[Position<'_>]) -> Vec<Ledger> {
    if input.snapshot.depth != Depth::Full || input.run.is_dry() {
        return Vec::new();
    }
    positions
        .iter()
        .filter(|position| position.enrolled && !position.move_open)
        .filter_map(|position| {
            let remembered = position.ledger.cloned().or_else(|| adopted(input, position))?;
            let mut ledger = remembered.clone();
            let failing = match (position.on_spot(), position.assessment) {
                (true, Some(assessment)) => assess::failing_safety(assessment),
                _ => Vec::new(),
            };
            ledger.unsafe_since = match failing.is_empty() {
                true => None,
                false => Some(UnsafeSince {
                    at: remembered.unsafe_since.as_ref().map_or(input.now, |since| since.at),
                    rules: failing,
                }),
            };
            ledger.skewed_since = skew(position).map(|_| remembered.skewed_since.unwrap_or(input.now));
            (position.ledger != Some(&ledger)).then_some(ledger)
        })
        .collect()
}

fn adopted(input: &PlanInput<'_>, position: &Position<'_>) -> Option<Ledger> {
    let pair = position.pair.clone().filter(|_| position.expected_spot > 0)?;
    Some(Ledger {
        service: position.service.id.clone(),
        original: position.service.placed_by.clone(),
        recorded_at: input.now,
        adopted: true,
        pair,
        last_write: None,
        open: None,
        last_up_at: None,
        failures: 0,
        reverts: 0,
        quarantined_until: None,
        quarantine_reason: String::new(),
        unsafe_since: None,
        skewed_since: None,
        fence: 0,
    })
}

/// How the running tasks break what the strategy in place promises: `(running Spot, least, most)`.
/// Only a service at rest, with all its tasks running, can be skewed.
pub(super) fn skew(position: &Position<'_>) -> Option<(u32, u32, u32)> {
    let service = position.service;
    let (pair, running_spot) = (position.pair.as_ref()?, position.running_spot?);
    let strategy = match &service.placed_by {
        PlacedBy::Strategy(strategy) => strategy,
        PlacedBy::LaunchType(_) => return None,
    };
    if service.deploying() || service.running != service.desired || service.pending > 0 {
        return None;
    }
    let bounds = strategy.bounds(&pair.spot, service.desired);
    let floor_broken = service.desired.saturating_sub(running_spot) < position.floor.min(service.desired);
    let share_broken = running_spot > bounds.most && running_spot > position.cap;
    let on_demand_only = bounds.most == 0;
    ((floor_broken || share_broken) && !on_demand_only).then_some((running_spot, bounds.least, bounds.most))
}
