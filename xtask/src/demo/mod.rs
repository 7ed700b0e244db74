//! `cargo xtask demo`: Spotkeeper's main job on one machine, from `sam deploy` to the kill switch,
//! with nothing taken on trust: what is printed is compared with what AWS says.

mod aws;
mod check;
mod progress;
mod seed;
mod show;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use spotkeeper_core::assess::Assessment;
use spotkeeper_core::record::{MoveRecord, RunRecord};
use spotkeeper_tests::local::Local;
use spotkeeper_tests::ministack::Options;
use spotkeeper_tests::paths;
use spotkeeper_tests::stack::Stack;

use crate::build;
use crate::shell::{Shell, seconds};

/// The clusters of `xtask/demo/account.yaml`.
const CLUSTERS: [&str; 2] = ["data", "shop"];
/// How long a run may take. It takes less than a minute on two cores.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs the demo.
pub(crate) fn demo(shell: &Shell, keep: bool) -> anyhow::Result<()> {
    build::build(shell)?;
    let started = Instant::now();
    let files = paths::workspace().join("xtask/demo");
    show::chapter("A simulated AWS account, and Spotkeeper deployed beside it (sam deploy)");
    let local = Local::start(&files.join("account.yaml"), 1, Options::default())?;
    let stack = &local.stack;
    let policy = std::fs::read_to_string(files.join("policy.yaml")).context("the demo's policy cannot be read")?;
    stack.put_policy(&policy)?;
    seed::quarantine(stack)?;
    seed::deployment(&local.simulator)?;
    println!("ready after {}", seconds(started.elapsed()));
    let mut problems = Vec::new();

    show::chapter("Before: what AWS says (a strategy as PROVIDER WEIGHT, or PROVIDER BASE+WEIGHT)");
    let before = aws::ask(&local.simulator)?;
    show::fleet(&before);

    show::chapter("A run of the state machine, as the schedule starts it: {}");
    let moved = run(stack, "demo-1", &json!({}))?;
    let assessments = assessments(stack, "demo-1")?;
    show::chapter("What Spotkeeper found: every service, its suitability, each rule that does not pass");
    show::assessments(&assessments);
    show::chapter("What it did");
    show::moves(&moved);
    show::chapter("After: what AWS says");
    let after = aws::ask(&local.simulator)?;
    show::fleet(&after);
    problems.extend(check::rules(&assessments));
    problems.extend(check::moved_up(&before, &after, &moved, &assessments));

    let switch = json!({ "switch": { "scope": "all", "state": "on", "reason": "the demo brings everything back" } });
    show::chapter(&format!("The kill switch: {switch}"));
    let back = run(stack, "demo-2", &switch)?;
    show::moves(&back);
    show::chapter("At the end: what AWS says");
    let end = aws::ask(&local.simulator)?;
    show::fleet(&end);
    problems.extend(check::all_on_demand(&end, &back));

    println!();
    for problem in &problems {
        println!("NOT AS IT SHOULD BE: {problem}");
    }
    let verdict = if problems.is_empty() { "All of it as it should be" } else { "Not all of it as it should be" };
    println!("{verdict}, after {}.", seconds(started.elapsed()));
    if keep {
        stay(&local)?;
    }
    ensure!(problems.is_empty(), "{} of the demo's claims do not hold", problems.len());
    Ok(())
}

/// Runs the state machine to its end, and shows how its moves come along.
fn run(stack: &Stack, name: &str, input: &Value) -> anyhow::Result<Vec<MoveRecord>> {
    let execution = stack.start(name, input)?;
    let started = Instant::now();
    let mut progress = progress::Progress::new();
    loop {
        let state = stack.execution(&execution)?;
        let moves = moves(stack, name)?;
        progress.show(&moves);
        if state.status != "RUNNING" {
            progress.end();
            ensure!(state.status == "SUCCEEDED", "the run {}: {}: {}", state.status, state.error, state.cause);
            let record = record(stack, name)?;
            let status = record.ended.as_ref().map_or_else(String::new, |end| format!("{:?}", end.status));
            println!("the run ended after {}: {status}", seconds(started.elapsed()));
            return Ok(moves);
        }
        ensure!(started.elapsed() < PATIENCE, "the run takes longer than {}", seconds(PATIENCE));
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn moves(stack: &Stack, run: &str) -> anyhow::Result<Vec<MoveRecord>> {
    let bodies = stack.bodies(&format!("move/{run}"))?;
    let read = |body| serde_json::from_value(body).context("the record of a move is not understood");
    bodies.into_iter().map(read).collect()
}

fn record(stack: &Stack, run: &str) -> anyhow::Result<RunRecord> {
    let body = stack.bodies("run")?.into_iter().find(|body| body["id"] == run);
    serde_json::from_value(body.context("the run has no record")?).context("the record of a run is not understood")
}

fn assessments(stack: &Stack, run: &str) -> anyhow::Result<Vec<Assessment>> {
    let mut all = Vec::new();
    for cluster in CLUSTERS {
        for body in stack.bodies(&format!("assessments/{run}/{cluster}"))? {
            let part: Vec<Assessment> = serde_json::from_value(body).context("an assessment is not understood")?;
            all.extend(part);
        }
    }
    Ok(all)
}

/// Leaves everything running and says where.
fn stay(local: &Local) -> anyhow::Result<()> {
    let (ministack, fleet) = (local.ministack.url(), local.simulator.url());
    println!("\nAll of it keeps running until Ctrl-C. The kill switch is on.\n");
    println!("  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1");
    println!("  export AWS_ENDPOINT_URL={ministack}   # Step Functions, DynamoDB, SSM, Lambda and the rest");
    println!(
        "  export AWS_ENDPOINT_URL_ECS={fleet}   # ECS, and EC2, ELASTIC_LOAD_BALANCING_V2, AUTO_SCALING likewise"
    );
    println!("  target/tools/venv/bin/aws ecs describe-services --cluster shop --services web api");
    println!(
        "  target/tools/venv/bin/aws stepfunctions start-execution --state-machine-arn {} --input \\\n    '{}'",
        local.stack.output("StateMachineArn")?,
        json!({ "switch": { "scope": "all", "state": "off", "reason": "on with it" } }),
    );
    println!("\n  logs: {} and {}", local.ministack.log().display(), local.simulator.log().display());
    loop {
        std::thread::park();
    }
}
