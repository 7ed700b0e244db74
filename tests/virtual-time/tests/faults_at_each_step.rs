//! At each call of each function an answer is lost, AWS throttles, the call fails or stalls, and
//! functions die under other readings of what AWS leaves undocumented: every run ends, every promise
//! holds, and a service on Fargate and one on groups both end whole.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use aws_sim::world::World;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::{Policy, checked};
use spotkeeper_core::record::Outcome;
use spotkeeper_virtual_time::day::{Day, Happening, live};
use spotkeeper_virtual_time::ports::{FaultKind, FaultRule};
use spotkeeper_virtual_time::promises::{deploying, placement, spot_tasks};
use spotkeeper_virtual_time::simulation::{Inner, Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

/// A service on Fargate and one on a pair of groups, which move in one wave.
fn world(settings: &Value) -> World {
    let service = |name: &str, on_demand: &str| {
        json!({
            "cluster": "shop", "serviceName": name, "taskDefinition": name, "desiredCount": 4,
            "capacityProviderStrategy": [{ "capacityProvider": on_demand, "weight": 1 }],
            "deploymentConfiguration": { "minimumHealthyPercent": 50, "maximumPercent": 200 },
            "tags": [{ "key": "spotkeeper:enabled", "value": "true" }],
        })
    };
    let definition = |name: &str, on: &str| {
        json!({
            "family": name, "cpu": 512, "memory": 1024, "networkMode": "awsvpc", "requiresCompatibilities": [on],
            "containerDefinitions": [{ "name": "app", "image": "app:1", "stopTimeout": 20 }],
        })
    };
    let provider = |name: &str| {
        let group = json!({ "autoScalingGroup": name, "managedScaling": { "status": "ENABLED" } });
        json!({ "name": name, "autoScalingGroupProvider": group })
    };
    let account = json!({
        "settings": settings,
        "launchTemplates": [{ "name": "shop-od", "instanceType": "m5.large" }, { "name": "shop-spot", "instanceType": "m5.large" }],
        "autoScalingGroups": [
            { "name": "od", "cluster": "shop", "launchTemplate": "shop-od", "minSize": 1, "maxSize": 20 },
            {
                "name": "spot", "cluster": "shop", "launchTemplate": "shop-spot", "maxSize": 20,
                "instanceTypes": ["m5.large", "m6i.large", "m5.xlarge"],
                "instancesDistribution": { "onDemandBaseCapacity": 0, "onDemandPercentageAboveBaseCapacity": 0 },
            },
        ],
        "capacityProviders": [provider("od"), provider("spot")],
        "clusters": [{ "clusterName": "shop", "capacityProviders": ["FARGATE", "FARGATE_SPOT", "od", "spot"] }],
        "taskDefinitions": [definition("web", "FARGATE"), definition("api", "EC2")],
        "services": [service("web", "FARGATE"), service("api", "od")],
    });
    aws_sim::account::parse(&account.to_string(), "test", Timestamp::from_second(1_767_225_600).unwrap()).unwrap()
}

fn policy() -> Policy {
    checked(json!({
        "mode": "active",
        "control": { "placement_score": "optional", "raise_after_seconds": 0 },
        "budget": { "ceiling_percent": 100, "step_percent": 100, "service_percent": 50, "blast_radius_percent": 100 },
        "pace": { "restart_percent": 100 },
        "verify": { "dwell_seconds": 30, "max_deadline_seconds": 900, "unconfirmed_seconds": 60 },
    }))
    .unwrap()
}

/// As the simulator has it where nothing is said.
fn usual() -> Value {
    json!({ "throttling": "off" })
}

/// The worst for On-Demand, and for whoever counts tasks.
fn unkind() -> Value {
    json!({
        "throttling": "off", "rounding": "favourSpot", "scaleIn": "onDemandFirst", "fargateDrought": "noTask",
        "stopBeforeStart": "always", "forcedDeploymentResolvesImages": false, "provisioningCountsAsPending": false,
        "fargateSpotStop": "sigtermFirst", "fargateSpotStopCode": "TerminationNotice",
    })
}

/// Everything takes its time.
fn slow() -> Value {
    json!({
        "throttling": "off", "rounding": "lastListed", "scaleIn": "oldest", "jitterPercent": 40,
        "fargateLaunchesPerSecond": 1.0, "fargateLaunchBurst": 1.0, "serviceLaunchesPerMinute": 6,
        "durations": {
            "provisioning": 40.0, "pending": 60.0, "instanceLaunch": 150.0, "managedScaling": 60.0,
            "schedulerTick": 5.0, "placementRetry": 60.0,
        },
    })
}

/// What goes wrong, and where.
#[derive(Debug, Clone, Copy)]
struct Trouble {
    function: Function,
    call: u32,
    kind: FaultKind,
}

/// Two hours in which both services move up, and an hour in which a switch brings them down. Whether
/// anything went wrong.
fn lives_with(trouble: Trouble, settings: &Value) -> bool {
    let rule = FaultRule::at_call(trouble.function, trouble.call, trouble.kind, 1);
    let switch = json!({ "switch": { "scope": "all", "state": "on", "reason": "a drill" } });
    let day = Day {
        schedule: Some(SignedDuration::from_mins(15)),
        scores: None,
        duration: SignedDuration::from_hours(3),
        happenings: vec![
            (SignedDuration::ZERO, Happening::Ports(rule)),
            (SignedDuration::from_hours(2), Happening::Start(switch)),
        ],
    };
    in_virtual_time(async {
        let simulation = Simulation::start(world(settings), Tables::new(Ok(policy())), 7);
        let watched = simulation.clone();
        let told = format!("{trouble:?} under {settings}");
        let before_the_switch = told.clone();
        tokio::task::spawn_local(async move {
            watched.sleep_until(watched.clock.origin() + SignedDuration::from_mins(119)).await;
            watched.with(|inner| is_whole(inner, 2, &before_the_switch));
        });
        live(&simulation, &day).await;
        simulation.with(|inner| {
            is_whole(inner, 0, &told);
            inner.promises.coverage.faults > 0
        })
    })
    .unwrap()
}

/// No promise is broken, nothing is under way, and each service has so many of its four tasks on Spot.
fn is_whole(inner: &Inner, spot: u32, told: &str) {
    let told = || format!("{told}\n{}", inner.journal.tail(40));
    assert_eq!(inner.promises.broken(), [], "{}", told());
    for key in inner.world.service_keys() {
        let service = inner.world.written_service(key).unwrap();
        assert_eq!(deploying(service), None, "{key}, {}", told());
        let found = spot_tasks(&inner.world, service);
        assert_eq!(found, (spot, 4 - spot), "{key} is placed by {:?}, {}", placement(service), told());
    }
    let ledgers: Vec<_> = inner.tables.ledgers.values().collect();
    assert_eq!(ledgers.len(), 2, "{}", told());
    assert!(ledgers.iter().all(|ledger| ledger.open.is_none()), "a move is open, {}", told());
    let runs = inner.tables.runs.values().filter(|run| run.ended.is_none());
    assert_eq!(runs.map(|run| run.id.as_str()).collect::<Vec<_>>(), [""; 0], "{}", told());
    let alarmed = inner.tables.moves.values().filter(|record| record.outcome.is_some_and(Outcome::alarms)).count();
    assert_eq!(alarmed, 0, "{}", told());
}

/// Every call of a function in turn, until one has none so late.
fn at_every_step(function: Function, kinds: &[FaultKind], settings: &Value) {
    for kind in kinds {
        let mut calls = 0;
        while lives_with(Trouble { function, call: calls + 1, kind: *kind }, settings) {
            calls += 1;
        }
        assert!(calls >= 5, "{function:?} makes {calls} calls");
    }
}

/// Short of death.
const FAULTS: [FaultKind; 4] =
    [FaultKind::LoseAnswer, FaultKind::Throttle, FaultKind::Fail, FaultKind::Stall { seconds: 100 }];
const DEATHS: [FaultKind; 2] = [FaultKind::DieBefore, FaultKind::DieAfter];
/// All that work on moves.
const OTHERS: [Function; 3] = [Function::Determiner, Function::StabilityChecker, Function::Recorder];

#[test]
fn s8_every_move_ends_whatever_goes_wrong_at_any_call_of_an_updater() {
    at_every_step(Function::Updater, &FAULTS, &usual());
}

#[test]
fn s8_every_move_ends_whatever_goes_wrong_at_any_call_of_the_other_functions() {
    OTHERS.into_iter().for_each(|function| at_every_step(function, &FAULTS, &usual()));
}

#[test]
fn s12_functions_dead_at_any_step_lose_nothing_under_the_least_kind_settings() {
    Function::ALL.into_iter().filter(works_on_moves).for_each(|function| at_every_step(function, &DEATHS, &unkind()));
}

#[test]
fn s12_functions_dead_at_any_step_lose_nothing_where_all_is_slow() {
    Function::ALL.into_iter().filter(works_on_moves).for_each(|function| at_every_step(function, &DEATHS, &slow()));
}

fn works_on_moves(function: &Function) -> bool {
    *function == Function::Updater || OTHERS.contains(function)
}
