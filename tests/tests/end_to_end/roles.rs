//! The roles of `template.yaml`, enforced: in MiniStack's half by MiniStack, in the simulator's by
//! the [`Gate`] in front of it, which asks MiniStack's IAM.

mod lever;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use spotkeeper_tests::local::Local;
use spotkeeper_tests::ministack::{MiniStack, Options, kill_function};
use spotkeeper_tests::paths;
use spotkeeper_tests::sim::Simulator;
use spotkeeper_tests::stack::Stack;

use crate::gate::{Gate, allows};
use crate::schedule::{schedules, start_now};
use crate::signed;
use crate::world::{PATIENCE, World, fault, place, until};
use spotkeeper_tests::api::{DYNAMODB, LOGS, SQS, Service};

const POLICY: &str = "
mode: active
budget: { ceiling_percent: 80, step_percent: 80, blast_radius_percent: 100 }
pace: { restart_percent: 100, services_in_flight: 40, moves_per_run: 40 }
rules: { ec2_default_stop_timeout_seconds: 30 }
verify: { dwell_seconds: 1, poll_seconds: 1, drought_seconds: 6, launch_seconds: 5 }
";

/// The functions, each with its `AWS_SDK_UA_APP_ID`.
const FUNCTIONS: [(&str, &str); 6] = [
    ("Determiner", "determiner"),
    ("Updater", "updater"),
    ("StabilityChecker", "stability-checker"),
    ("Recorder", "recorder"),
    ("PlacementScorer", "placement-scorer"),
    ("InterruptionRecorder", "interruption-recorder"),
];

/// What nothing here enforces on a function, as [`Scene::what_is_not_enforced`] shows. Logs and traces are sent,
/// and the queue is read, by Lambda itself, which neither half does as AWS does; metrics go out as RPC v2
/// CBOR, in which MiniStack does not see the action, and lets it pass.
const NOT_ENFORCED: [&str; 4] = ["logs:", "xray:", "sqs:", "cloudwatch:PutMetricData"];

/// What a function asks for only while it starts, when its first connection costs least: without it, the
/// function is started anew.
const AT_START: [(&str, &str); 1] = [("InterruptionRecorder", "dynamodb:GetItem")];

/// The roles of AWS's own services. MiniStack never asks what they allow, as
/// [`Scene::what_is_not_enforced`] shows; so each of their statements is held to what IAM says of it alone.
const OF_SERVICES: [&str; 3] = ["OrchestratorRole", "ScoreScheduleRole", "ScheduleRole"];

/// Every kind of run, with no more rights than the template gives; then each function with one
/// statement of its role less, each in turn: it says which IAM action it lacks.
#[test]
fn the_roles_suffice_and_each_statement_is_needed() {
    let scene = Scene::start();
    let switch = |state: &str| json!({ "switch": { "scope": "cluster/prod", "state": state, "reason": "roles" } });
    for (name, input) in [
        ("dry", json!({ "dry_run": true })),
        ("moves", json!({})),
        ("switch-on", switch("on")),
        ("switch-off", switch("off")),
        ("restore", json!({ "restore": { "scope": "all" } })),
    ] {
        let execution = scene.stack.run(name, &input, PATIENCE).unwrap();
        let denials = scene.denials();
        assert_eq!(execution.status, "SUCCEEDED", "{name}: {} {}{denials}", execution.error, execution.cause);
        assert_eq!(execution.output["status"], "completed", "{name}: {}{denials}", execution.output);
    }
    let said = scene.invoke("PlacementScorer", &json!({}));
    let asked: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    assert_eq!((&asked["scored"], &asked["failed_clusters"]), (&json!(1), &json!({})), "{said}{}", scene.denials());
    // A metric or an event that cannot be sent fails no run: it is in the log.
    assert_eq!(scene.denials(), "");
    let metrics = scene.stack.api.cli(&["cloudwatch", "list-metrics", "--namespace", "Spotkeeper"]).unwrap();
    assert!(!metrics["Metrics"].as_array().unwrap().is_empty(), "no metric was sent");

    scene.the_lever_needs_what_it_is_given();
    scene.stack.forget_ledgers().unwrap();
    scene.each_statement_is_needed();
    for role in OF_SERVICES {
        scene.each_statement_is_what_allows(role);
    }
    scene.what_is_not_enforced();
}

