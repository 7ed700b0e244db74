//! How answers look, apart from the commands that have them.

#[cfg(feature = "account")]
pub(crate) mod assess;
#[cfg(feature = "account")]
pub(crate) mod assess_table;
pub(crate) mod github;
pub(crate) mod report;
pub(crate) mod sarif;
pub(crate) mod table;
#[cfg_attr(not(feature = "account"), allow(dead_code, reason = "much of it is for the commands on an account"))]
pub(crate) mod text;
#[cfg(feature = "account")]
pub(crate) mod words;

/// An answer as JSON, with a line's end.
pub(crate) fn json(answer: &impl serde::Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(answer)? + "\n")
}
