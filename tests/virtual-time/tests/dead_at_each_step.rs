//! Each function dies at each of its calls, before and after the call took effect: nothing is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

use aws_sim::account::plain;
use aws_sim::world::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use spotkeeper_core::control::Dial;
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::{Policy, checked};
use spotkeeper_core::record::Outcome;
use spotkeeper_core::switch::{Lever, Scope, SwitchEntry, SwitchState};
use spotkeeper_core::units::Percent;
use spotkeeper_virtual_time::day::{Day, Happening, live};
use spotkeeper_virtual_time::deaths::{Death, every_call};
use spotkeeper_virtual_time::ports::{FaultKind, FaultRule};
use spotkeeper_virtual_time::promises::{deploying, placement, spot_tasks};
use spotkeeper_virtual_time::simulation::{Inner, Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

/// Two services that move in one wave, so that the Updater works on both at once.
fn world() -> World {
    let service = |name: &str| {
        json!({
            "cluster": "shop", "serviceName": name, "taskDefinition": "web", "desiredCount": 4, "launchType": "FARGATE",
            "deploymentConfiguration": { "minimumHealthyPercent": 50, "maximumPercent": 200 },
            "tags": [{ "key": "spotkeeper:enabled", "value": "true" }],
        })
    };
    let account = plain("shop", json!({ "services": [service("web"), service("cart")] }));
    aws_sim::account::parse(&account.to_string(), "test", Timestamp::from_second(1_767_225_600).unwrap()).unwrap()
}

fn policy() -> Policy {
    checked(json!({
        "mode": "active",
        "budget": { "ceiling_percent": 100, "step_percent": 100, "blast_radius_percent": 100 },
        "pace": { "restart_percent": 100 },
        "verify": { "dwell_seconds": 30, "max_deadline_seconds": 600, "unconfirmed_seconds": 60 },
    }))
    .unwrap()
}

/// Lives through half a day with that death, and a switch at its end. Whether anything died.
fn with_death(death: Death) -> bool {
    let switch = json!({ "switch": { "scope": "all", "state": "on", "reason": "a drill" } });
    let day = Day {
        schedule: Some(SignedDuration::from_mins(15)),
        scores: Some(spotkeeper_virtual_time::scorer::PERIOD),
        duration: SignedDuration::from_hours(9),
        happenings: vec![
            (SignedDuration::ZERO, Happening::Ports(death.rule())),
            (SignedDuration::from_hours(7), Happening::Start(switch)),
        ],
    };
    in_virtual_time(async {
        let simulation = Simulation::start(world(), Tables::new(Ok(policy())), 7);
        let end = Day { duration: SignedDuration::from_mins(6 * 60 + 50), ..day.clone() };
        let watched = simulation.clone();
        tokio::task::spawn_local(async move {
            watched.sleep_until(watched.clock.origin() + end.duration).await;
            watched.with(|inner| nothing_is_lost(inner, death, 2));
        });
        live(&simulation, &day).await;
        simulation.with(|inner| {
            nothing_is_lost(inner, death, 0);
            inner.promises.coverage.faults > 0
        })
    })
    .unwrap()
}

fn nothing_is_lost(inner: &Inner, death: Death, spot: u32) {
    let told = || format!("{death:?}\n{}", inner.journal.tail(40));
    assert_eq!(inner.promises.broken(), [], "{}", told());
    for key in inner.world.service_keys() {
        let service = inner.world.written_service(key).unwrap();
        assert_eq!(deploying(service), None, "{key}, {}", told());
        let found = spot_tasks(&inner.world, service);
        assert_eq!(found, (spot, 4 - spot), "{key} is placed by {:?}, {}", placement(service), told());
    }
    let ledgers: Vec<_> = inner.tables.ledgers.values().collect();
    assert_eq!(ledgers.len(), 2, "{}", told());
    assert!(ledgers.iter().all(|ledger| ledger.open.is_none()), "a move is open, {}", told());
    let alarmed = inner.tables.moves.values().filter(|record| record.outcome.is_some_and(Outcome::alarms)).count();
    assert_eq!(alarmed, 0, "{}", told());
    // What dies for good where it was to tell of something has told nobody.
    if death.times == 1 {
        assert_eq!(inner.told.missing(&inner.tables), Vec::<String>::new(), "{}", told());
    }
}

/// When others change the table, and when they change it back.
const CHANGED: SignedDuration = SignedDuration::from_mins(22);
const BACK: SignedDuration = SignedDuration::from_mins(52);

/// Lives through a time in which a person turns a dial and puts a switch, neither of which moves anything, and
/// takes both back; the function dies at its call when it finds that. Whether anything died.
fn told_despite(function: Function, call: u32, kind: FaultKind, from: SignedDuration) -> bool {
    let nobody = Scope::parse("cluster/none").unwrap();
    let rule = FaultRule {
        from: Timestamp::UNIX_EPOCH + from,
        until: Timestamp::UNIX_EPOCH + from + SignedDuration::from_mins(15),
        ..FaultRule::at_call(function, call, kind, 1)
    };
    let (reason, who, set_at) = ("a drill".to_owned(), "a person".to_owned(), Timestamp::UNIX_EPOCH);
    let dial = Dial {
        scope: Scope::All,
        percent: Percent::saturating(60),
        reason: reason.clone(),
        who: who.clone(),
        set_at,
        until: None,
    };
    let scope = nobody.clone();
    let lever = Lever::Strategy;
    let switch = SwitchEntry { scope, reason, who, set_at, until: None, preempt: false, unenrolled: false, lever };
    let day = Day {
        schedule: Some(SignedDuration::from_mins(15)),
        scores: None,
        duration: SignedDuration::from_mins(80),
        happenings: vec![
            (SignedDuration::ZERO, Happening::Ports(rule)),
            (CHANGED, Happening::Dial(dial)),
            (CHANGED, Happening::SwitchByHand(switch)),
            (BACK, Happening::DialOff(Scope::All)),
            (BACK, Happening::ReleaseByHand(nobody.clone())),
        ],
    };
    in_virtual_time(async {
        let simulation = Simulation::start(world(), Tables::new(Ok(policy())), 7);
        live(&simulation, &day).await;
        simulation.with(|inner| {
            let case = || format!("{function:?} {kind:?} at call {call} from {from}\n{}", inner.journal.tail(40));
            assert_eq!(inner.promises.broken(), [], "{}", case());
            assert_eq!(inner.told.missing(&inner.tables), Vec::<String>::new(), "{}", case());
            // Set first, down with the dial, and up again.
            assert_eq!(inner.told.changes_of_ceilings(), 3, "{}", case());
            for state in [SwitchState::On, SwitchState::Off] {
                // Twice under one id is once.
                assert_eq!(inner.told.times(&nobody, state), 1, "{state:?}, {}", case());
            }
            inner.promises.coverage.faults > 0
        })
    })
    .unwrap()
}

/// What people do to the table by hand is told once, whichever step of the run that finds it fails, and however.
#[test]
fn s12_what_others_do_to_the_table_is_told_whoever_dies() {
    for function in [Function::Determiner, Function::Recorder] {
        for kind in [FaultKind::DieBefore, FaultKind::DieAfter, FaultKind::LoseAnswer] {
            for from in [CHANGED, BACK] {
                let faults = (1..).take_while(|call| told_despite(function, *call, kind, from)).count();
                assert!(faults >= 8, "{function:?} makes {faults} calls");
            }
        }
    }
}

/// Every call of a function in turn, until one has none so late.
fn every_step(function: Function, times: u32) {
    for deaths in every_call(function, times, with_death) {
        assert!(deaths >= 5, "{function:?} makes {deaths} calls");
    }
}

#[test]
fn s12_a_determiner_dead_at_any_step_loses_nothing() {
    every_step(Function::Determiner, 1);
}

#[test]
fn s12_an_updater_dead_at_any_step_loses_nothing() {
    every_step(Function::Updater, 1);
}

#[test]
fn s12_a_stability_checker_dead_at_any_step_loses_nothing() {
    every_step(Function::StabilityChecker, 1);
}

#[test]
fn s12_a_recorder_dead_at_any_step_loses_nothing() {
    every_step(Function::Recorder, 1);
}

/// More often than the state machine tries again: the execution goes on without, or fails.
#[test]
fn s12_functions_dead_for_good_at_any_step_lose_nothing() {
    // Nothing happens here that the interruption recorder would be told of: `interruptions.rs` has its deaths.
    for function in Function::ALL.into_iter().filter(|function| *function != Function::InterruptionRecorder) {
        every_step(function, 12);
    }
}
