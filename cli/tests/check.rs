//! `spotkeeper check` as people run it: golden answers, SARIF against its published schema, bad input.

#![allow(clippy::unwrap_used, reason = "the helpers of a test, too")]

mod common;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{golden, root, text};
use serde_json::Value;

fn spotkeeper(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_spotkeeper"))
        .current_dir(directory)
        .args(arguments)
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS")
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

const FILES: [&str; 4] = ["check", "template.yaml", "ecspresso.yml", "good.json"];

#[test]
fn answers_are_those_of_the_golden_files() {
    let cases: [(&str, &[&str], &str, i32); 8] = [
        ("table-80.txt", &[], "80", 1),
        ("table-160.txt", &[], "160", 1),
        ("quiet-80.txt", &["--quiet"], "80", 1),
        ("verbose-160.txt", &["--verbose"], "160", 1),
        ("defaults-160.txt", &["--parameter-defaults", "--parameter", "Tag=7"], "160", 1),
        ("check.json", &["--output", "json"], "80", 1),
        ("check.sarif", &["--format", "sarif"], "80", 1),
        ("github.txt", &["--format", "github"], "80", 1),
    ];
    for (name, more, columns, status) in cases {
        let arguments = [FILES.as_slice(), more].concat();
        let output = spotkeeper(&root().join("tests/data"), &arguments, &[("COLUMNS", columns)]);
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(status), String::new()), "{name}");
        let answer = text(&output.stdout);
        golden(name, &answer);
        if name.ends_with(".txt") && !name.starts_with("github") {
            let widest = answer.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= columns.parse().unwrap(), "{name} is {widest} columns wide");
        }
    }
}

#[test]
fn the_exit_status_says_how_it_went() {
    let data = root().join("tests/data");
    let cases: [(&[&str], i32); 7] = [
        (&["check", "good.json"], 0),
        (&["check", "warn.json"], 0),
        (&["check", "warn.json", "--deny-warnings"], 1),
        (&["check", "template.yaml"], 1),
        (&["check", "missing.json"], 2),
        (&["check"], 2),
        (&["check", "good.json", "--format", "xml"], 2),
    ];
    for (arguments, status) in cases {
        assert_eq!(spotkeeper(&data, arguments, &[]).status.code(), Some(status), "{arguments:?}");
    }
}

#[test]
fn the_policy_decides_what_blocks() {
    let data = root().join("tests/data");
    let run = |more: &[&str]| {
        let output = spotkeeper(&data, &[&["check", "template.yaml"], more].concat(), &[]);
        text(&output.stdout).contains("stateless") && text(&output.stdout).contains("volume uploads is on EFS")
    };
    assert!(run(&[]));
    assert!(!run(&["--policy", "policy.yaml"]));
    let wrong = spotkeeper(&data, &["check", "good.json", "--policy", "ecspresso.yml"], &[]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("ecspresso.yml is no policy"), "{}", text(&wrong.stderr));
}

#[test]
fn what_cannot_be_read_is_told_in_a_sentence() {
    let directory = tempdir("bad-input");
    let write = |name: &str, bytes: &[u8]| std::fs::write(directory.join(name), bytes).unwrap();
    write("empty.json", b"");
    write("binary.json", &[0xff, 0xfe, 0, 1]);
    write("zeros.yaml", b"a\0b");
    write("huge.json", " ".repeat(2 * 1024 * 1024 + 1).as_bytes());
    write("broken.json", b"{\n  \"family\": \"web\",\n}\n");
    write("other.yaml", b"kind: Deployment\n");
    write("service.jsonnet", b"{}");
    write("config.yml", b"task_definition: absent.json\n");
    std::fs::create_dir_all(directory.join("folder")).unwrap();
    let cases = [
        ("empty.json", "empty.json: it is empty: a definition or a template in JSON or YAML was expected"),
        ("binary.json", "binary.json is no text: JSON or YAML in UTF-8 was expected (byte 1)"),
        ("zeros.yaml", "zeros.yaml: it holds '\\0', so it is no text"),
        ("huge.json", "huge.json is larger than the 2097152 bytes that are taken"),
        ("broken.json", "broken.json:3:1: it begins like JSON and is none"),
        ("other.yaml", "other.yaml holds no task definition, service or template that is known here"),
        ("service.jsonnet", "service.jsonnet is Jsonnet, which is not read: give the JSON that `ecspresso render`"),
        ("config.yml", "config.yml:1:18 names a file: absent.json cannot be read"),
        ("folder", "folder is a directory: name the files in it"),
        ("none.json", "none.json cannot be read: No such file"),
    ];
    for (file, expected) in cases {
        let output = spotkeeper(&directory, &["check", file], &[]);
        let said = text(&output.stderr);
        assert!(said.starts_with(&format!("error: {expected}")), "{file}: {said}");
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{file}");
    }
    // Every one of them, not the first alone.
    let output = spotkeeper(&directory, &["check", "empty.json", "none.json"], &[]);
    assert_eq!(text(&output.stderr).lines().count(), 2);
}

