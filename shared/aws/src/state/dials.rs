//! The dials: a public interface, written by Spotkeeper's tool and by hand.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use spotkeeper_core::control::Dial;
use spotkeeper_core::ports::PortError;
use spotkeeper_core::switch::Scope;
use spotkeeper_core::units::Percent;

use super::by_hand::{scope_of, sign, time_of, words_of};
use super::items::{Item, Key, number, text_of};
use super::table::{Condition, Table};

/// The partition of the dial items, and what they are called in logs.
const PARTITION: &str = "dial";

/// All dials, passed ones included.
pub(super) async fn read(table: &Table) -> Result<Vec<Dial>, PortError> {
    Ok(table.query(PARTITION, "", None, None).await?.iter().map(dial_of).collect())
}

/// Puts a dial in place of the one of its scope.
pub(super) async fn put(table: &Table, dial: &Dial) -> Result<(), PortError> {
    let mut item = key(&dial.scope).item();
    item.insert("percent".to_owned(), number(dial.percent.get()));
    sign(&mut item, &dial.reason, &dial.who, dial.set_at, dial.until);
    table.put(item).await
}

/// Takes the dial of a scope away, if there is one.
pub(super) async fn remove(table: &Table, scope: &Scope) -> Result<(), PortError> {
    let there = Condition::new("attribute_exists(#pk)", []);
    table.delete_if(&key(scope), there).await.map(|_| ())
}

fn key(scope: &Scope) -> Key {
    Key::new(PARTITION, scope.to_string())
}

/// The dial that an item stands for. Only the scope is mandatory: a percentage that is missing or
/// cannot be read is the lowest, 0, and is reported.
pub(super) fn dial_of(item: &Item) -> Dial {
    let scope = match scope_of(item, PARTITION) {
        Scope::Service(cluster, service) => {
            tracing::error!(%cluster, %service, "a dial is for all or for a cluster: one for a service counts for its cluster");
            Scope::Cluster(cluster)
        }
        scope @ (Scope::All | Scope::Cluster(_)) => scope,
    };
    Dial {
        percent: percent_of(item),
        reason: words_of(item, "reason", "(no reason given)"),
        who: words_of(item, "who", "(unknown)"),
        set_at: time_of(item, PARTITION, "set_at").unwrap_or(Timestamp::UNIX_EPOCH),
        until: time_of(item, PARTITION, "until"),
        scope,
    }
}

fn percent_of(item: &Item) -> Percent {
    let percent = match item.get("percent") {
        Some(AttributeValue::N(value) | AttributeValue::S(value)) => {
            value.trim().parse::<u64>().ok().and_then(|number| Percent::try_from(number).ok())
        }
        _ => None,
    };
    percent.unwrap_or_else(|| {
        let sk = text_of(item, "sk").unwrap_or_default();
        let value = item.get("percent");
        tracing::error!(sk, ?value, "a dial's percent is no whole number from 0 to 100: it counts as 0");
        Percent::ZERO
    })
}
