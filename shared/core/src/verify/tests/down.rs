//! Verdicts of moves down and rebalances, the dwell and the waits.

use super::verdicts::{Happens, judged, no_capacity};
use super::{Answer, Drive, over};
use crate::fixtures;
use crate::plan::MoveKind;
use crate::record::{Setback, Step};
use crate::units::Seconds;
use crate::verify::Next;

#[test]
fn a_move_down_is_never_undone() {
    let rows: &[(&str, Happens, &str, Next)] = &[
        ("tasks fail", |d| d.world.newest().failed_tasks = 200, "waiting", Next::Wait),
        (
            "tasks fail and no circuit breaker is on",
            |d| {
                d.world.service.deployment.circuit_breaker = false;
                d.world.newest().failed_tasks = 200;
            },
            "failed",
            Next::Wait,
        ),
        ("the deadline passed", |d| d.pass(600), "failed", Next::Retry),
        ("the circuit breaker ended it", |d| d.world.break_off(), "failed", Next::Retry),
        ("ECS rolled it back", |d| d.world.roll_back(fixtures::at(60)), "reverted by ECS", Next::Retry),
        ("somebody put Spot back", |d| d.world.deploy(over(1, 1), fixtures::at(60)), "reverted", Next::Yield),
        (
            "the last attempt failed",
            |d| {
                d.record.attempts = 2;
                d.record.steps = 2;
                d.world.break_off();
            },
            "failed",
            Next::Quarantine,
        ),
        (
            "a switch over it changes nothing",
            |d| {
                d.pass(10);
                d.throw_switch(false);
            },
            "waiting",
            Next::Wait,
        ),
        (
            "no capacity anywhere is no drought of Spot",
            |d| {
                no_capacity(&mut d.world, 10);
                d.pass(300);
            },
            "waiting",
            Next::Wait,
        ),
    ];
    for (name, happens, verdict, next) in rows {
        let (found, follows, drive) = judged(Drive::down(), *happens);
        assert_eq!((found, follows), (*verdict, *next), "{name}: {:?}", drive.record.history);
    }
}

#[test]
fn a_move_down_that_keeps_some_spot_falls_back_in_a_drought() {
    let drive = Drive::new(MoveKind::Down, over(1, 3), over(1, 1));
    let (found, next, drive) = judged(drive, |d| {
        d.world.tasks(1, 1);
        d.pass(120);
    });
    assert_eq!((found, next), ("drought", Next::FallBack));
    assert_eq!((drive.record.step, drive.record.setback), (Step::FallBack, Some(Setback::Drought)));
}

#[test]
fn a_rebalance_that_fails_goes_to_on_demand_because_its_undo_would_be_the_same_again() {
    let mut drive = Drive::new(MoveKind::Rebalance, over(1, 1), over(1, 1));
    drive.policy.verify.attempts = 1;
    let (found, next, _) = judged(drive, |d| d.world.break_off());
    assert_eq!((found, next), ("failed", Next::FallBack));
}

#[test]
fn the_dwell_is_kept_and_a_changed_desired_count_does_not_restart_it() {
    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    drive.world.finish();
    let first = drive.check();
    assert_eq!((first.next, first.wait), (Next::Wait, Seconds(15)));
    drive.pass(50);
    drive.world.service.desired += 2;
    let second = drive.check();
    assert_eq!((second.next, second.wait), (Next::Wait, Seconds(10)), "only what is left of the dwell");
    drive.pass(10);
    assert_eq!(drive.check().next, Next::Stable);

    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    drive.world.finish();
    drive.check();
    drive.pass(50);
    drive.world.healthy -= 1;
    drive.check();
    drive.world.healthy += 1;
    drive.pass(10);
    assert_eq!(drive.check().next, Next::Wait, "a target that fails does");
}

