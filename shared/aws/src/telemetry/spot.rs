//! What metrics make of the events about Spot capacity that came together.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use spotkeeper_core::signals::{Occurrence, OccurrenceKind};
use spotkeeper_core::verify::Sign;

use super::metrics::{
    MALFORMED_EVENTS, MAX_CLUSTERS, Metric, OTHERS, REBALANCE_RECOMMENDATIONS, SPOT_INTERRUPTIONS,
    SPOT_LAUNCH_FAILURES, SPOT_PLACEMENT_FAILURES, Sample, count,
};

/// The most pools of one batch of events that have metrics of their own; the interruptions of the
/// rest are summed under [`OTHERS`], by cluster and provider.
pub const MAX_POOLS: usize = 50;
/// A cluster, a provider or a pool that could not be found.
pub const UNKNOWN: &str = "(unknown)";
/// The `Pool` of Fargate Spot, which has none.
pub const NONE: &str = "(none)";

/// The metrics of a batch of events. What did not happen has no value.
#[must_use]
pub fn spot_samples(occurrences: &[Occurrence], malformed: u32) -> Vec<Sample> {
    let of = |kinds: &[OccurrenceKind]| -> Vec<&Occurrence> {
        occurrences.iter().filter(|one| kinds.contains(&one.kind)).collect()
    };
    let lost = of(&[OccurrenceKind::InstanceInterruption, OccurrenceKind::TaskInterruption]);
    let clusters = largest(occurrences.iter().map(cluster), MAX_CLUSTERS);
    let cluster = |one| clusters.get(cluster(one)).copied().unwrap_or(OTHERS);
    let pools = lost.iter().map(|one| pool(one)).collect::<Vec<String>>();
    let largest_pools = largest(pools.iter().map(String::as_str), MAX_POOLS);
    let mut samples = Vec::new();
    let mut add = |metric: &'static Metric, labels: Vec<Vec<&str>>| {
        let mut counts: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
        for label in labels {
            *counts.entry(label).or_default() += 1;
        }
        samples.extend(counts.into_iter().map(|(label, number)| Sample::new(metric, &label, count(number))));
    };
    let by_pool = lost.iter().zip(&pools).map(|(one, pool)| {
        vec![cluster(one), provider(one), largest_pools.get(pool.as_str()).copied().unwrap_or(OTHERS)]
    });
    add(&SPOT_INTERRUPTIONS, by_pool.collect());
    let advised = of(&[OccurrenceKind::RebalanceRecommendation]);
    add(&REBALANCE_RECOMMENDATIONS, advised.into_iter().map(|one| vec![cluster(one)]).collect());
    let unplaced = of(&[OccurrenceKind::PlacementFailure]);
    add(&SPOT_PLACEMENT_FAILURES, unplaced.into_iter().map(|one| vec![cluster(one), provider(one)]).collect());
    let unlaunched = of(&[OccurrenceKind::LaunchFailure]);
    add(&SPOT_LAUNCH_FAILURES, unlaunched.into_iter().map(|one| vec![one.sign.map_or("other", Sign::code)]).collect());
    if malformed > 0 {
        samples.push(Sample::new(&MALFORMED_EVENTS, &[], f64::from(malformed)));
    }
    samples
}

/// The names that stand most often, at most so many of them.
fn largest<'a>(names: impl Iterator<Item = &'a str>, most: usize) -> BTreeMap<&'a str, &'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(name, count)| (Reverse(*count), *name));
    counts.into_iter().take(most).map(|(name, _)| (name, name)).collect()
}

fn cluster(one: &Occurrence) -> &str {
    one.cluster.as_ref().map_or(UNKNOWN, |name| name.as_str())
}

fn provider(one: &Occurrence) -> &str {
    one.provider.as_ref().map_or(UNKNOWN, |name| name.as_str())
}

fn pool(one: &Occurrence) -> String {
    match (&one.pool, one.kind) {
        (Some(pool), _) => format!("{}/{}", pool.instance_type, pool.zone),
        (None, OccurrenceKind::TaskInterruption) => NONE.to_owned(),
        (None, _) => UNKNOWN.to_owned(),
    }
}

#[cfg(test)]
#[path = "spot_tests.rs"]
mod tests;
