//! Every function's real binary, with every sample input, under AWS's runtime interface emulator.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeMap;

use spotkeeper_tests::events::{self, EVENTS, FUNCTIONS};
use spotkeeper_tests::local::Local;
use spotkeeper_tests::ministack::Options;
use spotkeeper_tests::paths::workspace;
use spotkeeper_tests::rie::{Emulator, Endpoints};

#[test]
fn every_sample_input_is_tried() {
    let mut tried: Vec<String> = EVENTS.iter().map(|event| format!("{}/{}", event.function, event.kind)).collect();
    tried.sort();
    assert_eq!(events::files().unwrap(), tried);
}

#[test]
fn every_function_answers_every_sample_input() {
    let demo = workspace().join("xtask/demo");
    let local = Local::start(&demo.join("account.yaml"), 1, Options::default()).unwrap();
    local.stack.put_policy(&std::fs::read_to_string(demo.join("policy.yaml")).unwrap()).unwrap();
    let endpoints = Endpoints {
        serverless: local.ministack.url().to_owned(),
        fleet: local.simulator.url().to_owned(),
        table: local.stack.output("TableName").unwrap().to_owned(),
        policy_parameter: local.stack.output("PolicyParameterName").unwrap().to_owned(),
        state_machine: local.stack.output("StateMachineArn").unwrap().to_owned(),
    };
    let mut emulators: BTreeMap<&str, Emulator> =
        FUNCTIONS.into_iter().map(|(binary, name)| (binary, Emulator::start(name, 120, &endpoints).unwrap())).collect();
    let mut complaints = Vec::new();
    for event in EVENTS {
        let emulator = emulators.get_mut(event.function).unwrap();
        let answer = emulator.invoke(&std::fs::read_to_string(event.file()).unwrap()).unwrap();
        complaints.extend(event.complaint(&answer));
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// An input that is not JSON, or not an object, is a named error too, and the process lives.
#[test]
fn an_input_that_is_no_object_is_refused_by_name() {
    let nowhere = "http://127.0.0.1:1".to_owned();
    let endpoints = Endpoints {
        serverless: nowhere.clone(),
        fleet: nowhere,
        table: "none".to_owned(),
        policy_parameter: "/none/policy".to_owned(),
        state_machine: "arn:aws:states:us-east-1:123456789012:stateMachine:none".to_owned(),
    };
    for (_, name) in FUNCTIONS {
        let mut emulator = Emulator::start(name, 30, &endpoints).unwrap();
        for input in ["[]", "null", "\"schedule\"", "42"] {
            let answer = emulator.invoke(input).unwrap();
            assert_eq!(answer["errorType"], "InvalidInput", "{name}: {input}: {answer}");
        }
    }
}
