//! The interruption recorder's handler on the simulated account: the documented samples, events twice
//! and in any order, storms, and what goes wrong on the way.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use aws_sim::world::World;
use interruption_recorder::{Message, Recorded, handle};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::Policy;
use spotkeeper_core::ports::Clock as _;
use spotkeeper_core::signals::{Occurrence, OccurrenceKind};
use spotkeeper_core::verify::Sign;
use spotkeeper_virtual_time::ports::{FaultKind, FaultRule, Ports};
use spotkeeper_virtual_time::simulation::{Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

/// The time of the samples.
const NOON: &str = "2026-01-15T12:00:00Z";

fn noon() -> Timestamp {
    NOON.parse().unwrap()
}

/// A cluster with so many Spot instances, and Fargate.
fn world(instances: u32) -> World {
    let account = json!({
        "settings": { "throttling": "off" },
        "launchTemplates": [{ "name": "spot-template", "instanceType": "m5.large" }],
        "autoScalingGroups": [{
            "name": "asg-spot", "cluster": "shop", "launchTemplate": "spot-template", "minSize": instances, "maxSize": 1_000,
            "desiredCapacity": instances,
            "instancesDistribution": { "onDemandBaseCapacity": 0, "onDemandPercentageAboveBaseCapacity": 0 },
        }],
        "capacityProviders": [{ "name": "spot", "autoScalingGroupProvider": { "autoScalingGroup": "asg-spot" } }],
        "clusters": [{ "clusterName": "shop", "capacityProviders": ["FARGATE", "FARGATE_SPOT", "spot"] }],
    });
    aws_sim::account::parse(&account.to_string(), "test", noon()).unwrap()
}

fn simulation(instances: u32) -> Simulation {
    Simulation::start(world(instances), Tables::new(Ok(Policy::default())), 7)
}

/// Hands a batch to the function.
async fn record(simulation: &Simulation, messages: &[Message]) -> Recorded {
    let run = RunId::parse("events").unwrap();
    let ports = Ports::new(simulation.clone(), Function::InterruptionRecorder, run);
    handle(&ports, &ports, &ports, &ports, &ports, messages).await
}

fn message(id: &str, event: &Value) -> Message {
    Message { id: id.to_owned(), body: event.to_string() }
}

fn samples() -> BTreeMap<String, Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/interruption-recorder/samples");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap())
    };
    files.map(read).collect()
}

fn warning(instance: &str) -> Value {
    json!({
        "version": "0", "id": format!("event-{instance}"), "source": "aws.ec2", "time": NOON,
        "detail-type": "EC2 Spot Instance Interruption Warning",
        "detail": { "instance-id": instance, "instance-action": "terminate" },
    })
}

/// A warning for each instance of the account.
fn warnings(simulation: &Simulation) -> Vec<Message> {
    let ids: Vec<String> = simulation.with(|inner| inner.world.instances.keys().cloned().collect());
    ids.iter().map(|id| message(&format!("m-{id}"), &warning(id))).collect()
}

fn task(number: u32) -> Value {
    json!({
        "version": "0", "id": format!("event-{number}"), "source": "aws.ecs", "time": NOON,
        "detail-type": "ECS Task State Change",
        "detail": {
            "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/shop",
            "taskArn": format!("arn:aws:ecs:eu-west-1:123456789012:task/shop/{number}"),
            "group": "service:web", "launchType": "FARGATE", "capacityProviderName": "FARGATE_SPOT",
            "stopCode": "SpotInterruption", "stoppedReason": "Your Spot Task was interrupted.",
        },
    })
}

fn tasks(count: u32) -> Vec<Message> {
    (0..count).map(|number| message(&format!("t-{number}"), &task(number))).collect()
}

fn kept(simulation: &Simulation) -> Vec<Occurrence> {
    simulation.with(|inner| inner.tables.occurrences.values().cloned().collect())
}

fn starts(simulation: &Simulation) -> Vec<(String, Value)> {
    let text = |(name, input): &(RunId, Value)| (name.to_string(), input.clone());
    simulation.with(|inner| inner.starts.iter().map(text).collect())
}

fn goes_wrong(simulation: &Simulation, kind: FaultKind, port: &str, times: u32) {
    let rule = FaultRule {
        kind,
        function: None,
        port: Some(port.to_owned()),
        call: None,
        from: Timestamp::MIN,
        until: Timestamp::MAX,
        times,
        per_mille: 1_000,
    };
    simulation.with(|inner| inner.faults.rules.push(rule));
}

