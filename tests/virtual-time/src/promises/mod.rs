//! S1 to S12 of `docs/SAFETY.md`, and the blast radius, checked at each step of a simulation. What is true is
//! read from the world itself, not through Spotkeeper's eyes.
//!
//! | file | what it checks |
//! |---|---|
//! | `facts` | what is true of a service in the world |
//! | `delays` | the deregistration delays that a run may know |
//! | `unread` | S3: what a run could not read when it planned, and see right before it wrote |
//! | `writes` | S1, S3, S4, S5, S6, S9, S10, S12 at each write |
//! | `moves` | S2, S7, S8 as records of moves are written |
//! | `reverts` | S11 as clusters are read, as moves end and before each write |
//! | `radius` | the blast radius at each write |
//! | `rest` | S2 between moves; S8 when all is over |
//! | `switches` | S4 at the end of a switch run |
//! | `turns` | S4, S10 and S12 as groups are turned and turned back |

mod coverage;
mod delays;
mod facts;
mod moves;
mod radius;
mod rest;
mod reverts;
mod switches;
#[cfg(test)]
mod tests;
mod turns;
mod unread;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use aws_sim::world::{ServiceKey, World};
use jiff::{SignedDuration, Timestamp};
use spotkeeper_core::ids::{ClusterName, MoveId, RunId, ServiceArn, ServiceRef};
use spotkeeper_core::observe::{Depth, InstancesDistribution, PlacedBy, Snapshot};
use spotkeeper_core::record::Ledger;
use spotkeeper_core::switch::{Scope, SwitchEntry};

pub use coverage::Coverage;
pub use facts::{deploying, placement, spot_tasks, uses_spot};

/// A promise that was not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which: `S6`.
    pub promise: &'static str,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} at {}: {}", self.promise, self.at, self.what)
    }
}

/// A write as it is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct Write<'a> {
    /// The run.
    pub run: &'a RunId,
    /// The service.
    pub service: &'a ServiceRef,
    /// What is written.
    pub placed_by: &'a PlacedBy,
}

/// What must be remembered to see whether the promises are kept.
#[derive(Debug, Clone)]
pub struct Promises {
    broken: Vec<Broken>,
    /// Whether they are checked at all: a benchmark of months measures something else, and needs its memory.
    pub watching: bool,
    /// What was seen.
    pub coverage: Coverage,
    /// How long a breach of floor or share may last, and how long after its end a move may be left
    /// open, beyond what the policy says: the schedule's period and what was made to go wrong.
    pub patience: SignedDuration,
    /// How old a reading of a target group may be: S1 allows that.
    pub target_groups_kept: SignedDuration,
    delays: delays::Delays,
    /// Why a service could not move up when a run looked at its cluster.
    blocked: BTreeMap<(RunId, ServiceArn), Vec<&'static str>>,
    /// How the Spot tasks of a service were spread when a run looked at its cluster.
    spreads: BTreeMap<(RunId, ServiceArn), radius::Seen>,
    /// What a run could not read when it looked at a cluster.
    unread: BTreeMap<(RunId, ClusterName), unread::Unread>,
    /// What the last look at a service did not show.
    not_seen: BTreeMap<(RunId, ServiceArn), Vec<&'static str>>,
    /// The deployment in progress when the Updater last looked.
    deploying: BTreeMap<(RunId, ServiceArn), Option<String>>,
    /// The service deployments that Spotkeeper's own writes started.
    own: BTreeSet<String>,
    /// Since when a switch is in the table.
    switched: BTreeMap<Scope, (Timestamp, SwitchEntry)>,
    /// Switch entries that were taken away, or replaced, and when.
    gone: Vec<(Timestamp, SwitchEntry)>,
    /// Everything of a service but its placement, before a write.
    before: BTreeMap<ServiceArn, String>,
    /// The desired counts of services that follow their load.
    desired: BTreeMap<ServiceKey, u32>,
    /// Since when the tasks of a service break what its strategy promises.
    skewed: BTreeMap<ServiceArn, Timestamp>,
    /// The distribution of each turned group before the first write.
    originals: BTreeMap<String, InstancesDistribution>,
    /// When each written move must have ended.
    ends_by: BTreeMap<(RunId, MoveId), Timestamp>,
    /// How often somebody took the writes of a service back.
    reverts: BTreeMap<ServiceArn, reverts::Reverts>,
    /// Writes taken by ECS so far, by service.
    pub writes: BTreeMap<ServiceKey, Vec<(Timestamp, PlacedBy)>>,
}

