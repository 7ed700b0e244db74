//! Moves from their first write to their end.

use jiff::Timestamp;

use super::{Answer, Drive, over, run};
use crate::fixtures;
use crate::ids::RunId;
use crate::interface::{Because, UpdateOutcome};
use crate::observe::{Family, PlacedBy};
use crate::plan::MoveKind;
use crate::record::{Ledger, MoveRecord, Outcome, Step};
use crate::strategy::Strategy;
use crate::units::Seconds;
use crate::verify::{Next, Resumption, resume};

/// What another run has left, which there is.
fn taken_up(ledger: &Ledger, record: Option<MoveRecord>, run: &RunId, now: Timestamp) -> MoveRecord {
    match resume(ledger, record, run, now) {
        Resumption::Move(record) => *record,
        other => panic!("nothing to go on with: {other:?}"),
    }
}

impl Drive {
    /// Writes, lets something happen, and expects what follows.
    fn step(&mut self, happens: impl FnOnce(&mut Drive), expected: Next) {
        assert_eq!(self.update(Answer::Taken), UpdateOutcome::Applied, "{:?}", self.record.history);
        happens(self);
        let judgement = self.check();
        assert_eq!(judgement.next, expected, "{:?}", self.record.history);
    }

    /// Ends the move as its last answer says, and gives its outcome.
    fn end(&mut self, because: Because) -> Option<Outcome> {
        self.conclude(&because);
        self.record.outcome
    }

    fn without_dwell(mut self) -> Drive {
        self.policy.verify.dwell_seconds = Seconds(0);
        self
    }
}

fn break_off(drive: &mut Drive) {
    drive.pass(60);
    drive.world.break_off();
}

fn finish(drive: &mut Drive) {
    drive.pass(60);
    drive.world.finish();
}

#[test]
fn a_failed_move_up_is_retried_then_undone_then_quarantined_for_longer_each_time() {
    let mut ledger = None;
    for pause in [3_600, 7_200, 14_400] {
        let mut drive = Drive::up().without_dwell();
        drive.ledger = ledger;
        drive.step(break_off, Next::Retry);
        drive.step(break_off, Next::Undo);
        drive.step(finish, Next::Stable);
        assert_eq!(drive.end(Because::Next(Next::Stable)), Some(Outcome::Undone));
        assert_eq!(drive.sent, [over(1, 1), over(1, 1), over(1, 0)]);
        let mut closed = drive.ledger.unwrap();
        assert_eq!(closed.original, over(1, 0));
        assert_eq!(closed.open, None);
        let until = closed.quarantined_until.take().unwrap();
        assert_eq!(crate::verify::since(drive.now, until), Seconds(pause));
        ledger = Some(closed);
    }
}

#[test]
fn an_undo_that_fails_is_an_alarmed_end() {
    let mut drive = Drive::up();
    drive.policy.verify.attempts = 1;
    drive.step(break_off, Next::Undo);
    drive.step(break_off, Next::Quarantine);
    assert_eq!(drive.end(Because::Next(Next::Quarantine)), Some(Outcome::Quarantined));
    assert!(drive.ledger.unwrap().quarantined_until.is_some());
}

#[test]
fn a_drought_falls_back_and_a_fallback_that_fails_is_retried_and_then_stranded() {
    let mut drive = Drive::up();
    drive.policy.verify.attempts = 1;
    let drought = |drive: &mut Drive| {
        drive.world.tasks(0, 2);
        drive.pass(120);
    };
    drive.step(drought, Next::FallBack);
    drive.step(break_off, Next::FallBack);
    drive.step(break_off, Next::Quarantine);
    assert_eq!(drive.end(Because::Next(Next::Quarantine)), Some(Outcome::Stranded));

    let mut drive = Drive::up().without_dwell();
    drive.step(drought, Next::FallBack);
    drive.step(finish, Next::Stable);
    assert_eq!(drive.end(Because::Next(Next::Stable)), Some(Outcome::FallenBack));
    let ledger = drive.ledger.unwrap();
    assert_eq!((ledger.failures, ledger.quarantined_until), (1, Some(fixtures::at(180 + 3_600))));
    assert_eq!(ledger.last_write.unwrap().dealt.spot_tasks, 0);
}

