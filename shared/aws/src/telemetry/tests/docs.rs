//! `docs/METRICS.md` against the code.

use serde_json::Value;

use super::run;
use crate::telemetry::event::{DETAIL_TYPE, RunEnded, SOURCE};
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
    assert_eq!(sample["detail-type"], DETAIL_TYPE);
    assert_eq!(sample["detail"], event, "{event:#}");
    for field in event.as_object().unwrap().keys() {
        assert!(DOC.contains(&format!("| `{field}` |")), "{field} is not described");
    }
}
