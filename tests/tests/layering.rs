//! Who may depend on what, and who may write to the fleet. Source: ARCHITECTURE.md.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};
use spotkeeper_tests::paths::workspace;

/// What the core may never reach: an SDK, a runtime, a network, a clock, dice. A name bars the
/// crates that it begins, too: `tokio` bars `tokio-util`. (`jiff` has a clock: that nobody calls
/// it is the next test's.)
const BARRED_FROM_CORE: [&str; 13] = [
    "aws",
    "tokio",
    "lambda",
    "reqwest",
    "hyper",
    "ureq",
    "async-std",
    "smol",
    "mio",
    "chrono",
    "time",
    "rand",
    "fastrand",
];

/// It holds features together and has no code: naming an SDK there is no use of it.
const FEATURES: &str = "spotkeeper-dev-features";

#[test]
fn the_core_reaches_no_sdk_no_runtime_and_no_clock() {
    let metadata = metadata();
    let bars = |name: &str, barred: &str| {
        name.strip_prefix(barred).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    };
    let reached = reach(&metadata, "spotkeeper-core");
    let barred: Vec<&String> =
        reached.iter().filter(|name| BARRED_FROM_CORE.iter().any(|barred| bars(name, barred))).collect();
    assert!(barred.is_empty(), "spotkeeper-core reaches {barred:?}");
}

#[test]
fn the_core_reads_no_clock_and_no_environment() {
    for file in sources("shared/core/src") {
        let text = read(&file);
        for call in ["Timestamp::now", "Zoned::now", "SystemTime", "Instant::now", "std::env", "std::fs", "std::net"] {
            let found = code(&text).any(|line| line.contains(call));
            assert!(!found || is_test_file(&file), "{} has {call}", file.display());
        }
    }
}

#[test]
fn only_the_two_libraries_name_an_aws_sdk() {
    let metadata = metadata();
    let mut users: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata.workspace_packages() {
        let depends_on_features = package.dependencies.iter().any(|each| each.name == FEATURES);
        assert!(!depends_on_features, "{} depends on {FEATURES}", package.name);
        for dependency in package.dependencies.iter().filter(|each| each.name.starts_with("aws-sdk-")) {
            users.entry(dependency.name.as_str()).or_default().insert(package.name.as_str());
        }
    }
    for (sdk, mut users) in users {
        users.remove(FEATURES);
        let allowed = if sdk == "aws-sdk-ec2" { "spotkeeper-aws-ec2" } else { "spotkeeper-aws" };
        assert_eq!(users, BTreeSet::from([allowed]), "of {sdk}");
    }
}

#[test]
fn the_simulator_and_the_functions_stay_on_their_sides() {
    let metadata = metadata();
    for (package, barred) in [
        ("aws-sim", ["spotkeeper-aws", "spotkeeper-lambda"].as_slice()),
        ("spotkeeper-aws", &["aws-sim", "spotkeeper-lambda"]),
        ("spotkeeper-aws-ec2", &["aws-sim", "spotkeeper-aws"]),
        ("spotkeeper-lambda", &["aws-sim"]),
        ("determiner", &["aws-sim", "updater", "recorder", "stability-checker"]),
        ("updater", &["aws-sim", "determiner", "recorder", "stability-checker"]),
        ("stability-checker", &["aws-sim", "determiner", "recorder", "updater"]),
        ("recorder", &["aws-sim", "determiner", "stability-checker", "updater"]),
    ] {
        let reached = reach(&metadata, package);
        for name in barred {
            assert!(!reached.contains(*name), "{package} reaches {name}");
        }
    }
}

/// The operator's tool has no rules and no AWS calls of its own: it names no SDK, and reaches the fleet through
/// the adapters alone.
#[test]
fn the_tool_has_no_calls_of_its_own() {
    let metadata = metadata();
    let tool = metadata.workspace_packages().into_iter().find(|each| each.name.as_str() == "spotkeeper").unwrap();
    let own: BTreeSet<&str> = tool
        .dependencies
        .iter()
        .filter(|each| each.kind == DependencyKind::Normal)
        .map(|each| each.name.as_str())
        .collect();
    assert!(own.contains("spotkeeper-core") && own.contains("spotkeeper-aws"), "{own:?}");
    let barred = ["aws-", "spotkeeper-lambda", "hyper", "ureq"];
    let found: Vec<&&str> = own.iter().filter(|name| barred.iter().any(|barred| name.starts_with(barred))).collect();
    assert!(found.is_empty(), "spotkeeper names {found:?}");
    let reached = reach(&metadata, "spotkeeper");
    for function in ["determiner", "updater", "recorder", "stability-checker", "spotkeeper-lambda", "aws-sim"] {
        assert!(!reached.contains(function), "spotkeeper reaches {function}");
    }
    let members: BTreeSet<&str> = metadata.workspace_default_packages().iter().map(|each| each.name.as_str()).collect();
    assert!(!members.contains("spotkeeper"), "a release of the functions builds the tool, too");
}

