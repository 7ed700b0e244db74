//! Core's `Fleet` on AWS: what is read, with how many calls, and the two writes.
//!
//! # Calls
//! One [`Fleet::observe`] at [`Depth::Full`] of a cluster with n services, d current service
//! deployments that are not shown as completed, r tasks that should run (p of them `RUNNING` in a
//! service), u distinct task definitions and t target groups that are not in the cache, v capacity
//! providers, g Auto Scaling groups behind them, l launch template versions to read, y instance
//! types not in the cache, and a scheduled actions in the whole account makes
//!
//! ```text
//!   1                      DescribeClusters
//! + max(1, ceil(n/100))    ListServices
//! + ceil(n/10)             DescribeServices
//! + ceil(d/20)             DescribeServiceDeployments
//! + u                      DescribeTaskDefinition
//! + t                      DescribeTargetGroupAttributes
//! + ceil(v/100)            DescribeCapacityProviders (AWS may answer in pages of 10: then ceil(v/10))
//! + ceil(g/100)            DescribeAutoScalingGroups
//! + l                      DescribeLaunchTemplateVersions: groups without a mixed instances
//!                          policy, or whose policy has no overrides
//! + ceil(y/100)            DescribeInstanceTypes
//! + ceil(n/50)             DescribeScalableTargets
//! + ceil(a/50), at least 1 DescribeScheduledActions; none where no service is a scalable target
//! + max(1, ceil(r/100))    ListTasks
//! + ceil(r/100)            DescribeTasks
//! + ceil(p/100)            GetTaskProtection
//! + ceil(i/100)            DescribeContainerInstances: i instances under running Spot tasks of services
//! + 2                      GetServiceQuota, where an hour has passed since the last
//! ```
//!
//! [`Fleet::clusters`] makes `max(1, ceil(C/100)) + ceil(C/100)` for C clusters. Against the
//! formula of `reference/performance.md` B.3 the terms of scaling, tasks, protection, groups,
//! templates, types and quotas are extra (the instances are in it, but not their `ListContainerInstances`:
//! tasks name theirs, and instances without a Spot task are not asked about), and so is one `DescribeClusters` and one
//! `DescribeCapacityProviders` for each cluster: each is observed by an invocation of its own.
//!
//! Target groups leave the cache one by one: in a steady state t is the slice whose turn has come,
//! 1/24 of them where a run starts every 15 minutes.
//!
//! [`Depth::Switch`] leaves out task definitions, target groups, instance types, scaling,
//! protection, container instances and quotas. It does read the tasks: a switch run ends when nothing is on Spot.
//!
//! Protection costs `ceil(p/100)` calls, from a bucket of its own that refills with 80 calls a
//! second: no other call shows it. `Task::protected` has no way to say "unknown", so a protection
//! that could not be read makes the tasks of the services concerned a gap.
//!
//! The capacity lever adds, for each group that is turned, `max(1, ceil(s/200))` `DescribeInstances` for
//! s Spot instances that it still has; and to an Updater a `DescribeAutoScalingGroups` and an
//! `UpdateAutoScalingGroup` for each group.
//!
//! [`SpotMarket`] reads less: `spot_providers` of a cluster makes the calls of `Depth::Full` for
//! capacity providers, groups, templates and types alone. A score costs one
//! `GetSpotPlacementScores` a page (a Region has one), and the names of the zones one
//! `DescribeAvailabilityZones`.
//!
//! [`SpotMarket`]: spotkeeper_core::ports::SpotMarket
//!
//! # Gaps
//! A failure of one item is a gap where the item would have stood, and in `Snapshot::gaps`; the
//! reading goes on. What was not asked for ([`GapCause::NotRead`]) stands in its place only. A
//! service that could not be read, or not understood, is missing in `Snapshot::services` and has
//! a gap under its ARN. Only a cluster that cannot be described, or whose services cannot be
//! listed, is an error.
//!
//! [`GapCause::NotRead`]: spotkeeper_core::observe::GapCause::NotRead

