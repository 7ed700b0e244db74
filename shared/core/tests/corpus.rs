//! Every task definition of the corpus, as people really write them, through the reader and the
//! rules: what each comes to is a golden file. It holds file names, verdicts and numbers, and
//! nothing of the definitions themselves.

#![allow(clippy::unwrap_used, reason = "the helpers of a test, too")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use spotkeeper_core::assess::{self, Assessment, Level, Memory};
use spotkeeper_core::files::{self, Note, Problem, ReadTaskDefinition};
use spotkeeper_core::fixtures;
use spotkeeper_core::observe::{Compatibility, Family, Reading, TaskDefinition};

/// Beside the project, and no part of it.
fn corpus() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/task-definitions");
    path.is_dir().then_some(path)
}

/// The golden file: the name of a file of the corpus, and below it, indented, what it comes to.
/// `UPDATE_GOLDEN=1 cargo test -p spotkeeper-core --test corpus` writes it anew.
fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/corpus.txt")
}

#[test]
fn every_file_of_the_corpus_is_read_and_judged() {
    let Some(corpus) = corpus() else {
        skip("corpus", "../shared/data is absent");
        return;
    };
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for entry in std::fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let read = files::read(&std::fs::read_to_string(&path).unwrap());
        assert!(read.task_definition.is_some() || !read.refused.is_empty(), "{path:?}: silence is no answer");
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        found.insert(name, tell(&read));
    }
    assert!(!found.is_empty(), "the corpus is there and empty");
    #[expect(clippy::disallowed_methods, reason = "a test is an edge")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    if update {
        let sections = found.iter().map(|(name, told)| format!("{name}\n{told}"));
        std::fs::write(golden(), sections.collect::<String>()).unwrap();
    }
    let expected = sections(&std::fs::read_to_string(golden()).unwrap());
    // The corpus is not ours: it may shrink without us, but nothing in it goes unjudged.
    for (name, told) in &found {
        let expected = expected.get(name);
        assert_eq!(Some(told), expected, "{name}: UPDATE_GOLDEN=1 writes the golden file anew");
    }
}

/// Says that a test is skipped: to a person, and to `cargo xtask test`, which fails on a skip that
/// `tests/skips.toml` does not expect. (The tests' own crate has the same, and needs this one.)
fn skip(name: &str, reason: &str) {
    println!("SKIP {name}: {reason}");
    if let Some(path) = std::env::var_os("SPOTKEEPER_SKIPS") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(format!("{name}\t{reason}\n").as_bytes()).unwrap();
    }
}

fn sections(golden: &str) -> BTreeMap<String, String> {
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    let mut name = String::new();
    for line in golden.lines() {
        if line.starts_with(' ') {
            let section = sections.entry(name.clone()).or_default();
            section.push_str(line);
            section.push('\n');
        } else {
            name = line.to_owned();
        }
    }
    sections
}

/// What a file comes to, a line each.
fn tell(read: &ReadTaskDefinition) -> String {
    let mut golden = String::new();
    for note in &read.refused {
        writeln!(golden, "    refused {}", told(note)).unwrap();
    }
    for note in &read.notes {
        writeln!(golden, "    note {}", told(note)).unwrap();
    }
    let Some(definition) = &read.task_definition else {
        writeln!(golden, "    not read").unwrap();
        return golden;
    };
    let (family, assessment) = judge(definition.clone());
    let cpu = definition.cpu.map_or_else(|| "-".to_owned(), |cpu| cpu.0.to_string());
    let memory = definition.memory.map_or_else(|| "-".to_owned(), |memory| memory.0.to_string());
    writeln!(golden, "    {family}, cpu {cpu}, memory {memory}, score {}", assessment.suitability.score).unwrap();
    for verdict in assessment.verdicts.iter().filter(|verdict| verdict.level != Level::Pass) {
        for reason in verdict.reasons.iter().filter(|reason| reason.level != Level::Pass) {
            let json = serde_json::to_value(reason).unwrap();
            let word = |key: &str| json[key].as_str().unwrap().to_owned();
            let line = format!("{} {} {}{}", word("level"), verdict.rule, word("finding"), numbers(&json));
            writeln!(golden, "    {line}").unwrap();
        }
    }
    golden
}

/// A service that every rule passes, but for this task definition, on what the definition asks for.
fn judge(definition: TaskDefinition) -> (Family, Assessment) {
    let requires = &definition.requires_compatibilities;
    let family = if requires.contains(&Compatibility::Fargate) {
        Family::Fargate
    } else if requires.contains(&Compatibility::ManagedInstances) {
        Family::ManagedInstances
    } else {
        Family::AutoScalingGroup
    };
    let mut service = fixtures::service("web", family);
    service.task_definition = Reading::Known(definition);
    let now: Timestamp = fixtures::now();
    let snapshot = fixtures::snapshot(vec![service]);
    let mut assessments = assess::assess(&fixtures::policy(), &snapshot, &Memory::default(), now);
    (family, assessments.swap_remove(0))
}

/// The place and kind of a note, with its numbers: no text of the file but the keys of ECS.
fn told(note: &Note) -> String {
    let json = serde_json::to_value(&note.problem).unwrap();
    let path = match &note.problem {
        Problem::UnknownKey { .. } => note.path.rsplit_once('/').map_or("", |(parent, _)| parent),
        _ => &note.path,
    };
    format!("{path} {}{}", json["problem"].as_str().unwrap(), numbers(&json))
}

fn numbers(json: &Value) -> String {
    let fields = json.as_object().unwrap().iter();
    let numbers = fields.filter(|(_, value)| value.is_number()).map(|(key, value)| format!(" {key}={value}"));
    numbers.collect()
}
