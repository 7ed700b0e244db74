//! What a look says about a write.

use jiff::Timestamp;

use super::deadline::{between, later};
use super::find::{Sight, carries, learn, take_back};
use super::holding::{self, Holds};
use super::seen::{Seen, due};
use super::{MoveVerdict, VerifyInput, drought};
use crate::observe::{GapCause, Service, ServiceDeployment, ServiceDeploymentStatus, ServiceStatus};
use crate::record::{Ledger, MoveRecord, Written};
use crate::units::Seconds;

/// Judges the present write by a look, and keeps in record and ledger what it shows.
pub(super) fn see(input: &VerifyInput<'_>, record: &mut MoveRecord, ledger: &mut Ledger) -> Seen {
    if !ledger.open.as_ref().is_some_and(|open| open.is_of(&record.planned)) {
        let evidence = match &ledger.open {
            Some(open) => format!("move {} of run {} has taken the service over", open.move_id, open.run),
            None => "the ledger knows of no open move: another run has closed it".to_owned(),
        };
        return Seen::new(MoveVerdict::Superseded { evidence });
    }
    let Some(written) = record.written.clone() else {
        let gap = "nothing of this step has been written".to_owned();
        return Seen { not_taken: true, ..Seen::new(MoveVerdict::Unknown { gap }) };
    };
    let seen = judge(input, record, ledger, &written);
    let waits = matches!(seen.verdict, MoveVerdict::Waiting { .. } | MoveVerdict::Unknown { .. });
    let written = record.written.as_ref().unwrap_or(&written);
    // A dwell that began in time is seen to its end.
    let dwelt = record.stable_since.map_or(Timestamp::MIN, |since| later(since, input.policy.verify.dwell_seconds));
    let late = input.now >= due(&input.policy.verify, written).max(dwelt);
    if !(waits && late) {
        return Seen { late, ..seen };
    }
    let what = match &seen.verdict {
        MoveVerdict::Waiting { what } => what,
        MoveVerdict::Unknown { gap } => gap,
        _ => "",
    };
    let passed = between(written.at, input.now);
    let evidence = format!("{passed} have passed, the deadline was {}: {what}", written.deadline);
    let verdict = MoveVerdict::Failed { evidence };
    Seen { verdict, late, ..seen }
}

/// The verdict without the deadline.
fn judge(input: &VerifyInput<'_>, record: &mut MoveRecord, ledger: &mut Ledger, written: &Written) -> Seen {
    let service = match input.look.service.get() {
        Ok(service) => service,
        Err(gap) if gap.cause == GapCause::Absent => {
            let evidence = format!("the service is gone: {gap}");
            return Seen::new(MoveVerdict::Superseded { evidence });
        }
        Err(gap) => {
            return Seen::unresolved(MoveVerdict::Unknown { gap: gap.to_string() });
        }
    };
    if service.status != ServiceStatus::Active {
        let evidence = format!("somebody is deleting the service: {} tasks still run", service.running);
        return Seen::new(MoveVerdict::Superseded { evidence });
    }
    let sight = Sight::of(input.look, service, written.into());
    learn(record, ledger, &sight);
    let seen = if !sight.found() {
        not_found(input, service, &sight, written, record)
    } else if sight.overtaken() {
        overtaken(input, record, &sight)
    } else {
        match sight.own {
            Some(own) => by_status(input, record, service, &sight, own),
            None => without_deployment(input, record, service, &sight),
        }
    };
    if matches!(seen.verdict, MoveVerdict::Reverted { .. }) || sight.own.is_some_and(|own| own.status.rolls_back()) {
        take_back(ledger, written, &sight);
    }
    seen
}

