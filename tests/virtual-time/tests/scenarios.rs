//! Every scenario of `tests/scenarios/`: promises, expectations, and the golden transcript.
//!
//! `UPDATE_GOLDEN=1` rewrites the transcripts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

use std::path::{Path, PathBuf};

use spotkeeper_virtual_time::scenario;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

#[test]
fn every_scenario_keeps_its_promise() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| path.to_string_lossy().contains(&only))
        .collect();
    names.sort();
    let mut wrong = Vec::new();
    for path in &names {
        let name = path.file_stem().unwrap().to_string_lossy();
        let scenario = scenario::load(path).unwrap_or_else(|error| panic!("{error}"));
        let lived = scenario.live().unwrap();
        let golden = path.with_extension("txt");
        if update {
            std::fs::write(&golden, &lived.transcript).unwrap();
        }
        wrong.extend(lived.wrong.iter().map(|what| format!("{name}: {what}")));
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if expected != lived.transcript {
            wrong
                .push(format!("{name}: the transcript is another (UPDATE_GOLDEN=1 rewrites it)\n{}", lived.transcript));
        }
    }
    assert!(only.is_empty() || !names.is_empty(), "there is no scenario {only}");
    assert!(wrong.is_empty(), "{} of {} scenarios:\n{}", wrong.len(), names.len(), wrong.join("\n"));
}

/// What there must be a scenario of at the least, and which it is.
const NAMED: [(&str, &str); 22] = [
    ("an ordinary rollout over two days", "ordinary-rollout"),
    ("new tasks that crash", "new-tasks-crash"),
    ("new tasks that crash, and a move that is tried again", "failed-and-retried"),
    ("a drought in the middle of a rollout", "drought-mid-rollout"),
    ("a reclaim of the largest pool", "largest-pool-is-reclaimed"),
    ("min 100/max 100", "no-room-to-deploy"),
    ("somebody deploys during our move", "somebody-deploys-during-our-move"),
    ("an hourly revert by Terraform", "hourly-revert-by-terraform"),
    ("scale-in from 20 to 2 after a move", "scale-in-after-a-move"),
    ("autoscaling that breathes all day", "autoscaling-breathes"),
    ("a target group changed to 300 s after we moved", "target-group-slows-down"),
    ("a circuit-breaker rollback", "circuit-breaker-rolls-back"),
    ("a provider disassociated", "provider-disassociated"),
    ("On-Demand that cannot take the tasks back", "on-demand-cannot-take-back"),
    ("throttling at ten times our rate", "throttled-at-ten-times-our-rate"),
    ("an answer lost after UpdateService", "answer-lost-after-update-service"),
    ("stale reads for a minute", "stale-reads"),
    ("the Determiner dead", "determiner-dies-for-good"),
    ("the Updater dead", "updater-dies-for-good"),
    ("the Stability Checker dead", "stability-checker-dies-for-good"),
    ("the kill switch in the middle of a wave", "switch-mid-wave"),
    ("the kill switch against an Updater that stalls", "switch-against-a-stalled-updater"),
];

/// Beside the scenarios, `dead_at_each_step` and `switch_races` go through every step.
#[test]
fn every_scenario_that_must_be_there_is() {
    let scenarios = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let count = scenarios.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).count();
    assert!(count >= 25, "{count} scenarios");
    for (what, name) in NAMED {
        let scenario = scenario::load(&folder().join(name).with_extension("yaml"));
        assert!(scenario.is_ok(), "{what}: {:?}", scenario.err());
    }
}

/// A scenario that is right, to make mistakes in.
const RIGHT: &str = r#"shows: Nothing.
account:
  clusters: [{ clusterName: shop, capacityProviders: [FARGATE, FARGATE_SPOT] }]
  taskDefinitions:
    - { family: web, cpu: 256, memory: 512, networkMode: awsvpc, requiresCompatibilities: [FARGATE], containerDefinitions: [{ name: app, image: "web:1" }] }
  services:
    - { cluster: shop, serviceName: web, taskDefinition: web, desiredCount: 2, launchType: FARGATE }
