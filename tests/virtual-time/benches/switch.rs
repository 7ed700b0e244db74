//! How long a kill switch takes: from its execution's start until the last Spot task has stopped with
//! all desired tasks running, in virtual time; over the floor that the account sets.
//!
//! The floor is the same account with `UpdateService` sent for every service as fast as its documented
//! bucket lets it through (50 at once, then 5 a second), by somebody who reads nothing and checks
//! nothing: launch rates, drains and stops are in it.

#![allow(missing_docs, reason = "a bench has no readers of its own")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on ends")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "figures for people")]

use std::time::Duration;

use aws_sim::account::plain;
use aws_sim::world::World;
use aws_sim::world::shapes::StrategyItem;
use aws_sim::world::tasks::{Phase, Task};
use aws_sim::world::update_service::UpdateService;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spotkeeper_core::ids::RunId;
use spotkeeper_core::policy::{Policy, checked};
use spotkeeper_core::ports::Clock as _;
use spotkeeper_core::record::Outcome;
use spotkeeper_virtual_time::execution::Execution;
use spotkeeper_virtual_time::ports::AccountPace;
use spotkeeper_virtual_time::simulation::{Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

/// Tasks of each service.
const TASKS: u32 = 4;
/// After so long nothing more is expected.
const LONGEST: u32 = 4 * 3_600;

/// A capacity pair.
#[derive(Debug, Clone, Copy)]
enum Pair {
    Fargate,
    Groups,
}

impl Pair {
    fn name(self) -> &'static str {
        match self {
            Pair::Fargate => "Fargate",
            Pair::Groups => "Auto Scaling groups",
        }
    }

    fn on_demand(self) -> &'static str {
        match self {
            Pair::Fargate => "FARGATE",
            Pair::Groups => "on-demand",
        }
    }

    fn spot(self) -> &'static str {
        match self {
            Pair::Fargate => "FARGATE_SPOT",
            Pair::Groups => "spot",
        }
    }
}

/// What the switch is thrown over.
struct Case {
    pair: Pair,
    /// The services of each cluster.
    services: &'static [u32],
    /// How long the targets of each service drain, in seconds, where it has a target group.
    delay: Option<u32>,
}

impl Case {
    const fn one(pair: Pair, services: &'static [u32]) -> Case {
        Case { pair, services, delay: None }
    }

    fn name(&self) -> String {
        let delay = self.delay.map(|delay| format!(", targets drain {delay} s")).unwrap_or_default();
        format!("{}{delay}", self.pair.name())
    }

    fn total(&self) -> u32 {
        self.services.iter().sum()
    }

    /// The clusters' names: the first is the plain account's.
    fn clusters(&self) -> Vec<String> {
        let others = (2..=self.services.len()).map(|number| format!("shop-{number}"));
        std::iter::once("shop".to_owned()).chain(others).collect()
    }

    /// What the switch covers.
    const fn scope(&self) -> &'static str {
        if self.services.len() == 1 { "cluster/shop" } else { "all" }
    }
}

