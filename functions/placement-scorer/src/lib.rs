//! The placement scorer: asks EC2 how likely each Spot provider's capacity is to be had, and keeps
//! the answers. What is asked, and what an answer says, is core's ([`question`], [`answer`]).

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use jiff::Timestamp;
use spotkeeper_core::ids::{ClusterName, ProviderName};
use spotkeeper_core::interface::{ScoreCounts, ScoreInput};
use spotkeeper_core::observe::{Cluster, Reading};
use spotkeeper_core::ports::{Clock, Fleet, PortError, SpotMarket, State, Telemetry};
use spotkeeper_core::signals::{
    AskedQueries, Launches, PlacementScore, Question, ScoreAnswer, ScoreQuery, ScoreRecord, ScoreRefusal, ScoreRound,
    SpotProvider, answer, question,
};
use spotkeeper_lambda::Failure;

/// How many calls of one kind are on their way at once.
const IN_FLIGHT: usize = 4;
/// How often the count of queries is tried to be written while others write it too.
const ATTEMPTS: u32 = 5;

/// What the function is set up with.
#[derive(Debug, Clone, Copy)]
pub struct ScorerConfig {
    /// How many distinct queries may be asked in 24 hours.
    pub queries_per_day: u32,
}

/// A provider, and what to ask about it or the answer that is known without asking.
struct Ask {
    cluster: ClusterName,
    provider: ProviderName,
    question: Result<Question, ScoreAnswer>,
}

/// Answers by the digest of their query.
type Answers = BTreeMap<String, Result<Vec<PlacementScore>, ScoreRefusal>>;

/// Asks about every Spot provider of the clusters, keeps what comes of it, and tells metrics. A
/// cluster of which the state cannot be used is counted and does not stop the others.
///
/// # Errors
/// [`Failure`] where nothing could be asked: the input names an unknown cluster, or the clusters or
/// the count of the queries cannot be read.
pub async fn handle(
    fleet: &(impl Fleet + SpotMarket),
    state: &impl State,
    telemetry: &impl Telemetry,
    clock: &impl Clock,
    config: &ScorerConfig,
    input: ScoreInput,
) -> Result<ScoreCounts, Failure> {
    let clusters = clusters(fleet, &input.clusters).await?;
    let asks = asks(fleet, &clusters).await;
    let at = clock.now();
    let (asked, admitted) = admit(state, config, &asks, at).await?;
    let names = match admitted.is_empty() {
        true => Ok(BTreeMap::new()),
        false => fleet.zone_names().await,
    };
    let answers = answers(fleet, &asks, &admitted).await;

    let mut round = ScoreRound { at, records: Vec::new(), queries: count(asked.last_asked.len()) };
    let mut counts = ScoreCounts {
        clusters: count(clusters.len()),
        asked: count(admitted.len()),
        queries: round.queries,
        ..ScoreCounts::default()
    };
    let mut by_cluster: BTreeMap<&ClusterName, Vec<(&ProviderName, ScoreAnswer)>> = BTreeMap::new();
    for ask in &asks {
        by_cluster.entry(&ask.cluster).or_default().push((&ask.provider, conclude(ask, &names, &answers)));
    }
    for (cluster, answers) in by_cluster {
        match keep(state, cluster, answers, at, &mut round.records).await {
            Ok(()) => {}
            Err(error) => {
                tracing::error!(%cluster, error = &error as &dyn std::error::Error, "the scores could not be kept");
                counts.failed_clusters.insert(cluster.clone(), error.name().to_owned());
            }
        }
    }
    for record in &round.records {
        match record.answer {
            ScoreAnswer::Scored { .. } => counts.scored += 1,
            ScoreAnswer::Refused { .. } => counts.refused += 1,
            ScoreAnswer::Absent { .. } => counts.absent += 1,
            ScoreAnswer::Unsupported { .. } => counts.unsupported += 1,
        }
    }
    if let Err(error) = telemetry.scored(&round).await {
        // What was learnt is kept: that counts.
        tracing::error!(error = &error as &dyn std::error::Error, "the metrics could not be sent");
    }
    Ok(counts)
}

/// The clusters to look at: those named, or all that are active.
async fn clusters(fleet: &impl Fleet, named: &[ClusterName]) -> Result<Vec<Cluster>, Failure> {
    let all = fleet.clusters().await?;
    Failure::unless_known(named, &all)?;
    let wanted = |one: &Cluster| one.active && (named.is_empty() || named.contains(&one.name));
    Ok(all.into_iter().filter(wanted).collect())
}

