//! The roles of `template.yaml`, enforced: MiniStack with `AUTH=true` answers every call of a
//! function as IAM would. (ECS and its kin are the simulator's, which checks no roles: what those
//! statements allow is held to the client layer's list by the tests of the template.)

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::time::Duration;

use serde_json::{Value, json};
use spotkeeper_tests::local::Local;
use spotkeeper_tests::ministack::Options;
use spotkeeper_tests::paths::workspace;

const PATIENCE: Duration = Duration::from_secs(240);
const POLICY: &str = "
mode: active
budget: { ceiling_percent: 80, step_percent: 80, blast_radius_percent: 100 }
pace: { restart_percent: 100 }
verify: { dwell_seconds: 1, poll_seconds: 1, drought_seconds: 6, launch_seconds: 5 }
";
const FUNCTIONS: [&str; 4] = ["Determiner", "Updater", "StabilityChecker", "Recorder"];

/// Every kind of run, with no more rights than the template gives; then one right less.
#[test]
fn the_roles_suffice_and_are_needed() {
    let options = Options { authorises: true, ..Options::default() };
    let local = Local::start(&workspace().join("tests/accounts/small.yaml"), 1, options).unwrap();
    local.stack.put_policy(POLICY).unwrap();

    let switch = |state: &str| json!({ "switch": { "scope": "cluster/prod", "state": state, "reason": "roles" } });
    for (name, input) in [
        ("dry", json!({ "dry_run": true })),
        ("moves", json!({})),
        ("switch-on", switch("on")),
        ("switch-off", switch("off")),
        ("restore", json!({ "restore": { "scope": "all" } })),
    ] {
        let output = run(&local, name, &input);
        assert_eq!(output["status"], "completed", "{name}: {output}{}", denials(&local));
    }
    // A metric or an event that cannot be sent fails no run: it is in the log.
    assert_eq!(denials(&local), "");
    let api = local.ministack.api();
    let metrics = api.cli(&["cloudwatch", "list-metrics", "--namespace", "Spotkeeper"]).unwrap();
    assert!(!metrics["Metrics"].as_array().unwrap().is_empty(), "no metric was sent");

    let role = physical(&local, "DeterminerRole");
    let policies = api.cli(&["iam", "list-role-policies", "--role-name", &role]).unwrap();
    for policy in policies["PolicyNames"].as_array().unwrap() {
        let policy = policy.as_str().unwrap();
        api.cli(&["iam", "delete-role-policy", "--role-name", &role, "--policy-name", policy]).unwrap();
    }
    let output = run(&local, "without", &json!({}));
    assert_eq!(output["status"], "completed_with_errors", "{output}");
    let record = local.stack.bodies("run").unwrap().into_iter().find(|body| body["id"] == "without").unwrap();
    let failed = &record["ended"]["failed_clusters"];
    assert_eq!(*failed, json!({ "prod": "AccessDenied", "batch": "AccessDenied" }), "{record}");
}

fn run(local: &Local, name: &str, input: &Value) -> Value {
    let execution = local.stack.run(name, input, PATIENCE).unwrap();
    assert_eq!(execution.status, "SUCCEEDED", "{name}: {} {}", execution.error, execution.cause);
    execution.output
}

/// What the functions' logs say of calls that were not allowed, or not made.
fn denials(local: &Local) -> String {
    let api = local.ministack.api();
    let mut found = String::new();
    for function in FUNCTIONS {
        let group = physical(local, &format!("{function}Log"));
        let name = physical(local, function);
        for group in [group, format!("/aws/lambda/{name}")] {
            // MiniStack logs to one of the two.
            let Ok(events) = api.cli(&["logs", "filter-log-events", "--log-group-name", &group]) else { continue };
            for event in events["events"].as_array().into_iter().flatten() {
                let message = event["message"].as_str().unwrap_or_default();
                if message.contains("may not call")
                    || message.contains("not authorized")
                    || message.contains("not sent")
                {
                    found += &format!("\n{function}: {message}");
                }
            }
        }
    }
    found
}

/// What CloudFormation called a resource of the template.
fn physical(local: &Local, logical: &str) -> String {
    let api = local.ministack.api();
    let arguments = ["cloudformation", "describe-stack-resources", "--stack-name", "spotkeeper"];
    let resources = api.cli(&arguments).unwrap();
    let found =
        resources["StackResources"].as_array().unwrap().iter().find(|each| each["LogicalResourceId"] == logical);
    found.unwrap_or_else(|| panic!("the stack has no {logical}"))["PhysicalResourceId"].as_str().unwrap().to_owned()
}
