//! The switches that were told of. They are no part of the switches' own partition, where every item but the
//! epoch is a switch.

use spotkeeper_core::ports::PortError;
use spotkeeper_core::switch::ToldSwitches;

use super::items::{Key, body_of, with_body};
use super::signals::put_next;
use super::table::Table;

fn key() -> Key {
    Key::new("told-switches", "told")
}

pub(super) async fn read(table: &Table) -> Result<ToldSwitches, PortError> {
    let item = table.get(&key()).await?;
    Ok(item.as_ref().map(body_of).transpose()?.unwrap_or_default())
}

/// Writes them over those of one version less.
pub(super) async fn put(table: &Table, told: &ToldSwitches) -> Result<(), PortError> {
    let item = with_body(&key(), told)?;
    put_next(table, item, told.version, || "the switches that were told of".to_owned()).await
}
