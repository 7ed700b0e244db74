//! Its retries, timeouts, catches and concurrency are those of core.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use spotkeeper_core::phase::{
    Function, MOVES_AT_ONCE, Phase, RETRIED, RETRY_BACKOFF_RATE, RETRY_INTERVAL, RETRY_MAX_DELAY, TRANSITIONS,
};
use spotkeeper_tests::paths::workspace;

use super::{STATES, phase};

#[test]
fn every_task_is_caught_and_no_mistake_is_retried() {
    let tasks: Vec<_> = STATES.iter().filter(|(_, state)| state["Type"] == "Task").collect();
    assert!(tasks.len() >= 7);
    for (name, state) in tasks {
        let retry = &state["Retry"][0];
        for mistake in ["InvalidInput", "UnknownCluster", "AccessDenied", "CorruptState", "States.ALL"] {
            let retried = retry["ErrorEquals"].as_array().unwrap().contains(&json!(mistake));
            assert!(!retried, "{name} is retried on {mistake}, which no retry mends");
        }
        // Where the record of an outcome fails for good there is nobody left to tell: the child
        // fails, and the next run finds the move in the ledger.
        if name != "RecordOutcome" {
            let last = state["Catch"].as_array().and_then(|catches| catches.last());
            assert_eq!(last.map(|catch| &catch["ErrorEquals"]), Some(&json!(["States.ALL"])), "{name} is not caught");
        }
    }
}

/// The simulator's driver walks a run by these limits.
#[test]
fn every_task_has_the_limits_of_the_phase_table() {
    let tasks: BTreeMap<&String, &Value> = STATES.iter().filter(|(_, state)| state["Type"] == "Task").collect();
    for (name, state) in &tasks {
        let limits = phase(name).and_then(Phase::task).unwrap_or_else(|| panic!("{name} has no limits"));
        let function = format!("arn:aws:lambda:us-east-1:000000000000:function:{}", limits.function.name());
        assert_eq!(state["Arguments"]["FunctionName"], function, "{name}");
        assert_eq!(state["TimeoutSeconds"], limits.timeout.0, "{name}");
        assert!(limits.timeout >= limits.function.timeout(), "{name} is cut off while its function still works");
        assert_eq!(state["Retry"].as_array().map(Vec::len), Some(1), "{name}");
        let retry = json!({
            "ErrorEquals": RETRIED,
            "IntervalSeconds": RETRY_INTERVAL,
            "BackoffRate": RETRY_BACKOFF_RATE,
            "MaxDelaySeconds": RETRY_MAX_DELAY,
            "MaxAttempts": limits.retries,
            "JitterStrategy": "FULL",
        });
        assert_eq!(state["Retry"][0], retry, "{name}");
    }
    let phases: BTreeSet<Phase> = TRANSITIONS.iter().flat_map(|(from, _, to)| [*from, *to]).collect();
    let with_limits = phases.iter().filter(|phase| phase.task().is_some()).count();
    assert_eq!(with_limits, tasks.len(), "a phase has limits and is no task");
}

#[test]
fn every_function_has_the_timeout_of_the_phase_table() {
    let template = std::fs::read_to_string(workspace().join("template.yaml")).unwrap();
    for function in Function::ALL {
        let resource =
            template.split(&format!("\n  {}:\n    Type: AWS::Serverless::Function\n", function.name())).nth(1);
        let resource = resource.unwrap_or_else(|| panic!("there is no {function:?}"));
        let timeout = resource.lines().find_map(|line| line.strip_prefix("      Timeout: "));
        assert_eq!(timeout, Some(function.timeout().0.to_string().as_str()), "{function:?}");
    }
}

/// The functions divide the account's API rates by it.
#[test]
fn as_many_moves_are_watched_at_once_as_the_rates_are_divided_by() {
    assert_eq!(STATES["Moves"]["MaxConcurrency"], MOVES_AT_ONCE);
    assert_eq!(STATES["Clusters"]["MaxConcurrency"], "{% $clusters_in_flight %}");
}

/// The States Language wants `States.ALL` alone in its list, and the list last.
#[test]
fn states_all_stands_alone_and_last() {
    for (name, state) in STATES.iter() {
        for key in ["Retry", "Catch"] {
            let rules = state[key].as_array().cloned().unwrap_or_default();
            for (index, rule) in rules.iter().enumerate() {
                let errors = rule["ErrorEquals"].as_array().unwrap();
                if errors.contains(&json!("States.ALL")) {
                    assert_eq!((errors.len(), index + 1), (1, rules.len()), "{key} of {name}");
                }
            }
        }
    }
}
