//! S8 and S5 over random worlds: whatever happens, a move ends in its time, and nothing is
//! written twice.

use proptest::prelude::*;

use super::{Answer, Drive, over};
use crate::apply::ApplyDecision;
use crate::fixtures;
use crate::interface::{Because, UpdateOutcome};
use crate::observe::ServiceDeploymentStatus as Status;
use crate::plan::MoveKind;
use crate::record::{Outcome, Step};
use crate::units::Seconds;
use crate::verify::{Next, ends_by};

/// What may happen between two calls.
#[derive(Debug, Clone, Copy)]
enum Event {
    Nothing,
    Finish,
    BreakOff,
    RollBack,
    RollingBack,
    TasksFail,
    SpotHangs,
    NoCapacity,
    Unhealthy,
    Scale(u32),
    HideService,
    HideDeployments,
    HideTargets,
    ShowAll,
    SomebodyDeploys(u32),
    ThrowSwitch,
    ReleaseSwitch,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => Just(Event::Nothing),
        4 => Just(Event::Finish),
        3 => Just(Event::BreakOff),
        1 => Just(Event::RollBack),
        1 => Just(Event::RollingBack),
        2 => Just(Event::TasksFail),
        3 => Just(Event::SpotHangs),
        2 => Just(Event::NoCapacity),
        2 => Just(Event::Unhealthy),
        1 => (0..8u32).prop_map(Event::Scale),
        1 => Just(Event::HideService),
        1 => Just(Event::HideDeployments),
        1 => Just(Event::HideTargets),
        4 => Just(Event::ShowAll),
        1 => (0..3u32).prop_map(Event::SomebodyDeploys),
        1 => Just(Event::ThrowSwitch),
        1 => Just(Event::ReleaseSwitch),
    ]
}

fn answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        6 => Just(Answer::Taken),
        2 => Just(Answer::LostButTaken),
        2 => Just(Answer::LostAndNotTaken),
        1 => Just(Answer::Throttled),
        1 => Just(Answer::Refused),
    ]
}

fn happen(drive: &mut Drive, event: Event) {
    let (now, world) = (drive.now, &mut drive.world);
    match event {
        Event::Nothing => {}
        Event::Finish => world.finish(),
        Event::BreakOff => world.break_off(),
        Event::RollBack if world.newest().source_revisions.is_empty() => {}
        Event::RollBack => world.roll_back(now),
        Event::RollingBack => world.newest().status = Status::RollbackInProgress,
        Event::TasksFail => world.newest().failed_tasks += 3,
        Event::SpotHangs => world.tasks(0, 1),
        Event::NoCapacity => {
            world.tell(now, "was unable to place a task. Reason: Capacity is unavailable at this time.")
        }
        Event::Unhealthy => world.healthy = 0,
        Event::Scale(desired) => world.service.desired = desired,
        Event::HideService => drive.hide_service(),
        Event::HideDeployments => world.hides_deployments = true,
        Event::HideTargets => world.hides_targets = true,
        Event::ShowAll => {
            world.service_gap = None;
            world.hides_deployments = false;
            world.hides_targets = false;
        }
        Event::SomebodyDeploys(spot) => world.deploy(over(2, spot), now),
        Event::ThrowSwitch => drive.throw_switch(false),
        Event::ReleaseSwitch => drive.switches.entries.clear(),
    }
}

/// The Updater's call, with what S4, S5 and S9 say of any write.
fn update(drive: &mut Drive, answer: Answer) -> Result<UpdateOutcome, TestCaseError> {
    if let ApplyDecision::Write { placed_by, record, ledger } = drive.decide() {
        let under_switch = !drive.switches.entries.is_empty();
        prop_assert!(!(under_switch && record.may_add_spot()), "S4: Spot is added under a switch");
        let in_place = drive.world.service.placed_by.equivalent(&placed_by);
        let rebalance = record.planned.kind == MoveKind::Rebalance && record.step == Step::Apply;
        let newest = drive.world.deployments.first().map(|newest| newest.status);
        let ended = matches!(newest, Some(Status::Stopped | Status::RollbackSuccessful | Status::RollbackFailed));
        prop_assert!(!in_place || rebalance || ended, "S5: the same strategy is written over itself, {newest:?}");
        prop_assert_eq!(&ledger.original, &record.planned.before, "S9");
        let mut crashed = drive.clone();
        crashed.record = *record;
        crashed.ledger = Some(*ledger);
        for (name, taken) in [("crashed before the write", false), ("crashed after it", true)] {
            let mut crashed = crashed.clone();
            if taken {
                crashed.world.deploy(placed_by.clone(), crashed.now);
            }
            crashed.pass(299);
            let decision = crashed.decide();
            prop_assert!(!matches!(decision, ApplyDecision::Write { .. }), "S5, {}: {:?}", name, decision);
        }
    }
    Ok(drive.update(answer))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// S8: every move ends, within its deadline and those of its retries and fallback.
    /// S5: the same move applied twice is one write.
    #[test]
    fn s8_every_move_ends_in_time(
        kind in prop_oneof![Just(MoveKind::Up), Just(MoveKind::Down), Just(MoveKind::Rebalance)],
        attempts in 1..4u32,
        deadline in 60..1_200u32,
        dwell in 0..120u32,
        events in proptest::collection::vec((event(), 0..30u32), 1..200),
        answers in proptest::collection::vec(answer(), 12),
    ) {
        let (before, after) = match kind {
            MoveKind::Up => (over(3, 1), over(1, 1)),
            MoveKind::Down => (over(1, 1), over(1, 0)),
            MoveKind::Rebalance => (over(1, 1), over(1, 1)),
        };
        let mut drive = Drive::new(kind, before, after);
        drive.policy.verify.attempts = attempts;
        drive.policy.verify.dwell_seconds = Seconds(dwell);
        drive.record.planned.deadline = Seconds(deadline);
        let must_end = ends_by(&drive.policy.verify, &drive.record, drive.now);
        let mut events = events.into_iter().cycle();
        let mut answers = answers.into_iter().cycle();
        let because = 'ended: loop {
            let outcome = update(&mut drive, answers.next().unwrap())?;
            if outcome != UpdateOutcome::Applied {
                break Because::Update(outcome);
            }
            drive.pass(drive.policy.verify.poll_seconds.0);
            loop {
                let (event, late) = events.next().unwrap();
                drive.pass(late);
                happen(&mut drive, event);
                let judgement = drive.check();
                prop_assert!(drive.now <= must_end, "S8: it is {} and it must have ended by {must_end}", drive.now);
                prop_assert!(judgement.record.steps <= attempts + 2, "S8: {} steps", judgement.record.steps);
                match judgement.next {
                    Next::Wait => drive.pass(judgement.wait.0),
                    Next::Retry | Next::Undo | Next::FallBack => break,
                    end => break 'ended Because::Next(end),
                }
            }
        };
        drive.conclude(&because);
        let outcome = drive.record.outcome;
        prop_assert!(outcome.is_some(), "S8: {:?}", drive.record.history);
        let down = kind == MoveKind::Down;
        prop_assert!(!(down && matches!(outcome, Some(Outcome::Undone | Outcome::Quarantined))), "a move down is never undone");
        if let Some(ledger) = &drive.ledger {
            prop_assert!(ledger.open.is_none() || outcome == Some(Outcome::Held));
            prop_assert!(ledger.original == drive.record.planned.before);
        }
        prop_assert!(drive.sent.len() <= usize::try_from(attempts + 2).unwrap());
        prop_assert!(drive.record.history.iter().all(|line| line.at >= fixtures::now()));
    }
}
