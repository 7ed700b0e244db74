//! The released functions, and a run of them over 500 services.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use spotkeeper_tests::api::STEP_FUNCTIONS;
use spotkeeper_tests::local::Local;
use spotkeeper_tests::ministack::{Options, functions};
use spotkeeper_tests::paths;
use spotkeeper_tests::rie::{Emulator, Endpoints};

use crate::shell::{Shell, step};

/// The functions, by their names in the template and in `AWS_SDK_UA_APP_ID`.
const FUNCTIONS: [(&str, &str); 4] = [
    ("Determiner", "determiner"),
    ("Updater", "updater"),
    ("StabilityChecker", "stability-checker"),
    ("Recorder", "recorder"),
];
/// How often a start is timed; the median is told.
const STARTS: usize = 9;
/// How long a run over 500 services may take.
const PATIENCE: Duration = Duration::from_secs(900);
/// Everything may move at once, and seconds stand for minutes.
const POLICY: &str = "
mode: active
enrolment: opt_out
budget: { ceiling_percent: 50, step_percent: 50, blast_radius_percent: 100 }
pace: { restart_percent: 100 }
rules: { ec2_default_stop_timeout_seconds: 30 }
verify: { dwell_seconds: 1, poll_seconds: 5 }
";

/// Builds the functions for release and measures them. What it built stays under `.aws-sam`, in
/// place of the dev build.
pub(super) fn measure(shell: &Shell) -> anyhow::Result<()> {
    let mut release = shell.command("sam");
    step("sam build", release.arg("build").env_remove("SAM_BUILD_MODE").env_remove("CARGO_LAMBDA_BUILD.WORKSPACE"))?;
    let example = ["build", "--release", "--package", "spotkeeper-lambda", "--example", "nothing"];
    step("cargo build", shell.command("cargo").args(example))?;
    step("cargo build", shell.command("cargo").args(["build", "--workspace", "--bin", "aws-sim"]))?;
    let nothing = paths::workspace().join("target").join(shell.host()).join("release/examples/nothing");

    let account = paths::workspace().join("sim/accounts/fleet.yaml");
    let local = Local::start(&account, 10, Options::default())?;
    local.stack.put_policy(POLICY)?;
    println!("\n{:<18} {:>10} {:>14} {:>10} {:>12}", "function", "MiB", "first call ms", "next ms", "peak MiB");
    let endpoints = Endpoints {
        serverless: local.ministack.url().to_owned(),
        fleet: local.simulator.url().to_owned(),
        table: local.stack.output("TableName")?.to_owned(),
        policy_parameter: local.stack.output("PolicyParameterName")?.to_owned(),
        state_machine: local.stack.output("StateMachineArn")?.to_owned(),
    };
    let started = Instant::now();
    let (output, peaks) = watched(&local)?;
    let took = started.elapsed();
    let mut rows = vec![("nothing", nothing, None)];
    for (name, app) in FUNCTIONS {
        rows.push((app, paths::function(name)?, peaks.get(app).copied()));
    }
    for (name, binary, peak) in rows {
        let (first, next) = starts(&binary, &endpoints)?;
        let peak = peak.map_or_else(|| "-".to_owned(), |peak| format!("{:.1}", mib(peak)));
        println!("{name:<18} {:>10.1} {first:>14.1} {next:>10.1} {peak:>12}", mib(binary.metadata()?.len()));
    }
    println!("\nthe run: {output} in {:.0} s", took.as_secs_f64());
    println!("largest state payload: {} bytes", largest_payload(&local)?);
    Ok(())
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// One run, and the most memory that a process of each function had resident meanwhile, in bytes.
fn watched(local: &Local) -> anyhow::Result<(Value, BTreeMap<String, u64>)> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let peaks = scope.spawn(|| {
            let mut peaks = BTreeMap::new();
            while !over.load(Ordering::Relaxed) {
                look(local.ministack.scratch(), &mut peaks);
                std::thread::sleep(Duration::from_millis(20));
            }
            peaks
        });
        let execution = local.stack.run("bench", &json!({}), PATIENCE);
        over.store(true, Ordering::Relaxed);
        let peaks = peaks.join().map_err(|_| anyhow::anyhow!("the watch failed"))?;
        let execution = execution?;
        ensure!(execution.status == "SUCCEEDED", "the run {}: {}", execution.status, execution.cause);
        ensure!(execution.output["moves"]["stable"].is_u64(), "nothing moved: {}", execution.output);
        Ok((execution.output, peaks))
    })
}

/// Takes the peak of each function's process that there is: `VmHWM`. Linux only, by `/proc`.
fn look(scratch: &Path, peaks: &mut BTreeMap<String, u64>) {
    for (process, function) in functions(scratch).unwrap_or_default() {
        let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        let peak: u64 = peak.unwrap_or(0) * 1024;
        let known = peaks.entry(function).or_default();
        *known = peak.max(*known);
    }
}

/// How long the first call takes, from the start of the process, and the next one, in milliseconds:
/// medians. The input is one that every function refuses, or does nothing with, so that both calls
/// cost what the runtime costs.
fn starts(binary: &Path, endpoints: &Endpoints) -> anyhow::Result<(f64, f64)> {
    let (mut first, mut next) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let mut emulator = Emulator::start_binary(binary, "bench", 60, endpoints)?;
        for times in [&mut first, &mut next] {
            let started = Instant::now();
            emulator.invoke("{}")?;
            times.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
    }
    Ok((median(first), median(next)))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The most bytes that a state of the run took in or gave out.
fn largest_payload(local: &Local) -> anyhow::Result<usize> {
    let machine = local.stack.output("StateMachineArn")?;
    let executions = local.stack.api.call(STEP_FUNCTIONS, "ListExecutions", &json!({ "stateMachineArn": machine }))?;
    let arn = executions["executions"][0]["executionArn"].as_str().context("there is no execution")?;
    let mut largest = 0;
    let mut token = Value::Null;
    loop {
        let mut input = json!({ "executionArn": arn, "maxResults": 1000 });
        if !token.is_null() {
            input["nextToken"] = token;
        }
        let mut page = local.stack.api.call(STEP_FUNCTIONS, "GetExecutionHistory", &input)?;
        for event in page["events"].as_array().into_iter().flatten() {
            for details in event.as_object().into_iter().flat_map(|event| event.values()) {
                for part in ["input", "output", "parameters"] {
                    largest = largest.max(details[part].as_str().map_or(0, str::len));
                }
            }
        }
        token = page["nextToken"].take();
        if token.is_null() {
            return Ok(largest);
        }
    }
}
