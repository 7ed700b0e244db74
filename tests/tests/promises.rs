//! Every promise of `docs/SAFETY.md` has its tests, under its number.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeSet;
use std::path::Path;

const SAFETY: &str = include_str!("../../docs/SAFETY.md");

/// The promises of the design that this version makes.
const PROMISES: [&str; 12] = ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S11", "S12"];

/// The names of all tests in the workspace's Rust files.
fn tests(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                tests(&path, names);
            }
        } else if name.ends_with(".rs") {
            names.extend(tests_of(&std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The functions that follow a `#[test]` or `#[tokio::test]`, in `proptest!` too, and no `#[ignore]`.
fn tests_of(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("#[") {
            is_test |= ["#[test]", "#[tokio::test]", "#[tokio::test("].iter().any(|test| line.starts_with(test));
            is_ignored |= line.starts_with("#[ignore");
            continue;
        }
        if line.starts_with("//") {
            continue;
        }
        let function = line.trim_start_matches("async ").strip_prefix("fn ");
        if let Some(name) = function.filter(|_| is_test && !is_ignored).and_then(|rest| rest.split(['(', '<']).next()) {
            names.insert(name.to_owned());
        }
        (is_test, is_ignored) = (false, false);
    }
    names
}

#[test]
fn only_a_test_keeps_a_promise() {
    let cases = [
        ("a test", "#[test]\nfn s1_a() {", true),
        ("an asynchronous one", "    #[tokio::test(start_paused = true)]\n    async fn s1_a() {", true),
        ("a property", "proptest! {\n    #[test]\n    fn s1_a(n in 0..9) {", true),
        ("more attributes and words between", "#[test]\n#[allow(x)]\n// Why.\nfn s1_a() {", true),
        ("a helper", "fn s1_a() {", false),
        ("a helper after a test", "#[test]\nfn other() {}\n\nfn s1_a() {", false),
        ("an ignored test", "#[test]\n#[ignore = \"slow\"]\nfn s1_a() {", false),
        ("a test that is no code", "// #[test]\n// fn s1_a() {", false),
    ];
    for (name, text, expected) in cases {
        assert_eq!(tests_of(text).contains("s1_a"), expected, "{name}");
    }
}

#[test]
fn every_promise_has_its_tests() {
    let mut names = BTreeSet::new();
    tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut names);
    let sections: Vec<&str> = SAFETY.split("\n## ").skip(1).collect();
    let titles: Vec<&str> = sections.iter().filter_map(|section| section.split(' ').next()).collect();
    assert_eq!(titles, PROMISES, "the promises of docs/SAFETY.md");
    for (title, section) in titles.iter().zip(&sections) {
        let listed: Vec<&str> =
            section.lines().filter_map(|line| line.strip_prefix("- `")?.strip_suffix('`')).collect();
        assert!(!listed.is_empty(), "{title} has no test");
        for test in listed {
            assert!(test.starts_with(&format!("{}_", title.to_lowercase())), "{test} does not carry {title}");
            assert!(names.contains(test), "{title}: there is no test {test}");
        }
    }
}
