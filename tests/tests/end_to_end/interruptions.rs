//! Events about Spot capacity on their way through real rules and a real queue: into the table, and to
//! an early run.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};
use spotkeeper_tests::api::{EVENTS, SQS, STEP_FUNCTIONS};
use spotkeeper_tests::local::Local;
use spotkeeper_tests::paths::workspace;

use crate::world::{PATIENCE, POLICY, run_well, until, world};

/// The stack's rules: by name, with their patterns.
fn rules(local: &Local) -> BTreeMap<String, Value> {
    let answer = local.stack.api.call(EVENTS, "ListRules", &json!({})).unwrap();
    let rules = answer["Rules"].as_array().unwrap().iter();
    let pattern = |rule: &Value| serde_json::from_str(rule["EventPattern"].as_str().unwrap_or("{}")).unwrap();
    let named = rules.map(|rule| (rule["Name"].as_str().unwrap().to_owned(), pattern(rule)));
    named.filter(|(name, _)| name.contains("spotkeeper")).collect()
}

/// EventBridge takes no event with a source of AWS from anybody else. So the rules take one from
/// `test` as well, and pass it on as AWS's own: all else of them stays.
fn let_tests_speak_for_aws(local: &Local) {
    for (name, pattern) in rules(local) {
        let source = pattern["source"][0].as_str().unwrap().to_owned();
        let mut pattern = pattern;
        pattern["source"] = json!([source, format!("test.{source}")]);
        let targets = local.stack.api.call(EVENTS, "ListTargetsByRule", &json!({ "Rule": name })).unwrap();
        let mut target = targets["Targets"][0].clone();
        target["InputTransformer"] = json!({
            "InputPathsMap": {
                "id": "$.id", "kind": "$.detail-type", "time": "$.time", "resources": "$.resources",
                "detail": "$.detail",
            },
            "InputTemplate": format!(
                r#"{{"version":"0","id":<id>,"detail-type":<kind>,"source":"{source}","time":<time>,"resources":<resources>,"detail":<detail>}}"#
            ),
        });
        let rule = json!({ "Name": name, "EventPattern": pattern.to_string(), "State": "ENABLED" });
        local.stack.api.call(EVENTS, "PutRule", &rule).unwrap();
        let put = json!({ "Rule": name, "Targets": [target] });
        local.stack.api.call(EVENTS, "PutTargets", &put).unwrap();
    }
}

/// Puts events on the bus, ten a call.
fn put(local: &Local, events: &[(&str, &str, Value)]) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let entry = |(source, kind, detail): &(&str, &str, Value)| {
        json!({
            "Source": format!("test.{source}"), "DetailType": kind, "Detail": detail.to_string(), "Time": now,
            "Resources": ["arn:aws:ecs:us-east-1:000000000000:service/prod/web"],
        })
    };
    for batch in events.chunks(10) {
        let entries: Vec<Value> = batch.iter().map(entry).collect();
        let answer = local.stack.api.call(EVENTS, "PutEvents", &json!({ "Entries": entries })).unwrap();
        assert_eq!(answer["FailedEntryCount"], 0, "{answer}");
    }
}

fn warning(instance: &str) -> (&'static str, &'static str, Value) {
    let detail = json!({ "instance-id": instance, "instance-action": "terminate" });
    ("aws.ec2", "EC2 Spot Instance Interruption Warning", detail)
}

fn task(number: u32, status: &str) -> (&'static str, &'static str, Value) {
    let detail = json!({
        "clusterArn": "arn:aws:ecs:us-east-1:000000000000:cluster/prod", "group": "service:web",
        "taskArn": format!("arn:aws:ecs:us-east-1:000000000000:task/prod/{number}"),
        "launchType": "FARGATE", "capacityProviderName": "FARGATE_SPOT", "lastStatus": status,
        "desiredStatus": "STOPPED", "stoppedReason": "Your Spot Task was interrupted.",
    });
    ("aws.ecs", "ECS Task State Change", detail)
}

/// Those instances of the simulated account that a launch was tagged by like this.
fn instances(local: &Local, tag: &str) -> Vec<String> {
    let answer = local.simulator.api().cli(&["ec2", "describe-instances"]).unwrap();
    let all = answer["Reservations"].as_array().unwrap().iter().flat_map(|each| each["Instances"].as_array().unwrap());
    let tagged =
        all.filter(|one| one["Tags"].as_array().is_some_and(|tags| tags.iter().any(|each| each["Value"] == tag)));
    tagged.map(|one| one["InstanceId"].as_str().unwrap().to_owned()).collect()
}

fn occurrences(local: &Local, cluster: &str) -> BTreeMap<String, Value> {
    let bodies = local.stack.bodies(&format!("occurrence/{cluster}")).unwrap();
    let keyed = |body: Value| (format!("{}/{}", body["kind"].as_str().unwrap(), body["id"].as_str().unwrap()), body);
    bodies.into_iter().map(keyed).collect()
}

