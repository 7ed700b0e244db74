//! `spotkeeper status`: how an installation stands.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotkeeper_aws::orchestrator::Execution;
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::observe::Cluster as Observed;
use spotkeeper_core::ports::{Fleet as _, State as _};
use spotkeeper_core::record::ClusterReport;
use spotkeeper_core::signals::{self, ScoreAnswer, ScoreRecord};
use spotkeeper_core::units::{CpuUnits, Percent};

use super::dial::{self, Shown};
use super::explain::drift;
use super::run::{self, Past};
use super::switches::{self, Switch};
use crate::account::{block_on, denied};
use crate::console::Console;
use crate::exit::Exit;
use crate::options::Output;
use crate::render;
use crate::render::text::{Columns, Row, heading, indented, short, wrapped};
use crate::render::words;
use crate::stack::{Stack, StackOptions};

/// How many runs are shown.
const RUNS: usize = 5;
/// How many runs are looked through for the newest report of each cluster.
const LOOKED_THROUGH: usize = 20;
/// How long between two looks of `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(10);

/// Show how an installation stands: switches, dials, ceilings, shares, scores, who is held back, the last runs.
///
/// What is shown of clusters is what their last run found: `plan` looks at the services themselves.
///
/// Exit status: 0 nothing has to be looked at; 1 a switch is on, a service is held back or out of order, or the last
/// run has errors; 3 the account cannot be used.
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Show it again every ten seconds, until Ctrl-C.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    stack: StackOptions,
}

/// The answer of `status --output json`.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Answer {
    /// The version of this shape.
    pub(crate) version: u32,
    /// When it was read, RFC 3339.
    #[schemars(with = "String")]
    pub(crate) at: Timestamp,
    /// The kill switches that are on.
    pub(crate) switches: Vec<Switch>,
    /// The dials in force.
    pub(crate) dials: Vec<Shown>,
    /// The last runs, newest first.
    pub(crate) runs: Vec<Past>,
    /// The clusters.
    pub(crate) clusters: Vec<Cluster>,
}

/// A cluster, as its last run found it.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Cluster {
    /// Its name.
    pub(crate) name: String,
    /// That run; `null` where none of the last twenty looked at it.
    pub(crate) run: Option<String>,
    /// When, RFC 3339.
    #[schemars(with = "Option<String>")]
    pub(crate) at: Option<Timestamp>,
    /// The error that kept it from being worked on to the end.
    pub(crate) failed: Option<String>,
    /// Its services.
    pub(crate) services: u32,
    /// Those that no rule blocks.
    pub(crate) eligible: u32,
    /// The most that its ceilings may be, in percent; `null` where too little was read.
    pub(crate) cap_percent: Option<u8>,
    /// What bounds them.
    pub(crate) bounded_by: Option<String>,
    /// The part of its task vCPU that runs on Spot, in percent; `null` where that is not known.
    pub(crate) spot_percent: Option<u8>,
    /// Tasks that run on Spot.
    pub(crate) spot_tasks: u32,
    /// Tasks that run elsewhere.
    pub(crate) on_demand_tasks: u32,
    /// The ceilings of its pairs, as they are remembered now.
    pub(crate) ceilings: Vec<Ceiling>,
    /// The placement scores of its Spot providers.
    pub(crate) scores: Vec<Score>,
    /// Services that are held back.
    pub(crate) quarantined: Vec<Out>,
    /// Services that are out of order: taken back, unsafe on Spot, skewed, crowded, short.
    pub(crate) drift: Vec<Out>,
}

/// A pair's ceiling.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ceiling {
    /// `ON_DEMAND/SPOT`.
    pub(crate) pair: String,
    /// In percent.
    pub(crate) percent: u8,
    /// Since when, RFC 3339.
    #[schemars(with = "String")]
    pub(crate) since: Timestamp,
    /// Until when nothing moves up over it after a drought, RFC 3339.
    #[schemars(with = "Option<String>")]
    pub(crate) dry_until: Option<Timestamp>,
}

