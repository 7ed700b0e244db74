//! S4 while a turned group is turned back: a switch is thrown at each call of the run that does it, by an
//! execution and by hand, against an Updater that stalls for less and for longer than it may right before
//! it writes the original.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use aws_sim::world::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spotkeeper_core::ids::RunId;
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::{Policy, checked};
use spotkeeper_core::switch::{Lever, Scope, SwitchEntry};
use spotkeeper_virtual_time::execution::Execution;
use spotkeeper_virtual_time::ports::{At, FaultKind, FaultRule, Throw};
use spotkeeper_virtual_time::promises::spot_tasks;
use spotkeeper_virtual_time::simulation::{Inner, Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

const ACCOUNT: &str = include_str!("../../scenarios/accounts/lever.yaml");
const REASON: &str = "a drill";

/// One order in which things happen.
#[derive(Debug, Clone, Copy)]
struct Interleaving {
    /// After which call of the run the switch is thrown.
    call: u32,
    by_hand: bool,
    /// For how long the Updater stalls before it writes the original.
    stall: Option<u32>,
    lever: Lever,
}

/// How an interleaving went.
struct Lived {
    thrown: bool,
    turned_back: u32,
    calls: u32,
    broken: Vec<String>,
}

fn world() -> World {
    let start = Timestamp::from_second(1_767_225_600).unwrap();
    let mut world = aws_sim::account::parse(ACCOUNT, "lever.yaml", start).unwrap();
    world.advance_by(900.0);
    world
}

fn policy() -> Policy {
    checked(json!({
        "mode": "active",
        "budget": { "ceiling_percent": 100, "step_percent": 100, "blast_radius_percent": 100 },
        "control": { "placement_score": "optional" },
        "verify": { "dwell_seconds": 30, "poll_seconds": 60, "max_deadline_seconds": 900, "unconfirmed_seconds": 60 },
    }))
    .unwrap()
}

fn entry(lever: Lever) -> SwitchEntry {
    SwitchEntry {
        scope: Scope::All,
        reason: REASON.to_owned(),
        who: "a person".to_owned(),
        set_at: Timestamp::UNIX_EPOCH,
        until: None,
        preempt: false,
        unenrolled: false,
        lever,
    }
}

fn run(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

fn on(lever: Lever) -> Value {
    json!({ "switch": { "scope": "all", "state": "on", "reason": REASON, "lever": lever.name() } })
}

/// Starts an execution; the count falls when it has ended.
fn start(simulation: &Simulation, name: &str, input: Value, alive: &Rc<Cell<u32>>) {
    alive.set(alive.get() + 1);
    let (execution, alive) = (Execution::new(simulation.clone(), run(name), false), Rc::clone(alive));
    tokio::task::spawn_local(async move {
        execution.start(input).await;
        alive.set(alive.get() - 1);
    });
}

async fn pass(simulation: &Simulation, minutes: i64) {
    let next = simulation.clock.origin() + SignedDuration::from_mins(minutes);
    simulation.sleep_until(next).await;
}

/// Turns the group, releases the switch, and lives through the run that turns it back.
fn live(interleaving: Interleaving, world: World, blind: Option<Function>) -> Lived {
    in_virtual_time(async {
        let Interleaving { call, by_hand, stall, lever } = interleaving;
        let simulation = Simulation::start(world, Tables::new(Ok(policy())), 7);
        let alive = Rc::new(Cell::new(0));
        start(&simulation, "turn", on(Lever::Capacity), &alive);
        pass(&simulation, 30).await;
        let thrown = Arc::new(tokio::sync::Notify::new());
        simulation.with(|inner| {
            assert_eq!((alive.get(), inner.promises.coverage.turned), (0, 1), "{}", inner.journal.tail(40));
            assert!(at_rest(inner), "the group was not turned:\n{}", inner.journal.tail(40));
            inner.release(&Scope::All);
            inner.races.throw = Some(Throw {
                run: run("run"),
                call,
                at: At::After,
                entry: entry(lever),
                by_hand,
                thrown: Arc::clone(&thrown),
            });
            inner.races.blind = blind;
            // A blind one stalls before its intent is on record: afterwards no other call writes.
            let port = if blind.is_some() { "fleet.distribution" } else { "fleet.write_distribution" };
            let rule = |seconds| FaultRule { port: Some(port.to_owned()), ..rule(seconds) };
            inner.faults.rules = stall.map(rule).into_iter().collect();
        });
        start(&simulation, "run", json!({}), &alive);
        if !by_hand {
            let (simulation, alive) = (simulation.clone(), Rc::clone(&alive));
            tokio::task::spawn_local(async move {
                thrown.notified().await;
                start(&simulation, "switch", on(lever), &alive);
            });
        }
        let mut settled = false;
        let mut was_thrown = false;
        for later in 1..=8 {
            pass(&simulation, 30 + 15 * later).await;
            was_thrown = simulation.with(|inner| inner.races.throw.is_none());
            settled = alive.get() == 0 && simulation.with(|inner| at_rest(inner));
            if settled || !was_thrown {
                break;
            }
            start(&simulation, &format!("later-{later}"), json!({}), &alive);
        }
        simulation.with(|inner| {
            let mut broken: Vec<String> = inner.promises.broken().iter().map(ToString::to_string).collect();
            if was_thrown && !settled {
                broken.push(format!("something is left on Spot\n{}", inner.journal.tail(60)));
            }
            let (turned_back, calls) = (inner.promises.coverage.turned_back, inner.races.calls);
            Lived { thrown: was_thrown, turned_back, calls, broken }
        })
    })
    .unwrap()
}

fn rule(seconds: u32) -> FaultRule {
    FaultRule {
        kind: FaultKind::Stall { seconds },
        function: Some(Function::Updater),
        port: Some("fleet.write_distribution".to_owned()),
        call: None,
        from: Timestamp::UNIX_EPOCH,
        until: Timestamp::MAX,
        times: 1,
        per_mille: 1_000,
    }
}

/// No task on Spot.
fn at_rest(inner: &Inner) -> bool {
    let mut services = inner.world.service_keys().filter_map(|key| inner.world.written_service(key));
    services.all(|service| spot_tasks(&inner.world, service).0 == 0)
}

#[test]
fn s4_a_switch_holds_against_an_updater_that_stalls_while_it_turns_a_group_back() {
    let world = world();
    let never = Interleaving { call: u32::MAX, by_hand: true, stall: None, lever: Lever::Strategy };
    let free = live(never, world.clone(), None);
    assert_eq!((free.thrown, free.turned_back), (false, 1), "{:?}", free.broken);
    let (mut lived, mut turned_back) = (0, 0);
    for call in 1..=free.calls {
        for (by_hand, stall, lever) in [
            (false, None, Lever::Capacity),
            (true, None, Lever::Capacity),
            (false, Some(60), Lever::Capacity),
            (false, Some(150), Lever::Strategy),
        ] {
            let interleaving = Interleaving { call, by_hand, stall, lever };
            let Lived { thrown, turned_back: back, broken, .. } = live(interleaving, world.clone(), None);
            assert_eq!(broken, [""; 0], "{interleaving:?}");
            // An Updater that is cut off makes fewer calls.
            (lived, turned_back) = (lived + u32::from(thrown), turned_back + back);
        }
    }
    assert!(lived >= 100, "{lived} interleavings");
    assert!(turned_back > 0 && turned_back < lived, "{turned_back} of {lived} were turned back in spite of the switch");
}

/// An Updater that sees no switch is noticed: a stall before its intent lasts until it is cut off, and it
/// writes in its next attempt, later than one timeout after the switch.
#[test]
fn s4_an_updater_that_turns_back_and_sees_no_switch_is_noticed() {
    let world = world();
    let noticed = (1..30).any(|call| {
        let interleaving = Interleaving { call, by_hand: true, stall: Some(150), lever: Lever::Strategy };
        let lived = live(interleaving, world.clone(), Some(Function::Updater));
        lived.broken.iter().any(|broken| broken.contains("S4"))
    });
    assert!(noticed);
}

/// The calls of an Updater that turns a group, and one more.
const UPDATER_CALLS: u32 = 7;

/// S12: whatever becomes of the Updater that turns a group, the group is turned or its services move by
/// strategy; and of the one that turns it back, a later run does it.
#[test]
fn s12_an_updater_that_dies_while_it_turns_a_group_loses_nothing() {
    let world = world();
    for call in 1..=UPDATER_CALLS {
        for (kind, times) in [(FaultKind::DieBefore, 1), (FaultKind::DieAfter, 1), (FaultKind::DieBefore, 6)] {
            for way_back in [false, true] {
                let rule = FaultRule { kind, port: None, call: Some(call), times, ..rule(0) };
                let broken = survive(rule, way_back, world.clone());
                assert_eq!(broken, [""; 0], "{kind:?} at call {call}, {times} times, way back: {way_back}");
            }
        }
    }
}

/// Turns the group, and turns it back, with something that goes wrong on one of the ways.
fn survive(fault: FaultRule, way_back: bool, world: World) -> Vec<String> {
    in_virtual_time(async {
        let simulation = Simulation::start(world, Tables::new(Ok(policy())), 7);
        let alive = Rc::new(Cell::new(0));
        simulation.with(|inner| inner.faults.rules = (!way_back).then(|| fault.clone()).into_iter().collect());
        start(&simulation, "turn", on(Lever::Capacity), &alive);
        pass(&simulation, 59).await;
        let mut broken = Vec::new();
        simulation.with(|inner| {
            if alive.get() > 0 || !at_rest(inner) {
                broken.push(format!("something is left on Spot\n{}", inner.journal.tail(60)));
            }
            inner.release(&Scope::All);
            inner.faults.rules = way_back.then_some(fault).into_iter().collect();
        });
        for later in 1..=12 {
            start(&simulation, &format!("later-{later}"), json!({}), &alive);
            pass(&simulation, 45 + 15 * later).await;
        }
        simulation.with(|inner| {
            broken.extend(inner.promises.broken().iter().map(ToString::to_string));
            let lasting = inner.tables.turns.values().filter(|turn| turn.ended.is_none()).count();
            if lasting > 0 || !inner.world.groups.get("spot").is_some_and(|group| inner.world.is_spot_group(group)) {
                broken.push(format!("the group was not turned back\n{}", inner.journal.tail(60)));
            }
        });
        broken
    })
    .unwrap()
}