fn waiting(local: &Local, output: &str) -> u64 {
    let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
    let input = json!({ "QueueUrl": local.stack.output(output).unwrap(), "AttributeNames": names });
    let answer = local.stack.api.call(SQS, "GetQueueAttributes", &input).unwrap();
    let number = |name: &&str| answer["Attributes"][name].as_str().unwrap_or("0").parse::<u64>().unwrap();
    names.iter().map(number).sum()
}

fn early_runs(local: &Local) -> Vec<(String, String)> {
    let machine = local.stack.output("StateMachineArn").unwrap();
    let answer =
        local.stack.api.call(STEP_FUNCTIONS, "ListExecutions", &json!({ "stateMachineArn": machine })).unwrap();
    let executions = answer["executions"].as_array().unwrap().iter();
    let text = |each: &Value, key: &str| each[key].as_str().unwrap().to_owned();
    let named = executions.map(|each| (text(each, "name"), text(each, "executionArn")));
    named.filter(|(name, _)| name.starts_with("early-")).collect()
}

/// The patterns of the deployed rules, by EventBridge's own matching, on what AWS documents.
#[test]
fn the_rules_take_the_documented_events_and_no_others() {
    let local = world(POLICY);
    let rules = rules(&local);
    assert_eq!(rules.len(), 5, "{rules:?}");
    for entry in std::fs::read_dir(workspace().join("events/interruption-recorder/samples")).unwrap() {
        let path = entry.unwrap().path();
        let event = std::fs::read_to_string(&path).unwrap();
        let takes = |pattern: &Value| {
            let input = json!({ "EventPattern": pattern.to_string(), "Event": event });
            local.stack.api.call(EVENTS, "TestEventPattern", &input).unwrap()["Result"] == true
        };
        let taken = rules.values().filter(|pattern| takes(pattern)).count();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert_eq!(taken, usize::from(!name.starts_with("ignored-")), "{name}");
    }
}

#[test]
fn events_are_kept_once_and_a_storm_starts_an_early_run() {
    let local = world(POLICY);
    let output = run_well(&local, "first", &json!({}));
    assert_eq!(output["moves"]["stable"], 3, "{output}");
    let of_group = instances(&local, "prod-spot");
    let managed = instances(&local, "batch-spot");
    assert!(!of_group.is_empty() && !managed.is_empty(), "{of_group:?} {managed:?}");
    let_tests_speak_for_aws(&local);

    // Each task's notice and its end, twice, the end first; an instance of each kind, one that EC2 has
    // forgotten, and what cannot be read.
    let mut events = vec![
        warning(&of_group[0]),
        warning(&of_group[0]),
        warning(&managed[0]),
        warning("i-00000000000000000"),
        warning("none"),
    ];
    events
        .extend((0..4).flat_map(|number| [task(number, "STOPPED"), task(number, "RUNNING"), task(number, "STOPPED")]));
    put(&local, &events);
    until("the events are not kept", || {
        occurrences(&local, "prod").len() == 5
            && occurrences(&local, "batch").len() == 1
            && occurrences(&local, "(unknown)").len() == 1
            && waiting(&local, "CapacityEventsUrl") == 0
    });
    let kept = &occurrences(&local, "prod")[&format!("instance_interruption/{}", of_group[0])];
    assert_eq!(kept["provider"], "prod-spot", "{kept}");
    assert_eq!(kept["pool"]["instance_type"].as_str().map(|name| name.starts_with("m5.")), Some(true), "{kept}");
    let kept = &occurrences(&local, "batch")[&format!("instance_interruption/{}", managed[0])];
    assert_eq!(kept["provider"], "batch-spot", "{kept}");
    assert_eq!(early_runs(&local), [], "four tasks are no storm");
    assert_eq!(waiting(&local, "UnrecordedEventsUrl"), 0);

    let begun = Instant::now();
    put(&local, &[task(4, "RUNNING")]);
    until("the fifth task is not kept", || occurrences(&local, "prod").len() == 6);
    let kept_after = begun.elapsed();
    until("no early run is started", || !early_runs(&local).is_empty());
    eprintln!("a notice is kept after {kept_after:?}, its early run started after {:?}", begun.elapsed());
    put(&local, &(5..30).map(|number| task(number, "RUNNING")).collect::<Vec<_>>());
    until("the storm is not kept", || occurrences(&local, "prod").len() == 31);
    let runs = early_runs(&local);
    let [(_, arn)] = runs.as_slice() else { panic!("one early run: {runs:?}") };
    let execution = local.stack.wait(arn, PATIENCE).unwrap();
    assert_eq!(execution.status, "SUCCEEDED", "{} {}", execution.error, execution.cause);
    assert_eq!(execution.output["status"], "completed", "{}", execution.output);
    let metrics = local.stack.api.cli(&["cloudwatch", "list-metrics", "--namespace", "Spotkeeper"]).unwrap();
    let names = metrics["Metrics"].as_array().unwrap().iter().map(|each| each["MetricName"].as_str().unwrap());
    let names: std::collections::BTreeSet<&str> = names.collect();
    assert!(names.contains("SpotInterruptions") && names.contains("MalformedEvents"), "{names:?}");
}
