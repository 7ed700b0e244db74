//! Each call that is answered here is compared with the other simulators, whether they have it or not: what they
//! do not have is a listed difference, so that it shows when they do.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as the tests themselves do")]

use std::collections::BTreeSet;
use std::path::Path;

/// An operation's name as boto3 has it: `GetAWSDefaultServiceQuota` is `get_aws_default_service_quota`.
fn of_boto3(operation: &str) -> String {
    let letters: Vec<char> = operation.chars().collect();
    let mut name = String::new();
    for (n, letter) in letters.iter().enumerate() {
        let after_small = n > 0 && letters[n - 1].is_lowercase();
        let before_small = n > 0 && letters.get(n + 1).is_some_and(|next| next.is_lowercase());
        if letter.is_uppercase() && (after_small || before_small) {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[test]
fn every_operation_has_a_probe_and_every_probe_an_operation() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/wire/model");
    let mut answered = BTreeSet::new();
    for entry in std::fs::read_dir(models).unwrap() {
        let path = entry.unwrap().path();
        let service = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let model: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let operations = model["operations"].as_object().unwrap().keys();
        answered.extend(operations.map(|operation| (service.clone(), of_boto3(operation))));
    }
    // A probe is a line `("its name", "the service", "the operation", {its arguments}),`.
    let probes = include_str!("python/differential.py").lines().filter_map(|line| {
        let mut quoted = line.trim_start().strip_prefix("(\"")?.split('"').skip(1).filter(|text| *text != ", ");
        Some((quoted.next()?.to_owned(), quoted.next()?.to_owned()))
    });
    let asked: BTreeSet<_> = probes.collect();
    assert!(answered.len() > 40, "the models were not found: {answered:?}");
    let missing: Vec<_> = answered.difference(&asked).collect();
    assert!(missing.is_empty(), "no probe of tests/python/differential.py asks {missing:?}");
    let unknown: Vec<_> = asked.difference(&answered).collect();
    assert!(unknown.is_empty(), "these are asked, and not answered here: {unknown:?}");
}
