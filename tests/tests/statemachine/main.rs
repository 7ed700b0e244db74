//! `statemachine/orchestrator.asl.json` against the phase table of the core, and each of its
//! choices alone on MiniStack.
//!
//! MiniStack's `ValidateStateMachineDefinition` answers OK to anything. It is called all the same,
//! because AWS's does not; what checks here are `CreateStateMachine`, which parses every
//! expression, cfn-lint's schema of the States Language, and the walks below.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod limits;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Value, json};
use spotkeeper_core::interface::{BeginNext, DetermineNext, EndNext, Then, UpdateOutcome};
use spotkeeper_core::phase::{Answer, Phase, TRANSITIONS};
use spotkeeper_core::verify::Next;
use spotkeeper_tests::api::{Api, STEP_FUNCTIONS};
use spotkeeper_tests::daemon::environment;
use spotkeeper_tests::ministack::{MiniStack, Options};
use spotkeeper_tests::paths::{tool, workspace};

/// The definition, with ARNs in place of the template's substitutions.
static MACHINE: LazyLock<Value> = LazyLock::new(|| {
    let text = std::fs::read_to_string(workspace().join("statemachine/orchestrator.asl.json")).unwrap();
    let text = ["Recorder", "Determiner", "Updater", "StabilityChecker"].iter().fold(text, |text, name| {
        text.replace(&format!("${{{name}Arn}}"), &format!("arn:aws:lambda:us-east-1:000000000000:function:{name}"))
    });
    serde_json::from_str(&text.replace("${Partition}", "aws")).unwrap()
});

/// Every state by name, wherever it is nested; names are unique in the whole definition.
static STATES: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let mut states = BTreeMap::new();
    collect(&MACHINE, &mut states);
    states
});

fn collect(machine: &Value, states: &mut BTreeMap<String, Value>) {
    for (name, state) in machine["States"].as_object().unwrap() {
        assert!(states.insert(name.clone(), state.clone()).is_none(), "two states are called {name}");
        if state["Type"] == "Map" {
            collect(&state["ItemProcessor"], states);
        }
    }
}

/// What an answer of a function looks like where a choice reads it.
const CHOICES: [(&str, &str); 5] = [
    ("AfterBegin", "next"),
    ("AfterDetermine", "next"),
    ("AfterUpdate", "outcome"),
    ("AfterCheck", "next"),
    ("AfterEnd", "next"),
];

#[test]
fn it_has_every_transition_of_the_phase_table_and_no_other() {
    let expected: BTreeSet<_> = TRANSITIONS.into_iter().collect();
    let actual = transitions();
    let missing: Vec<_> = expected.difference(&actual).collect();
    let more: Vec<_> = actual.difference(&expected).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing: {missing:?}\nnot in the table: {more:?}");
}

/// The transitions of the definition, found by giving every phase every answer that its function
/// can give.
fn transitions() -> BTreeSet<(Phase, Answer, Phase)> {
    let mut found = BTreeSet::new();
    for (name, state) in STATES.iter() {
        let Some(phase) = phase(name) else { continue };
        match name.as_str() {
            "Begin" => answers(&mut found, phase, &all_begin(), "next"),
            "Determine" => answers(&mut found, phase, &all_determine(), "next"),
            "CheckStability" => answers(&mut found, phase, &all_next(), "next"),
            "UpdateAgain" => answers(&mut found, phase, &all_outcomes(), "outcome"),
            "End" => answers(&mut found, phase, &all_end(), "next"),
            // A wave's answers are looked at one by one, by the children of the state after it.
            "Update" => {
                for (answer, then) in [(Answer::Over, Then::Verify), (Answer::NextWave, Then::NextWave)] {
                    let input = Input::of("then", json(then).as_str().unwrap());
                    found.insert((phase, answer, follow(&state["Next"], &input).unwrap()));
                }
            }
            "Clusters" | "Wait" | "WaitAgain" | "RecordClusterFailure" | "Turn" => {
                found.insert((phase, Answer::Over, follow(&state["Next"], &Input::default()).unwrap()));
            }
            "Moves" => {
                let start = &state["ItemProcessor"]["StartAt"];
                answers_from(&mut found, phase, start, &all_outcomes(), "outcome");
                found.insert((phase, Answer::Error, follow(start, &Input::of("outcome", "error")).unwrap()));
                for (answer, cursor) in [(Answer::NextWave, json!(1)), (Answer::Done, Value::Null)] {
                    let input = Input { cursor, ..Input::default() };
                    found.insert((phase, answer, follow(&state["Next"], &input).unwrap()));
                }
                // A wave whose Map fails goes on as one that did not.
                assert_eq!(state["Catch"][0]["Next"], state["Next"], "Moves");
            }
            "RecordOutcome" => {
                assert_eq!(state["End"], true, "a child ends with it");
                found.insert((phase, Answer::Over, Phase::Moves));
            }
            "ClusterDone" => assert_eq!(state["End"], true, "a cluster ends with it"),
            "Ended" => assert_eq!(state["Type"], "Succeed"),
            other => panic!("{other} is a phase that this test does not know"),
        }
        if name == "Begin" {
            // A run that could not begin is none: it fails, and has no transition.
            for catch in state["Catch"].as_array().unwrap() {
                assert_eq!(STATES[catch["Next"].as_str().unwrap()]["Type"], "Fail");
            }
        } else if state["Type"] == "Task" && !state["Catch"].is_null() {
            for catch in state["Catch"].as_array().unwrap() {
                let input = Input::of("outcome", "error");
                found.insert((phase, Answer::Error, follow(&catch["Next"], &input).unwrap()));
            }
        }
    }
    found
}

