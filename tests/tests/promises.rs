//! Every promise of `docs/SAFETY.md` has its tests, under its number.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::BTreeSet;
use std::path::Path;

const SAFETY: &str = include_str!("../../docs/SAFETY.md");

/// The promises of the design that this version makes.
const PROMISES: [&str; 11] = ["S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10", "S12"];

/// The names of all functions in the workspace's Rust files.
fn functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                functions(&path, names);
            }
        } else if name.ends_with(".rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let found = text.lines().filter_map(|line| {
                let rest = line.trim_start().trim_start_matches("async ").strip_prefix("fn ")?;
                Some(rest.split(['(', '<']).next()?.to_owned())
            });
            names.extend(found);
        }
    }
}

#[test]
fn every_promise_has_its_tests() {
    let mut names = BTreeSet::new();
    functions(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut names);
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
