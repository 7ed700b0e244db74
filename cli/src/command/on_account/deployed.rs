//! The policy of a stack: shown, compared, replaced.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Subcommand;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use spotkeeper_aws::installation::policy_parameter;
use spotkeeper_aws::state::DynamoState;
use spotkeeper_core::policy::{MAX_BYTES, Policy, PolicyMistake, parse};

use super::input;
use super::policy::listed;
use super::policy_of::as_a_run_has_it;
use crate::account::{Account, block_on, denied};
use crate::console::Console;
use crate::exit::{Exit, NoAccount};
use crate::interrupt::unless_interrupted;
use crate::options::Output;
use crate::render;
use crate::render::text::{counted, wrapped};
use crate::stack::StackOptions;

/// What to do with the policy of a stack.
#[derive(Debug, Subcommand)]
pub(crate) enum OfStack {
    /// Print the policy of a stack as it is written there.
    ///
    /// Exit status: 0 it is a valid policy; 1 it has mistakes, which make every run dry; 3 the account cannot be
    /// used, or there is none.
    Show {
        #[command(flatten)]
        stack: StackOptions,
    },
    /// Compare a file with the policy of a stack, field by field, defaults included.
    ///
    /// Exit status: 0 they say the same; 1 they differ; 2 the file is no policy; 3 the account cannot be used.
    Diff {
        /// The document, in YAML or JSON; `-` for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        stack: StackOptions,
    },
    /// Put a file in place of the policy of a stack; the next run goes by it.
    ///
    /// The file is checked first, and one with mistakes is not written. What changes is printed, and what was written
    /// is read back.
    ///
    /// Exit status: 0 it is in place; 1 it was written and something else was read back; 2 the file is no policy, and
    /// nothing was written; 3 the account cannot be used.
    Set {
        /// The document, in YAML or JSON; `-` for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        stack: StackOptions,
    },
}

impl OfStack {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        match self {
            OfStack::Show { stack } => block_on(show(console, &stack)),
            OfStack::Diff { file, stack } => block_on(diff(console, &stack, &file)),
            OfStack::Set { file, stack } => block_on(set(console, &stack, &file)),
        }
    }
}

/// The answer of `policy show`, `diff` and `set --output json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Deployed {
    /// The version of this shape.
    pub(crate) version: u32,
    /// The parameter.
    pub(crate) parameter: String,
    /// The document as it is written there now.
    pub(crate) text: String,
    /// Its mistakes: a run under them is dry.
    pub(crate) mistakes: Vec<PolicyMistake>,
    /// How the file differs from what was there, field by field, defaults included.
    pub(crate) changes: Vec<Field>,
    /// Whether what was written was read back; `null` where nothing was written.
    pub(crate) holds: Option<bool>,
}

/// A field in which two policies differ.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Field {
    /// Where: `/budget/ceiling_percent`.
    pub(crate) path: String,
    /// What the stack's policy says; `null` where it has no such field.
    pub(crate) before: Value,
    /// What the file says; `null` where it has no such field.
    pub(crate) after: Value,
}

/// The parameter of a stack, and what reads and writes it.
struct Parameter {
    name: String,
    state: DynamoState,
}

impl Parameter {
    async fn of(options: &StackOptions) -> anyhow::Result<Parameter> {
        let account = Account::open(&options.aws).await?;
        let name = policy_parameter(&options.stack);
        Ok(Parameter { state: account.session.state("", &name), name })
    }

    async fn text(&self) -> anyhow::Result<String> {
        let text = self.state.policy_text().await.map_err(denied)?;
        text.ok_or_else(|| NoAccount(format!("there is no policy at {}: is that the stack?", self.name)).into())
    }
}

async fn show(console: &Console, options: &StackOptions) -> anyhow::Result<Exit> {
    let parameter = Parameter::of(options).await?;
    let text = parameter.text().await?;
    let mistakes = parse(&text).err().unwrap_or_default();
    let exit = if mistakes.is_empty() { Exit::Good } else { Exit::Bad };
    for mistake in &mistakes {
        console.error(&format!("{}: {mistake}", parameter.name));
    }
    if console.output == Output::Table {
        console.print(&if text.ends_with('\n') { text } else { text + "\n" });
        return Ok(exit);
    }
    let Parameter { name: parameter, .. } = parameter;
    let answer = Deployed { version: 1, parameter, text, mistakes, changes: Vec::new(), holds: None };
    console.print(&render::json(&answer)?);
    Ok(exit)
}

async fn diff(console: &Console, options: &StackOptions, file: &Path) -> anyhow::Result<Exit> {
    let (_, new) = valid(file)?;
    let parameter = Parameter::of(options).await?;
    let text = parameter.text().await?;
    let (changes, mistakes) = differences(&text, &new)?;
    let exit = if changes.is_empty() { Exit::Good } else { Exit::Bad };
    let answer = Deployed { version: 1, parameter: parameter.name, text, mistakes, changes, holds: None };
    print(console, &answer)?;
    Ok(exit)
}

