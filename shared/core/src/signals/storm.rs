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
/// How long a service must have had what it asked of a provider for a shortage to be another one. A
/// drought that goes on is left to the schedule, which looks at it twice in this time.
pub const SHORTAGE_QUIET: Seconds = Seconds(1_800);
/// How long a shortage that has lasted for as long as makes a drought is news. It is above the time
/// after which the queue gives a message again (`VisibilityTimeout` of the template).
pub const SHORTAGE_NEWS: Seconds = Seconds(600);
/// The longest time to a drought for which a message waits in the queue: it may come again four times
/// (`maxReceiveCount`), six minutes apart. For a longer one there is the schedule.
pub const LONGEST_WAIT: Seconds = Seconds(1_200);
/// How long after an early run of a cluster the next one may begin. It is above the time between
/// a cluster's first look and its first moves, below the shortest schedule that makes sense, and below
/// the time after which the queue gives a message again: instances are taken away first, and the run
/// that answers this must not bar the one that finds nothing in their stead.
pub const EARLY_RUN_COOL_DOWN: Seconds = Seconds(300);

/// How far back [`storm`] has to see: to the quiet before a shortage that has lasted.
#[must_use]
pub const fn storm_memory(drought: Seconds) -> Seconds {
    drought.saturating_add(SHORTAGE_NEWS).saturating_add(SHORTAGE_QUIET)
}

/// Why a cluster is to be looked at early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storm {
    /// Spot capacity that was asked for could not be had, as long ago as makes a drought.
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

