//! `spotkeeper explain`: one service's whole story.

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotkeeper_core::assess::{Assessment, Level};
use spotkeeper_core::observe::Service;
use spotkeeper_core::outlook::{Prices, ServiceOutlook, Standing, outlook};
use spotkeeper_core::ports::State as _;
use spotkeeper_core::record::Ledger;
use spotkeeper_core::switch::Scope;

use super::execution::why_left;
use super::look::{Looked, Rules, look};
use super::run::history;
use super::scope::scope;
use crate::account::{block_on, denied};
use crate::console::Console;
use crate::exit::{Exit, NoAccount};
use crate::progress::Progress;
use crate::render::text::{counted, heading, indented, short, wrapped};
use crate::render::words;
use crate::stack::{Stack, StackOptions};

/// Tell one service's whole story: what the rules say, what is remembered of it, what it may have and why, what a run
/// would do with it now, and what became of its last move.
///
/// Exit status: 0; 3 the account cannot be used, or there is no such service.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The service, as CLUSTER/NAME.
    #[arg(value_name = "SERVICE", value_parser = scope)]
    service: Scope,
    #[command(flatten)]
    stack: StackOptions,
}

/// The answer of `explain --output json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Answer {
    /// The version of this shape.
    pub(crate) version: u32,
    /// `CLUSTER/NAME`.
    pub(crate) service: String,
    /// Its ARN.
    pub(crate) arn: String,
    /// Where it stands.
    pub(crate) standing: Standing,
    /// Who would move first: 1 to 100, without regard to what blocks.
    pub(crate) suitability: u8,
    /// What places its tasks.
    pub(crate) placed_by: String,
    /// The providers between which it could move, `ON_DEMAND/SPOT`.
    pub(crate) pair: Option<String>,
    /// Its desired count.
    pub(crate) desired: u32,
    /// Its running tasks.
    pub(crate) running: u32,
    /// Its running Spot tasks; `null` where that is not known.
    pub(crate) spot_tasks: Option<u32>,
    /// The most that policy and tags allow it; `null` where that is not known.
    pub(crate) most_spot_tasks: Option<u32>,
    /// Where that most comes from.
    pub(crate) share: Vec<String>,
    /// What a run would do with it now, and why.
    pub(crate) now: String,
    /// What each rule says, in the order of the rules.
    pub(crate) verdicts: Vec<Verdict>,
    /// What would mend all that blocks it.
    pub(crate) changes: Vec<String>,
    /// What is remembered of it, a sentence each.
    pub(crate) ledger: Vec<String>,
    /// What led to the end of its last move, oldest first.
    pub(crate) last_move: Vec<String>,
}

/// What a rule says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Verdict {
    /// The rule.
    pub(crate) rule: String,
    /// `pass`, `warn` or `block`.
    pub(crate) level: String,
    /// Its reasons, with their numbers.
    pub(crate) reasons: Vec<String>,
}

impl Explain {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let Scope::Service(cluster, name) = &self.service else {
            bail!("{} is no service: write CLUSTER/NAME", self.service);
        };
        block_on(async {
            let stack = Stack::open(&self.stack).await?;
            let rules = Rules::of(&stack, None).await?;
            let fleet = stack.account.fleet(rules.policy.api_rate_percent);
            let progress = Progress::new(console.quiet);
            progress.say(&format!("reading cluster {cluster}"));
            let looked = look(&stack, &fleet, &rules.policy, cluster).await.map_err(denied)?;
            let Looked { snapshot, assessments, plan, .. } = &looked;
            let prospects = outlook(&rules.policy, snapshot, assessments, &plan.budget, &Prices::default()).services;
            let all = snapshot.services.iter().zip(assessments).zip(&prospects);
            let found = all.into_iter().find(|((one, _), _)| one.id.name == *name);
            let Some(((service, judged), prospect)) = found else {
                let text = format!("cluster {cluster} has no service {name} (in {})", stack.account.place());
                return Err(NoAccount(text).into());
            };
            let ledger = looked.memory.ledgers.get(&service.id.arn);
            let last_move = match ledger.and_then(|ledger| ledger.last_write.as_ref()) {
                None => Vec::new(),
                Some(last) => {
                    let record = stack.state.get_move(&last.run, &last.move_id).await.map_err(denied)?;
                    record.as_ref().map(history).unwrap_or_default()
                }
            };
            drop(progress);
            let answer = answer(&rules, &looked, (service, judged, prospect), ledger, last_move);
            console.answer(&answer, || told(&answer, console))?;
            Ok(Exit::Good)
        })
    }
}

