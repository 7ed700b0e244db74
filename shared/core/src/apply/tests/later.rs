//! Leases, intents, and the writes after the first.

use super::Happens;
use crate::apply::{ApplyDecision, LEASE_LEFT};
use crate::fixtures;
use crate::interface::UpdateOutcome;
use crate::observe::PlacedBy;
use crate::plan::{Fingerprint, MoveCause, MoveKind};
use crate::record::{Crowding, Step};
use crate::units::Percent;
use crate::verify::Next;
use crate::verify::tests::{Answer, Drive, decided, over};

#[test]
fn a_lease_must_be_ours_and_last() {
    let drive = Drive::down();
    let mut lease = drive.lease();
    lease.until = fixtures::at(i64::from(LEASE_LEFT.0));
    assert_eq!(decided(&drive.decide_with(&lease)), "write");
    lease.until = fixtures::at(i64::from(LEASE_LEFT.0) - 1);
    assert_eq!(decided(&drive.decide_with(&lease)), "held");
    let mut lease = drive.lease();
    lease.service = fixtures::service_ref("other");
    assert_eq!(decided(&drive.decide_with(&lease)), "held");
    let mut drive = Drive::down();
    let mut ledger = fixtures::ledger(&drive.world.service);
    ledger.fence = 8;
    drive.ledger = Some(ledger);
    assert_eq!(decided(&drive.decide()), "held", "the ledger was written under a younger lease");
}

#[test]
fn s9_the_original_is_recorded_before_the_first_write() {
    let drive = Drive::up();
    let ApplyDecision::Write { placed_by, record, ledger } = drive.decide() else {
        panic!("it is written");
    };
    assert_eq!(placed_by, over(1, 1));
    let written = record.written.as_ref().unwrap();
    assert_eq!(written.previous_deployment.as_deref(), Some("ecs-svc/1"));
    assert_eq!(written.previous_service_deployment.as_deref(), Some("deployment-1"));
    assert!(!written.confirmed);
    assert_eq!((record.steps, record.attempts, record.images_before.len()), (1, 1, 1));
    assert_eq!((&ledger.original, ledger.fence), (&over(1, 0), 7));
    let open = ledger.open.as_ref().unwrap();
    assert_eq!((&open.run, &open.move_id), (&record.planned.run, &record.planned.id));
    let last = ledger.last_write.as_ref().unwrap();
    assert_eq!((&last.before, &last.after, last.dealt.spot_tasks), (&over(1, 0), &over(1, 1), 2));

    // S9: the original stays, whatever is written later.
    let mut drive = Drive::down();
    let mut ledger = fixtures::ledger(&drive.world.service);
    ledger.original = over(7, 1);
    drive.ledger = Some(ledger);
    let ApplyDecision::Write { ledger, .. } = drive.decide() else {
        panic!("it is written");
    };
    assert_eq!(ledger.original, over(7, 1));
}

#[test]
fn s5_a_recorded_write_is_not_written_again() {
    let rows: &[(&str, Happens, &str)] = &[
        ("found", |d| d.world.deploy(over(1, 1), d.now), "already"),
        (
            "found, a little before our clock",
            |d| {
                d.world.deploy(over(1, 1), fixtures::at(-20));
                d.pass(400);
            },
            "already",
        ),
        ("not to be seen yet", |d| d.pass(299), "already"),
        ("not taken", |d| d.pass(300), "write"),
        (
            "not taken, and somebody has deployed",
            |d| {
                d.pass(300);
                d.world.deploy(over(3, 1), fixtures::at(200));
            },
            "superseded",
        ),
        (
            "not taken, and a switch is on",
            |d| {
                d.pass(300);
                d.throw_switch(false);
            },
            "held",
        ),
        (
            "taken, and a switch is on",
            |d| {
                d.world.deploy(over(1, 1), d.now);
                d.throw_switch(false);
            },
            "already",
        ),
        (
            "AWS has answered, and does not show it yet",
            |d| {
                d.record.written.as_mut().unwrap().confirmed = true;
                d.pass(300);
            },
            "already",
        ),
        (
            "found, and somebody has deployed over it",
            |d| {
                d.world.deploy(over(1, 1), d.now);
                d.pass(300);
                d.world.deploy(over(3, 1), fixtures::at(200));
            },
            "already",
        ),
        ("another run has closed it", |d| d.ledger.as_mut().unwrap().open = None, "superseded"),
        (
            "another run has opened a move of its own",
            |d| d.ledger.as_mut().unwrap().open.as_mut().unwrap().run = fixtures::run_id("run-2"),
            "superseded",
        ),
    ];
    for (name, happens, expected) in rows {
        let mut drive = Drive::up();
        let decision = drive.decide();
        drive.intend(decision);
        happens(&mut drive);
        let decision = drive.decide();
        assert_eq!(decided(&decision), *expected, "{name}: {decision:?}");
    }
}

