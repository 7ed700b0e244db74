//! The events that somebody hears who listens on the bus, each held to the published shape.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use spotkeeper_aws::telemetry::Event;

/// The published shape of all events.
const SCHEMA: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.schema.json"));

/// Who listens.
#[derive(Clone)]
pub struct Heard {
    shape: Arc<jsonschema::Validator>,
    /// Whether the journal has a line for each event that is new: but for `Run Ended`, which it has anyway.
    pub shows: bool,
    /// What is wrong with events.
    pub wrong: Vec<String>,
    /// The details by id.
    details: BTreeMap<String, Value>,
}

impl Heard {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where the published schema is none.
    pub fn new(shows: bool) -> Result<Heard, String> {
        let schema: Value = serde_json::from_str(SCHEMA).map_err(|error| error.to_string())?;
        let shape = jsonschema::validator_for(&schema).map_err(|error| error.to_string())?;
        Ok(Heard { shape: Arc::new(shape), shows, wrong: Vec::new(), details: BTreeMap::new() })
    }

    /// Hears an event; a line for the journal, where it is new and is to be shown.
    pub(crate) fn hear(&mut self, event: &Event) -> Option<String> {
        let event = event.on_the_bus();
        let wrong = self.shape.iter_errors(&event).map(|error| format!("{error} in {event}"));
        self.wrong.extend(wrong);
        let kind = event["detail-type"].as_str().unwrap_or_default().to_owned();
        let mut detail = event["detail"].clone();
        let line = line(&kind, &detail);
        // What is told again was done at another time, where the run did it again.
        if let Some(detail) = detail.as_object_mut() {
            detail.remove("changed_at");
        }
        let id = detail["id"].as_str().unwrap_or_default().to_owned();
        match self.details.insert(id.clone(), detail.clone()) {
            Some(before) if before == detail => None,
            Some(before) => {
                self.wrong.push(format!("{id} is told as {detail}, and was told as {before}"));
                None
            }
            None => self.shows.then_some(line).flatten(),
        }
    }
}

fn line(kind: &str, detail: &Value) -> Option<String> {
    let text = |field: &str| match &detail[field] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let said = match kind {
        "Ceiling Changed" => {
            let own = format!("ceiling {} to {}", text("before"), text("after"));
            let counts = format!("counts {} to {}", text("effective_before"), text("effective"));
            let cap = format!("cap {} by {} {}", text("cap"), text("cap_by"), text("cap_name"));
            format!("{}/{} {own}, {counts}, {cap}: {}", text("cluster"), text("spot_provider"), text("reason"))
        }
        "Switch Changed" => {
            let how = format!("{} by {}, at {}", text("how"), text("who"), text("changed_at"));
            format!("{} over {}: {how}: {}", text("state"), text("scope"), text("reason"))
        }
        "Turn Changed" => format!("{}/{} {} {}", text("cluster"), text("spot_provider"), text("what"), text("why")),
        "Move Ended" => format!("{}/{} {} {}", text("cluster"), text("service"), text("kind"), text("outcome")),
        _ => return None,
    };
    Some(format!("{kind} {}: {said}", text("id")))
}

#[cfg(test)]
mod tests {
    use spotkeeper_aws::telemetry::switch_event;
    use spotkeeper_core::fixtures::{at, run_id, switch};
    use spotkeeper_core::switch::{Scope, SwitchChange, SwitchEntry, SwitchState, SwitchedHow};

    use super::*;

    fn change(id: &str, reason: &str) -> SwitchChange {
        let entry = SwitchEntry { reason: reason.to_owned(), ..switch(Scope::All) };
        let how = SwitchedHow::Execution;
        SwitchChange { run: run_id("run-1"), how, state: SwitchState::On, entry, epoch: 1, id: id.to_owned() }
    }

    #[test]
    fn what_is_told_again_is_the_same() {
        let mut heard = Heard::new(true).unwrap();
        let mut hear = |change: &SwitchChange| {
            let line = heard.hear(&switch_event(change).unwrap());
            (line.is_some(), heard.wrong.len())
        };
        let first = change("1", "drill");
        assert_eq!(hear(&first), (true, 0));
        let later = SwitchEntry { set_at: at(60), ..first.entry.clone() };
        assert_eq!(hear(&SwitchChange { entry: later, ..first }), (false, 0), "at another time");
        assert_eq!(hear(&change("2", "drill")), (true, 0));
        assert_eq!(hear(&change("1", "storm")), (false, 1), "another under the same id");
    }
}
