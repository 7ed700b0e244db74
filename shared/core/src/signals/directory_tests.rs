//! Notices about all kinds of things, looked up.

use super::*;
use crate::fixtures::{cluster_name, now, provider_name};
use crate::ids::ServiceName;
use crate::signals::OccurrenceKind;
use crate::verify::Sign;

fn entry(name: &str, group: Option<&str>, market: Option<Market>, clusters: &[&str]) -> DirectoryEntry {
    DirectoryEntry {
        name: provider_name(name),
        group: group.map(str::to_owned),
        market,
        clusters: clusters.iter().map(|name| ClusterName::parse(name).unwrap()).collect(),
    }
}

fn directory() -> Directory {
    Directory {
        providers: vec![
            entry("FARGATE_SPOT", None, Some(Market::Spot), &["prod", "batch"]),
            entry("spot", Some("asg-spot"), Some(Market::Spot), &["prod"]),
            entry("on-demand", Some("asg-on-demand"), Some(Market::OnDemand), &["prod"]),
            entry("mixed", Some("asg-mixed"), Some(Market::Mixed), &["prod"]),
            entry("shared", Some("asg-shared"), Some(Market::Spot), &["prod", "batch"]),
            entry("unread", Some("asg-unread"), None, &["prod"]),
            entry("managed", None, Some(Market::OnDemand), &["batch"]),
            entry("managed", None, Some(Market::Spot), &["prod"]),
        ],
    }
}

fn id() -> InstanceId {
    InstanceId::parse("i-0123456789abcdef0").unwrap()
}

fn notice(kind: OccurrenceKind, about: About, sign: Option<Sign>) -> Notice {
    Notice { id: "it".to_owned(), kind, at: now(), about, sign }
}

/// Cluster, provider, whether the pool is known, sign.
type Found<'a> = (Option<&'a str>, Option<&'a str>, bool, Option<Sign>);
/// What is expected of one occurrence, and of several.
type One = Result<Found<'static>, Ignored>;
type Many = Result<Vec<Found<'static>>, Ignored>;

fn found(occurrences: &[Occurrence]) -> Vec<Found<'_>> {
    let short = |one: &Occurrence| -> Found<'_> {
        let cluster = match &one.cluster {
            Some(cluster) if cluster.as_str() == "prod" => Some("prod"),
            Some(_) => Some("another"),
            None => None,
        };
        let names = ["FARGATE_SPOT", "spot", "shared", "unread", "managed", "mixed", "on-demand", "nobody"];
        let provider = one.provider.as_ref().and_then(|name| names.into_iter().find(|known| *known == name.as_str()));
        (cluster, provider, one.pool.is_some(), one.sign)
    };
    occurrences.iter().map(short).collect()
}

#[test]
fn an_instance_is_found_by_its_tags() {
    let group = |name: &str| Some(LaunchedBy::Group(name.to_owned()));
    let managed = || Some(LaunchedBy::ManagedInstances { cluster: cluster_name(), provider: provider_name("managed") });
    let known = Some(directory());
    type Case<'a> = (&'a str, Option<LaunchedBy>, &'a Option<Directory>, One);
    let cases: [Case<'_>; 8] = [
        ("of a group", group("asg-spot"), &known, Ok((Some("prod"), Some("spot"), true, None))),
        ("of a group of two clusters", group("asg-shared"), &known, Ok((None, Some("shared"), true, None))),
        ("of a group that is no provider's", group("asg-eks"), &known, Err(Ignored::Elsewhere)),
        ("of a group, without a directory", group("asg-spot"), &None, Ok((None, None, true, None))),
        ("of Managed Instances", managed(), &None, Ok((Some("prod"), Some("managed"), true, None))),
        ("of something else", Some(LaunchedBy::Other), &known, Err(Ignored::Elsewhere)),
        ("unknown to EC2", None, &known, Ok((None, None, false, None))),
        ("unknown to EC2, without a directory", None, &None, Ok((None, None, false, None))),
    ];
    for (name, launched_by, directory, expected) in cases {
        for kind in [OccurrenceKind::InstanceInterruption, OccurrenceKind::RebalanceRecommendation] {
            let pool = CapacityPool { instance_type: "m5.large".to_owned(), zone: "eu-west-1a".to_owned() };
            let instances: BTreeMap<_, _> =
                launched_by.clone().map(|launched_by| (id(), SpotInstance { pool, launched_by })).into_iter().collect();
            let actual = resolve(&notice(kind, About::Instance(id()), None), &instances, directory.as_ref());
            assert_eq!(actual.as_deref().map(found).map_err(Clone::clone), expected.map(|one| vec![one]), "{name}");
        }
    }
}

