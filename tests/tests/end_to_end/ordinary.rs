//! Ordinary runs: dry, active, settled, restored, overlapping; and inputs that are refused.

use serde_json::json;

use crate::world::{POLICY, any_on_spot, findings, ledger, moves, placements, run, run_well, updates, world};

/// S5: a settled run writes nothing.
#[test]
fn s5_a_settled_run_writes_nothing() {
    let local = world(POLICY);

    let output = run_well(&local, "dry", &json!({ "dry_run": true }));
    assert_eq!(output["status"], "completed", "{output}");
    assert!(updates(&local).is_empty(), "a dry run writes nothing: {:?}", updates(&local));
    assert_eq!(moves(&local, "dry").len(), 3, "but it plans: {:#?}", findings(&local, "dry"));

    let output = run_well(&local, "first", &json!({}));
    assert_eq!(output["status"], "completed", "{output}");
    assert_eq!(output["moves"]["stable"], 3, "{output} {:#?}", moves(&local, "first"));
    let placed = placements(&local);
    let expected = [
        ("web", "FARGATE:1, FARGATE_SPOT:1"),
        ("api", "prod-on-demand:1, prod-spot:1"),
        ("crunch", "batch-on-demand:1, batch-spot:1"),
        ("blocked", "FARGATE"),
    ];
    for (service, placement) in expected {
        assert_eq!(placed[service], placement, "{service}");
    }
    assert_eq!(updates(&local).values().sum::<u64>(), 3);

    local.simulator.tell("/_sim/counters/reset", &json!({})).unwrap();
    let output = run_well(&local, "second", &json!({}));
    assert_eq!(output["status"], "completed", "{output}");
    assert!(updates(&local).is_empty(), "a settled run writes nothing: {:?}", updates(&local));
}

/// S9: the original is recorded before the first write, and restore brings it back.
#[test]
fn s9_restore_brings_the_original_back() {
    let local = world(POLICY);
    let before = placements(&local);
    let output = run_well(&local, "first", &json!({}));
    assert_eq!(output["moves"]["stable"], 3, "{output} {:#?}", moves(&local, "first"));
    assert_eq!(ledger(&local, "web")["original"], json!({ "launch_type": "fargate" }));
    assert!(any_on_spot(&local));
    let output = run_well(&local, "restore", &json!({ "restore": { "scope": "all" } }));
    assert_eq!(output["status"], "completed", "{output} {:#?}", moves(&local, "restore"));
    assert_eq!(placements(&local), before);
}

/// S7: of two runs at once, one moves up, the other ends as skipped.
#[test]
fn s7_overlapping_runs_move_up_once() {
    let local = world(POLICY);
    let arns: Vec<String> = ["one", "two"].iter().map(|name| local.stack.start(name, &json!({})).unwrap()).collect();
    let mut statuses: Vec<String> = arns
        .iter()
        .map(|arn| {
            local.stack.wait(arn, crate::world::PATIENCE).unwrap().output["status"].as_str().unwrap_or("?").to_owned()
        })
        .collect();
    statuses.sort();
    assert_eq!(statuses, ["completed", "skipped"]);
    assert_eq!(updates(&local).values().sum::<u64>(), 3, "{:?}", updates(&local));
}

/// Bad input is refused with a name, before anything is written.
#[test]
fn malformed_inputs_are_refused_by_name() {
    let local = world(POLICY);
    let cases = [
        ("unknown-field", json!({ "dryrun": true }), "InvalidInput", "dryrun"),
        ("unknown-cluster", json!({ "clusters": ["nowhere"] }), "UnknownCluster", "nowhere"),
        (
            "malformed-scope",
            json!({ "switch": { "scope": "prod", "state": "on", "reason": "x" } }),
            "InvalidInput",
            "prod",
        ),
        (
            "unknown-scope",
            json!({ "switch": { "scope": "cluster/nowhere", "state": "on", "reason": "x" } }),
            "UnknownCluster",
            "nowhere",
        ),
        ("not-an-object", json!([1]), "InvalidInput", "list"),
    ];
    for (name, input, error, part) in cases {
        let execution = run(&local, name, &input);
        assert_eq!(
            (execution.status.as_str(), execution.error.as_str()),
            ("FAILED", error),
            "{name}: {}",
            execution.cause
        );
        assert!(execution.cause.contains(part), "{name}: {}", execution.cause);
        assert!(local.stack.items("switch").unwrap().is_empty(), "{name}: a switch was written");
    }
    assert!(updates(&local).is_empty());
}

/// An invalid policy: no move up, every mistake in the record, and a switch still works.
#[test]
fn an_invalid_policy_moves_nothing_up() {
    let local = world("budget: { ceiling_percent: 200, floor: -1 }\nmodus: active\n");
    let output = run_well(&local, "mistaken", &json!({}));
    assert_eq!(output["status"], "completed_with_errors", "{output}");
    assert!(updates(&local).is_empty());
    let record = local.stack.bodies("run").unwrap().into_iter().find(|run| run["id"] == "mistaken").unwrap();
    let mistakes = record["policy_mistakes"].to_string();
    for part in ["/budget/ceiling_percent", "/budget/floor", "modus"] {
        assert!(mistakes.contains(part), "{mistakes}");
    }
}
