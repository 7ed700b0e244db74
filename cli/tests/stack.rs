//! The commands that need a stack, against a table, a parameter and a state machine of MiniStack. The state
//! machine here only waits: what the real one does with a switch is `tests/tests/end_to_end`'s.

#![allow(clippy::unwrap_used, reason = "the helpers of a test, too")]

mod common;

use std::process::Output;

use common::{Account, Terminal, commands, golden, on_terminal, spotkeeper, text, widest};
use serde_json::{Value, json};
use spotkeeper_tests::api::{Api, DYNAMODB, SSM, STEP_FUNCTIONS};
use spotkeeper_tests::ministack::{MiniStack, Options};
use spotkeeper_tests::paths;
use spotkeeper_tests::sim::FLEET_SERVICES;
use spotkeeper_tests::skips::skip;

const TABLE: &str = "spotkeeper-Table-1ABCDEF";

/// Holds an answer to the published shape of its command.
fn valid(command: &str, answer: &Value) {
    let command = match command {
        "kill" | "resume" | "restore" => "run",
        other => other,
    };
    let schemas = std::fs::read_to_string(common::root().join("../docs/cli.schema.json")).unwrap();
    let schemas: Value = serde_json::from_str(&schemas).unwrap();
    let validator = jsonschema::validator_for(&schemas[command]).unwrap();
    let mistakes: Vec<String> = validator.iter_errors(answer).map(|error| error.to_string()).collect();
    assert_eq!(mistakes, Vec::<String>::new(), "{command}");
    assert!(!validator.is_valid(&json!({})), "{command}: anything would do");
}

struct Stack {
    ministack: MiniStack,
    api: Api,
    /// The services under its care.
    fleet: Account,
}

impl Stack {
    /// `None`, told, where MiniStack is not installed.
    fn start(test: &str) -> Option<Stack> {
        if let Err(missing) = paths::ministack() {
            skip(test, &missing.to_string());
            return None;
        }
        let ministack = MiniStack::start(&Options::default()).unwrap();
        let api = ministack.api();
        Some(Stack { ministack, api, fleet: Account::start("account.yaml") })
    }

    fn call(&self, service: spotkeeper_tests::api::Service, operation: &str, input: &Value) -> Value {
        self.api.call(service, operation, input).unwrap()
    }

    fn table(&self, name: &str) {
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let text = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        let input = json!({
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [text("pk"), text("sk")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        });
        self.call(DYNAMODB, "CreateTable", &input);
    }

    /// A table, a policy, and a state machine that waits for a few seconds.
    fn deploy(&self) {
        self.table(TABLE);
        let policy = json!({ "Name": "/spotkeeper/policy", "Type": "String", "Value": "mode: dry_run\n" });
        self.call(SSM, "PutParameter", &policy);
        let definition = json!({
            "StartAt": "Wait",
            "States": { "Wait": { "Type": "Wait", "Seconds": 1, "Next": "Done" }, "Done": { "Type": "Succeed" } },
        });
        let machine = json!({
            "name": "spotkeeper", "definition": definition.to_string(),
            "roleArn": "arn:aws:iam::000000000000:role/any",
        });
        self.call(STEP_FUNCTIONS, "CreateStateMachine", &machine);
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_at("80", arguments)
    }

    fn run_at(&self, columns: &str, arguments: &[&str]) -> Output {
        let environment = self.environment();
        let mut environment: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        environment.push(("COLUMNS", columns));
        spotkeeper(arguments, &environment)
    }

    fn on_terminal(&self, arguments: &[&str], more: &[(&str, &str)]) -> Terminal {
        let environment = self.environment();
        let environment = environment.iter().map(|(name, value)| (name.as_str(), *value));
        on_terminal(arguments, &environment.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    /// What lets the program ask it.
    fn environment(&self) -> Vec<(String, &str)> {
        let mut environment = vec![
            ("AWS_ENDPOINT_URL".to_owned(), self.ministack.url()),
            ("AWS_REGION".to_owned(), "us-east-1"),
            ("AWS_ACCESS_KEY_ID".to_owned(), "test"),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), "test"),
        ];
        let fleet = |name: &&str| (format!("AWS_ENDPOINT_URL_{name}"), self.fleet.url.as_str());
        environment.extend(FLEET_SERVICES.iter().map(fleet));
        environment
    }

    /// Runs a command that must end so; answers what it printed.
    #[track_caller]
    fn says(&self, arguments: &[&str], status: i32) -> String {
        let output = self.run(arguments);
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {said}{complained}");
        said + &complained
    }

    /// The same with JSON.
    #[track_caller]
    fn answers(&self, arguments: &[&str], status: i32) -> Value {
        let output = self.run(&[arguments, &["--quiet", "--output", "json"]].concat());
        let complained = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}{complained}", text(&output.stdout));
        let answer = serde_json::from_slice(&output.stdout).unwrap();
        valid(arguments[0], &answer);
        answer
    }

