//! `spotkeeper kill` and `spotkeeper resume`: the kill switch, thrown and released by an execution.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use spotkeeper_core::interface::{ExecutionInput, SwitchInput};
use spotkeeper_core::ports::State as _;
use spotkeeper_core::switch::{Lever, Scope, SwitchState};

use super::direct;
use super::execution::{self, Ran};
use super::scope::{not_passed, scope, until};
use crate::account::{block_on, block_on_whole, denied};
use crate::console::Console;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::stack::{Stack, StackOptions};

/// How long a switch may take from the start of its execution until it is read back.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Throw the kill switch: everything in scope back to On-Demand, and nothing on Spot until it is released.
///
/// Starts an execution that throws the switch and brings services down, reads the switch back, and follows the
/// execution to its end. Ctrl-C ends the following alone: the switch and its run stay. With --direct, Ctrl-C lets the
/// write under way come to its end, and says what was written.
///
/// Exit status: 0 the switch is on and its run has completed; 1 the run has not come to all it was for; 3 the account
/// cannot be used, and nothing was changed; 130 interrupted: what stays is told.
#[derive(Debug, Args)]
pub(crate) struct Kill {
    /// What it covers: all, cluster/NAME, or a service as CLUSTER/NAME.
    #[arg(value_name = "SCOPE", default_value = "all", value_parser = scope)]
    scope: Scope,
    /// Why: 1 to 256 characters.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
    /// When it ends by itself: an RFC 3339 time, or 90m, 6h, 2d from now on.
    #[arg(long, value_name = "TIME", value_parser = until)]
    until: Option<Timestamp>,
    /// Also interrupt deployments that somebody else started.
    #[arg(long)]
    preempt: bool,
    /// Also cover services that are neither enrolled nor known to Spotkeeper.
    #[arg(long)]
    unenrolled: bool,
    /// How services come off Spot: `strategy` deploys each anew, `capacity` turns whole Auto Scaling groups to
    /// On-Demand where the stack and the groups allow it, and deploys the rest.
    #[arg(long, value_name = "LEVER", default_value = "strategy", value_parser = lever, conflicts_with = "direct")]
    lever: Lever,
    /// Do not wait for services to come down: end when the switch is on, or everything is written.
    #[arg(long)]
    no_follow: bool,
    /// Go by ECS alone, where Lambda, the table or Step Functions are down: no switch is thrown, each service is
    /// written from here, and a journal is kept by which `resume --direct` puts all of it back.
    #[arg(long, conflicts_with = "until")]
    direct: bool,
    /// The journal of --direct, a new file; else spotkeeper-kill-TIME.jsonl here.
    #[arg(long, value_name = "FILE", requires = "direct")]
    journal: Option<PathBuf>,
    #[command(flatten)]
    stack: StackOptions,
}

/// Release the kill switch of a scope: services climb again, by canary.
///
/// Exit status: 0 the switch is off, and the run has completed; 1 it has not come to all it was for; 2 no such switch
/// is on; 3 the account cannot be used, and nothing was changed.
#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The scope of the switch: all, cluster/NAME, or a service as CLUSTER/NAME.
    #[arg(value_name = "SCOPE", default_value = "all", value_parser = scope)]
    scope: Scope,
    /// Why: 1 to 256 characters.
    #[arg(long, value_name = "TEXT", default_value = "released with the spotkeeper tool", value_parser = reason)]
    reason: String,
    /// Do not wait for the run that follows: end when the switch is off.
    #[arg(long)]
    no_follow: bool,
    /// Go by ECS alone: put back what the journal of a `kill --direct` says was there, where nobody has changed it
    /// since. No rule is asked: it is what was there before.
    #[arg(long, requires = "journal")]
    direct: bool,
    /// That journal.
    #[arg(long, value_name = "FILE", requires = "direct")]
    journal: Option<PathBuf>,
    #[command(flatten)]
    stack: StackOptions,
}

/// A reason, as the recorder takes it.
pub(crate) fn reason(text: &str) -> Result<String, String> {
    match text.chars().count() {
        1..=256 => Ok(text.to_owned()),
        length => Err(format!("a reason has 1 to 256 characters, not {length}")),
    }
}

/// A lever by its name.
fn lever(text: &str) -> Result<Lever, String> {
    let all = [Lever::Strategy, Lever::Capacity];
    let found = all.into_iter().find(|lever| lever.name() == text);
    found.ok_or_else(|| format!("write {}", all.map(Lever::name).join(" or ")))
}

