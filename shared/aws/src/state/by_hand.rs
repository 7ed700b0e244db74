//! Attributes of the items that people write by hand, often in a hurry: what is missing or cannot
//! be read is told, and never makes an entry weaker than it was meant.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use spotkeeper_core::switch::Scope;

use super::items::{Item, text, text_of};

/// Adds why an entry was put, by whom and when, and when it ends by itself, under the names that people write, too.
pub(super) fn sign(item: &mut Item, reason: &str, who: &str, set_at: Timestamp, until: Option<Timestamp>) {
    item.insert("reason".to_owned(), text(reason));
    item.insert("who".to_owned(), text(who));
    item.insert("set_at".to_owned(), text(set_at.to_string()));
    if let Some(until) = until {
        item.insert("until".to_owned(), text(until.to_string()));
    }
}

/// The scope of an entry: its sort key. One without a readable scope counts for everything.
pub(super) fn scope_of(item: &Item, kind: &str) -> Scope {
    let sk = text_of(item, "sk").unwrap_or_default();
    Scope::parse(sk).unwrap_or_else(|error| {
        tracing::error!(kind, sk, %error, "an entry without a readable scope counts for everything");
        Scope::All
    })
}

/// A text that people read.
pub(super) fn words_of(item: &Item, name: &str, otherwise: &str) -> String {
    match item.get(name) {
        Some(AttributeValue::S(value)) if !value.is_empty() => value.clone(),
        Some(AttributeValue::N(value)) => value.clone(),
        _ => otherwise.to_owned(),
    }
}

/// A time; `None` where there is none, or none that can be read: an entry then has no end.
pub(super) fn time_of(item: &Item, kind: &str, name: &str) -> Option<Timestamp> {
    let sk = text_of(item, "sk").unwrap_or_default();
    let value = match item.get(name)? {
        AttributeValue::Null(_) => return None,
        AttributeValue::S(value) if value.is_empty() => return None,
        AttributeValue::S(value) => value,
        other => {
            tracing::error!(kind, sk, name, value = ?other, "an entry has a time that is no RFC 3339 text: ignored");
            return None;
        }
    };
    value
        .parse()
        .inspect_err(
            |error| tracing::error!(kind, sk, name, value, %error, "an entry has a time that cannot be read: ignored"),
        )
        .ok()
}