/// What to ask, in order of cluster and provider.
async fn asks(market: &impl SpotMarket, clusters: &[Cluster]) -> Vec<Ask> {
    let reading = clusters.iter().map(|cluster| async move { (cluster, market.spot_providers(cluster).await) });
    let read: Vec<_> = futures_util::stream::iter(reading).buffered(IN_FLIGHT).collect().await;
    let asks = read.into_iter().flat_map(|(cluster, providers)| {
        providers.into_iter().map(|provider| {
            note(cluster, &provider);
            let question = question(region(cluster), &provider.launches);
            Ask { cluster: cluster.name.clone(), provider: provider.name, question }
        })
    });
    asks.collect()
}

/// The Region of a cluster: `arn:aws:ecs:REGION:...`.
fn region(cluster: &Cluster) -> &str {
    cluster.arn.split(':').nth(3).unwrap_or_default()
}

/// Says of a provider why its score says less than others do.
fn note(cluster: &Cluster, provider: &SpotProvider) {
    let (cluster, provider, launches) = (&cluster.name, &provider.name, &provider.launches);
    let instances = match launches {
        Reading::Missing(gap) => {
            tracing::warn!(%cluster, %provider, %gap, "what the provider launches is not known");
            return;
        }
        Reading::Known(Launches::Unscored(_)) => return,
        Reading::Known(Launches::Instances(instances)) => instances,
    };
    if instances.lowest_price {
        tracing::warn!(%cluster, %provider, "the group takes the cheapest pools: a score is of the ones with most capacity");
    }
}

/// Counts the queries before they are asked, and says which may be. The queries about zones come
/// first, for they decide; those about Regions are only shown beside them.
async fn admit(
    state: &impl State,
    config: &ScorerConfig,
    asks: &[Ask],
    now: Timestamp,
) -> Result<(AskedQueries, BTreeSet<String>), Failure> {
    let questions = || asks.iter().filter_map(|ask| ask.question.as_ref().ok());
    let by_zone = questions().map(|question| question.by_zone.digest());
    let by_region = questions().map(|question| question.by_region.digest());
    let wanted: Vec<String> = by_zone.chain(by_region).collect();
    let bound = usize::try_from(config.queries_per_day).unwrap_or(usize::MAX);
    let mut attempt = 1;
    loop {
        let before = state.asked_queries().await?;
        let (asked, admitted) = before.admit(wanted.iter().map(String::as_str), bound, now);
        if wanted.is_empty() {
            return Ok((asked, admitted));
        }
        match state.put_asked_queries(&asked).await {
            Ok(()) => return Ok((asked, admitted)),
            // Somebody else asks at the same time.
            Err(PortError::Conflict { .. }) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// EC2's answers: each distinct query that may be asked is asked once.
async fn answers(market: &impl SpotMarket, asks: &[Ask], admitted: &BTreeSet<String>) -> Answers {
    let questions = asks.iter().filter_map(|ask| ask.question.as_ref().ok());
    let queries = questions.flat_map(|question| [&question.by_zone, &question.by_region]);
    let distinct: BTreeMap<String, &ScoreQuery> =
        queries.map(|query| (query.digest(), query)).filter(|(digest, _)| admitted.contains(digest)).collect();
    let asking = distinct.into_iter().map(|(digest, query)| async move {
        let answer = market.placement_scores(query).await;
        if let Err(why) = &answer {
            tracing::warn!(digest, ?why, "a query for placement scores was refused");
        }
        (digest, answer)
    });
    futures_util::stream::iter(asking).buffer_unordered(IN_FLIGHT).collect().await
}

/// What came of asking about a provider.
fn conclude(ask: &Ask, names: &Result<BTreeMap<String, String>, ScoreRefusal>, answers: &Answers) -> ScoreAnswer {
    let question = match &ask.question {
        Ok(question) => question,
        Err(known) => return known.clone(),
    };
    let Some(by_zone) = answers.get(&question.by_zone.digest()) else {
        return ScoreAnswer::Refused { why: ScoreRefusal::QueryLimit };
    };
    match names {
        Ok(names) => answer(question, names, by_zone, answers.get(&question.by_region.digest())),
        // The ids of zones say nothing without their names.
        Err(why) => ScoreAnswer::Refused { why: why.clone() },
    }
}

/// Keeps the answers of a cluster with what was known before; what is kept is added to `records`.
async fn keep(
    state: &impl State,
    cluster: &ClusterName,
    answers: Vec<(&ProviderName, ScoreAnswer)>,
    at: Timestamp,
    records: &mut Vec<ScoreRecord>,
) -> Result<(), PortError> {
    let mut before: BTreeMap<ProviderName, ScoreRecord> =
        state.scores(cluster).await?.into_iter().map(|record| (record.provider.clone(), record)).collect();
    for (provider, answer) in answers {
        let known = before.remove(provider);
        let record = ScoreRecord::answered(known, cluster.clone(), provider.clone(), at, answer);
        tracing::info!(%cluster, %provider, answer = record.answer.name(), what = ?record.answer, "asked");
        state.put_score(&record).await?;
        records.push(record);
    }
    Ok(())
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
