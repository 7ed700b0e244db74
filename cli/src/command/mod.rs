//! The commands, one module each.

mod assess;
mod check;
mod completions;
mod deployed;
mod dial;
mod execution;
mod input;
mod kill;
mod look;
mod plan;
mod policy;
mod policy_of;
mod run;
mod scope;
mod switches;

pub(crate) use policy_of::PolicyOf;

use clap::Subcommand;

use crate::console::Console;
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Assess(Box<assess::Assess>),
    Check(check::Check),
    Plan(Box<plan::Plan>),
    Switches(switches::Switches),
    Kill(Box<kill::Kill>),
    Resume(Box<kill::Resume>),
    Dial(Box<dial::Dial>),
    Run(Box<run::Run>),
    History(run::History),
    Restore(Box<run::Restore>),
    Policy(policy::Policy),
    Completions(completions::Completions),
}

impl Command {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        match self {
            Command::Assess(assess) => assess.run(console),
            Command::Check(check) => check.run(console),
            Command::Plan(plan) => plan.run(console),
            Command::Switches(switches) => switches.run(console),
            Command::Kill(kill) => kill.run(console),
            Command::Resume(resume) => resume.run(console),
            Command::Dial(dial) => dial.run(console),
            Command::Run(run) => run.run(console),
            Command::History(history) => history.run(console),
            Command::Restore(restore) => restore.run(console),
            Command::Policy(policy) => policy.run(console),
            Command::Completions(completions) => completions.run(console),
        }
    }
}
