//! The commands that ask an account, and those that change something there.

mod assess;
mod deployed;
mod dial;
mod direct;
mod execution;
mod explain;
mod journal;
mod kill;
mod look;
mod plan;
mod policy_of;
mod prices;
mod run;
mod scope;
mod status;
mod switches;

pub(super) use deployed::OfStack;
pub(crate) use policy_of::PolicyOf;

use clap::Subcommand;

use super::{input, policy};
use crate::console::Console;
use crate::exit::Exit;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Assess(Box<assess::Assess>),
    Plan(Box<plan::Plan>),
    Explain(explain::Explain),
    Status(status::Status),
    Switches(switches::Switches),
    Kill(Box<kill::Kill>),
    Resume(Box<kill::Resume>),
    Dial(Box<dial::Dial>),
    Run(Box<run::Run>),
    History(run::History),
    Restore(Box<run::Restore>),
}

impl Command {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        match self {
            Command::Assess(assess) => assess.run(console),
            Command::Plan(plan) => plan.run(console),
            Command::Explain(explain) => explain.run(console),
            Command::Status(status) => status.run(console),
            Command::Switches(switches) => switches.run(console),
            Command::Kill(kill) => kill.run(console),
            Command::Resume(resume) => resume.run(console),
            Command::Dial(dial) => dial.run(console),
            Command::Run(run) => run.run(console),
            Command::History(history) => history.run(console),
            Command::Restore(restore) => restore.run(console),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    /// `docs/cli.schema.json` has the shape of each answer that has no file of its own; `UPDATE_GOLDEN=1` writes it
    /// anew.
    #[test]
    fn the_published_schemas_are_those_of_the_types() {
        let schemas = BTreeMap::from([
            ("dial", schemars::schema_for!(super::dial::Answer)),
            ("direct", schemars::schema_for!(super::direct::Answer)),
            ("explain", schemars::schema_for!(super::explain::Answer)),
            ("history", schemars::schema_for!(super::run::Answer)),
            ("plan", schemars::schema_for!(super::plan::Answer)),
            ("policy", schemars::schema_for!(super::deployed::Deployed)),
            ("run", schemars::schema_for!(super::execution::Ran)),
            ("status", schemars::schema_for!(super::status::Answer)),
            ("switches", schemars::schema_for!(super::switches::Answer)),
            ("validate", schemars::schema_for!(crate::command::policy::Validated)),
        ]);
        let text = crate::render::json(&schemas).unwrap();
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.schema.json");
        let update = std::env::var("UPDATE_GOLDEN").is_ok();
        if update {
            std::fs::write(&path, &text).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), text, "UPDATE_GOLDEN=1 writes it anew");
    }
}
