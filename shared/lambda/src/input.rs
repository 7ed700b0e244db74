//! Inputs: bounded, and refused with every mistake named.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;
use spotkeeper_core::policy::checked;

use crate::Failure;

/// The largest input: what Step Functions passes on. Source: "Quotas for state executions", AWS
/// Step Functions developer guide.
const MAX_BYTES: usize = 256 * 1024;

/// Reads an input by the schema of its type.
///
/// # Errors
/// `InvalidInput` with every mistake: its path, and what is allowed there.
pub fn parse<T: JsonSchema + DeserializeOwned>(input: &Value) -> Result<T, Failure> {
    bounded(input)?;
    checked(input.clone()).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Failure::invalid(mistakes.join("; "))
    })
}

/// Reads an input that is one of several shapes, told apart by a tag. A schema would answer for
/// all the shapes at once; the first mistake of the one that was meant says more.
///
/// # Errors
/// `InvalidInput` with the first mistake and its path.
pub fn parse_tagged<T: DeserializeOwned>(input: &Value) -> Result<T, Failure> {
    bounded(input)?;
    serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        Failure::invalid(if path == "." { inner.to_string() } else { format!("{path}: {inner}") })
    })
}

fn bounded(input: &Value) -> Result<(), Failure> {
    let size = input.to_string().len();
    match size <= MAX_BYTES {
        true => Ok(()),
        false => Err(Failure::invalid(format!("{size} bytes are more than the {MAX_BYTES} of an input"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use spotkeeper_core::interface::{CheckInput, ExecutionInput, RecorderInput, UpdateInput};

    use super::*;

    #[test]
    fn every_unknown_field_is_named() {
        let input = json!({"dryrun": true, "cluster": ["a"], "clusters": ["a/b"]});
        let refused = parse::<ExecutionInput>(&input).unwrap_err().to_string();
        for part in ["dryrun", "cluster", "/clusters/0"] {
            assert!(refused.contains(part), "{refused}");
        }
    }

    #[test]
    fn mistakes_have_their_path() {
        let cases = [
            ("a missing field", parse::<CheckInput>(&json!({"run_id": "r"})).unwrap_err(), "move_id"),
            ("a wrong type", parse::<UpdateInput>(&json!({"run_id": "r", "move_ids": "m"})).unwrap_err(), "/move_ids"),
            ("an unknown op", parse_tagged::<RecorderInput>(&json!({"op": "start"})).unwrap_err(), "start"),
            ("not an object", parse::<UpdateInput>(&json!([])).unwrap_err(), "a list is not allowed"),
            ("too large", parse::<UpdateInput>(&json!("x".repeat(MAX_BYTES))).unwrap_err(), "bytes"),
        ];
        for (name, failure, part) in cases {
            assert!(failure.to_string().contains(part), "{name}: {failure}");
        }
    }
}
