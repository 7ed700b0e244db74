//! `docs/METRICS.md` against the code.

use serde_json::Value;

use super::{ended_move, run, steered, thrown};
use crate::telemetry::details::{CeilingChanged, MoveEnded, SwitchChanged};
use crate::telemetry::event::{Detail, RunEnded, SOURCE};
use crate::telemetry::metrics::ALL;

const DOC: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/METRICS.md"));

#[test]
fn metrics_md_has_every_metric_with_unit_and_dimensions() {
    let described: Vec<(String, String, String)> = DOC
        .lines()
        .filter(|line| line.starts_with("| `"))
        .take_while(|line| !line.contains("version"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, name, unit, dimensions, meaning, _] = cells.as_slice() else {
                panic!("a row has name, unit, dimensions and meaning: {line}");
            };
            assert!(meaning.len() > 20, "{name} has no meaning");
            let plain = |cell: &str| cell.replace('`', "");
            (plain(name), plain(unit), plain(dimensions))
        })
        .collect();
    let expected: Vec<(String, String, String)> = ALL
        .iter()
        .map(|metric| {
            let dimensions = if metric.dimensions.is_empty() { "-".to_owned() } else { metric.dimensions.join(", ") };
            (metric.name.to_owned(), metric.unit.name().to_owned(), dimensions)
        })
        .collect();
    assert_eq!(described, expected);
}

#[test]
fn the_sample_event_is_what_a_run_sends() {
    let (run, reports) = run();
    let event = serde_json::to_value(RunEnded::of(&run, run.ended.as_ref().unwrap(), &reports)).unwrap();
    let block = DOC.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let sample: Value = serde_json::from_str(block).unwrap();
    assert_eq!(sample["source"], SOURCE);
    assert_eq!(sample["detail-type"], RunEnded::TYPE);
    assert_eq!(sample["detail"], event, "{event:#}");
    for field in event.as_object().unwrap().keys() {
        assert!(DOC.contains(&format!("| `{field}` |")), "{field} is not described");
    }
}

/// The part of the page under a heading of an event.
fn section(kind: &str) -> &'static str {
    let (_, rest) = DOC.split_once(&format!("### `{kind}`\n")).unwrap_or_else(|| panic!("{kind} is not described"));
    let rest = rest.split("\n### ").next().unwrap_or_default();
    rest.split("\n## ").next().unwrap_or_default()
}

fn described<D: Detail>(detail: &D, section: &str) {
    let event = serde_json::to_value(detail).unwrap();
    assert_eq!(event["version"], 1, "{}", D::TYPE);
    let fields: std::collections::BTreeSet<&str> = event.as_object().unwrap().keys().map(String::as_str).collect();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let named = rows.filter_map(|line| line.split('|').nth(1)).flat_map(|cell| cell.split('`').skip(1).step_by(2));
    assert_eq!(named.collect::<std::collections::BTreeSet<&str>>(), fields, "{}", D::TYPE);
}

#[test]
fn every_field_of_every_event_is_described_and_no_other() {
    let (run, reports) = run();
    described(&RunEnded::of(&run, run.ended.as_ref().unwrap(), &reports), section(RunEnded::TYPE));
    described(&MoveEnded::of(&ended_move()).unwrap(), section(MoveEnded::TYPE));
    let changed = CeilingChanged::of(&run.id, &steered(), reports[1].cap.as_ref()).unwrap();
    described(&changed, section(CeilingChanged::TYPE));
    for field in serde_json::to_value(&changed.evidence).unwrap().as_object().unwrap().keys() {
        assert!(section(CeilingChanged::TYPE).contains(&format!("`{field}`")), "{field}");
    }
    described(&SwitchChanged::of(&thrown()), section(SwitchChanged::TYPE));
}