#[test]
fn a_move_down_in_progress_at_its_deadline_gets_another_one_and_no_second_write() {
    let mut drive = Drive::down().without_dwell();
    drive.step(|d| d.pass(600), Next::Retry);
    drive.step(|d| d.pass(599), Next::Wait);
    drive.world.finish();
    assert_eq!(drive.check().next, Next::Stable);
    assert_eq!(drive.end(Because::Next(Next::Stable)), Some(Outcome::Stable));
    assert_eq!(drive.sent, [over(1, 0)]);

    let mut drive = Drive::down();
    drive.step(|d| d.pass(600), Next::Retry);
    drive.step(|d| d.pass(600), Next::Quarantine);
    assert_eq!(drive.end(Because::Next(Next::Quarantine)), Some(Outcome::Stranded));
}

#[test]
fn a_switch_turns_a_move_up_back_and_leaves_no_quarantine() {
    let mut drive = Drive::up().without_dwell();
    drive.step(|d| d.throw_switch(false), Next::FallBack);
    drive.step(finish, Next::Stable);
    assert_eq!(drive.end(Because::Next(Next::Stable)), Some(Outcome::FallenBack));
    let ledger = drive.ledger.unwrap();
    assert_eq!((ledger.failures, ledger.quarantined_until, ledger.open), (0, None, None));
    assert_eq!(drive.sent, [over(1, 1), over(1, 0)]);
    let last = ledger.last_write.unwrap();
    assert_eq!((last.by_switch, last.before), (true, over(1, 1)), "it climbs again to what it had");
}

#[test]
fn a_move_up_is_neither_retried_nor_undone_to_spot_in_a_window_without() {
    let close = |d: &mut Drive| {
        break_off(d);
        d.policy.windows = vec![fixtures::window(crate::units::Percent::ZERO, fixtures::now())];
    };
    Drive::up().step(close, Next::Undo);
    let mut drive = Drive::new(MoveKind::Up, over(3, 1), over(1, 1));
    drive.step(close, Next::FallBack);
}

#[test]
fn an_undo_that_would_add_spot_becomes_a_fallback_under_a_switch() {
    let base = |base| {
        let pair = fixtures::pair(Family::Fargate);
        PlacedBy::Strategy(Strategy::over(&pair.on_demand, &pair.spot, base, 1, 1))
    };
    // The base takes all four tasks: the fifth would be on Spot.
    for before in [over(3, 1), base(4)] {
        let mut drive = Drive::new(MoveKind::Up, before.clone(), over(1, 1));
        drive.policy.verify.attempts = 1;
        drive.step(break_off, Next::Undo);
        drive.step(
            |d| {
                d.pass(5);
                d.throw_switch(false);
            },
            Next::FallBack,
        );
        drive.step(finish, Next::Wait);
        assert_eq!(drive.sent, [over(1, 1), before, over(1, 0)]);
    }
}

#[test]
fn a_revert_is_yielded_to_with_a_growing_pause() {
    let mut ledger = None;
    for pause in [3_600, 7_200] {
        let mut drive = Drive::up();
        drive.ledger = ledger;
        drive.step(|d| d.world.deploy(over(1, 0), fixtures::at(30)), Next::Yield);
        assert_eq!(drive.end(Because::Next(Next::Yield)), Some(Outcome::Superseded));
        let mut closed = drive.ledger.unwrap();
        assert!(closed.quarantine_reason.contains("ecs-svc/3 of"), "{}", closed.quarantine_reason);
        let taken_back = closed.last_write.as_ref().unwrap().taken_back.as_ref().unwrap();
        assert_eq!(taken_back.deployment, "ecs-svc/3", "no later look counts it again");
        let until = closed.quarantined_until.take().unwrap();
        assert_eq!(crate::verify::since(drive.now, until), Seconds(pause));
        ledger = Some(closed);
    }
    assert_eq!(ledger.unwrap().reverts, 2);
}

