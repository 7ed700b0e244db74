//! The operator's tool: a look at a large account, files, and its start.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use spotkeeper_tests::daemon::environment;
use spotkeeper_tests::paths;
use spotkeeper_tests::sim::Simulator;

use crate::shell::{Shell, seconds, step, venv};

/// The documented bucket of Elastic Load Balancing: so many at once, so many a second. It is the floor of a cold look.
const ELB: (f64, f64) = (40.0, 10.0);
/// The part of the account's rates that the tool is told to use, in percent.
const RATE_PERCENT: u32 = 90;
/// How often a start is timed; the median is told.
const STARTS: usize = 11;
/// How often a process is looked at while it runs.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Builds the tool and measures it.
pub(super) fn measure(shell: &Shell, profile: &str, services: u32) -> anyhow::Result<()> {
    let programs = ["--bin", "spotkeeper", "--bin", "aws-sim"];
    let mut cargo = shell.command("cargo");
    step("cargo build", cargo.args(["build", "--workspace", "--profile", profile]).args(programs))?;
    let directory = if profile == "dev" { "debug" } else { profile };
    let built = paths::workspace().join("target").join(shell.host()).join(directory);
    let tool = built.join("spotkeeper");
    println!("\nprofile {profile}");
    starts(&tool)?;
    files(&tool)?;
    account(&tool, &built.join("aws-sim"), services)
}

/// How long `--help` takes with the program's file not in memory, and with it there.
fn starts(tool: &Path) -> anyhow::Result<()> {
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        // Has the kernel forget the file; what else a start reads is glibc, which every program keeps in memory.
        let forget = ["oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"];
        let status =
            Command::new("dd").arg(format!("of={}", tool.display())).args(forget).stdin(Stdio::null()).status()?;
        ensure!(status.success(), "dd failed");
        for times in [&mut cold, &mut warm] {
            let started = Instant::now();
            let output = Command::new(tool).arg("--help").output()?;
            times.push(started.elapsed().as_secs_f64() * 1_000.0);
            ensure!(output.status.success() && !output.stdout.is_empty(), "--help failed");
        }
    }
    let size = tool.metadata()?.len() as f64 / f64::from(1 << 20);
    println!("--help: {:.1} ms cold, {:.1} ms warm (medians of {STARTS}); {size:.1} MiB", median(cold), median(warm));
    Ok(())
}

/// How many files of the corpus are judged in a second: all in one call, and a call each.
fn files(tool: &Path) -> anyhow::Result<()> {
    let corpus = paths::workspace().join("../shared/data/task-definitions");
    if !corpus.is_dir() {
        println!("check: the corpus is not beside the project");
        return Ok(());
    }
    let names = std::fs::read_dir(corpus)?.map(|entry| Ok(entry?.path()));
    let mut names: Vec<PathBuf> = names.collect::<anyhow::Result<_>>()?;
    names.retain(|name| name.extension().is_some_and(|extension| extension == "json"));
    let check = |names: &[PathBuf]| -> anyhow::Result<f64> {
        let started = Instant::now();
        let output = Command::new(tool).arg("check").args(names).output()?;
        ensure!(matches!(output.status.code(), Some(0 | 1)), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(started.elapsed().as_secs_f64())
    };
    let (mut at_once, mut each) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        at_once.push(check(&names)?);
        each.push(names.iter().map(|name| check(std::slice::from_ref(name))).sum::<anyhow::Result<f64>>()?);
    }
    let count = names.len() as f64;
    let (at_once, each) = (count / median(at_once), count / median(each));
    println!("check: {} files, {at_once:.0} a second in one call, {each:.0} a second in a call each", names.len());
    Ok(())
}

