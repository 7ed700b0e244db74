//! `docs/METRICS.md` against the code.

use serde_json::Value;

use spotkeeper_core::switch::{SwitchChange, SwitchState, SwitchedHow};

use super::{capped, ended_move, run, steered, thrown};
use crate::telemetry::Event;
use crate::telemetry::details::{CeilingChanged, MoveEnded, SwitchChanged};
use crate::telemetry::event::{Detail, RunEnded};
use crate::telemetry::metrics::ALL;
use crate::telemetry::schema::schema;
use crate::telemetry::turns::TurnChanged;
use crate::telemetry::turns::tests::turned;

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

/// The sample of an event on the page.
fn sample(kind: &str) -> Value {
    let block = section(kind).split("```json\n").nth(1).and_then(|rest| rest.split("```").next());
    serde_json::from_str(block.unwrap_or_else(|| panic!("{kind} has no sample"))).unwrap()
}

/// Every sample is what Spotkeeper sends, in the frame that EventBridge puts around it.
#[test]
fn the_sample_of_every_event_is_what_is_sent() {
    let (run, reports) = run();
    let ended = RunEnded::of(&run, run.ended.as_ref().unwrap(), &reports);
    let (steered, cap) = capped();
    let changed = CeilingChanged::of(&run.id, &steered, Some(&cap)).unwrap();
    for sent in [
        Event::of(&ended).unwrap(),
        Event::of(&MoveEnded::of(&ended_move()).unwrap()).unwrap(),
        Event::of(&changed).unwrap(),
        Event::of(&SwitchChanged::of(&thrown())).unwrap(),
        Event::of(&turned()).unwrap(),
    ] {
        let sent = sent.on_the_bus();
        let sample = sample(sent["detail-type"].as_str().unwrap());
        for field in ["source", "detail-type", "time", "detail"] {
            assert_eq!(sample[field], sent[field], "{sent:#}");
        }
        let frame: Vec<&str> = sample.as_object().unwrap().keys().map(String::as_str).collect();
        let of_event_bridge =
            ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"];
        assert_eq!(frame, of_event_bridge, "{sent:#}");
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
    described(&turned(), section(TurnChanged::TYPE));
}

/// Run with `SPOTKEEPER_BLESS=1` to write the file anew.
#[test]
fn the_published_schema_of_the_events_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.schema.json");
    let generated = format!("{}\n", serde_json::to_string_pretty(&schema()).unwrap());
    if std::env::var_os("SPOTKEEPER_BLESS").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(published, generated, "run the test again with SPOTKEEPER_BLESS=1");
}

fn on_the_bus<D: Detail>(detail: &D) -> Value {
    Event::of(detail).unwrap().on_the_bus()
}

/// The events are of the published shape, and so are the samples of the page; what is not, is refused.
#[test]
fn events_are_of_the_published_shape() {
    let (run, reports) = run();
    let validator = jsonschema::validator_for(&schema()).unwrap();
    let published = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.schema.json"));
    let published = jsonschema::validator_for(&serde_json::from_str(published).unwrap()).unwrap();
    let (steered_by_window, cap) = capped();
    let found = SwitchChange { how: SwitchedHow::Ended, state: SwitchState::Off, ..thrown() };
    let events = [
        on_the_bus(&RunEnded::of(&run, run.ended.as_ref().unwrap(), &reports)),
        on_the_bus(&MoveEnded::of(&ended_move()).unwrap()),
        on_the_bus(&CeilingChanged::of(&run.id, &steered(), reports[1].cap.as_ref()).unwrap()),
        on_the_bus(&CeilingChanged::of(&run.id, &steered_by_window, Some(&cap)).unwrap()),
        on_the_bus(&CeilingChanged::of(&run.id, &steered_by_window, None).unwrap()),
        on_the_bus(&SwitchChanged::of(&thrown())),
        on_the_bus(&SwitchChanged::of(&found)),
        on_the_bus(&turned()),
        sample(RunEnded::TYPE),
        sample(MoveEnded::TYPE),
        sample(CeilingChanged::TYPE),
        sample(SwitchChanged::TYPE),
        sample(TurnChanged::TYPE),
    ];
    for event in &events {
        for validator in [&validator, &published] {
            let wrong: Vec<String> = validator.iter_errors(event).map(|error| error.to_string()).collect();
            assert_eq!(wrong, [""; 0], "{event:#}");
        }
    }
    for event in &events {
        let mut less = event.clone();
        less["detail"].as_object_mut().unwrap().remove("id");
        assert!(!validator.is_valid(&less), "{less:#}");
        let mut other = event.clone();
        other["detail-type"] = "Something Else".into();
        assert!(!validator.is_valid(&other), "{other:#}");
    }
}
