//! When to look at a cluster before its schedule does.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Occurrence, OccurrenceKind};
use crate::digest;
use crate::ids::{ClusterName, ProviderName, RunId};
use crate::units::Seconds;

/// How far back a storm is looked for. EC2 takes instances of a pool away in bursts, all of which
/// are over in minutes; a longer window would take a day's ordinary losses together.
pub const STORM_WINDOW: Seconds = Seconds(300);
/// How many interruptions of one provider within [`STORM_WINDOW`] are a storm. Fewer wait for the
/// next scheduled run: ECS replaces the tasks meanwhile.
pub const STORM_INTERRUPTIONS: usize = 5;
/// How long a service must have had what it asked of a provider for a shortage to be news. A drought
/// that goes on is left to the schedule, which looks at it twice in this time.
pub const SHORTAGE_QUIET: Seconds = Seconds(1_800);
/// How far back [`storm`] has to see.
pub const STORM_MEMORY: Seconds = STORM_WINDOW.saturating_add(SHORTAGE_QUIET);
/// How long after an early run of a cluster the next one may begin. It is above the time between
/// a cluster's first look and its first moves, and below the shortest schedule that makes sense.
pub const EARLY_RUN_COOL_DOWN: Seconds = Seconds(600);

/// Why a cluster is to be looked at early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storm {
    /// Spot capacity that was asked for cannot be had.
    Shortage {
        /// The provider, where it is known.
        provider: Option<ProviderName>,
    },
    /// Much of what ran on one provider is taken away at once.
    Interruptions {
        /// The provider, where it is known.
        provider: Option<ProviderName>,
        /// How many.
        count: usize,
    },
}

impl std::fmt::Display for Storm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |provider: &Option<ProviderName>| {
            provider.as_ref().map_or_else(|| "a provider that is not known".to_owned(), ToString::to_string)
        };
        match self {
            Storm::Shortage { provider } => write!(f, "no Spot capacity for {}", name(provider)),
            Storm::Interruptions { provider, count } => {
                write!(f, "{count} interruptions of {} within {STORM_WINDOW}", name(provider))
            }
        }
    }
}

/// Whether what happened to one cluster's capacity within [`STORM_MEMORY`] is a storm now: a new
/// shortage, or else the provider with the most interruptions where they are
/// [`STORM_INTERRUPTIONS`] or more. An instance and the tasks of its provider do not add up: the
/// larger number counts.
#[must_use]
pub fn storm(occurrences: &[Occurrence], now: Timestamp) -> Option<Storm> {
    let since = now.checked_sub(STORM_WINDOW.duration()).unwrap_or(Timestamp::MIN);
    let recent = || occurrences.iter().filter(|one| one.at >= since);
    if let Some(shortage) = recent().find(|one| one.is_shortage() && is_new(one, occurrences, since)) {
        return Some(Storm::Shortage { provider: shortage.provider.clone() });
    }
    let mut counts: BTreeMap<(Option<&ProviderName>, OccurrenceKind), usize> = BTreeMap::new();
    for one in recent().filter(|one| one.kind.is_interruption()) {
        *counts.entry((one.provider.as_ref(), one.kind)).or_default() += 1;
    }
    let ((provider, _), count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= STORM_INTERRUPTIONS).then(|| Storm::Interruptions { provider: provider.cloned(), count })
}

/// Whether the same service (or the group, for a launch) lacked nothing of the provider just before.
fn is_new(shortage: &Occurrence, occurrences: &[Occurrence], since: Timestamp) -> bool {
    let quiet_since = since.checked_sub(SHORTAGE_QUIET.duration()).unwrap_or(Timestamp::MIN);
    !occurrences.iter().any(|one| {
        one.is_shortage()
            && (&one.provider, &one.service) == (&shortage.provider, &shortage.service)
            && (quiet_since..since).contains(&one.at)
    })
}