mod cache;
mod cached;
mod capacity;
mod clusters;
mod deployments;
mod details;
mod inventory;
mod look;
mod market;
mod places;
mod price_list;
mod prices;
mod quotas;
mod scaling;
mod services;
mod snapshot;
mod tasks;
pub mod translate;
mod turn;
mod write;

#[cfg(test)]
mod tests;

pub use cache::{Cache, CacheEntry, MemoryCache};
pub use price_list::Published;

use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use spotkeeper_core::ids::{ClusterName, ServiceRef};
use spotkeeper_core::observe::{Cluster, Depth, InstancesDistribution, Look, PlacedBy, Reading, Snapshot};
use spotkeeper_core::ports::{Clock, Fleet, PortError, WriteError};
use spotkeeper_core::record::ApiCounts;
use spotkeeper_core::units::Seconds;

use crate::client::{Action, Api, ApiError, ApiLimits, CallCounts, Clients};

/// How many calls of one kind are on their way at once: enough to hide the round trip, since the
/// buckets are what limits the pace.
const IN_FLIGHT: usize = 16;

/// The services of one account in one Region.
#[derive(Debug)]
pub struct AwsFleet<C, K> {
    api: Api,
    cache: C,
    clock: K,
}

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// A fleet that keeps to its part of the account's rates, with full buckets: make one for
    /// each invocation. Clients are cheap to clone.
    #[must_use]
    pub fn new(clients: Clients, cache: C, limits: ApiLimits, clock: K) -> AwsFleet<C, K> {
        AwsFleet { api: Api::new(clients, limits), cache, clock }
    }

    /// Another invocation has written right before: next to nothing is left of what the account's bucket
    /// of writes lets through at once.
    pub fn writes_follow(&self) {
        self.api.follow(Action::UpdateService.bucket());
    }

    /// The calls made so far, by action.
    #[must_use]
    pub fn counts(&self) -> CallCounts {
        self.api.counts()
    }
}

impl<C: Cache, K: Clock> Fleet for AwsFleet<C, K> {
    async fn clusters(&self) -> Result<Vec<Cluster>, PortError> {
        self.all_clusters().await
    }

    async fn observe(&self, cluster: &ClusterName, depth: Depth) -> Result<Snapshot, PortError> {
        self.snapshot(cluster, depth).await
    }

    async fn look(&self, service: &ServiceRef, since: Timestamp) -> Look {
        self.look_at(service, since).await
    }

    async fn ready_to_write(&self, patience: Seconds) -> bool {
        self.api.reserve(Action::UpdateService, Duration::from_secs(patience.0.into())).await
    }

    fn write_granted(&self) {
        self.api.grant(Action::UpdateService.bucket());
    }

    async fn write(&self, service: &ServiceRef, placed_by: &PlacedBy) -> Result<(), WriteError> {
        self.update_service(service, placed_by).await
    }

    async fn spot_instances(&self, group: &str) -> Reading<u32> {
        self.spot_instances_of(group).await
    }

    async fn distribution(&self, group: &str) -> Reading<Option<InstancesDistribution>> {
        self.distribution_of(group).await
    }

    async fn write_distribution(&self, group: &str, distribution: &InstancesDistribution) -> Result<(), PortError> {
        self.update_distribution(group, distribution).await
    }

    fn api_counts(&self) -> ApiCounts {
        self.counts().total().into()
    }
}

/// Runs a bounded number at once; the answers come in the order of the futures.
async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let futures: Vec<F> = futures.into_iter().collect();
    futures_util::stream::iter(futures).buffered(IN_FLIGHT).collect().await
}

/// Reads page after page until AWS gives no further token.
async fn pages<T, F>(mut page: impl FnMut(Option<String>) -> F) -> Result<Vec<T>, ApiError>
where
    F: Future<Output = Result<(Vec<T>, Option<String>), ApiError>>,
{
    let mut items = Vec::new();
    let mut token = None;
    loop {
        let (more, next) = page(token).await?;
        items.extend(more);
        match next.filter(|next| !next.is_empty()) {
            Some(next) => token = Some(next),
            None => return Ok(items),
        }
    }
}
