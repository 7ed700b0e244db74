//! What is known of Spot capacity: scores, occurrences and ceilings, by cluster.

use jiff::{SignedDuration, Timestamp};
use spotkeeper_core::control::PairCeiling;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::plan::Pair;
use spotkeeper_core::ports::PortError;
use spotkeeper_core::signals::{Occurrence, ScoreRecord, Signals};

use super::dials;
use super::items::{Item, Key, body_of, expiring, number, with_body};
use super::table::{Condition, Table};

/// How long a score is kept after it was last written: it is stale long before. What was scored
/// for a provider that is no more goes away by this.
const SCORE_KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long an occurrence is kept: longer than the day over which runs look back.
const OCCURRENCE_KEPT: SignedDuration = SignedDuration::from_hours(26);
/// Where the occurrences are that no cluster was found for: no cluster has such a name.
const NO_CLUSTER: &str = "(unknown)";

fn score_key(score: &ScoreRecord) -> Key {
    Key::new(format!("score/{}", score.cluster), score.provider.as_str())
}

fn occurrence_key(occurrence: &Occurrence) -> Key {
    let cluster = occurrence.cluster.as_ref().map_or(NO_CLUSTER, ClusterName::as_str);
    Key::new(format!("occurrence/{cluster}"), format!("{}/{}", occurrence.kind.name(), occurrence.id))
}

fn ceiling_key(cluster: &ClusterName, pair: &Pair) -> Key {
    Key::new(format!("ceiling/{cluster}"), pair.to_string())
}

/// Everything about a cluster's Spot capacity.
pub(super) async fn read(table: &Table, cluster: &ClusterName, since: Timestamp) -> Result<Signals, PortError> {
    // The attribute is cut to milliseconds, so this finds no fewer.
    let recent = Condition::new("#at >= :since", [(":since", number(since.as_millisecond()))]);
    let (scores, occurrences, ceilings) =
        (format!("score/{cluster}"), format!("occurrence/{cluster}"), format!("ceiling/{cluster}"));
    let (dials, scores, occurrences, ceilings) = tokio::try_join!(
        dials::read(table),
        table.query(&scores, "", None, None),
        table.query(&occurrences, "", None, Some(recent)),
        table.query(&ceilings, "", None, None),
    )?;
    let occurrences: Vec<Occurrence> = bodies(&occurrences)?;
    Ok(Signals {
        dials,
        scores: bodies(&scores)?,
        occurrences: occurrences.into_iter().filter(|occurrence| occurrence.at >= since).collect(),
        ceilings: bodies(&ceilings)?,
    })
}

fn bodies<T: serde::de::DeserializeOwned>(items: &[Item]) -> Result<Vec<T>, PortError> {
    items.iter().map(body_of).collect()
}

/// Writes what is known of a provider's score.
pub(super) async fn put_score(table: &Table, score: &ScoreRecord) -> Result<(), PortError> {
    table.put(expiring(with_body(&score_key(score), score)?, SCORE_KEPT)).await
}

/// Keeps an occurrence, unless it is kept already.
pub(super) async fn put_occurrence(table: &Table, occurrence: &Occurrence) -> Result<bool, PortError> {
    let mut item = with_body(&occurrence_key(occurrence), occurrence)?;
    item.insert("at".to_owned(), number(occurrence.at.as_millisecond()));
    let first = Condition::new("attribute_not_exists(#pk)", []);
    Ok(table.put_if(expiring(item, OCCURRENCE_KEPT), first).await?.is_ok())
}

/// Writes a ceiling whose version is one more than that of the one that stands; the first is 1.
pub(super) async fn put_ceiling(table: &Table, ceiling: &PairCeiling) -> Result<(), PortError> {
    let key = ceiling_key(&ceiling.cluster, &ceiling.pair);
    let conflict =
        || PortError::Conflict { subject: format!("the ceiling of {} in {}", ceiling.pair, ceiling.cluster) };
    let before = ceiling.version.checked_sub(1).ok_or_else(conflict)?;
    let mut item = with_body(&key, ceiling)?;
    item.insert("version".to_owned(), number(ceiling.version));
    let next = match before {
        0 => Condition::new("attribute_not_exists(#pk)", []),
        before => Condition::new("#version = :before", [(":before", number(before))]),
    };
    table.put_if(item, next).await?.map_err(|_| conflict())
}