fn answer(
    rules: &Rules,
    looked: &Looked,
    (service, judged, prospect): (&Service, &Assessment, &ServiceOutlook),
    ledger: Option<&Ledger>,
    last_move: Vec<String>,
) -> Answer {
    Answer {
        version: 1,
        service: service.id.to_string(),
        arn: service.id.arn.as_str().to_owned(),
        standing: prospect.standing,
        suitability: prospect.suitability,
        placed_by: service.placed_by.to_string(),
        pair: judged.pair.as_ref().map(ToString::to_string),
        desired: service.desired,
        running: service.running,
        spot_tasks: prospect.spot_tasks,
        most_spot_tasks: prospect.most_spot_tasks,
        share: share(rules, looked, service, judged),
        now: now(looked, service, judged),
        verdicts: judged
            .verdicts
            .iter()
            .map(|verdict| Verdict {
                rule: verdict.rule.name().to_owned(),
                level: match verdict.level {
                    Level::Pass => "pass",
                    Level::Warn => "warn",
                    Level::Block => "block",
                }
                .to_owned(),
                reasons: verdict.reasons.iter().map(|reason| reason.finding.to_string()).collect(),
            })
            .collect(),
        changes: prospect.changes.iter().map(|change| change.what.clone()).collect(),
        ledger: ledger.map(|ledger| remembered(ledger, looked.now)).unwrap_or_default(),
        last_move,
    }
}

/// Where the share of a service comes from.
fn share(rules: &Rules, looked: &Looked, service: &Service, judged: &Assessment) -> Vec<String> {
    let (budget, tags, plan) = (rules.policy.budget_of(&service.id.cluster), service.tag_settings(), &looked.plan);
    let mut lines = vec![format!(
        "{} allows {} of a service, {} in one capacity pool, and keeps {} On-Demand",
        rules.from,
        budget.service_percent,
        budget.blast_radius_percent,
        counted(budget.floor as usize, "task", "tasks"),
    )];
    lines.extend(tags.max_percent.map(|most| format!("its tag spotkeeper:max-percent allows {most}")));
    lines.extend(tags.floor.map(|floor| format!("its tag spotkeeper:floor keeps {floor} On-Demand")));
    lines.push(format!("{} allows the cluster {}", words::cap(&plan.cap.by), plan.cap.percent));
    // Its own pair's: the others are no bound of it.
    for steered in plan.ceilings.iter().filter(|steered| judged.pair.as_ref() == Some(&steered.after.pair)) {
        let why = words::ceiling(&steered.reason);
        lines.push(format!("the ceiling of {} is {} ({why})", steered.after.pair, steered.effective));
    }
    lines
}

/// What a run would do with it now.
fn now(looked: &Looked, service: &Service, judged: &Assessment) -> String {
    let plan = &looked.plan;
    if let Some(planned) = plan.moves.iter().map(|record| &record.planned).find(|one| one.service == service.id) {
        let why = words::cause(&planned.cause);
        return format!("it moves {} to {}: {why}", planned.kind.name(), planned.after);
    }
    if let Some(left) = plan.left_on_spot.iter().find(|one| one.service == service.id) {
        return format!("it stays as it is: {}", why_left(left.why));
    }
    if let Some(held) = plan.held_back.iter().find(|one| one.service == service.id) {
        return format!("it stays as it is: {}", words::held(held.why));
    }
    let blocking: Vec<&str> = judged.blocking().map(|rule| rule.name()).collect();
    match blocking.is_empty() {
        true => "it stays as it is".to_owned(),
        false => format!("it stays as it is: blocked by {}", blocking.join(", ")),
    }
}

