//! The fleet over HTTP against the simulated account: real protocols, real pages, real refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod account;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sim::wire::Sim;
use jiff::Timestamp;
use spotkeeper_aws::client::{ApiLimits, Clients};
use spotkeeper_aws::fleet::{AwsFleet, MemoryCache};
use spotkeeper_core::assess::{Level, Memory, assess};
use spotkeeper_core::ids::{ClusterName, InstanceId, ProviderName};
use spotkeeper_core::observe::{
    Depth, LaunchType, Market, PlacedBy, ProviderKind, Service, ServiceDeploymentStatus, Snapshot,
};
use spotkeeper_core::policy;
use spotkeeper_core::ports::{Clock, Fleet as _, Inventory as _, WriteError};
use spotkeeper_core::signals::LaunchedBy;
use spotkeeper_core::strategy::Strategy;
use spotkeeper_core::units::Percent;

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

type SimFleet = AwsFleet<Arc<MemoryCache>, Wall>;

/// A simulated account, and clients that know no other endpoint.
async fn account(yaml: &str) -> (Sim, Clients) {
    let world = aws_sim::account::parse(yaml, "test", Timestamp::now()).unwrap();
    account::serve(world, aws_sim::Speed::new(20.0).unwrap()).await
}

fn fleet(clients: &Clients, cache: &Arc<MemoryCache>) -> SimFleet {
    // All of it would be throttled now and then: calls overtake each other on the way.
    let limits = ApiLimits { rate_percent: Percent::saturating(80), invocations: 1, readers: 1 };
    AwsFleet::new(clients.clone(), Arc::clone(cache), limits, Wall)
}

fn name(text: &str) -> ClusterName {
    ClusterName::parse(text).unwrap()
}

fn service<'s>(snapshot: &'s Snapshot, name: &str) -> &'s Service {
    snapshot.services.iter().find(|service| service.id.name.as_str() == name).unwrap()
}

const DEMO: &str = include_str!("../../../sim/accounts/demo.yaml");

#[tokio::test]
async fn every_kind_of_provider_is_read_whole() {
    let (_sim, clients) = account(DEMO).await;
    let fleet = fleet(&clients, &Arc::default());
    let clusters = fleet.clusters().await.unwrap();
    let names: Vec<&str> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    assert_eq!(names, ["batch", "shop"]);
    let shop = fleet.observe(&name("shop"), Depth::Full).await.unwrap();
    assert_eq!(shop.gaps, []);
    let market = |snapshot: &Snapshot, provider: &str| {
        snapshot.providers[&ProviderName::parse(provider).unwrap()].known().unwrap().market()
    };
    assert_eq!(market(&shop, "od"), Some(Market::OnDemand));
    assert_eq!(market(&shop, "spot"), Some(Market::Spot));
    let spot = shop.providers[&ProviderName::parse("spot").unwrap()].known().unwrap();
    let ProviderKind::AutoScalingGroup(spot) = &spot.kind else { panic!("a group") };
    assert!(spot.managed_scaling && spot.managed_draining);
    let types = spot.group.known().unwrap().instance_types.known().unwrap();
    assert_eq!(types.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["m5.large", "m5.xlarge", "m6i.large"]);

    let web = service(&shop, "web");
    assert_eq!(web.placed_by, PlacedBy::LaunchType(LaunchType::Fargate));
    assert_eq!(web.tag_settings().enabled, Some(true));
    assert_eq!(web.tasks.known().map(Vec::len), Some(4));
    assert_eq!(web.scaling.known().copied().flatten().map(|range| (range.min, range.max)), Some((2, 10)));
    let delays: Vec<u32> =
        web.target_groups.values().map(|group| group.known().unwrap().deregistration_delay.0).collect();
    assert_eq!(delays, [15]);
    assert_eq!(web.task_definition.known().unwrap().containers[0].stop_timeout.unwrap().0, 30);

    let batch = fleet.observe(&name("batch"), Depth::Full).await.unwrap();
    assert_eq!(batch.gaps, []);
    assert_eq!(market(&batch, "mi-spot"), Some(Market::Spot));
    assert_eq!(market(&batch, "mi-od"), Some(Market::OnDemand));
}

