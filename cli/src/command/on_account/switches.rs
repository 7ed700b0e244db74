//! `spotkeeper switches`: the kill switches that are on.

use clap::Args;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotkeeper_core::ports::State as _;
use spotkeeper_core::switch::{Lever, Scope, SwitchEntry};

use crate::account::{block_on, denied};
use crate::console::Console;
use crate::exit::Exit;
use crate::render::text::{Columns, Row, wrapped};
use crate::stack::{Stack, StackOptions};

/// Show the kill switches that are on.
///
/// Exit status: 0 none is on; 1 one is on; 3 the account cannot be used.
#[derive(Debug, Args)]
pub(crate) struct Switches {
    #[command(flatten)]
    stack: StackOptions,
}

/// The answer of `switches --output json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Answer {
    /// The version of this shape.
    pub(crate) version: u32,
    /// Counts up with every change of any switch.
    pub(crate) epoch: u64,
    /// Those that are on.
    pub(crate) switches: Vec<Switch>,
}

/// A kill switch that is on.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Switch {
    /// What it covers.
    pub(crate) scope: Scope,
    /// Why.
    pub(crate) reason: String,
    /// Who threw it.
    pub(crate) who: String,
    /// When, RFC 3339.
    #[schemars(with = "String")]
    pub(crate) set_at: Timestamp,
    /// When it ends by itself, RFC 3339.
    #[schemars(with = "Option<String>")]
    pub(crate) until: Option<Timestamp>,
    /// Whether it interrupts deployments that somebody else started.
    pub(crate) preempt: bool,
    /// Whether it covers services that are neither enrolled nor in the ledger.
    pub(crate) unenrolled: bool,
    /// How it brings services off Spot.
    pub(crate) lever: Lever,
}

impl From<&SwitchEntry> for Switch {
    fn from(entry: &SwitchEntry) -> Switch {
        let SwitchEntry { scope, reason, who, set_at, until, preempt, unenrolled, lever } = entry.clone();
        Switch { scope, reason, who, set_at, until, preempt, unenrolled, lever }
    }
}

impl Switches {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        block_on(async {
            let stack = Stack::open(&self.stack).await?;
            let switches = stack.state.switches().await.map_err(denied)?;
            let on: Vec<Switch> = switches.in_force(Timestamp::now()).map(Switch::from).collect();
            let exit = if on.is_empty() { Exit::Good } else { Exit::Bad };
            let answer = Answer { version: 1, epoch: switches.epoch, switches: on };
            console.answer(&answer, || match answer.switches.is_empty() {
                true => format!("No kill switch of {} is on.\n", stack.name),
                false => table(&answer.switches, console),
            })?;
            Ok(exit)
        })
    }
}

/// The switches, each with why and by whom below it.
pub(crate) fn table(switches: &[Switch], console: &Console) -> String {
    let mut columns = Columns::new(&["SWITCH", "SINCE", "UNTIL", "ALSO"]);
    for one in switches {
        let turns_groups = one.lever == Lever::Capacity;
        let also = [(one.preempt, "preempts"), (one.unenrolled, "unenrolled"), (turns_groups, "turns groups")];
        let also: Vec<&str> = also.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
        let row = Row::new([
            one.scope.to_string(),
            one.set_at.to_string(),
            one.until.map_or_else(|| "it is released".to_owned(), |until| until.to_string()),
            also.join(", "),
        ]);
        columns.add(row.below([format!("{} ({})", one.reason, one.who)]));
    }
    wrapped("These kill switches are on: nothing in their scope may be on Spot.", console.width)
        + &columns.render(console)
}
