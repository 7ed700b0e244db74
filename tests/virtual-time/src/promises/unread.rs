//! S3: what a run could not read of a cluster, as its own snapshot shows it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sim::world::World;
use spotkeeper_core::ids::{ClusterName, ProviderName, RunId, ServiceArn, ServiceRef};
use spotkeeper_core::observe::{Look, Reading, Service, Snapshot};
use spotkeeper_core::plan::Pair;
use spotkeeper_core::record::{MoveRecord, Step};

use super::{Promises, Write, facts};

/// What one look at a cluster did not show.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread {
    /// Of each service.
    services: BTreeMap<ServiceArn, Vec<&'static str>>,
    /// Providers.
    providers: BTreeSet<ProviderName>,
    /// Whether what Fargate On-Demand may have at once was not read.
    fargate_quota: bool,
}

impl Unread {
    /// What stands between a service and a move up over a pair.
    fn of(&self, service: &ServiceArn, pair: &Pair) -> Vec<&'static str> {
        let mut all = self.services.get(service).cloned().unwrap_or_default();
        if [&pair.on_demand, &pair.spot].into_iter().any(|name| self.providers.contains(name)) {
            all.push("a provider of its pair");
        }
        if self.fargate_quota && pair.on_demand.as_str() == "FARGATE" {
            all.push("the quota of Fargate");
        }
        all
    }
}

/// What is missing of a service.
fn missing(world: &World, service: &Service) -> Vec<&'static str> {
    let on_spot = |name: &ProviderName| facts::is_spot(world, name.as_str());
    let places = service.tasks.known().into_iter().flatten().filter(|task| task.running);
    let mut places = places.filter(|task| task.provider.as_ref().is_some_and(on_spot)).map(|task| &task.place);
    named([
        ("its tasks", service.tasks.known().is_none()),
        ("where its Spot tasks run", places.any(|place| place.known().is_none())),
        ("its task definition", service.task_definition.known().is_none()),
        ("its scaling range", service.scaling.known().is_none()),
        ("a target group", service.target_groups.values().any(|group| group.known().is_none())),
    ])
}

/// The names of those that are missing.
fn named<const N: usize>(readings: [(&'static str, bool); N]) -> Vec<&'static str> {
    readings.into_iter().filter_map(|(what, is_missing)| is_missing.then_some(what)).collect()
}

impl Promises {
    /// Keeps what a run could not read; what it plans next it plans from that.
    pub(super) fn note_unread(&mut self, world: &World, run: &RunId, snapshot: &Snapshot) {
        let services = snapshot.services.iter().map(|service| (service.id.arn.clone(), missing(world, service)));
        let services: BTreeMap<_, _> = services.filter(|(_, missing)| !missing.is_empty()).collect();
        let providers = snapshot.providers.iter().filter(|(_, provider)| matches!(provider, Reading::Missing(_)));
        let unread = Unread {
            services,
            providers: providers.map(|(name, _)| name.clone()).collect(),
            fargate_quota: snapshot.quotas.fargate_on_demand.known().is_none(),
        };
        self.unread.insert((run.clone(), snapshot.cluster.name.clone()), unread);
    }

    /// What a look at a service showed; the last before a write is what that write goes by.
    pub(crate) fn shown(&mut self, run: &RunId, service: &ServiceRef, look: &Look) {
        if !self.watching {
            return;
        }
        let missing = named([
            ("the service", look.service.known().is_none()),
            ("its service deployments", look.deployments.known().is_none()),
            ("their revisions", look.revisions.known().is_none()),
        ]);
        self.not_seen.insert((run.clone(), service.arn.clone()), missing);
    }

    /// Counts the services that nothing but a gap keeps from moving up: on them S3 is put to the test.
    pub(super) fn count_blinded(&mut self, run: &RunId, cluster: &ClusterName) {
        let Some(unread) = self.unread.get(&(run.clone(), cluster.clone())) else { return };
        let fit = |arn: &&ServiceArn| {
            self.blocked.get(&(run.clone(), (*arn).clone())).is_some_and(|blocks| blocks.is_empty())
        };
        let blinded = unread.services.keys().filter(fit).count();
        self.coverage.blinded = self.coverage.blinded.saturating_add(u32::try_from(blinded).unwrap_or(u32::MAX));
    }

    /// S3: before a write that may add Spot.
    pub(super) fn gaps_permit_nothing(
        &mut self,
        now: jiff::Timestamp,
        write: &Write<'_>,
        record: &MoveRecord,
        said: &dyn Fn() -> String,
    ) {
        let cluster = write.service.cluster.clone();
        let unread = self.unread.get(&(write.run.clone(), cluster));
        let unread = unread.map(|unread| unread.of(&write.service.arn, &record.planned.pair)).unwrap_or_default();
        self.holds("S3", now, unread.is_empty(), || format!("{}, and could not read {}", said(), unread.join(", ")));
        let not_seen = self.not_seen.get(&(write.run.clone(), write.service.arn.clone())).cloned().unwrap_or_default();
        // A later step goes by the deployment that it knows.
        let blind = not_seen.iter().any(|what| *what == "the service" || record.step == Step::Apply);
        self.holds("S3", now, !blind, || format!("{}, and right before did not see {}", said(), not_seen.join(", ")));
    }
}