    /// Puts a switch as the recorder would, and as a person may.
    fn put_switch(&self, scope: &str, reason: &str) {
        let item = json!({
            "pk": { "S": "switch" }, "sk": { "S": scope }, "reason": { "S": reason }, "who": { "S": "test" },
            "set_at": { "S": "2026-01-15T12:00:00Z" },
        });
        self.call(DYNAMODB, "PutItem", &json!({ "TableName": TABLE, "Item": item }));
    }

    fn remove_switch(&self, scope: &str) {
        let key = json!({ "pk": { "S": "switch" }, "sk": { "S": scope } });
        self.call(DYNAMODB, "DeleteItem", &json!({ "TableName": TABLE, "Key": key }));
    }

    /// Does something once an execution of that beginning of a name runs.
    fn once_runs<T>(&self, name: &str, act: impl FnOnce() -> T) -> T {
        let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:spotkeeper";
        loop {
            let answer = self.call(STEP_FUNCTIONS, "ListExecutions", &json!({ "stateMachineArn": machine }));
            let names = answer["executions"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap());
            if names.into_iter().any(|one| one.starts_with(name)) {
                return act();
            }
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_stack_is_found_asked_and_told() {
    let Some(stack) = Stack::start("a_stack_is_found_asked_and_told") else { return };

    // Nothing is deployed yet.
    let said = stack.says(&["switches"], 3);
    assert!(said.contains("there is no stack spotkeeper in us-east-1 of account 000000000000"), "{said}");
    let said = stack.says(&["policy", "show"], 3);
    assert!(said.contains("there is no policy at /spotkeeper/policy: is that the stack?"), "{said}");
    stack.deploy();

    // Switches.
    assert_eq!(stack.says(&["switches"], 0), "No kill switch of spotkeeper is on.\n");
    stack.put_switch("cluster/prod", "launch day");
    let said = stack.says(&["switches"], 1);
    assert!(said.contains("cluster/prod") && said.contains("launch day (test)"), "{said}");
    let answer = stack.answers(&["switches"], 1);
    assert_eq!((&answer["version"], &answer["switches"][0]["scope"]), (&json!(1), &json!("cluster/prod")));
    let said = stack.says(&["resume", "all"], 2);
    assert!(said.contains("no switch of scope all is on; on is: cluster/prod"), "{said}");
    stack.remove_switch("cluster/prod");

    // Dials.
    assert!(stack.says(&["dial"], 0).starts_with("No dial is in force"));
    let answer = stack.answers(&["dial", "cluster/prod", "20", "--reason", "quarter end", "--until", "2d"], 0);
    assert_eq!((&answer["holds"], &answer["dials"][0]["percent"]), (&json!(true), &json!(20)));
    let said = stack.says(&["dial"], 0);
    assert!(said.contains("cluster/prod") && said.contains("quarter end (arn:aws:"), "{said}");
    assert!(stack.says(&["dial", "prod/web", "5"], 2).contains("spotkeeper:max-percent"));
    assert!(stack.says(&["dial", "all"], 2).contains("say how much"));
    assert_eq!(stack.answers(&["dial", "cluster/prod", "--remove"], 0)["dials"], json!([]));

    // The policy.
    assert_eq!(stack.says(&["policy", "show"], 0), "mode: dry_run\n");
    let said = stack.says(&["policy", "diff", "policy.yaml"], 1);
    assert!(said.contains("/rules/volumes: \"none\" -> \"shared\""), "{said}");
    assert!(stack.says(&["policy", "set", "ecspresso.yml"], 2).contains("nothing was written"));
    assert_eq!(stack.says(&["policy", "show"], 0), "mode: dry_run\n", "one with mistakes is not written");
    let said = stack.says(&["policy", "set", "policy.yaml"], 0);
    assert!(said.contains("/spotkeeper/policy is in place, read back; it changes 2 fields"), "{said}");
    assert!(stack.says(&["policy", "diff", "policy.yaml"], 0).contains("differ in no field"));

    // Another account than expected: nothing is written.
    let other = ["dial", "all", "1", "--expect-account", "123456789012"];
    assert!(stack.says(&other, 3).contains("nothing was read or written"));
    assert_eq!(stack.answers(&["dial"], 0)["dials"], json!([]));

    // Two tables may be the stack's.
    stack.table("spotkeeper-Table-2ABCDEF");
    let said = stack.says(&["switches"], 3);
    assert!(said.contains("spotkeeper-Table-1ABCDEF, spotkeeper-Table-2ABCDEF; name it by --table"), "{said}");
    stack.says(&["switches", "--table", TABLE], 0);
}

/// The switch is read back from the table: an execution that runs is no proof of it.
#[test]
fn a_switch_is_thrown_read_back_and_released() {
    let Some(stack) = Stack::start("a_switch_is_thrown_read_back_and_released") else { return };
    stack.deploy();
    // The state machine of this test throws none, so this ends when it does.
    let answer = stack.answers(&["kill", "cluster/prod", "--reason", "nobody does it"], 1);
    assert_eq!((&answer["holds"], &answer["execution"]), (&json!(false), &json!("SUCCEEDED")));
    let said = std::thread::scope(|scope| {
        let killer =
            scope.spawn(|| stack.says(&["kill", "--reason", "launch day", "--until", "2030-01-01T00:00:00Z"], 1));
        // Somebody else's switch is not the one that was asked for.
        stack.once_runs("kill-", || stack.put_switch("all", "another reason"));
        killer.join().unwrap()
    });
    assert!(said.contains("The kill switch of all IS NOT ON: kill --direct needs ECS alone."), "{said}");
    let answer = std::thread::scope(|scope| {
        let resumer = scope.spawn(|| stack.answers(&["resume"], 0));
        stack.once_runs("resume-", || stack.remove_switch("all"));
        resumer.join().unwrap()
    });
    assert_eq!((&answer["holds"], &answer["execution"]), (&json!(true), &json!("SUCCEEDED")));
    // A switch that deploys services is not one that turns groups.
    stack.put_switch("all", "launch day");
    let answer = stack.answers(&["kill", "--reason", "launch day", "--lever", "capacity"], 1);
    assert_eq!(answer["holds"], false);
    assert!(stack.says(&["kill", "--reason", "launch day", "--lever", "services"], 2).contains("strategy or capacity"));
    stack.remove_switch("all");
    // Runs, and what is left of them.
    let answer = stack.answers(&["run", "--dry-run", "--cluster", "prod"], 0);
    assert_eq!(answer["execution"], "RUNNING");
    let answer = stack.answers(&["restore", "--all"], 0);
    assert_eq!(answer["execution"], "SUCCEEDED");
    let answer = stack.answers(&["history"], 0);
    let runs: Vec<&str> = answer["runs"].as_array().unwrap().iter().map(|one| one["run"].as_str().unwrap()).collect();
    assert!(runs.iter().any(|run| run.starts_with("dry-run-")), "{runs:?}");
    let one = stack.says(&["history", runs[0]], 0);
    assert!(one.contains(runs[0]), "{one}");
    assert!(stack.says(&["history", "no-such-run"], 3).contains("run no-such-run does not exist"));
}

#[test]
fn a_plan_is_what_a_run_would_do() {
    let Some(stack) = Stack::start("a_plan_is_what_a_run_would_do") else { return };
    stack.deploy();
    for (name, columns) in [("plan-80.txt", "80"), ("plan-160.txt", "160")] {
        let output = stack.run_at(columns, &["plan", "--quiet"]);
        let (answer, complained) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{answer}{complained}");
        golden(name, &answer);
        assert!(widest(&answer) <= columns.parse().unwrap(), "{name} is {} columns wide", widest(&answer));
    }
    let answer = stack.answers(&["plan", "--cluster", "shop"], 1);
    assert_eq!((&answer["version"], &answer["active"]), (&json!(1), &json!(false)));
    let moves = answer["clusters"][0]["moves"].as_array().unwrap().clone();
    assert!(moves.iter().all(|one| one["kind"] == "up"), "{moves:?}");
    let planned = moves.len();
    assert!(planned > 0);
    // A switch that is on leaves nothing to move up.
    stack.put_switch("all", "launch day");
    let answer = stack.answers(&["plan", "--cluster", "shop"], 0);
    assert_eq!(answer["clusters"][0]["moves"], json!([]));
    assert_eq!(answer["clusters"][0]["blocked"]["enrolment"], 8, "{answer}");
    stack.remove_switch("all");
    // A policy that is only tried.
    let answer = stack.answers(&["plan", "--cluster", "shop", "--policy", "nothing-on-spot.yaml"], 0);
    assert_eq!((&answer["policy"], &answer["clusters"][0]["moves"]), (&json!("nothing-on-spot.yaml"), &json!([])));
    assert!(stack.says(&["plan", "--cluster", "nope"], 3).contains("cluster nope does not exist"));
}

/// Ctrl-C before the switch is thrown leaves nothing behind; while its run is followed, both stay.
#[test]
fn ctrl_c_in_kill_says_what_stays() {
    let Some(stack) = Stack::start("ctrl_c_in_kill_says_what_stays") else { return };
    stack.deploy();
    let kill = ["kill", "--reason", "launch day"];
    let runs = || stack.answers(&["history"], 0)["runs"].as_array().unwrap().len();
    // A table that does not answer.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}", silent.local_addr().unwrap());
    let mut terminal = stack.on_terminal(&kill, &[("AWS_ENDPOINT_URL_DYNAMODB", &nowhere)]);
    let connection = silent.accept().unwrap();
    terminal.press_ctrl_c();
    let (said, status) = terminal.ended();
    drop(connection);
    assert_eq!(status, 130, "{said}");
    assert!(said.ends_with("error: interrupted: nothing was written\r\n"), "{said:?}");
    assert_eq!(runs(), 0);

    // The switch is on already, as far as the table knows, so that the run is followed at once.
    stack.put_switch("all", "launch day");
    let mut terminal = stack.on_terminal(&kill, &[]);
    terminal.until(": no moves yet");
    terminal.press_ctrl_c();
    let (said, status) = terminal.ended();
    assert_eq!(status, 130, "{said}");
    assert!(
        said.contains("error: interrupted: run kill-") && said.contains(" goes on; spotkeeper history"),
        "{said:?}"
    );
    assert_eq!(runs(), 1);
    let run = &stack.answers(&["history"], 0)["runs"][0];
    assert!(["RUNNING", "SUCCEEDED"].contains(&run["execution"].as_str().unwrap()), "{run}");
    stack.says(&["switches"], 1);
}

#[test]
fn a_service_and_an_installation_are_told_whole() {
    let Some(stack) = Stack::start("a_service_and_an_installation_are_told_whole") else { return };
    stack.deploy();
    let output = stack.run(&["explain", "shop/checkout", "--quiet"]);
    golden("explain-80.txt", &text(&output.stdout));
    let answer = stack.answers(&["explain", "shop/web"], 0);
    assert_eq!((&answer["standing"], &answer["verdicts"].as_array().unwrap().len()), (&json!("eligible"), &16));
    assert!(answer["now"].as_str().unwrap().starts_with("it "), "{answer}");
    assert!(stack.says(&["explain", "shop/nope"], 3).contains("cluster shop has no service nope"));
    assert!(stack.says(&["explain", "cluster/shop"], 2).contains("is no service: write CLUSTER/NAME"));

    assert!(stack.says(&["status"], 0).contains("None of the last runs looked at it."));
    // What a run has left behind.
    let report = json!({
        "run": "run-1", "cluster": "shop", "at": "2026-01-15T12:00:00Z", "services": 8, "eligible": 2,
        "blocked": { "redundancy": 1 }, "spot_tasks": 2, "on_demand_tasks": 29, "waves": [], "left_on_spot": [],
        "left_on_spot_more": 0, "gaps": [], "gaps_more": 0, "api": { "calls": 40, "throttled": 0 },
        "running_spot_cpu": 2048, "cap": { "percent": 10, "by": { "by": "policy" } },
        "budget": { "task_cpu": 28672, "spot_cpu": 2048, "ceiling": 10, "left": 819, "room": 819, "excess": 0, "unknown": 0 },
    });
    stack.put_body("report/run-1", "shop", &report);
    let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:spotkeeper";
    stack.call(
        STEP_FUNCTIONS,
        "StartExecution",
        &json!({ "stateMachineArn": machine, "name": "run-1", "input": "{}" }),
    );
    let answer = stack.answers(&["status"], 0);
    let shop = &answer["clusters"][0];
    assert_eq!(
        (&shop["run"], &shop["spot_percent"], &shop["bounded_by"]),
        (&json!("run-1"), &json!(7), &json!("the policy"))
    );
    stack.put_switch("all", "launch day");
    let said = stack.says(&["status"], 1);
    assert!(said.contains("7 % of its task vCPU runs on Spot (2 of 31 tasks), 10 % may (the policy)"), "{said}");
    assert!(said.contains("launch day (test)"), "{said}");
}

/// Every command of the pages, as it is written there. What the recorder does with a switch is done for it.
#[test]
fn the_commands_of_the_docs_run() {
    let Some(stack) = Stack::start("the_commands_of_the_docs_run") else { return };
    stack.deploy();
    let done = std::sync::atomic::AtomicBool::new(false);
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| stack.records_switches(&done));
        // However it ends, the other thread ends, too.
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| stack.runs_the_docs()));
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        ran
    });
    assert!(ran.unwrap() >= 16, "too few commands were found");
}

