//! Finding the capacity pair of a service: the On-Demand and the Spot provider that fit it.

use std::collections::BTreeSet;

use super::{Finding, Misfit, Rejection};
use crate::ids::ProviderName;
use crate::observe::{
    Architecture, Family, Gap, GapCause, Group, LaunchType, Market, PlacedBy, Provider, ProviderKind, Reading, Service,
    Snapshot,
};
use crate::plan::Pair;
use crate::policy::Policy;

/// The names that AWS reserves for Fargate. Source: `CreateCapacityProvider`, ECS API reference.
const FARGATE: &str = "FARGATE";
const FARGATE_SPOT: &str = "FARGATE_SPOT";

/// Finds the pair of a service, starting from the provider it uses.
///
/// A pair is one On-Demand and one Spot provider of one family, associated with the cluster, with
/// the same zones, compatible subnets and the same architectures (groups), or with the same
/// instance requirements and subnets (Managed Instances); a pair that the policy names wins over
/// the search. `launchType: FARGATE` counts as 100 % `FARGATE`; `EC2` and `MANAGED_INSTANCES` have
/// a pair where exactly one fits.
///
/// It says which providers, not whether a move up is possible: the `capacity` rule asks that. It
/// needs no task definition, so a switch run can find the way back by it.
///
/// # Errors
/// Every reason why there is no pair, or no single one.
pub fn find_pair(policy: &Policy, snapshot: &Snapshot, service: &Service) -> Result<Pair, Vec<Finding>> {
    match &service.placed_by {
        PlacedBy::Strategy(strategy) => {
            let used: Vec<&ProviderName> = strategy.used().collect();
            of_used(policy, snapshot, &used)
        }
        PlacedBy::LaunchType(LaunchType::Fargate) => fargate_pair().ok_or_else(|| vec![Finding::EmptyStrategy]),
        PlacedBy::LaunchType(LaunchType::Ec2) => of_family(policy, snapshot, Family::AutoScalingGroup),
        PlacedBy::LaunchType(LaunchType::ManagedInstances) => of_family(policy, snapshot, Family::ManagedInstances),
        PlacedBy::LaunchType(LaunchType::External) => Err(vec![Finding::NotJudged { needs: super::Rule::Controller }]),
    }
}

