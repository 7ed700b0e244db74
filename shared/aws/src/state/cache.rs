//! The cache of the fleet, on the table.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use spotkeeper_core::ports::PortError;

use super::DynamoState;
use super::items::{Item, Key, MAX_ITEM_BYTES, bytes, number, text, text_of};
use crate::fleet::{Cache, CacheEntry};

/// The version of what is kept: another one is another item.
const VERSION: &str = "v1";
/// The longest key that fits a partition key of 2,048 bytes with its prefix.
const MAX_KEY_BYTES: usize = 2_000;

fn key(key: &str) -> Key {
    Key::new(format!("cache/{key}"), VERSION)
}

fn item_of(entry: &CacheEntry) -> Item {
    let mut item = key(&entry.key).item();
    item.insert("body".to_owned(), text(&entry.value));
    if let Some(end) = entry.expires_at {
        item.insert("until".to_owned(), number(end.as_millisecond()));
        item.insert("expires_at".to_owned(), number(end.as_second().saturating_add(1)));
    }
    item
}

/// The key and value of an item that is not past its end.
fn value_of(item: &Item, now: Timestamp) -> Option<(String, String)> {
    let until = match item.get("until") {
        None => i64::MAX,
        Some(until) => until.as_n().ok()?.parse().ok()?,
    };
    let key = text_of(item, "pk")?.strip_prefix("cache/")?;
    (now.as_millisecond() < until).then_some(())?;
    Some((key.to_owned(), text_of(item, "body")?.to_owned()))
}

impl Cache for DynamoState {
    async fn get_many(&self, keys: &[String], now: Timestamp) -> Result<BTreeMap<String, String>, PortError> {
        let keys: BTreeSet<&String> = keys.iter().filter(|key| key.len() <= MAX_KEY_BYTES).collect();
        let keys: Vec<Key> = keys.into_iter().map(|one| key(one)).collect();
        let items = self.table.get_many(&keys).await?;
        Ok(items.iter().filter_map(|item| value_of(item, now)).collect())
    }

    async fn put_many(&self, entries: &[CacheEntry]) -> Result<(), PortError> {
        // What does not fit is read from AWS again: a cache may forget.
        let fits = |entry: &&CacheEntry| entry.key.len() <= MAX_KEY_BYTES;
        let items = entries.iter().filter(fits).map(item_of).filter(|item| bytes(item) <= MAX_ITEM_BYTES);
        self.table.put_many(items.collect()).await
    }
}
