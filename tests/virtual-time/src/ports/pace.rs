//! The pace of AWS's API: the part of each bucket that an invocation keeps to, as `shared/aws` does,
//! and the account's own bucket, which throttles whoever calls faster.
//!
//! Modelled is what a switch run waits for: the reads that every depth makes, and the write.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sim::world::World;
use aws_sim::world::buckets::Buckets;
use aws_sim::world::settings::Throttling;
use jiff::Timestamp;
use spotkeeper_aws::client::{Action, ApiLimits, BucketId, TokenBucket, backoff, throttled_attempts};
use spotkeeper_aws::wire::Beside;
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::Policy;
use spotkeeper_core::ports::PortError;
use spotkeeper_core::units::Seconds;
use tokio::time::{Instant, sleep};

use super::Ports;
use crate::simulation::Simulation;

/// A call there and back, where calls that come one after the other are not made one by one here.
const ROUND_TRIP: Duration = Duration::from_millis(100);

/// The account's API rates.
#[derive(Debug, Default)]
pub struct AccountPace {
    /// What is in the account's buckets.
    buckets: Buckets,
    /// Calls that were throttled.
    pub throttled: u32,
    /// Somebody else who calls all the time.
    foreign: Option<Foreign>,
}

/// Somebody else in the account who makes the calls that Spotkeeper makes, as fast as they can.
#[derive(Debug)]
struct Foreign {
    /// How often a second, as a multiple of the rate that Spotkeeper's policy gives it.
    times: f64,
    /// The part of the documented rates that the policy gives Spotkeeper.
    part: f64,
    /// Up to then, in seconds.
    until: f64,
    /// When they are next to call, by bucket.
    next: BTreeMap<BucketId, f64>,
}

/// How far back somebody else's calls are made one by one: longer than it takes them to empty a bucket.
const LOOK_BACK: f64 = 10.0;

impl Foreign {
    /// Makes their calls on a bucket up to now, each a while after the one before that is random: what
    /// comes at a steady beat would never leave a token to anybody.
    fn call(&mut self, action: Action, now: f64, buckets: &mut Buckets, rng: &mut fastrand::Rng) {
        let a_second = self.times * self.part * action.bucket().documented().refill;
        let next = self.next.entry(action.bucket()).or_insert(now - LOOK_BACK);
        *next = next.max(now - LOOK_BACK);
        while *next <= now.min(self.until) {
            buckets.take(action.name(), *next);
            *next -= (1.0 - rng.f64()).ln() / a_second;
        }
    }
}

impl AccountPace {
    /// The rates of a new account; none where its calls are not throttled in virtual time.
    #[must_use]
    pub fn of(world: &World) -> Option<AccountPace> {
        (world.settings.throttling == Throttling::VirtualClock).then(AccountPace::default)
    }

    /// Somebody else calls so many times as fast as a policy lets Spotkeeper, up to then.
    pub fn called_by_others(&mut self, times: u32, policy: &Policy, until: Timestamp) {
        let part = f64::from(policy.api_rate_percent.get()) / 100.0;
        let until = seconds(until);
        self.foreign = Some(Foreign { times: times.into(), part, until, next: BTreeMap::new() });
    }

    /// Whether a call gets a token now.
    fn take(&mut self, action: Action, now: Timestamp, rng: &mut fastrand::Rng) -> bool {
        if let Some(foreign) = &mut self.foreign {
            foreign.call(action, seconds(now), &mut self.buckets, rng);
        }
        let taken = self.buckets.take(action.name(), seconds(now));
        self.throttled += u32::from(!taken);
        taken
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64()
}

/// What was throttled to the end.
pub(super) struct Throttled(Action);

impl From<Throttled> for PortError {
    fn from(Throttled(action): Throttled) -> PortError {
        PortError::Throttled { action: action.name().to_owned() }
    }
}

/// What one invocation keeps to.
pub(super) struct Pace {
    buckets: Mutex<BTreeMap<BucketId, TokenBucket>>,
    since: Instant,
}

impl Pace {
    fn new(limits: ApiLimits) -> Pace {
        let buckets = BucketId::ALL.map(|id| (id, TokenBucket::full(limits.of(id))));
        Pace { buckets: Mutex::new(BTreeMap::from(buckets)), since: Instant::now() }
    }

    fn with<T>(&self, id: BucketId, f: impl FnOnce(&mut TokenBucket, Duration) -> T) -> Option<T> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.get_mut(&id).map(|bucket| f(bucket, self.since.elapsed()))
    }

