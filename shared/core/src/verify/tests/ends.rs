//! What the end of a move writes down, and pauses.

use super::{Answer, Drive, over};
use crate::fixtures;
use crate::interface::{Because, UpdateOutcome};
use crate::record::{Outcome, Setback, Step};
use crate::units::Seconds;
use crate::verify::{Next, Resumption, conclude, pause, resume};

#[test]
fn every_answer_has_its_outcome() {
    use Outcome::{FallenBack, Held, Quarantined, Refused, Stable, Stranded, Superseded, Undone};
    let error = || Because::Error("Unavailable".to_owned());
    let update = Because::Update;
    let next = Because::Next;
    let rows = [
        ("stable", true, Step::Apply, true, next(Next::Stable), Some(Stable), false),
        ("a retry stable", true, Step::Retry, true, next(Next::Stable), Some(Stable), false),
        ("an undo stable", true, Step::Undo, true, next(Next::Stable), Some(Undone), false),
        ("a fallback stable", true, Step::FallBack, true, next(Next::Stable), Some(FallenBack), false),
        ("yielded", true, Step::Apply, true, next(Next::Yield), Some(Superseded), false),
        ("an undo failed", true, Step::Undo, true, next(Next::Quarantine), Some(Quarantined), false),
        ("a fallback failed", true, Step::FallBack, true, next(Next::Quarantine), Some(Stranded), false),
        ("a move down failed", false, Step::Retry, true, next(Next::Quarantine), Some(Stranded), false),
        ("held before anything was written", true, Step::Apply, false, update(UpdateOutcome::Held), Some(Held), false),
        ("an undo held", true, Step::Undo, true, update(UpdateOutcome::Held), Some(Held), true),
        ("superseded", true, Step::Apply, false, update(UpdateOutcome::Superseded), Some(Superseded), false),
        ("a move up refused", true, Step::Apply, false, update(UpdateOutcome::Refused), Some(Refused), false),
        ("a move down refused", false, Step::Apply, false, update(UpdateOutcome::Refused), Some(Stranded), false),
        ("an undo refused", true, Step::Undo, true, update(UpdateOutcome::Refused), Some(Quarantined), false),
        ("a fallback refused", true, Step::FallBack, true, update(UpdateOutcome::Refused), Some(Stranded), false),
        ("an error before anything was written", true, Step::Apply, false, error(), Some(Held), false),
        ("an error afterwards", true, Step::Apply, true, error(), None, true),
        ("the state machine stopped waiting", false, Step::Apply, true, next(Next::Wait), None, true),
    ];
    for (name, up, step, begun, because, outcome, open) in rows {
        let mut drive = if up { Drive::up() } else { Drive::down() };
        if begun {
            drive.update(Answer::Taken);
        }
        drive.record.step = step;
        drive.conclude(&because);
        assert_eq!(drive.record.outcome, outcome, "{name}");
        let ended = outcome.map_or_else(|| "left open".to_owned(), |outcome| format!("ended as {}", outcome.name()));
        let why = match &because {
            Because::Next(next) => format!("the answer {}", next.name()),
            Because::Update(update) => {
                format!("the answer {}", serde_json::to_value(update).unwrap().as_str().unwrap())
            }
            Because::Error(error) => format!("the error {error}"),
        };
        let told = format!("{ended} because of {why}, after {} writes of at most 4", u32::from(begun));
        assert_eq!(drive.record.history.last().map(|line| &line.what), Some(&told), "{name}");
        let left = drive.ledger.as_ref().and_then(|ledger| ledger.open.as_ref());
        assert_eq!(left.is_some(), open, "{name}");
        assert!(left.is_none_or(|left| left.ends_by <= drive.now), "{name}: the next run takes it up at once");
        if open {
            let other = fixtures::run_id("run-2");
            let ledger = drive.ledger.as_ref().unwrap();
            let left = resume(ledger, Some(drive.record.clone()), &other, drive.now);
            assert!(matches!(left, Resumption::Move(_)), "{name}");
        }
        let (record, ledger) = (drive.record.clone(), drive.ledger.clone());
        if outcome.is_some() {
            drive.conclude(&Because::Next(Next::Quarantine));
            assert_eq!((drive.record, drive.ledger), (record, ledger), "{name}: asked again, nothing changes");
        }
    }
}

#[test]
fn a_crash_between_ledger_and_record_counts_a_failure_once() {
    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    drive.record.step = Step::Undo;
    drive.record.setback = Some(Setback::Failed);
    let before = drive.record.clone();
    drive.conclude(&Because::Next(Next::Stable));
    let ledger = drive.ledger.clone();
    let again = conclude(&drive.policy, before, ledger.as_ref(), &Because::Next(Next::Stable), drive.now);
    assert_eq!((again.record.outcome, &again.ledger), (Some(Outcome::Undone), &ledger));
    assert_eq!(ledger.unwrap().failures, 1);
}

