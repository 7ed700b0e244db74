//! Whether Spot capacity cannot be had.

use super::deadline::{between, later};
use super::find::Sight;
use super::{MoveVerdict, VerifyInput, signs};
use crate::observe::{PlacedBy, Service};
use crate::record::{MoveRecord, SpotWait};

/// The Spot tasks of a deployment.
struct OnSpot {
    /// That run.
    running: u32,
    /// That exist and do not run yet.
    pending: u32,
    /// That the strategy places at the least.
    least: u32,
}

/// Says that there is a drought: Spot tasks have been missing, without one coming to run, for as
/// long as the policy waits; ECS says that there is no capacity, or the tasks hang without
/// failing; and nothing else explains it. Keeps the wait in the record.
pub(super) fn drought(
    input: &VerifyInput<'_>,
    record: &mut MoveRecord,
    service: &Service,
    sight: &Sight<'_>,
) -> Option<MoveVerdict> {
    let on_spot = on_spot(record, service, sight);
    let Some(on_spot) = on_spot.filter(|tasks| tasks.running < tasks.least || tasks.pending > 0) else {
        record.spot_wait = None;
        return None;
    };
    let begun = record.written.as_ref().map_or(input.now, |written| written.at);
    let wait = match record.spot_wait {
        None => SpotWait { since: begun, running: on_spot.running },
        Some(wait) if on_spot.running > wait.running => SpotWait { since: input.now, running: on_spot.running },
        // Tasks that stop do not make a wait of its own: the one that goes on counts.
        Some(wait) => SpotWait { running: on_spot.running, ..wait },
    };
    record.spot_wait = Some(wait);
    let pair = &record.planned.pair;
    if input.now < later(wait.since, input.policy.verify.drought_seconds)
        || signs::other_cause(&input.look.events, pair, wait.since).is_some()
    {
        return None;
    }
    let OnSpot { running, pending, least } = on_spot;
    let waited = between(wait.since, input.now);
    let missing =
        format!("for {waited} {running} of at least {least} Spot tasks run and {pending} wait on {}", pair.spot);
    if let Some(message) = signs::lack_of_spot(&input.look.events, pair, wait.since) {
        return Some(MoveVerdict::Drought { evidence: format!("{missing}; {message}") });
    }
    let failed = sight.own.map_or(0, |own| own.failed_tasks).max(sight.primary.map_or(0, |one| one.failed));
    (pending > 0 && failed == 0).then_some(MoveVerdict::Drought { evidence: missing })
}

/// How the Spot tasks of our deployment stand; `None` where what was written places none, or
/// nothing is known of them.
fn on_spot(record: &MoveRecord, service: &Service, sight: &Sight<'_>) -> Option<OnSpot> {
    let spot = &record.planned.pair.spot;
    let bounds = match record.target()? {
        PlacedBy::Strategy(strategy) => strategy.bounds(spot, service.desired),
        PlacedBy::LaunchType(_) => return None,
    };
    if bounds.most == 0 {
        return None;
    }
    let Some(tasks) = service.tasks.known() else {
        // Without the tasks, what the deployment lacks is all that is known, and tasks that hang
        // may be anywhere: only what ECS says counts.
        let primary = sight.primary?;
        return Some(OnSpot { running: primary.running, pending: 0, least: primary.desired });
    };
    let ours = |started_by: &str| sight.own_id.is_none_or(|id| id == started_by);
    let on_spot: Vec<bool> = tasks
        .iter()
        .filter(|task| task.provider.as_ref() == Some(spot) && ours(&task.started_by))
        .map(|task| task.running)
        .collect();
    let count =
        |running: bool| u32::try_from(on_spot.iter().filter(|one| **one == running).count()).unwrap_or(u32::MAX);
    Some(OnSpot { running: count(true), pending: count(false), least: bounds.least })
}
