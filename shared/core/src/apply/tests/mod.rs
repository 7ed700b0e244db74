//! Every answer of `decide` to a first write.

mod later;

use crate::fixtures;
use crate::observe::{
    DeploymentController, GapCause, LoadBalancerTarget, PlacedBy, RolloutState, ServiceDeploymentStatus, ServiceStatus,
};
use crate::plan::{Fingerprint, MoveCause, MoveKind};
use crate::record::{DryWhy, Outcome, RunMode};
use crate::strategy::Strategy;
use crate::switch::Scope;
use crate::units::{Percent, Seconds};
use crate::verify::tests::{Answer, Drive, decided, over};

type Happens = fn(&mut Drive);
/// A case, the move, what happens before the write, and the decision.
type Row = (&'static str, fn() -> Drive, Happens, &'static str);

fn somebody_deploys(drive: &mut Drive) {
    let placed_by = drive.world.service.placed_by.clone();
    drive.world.deploy(placed_by, fixtures::at(-30));
}

/// The plan saw what is there now.
fn plan_anew(drive: &mut Drive) {
    drive.record.planned.fingerprint = Fingerprint::of(&drive.world.service);
    drive.record.planned.before = drive.world.service.placed_by.clone();
}

fn for_a_switch(drive: &mut Drive) {
    let cause = MoveCause::Switch { scope: Scope::All, reason: "launch".to_owned(), preempt: false };
    drive.record.planned.cause = cause;
    drive.throw_switch(false);
}

/// A move up of an earlier run is under way; the plan of a move down saw that.
fn our_own_deployment(drive: &mut Drive) {
    let mut up = Drive::new(MoveKind::Up, over(1, 0), over(1, 1));
    up.update(Answer::Taken);
    drive.world = up.world;
    drive.ledger = up.ledger;
    let open = drive.ledger.as_mut().unwrap().open.as_mut().unwrap();
    open.run = fixtures::run_id("run-0");
    plan_anew(drive);
}

/// An earlier run has written the same move down, and its deployment is under way.
fn the_same_under_way(drive: &mut Drive) {
    let mut earlier = Drive::down();
    earlier.update(Answer::Taken);
    drive.world = earlier.world;
    drive.ledger = earlier.ledger;
    drive.ledger.as_mut().unwrap().open = None;
    plan_anew(drive);
    for_a_switch(drive);
}