/// No deployment of the write is to be seen.
fn not_found(
    input: &VerifyInput<'_>,
    service: &Service,
    sight: &Sight<'_>,
    written: &Written,
    record: &MoveRecord,
) -> Seen {
    let since = between(written.at, input.now);
    let another = sight.primary.is_some_and(|one| Some(&one.id) != written.previous_deployment.as_ref());
    if written.confirmed && another {
        return overtaken(input, record, sight);
    }
    if since < input.policy.verify.unconfirmed_seconds || written.confirmed {
        let what = format!("{since} after the write ECS does not show its deployment yet");
        return Seen::unresolved(MoveVerdict::Waiting { what });
    }
    if another {
        let evidence = format!(
            "{since} after a write whose answer was lost, a deployment with {} is in its place",
            service.placed_by
        );
        return Seen { not_taken: true, ..Seen::new(MoveVerdict::Superseded { evidence }) };
    }
    let evidence = format!("AWS did not take the write: {since} after it there is no deployment of it");
    Seen { ended: true, not_taken: true, ..Seen::new(MoveVerdict::Failed { evidence }) }
}

/// Another deployment has taken the place of the write's.
fn overtaken(input: &VerifyInput<'_>, record: &MoveRecord, sight: &Sight<'_>) -> Seen {
    let by_list = sight.newest.filter(|newest| sight.own.is_none_or(|own| own.arn != newest.arn));
    let placed_by = by_list
        .and_then(|newest| carries(input.look, newest))
        .or_else(|| sight.primary.map(|primary| &primary.placed_by));
    let (name, created_at) = match (by_list, sight.primary) {
        (Some(newest), _) => (newest.arn.as_str(), Some(newest.created_at)),
        (None, Some(primary)) => (primary.id.as_str(), Some(primary.created_at)),
        (None, None) => ("another deployment", None),
    };
    let when = created_at.map(|at| format!(" of {at}")).unwrap_or_default();
    let Some(placed_by) = placed_by else {
        let evidence = format!("{name}{when} has taken the place of our deployment");
        return Seen::new(MoveVerdict::Superseded { evidence });
    };
    let evidence = format!("{name}{when} has taken the place of our deployment, with {placed_by}");
    let by_ecs = sight.own.is_some_and(|own| own.rolled_back);
    let target = record.target();
    let keeps_ours = target.is_some_and(|target| placed_by.equivalent(&target));
    match placed_by.equivalent(&record.planned.before) && !keeps_ours {
        true => Seen::ended(MoveVerdict::Reverted { by_ecs, evidence }),
        false => Seen::new(MoveVerdict::Superseded { evidence }),
    }
}

/// The write's service deployment is the newest: how far is it?
fn by_status(
    input: &VerifyInput<'_>,
    record: &mut MoveRecord,
    service: &Service,
    sight: &Sight<'_>,
    own: &ServiceDeployment,
) -> Seen {
    let failed = own.failed_tasks;
    let why = if own.reason.is_empty() { "ECS gives no reason" } else { own.reason.as_str() };
    if own.status != ServiceDeploymentStatus::Successful {
        record.stable_since = None;
    }
    match own.status {
        ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress => {
            if let Some(verdict) = drought::drought(input, record, service, sight) {
                return Seen::new(verdict);
            }
            under_way(input, record, service, own)
        }
        ServiceDeploymentStatus::StopRequested
        | ServiceDeploymentStatus::RollbackRequested
        | ServiceDeploymentStatus::RollbackInProgress => {
            let what = format!("ECS is ending our deployment after {failed} failed tasks: {why}");
            Seen::new(MoveVerdict::Waiting { what })
        }
        ServiceDeploymentStatus::RollbackSuccessful => {
            let evidence = format!("ECS rolled our deployment back after {failed} failed tasks: {why}");
            let by_ecs = !why.to_ascii_lowercase().contains("stop");
            Seen::ended(MoveVerdict::Reverted { by_ecs, evidence })
        }
        ServiceDeploymentStatus::RollbackFailed => {
            let evidence = format!("ECS could not even roll our deployment back, after {failed} failed tasks: {why}");
            Seen::ended(MoveVerdict::Failed { evidence })
        }
        ServiceDeploymentStatus::Stopped => {
            let evidence = format!("our deployment was ended after {failed} failed tasks: {why}");
            Seen::ended(MoveVerdict::Failed { evidence })
        }
        ServiceDeploymentStatus::Successful => {
            if own.rolled_back {
                let evidence = format!("ECS rolled our deployment back after {failed} failed tasks: {why}");
                return Seen::ended(MoveVerdict::Reverted { by_ecs: true, evidence });
            }
            let holds = holding::of_deployment(input.look, record, service, own);
            settled(input, record, service, sight, holds)
        }
    }
}

