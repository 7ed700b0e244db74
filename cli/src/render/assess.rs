//! What `assess` answers: the shape of `--output json`, from which the table is made, too.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotkeeper_core::assess::{Assessment, Level};
use spotkeeper_core::observe::{Gap, GapCause};
use spotkeeper_core::outlook::{
    ChangeKind, Currency, Money, Outlook, Prices, ServiceOutlook, Standing, Totals as CoreTotals, remarks,
};
use spotkeeper_core::units::CpuUnits;

use crate::account::Account;
use crate::command::on_account::PolicyOf;

/// The version of this shape: it counts up with every change that a reader must know of.
pub(crate) const VERSION: u32 = 1;
/// The most subjects that a missing reading names.
const SUBJECTS: usize = 5;

/// What a look at an account comes to. vCPU are of tasks at their desired counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Answer {
    /// The version of this shape.
    pub(crate) version: u32,
    /// The account.
    pub(crate) account: String,
    /// The Region.
    pub(crate) region: String,
    /// The ARN of who asked.
    pub(crate) caller: String,
    /// Where the policy comes from: a file, a parameter, or `the default policy`.
    pub(crate) policy: String,
    /// The currency of all savings.
    pub(crate) currency: Currency,
    /// The clusters that could be read.
    pub(crate) clusters: Vec<Cluster>,
    /// Sums over them.
    pub(crate) totals: Totals,
    /// The clusters that could not be read.
    pub(crate) failed: Vec<Failed>,
    /// What else could not be read, by what was missing.
    pub(crate) unread: Vec<Unread>,
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: String,
    /// vCPU of all its service tasks above the commitment floor.
    pub(crate) vcpu: f64,
    /// vCPU on Spot now, running or to be placed.
    pub(crate) spot_vcpu: f64,
    /// The ceiling, in percent.
    pub(crate) ceiling_percent: u8,
    /// What the ceiling allows.
    pub(crate) allowed_vcpu: f64,
    /// What the services could have on Spot that nothing blocks.
    pub(crate) eligible_vcpu: f64,
    /// The same with those of which nothing but the tag is missing, and those that wait.
    pub(crate) with_tags_vcpu: f64,
    /// What of that goes under the ceiling, as whole tasks, the most suitable first.
    pub(crate) reach_vcpu: f64,
    /// What that saves in an hour beyond what is on Spot now, as far as prices are known.
    pub(crate) saving_per_hour: f64,
    /// Services of those of which a price is not known.
    pub(crate) unpriced: u32,
    /// Its services, in order of name.
    pub(crate) services: Vec<Service>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Service {
    /// Its name.
    pub(crate) name: String,
    /// Its ARN.
    pub(crate) arn: String,
    /// Where it stands.
    pub(crate) standing: Standing,
    /// Who would move first: 1 to 100, without regard to what blocks.
    pub(crate) suitability: u8,
    /// The providers between which it could move.
    pub(crate) pair: Option<Pair>,
    /// Its desired count.
    pub(crate) desired: u32,
    /// Its running Spot tasks; `null` where that is not known.
    pub(crate) spot_tasks: Option<u32>,
    /// The most that policy and tags allow; `null` where that is not known.
    pub(crate) most_spot_tasks: Option<u32>,
    /// vCPU of one task; `null` where that is not known.
    pub(crate) task_vcpu: Option<f64>,
    /// The rules that block it.
    pub(crate) blocked_by: Vec<String>,
    /// What the rules hold against it, and what may surprise.
    pub(crate) findings: Vec<Finding>,
    /// The changes that would mend all that blocks, together.
    pub(crate) changes: Vec<Change>,
    /// What the tasks that it could have on Spot beyond those it has would save in an hour; `null` where a price
    /// or a number is not known.
    pub(crate) at_stake_per_hour: Option<f64>,
}

/// Two providers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Pair {
    /// The On-Demand provider.
    pub(crate) on_demand: String,
    /// The Spot provider.
    pub(crate) spot: String,
}

/// One thing that a rule found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Finding {
    /// The rule.
    pub(crate) rule: String,
    /// Whether it blocks.
    pub(crate) blocks: bool,
    /// The sentence, with its numbers and what to change.
    pub(crate) message: String,
}

/// One change, with everything that it mends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Change {
    /// What kind of change.
    pub(crate) kind: ChangeKind,
    /// The rules that it mends.
    pub(crate) rules: Vec<String>,
    /// What to do, with its numbers.
    pub(crate) what: String,
    /// What a delay or stop timeout may be at the most, in seconds, where one number mends all.
    pub(crate) at_most_seconds: Option<u32>,
}

/// Sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Totals {
    /// All services.
    pub(crate) services: u32,
    /// How many stand where.
    pub(crate) standings: BTreeMap<Standing, u32>,
    /// By rule that blocks.
    pub(crate) rules: Vec<ByRule>,
    /// By the one change that services are away from Spot, beside their tag; most services first.
    pub(crate) changes: Vec<ByChange>,
    /// What is saved in an hour if every ceiling is reached, as far as prices are known.
    pub(crate) saving_per_hour: f64,
    /// Services of those of which a price is not known.
    pub(crate) unpriced: u32,
}

/// The services that a rule blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ByRule {
    /// The rule.
    pub(crate) rule: String,
    /// Services that it blocks.
    pub(crate) services: u32,
    /// Of these, those that are one change away from Spot, which mends this rule.
    pub(crate) one_change: u32,
}

/// The services that are one and the same change away from Spot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ByChange {
    /// The change.
    pub(crate) kind: ChangeKind,
    /// The rules that it mends.
    pub(crate) rules: Vec<String>,
    /// How many services.
    pub(crate) services: u32,
    /// vCPU that they could then have on Spot by policy and tags, before any ceiling.
    pub(crate) vcpu: f64,
    /// What that would save in an hour, as far as prices are known.
    pub(crate) saving_per_hour: f64,
    /// Services of them of which the saving is not known.
    pub(crate) unpriced: u32,
}

/// A cluster that could not be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Failed {
    /// Which.
    pub(crate) cluster: String,
    /// Why.
    pub(crate) why: String,
}

/// Readings that are missing for the same reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Unread {
    /// The IAM action.
    pub(crate) action: String,
    /// `denied`, `absent`, `throttled`, `failed` or `not_understood`.
    pub(crate) cause: String,
    /// How many readings.
    pub(crate) number: usize,
    /// Of what: five at the most.
    pub(crate) subjects: Vec<String>,
    /// What AWS said of the first; empty where it said nothing.
    pub(crate) detail: String,
}

impl Answer {
    /// `assessments` are those of the clusters of `outlooks`, in the same order.
    pub(crate) fn new(
        account: &Account,
        policy: &PolicyOf,
        prices: &Prices,
        outlooks: &[Outlook],
        assessments: &[&[Assessment]],
        gaps: &BTreeSet<Gap>,
        failed: Vec<Failed>,
    ) -> Answer {
        let mut unread = unread(gaps);
        unread.extend(policy.unread.iter().map(|why| Unread {
            action: "ssm:GetParameter".to_owned(),
            cause: "failed".to_owned(),
            number: 1,
            subjects: vec!["the policy".to_owned()],
            detail: why.clone(),
        }));
        Answer {
            version: VERSION,
            account: account.session.account.clone(),
            region: account.session.region.clone(),
            caller: account.session.caller.clone(),
            policy: policy.from.clone(),
            currency: prices.currency.clone(),
            clusters: outlooks.iter().zip(assessments).map(|(outlook, judged)| cluster(outlook, judged)).collect(),
            totals: totals(&CoreTotals::of(outlooks)),
            failed,
            unread,
        }
    }

    /// Whether everything could be read.
    pub(crate) const fn is_whole(&self) -> bool {
        self.failed.is_empty() && self.unread.is_empty()
    }
}

fn cluster(outlook: &Outlook, assessments: &[Assessment]) -> Cluster {
    let reach = &outlook.reach;
    Cluster {
        name: outlook.cluster.to_string(),
        vcpu: vcpu(reach.task_cpu),
        spot_vcpu: vcpu(reach.spot_cpu),
        ceiling_percent: reach.ceiling.get(),
        allowed_vcpu: vcpu(reach.allowed),
        eligible_vcpu: vcpu(reach.eligible),
        with_tags_vcpu: vcpu(reach.with_tags),
        reach_vcpu: vcpu(reach.dealt),
        saving_per_hour: reach.saving.units(),
        unpriced: reach.unpriced,
        services: outlook.services.iter().zip(assessments).map(|(one, judged)| service(one, judged)).collect(),
    }
}