#[test]
fn the_documented_samples_are_kept_once_whatever_their_order() {
    use OccurrenceKind::{InstanceInterruption, PlacementFailure, RebalanceRecommendation, TaskInterruption};
    in_virtual_time(async {
        let expected = [
            (None, InstanceInterruption, None, None, None),
            (None, RebalanceRecommendation, None, None, None),
            (Some("FargateCluster"), TaskInterruption, Some("FARGATE_SPOT"), Some("web"), None),
            (Some("default"), TaskInterruption, Some("FARGATE_SPOT"), None, None),
            (Some("default"), PlacementFailure, Some("FARGATE_SPOT"), Some("servicetest"), Some(Sign::SpotCapacity)),
        ];
        let samples = samples();
        let forwards: Vec<Message> = samples.iter().map(|(name, event)| message(name, event)).collect();
        let backwards: Vec<Message> = forwards.iter().rev().cloned().collect();
        for messages in [&forwards, &backwards] {
            let simulation = simulation(1);
            let recorded = record(&simulation, messages).await;
            // The shortage is young: it is looked at again when it may be a drought.
            assert_eq!(recorded.failed, BTreeSet::from(["placement-failure".to_owned()]));
            // Of the task's three events one counts; the group of the failed launch is nobody's here.
            assert_eq!((recorded.kept, recorded.known, recorded.malformed), (5, 2, 0), "{recorded:?}");
            let ignored = BTreeMap::from([("elsewhere", 1), ("other_action", 2), ("other_stop", 1)]);
            assert_eq!(recorded.ignored, ignored);
            let found = kept(&simulation);
            let found: Vec<_> = found
                .iter()
                .map(|one| {
                    let cluster = one.cluster.as_ref().map(ClusterName::as_str);
                    let provider = one.provider.as_ref().map(|name| name.as_str());
                    (cluster, one.kind, provider, one.service.as_deref(), one.sign)
                })
                .collect();
            assert_eq!(found, expected);
            let again = record(&simulation, messages).await;
            assert_eq!((again.kept, again.known), (0, 7), "the same once more");
            assert_eq!(kept(&simulation).len(), 5);
        }
    })
    .unwrap();
}

/// At five milliseconds a call or a hundred: what is batched is one call, and the rest overlaps.
#[test]
fn five_hundred_notices_at_once_are_recorded_in_seconds() {
    in_virtual_time(async {
        let simulation = simulation(500);
        let messages = warnings(&simulation);
        assert_eq!(messages.len(), 500);
        let (begun, calls) = (simulation.clock.now(), simulation.with(|inner| inner.calls));
        let recorded = record(&simulation, &messages).await;
        let took = simulation.clock.now().duration_since(begun);
        let calls = simulation.with(|inner| inner.calls) - calls;
        assert_eq!((recorded.kept, recorded.failed.len()), (500, 0));
        assert_eq!(recorded.early_run.len(), 1, "a storm in one cluster");
        // Instances, directory, 500 puts, metrics, occurrences, policy, the right to start, the start.
        assert_eq!(calls, 1 + 1 + 500 + 1 + 1 + 1 + 1 + 1);
        assert!(took < SignedDuration::from_secs(5), "it took {took:#}");
        let found = kept(&simulation);
        let named = |one: &Occurrence| one.provider.as_ref().is_some_and(|name| name.as_str() == "spot");
        assert!(found.iter().all(|one| named(one) && one.pool.is_some() && one.cluster.is_some()), "{found:?}");
        eprintln!("500 notices: {calls} calls, {took:#}");
    })
    .unwrap();
}

#[test]
fn instances_that_ec2_has_forgotten_spoil_nothing() {
    in_virtual_time(async {
        let simulation = simulation(2);
        let mut messages = warnings(&simulation);
        messages.push(message("forgotten", &warning("i-00000000000000000")));
        let recorded = record(&simulation, &messages).await;
        assert_eq!((recorded.kept, recorded.failed.len()), (3, 0));
        let pools = kept(&simulation).iter().filter(|one| one.pool.is_some()).count();
        assert_eq!(pools, 2);
    })
    .unwrap();
}

#[test]
fn what_cannot_be_read_is_counted_and_never_comes_again() {
    in_virtual_time(async {
        let simulation = simulation(1);
        let mut unknown = warning("i-0123456789abcdef0");
        unknown["detail-type"] = json!("EC2 Instance State-change Notification");
        let messages = [
            Message { id: "1".to_owned(), body: "not JSON".to_owned() },
            Message { id: "2".to_owned(), body: String::new() },
            Message { id: "3".to_owned(), body: format!("\"{}\"", "x".repeat(1 << 20)) },
            message("4", &json!({ "source": "aws.ec2" })),
            message("5", &unknown),
            message("6", &task(1)),
        ];
        let recorded = record(&simulation, &messages).await;
        assert_eq!((recorded.malformed, recorded.kept, recorded.failed.len()), (5, 1, 0));
    })
    .unwrap();
}

