//! Sums over all services that were looked at.

use std::collections::BTreeMap;

use super::{ChangeKind, Money, Outlook, ServiceOutlook, Standing};
use crate::assess::Rule;
use crate::units::CpuUnits;

/// Sums over all services that were looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// All services.
    pub services: u32,
    /// How many stand where.
    pub standings: BTreeMap<Standing, u32>,
    /// By rule that blocks, in the order of [`Rule::ALL`]; those that block nothing are left out.
    pub rules: Vec<ByRule>,
    /// By change that a service is away from Spot, most services first.
    pub changes: Vec<ByChange>,
    /// What the services save in an hour if the ceilings are reached, as far as prices are known.
    pub saving: Money,
    /// Services of those of which a price is not known.
    pub unpriced: u32,
}

/// The services that a rule blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByRule {
    /// The rule.
    pub rule: Rule,
    /// Services that it blocks.
    pub services: u32,
    /// Of these, services that are one change away from Spot, which mends this rule.
    pub one_change: u32,
}

/// The services that are one and the same change away from Spot, beside their tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByChange {
    /// The change.
    pub kind: ChangeKind,
    /// The rules that it mends in one of them or another.
    pub rules: Vec<Rule>,
    /// How many services.
    pub services: u32,
    /// CPU that they could then have on Spot by policy and tags, before any ceiling.
    pub cpu: CpuUnits,
    /// What that would save in an hour, as far as prices are known.
    pub saving: Money,
    /// Services of them of which the saving is not known.
    pub unpriced: u32,
}

impl Totals {
    /// Sums the services of all clusters up.
    #[must_use]
    pub fn of(outlooks: &[Outlook]) -> Totals {
        let mut totals = Totals::default();
        let services = || outlooks.iter().flat_map(|outlook| &outlook.services);
        for one in services() {
            totals.services += 1;
            *totals.standings.entry(one.standing).or_default() += 1;
        }
        totals.rules = Rule::ALL.into_iter().filter_map(|rule| by_rule(rule, services())).collect();
        totals.changes = ChangeKind::ALL.into_iter().filter_map(|kind| by_change(kind, services())).collect();
        totals.changes.sort_by_key(|change| std::cmp::Reverse(change.services));
        totals.saving = outlooks.iter().map(|outlook| outlook.reach.saving).sum();
        totals.unpriced = outlooks.iter().map(|outlook| outlook.reach.unpriced).sum();
        totals
    }
}

/// The change that a service is away from Spot, where it is one.
fn only_change(one: &ServiceOutlook) -> Option<&super::Change> {
    one.nearest().filter(|_| one.standing == Standing::OneChange)
}

fn by_rule<'a>(rule: Rule, services: impl Iterator<Item = &'a ServiceOutlook>) -> Option<ByRule> {
    let mut total = ByRule { rule, services: 0, one_change: 0 };
    for one in services.filter(|one| one.blocked_by.contains(&rule)) {
        total.services += 1;
        total.one_change += u32::from(only_change(one).is_some_and(|change| change.rules.contains(&rule)));
    }
    (total.services > 0).then_some(total)
}

fn by_change<'a>(kind: ChangeKind, services: impl Iterator<Item = &'a ServiceOutlook>) -> Option<ByChange> {
    let mut total =
        ByChange { kind, rules: Vec::new(), services: 0, cpu: CpuUnits(0), saving: Money::ZERO, unpriced: 0 };
    for one in services {
        let Some(change) = only_change(one).filter(|change| change.kind == kind) else { continue };
        total.services += 1;
        total.cpu = [total.cpu, one.could().unwrap_or_default()].into_iter().sum();
        match one.at_stake() {
            Some(saving) => total.saving = total.saving + saving,
            None => total.unpriced += 1,
        }
        total.rules.extend(&change.rules);
    }
    total.rules.sort_unstable();
    total.rules.dedup();
    (total.services > 0).then_some(total)
}