#[test]
fn standard_input_is_a_file() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_spotkeeper"))
        .args(["check", "-", "--format", "github"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = std::fs::read(root().join("tests/data/warn.json")).unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("::warning file=<stdin>,line=9,"), "{}", text(&output.stdout));
}

#[test]
fn colours_are_for_terminals_and_for_who_asks() {
    let run = |arguments: &[&str], environment: &[(&str, &str)]| {
        let output =
            spotkeeper(&root().join("tests/data"), &[&["check", "warn.json"], arguments].concat(), environment);
        text(&output.stdout).contains('\u{1b}')
    };
    assert!(!run(&[], &[]));
    assert!(run(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(!run(&["--color", "never"], &[]));
}

/// The schema that OASIS publishes, from the package that carries it: nothing is fetched by a test.
#[test]
fn sarif_is_valid_against_the_published_schema() {
    let metadata = cargo_metadata::MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap();
    let package = metadata.packages.iter().find(|package| package.name.as_str() == "serde-sarif").unwrap();
    let schema = package.manifest_path.parent().unwrap().join("src/schema.json");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(schema).unwrap()).unwrap();
    assert_eq!(schema["title"], "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema");
    // Two patterns of the published schema are no regular expressions (a `]` that opens nowhere): validators refuse them.
    for holder in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{holder}/properties/language")).unwrap();
        let pattern = language.as_object_mut().unwrap().remove("pattern");
        assert_eq!(pattern.unwrap(), "^[a-zA-Z]{2}|^[a-zA-Z]{2}-[a-zA-Z]{2}]?$");
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    for files in [FILES.as_slice(), &["check", "good.json"]] {
        let arguments = [files, &["--format", "sarif"]].concat();
        let output = spotkeeper(&root().join("tests/data"), &arguments, &[]);
        let log: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mistakes: Vec<String> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
        assert_eq!(mistakes, Vec::<String>::new(), "{files:?}");
        let results = log["runs"][0]["results"].as_array().unwrap();
        let prints: std::collections::BTreeSet<&str> =
            results.iter().map(|one| one["partialFingerprints"]["spotkeeper/v1"].as_str().unwrap()).collect();
        assert_eq!(prints.len(), results.len(), "each result has a fingerprint of its own");
    }
    // The validator does refuse what is none.
    assert!(!validator.is_valid(&serde_json::json!({ "version": "2.1.0", "runs": [{}] })));
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let directory = tempdir("fingerprints");
    let prints = |before: &str| -> Vec<Value> {
        let template = std::fs::read_to_string(root().join("tests/data/template.yaml")).unwrap();
        std::fs::write(directory.join("template.yaml"), before.to_owned() + &template).unwrap();
        let output = spotkeeper(&directory, &["check", "template.yaml", "--output", "json"], &[]);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings =
            report["subjects"].as_array().unwrap().iter().flat_map(|one| one["findings"].as_array().unwrap());
        findings.map(|one| one["fingerprint"].clone()).collect()
    };
    assert_eq!(prints(""), prints("# one\n# two\n"));
}

/// Every file of the corpus is read without an error of its own. It is beside the project, and no part of it.
#[test]
fn the_corpus_is_read_without_an_error() {
    let corpus: PathBuf = root().join("../../shared/data/task-definitions");
    if !corpus.is_dir() {
        skip("corpus", "../shared/data is absent");
        return;
    }
    let files: Vec<String> = std::fs::read_dir(&corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    assert!(!files.is_empty());
    for file in &files {
        let output = spotkeeper(&corpus, &["check", file, "--output", "json"], &[]);
        assert_eq!(text(&output.stderr), "", "{file}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["summary"]["subjects"], 1, "{file}");
    }
}

/// What `Dockerfile` copies onto nothing is enough: the program runs where there is nothing else.
#[test]
fn the_files_of_the_image_are_enough() {
    let within = tempdir("rootfs");
    let name = within.to_str().unwrap();
    let made = Command::new("sh").arg(root().join("rootfs.sh")).args([env!("CARGO_BIN_EXE_spotkeeper"), name]).output();
    let made = made.unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert!(within.join("etc/ssl/certs/ca-certificates.crt").metadata().unwrap().len() > 0);
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--root", name, "--"]);
    if !unshare.arg("/usr/bin/spotkeeper").arg("--version").output().is_ok_and(|output| output.status.success()) {
        let plain = Command::new("unshare").args(["--map-root-user", "true"]).output();
        assert!(!plain.is_ok_and(|output| output.status.success()), "spotkeeper does not run there");
        return skip("the_files_of_the_image_are_enough", "this machine has no user namespaces");
    }
    let input = std::fs::File::open(root().join("tests/data/good.json")).unwrap();
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", "--root", name, "--", "/usr/bin/spotkeeper", "check", "-"]);
    let output = unshare.stdin(input).env_clear().output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("0 blocked"), "{}", text(&output.stdout));
}

fn skip(name: &str, reason: &str) {
    println!("SKIP {name}: {reason}");
    if let Some(path) = std::env::var_os("SPOTKEEPER_SKIPS") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(format!("{name}\t{reason}\n").as_bytes()).unwrap();
    }
}

#[test]
fn policies_are_validated_with_every_mistake() {
    let data = root().join("tests/data");
    let good = spotkeeper(&data, &["policy", "validate", "policy.yaml"], &[]);
    assert_eq!((good.status.code(), text(&good.stdout)), (Some(0), "policy.yaml is a valid policy\n".to_owned()));
    let bad = spotkeeper(&data, &["policy", "validate", "ecspresso.yml"], &[]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(text(&bad.stdout).lines().count() > 3 && text(&bad.stdout).contains("ecspresso.yml: /region: there is no"));
    let json = spotkeeper(&data, &["policy", "validate", "ecspresso.yml", "--output", "json"], &[]);
    let answer: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&answer["version"], &answer["valid"]), (&Value::from(1), &Value::from(false)));
    assert_eq!(spotkeeper(&data, &["policy", "validate", "none.yaml"], &[]).status.code(), Some(2));
}

