//! The simulator's in-process front (`aws_sim::fleet`) says exactly what the fleet reads over the
//! wire: snapshots, looks and refusals, before and after moves, deployments and faults.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod account;

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sim::Speed;
use aws_sim::wire::Sim;
use aws_sim::world::faults::Fault;
use aws_sim::world::settings::Throttling;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spotkeeper_aws::client::{ApiLimits, Clients};
use spotkeeper_aws::fleet::{AwsFleet, MemoryCache};
use spotkeeper_core::ids::{InstanceId, ProviderName, ServiceArn, ServiceName, ServiceRef};
use spotkeeper_core::observe::{Cluster, Depth, Market, PlacedBy, Reading};
use spotkeeper_core::ports::{Clock, Fleet as _, Inventory as _, SpotMarket as _, WriteError};
use spotkeeper_core::signals::question;
use spotkeeper_core::strategy::Strategy;
use spotkeeper_core::units::Percent;

/// The clock of the simulated account.
struct Simulated(Sim);

impl Clock for Simulated {
    fn now(&self) -> Timestamp {
        self.0.with_world(|world| world.now())
    }
}

/// One account behind both fronts.
struct Both {
    sim: Sim,
    clients: Clients,
}

impl Both {
    /// The wall clock leaves this account alone: only the test moves its time.
    async fn of(yaml: &str) -> Both {
        let mut world = aws_sim::account::parse(yaml, "test", Timestamp::UNIX_EPOCH).unwrap();
        world.settings.throttling = Throttling::Off;
        let (sim, clients) = account::serve(world, Speed::new(1e-9).unwrap()).await;
        Both { sim, clients }
    }

    /// A fleet that remembers nothing.
    fn wire(&self) -> AwsFleet<Arc<MemoryCache>, Simulated> {
        let limits = ApiLimits { rate_percent: Percent::saturating(100), invocations: 1, readers: 1 };
        AwsFleet::new(self.clients.clone(), Arc::default(), limits, Simulated(self.sim.clone()))
    }

    fn pass(&self, seconds: f64) {
        self.sim.with_world(|world| world.advance_by(seconds));
    }

    fn fault(&self, fault: Value) {
        let fault: Fault = serde_json::from_value(fault).unwrap();
        self.sim.with_world(|world| world.set_fault(fault, true, &[])).unwrap();
    }

    fn services(&self) -> Vec<ServiceRef> {
        let arns = self.sim.with_world(|world| {
            let keys: Vec<_> = world.service_keys().cloned().collect();
            keys.into_iter().map(|key| (world.arns.service(&key), key)).collect::<Vec<_>>()
        });
        let id = |(arn, key): (String, aws_sim::world::ServiceKey)| ServiceRef {
            cluster: spotkeeper_core::ids::ClusterName::parse(&key.cluster).unwrap(),
            name: ServiceName::parse(&key.name).unwrap(),
            arn: ServiceArn::parse(&arn).unwrap(),
        };
        arns.into_iter().map(id).collect()
    }

    fn service(&self, name: &str) -> ServiceRef {
        self.services().into_iter().find(|service| service.name.as_str() == name).unwrap()
    }

    /// Reads everything both ways.
    async fn compare(&self, when: &str) {
        let wire = self.wire();
        let clusters = wire.clusters().await.unwrap();
        assert_eq!(clusters, self.sim.with_world(|world| aws_sim::fleet::clusters(world)), "{when}: clusters");
        self.compare_scores(when, &clusters).await;
        for cluster in &clusters {
            for depth in [Depth::Full, Depth::Switch] {
                let over_the_wire = wire.observe(&cluster.name, depth).await.unwrap();
                let in_process = self.sim.with_world(|world| aws_sim::fleet::snapshot(world, &cluster.name, depth));
                let what = format!("{when}: {} at {depth:?}", cluster.name);
                same(&what, &json!(in_process.unwrap()), &json!(over_the_wire));
            }
        }
        for service in self.services() {
            self.compare_looks(when, &service).await;
        }
        self.compare_inventories(when).await;
    }