#[test]
fn s6_a_later_write_goes_over_our_own_deployment_alone() {
    let rows: &[(&str, Step, Happens, &str)] = &[
        ("an undo over our own", Step::Undo, |_| {}, "write"),
        ("a fallback over our own", Step::FallBack, |_| {}, "write"),
        ("a retry over our own in progress", Step::Retry, |_| {}, "already"),
        ("a retry after ECS ended it", Step::Retry, |d| d.world.break_off(), "write"),
        ("a retry of what is in place", Step::Retry, |d| d.world.finish(), "already"),
        ("an undo after ECS rolled back", Step::Undo, |d| d.world.roll_back(d.now), "already"),
        ("an undo over somebody's", Step::Undo, |d| d.world.deploy(over(1, 1), d.now), "superseded"),
        (
            "a fallback over somebody's that is done",
            Step::FallBack,
            |d| {
                d.world.deploy(over(2, 1), d.now);
                d.world.finish();
            },
            "superseded",
        ),
        (
            "a fallback over somebody's, under a switch",
            Step::FallBack,
            |d| {
                d.world.deploy(over(2, 1), d.now);
                d.throw_switch(false);
            },
            "superseded",
        ),
        (
            "a fallback over somebody's, under a switch that preempts",
            Step::FallBack,
            |d| {
                d.world.deploy(over(2, 1), d.now);
                d.throw_switch(true);
            },
            "write",
        ),
        ("an undo without the lock", Step::Undo, |d| d.run.holds_lock = false, "write"),
        ("a retry under a switch", Step::Retry, |d| d.throw_switch(false), "held"),
        ("no step is left", Step::Undo, |d| d.record.steps = 4, "refused"),
        ("there is nothing to undo to", Step::Undo, |d| d.record.planned.undo = None, "refused"),
    ];
    for (name, step, happens, expected) in rows {
        let mut drive = Drive::up();
        drive.update(Answer::Taken);
        assert_eq!(drive.check().next, Next::Wait);
        drive.record.step = *step;
        drive.record.written = None;
        happens(&mut drive);
        let decision = drive.decide();
        assert_eq!(decided(&decision), *expected, "{name}: {decision:?}");
    }
}

/// S4: under a switch, no step that may add Spot tasks is written; the way down stays open.
#[test]
fn s4_a_switch_bars_every_step_that_may_add_spot() {
    let mut first = Drive::up();
    first.throw_switch(false);
    assert_eq!(decided(&first.decide()), "held", "a first write");
    for (step, expected) in [(Step::Retry, "held"), (Step::Undo, "held"), (Step::FallBack, "write")] {
        let mut drive = Drive::new(MoveKind::Up, over(3, 1), over(1, 1));
        drive.update(Answer::Taken);
        drive.record.step = step;
        drive.record.written = None;
        drive.throw_switch(false);
        assert_eq!(decided(&drive.decide()), expected, "{step:?}");
    }
}

#[test]
fn a_service_is_put_back_to_its_launch_type() {
    let mut drive = Drive::up();
    drive.record.planned.undo = Some(PlacedBy::LaunchType(crate::observe::LaunchType::Fargate));
    drive.update(Answer::Taken);
    drive.record.step = Step::Undo;
    drive.record.written = None;
    let ApplyDecision::Write { placed_by, ledger, .. } = drive.decide() else {
        panic!("it is written");
    };
    assert_eq!(placed_by, PlacedBy::LaunchType(crate::observe::LaunchType::Fargate));
    assert_eq!(ledger.last_write.unwrap().dealt.spot_tasks, 0);
}

