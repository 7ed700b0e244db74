//! Every verdict of a move up, and what follows it.

use super::world::World;
use super::{Answer, Drive, over, word};
use crate::fixtures;
use crate::observe::ServiceDeploymentStatus as Status;
use crate::units::Seconds;
use crate::verify::Next;

/// What happens between the write and the look.
pub(super) type Happens = fn(&mut Drive);

pub(super) fn no_capacity(world: &mut World, seconds: i64) {
    let message = "was unable to place a task. Reason: Capacity is unavailable at this time.";
    world.tell(fixtures::at(seconds), message);
}

/// ECS lists no service deployment for the write.
fn unlisted(drive: &mut Drive) {
    drive.world.deployments.remove(0);
}

/// The write is taken, something happens, and one look judges it.
pub(super) fn judged(mut drive: Drive, happens: Happens) -> (&'static str, Next, Drive) {
    drive.update(Answer::Taken);
    happens(&mut drive);
    let judgement = drive.check();
    (word(&judgement.verdict), judgement.next, drive)
}

#[test]
fn a_move_up_is_judged() {
    let rows: &[(&str, Happens, &str, Next)] = &[
        ("just begun", |d| d.pass(10), "waiting", Next::Wait),
        ("done, dwelling", |d| d.world.finish(), "waiting", Next::Wait),
        (
            "done, without a dwell",
            |d| {
                d.policy.verify.dwell_seconds = Seconds(0);
                d.world.finish();
            },
            "stable",
            Next::Stable,
        ),
        (
            "done, but older tasks are left",
            |d| {
                d.policy.verify.dwell_seconds = Seconds(0);
                d.world.finish();
                d.world.newest().source_revisions[0].running = 1;
            },
            "waiting",
            Next::Wait,
        ),
        (
            "done, but a target is not healthy",
            |d| {
                d.policy.verify.dwell_seconds = Seconds(0);
                d.world.finish();
                d.world.healthy -= 1;
            },
            "waiting",
            Next::Wait,
        ),
        (
            "done, but a task is missing",
            |d| {
                d.policy.verify.dwell_seconds = Seconds(0);
                d.world.finish();
                d.world.service.running -= 1;
            },
            "waiting",
            Next::Wait,
        ),
        (
            "done, and the targets cannot be read",
            |d| {
                d.policy.verify.dwell_seconds = Seconds(0);
                d.world.finish();
                d.world.hides_targets = true;
            },
            "unknown",
            Next::Wait,
        ),
        (
            "done, but an older deployment has a task on its way",
            |d| {
                d.policy.verify.dwell_seconds = Seconds(0);
                d.world.finish();
                let mut old = d.world.service.deployments[0].clone();
                (old.primary, old.running, old.pending) = (false, 0, 1);
                d.world.service.deployments.push(old);
            },
            "waiting",
            Next::Wait,
        ),
        (
            "done, but its revision places tasks otherwise",
            |d| {
                d.policy.verify.dwell_seconds = Seconds(0);
                d.world.finish();
                d.world.revisions[0].placed_by = over(2, 1);
                d.record.written.as_mut().unwrap().deployment = Some("deployment-2".to_owned());
            },
            "waiting",
            Next::Wait,
        ),
        (
            "the service is gone",
            |d| {
                d.hide_service();
                d.world.service_gap.as_mut().unwrap().cause = crate::observe::GapCause::Absent;
            },
            "superseded",
            Next::Yield,
        ),
        ("the service cannot be read", Drive::hide_service, "unknown", Next::Wait),
        (
            "the service cannot be read until the deadline",
            |d| {
                d.hide_service();
                d.pass(600);
            },
            "failed",
            Next::Undo,
        ),
        ("the deployments cannot be read", |d| d.world.hides_deployments = true, "unknown", Next::Wait),
        ("its service deployment is not listed yet", unlisted, "waiting", Next::Wait),
        (
            "its service deployment is not listed, and the circuit breaker ended it",
            |d| {
                unlisted(d);
                d.world.service.deployments[0].rollout = Some(crate::observe::RolloutState::Failed);
            },
            "failed",
            Next::Retry,
        ),
        (
            "somebody deploys, which the list of deployments does not tell",
            |d| {
                d.check();
                d.world.deploy(over(2, 1), fixtures::at(60));
                d.world.hides_deployments = true;
            },
            "superseded",
            Next::Yield,
        ),
        (
            "somebody deploys, and the list of deployments lags behind",
            |d| {
                d.check();
                let list = d.world.deployments.clone();
                d.world.deploy(over(2, 1), fixtures::at(60));
                d.world.deployments = list;
            },
            "superseded",
            Next::Yield,
        ),
        (
            "a read that lags behind shows the deployment before",
            |d| {
                d.check();
                let before = World::at_rest(over(1, 0));
                d.world.service.deployments = before.service.deployments;
            },
            "waiting",
            Next::Wait,
        ),
        ("the circuit breaker ended it", |d| d.world.break_off(), "failed", Next::Retry),
        (
            "the circuit breaker ended it, and no step is left",
            |d| {
                d.world.break_off();
                d.record.attempts = 2;
                d.record.steps = 4;
            },
            "failed",
            Next::Quarantine,
        ),
        (
            "the circuit breaker ended the last attempt",
            |d| {
                d.world.break_off();
                d.record.attempts = 2;
                d.record.steps = 2;
            },
            "failed",
            Next::Undo,
        ),
        (
            "it may not be retried without the lock",
            |d| {
                d.world.break_off();
                d.run.holds_lock = false;
            },
            "failed",
            Next::Undo,
        ),
        (
            "it may not be retried in quarantine",
            |d| {
                d.world.break_off();
                d.ledger.as_mut().unwrap().quarantined_until = Some(fixtures::at(9_000));
            },
            "failed",
            Next::Undo,
        ),
        (
            "tasks fail and no circuit breaker is on",
            |d| {
                d.world.service.deployment.circuit_breaker = false;
                d.world.newest().failed_tasks = 3;
            },
            "failed",
            Next::Undo,
        ),
        (
            "two tasks fail and no circuit breaker is on",
            |d| {
                d.world.service.deployment.circuit_breaker = false;
                d.world.newest().failed_tasks = 2;
            },
            "waiting",
            Next::Wait,
        ),
        (
            "tasks fail and the circuit breaker will see to it",
            |d| d.world.newest().failed_tasks = 3,
            "waiting",
            Next::Wait,
        ),
        ("the deadline passed in progress", |d| d.pass(600), "failed", Next::Undo),
        ("ECS is rolling back", |d| d.world.newest().status = Status::RollbackInProgress, "waiting", Next::Wait),
        (
            "ECS is rolling back, and the service shows it",
            |d| {
                d.check();
                d.world.roll_back(fixtures::at(60));
                d.world.newest().status = Status::RollbackInProgress;
                d.world.newest().rolled_back = false;
            },
            "waiting",
            Next::Wait,
        ),
        ("ECS rolled back", |d| d.world.roll_back(fixtures::at(60)), "reverted by ECS", Next::Yield),
        ("ECS could not roll back", |d| d.world.newest().status = Status::RollbackFailed, "failed", Next::Retry),
        (
            "somebody put the old strategy back",
            |d| d.world.deploy(over(1, 0), fixtures::at(60)),
            "reverted",
            Next::Yield,
        ),
        (
            "somebody deploys with our strategy",
            |d| d.world.deploy(over(1, 1), fixtures::at(60)),
            "superseded",
            Next::Yield,
        ),
        ("somebody deploys another", |d| d.world.deploy(over(2, 1), fixtures::at(60)), "superseded", Next::Yield),
        (
            "somebody deletes the service",
            |d| d.world.service.status = crate::observe::ServiceStatus::Draining,
            "superseded",
            Next::Yield,
        ),
        (
            "no Spot capacity for the drought time",
            |d| {
                d.world.tasks(0, 0);
                no_capacity(&mut d.world, 30);
                d.pass(120);
            },
            "drought",
            Next::FallBack,
        ),
        (
            "Spot tasks hang for the drought time",
            |d| {
                d.world.tasks(1, 1);
                d.pass(120);
            },
            "drought",
            Next::FallBack,
        ),
        (
            "a Spot task hangs that rounding alone would place",
            |d| {
                d.world.service.desired = 5;
                d.world.tasks(2, 1);
                d.pass(120);
            },
            "drought",
            Next::FallBack,
        ),
        (
            "Spot tasks hang, and tasks fail",
            |d| {
                d.world.tasks(1, 1);
                d.world.newest().failed_tasks = 1;
                d.pass(120);
            },
            "waiting",
            Next::Wait,
        ),
        (
            "no Spot capacity, not long enough",
            |d| {
                d.world.tasks(0, 0);
                no_capacity(&mut d.world, 30);
                d.pass(119);
            },
            "waiting",
            Next::Wait,
        ),
        (
            "a quota is no drought",
            |d| {
                d.world.tasks(0, 2);
                no_capacity(&mut d.world, 30);
                d.world.tell(fixtures::at(40), "was unable to place a task: VcpuLimitExceeded");
                d.pass(120);
            },
            "waiting",
            Next::Wait,
        ),
        (
            "missing On-Demand capacity is no drought",
            |d| {
                d.world.tasks(2, 0);
                no_capacity(&mut d.world, 30);
                d.pass(120);
            },
            "waiting",
            Next::Wait,
        ),
        (
            "a switch is thrown over it",
            |d| {
                d.pass(10);
                d.throw_switch(false);
            },
            "waiting",
            Next::FallBack,
        ),
        (
            "a switch is thrown as it is done",
            |d| {
                d.policy.verify.dwell_seconds = Seconds(0);
                d.world.finish();
                d.throw_switch(false);
            },
            "stable",
            Next::FallBack,
        ),
        (
            "a switch is thrown, but somebody deploys",
            |d| {
                d.world.deploy(over(2, 1), fixtures::at(60));
                d.throw_switch(false);
            },
            "superseded",
            Next::Yield,
        ),
        (
            "another move took the service over",
            |d| d.ledger.as_mut().unwrap().open.as_mut().unwrap().run = fixtures::run_id("run-2"),
            "superseded",
            Next::Yield,
        ),
        (
            "the tag was moved",
            |d| {
                d.world.revisions[0].images[0].digest = Some("sha256:new".to_owned());
                d.pass(10);
            },
            "code changed",
            Next::Wait,
        ),
    ];
    for (name, happens, verdict, next) in rows {
        let (found, follows, drive) = judged(Drive::up(), *happens);
        assert_eq!((found, follows), (*verdict, *next), "{name}: {:?}", drive.record.history);
        assert_eq!(drive.record.code_changed, *verdict == "code changed", "{name}");
    }
}