#[test]
fn a_placement_failure_counts_for_the_spot_providers_that_it_names() {
    let named = |names: &[&str], sign| {
        let providers = names.iter().map(|name| provider_name(name)).collect();
        let service = ServiceName::parse("web").unwrap();
        notice(OccurrenceKind::PlacementFailure, About::Service { cluster: cluster_name(), service, providers }, sign)
    };
    let short = Some(Sign::SpotCapacity);
    let known = Some(directory());
    let one = |provider: &'static str, sign| Ok(vec![(Some("prod"), Some(provider), false, sign)]);
    type Case<'a> = (&'a str, &'a [&'a str], Option<Sign>, &'a Option<Directory>, Many);
    let cases: [Case<'_>; 10] = [
        ("Fargate Spot, by name", &["FARGATE_SPOT"], short, &None, one("FARGATE_SPOT", short)),
        ("On-Demand Fargate, by name", &["FARGATE"], short, &None, Err(Ignored::Elsewhere)),
        ("both", &["FARGATE", "FARGATE_SPOT"], short, &known, one("FARGATE_SPOT", short)),
        ("a Spot group", &["spot"], short, &known, one("spot", short)),
        ("an On-Demand group", &["on-demand"], short, &known, Err(Ignored::Elsewhere)),
        ("a group of both", &["mixed"], short, &known, Err(Ignored::Elsewhere)),
        ("this cluster's Managed Instances, not another's", &["managed"], short, &known, one("managed", short)),
        ("a group that could not be read", &["unread"], short, &known, one("unread", None)),
        ("without a directory", &["spot"], short, &None, one("spot", None)),
        (
            "without a directory, no shortage",
            &["spot"],
            Some(Sign::Placement),
            &None,
            one("spot", Some(Sign::Placement)),
        ),
    ];
    for (name, providers, sign, directory, expected) in cases {
        let actual = resolve(&named(providers, sign), &BTreeMap::new(), directory.as_ref());
        assert_eq!(actual.as_deref().map(found).map_err(Clone::clone), expected, "{name}");
    }
    let two = resolve(&named(&["spot", "shared"], short), &BTreeMap::new(), known.as_ref()).unwrap();
    let ids: Vec<&str> = two.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["it/spot", "it/shared"], "each counts by itself");
    assert!(two.iter().all(Occurrence::is_shortage));
}

#[test]
fn a_failed_launch_counts_where_its_group_is_spot() {
    let launch = |group: &str, says_spot| {
        let about = About::Group { name: group.to_owned(), says_spot };
        notice(OccurrenceKind::LaunchFailure, about, Some(Sign::SpotCapacity))
    };
    let short = Some(Sign::SpotCapacity);
    let known = Some(directory());
    type Case<'a> = (&'a str, &'a str, bool, &'a Option<Directory>, One);
    let cases: [Case<'_>; 8] = [
        ("a Spot group", "asg-spot", true, &known, Ok((Some("prod"), Some("spot"), false, short))),
        ("a Spot group, whatever the words", "asg-spot", false, &known, Ok((Some("prod"), Some("spot"), false, short))),
        ("an On-Demand group", "asg-on-demand", true, &known, Err(Ignored::Elsewhere)),
        ("a group of both", "asg-mixed", true, &known, Err(Ignored::Elsewhere)),
        (
            "a group that could not be read, of Spot",
            "asg-unread",
            true,
            &known,
            Ok((Some("prod"), Some("unread"), false, short)),
        ),
        ("a group that could not be read", "asg-unread", false, &known, Err(Ignored::Elsewhere)),
        ("a group that is no provider's", "asg-eks", true, &known, Err(Ignored::Elsewhere)),
        ("without a directory", "asg-spot", true, &None, Ok((None, None, false, short))),
    ];
    for (name, group, says_spot, directory, expected) in cases {
        let actual = resolve(&launch(group, says_spot), &BTreeMap::new(), directory.as_ref());
        assert_eq!(actual.as_deref().map(found).map_err(Clone::clone), expected.map(|one| vec![one]), "{name}");
    }
}

#[test]
fn a_task_says_all_itself() {
    let about = About::Task {
        cluster: cluster_name(),
        service: ServiceName::parse("web").ok(),
        provider: Some(provider_name("FARGATE_SPOT")),
    };
    let kept = resolve(&notice(OccurrenceKind::TaskInterruption, about, None), &BTreeMap::new(), None).unwrap();
    assert_eq!(found(&kept), [(Some("prod"), Some("FARGATE_SPOT"), false, None)]);
    assert_eq!(kept[0].service.as_deref(), Some("web"));
}

#[test]
fn a_group_may_have_launched_an_instance_and_be_no_provider() {
    let managed = LaunchedBy::ManagedInstances { cluster: cluster_name(), provider: provider_name("managed") };
    let group = |name: &str| LaunchedBy::Group(name.to_owned());
    let rows = [
        ("a provider's group", group("asg-spot"), Some("asg-spot"), true),
        ("a group that is no provider's", group("asg-eks"), Some("asg-eks"), false),
        ("Managed Instances", managed, None, false),
        ("something else", LaunchedBy::Other, None, false),
    ];
    for (name, launched_by, group, known) in rows {
        assert_eq!(launched_by.group(), group, "{name}");
        assert_eq!(group.is_some_and(|group| directory().has_group(group)), known, "{name}");
    }
}
