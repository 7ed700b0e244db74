//! `spotkeeper dial`: the most that ceilings may be, set by people.

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotkeeper_core::control::Dial as Entry;
use spotkeeper_core::switch::Scope;
use spotkeeper_core::units::Percent;

use super::kill::reason;
use super::scope::{not_passed, scope, until};
use crate::account::{block_on, denied};
use crate::console::Console;
use crate::exit::Exit;
use crate::interrupt::{NOTHING_WRITTEN, unless_interrupted};
use crate::render::text::{Columns, Row};
use crate::stack::{Stack, StackOptions};

/// Show the dials, or set one: the most of its task vCPU that a cluster may have on Spot, whatever the policy says.
///
/// A dial is written to the table and read back; the next run goes by it. Of several over a cluster, the lowest binds.
///
/// Exit status: 0 it holds; 1 it was written and does not hold; 2 the command makes no sense; 3 the account cannot be
/// used.
#[derive(Debug, Args)]
pub(crate) struct Dial {
    /// What it is for: all, or cluster/NAME.
    #[arg(value_name = "SCOPE", value_parser = scope)]
    scope: Option<Scope>,
    /// The most that a ceiling in scope may be: 0 to 100.
    #[arg(value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(0..=100))]
    percent: Option<u64>,
    /// Take the dial of the scope away.
    #[arg(long, conflicts_with_all = ["percent", "until"])]
    remove: bool,
    /// Why.
    #[arg(long, value_name = "TEXT", default_value = "set with the spotkeeper tool", value_parser = reason)]
    reason: String,
    /// When it ends by itself: an RFC 3339 time, or 90m, 6h, 2d from now on.
    #[arg(long, value_name = "TIME", value_parser = until)]
    until: Option<Timestamp>,
    #[command(flatten)]
    stack: StackOptions,
}

/// The answer of `dial --output json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Answer {
    /// The version of this shape.
    pub(crate) version: u32,
    /// The dials in force.
    pub(crate) dials: Vec<Shown>,
    /// Whether the change that was asked for holds, read back; `null` where none was.
    pub(crate) holds: Option<bool>,
}

/// A dial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Shown {
    /// What it is for.
    pub(crate) scope: Scope,
    /// The most that a ceiling in scope may be, in percent.
    pub(crate) percent: u8,
    /// Why.
    pub(crate) reason: String,
    /// Who set it.
    pub(crate) who: String,
    /// When, RFC 3339.
    #[schemars(with = "String")]
    pub(crate) set_at: Timestamp,
    /// When it ends by itself, RFC 3339.
    #[schemars(with = "Option<String>")]
    pub(crate) until: Option<Timestamp>,
}

/// The dials in force, in order of scope.
pub(crate) fn in_force(dials: &[Entry]) -> Vec<Shown> {
    let now = Timestamp::now();
    let mut shown: Vec<Shown> = dials
        .iter()
        .filter(|dial| dial.until.is_none_or(|until| now < until))
        .map(|dial| {
            let Entry { scope, percent, reason, who, set_at, until } = dial.clone();
            Shown { scope, percent: percent.get(), reason, who, set_at, until }
        })
        .collect();
    shown.sort_by(|one, other| one.scope.cmp(&other.scope));
    shown
}

/// The dials, each with why and by whom below it.
pub(crate) fn table(dials: &[Shown], console: &Console) -> String {
    let mut columns = Columns::new(&["DIAL", ">PERCENT", "SINCE", "UNTIL"]);
    for dial in dials {
        let row = Row::new([
            dial.scope.to_string(),
            dial.percent.to_string(),
            dial.set_at.to_string(),
            dial.until.map_or_else(|| "it is removed".to_owned(), |until| until.to_string()),
        ]);
        columns.add(row.below([format!("{} ({})", dial.reason, dial.who)]));
    }
    columns.render(console)
}

impl Dial {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let change = self.change()?;
        block_on(async {
            let stack = Stack::open(&self.stack).await?;
            let written = async {
                match &change {
                    None => {}
                    Some((scope, None)) => stack.state.remove_dial(scope).await.map_err(denied)?,
                    Some((scope, Some(percent))) => {
                        let dial = Entry {
                            scope: scope.clone(),
                            percent: *percent,
                            reason: self.reason.clone(),
                            who: stack.who(),
                            set_at: Timestamp::now(),
                            until: self.until,
                        };
                        stack.state.put_dial(&dial).await.map_err(denied)?;
                    }
                }
                Ok(in_force(&stack.state.dials().await.map_err(denied)?))
            };
            let may_be = || match change {
                Some(_) => "interrupted: it may have been written; spotkeeper dial shows what is in force".to_owned(),
                None => NOTHING_WRITTEN.to_owned(),
            };
            let dials = unless_interrupted(written, may_be).await?;
            let holds = change.as_ref().map(|(scope, percent)| {
                let there = dials.iter().find(|dial| dial.scope == *scope).map(|dial| dial.percent);
                there == percent.map(Percent::get)
            });
            let answer = Answer { version: 1, dials, holds };
            console.answer(&answer, || match answer.dials.is_empty() {
                true => "No dial is in force: the policy alone bounds ceilings.\n".to_owned(),
                false => table(&answer.dials, console),
            })?;
            Ok(if answer.holds == Some(false) { Exit::Bad } else { Exit::Good })
        })
    }

    /// What to change: a scope, and its percentage or none.
    fn change(&self) -> anyhow::Result<Option<(Scope, Option<Percent>)>> {
        let Some(scope) = &self.scope else { return Ok(None) };
        if let Scope::Service(..) = scope {
            bail!("a dial is for all or for a cluster; the tag spotkeeper:max-percent bounds one service");
        }
        not_passed(self.until)?;
        match (self.percent, self.remove) {
            (Some(percent), _) => Ok(Some((scope.clone(), Some(Percent::saturating(percent))))),
            (None, true) => Ok(Some((scope.clone(), None))),
            (None, false) => bail!("say how much: dial {scope} PERCENT, or dial {scope} --remove"),
        }
    }
}
