//! What a look at a cluster promises its owners: which services could be on Spot, what stands against the
//! others, which single change would mend it, what the ceiling could reach and what that would save.
//!
//! It decides nothing that is written: rules and plan do. It is for people who decide what to mend.

mod change;
mod money;
mod prices;
mod saving;
#[cfg(test)]
mod tests;
mod totals;

pub use change::{Change, ChangeKind, Nature, changes};
pub use money::{Currency, Money};
pub use prices::{FargatePrices, Prices, SpotPrices};
pub use totals::{ByChange, ByRule, Totals};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::assess::{Assessment, Level, Rule, task_cpu};
use crate::ids::{ClusterName, ServiceRef};
use crate::observe::{Reading, Snapshot};
use crate::plan::{BudgetReport, Pair, most_on_spot};
use crate::policy::Policy;
use crate::units::{CpuUnits, Percent};

/// What a look at one cluster promises.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The cluster.
    pub cluster: ClusterName,
    /// Every service, in the snapshot's order.
    pub services: Vec<ServiceOutlook>,
    /// What the ceiling could reach.
    pub reach: Reach,
}

/// What a look promises of one service.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceOutlook {
    /// The service.
    pub service: ServiceRef,
    /// Where it stands.
    pub standing: Standing,
    /// Who would move first: 0 to 100, without regard to what blocks.
    pub suitability: u8,
    /// The providers between which it could move.
    pub pair: Option<Pair>,
    /// Its desired count.
    pub desired: u32,
    /// Its running Spot tasks; `None` where that could not be read.
    pub spot_tasks: Option<u32>,
    /// The most Spot tasks that policy and tags allow it at its desired count; `None` where it has no pair, or
    /// what it takes to say so could not be read.
    pub most_spot_tasks: Option<u32>,
    /// CPU of one task; `None` where it is not known.
    pub task_cpu: Option<CpuUnits>,
    /// The rules that block it.
    pub blocked_by: Vec<Rule>,
    /// The changes that would mend all of that, together.
    pub changes: Vec<Change>,
    /// What one task saves in an hour on Spot; `None` where a price is not known.
    pub saving_per_task: Option<Money>,
}

/// Where a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing blocks it.
    Eligible,
    /// Nothing but the tag that enrols it is missing.
    NotEnrolled,
    /// What blocks it passes by itself: a deployment, a freeze, a switch, a quarantine.
    Waiting,
    /// One change would do, beside its tag.
    OneChange,
    /// It takes several changes.
    SeveralChanges,
    /// Something could not be read.
    Unknown,
    /// It cannot be on Spot, or its owners say so: nothing is touched.
    HandsOff,
}

impl Standing {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Standing::Eligible => "eligible",
            Standing::NotEnrolled => "not_enrolled",
            Standing::Waiting => "waiting",
            Standing::OneChange => "one_change",
            Standing::SeveralChanges => "several_changes",
            Standing::Unknown => "unknown",
            Standing::HandsOff => "hands_off",
        }
    }
}

/// What the ceiling of a cluster could reach, in CPU of tasks at their desired counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// CPU of all the cluster's service tasks above the commitment floor.
    pub task_cpu: CpuUnits,
    /// CPU on Spot now, running or to be placed.
    pub spot_cpu: CpuUnits,
    /// The ceiling: the lowest of policy, dial and window.
    pub ceiling: Percent,
    /// What the ceiling allows.
    pub allowed: CpuUnits,
    /// What the services could have on Spot that nothing blocks.
    pub eligible: CpuUnits,
    /// The same with those that wait, or of which nothing but the tag is missing.
    pub with_tags: CpuUnits,
    /// What of `with_tags` goes under the ceiling, as whole tasks, the most suitable service first.
    pub dealt: CpuUnits,
    /// What `dealt` saves in an hour beyond what is on Spot now, as far as prices are known.
    pub saving: Money,
    /// Services of `dealt` of which a price is not known: their saving is not in `saving`.
    pub unpriced: u32,
}

/// Looks at a cluster that was judged. `budget` is that of a plan made from the same snapshot.
#[must_use]
pub fn outlook(
    policy: &Policy,
    snapshot: &Snapshot,
    assessments: &[Assessment],
    budget: &BudgetReport,
    prices: &Prices,
) -> Outlook {
    let services: Vec<ServiceOutlook> = snapshot
        .services
        .iter()
        .zip(assessments)
        .map(|(service, assessment)| {
            let changes = changes(assessment);
            let most = most_on_spot(policy, snapshot, service, assessment);
            ServiceOutlook {
                service: service.id.clone(),
                standing: standing(&changes),
                suitability: assessment.suitability.unblocked(),
                pair: assessment.pair.clone(),
                desired: service.desired,
                spot_tasks: match &assessment.spread {
                    None => Some(0),
                    Some(Reading::Known(spread)) => Some(spread.spot_tasks),
                    Some(Reading::Missing(_)) => None,
                },
                most_spot_tasks: most,
                task_cpu: task_cpu(service),
                blocked_by: assessment.blocking().collect(),
                changes,
                saving_per_task: assessment
                    .pair
                    .as_ref()
                    .and_then(|pair| saving::per_task(prices, snapshot, service, pair)),
            }
        })
        .collect();
    let reach = reach(&services, budget);
    Outlook { cluster: snapshot.cluster.name.clone(), services, reach }
}

