//! S1, S3, S4, S5, S6, S9 to S12 at each write.

use aws_sim::world::World;
use aws_sim::world::deployments::ServiceDeploymentStatus;
use aws_sim::world::services::Service;
use jiff::Timestamp;
use spotkeeper_core::observe::PlacedBy;
use spotkeeper_core::phase::Function;
use spotkeeper_core::plan::{MoveCause, MoveKind};
use spotkeeper_core::record::{MoveRecord, Step};

use super::{Promises, Write, facts};
use crate::tables::Tables;

impl Promises {
    /// A write is about to reach ECS.
    pub(crate) fn before_write(&mut self, world: &World, tables: &Tables, write: &Write<'_>) {
        if !self.watching {
            return;
        }
        let now = world.now();
        let (run, arn) = (write.run, &write.service.arn);
        let Some(service) = world.written_service(&facts::key(write.service)) else {
            return;
        };
        let record = tables
            .moves_of(run)
            .find(|record| record.planned.service.arn == *arn && record.outcome.is_none() && record.written.is_some());
        let said = || format!("{run} writes {} to {}", write.placed_by, write.service);
        self.holds("S12", now, record.is_some(), || format!("{}: no intent is on record", said()));
        let Some(record) = record else {
            return;
        };
        let ledger = tables.ledgers.get(arn);
        self.holds("S9", now, ledger.is_some(), || format!("{}: its original is not recorded", said()));
        if let Some(open) = ledger.and_then(|ledger| ledger.open.as_ref()) {
            self.ends_by.insert((run.clone(), record.planned.id.clone()), open.ends_by);
        }
        self.before.insert(arn.clone(), fixed(service));
        if let Some(run) = tables.runs.get(run) {
            self.forgive(world, &run.policy, arn, &service.key, now);
        }

        let place = facts::placement(service);
        self.coverage.retries += u32::from(record.step == Step::Retry);
        if adds_spot(world, service, place.as_ref(), record, write) {
            let quarantine = ledger.and_then(|ledger| ledger.quarantined_until.filter(|until| now < *until));
            self.holds("S1", now, quarantine.is_none(), || format!("{}, quarantined until {quarantine:?}", said()));
            self.may_add_spot(now, write, record, &said);
            self.gaps_permit_nothing(now, write, record, &said);
            if let Some(run) = tables.runs.get(run).filter(|_| record.planned.cause != MoveCause::Restore) {
                self.keeps_the_radius(world, &run.policy, write, record, &said);
            }
            self.backs_off(now, arn, &said);
        }
        let same = place.as_ref().is_some_and(|place| place.equivalent(write.placed_by));
        let declared = record.step == Step::Retry || record.planned.kind == MoveKind::Rebalance;
        self.holds("S5", now, !same || declared || self.ended_by_ecs(service), || {
            format!("{} ({:?}), which is in place", said(), record.step)
        });
        self.no_interruption(now, write, record, &said);
    }

    /// Whether ECS itself has given up our own deployment: then a strategy is written once more.
    fn ended_by_ecs(&self, service: &Service) -> bool {
        let newest = service.service_deployments.first();
        newest.is_some_and(|newest| {
            let failed = newest.status.is_final() && newest.status != ServiceDeploymentStatus::Successful;
            failed && self.own.contains(&newest.arn)
        })
    }

    /// What must hold before a write that may add Spot.
    fn may_add_spot(&mut self, now: Timestamp, write: &Write<'_>, record: &MoveRecord, said: &dyn Fn() -> String) {
        let blocks = self.blocked.get(&(write.run.clone(), write.service.arn.clone())).cloned().unwrap_or_default();
        // A deployment of our own is under way when a move is retried or undone.
        let later = record.step != Step::Apply;
        let blocks: Vec<&str> = blocks.into_iter().filter(|rule| !(later && *rule == "settled")).collect();
        self.holds("S1", now, blocks.is_empty(), || format!("{}, blocked by {}", said(), blocks.join(", ")));
        let timeout = Function::Updater.timeout().duration();
        let switched = self
            .switched
            .values()
            .find(|(since, entry)| entry.in_force(now) && entry.scope.covers(write.service) && now > *since + timeout);
        let late = switched.map(|(since, entry)| format!("{}: switch {} is on since {since}", said(), entry.scope));
        self.holds("S4", now, late.is_none(), || late.unwrap_or_default());
    }

    /// S6: what was in progress when the Updater looked.
    fn no_interruption(&mut self, now: Timestamp, write: &Write<'_>, record: &MoveRecord, said: &dyn Fn() -> String) {
        let seen = self.deploying.get(&(write.run.clone(), write.service.arn.clone())).cloned().flatten();
        let Some(deployment) = seen else {
            return;
        };
        let own = self.own.contains(&deployment);
        let begins = record.step == Step::Apply && record.planned.kind != MoveKind::Down;
        let preempts = self
            .switched
            .values()
            .any(|(_, entry)| entry.preempt && entry.in_force(now) && entry.scope.covers(write.service));
        self.holds("S6", now, !begins && (own || preempts), || {
            format!(
                "{} ({:?}) during {} deployment {deployment}",
                said(),
                record.step,
                if own { "its own" } else { "somebody's" }
            )
        });
    }

    /// A write has reached ECS.
    pub(crate) fn after_write(&mut self, world: &World, write: &Write<'_>, taken: bool) {
        if !self.watching {
            return;
        }
        let key = facts::key(write.service);
        let Some(service) = world.written_service(&key) else {
            return;
        };
        if let Some(before) = self.before.remove(&write.service.arn) {
            let after = fixed(service);
            self.holds("S10", world.now(), before == after, || format!("a write changes {before} to {after}"));
        }
        if taken {
            if let Some(newest) = service.service_deployments.first() {
                self.own.insert(newest.arn.clone());
            }
            self.writes.entry(key).or_default().push((world.now(), write.placed_by.clone()));
            self.coverage.writes += 1;
        }
    }
}

/// Whether a write may add Spot: more than is in place, or the same anew by a move up.
fn adds_spot(
    world: &World,
    service: &Service,
    place: Option<&PlacedBy>,
    record: &MoveRecord,
    write: &Write<'_>,
) -> bool {
    // A service may scale out right after: what counts is the strategy, not the present count.
    let desired = match record.planned.kind {
        MoveKind::Down => service.desired_count,
        MoveKind::Up | MoveKind::Rebalance => service.desired_count.max(100),
    };
    let most = |placed_by: &PlacedBy| facts::most_spot(world, placed_by, desired);
    let more = most(write.placed_by) > place.map_or(0, most);
    let anew = record.planned.kind != MoveKind::Down && place.is_some_and(|place| place.equivalent(write.placed_by));
    facts::uses_spot(world, write.placed_by) && (more || anew)
}

/// Everything of a service that no write may change.
fn fixed(service: &Service) -> String {
    let revision = service.current().map(|revision| {
        (revision.task_definition.short(), revision.network.clone(), revision.platform_version.clone())
    });
    format!(
        "{} {:?} {:?} {:?} {:?} {:?} {:?}",
        service.desired_count,
        revision,
        service.spec.deployment_configuration,
        service.spec.load_balancers,
        service.spec.health_check_grace_seconds,
        service.spec.placement_constraints,
        service.spec.tags,
    )
}