/// The clusters, everything in them on Spot and at rest.
fn world(case: &Case) -> World {
    let mut service = json!({
        "taskDefinition": "web", "desiredCount": TASKS,
        "capacityProviderStrategy": [{ "capacityProvider": case.pair.spot(), "weight": 1 }],
        "deploymentConfiguration": { "minimumHealthyPercent": 100, "maximumPercent": 200 },
        "tags": [{ "key": "spotkeeper:enabled", "value": "true" }],
    });
    if case.delay.is_some() {
        service["loadBalancers"] = json!([{ "targetGroupArn": "web", "containerName": "app", "containerPort": 80 }]);
    }
    let clusters = case.clusters();
    let generate = |(cluster, count): (&String, &u32)| {
        json!({
            "count": count, "namePattern": "web-{n}", "clusters": [cluster], "service": service,
            "distinctTargetGroups": case.delay.is_some(),
        })
    };
    let mut more = json!({
        "quotas": [
            { "serviceCode": "fargate", "quotaCode": "L-3032A538", "value": 100_000 },
            { "serviceCode": "fargate", "quotaCode": "L-36FBB829", "value": 100_000 },
            { "serviceCode": "ec2", "quotaCode": "L-1216C47A", "value": 100_000 },
            { "serviceCode": "ec2", "quotaCode": "L-34B43A08", "value": 100_000 },
        ],
        "clusters": clusters.iter().map(|name| json!({
            "clusterName": name, "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        })).collect::<Vec<_>>(),
        "generate": clusters.iter().zip(case.services).map(generate).collect::<Vec<_>>(),
    });
    if let Some(delay) = case.delay {
        let attributes = json!({ "deregistration_delay.timeout_seconds": delay.to_string() });
        more["targetGroups"] = json!([{ "name": "web", "attributes": attributes }]);
    }
    if let (Pair::Groups, Some(more)) = (case.pair, more.as_object_mut()) {
        more.extend(groups(case.total()));
    }
    let account = plain("shop", more);
    aws_sim::account::parse(&account.to_string(), "bench", Timestamp::from_second(1_767_225_600).unwrap()).unwrap()
}

/// Two groups, each of which can hold everything.
fn groups(services: u32) -> serde_json::Map<String, Value> {
    let most = services * TASKS;
    let provider = |name: &str| {
        let scaling = json!({ "status": "ENABLED", "targetCapacity": 100, "maximumScalingStepSize": 10_000 });
        json!({ "name": name, "autoScalingGroupProvider": { "autoScalingGroup": name, "managedScaling": scaling, "managedDraining": "ENABLED" } })
    };
    let spot = json!({ "onDemandBaseCapacity": 0, "onDemandPercentageAboveBaseCapacity": 0, "spotAllocationStrategy": "price-capacity-optimized" });
    let more = json!({
        "launchTemplates": [{ "name": "on-demand", "instanceType": "m5.large" }, { "name": "spot", "instanceType": "m5.large" }],
        "autoScalingGroups": [
            { "name": "on-demand", "cluster": "shop", "launchTemplate": "on-demand", "maxSize": most },
            {
                "name": "spot", "cluster": "shop", "launchTemplate": "spot", "maxSize": most,
                "instanceTypes": ["m5.large", "m6i.large", "m5.xlarge"], "instancesDistribution": spot,
            },
        ],
        "capacityProviders": [provider("on-demand"), provider("spot")],
        "clusters": [{ "clusterName": "shop", "capacityProviders": ["on-demand", "spot"] }],
        "taskDefinitions": [{
            "family": "web", "cpu": 256, "memory": 512, "networkMode": "awsvpc", "requiresCompatibilities": ["EC2"],
            "containerDefinitions": [{ "name": "app", "image": "web:1", "stopTimeout": 30 }],
        }],
    });
    more.as_object().unwrap().clone()
}

fn policy() -> Policy {
    checked(json!({ "mode": "active" })).unwrap()
}

/// How a cluster stands.
#[derive(Debug, Clone, Copy)]
struct Stand {
    /// Tasks on Spot that have not stopped.
    spot: usize,
    /// Services that miss tasks.
    short: usize,
    /// The lowest part of its desired tasks that a service runs.
    service: f64,
    /// The part of all desired tasks that run.
    cluster: f64,
}

impl Stand {
    fn of(world: &World, pair: Pair) -> Stand {
        let (mut spot, mut short, mut lowest, mut running, mut desired) = (0, 0, f64::INFINITY, 0, 0);
        for service in world.service_keys().filter_map(|key| world.written_service(key)) {
            // ECS lists what has stopped for an hour.
            let has_stopped = |task: &&Task| task.phase == Phase::Stopped;
            let tasks = || service.tasks.iter().filter_map(|id| world.tasks.get(id)).filter(|task| !has_stopped(task));
            spot += tasks().filter(|task| task.provider.as_deref() == Some(pair.spot())).count();
            let runs = tasks().filter(|task| task.is_running()).count();
            short += usize::from(runs < service.desired_count as usize);
            lowest = lowest.min(runs as f64 / f64::from(service.desired_count));
            running += runs;
            desired += service.desired_count as usize;
        }
        Stand { spot, short, service: lowest, cluster: running as f64 / desired as f64 }
    }

    const fn done(&self) -> bool {
        self.spot == 0 && self.short == 0
    }
}

/// What came of it.
struct Measured {
    seconds: u32,
    service: f64,
    cluster: f64,
}

impl Measured {
    const fn begin() -> Measured {
        Measured { seconds: 0, service: 1.0, cluster: 1.0 }
    }

    /// Whether all is done at that second.
    fn look(&mut self, second: u32, stand: &Stand) -> bool {
        self.service = self.service.min(stand.service);
        self.cluster = self.cluster.min(stand.cluster);
        self.seconds = second;
        stand.done()
    }
}

/// The floor: every service written as fast as the documented bucket lets it through.
fn floor(mut world: World, pair: Pair) -> Measured {
    let start = world.now();
    let mut left: Vec<_> = world.service_keys().cloned().collect();
    left.reverse();
    let mut measured = Measured::begin();
    let mut tokens: usize = 50;
    for second in 0..LONGEST {
        world.advance(start + SignedDuration::from_secs(second.into()));
        for _ in 0..tokens.min(left.len()) {
            let Some(key) = left.pop() else { break };
            let strategy = vec![StrategyItem { capacity_provider: pair.on_demand().to_owned(), weight: 1, base: 0 }];
            let call = UpdateService {
                cluster: Some(key.cluster),
                service: key.name,
                capacity_provider_strategy: Some(strategy),
                force_new_deployment: true,
                ..UpdateService::default()
            };
            world.update_service(&call).map(|_| ()).unwrap();
        }
        tokens = 5;
        if measured.look(second, &Stand::of(&world, pair)) && left.is_empty() {
            break;
        }
    }
    measured
}

/// A switch run over the same account: what was measured, throttled calls, the seconds until the run
/// had ended, and its moves that ended stable.
fn switch(world: World, case: &Case) -> (Measured, u32, u32, usize) {
    in_virtual_time(async {
        let simulation = Simulation::start(world, Tables::new(Ok(policy())), 1);
        simulation.with(|inner| inner.pace = Some(AccountPace::default()));
        let start = simulation.clock.now();
        let input = json!({ "switch": { "scope": case.scope(), "state": "on", "reason": "a drill" } });
        let execution =
            Execution::new(simulation.clone(), RunId::parse("6f9b4f7e-6a0c-4a9e-9a52-3c4d7d0b7f11").unwrap(), false);
        let run = tokio::task::spawn_local(execution.start(input));
        let mut measured = Measured::begin();
        for second in 0..LONGEST {
            simulation.sleep_until(start + SignedDuration::from_secs(second.into())).await;
            let stand = simulation.with(|inner| Stand::of(&inner.world, case.pair));
            if measured.look(second, &stand) {
                break;
            }
        }
        run.await.unwrap();
        let ended = simulation.clock.now().duration_since(start).as_secs();
        let (broken, throttled, stable) = simulation.with(|inner| {
            let stable = inner.tables.moves.values().filter(|one| one.outcome == Some(Outcome::Stable)).count();
            let broken: Vec<String> = inner.promises.broken().iter().map(ToString::to_string).collect();
            (broken, inner.pace.as_ref().map_or(0, |pace| pace.throttled), stable)
        });
        assert!(broken.is_empty(), "{}", broken.join("\n"));
        (measured, throttled, u32::try_from(ended).unwrap(), stable)
    })
    .unwrap()
}

fn main() {
    println!(
        "| pair | services | seconds | floor | over it | lowest running/desired: of a service | of the cluster | throttled | run ended after | stable |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let most: u32 = std::env::var("SWITCH_SERVICES").ok().and_then(|most| most.parse().ok()).unwrap_or(1_000);
    let cases = [
        Case::one(Pair::Fargate, &[50]),
        Case::one(Pair::Fargate, &[200]),
        Case::one(Pair::Fargate, &[1_000]),
        Case::one(Pair::Fargate, &[400, 50, 30, 10, 10]),
        Case { pair: Pair::Fargate, services: &[200], delay: Some(60) },
        Case::one(Pair::Groups, &[50]),
        Case::one(Pair::Groups, &[200]),
        Case::one(Pair::Groups, &[1_000]),
    ];
    for case in cases.iter().filter(|case| case.total() <= most) {
        let world = world(case);
        assert!(world.service_keys().count() == case.total() as usize && !Stand::of(&world, case.pair).done());
        let floor = floor(world.clone(), case.pair);
        let began = std::time::Instant::now();
        let (measured, throttled, ended, stable) = switch(world, case);
        let services: Vec<String> = case.services.iter().map(ToString::to_string).collect();
        println!(
            "| {} | {} | {} | {} | {:.3} | {:.2} | {:.3} | {throttled} | {ended} s | {stable} |",
            case.name(),
            services.join(" + "),
            measured.seconds,
            floor.seconds,
            f64::from(measured.seconds) / f64::from(floor.seconds),
            measured.service,
            measured.cluster,
        );
        eprintln!("(simulated in {:?})", Duration::from_secs(began.elapsed().as_secs()));
    }
}