#[test]
fn a_stable_move_up_clears_failures_and_keeps_reverts() {
    let mut drive = Drive::up().without_dwell();
    let mut ledger = fixtures::ledger(&drive.world.service);
    ledger.failures = 3;
    ledger.reverts = 2;
    ledger.quarantined_until = Some(fixtures::at(-5));
    drive.ledger = Some(ledger);
    drive.step(finish, Next::Stable);
    assert_eq!(drive.end(Because::Next(Next::Stable)), Some(Outcome::Stable));
    let ledger = drive.ledger.unwrap();
    assert_eq!((ledger.failures, ledger.reverts, ledger.quarantined_until), (0, 2, None));
    assert_eq!(ledger.last_up_at, Some(fixtures::now()));
    let write = ledger.last_write.unwrap();
    assert_eq!(
        (write.deployment.as_deref(), write.deployment_id.as_deref()),
        (Some("deployment-2"), Some("ecs-svc/2"))
    );
    assert_eq!(write.dealt.spot_tasks, 2);
}

#[test]
fn s11_a_roll_back_by_ecs_is_no_revert_for_the_looks_that_follow() {
    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    drive.world.roll_back(fixtures::at(60));
    assert_eq!(drive.check().next, Next::Yield);
    let write = drive.ledger.as_ref().unwrap().last_write.as_ref().unwrap();
    let taken_back = write.taken_back.as_ref().unwrap();
    assert_eq!((taken_back.deployment.as_str(), &taken_back.placed_by), ("ecs-svc/3", &over(1, 0)));
    assert_eq!(drive.end(Because::Next(Next::Yield)), Some(Outcome::Superseded));
    let ledger = drive.ledger.unwrap();
    assert_eq!((ledger.failures, ledger.reverts), (1, 0), "that move has failed");
    assert_eq!(ledger.quarantined_until, drive.now.checked_add(Seconds(3_600).duration()).ok());
}

#[test]
fn s11_a_write_that_was_overtaken_is_known_to_have_been_taken() {
    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    drive.world.deploy(over(7, 1), fixtures::at(30));
    assert_eq!(drive.check().next, Next::Yield);
    let write = drive.ledger.as_ref().unwrap().last_write.as_ref().unwrap();
    assert!(write.is_taken() && write.taken_back.is_none(), "it is for the next run to count: {write:?}");
}

#[test]
fn a_drought_is_remembered_in_the_ledger() {
    // One that drove a move off.
    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    drive.record.step = Step::FallBack;
    drive.record.setback = Some(crate::record::Setback::Drought);
    drive.pass(60);
    drive.conclude(&Because::Next(Next::Stable));
    assert_eq!(drive.ledger.unwrap().drought_at, Some(fixtures::at(60)));
    // One that a move down answers: from its write on, however it ends.
    let mut drive = Drive::down();
    drive.record.planned.cause = crate::plan::MoveCause::Drought { evidence: "no capacity".to_owned() };
    drive.update(Answer::Taken);
    assert_eq!(drive.ledger.unwrap().drought_at, Some(fixtures::now()));
    // And none where there was none.
    let mut drive = Drive::down();
    drive.update(Answer::Taken);
    drive.conclude(&Because::Next(Next::Stable));
    assert_eq!(drive.ledger.unwrap().drought_at, None);
}

#[test]
fn a_lost_answer_is_resolved_by_reading() {
    let mut drive = Drive::up().without_dwell();
    assert_eq!(drive.update(Answer::LostButTaken), UpdateOutcome::Applied);
    assert!(!drive.record.written.as_ref().unwrap().confirmed);
    assert_eq!(drive.check().next, Next::Wait);
    let written = drive.record.written.clone().unwrap();
    assert!(written.confirmed && written.deployment.as_deref() == Some("deployment-2"), "{written:?}");
    assert_eq!(drive.update(Answer::Taken), UpdateOutcome::Applied);
    assert_eq!(drive.sent.len(), 1);

    let mut drive = Drive::up().without_dwell();
    drive.update(Answer::LostAndNotTaken);
    drive.pass(299);
    assert_eq!(drive.check().next, Next::Wait);
    drive.pass(1);
    assert_eq!(drive.check().next, Next::Retry);
    assert_eq!(drive.ledger.as_ref().unwrap().last_write, None, "what AWS did not take is not the last write");
    drive.step(finish, Next::Stable);
    assert_eq!(drive.sent.len(), 2);
}