#[test]
fn waiting_leaves_one_line_and_grows_to_a_minute_but_not_past_the_deadline() {
    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    let mut waits = Vec::new();
    while drive.now < fixtures::at(595) {
        let judgement = drive.check();
        assert!(judgement.next == Next::Wait && judgement.wait > Seconds(0), "{judgement:?}");
        waits.push(judgement.wait.0);
        drive.pass(judgement.wait.0);
    }
    assert_eq!(waits.iter().sum::<u32>(), 600, "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= 60) && waits.contains(&15), "{waits:?}");
    let waiting = drive.record.history.iter().filter(|line| line.what.starts_with("waiting")).count();
    assert_eq!(waiting, 1, "{:?}", drive.record.history);
}

#[test]
fn looks_at_a_long_deployment_come_a_tenth_of_its_time_apart() {
    for (passed, wait) in [(100, 15), (400, 40), (570, 30)] {
        let mut drive = Drive::up();
        drive.update(Answer::Taken);
        drive.pass(passed);
        assert_eq!(drive.check().wait, Seconds(wait), "after {passed} s of at most 600");
    }
}

/// What a person reads of a move that was waited for, failed and was tried again.
#[test]
fn the_history_of_a_move_keeps_what_it_was_waited_for() {
    let mut drive = Drive::up();
    drive.policy.verify.dwell_seconds = Seconds(0);
    drive.update(Answer::Taken);
    drive.check();
    drive.pass(15);
    drive.check();
    drive.world.break_off();
    drive.check();
    drive.update(Answer::Taken);
    drive.world.finish();
    drive.check();
    let what: Vec<&str> = drive.record.history.iter().map(|line| line.what.as_str()).collect();
    let expected = [
        "write 1 (apply): FARGATE:1, FARGATE_SPOT:1 instead of FARGATE:1",
        "ECS took write 1 of the move",
        "waiting: our deployment runs 0 of 4 tasks, 0 are on their way, 0 failed, 4 older ones are left",
        "failed: our deployment was ended after 3 failed tasks: tasks failed to start; retry after step 1 of at most 4",
        "write 2 (retry): FARGATE:1, FARGATE_SPOT:1 instead of FARGATE:1, FARGATE_SPOT:1",
        "ECS took write 2 of the move",
        "stable",
    ];
    assert_eq!(what, expected);
}

#[test]
fn a_judgement_says_why() {
    let rows: &[(&str, Happens, &str)] = &[
        (
            "the deadline passed",
            |d| d.pass(600),
            "failed: 600 s have passed, the deadline was 600 s: our deployment runs 0 of 4 tasks",
        ),
        (
            "the deadline passed unseen",
            |d| {
                d.hide_service();
                d.pass(600);
            },
            "failed: 600 s have passed, the deadline was 600 s: the service could not be read",
        ),
        (
            "a switch is on",
            |d| d.throw_switch(false),
            "the switch over all: launch is on, step 1 of at most 4; fall_back",
        ),
        (
            "somebody deploys",
            |d| d.world.deploy(over(2, 1), fixtures::at(60)),
            "superseded: deployment-3 of 2026-01-15T12:01:00Z has taken the place of our deployment, with \
             FARGATE:2, FARGATE_SPOT:1",
        ),
        (
            "a quota",
            |d| d.world.tell(fixtures::at(40), "was unable to place a task: VcpuLimitExceeded"),
            "waiting: our deployment runs 0 of 4 tasks, 0 are on their way, 0 failed, 4 older ones are left; a quota \
             is used up: (service web) was unable to place a task: VcpuLimitExceeded",
        ),
        ("done", |d| d.world.finish(), "waiting: all 4 tasks run and hold since 0 s, the dwell is 60 s"),
    ];
    for (name, happens, expected) in rows {
        let mut drive = Drive::up();
        drive.update(Answer::Taken);
        happens(&mut drive);
        let reason = drive.check().reason;
        assert!(reason.starts_with(expected), "{name}: {reason}");
    }
}
