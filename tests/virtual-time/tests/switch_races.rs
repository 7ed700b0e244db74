//! S4 under every interleaving of a switch, a stalled or dying Updater, a run that moves up, and the
//! runs that follow: the switch is thrown at each call of the run, before it and after it took
//! effect, by an execution and by hand; the Updater stalls for less and for longer than it may, or
//! dies, once and for good, at each of its own calls.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use aws_sim::account::plain;
use aws_sim::world::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spotkeeper_core::ids::RunId;
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::{Policy, checked};
use spotkeeper_core::switch::{Lever, Scope, SwitchEntry};
use spotkeeper_virtual_time::execution::Execution;
use spotkeeper_virtual_time::ports::{At, FaultKind, FaultRule, Throw};
use spotkeeper_virtual_time::promises::{deploying, spot_tasks};
use spotkeeper_virtual_time::simulation::{Inner, Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

/// What goes wrong with the Updater: at the how manieth of its calls, how, how often.
type Trouble = Option<(u32, FaultKind, u32)>;

/// One order in which things happen.
#[derive(Debug, Clone, Copy)]
struct Interleaving {
    /// At which call of the run the switch is thrown.
    call: u32,
    at: At,
    by_hand: bool,
    updater: Trouble,
}

/// How an interleaving went.
struct Lived {
    /// Whether the switch was thrown while the run was alive.
    thrown: bool,
    broken: Vec<String>,
}

fn world() -> World {
    let service = json!({
        "cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": 4, "launchType": "FARGATE",
        "deploymentConfiguration": { "minimumHealthyPercent": 50, "maximumPercent": 200 },
        "tags": [{ "key": "spotkeeper:enabled", "value": "true" }],
    });
    let account = plain("shop", json!({ "services": [service] }));
    aws_sim::account::parse(&account.to_string(), "test", Timestamp::from_second(1_767_225_600).unwrap()).unwrap()
}

/// Few looks, so that a run makes few calls.
fn policy() -> Policy {
    checked(json!({
        "mode": "active",
        "budget": { "ceiling_percent": 100, "step_percent": 100, "blast_radius_percent": 100 },
        "pace": { "restart_percent": 100 },
        "verify": { "dwell_seconds": 30, "poll_seconds": 60, "max_deadline_seconds": 600, "unconfirmed_seconds": 60 },
    }))
    .unwrap()
}

const REASON: &str = "a drill";

fn switch() -> SwitchEntry {
    SwitchEntry {
        scope: Scope::All,
        reason: REASON.to_owned(),
        who: "a person".to_owned(),
        set_at: Timestamp::UNIX_EPOCH,
        until: None,
        preempt: false,
        unenrolled: false,
        lever: Lever::Strategy,
    }
}

fn run(name: &str) -> RunId {
    RunId::parse(name).unwrap()
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

/// Lives through it: the run that moves up, the switch, and the schedule's later runs until nothing
/// is left to do.
fn live(interleaving: Interleaving, world: World, blind: Option<Function>) -> Lived {
    in_virtual_time(async {
        let simulation = Simulation::start(world, Tables::new(Ok(policy())), 7);
        let thrown = Arc::new(tokio::sync::Notify::new());
        simulation.with(|inner| {
            let Interleaving { call, at, by_hand, updater } = interleaving;
            let entry = switch();
            inner.races.throw = Some(Throw { run: run("run"), call, at, entry, by_hand, thrown: Arc::clone(&thrown) });
            inner.races.blind = blind;
            inner.faults.rules = updater.map(rule).into_iter().collect();
        });
        let alive = Rc::new(Cell::new(0));
        start(&simulation, "run", json!({}), &alive);
        if !interleaving.by_hand {
            let (simulation, alive) = (simulation.clone(), Rc::clone(&alive));
            tokio::task::spawn_local(async move {
                thrown.notified().await;
                let input = json!({ "switch": { "scope": "all", "state": "on", "reason": REASON } });
                start(&simulation, "switch", input, &alive);
            });
        }
        let mut was_thrown = false;
        let mut settled = false;
        for later in 1..=12 {
            let next = simulation.clock.origin() + SignedDuration::from_mins(15) * later;
            simulation.sleep_until(next).await;
            if later == 1 {
                was_thrown = simulation.with(|inner| inner.races.throw.is_none());
            }
            settled = alive.get() == 0 && simulation.with(|inner| at_rest(inner));
            if settled || !was_thrown {
                break;
            }
            start(&simulation, &format!("later-{later}"), json!({}), &alive);
        }
        simulation.with(|inner| {
            let mut broken: Vec<String> = inner.promises.broken().iter().map(ToString::to_string).collect();
            if was_thrown && !settled {
                broken.push(format!("something is left on Spot or open\n{}", inner.journal.tail(60)));
            }
            Lived { thrown: was_thrown, broken }
        })
    })
    .unwrap()
}

fn rule((call, kind, times): (u32, FaultKind, u32)) -> FaultRule {
    FaultRule::at_call(Function::Updater, call, kind, times)
}

/// Nothing on Spot, nothing deployed, no move open.
fn at_rest(inner: &Inner) -> bool {
    let services = inner.world.service_keys().filter_map(|key| inner.world.written_service(key));
    let rests = services.into_iter().all(|service| {
        spot_tasks(&inner.world, service).0 == 0
            && deploying(service).is_none()
            && service.current().is_some_and(|now| now.strategy.iter().all(|item| item.capacity_provider == "FARGATE"))
    });
    rests && inner.tables.ledgers.values().all(|ledger| ledger.open.is_none())
}

/// How many calls the run makes when nothing interferes.
fn calls(world: &World) -> u32 {
    in_virtual_time(async {
        let simulation = Simulation::start(world.clone(), Tables::new(Ok(policy())), 7);
        let never = Throw {
            run: run("run"),
            call: u32::MAX,
            at: At::Before,
            entry: switch(),
            by_hand: true,
            thrown: Arc::default(),
        };
        simulation.with(|inner| inner.races.throw = Some(never));
        let alive = Rc::new(Cell::new(0));
        start(&simulation, "run", json!({}), &alive);
        simulation.sleep_until(simulation.clock.origin() + SignedDuration::from_mins(14)).await;
        simulation.with(|inner| {
            let moved = inner.tables.moves.values().filter(|record| record.outcome.is_some()).count();
            assert_eq!((alive.get(), moved), (0, 1), "{}", inner.journal.tail(40));
            inner.races.calls
        })
    })
    .unwrap()
}

/// The calls of an Updater with one move.
const UPDATER_CALLS: u32 = 13;

/// What may go wrong with the Updater at each of its calls. It may take 120 s. That it dies after a
/// call is that it dies before the next.
fn troubles() -> Vec<Trouble> {
    let kinds = [
        (FaultKind::Stall { seconds: 60 }, 1),
        (FaultKind::Stall { seconds: 150 }, 1),
        (FaultKind::DieBefore, 1),
        (FaultKind::DieBefore, 12),
    ];
    (1..=UPDATER_CALLS).flat_map(|call| kinds.map(|(kind, times)| Some((call, kind, times)))).collect()
}

/// Every interleaving of one way to throw the switch, and how many of them there were.
fn every_interleaving(by_hand: bool) -> usize {
    let world = world();
    let calls = calls(&world);
    // Thrown after a call is thrown before the next, but that the answer is still on its way.
    let alone = [At::Before, At::After].map(|at| (at, None));
    let troubled = troubles().into_iter().map(|updater| (At::Before, updater));
    let mut tried = 0;
    for (at, updater) in alone.into_iter().chain(troubled) {
        for call in 1..=calls {
            let interleaving = Interleaving { call, at, by_hand, updater };
            let lived = live(interleaving, world.clone(), None);
            assert!(lived.broken.is_empty(), "{interleaving:?}\n{}", lived.broken.join("\n"));
            tried += usize::from(lived.thrown);
        }
    }
    println!("{tried} interleavings, {calls} calls of the run");
    tried
}

#[test]
fn s4_a_switch_by_execution_holds_in_every_interleaving() {
    let tried = every_interleaving(false);
    assert!(tried >= 2_000, "{tried} interleavings");
}

#[test]
fn s4_a_switch_by_hand_holds_in_every_interleaving() {
    let tried = every_interleaving(true);
    assert!(tried >= 2_000, "{tried} interleavings");
}

/// An Updater that sees no switch is noticed: a stall at its first call lasts until it is cut off, and
/// it writes in its next attempt, later than one timeout after the switch.
#[test]
fn s4_an_updater_that_sees_no_switch_is_noticed() {
    let world = world();
    let calls = calls(&world);
    let updater = Some((1, FaultKind::Stall { seconds: 150 }, 1));
    for by_hand in [false, true] {
        let noticed = (1..=calls).filter(|call| {
            let interleaving = Interleaving { call: *call, at: At::Before, by_hand, updater };
            let lived = live(interleaving, world.clone(), Some(Function::Updater));
            lived.broken.iter().any(|broken| broken.contains("S4"))
        });
        assert!(noticed.count() > 0, "by hand: {by_hand}");
    }
}