/// The name of an early run of these clusters: the same for as long as a cool-down, so that a start
/// whose answer was lost is not started again.
#[must_use]
pub fn early_run_name(clusters: &[ClusterName], now: Timestamp) -> RunId {
    let mut names: Vec<&str> = clusters.iter().map(ClusterName::as_str).collect();
    names.sort_unstable();
    let digest = digest::hex(&names.join("/"), 6);
    let turn = now.as_second().div_euclid(i64::from(EARLY_RUN_COOL_DOWN.0));
    RunId::early(turn, &digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, cluster_name, now, provider_name};
    use crate::verify::Sign;

    fn happened(kind: OccurrenceKind, provider: &str, seconds: i64, number: usize) -> Occurrence {
        Occurrence {
            id: format!("{provider}-{}-{seconds}-{number}", kind.name()),
            kind,
            at: at(seconds),
            cluster: Some(cluster_name()),
            provider: Some(provider_name(provider)),
            service: None,
            pool: None,
            sign: None,
        }
    }

    fn many(kind: OccurrenceKind, provider: &str, seconds: i64, count: usize) -> Vec<Occurrence> {
        (0..count).map(|number| happened(kind, provider, seconds, number)).collect()
    }

    #[test]
    fn five_interruptions_of_a_provider_in_five_minutes_or_any_shortage_are_a_storm() {
        use OccurrenceKind::TaskInterruption;
        use OccurrenceKind::{InstanceInterruption, LaunchFailure, PlacementFailure, RebalanceRecommendation};
        let failed = |kind, sign| Occurrence { sign, ..happened(kind, "spot", -60, 0) };
        let shortage = Some(Storm::Shortage { provider: Some(provider_name("spot")) });
        let storm_of =
            |provider: &str, count| Some(Storm::Interruptions { provider: Some(provider_name(provider)), count });
        let cases = [
            ("nothing", vec![], None),
            ("four", many(InstanceInterruption, "spot", -60, 4), None),
            ("five", many(InstanceInterruption, "spot", -60, 5), storm_of("spot", 5)),
            ("five, the oldest at the window's edge", many(InstanceInterruption, "spot", -300, 5), storm_of("spot", 5)),
            ("five, long ago", many(InstanceInterruption, "spot", -301, 5), None),
            (
                "four and three of two providers",
                [many(TaskInterruption, "one", -60, 4), many(TaskInterruption, "two", -60, 3)].concat(),
                None,
            ),
            (
                "the larger of two",
                [many(TaskInterruption, "one", -60, 5), many(TaskInterruption, "two", -60, 6)].concat(),
                storm_of("two", 6),
            ),
            (
                "instances and tasks do not add up",
                [many(InstanceInterruption, "spot", -60, 3), many(TaskInterruption, "spot", -60, 4)].concat(),
                None,
            ),
            ("recommendations are no losses", many(RebalanceRecommendation, "spot", -60, 50), None),
            (
                "a placement without capacity",
                vec![failed(PlacementFailure, Some(Sign::SpotCapacity))],
                shortage.clone(),
            ),
            ("a launch without capacity", vec![failed(LaunchFailure, Some(Sign::SpotCapacity))], shortage),
            ("a quota", vec![failed(LaunchFailure, Some(Sign::Quota))], None),
            ("a failure that says nothing", vec![failed(LaunchFailure, None)], None),
        ];
        for (name, occurrences, expected) in cases {
            assert_eq!(storm(&occurrences, now()), expected, "{name}");
        }
    }

    #[test]
    fn a_shortage_that_goes_on_is_no_news() {
        let short = |service: Option<&str>, seconds| Occurrence {
            service: service.map(str::to_owned),
            sign: Some(Sign::SpotCapacity),
            ..happened(OccurrenceKind::PlacementFailure, "spot", seconds, 0)
        };
        let cases = [
            ("a shortage of before", vec![short(None, -301)], false),
            ("one that goes on", vec![short(None, -301), short(None, -60)], false),
            ("after half an hour of quiet", vec![short(None, -2_101), short(None, -60)], true),
            ("within the half hour", vec![short(None, -2_100), short(None, -60)], false),
            ("twice in the window", vec![short(None, -300), short(None, -60)], true),
            ("another service", vec![short(Some("web"), -900), short(Some("cart"), -60)], true),
        ];
        for (name, occurrences, expected) in cases {
            assert_eq!(storm(&occurrences, now()).is_some(), expected, "{name}");
        }
    }

    #[test]
    fn a_storm_says_what_it_is() {
        let provider = Some(provider_name("spot"));
        assert_eq!(
            Storm::Interruptions { provider: provider.clone(), count: 7 }.to_string(),
            "7 interruptions of spot within 300 s"
        );
        assert_eq!(Storm::Shortage { provider }.to_string(), "no Spot capacity for spot");
        assert_eq!(Storm::Shortage { provider: None }.to_string(), "no Spot capacity for a provider that is not known");
    }

    #[test]
    fn an_early_run_has_one_name_in_a_cool_down() {
        let clusters = |names: &[&str]| -> Vec<ClusterName> {
            names.iter().map(|name| ClusterName::parse(name).unwrap()).collect()
        };
        let name = |names: &[&str], seconds| early_run_name(&clusters(names), at(seconds));
        assert_eq!(name(&["a", "b"], 0), name(&["b", "a"], 599), "noon is on a turn");
        assert_ne!(name(&["a", "b"], 0), name(&["a", "b"], 600), "the next turn");
        assert_ne!(name(&["a", "b"], 0), name(&["ab"], 0), "other clusters");
        let longest = "x".repeat(255);
        let long = name(&[&longest, &longest], 0);
        // The longest name that Step Functions takes. Source: `StartExecution`, its API reference.
        assert!(long.as_str().len() <= 80, "{long}");
        assert!(long.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{long}");
    }
}
