//! Starting the state machine, and following what becomes of it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotkeeper_core::ids::RunId;
use spotkeeper_core::interface::ExecutionInput;
use spotkeeper_core::ports::{PortError, State as _};
use spotkeeper_core::record::{LeftOnSpot, LeftWhy, RunRecord};

use crate::account::denied;
use crate::console::Console;
use crate::exit::{Exit, NoAccount};
use crate::interrupt::unless_interrupted;
use crate::progress::Progress;
use crate::render::text::{counted, indented, short, wrapped};
use crate::stack::Stack;

/// How long to wait between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What a run came to: the answer of `run`, `kill`, `resume` and `restore --output json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Ran {
    /// The version of this shape.
    pub(crate) version: u32,
    /// The run: the execution's name.
    pub(crate) run: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`, as Step Functions has it.
    pub(crate) execution: String,
    /// `completed`, `skipped` or `completed_with_errors`; `null` while it runs, and where it never began.
    pub(crate) status: Option<String>,
    /// Moves by outcome; `open` for those that have not ended.
    pub(crate) moves: BTreeMap<String, u32>,
    /// Services that stay as they are although the run was about them, and why.
    pub(crate) left: Vec<Left>,
    /// Clusters that could not be worked on, with the error.
    pub(crate) failed_clusters: BTreeMap<String, String>,
    /// Why the execution failed.
    pub(crate) error: Option<String>,
    /// Whether what was asked for holds, read back; `null` where nothing was to hold.
    pub(crate) holds: Option<bool>,
}

/// A service that stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Left {
    /// `CLUSTER/NAME`.
    pub(crate) service: String,
    /// Why.
    pub(crate) why: String,
    /// Whether somebody must look.
    pub(crate) alarms: bool,
}

/// A run's id: what it is for, and when. Two people at the same millisecond would start one run.
pub(crate) fn name(what: &str) -> anyhow::Result<RunId> {
    Ok(RunId::parse(&format!("{what}-{}", Timestamp::now().as_millisecond()))?)
}

/// Starts a run.
pub(crate) async fn start(stack: &Stack, name: &RunId, input: &ExecutionInput) -> anyhow::Result<()> {
    let start = async {
        stack.machine.start(name, input).await.map_err(|error| match error {
            PortError::Failed { action, subject, source } => {
                let text = format!("{action} on {subject} failed: {source}; is {} the right stack?", stack.name);
                NoAccount(text).into()
            }
            error => denied(error).into(),
        })
    };
    unless_interrupted(start, || format!("interrupted: run {name} may have been started; {}", see(name))).await
}

/// Does something with a run that has been started, and goes on whatever becomes of that.
pub(crate) async fn watch<T>(name: &RunId, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    unless_interrupted(work, || format!("interrupted: run {name} goes on; {}", see(name))).await
}

fn see(name: &RunId) -> String {
    format!("spotkeeper history {name} shows it")
}

/// Follows a run to its end, and tells how far it is.
pub(crate) async fn follow(stack: &Stack, name: &RunId, progress: &Progress) -> anyhow::Result<Ran> {
    let mut told = String::new();
    loop {
        let ran = look(stack, name).await?;
        if ran.execution != "RUNNING" {
            return Ok(ran);
        }
        let moves = outcomes(&ran.moves);
        let now = if moves.is_empty() { "no moves yet".to_owned() } else { moves };
        if now != told {
            progress.say(&format!("run {name}: {now}"));
            told = now;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// How a run stands. What of it could not be read is left out: the execution alone is what must be known.
pub(crate) async fn look(stack: &Stack, name: &RunId) -> anyhow::Result<Ran> {
    let execution = stack.machine.execution(name.as_str()).await.map_err(denied)?;
    let record = stack.state.run(name).await.map_err(denied)?;
    let mut moves: BTreeMap<String, u32> = BTreeMap::new();
    for (_, outcome) in stack.state.outcomes(name).await.map_err(denied)? {
        *moves.entry(outcome.map_or("open", |outcome| outcome.name()).to_owned()).or_default() += 1;
    }
    let reports = match &record {
        Some(_) if execution.has_ended() => stack.state.reports(name).await.map_err(denied)?,
        _ => Vec::new(),
    };
    let end = record.as_ref().and_then(|record| record.ended.as_ref());
    Ok(Ran {
        version: 1,
        run: name.to_string(),
        execution: execution.status,
        status: end.map(|end| end.status.name().to_owned()),
        moves,
        left: reports.iter().flat_map(|report| &report.left_on_spot).map(Left::from).collect(),
        failed_clusters: end
            .map(|end| end.failed_clusters.iter().map(|(name, why)| (name.to_string(), why.clone())).collect())
            .unwrap_or_default(),
        error: execution.error.map(|(error, cause)| if cause.is_empty() { error } else { cause_of(&error, &cause) }),
        holds: None,
    })
}

/// `2 stable, 1 undone`; empty where there are none.
fn outcomes(moves: &BTreeMap<String, u32>) -> String {
    let moves: Vec<String> = moves.iter().map(|(outcome, number)| format!("{number} {outcome}")).collect();
    moves.join(", ")
}

/// What a function said, out of the JSON that Step Functions keeps of it.
fn cause_of(error: &str, cause: &str) -> String {
    let said = serde_json::from_str::<serde_json::Value>(cause).ok();
    let message = said.as_ref().and_then(|said| said.get("errorMessage")?.as_str());
    format!("{error}: {}", message.unwrap_or(cause))
}

impl From<&LeftOnSpot> for Left {
    fn from(left: &LeftOnSpot) -> Left {
        Left {
            service: left.service.to_string(),
            why: why_left(left.why).to_owned(),
            alarms: left.why != LeftWhy::NotCovered,
        }
    }
}

/// Why a service stays as it is, in words.
pub(crate) const fn why_left(why: LeftWhy) -> &'static str {
    match why {
        LeftWhy::NotCovered => "it is neither enrolled nor known, and the switch does not say --unenrolled",
        LeftWhy::SomebodyDeploys => "somebody else deploys it, and the switch does not say --preempt",
        LeftWhy::Stranded => "its move has failed for good",
        LeftWhy::NoPair => "no On-Demand provider was found for it",
        LeftWhy::Unread => "a provider of it could not be read",
        LeftWhy::HandsOff => "ECS takes no strategy for it",
        LeftWhy::MoveOpen => "a move of it is not finished",
        LeftWhy::Turning => "the group under it is being turned to On-Demand",
        LeftWhy::SwitchOn => "its original has Spot, and a switch is on",
        LeftWhy::NotNow => "its original has Spot, and nothing moves up now",
        LeftWhy::Blocked => "its original has Spot, and a rule blocks it",
    }
}

impl Ran {
    /// Whether it came to what it was for.
    pub(crate) fn exit(&self) -> Exit {
        let well = matches!(self.execution.as_str(), "SUCCEEDED" | "RUNNING")
            && self.status.as_deref() != Some("completed_with_errors")
            && self.holds != Some(false);
        if well { Exit::Good } else { Exit::Bad }
    }

    /// For people.
    pub(crate) fn text(&self, console: &Console) -> String {
        let moves = outcomes(&self.moves);
        let moves = if moves.is_empty() { "no moves".to_owned() } else { format!("moves: {moves}") };
        let status = match (&self.status, self.execution.as_str()) {
            (Some(status), _) => format!("has {}", status.replace('_', " ")),
            (None, "RUNNING") => "runs".to_owned(),
            (None, other) => format!("ended as {other}"),
        };
        let mut text = wrapped(&format!("Run {} {status}; {moves}.", self.run), console.width);
        if let Some(error) = &self.error {
            text.push_str(&indented(&short(error), console.width, 2));
        }
        for (cluster, why) in &self.failed_clusters {
            text.push_str(&indented(&format!("cluster {cluster}: {why}"), console.width, 2));
        }
        let (looks, others): (Vec<&Left>, Vec<&Left>) = self.left.iter().partition(|left| left.alarms);
        for left in looks {
            text.push_str(&indented(&format!("{} stays as it is: {}", left.service, left.why), console.width, 2));
        }
        if !others.is_empty() {
            let services = counted(others.len(), "service is", "services are");
            text.push_str(&indented(&format!("{services} not covered, and stays as it is"), console.width, 2));
        }
        text
    }
}

/// Shows a record that was written when a run began: what is wrong with its policy, and who holds the lock.
pub(crate) fn remarks(record: &RunRecord) -> Vec<String> {
    let mistakes = record.policy_mistakes.iter().map(|mistake| format!("the policy: {mistake}"));
    let lock = record.lock_held_by.iter().map(|other| format!("run {other} was alive: only moves down were made"));
    mistakes.chain(lock).collect()
}