/// Only what needs the answer waits for it, and is kept when it comes again.
#[test]
fn what_may_be_done_later_comes_again_and_nothing_else() {
    let cases = [
        // name, what goes wrong, how, messages that come again, occurrences kept at first
        ("instances are throttled", "inventory.instances", FaultKind::Throttle, 3, 2),
        ("the instances' answer is lost", "inventory.instances", FaultKind::LoseAnswer, 3, 2),
        ("the directory is throttled", "inventory.directory", FaultKind::Throttle, 3, 2),
        ("the table fails", "state.put_occurrence", FaultKind::Fail, 5, 0),
        ("the table's answers are lost", "state.put_occurrence", FaultKind::LoseAnswer, 5, 5),
        ("the metrics fail", "telemetry.spot_events", FaultKind::Fail, 0, 5),
        ("the occurrences cannot be read", "state.occurrences", FaultKind::Fail, 5, 5),
        ("the right cannot be taken", "state.take_early_run", FaultKind::Fail, 5, 5),
        ("the start is throttled", "orchestrator.start_run", FaultKind::Throttle, 5, 5),
        ("the start's answer is lost", "orchestrator.start_run", FaultKind::LoseAnswer, 5, 5),
    ];
    for (name, port, kind, again, kept_at_first) in cases {
        in_virtual_time(async {
            let simulation = simulation(3);
            let mut messages = warnings(&simulation);
            messages.extend(tasks(2));
            // With these two the three instances are a storm of their provider; the two tasks are none.
            let extra: Vec<Occurrence> = (0..2)
                .map(|number| Occurrence {
                    id: format!("i-before-{number}"),
                    kind: OccurrenceKind::InstanceInterruption,
                    at: noon(),
                    cluster: ClusterName::parse("shop").ok(),
                    provider: spotkeeper_core::ids::ProviderName::parse("spot").ok(),
                    service: None,
                    pool: None,
                    sign: None,
                })
                .collect();
            simulation.with(|inner| {
                let keyed = extra.into_iter().map(|one| ((one.cluster.clone(), one.kind, one.id.clone()), one));
                inner.tables.occurrences.extend(keyed);
            });
            goes_wrong(&simulation, kind, port, 5);
            let first = record(&simulation, &messages).await;
            assert_eq!(first.failed.len(), again, "{name}: {first:?}");
            assert_eq!(kept(&simulation).len(), 2 + kept_at_first, "{name}");
            simulation.with(|inner| inner.faults.rules.clear());
            let failed: Vec<Message> =
                messages.iter().filter(|message| first.failed.contains(&message.id)).cloned().collect();
            let second = record(&simulation, &failed).await;
            assert_eq!(second.failed.len(), 0, "{name}: {second:?}");
            assert_eq!(kept(&simulation).len(), 2 + 5, "{name}");
            assert_eq!(starts(&simulation).len(), 1, "{name}: one early run, and not two");
        })
        .unwrap();
    }
}

/// ECS may tell of a shortage but once: its message waits in the queue until it may be a drought.
#[test]
fn a_shortage_starts_an_early_run_when_it_has_lasted() {
    let cases = [
        // name, `drought_seconds`, early runs at first and after six minutes, whether it waits at first
        ("the default", 300, (0, 1), true),
        // One that comes twice while it is news, and after the cool-down, starts another.
        ("no time at all", 0, (1, 1), false),
        ("longer than messages may wait", 1_201, (0, 0), false),
    ];
    for (name, drought, runs, waits) in cases {
        in_virtual_time(async {
            let simulation = simulation(1);
            simulation.with(|inner| {
                let policy = inner.tables.policy.as_mut().unwrap();
                policy.verify.drought_seconds = spotkeeper_core::units::Seconds(drought);
            });
            let messages = [message("short", &samples()["placement-failure"])];
            let first = record(&simulation, &messages).await;
            assert_eq!((first.kept, first.failed.len()), (1, usize::from(waits)), "{name}: {first:?}");
            simulation.sleep_until(noon() + SignedDuration::from_mins(6)).await;
            let second = record(&simulation, &messages).await;
            assert_eq!((second.known, second.failed.len()), (1, 0), "{name}: {second:?}");
            assert_eq!((first.early_run.len(), second.early_run.len()), runs, "{name}");
        })
        .unwrap();
    }
}