/// The pair of a service whose strategy uses these providers.
fn of_used(policy: &Policy, snapshot: &Snapshot, used: &[&ProviderName]) -> Result<Pair, Vec<Finding>> {
    let (mut on_demand, mut spot, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    for &name in used {
        match market(snapshot, name) {
            Ok(Market::OnDemand) => on_demand.push(name),
            Ok(Market::Spot) => spot.push(name),
            Ok(Market::Mixed) => findings.push(Finding::MixedMarket { provider: name.clone() }),
            Err(gap) => findings.push(Finding::Gap { gap }),
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    match (on_demand.as_slice(), spot.as_slice()) {
        ([], []) => Err(vec![Finding::EmptyStrategy]),
        ([on_demand], [spot]) => Ok(Pair { on_demand: (*on_demand).clone(), spot: (*spot).clone() }),
        ([on_demand], []) => partner(policy, snapshot, on_demand, Market::Spot),
        ([], [spot]) => partner(policy, snapshot, spot, Market::OnDemand),
        _ => Err(vec![Finding::ThirdProvider { providers: used.iter().copied().cloned().collect() }]),
    }
}

/// The pair of the one provider that a service uses.
fn partner(policy: &Policy, snapshot: &Snapshot, anchor: &ProviderName, wanted: Market) -> Result<Pair, Vec<Finding>> {
    if is_fargate(anchor) {
        return fargate_pair().ok_or_else(|| vec![Finding::EmptyStrategy]);
    }
    let named: Vec<Pair> = named_pairs(policy)
        .filter(|pair| *anchor == if wanted == Market::Spot { pair.on_demand.clone() } else { pair.spot.clone() })
        .collect();
    if !named.is_empty() {
        return single(named, Vec::new);
    }
    let anchor_provider = provider(snapshot, anchor).map_err(|gap| vec![Finding::Gap { gap }])?;
    let (mut fitting, mut rejected) = (Vec::new(), Vec::new());
    for name in snapshot.cluster.capacity_providers.iter().filter(|name| !is_fargate(name)) {
        let Ok(candidate) = provider(snapshot, name) else {
            rejected.push(Rejection { provider: name.clone(), misfit: Misfit::Unread });
            continue;
        };
        let (on_demand, spot) = match wanted {
            Market::OnDemand => (candidate, anchor_provider),
            Market::Spot | Market::Mixed => (anchor_provider, candidate),
        };
        match misfit(on_demand, spot) {
            None => fitting.push(candidate),
            // The anchor and what buys the same, and the other families, were never candidates.
            Some(Misfit::Families(..)) => {}
            Some(Misfit::Markets(one, other)) if one == other => {}
            Some(misfit) => rejected.push(Rejection { provider: name.clone(), misfit }),
        }
    }
    // A provider that is being deleted is no rival of one that is active.
    if fitting.iter().any(|candidate| candidate.active) {
        fitting.retain(|candidate| candidate.active);
    }
    let pairs = fitting
        .into_iter()
        .map(|candidate| match wanted {
            Market::OnDemand => Pair { on_demand: candidate.name.clone(), spot: anchor.clone() },
            Market::Spot | Market::Mixed => Pair { on_demand: anchor.clone(), spot: candidate.name.clone() },
        })
        .collect();
    single(pairs, || vec![Finding::NoPartner { provider: anchor.clone(), wanted, rejected }])
}

/// The only pair of a family in the cluster.
fn of_family(policy: &Policy, snapshot: &Snapshot, family: Family) -> Result<Pair, Vec<Finding>> {
    let known = |name: &ProviderName| {
        provider(snapshot, name).ok().filter(|provider| provider.kind.family() == family && provider.active)
    };
    let named: Vec<Pair> =
        named_pairs(policy).filter(|pair| known(&pair.on_demand).is_some() && known(&pair.spot).is_some()).collect();
    if !named.is_empty() {
        return single(named, Vec::new);
    }
    let candidates: Vec<&Provider> = snapshot.cluster.capacity_providers.iter().filter_map(known).collect();
    let mut pairs = Vec::new();
    for on_demand in &candidates {
        for spot in &candidates {
            if on_demand.name != spot.name && misfit(on_demand, spot).is_none() {
                pairs.push(Pair { on_demand: on_demand.name.clone(), spot: spot.name.clone() });
            }
        }
    }
    single(pairs, || vec![Finding::NoPair { family }])
}

fn single(mut pairs: Vec<Pair>, none: impl FnOnce() -> Vec<Finding>) -> Result<Pair, Vec<Finding>> {
    pairs.sort();
    pairs.dedup();
    match pairs.len() {
        0 => Err(none()),
        1 => Ok(pairs.swap_remove(0)),
        _ => Err(vec![Finding::SeveralPairs { candidates: pairs }]),
    }
}

fn named_pairs(policy: &Policy) -> impl Iterator<Item = Pair> + '_ {
    policy.pairs.iter().map(|named| Pair { on_demand: named.on_demand.clone(), spot: named.spot.clone() })
}

/// Why an On-Demand and a Spot provider are no pair; `None` where they are one. What was not read
/// of their instance types does not count here: `placement` and `return_path` block for it.
pub(super) fn misfit(on_demand: &Provider, spot: &Provider) -> Option<Misfit> {
    let families = (on_demand.kind.family(), spot.kind.family());
    if families.0 != families.1 {
        return Some(Misfit::Families(families.0, families.1));
    }
    match (on_demand.market(), spot.market()) {
        (Some(Market::OnDemand), Some(Market::Spot)) => {}
        (Some(one), Some(other)) => return Some(Misfit::Markets(one, other)),
        (None, _) | (_, None) => return Some(Misfit::Unread),
    }
    match (&on_demand.kind, &spot.kind) {
        (ProviderKind::AutoScalingGroup(one), ProviderKind::AutoScalingGroup(other)) => {
            match (one.group.known(), other.group.known()) {
                (Some(one), Some(other)) => groups_misfit(one, other),
                (None, _) | (_, None) => Some(Misfit::Unread),
            }
        }
        (ProviderKind::ManagedInstances(one), ProviderKind::ManagedInstances(other)) => {
            if one.requirements_digest != other.requirements_digest {
                Some(Misfit::Requirements)
            } else if set(&one.subnets) != set(&other.subnets) {
                Some(Misfit::Subnets)
            } else {
                None
            }
        }
        _ => None,
    }
}

fn groups_misfit(on_demand: &Group, spot: &Group) -> Option<Misfit> {
    if set(&on_demand.zones) != set(&spot.zones) {
        return Some(Misfit::Zones { on_demand: on_demand.zones.clone(), spot: spot.zones.clone() });
    }
    let (one, other) = (set(&on_demand.subnets), set(&spot.subnets));
    if !one.is_subset(&other) && !other.is_subset(&one) {
        return Some(Misfit::Subnets);
    }
    let architectures = |group: &Group| -> Option<BTreeSet<Architecture>> {
        Some(group.instance_types.known()?.iter().map(|one| one.architecture).collect())
    };
    match (architectures(on_demand), architectures(spot)) {
        (Some(one), Some(other)) if one != other => Some(Misfit::Architectures),
        _ => None,
    }
}

fn set(items: &[String]) -> BTreeSet<&str> {
    items.iter().map(String::as_str).collect()
}

/// A provider as it was read.
pub(super) fn provider<'a>(snapshot: &'a Snapshot, name: &ProviderName) -> Result<&'a Provider, Gap> {
    match snapshot.providers.get(name) {
        Some(Reading::Known(provider)) => Ok(provider),
        Some(Reading::Missing(gap)) => Err(gap.clone()),
        None => Err(not_read(name.as_str(), "ecs:DescribeCapacityProviders")),
    }
}

