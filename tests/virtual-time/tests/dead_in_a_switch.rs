//! Each function dies at each of its calls of a switch run, before and after the call took effect: everything
//! comes down all the same, and the run that was thrown says so.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

use aws_sim::account::plain;
use aws_sim::world::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use spotkeeper_core::fixtures::run_id;
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::{Policy, checked};
use spotkeeper_core::record::{Outcome, RunStatus};
use spotkeeper_virtual_time::day::{Day, Happening, live};
use spotkeeper_virtual_time::deaths::{Death, every_call};
use spotkeeper_virtual_time::promises::{deploying, placement, spot_tasks};
use spotkeeper_virtual_time::simulation::{Inner, Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

/// The functions of a switch run.
const FUNCTIONS: [Function; 4] =
    [Function::Recorder, Function::Determiner, Function::Updater, Function::StabilityChecker];

/// Three services of one cluster and one of another, half of each on Spot: the Updaters of the two clusters
/// take turns, and the one of the first writes several services.
fn world() -> World {
    let service = |cluster: &str, name: &str| {
        json!({
            "cluster": cluster, "serviceName": name, "taskDefinition": "web", "desiredCount": 4,
            "capacityProviderStrategy": [
                { "capacityProvider": "FARGATE", "base": 1, "weight": 1 },
                { "capacityProvider": "FARGATE_SPOT", "weight": 1 },
            ],
            "deploymentConfiguration": { "minimumHealthyPercent": 50, "maximumPercent": 200 },
            "tags": [{ "key": "spotkeeper:enabled", "value": "true" }],
        })
    };
    let services = [service("shop", "web"), service("shop", "cart"), service("shop", "pay"), service("blog", "site")];
    let clusters =
        ["blog", "shop"].map(|name| json!({ "clusterName": name, "capacityProviders": ["FARGATE", "FARGATE_SPOT"] }));
    let account = plain("shop", json!({ "services": services, "clusters": clusters }));
    aws_sim::account::parse(&account.to_string(), "test", Timestamp::from_second(1_767_225_600).unwrap()).unwrap()
}

fn policy() -> Policy {
    checked(json!({
        "mode": "active",
        "budget": { "ceiling_percent": 100, "step_percent": 100, "blast_radius_percent": 100 },
        "verify": { "dwell_seconds": 30, "poll_seconds": 60, "max_deadline_seconds": 600, "unconfirmed_seconds": 60 },
    }))
    .unwrap()
}

/// More often than the state machine tries again.
const FOR_GOOD: u32 = 12;

/// Lives through a switch over everything with that death, and the runs of the schedule after it. Whether
/// anything died.
fn with_death(death: Death) -> bool {
    let switch = json!({ "switch": { "scope": "all", "state": "on", "reason": "a drill" } });
    let day = Day {
        schedule: Some(SignedDuration::from_mins(20)),
        scores: None,
        // One death delays the run by minutes; what fails for good is the schedule's to mend.
        duration: SignedDuration::from_mins(if death.times == 1 { 19 } else { 70 }),
        happenings: vec![
            (SignedDuration::ZERO, Happening::Ports(death.rule())),
            (SignedDuration::from_mins(1), Happening::Start(switch)),
        ],
    };
    in_virtual_time(async {
        let simulation = Simulation::start(world(), Tables::new(Ok(policy())), 7);
        live(&simulation, &day).await;
        simulation.with(|inner| {
            all_is_down(inner, death);
            inner.promises.coverage.faults > 0
        })
    })
    .unwrap()
}

fn all_is_down(inner: &Inner, death: Death) {
    let told = || format!("{death:?}\n{}", inner.journal.tail(60));
    assert_eq!(inner.promises.broken(), [], "{}", told());
    if inner.tables.switches.is_empty() {
        // The execution failed before it threw the switch, and says so: whoever asked for it knows.
        assert_eq!((death.function, death.times), (Function::Recorder, FOR_GOOD), "{}", told());
        assert!(!inner.tables.runs.contains_key(&run_id("person-1")), "{}", told());
        return;
    }
    for key in inner.world.service_keys() {
        let service = inner.world.written_service(key).unwrap();
        assert_eq!(deploying(service), None, "{key}, {}", told());
        assert_eq!(
            spot_tasks(&inner.world, service),
            (0, 4),
            "{key} is placed by {:?}, {}",
            placement(service),
            told()
        );
    }
    let ledgers: Vec<_> = inner.tables.ledgers.values().collect();
    assert_eq!(ledgers.len(), 4, "{}", told());
    assert!(ledgers.iter().all(|ledger| ledger.open.is_none()), "a move is open, {}", told());
    let alarmed = inner.tables.moves.values().filter(|record| record.outcome.is_some_and(Outcome::alarms)).count();
    assert_eq!(alarmed, 0, "{}", told());
    // What dies once is called again by the state machine: the switch run itself completes.
    if death.times == 1 {
        let ended = inner.tables.runs.get(&run_id("person-1")).and_then(|run| run.ended.as_ref());
        assert_eq!(ended.map(|ended| ended.status), Some(RunStatus::Completed), "{}", told());
        assert_eq!(inner.told.missing(&inner.tables), Vec::<String>::new(), "{}", told());
    }
}

/// Every call of a function in turn, until one has none so late; how many there are.
fn every_step(function: Function, times: u32) -> u32 {
    let [before, after] = every_call(function, times, with_death);
    before.max(after)
}

#[test]
fn s4_s12_a_switch_completes_whichever_step_dies() {
    let steps = FUNCTIONS.map(|function| every_step(function, 1));
    // Each writes what the others read; the Updater's several services have several calls each.
    assert!(steps.into_iter().all(|steps| steps >= 5) && steps[2] >= 20, "{steps:?}");
}

/// The execution fails, or leaves something out, and the schedule's runs bring it down.
#[test]
fn s4_s12_everything_comes_down_whichever_step_dies_for_good() {
    let steps = FUNCTIONS.map(|function| every_step(function, FOR_GOOD));
    assert!(steps.into_iter().all(|steps| steps >= 5), "{steps:?}");
}