async fn set(console: &Console, options: &StackOptions, file: &Path) -> anyhow::Result<Exit> {
    let (wanted, new) = valid(file)?;
    let parameter = Parameter::of(options).await?;
    let before = parameter.text().await?;
    let (changes, _) = differences(&before, &new)?;
    let written = async {
        parameter.state.put_policy_text(&wanted).await.map_err(denied)?;
        parameter.text().await
    };
    let may_be = || "interrupted: it may have been written; spotkeeper policy diff compares them".to_owned();
    let text = unless_interrupted(written, may_be).await?;
    let holds = text == wanted;
    let mistakes = Vec::new();
    let answer = Deployed { version: 1, parameter: parameter.name, text, mistakes, changes, holds: Some(holds) };
    print(console, &answer)?;
    Ok(if holds { Exit::Good } else { Exit::Bad })
}

/// A file that is a valid policy, as it is written and as it is understood.
fn valid(file: &Path) -> anyhow::Result<(String, Policy)> {
    let name = input::name(file);
    let text = input::read(file, MAX_BYTES)?;
    let no_policy =
        |mistakes: Vec<PolicyMistake>| anyhow!("{name} is no policy, and nothing was written: {}", listed(&mistakes));
    let policy = parse(&text).map_err(no_policy)?;
    Ok((text, policy))
}

/// How a policy differs from the document that is there. One with mistakes counts as the default, as in a run.
fn differences(there: &str, new: &Policy) -> anyhow::Result<(Vec<Field>, Vec<PolicyMistake>)> {
    let (before, mistakes) = as_a_run_has_it(there);
    let (before, after) = (fields(&serde_json::to_value(before)?), fields(&serde_json::to_value(new)?));
    let paths: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |fields: &BTreeMap<String, Value>, path: &String| fields.get(path).cloned().unwrap_or_default();
    let changes = paths
        .into_iter()
        .map(|path| Field { path: path.clone(), before: value(&before, path), after: value(&after, path) })
        .filter(|field| field.before != field.after);
    Ok((changes.collect(), mistakes))
}

/// Every field that has no fields of its own, by its path.
fn fields(value: &Value) -> BTreeMap<String, Value> {
    fn walk(path: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                fields.iter().for_each(|(name, value)| walk(&format!("{path}/{name}"), value, found));
            }
            Value::Array(items) if !items.is_empty() => {
                items.iter().enumerate().for_each(|(number, value)| walk(&format!("{path}/{number}"), value, found));
            }
            other => _ = found.insert(path.to_owned(), other.clone()),
        }
    }
    let mut found = BTreeMap::new();
    walk("", value, &mut found);
    found
}

fn print(console: &Console, answer: &Deployed) -> anyhow::Result<()> {
    if console.output == Output::Table {
        for mistake in &answer.mistakes {
            console.error(&format!("{}: {mistake}", answer.parameter));
        }
    }
    console.answer(answer, || compared(answer, console))
}

/// The fields that differ, and what became of them.
fn compared(answer: &Deployed, console: &Console) -> String {
    let mut text = String::new();
    for Field { path, before, after } in &answer.changes {
        text.push_str(&wrapped(&format!("{path}: {before} -> {after}"), console.width));
    }
    let fields = match answer.changes.len() {
        0 => "no field".to_owned(),
        some => counted(some, "field", "fields"),
    };
    text.push_str(&match answer.holds {
        None => format!("{} and the file differ in {fields}.\n", answer.parameter),
        Some(true) => format!("{} is in place, read back; it changes {fields}.\n", answer.parameter),
        Some(false) => format!("{} WAS WRITTEN, AND SOMETHING ELSE WAS READ BACK: write it again.\n", answer.parameter),
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_compared_by_what_they_say() {
        let changed = |there: &str, new: &str| {
            let (changes, mistakes) = differences(there, &parse(new).unwrap()).unwrap();
            let told = |one: &Field| format!("{} {} {}", one.path, one.before, one.after);
            (changes.iter().map(told).collect::<Vec<_>>(), mistakes.len())
        };
        assert_eq!(changed("# nothing\n", "{}"), (vec![], 0), "a default said is a default left out");
        assert_eq!(
            changed("mode: active\n", "budget: { ceiling_percent: 20 }"),
            (vec![r"/budget/ceiling_percent 10 20".to_owned(), r#"/mode "active" "dry_run""#.to_owned()], 0)
        );
        assert_eq!(
            changed("mode: nonsense\n", "clusters: [prod]"),
            (vec!["/clusters [] null".to_owned(), r#"/clusters/0 null "prod""#.to_owned()], 1)
        );
    }
}