/// Without the commands on an account, as the action for pull requests installs it, the tool compiles no SDK.
#[test]
fn the_tool_without_an_account_reaches_no_sdk() {
    let install = read(&workspace().join("action.yml"));
    assert!(install.contains("cargo install --locked --no-default-features --path"), "the action compiles the SDK");
    let reached = |features: &[&str]| {
        let mut cargo = std::process::Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        cargo.args(["tree", "--locked", "--offline", "--package", "spotkeeper", "--edges", "normal,build"]);
        let output = cargo.args(["--prefix", "none"]).args(features).current_dir(workspace()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let barred = |tree: &str| {
        let barred = ["aws-", "spotkeeper-aws", "tokio", "hyper", "rustls"];
        tree.lines().filter(|line| barred.iter().any(|name| line.starts_with(name))).count()
    };
    assert!(barred(&reached(&[])) > 10, "the whole tool asks AWS");
    assert_eq!(barred(&reached(&["--no-default-features"])), 0);
}

/// `UpdateService` is sent from one place of one library, and so is `UpdateAutoScalingGroup`; only the Updater asks for
/// them.
#[test]
fn only_the_updater_writes_to_the_fleet() {
    let senders = files_with(&["shared", "functions"], ".update_service()");
    assert_eq!(senders, ["shared/aws/src/fleet/write.rs"], "who sends UpdateService");
    let callers = files_with(&["functions"], "fleet.write(");
    assert_eq!(callers, ["functions/updater/src/lib.rs"], "who asks for it");
    let turners = files_with(&["shared", "functions", "cli/src"], ".update_auto_scaling_group()");
    assert_eq!(turners, ["shared/aws/src/fleet/turn.rs"], "who sends UpdateAutoScalingGroup");
    let callers = files_with(&["functions", "cli/src"], ".write_distribution(");
    assert_eq!(callers, ["functions/updater/src/turn.rs"], "who asks for that");
    // And a person, where nothing else is up: `kill --direct`, and the way back from it.
    let by_hand = files_with(&["cli/src"], "fleet.write(");
    assert_eq!(by_hand, ["cli/src/command/on_account/direct.rs"], "who asks for it by hand");
}

/// No other call of an SDK client changes the fleet: their names say what they do.
#[test]
fn every_other_call_to_the_fleet_reads() {
    let actions = read(&workspace().join("shared/aws/src/client/action.rs"));
    let names: Vec<&str> = actions.split('"').filter(|text| text.contains(':') && !text.contains(' ')).collect();
    assert!(names.len() > 10, "the list of actions was not found");
    for name in names {
        let (_, call) = name.split_once(':').unwrap();
        let reads = ["List", "Describe", "Get"].iter().any(|verb| call.starts_with(verb));
        let writes = ["ecs:UpdateService", "autoscaling:UpdateAutoScalingGroup"];
        assert!(reads || writes.contains(&name), "{name} writes");
    }
}

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(workspace().join("Cargo.toml")).exec().unwrap()
}

/// The names of all packages that a package reaches over anything but dev-dependencies.
fn reach(metadata: &Metadata, package: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let start = metadata.packages.iter().find(|each| each.name.as_str() == package).unwrap();
    let mut reached = BTreeSet::new();
    let mut open = vec![&start.id];
    while let Some(id) = open.pop() {
        for dependency in &nodes[id].deps {
            let kept = dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
            if kept && reached.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    reached.into_iter().map(|id| metadata[id].name.to_string()).collect()
}

fn files_with(directories: &[&str], needle: &str) -> Vec<String> {
    directories
        .iter()
        .flat_map(|directory| sources(directory))
        .filter(|file| !is_test_file(file))
        .filter(|file| code(&read(file)).any(|line| line.contains(needle)))
        .map(|file| file.strip_prefix(workspace()).unwrap().display().to_string())
        .collect()
}

/// A file's lines up to its tests, without comments.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let (code, _tests) = text.split_once("#[cfg(test)]\nmod tests {").unwrap_or((text, ""));
    code.lines().filter(|line| !line.trim_start().starts_with("//"))
}

fn is_test_file(file: &Path) -> bool {
    let file = file.strip_prefix(workspace()).unwrap();
    file.components().any(|part| part.as_os_str() == "tests") || file.ends_with("tests.rs")
}

fn sources(directory: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![workspace().join(directory)];
    while let Some(path) = open.pop() {
        for entry in std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