fn answers(found: &mut BTreeSet<(Phase, Answer, Phase)>, phase: Phase, all: &[Value], field: &'static str) {
    let next = &STATES[&format!("{phase:?}")]["Next"];
    answers_from(found, phase, next, all, field);
}

fn answers_from(
    found: &mut BTreeSet<(Phase, Answer, Phase)>,
    phase: Phase,
    from: &Value,
    all: &[Value],
    field: &'static str,
) {
    for answer in all {
        let input = Input::of(field, answer.as_str().unwrap());
        let to = follow(from, &input).unwrap();
        found.insert((phase, serde_json::from_value(answer.clone()).unwrap(), to));
    }
}

/// What a choice can look at.
#[derive(Clone, Default)]
struct Input {
    fields: BTreeMap<&'static str, String>,
    cursor: Value,
}

impl Input {
    fn of(field: &'static str, value: &str) -> Input {
        Input { fields: BTreeMap::from([(field, value.to_owned())]), cursor: Value::Null }
    }
}

/// The next state that is a phase. `None` where there is none.
fn follow(from: &Value, input: &Input) -> Option<Phase> {
    let mut name = from.as_str()?.to_owned();
    loop {
        if let Some(phase) = phase(&name) {
            return Some(phase);
        }
        let state = STATES.get(&name).unwrap_or_else(|| panic!("there is no state {name}"));
        name = match state["Type"].as_str()? {
            "Choice" => chosen(state, input),
            "Pass" => state["Next"].as_str()?.to_owned(),
            // A run that fails has ended all the same.
            "Fail" => return Some(Phase::Ended),
            other => panic!("{name} is a {other} and no phase"),
        };
    }
}

/// Where a choice leads.
fn chosen(state: &Value, input: &Input) -> String {
    let choices = state["Choices"].as_array().unwrap();
    let choice = choices.iter().find(|choice| holds(choice["Condition"].as_str().unwrap(), input));
    choice.map_or(&state["Default"], |choice| &choice["Next"]).as_str().unwrap().to_owned()
}

/// The kinds of condition that the definition may have: it dispatches, it does not compute.
fn holds(condition: &str, input: &Input) -> bool {
    let expression = condition.trim_start_matches("{%").trim_end_matches("%}").trim();
    if expression == "$cursor != null" {
        return !input.cursor.is_null();
    }
    // What the Determiner has answered is a variable by the time that the wave is written.
    let then = expression.strip_prefix("$").filter(|name| name.starts_with("then "));
    let (field, rest) = expression
        .strip_prefix("$states.input.")
        .or(then)
        .and_then(|rest| rest.split_once(' '))
        .unwrap_or_else(|| panic!("the choice {condition} computes"));
    let quoted: Vec<&str> = rest.split('\'').skip(1).step_by(2).collect();
    let plain = rest.starts_with("= '") && quoted.len() == 1 || rest.starts_with("in ['") && rest.ends_with("']");
    assert!(plain, "the choice {condition} computes");
    input.fields.get(field).is_some_and(|value| quoted.contains(&value.as_str()))
}

fn phase(name: &str) -> Option<Phase> {
    serde_json::from_value(json!(name)).ok()
}

// Each list names every variant: a new one does not compile before it is added here.
fn all_begin() -> Vec<Value> {
    let known = |next: BeginNext| match next {
        BeginNext::Clusters | BeginNext::End => json(next),
    };
    [BeginNext::Clusters, BeginNext::End].map(known).to_vec()
}

fn all_determine() -> Vec<Value> {
    let known = |next: DetermineNext| match next {
        DetermineNext::Turn | DetermineNext::Update | DetermineNext::Done => json(next),
    };
    [DetermineNext::Turn, DetermineNext::Update, DetermineNext::Done].map(known).to_vec()
}

fn all_end() -> Vec<Value> {
    let known = |next: EndNext| match next {
        EndNext::Again | EndNext::Ended => json(next),
    };
    [EndNext::Again, EndNext::Ended].map(known).to_vec()
}