    async fn compare_inventories(&self, when: &str) {
        let wire = self.wire();
        let over_the_wire = wire.directory(&BTreeSet::new()).await.unwrap();
        let in_process = self.sim.with_world(|world| aws_sim::fleet::directory(world));
        assert_eq!(in_process, over_the_wire, "{when}: the directory");
        let known = self.sim.with_world(|world| world.instances.keys().cloned().collect::<Vec<_>>());
        let asked = known.iter().map(String::as_str).chain(["i-00000000000000000"]);
        let asked: BTreeSet<InstanceId> = asked.map(|id| InstanceId::parse(id).unwrap()).collect();
        let over_the_wire = wire.instances(&asked).await.unwrap();
        assert_eq!(over_the_wire.len(), known.len(), "{when}: one instance is unknown");
        let in_process = self.sim.with_world(|world| aws_sim::fleet::instances(world, &asked));
        assert_eq!(in_process, over_the_wire, "{when}: the instances");
    }

    /// What is asked about each Spot provider, and what EC2 answers.
    async fn compare_scores(&self, when: &str, clusters: &[Cluster]) {
        let wire = self.wire();
        let names = wire.zone_names().await.unwrap();
        assert_eq!(names, self.sim.with_world(|world| aws_sim::fleet::zone_names(world)), "{when}: zones");
        for cluster in clusters {
            let providers = wire.spot_providers(cluster).await;
            let in_process = self.sim.with_world(|world| aws_sim::fleet::spot_providers(world, cluster));
            same(&format!("{when}: Spot of {}", cluster.name), &json!(in_process), &json!(providers));
            for provider in providers {
                let region = cluster.arn.split(':').nth(3).unwrap();
                let Ok(question) = question(region, &provider.launches) else { continue };
                for query in [&question.by_zone, &question.by_region] {
                    let over_the_wire = wire.placement_scores(query).await;
                    let in_process = self.sim.with_world(|world| aws_sim::fleet::placement_scores(world, query));
                    assert_eq!(in_process, over_the_wire, "{when}: {query:?}");
                }
            }
        }
    }

    async fn compare_looks(&self, when: &str, service: &ServiceRef) {
        let wire = self.wire();
        for back in [SignedDuration::from_mins(2), SignedDuration::from_hours(48)] {
            let since = Simulated(self.sim.clone()).now() - back;
            let over_the_wire = wire.look(service, since).await;
            let in_process = self.sim.with_world(|world| aws_sim::fleet::look(world, service, since));
            same(&format!("{when}: a look at {service}"), &json!(in_process), &json!(over_the_wire));
        }
    }

    /// The same write, first refused or taken in process on a copy of the world.
    async fn write(&self, service: &ServiceRef, placed_by: &PlacedBy) {
        let mut copy = self.sim.with_world(|world| world.clone());
        let in_process = told(aws_sim::fleet::write(&mut copy, service, placed_by));
        let over_the_wire = told(self.wire().write(service, placed_by).await);
        assert_eq!(in_process, over_the_wire, "{service} to {placed_by}");
    }
}

fn told(written: Result<(), WriteError>) -> Result<(), String> {
    written.map_err(|error| error.to_string())
}

/// Compares what both say. Over the wire times are floats, and are rounded here; the digest of
/// Managed Instances' requirements may be any that tells them apart; and what AWS says of an error
/// stands in the wire's words.
fn same(what: &str, in_process: &Value, over_the_wire: &Value) {
    let (mut one, mut other) = (in_process.clone(), over_the_wire.clone());
    plain(&mut one);
    plain(&mut other);
    let mut differences = Vec::new();
    differ("", &one, &other, &mut differences);
    assert!(differences.is_empty(), "{what}, in process and over the wire:\n{}", differences.join("\n"));
}

fn plain(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "requirements_digest" | "detail" => *field = Value::Null,
                    _ => plain(field),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain),
        Value::String(text) => {
            if let Ok(at) = text.parse::<Timestamp>() {
                let millis = at.round(jiff::Unit::Millisecond).unwrap();
                *text = millis.to_string();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn differ(path: &str, one: &Value, other: &Value, differences: &mut Vec<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) if one.keys().eq(other.keys()) => {
            for (name, field) in one {
                differ(&format!("{path}/{name}"), field, &other[name], differences);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                differ(&format!("{path}/{index}"), one, other, differences);
            }
        }
        _ if one == other => {}
        _ => differences.push(format!("{path}: {one} and {other}")),
    }
}

