//! S2 between moves; S8 when all is over.

use aws_sim::world::World;
use aws_sim::world::autoscaling::service_key;
use spotkeeper_core::observe::PlacedBy;
use spotkeeper_core::policy::Policy;
use spotkeeper_core::record::Ledger;

use super::{Promises, facts};
use crate::tables::Tables;

impl Promises {
    /// Some time has passed.
    pub(crate) fn tick(&mut self, world: &World, tables: &Tables) {
        self.delays.note(world, self.target_groups_kept);
        self.count_breaths(world);
        let default = Policy::default();
        let policy = tables.policy.as_ref().unwrap_or(&default);
        for ledger in tables.ledgers.values() {
            self.measured(world, tables, policy, ledger);
        }
    }

    /// Counts the desired counts that the load has changed.
    fn count_breaths(&mut self, world: &World) {
        for target in world.scalable_targets.iter().filter(|target| target.load.is_some()) {
            let Some(key) = service_key(&target.resource_id) else { continue };
            let Some(service) = world.written_service(&key) else { continue };
            let before = self.desired.insert(key, service.desired_count);
            self.coverage.breaths += u32::from(before.is_some_and(|before| before != service.desired_count));
        }
    }

    /// S2: a measured breach is repaired or alarmed.
    fn measured(&mut self, world: &World, tables: &Tables, policy: &Policy, ledger: &Ledger) {
        let (now, arn) = (world.now(), &ledger.service.arn);
        if !breaks_its_strategy(world, policy, ledger) {
            self.skewed.remove(arn);
            return;
        }
        let since = *self.skewed.entry(arn.clone()).or_insert(now);
        let longest = policy.verify.dwell_seconds.saturating_add(policy.verify.max_deadline_seconds).duration();
        if now <= since + longest + self.patience || ledger.open.is_some() {
            return;
        }
        let of_cluster = tables.reports.values().filter(|report| report.cluster == ledger.service.cluster);
        let newest = of_cluster.max_by_key(|report| report.at);
        let alarmed = newest.is_some_and(|report| report.skewed.contains(&ledger.service) || report.skewed_more > 0);
        // A switch, a quarantine or an alarmed move is told in its own way.
        let quarantined = ledger.quarantined_until.is_some_and(|until| until > now);
        self.holds("S2", now, alarmed || quarantined, || {
            format!("{} breaks floor or share since {since}, neither repaired nor alarmed", ledger.service)
        });
        self.skewed.insert(arn.clone(), now);
    }

    /// The simulation is over, and nothing was made to go wrong for a while: nothing is left open.
    pub(crate) fn over(&mut self, world: &World, tables: &Tables) {
        let now = world.now();
        for ledger in tables.ledgers.values() {
            let Some(open) = &ledger.open else { continue };
            self.holds("S8", now, now <= open.ends_by + self.patience, || {
                format!("{} of {} is open since before {}", open.move_id, ledger.service, open.ends_by)
            });
        }
    }
}

/// Whether a service that is at rest on what Spotkeeper wrote has tasks that break it.
fn breaks_its_strategy(world: &World, policy: &Policy, ledger: &Ledger) -> bool {
    let Some(service) = world.written_service(&facts::key(&ledger.service)) else {
        return false;
    };
    if !facts::enrolled(policy, service) {
        return false;
    }
    let (Some(PlacedBy::Strategy(place)), Some(last)) = (facts::placement(service), &ledger.last_write) else {
        return false;
    };
    let (spot, elsewhere) = facts::spot_tasks(world, service);
    let at_rest = facts::deploying(service).is_none() && spot + elsewhere == service.desired_count;
    let ours = PlacedBy::Strategy(place.clone()).equivalent(&last.after);
    if !at_rest || !ours || !place.uses(&ledger.pair.spot) {
        return false;
    }
    // What the strategy places is kept, and what the policy allows is no breach either.
    let placed = place.bounds(&ledger.pair.spot, service.desired_count).most;
    let most = placed.max(facts::allowed(policy, &ledger.service, world, service.desired_count));
    let floor = facts::floor(policy, &ledger.service, world).min(service.desired_count);
    spot > most || elsewhere < floor
}