#[test]
fn the_schema_of_the_policy_is_the_published_one() {
    let output = spotkeeper(root(), &["policy", "schema"], &[]);
    let published = std::fs::read_to_string(root().join("../docs/policy.schema.json")).unwrap();
    let [printed, published] =
        [text(&output.stdout), published].map(|one| serde_json::from_str::<Value>(&one).unwrap());
    assert_eq!(printed, published);
}

#[test]
fn the_manual_page_is_printed_and_all_are_written() {
    let output = spotkeeper(root(), &["man"], &[]);
    assert!(text(&output.stdout).contains(".TH spotkeeper 1"), "{}", text(&output.stdout));
    let directory = tempdir("man");
    let name = directory.to_str().unwrap();
    let output = spotkeeper(root(), &["man", name], &[]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(0), 0), "{}", text(&output.stderr));
    assert!(directory.join("spotkeeper-check.1").is_file());
    let output = spotkeeper(root(), &["man", &format!("{name}/nowhere")], &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("nowhere: No such file"), "{}", text(&output.stderr));
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = spotkeeper(root(), &["completions", shell], &[]);
        assert!(output.status.success() && text(&output.stdout).contains("deny-warnings"), "{shell}");
    }
}

/// Every command of the docs that needs files alone, as it is written there.
#[test]
fn the_commands_of_the_docs_run() {
    let mut ran = 0;
    for page in ["CLI.md", "check-in-a-pull-request.md"] {
        for (command, status) in common::commands(page) {
            let on_files = match command[0].as_str() {
                "check" | "completions" | "man" => true,
                "policy" => ["validate", "schema"].contains(&command[1].as_str()),
                _ => false,
            };
            if on_files {
                let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
                let output = spotkeeper(&root().join("tests/data"), &arguments, &[]);
                assert_eq!(output.status.code(), Some(status), "{command:?}: {}", text(&output.stderr));
                ran += 1;
            }
        }
    }
    assert!(ran >= 8, "only {ran} commands were found");
}

fn tempdir(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&path).unwrap();
    path
}
