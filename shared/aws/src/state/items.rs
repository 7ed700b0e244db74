//! Items: their keys, and values to and from attributes.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use spotkeeper_core::ports::PortError;

use super::error::failed;

/// The attributes of an item by name.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The largest item that DynamoDB takes. Source: "Quotas in Amazon DynamoDB", developer guide.
pub(super) const MAX_ITEM_BYTES: usize = 400 * 1024;

/// How long what a run leaves behind is kept.
pub(super) const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

impl Key {
    pub(super) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Key {
        Key { pk: pk.into(), sk: sk.into() }
    }

    /// The key of an item that was read.
    pub(super) fn of(item: &Item) -> Key {
        let part = |name| text_of(item, name).unwrap_or_default().to_owned();
        Key { pk: part("pk"), sk: part("sk") }
    }

    /// The key alone, as an item.
    pub(super) fn item(&self) -> Item {
        HashMap::from([("pk".to_owned(), text(&self.pk)), ("sk".to_owned(), text(&self.sk))])
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "item {} {}", self.pk, self.sk)
    }
}

pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(super) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A text attribute, where there is one.
pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// A whole number, where there is one.
pub(super) fn number_of(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// An item that carries a document.
pub(super) fn with_body<T: Serialize>(key: &Key, value: &T) -> Result<Item, PortError> {
    let body = serde_json::to_string(value).map_err(|error| corrupt(key, error.to_string()))?;
    let mut item = key.item();
    item.insert("body".to_owned(), text(body));
    Ok(item)
}

/// The document of an item.
pub(super) fn body_of<T: DeserializeOwned>(item: &Item) -> Result<T, PortError> {
    let body = text_of(item, "body").ok_or_else(|| corrupt(&Key::of(item), "it has no body".to_owned()))?;
    serde_json::from_str(body).map_err(|error| corrupt(&Key::of(item), error.to_string()))
}

pub(super) fn corrupt(key: &Key, detail: String) -> PortError {
    PortError::Corrupt { subject: key.to_string(), detail }
}

/// Lets TTL remove an item some time after its time has passed.
pub(super) fn expiring(mut item: Item, kept: SignedDuration) -> Item {
    // TTL goes by the table's clock, not by the run's.
    let end = Timestamp::now().saturating_add(kept).unwrap_or(Timestamp::MAX);
    item.insert("expires_at".to_owned(), number(end.as_second()));
    item
}

/// What DynamoDB counts as the size of an item: names and values in UTF-8, with an allowance for
/// those that are no text.
pub(super) fn bytes(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| {
            name.len()
                + match value {
                    AttributeValue::S(value) | AttributeValue::N(value) => value.len(),
                    _ => 8,
                }
        })
        .sum()
}

/// Refuses an item that DynamoDB would refuse, in words that say which.
pub(super) fn check_size(item: &Item) -> Result<(), PortError> {
    match bytes(item) {
        size if size <= MAX_ITEM_BYTES => Ok(()),
        size => {
            let said = format!("{size} bytes are more than the {MAX_ITEM_BYTES} that DynamoDB takes in one item");
            Err(failed("dynamodb:PutItem", Key::of(item).to_string(), said))
        }
    }
}
