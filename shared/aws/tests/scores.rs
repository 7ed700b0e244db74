//! Spot providers and placement scores over HTTP against the simulated EC2.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod account;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sim::wire::Sim;
use aws_sim::world::faults::Fault;
use jiff::Timestamp;
use serde_json::json;
use spotkeeper_aws::client::{ApiLimits, Clients};
use spotkeeper_aws::fleet::{AwsFleet, MemoryCache};
use spotkeeper_core::observe::{Architecture, Cluster, Reading};
use spotkeeper_core::ports::{Clock, Fleet as _, SpotMarket as _};
use spotkeeper_core::signals::{Launches, ScoreQuery, ScoreRefusal, Scored, SpotInstances, SpotProvider, Wanted};
use spotkeeper_core::units::Percent;

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

async fn account(yaml: &str) -> (Sim, Clients) {
    let world = aws_sim::account::parse(yaml, "test", Timestamp::now()).unwrap();
    account::serve(world, aws_sim::Speed::new(20.0).unwrap()).await
}

fn fleet(clients: &Clients) -> AwsFleet<Arc<MemoryCache>, Wall> {
    let limits = ApiLimits { rate_percent: Percent::saturating(80), invocations: 1, readers: 1 };
    AwsFleet::new(clients.clone(), Arc::default(), limits, Wall)
}

const DEMO: &str = include_str!("../../../sim/accounts/demo.yaml");

async fn cluster(fleet: &AwsFleet<Arc<MemoryCache>, Wall>, name: &str) -> Cluster {
    fleet.clusters().await.unwrap().into_iter().find(|one| one.name.as_str() == name).unwrap()
}

fn query(wanted: Wanted, capacity: u32, of: Scored) -> ScoreQuery {
    ScoreQuery { region: "eu-west-1".to_owned(), wanted, capacity, of }
}

fn types(names: &[&str]) -> Wanted {
    Wanted::Types(names.iter().map(|name| (*name).to_owned()).collect())
}

const THREE: [&str; 3] = ["m5.large", "m5.xlarge", "m6i.large"];

fn deny(sim: &Sim, action: &str, on: bool) {
    let fault: Fault = serde_json::from_value(json!({ "fault": "deny", "action": action })).unwrap();
    sim.with_world(|world| world.set_fault(fault, on, &[action])).unwrap();
}

#[tokio::test]
async fn the_spot_providers_of_a_cluster_and_what_they_launch() {
    let (sim, clients) = account(DEMO).await;
    let launches = |one: &SpotProvider| (one.name.as_str().to_owned(), one.launches.known().cloned());
    let fleet = fleet(&clients);
    let shop = cluster(&fleet, "shop").await;
    let read: BTreeMap<_, _> = fleet.spot_providers(&shop).await.iter().map(launches).collect();
    let spot = SpotInstances {
        wanted: types(&THREE),
        max_size: 20,
        zones: ["eu-west-1a", "eu-west-1b", "eu-west-1c"].map(str::to_owned).into(),
        lowest_price: false,
    };
    let expected = [
        ("FARGATE_SPOT".to_owned(), Some(Launches::fargate_spot())),
        ("spot".to_owned(), Some(Launches::Instances(spot))),
    ];
    assert_eq!(read, BTreeMap::from(expected), "and neither FARGATE nor the On-Demand group");
    let batch = cluster(&fleet, "batch").await;
    let read: BTreeMap<_, _> = fleet.spot_providers(&batch).await.iter().map(launches).collect();
    assert_eq!(read.get("mi-spot"), Some(&Some(Launches::managed_instances())));
    assert_eq!(read.len(), 2, "{read:?}");

    // A group that cannot be read may be Spot or not: both of the cluster's.
    deny(&sim, "autoscaling:DescribeAutoScalingGroups", true);
    let read = fleet.spot_providers(&shop).await;
    let missing: Vec<&str> = read
        .iter()
        .filter(|one| matches!(&one.launches, Reading::Missing(gap) if gap.action == "autoscaling:DescribeAutoScalingGroups"))
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(missing, ["od", "spot"], "{read:?}");
}

#[tokio::test]
async fn scores_come_for_types_and_for_requirements() {
    let (_sim, clients) = account(DEMO).await;
    let fleet = fleet(&clients);
    let names = fleet.zone_names().await.unwrap();
    assert_eq!(names.get("euw1-az1").map(String::as_str), Some("eu-west-1a"));
    let ask = async |wanted, of| fleet.placement_scores(&query(wanted, 32, of)).await.unwrap();
    let zones = ask(types(&THREE), Scored::Zones).await;
    let ids: Vec<&str> = zones.iter().filter_map(|one| one.zone_id.as_deref()).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| names.contains_key(*id)) && zones.iter().all(|one| one.score == 10), "{zones:?}");
    let region = ask(types(&THREE), Scored::Region).await;
    assert_eq!((region.len(), region[0].zone_id.as_deref(), region[0].score), (1, None, 10));
    let few = ask(types(&THREE[..2]), Scored::Zones).await;
    assert!(few.iter().all(|one| one.score <= 3), "{few:?}");
    let elsewhere = ScoreQuery { region: "eu-north-1".to_owned(), ..query(types(&THREE), 32, Scored::Zones) };
    assert_eq!(fleet.placement_scores(&elsewhere).await.unwrap(), []);

    let required = |architecture, vcpus: u32| Wanted::Requirements {
        architectures: [architecture].into(),
        requirements: serde_json::from_value(json!({
            "MemoryMiB": { "Min": 2048 },
            "VCpuCount": { "Min": 2, "Max": vcpus },
        }))
        .unwrap(),
    };
    assert_eq!(ask(required(Architecture::X8664, 8), Scored::Zones).await.len(), 3);
    // Requirements that no three types meet are refused, not scored.
    let query = query(required(Architecture::X8664, 1), 32, Scored::Zones);
    let refused = fleet.placement_scores(&query).await.unwrap_err();
    assert!(matches!(&refused, ScoreRefusal::Failed { detail } if detail.contains("at least 3")), "{refused:?}");
}

#[tokio::test]
async fn what_ec2_refuses_or_leaves_out_is_told_apart() {
    let (sim, clients) = account(DEMO).await;
    let fleet = fleet(&clients);
    let ask = async |capacity| fleet.placement_scores(&query(types(&THREE), capacity, Scored::Zones)).await;
    sim.with_world(|world| world.settings.spot_placement_configurations_per_day = 1);
    assert!(ask(1).await.is_ok());
    assert_eq!(ask(2).await, Err(ScoreRefusal::MaxConfigLimitExceeded));
    assert!(ask(1).await.is_ok(), "one of the last 24 hours goes on");

    sim.with_world(|world| world.settings.spot_placement_absent_zones = vec!["eu-west-1b".to_owned()]);
    let left: Vec<Option<String>> = ask(1).await.unwrap().into_iter().map(|one| one.zone_id).collect();
    assert_eq!(left, [Some("euw1-az1".to_owned()), Some("euw1-az3".to_owned())]);

    deny(&sim, "ec2:GetSpotPlacementScores", true);
    assert_eq!(ask(1).await, Err(ScoreRefusal::Denied { action: "ec2:GetSpotPlacementScores".to_owned() }));
    deny(&sim, "ec2:GetSpotPlacementScores", false);
    assert!(ask(1).await.is_ok());
}