fn over(on_demand: &str, spot: &str) -> PlacedBy {
    let name = |name| ProviderName::parse(name).unwrap();
    PlacedBy::Strategy(Strategy::over(&name(on_demand), &name(spot), 1, 1, 1))
}

#[tokio::test]
async fn every_sample_account_is_the_same_both_ways() {
    for (name, yaml) in [
        ("demo", include_str!("../../../sim/accounts/demo.yaml")),
        ("mixed", include_str!("../../../sim/accounts/mixed.yaml")),
        ("small", include_str!("../../../tests/accounts/small.yaml")),
        ("of the demo", include_str!("../../../xtask/demo/account.yaml")),
        ("shop", include_str!("../../../tests/scenarios/accounts/shop.yaml")),
        ("lever", include_str!("../../../tests/scenarios/accounts/lever.yaml")),
    ] {
        Both::of(yaml).await.compare(name).await;
    }
}

#[tokio::test]
async fn moves_and_what_goes_wrong_with_them_are_the_same_both_ways() {
    let both = Both::of(include_str!("../../../sim/accounts/demo.yaml")).await;
    both.pass(1.25);
    for (service, placed_by) in [
        ("web", over("FARGATE", "FARGATE_SPOT")),
        ("api", over("od", "spot")),
        ("crunch", over("mi-od", "mi-spot")),
        ("web", over("od", "spot")),
        ("web", over("FARGATE", "none")),
        ("api", PlacedBy::Strategy(Strategy { items: Vec::new() })),
        ("api", PlacedBy::LaunchType(spotkeeper_core::observe::LaunchType::Ec2)),
    ] {
        both.write(&both.service(service), &placed_by).await;
    }
    for seconds in [0.0, 11.3, 20.0, 45.0, 90.0, 600.0] {
        both.pass(seconds);
        both.compare(&format!("{seconds} s later")).await;
    }
    both.fault(json!({ "fault": "new_tasks_crash", "cluster": "shop", "service": "web" }));
    both.fault(json!({ "fault": "spot_unavailable", "provider": "all" }));
    both.fault(json!({ "fault": "deploy", "cluster": "shop", "service": "web" }));
    both.fault(json!({ "fault": "set_desired_count", "cluster": "shop", "service": "api", "desired_count": 9 }));
    for seconds in [5.0, 60.0, 300.0, 900.0] {
        both.pass(seconds);
        both.compare(&format!("while tasks crash, {seconds} s later")).await;
    }
    both.fault(json!({ "fault": "stale_reads", "seconds": 60.0 }));
    both.write(&both.service("crunch"), &PlacedBy::Strategy(Strategy::only(ProviderName::parse("mi-od").unwrap())))
        .await;
    both.compare("while reads are stale").await;
    both.pass(61.0);
    both.compare("when they are no longer").await;
}

#[tokio::test]
async fn every_stage_of_a_shift_of_traffic_is_the_same_both_ways() {
    let both = Both::of(include_str!("../../../sim/accounts/mixed.yaml")).await;
    both.fault(json!({ "fault": "deploy", "cluster": "shop", "service": "checkout" }));
    for minute in 0..12 {
        both.pass(60.0);
        both.compare_looks(&format!("in minute {minute}"), &both.service("checkout")).await;
    }
}

#[tokio::test]
async fn what_is_gone_is_the_same_both_ways() {
    let both = Both::of(include_str!("../../../sim/accounts/demo.yaml")).await;
    let (web, api) = (both.service("web"), both.service("api"));
    both.sim.with_world(|world| {
        world.clusters.get_mut("shop").unwrap().capacity_providers.retain(|provider| provider != "spot");
        world.groups.remove("spot");
        world.providers.remove("od");
    });
    both.compare("a provider and a group").await;
    both.fault(json!({ "fault": "vanish_service", "cluster": "shop", "service": "web" }));
    both.fault(json!({ "fault": "vanish_service", "cluster": "shop", "service": "api", "inactive": true }));
    both.compare("services").await;
    both.compare_looks("it is deleted", &web).await;
    both.compare_looks("it is inactive", &api).await;
    both.write(&web, &over("FARGATE", "FARGATE_SPOT")).await;
    both.write(&api, &over("FARGATE", "FARGATE_SPOT")).await;
}

