//! Judging: every rule answers pass, warn or block, with the numbers that decided it.

mod finding;
mod pair;
mod rule;
mod rules;
mod sentence;
mod size;
mod spread;
mod suitability;
#[cfg(test)]
mod tests;

pub use finding::*;
pub(crate) use pair::fargate_pair;
pub use pair::find_pair;
pub use rule::*;
pub use rules::return_path;
pub use size::{pools, task_cpu};
pub use spread::Spread;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::ids::{ServiceArn, ServiceRef};
use crate::observe::{Family, Gap, Reading, Service, Snapshot, TaskDefinition};
use crate::plan::Pair;
use crate::policy::Policy;
use crate::record::Ledger;
use crate::signals::Signals;
use crate::switch::Switches;
use crate::units::Seconds;
use return_path::Survey;

/// How long before AWS takes a Spot instance or a Fargate Spot task away it says so. Source: "Spot
/// Instance interruption notices", EC2 user guide; "Fargate Spot termination notices", ECS
/// developer guide. Raising it does not buy time; it only makes us believe we have it.
pub const SPOT_NOTICE: Seconds = Seconds(120);

/// Judges every service of a snapshot by every rule.
///
/// Pure and total. The answers stand in the order of [`Snapshot::services`], with one verdict for
/// each of [`Rule::ALL`] and all its reasons. What could not be read blocks.
#[must_use]
pub fn assess(policy: &Policy, snapshot: &Snapshot, memory: &Memory, now: Timestamp) -> Vec<Assessment> {
    let survey = Survey::of(snapshot);
    snapshot
        .services
        .iter()
        .map(|service| {
            let context = Context {
                policy,
                snapshot,
                memory,
                now,
                service,
                pair: find_pair(policy, snapshot, service),
                family: pair::family_of(snapshot, service),
                survey: &survey,
            };
            let verdicts: Vec<Verdict> = Rule::ALL.into_iter().map(|rule| verdict(rule, &context)).collect();
            let blocked = verdicts.iter().any(|verdict| verdict.level == Level::Block);
            Assessment {
                service: service.id.clone(),
                suitability: suitability::of(&context, blocked),
                pair: context.pair.ok(),
                verdicts,
                spread: spread::spread(snapshot, service),
            }
        })
        .collect()
}

/// The safety rules that a service fails for a known reason, and not for a gap: what makes one on
/// Spot move down after the grace.
#[must_use]
pub fn failing_safety(assessment: &Assessment) -> Vec<Rule> {
    let known = |reason: &Reason| reason.level == Level::Block && !reason.finding.is_gap();
    assessment
        .verdicts
        .iter()
        .filter(|verdict| verdict.rule.is_safety() && verdict.reasons.iter().any(known))
        .map(|verdict| verdict.rule)
        .collect()
}

/// What a rule may ask of: everything is read already.
struct Context<'a> {
    policy: &'a Policy,
    snapshot: &'a Snapshot,
    memory: &'a Memory,
    now: Timestamp,
    service: &'a Service,
    /// Its pair, or why it has none.
    pair: Result<Pair, Vec<Finding>>,
    /// What it runs on now, which is what its pair would run it on.
    family: Result<Family, Gap>,
    /// The cluster's daemons, and what it uses of the account's quotas.
    survey: &'a Survey<'a>,
}

impl<'a> Context<'a> {
    /// Its task definition, or a reason that blocks.
    fn task_definition(&self, reasons: &mut Reasons) -> Option<&'a TaskDefinition> {
        reasons.known(self.service.task_definition.get())
    }

    /// Its pair, or a reference to the rule that says why there is none.
    fn pair(&self, reasons: &mut Reasons) -> Option<&Pair> {
        let pair = self.pair.as_ref().ok();
        if pair.is_none() {
            reasons.pass(Finding::NotJudged { needs: Rule::Capacity });
        }
        pair
    }
}

/// What a rule has found so far.
#[derive(Default)]
struct Reasons(SmallVec<[Reason; 1]>);

impl Reasons {
    fn add(&mut self, level: Level, finding: Finding) {
        self.0.push(Reason { level, finding });
    }

    fn block(&mut self, finding: Finding) {
        self.add(Level::Block, finding);
    }

    fn warn(&mut self, finding: Finding) {
        self.add(Level::Warn, finding);
    }

    fn pass(&mut self, finding: Finding) {
        self.add(Level::Pass, finding);
    }

    /// What was read; a gap blocks.
    fn known<T>(&mut self, reading: Result<T, &Gap>) -> Option<T> {
        reading.map_err(|gap| self.block(Finding::Gap { gap: gap.clone() })).ok()
    }
}

fn verdict(rule: Rule, context: &Context<'_>) -> Verdict {
    let mut reasons = Reasons::default();
    rules::judge(rule, context, &mut reasons);
    let level = reasons.0.iter().map(|reason| reason.level).max().unwrap_or(Level::Pass);
    Verdict { rule, level, reasons: reasons.0 }
}

/// What Spotkeeper remembers of a cluster's services.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Memory {
    /// The ledgers, by service.
    pub ledgers: BTreeMap<ServiceArn, Ledger>,
    /// The switch entries.
    pub switches: Switches,
    /// What is known of Spot capacity.
    pub signals: Signals,
}

/// The judgement of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// The service.
    pub service: ServiceRef,
    /// The providers between which it could move; `None` where no pair fits, or several do.
    pub pair: Option<Pair>,
    /// One verdict for each rule, in the order of [`Rule::ALL`].
    pub verdicts: Vec<Verdict>,
    /// Who moves first.
    pub suitability: Suitability,
    /// How its running Spot tasks are spread over capacity pools; `None` where it has none.
    #[serde(default)]
    pub spread: Option<Reading<Spread>>,
}

/// The answer of one rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The rule.
    pub rule: Rule,
    /// Pass, warn or block: the worst of its reasons.
    pub level: Level,
    /// Everything that the rule found, with its numbers.
    /// Most rules have one thing to say, which is kept in place.
    pub reasons: SmallVec<[Reason; 1]>,
}

/// How bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing stands against a move up.
    Pass,
    /// A move up may surprise.
    Warn,
    /// No move up.
    Block,
}

/// Who moves first: 0 where any rule blocks, else 1 to 100, with the inputs of the product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suitability {
    /// 0 to 100.
    pub score: u8,
    /// The part of the two minutes that is left after draining and stopping, in percent.
    pub drain_slack: u8,
    /// How little one task matters: 100 less 100 / desired.
    pub redundancy: u8,
    /// How much room a rolling deployment has to start and stop tasks, in percent.
    pub rolling_headroom: u8,
    /// How many capacity pools the Spot side draws on, as a percentage that nears 100.
    pub pool_diversity: u8,
    /// The Spot Placement Score of the Spot side in percent; `None` while nothing is known of it.
    pub placement_score: Option<u8>,
}

impl Assessment {
    /// Whether any rule bars a move up.
    #[must_use]
    pub fn blocked(&self) -> bool {
        self.verdicts.iter().any(|verdict| verdict.level == Level::Block)
    }

    /// The rules that bar a move up.
    pub fn blocking(&self) -> impl Iterator<Item = Rule> + '_ {
        self.verdicts.iter().filter(|verdict| verdict.level == Level::Block).map(|verdict| verdict.rule)
    }

    /// The verdict of one rule.
    #[must_use]
    pub fn verdict(&self, rule: Rule) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.rule == rule)
    }
}
