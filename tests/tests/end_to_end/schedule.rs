//! The stack's schedules, as EventBridge Scheduler keeps them.

use serde_json::{Value, json};

use spotkeeper_tests::local::Local;

/// The names of the stack's schedules, and their groups.
pub(crate) fn schedules(local: &Local) -> Vec<Value> {
    let answer = local.stack.api.cli(&["scheduler", "list-schedules"]).unwrap();
    let schedules = answer["Schedules"].as_array().unwrap().clone();
    assert_eq!(schedules.len(), 2, "{answer}");
    schedules
}

/// Lets a schedule, which is off in tests, start what it starts, once and now. All else of it stays.
pub(crate) fn start_now(local: &Local, schedule: &Value) {
    let text = |key: &str| schedule[key].as_str().unwrap();
    let (name, group) = (text("Name"), text("GroupName"));
    let known = ["scheduler", "get-schedule", "--name", name, "--group-name", group];
    let known = local.stack.api.cli(&known).unwrap();
    assert_eq!(known["State"], "DISABLED", "{known}");
    let input = json!({
        "FlexibleTimeWindow": known["FlexibleTimeWindow"], "Target": known["Target"], "GroupName": group,
        "ScheduleExpression": "at(2026-01-01T00:00:00)", "State": "ENABLED", "Name": name,
    });
    let input = input.to_string();
    local.stack.api.cli(&["scheduler", "update-schedule", "--cli-input-json", &input]).unwrap();
}