/// The group behind a provider, where it is a group.
pub(super) fn group<'a>(snapshot: &'a Snapshot, name: &ProviderName) -> Result<Option<&'a Group>, Gap> {
    match &provider(snapshot, name)?.kind {
        ProviderKind::AutoScalingGroup(provider) => provider.group.get().map(Some).map_err(Gap::clone),
        ProviderKind::Fargate | ProviderKind::FargateSpot | ProviderKind::ManagedInstances(_) => Ok(None),
    }
}

/// What a provider buys; the reserved names need no reading.
fn market(snapshot: &Snapshot, name: &ProviderName) -> Result<Market, Gap> {
    match name.as_str() {
        FARGATE => return Ok(Market::OnDemand),
        FARGATE_SPOT => return Ok(Market::Spot),
        _ => {}
    }
    let provider = provider(snapshot, name)?;
    if let ProviderKind::AutoScalingGroup(provider) = &provider.kind {
        return provider.group.get().map(|group| group.market).map_err(Gap::clone);
    }
    provider.market().ok_or_else(|| not_read(name.as_str(), "autoscaling:DescribeAutoScalingGroups"))
}

/// The family that a service runs on now.
pub(super) fn family_of(snapshot: &Snapshot, service: &Service) -> Result<Family, Gap> {
    let strategy = match &service.placed_by {
        PlacedBy::LaunchType(LaunchType::Fargate) => return Ok(Family::Fargate),
        PlacedBy::LaunchType(LaunchType::ManagedInstances) => return Ok(Family::ManagedInstances),
        // ECS Anywhere runs the same agent as container instances do.
        PlacedBy::LaunchType(LaunchType::Ec2 | LaunchType::External) => {
            return Ok(Family::AutoScalingGroup);
        }
        PlacedBy::Strategy(strategy) => strategy,
    };
    let Some(used) = strategy.used().next() else {
        return Err(Gap {
            subject: format!("the strategy of {}", service.id),
            action: "ecs:DescribeServices".to_owned(),
            cause: GapCause::NotUnderstood,
            detail: "no provider has a base or a weight".to_owned(),
        });
    };
    if is_fargate(used) {
        return Ok(Family::Fargate);
    }
    provider(snapshot, used).map(|provider| provider.kind.family())
}

/// Whether a name is one of the two that AWS reserves.
pub(super) fn is_fargate(name: &ProviderName) -> bool {
    matches!(name.as_str(), FARGATE | FARGATE_SPOT)
}

/// The pair of the two names that AWS reserves.
pub(crate) fn fargate_pair() -> Option<Pair> {
    let name = |text| ProviderName::parse(text).ok();
    Some(Pair { on_demand: name(FARGATE)?, spot: name(FARGATE_SPOT)? })
}

pub(super) fn not_read(subject: &str, action: &str) -> Gap {
    Gap { subject: subject.to_owned(), action: action.to_owned(), cause: GapCause::NotRead, detail: String::new() }
}
