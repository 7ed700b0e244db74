//! Running other programs.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use spotkeeper_tests::paths;

/// What every program that a task starts has in common.
#[derive(Debug)]
pub(crate) struct Shell {
    host: String,
    path: OsString,
}

impl Shell {
    /// Finds out about this machine.
    pub(crate) fn new() -> anyhow::Result<Shell> {
        let output = Command::new("rustc").arg("-vV").output().context("rustc cannot be started")?;
        let version = String::from_utf8(output.stdout).context("rustc -vV does not print text")?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("rustc -vV does not name its host")?.to_owned();
        let own = venv().join("bin");
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([own].into_iter().chain(std::env::split_paths(&rest)))
            .context("PATH cannot be put together")?;
        Ok(Shell { host, path })
    }

    /// The target triple of this machine.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// A command in the workspace's directory.
    ///
    /// Cargo builds for the host by name: cargo-lambda does, and so both share what they build.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(paths::workspace())
            .env("PATH", &self.path)
            .env("CARGO_BUILD_TARGET", &self.host)
            .env("CARGO_LAMBDA_COMPILER", "cargo")
            // All members, so that the functions are built with the dependencies that the tests have.
            .env("CARGO_LAMBDA_BUILD.WORKSPACE", "true")
            .env("SAM_BUILD_MODE", "debug")
            .env("SAM_CLI_TELEMETRY", "0")
            // The tests of the simulator that speak to it through boto3 and the AWS CLI.
            .env("SPOTKEEPER_PYTHON", venv().join("bin/python"));
        command
    }
}

/// The tools' virtual environment.
pub(crate) fn venv() -> PathBuf {
    paths::workspace().join("target/tools/venv")
}

/// Runs a step to its end; what it prints is shown as it comes.
pub(crate) fn step(name: &str, command: &mut Command) -> anyhow::Result<()> {
    println!("== {name}");
    let started = Instant::now();
    let status = command.status().with_context(|| started_not(command))?;
    println!("== {name}: {}", seconds(started.elapsed()));
    ensure!(status.success(), "{name} failed");
    Ok(())
}

/// Runs a step and hands each line of its standard output to `see`, beside showing it. Answers
/// whether it succeeded.
pub(crate) fn step_read(name: &str, command: &mut Command, mut see: impl FnMut(&str)) -> anyhow::Result<bool> {
    println!("== {name}");
    let started = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| started_not(command))?;
    let Some(output) = child.stdout.take() else { bail!("{name} has no output") };
    for line in BufReader::new(output).lines() {
        let line = line.with_context(|| format!("{name} does not print text"))?;
        println!("{line}");
        see(&line);
    }
    let status = child.wait().with_context(|| format!("{name} was lost"))?;
    println!("== {name}: {}", seconds(started.elapsed()));
    Ok(status.success())
}

/// A duration for people.
pub(crate) fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        whole if whole >= 60 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}

fn started_not(command: &Command) -> String {
    format!("{} cannot be started", Path::new(command.get_program()).display())
}