fn service(one: &ServiceOutlook, judged: &Assessment) -> Service {
    Service {
        name: one.service.name.to_string(),
        arn: one.service.arn.as_str().to_owned(),
        standing: one.standing,
        suitability: one.suitability,
        pair: one.pair.as_ref().map(|pair| Pair { on_demand: pair.on_demand.to_string(), spot: pair.spot.to_string() }),
        desired: one.desired,
        spot_tasks: one.spot_tasks,
        most_spot_tasks: one.most_spot_tasks,
        task_vcpu: one.task_cpu.map(vcpu),
        blocked_by: one.blocked_by.iter().map(ToString::to_string).collect(),
        findings: remarks(judged)
            .into_iter()
            .map(|(rule, level, message)| Finding {
                rule: rule.name().to_owned(),
                blocks: level == Level::Block,
                message,
            })
            .collect(),
        changes: one
            .changes
            .iter()
            .map(|change| Change {
                kind: change.kind,
                rules: change.rules.iter().map(ToString::to_string).collect(),
                what: change.what.clone(),
                at_most_seconds: change.at_most.map(|most| most.0),
            })
            .collect(),
        at_stake_per_hour: one.at_stake().map(Money::units),
    }
}

fn totals(totals: &CoreTotals) -> Totals {
    Totals {
        services: totals.services,
        standings: totals.standings.clone(),
        rules: totals
            .rules
            .iter()
            .map(|one| ByRule { rule: one.rule.to_string(), services: one.services, one_change: one.one_change })
            .collect(),
        changes: totals
            .changes
            .iter()
            .map(|one| ByChange {
                kind: one.kind,
                rules: one.rules.iter().map(ToString::to_string).collect(),
                services: one.services,
                vcpu: vcpu(one.cpu),
                saving_per_hour: one.saving.units(),
                unpriced: one.unpriced,
            })
            .collect(),
        saving_per_hour: totals.saving.units(),
        unpriced: totals.unpriced,
    }
}

/// Missing readings, those of one action and cause together.
pub(crate) fn unread(gaps: &BTreeSet<Gap>) -> Vec<Unread> {
    let mut by_reason: BTreeMap<(&str, GapCause), Vec<&Gap>> = BTreeMap::new();
    for gap in gaps.iter().filter(|gap| gap.cause != GapCause::NotRead) {
        by_reason.entry((&gap.action, gap.cause)).or_default().push(gap);
    }
    let group = |((action, cause), gaps): ((&str, GapCause), Vec<&Gap>)| Unread {
        action: action.to_owned(),
        cause: serde_json::to_value(cause).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default(),
        number: gaps.len(),
        subjects: gaps.iter().take(SUBJECTS).map(|gap| gap.subject.clone()).collect(),
        detail: gaps.first().map(|gap| gap.detail.clone()).unwrap_or_default(),
    };
    by_reason.into_iter().map(group).collect()
}

/// CPU in vCPU, for programs.
#[expect(clippy::cast_precision_loss, reason = "CPU units of any fleet fit into the 53 bits of a float")]
pub(crate) fn vcpu(units: CpuUnits) -> f64 {
    units.0 as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn file(name: &str) -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
    }

    /// `docs/assess.schema.json` is what the types say; `UPDATE_GOLDEN=1` writes it anew.
    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let schema = crate::render::json(&schemars::schema_for!(Answer)).unwrap();
        let path = file("../docs/assess.schema.json");
        let update = std::env::var("UPDATE_GOLDEN").is_ok();
        if update {
            std::fs::write(&path, &schema).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(published, schema, "UPDATE_GOLDEN=1 writes it anew");
    }

    #[test]
    fn the_golden_answer_is_valid_by_it() {
        let golden = std::fs::read_to_string(file("tests/golden/assess.json")).unwrap();
        let answer: Value = serde_json::from_str(&golden).unwrap();
        let validator = jsonschema::validator_for(&schemars::schema_for!(Answer).to_value()).unwrap();
        let mistakes: Vec<String> = validator.iter_errors(&answer).map(|error| error.to_string()).collect();
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(answer["version"], VERSION);
        assert!(!validator.is_valid(&serde_json::json!({ "version": 1 })));
    }

    #[test]
    fn what_is_missing_for_one_reason_is_told_once() {
        let gap = |subject: &str, cause| Gap {
            subject: subject.to_owned(),
            action: "ecs:DescribeTaskDefinition".to_owned(),
            cause,
            detail: String::new(),
        };
        let mut gaps: BTreeSet<Gap> = (1..=7).map(|number| gap(&format!("web:{number}"), GapCause::Denied)).collect();
        gaps.insert(gap("api:1", GapCause::Throttled));
        gaps.insert(gap("api:2", GapCause::NotRead));
        let told: Vec<(String, usize, usize)> =
            unread(&gaps).into_iter().map(|one| (one.cause, one.number, one.subjects.len())).collect();
        assert_eq!(told, [("denied".to_owned(), 7, 5), ("throttled".to_owned(), 1, 1)]);
    }
}