fn all_outcomes() -> Vec<Value> {
    use UpdateOutcome::{Applied, Held, Refused, Superseded};
    let known = |outcome: UpdateOutcome| match outcome {
        Applied | Superseded | Held | Refused => json(outcome),
    };
    [Applied, Superseded, Held, Refused].map(known).to_vec()
}

fn all_next() -> Vec<Value> {
    use Next::{FallBack, Quarantine, Retry, Stable, Undo, Wait, Yield};
    let known = |next: Next| match next {
        Stable | Wait | Retry | Undo | FallBack | Yield | Quarantine => json(next),
    };
    [Stable, Wait, Retry, Undo, FallBack, Yield, Quarantine].map(known).to_vec()
}

fn json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// The formulas of docs/PERFORMANCE.md: Step Functions bills each state that is entered, in the
/// children of a distributed Map too.
#[test]
fn a_run_enters_as_many_states_as_performance_md_says() {
    let begin = [("Begin", Input::of("next", "clusters")), ("End", Input::of("next", "ended"))];
    let around = path("Begin", Input::default(), &begin);
    let settled = path("FirstWave", Input::default(), &[("Determine", Input::of("next", "done"))]);
    for clusters in [1, 5, 40] {
        assert_eq!(around + clusters * settled, 6 + 4 * clusters, "a settled run over {clusters} clusters");
    }
    for (waves, at_once, moves, looks) in [(1, 0, 1, 1), (1, 0, 20, 6), (4, 0, 35, 10), (10, 9, 1_000, 3)] {
        let more = |wave| if wave + 1 < waves { json!(wave + 1) } else { Value::Null };
        let then = |wave| if wave < at_once { Then::NextWave } else { Then::Verify };
        let determined = (0..waves).map(|wave| {
            let mut answer = Input { cursor: more(wave), ..Input::of("next", "update") };
            answer.fields.insert("then", json(then(wave)).as_str().unwrap().to_owned());
            ("Determine", answer)
        });
        let cluster = path("FirstWave", Input::default(), &determined.collect::<Vec<_>>());
        let looked =
            (1..=looks).map(|look| ("CheckStability", Input::of("next", if look < looks { "wait" } else { "stable" })));
        let one = path("AfterUpdate", Input::of("outcome", "applied"), &looked.collect::<Vec<_>>());
        assert_eq!(
            around + cluster + moves * one,
            7 + 7 * waves - 2 * at_once + moves * (2 + 3 * looks),
            "{waves} waves, {moves} moves"
        );
    }
}

/// How many states are entered from one on to the end of its machine, where the functions answer
/// so, in this order.
fn path(from: &str, mut input: Input, answers: &[(&str, Input)]) -> usize {
    let mut answers = answers.iter();
    let mut name = from.to_owned();
    for entered in 1.. {
        let state = &STATES[&name];
        let answered = ["Begin", "Determine", "CheckStability", "End"].contains(&name.as_str());
        if answered {
            let (function, answer) = answers.next().unwrap_or_else(|| panic!("{name} has no answer"));
            assert_eq!(*function, name);
            input = answer.clone();
        }
        if state["End"] == true || state["Type"] == "Succeed" {
            assert!(answers.next().is_none(), "{name} ends it, and answers are left");
            return entered;
        }
        name = match state["Type"].as_str().unwrap() {
            "Choice" => chosen(state, &input),
            _ => state["Next"].as_str().unwrap().to_owned(),
        };
    }
    unreachable!("every path ends")
}

#[test]
fn every_phase_is_a_state_and_every_state_is_reached() {
    let phases: BTreeSet<String> =
        TRANSITIONS.iter().flat_map(|(from, _, to)| [from, to]).map(|phase| format!("{phase:?}")).collect();
    for name in &phases {
        assert!(STATES.contains_key(name), "there is no state {name}");
    }
    let mut reached = BTreeSet::new();
    let mut open = vec![MACHINE["StartAt"].as_str().unwrap().to_owned()];
    while let Some(name) = open.pop() {
        let state = STATES.get(&name).unwrap_or_else(|| panic!("there is no state {name}"));
        if reached.insert(name) {
            let list = |key: &str| state[key].as_array().cloned().unwrap_or_default();
            let nested = state["ItemProcessor"]["StartAt"].clone();
            let followers = list("Choices").into_iter().chain(list("Catch")).map(|each| each["Next"].clone());
            let all = followers.chain([state["Next"].clone(), state["Default"].clone(), nested]);
            open.extend(all.filter_map(|next| next.as_str().map(str::to_owned)));
        }
    }
    let unreached: Vec<_> = STATES.keys().filter(|name| !reached.contains(*name)).collect();
    assert!(unreached.is_empty(), "never reached: {unreached:?}");
}

