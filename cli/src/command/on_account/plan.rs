//! `spotkeeper plan`: what a run would do now, and why not more.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotkeeper_core::assess::Assessment;
use spotkeeper_core::observe::Gap;
use spotkeeper_core::plan::TurnWhat;
use spotkeeper_core::policy::{Mode, PolicyMistake};

use super::execution::why_left;
use super::look::{Looked, Rules, look};
use crate::account::{block_on, sentence};
use crate::console::Console;
use crate::exit::{Exit, NoAccount};
use crate::progress::Progress;
use crate::render::assess::{Failed, Unread, unread, vcpu};
use crate::render::assess_table;
use crate::render::text::{Columns, Paint, Row, counted, heading, indented, short, wrapped};
use crate::render::words;
use crate::stack::{Stack, StackOptions};

/// Show what a run would do now, and why not more.
///
/// Reads what a run reads, with your rights, and plans by the same functions; nothing is written. A run that is under
/// way, or begins before this one would, may find another world.
///
/// Exit status: 0 nothing would move; 1 something would; 3 the account cannot be used; 4 something could not be read.
#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// A cluster to plan; may be given several times. Without it, those of the policy, or all of the Region.
    #[arg(long = "cluster", value_name = "NAME")]
    clusters: Vec<String>,
    /// Plan by this policy in place of the stack's.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(flatten)]
    stack: StackOptions,
}

/// The answer of `plan --output json`.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Answer {
    /// The version of this shape.
    pub(crate) version: u32,
    /// Where the policy comes from.
    pub(crate) policy: String,
    /// Whether a run by it writes anything: `mode: active`, and no mistakes.
    pub(crate) active: bool,
    /// The policy's mistakes.
    pub(crate) mistakes: Vec<PolicyMistake>,
    /// The clusters.
    pub(crate) clusters: Vec<Cluster>,
    /// The clusters that could not be read.
    pub(crate) failed: Vec<Failed>,
    /// What else could not be read.
    pub(crate) unread: Vec<Unread>,
}

/// One cluster.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: String,
    /// Its services, and those that no rule blocks.
    pub(crate) services: usize,
    /// Services that no rule blocks.
    pub(crate) eligible: usize,
    /// The ceiling, in percent, and what bounds it.
    pub(crate) ceiling_percent: u8,
    /// What bounds it, in words.
    pub(crate) bounded_by: String,
    /// vCPU of all service tasks above the commitment floor.
    pub(crate) vcpu: f64,
    /// vCPU on Spot, running or to be placed.
    pub(crate) spot_vcpu: f64,
    /// What this run may deal: one step, at the most what is left under the ceiling.
    pub(crate) room_vcpu: f64,
    /// What has to come down.
    pub(crate) excess_vcpu: f64,
    /// What the controller makes of each pair.
    pub(crate) ceilings: Vec<Ceiling>,
    /// Groups that a kill switch turns to On-Demand, or has turned.
    pub(crate) turns: Vec<Turn>,
    /// The moves, in their order.
    pub(crate) moves: Vec<Move>,
    /// Services that could move, and do not.
    pub(crate) held_back: Vec<Held>,
    /// Services by the rule that blocks them; one counts once for each of its rules.
    pub(crate) blocked: BTreeMap<String, u32>,
}

/// A pair's ceiling.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ceiling {
    /// `ON_DEMAND/SPOT`.
    pub(crate) pair: String,
    /// In percent, as it is remembered; `null` where it is not known yet.
    pub(crate) before: Option<u8>,
    /// As this run would have it.
    pub(crate) after: u8,
    /// What counts: this, or less by policy, dial and windows.
    pub(crate) effective: u8,
    /// Why.
    pub(crate) why: String,
}

/// A group under the capacity lever.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Turn {
    /// Its Spot provider.
    pub(crate) provider: String,
    /// Whether a run would change the group now.
    pub(crate) changes: bool,
    /// What a run makes of it.
    pub(crate) what: String,
}

