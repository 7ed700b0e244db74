//! The kill switch.

use serde_json::json;

use crate::world::{POLICY, any_on_spot, moves, placements, run_well, updates, world};

/// S4: a switch brings everything in scope back, verified; nothing goes up while it is on; when it
/// is off, services climb again.
#[test]
fn s4_the_kill_switch_brings_everything_back() {
    // Services rest a day after a move up, but for this policy.
    let policy = POLICY.replace("pace: {", "pace: { rest_seconds: 0,");
    let local = world(&policy);
    run_well(&local, "up", &json!({}));
    assert!(any_on_spot(&local));

    let on = json!({ "switch": { "scope": "all", "state": "on", "reason": "launch" } });
    let output = run_well(&local, "kill", &on);
    assert_eq!(output["status"], "completed", "{output} {:#?}", moves(&local, "kill"));
    assert!(!any_on_spot(&local), "{:?}", placements(&local));
    assert_eq!(output["moves"]["stable"], 3, "{output}");

    local.simulator.tell("/_sim/counters/reset", &json!({})).unwrap();
    run_well(&local, "while-on", &json!({}));
    assert!(updates(&local).is_empty(), "nothing moves up under a switch: {:?}", updates(&local));

    let off = json!({ "switch": { "scope": "all", "state": "off", "reason": "over" } });
    run_well(&local, "release", &off);
    assert!(any_on_spot(&local), "released: {:?}", placements(&local));
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