/// cfn-lint has a schema of the States Language (E3601). It takes `MaxConcurrency` for a number
/// only, where the language allows an expression in a JSONata state: nothing else may be wrong.
#[test]
fn cfn_lint_knows_every_field() {
    assert_eq!(complaints(&MACHINE), ["E3601 '{% $clusters_in_flight %}' is not of type 'number'"]);
    let mut broken = MACHINE.clone();
    broken["States"]["Clusters"]["ItemProcessor"]["States"]["Determine"]["Parameters"] = json!({});
    assert_eq!(complaints(&broken).len(), 2, "a misplaced field is not found");
}

fn complaints(machine: &Value) -> Vec<String> {
    let template = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Resources": { "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": { "RoleArn": "arn:aws:iam::000000000000:role/none", "Definition": machine },
        } },
    });
    let scratch = spotkeeper_tests::paths::scratch("cfn-lint").unwrap();
    let file = scratch.join("template.json");
    std::fs::write(&file, template.to_string()).unwrap();
    let output =
        Command::new(tool("cfn-lint").unwrap()).arg(&file).env_clear().envs(environment(&[])).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    printed.lines().filter(|line| line.starts_with(['E', 'W'])).map(str::to_owned).collect()
}

/// On MiniStack: the whole definition is accepted, a broken expression is not, and each choice
/// alone leads where the walk above says, for every answer.
#[test]
fn each_choice_alone_dispatches_every_answer() {
    let ministack = MiniStack::start(&Options::default()).unwrap();
    let api = ministack.api();
    create(&api, "whole", &MACHINE).unwrap();
    let mut broken = MACHINE.clone();
    broken["States"]["AfterBegin"]["Choices"][0]["Condition"] = json!("{% $states.input.next = %}");
    let refused = create(&api, "broken", &broken).unwrap_err();
    assert!(format!("{refused:#}").contains("JSONATA"), "{refused:#}");
    let validated =
        api.call(STEP_FUNCTIONS, "ValidateStateMachineDefinition", &json!({ "definition": MACHINE.to_string() }));
    assert_eq!(validated.unwrap()["result"], "OK");

    let mut tried = BTreeSet::new();
    for (name, field) in CHOICES {
        let answers = match name {
            "AfterBegin" => all_begin(),
            "AfterDetermine" => all_determine(),
            "AfterUpdate" => [all_outcomes(), vec![json!("error")]].concat(),
            "AfterCheck" => all_next(),
            "AfterEnd" => all_end(),
            other => panic!("{other}"),
        };
        for answer in answers {
            let input = Input::of(field, answer.as_str().unwrap());
            let expected = chosen(&STATES[name], &input);
            assert_eq!(test_state(&api, name, &json!({ field: answer }), &json!({})), expected, "{name} at {answer}");
            tried.insert(name);
        }
    }
    for cursor in [json!(1), Value::Null] {
        let input = Input { cursor: cursor.clone(), ..Input::default() };
        let expected = chosen(&STATES["AfterMoves"], &input);
        assert_eq!(test_state(&api, "AfterMoves", &json!([]), &json!({ "cursor": cursor })), expected, "at {cursor}");
        tried.insert("AfterMoves");
    }
    for then in [Then::Verify, Then::NextWave] {
        let expected = chosen(&STATES["AfterWave"], &Input::of("then", json(then).as_str().unwrap()));
        assert_eq!(test_state(&api, "AfterWave", &json!([]), &json!({ "then": then })), expected, "{then:?}");
        tried.insert("AfterWave");
    }
    let choices: BTreeSet<&str> =
        STATES.iter().filter(|(_, state)| state["Type"] == "Choice").map(|(name, _)| name.as_str()).collect();
    assert_eq!(tried, choices, "choices tried");
}

fn create(api: &Api, name: &str, machine: &Value) -> anyhow::Result<Value> {
    let role = "arn:aws:iam::000000000000:role/none";
    let input = json!({ "name": name, "definition": machine.to_string(), "roleArn": role });
    api.call(STEP_FUNCTIONS, "CreateStateMachine", &input)
}

/// Where a state leads, run alone. MiniStack takes variables inside the context only.
fn test_state(api: &Api, name: &str, input: &Value, variables: &Value) -> String {
    let mut state = STATES[name].clone();
    state["QueryLanguage"] = json!("JSONata");
    let request = json!({
        "definition": state.to_string(),
        "roleArn": "arn:aws:iam::000000000000:role/none",
        "input": input.to_string(),
        "variables": variables.to_string(),
        "context": json!({ "variables": variables }).to_string(),
    });
    let answer = api.call(STEP_FUNCTIONS, "TestState", &request).unwrap();
    assert_eq!(answer["status"], "SUCCEEDED", "{name}: {answer}");
    answer["nextState"].as_str().unwrap().to_owned()
}