impl Stack {
    fn put_body(&self, pk: &str, sk: &str, body: &Value) {
        let item = json!({ "pk": { "S": pk }, "sk": { "S": sk }, "body": { "S": body.to_string() } });
        self.call(DYNAMODB, "PutItem", &json!({ "TableName": TABLE, "Item": item }));
    }

    /// Does with the switches of executions what the recorder does with them, until it is told to end.
    fn records_switches(&self, done: &std::sync::atomic::AtomicBool) {
        let machine = "arn:aws:states:us-east-1:000000000000:stateMachine:spotkeeper";
        let mut seen = std::collections::BTreeSet::new();
        while !done.load(std::sync::atomic::Ordering::Relaxed) {
            let answer = self.call(STEP_FUNCTIONS, "ListExecutions", &json!({ "stateMachineArn": machine }));
            for one in answer["executions"].as_array().unwrap() {
                let arn = one["executionArn"].as_str().unwrap().to_owned();
                if !seen.insert(arn.clone()) {
                    continue;
                }
                let execution = self.call(STEP_FUNCTIONS, "DescribeExecution", &json!({ "executionArn": arn }));
                let input: Value = serde_json::from_str(execution["input"].as_str().unwrap()).unwrap();
                let scope = input["switch"]["scope"].as_str().unwrap_or_default();
                match input["switch"]["state"].as_str() {
                    Some("on") => {
                        let text = |value: &Value| json!({ "S": value.as_str().unwrap() });
                        let mut item = json!({ "pk": { "S": "switch" }, "sk": { "S": scope }, "who": { "S": "test" } });
                        item["reason"] = text(&input["switch"]["reason"]);
                        if input["switch"]["until"].is_string() {
                            item["until"] = text(&input["switch"]["until"]);
                        }
                        item["preempt"] = json!({ "BOOL": input["switch"]["preempt"] });
                        item["unenrolled"] = json!({ "BOOL": input["switch"]["unenrolled"] });
                        item["lever"] = text(&input["switch"]["lever"]);
                        self.call(DYNAMODB, "PutItem", &json!({ "TableName": TABLE, "Item": item }));
                    }
                    Some("off") => self.remove_switch(scope),
                    _ => {}
                }
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    /// How many commands of the docs were run.
    fn runs_the_docs(&self) -> usize {
        let mut ran = 0;
        let pages = ["CLI.md", "roll-out-to-one-cluster.md", "stop-everything.md", "take-it-away-again.md"];
        for page in pages {
            for (command, status) in commands(page) {
                let on_files = matches!(command[0].as_str(), "check" | "completions" | "man" | "assess")
                    || ["validate", "schema"].contains(&command.get(1).map_or("", String::as_str));
                if !on_files && !command.contains(&"--direct".to_owned()) {
                    self.says(&command.iter().map(String::as_str).collect::<Vec<_>>(), status);
                    ran += 1;
                }
            }
        }
        ran
    }
}
