//! A document with the place of every value: JSON, or YAML with CloudFormation's short tags.
//!
//! - JSON is first read by a parser of JSON alone, so that what is no JSON is refused with its line
//!   and column; then, as YAML of which it is a part, for the places.
//! - A short tag becomes the long form: `!Ref X` is `{"Ref": "X"}`, `!GetAtt A.B` is
//!   `{"Fn::GetAtt": ["A", "B"]}`, `!Sub x` is `{"Fn::Sub": "x"}`.
//! - Keys stand once. Aliases and merge keys (`<<`) work, within bounds: size, depth, the number of
//!   values and the bytes of text are limited after they are filled in.
//! - Go's template tokens (`{{ must_env "X" }}`), as ecspresso has them, are read as text where a
//!   value can stand, and nothing is filled in.

mod build;
mod mask;
mod scalar;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest file that is looked at: 2 MiB. The largest template that CloudFormation takes is 1 MB
/// ("AWS CloudFormation quotas", CloudFormation user guide).
pub const MAX_DOCUMENT_BYTES: usize = 2_097_152;
/// The deepest nesting: JSON's own parser has a limit of the same kind.
const MAX_DEPTH: usize = 96;
/// The most values, each counted as often as aliases bring it in.
const MAX_VALUES: usize = 250_000;
/// The most bytes of text, counted the same: 8 MiB.
const MAX_TEXT_BYTES: usize = 8_388_608;

/// A place in a text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// A part of a text.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Span {
    /// Its first character.
    pub start: Place,
    /// The character after its last one.
    pub end: Place,
}

/// A document that was read.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it says.
    pub value: Value,
    marks: Mark,
}

/// Where a value stands, and what is in it; in the order of the value's own children.
#[derive(Debug, Clone, Default)]
struct Mark {
    key: Option<Span>,
    value: Span,
    children: Vec<Mark>,
}

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct Unreadable {
    /// Where; `None` where it is the text as a whole.
    pub at: Option<Place>,
    /// What is wrong, and what was expected.
    pub problem: String,
}

impl Unreadable {
    fn whole(problem: impl Into<String>) -> Unreadable {
        Unreadable { at: None, problem: problem.into() }
    }
}

impl Document {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn read(text: &str) -> Result<Document, Unreadable> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > MAX_DOCUMENT_BYTES {
            let bytes = text.len();
            return Err(Unreadable::whole(format!(
                "{bytes} bytes are more than the {MAX_DOCUMENT_BYTES} that are taken"
            )));
        }
        if text.trim().is_empty() {
            return Err(Unreadable::whole("it is empty: a definition or a template in JSON or YAML was expected"));
        }
        if let Some(control) = text.chars().find(|one| one.is_control() && !matches!(one, '\n' | '\r' | '\t')) {
            let problem = format!("it holds {control:?}, so it is no text: JSON or YAML was expected");
            return Err(Unreadable::whole(problem));
        }
        match parse(text, text, &[]) {
            Ok(document) => Ok(document),
            Err(error) => match mask::tokens(text) {
                // The first mistake is what a person can mend; unless the tokens were all of it.
                Some(masked) => parse(&masked.text, text, &masked.spans).map_err(|error| Unreadable {
                    problem: format!(
                        "{}; it holds template tokens ({{{{ … }}}}) where no value can stand, or is wrong besides: give \
                         what the template renders to",
                        error.problem
                    ),
                    ..error
                }),
                None => Err(error),
            },
        }
    }

    /// Where the value that a JSON pointer names stands, or else the nearest thing around it: a text
    /// or a number itself, and of a list or an object its key, or its beginning.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Span {
        let (mut value, mut mark) = (&self.value, &self.marks);
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            let index = match value {
                Value::Object(fields) => fields.keys().position(|key| *key == part),
                Value::Array(_) => part.parse().ok(),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            };
            let within = index.and_then(|index| Some((nth(value, index)?, mark.children.get(index)?)));
            match within {
                Some(within) => (value, mark) = within,
                None => break,
            }
        }
        match (value, mark.key) {
            (Value::Object(_) | Value::Array(_), Some(key)) => key,
            _ => mark.value,
        }
    }
}

fn nth(value: &Value, index: usize) -> Option<&Value> {
    match value {
        Value::Object(fields) => fields.values().nth(index),
        Value::Array(items) => items.get(index),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Reads a text, of which `masked` parts stand for what `original` has there.
fn parse(text: &str, original: &str, masked: &[mask::Masked]) -> Result<Document, Unreadable> {
    if text.trim_start().starts_with(['{', '[']) {
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|error| {
            let said = error.to_string();
            let what = said.split_once(" at line ").map_or(said.as_str(), |(what, _)| what);
            let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
            Unreadable {
                at: Some(Place { line: place(error.line()), column: place(error.column()) }),
                problem: format!("it begins like JSON and is none: {what}"),
            }
        })?;
    }
    build::document(text, original, masked)
}