/// Where a service stands that takes these changes.
fn standing(changes: &[Change]) -> Standing {
    let of = |nature| changes.iter().filter(|change| change.kind.nature() == nature).count();
    if of(Nature::Never) > 0 {
        return Standing::HandsOff;
    }
    if of(Nature::Unread) > 0 {
        return Standing::Unknown;
    }
    match (of(Nature::Mend), of(Nature::Tag), of(Nature::Wait)) {
        (0, 0, 0) => Standing::Eligible,
        (0, _, 0) => Standing::NotEnrolled,
        (0, _, _) => Standing::Waiting,
        (1, ..) => Standing::OneChange,
        _ => Standing::SeveralChanges,
    }
}

fn reach(services: &[ServiceOutlook], budget: &BudgetReport) -> Reach {
    let allowed = CpuUnits(budget.ceiling.floor_of(budget.task_cpu.0));
    let could = |services: &mut dyn Iterator<Item = &ServiceOutlook>| services.filter_map(ServiceOutlook::could).sum();
    let eligible = could(&mut services.iter().filter(|one| one.standing == Standing::Eligible));
    let open =
        |one: &&ServiceOutlook| matches!(one.standing, Standing::Eligible | Standing::NotEnrolled | Standing::Waiting);
    let with_tags = could(&mut services.iter().filter(open));
    let mut candidates: Vec<&ServiceOutlook> = services.iter().filter(open).collect();
    candidates.sort_by_key(|one| (std::cmp::Reverse(one.suitability), &one.service));
    let (mut left, mut saving, mut unpriced) = (allowed.0, Money::ZERO, 0);
    for one in candidates {
        let (Some(cpu), Some(most)) = (one.task_cpu, one.most_spot_tasks) else { continue };
        let tasks = left.checked_div(cpu.0).map_or(0, |fit| fit.min(u64::from(most)));
        left -= cpu.times(tasks).0;
        let more = tasks.saturating_sub(u64::from(one.spot_tasks.unwrap_or(0)));
        match one.saving_per_task {
            Some(each) => saving = saving + each.times(more),
            None => unpriced += u32::from(more > 0),
        }
    }
    Reach {
        task_cpu: budget.task_cpu,
        spot_cpu: budget.spot_cpu,
        ceiling: budget.ceiling,
        allowed,
        eligible,
        with_tags,
        dealt: CpuUnits(allowed.0 - left),
        saving,
        unpriced,
    }
}

impl ServiceOutlook {
    /// CPU that it could have on Spot; `None` where that is not known.
    #[must_use]
    pub fn could(&self) -> Option<CpuUnits> {
        Some(self.task_cpu?.times(u64::from(self.most_spot_tasks?)))
    }

    /// Tasks that it could have on Spot beyond those it has; `None` where that is not known.
    #[must_use]
    pub fn could_more(&self) -> Option<u32> {
        Some(self.most_spot_tasks?.saturating_sub(self.spot_tasks?))
    }

    /// What is at stake: what those tasks would save in an hour; `None` where that is not known.
    #[must_use]
    pub fn at_stake(&self) -> Option<Money> {
        match self.could_more()? {
            // Nothing saves nothing, whatever it costs.
            0 => Some(Money::ZERO),
            more => Some(self.saving_per_task?.times(u64::from(more))),
        }
    }

    /// The change by which it is nearest: the one that mends it, or, of several, none.
    #[must_use]
    pub fn nearest(&self) -> Option<&Change> {
        let mut mends = self.changes.iter().filter(|change| change.kind.nature() == Nature::Mend);
        match (mends.next(), mends.next()) {
            (Some(only), None) => Some(only),
            (None, _) => self.changes.first(),
            (Some(_), Some(_)) => None,
        }
    }
}

/// Everything that a rule holds against a service or that may surprise, for people: `(rule, level, sentence)`.
#[must_use]
pub fn remarks(assessment: &Assessment) -> Vec<(Rule, Level, String)> {
    let of = |rule, reasons: &[crate::assess::Reason]| {
        let heard = reasons.iter().filter(|reason| reason.level != Level::Pass);
        heard.map(|reason| (rule, reason.level, reason.finding.to_string())).collect::<Vec<_>>()
    };
    assessment.verdicts.iter().flat_map(|verdict| of(verdict.rule, &verdict.reasons)).collect()
}
