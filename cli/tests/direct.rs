//! `kill --direct` and the way back, against a simulated account and nothing else.

#![allow(clippy::unwrap_used, reason = "the helpers of a test, too")]

mod common;

use std::path::{Path, PathBuf};

use aws_sim::world::faults::Fault;
use common::{Account, commands, on_terminal, root, text};
use serde_json::{Value, json};

/// A journal that is not there yet.
fn journal(name: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    _ = std::fs::remove_file(&path);
    path.display().to_string()
}

fn answer(account: &Account, arguments: &[&str], status: i32) -> Value {
    let output = account.run(&[arguments, &["--quiet", "--output", "json"]].concat(), &[]);
    let complained = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}{complained}", text(&output.stdout));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let schemas: Value =
        serde_json::from_str(&std::fs::read_to_string(root().join("../docs/cli.schema.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schemas["direct"]).unwrap();
    assert!(validator.is_valid(&answer), "{answer}");
    answer
}

#[test]
fn everything_comes_back_by_ecs_alone_and_goes_where_it_was() {
    let account = Account::at_speed("on-spot.yaml", 60.0);
    let (first, second, third) = (journal("first.jsonl"), journal("second.jsonl"), journal("third.jsonl"));
    let kill = |journal: &str, more: &[&str], status: i32| {
        let arguments = [&["kill", "--direct", "--reason", "half down", "--journal", journal], more].concat();
        answer(&account, &arguments, status)
    };
    let killed = kill(&first, &[], 0);
    assert_eq!((&killed["written"], &killed["still_on_spot"]), (&json!(["shop/api", "shop/web"]), &json!([])));
    assert_eq!(killed["left"][0]["service"], "shop/others", "not enrolled, and said so: {killed}");
    assert_eq!(kill(&second, &["--no-follow"], 0)["written"], json!([]), "nothing is left to bring back");
    // A journal is never written over: it is the only way back.
    let output = account.run(&["kill", "--direct", "--reason", "x", "--journal", &first], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot be begun: nothing was written"), "{}", text(&output.stderr));

    let resumed = answer(&account, &["resume", "--direct", "--journal", &first], 0);
    assert_eq!(resumed["written"], json!(["shop/api", "shop/web"]));
    assert_eq!(answer(&account, &["resume", "--direct", "--journal", &first], 0)["written"], json!([]), "once");
    let again = kill(&third, &["--no-follow", "--unenrolled", "--preempt"], 0);
    assert_eq!(again["written"], json!(["shop/api", "shop/others", "shop/web"]), "what was there was put back");
}

/// A journal's line as if what is in place were neither what was there before nor what the kill wrote.
fn somebody_else_s(line: &str) -> Value {
    let mut line: Value = serde_json::from_str(line).unwrap();
    line["state"] = json!("written");
    line["before"] = json!({ "launch_type": "external" });
    line["after"] = json!({ "launch_type": "external" });
    line
}

#[test]
fn what_is_refused_is_named_and_stays_as_it_is() {
    let account = Account::at_speed("on-spot.yaml", 60.0);
    let fault = Fault::Deny { action: "ecs:UpdateService".to_owned(), resource: "service/shop/web".to_owned() };
    account.sim.with_world(|world| world.set_fault(fault, true, &["ecs:UpdateService"])).unwrap();
    let path = journal("refused.jsonl");
    let killed = answer(&account, &["kill", "--direct", "--reason", "x", "--no-follow", "--journal", &path], 1);
    assert_eq!(killed["written"], json!(["shop/api"]));
    let left = killed["left"].as_array().unwrap();
    let web = left.iter().find(|one| one["service"] == "shop/web").unwrap();
    assert_eq!((&web["alarms"], web["why"].as_str().unwrap().contains("ecs:UpdateService")), (&json!(true), true));
    let resumed = answer(&account, &["resume", "--direct", "--journal", &path], 0);
    assert_eq!(resumed["written"], json!(["shop/api"]), "what was refused is not put back");
    // Somebody has changed it since: it is theirs. First its deployment ends: a kill leaves alone what deploys.
    account.sim.with_world(|world| world.advance_by(600.0));
    let path = journal("changed.jsonl");
    answer(&account, &["kill", "cluster/shop", "--direct", "--reason", "x", "--no-follow", "--journal", &path], 1);
    answer(&account, &["resume", "--direct", "--journal", &path], 0);
    let lines = std::fs::read_to_string(&path).unwrap();
    let last: Vec<String> = lines.lines().map(|line| somebody_else_s(line).to_string() + "\n").collect();
    std::fs::write(&path, last.concat()).unwrap();
    let resumed = answer(&account, &["resume", "--direct", "--journal", &path], 1);
    assert!(resumed["left"][0]["why"].as_str().unwrap().starts_with("somebody has changed it since"), "{resumed}");
}

fn updates(account: &Account) -> u64 {
    account.sim.with_world(|world| world.counters.update_service.values().sum())
}

fn states(journal: &str) -> Vec<String> {
    let text = std::fs::read_to_string(journal).unwrap();
    let state = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        format!("{} {}", line["service"]["name"].as_str().unwrap(), line["state"].as_str().unwrap())
    };
    text.lines().map(state).collect()
}

/// Ctrl-C in the middle of a write: that write is seen to its end and noted, no other is begun, and the way back is
/// whole.
#[test]
fn ctrl_c_leaves_no_write_half_done() {
    let account = Account::at_speed("on-spot.yaml", 60.0);
    let path = journal("interrupted.jsonl");
    let arguments = ["kill", "--direct", "--reason", "x", "--unenrolled", "--preempt", "--journal", &path];
    // Its answer is held back, after it has taken effect.
    account.hold("ecs:UpdateService", false, true);
    let mut terminal = on_terminal(&arguments, &account.environment());
    account.until_held();
    terminal.press_ctrl_c();
    terminal.until("comes to its end first");
    account.hold("ecs:UpdateService", false, false);
    let (said, status) = terminal.ended();
    assert_eq!(status, 130, "{said}");
    assert!(
        said.contains("1 service was written back to On-Demand") && said.contains("interrupted: no other"),
        "{said}"
    );
    let written = states(&path);
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(written[0].ends_with(" writing") && written[1].ends_with(" written"), "{written:?}");
    assert_eq!(updates(&account), 1);
    // The way back, interrupted as well, and taken up again.
    account.hold("ecs:UpdateService", false, true);
    let resume = ["resume", "--direct", "--journal", &path];
    let mut terminal = on_terminal(&resume, &account.environment());
    account.until_held();
    terminal.press_ctrl_c();
    terminal.until("comes to its end first");
    account.hold("ecs:UpdateService", false, false);
    let (said, status) = terminal.ended();
    assert_eq!(status, 0, "it was the last: {said}");
    assert_eq!(answer(&account, &resume, 0)["written"], json!([]));
    assert_eq!(updates(&account), 2);
}

/// A program that dies before its write has begun, and a machine that dies while a line is noted.
#[test]
fn a_kill_that_dies_leaves_a_journal_that_can_be_read() {
    let account = Account::at_speed("on-spot.yaml", 60.0);
    let path = journal("died.jsonl");
    account.hold("ecs:UpdateService", true, true);
    let arguments = ["kill", "--direct", "--reason", "x", "--journal", &path];
    let mut terminal = on_terminal(&arguments, &account.environment());
    account.until_held();
    terminal.child.kill().unwrap();
    terminal.child.wait().unwrap();
    account.hold("ecs:UpdateService", true, false);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(states(&path).len(), 1, "{text}");
    std::fs::write(&path, format!("{text}{}", &text[..40])).unwrap();
    let resumed = answer(&account, &["resume", "--direct", "--journal", &path], 0);
    assert_eq!((&resumed["written"], &resumed["left"]), (&json!([]), &json!([])), "it was never written");
    assert_eq!(states(&path).len(), 2);
    assert_eq!(updates(&account), 0);
}

/// Every command of the page, as it is written there.
#[test]
fn the_commands_of_the_docs_run() {
    let account = Account::at_speed("on-spot.yaml", 60.0);
    let written: PathBuf = root().join("tests/data/journal.jsonl");
    _ = std::fs::remove_file(&written);
    let mut ran = 0;
    for (command, status) in commands("stop-everything-when-aws-is-half-down.md") {
        let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        let output = account.run(&arguments, &[]);
        assert_eq!(output.status.code(), Some(status), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
        ran += 1;
    }
    std::fs::remove_file(written).unwrap();
    assert!(ran >= 2, "only {ran} commands were found");
}
