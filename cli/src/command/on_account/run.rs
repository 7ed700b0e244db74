//! `spotkeeper run`, `restore` and `history`.

use clap::Args;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotkeeper_aws::orchestrator::Execution;
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::interface::{ExecutionInput, RestoreInput};
use spotkeeper_core::ports::State as _;
use spotkeeper_core::record::{MoveRecord, RunMode, RunRecord};
use spotkeeper_core::switch::Scope;

use super::execution::{self, Ran};
use super::scope::scope;
use crate::account::{block_on, denied};
use crate::console::Console;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::render::text::{Columns, Row, indented, short};
use crate::stack::{Stack, StackOptions};

/// Start a run now, as the schedule would.
///
/// Exit status: 0 it was started, or has completed; 1 it has not come to all it was for; 3 the account cannot be used.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Observe, assess and plan, and write nothing to the fleet.
    #[arg(long)]
    dry_run: bool,
    /// A cluster to look at; may be given several times. Without it, all that the policy names.
    #[arg(long = "cluster", value_name = "NAME", value_parser = cluster)]
    clusters: Vec<ClusterName>,
    /// Follow it to its end.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    stack: StackOptions,
}

/// Bring back what placed the tasks before Spotkeeper's first write ever: the way out.
///
/// Exit status: 0 it has completed; 1 it has not come to all it was for; 3 the account cannot be used.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// What to restore: cluster/NAME, or a service as CLUSTER/NAME.
    #[arg(value_name = "SCOPE", value_parser = scope, required_unless_present = "all")]
    scope: Option<Scope>,
    /// Every service that Spotkeeper has written to.
    #[arg(long, conflicts_with = "scope")]
    all: bool,
    /// Do not follow it to its end.
    #[arg(long)]
    no_follow: bool,
    #[command(flatten)]
    stack: StackOptions,
}

/// Show the last runs, or one of them with its moves.
///
/// Exit status: 0; 3 the account cannot be used, or there is no such run.
#[derive(Debug, Args)]
pub(crate) struct History {
    /// One run.
    #[arg(value_name = "RUN", value_parser = run_id)]
    run: Option<RunId>,
    /// How many runs to show.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=200))]
    most: u16,
    #[command(flatten)]
    stack: StackOptions,
}

fn cluster(text: &str) -> Result<ClusterName, String> {
    ClusterName::parse(text).map_err(|error| error.to_string())
}

fn run_id(text: &str) -> Result<RunId, String> {
    RunId::parse(text).map_err(|error| error.to_string())
}

/// The answer of `history --output json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Answer {
    /// The version of this shape.
    pub(crate) version: u32,
    /// The runs, newest first.
    pub(crate) runs: Vec<Past>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Past {
    /// Its id: the execution's name.
    pub(crate) run: String,
    /// `ordinary`, `dry`, `switch` or `restore`; `null` where it never began.
    pub(crate) mode: Option<String>,
    /// When it began, RFC 3339.
    #[schemars(with = "String")]
    pub(crate) started_at: Timestamp,
    /// When it ended, RFC 3339; `null` while it runs.
    #[schemars(with = "Option<String>")]
    pub(crate) ended_at: Option<Timestamp>,
    /// As Step Functions has it.
    pub(crate) execution: String,
    /// How it ended; `null` while it runs.
    pub(crate) status: Option<String>,
    /// How many moves ended how: `2 stable, 1 undone`.
    pub(crate) moves: String,
    /// Its moves, where one run was asked for.
    pub(crate) details: Vec<Moved>,
    /// What else is to be known of it.
    pub(crate) remarks: Vec<String>,
}

/// One move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Moved {
    /// `CLUSTER/NAME`.
    pub(crate) service: String,
    /// `up`, `down` or `rebalance`.
    pub(crate) kind: String,
    /// What placed its tasks before.
    pub(crate) before: String,
    /// What the move was to bring.
    pub(crate) after: String,
    /// How it ended; `null` where it has not.
    pub(crate) outcome: Option<String>,
    /// What led there, oldest first.
    pub(crate) history: Vec<String>,
}

impl Run {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        block_on(async {
            let stack = Stack::open(&self.stack).await?;
            let name = execution::name(if self.dry_run { "dry-run" } else { "run" })?;
            let input = ExecutionInput { dry_run: self.dry_run, clusters: self.clusters.clone(), ..Default::default() };
            started(console, &stack, &name, &input, self.follow).await
        })
    }
}

impl Restore {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        block_on(async {
            let stack = Stack::open(&self.stack).await?;
            let scope = self.scope.clone().unwrap_or(Scope::All);
            let input = ExecutionInput { restore: Some(RestoreInput { scope }), ..Default::default() };
            started(console, &stack, &execution::name("restore")?, &input, !self.no_follow).await
        })
    }
}

