//! Every function, with every sample input, in a container: `sam local invoke`, as a developer
//! would run it. Where there is no container engine it is skipped, and says so.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use spotkeeper_tests::daemon::environment;
use spotkeeper_tests::events::EVENTS;
use spotkeeper_tests::local::Local;
use spotkeeper_tests::ministack::Options;
use spotkeeper_tests::paths::{self, tool, workspace};
use spotkeeper_tests::relay::relay;
use spotkeeper_tests::rie::Endpoints;
use spotkeeper_tests::skips::skip;

/// Never AWS's own name: nobody shall take this for an image of theirs.
const IMAGE: &str = "spotkeeper-invoke:local";
/// What SAM's layer on top of the image runs: this machine's own, with what they are linked with.
const TOOLS: [&str; 3] = ["sh", "mv", "chmod"];

#[test]
fn every_function_answers_every_sample_input_in_a_container() {
    const NAME: &str = "local_invoke";
    if !docker(&["info"]).is_some_and(|output| output.status.success()) {
        return skip(NAME, "no container engine answers");
    }
    build_image();

    let demo = workspace().join("xtask/demo");
    let local = Local::start(&demo.join("account.yaml"), 1, Options::default()).unwrap();
    local.stack.put_policy(&std::fs::read_to_string(demo.join("policy.yaml")).unwrap()).unwrap();
    let gateway = gateway();
    let reachable = |url: &str| {
        let address: SocketAddr = url.trim_start_matches("http://").parse().unwrap();
        format!("http://{}", relay(gateway, address).unwrap())
    };
    let endpoints = Endpoints {
        serverless: reachable(local.ministack.url()),
        fleet: reachable(local.simulator.url()),
        table: local.stack.output("TableName").unwrap().to_owned(),
        policy_parameter: local.stack.output("PolicyParameterName").unwrap().to_owned(),
        state_machine: local.stack.output("StateMachineArn").unwrap().to_owned(),
    };
    let template = template_with(&endpoints);
    let mut complaints = Vec::new();
    for (index, event) in EVENTS.iter().enumerate() {
        // SAM keeps the image with its layer: what an earlier run left may be of another base.
        let rebuild: &[&str] = if index == 0 { &["--force-image-build"] } else { &[] };
        let output = Command::new(tool("sam").unwrap())
            .current_dir(workspace())
            .args(["local", "invoke", event.logical_name(), "--skip-pull-image", "--invoke-image", IMAGE, "-t"])
            .arg(&template)
            .args(rebuild)
            .arg("-e")
            .arg(event.file())
            .env_clear()
            // What it looks up itself; and its environment wins over the template's.
            .envs(environment(&[("AWS_ENDPOINT_URL", &endpoints.serverless), ("AWS_MAX_ATTEMPTS", "1")]))
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        match serde_json::from_str(printed.trim()) {
            Ok(answer) => complaints.extend(event.complaint(&answer)),
            Err(_) => {
                let why = String::from_utf8_lossy(&output.stderr);
                complaints.push(format!("{}/{}: no JSON: {printed}{why}", event.function, event.kind));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// The built template with the functions' environment in it: SAM passes nothing else on.
fn template_with(endpoints: &Endpoints) -> PathBuf {
    let built = paths::built_template().unwrap();
    let path = built.with_file_name("template-invoke.yaml");
    let script = "import json, sys; from samcli.yamlhelper import yaml_parse, yaml_dump; \
        template = yaml_parse(open(sys.argv[1]).read()); \
        template['Globals']['Function']['Environment']['Variables'].update(json.loads(sys.argv[3])); \
        open(sys.argv[2], 'w').write(yaml_dump(template))";
    let variables: Value = endpoints.environment().into_iter().map(|(key, value)| (key, json!(value))).collect();
    let status = Command::new(tool("python").unwrap())
        .args(["-c", script])
        .args([&built, &path])
        .arg(variables.to_string())
        .status()
        .unwrap();
    assert!(status.success());
    path
}

fn build_image() {
    let recipe = paths::scratch("invoke-image").unwrap();
    std::fs::copy(workspace().join("tests/invoke-image/Dockerfile"), recipe.join("Dockerfile")).unwrap();
    let root = recipe.join("root");
    for directory in ["bin", "etc/ssl/certs", "lib", "lib64", "opt", "tmp", "var/task", "var/runtime", "var/rapid"] {
        std::fs::create_dir_all(root.join(directory)).unwrap();
    }
    std::fs::write(root.join("etc/passwd"), "root:x:0:0:root:/:/bin/sh\n").unwrap();
    // The SDK does not start without roots to trust, even where nothing speaks TLS.
    let certificates = Command::new(tool("python").unwrap())
        .args(["-c", "import certifi; print(certifi.where(), end='')"])
        .output()
        .unwrap();
    let certificates = String::from_utf8(certificates.stdout).unwrap();
    std::fs::copy(certificates, root.join("etc/ssl/certs/ca-certificates.crt")).unwrap();
    let mut programs = vec![paths::function("Recorder").unwrap()];
    for name in TOOLS {
        let program = Path::new("/bin").join(name).canonicalize().unwrap();
        std::fs::copy(&program, root.join("bin").join(name)).unwrap();
        programs.push(program);
    }
    for library in programs.iter().flat_map(|program| libraries(program)) {
        let place = if library.starts_with("/lib64") { "lib64" } else { "lib" };
        std::fs::copy(&library, root.join(place).join(library.file_name().unwrap())).unwrap();
    }
    // The classic builder: BuildKit is a package of its own.
    let output = Command::new("docker")
        .args(["build", "-q", "-t", IMAGE])
        .arg(&recipe)
        .env("DOCKER_BUILDKIT", "0")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What a program is linked with, as `ldd` tells: paths of files.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let output = Command::new("ldd").arg(program).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from).collect()
}

/// This machine's address on the engine's default network.
fn gateway() -> IpAddr {
    let output = docker(&["network", "inspect", "bridge"]).unwrap();
    let networks: Value = serde_json::from_slice(&output.stdout).unwrap();
    let network = &networks[0]["IPAM"]["Config"][0];
    if let Some(gateway) = network["Gateway"].as_str() {
        return gateway.parse().unwrap();
    }
    // An engine that does not say has taken the first address.
    let subnet = network["Subnet"].as_str().unwrap();
    let (base, _) = subnet.split_once(".0/").unwrap();
    format!("{base}.1").parse().unwrap()
}

fn docker(arguments: &[&str]) -> Option<Output> {
    Command::new("docker").args(arguments).output().ok()
}