impl Kill {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        if self.direct {
            let new = || PathBuf::from(format!("spotkeeper-kill-{}.jsonl", Timestamp::now().as_second()));
            let asked = direct::Kill {
                aws: &self.stack.aws,
                scope: &self.scope,
                reason: &self.reason,
                preempt: self.preempt,
                unenrolled: self.unenrolled,
                journal: &self.journal.clone().unwrap_or_else(new),
                follows: !self.no_follow,
            };
            return block_on_whole(direct::kill(console, &asked));
        }
        block_on(async {
            let stack = Stack::open(&self.stack).await?;
            not_passed(self.until)?;
            let switch = SwitchInput {
                scope: self.scope.clone(),
                state: SwitchState::On,
                reason: self.reason.clone(),
                until: self.until,
                preempt: self.preempt,
                unenrolled: self.unenrolled,
                lever: self.lever,
            };
            throw(console, &stack, switch, !self.no_follow).await
        })
    }
}

impl Resume {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        if let Some(journal) = self.journal.as_ref().filter(|_| self.direct) {
            return block_on_whole(direct::resume(console, &self.stack.aws, journal));
        }
        block_on(async {
            let stack = Stack::open(&self.stack).await?;
            let switches = stack.state.switches().await.map_err(denied)?;
            if !switches.entries.iter().any(|entry| entry.scope == self.scope) {
                let on: Vec<String> = switches.in_force(Timestamp::now()).map(|one| one.scope.to_string()).collect();
                let on = if on.is_empty() { "none is".to_owned() } else { format!("on is: {}", on.join(", ")) };
                bail!("no switch of scope {} is on; {on}", self.scope);
            }
            let switch = SwitchInput {
                scope: self.scope.clone(),
                state: SwitchState::Off,
                reason: self.reason.clone(),
                until: None,
                preempt: false,
                unenrolled: false,
                lever: Lever::Strategy,
            };
            throw(console, &stack, switch, !self.no_follow).await
        })
    }
}

/// Changes a switch by an execution, reads it back, and follows the run.
async fn throw(console: &Console, stack: &Stack, switch: SwitchInput, follows: bool) -> anyhow::Result<Exit> {
    let (scope, state) = (switch.scope.clone(), switch.state);
    let name = execution::name(if state == SwitchState::On { "kill" } else { "resume" })?;
    let progress = Progress::new(console.quiet);
    execution::start(stack, &name, &ExecutionInput { switch: Some(switch.clone()), ..Default::default() }).await?;
    let watched = async {
        let mut ran = until_it_holds(stack, &name, &switch, &progress).await?;
        if follows && ran.holds == Some(true) {
            ran = execution::follow(stack, &name, &progress).await?;
            // Somebody else may have changed it meanwhile.
            ran.holds = Some(holds(stack, &switch).await?);
        }
        Ok(ran)
    };
    let ran = execution::watch(&name, watched).await?;
    drop(progress);
    console.answer(&ran, || {
        let holds = match (ran.holds == Some(true), state) {
            (true, SwitchState::On) => "is on: read back from the table",
            (true, SwitchState::Off) => "is off: read back from the table",
            (false, SwitchState::On) => "IS NOT ON: kill --direct needs ECS alone",
            (false, SwitchState::Off) => "IS STILL ON",
        };
        format!("The kill switch of {scope} {holds}.\n{}", ran.text(console))
    })?;
    Ok(ran.exit())
}

/// Waits until the switch is what it is to be, or the execution has ended without that.
async fn until_it_holds(
    stack: &Stack,
    name: &spotkeeper_core::ids::RunId,
    switch: &SwitchInput,
    progress: &Progress,
) -> anyhow::Result<Ran> {
    let started = Instant::now();
    progress.say(&format!("run {name} has been started; waiting for the switch of {}", switch.scope));
    loop {
        let is_so = holds(stack, switch).await?;
        let mut ran = execution::look(stack, name).await?;
        if is_so || ran.execution != "RUNNING" || started.elapsed() > PATIENCE {
            ran.holds = Some(is_so);
            return Ok(ran);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether the table has the switch as it was asked for.
async fn holds(stack: &Stack, switch: &SwitchInput) -> anyhow::Result<bool> {
    let switches = stack.state.switches().await.map_err(denied)?;
    let mut on = switches.in_force(Timestamp::now()).filter(|entry| entry.scope == switch.scope);
    Ok(match switch.state {
        SwitchState::Off => on.next().is_none(),
        SwitchState::On => on.any(|entry| {
            let asked = (&switch.reason, switch.until, switch.preempt, switch.unenrolled, switch.lever);
            (&entry.reason, entry.until, entry.preempt, entry.unenrolled, entry.lever) == asked
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lever_is_written_as_in_an_executions_input() {
        for (text, expected) in [("strategy", Ok(Lever::Strategy)), ("capacity", Ok(Lever::Capacity))] {
            assert_eq!(lever(text), expected);
        }
        assert_eq!(lever("services"), Err("write strategy or capacity".to_owned()));
    }
}
