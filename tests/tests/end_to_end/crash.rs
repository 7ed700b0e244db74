//! Functions that die while they wait for AWS.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use spotkeeper_tests::local::Local;
use spotkeeper_tests::ministack::{MiniStack, Options, kill_function};
use spotkeeper_tests::sim::Simulator;
use spotkeeper_tests::stack::Stack;

use crate::killer::{Await, Killer};
use crate::world::{ACCOUNT, POLICY, World, ledger, place, placements, updates};

/// How long a run may take whose functions die at three awaits in a row, each time with a pause of up to
/// half a minute before they are tried again.
const PATIENCE: Duration = Duration::from_secs(900);

/// What is in place of each service that may move, after a run upwards and after a restore.
const UP: [(&str, &str); 2] = [("web", "FARGATE:1, FARGATE_SPOT:1"), ("api", "prod-on-demand:1, prod-spot:1")];
const RESTORED: [(&str, &str); 2] = [("web", "FARGATE"), ("api", "prod-on-demand:1")];

/// A world whose functions die as the killer says, once it is armed.
fn world_of(killer: &Arc<Killer>) -> World {
    let place = place();
    let simulator = Simulator::start(Path::new(ACCOUNT), 1).unwrap();
    let fleet = Arc::new(OnceLock::from(simulator.url().to_owned()));
    let rest: Arc<OnceLock<String>> = Arc::default();
    let options = Options {
        fleet: Some(killer.before(fleet)),
        environment: vec![
            ("AWS_ENDPOINT_URL".to_owned(), killer.before(Arc::clone(&rest))),
            // Waits between looks and before retries: nothing but the next look or retry comes after them.
            ("SFN_WAIT_SCALE".to_owned(), "0.2".to_owned()),
        ],
        ..Options::default()
    };
    let ministack = MiniStack::start(&options).unwrap();
    rest.set(ministack.url().to_owned()).unwrap();
    let stack = Stack::deploy(&ministack, "spotkeeper", &[]).unwrap();
    stack.put_policy(&POLICY.replace("pace: {", "pace: { rest_seconds: 0,")).unwrap();
    let scratch = ministack.scratch().to_owned();
    killer.on_kill(Box::new(move |function| kill_function(&scratch, function).unwrap()));
    World::new(Local { simulator, ministack, stack }, place)
}

/// One run with the killer about, and as many without as it takes to finish what that one left:
/// one. Nothing is written twice, nothing stays open.
fn run_to_the_end(local: &Local, killer: &Killer, name: &str, input: &Value, expected: [(&str, &str); 2]) {
    let killed_before = killer.killed();
    killer.arm(true);
    let arn = local.stack.start(name, input).unwrap();
    let execution = local.stack.wait(&arn, PATIENCE).unwrap();
    killer.arm(false);
    let killed = killer.killed();
    let killed: Vec<&Await> = killed.difference(&killed_before).collect();
    assert_eq!(execution.status, "SUCCEEDED", "{name}: {} {} after {killed:?}", execution.error, execution.cause);
    let done = || {
        let placed = placements(local);
        let open = expected.iter().any(|(service, _)| !ledger(local, service)["open"].is_null());
        !open && expected.iter().all(|(service, placement)| placed[*service] == *placement)
    };
    if !done() {
        let after = local.stack.run(&format!("{name}-after"), input, PATIENCE).unwrap();
        assert_eq!(after.status, "SUCCEEDED", "{name}-after: {} {}", after.error, after.cause);
    }
    let (web, api) = (ledger(local, "web"), ledger(local, "api"));
    assert!(done(), "{name}: {:?} after {killed:?}\n{web:#}\n{api:#}", placements(local));
    for (service, count) in updates(local) {
        assert_eq!(count, 1, "{name}: {service} was written {count} times after {killed:?}");
    }
    local.simulator.tell("/_sim/counters/reset", &json!({})).unwrap();
}

/// Runs upwards and restores until every await of these functions has been died at.
fn die_everywhere(killer: &Arc<Killer>, least: &[(&str, &str, bool)]) {
    let local = world_of(killer);
    for round in 0.. {
        let before = killer.killed().len();
        run_to_the_end(&local, killer, &format!("up-{round}"), &json!({ "clusters": ["prod"] }), UP);
        let restore = json!({ "restore": { "scope": "cluster/prod" } });
        run_to_the_end(&local, killer, &format!("restore-{round}"), &restore, RESTORED);
        local.stack.forget_ledgers().unwrap();
        let killed = killer.killed().len();
        eprintln!("round {round}: {killed} awaits died at");
        if killed == before {
            break;
        }
    }
    let killed = killer.killed();
    for (function, request, carried_out) in least {
        let one = Await { function: (*function).to_owned(), request: (*request).to_owned(), carried_out: *carried_out };
        assert!(killed.contains(&one), "nobody died at {one:?}, but at {killed:#?}");
    }
}

/// S12: the Determiner, whose awaits are the most.
#[test]
fn s12_a_determiner_killed_at_any_of_its_awaits_loses_nothing() {
    let killer = Killer::new(|one| one.function != "determiner");
    die_everywhere(
        &killer,
        &[
            ("determiner", "ListServices", false),
            ("determiner", "PutItem report", true),
            ("determiner", "Query ledger", false),
        ],
    );
}

/// S12: the other functions; the Updater also between its intent and its write, and after the write
/// has taken effect. What it may have written is looked for (here for 10 s) before it is repeated.
#[test]
fn s12_the_other_functions_killed_at_any_of_their_awaits_lose_nothing() {
    let killer = Killer::new(|one| one.function == "determiner");
    die_everywhere(
        &killer,
        &[
            ("recorder", "GetParameter", false),
            ("updater", "UpdateService", false),
            ("updater", "UpdateService", true),
            ("stability-checker", "DescribeTargetHealth", false),
            ("recorder", "PutEvents", true),
        ],
    );
}
