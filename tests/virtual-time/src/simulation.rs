//! The world, the tables and the journal behind one lock.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sim::world::World;
use jiff::Timestamp;
use serde_json::Value;
use spotkeeper_aws::telemetry::Event;
use spotkeeper_core::ids::RunId;
use spotkeeper_core::phase::Function;
use spotkeeper_core::ports::Clock as _;

use crate::clock::VirtualClock;
use crate::heard::Heard;
use crate::journal::Journal;
use crate::ports::{AccountPace, Call, FaultKind, Faults, KeptTargetGroups, Races};
use crate::promises::Promises;
use crate::queue::Delivery;
use crate::tables::Tables;
use crate::told::Told;

/// A simulated account with Spotkeeper in it. Cheap to clone.
#[derive(Clone)]
pub struct Simulation {
    /// Its time.
    pub clock: VirtualClock,
    /// How many clusters a run works on at once: `ClustersInFlight` of the template.
    pub clusters_in_flight: u32,
    /// Whether switches may turn groups: `CapacityLever` of the template.
    pub capacity_lever: bool,
    inner: Arc<Mutex<Inner>>,
}

/// What a simulation is made of.
pub struct Inner {
    /// The account.
    pub world: World,
    /// Spotkeeper's memory.
    pub tables: Tables,
    /// What goes wrong at the ports.
    pub faults: Faults,
    /// What happened.
    pub journal: Journal,
    /// What is promised, and what was broken.
    pub promises: Promises,
    /// The target groups that need not be read again.
    pub kept_target_groups: KeptTargetGroups,
    /// How long a call takes one way, in milliseconds: from, to.
    pub latency: (u64, u64),
    /// Everything that is random, but for what is random about events and scores.
    pub rng: fastrand::Rng,
    /// What is random about events and the function that gets them: apart, so that a run goes the
    /// same way whatever else happens in the account.
    pub events_rng: fastrand::Rng,
    /// How the account's events come; `None`: soon, and some twice.
    pub delivery: Option<Delivery>,
    /// Early runs that were asked for and are still to begin.
    pub starts: Vec<(RunId, Value)>,
    /// The names of all early runs that were asked for.
    pub started: BTreeSet<RunId>,
    /// What is random for the placement scorer: that it asks for scores changes no other call.
    pub rng_of_scores: fastrand::Rng,
    /// What is random for what is done to tell metrics and events alone: it changes no other call.
    pub rng_of_telling: fastrand::Rng,
    /// What telemetry was told.
    pub told: Told,
    /// Who hears the events of it, if anybody does.
    pub heard: Option<Heard>,
    /// Calls of ports so far.
    pub calls: u32,
    /// The account's API rates; `None` where every call is let through at once.
    pub pace: Option<AccountPace>,
    /// What a test does between two calls.
    pub races: Races,
}

impl Simulation {
    /// Starts the clock at the world's time. To be called inside a paused runtime.
    #[must_use]
    pub fn start(world: World, tables: Tables, seed: u64) -> Simulation {
        let clock = VirtualClock::start(world.now());
        let promises = Promises::new();
        let inner = Inner {
            promises,
            journal: Journal::new(world.now()),
            world,
            tables,
            faults: Faults::default(),
            kept_target_groups: KeptTargetGroups::default(),
            latency: (20, 80),
            rng: fastrand::Rng::with_seed(seed),
            events_rng: fastrand::Rng::with_seed(seed ^ 0x0065_7665_6e74_7300),
            delivery: None,
            starts: Vec::new(),
            started: BTreeSet::new(),
            rng_of_scores: fastrand::Rng::with_seed(seed),
            rng_of_telling: fastrand::Rng::with_seed(seed ^ 0x0074_656c_6c69_6e67),
            told: Told::default(),
            heard: None,
            calls: 0,
            pace: None,
            races: Races::default(),
        };
        Simulation { clock, clusters_in_flight: 5, capacity_lever: true, inner: Arc::new(Mutex::new(inner)) }
    }

    /// Looks at everything, or changes it, as of now.
    pub fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.world.advance(self.clock.now());
        f(&mut inner)
    }

    /// Lets virtual time pass up to then.
    pub async fn sleep_until(&self, at: Timestamp) {
        let left = at.duration_since(self.clock.now());
        tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
    }
}

impl Inner {
    /// Has the readings of target groups kept for so long; at the start they are not kept.
    pub fn keep_target_groups_for(&mut self, period: jiff::SignedDuration) {
        self.kept_target_groups.keep_for(period);
        self.promises.target_groups_kept = period;
    }

    /// What goes wrong with a call, and how long it takes there and back.
    pub(crate) fn meet(&mut self, call: &Call, is_telling: bool) -> (Option<FaultKind>, Duration, Duration) {
        let rng = match call.function {
            Function::InterruptionRecorder => &mut self.events_rng,
            Function::PlacementScorer => &mut self.rng_of_scores,
            _ if is_telling => &mut self.rng_of_telling,
            _ => &mut self.rng,
        };
        let fault = self.faults.of(call, self.world.now(), rng);
        if is_telling {
            // It is as quick as can be: only the answer of its function waits for it.
            return (fault, Duration::ZERO, Duration::ZERO);
        }
        let (from, to) = self.latency;
        let mut one_way = || Duration::from_millis(rng.u64(from..=to));
        (fault, one_way(), one_way())
    }

    /// Has events heard, of a run.
    pub(crate) fn hear(&mut self, run: &RunId, events: &[Event]) {
        let Some(heard) = &mut self.heard else { return };
        let lines: Vec<String> = events.iter().filter_map(|event| heard.hear(event)).collect();
        for line in lines {
            self.note(run.as_str(), line);
        }
    }

    /// Forgets runs that began before a time, with all that they left, and what happened to Spot capacity before
    /// it, as the table's TTL does; and what was said, where nobody is to be told.
    pub(crate) fn forget_before(&mut self, at: Timestamp, tell: bool) {
        let tables = &mut self.tables;
        tables.runs.retain(|_, run| run.started_at >= at);
        let runs = &tables.runs;
        tables.reports.retain(|(run, _), _| runs.contains_key(run));
        tables.assessments.retain(|(run, _), _| runs.contains_key(run));
        tables.moves.retain(|(run, _), _| runs.contains_key(run));
        tables.occurrences.retain(|_, one| one.at >= at);
        self.told = Told::default();
        if !tell {
            self.journal = Journal::new(self.journal.origin());
        }
    }

    /// Writes a line into the journal.
    pub fn note(&mut self, who: &str, what: impl Into<String>) {
        let now = self.world.now();
        self.journal.note(now, who, what);
    }
}

/// Runs a simulation to its end on a runtime of its own, whose clock leaps.
///
/// # Errors
/// Where the runtime cannot be made.
pub fn in_virtual_time<T>(work: impl Future<Output = T>) -> std::io::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    Ok(tokio::task::LocalSet::new().block_on(&runtime, work))
}