/// A placement score.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Score {
    /// The Spot provider.
    pub(crate) provider: String,
    /// `9.00`, or why there is none.
    pub(crate) score: String,
    /// When it was asked for, RFC 3339.
    #[schemars(with = "String")]
    pub(crate) at: Timestamp,
}

/// A service, and what is wrong with it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Out {
    /// Its name.
    pub(crate) service: String,
    /// What.
    pub(crate) what: String,
}

impl Status {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        block_on(async {
            let stack = Stack::open(&self.stack).await?;
            loop {
                let answer = read(&stack).await?;
                let text = match console.output {
                    Output::Json => render::json(&answer)?,
                    Output::Table => told(&answer, console),
                };
                if !self.watch {
                    console.print(&text);
                    return Ok(if answer.is_well() { Exit::Good } else { Exit::Bad });
                }
                // The screen anew, from its first line.
                console.print(&format!("\u{1b}[H\u{1b}[2J{text}"));
                tokio::time::sleep(WATCH_EVERY).await;
            }
        })
    }
}

impl Answer {
    /// Whether nobody must look.
    fn is_well(&self) -> bool {
        let errors = self.runs.first().is_some_and(|run| run.status.as_deref() == Some("completed_with_errors"));
        let out = self.clusters.iter().any(|one| !one.quarantined.is_empty() || !one.drift.is_empty());
        self.switches.is_empty() && !errors && !out
    }
}

async fn read(stack: &Stack) -> anyhow::Result<Answer> {
    let now = Timestamp::now();
    let switches = stack.state.switches().await.map_err(denied)?;
    let dials = dial::in_force(&stack.state.dials().await.map_err(denied)?);
    let executions = stack.machine.executions(LOOKED_THROUGH).await.map_err(denied)?;
    let runs = run::of(stack, executions.get(..RUNS).unwrap_or(&executions)).await?;
    let fleet = stack.account.fleet(Percent::saturating(50));
    let observed = fleet.clusters().await.map_err(denied)?;
    let reports = reports(stack, &executions, observed.len()).await?;
    let mut clusters = Vec::new();
    for cluster in &observed {
        clusters.push(of_cluster(stack, cluster, reports.get(&cluster.name), now).await?);
    }
    let switches = switches.in_force(now).map(Switch::from).collect();
    Ok(Answer { version: 1, at: now, switches, dials, runs, clusters })
}

/// The newest report of each cluster that one of the last runs looked at.
async fn reports(
    stack: &Stack,
    executions: &[Execution],
    clusters: usize,
) -> anyhow::Result<BTreeMap<ClusterName, ClusterReport>> {
    let mut reports = BTreeMap::new();
    for execution in executions {
        if reports.len() >= clusters {
            break;
        }
        let Ok(run) = RunId::parse(&execution.name) else { continue };
        for report in stack.state.reports(&run).await.map_err(denied)? {
            reports.entry(report.cluster.clone()).or_insert(report);
        }
    }
    Ok(reports)
}

async fn of_cluster(
    stack: &Stack,
    cluster: &Observed,
    report: Option<&ClusterReport>,
    now: Timestamp,
) -> anyhow::Result<Cluster> {
    let signals = stack.state.signals(&cluster.name, signals::since(now)).await.map_err(denied)?;
    let ledgers = stack.state.ledgers(cluster).await.map_err(denied)?;
    let out =
        |ledger: &spotkeeper_core::record::Ledger, what: String| Out { service: ledger.service.name.to_string(), what };
    let cap = report.and_then(|report| report.cap.as_ref());
    let share = report.and_then(|report| percent(report.running_spot_cpu?, report.budget?.task_cpu));
    Ok(Cluster {
        name: cluster.name.to_string(),
        run: report.map(|report| report.run.to_string()),
        at: report.map(|report| report.at),
        failed: report.and_then(|report| report.failed.clone()),
        services: report.map_or(0, |report| report.services),
        eligible: report.map_or(0, |report| report.eligible),
        cap_percent: cap.map(|cap| cap.percent.get()),
        bounded_by: cap.map(|cap| words::cap(&cap.by)),
        spot_percent: share,
        spot_tasks: report.map_or(0, |report| report.spot_tasks),
        on_demand_tasks: report.map_or(0, |report| report.on_demand_tasks),
        ceilings: signals
            .ceilings
            .iter()
            .map(|one| Ceiling {
                pair: one.pair.to_string(),
                percent: one.ceiling.get(),
                since: one.changed_at,
                dry_until: one.dry.map(|dry| dry.until).filter(|until| now < *until),
            })
            .collect(),
        scores: signals.scores.iter().map(score).collect(),
        quarantined: ledgers
            .iter()
            .filter_map(|one| Some((one, one.quarantined_until(now)?)))
            .map(|(one, until)| out(one, format!("held back until {until}: {}", one.quarantine_reason)))
            .collect(),
        drift: ledgers.iter().flat_map(|one| drift(one).into_iter().map(move |what| out(one, what))).collect(),
    })
}