#[test]
fn a_first_write_is_decided() {
    let rows: &[Row] = &[
        ("a move up", Drive::up, |_| {}, "write"),
        ("a move down that our own deployment brings already, S5", Drive::down, the_same_under_way, "already"),
        ("a move down", Drive::down, |_| {}, "write"),
        ("a dry run", Drive::down, |d| d.run.mode = RunMode::Dry { why: DryWhy::Policy }, "held"),
        ("a move up without the lock", Drive::up, |d| d.run.holds_lock = false, "held"),
        ("a move down without the lock", Drive::down, |d| d.run.holds_lock = false, "write"),
        ("a move up under a switch", Drive::up, |d| d.throw_switch(false), "held"),
        (
            "a move up under a switch that is over",
            Drive::up,
            |d| {
                d.throw_switch(false);
                d.switches.entries[0].until = Some(fixtures::at(-1));
            },
            "write",
        ),
        (
            "a move up in a window without Spot",
            Drive::up,
            |d| d.policy.windows = vec![fixtures::window(Percent::ZERO, fixtures::now())],
            "held",
        ),
        ("a move up that ends before that window", Drive::up, |d| before_a_window(d, 0, 1), "write"),
        ("a move up that may not end before that window", Drive::up, |d| before_a_window(d, 0, 0), "held"),
        (
            "a move up before that window, further ahead than the policy's lead",
            Drive::up,
            |d| {
                before_a_window(d, 0, 0);
                d.policy.control.window_lead_seconds = Some(Seconds(60));
            },
            "write",
        ),
        (
            "a move up in a window with some Spot, by a plan that knew it",
            Drive::up,
            |d| {
                d.run.started_at = fixtures::at(-1_800);
                d.policy.windows = vec![fixtures::window(Percent::saturating(1), fixtures::now())];
            },
            "write",
        ),
        (
            "a move up in a window with some Spot, by a plan that did not",
            Drive::up,
            |d| {
                d.run.started_at = fixtures::at(-1_801);
                d.policy.windows = vec![fixtures::window(Percent::saturating(1), fixtures::now())];
            },
            "held",
        ),
        (
            "a move down in a window",
            Drive::down,
            |d| d.policy.windows = vec![fixtures::window(Percent::ZERO, fixtures::now())],
            "write",
        ),
        ("a move down under a switch", Drive::down, |d| d.throw_switch(false), "write"),
        (
            "a move up in quarantine",
            Drive::up,
            |d| {
                let mut ledger = fixtures::ledger(&d.world.service);
                ledger.quarantined_until = Some(fixtures::at(1));
                d.ledger = Some(ledger);
            },
            "held",
        ),
        (
            "a move up whose quarantine ends now",
            Drive::up,
            |d| {
                let mut ledger = fixtures::ledger(&d.world.service);
                ledger.quarantined_until = Some(fixtures::now());
                d.ledger = Some(ledger);
            },
            "write",
        ),
        (
            "a move down in quarantine",
            Drive::down,
            |d| {
                let mut ledger = fixtures::ledger(&d.world.service);
                ledger.quarantined_until = Some(fixtures::at(1));
                d.ledger = Some(ledger);
            },
            "write",
        ),
        ("a move that has ended", Drive::up, |d| d.record.outcome = Some(Outcome::Stable), "superseded"),
        ("a service that cannot be read", Drive::down, Drive::hide_service, "held"),
        (
            "a service that is gone",
            Drive::down,
            |d| {
                d.hide_service();
                d.world.service_gap.as_mut().unwrap().cause = GapCause::Absent;
            },
            "superseded",
        ),
        ("a service being deleted", Drive::down, |d| d.world.service.status = ServiceStatus::Draining, "superseded"),
        (
            "a controller that takes no strategy",
            Drive::up,
            |d| {
                d.world.service.controller = DeploymentController::CodeDeploy;
                plan_anew(d);
            },
            "refused",
        ),
        (
            "a Classic Load Balancer",
            Drive::up,
            |d| {
                d.world.service.load_balancers[0].target = LoadBalancerTarget::Classic("old".to_owned());
                plan_anew(d);
            },
            "refused",
        ),
        (
            "a strategy that places nothing",
            Drive::up,
            |d| d.record.planned.after = PlacedBy::Strategy(Strategy { items: Vec::new() }),
            "refused",
        ),
        ("another task definition", Drive::up, |d| d.world.service.task_definition_arn.push('8'), "superseded"),
        ("another strategy", Drive::up, |d| d.world.service.placed_by = over(5, 1), "superseded"),
        ("another desired count", Drive::up, |d| d.world.service.desired += 1, "write"),
        ("somebody has deployed since", Drive::up, somebody_deploys, "superseded"),
        (
            "a move up during somebody's deployment, S6",
            Drive::up,
            |d| {
                somebody_deploys(d);
                plan_anew(d);
            },
            "held",
        ),
        (
            "a move down during somebody's deployment, S6",
            Drive::down,
            |d| {
                somebody_deploys(d);
                plan_anew(d);
            },
            "held",
        ),
        (
            "a switch during somebody's deployment",
            Drive::down,
            |d| {
                somebody_deploys(d);
                plan_anew(d);
                for_a_switch(d);
            },
            "held",
        ),
        (
            "a switch that preempts somebody's deployment",
            Drive::down,
            |d| {
                somebody_deploys(d);
                plan_anew(d);
                for_a_switch(d);
                d.throw_switch(true);
            },
            "write",
        ),
        (
            "a move up while only the list of deployments tells of one, S6",
            Drive::up,
            |d| d.world.newest().status = ServiceDeploymentStatus::InProgress,
            "held",
        ),
        (
            "a move up while only the service tells of one, S6",
            Drive::up,
            |d| d.world.service.deployments[0].rollout = Some(RolloutState::InProgress),
            "held",
        ),
        ("a move up during our own deployment", Drive::up, our_own_deployment, "held"),
        ("a move down during our own deployment", Drive::down, our_own_deployment, "held"),
        (
            "a move down during our own deployment, of which no move is open",
            Drive::down,
            |d| {
                our_own_deployment(d);
                d.ledger.as_mut().unwrap().open = None;
            },
            "held",
        ),
        (
            "a move down for the budget during our own deployment, and a switch is on",
            Drive::down,
            |d| {
                our_own_deployment(d);
                d.throw_switch(false);
            },
            "write",
        ),
        (
            "a move down for a switch that is off again, during our own deployment",
            Drive::down,
            |d| {
                our_own_deployment(d);
                for_a_switch(d);
                d.switches.entries.clear();
            },
            "write",
        ),
        (
            "a switch during our own deployment",
            Drive::down,
            |d| {
                our_own_deployment(d);
                for_a_switch(d);
            },
            "write",
        ),
        (
            "another move is open, its time is over",
            Drive::down,
            |d| {
                our_own_deployment(d);
                d.world.finish();
                plan_anew(d);
                d.ledger.as_mut().unwrap().open.as_mut().unwrap().ends_by = fixtures::now();
            },
            "write",
        ),
        (
            "another move is open",
            Drive::down,
            |d| {
                our_own_deployment(d);
                d.world.finish();
                plan_anew(d);
            },
            "held",
        ),
        (
            "its strategy is in place already, S5",
            Drive::up,
            |d| {
                d.world.deploy(over(2, 2), fixtures::at(-60));
                d.world.finish();
            },
            "already",
        ),
        ("a rebalance", || Drive::new(MoveKind::Rebalance, over(1, 1), over(1, 1)), |_| {}, "write"),
        ("service deployments that cannot be read, up", Drive::up, |d| d.world.hides_deployments = true, "held"),
        ("service deployments that cannot be read, down", Drive::down, |d| d.world.hides_deployments = true, "write"),
    ];
    for (name, drive, happens, expected) in rows {
        let mut drive = drive();
        happens(&mut drive);
        let decision = drive.decide();
        assert_eq!(decided(&decision), *expected, "{name}: {decision:?}");
    }
}

/// A window that lets so much be on Spot, and begins so many seconds after the move must have ended.
fn before_a_window(drive: &mut Drive, ceiling: u64, spare: i64) {
    let deadline = i64::from(drive.record.planned.deadline.0);
    drive.policy.windows = vec![fixtures::window(Percent::saturating(ceiling), fixtures::at(deadline + spare))];
}
