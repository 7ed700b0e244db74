//! The bucket that all Updaters of a switch run share, and what happens without it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use aws_sim::account::plain;
use jiff::Timestamp;
use serde_json::json;
use spotkeeper_core::ids::RunId;
use spotkeeper_core::policy::checked;
use spotkeeper_core::ports::Clock as _;
use spotkeeper_core::record::Outcome;
use spotkeeper_virtual_time::execution::Execution;
use spotkeeper_virtual_time::ports::{AccountPace, FaultKind, FaultRule};
use spotkeeper_virtual_time::simulation::{Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

/// The services of each cluster: no even part of the rate would do for the first.
const SERVICES: [u32; 5] = [120, 5, 5, 5, 5];

/// The seconds from a switch over everything to its last write, and the moves that ended stable.
fn switch(fault: Option<FaultKind>) -> (i64, usize) {
    let names = SERVICES.iter().zip(1..).map(|(services, number)| (format!("shop-{number}"), *services));
    let clusters: Vec<_> = names
        .clone()
        .map(|(name, _)| json!({ "clusterName": name, "capacityProviders": ["FARGATE", "FARGATE_SPOT"] }))
        .collect();
    let service = json!({
        "taskDefinition": "web", "desiredCount": 2,
        "capacityProviderStrategy": [{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }],
        "tags": [{ "key": "spotkeeper:enabled", "value": "true" }],
    });
    let generate: Vec<_> = names
        .map(|(name, services)| json!({ "count": services, "namePattern": "web-{n}", "clusters": [name], "service": service }))
        .collect();
    let quota = |code: &str| json!({ "serviceCode": "fargate", "quotaCode": code, "value": 100_000 });
    let quotas = [quota("L-3032A538"), quota("L-36FBB829")];
    let account = plain("shop-1", json!({ "clusters": clusters, "generate": generate, "quotas": quotas }));
    let world = aws_sim::account::parse(&account.to_string(), "test", Timestamp::from_second(1_767_225_600).unwrap());
    in_virtual_time(async {
        let policy = checked(json!({ "mode": "active" })).unwrap();
        let simulation = Simulation::start(world.unwrap(), Tables::new(Ok(policy)), 1);
        let start = simulation.clock.now();
        simulation.with(|inner| {
            inner.pace = Some(AccountPace::default());
            inner.faults.rules.extend(fault.map(|kind| FaultRule {
                kind,
                function: None,
                port: Some("state.take_writes".to_owned()),
                call: None,
                from: start,
                until: Timestamp::MAX,
                times: u32::MAX,
                per_mille: 1_000,
            }));
        });
        let run = RunId::parse("6f9b4f7e-6a0c-4a9e-9a52-3c4d7d0b7f11").unwrap();
        let input = json!({ "switch": { "scope": "all", "state": "on", "reason": "a drill" } });
        Execution::new(simulation.clone(), run, false).start(input).await;
        simulation.with(|inner| {
            let broken: Vec<String> = inner.promises.broken().iter().map(ToString::to_string).collect();
            assert!(broken.is_empty(), "{}", broken.join("\n"));
            let moves = inner.tables.moves.values();
            let stable = moves.clone().filter(|one| one.outcome == Some(Outcome::Stable)).count();
            let last = moves.filter_map(|one| one.written.as_ref().map(|written| written.at)).max().unwrap();
            (last.duration_since(start).as_secs(), stable)
        })
    })
    .unwrap()
}

/// 140 writes at 47 and 4.75 a second take 20 s; an even part of the rate would take 117 s for the first
/// cluster alone.
#[test]
fn a_large_cluster_takes_the_turns_that_small_ones_leave() {
    let (last, stable) = switch(None);
    assert_eq!(stable, 140);
    assert!((19..40).contains(&last), "the last write after {last} s");
}

/// What an even part cannot write within the Updater's time is written in the run's next pass.
#[test]
fn a_switch_does_not_wait_for_the_table() {
    let faults = [
        ("no answer in time", FaultKind::Stall { seconds: 600 }),
        ("a refusal", FaultKind::Fail),
        ("a throttle", FaultKind::Throttle),
        ("a lost answer", FaultKind::LoseAnswer),
    ];
    for (name, fault) in faults {
        let (last, stable) = switch(Some(fault));
        assert_eq!(stable, 140, "{name}");
        assert!((60..600).contains(&last), "{name}: the last write after {last} s");
    }
}
