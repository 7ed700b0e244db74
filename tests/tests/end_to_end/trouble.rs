//! What goes wrong in the world, and what comes of it.

use serde_json::{Value, json};

use crate::world::{
    PATIENCE, POLICY, World, any_on_spot, fault, ledger, moves, placements, run_well, until_held, updates, world,
};

/// Runs an ordinary run in a world where only `web` may move, with these faults; answers the
/// move's record.
fn one_move(faults: &[Value]) -> (World, Value) {
    let local = world(POLICY);
    for one in faults {
        fault(&local, one);
    }
    run_well(&local, "run", &json!({ "clusters": ["prod"] }));
    let record = moves(&local, "run").remove("web").unwrap_or(Value::Null);
    (local, record)
}

/// New tasks crash on Spot: retried, undone, and held back for a while.
#[test]
fn a_service_whose_new_tasks_crash_is_undone_and_quarantined() {
    let crash = json!({ "fault": "new_tasks_crash", "cluster": "prod", "service": "web", "provider": "FARGATE_SPOT", "on": true });
    let (local, record) = one_move(&[crash]);
    assert_eq!(record["outcome"], "undone", "{record:#}");
    assert_eq!(placements(&local)["web"], "FARGATE", "{record:#}");
    assert!(ledger(&local, "web")["quarantined_until"].is_string(), "{:#}", ledger(&local, "web"));
}

/// Spot cannot be had: the canary goes back to On-Demand at once, and the others are held.
#[test]
fn a_drought_falls_back_to_on_demand() {
    let drought = json!({ "fault": "spot_unavailable", "provider": "all", "on": true });
    let (local, web) = one_move(&[drought]);
    let records = moves(&local, "run");
    let mut outcomes: Vec<&str> = records.values().filter_map(|record| record["outcome"].as_str()).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, ["fallen_back", "held"], "{records:#?} {web:#}");
    assert!(!any_on_spot(&local), "{:?}", placements(&local));
}

/// The answer to UpdateService is lost after ECS took it: found, not repeated.
#[test]
fn a_lost_answer_is_looked_up_and_not_repeated() {
    let lost = json!({ "fault": "lose_answer", "action": "ecs:UpdateService", "times": 1, "on": true });
    let (local, record) = one_move(&[lost]);
    assert_eq!(record["outcome"], "stable", "{record:#}");
    for (service, count) in updates(&local) {
        assert_eq!(count, 1, "{service}");
    }
}

/// A target group that denies access is a gap on its service, naming the action; the run goes on.
#[test]
fn what_cannot_be_read_is_a_gap_naming_the_action() {
    let denied = json!({ "fault": "deny", "action": "elasticloadbalancing:DescribeTargetGroupAttributes", "resource": "targetgroup/web", "on": true });
    let (local, record) = one_move(&[denied]);
    assert_eq!(record, Value::Null, "web is not moved");
    assert_eq!(placements(&local)["api"], "prod-on-demand:1, prod-spot:1", "the others are");
    let reports = local.stack.bodies("report/run").unwrap();
    let gaps = reports[0]["gaps"].to_string();
    assert!(gaps.contains("elasticloadbalancing:DescribeTargetGroupAttributes"), "{gaps}");
}

/// A service that is deleted while its cluster is read is a gap; the run goes on.
#[test]
fn a_service_that_vanishes_is_a_gap() {
    let local = world(POLICY);
    let hold = |on: bool| json!({ "fault": "hold", "action": "ecs:DescribeServices", "before": true, "on": on });
    fault(&local, &hold(true));
    let arn = local.stack.start("run", &json!({ "clusters": ["prod"] })).unwrap();
    until_held(&local);
    fault(&local, &json!({ "fault": "vanish_service", "cluster": "prod", "service": "api", "on": true }));
    fault(&local, &hold(false));
    let execution = local.stack.wait(&arn, PATIENCE).unwrap();
    assert_eq!(execution.status, "SUCCEEDED", "{} {}", execution.error, execution.cause);
    let gaps = local.stack.bodies("report/run").unwrap()[0]["gaps"].to_string();
    assert!(gaps.contains("service/prod/api"), "{gaps}");
    assert_eq!(moves(&local, "run")["web"]["outcome"], "stable", "the others are moved");
}
