//! Writes that somebody else takes back (S11): each is counted once, and the service rests, longer
//! each time.

use jiff::Timestamp;

use super::position::Position;
use crate::observe::{PlacedBy, Service, Snapshot};
use crate::policy;
use crate::record::{LastWrite, Ledger, TakenBack};
use crate::verify::{pause, quarantine, since};

/// What has taken the last write of a service back, where that is not counted yet.
///
/// ECS is known to have taken the write, and the service is placed otherwise, by a deployment that
/// is younger than the write: an older one is a read that lags behind. While the
/// write's own service deployment is the current one, ECS itself has rolled it back. What places
/// no Spot, where none was written either, takes nothing back.
pub(super) fn taken_back(snapshot: &Snapshot, position: &Position<'_>) -> Option<TakenBack> {
    let (service, ledger) = (position.service, position.ledger?);
    let last = ledger.last_write.as_ref().filter(|last| last.is_taken() && last.taken_back.is_none())?;
    let primary = service.primary()?;
    let own = last.deployment_id.as_ref() == Some(&primary.id)
        || (last.deployment.is_some() && last.deployment == service.current_service_deployment);
    let no_spot = !uses_spot(&last.after, ledger) && !position.may_place_on_spot(snapshot, &service.placed_by);
    if own || no_spot || primary.created_at <= last.at || last.after.equivalent(&service.placed_by) {
        return None;
    }
    Some(TakenBack::by(primary))
}

/// Keeps in the ledger what this look says of the last write: that it was taken back, or since when
/// it stands. One with Spot that has stood for longer than the pause that the next revert would get
/// makes good for those before; that nobody takes back what has no Spot says nothing.
pub(super) fn follow(
    policy: &policy::Verify,
    service: &Service,
    ledger: &mut Ledger,
    taken_back: Option<TakenBack>,
    now: Timestamp,
) {
    let reverts = ledger.reverts;
    let with_spot = ledger.last_write.as_ref().is_some_and(|last| uses_spot(&last.after, ledger));
    let Some(last) = &mut ledger.last_write else { return };
    if let Some(taken_back) = taken_back {
        last.stands_since = None;
        last.taken_back = Some(taken_back);
        ledger.reverts = reverts.saturating_add(1);
        let reason = told(ledger.reverts, ledger.last_write.as_ref());
        let times = ledger.reverts;
        quarantine(ledger, reason, times, now, policy);
        return;
    }
    if !last.after.equivalent(&service.placed_by) {
        last.stands_since = None;
        return;
    }
    // In place again, by a later deployment than the one that took it back.
    let later = |before: &TakenBack| service.primary().is_some_and(|primary| primary.created_at > before.at);
    if last.taken_back.as_ref().is_some_and(later) {
        last.taken_back = None;
    }
    if reverts == 0 || !with_spot || last.taken_back.is_some() {
        last.stands_since = None;
        return;
    }
    let stands_since = *last.stands_since.get_or_insert(now);
    if since(stands_since, now) > pause(policy, reverts.saturating_add(1)) {
        last.stands_since = None;
        ledger.reverts = 0;
    }
}

/// Why a service rests, by what evidence.
fn told(reverts: u32, last: Option<&LastWrite>) -> String {
    let evidence = last.and_then(LastWrite::evidence).unwrap_or_default();
    format!("what was written has been taken back {reverts} times: {evidence}")
}

fn uses_spot(placed_by: &PlacedBy, ledger: &Ledger) -> bool {
    match placed_by {
        PlacedBy::Strategy(strategy) => strategy.uses(&ledger.pair.spot),
        PlacedBy::LaunchType(_) => false,
    }
}