#[test]
fn a_write_that_aws_never_takes_ends_without_a_quarantine() {
    let mut drive = Drive::up().without_dwell();
    for expected in [Next::Retry, Next::Undo] {
        drive.update(Answer::LostAndNotTaken);
        drive.pass(300);
        assert_eq!(drive.check().next, expected);
    }
    // What was there before is still there: nothing is written.
    drive.step(|_| {}, Next::Stable);
    assert_eq!(drive.sent, [over(1, 1), over(1, 1)]);
    assert_eq!(drive.end(Because::Next(Next::Stable)), Some(Outcome::Undone));
    let ledger = drive.ledger.unwrap();
    assert_eq!((ledger.failures, ledger.quarantined_until), (0, None));
}

#[test]
fn s12_a_move_whose_record_is_gone_is_closed_when_its_time_is_over() {
    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    let ledger = drive.ledger.clone().unwrap();
    let ends_by = ledger.open.as_ref().unwrap().ends_by;
    let ended = MoveRecord { outcome: Some(Outcome::Stable), ..drive.record.clone() };
    let closed = Ledger { open: None, ..ledger.clone() };
    let second = jiff::SignedDuration::from_secs(1);
    let cases = [
        ("gone, and its time is over", &ledger, None, ends_by, Resumption::Close(Box::new(closed.clone()))),
        ("gone, a second before", &ledger, None, ends_by - second, Resumption::Nothing),
        (
            "ended, and its time is over",
            &ledger,
            Some(ended.clone()),
            ends_by,
            Resumption::Close(Box::new(closed.clone())),
        ),
        ("ended, a second before", &ledger, Some(ended), ends_by - second, Resumption::Nothing),
        ("nothing is open", &closed, None, ends_by, Resumption::Nothing),
    ];
    for (name, ledger, record, now, expected) in cases {
        assert_eq!(resume(ledger, record, &fixtures::run_id("run-2"), now), expected, "{name}");
    }
}

#[test]
fn s12_what_a_dead_run_left_is_verified_and_not_written_again() {
    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    drive.check();
    drive.pass(20_000);
    drive.world.finish();
    let other = fixtures::run_id("run-2");
    let ledger = drive.ledger.clone().unwrap();
    let mut resumed = taken_up(&ledger, Some(drive.record.clone()), &other, drive.now);
    resumed.planned.id = crate::ids::MoveId::parse("prod/0-9").unwrap();
    drive.record = resumed;
    drive.run = crate::record::RunRecord { id: other.clone(), ..run() };
    drive.step(|_| {}, Next::Wait);
    assert_eq!(drive.ledger.as_ref().unwrap().open.as_ref().unwrap().run, other);
    drive.pass(60);
    assert_eq!(drive.check().next, Next::Stable, "the dwell is kept though the deadline has passed");
    assert_eq!(drive.sent.len(), 1);
    assert_eq!(drive.end(Because::Next(Next::Stable)), Some(Outcome::Stable));
    assert_eq!(drive.ledger.unwrap().open, None);
}

#[test]
fn a_resumed_move_up_is_not_written_again_by_anybody() {
    let run_2 = fixtures::run_id("run-2");
    // It was about to be retried.
    let mut drive = Drive::up();
    drive.step(break_off, Next::Retry);
    let resumed = taken_up(drive.ledger.as_ref().unwrap(), Some(drive.record.clone()), &run_2, drive.now);
    assert_eq!(resumed.step, Step::Undo);

    // Its answer was lost and AWS had not taken it.
    let mut drive = Drive::up();
    drive.update(Answer::LostAndNotTaken);
    drive.pass(20_000);
    drive.record = taken_up(drive.ledger.as_ref().unwrap(), Some(drive.record.clone()), &run_2, drive.now);
    drive.step(|_| {}, Next::Undo);
    drive.step(|d| d.pass(1), Next::Wait);
    assert_eq!(drive.sent, [over(1, 1)]);

    // The ledger had the intent, and nothing was sent.
    let mut drive = Drive::up();
    let decision = drive.decide();
    let before = drive.record.clone();
    drive.intend(decision);
    drive.pass(20_000);
    drive.record = taken_up(drive.ledger.as_ref().unwrap(), Some(before), &run_2, drive.now);
    assert_eq!(drive.update(Answer::Taken), UpdateOutcome::Superseded);
    assert_eq!(drive.end(Because::Update(UpdateOutcome::Superseded)), Some(Outcome::Superseded));
    let ledger = drive.ledger.unwrap();
    assert_eq!((ledger.open, ledger.last_write), (None, None));
    assert_eq!(drive.sent, []);
}