#[tokio::test]
async fn a_write_is_seen_by_the_next_look() {
    let (sim, clients) = account(DEMO).await;
    let fleet = fleet(&clients, &Arc::default());
    let shop = fleet.observe(&name("shop"), Depth::Switch).await.unwrap();
    assert_eq!(shop.gaps, []);
    let web = service(&shop, "web").id.clone();
    let (on_demand, spot) = (ProviderName::parse("FARGATE").unwrap(), ProviderName::parse("FARGATE_SPOT").unwrap());
    let strategy = PlacedBy::Strategy(Strategy::over(&on_demand, &spot, 1, 1, 1));
    let before = fleet.look(&web, Timestamp::now() - jiff::SignedDuration::from_secs(60)).await;
    fleet.write(&web, &strategy).await.unwrap();
    let look = fleet.look(&web, before.at).await;
    assert!(look.service.known().unwrap().placed_by.equivalent(&strategy));
    let newest = &look.deployments.known().unwrap()[0];
    assert!(matches!(newest.status, ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress));
    let revisions = look.revisions.known().unwrap();
    let target = revisions.iter().find(|revision| revision.arn == newest.target_revision).unwrap();
    assert!(target.placed_by.equivalent(&strategy));
    assert!(look.targets.known().unwrap()[0].healthy > 0);
    assert!(look.service.known().unwrap().tasks.known().is_some());
    let written: BTreeMap<String, u64> = sim.with_world(|world| world.counters.update_service.clone());
    assert_eq!(written, BTreeMap::from([("shop/web".to_owned(), 1)]));
}

#[tokio::test]
async fn back_to_the_launch_type_and_what_ecs_refuses() {
    let (_sim, clients) = account(DEMO).await;
    let fleet = fleet(&clients, &Arc::default());
    let shop = fleet.observe(&name("shop"), Depth::Switch).await.unwrap();
    let web = service(&shop, "web").id.clone();
    let unknown = PlacedBy::Strategy(Strategy::only(ProviderName::parse("no-such-provider").unwrap()));
    let refused = fleet.write(&web, &unknown).await.unwrap_err();
    assert!(matches!(refused, WriteError::Refused { .. }), "{refused}");
    let spot = PlacedBy::Strategy(Strategy::only(ProviderName::parse("FARGATE_SPOT").unwrap()));
    fleet.write(&web, &spot).await.unwrap();
    fleet.write(&web, &PlacedBy::LaunchType(LaunchType::Fargate)).await.unwrap();
    let look = fleet.look(&web, Timestamp::now() - jiff::SignedDuration::from_secs(60)).await;
    assert_eq!(look.service.known().unwrap().placed_by, PlacedBy::LaunchType(LaunchType::Fargate));
}

/// Sixty services, so that every page and batch is used; every call is counted on both sides.
#[tokio::test]
async fn the_calls_are_those_of_the_formula() {
    let yaml = r#"
seed: 1
clusters: [{ clusterName: big, capacityProviders: [FARGATE, FARGATE_SPOT] }]
taskDefinitions:
  - { family: app, cpu: 256, memory: 512, networkMode: awsvpc, requiresCompatibilities: [FARGATE], containerDefinitions: [{ name: app, image: "app:1", stopTimeout: 30 }] }
targetGroups: [{ name: app, attributes: { deregistration_delay.timeout_seconds: "30" } }]
generate:
  - count: 60
    namePattern: "svc-{n}"
    clusters: [big]
    distinctTaskDefinitions: true
    scalableTarget: { minCapacity: 2, maxCapacity: 10 }
    service: { taskDefinition: app, desiredCount: 2, launchType: FARGATE, loadBalancers: [{ targetGroupArn: app, containerName: app, containerPort: 80 }] }
"#;
    let (sim, clients) = account(yaml).await;
    let cache = Arc::default();
    let cold = fleet(&clients, &cache);
    let snapshot = cold.observe(&name("big"), Depth::Full).await.unwrap();
    assert_eq!(snapshot.gaps, []);
    assert_eq!(snapshot.services.len(), 60);
    let expected = BTreeMap::from([
        ("application-autoscaling:DescribeScalableTargets", 2),
        ("application-autoscaling:DescribeScheduledActions", 1),
        ("ecs:DescribeCapacityProviders", 1),
        ("ecs:DescribeClusters", 1),
        ("ecs:DescribeServices", 6),
        ("ecs:DescribeTaskDefinition", 60),
        ("ecs:DescribeTasks", 2),
        ("ecs:GetTaskProtection", 2),
        ("ecs:ListServices", 1),
        ("ecs:ListTasks", 2),
        ("elasticloadbalancing:DescribeTargetGroupAttributes", 1),
        ("servicequotas:GetServiceQuota", 2),
    ]);
    let counted: BTreeMap<&str, u32> =
        cold.counts().by_action.into_iter().map(|(action, count)| (action.name(), count.calls)).collect();
    assert_eq!(counted, expected);
    let seen = sim.with_world(|world| world.counters.clone());
    assert_eq!(seen.calls.values().sum::<u64>(), expected.values().map(|calls| u64::from(*calls)).sum::<u64>());
    assert!(seen.throttled.is_empty(), "{:?}", seen.throttled);

    let warm = fleet(&clients, &cache);
    warm.observe(&name("big"), Depth::Full).await.unwrap();
    assert_eq!(u64::from(warm.counts().total().calls), 81 - 60 - 1 - 2);
    let switch = fleet(&clients, &cache);
    switch.observe(&name("big"), Depth::Switch).await.unwrap();
    assert_eq!(switch.counts().total().calls, 1 + 1 + 6 + 1 + 2 + 2);
}

