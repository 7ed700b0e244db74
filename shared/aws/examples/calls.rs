//! Counts the calls of one pass over the simulated account of 500 services in 5 clusters, cold and
//! warm, against the floor of `reference/performance.md` B.3, at 90 % of the documented rates.
//!
//! `cargo run -p spotkeeper-aws --example calls`

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_ecs::config::{Credentials, SharedCredentialsProvider};
use aws_sim::wire::Sim;
use jiff::Timestamp;
use spotkeeper_aws::client::{ApiLimits, Clients};
use spotkeeper_aws::fleet::{AwsFleet, MemoryCache};
use spotkeeper_core::observe::Depth;
use spotkeeper_core::ports::{Clock, Fleet as _};
use spotkeeper_core::units::Percent;

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sim/accounts/fleet.yaml");
    let world = aws_sim::account::load(path.as_ref(), Timestamp::now())?;
    let sim = Sim::new(world, aws_sim::Speed::new(1.0).context("a speed")?);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    tokio::spawn(sim.clone().serve(listener));
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("id", "key", None, None, "simulated")))
        .endpoint_url(endpoint)
        .build();
    let clients = Clients::load(&config);
    let cache = Arc::new(MemoryCache::default());
    println!(
        "{:<6} {:>9} {:>6} {:>6} {:>7} {:>9} {:>9}",
        "pass", "calls", "floor", "extra", "over", "throttled", "seconds"
    );
    for (pass, cached) in [("cold", false), ("warm", true)] {
        let started = Instant::now();
        let before = seen(&sim);
        let limits = ApiLimits { rate_percent: Percent::saturating(90), invocations: 5, readers: 5 };
        // Five invocations side by side, as a run makes them, each with its part of the rates.
        let fleet = || AwsFleet::new(clients.clone(), Arc::clone(&cache), limits, Wall);
        let clusters = fleet().clusters().await?;
        let passes = clusters.iter().map(|cluster| {
            let fleet = fleet();
            async move { fleet.observe(&cluster.name, Depth::Full).await }
        });
        let mut terms = Terms { clusters: clusters.len() as u64, ..Terms::default() };
        for snapshot in futures_util::future::join_all(passes).await {
            let snapshot = snapshot?;
            anyhow::ensure!(snapshot.gaps.is_empty(), "gaps: {:?}", snapshot.gaps);
            terms.add(&snapshot, cached);
        }
        let calls = seen(&sim) - before;
        let throttled: u64 = sim.with_world(|world| world.counters.throttled.values().sum());
        let (floor, extra) = (terms.floor(), terms.extra());
        let over = 100.0 * (calls as f64 / (floor + extra) as f64 - 1.0);
        println!(
            "{pass:<6} {calls:>9} {floor:>6} {extra:>6} {over:>5.1} % {throttled:>9} {:>9.1}",
            started.elapsed().as_secs_f64()
        );
    }
    for (action, calls) in sim.with_world(|world| world.counters.calls.clone()) {
        println!("  {calls:>5} {action}");
    }
    Ok(())
}

/// Every call that reached the simulated account.
fn seen(sim: &Sim) -> u64 {
    sim.with_world(|world| world.counters.calls.values().sum())
}

/// The sums of the formula.
#[derive(Default)]
struct Terms {
    clusters: u64,
    lists: u64,
    describes: u64,
    deployments: u64,
    definitions: u64,
    target_groups: u64,
    scaling: u64,
    tasks: u64,
    protection: u64,
    quotas: u64,
}

impl Terms {
    fn add(&mut self, snapshot: &spotkeeper_core::observe::Snapshot, cached: bool) {
        let services = snapshot.services.len() as u64;
        let tasks: u64 =
            snapshot.services.iter().filter_map(|one| one.tasks.known()).map(|tasks| tasks.len() as u64).sum();
        self.lists += services.div_ceil(100).max(1);
        self.describes += services.div_ceil(10);
        let open = snapshot.services.iter().filter(|one| one.open_service_deployment().is_some()).count() as u64;
        self.deployments += open.div_ceil(20);
        if !cached {
            self.definitions += services;
            self.target_groups += services;
            // Five cold invocations at once find no quota in the cache.
            self.quotas += 2;
        }
        // The account's scheduled actions are none: one empty page.
        self.scaling += services.div_ceil(50) + 1;
        self.tasks += tasks.div_ceil(100).max(1) + tasks.div_ceil(100);
        self.protection += tasks.div_ceil(100);
    }

    /// B.3: one page of clusters, and one of providers for all.
    fn floor(&self) -> u64 {
        2 + self.lists + self.describes + self.definitions + self.target_groups + 1
    }

    /// What the module documentation of `fleet` adds: the cluster and its providers are read by each
    /// invocation, and the terms that B.3 does not have.
    fn extra(&self) -> u64 {
        self.clusters
            + (self.clusters - 1)
            + self.deployments
            + self.scaling
            + self.tasks
            + self.protection
            + self.quotas
    }
}
