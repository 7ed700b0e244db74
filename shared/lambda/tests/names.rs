//! Error names are an interface with the state machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeSet;

use serde_json::Value;
use spotkeeper_lambda::Failure;

const DEFINITION: &str = include_str!("../../../statemachine/orchestrator.asl.json");

/// Every name in any `ErrorEquals`.
fn matched(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let equals = fields.get("ErrorEquals").and_then(Value::as_array).into_iter().flatten();
            names.extend(equals.filter_map(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| matched(field, names));
        }
        Value::Array(items) => items.iter().for_each(|item| matched(item, names)),
        _ => {}
    }
}

#[test]
fn every_name_is_matched_and_every_matched_name_exists() {
    let definition: Value = serde_json::from_str(DEFINITION).unwrap();
    let mut names = BTreeSet::new();
    matched(&definition, &mut names);
    for name in Failure::NAMES {
        assert!(names.contains(name), "{name} is matched nowhere");
    }
    for name in names {
        let of_aws = ["States.", "Lambda.", "Runtime.", "Sandbox."].iter().any(|prefix| name.starts_with(prefix));
        assert!(of_aws || Failure::NAMES.contains(&name.as_str()), "{name} is matched and never answered");
    }
}