/// What is known without the instances does not wait for them, and is looked up all the same.
#[test]
fn a_failed_launch_does_not_wait_for_instances() {
    in_virtual_time(async {
        let simulation = simulation(1);
        let mut launch = samples()["launch-unsuccessful"].clone();
        launch["detail"]["AutoScalingGroupName"] = json!("asg-spot");
        let mut messages = warnings(&simulation);
        messages.push(message("launch", &launch));
        goes_wrong(&simulation, FaultKind::Throttle, "inventory.instances", 1);
        let recorded = record(&simulation, &messages).await;
        assert_eq!(recorded.kept, 1, "{recorded:?}");
        assert_eq!(recorded.failed, messages.iter().map(|message| message.id.clone()).collect(), "the launch may last");
        let kept = kept(&simulation);
        assert_eq!(kept[0].provider.as_ref().map(|name| name.as_str()), Some("spot"), "{kept:?}");
        assert!(kept[0].cluster.is_some() && kept[0].is_shortage(), "{kept:?}");
    })
    .unwrap();
}

#[test]
fn a_storm_starts_one_early_run_of_a_cluster_in_a_cool_down() {
    in_virtual_time(async {
        let simulation = simulation(1);
        let four = record(&simulation, &tasks(4)).await;
        assert_eq!(four.early_run.len(), 0, "four wait for the schedule");
        let fifth = record(&simulation, &[message("fifth", &task(4))]).await;
        assert_eq!(fifth.early_run.len(), 1);
        let started = starts(&simulation);
        assert_eq!(started.len(), 1);
        assert_eq!(started[0].1, json!({ "clusters": ["shop"] }));

        let at_once = |minute: i64, numbers: std::ops::Range<u32>| -> Vec<Message> {
            let at = noon() + SignedDuration::from_mins(minute);
            numbers
                .map(|number| {
                    let mut event = task(number);
                    event["time"] = json!(at.to_string());
                    message(&format!("t-{number}"), &event)
                })
                .collect()
        };
        simulation.sleep_until(noon() + SignedDuration::from_mins(4)).await;
        let soon = record(&simulation, &at_once(4, 100..110)).await;
        assert_eq!((soon.kept, soon.early_run.len(), soon.failed.len()), (10, 0, 0), "not long ago");
        simulation.sleep_until(noon() + SignedDuration::from_mins(6)).await;
        let later = record(&simulation, &at_once(6, 200..210)).await;
        assert_eq!(later.early_run.len(), 1, "after the cool-down");
        assert_eq!(starts(&simulation).len(), 2);
    })
    .unwrap();
}

#[test]
fn an_early_run_keeps_to_the_clusters_of_the_policy() {
    let cases = [
        ("all", json!({}), 1),
        ("this one", json!({ "clusters": ["shop"] }), 1),
        ("others", json!({ "clusters": ["data"] }), 0),
    ];
    for (name, policy, runs) in cases {
        in_virtual_time(async {
            let simulation = simulation(1);
            let policy = spotkeeper_core::policy::checked(policy).unwrap();
            simulation.with(|inner| inner.tables.policy = Ok(policy));
            let recorded = record(&simulation, &tasks(5)).await;
            assert_eq!((recorded.early_run.len(), recorded.failed.len()), (runs, 0), "{name}");
        })
        .unwrap();
    }
    in_virtual_time(async {
        let simulation = simulation(1);
        simulation.with(|inner| inner.tables.policy = Err(Vec::new()));
        assert_eq!(record(&simulation, &tasks(5)).await.early_run.len(), 1, "a mistaken policy makes a dry run");
    })
    .unwrap();
}

/// Dead at any of its calls, the batch comes again: nothing is lost, and nothing counts twice.
#[test]
fn a_recorder_dead_at_any_of_its_calls_loses_nothing() {
    for kind in [FaultKind::DieBefore, FaultKind::DieAfter] {
        let mut call = 0;
        loop {
            call += 1;
            let died = in_virtual_time(async {
                let simulation = simulation(5);
                let messages = warnings(&simulation);
                let rule = FaultRule::at_call(Function::InterruptionRecorder, call, kind, 1);
                simulation.with(|inner| inner.faults.rules.push(rule));
                let ports = Ports::new(simulation.clone(), Function::InterruptionRecorder, RunId::parse("e").unwrap());
                let died = tokio::select! {
                    biased;
                    _ = handle(&ports, &ports, &ports, &ports, &ports, &messages) => false,
                    () = ports.died() => true,
                };
                if died {
                    let again = record(&simulation, &messages).await;
                    assert_eq!(again.failed.len(), 0, "{kind} at call {call}");
                }
                assert_eq!(kept(&simulation).len(), 5, "{kind} at call {call}");
                // The right to start dies with what took it: the schedule is there for that.
                let storm_was_seen = simulation.with(|inner| !inner.tables.early_runs.is_empty());
                assert!(starts(&simulation).len() <= 1, "{kind} at call {call}");
                assert!(storm_was_seen, "{kind} at call {call}");
                died
            })
            .unwrap();
            if !died {
                break;
            }
        }
        assert!(call > 10, "{kind}: {call} calls");
    }
}
