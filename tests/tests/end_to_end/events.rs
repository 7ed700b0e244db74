//! What Spotkeeper tells, as somebody hears it: by a rule of EventBridge, from a queue of their own; and that
//! EventBridge Scheduler itself starts a run.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use spotkeeper_tests::api::{DYNAMODB, EVENTS, SQS};
use spotkeeper_tests::local::Local;
use spotkeeper_tests::paths::workspace;

use crate::schedule::{schedules, start_now};
use crate::world::{POLICY, run_well, until, world};

/// Puts a rule for all that Spotkeeper tells before a queue of its own; the queue's address.
fn listen(local: &Local) -> String {
    let call = |service, operation: &str, input: Value| local.stack.api.call(service, operation, &input).unwrap();
    let url = call(SQS, "CreateQueue", json!({ "QueueName": "heard" }))["QueueUrl"].as_str().unwrap().to_owned();
    let names = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
    let arn = call(SQS, "GetQueueAttributes", names)["Attributes"]["QueueArn"].clone();
    let pattern = json!({ "source": ["spotkeeper"] }).to_string();
    call(EVENTS, "PutRule", json!({ "Name": "hear", "EventPattern": pattern, "State": "ENABLED" }));
    let put = call(EVENTS, "PutTargets", json!({ "Rule": "hear", "Targets": [{ "Id": "queue", "Arn": arn }] }));
    assert_eq!(put["FailedEntryCount"], 0, "{put}");
    url
}

/// Takes what has come from the queue.
fn hear(local: &Local, url: &str, heard: &mut Vec<Value>) {
    let input = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10 });
    let answer = local.stack.api.call(SQS, "ReceiveMessage", &input).unwrap();
    for message in answer["Messages"].as_array().into_iter().flatten() {
        heard.push(serde_json::from_str(message["Body"].as_str().unwrap()).unwrap());
        let handle = json!({ "QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"] });
        local.stack.api.call(SQS, "DeleteMessage", &handle).unwrap();
    }
}

/// How many of each detail-type have been heard.
fn by_type(heard: &[Value]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for event in heard {
        *counts.entry(event["detail-type"].as_str().unwrap()).or_default() += 1;
    }
    counts
}

#[test]
fn a_scheduled_run_and_a_switch_are_heard_in_the_published_shape() {
    let local = world(POLICY);
    let url = listen(&local);
    let mut heard = Vec::new();
    // A person puts a switch into the table, over a cluster that is not there.
    let item = json!({ "pk": { "S": "switch" }, "sk": { "S": "cluster/none" }, "reason": { "S": "by hand" } });
    let put = json!({ "TableName": local.stack.output("TableName").unwrap(), "Item": item });
    local.stack.api.call(DYNAMODB, "PutItem", &put).unwrap();
    let of_runs = schedules(&local)
        .into_iter()
        .find(|schedule| schedule["Target"]["Arn"].as_str() == Some(local.stack.output("StateMachineArn").unwrap()));
    start_now(&local, &of_runs.unwrap());
    until("the scheduled run's end is not heard", || {
        hear(&local, &url, &mut heard);
        by_type(&heard).contains_key("Run Ended")
    });
    let runs = local.stack.bodies("run").unwrap();
    let [run] = runs.as_slice() else { panic!("one run: {runs:?}") };
    assert_eq!(run["mode"]["mode"], "ordinary", "{run}");

    let on = json!({ "switch": { "scope": "all", "state": "on", "reason": "launch" } });
    run_well(&local, "kill", &on);
    until("the switch run's end is not heard", || {
        hear(&local, &url, &mut heard);
        by_type(&heard).get("Run Ended") == Some(&2)
    });
    let counts = by_type(&heard);
    // Three up by the scheduled run, three down by the switch; what the scheduled run found in the table, and
    // what the execution did.
    assert_eq!((counts["Move Ended"], counts["Switch Changed"]), (6, 2), "{counts:?}");
    let switches = heard.iter().filter(|event| event["detail-type"] == "Switch Changed");
    let mut switches: Vec<&str> = switches.map(|event| event["detail"]["how"].as_str().unwrap()).collect();
    switches.sort_unstable();
    assert_eq!(switches, ["execution", "table"]);
    assert!(counts["Ceiling Changed"] >= 3, "{counts:?}");
    let text = std::fs::read_to_string(workspace().join("docs/events.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
    for event in &heard {
        let wrong: Vec<String> = validator.iter_errors(event).map(|error| error.to_string()).collect();
        assert_eq!(wrong, [""; 0], "{event:#}");
    }
}
