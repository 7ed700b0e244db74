//! Turned groups: one item for each provider, for as long as the table is there.

use spotkeeper_core::ports::PortError;
use spotkeeper_core::record::Turn;

use super::items::{Item, Key, body_of, number, with_body};
use super::switches::{epoch_is, epoch_key};
use super::table::{Condition, Table};

const PARTITION: &str = "turn";

/// Every turn, in order of provider.
pub(super) async fn all(table: &Table) -> Result<Vec<Turn>, PortError> {
    let items: Vec<Item> = table.query(PARTITION, "", None, None).await?;
    items.iter().map(body_of).collect()
}

/// Writes a turn over the one of one version less; the first is 1. With an epoch, only while the switch
/// epoch is that: `false` where it is not.
pub(super) async fn put(table: &Table, turn: &Turn, epoch: Option<u64>) -> Result<bool, PortError> {
    let key = Key::new(PARTITION, turn.provider.as_str());
    let conflict = || PortError::Conflict { subject: format!("the turn of {}", turn.provider) };
    let next = match turn.version.checked_sub(1).ok_or_else(conflict)? {
        0 => Condition::new("attribute_not_exists(#pk)", []),
        before => Condition::new("#version = :before", [(":before", number(before))]),
    };
    let mut item = with_body(&key, turn)?;
    item.insert("version".to_owned(), number(turn.version));
    let Some(epoch) = epoch else {
        return table.put_if(item, next).await?.map(|()| true).map_err(|_| conflict());
    };
    let parts = vec![table.check_part(&epoch_key(), &epoch_is(epoch))?, table.put_part(item, Some(next))?];
    match table.transact("dynamodb:PutItem", &key.to_string(), parts).await? {
        Ok(()) => Ok(true),
        Err(failed) if failed.get(1) == Some(&true) => Err(conflict()),
        Err(_) => Ok(false),
    }
}