#[tokio::test]
async fn what_holds_a_deployment_is_the_same_both_ways() {
    let service = |name: &str, configuration: Value| {
        json!({
            "cluster": "shop", "serviceName": name, "taskDefinition": "web", "desiredCount": 2, "launchType": "FARGATE",
            "deploymentConfiguration": configuration,
        })
    };
    let alarms = json!({ "alarmNames": ["errors"], "enable": true, "rollback": true });
    let stages = json!(["PRE_PRODUCTION_TRAFFIC_SHIFT", "POST_SCALE_UP"]);
    let hooks = json!([
        { "targetType": "PAUSE", "lifecycleStages": stages, "timeoutConfiguration": { "timeoutInMinutes": 7 } },
        { "hookTargetArn": "arn:aws:lambda:eu-west-1:123456789012:function:f", "lifecycleStages": ["PRODUCTION_TRAFFIC_SHIFT"] },
    ]);
    let account = aws_sim::account::plain(
        "shop",
        json!({ "services": [
            service("alarmed", json!({ "alarms": alarms })),
            service("alarmed-and-baked", json!({ "alarms": alarms, "bakeTimeInMinutes": 9 })),
            service("blue-green", json!({ "strategy": "BLUE_GREEN", "bakeTimeInMinutes": 1, "lifecycleHooks": hooks })),
            service("linear", json!({
                "strategy": "LINEAR", "linearConfiguration": { "stepPercent": 30.0 }, "lifecycleHooks": hooks,
            })),
            service("canary", json!({ "strategy": "CANARY", "lifecycleHooks": hooks })),
        ]}),
    );
    let both = Both::of(&account.to_string()).await;
    both.compare("at rest").await;
    for service in both.services() {
        both.fault(json!({ "fault": "deploy", "cluster": "shop", "service": service.name.as_str() }));
    }
    for seconds in [5.0, 120.0, 240.0, 600.0, 1_200.0] {
        both.pass(seconds);
        both.compare(&format!("{seconds} s later")).await;
    }
}

/// The capacity lever: what it reads of a group, and what becomes of what it writes.
#[tokio::test]
async fn a_group_that_is_turned_is_the_same_both_ways() {
    let both = Both::of(include_str!("../../../tests/scenarios/accounts/lever.yaml")).await;
    both.pass(900.0);
    let compare = async |when: &str| {
        let wire = both.wire();
        for group in ["spot", "od", "none"] {
            let counted = both.sim.with_world(|world| aws_sim::fleet::spot_instances(world, group));
            assert_eq!(counted, wire.spot_instances(group).await, "{when}: Spot instances of {group}");
            let in_process = both.sim.with_world(|world| aws_sim::fleet::distribution(world, group));
            same(&format!("{when}: {group}"), &json!(in_process), &json!(wire.distribution(group).await));
        }
        both.sim.with_world(|world| aws_sim::fleet::spot_instances(world, "spot")).known().copied().unwrap()
    };
    let before = compare("before").await;
    assert!(before >= 4, "{before} Spot instances");
    let Reading::Known(Some(original)) = both.wire().distribution("spot").await else { panic!("it has one") };
    assert_eq!(original.market(), Market::Spot);

    let mut copy = both.sim.with_world(|world| world.clone());
    aws_sim::fleet::write_distribution(&mut copy, "spot", &original.turned()).unwrap();
    both.wire().write_distribution("spot", &original.turned()).await.unwrap();
    let written = both.wire().distribution("spot").await;
    assert_eq!(written, aws_sim::fleet::distribution(&copy, "spot"));
    assert_eq!(written, Reading::Known(Some(original.turned())), "and no other member has changed");
    for seconds in [1.0, 120.0, 1_800.0] {
        both.pass(seconds);
        compare(&format!("{seconds} s later")).await;
    }
    assert_eq!(compare("turned").await, 0);
    both.wire().write_distribution("spot", &original).await.unwrap();
    both.pass(1_800.0);
    assert!(compare("turned back").await > 0);

    let refused = both.wire().write_distribution("od", &original).await.unwrap_err();
    let mut copy = both.sim.with_world(|world| world.clone());
    let in_process = aws_sim::fleet::write_distribution(&mut copy, "od", &original).unwrap_err();
    assert_eq!((refused.to_string(), refused.name()), (in_process.to_string(), in_process.name()));
}
