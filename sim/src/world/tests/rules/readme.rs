//! The map of the traps in the README, held to the code both ways.

use std::path::Path;

use super::*;
use crate::world::settings::Settings;

const README: &str = include_str!("../../../../README.md");

/// A row of the map: the trap, what it is kept by, and what shows it.
type Row = [&'static str; 3];

/// The rows of the map, by the heading that they stand under.
fn map() -> Vec<(&'static str, Vec<Row>)> {
    let (_, map) = README.split_once("\n## The traps\n").unwrap();
    let (map, _) = map.split_once("\n## ").unwrap();
    map.split("\n### ")
        .skip(1)
        .map(|section| {
            let (heading, rows) = section.split_once('\n').unwrap();
            let rows = rows.lines().filter(|line| line.starts_with("| ")).skip(1);
            (heading, rows.map(row).collect())
        })
        .collect()
}

fn row(line: &'static str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    cells.try_into().unwrap_or_else(|cells| panic!("{line} has not three cells: {cells:?}"))
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The text of the tests of this crate.
fn tests() -> String {
    fn read(from: &Path, all: &mut String) {
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, all);
            } else if path.extension().is_some_and(|e| e == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut all = String::new();
    for folder in ["src", "tests"] {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut all);
    }
    all
}

#[test]
fn every_section_of_the_semantics_has_its_traps() {
    for section in 1..=9 {
        let found = map().into_iter().find(|(heading, _)| heading.contains(&format!("(4.{section}")));
        assert!(found.is_some_and(|(_, rows)| rows.len() > 1), "4.{section} has no traps");
    }
}

#[test]
fn every_rule_has_a_row_and_every_row_has_its_rules_and_their_file() {
    let mut unnamed: Vec<String> = Rule::ALL.iter().map(|rule| format!("{rule:?}")).collect();
    for [trap, how, shown] in map().into_iter().flat_map(|(_, rows)| rows).filter(|[_, how, _]| how.starts_with('`')) {
        if how.contains("differences.toml") {
            continue;
        }
        let mut unused: Vec<&str> = quoted(shown);
        for rule in quoted(how) {
            assert!(Rule::ALL.iter().any(|known| format!("{known:?}") == rule), "{trap}: there is no rule {rule}");
            unnamed.retain(|known| known != rule);
            let files = quoted(shown);
            let has_case = |file: &&&str| {
                let path = format!("{}/src/world/tests/rules/{file}.rs", env!("CARGO_MANIFEST_DIR"));
                let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{trap}: {path}: {e}"));
                text.contains(&format!("Rule::{rule},"))
            };
            let file = files.iter().find(has_case);
            let file = file.unwrap_or_else(|| panic!("{trap}: no file of {shown} has a case of {rule}"));
            unused.retain(|other| other != file);
        }
        assert!(unused.is_empty(), "{trap}: {unused:?} show none of its rules");
    }
    assert!(unnamed.is_empty(), "no trap of sim/README.md names {unnamed:?}");
}

#[test]
fn what_no_rule_switches_is_a_setting_or_a_fault_with_its_test_or_says_what_follows() {
    let tests = tests();
    let settings = serde_json::to_value(Settings::default()).unwrap();
    let has = |name: &str| settings.get(name).or_else(|| settings["durations"].get(name)).is_some();
    for [trap, how, shown] in map().into_iter().flat_map(|(_, rows)| rows) {
        if how.starts_with('`') && !how.contains("differences.toml") {
            continue;
        }
        if let Some(why) = how.strip_prefix("not modelled: ").or_else(|| how.strip_prefix("the client's: ")) {
            assert!(!why.is_empty() && shown.is_empty(), "{trap}: says what follows, and names no test");
            continue;
        }
        match how.split_once(' ') {
            Some(("setting", name)) => assert!(has(name.trim_matches('`')), "{trap}: there is no {how}"),
            Some(("fault", name)) => {
                let name = name.trim_matches('`');
                let read = serde_json::from_value::<Fault>(serde_json::json!({ "fault": name }));
                let unknown = read.is_err_and(|e| e.to_string().contains("unknown variant"));
                assert!(!unknown, "{trap}: there is no {how}");
                assert!(tests.contains(&format!("\"fault\": \"{name}\"")), "{trap}: no test sets {how}");
            }
            _ => assert!(
                ["the shapes of requests", "`tests/differences.toml`"].contains(&how),
                "{trap}: {how} is neither a rule, a setting, a fault nor what is not modelled"
            ),
        }
        assert!(!shown.is_empty(), "{trap}: no test shows it");
        for test in quoted(shown) {
            assert!(tests.contains(&format!("fn {test}(")), "{trap}: there is no test {test}");
        }
    }
}
