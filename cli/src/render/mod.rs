//! How answers look, apart from the commands that have them.

pub(crate) mod assess;
pub(crate) mod assess_table;
pub(crate) mod github;
pub(crate) mod report;
pub(crate) mod sarif;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod words;

/// An answer as JSON, with a line's end.
pub(crate) fn json(answer: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(answer)? + "\n")
}
