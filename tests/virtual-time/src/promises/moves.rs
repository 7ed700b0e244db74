//! S2, S7 and S8 as the records of moves are written.

use std::collections::BTreeMap;

use aws_sim::world::World;
use aws_sim::world::clusters::ProviderKind;
use jiff::SignedDuration;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::plan::{MoveCause, MoveKind};
use spotkeeper_core::policy::Policy;
use spotkeeper_core::record::{MoveRecord, Outcome, Setback, Step};

use super::{Promises, facts};
use crate::tables::Tables;

impl Promises {
    /// Records of moves were written.
    pub(crate) fn moves_put(&mut self, world: &World, tables: &Tables, moves: &[MoveRecord]) {
        if !self.watching {
            return;
        }
        for record in moves {
            let key = (record.planned.run.clone(), record.planned.id.clone());
            let Some(outcome) = record.outcome else { continue };
            self.reverted_under_way(world, tables, record);
            let Some(ends_by) = self.ends_by.remove(&key) else { continue };
            self.ended(world, tables, record, outcome, ends_by);
        }
        self.in_flight(world, tables);
    }

    fn ended(
        &mut self,
        world: &World,
        tables: &Tables,
        record: &MoveRecord,
        outcome: Outcome,
        ends_by: jiff::Timestamp,
    ) {
        let now = world.now();
        // A restore brings back what was there, whatever it promises.
        let up = record.planned.kind == MoveKind::Up && record.planned.cause != MoveCause::Restore;
        self.coverage.ended(record, outcome);
        if outcome == Outcome::Stable && record.planned.kind == MoveKind::Up {
            self.count_up(world, record);
        }
        if record.setback == Some(Setback::Drought) {
            self.coverage.droughts += 1;
        }
        // The last look may come a poll, and what the function takes, after its time.
        let late = ends_by + SignedDuration::from_secs(180);
        self.holds("S8", now, now <= late, || {
            format!("{} of {} ends {} after {ends_by}", record.planned.id, record.planned.service, outcome.name())
        });
        let Some(run) = tables.runs.get(&record.planned.run) else { return };
        if up && outcome == Outcome::Stable && record.step != Step::Undo && record.step != Step::FallBack {
            self.keeps_floor_and_share(world, &run.policy, record);
        }
    }

    /// Counts a move up by what it went over, and how.
    fn count_up(&mut self, world: &World, record: &MoveRecord) {
        match world.providers.get(record.planned.pair.spot.as_str()).map(|provider| &provider.kind) {
            Some(ProviderKind::Group(_)) => self.coverage.on_groups += 1,
            Some(ProviderKind::ManagedInstances(_)) => self.coverage.managed += 1,
            Some(ProviderKind::Fargate | ProviderKind::FargateSpot) | None => {}
        }
        let service = world.written_service(&facts::key(&record.planned.service));
        // Rolling is the default.
        let strategy = service.map(|service| service.spec.deployment_configuration.strategy.unwrap_or_default());
        self.coverage.shifted += u32::from(strategy.is_some_and(|strategy| strategy != Default::default()));
    }

    /// S2: at rest after a move up, the tasks are where the plan dealt them.
    fn keeps_floor_and_share(&mut self, world: &World, policy: &Policy, record: &MoveRecord) {
        let service = &record.planned.service;
        let Some(found) = world.written_service(&facts::key(service)) else { return };
        let (spot, elsewhere) = facts::spot_tasks(world, found);
        if found.desired_count != record.planned.desired || spot + elsewhere != found.desired_count {
            return;
        }
        let floor = facts::floor(policy, service, world).min(found.desired_count);
        let planned = record.planned.spot_tasks;
        self.holds("S2", world.now(), elsewhere >= floor && spot <= planned, || {
            format!("{service} is stable with {spot} on Spot of {planned} and {elsewhere} elsewhere, floor {floor}")
        });
    }

    /// S7: moves up that are written and have not ended, by cluster.
    fn in_flight(&mut self, world: &World, tables: &Tables) {
        let mut up: BTreeMap<&ClusterName, Vec<&MoveRecord>> = BTreeMap::new();
        for (run, id) in self.ends_by.keys() {
            let Some(record) = tables.moves.get(&(run.clone(), id.clone())) else { continue };
            let on_the_way = record.outcome.is_none()
                && record.written.is_some()
                && record.planned.begins_to_add_spot()
                && matches!(record.step, Step::Apply | Step::Retry);
            // One that its run has left is another run's to end: it is no longer on the way.
            let alive = tables.runs.get(run).is_some_and(|run| run.ended.is_none());
            if on_the_way && alive {
                up.entry(&record.planned.service.cluster).or_default().push(record);
            }
        }
        let mut broken = Vec::new();
        for (cluster, moves) in up {
            let Some(run) = moves.first().and_then(|record| tables.runs.get(&record.planned.run)) else { continue };
            let most = run.policy.pace.services_in_flight;
            let seen = u32::try_from(moves.len()).unwrap_or(u32::MAX);
            self.coverage.most_in_flight = self.coverage.most_in_flight.max(seen);
            if seen > most {
                broken.push(format!("{seen} moves up in {cluster}, {most} allowed"));
            }
        }
        for what in broken {
            self.holds("S7", world.now(), false, || what);
        }
    }
}
