//! Parsing the policy document: every mistake in one answer.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::contradictions::contradictions;
use super::explain::explain;
use super::{MAX_BYTES, Policy};

/// The most mistakes that are listed one by one: the record of a run holds them.
const MAX_MISTAKES: usize = 50;

/// One mistake in a policy document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyMistake {
    /// Where: `/budget/ceiling_percent`; `/` for the document itself.
    pub path: String,
    /// What is wrong and what is allowed.
    pub problem: String,
}

impl PolicyMistake {
    /// A mistake at a path; the empty path is the document itself.
    pub(super) fn at(path: &str, problem: String) -> PolicyMistake {
        PolicyMistake { path: if path.is_empty() { "/" } else { path }.to_owned(), problem }
    }
}

impl std::fmt::Display for PolicyMistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// The JSON Schema of a policy document, generated from the Rust types.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(Policy).to_value()
}

/// Parses a YAML or JSON policy document. An empty one is the default policy: a dry run.
///
/// # Errors
/// Every mistake, in order of path, fifty at the most and the rest counted. A document that
/// cannot be read at all has one mistake, the first; what only contradicts itself is told when
/// each field alone is right.
pub fn parse(text: &str) -> Result<Policy, Vec<PolicyMistake>> {
    let one = |problem: String| vec![PolicyMistake::at("", problem)];
    if text.len() > MAX_BYTES {
        return Err(one(format!("is {} bytes long: an SSM parameter holds {MAX_BYTES} at the most", text.len())));
    }
    let document = read(text).map_err(one)?;
    if document.is_null() {
        return Ok(Policy::default());
    }
    let policy: Policy = checked(document)?;
    match contradictions(&policy) {
        mistakes if mistakes.is_empty() => Ok(policy),
        mistakes => Err(in_order(mistakes)),
    }
}

/// Reads a JSON document into a type by the type's own schema.
///
/// # Errors
/// Every mistake with its path and what is allowed, in order of path.
pub fn checked<T: JsonSchema + serde::de::DeserializeOwned>(mut document: Value) -> Result<T, Vec<PolicyMistake>> {
    let one = |problem: String| vec![PolicyMistake::at("", problem)];
    whole_numbers(&mut document);
    let schema = schemars::schema_for!(T).to_value();
    let validator =
        jsonschema::validator_for(&schema).map_err(|error| one(format!("the schema itself is wrong: {error}")))?;
    let mistakes: Vec<PolicyMistake> =
        validator.iter_errors(&document).flat_map(|error| explain(&schema, &error)).collect();
    if !mistakes.is_empty() {
        return Err(in_order(mistakes));
    }
    serde_json::from_value(document).map_err(|error| one(error.to_string()))
}

/// Reads YAML, of which JSON is a part. Keys stand once, aliases and depth are bounded well above
/// what a document of [`MAX_BYTES`] needs, and `yes` is no boolean.
fn read(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_events: 20_000,
            max_nodes: 10_000,
            max_depth: 16,
            flow_nesting_limit: 16,
            max_documents: 2,
            max_aliases: 200,
            max_anchors: 50,
            max_merge_keys: 100,
            max_total_scalar_bytes: 256 * 1024,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 10_000,
            max_replay_stack_depth: 4,
        },
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
    };
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let plain = serde_saphyr::render_options! {
            formatter: &serde_saphyr::UserMessageFormatter,
            snippets: serde_saphyr::SnippetMode::Off,
        };
        format!("cannot be read as YAML or JSON: {}", error.render_with_options(plain))
    })
}

/// Makes `10.0` the integer that JSON Schema takes it for.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64()
                && float.fract() == 0.0
                && let Ok(whole) = format!("{float:.0}").parse::<i64>()
            {
                *number = Number::from(whole);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Orders mistakes by path, list entries by number, and counts those beyond [`MAX_MISTAKES`].
fn in_order(mut mistakes: Vec<PolicyMistake>) -> Vec<PolicyMistake> {
    let key = |path: &str| -> Vec<(u32, String)> {
        path.split('/').map(|part| (part.parse().unwrap_or(0), part.to_owned())).collect()
    };
    mistakes.sort_by_cached_key(|mistake| (key(&mistake.path), mistake.problem.clone()));
    mistakes.dedup();
    if let Some(more) = mistakes.len().checked_sub(MAX_MISTAKES)
        && more > 0
    {
        mistakes.truncate(MAX_MISTAKES);
        mistakes.push(PolicyMistake::at("", format!("has {more} more mistakes")));
    }
    mistakes
}
