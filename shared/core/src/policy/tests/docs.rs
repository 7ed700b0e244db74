//! `docs/POLICY.md`, `docs/policy.schema.json` and `docs/policy.example.yaml` against the types.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::policy::{Mode, parse, schema};

/// The units of POLICY.md's tables.
const UNITS: [&str; 10] =
    ["-", "score", "minutes", "percent", "seconds", "tasks", "vCPU", "services", "moves", "times"];

fn doc(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

fn read(name: &str) -> String {
    let path = doc(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Run with `SPOTKEEPER_BLESS=1` to write the file anew.
#[test]
fn the_published_schema_is_the_generated_one() {
    let generated = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("SPOTKEEPER_BLESS").is_some() {
        std::fs::write(doc("policy.schema.json"), &generated).unwrap();
    }
    assert_eq!(read("policy.schema.json"), generated, "run the test again with SPOTKEEPER_BLESS=1");
}

#[test]
fn the_example_is_a_policy() {
    let policy = parse(&read("policy.example.yaml")).unwrap();
    assert_eq!(policy.mode, Mode::DryRun, "who copies the example is to see a dry run first");
    assert!(!policy.pairs.is_empty() && !policy.cluster_budgets.is_empty() && !policy.clusters.is_empty());
}

/// The fields of a schema by path, with their defaults: `/cluster_budgets/NAME` and `/pairs/N`
/// stand for any name and any number.
fn fields(root: &Value, node: &Value, path: &str, found: &mut BTreeMap<String, Option<Value>>) {
    let node = match node["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => node,
    };
    for option in node["anyOf"].as_array().into_iter().flatten() {
        fields(root, option, path, found);
    }
    for (name, field) in node["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        found.insert(path.clone(), field.get("default").cloned());
        fields(root, field, &path, found);
    }
    if node["items"].is_object() {
        fields(root, &node["items"], &format!("{path}/N"), found);
    }
    for any in node["patternProperties"].as_object().into_iter().flat_map(|patterns| patterns.values()) {
        fields(root, any, &format!("{path}/NAME"), found);
    }
}

#[test]
fn policy_md_names_every_field_with_its_default_and_unit() {
    let schema = schema();
    let mut expected = BTreeMap::new();
    fields(&schema, &schema, "", &mut expected);
    // A cluster's own budget has the fields of the general one: told once.
    expected.retain(|path, _| !path.starts_with("/cluster_budgets/NAME/"));

    let text = read("POLICY.md");
    let mut described = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `/")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, path, default, unit, consequence, _] = cells.as_slice() else {
            panic!("a row has path, default, unit and consequence: {line}");
        };
        assert!(UNITS.contains(unit), "{path}: the unit {unit} is not one of {UNITS:?}");
        assert!(consequence.len() > 20, "{path} has no consequence");
        let path = path.trim_matches('`').to_owned();
        let unit_of_name = ["percent", "seconds", "vcpu"].into_iter().find(|unit| path.ends_with(&format!("_{unit}")));
        if let Some(named) = unit_of_name {
            assert_eq!(unit.to_lowercase(), named, "{path}");
        }
        assert!(described.insert(path, default.trim_matches('`').to_owned()).is_none(), "twice: {line}");
    }
    let missing: Vec<_> = expected.keys().filter(|path| !described.contains_key(*path)).collect();
    let unknown: Vec<_> = described.keys().filter(|path| !expected.contains_key(*path)).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
    for (path, default) in expected {
        let expected = match default {
            None => "required".to_owned(),
            Some(Value::Object(fields)) if !fields.is_empty() => "see below".to_owned(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
        assert_eq!(described[&path], expected, "the default of {path}");
    }
}
