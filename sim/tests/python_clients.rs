//! boto3 and the AWS CLI against the real binary.
//!
//! `SPOTKEEPER_PYTHON` names a Python that has boto3 and the AWS CLI beside it; without it these
//! tests are skipped. `cargo xtask test` names the one of its tools.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use spotkeeper_tests::skips::skip;

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

fn start() -> std::io::Result<Sim> {
    let account = concat!(env!("CARGO_MANIFEST_DIR"), "/accounts/demo.yaml");
    let mut child = Command::new(env!("CARGO_BIN_EXE_aws-sim"))
        .args(["--account", account, "--port", "0"])
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

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn boto3_reads_every_answer() {
    let Some(python) = python("boto3_reads_every_answer") else {
        return;
    };
    let sim = start().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python/read_everything.py");
    let output = Command::new(python).arg(script).arg(&sim.url).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
}

/// Runs the AWS CLI that stands beside this Python.
fn aws(python: &Path, sim: &Sim, arguments: &[&str]) -> std::io::Result<Output> {
    let cli = python.with_file_name("aws");
    let mut command = Command::new(python);
    command.arg(cli).args(arguments).args(["--output", "json"]);
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "y"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_DEFAULT_REGION", "eu-west-1"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ] {
        command.env(name, value);
    }
    for service in
        ["ECS", "ELASTIC_LOAD_BALANCING_V2", "AUTO_SCALING", "APPLICATION_AUTO_SCALING", "EC2", "SERVICE_QUOTAS"]
    {
        command.env(format!("AWS_ENDPOINT_URL_{service}"), &sim.url);
    }
    command.output()
}

#[test]
fn the_aws_cli_reads_its_answers() {
    let Some(python) = python("the_aws_cli_reads_its_answers") else {
        return;
    };
    let sim = start().unwrap();
    let table: [(&[&str], &str); 8] = [
        (&["ecs", "list-clusters"], "cluster/shop"),
        (&["ecs", "list-services", "--cluster", "shop"], "service/shop/web"),
        (&["ecs", "describe-services", "--cluster", "shop", "--services", "web"], "\"launchType\": \"FARGATE\""),
        (&["elbv2", "describe-target-groups"], "\"TargetGroupName\": \"web\""),
        (&["autoscaling", "describe-auto-scaling-groups"], "\"OnDemandPercentageAboveBaseCapacity\": 0"),
        (&["application-autoscaling", "describe-scalable-targets", "--service-namespace", "ecs"], "service/shop/web"),
        (&["ec2", "describe-instance-types", "--instance-types", "m5.large"], "\"DefaultVCpus\": 2"),
        (&["service-quotas", "get-service-quota", "--service-code", "fargate", "--quota-code", "L-3032A538"], "4000.0"),
    ];
    for (arguments, text) in table {
        let output = aws(&python, &sim, arguments).unwrap();
        assert!(output.status.success() && told(&output).contains(text), "{arguments:?}: {}", told(&output));
    }
    let strategy = "capacityProvider=FARGATE,base=1,weight=1";
    let refused = aws(
        &python,
        &sim,
        &["ecs", "update-service", "--cluster", "shop", "--service", "web", "--capacity-provider-strategy", strategy],
    )
    .unwrap();
    assert!(
        !refused.status.success() && told(&refused).contains("you must force a new deployment"),
        "{}",
        told(&refused)
    );
}