policy: { mode: active }
schedule: 15m
duration: 1h
events:
  - at: 20m
    do: { aws: { fault: deploy, cluster: shop, service: web } }
expect: { outcomes: {} }
"#;

/// What happens in it.
const DEPLOY: &str = "aws: { fault: deploy, cluster: shop, service: web }";

#[test]
fn a_mistake_is_told_with_its_place_and_what_is_allowed() {
    let right = scenario::parse(RIGHT, "right.yaml", &folder()).unwrap().live().unwrap();
    assert_eq!(right.wrong, [""; 0]);
    let cases: [(&str, &str, &str, &[&str]); 17] = [
        ("an unknown field", "schedule: 15m", "scheduel: 15m", &["line 9", "scheduel", "schedule"]),
        ("no length of time", "at: 20m", "at: soon", &["line 12", "soon"]),
        ("a service that does not exist", "service: web }", "service: cart }", &["wrong.yaml:12", "cart", "web"]),
        ("a fault that does not exist", "fault: deploy", "fault: explode", &["line 13", "explode", "new_tasks_crash"]),
        (
            "what is for the wire alone",
            "fault: deploy, cluster: shop, service: web",
            "fault: throttle, action: \"ecs:ListTasks\"",
            &["wrong.yaml:12", "ports"],
        ),
        ("what nobody can do", "aws:", "azure:", &["line 13", "azure", "aws"]),
        (
            "an outcome that does not exist",
            "outcomes: {}",
            "outcomes: { perfect: 1 }",
            &["line 14", "perfect", "stable"],
        ),
        ("a mistaken policy", "mode: active", "mode: on", &["wrong.yaml:8", "policy", "/mode", "dry_run"]),
        ("a mistaken account", "taskDefinition: web,", "taskDefinition: api,", &["wrong.yaml:7", "api", "web"]),
        (
            "a mistaken setting of the account",
            "account:\n",
            "account:\n  settings: { jitterPercent: 91 }\n",
            &["wrong.yaml:3", "jitterPercent", "0 to 90"],
        ),
        (
            "a port that does not exist",
            DEPLOY,
            "ports: { fault: fail, port: fleet.fly }",
            &["wrong.yaml:12", "fleet.fly", "fleet.write"],
        ),
        (
            "a dial of no cluster",
            DEPLOY,
            "dial: { scope: cluster/shops, percent: 1 }",
            &["wrong.yaml:12", "\"shops\"", "shop"],
        ),
        ("a dial off of no cluster", DEPLOY, "dial_off: cluster/shops", &["wrong.yaml:12", "\"shops\"", "shop"]),
        (
            "a switch of no service",
            DEPLOY,
            "switch_by_hand: service/shop/cart",
            &["wrong.yaml:12", "shop/cart", "shop/web"],
        ),
        (
            "a switch with more of no service",
            DEPLOY,
            "switch_by_hand: { scope: service/shop/cart, preempt: true }",
            &["wrong.yaml:12", "shop/cart", "shop/web"],
        ),
        ("a release of no cluster", DEPLOY, "release_by_hand: cluster/shops", &["wrong.yaml:12", "\"shops\"", "shop"]),
        (
            "an expectation of what does not exist",
            "expect: { outcomes: {} }",
            "expect: { spot: { shop/cart: 1 } }",
            &["wrong.yaml:14", "shop/cart"],
        ),
    ];
    for (name, from, to, parts) in cases {
        let text = RIGHT.replacen(from, to, 1);
        assert_ne!(text, RIGHT, "{name}");
        let told = scenario::parse(&text, "wrong.yaml", &folder()).unwrap_err().to_string();
        for part in parts {
            assert!(told.contains(part), "{name}: {told} does not say {part}");
        }
    }
}