/// The line of a refusal that names the action, if something says one. What a function called stands in its
/// log in any case, by the same names, and is no refusal. A score that was refused has the action in its answer.
fn refusal<'a>(said: &'a str, action: &str) -> Option<&'a str> {
    let forms = [format!("may not call {action}"), format!(r#"Denied {{ action: \"{action}"#)];
    let ends = |after: &str| !after.starts_with(|next: char| next.is_ascii_alphanumeric());
    let names =
        |line: &&str| forms.iter().any(|form| line.split_once(form.as_str()).is_some_and(|(_, after)| ends(after)));
    said.lines().filter(|line| !line.contains("AWS calls")).find(names)
}

#[test]
fn a_call_that_was_made_is_no_refusal() {
    let calls = r#"{"fields":{"message":"AWS calls","by_action":"{\"ecs:ListTasks\":{\"calls\":1}}"}}"#;
    let score = r#"{"what":"Refused { why: Denied { action: \"ec2:GetSpotPlacementScores\" } }"}"#;
    let of_tasks = "prod could not be read: the role may not call ecs:ListTasks";
    for (said, action, expected) in [
        (calls, "ecs:ListTasks", None),
        (score, "ec2:GetSpotPlacementScores", Some(score)),
        (score, "ec2:GetSpotPlacement", None),
        (of_tasks, "ecs:ListTasks", Some(of_tasks)),
        (of_tasks, "ecs:ListTask", None),
        (of_tasks, "ecs:DescribeTasks", None),
        ("ecs:ListTasks was throttled to the end", "ecs:ListTasks", None),
    ] {
        assert_eq!(refusal(said, action), expected, "{said} {action}");
    }
}

/// An account with every kind of thing in it, and Spotkeeper in it with its rights enforced.
struct Scene {
    world: World,
    gate: Gate,
    /// What CloudFormation called each resource of the template.
    names: BTreeMap<String, String>,
}

impl std::ops::Deref for Scene {
    type Target = Local;
    fn deref(&self) -> &Local {
        &self.world
    }
}

impl Scene {
    fn start() -> Scene {
        let place = place();
        let account = paths::workspace().join("tests/accounts/roles.yaml");
        let simulator = Simulator::start(Path::new(&account), 1).unwrap();
        let gate = Gate::before(simulator.url());
        let options = Options { authorises: true, fleet: Some(gate.url().to_owned()), ..Options::default() };
        let ministack = MiniStack::start(&options).unwrap();
        let stack = Stack::deploy(&ministack, "spotkeeper", &[("CapacityLever", "on")]).unwrap();
        stack.put_policy(POLICY).unwrap();
        let arguments = ["cloudformation", "describe-stack-resources", "--stack-name", "spotkeeper"];
        let resources = stack.api.cli(&arguments).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let names = resources["StackResources"].as_array().unwrap().iter();
        let names = names.map(|each| (text(&each["LogicalResourceId"]), text(&each["PhysicalResourceId"]))).collect();
        let scene = Scene { world: World::new(Local { simulator, ministack, stack }, place), gate, names };
        // A service that never comes to the end of a deployment.
        let busy = |name: &str| json!({ "fault": name, "cluster": "prod", "service": "busy" });
        fault(&scene, &busy("new_tasks_crash"));
        fault(&scene, &busy("deploy"));
        for (function, app) in FUNCTIONS {
            scene.gate.learn(scene.ministack.url(), app, scene.role(function));
        }
        scene
    }

    fn role(&self, function: &str) -> &str {
        &self.names[&format!("{function}Role")]
    }

    /// What the functions' logs say of calls that were not allowed, or not made.
    fn denials(&self) -> String {
        let mut found = String::new();
        for (function, _) in FUNCTIONS {
            for message in self.log(function) {
                if let Some(sentence) = refused(&message) {
                    found += &format!("\n{function}: {sentence}");
                }
            }
        }
        found
    }

    /// The log of a function.
    fn log(&self, function: &str) -> Vec<String> {
        let mut messages = Vec::new();
        let mut next = Value::Null;
        loop {
            let mut input = json!({ "logGroupName": self.names[&format!("{function}Log")] });
            if !next.is_null() {
                input["nextToken"] = next;
            }
            let mut answer = self.call(LOGS, "FilterLogEvents", &input);
            let events = answer["events"].as_array().cloned().unwrap_or_default();
            messages.extend(events.iter().map(|event| event["message"].as_str().unwrap_or_default().to_owned()));
            next = answer["nextToken"].take();
            if next.is_null() {
                return messages;
            }
        }
    }

    fn call(&self, service: Service, operation: &str, input: &Value) -> Value {
        self.stack.api.call(service, operation, input).unwrap()
    }

    fn each_statement_is_needed(&self) {
        let mut unseen = Vec::new();
        for (function, app) in FUNCTIONS {
            let role = self.role(function);
            let policy = self.policy(role);
            let statements = policy["Statement"].as_array().unwrap().clone();
            let mut asked = Asked::prepare(self, function);
            // The control: with all of them, nothing is refused.
            self.forget_cache();
            let said = self.ask(&mut asked);
            assert_eq!(refused(&said), None, "{function} with its whole role said {said}");
            for (index, statement) in statements.iter().enumerate() {
                let action = statement["Action"].as_str().unwrap();
                if NOT_ENFORCED.iter().any(|one| action.starts_with(one)) {
                    continue;
                }
                let mut less = policy.clone();
                less["Statement"].as_array_mut().unwrap().remove(index);
                self.put_policy(role, &less);
                self.gate.learn(self.ministack.url(), app, role);
                self.forget_cache();
                if AT_START.contains(&(function, action)) {
                    kill_function(self.ministack.scratch(), app).unwrap();
                }
                let said = self.ask(&mut asked);
                let refused = refusal(&said, action);
                eprintln!("{function} without {action}: {}", refused.unwrap_or("?"));
                if refused.is_none() {
                    unseen.push(format!("{function} without {action} said {said}"));
                }
            }
            // All of those at once that nothing enforces: nothing is refused.
            let mut less = policy.clone();
            let enforced = |statement: &Value| {
                let action = statement["Action"].as_str().unwrap();
                !NOT_ENFORCED.iter().any(|one| action.starts_with(one))
            };
            less["Statement"].as_array_mut().unwrap().retain(enforced);
            assert_ne!(less, policy, "{function}");
            self.put_policy(role, &less);
            self.gate.learn(self.ministack.url(), app, role);
            let said = self.ask(&mut asked);
            assert_eq!(refused(&said), None, "{function}: what is not enforced is");
            self.put_policy(role, &policy);
            self.gate.learn(self.ministack.url(), app, role);
            // Its lock would be in the way of the next one's run.
            self.invoke("Recorder", &json!({ "op": "end", "run_id": asked.run }));
        }
        assert!(unseen.is_empty(), "{}", unseen.join("\n\n"));
    }

    /// Makes a function do what it can do; what it answered and logged meanwhile.
    fn ask(&self, asked: &mut Asked) -> String {
        let before = self.log(asked.function).len();
        let mut said = asked.ask(self);
        said.extend(self.log(asked.function).into_iter().skip(before));
        said.join("\n")
    }

    /// With each statement of a role its action is allowed on its resources, and without it it is not.
    fn each_statement_is_what_allows(&self, logical: &str) {
        let role = &self.names[logical];
        let policy = self.policy(role);
        let statements = policy["Statement"].as_array().unwrap();
        assert!(!statements.is_empty(), "{logical}");
        for (index, statement) in statements.iter().enumerate() {
            let action = statement["Action"].as_str().unwrap();
            let resource = &statement["Resource"];
            let resource = resource.as_str().or_else(|| resource[0].as_str()).unwrap();
            let allowed = || allows(self.ministack.url(), role, action, resource);
            assert!(allowed(), "{logical} allows {action} on {resource}");
            let mut less = policy.clone();
            less["Statement"].as_array_mut().unwrap().remove(index);
            // IAM takes no policy without a statement.
            match less["Statement"].as_array().unwrap().is_empty() {
                true => self.delete_policy(role),
                false => self.put_policy(role, &less),
            }
            assert!(!allowed(), "{logical} without {action} on {resource}");
        }
        self.put_policy(role, &policy);
    }

    /// What MiniStack lets through: the state machine and both schedules do their work with no right left,
    /// and so does the queue of the interruption recorder. When this fails, MiniStack has learnt to enforce
    /// it, and the statements belong to those that are removed in turn.
    fn what_is_not_enforced(&self) {
        for role in OF_SERVICES {
            self.delete_policy(&self.names[role]);
        }
        let execution = self.stack.run("no-rights", &json!({ "dry_run": true }), PATIENCE).unwrap();
        assert_eq!(execution.status, "SUCCEEDED", "{} {}", execution.error, execution.cause);
        let asked = || self.stack.bodies("score/prod").unwrap();
        let (runs, scores) = (self.stack.bodies("run").unwrap().len(), asked());
        for schedule in schedules(&self.world) {
            start_now(&self.world, &schedule);
        }
        until("no run was started by the schedule", || self.stack.bodies("run").unwrap().len() > runs);
        until("no score was asked for by the schedule", || asked() != scores);

        let role = self.role("InterruptionRecorder");
        let mut policy = self.policy(role);
        let may_read = |statement: &Value| !statement["Action"].as_str().unwrap().starts_with("sqs:");
        policy["Statement"].as_array_mut().unwrap().retain(may_read);
        self.put_policy(role, &policy);
        let queue = self.stack.output("CapacityEventsUrl").unwrap();
        let of_queue = events(1_000);
        for record in of_queue["Records"].as_array().unwrap() {
            self.call(SQS, "SendMessage", &json!({ "QueueUrl": queue, "MessageBody": record["body"] }));
        }
        let kept = || self.stack.bodies("occurrence/nowhere-1000").unwrap().len();
        until("the queue was not read", || kept() == 5);
    }

    fn policy(&self, role: &str) -> Value {
        let arguments = ["iam", "get-role-policy", "--role-name", role, "--policy-name", "least"];
        self.stack.api.cli(&arguments).unwrap()["PolicyDocument"].clone()
    }

    fn put_policy(&self, role: &str, policy: &Value) {
        let policy = policy.to_string();
        let parameters = [("RoleName", role), ("PolicyName", "least"), ("PolicyDocument", &policy)];
        signed::iam(self.ministack.url(), "PutRolePolicy", &parameters);
    }

    fn delete_policy(&self, role: &str) {
        signed::iam(self.ministack.url(), "DeleteRolePolicy", &[("RoleName", role), ("PolicyName", "least")]);
    }

    /// Empties the cache, so that nothing is known that a function would otherwise ask for.
    fn forget_cache(&self) {
        let table = self.stack.output("TableName").unwrap();
        let of_cache = json!({
            "TableName": table,
            "FilterExpression": "begins_with(pk, :cache)",
            "ExpressionAttributeValues": { ":cache": { "S": "cache/" } },
        });
        let found = self.call(DYNAMODB, "Scan", &of_cache);
        for item in found["Items"].as_array().unwrap() {
            let input = json!({ "TableName": table, "Key": { "pk": item["pk"], "sk": item["sk"] } });
            self.call(DYNAMODB, "DeleteItem", &input);
        }
    }

    /// Invokes a function; what it answered.
    fn invoke(&self, function: &str, input: &Value) -> String {
        signed::invoke(self.ministack.url(), &self.names[function], input)
    }
}

/// A sentence of any refusal.
fn refused(said: &str) -> Option<&str> {
    let refuses = |line: &&str| {
        ["may not call", "not authorized", "not sent", "Denied {"].iter().any(|words| line.contains(words))
    };
    said.lines().find(refuses)
}

/// How to make a function do whatever it can do.
struct Asked {
    function: &'static str,
    run: String,
    /// Moves of the run that nobody has asked about.
    moves: Vec<String>,
    asked: usize,
}

impl Asked {
    fn prepare(scene: &Scene, function: &'static str) -> Asked {
        let run = format!("without-{}", function.to_lowercase());
        let moves = match function {
            "Determiner" => {
                begin(scene, &run, &json!({ "dry_run": true }));
                Vec::new()
            }
            "PlacementScorer" | "InterruptionRecorder" => Vec::new(),
            "Updater" => planned(scene, &run),
            "StabilityChecker" => {
                let moves = planned(scene, &run);
                scene.invoke("Updater", &json!({ "run_id": run, "move_ids": moves }));
                moves
            }
            _ => {
                let moves = planned(scene, &run);
                // Its lock would be in the way of what it is asked.
                scene.invoke("Recorder", &json!({ "op": "end", "run_id": run }));
                moves
            }
        };
        Asked { function, run, moves, asked: 0 }
    }

    /// What it answers.
    fn ask(&mut self, scene: &Scene) -> Vec<String> {
        self.asked += 1;
        let mut one = || self.moves.pop().unwrap();
        let inputs = match self.function {
            "Determiner" => vec![json!({ "run_id": self.run, "cluster": "prod" })],
            "Updater" => vec![json!({ "run_id": self.run, "move_ids": [one()] })],
            "StabilityChecker" => vec![json!({ "run_id": self.run, "move_id": one() })],
            "PlacementScorer" => vec![json!({})],
            "InterruptionRecorder" => vec![events(self.asked)],
            _ => {
                let run = |what: &str| format!("{}-{what}-{}", self.run, self.asked);
                let switch =
                    |state: &str| json!({ "switch": { "scope": "cluster/prod", "state": state, "reason": "roles" } });
                let begin = |what: &str, input: Value| json!({ "op": "begin", "run_id": run(what), "input": input });
                vec![
                    json!({ "op": "outcome", "run_id": self.run, "move_id": one(), "because": { "error": "Unavailable" } }),
                    begin("run", json!({})),
                    json!({ "op": "cluster_failed", "run_id": run("run"), "cluster": "prod", "error": "Unavailable" }),
                    json!({ "op": "end", "run_id": run("run") }),
                    begin("on", switch("on")),
                    begin("off", switch("off")),
                ]
            }
        };
        inputs.iter().map(|input| scene.invoke(self.function, input)).collect()
    }
}

/// Events that ask for all that can be looked up, and a storm in a cluster that had none before.
fn events(number: usize) -> Value {
    let time = jiff::Timestamp::now().to_string();
    let event = |id: &str, source: &str, kind: &str, detail: Value| {
        let body = json!({ "id": id, "source": source, "detail-type": kind, "time": time, "detail": detail });
        json!({ "messageId": id, "body": body.to_string() })
    };
    let instance = json!({ "instance-id": format!("i-{number:017x}") });
    let launch = json!({
        "AutoScalingGroupName": format!("unknown-{number}"), "ActivityId": format!("{number}"), "StatusMessage": "",
    });
    let task = |index: u32| {
        let detail = json!({
            "clusterArn": format!("arn:aws:ecs:us-east-1:000000000000:cluster/nowhere-{number}"),
            "taskArn": format!("arn:aws:ecs:us-east-1:000000000000:task/nowhere-{number}/{index}"),
            "stopCode": "SpotInterruption",
        });
        event(&format!("task-{index}"), "aws.ecs", "ECS Task State Change", detail)
    };
    let others = [
        event("warning", "aws.ec2", "EC2 Spot Instance Interruption Warning", instance),
        event("launch", "aws.autoscaling", "EC2 Instance Launch Unsuccessful", launch),
    ];
    json!({ "Records": others.into_iter().chain((0..5).map(task)).collect::<Vec<_>>() })
}

fn begin(scene: &Scene, run: &str, input: &Value) {
    let said = scene.invoke("Recorder", &json!({ "op": "begin", "run_id": run, "input": input }));
    assert!(!said.contains("errorType"), "{said}");
}

/// A run with all of its moves planned and none written.
fn planned(scene: &Scene, run: &str) -> Vec<String> {
    begin(scene, run, &json!({}));
    scene.invoke("Determiner", &json!({ "run_id": run, "cluster": "prod" }));
    let moves = scene.stack.bodies(&format!("move/{run}")).unwrap();
    let moves: Vec<String> = moves.iter().map(|each| each["planned"]["id"].as_str().unwrap().to_owned()).collect();
    assert!(moves.len() > 14, "{run} has {} moves", moves.len());
    moves
}
