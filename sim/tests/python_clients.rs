//! boto3, botocore and the AWS CLI against the real binary.
//!
//! `SPOTKEEPER_PYTHON` names a Python that has boto3 and the AWS CLI beside it; without it these
//! tests are skipped. `cargo xtask test` names the one of its tools.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as the tests themselves do")]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use spotkeeper_tests::ministack::{MiniStack, Options};
use spotkeeper_tests::skips::skip;

const HERE: &str = env!("CARGO_MANIFEST_DIR");

struct Sim {
    child: Child,
    url: String,
}

impl Drop for Sim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(account: &str) -> std::io::Result<Sim> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_aws-sim"))
        .args(["--account", &format!("{HERE}/{account}"), "--port", "0"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line)?;
    }
    let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
    Ok(Sim { child, url })
}

fn python(test: &str) -> Option<PathBuf> {
    let found = std::env::var_os("SPOTKEEPER_PYTHON").map(PathBuf::from);
    if found.is_none() {
        skip(test, "SPOTKEEPER_PYTHON is not set (a Python with boto3 and the AWS CLI)");
    }
    found
}

/// Runs a script of `tests/python`; it fails with what the script complains of.
fn run(python: &PathBuf, script: &str, arguments: &[&str]) {
    let output = Command::new(python)
        .arg(format!("{HERE}/tests/python/{script}"))
        .args(arguments)
        .envs([
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "y"),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            // What is throttled or fails is to be seen, not tried again.
            ("AWS_MAX_ATTEMPTS", "1"),
            ("PYTHONDONTWRITEBYTECODE", "1"),
        ])
        .output();
    let told = match &output {
        Ok(o) => format!("{}{}", String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr)),
        Err(e) => e.to_string(),
    };
    assert!(output.is_ok_and(|o| o.status.success()), "{script}: {told}");
}

#[test]
fn the_request_models_are_botocores() {
    let Some(python) = python("the_request_models_are_botocores") else {
        return;
    };
    run(&python, "models.py", &["check", &format!("{HERE}/src/wire/model")]);
}

#[test]
fn the_aws_cli_drives_every_call_and_every_answer_fits_its_model() {
    let Some(python) = python("the_aws_cli_drives_every_call_and_every_answer_fits_its_model") else {
        return;
    };
    let demo = start("accounts/demo.yaml").unwrap();
    run(&python, "every_call.py", &[&demo.url, &format!("{HERE}/src/wire/model")]);
}

#[test]
fn boto3_pages_waits_and_raises() {
    let Some(python) = python("boto3_pages_waits_and_raises") else {
        return;
    };
    let [pages, demo, mixed] = ["tests/accounts/pages.yaml", "accounts/demo.yaml", "accounts/mixed.yaml"]
        .map(|account| start(account).unwrap());
    run(&python, "boto3_calls.py", &[&pages.url, &demo.url, &mixed.url]);
}

#[test]
fn the_strict_walk_finds_what_the_model_does_not_have() {
    let Some(python) = python("the_strict_walk_finds_what_the_model_does_not_have") else {
        return;
    };
    run(&python, "strict_test.py", &[]);
}

#[test]
fn the_first_commands_of_the_readme_work_in_a_shell() {
    let Some(python) = python("the_first_commands_of_the_readme_work_in_a_shell") else {
        return;
    };
    let sim = start("accounts/fargate.yaml").unwrap();
    let lines = include_str!("../README.md").lines().filter_map(|line| line.strip_prefix("$ "));
    let commands: Vec<&str> = lines.filter(|line| line.starts_with("export ") || line.starts_with("aws ")).collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    let commands = commands.join("\n").replace("http://127.0.0.1:4580", &sim.url);
    // The AWS CLI stands beside this Python. Nothing else of this machine is to help.
    let path = format!("{}:/usr/bin:/bin", python.parent().unwrap().display());
    let output = Command::new("sh").args(["-ec", &commands]).env_clear().env("PATH", path).output().unwrap();
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("service/shop/web"), "{told}");
}

/// The same calls on another simulator: what differs is listed in `tests/differences.toml`.
fn compare(test: &str, name: &str, other: &str) {
    let Some(python) = python(test) else {
        return;
    };
    let here = start("tests/accounts/differential.yaml").unwrap();
    run(&python, "differential.py", &[name, other, &here.url, &format!("{HERE}/tests/differences.toml")]);
}

#[test]
fn moto_differs_where_it_is_listed() {
    compare("moto_differs_where_it_is_listed", "moto", "-");
}

#[test]
fn ministack_differs_where_it_is_listed() {
    const TEST: &str = "ministack_differs_where_it_is_listed";
    if let Err(missing) = spotkeeper_tests::paths::ministack() {
        return skip(TEST, &missing.to_string());
    }
    let ministack = MiniStack::start(&Options::default()).unwrap();
    compare(TEST, "ministack", ministack.url());
}