/// Starts a run, and follows it where that is asked for.
async fn started(
    console: &Console,
    stack: &Stack,
    name: &RunId,
    input: &ExecutionInput,
    follows: bool,
) -> anyhow::Result<Exit> {
    execution::start(stack, name, input).await?;
    let progress = Progress::new(console.quiet);
    progress.say(&format!("run {name} has been started"));
    let watched = async {
        match follows {
            true => execution::follow(stack, name, &progress).await,
            false => execution::look(stack, name).await,
        }
    };
    let ran: Ran = execution::watch(name, watched).await?;
    drop(progress);
    console.answer(&ran, || ran.text(console))?;
    Ok(ran.exit())
}

impl History {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        block_on(async {
            let stack = Stack::open(&self.stack).await?;
            let runs = match &self.run {
                Some(run) => vec![one(&stack, run).await?],
                None => of(&stack, &stack.machine.executions(usize::from(self.most)).await.map_err(denied)?).await?,
            };
            let answer = Answer { version: 1, runs };
            console.answer(&answer, || table(&answer.runs, console))?;
            Ok(Exit::Good)
        })
    }
}

/// What became of executions, in their order.
pub(crate) async fn of(stack: &Stack, executions: &[Execution]) -> anyhow::Result<Vec<Past>> {
    let mut runs = Vec::new();
    for execution in executions {
        let record = match RunId::parse(&execution.name) {
            Ok(id) => stack.state.run(&id).await.map_err(denied)?,
            Err(_) => None,
        };
        runs.push(past(execution, record.as_ref()));
    }
    Ok(runs)
}

async fn one(stack: &Stack, run: &RunId) -> anyhow::Result<Past> {
    let execution = stack.machine.execution(run.as_str()).await.map_err(denied)?;
    let record = stack.state.run(run).await.map_err(denied)?;
    let mut details = Vec::new();
    for (id, _) in stack.state.outcomes(run).await.map_err(denied)? {
        details.extend(stack.state.get_move(run, &id).await.map_err(denied)?.as_ref().map(moved));
    }
    let mut past = past(&execution, record.as_ref());
    past.remarks.extend(execution.error.iter().map(|(error, cause)| format!("{error}: {cause}")));
    past.remarks.extend(record.iter().flat_map(execution::remarks));
    Ok(Past { details, ..past })
}

fn past(execution: &Execution, record: Option<&RunRecord>) -> Past {
    let end = record.and_then(|record| record.ended.as_ref());
    let moves = end.map(|end| {
        let moves: Vec<String> =
            end.moves.iter().map(|(outcome, number)| format!("{number} {}", outcome.name())).collect();
        moves.join(", ")
    });
    Past {
        run: execution.name.clone(),
        mode: record.map(|record| mode(&record.mode).to_owned()),
        started_at: execution.started_at,
        ended_at: execution.ended_at,
        execution: execution.status.clone(),
        status: end.map(|end| end.status.name().to_owned()),
        moves: moves.unwrap_or_default(),
        details: Vec::new(),
        remarks: Vec::new(),
    }
}

const fn mode(mode: &RunMode) -> &'static str {
    match mode {
        RunMode::Ordinary => "ordinary",
        RunMode::Dry { .. } => "dry",
        RunMode::Switch { .. } => "switch",
        RunMode::Restore { .. } => "restore",
    }
}

fn moved(record: &MoveRecord) -> Moved {
    let planned = &record.planned;
    Moved {
        service: planned.service.to_string(),
        kind: planned.kind.name().to_owned(),
        before: planned.before.to_string(),
        after: planned.after.to_string(),
        outcome: record.outcome.map(|outcome| outcome.name().to_owned()),
        history: history(record),
    }
}

/// What led to where a move is, oldest first, a line each.
pub(crate) fn history(record: &MoveRecord) -> Vec<String> {
    record.history.iter().map(|line| format!("{} {}", line.at, line.what)).collect()
}

/// Runs, each with its moves below it where they are there.
pub(crate) fn table(runs: &[Past], console: &Console) -> String {
    if runs.is_empty() {
        return "There was no run yet.\n".to_owned();
    }
    let mut columns = Columns::new(&["RUN", "MODE", "STARTED", "STATUS", "MOVES"]);
    for run in runs {
        let status =
            run.status.as_ref().map_or_else(|| run.execution.to_lowercase(), |status| status.replace('_', " "));
        columns.add(Row::new([
            run.run.clone(),
            run.mode.clone().unwrap_or_else(|| "?".to_owned()),
            run.started_at.to_string(),
            status,
            run.moves.clone(),
        ]));
    }
    let mut text = columns.render(console);
    for run in runs {
        for remark in &run.remarks {
            text.push_str(&indented(&short(remark), console.width, 2));
        }
        for one in &run.details {
            let outcome = one.outcome.as_deref().unwrap_or("not ended");
            let line = format!("{} {}: {} -> {}: {outcome}", one.service, one.kind, one.before, one.after);
            text.push_str(&indented(&line, console.width, 2));
            for line in &one.history {
                text.push_str(&indented(&short(line), console.width, 6));
            }
        }
    }
    text
}
