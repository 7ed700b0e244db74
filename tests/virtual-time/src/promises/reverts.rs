//! S11: after each time that somebody takes a write back, the next move up waits for longer.

use aws_sim::world::services::Service;
use aws_sim::world::{ServiceKey, World};
use jiff::Timestamp;
use spotkeeper_core::ids::{ClusterName, RunId, ServiceArn};
use spotkeeper_core::policy::Policy;
use spotkeeper_core::record::{Ledger, MoveRecord, Outcome, Setback};
use spotkeeper_core::verify::pause;

use super::{Promises, facts};
use crate::tables::Tables;

/// How often somebody took the writes of a service back.
#[derive(Debug, Clone, Default)]
pub(super) struct Reverts {
    /// Since a write with Spot last stood for longer than the next pause.
    times: u32,
    /// No move up before this time.
    until: Option<Timestamp>,
    /// The write that was last taken back: it counts once.
    write: Option<Timestamp>,
}

impl Promises {
    /// A run has read a cluster: what it could see there of reverts.
    pub(super) fn reverts_seen(&mut self, world: &World, tables: &Tables, run: &RunId, cluster: &ClusterName) {
        let Some(record) = tables.runs.get(run).filter(|record| !record.is_dry()) else { return };
        let closed = |ledger: &&Ledger| ledger.service.cluster == *cluster && ledger.open.is_none();
        let ledgers: Vec<&Ledger> = tables.ledgers.values().filter(closed).collect();
        for ledger in ledgers {
            // As reads show it, not as it is.
            let shown = world.service(cluster.as_str(), ledger.service.name.as_str());
            // A move down that finds its target in place takes it for its own: nobody took anything back.
            let wanted = |shown: &&Service| {
                let last = ledger.last_write.as_ref().map(|last| &last.after);
                facts::placement(shown).zip(last).is_some_and(|(place, last)| place.equivalent(last))
            };
            let shown = shown.filter(|shown| !wanted(shown));
            if let Some(shown) = shown.filter(|shown| facts::enrolled(&record.policy, shown)) {
                self.count_revert(world, &record.policy, &ledger.service.arn, shown);
            }
        }
    }

    /// A move has ended: whether somebody took it back while it was under way.
    pub(super) fn reverted_under_way(&mut self, world: &World, tables: &Tables, record: &MoveRecord) {
        let reverted = record.outcome == Some(Outcome::Superseded) && record.setback == Some(Setback::Reverted);
        let found = world.written_service(&facts::key(&record.planned.service));
        if let (true, Some(found), Some(run)) = (reverted, found, tables.runs.get(&record.planned.run)) {
            self.count_revert(world, &run.policy, &record.planned.service.arn, found);
        }
    }

    /// Counts a revert that a service shows: another placement than the one written last, by a
    /// deployment that is not Spotkeeper's own, came after it and replaced it.
    fn count_revert(&mut self, world: &World, policy: &Policy, arn: &ServiceArn, shown: &Service) {
        let Some((written_at, written)) = self.writes.get(&shown.key).and_then(|writes| writes.last()).cloned() else {
            return;
        };
        let (Some(newest), Some(place)) = (shown.service_deployments.first(), facts::placement(shown)) else { return };
        self.forgive(world, policy, arn, &shown.key, newest.created_at);
        let with_spot = facts::uses_spot(world, &written);
        // Where ECS itself had rolled the write back, nobody who deploys what it left takes anything away.
        let before = shown.service_deployments.get(1);
        let replaces_ours = before.is_some_and(|one| self.own.contains(&one.arn) && one.rollback.is_none());
        let taken_back = replaces_ours
            && !self.own.contains(&newest.arn)
            && newest.created_at > written_at
            && !place.equivalent(&written)
            && (with_spot || facts::uses_spot(world, &place));
        let reverts = self.reverts.entry(arn.clone()).or_default();
        if !taken_back || reverts.write == Some(written_at) {
            return;
        }
        reverts.times += 1;
        reverts.write = Some(written_at);
        reverts.until = Some(newest.created_at.max(written_at) + pause(&policy.verify, reverts.times).duration());
        self.coverage.reverts += 1;
        self.coverage.most_reverts = self.coverage.most_reverts.max(reverts.times);
    }

    /// Forgets the reverts of a service whose last write, one with Spot, has stood up to then for
    /// longer than the next pause.
    pub(super) fn forgive(
        &mut self,
        world: &World,
        policy: &Policy,
        arn: &ServiceArn,
        key: &ServiceKey,
        until: Timestamp,
    ) {
        let Some((written_at, written)) = self.writes.get(key).and_then(|writes| writes.last()) else { return };
        let Some(reverts) = self.reverts.get_mut(arn).filter(|reverts| reverts.write != Some(*written_at)) else {
            return;
        };
        let next = pause(&policy.verify, reverts.times.saturating_add(1)).duration();
        if facts::uses_spot(world, written) && until.duration_since(*written_at) > next {
            reverts.times = 0;
        }
    }

    /// Whether a move up comes long enough after the last revert.
    pub(super) fn backs_off(&mut self, now: Timestamp, arn: &ServiceArn, said: &dyn Fn() -> String) {
        let Some(Reverts { times, until: Some(until), .. }) = self.reverts.get(arn).cloned() else { return };
        self.holds("S11", now, until <= now, || {
            format!("{}, which was taken back {times} times: not before {until}", said())
        });
    }
}
