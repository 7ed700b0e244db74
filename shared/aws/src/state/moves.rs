//! The records of moves.

use spotkeeper_core::ids::{MoveId, RunId};
use spotkeeper_core::ports::PortError;
use spotkeeper_core::record::{MoveRecord, Outcome};

use super::items::{Item, KEPT, Key, body_of, corrupt, expiring, text, text_of, with_body};
use super::table::{Condition, Table};

fn partition(run: &RunId) -> String {
    format!("move/{run}")
}

fn item_of(record: &MoveRecord) -> Result<Item, PortError> {
    let key = Key::new(partition(&record.planned.run), record.planned.id.as_str());
    let mut item = with_body(&key, record)?;
    if let Some(outcome) = record.outcome {
        item.insert("outcome".to_owned(), text(outcome.name()));
    }
    if record.code_changed {
        item.insert("code_changed".to_owned(), text("true"));
    }
    Ok(expiring(item, KEPT))
}

/// Writes the records of moves.
pub(super) async fn put(table: &Table, moves: &[MoveRecord]) -> Result<(), PortError> {
    table.put_many(moves.iter().map(item_of).collect::<Result<_, _>>()?).await
}

/// The record of one move.
pub(super) async fn read(table: &Table, run: &RunId, id: &MoveId) -> Result<Option<MoveRecord>, PortError> {
    table.get(&Key::new(partition(run), id.as_str())).await?.as_ref().map(body_of).transpose()
}

/// The outcomes of a run's moves, without reading the records.
pub(super) async fn outcomes(table: &Table, run: &RunId) -> Result<Vec<(MoveId, Option<Outcome>)>, PortError> {
    let items = table.query(&partition(run), "", Some("#pk, #sk, #outcome"), None).await?;
    items.iter().map(outcome_of).collect()
}

/// How many of a run's moves have brought other images, without reading the records.
pub(super) async fn code_changed(table: &Table, run: &RunId) -> Result<u32, PortError> {
    let marked = Condition::new("attribute_exists(#code_changed)", []);
    let items = table.query(&partition(run), "", Some("#pk, #sk"), Some(marked)).await?;
    Ok(u32::try_from(items.len()).unwrap_or(u32::MAX))
}

fn outcome_of(item: &Item) -> Result<(MoveId, Option<Outcome>), PortError> {
    let key = Key::of(item);
    let id = MoveId::parse(&key.sk).map_err(|error| corrupt(&key, error.to_string()))?;
    let Some(name) = text_of(item, "outcome") else {
        return Ok((id, None));
    };
    let known = Outcome::ALL.into_iter().find(|outcome| outcome.name() == name);
    match known {
        Some(outcome) => Ok((id, Some(outcome))),
        None => Err(corrupt(&key, format!("{name} is no outcome"))),
    }
}
