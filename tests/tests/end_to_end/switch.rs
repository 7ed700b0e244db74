//! The kill switch.

use serde_json::json;

use crate::world::{
    PATIENCE, POLICY, any_on_spot, fault, moves, placements, run_well, spotkeeper, until, until_held, updates, world,
};

/// S4: a switch brings everything in scope back, verified; nothing goes up while it is on; when it
/// is off, services climb again. By the operator's tool, from the first run to the way out.
#[test]
fn s4_the_kill_switch_brings_everything_back() {
    // Services rest a day after a move up, but for this policy.
    let policy = POLICY.replace("pace: {", "pace: { rest_seconds: 0,");
    let local = world(&policy);
    let before = placements(&local);
    let up = spotkeeper(&local, &["run", "--follow"]);
    assert_eq!((&up["status"], &up["moves"]["stable"]), (&json!("completed"), &json!(3)), "{up}");
    assert!(any_on_spot(&local));

    let kill = spotkeeper(&local, &["kill", "--reason", "launch"]);
    let run = kill["run"].as_str().unwrap();
    assert_eq!((&kill["holds"], &kill["status"]), (&json!(true), &json!("completed")), "{:#?}", moves(&local, run));
    assert!(!any_on_spot(&local), "{:?}", placements(&local));
    assert_eq!(kill["moves"]["stable"], 3, "{kill}");

    local.simulator.tell("/_sim/counters/reset", &json!({})).unwrap();
    spotkeeper(&local, &["run", "--follow"]);
    assert!(updates(&local).is_empty(), "nothing moves up under a switch: {:?}", updates(&local));

    let resume = spotkeeper(&local, &["resume", "--reason", "over"]);
    assert_eq!(resume["holds"], true, "{resume}");
    assert!(any_on_spot(&local), "released: {:?}", placements(&local));

    let restore = spotkeeper(&local, &["restore", "--all"]);
    assert_eq!(restore["status"], "completed", "{restore}");
    assert_eq!(placements(&local), before);
}

/// S4: the switch comes while an Updater is between its check and its write. The switch's own look
/// finds everything On-Demand; it may not end with that.
#[test]
fn s4_a_switch_during_a_write_waits_for_that_write() {
    let local = world(POLICY);
    let hold = |on: bool| json!({ "fault": "hold", "action": "ecs:UpdateService", "before": true, "on": on });
    fault(&local, &hold(true));
    let up = local.stack.start("up", &json!({})).unwrap();
    until_held(&local);
    let on = json!({ "switch": { "scope": "all", "state": "on", "reason": "launch" } });
    let kill = local.stack.start("kill", &on).unwrap();
    until("the switch has not looked", || local.stack.bodies("report/kill").unwrap().len() == 2);
    assert!(!any_on_spot(&local));
    fault(&local, &hold(false));
    let execution = local.stack.wait(&kill, PATIENCE).unwrap();
    assert_eq!(execution.status, "SUCCEEDED", "{} {}", execution.error, execution.cause);
    assert!(!any_on_spot(&local), "{:?} {}", placements(&local), execution.output);
    assert!(!updates(&local).is_empty(), "no write came after the switch: the test shows nothing");
    assert_eq!(local.stack.wait(&up, PATIENCE).unwrap().status, "SUCCEEDED");
    assert!(!any_on_spot(&local), "{:?}", placements(&local));
}

/// A switch over one service leaves the others.
#[test]
fn a_switch_over_one_service_moves_that_one_alone() {
    let local = world(POLICY);
    run_well(&local, "up", &json!({}));
    let on = json!({ "switch": { "scope": "service/prod/web", "state": "on", "reason": "incident" } });
    run_well(&local, "kill", &on);
    let placed = placements(&local);
    assert_eq!(placed["web"], "FARGATE:1");
    assert_eq!(placed["api"], "prod-on-demand:1, prod-spot:1");
}
