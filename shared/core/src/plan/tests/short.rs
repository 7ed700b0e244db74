//! Since when a service is short of tasks that may be Spot tasks, as its ledger has it.

use super::*;
use crate::observe::{ServiceEvent, Task};

/// A service of four tasks, two of them on Spot, and of its tasks those that run or wait: so many on
/// Spot that run, on Spot that wait, On-Demand that run, On-Demand that wait.
fn with_tasks(spot: [usize; 2], on_demand: [usize; 2]) -> Service {
    let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 0, 1, 1);
    let pair = fixtures::pair(Family::Fargate);
    let one = service.tasks.known().unwrap()[0].clone();
    let kinds = [(&pair.spot, spot), (&pair.on_demand, on_demand)];
    let tasks = kinds.into_iter().flat_map(|(provider, [run, wait])| {
        let task = |running: bool| Task { provider: Some(provider.clone()), running, ..one.clone() };
        std::iter::repeat_n(task(true), run).chain(std::iter::repeat_n(task(false), wait))
    });
    service.tasks = Reading::Known(tasks.collect());
    service.running = u32::try_from(spot[0] + on_demand[0]).unwrap();
    service
}

#[test]
fn a_service_is_short_since_it_was_first_seen_so() {
    // name, Spot tasks that run and wait, On-Demand tasks that do, short
    let cases = [
        ("all of them run", [2, 0], [2, 0], false),
        ("a Spot task is missing", [1, 0], [2, 0], true),
        ("a Spot task waits", [1, 1], [2, 0], true),
        ("an On-Demand task is missing", [2, 0], [1, 0], false),
        ("a Spot task waits in place of an On-Demand task", [2, 1], [1, 0], true),
    ];
    for (name, spot, on_demand, short) in cases {
        let service = with_tasks(spot, on_demand);
        assert_eq!(short_since(&service, None), short.then(fixtures::now), "{name}");
    }
}

#[test]
fn a_service_that_was_steady_in_between_is_short_anew() {
    let before = fixtures::at(-600);
    for (name, steady, since) in [
        ("never steady", None, before),
        ("steady before", Some(-601), before),
        ("steady in that second", Some(-600), fixtures::now()),
        ("steady after", Some(-599), fixtures::now()),
    ] {
        let mut service = with_tasks([1, 0], [2, 0]);
        service.events = Vec::from_iter(steady.map(|steady| ServiceEvent {
            at: fixtures::at(steady),
            message: "(service web) has reached a steady state.".to_owned(),
        }));
        assert_eq!(short_since(&service, Some(before)), Some(since), "{name}");
    }
}

/// What the ledger says after a plan.
fn short_since(service: &Service, before: Option<jiff::Timestamp>) -> Option<jiff::Timestamp> {
    let ledger = Ledger { short_since: before, ..fixtures::ledger(service) };
    let memory = fixtures::open_memory(vec![ledger.clone()]);
    let plan = plan_of(&open_policy(), &fixtures::snapshot(vec![service.clone()]), &memory, &run(RunMode::Ordinary));
    plan.ledgers.first().unwrap_or(&ledger).short_since
}