/// A part of a whole in percent, rounded; `None` of nothing.
fn percent(part: CpuUnits, whole: CpuUnits) -> Option<u8> {
    let percent = (part.0.saturating_mul(200) + whole.0).checked_div(whole.0.saturating_mul(2))?;
    Some(Percent::saturating(percent).get())
}

fn score(record: &ScoreRecord) -> Score {
    let score = match &record.answer {
        ScoreAnswer::Scored { score, .. } => score.to_string(),
        ScoreAnswer::Refused { why } => format!("none: {}", why.name().replace('_', " ")),
        ScoreAnswer::Absent { .. } => "none: a zone in use has no score".to_owned(),
        ScoreAnswer::Unsupported { why } => format!("none: {why}"),
    };
    Score { provider: record.provider.to_string(), score, at: record.at }
}

fn told(answer: &Answer, console: &Console) -> String {
    let mut text = match answer.switches.is_empty() {
        true => "No kill switch is on.\n".to_owned(),
        false => switches::table(&answer.switches, console),
    };
    text.push_str(&dial::table(&answer.dials, console));
    for cluster in &answer.clusters {
        text.push('\n');
        text.push_str(&one(cluster, console));
    }
    text.push('\n');
    text + &run::table(&answer.runs, console)
}

fn one(cluster: &Cluster, console: &Console) -> String {
    let mut text = heading(&format!("Cluster {}", cluster.name), console);
    let line = match (&cluster.run, cluster.at) {
        (Some(run), Some(at)) => format!(
            "{} % of its task vCPU runs on Spot ({} of {} tasks), {} % may ({}); {} of {} services are eligible. So run {run} found it at {at}.",
            cluster.spot_percent.map_or_else(|| "?".to_owned(), |percent| percent.to_string()),
            cluster.spot_tasks,
            cluster.spot_tasks + cluster.on_demand_tasks,
            cluster.cap_percent.map_or_else(|| "?".to_owned(), |percent| percent.to_string()),
            cluster.bounded_by.as_deref().unwrap_or("not known"),
            cluster.eligible,
            cluster.services,
        ),
        _ => "None of the last runs looked at it.".to_owned(),
    };
    text.push_str(&wrapped(&line, console.width));
    text.push_str(
        &cluster
            .failed
            .iter()
            .map(|error| indented(&format!("it failed: {error}"), console.width, 2))
            .collect::<String>(),
    );
    let mut columns = Columns::new(&["PAIR", ">CEILING", "SINCE"]);
    for one in &cluster.ceilings {
        let row = Row::new([one.pair.clone(), format!("{} %", one.percent), one.since.to_string()]);
        columns.add(row.below(one.dry_until.map(|until| format!("dry until {until}"))));
    }
    text.push_str(&columns.render(console));
    for one in &cluster.scores {
        let line = format!("score of {}: {} (asked at {})", one.provider, one.score, one.at);
        text.push_str(&indented(&line, console.width, 2));
    }
    for one in cluster.quarantined.iter().chain(&cluster.drift) {
        text.push_str(&indented(&short(&format!("{}: {}", one.service, one.what)), console.width, 2));
    }
    text
}
