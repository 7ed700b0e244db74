//! What is known of Spot capacity: scores, occurrences and ceilings, by cluster.

use jiff::{SignedDuration, Timestamp};
use spotkeeper_core::control::PairCeiling;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::plan::Pair;
use spotkeeper_core::ports::PortError;
use spotkeeper_core::signals::{AskedQueries, Occurrence, ScoreRecord, Signals};

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

fn asked_key() -> Key {
    Key::new("score-queries", "asked")
}

fn ceiling_key(cluster: &ClusterName, pair: &Pair) -> Key {
    Key::new(format!("ceiling/{cluster}"), pair.to_string())
}

/// Everything about a cluster's Spot capacity.
pub(super) async fn read(table: &Table, cluster: &ClusterName, since: Timestamp) -> Result<Signals, PortError> {
    let ceilings = format!("ceiling/{cluster}");
    let (dials, scores, occurrences, ceilings) = tokio::try_join!(
        dials::read(table),
        self::scores(table, cluster),
        self::occurrences(table, cluster, since),
        table.query(&ceilings, "", None, None),
    )?;
    Ok(Signals { dials, scores, occurrences, ceilings: bodies(&ceilings)? })
}

/// What happened to a cluster's Spot capacity since a time.
pub(super) async fn occurrences(
    table: &Table,
    cluster: &ClusterName,
    since: Timestamp,
) -> Result<Vec<Occurrence>, PortError> {
    // The attribute is cut to milliseconds, so this finds no fewer.
    let recent = Condition::new("#at >= :since", [(":since", number(since.as_millisecond()))]);
    let found: Vec<Occurrence> = bodies(&table.query(&format!("occurrence/{cluster}"), "", None, Some(recent)).await?)?;
    Ok(found.into_iter().filter(|occurrence| occurrence.at >= since).collect())
}

fn bodies<T: serde::de::DeserializeOwned>(items: &[Item]) -> Result<Vec<T>, PortError> {
    items.iter().map(body_of).collect()
}

/// What is known of the scores of a cluster's providers.
pub(super) async fn scores(table: &Table, cluster: &ClusterName) -> Result<Vec<ScoreRecord>, PortError> {
    bodies(&table.query(&format!("score/{cluster}"), "", None, None).await?)
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

/// The distinct queries that were asked of late.
pub(super) async fn asked(table: &Table) -> Result<AskedQueries, PortError> {
    let item = table.get(&asked_key()).await?;
    Ok(item.as_ref().map(body_of).transpose()?.unwrap_or_default())
}

/// Writes them over those of one version less.
pub(super) async fn put_asked(table: &Table, asked: &AskedQueries) -> Result<(), PortError> {
    let item = with_body(&asked_key(), asked)?;
    put_next(table, item, asked.version, || "the queries for placement scores".to_owned()).await
}

/// Writes a ceiling over the one of one version less; the first is 1.
pub(super) async fn put_ceiling(table: &Table, ceiling: &PairCeiling) -> Result<(), PortError> {
    let PairCeiling { cluster, pair, version, .. } = ceiling;
    let item = with_body(&ceiling_key(cluster, pair), ceiling)?;
    put_next(table, item, *version, || format!("the ceiling of {pair} in {cluster}")).await
}

/// Puts an item whose version is one more than that of the one that stands; the first is 1.
pub(super) async fn put_next(
    table: &Table,
    mut item: Item,
    version: u64,
    subject: impl Fn() -> String,
) -> Result<(), PortError> {
    let conflict = || PortError::Conflict { subject: subject() };
    let next = match version.checked_sub(1).ok_or_else(conflict)? {
        0 => Condition::new("attribute_not_exists(#pk)", []),
        before => Condition::new("#version = :before", [(":before", number(before))]),
    };
    item.insert("version".to_owned(), number(version));
    table.put_if(item, next).await?.map_err(|_| conflict())
}