/// A deployment in progress: failing, or on its way.
fn under_way(input: &VerifyInput<'_>, record: &MoveRecord, service: &Service, own: &ServiceDeployment) -> Seen {
    let failed = own.failed_tasks;
    let limit = failure_limit(service.desired);
    if !service.deployment.circuit_breaker && failed >= limit {
        let evidence = format!(
            "{failed} tasks have failed, {limit} are the most for {} desired tasks, and no circuit breaker is on",
            service.desired
        );
        return Seen::new(MoveVerdict::Failed { evidence });
    }
    let older: u32 = holding::older_tasks(own);
    let stage = if own.stage.is_empty() { String::new() } else { format!(" in stage {}", own.stage) };
    let since = record.written.as_ref().map_or(Timestamp::MIN, |written| written.at);
    let cause = super::signs::other_cause(&input.look.events, &record.planned.pair, since);
    let cause = cause.map(|(sign, message)| format!("; {}: {message}", sign.name())).unwrap_or_default();
    let what = format!(
        "our deployment{stage} runs {} of {} tasks, {} are on their way, {failed} failed, {older} older ones are left{cause}",
        own.target_running, service.desired, own.target_pending
    );
    Seen::new(MoveVerdict::Waiting { what })
}

/// Only the primary deployment is known: the service deployment could not be read, or is older
/// than what ECS lists.
fn without_deployment(input: &VerifyInput<'_>, record: &mut MoveRecord, service: &Service, sight: &Sight<'_>) -> Seen {
    if let Err(gap) = input.look.deployments.get().and_then(|_| input.look.revisions.get()) {
        return Seen::new(MoveVerdict::Unknown { gap: gap.to_string() });
    }
    if sight.ended_badly() {
        let evidence = sight.primary.map(|one| format!("{} tasks failed: {}", one.failed, one.rollout_reason));
        return Seen::ended(MoveVerdict::Failed { evidence: evidence.unwrap_or_default() });
    }
    let ours = record.written.as_ref().map(|written| written.at);
    let taken_over = sight.primary.zip(ours).is_some_and(|(primary, at)| later(primary.created_at, Seconds(60)) < at);
    if !taken_over {
        let what = "ECS shows our deployment, but not its service deployment yet".to_owned();
        return Seen::new(MoveVerdict::Waiting { what });
    }
    let holds = holding::of_service(input.look, record, service);
    settled(input, record, service, sight, holds)
}

/// The deployment is done: does all hold, and for long enough?
fn settled(
    input: &VerifyInput<'_>,
    record: &mut MoveRecord,
    service: &Service,
    sight: &Sight<'_>,
    holds: Holds,
) -> Seen {
    match holds {
        Holds::Unknown(gap) => Seen::new(MoveVerdict::Unknown { gap }),
        Holds::No(what) => {
            record.stable_since = None;
            match drought::drought(input, record, service, sight) {
                Some(verdict) => Seen::new(verdict),
                None => Seen::new(MoveVerdict::Waiting { what }),
            }
        }
        Holds::Yes => {
            record.spot_wait = None;
            let since = *record.stable_since.get_or_insert(input.now);
            if since == input.now {
                record.dwell_desired = service.desired;
            }
            let (held, dwell) = (between(since, input.now), input.policy.verify.dwell_seconds);
            if held >= dwell {
                return Seen::new(MoveVerdict::Stable);
            }
            let what = format!("all {} tasks run and hold since {held}, the dwell is {dwell}", service.running);
            Seen::new(MoveVerdict::Waiting { what })
        }
    }
}

/// As many failed tasks as end a deployment: what ECS's own circuit breaker allows by default.
/// Source: `DeploymentCircuitBreaker`, ECS API reference: half the desired count, 3 to 200.
const fn failure_limit(desired: u32) -> u32 {
    match desired.div_ceil(2) {
        0..=3 => 3,
        200.. => 200,
        half => half,
    }
}