#[tokio::test]
async fn an_account_that_throttles_is_read_whole_all_the_same() {
    let (sim, clients) = account(DEMO).await;
    let fault = serde_json::json!({ "fault": "throttle", "action": "ecs:DescribeServices", "times": 2 });
    let fault = serde_json::from_value(fault).unwrap();
    sim.with_world(|world| world.set_fault(fault, true, &["ecs:DescribeServices"])).unwrap();
    let fleet = fleet(&clients, &Arc::default());
    let shop = fleet.observe(&name("shop"), Depth::Full).await.unwrap();
    assert_eq!(shop.gaps, []);
    assert_eq!(fleet.counts().total().throttled, 2);
}

/// `cargo xtask demo` promises a service for each rule, named after it, that no other rule keeps
/// from Spot. (It makes those of the cluster `data` itself while it runs.)
#[tokio::test]
async fn the_demo_has_a_service_for_each_rule() {
    let (_sim, clients) = account(include_str!("../../../xtask/demo/account.yaml")).await;
    let policy = policy::parse(include_str!("../../../xtask/demo/policy.yaml")).unwrap();
    let shop = fleet(&clients, &Arc::default()).observe(&name("shop"), Depth::Full).await.unwrap();
    assert_eq!(shop.gaps, []);
    let memory = Memory::default();
    let mut found = BTreeMap::new();
    for assessment in assess(&policy, &shop, &memory, Timestamp::now()) {
        let blocks = assessment.verdicts.iter().filter(|verdict| verdict.level == Level::Block);
        let blocks: Vec<String> = blocks.map(|verdict| verdict.rule.to_string().replace('_', "-")).collect();
        found.insert(assessment.service.name.to_string(), blocks);
    }
    let warns = ["replaceable", "image", "discovery"];
    let free = ["web", "api", "thumbnails"];
    assert_eq!(found.len(), 16, "{found:?}");
    for (service, blocks) in found {
        match warns.contains(&service.as_str()) || free.contains(&service.as_str()) {
            true => assert_eq!(blocks, [""; 0], "{service}"),
            false => assert_eq!(blocks, [service.as_str()], "{service}"),
        }
    }
}

/// 500 notices at once: three calls for all their instances, whether EC2 knows them or not, and a
/// directory that the events of the next minutes have for nothing.
#[tokio::test]
async fn what_stands_behind_a_storm_of_events_is_read_in_few_calls() {
    let (sim, clients) = account(DEMO).await;
    let cache: Arc<MemoryCache> = Arc::default();
    let known = sim.with_world(|world| world.instances.keys().cloned().collect::<Vec<_>>());
    assert!(known.len() >= 3, "{known:?}");
    let forgotten = (known.len()..500).map(|number| format!("i-{number:017x}"));
    let ids: BTreeSet<InstanceId> =
        known.iter().cloned().chain(forgotten).map(|id| InstanceId::parse(&id).unwrap()).collect();
    assert_eq!(ids.len(), 500);
    let calls = |fleet: &SimFleet| -> BTreeMap<&str, u32> {
        fleet.counts().by_action.into_iter().map(|(action, count)| (action.name(), count.calls)).collect()
    };

    let storm = fleet(&clients, &cache);
    let found = storm.instances(&ids).await.unwrap();
    assert_eq!(found.len(), known.len(), "those that EC2 has forgotten spoil nothing");
    assert_eq!(calls(&storm), BTreeMap::from([("ec2:DescribeInstances", 3)]));
    let groups: BTreeSet<String> =
        found.values().filter_map(|instance| instance.launched_by.group()).map(str::to_owned).collect();
    assert!(found.values().all(|instance| instance.launched_by != LaunchedBy::Other), "{found:?}");
    let directory = storm.directory(&groups).await.unwrap();
    assert!(groups.iter().all(|group| directory.has_group(group)), "{directory:?}");
    let of_directory = BTreeMap::from([
        ("autoscaling:DescribeAutoScalingGroups", 1),
        ("ec2:DescribeInstances", 3),
        ("ec2:DescribeLaunchTemplateVersions", calls(&storm)["ec2:DescribeLaunchTemplateVersions"]),
        ("ecs:DescribeCapacityProviders", 1),
        ("ecs:DescribeClusters", 1),
        ("ecs:ListClusters", 1),
    ]);
    assert_eq!(calls(&storm), of_directory);

    let later = fleet(&clients, &cache);
    assert_eq!(later.directory(&groups).await.unwrap(), directory);
    assert_eq!(calls(&later), BTreeMap::new(), "it is in the cache");
    // A group that it lacks may be new; a directory of this minute says that it is somebody else's.
    let foreign = BTreeSet::from(["eks-nodes".to_owned()]);
    assert_eq!(later.directory(&foreign).await.unwrap(), directory);
    assert_eq!(calls(&later), BTreeMap::new());
}