    /// Waits for so many calls of each.
    async fn wait_for(&self, calls: &[(Action, usize)]) {
        let mut longest = Duration::ZERO;
        for (action, count) in calls {
            for _ in 0..*count {
                let wait = self.with(action.bucket(), TokenBucket::take).unwrap_or_default();
                longest = longest.max(wait);
            }
        }
        sleep(longest).await;
    }
}

impl Ports {
    /// The ports of a new invocation for a function in a run: with its part of the account's rates,
    /// divided as the function's main divides them, where the account has any.
    #[must_use]
    pub fn paced(simulation: Simulation, function: Function, beside: Beside, run: RunId) -> Ports {
        let limits = simulation.with(|inner| {
            inner.pace.as_ref()?;
            let run = inner.tables.runs.get(&run);
            Some(beside.limits(run))
        });
        Ports::with_pace(simulation, function, run, limits.map(Pace::new))
    }

    /// Another invocation has written right before.
    pub(crate) fn writes_follow(&self) {
        if let Some(pace) = &self.invocation.pace {
            pace.with(BucketId::EcsServiceModify, TokenBucket::follow);
        }
    }

    /// Waits for the services of a cluster and their tasks to be read, page by page.
    ///
    /// # Errors
    /// What the account throttled to the end.
    pub(super) async fn pace_of_observe(&self, cluster: &ClusterName) -> Result<(), Throttled> {
        let Some(pace) = &self.invocation.pace else { return Ok(()) };
        let (services, tasks) = self.simulation.with(|inner| {
            let services = inner.world.services_of(cluster.as_str()).collect::<Vec<_>>();
            let tasks: usize = services.iter().map(|service| service.tasks.len()).sum();
            (services.len(), tasks)
        });
        let pages = services.div_ceil(100) + 1;
        let calls = [
            (Action::DescribeClusters, 1),
            (Action::ListServices, pages),
            (Action::DescribeServices, services.div_ceil(10)),
            (Action::ListTasks, tasks.div_ceil(100)),
            (Action::DescribeTasks, tasks.div_ceil(100)),
            (Action::DescribeCapacityProviders, 1),
        ];
        let in_turn = u32::try_from(pages.max(tasks.div_ceil(100))).unwrap_or(u32::MAX);
        sleep(ROUND_TRIP.saturating_mul(in_turn)).await;
        pace.wait_for(&calls).await;
        self.all_let_through(&calls).await
    }

    /// Waits for what a look reads: three calls, one after the other, with others beside them.
    ///
    /// # Errors
    /// What the account throttled to the end.
    pub(super) async fn pace_of_look(&self) -> Result<(), Throttled> {
        let Some(pace) = &self.invocation.pace else { return Ok(()) };
        let calls = [
            Action::DescribeServices,
            Action::ListServiceDeployments,
            Action::DescribeServiceDeployments,
            Action::DescribeServiceRevisions,
            Action::ListTasks,
            Action::DescribeTasks,
        ]
        .map(|action| (action, 1));
        pace.wait_for(&calls).await;
        sleep(ROUND_TRIP * 2).await;
        self.all_let_through(&calls).await
    }

    async fn all_let_through(&self, calls: &[(Action, usize)]) -> Result<(), Throttled> {
        for (action, count) in calls {
            for _ in 0..*count {
                if !self.let_through(*action).await {
                    return Err(Throttled(*action));
                }
            }
        }
        Ok(())
    }

    /// Waits until one more write may be sent; `false` where that would take longer than that.
    pub(super) async fn pace_of_writes(&self, patience: Seconds) -> bool {
        let Some(pace) = &self.invocation.pace else { return true };
        let patience = Duration::from_secs(patience.0.into());
        match pace.with(BucketId::EcsServiceModify, |bucket, now| bucket.take_within(now, patience)).flatten() {
            None => false,
            Some(wait) => {
                sleep(wait).await;
                true
            }
        }
    }

    /// Whether the account lets a call through, now or when it is sent again.
    pub(super) async fn let_through(&self, action: Action) -> bool {
        for attempt in 1..=throttled_attempts(action) {
            let pause = self.simulation.with(|inner| {
                let now = inner.world.now();
                let is_taken = inner.pace.as_mut()?.take(action, now, &mut inner.rng);
                (!is_taken).then(|| backoff(attempt, inner.rng.f64()))
            });
            let Some(pause) = pause else { return true };
            if let Some(pace) = &self.invocation.pace {
                pace.with(action.bucket(), TokenBucket::empty);
            }
            sleep(pause).await;
        }
        false
    }
}
