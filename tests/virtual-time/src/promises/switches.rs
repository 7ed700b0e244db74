//! S4 at the end of a switch run.

use aws_sim::world::World;
use spotkeeper_core::ids::{ClusterName, RunId, ServiceArn, ServiceName, ServiceRef};
use spotkeeper_core::interface::EndAnswer;

use super::{Promises, facts};
use crate::tables::Tables;

impl Promises {
    /// An execution has ended; `None` where it failed.
    pub(crate) fn execution_ended(&mut self, world: &World, tables: &Tables, run: &RunId, answer: Option<&EndAnswer>) {
        self.blocked.retain(|(of, _), _| of != run);
        self.deploying.retain(|(of, _), _| of != run);
        self.spreads.retain(|(of, _), _| of != run);
        self.unread.retain(|(of, _), _| of != run);
        self.not_seen.retain(|(of, _), _| of != run);
        let Some(record) = tables.runs.get(run).filter(|_| answer.is_some()) else {
            return;
        };
        let Some(entry) = record.switch() else { return };
        // A switch that was released, or has ended, meanwhile covers nothing.
        if !tables.switches.get(&entry.scope).is_some_and(|entry| entry.in_force(world.now())) {
            return;
        }
        let reports = tables.reports_of(run);
        let failed = record.ended.as_ref().map(|ended| ended.failed_clusters.clone()).unwrap_or_default();
        for key in world.service_keys() {
            let Some(service) = world.written_service(key).filter(|service| service.status != "INACTIVE") else {
                continue;
            };
            let Some(id) = reference(&key.cluster, &key.name, &service.arn) else { continue };
            if !entry.scope.covers(&id) {
                continue;
            }
            let on_spot = facts::spot_tasks(world, service).0 > 0
                || facts::placement(service).is_some_and(|place| facts::uses_spot(world, &place));
            let told = failed.contains_key(&id.cluster)
                || reports.iter().any(|report| {
                    report.cluster == id.cluster
                        && (report.left_on_spot_more > 0
                            || report.left_on_spot.iter().any(|left| left.service.arn == id.arn))
                });
            // What somebody has placed since the run last looked at the cluster is the next run's.
            let looked_at = reports.iter().filter(|report| report.cluster == id.cluster).map(|report| report.at).max();
            let ours = tables.ledgers.get(&id.arn).and_then(|ledger| ledger.last_write.as_ref()).map(|write| write.at);
            let newer = service.primary().is_some_and(|one| looked_at.is_some_and(|at| at < one.created_at));
            let by_others = newer && ours.is_none_or(|at| looked_at.is_some_and(|looked_at| at < looked_at));
            self.holds("S4", world.now(), !on_spot || told || by_others, || {
                format!("switch run {run} has ended, and {id} is on Spot unreported")
            });
        }
    }
}

fn reference(cluster: &str, name: &str, arn: &str) -> Option<ServiceRef> {
    Some(ServiceRef {
        cluster: ClusterName::parse(cluster).ok()?,
        name: ServiceName::parse(name).ok()?,
        arn: ServiceArn::parse(arn).ok()?,
    })
}