/// Whether what happened to one cluster's capacity is a storm now: a new shortage that began as long
/// ago as makes a drought, or else the provider with the most interruptions where they are
/// [`STORM_INTERRUPTIONS`] or more. An instance and the tasks of its provider do not add up: the
/// larger number counts.
///
/// At a shortage's first sign a run would find no drought yet, and do nothing. Whether it is over again
/// is for the run to see.
#[must_use]
pub fn storm(occurrences: &[Occurrence], drought: Seconds, now: Timestamp) -> Option<Storm> {
    let since = now.checked_sub(STORM_WINDOW.duration()).unwrap_or(Timestamp::MIN);
    let lasted = |one: &&Occurrence| {
        let (lasts, news) = lasts(one, drought);
        (lasts..=news).contains(&now) && begins(one, occurrences)
    };
    if let Some(shortage) = occurrences.iter().find(lasted) {
        return Some(Storm::Shortage { provider: shortage.provider.clone() });
    }
    let mut counts: BTreeMap<(Option<&ProviderName>, OccurrenceKind), usize> = BTreeMap::new();
    for one in occurrences.iter().filter(|one| one.at >= since && one.kind.is_interruption()) {
        *counts.entry((one.provider.as_ref(), one.kind)).or_default() += 1;
    }
    let ((provider, _), count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (count >= STORM_INTERRUPTIONS).then(|| Storm::Interruptions { provider: provider.cloned(), count })
}

/// Whether one of a cluster's occurrences begins a shortage that may become a [`storm`] by nothing but
/// time: it is to be looked at again. ECS may not tell of it a second time: "duplicate event messages are
/// omitted until either the cause is resolved or six hours passes" ("Service event messages", ECS
/// developer guide).
#[must_use]
pub fn may_become_a_storm(one: &Occurrence, occurrences: &[Occurrence], drought: Seconds, now: Timestamp) -> bool {
    drought <= LONGEST_WAIT && now < lasts(one, drought).0 && begins(one, occurrences)
}

/// From when on a shortage that began with this sign has lasted, and until when that is news.
fn lasts(first: &Occurrence, drought: Seconds) -> (Timestamp, Timestamp) {
    let lasts = first.at.saturating_add(drought.duration()).unwrap_or(Timestamp::MAX);
    (lasts, lasts.saturating_add(SHORTAGE_NEWS.duration()).unwrap_or(Timestamp::MAX))
}

/// Whether the same service (or the group, for a launch) lacked nothing of the provider just before.
fn begins(first: &Occurrence, occurrences: &[Occurrence]) -> bool {
    let quiet_since = first.at.saturating_sub(SHORTAGE_QUIET.duration()).unwrap_or(Timestamp::MIN);
    let of_service =
        |one: &&Occurrence| one.is_shortage() && (&one.provider, &one.service) == (&first.provider, &first.service);
    first.is_shortage() && !occurrences.iter().filter(of_service).any(|one| (quiet_since..first.at).contains(&one.at))
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

    const DROUGHT: Seconds = Seconds(300);

    fn many(kind: OccurrenceKind, provider: &str, seconds: i64, count: usize) -> Vec<Occurrence> {
        (0..count).map(|number| happened(kind, provider, seconds, number)).collect()
    }

    #[test]
    fn five_interruptions_of_a_provider_in_five_minutes_are_a_storm() {
        use OccurrenceKind::TaskInterruption;
        use OccurrenceKind::{InstanceInterruption, RebalanceRecommendation};
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
        ];
        for (name, occurrences, expected) in cases {
            assert_eq!(storm(&occurrences, DROUGHT, now()), expected, "{name}");
        }
    }

    /// Shortages so many seconds from now, of a service or of a group's launches.
    fn short(service: Option<&str>, times: &[i64]) -> Vec<Occurrence> {
        let kind = if service.is_some() { OccurrenceKind::PlacementFailure } else { OccurrenceKind::LaunchFailure };
        let at = |(number, seconds): (usize, &i64)| Occurrence {
            service: service.map(str::to_owned),
            sign: Some(Sign::SpotCapacity),
            ..happened(kind, "spot", *seconds, number)
        };
        times.iter().enumerate().map(at).collect()
    }

    #[test]
    fn a_shortage_is_a_storm_when_it_has_lasted() {
        let of = |sign| {
            let mut short = short(Some("web"), &[-310]);
            short.iter_mut().for_each(|one| one.sign = sign);
            short
        };
        let cases = [
            ("its first sign", short(Some("web"), &[0]), false, 1),
            ("not for long enough", short(Some("web"), &[-299]), false, 1),
            ("for long enough", short(Some("web"), &[-300]), true, 0),
            ("with more signs of it", short(Some("web"), &[0, -300, -200]), true, 0),
            ("launches of a group", short(None, &[-300]), true, 0),
            ("not long ago", short(Some("web"), &[-900]), true, 0),
            ("for so long that it is no news", short(Some("web"), &[-901]), false, 0),
            ("which goes on", short(Some("web"), &[-901, -600, -300, 0]), false, 0),
            ("half an hour of quiet before it", short(Some("web"), &[-2_101, -300]), true, 0),
            ("less", short(Some("web"), &[-2_100, -300]), false, 0),
            (
                "an old one, and one of another",
                [short(Some("web"), &[-1_200, -300]), short(Some("cart"), &[-300])].concat(),
                true,
                0,
            ),
            (
                "a young one of another",
                [short(Some("web"), &[-1_200, 0]), short(Some("cart"), &[0])].concat(),
                false,
                1,
            ),
            ("a quota", of(Some(Sign::Quota)), false, 0),
            ("a failure that says nothing", of(None), false, 0),
        ];
        for (name, occurrences, expected, waiting) in cases {
            let expected = expected.then(|| Storm::Shortage { provider: Some(provider_name("spot")) });
            assert_eq!(storm(&occurrences, DROUGHT, now()), expected, "{name}");
            let waits = occurrences.iter().filter(|one| may_become_a_storm(one, &occurrences, DROUGHT, now()));
            assert_eq!(waits.count(), waiting, "{name}");
        }
    }

    /// A message that waits would come to the queue of the dead before a drought of that length.
    #[test]
    fn a_long_drought_is_left_to_the_schedule() {
        let first = short(Some("web"), &[0]);
        for (drought, waits) in [(Seconds(0), false), (Seconds(1), true), (LONGEST_WAIT, true), (Seconds(1_201), false)]
        {
            assert_eq!(may_become_a_storm(&first[0], &first, drought, now()), waits, "{drought}");
        }
    }

    /// What is older decides nothing: the table need not be asked for it.
    #[test]
    fn a_storm_is_seen_within_its_memory() {
        for drought in [Seconds(0), DROUGHT, Seconds(3_600)] {
            let began = -i64::from(drought.0 + SHORTAGE_NEWS.0);
            let before = began - i64::from(SHORTAGE_QUIET.0);
            assert!(storm(&short(None, &[began]), drought, now()).is_some(), "{drought}");
            assert_eq!(storm(&short(None, &[before, began]), drought, now()), None, "{drought}");
            assert_eq!(i64::from(storm_memory(drought).0), -before, "{drought}");
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
        assert_eq!(name(&["a", "b"], 0), name(&["b", "a"], 299), "noon is on a turn");
        assert_ne!(name(&["a", "b"], 0), name(&["a", "b"], 300), "the next turn");
        assert_ne!(name(&["a", "b"], 0), name(&["ab"], 0), "other clusters");
        let longest = "x".repeat(255);
        let long = name(&[&longest, &longest], 0);
        // The longest name that Step Functions takes. Source: `StartExecution`, its API reference.
        assert!(long.as_str().len() <= 80, "{long}");
        assert!(long.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{long}");
    }
}