/// What the ledger says, a sentence each.
pub(crate) fn remembered(ledger: &Ledger, now: Timestamp) -> Vec<String> {
    let mut lines = vec![format!("before Spotkeeper first wrote, {} placed its tasks", ledger.original)];
    if let Some(last) = &ledger.last_write {
        let by = if last.by_switch { " for a kill switch" } else { "" };
        lines.push(format!("{} run {} wrote {}{by}, over {}", last.at, last.run, last.after, last.before));
        lines.extend(last.evidence().map(|evidence| format!("somebody took that back: {evidence}")));
    }
    lines.extend(ledger.open.as_ref().map(|open| format!("move {} of run {} is not finished", open.move_id, open.run)));
    if ledger.failures > 0 || ledger.reverts > 0 {
        lines.push(format!("{} moves up have failed, {} writes were taken back", ledger.failures, ledger.reverts));
    }
    if let Some(until) = ledger.quarantined_until(now) {
        lines.push(format!("it is held back until {until}: {}", ledger.quarantine_reason));
    }
    lines.extend(drift(ledger));
    lines
}

/// What is out of order with a service, as the ledger has it, and since when.
pub(crate) fn drift(ledger: &Ledger) -> Vec<String> {
    let since = |since: Option<Timestamp>, what: &str| since.map(|since| format!("{what} since {since}"));
    let taken_back = ledger.last_write.as_ref().and_then(|last| last.taken_back.as_ref());
    let safety = ledger.unsafe_since.as_ref().map(|is| {
        let rules: Vec<&str> = is.rules.iter().map(|rule| rule.name()).collect();
        format!("it is on Spot and fails {} since {}", rules.join(", "), is.at)
    });
    [
        taken_back.map(|back| format!("its last write was taken back at {} by {}", back.at, back.deployment)),
        safety,
        since(ledger.skewed_since, "its running tasks break floor or share"),
        since(ledger.crowded_since, "one capacity pool holds too many of its tasks"),
        since(ledger.short_since, "it misses tasks that may be Spot tasks"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn told(answer: &Answer, console: &Console) -> String {
    let number = |number: Option<u32>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let mut text = heading(
        &format!(
            "{}: {} (suitability {})",
            answer.service,
            answer.standing.name().replace('_', " "),
            answer.suitability
        ),
        console,
    );
    text.push_str(&wrapped(
        &format!(
            "{} places its tasks; {} of {} run, {} of them on Spot, where {} may be.",
            answer.placed_by,
            answer.running,
            answer.desired,
            number(answer.spot_tasks),
            number(answer.most_spot_tasks),
        ),
        console.width,
    ));
    text.push_str(&wrapped(&format!("Now: {}.", short(&answer.now)), console.width));
    let verdicts: Vec<String> = answer
        .verdicts
        .iter()
        .filter(|verdict| console.verbose || verdict.level != "pass")
        .map(|verdict| format!("{} {}: {}", verdict.level, verdict.rule, verdict.reasons.join("; ")))
        .map(|line| line.trim_end_matches([':', ' ']).to_owned())
        .collect();
    let parts = [
        ("What the rules say", &verdicts),
        ("What would mend it", &answer.changes),
        ("What it may have", &answer.share),
        ("What is remembered of it", &answer.ledger),
        ("Its last move", &answer.last_move),
    ];
    for (head, lines) in parts {
        if !lines.is_empty() {
            text.push_str(&heading(head, console));
            lines.iter().for_each(|line| text.push_str(&indented(&short(line), console.width, 2)));
        }
    }
    text
}
