//! Batches of events, and their metrics.

use spotkeeper_core::fixtures::{cluster_name, now, provider_name};
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::signals::CapacityPool;

use super::*;

fn happened(kind: OccurrenceKind) -> Occurrence {
    Occurrence {
        id: "it".to_owned(),
        kind,
        at: now(),
        cluster: Some(cluster_name()),
        provider: Some(provider_name("spot")),
        service: None,
        pool: None,
        sign: None,
    }
}

fn lost(instance_type: &str, zone: &str) -> Occurrence {
    let pool = CapacityPool { instance_type: instance_type.to_owned(), zone: zone.to_owned() };
    Occurrence { pool: Some(pool), ..happened(OccurrenceKind::InstanceInterruption) }
}

/// `Name Dimension... = value`.
fn lines(samples: &[Sample]) -> Vec<String> {
    let line = |sample: &Sample| {
        let names: Vec<&str> = sample.dimensions.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, sample.metric.dimensions);
        let values: Vec<&str> = sample.dimensions.iter().map(|(_, value)| value.as_str()).collect();
        format!("{} {} = {}", sample.metric.name, values.join(" "), sample.value)
    };
    samples.iter().map(line).collect()
}

#[test]
fn each_kind_has_its_metric_and_what_did_not_happen_has_none() {
    let nowhere = Occurrence { cluster: None, provider: None, ..happened(OccurrenceKind::InstanceInterruption) };
    let fargate =
        Occurrence { provider: Some(provider_name("FARGATE_SPOT")), ..happened(OccurrenceKind::TaskInterruption) };
    let failed = |sign| Occurrence { sign, ..happened(OccurrenceKind::LaunchFailure) };
    let occurrences = [
        lost("m5.large", "eu-west-1a"),
        lost("m5.large", "eu-west-1a"),
        lost("m5.large", "eu-west-1b"),
        nowhere,
        fargate,
        happened(OccurrenceKind::RebalanceRecommendation),
        happened(OccurrenceKind::PlacementFailure),
        failed(Some(Sign::SpotCapacity)),
        failed(Some(Sign::SpotCapacity)),
        failed(Some(Sign::Quota)),
        failed(None),
    ];
    let expected = [
        "SpotInterruptions (unknown) (unknown) (unknown) = 1",
        "SpotInterruptions prod FARGATE_SPOT (none) = 1",
        "SpotInterruptions prod spot m5.large/eu-west-1a = 2",
        "SpotInterruptions prod spot m5.large/eu-west-1b = 1",
        "RebalanceRecommendations prod = 1",
        "SpotPlacementFailures prod spot = 1",
        "SpotLaunchFailures other = 1",
        "SpotLaunchFailures quota = 1",
        "SpotLaunchFailures spot_capacity = 2",
        "MalformedEvents  = 3",
    ];
    assert_eq!(lines(&spot_samples(&occurrences, 3)), expected);
    assert_eq!(spot_samples(&[], 0), []);
}

#[test]
fn the_pools_and_clusters_of_a_batch_are_bounded_and_none_is_lost() {
    let small = (0..200).map(|number| lost(&format!("m{number}.large"), "eu-west-1a"));
    let large = (0..10).map(|_| lost("z9.large", "eu-west-1a"));
    let occurrences: Vec<Occurrence> = small.chain(large).collect();
    let samples = spot_samples(&occurrences, 0);
    assert_eq!(samples.len(), MAX_POOLS + 1);
    let printed = lines(&samples);
    assert!(printed.contains(&"SpotInterruptions prod spot z9.large/eu-west-1a = 10".to_owned()), "{printed:?}");
    assert!(printed.contains(&"SpotInterruptions prod spot (others) = 151".to_owned()), "{printed:?}");

    let many = (0..200).map(|number| Occurrence {
        cluster: ClusterName::parse(&format!("c{number}")).ok(),
        ..happened(OccurrenceKind::RebalanceRecommendation)
    });
    let samples = spot_samples(&many.collect::<Vec<_>>(), 0);
    assert_eq!(samples.len(), MAX_CLUSTERS + 1);
    let sum: f64 = samples.iter().map(|sample| sample.value).sum();
    assert!((sum - 200.0).abs() < f64::EPSILON, "{sum}");
}
