//! Functions that die in the middle of a call to AWS.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{PATIENCE, POLICY, fault, ledger, placements, run_well, updates, world};

/// S12: each function is killed while AWS holds its answer to one of its calls; the Updater after
/// its write has taken effect. The run, or the one after it, finishes the move; nothing is written
/// twice. (A write that AWS has not taken is looked for for five minutes before it is repeated:
/// `verify::tests` holds that on a virtual clock.)
#[test]
fn s12_a_function_killed_while_it_calls_aws_loses_nothing() {
    let calls = [
        ("recorder", "ecs:DescribeClusters", true),
        ("determiner", "ecs:ListServices", true),
        ("determiner", "ecs:DescribeTasks", true),
        ("updater", "ecs:UpdateService", false),
        ("stability-checker", "elasticloadbalancing:DescribeTargetHealth", true),
    ];
    let local = world(POLICY);
    for (number, (function, action, before)) in calls.into_iter().enumerate() {
        let case = format!("{function} in {action}, {}", if before { "before" } else { "after" });
        let hold = |on: bool| json!({ "fault": "hold", "action": action, "before": before, "on": on });
        fault(&local, &hold(true));
        let name = format!("crash-{number}");
        let arn = local.stack.start(&name, &json!({ "clusters": ["prod"] })).unwrap();
        until(&case, || held(&local.simulator.ask("/_sim/held").unwrap()));
        local.ministack.kill_functions().unwrap();
        fault(&local, &hold(false));
        let execution = local.stack.wait(&arn, PATIENCE).unwrap();
        assert_eq!(execution.status, "SUCCEEDED", "{case}: {} {}", execution.error, execution.cause);
        // What one run left, the next one finds.
        run_well(&local, &format!("after-{number}"), &json!({ "clusters": ["prod"] }));
        assert_eq!(placements(&local)["web"], "FARGATE:1, FARGATE_SPOT:1", "{case}");
        assert!(ledger(&local, "web")["open"].is_null(), "{case}: {:#}", ledger(&local, "web"));
        let written = updates(&local).get("prod/web").copied().unwrap_or(0);
        assert_eq!(written, 1, "{case}: web was written {written} times");
        run_well(&local, &format!("restore-{number}"), &json!({ "restore": { "scope": "all" } }));
        local.stack.forget_ledgers().unwrap();
        local.simulator.tell("/_sim/counters/reset", &json!({})).unwrap();
    }
}

/// Whether the simulator holds any answer back.
fn held(answer: &Value) -> bool {
    match answer {
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => fields.values().any(held),
        Value::Number(number) => number.as_u64().is_some_and(|number| number > 0),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}: nothing is held");
        std::thread::sleep(Duration::from_millis(50));
    }
}