impl Default for Promises {
    fn default() -> Promises {
        Promises::new()
    }
}

impl Promises {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new() -> Promises {
        Promises {
            broken: Vec::new(),
            watching: true,
            coverage: Coverage::default(),
            patience: SignedDuration::from_mins(45),
            target_groups_kept: SignedDuration::ZERO,
            delays: delays::Delays::default(),
            blocked: BTreeMap::new(),
            spreads: BTreeMap::new(),
            unread: BTreeMap::new(),
            not_seen: BTreeMap::new(),
            deploying: BTreeMap::new(),
            own: BTreeSet::new(),
            switched: BTreeMap::new(),
            gone: Vec::new(),
            before: BTreeMap::new(),
            desired: BTreeMap::new(),
            skewed: BTreeMap::new(),
            originals: BTreeMap::new(),
            ends_by: BTreeMap::new(),
            reverts: BTreeMap::new(),
            writes: BTreeMap::new(),
        }
    }

    /// The promises that were broken, oldest first.
    #[must_use]
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    fn holds(&mut self, promise: &'static str, at: Timestamp, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.broken.push(Broken { promise, at, what: what() });
        }
    }

    /// A run has read a cluster, and this is what it was shown.
    pub(crate) fn observed(&mut self, world: &World, tables: &crate::tables::Tables, run: &RunId, snapshot: &Snapshot) {
        if !self.watching {
            return;
        }
        let cluster = &snapshot.cluster.name;
        self.delays.note(world, self.target_groups_kept);
        self.reverts_seen(world, tables, run, cluster);
        let services = world.services_of(cluster.as_str());
        for service in services.filter_map(|listed| world.service(cluster.as_str(), &listed.key.name)) {
            if let Ok(arn) = ServiceArn::parse(&service.arn) {
                let delay = self.delays.known_of(world, service);
                let blocks = facts::blocks(world, tables, service, delay);
                self.spreads.insert((run.clone(), arn.clone()), radius::seen(world, service));
                self.blocked.insert((run.clone(), arn), blocks);
            }
        }
        self.note_unread(world, run, snapshot);
        if snapshot.depth == Depth::Full {
            self.count_blinded(run, cluster);
        }
    }

    /// A run has looked at a service.
    pub(crate) fn looked(&mut self, world: &World, run: &RunId, service: &ServiceRef) {
        if !self.watching {
            return;
        }
        let seen = world.service(service.cluster.as_str(), service.name.as_str());
        let deploying = seen.and_then(facts::deploying).map(str::to_owned);
        self.deploying.insert((run.clone(), service.arn.clone()), deploying);
    }

    /// A switch entry is put into the table.
    pub(crate) fn switch_put(&mut self, world: &World, entry: &SwitchEntry) {
        self.coverage.switches += 1;
        // Put again, it has been on since it was put first.
        let before = self.switched.remove(&entry.scope);
        let since = before.as_ref().map_or_else(|| world.now(), |(since, _)| *since);
        self.gone.extend(before.map(|(_, entry)| (world.now(), entry)));
        self.switched.insert(entry.scope.clone(), (since, entry.clone()));
    }

    /// A switch entry is taken away.
    pub(crate) fn switch_removed(&mut self, world: &World, scope: &Scope) {
        self.gone.extend(self.switched.remove(scope).map(|(_, entry)| (world.now(), entry)));
    }

    /// S9: an original is what was there, and never changes.
    pub(crate) fn ledger_put(&mut self, world: &World, before: Option<&Ledger>, ledger: &Ledger) {
        if !self.watching {
            return;
        }
        let now = world.now();
        match before {
            Some(before) => self.holds("S9", now, before.original == ledger.original, || {
                format!("the original of {} changes from {} to {}", ledger.service, before.original, ledger.original)
            }),
            None => {
                let seen = world.service(ledger.service.cluster.as_str(), ledger.service.name.as_str());
                let real = world.written_service(&facts::key(&ledger.service));
                let placements = [seen, real].into_iter().flatten().filter_map(facts::placement);
                let known: Vec<PlacedBy> = placements.collect();
                let is_it = known.is_empty() || known.iter().any(|one| one.equivalent(&ledger.original));
                self.holds("S9", now, is_it, || {
                    format!("the original of {} is kept as {}, but it has {known:?}", ledger.service, ledger.original)
                });
            }
        }
    }
}