/// Only a move up that was to be written again is turned back: everything else goes on as it was.
#[test]
fn what_is_taken_up_goes_on_with_its_step() {
    let run_2 = fixtures::run_id("run-2");
    let rows = [
        ("a move up to be retried", MoveKind::Up, Step::Retry, false, Step::Undo),
        ("a retry that is written", MoveKind::Up, Step::Retry, true, Step::Retry),
        ("a move up that is not written", MoveKind::Up, Step::Apply, false, Step::Apply),
        ("a fallback to be written", MoveKind::Up, Step::FallBack, false, Step::FallBack),
        ("a move down to be retried", MoveKind::Down, Step::Retry, false, Step::Retry),
    ];
    for (name, kind, step, written, expected) in rows {
        let mut drive = if kind == MoveKind::Up { Drive::up() } else { Drive::down() };
        drive.update(Answer::Taken);
        drive.record.step = step;
        drive.record.written = drive.record.written.filter(|_| written);
        let resumed = taken_up(drive.ledger.as_ref().unwrap(), Some(drive.record.clone()), &run_2, drive.now);
        assert_eq!(resumed.step, expected, "{name}");
    }
}

/// A fallback for want of Spot, and somebody puts the old strategy back: that is what the service
/// rests for.
#[test]
fn a_revert_counts_whatever_went_wrong_before() {
    let mut drive = Drive::new(MoveKind::Up, over(3, 1), over(1, 1));
    let drought = |drive: &mut Drive| {
        drive.world.tasks(0, 2);
        drive.pass(120);
    };
    drive.step(drought, Next::FallBack);
    drive.step(|d| d.world.deploy(over(3, 1), fixtures::at(150)), Next::Yield);
    assert_eq!(drive.end(Because::Next(Next::Yield)), Some(Outcome::Superseded));
    let ledger = drive.ledger.unwrap();
    assert_eq!((ledger.reverts, ledger.failures), (1, 0));
    assert_eq!(ledger.quarantined_until, Some(fixtures::at(120 + 3_600)));
}

#[test]
fn an_undo_that_aws_did_not_take_is_written_again_while_steps_are_left() {
    let mut drive = Drive::up();
    drive.policy.verify.attempts = 1;
    drive.step(break_off, Next::Undo);
    drive.update(Answer::LostAndNotTaken);
    drive.pass(300);
    assert_eq!(drive.check().next, Next::Undo);
    drive.update(Answer::LostAndNotTaken);
    drive.pass(300);
    assert_eq!(drive.check().next, Next::Quarantine);
}

/// The Updater died before it had stored what it meant to write.
#[test]
fn a_step_that_was_never_begun_is_asked_for_again() {
    for (step, expected) in [
        (Step::Apply, Next::Retry),
        (Step::Retry, Next::Retry),
        (Step::Undo, Next::Undo),
        (Step::FallBack, Next::FallBack),
    ] {
        let mut drive = Drive::up();
        drive.update(Answer::Taken);
        drive.record.step = step;
        drive.record.written = None;
        assert_eq!(drive.check().next, expected, "{step:?}");
    }
}

/// What would add Spot again is no way back for a service that may have none now.
#[test]
fn what_may_not_be_given_spot_goes_back_to_on_demand() {
    let rows = [
        ("free", None, false, Next::Undo),
        ("quarantined", Some(1), false, Next::FallBack),
        ("quarantined until now", Some(0), false, Next::Undo),
        ("under a switch, and the service cannot be read", None, true, Next::FallBack),
    ];
    for (name, quarantined, switched, expected) in rows {
        let mut drive = Drive::new(MoveKind::Up, over(3, 1), over(1, 1));
        drive.policy.verify.attempts = 1;
        drive.update(Answer::Taken);
        drive.pass(600);
        let until = quarantined.map(|seconds| fixtures::at(600 + seconds));
        drive.ledger.as_mut().unwrap().quarantined_until = until;
        if switched {
            drive.hide_service();
            drive.throw_switch(false);
        }
        assert_eq!(drive.check().next, expected, "{name}: {:?}", drive.record.history);
    }
}
