//! The kill switch: a public interface, written by Spotkeeper and by hand.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use spotkeeper_core::ports::PortError;
use spotkeeper_core::switch::{Lever, Scope, SwitchEntry, Switches};

use super::by_hand::{scope_of, sign, time_of, words_of};
use super::items::{Item, Key, corrupt, number, number_of, text, text_of};
use super::table::{ATTEMPTS, Condition, Table, pause};

/// The partition of the switch items.
const PARTITION: &str = "switch";
/// The sort key and the attribute of the epoch: no scope is written like that.
const EPOCH: &str = "epoch";

pub(super) fn epoch_key() -> Key {
    Key::new(PARTITION, EPOCH)
}

fn key(scope: &Scope) -> Key {
    Key::new(PARTITION, scope.to_string())
}

/// Holds while the epoch is that number; before the first change there is no item.
pub(super) fn epoch_is(epoch: u64) -> Condition {
    match epoch {
        0 => Condition::new("attribute_not_exists(#epoch) OR #epoch = :epoch", [(":epoch", number(0))]),
        epoch => Condition::new("#epoch = :epoch", [(":epoch", number(epoch))]),
    }
}

/// The epoch.
pub(super) async fn epoch(table: &Table) -> Result<u64, PortError> {
    let key = epoch_key();
    match table.get(&key).await? {
        None => Ok(0),
        Some(item) => number_of(&item, EPOCH).ok_or_else(|| corrupt(&key, "epoch is not a whole number".to_owned())),
    }
}

/// The epoch, and then all entries.
///
/// The order matters. A `Query` may see one half of a transaction that is written while it reads.
/// Entries read after the epoch are at least as new as it is: what they miss, a lease taken with
/// that epoch finds out.
pub(super) async fn read(table: &Table) -> Result<Switches, PortError> {
    let epoch = epoch(table).await?;
    let items = table.query(PARTITION, "", None, None).await?;
    let entries = items.iter().filter(|item| text_of(item, "sk") != Some(EPOCH)).map(entry_of).collect();
    Ok(Switches { entries, epoch })
}

/// The entry that an item stands for. Only the scope is mandatory, because people write these by
/// hand in a hurry: what is missing or cannot be read makes the switch neither narrower nor
/// shorter, and is reported.
pub(super) fn entry_of(item: &Item) -> SwitchEntry {
    SwitchEntry {
        scope: scope_of(item, PARTITION),
        reason: words_of(item, "reason", "(no reason given)"),
        who: words_of(item, "who", "(unknown)"),
        set_at: time_of(item, PARTITION, "set_at").unwrap_or(Timestamp::UNIX_EPOCH),
        until: time_of(item, PARTITION, "until"),
        preempt: flag_of(item, "preempt"),
        unenrolled: flag_of(item, "unenrolled"),
        lever: lever_of(item),
    }
}

/// The lever: what is not one is taken for `strategy`, which brings everything down.
fn lever_of(item: &Item) -> Lever {
    let sk = text_of(item, "sk").unwrap_or_default();
    match item.get("lever") {
        None | Some(AttributeValue::Null(_)) => Lever::Strategy,
        Some(AttributeValue::S(value)) if value.eq_ignore_ascii_case(Lever::Capacity.name()) => Lever::Capacity,
        Some(AttributeValue::S(value)) if value.eq_ignore_ascii_case(Lever::Strategy.name()) => Lever::Strategy,
        Some(other) => {
            tracing::error!(sk, value = ?other, "a switch entry has a lever that is none: taken as strategy");
            Lever::Strategy
        }
    }
}

fn flag_of(item: &Item, name: &str) -> bool {
    let sk = text_of(item, "sk").unwrap_or_default();
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => false,
        Some(AttributeValue::Bool(value)) => *value,
        Some(AttributeValue::S(value)) if value.eq_ignore_ascii_case("true") => true,
        Some(AttributeValue::S(value)) if value.eq_ignore_ascii_case("false") => false,
        Some(other) => {
            tracing::error!(sk, name, value = ?other, "a switch entry has a flag that is neither true nor false: taken as false");
            false
        }
    }
}

fn item_of(entry: &SwitchEntry) -> Item {
    let SwitchEntry { scope, reason, who, set_at, until, preempt, unenrolled, lever } = entry;
    let mut item = key(scope).item();
    sign(&mut item, reason, who, *set_at, *until);
    item.insert("preempt".to_owned(), AttributeValue::Bool(*preempt));
    item.insert("unenrolled".to_owned(), AttributeValue::Bool(*unenrolled));
    item.insert("lever".to_owned(), text(lever.name()));
    item
}

/// Puts an entry and counts the epoch up, unless it is there already. Answers the epoch.
pub(super) async fn put(table: &Table, entry: &SwitchEntry) -> Result<u64, PortError> {
    change(table, &entry.scope, |there| match there {
        Some(there) if entry_of(there).says_the_same(entry) => Ok(None),
        _ => table.put_part(item_of(entry), None).map(Some),
    })
    .await
}

/// Removes an entry and counts the epoch up, if it is there. Answers the epoch.
pub(super) async fn remove(table: &Table, scope: &Scope) -> Result<u64, PortError> {
    change(table, scope, |there| match there {
        Some(_) => table.delete_part(&key(scope)).map(Some),
        None => Ok(None),
    })
    .await
}

/// Makes a change and counts the epoch up, in one transaction that holds the epoch to what was
/// read first: so that the number answered is the one that this change made.
async fn change(
    table: &Table,
    scope: &Scope,
    part: impl Fn(Option<&Item>) -> Result<Option<aws_sdk_dynamodb::types::TransactWriteItem>, PortError>,
) -> Result<u64, PortError> {
    let key = key(scope);
    for attempt in 1..=ATTEMPTS {
        let epoch = epoch(table).await?;
        let there = table.get(&key).await?;
        let Some(part) = part(there.as_ref())? else {
            return Ok(epoch);
        };
        let count = table.count_part(&epoch_key(), EPOCH, &epoch_is(epoch))?;
        match table.transact("dynamodb:UpdateItem", &key.to_string(), vec![part, count]).await? {
            Ok(()) => return Ok(epoch + 1),
            // Another entry was changed in between.
            Err(_) => pause(attempt).await,
        }
    }
    Err(PortError::Conflict { subject: key.to_string() })
}
