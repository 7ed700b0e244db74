//! The binary: its first line, and how it says what is wrong.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

const DEMO: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/accounts/demo.yaml");

#[test]
fn the_first_line_tells_where_it_listens_and_a_port_in_use_is_said_so() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_aws-sim"))
        .args(["--account", DEMO, "--port", "0", "--speed", "10"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().strip_prefix("listening on http://127.0.0.1:").unwrap_or_default().to_owned();
    let second =
        Command::new(env!("CARGO_BIN_EXE_aws-sim")).args(["--account", DEMO, "--port", &port]).output().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(port.parse::<u16>().is_ok_and(|p| p > 0), "{line:?}");
    assert!(!second.status.success());
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains(&format!("port {port}")) && told.contains("--port 0"), "{told}");
}

#[test]
fn what_cannot_be_used_is_told() {
    for (args, text) in [
        (["--account", "/nope.yaml"], "/nope.yaml: cannot be read"),
        (["--account", env!("CARGO_BIN_EXE_aws-sim")], "cannot be read"),
    ] {
        let out = Command::new(env!("CARGO_BIN_EXE_aws-sim")).args(args).output().unwrap();
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && told.contains(text), "{told}");
    }
    let out = Command::new(env!("CARGO_BIN_EXE_aws-sim")).args(["--account", DEMO, "--speed", "0"]).output().unwrap();
    assert!(String::from_utf8_lossy(&out.stderr).contains("above 0"));
}

#[test]
fn help_teaches() {
    let out = Command::new(env!("CARGO_BIN_EXE_aws-sim")).arg("--help").output().unwrap();
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    for text in ["AWS_ENDPOINT_URL=http://127.0.0.1:4580", "/_sim/clock/advance", "sim/accounts/fargate.yaml"] {
        assert!(out.status.success() && told.contains(text), "{text:?} is missing from: {told}");
    }
    let without = Command::new(env!("CARGO_BIN_EXE_aws-sim")).output().unwrap();
    assert!(String::from_utf8_lossy(&without.stderr).contains("--account <FILE>"));
}