/// `assess` on a large account, and the script beside it.
fn account(tool: &Path, simulator: &Path, services: u32) -> anyhow::Result<()> {
    let scratch = paths::scratch("bench-assess")?;
    let (account, policy) = (scratch.join("account.yaml"), scratch.join("policy.yaml"));
    std::fs::write(&account, account_of(services)?)?;
    std::fs::write(&policy, format!("api_rate_percent: {RATE_PERCENT}\n"))?;
    let simulator = Simulator::start_as(simulator, &account, 1)?;
    let clusters = services.div_ceil(100);
    // performance.md B.3: lists and descriptions of clusters and services, then one call for each task definition and
    // each target group; the fields of DescribeTargetGroups are not needed.
    let floor = 2 + clusters * (1 + 10) + 1 + 2 * services;
    let wall = |share: f64| (f64::from(services) - ELB.0 * share) / (ELB.1 * share);
    let (whole, at_rate) = (wall(1.0).max(1.0), wall(f64::from(RATE_PERCENT) / 100.0).max(1.0));
    println!("\n{services} services in {clusters} clusters: the floor is {floor} calls, {whole:.0} s");
    println!("at {RATE_PERCENT} % of the account's rates {at_rate:.0} s");

    let policy = policy.display().to_string();
    let mut assess = Command::new(tool);
    assess.args(["assess", "--quiet", "--output", "json", "--policy", &policy, "--endpoint-url", simulator.url()]);
    let script = paths::workspace().join("xtask/src/bench/assess.py");
    let mut plain = Command::new(venv().join("bin/python"));
    plain.arg(script).arg(simulator.url());
    // The script takes all that it can get.
    for (name, command, floor_seconds) in [("assess", &mut assess, at_rate), ("the script", &mut plain, whole)] {
        simulator.tell("/_sim/counters/reset", &json!({}))?;
        let (took, peak) = watched(command)?;
        let counters = simulator.ask("/_sim/counters")?;
        let sum = |name: &str| -> u64 {
            let counts: BTreeMap<String, u64> = serde_json::from_value(counters[name].clone()).unwrap_or_default();
            counts.values().sum()
        };
        let (calls, throttled) = (sum("calls"), sum("throttled"));
        let over = took.as_secs_f64() / floor_seconds;
        println!(
            "{name}: {} ({over:.3} of its floor), {calls} calls ({:.3} of the floor), {throttled} throttled, \
             peak {:.0} MiB",
            seconds(took),
            calls as f64 / f64::from(floor),
            peak as f64 / f64::from(1 << 20),
        );
    }
    Ok(())
}

/// The account of `sim/accounts/fleet.yaml`, larger.
fn account_of(services: u32) -> anyhow::Result<String> {
    let fleet = std::fs::read_to_string(paths::workspace().join("sim/accounts/fleet.yaml"))?;
    let (head, rest) = fleet.split_once("clusters:\n").context("fleet.yaml has no clusters")?;
    let (_, rest) = rest.split_once("taskDefinitions:\n").context("fleet.yaml has no task definitions")?;
    let names: Vec<String> = (1..=services.div_ceil(100)).map(|number| format!("c{number}")).collect();
    let one = |name: &String| format!("  - {{ clusterName: {name}, capacityProviders: [FARGATE, FARGATE_SPOT] }}\n");
    let clusters: String = names.iter().map(one).collect();
    let rest = rest.replace("count: 500", &format!("count: {services}"));
    // The account's quota of Fargate bears no more tasks of so many.
    let rest = rest.replace("desiredCount: 4", "desiredCount: 2");
    let rest = rest.replace("[c1, c2, c3, c4, c5]", &format!("[{}]", names.join(", ")));
    ensure!(rest.contains(&format!("count: {services}")) && rest.contains("[c1, "), "fleet.yaml has changed");
    Ok(format!("{head}clusters:\n{clusters}taskDefinitions:\n{rest}"))
}

/// Runs a program to its end; how long it took, and the most memory that it had resident (`VmHWM`), in bytes.
fn watched(command: &mut Command) -> anyhow::Result<(Duration, u64)> {
    let started = Instant::now();
    let mut child = command.env_clear().envs(environment(&[])).stdout(Stdio::null()).spawn()?;
    let status = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next()?.parse().ok());
        peak = kib.map_or(0, |kib: u64| kib * 1024).max(peak);
        if let Some(ended) = child.try_wait()? {
            ensure!(ended.success(), "{command:?} has ended ({ended})");
            return Ok((started.elapsed(), peak));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}