/// A move.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Move {
    /// The service's name.
    pub(crate) service: String,
    /// `up`, `down` or `rebalance`.
    pub(crate) kind: String,
    /// Why.
    pub(crate) why: String,
    /// What places its tasks now.
    pub(crate) before: String,
    /// What would place them.
    pub(crate) after: String,
    /// Spot tasks that this would place at the most.
    pub(crate) spot_tasks: u32,
    /// Of so many tasks.
    pub(crate) desired: u32,
    /// Its wave, from 0.
    pub(crate) wave: u32,
}

/// A service that stays as it is.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Held {
    /// The service's name.
    pub(crate) service: String,
    /// Why.
    pub(crate) why: String,
}

impl Plan {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        block_on(async {
            let stack = Stack::open(&self.stack).await?;
            let rules = Rules::of(&stack, self.policy.as_ref()).await?;
            let fleet = stack.account.fleet(rules.policy.api_rate_percent);
            let clusters = match (self.clusters.is_empty(), rules.policy.clusters.is_empty()) {
                (true, false) => rules.policy.clusters.clone(),
                _ => stack.account.clusters(&fleet, &self.clusters).await?,
            };
            let progress = Progress::new(console.quiet);
            let (mut planned, mut failed, mut gaps) = (Vec::new(), Vec::new(), BTreeSet::<Gap>::new());
            for name in &clusters {
                progress.say(&format!("reading cluster {name}"));
                match look(&stack, &fleet, &rules.policy, name).await {
                    Ok(looked) => {
                        gaps.extend(looked.snapshot.gaps.iter().cloned());
                        planned.push(cluster(&looked));
                    }
                    Err(error) => failed.push(Failed { cluster: name.to_string(), why: sentence(&error) }),
                }
            }
            drop(progress);
            if planned.is_empty() {
                let all: Vec<&str> = failed.iter().map(|one| one.why.as_str()).collect();
                return Err(NoAccount(format!("{} (in {})", all.join("; "), stack.account.place())).into());
            }
            let answer = Answer {
                version: 1,
                policy: rules.from,
                active: rules.policy.mode == Mode::Active && rules.mistakes.is_empty(),
                mistakes: rules.mistakes,
                clusters: planned,
                failed,
                unread: unread(&gaps),
            };
            console.answer(&answer, || table(&answer, console))?;
            let moves = |cluster: &Cluster| !cluster.moves.is_empty() || cluster.turns.iter().any(|one| one.changes);
            let moves = answer.clusters.iter().any(moves);
            Ok(match (answer.failed.is_empty() && answer.unread.is_empty(), moves) {
                (false, _) => Exit::Partial,
                (true, true) => Exit::Bad,
                (true, false) => Exit::Good,
            })
        })
    }
}

fn cluster(looked: &Looked) -> Cluster {
    let Looked { snapshot, assessments, plan, .. } = looked;
    let mut blocked: BTreeMap<String, u32> = BTreeMap::new();
    for rule in assessments.iter().flat_map(Assessment::blocking) {
        *blocked.entry(rule.name().to_owned()).or_default() += 1;
    }
    let held = plan.held_back.iter().map(|one| (&one.service, words::held(one.why)));
    let left = plan.left_on_spot.iter().map(|one| (&one.service, why_left(one.why)));
    Cluster {
        name: snapshot.cluster.name.to_string(),
        services: snapshot.services.len(),
        eligible: assessments.iter().filter(|judged| !judged.blocked()).count(),
        ceiling_percent: plan.cap.percent.get(),
        bounded_by: words::cap(&plan.cap.by),
        vcpu: vcpu(plan.budget.task_cpu),
        spot_vcpu: vcpu(plan.budget.spot_cpu),
        room_vcpu: vcpu(plan.budget.room),
        excess_vcpu: vcpu(plan.budget.excess),
        ceilings: plan
            .ceilings
            .iter()
            .map(|steered| Ceiling {
                pair: steered.after.pair.to_string(),
                before: steered.before.map(|before| before.get()),
                after: steered.after.ceiling.get(),
                effective: steered.effective.get(),
                why: words::ceiling(&steered.reason).to_owned(),
            })
            .collect(),
        turns: plan
            .turn_reports
            .iter()
            .map(|told| Turn {
                provider: told.provider.to_string(),
                changes: matches!(told.what, TurnWhat::Turn | TurnWhat::TurnBack),
                what: words::turn(&told.what),
            })
            .collect(),
        moves: plan
            .moves
            .iter()
            .map(|record| &record.planned)
            .map(|planned| Move {
                service: planned.service.name.to_string(),
                kind: planned.kind.name().to_owned(),
                why: words::cause(&planned.cause),
                before: planned.before.to_string(),
                after: planned.after.to_string(),
                spot_tasks: planned.spot_tasks,
                desired: planned.desired,
                wave: planned.wave,
            })
            .collect(),
        held_back: held
            .chain(left)
            .map(|(service, why)| Held { service: service.name.to_string(), why: why.to_owned() })
            .collect(),
        blocked,
    }
}