#[test]
fn the_end_of_a_move_leaves_another_ones_ledger_alone() {
    let mut drive = Drive::up();
    drive.update(Answer::Taken);
    drive.ledger.as_mut().unwrap().open.as_mut().unwrap().run = fixtures::run_id("run-2");
    let ledger = drive.ledger.clone();
    drive.conclude(&Because::Next(Next::Yield));
    assert_eq!((drive.record.outcome, drive.ledger), (Some(Outcome::Superseded), ledger));
}

#[test]
fn pauses_double_up_to_the_longest() {
    let policy = fixtures::policy().verify;
    let pauses: Vec<u32> = [0, 1, 2, 3, 8, 9, 4_000_000_000].map(|times| pause(&policy, times).0).to_vec();
    assert_eq!(pauses, [3_600, 3_600, 7_200, 14_400, 460_800, 604_800, 604_800]);
}

#[test]
fn a_refused_or_throttled_write_leaves_the_ledger_as_it_was() {
    for (answer, outcome) in [(Answer::Refused, UpdateOutcome::Refused), (Answer::Throttled, UpdateOutcome::Held)] {
        let mut drive = Drive::up();
        let mut ledger = fixtures::ledger(&drive.world.service);
        ledger.fence = 7;
        drive.ledger = Some(ledger.clone());
        assert_eq!(drive.update(answer), outcome);
        assert_eq!(drive.ledger, Some(ledger));
        assert_eq!((drive.record.steps, drive.record.attempts, &drive.record.written), (0, 0, &None));
    }
    // After a first write that AWS took, the ledger goes back to that one.
    let mut drive = Drive::up();
    drive.policy.verify.attempts = 1;
    drive.update(Answer::Taken);
    drive.world.break_off();
    assert_eq!(drive.check().next, Next::Undo);
    let before = drive.ledger.clone().unwrap();
    assert_eq!(drive.update(Answer::Refused), UpdateOutcome::Refused);
    let after = drive.ledger.unwrap();
    assert_eq!(after.last_write, before.last_write);
    assert_eq!(after.last_write.unwrap().after, over(1, 1));
    assert_eq!(after.open.unwrap().move_id, drive.record.planned.id);
}

#[test]
fn the_seconds_between_two_times_are_never_negative() {
    assert_eq!(crate::verify::since(fixtures::at(5), fixtures::at(0)), Seconds(0));
    assert_eq!(crate::verify::since(fixtures::at(0), fixtures::at(5)), Seconds(5));
}

#[test]
fn answers_are_named_as_the_state_machine_has_them() {
    for next in [Next::Stable, Next::Wait, Next::Retry, Next::Undo, Next::FallBack, Next::Yield, Next::Quarantine] {
        assert_eq!(serde_json::to_value(next).unwrap(), next.name());
    }
}

/// What went wrong with moves up is forgotten when one of those is stable, not before.
#[test]
fn a_stable_move_down_forgets_nothing() {
    let mut drive = Drive::down();
    let mut ledger = fixtures::ledger(&drive.world.service);
    ledger.failures = 3;
    ledger.quarantined_until = Some(fixtures::at(9_000));
    drive.ledger = Some(ledger);
    drive.update(Answer::Taken);
    drive.conclude(&Because::Next(Next::Stable));
    let ledger = drive.ledger.unwrap();
    assert_eq!(drive.record.outcome, Some(Outcome::Stable));
    assert_eq!((ledger.failures, ledger.quarantined_until), (3, Some(fixtures::at(9_000))));
}

#[test]
fn the_ledger_says_why_a_service_rests() {
    let rows = [
        (Step::Undo, Setback::Failed, Next::Stable, "a move up failed; 1 moves up"),
        (Step::FallBack, Setback::Drought, Next::Stable, "Spot could not be had; 1 moves up"),
        (Step::Undo, Setback::Failed, Next::Quarantine, "a move up failed and so did going back; 1 moves up"),
        (Step::FallBack, Setback::Drought, Next::Quarantine, "the way to On-Demand could not be completed; 1 moves up"),
        (Step::Apply, Setback::RolledBack, Next::Yield, "ECS rolled a move up back; 1 moves up"),
        (Step::Apply, Setback::Reverted, Next::Yield, "a move under way has been taken back, 1 times in all"),
    ];
    for (step, setback, next, expected) in rows {
        let mut drive = Drive::up();
        drive.update(Answer::Taken);
        drive.record.step = step;
        drive.record.setback = Some(setback);
        drive.conclude(&Because::Next(next));
        let reason = drive.ledger.unwrap().quarantine_reason;
        assert!(reason.starts_with(expected) && reason.ends_with("; no move up for 3600 s"), "{step:?}: {reason}");
    }
}
