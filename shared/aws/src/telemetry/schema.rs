//! The JSON Schema of the events, as `docs/events.schema.json` publishes it.

use schemars::JsonSchema;
use schemars::SchemaGenerator;
use serde_json::{Value, json};

use super::details::{CeilingChanged, MoveEnded, SwitchChanged};
use super::event::{Detail, RunEnded, SOURCE};
use super::turns::TurnChanged;

/// The schema of every event: which detail belongs to which detail-type.
#[must_use]
pub fn schema() -> Value {
    let mut generator = SchemaGenerator::default();
    let events = [
        event::<MoveEnded>(&mut generator),
        event::<CeilingChanged>(&mut generator),
        event::<SwitchChanged>(&mut generator),
        event::<TurnChanged>(&mut generator),
        event::<RunEnded>(&mut generator),
    ];
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An event of Spotkeeper on the bus",
        "oneOf": events,
        "$defs": generator.take_definitions(true),
    })
}

/// The schema of an event with this detail. Fields may be added under the same version.
fn event<D: Detail + JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    let detail = generator.subschema_for::<D>();
    json!({
        "title": D::TYPE,
        "type": "object",
        "properties": { "source": { "const": SOURCE }, "detail-type": { "const": D::TYPE }, "detail": detail },
        "required": ["source", "detail-type", "detail"],
    })
}