/// Found by the property of S8: ECS was still rolling our deployment back when the undo came.
#[test]
fn what_ecs_is_rolling_back_to_is_not_written_over_it() {
    let mut drive = Drive::new(MoveKind::Up, over(3, 1), over(1, 1));
    drive.update(Answer::Taken);
    let now = drive.now;
    drive.world.roll_back(now);
    drive.world.newest().status = crate::observe::ServiceDeploymentStatus::RollbackInProgress;
    drive.record.step = Step::Undo;
    drive.record.written = None;
    assert_eq!(decided(&drive.decide()), "held");
}

/// What AWS never took is no last write: not after the Updater has died between intent and call,
/// and its second call was refused.
#[test]
fn an_intent_that_came_to_nothing_leaves_the_ledger_as_it_was() {
    let mut drive = Drive::up();
    let decision = drive.decide();
    drive.intend(decision);
    drive.pass(300);
    assert_eq!(drive.update(Answer::Refused), UpdateOutcome::Refused);
    assert_eq!(drive.ledger.unwrap().last_write, None);
}

/// The images that ran before, by which a moved tag is found: not those of a deployment that is
/// being replaced before it is done.
#[test]
fn the_images_before_are_those_that_ran() {
    let mut drive = Drive::down();
    drive.world.digest = "sha256:new".to_owned();
    drive.world.deploy(over(1, 1), fixtures::at(-30));
    drive.record.planned.fingerprint = Fingerprint::of(&drive.world.service);
    drive.throw_switch(true);
    drive.update(Answer::Taken);
    let digests: Vec<_> = drive.record.images_before.iter().map(|image| image.digest.as_deref()).collect();
    assert_eq!(digests, [Some("sha256:old")]);
}

/// `last_up_at` is what the rest of a day counts from.
#[test]
fn only_a_move_up_counts_as_one() {
    let mut down = Drive::down();
    down.update(Answer::Taken);
    down.check();
    assert_eq!(down.ledger.unwrap().last_up_at, None);
    let mut up = Drive::up();
    up.update(Answer::Taken);
    assert_eq!(up.ledger.as_ref().unwrap().last_up_at, Some(fixtures::now()));
    up.record.step = Step::Undo;
    up.record.written = None;
    up.pass(600);
    up.update(Answer::Taken);
    up.check();
    assert_eq!(up.sent.len(), 2);
    assert_eq!(up.ledger.unwrap().last_up_at, Some(fixtures::now()));
}

/// The pause of a service that one pool held too much of doubles with each such move, not with each write.
#[test]
fn a_move_counts_as_crowded_once() {
    let mut drive = Drive::down();
    let pool = "m5.large in eu-west-1a".to_owned();
    drive.record.planned.cause = MoveCause::Crowded { pool, in_pool: 3, spot_tasks: 4, allowed: 2 };
    drive.update(Answer::Taken);
    let once = Some(Crowding { at: fixtures::now(), times: 1 });
    assert_eq!(drive.ledger.as_ref().unwrap().crowding, once);
    drive.record.step = Step::FallBack;
    drive.record.written = None;
    drive.pass(600);
    drive.update(Answer::Taken);
    assert_eq!((drive.record.steps, drive.ledger.unwrap().crowding), (2, once));
}

#[test]
fn what_a_window_holds_says_how_much_it_lets_be_on_spot() {
    for (percent, most) in [(0, "nothing"), (1, "1 %")] {
        let mut drive = Drive::up();
        drive.run.started_at = fixtures::at(-1_801);
        drive.policy.windows = vec![fixtures::window(Percent::saturating(percent), fixtures::now())];
        let ApplyDecision::Held { reason } = drive.decide() else {
            panic!("it is held");
        };
        assert!(reason.contains(&format!(" lets {most} be on Spot ")), "{reason}");
    }
}