fn table(answer: &Answer, console: &Console) -> String {
    let mut text = String::new();
    for cluster in &answer.clusters {
        text.push_str(&of_cluster(cluster, console));
        text.push('\n');
    }
    for failed in &answer.failed {
        text.push_str(&wrapped(
            &format!("Cluster {} could not be read: {}", failed.cluster, failed.why),
            console.width,
        ));
    }
    for mistake in &answer.mistakes {
        text.push_str(&wrapped(&format!("{}: {mistake}", answer.policy), console.width));
    }
    if !answer.active {
        let line = format!("By {} a run is dry: it writes none of this.", answer.policy);
        text.push_str(&wrapped(&line, console.width));
    }
    text + &assess_table::unread(&answer.unread, console)
}

fn of_cluster(cluster: &Cluster, console: &Console) -> String {
    let services = counted(cluster.services, "service", "services");
    let head = format!("Cluster {}: {services}, {} eligible", cluster.name, cluster.eligible);
    let mut text = heading(&head, console);
    let budget = format!(
        "{:.2} of {:.2} vCPU are on Spot; {} allows {} %, and a run may deal {:.2} vCPU{}.",
        cluster.spot_vcpu,
        cluster.vcpu,
        cluster.bounded_by,
        cluster.ceiling_percent,
        cluster.room_vcpu,
        if cluster.excess_vcpu > 0.0 {
            format!("; {:.2} have to come down", cluster.excess_vcpu)
        } else {
            String::new()
        },
    );
    text.push_str(&wrapped(&budget, console.width));
    let mut columns = Columns::new(&["PAIR", ">CEILING", "WHY"]);
    for one in &cluster.ceilings {
        columns.add(Row::new([one.pair.clone(), format!("{} %", one.effective), one.why.clone()]));
    }
    text.push_str(&columns.render(console));
    for one in &cluster.turns {
        text.push_str(&indented(&format!("The group of {} {}", one.provider, one.what), console.width, 2));
    }
    let mut columns = Columns::new(&["SERVICE", "MOVE", ">WAVE", ">SPOT"]);
    for one in &cluster.moves {
        let paint = if one.kind == "down" { Paint::Yellow } else { Paint::Green };
        let spot = format!("{}/{}", one.spot_tasks, one.desired);
        let row = Row::new([one.service.clone(), one.kind.clone(), one.wave.to_string(), spot]);
        columns.add(
            row.painted(1, paint)
                .below([format!("{} -> {}", one.before, one.after), format!("because {}", short(&one.why))]),
        );
    }
    text.push_str(&if cluster.moves.is_empty() { "  No moves.\n".to_owned() } else { columns.render(console) });
    let mut why: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in &cluster.held_back {
        why.entry(&one.why).or_default().push(&one.service);
    }
    for (why, services) in why {
        text.push_str(&indented(&format!("{}: {why}", services.join(", ")), console.width, 2));
    }
    let blocked: Vec<String> = cluster.blocked.iter().map(|(rule, number)| format!("{rule} {number}")).collect();
    if !blocked.is_empty() {
        text.push_str(&indented(&format!("Blocked by rule: {}", blocked.join(", ")), console.width, 2));
    }
    text
}
