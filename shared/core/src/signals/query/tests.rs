use serde_json::json;

use super::*;
use crate::fixtures::{at, gap, now};

fn instances(types: &[&str], max_size: u32, zones: &[&str]) -> SpotInstances {
    SpotInstances {
        wanted: Wanted::Types(types.iter().map(|name| (*name).to_owned()).collect()),
        max_size,
        zones: zones.iter().map(|name| (*name).to_owned()).collect(),
        lowest_price: false,
    }
}

fn asked(instances: SpotInstances) -> Question {
    question("eu-west-1", &Reading::Known(Launches::Instances(instances))).unwrap()
}

const THREE: [&str; 3] = ["m5.large", "c5.large", "r5.large"];
const ZONES: [&str; 2] = ["eu-west-1a", "eu-west-1b"];

#[test]
fn a_question_is_the_same_for_as_long_as_the_group_is() {
    let question = asked(instances(&THREE, 100, &ZONES));
    let turned = ["r5.large", "m5.large", "c5.large", "m5.large"];
    let cases = [
        // name, another group, whether the query is the same
        ("the same", instances(&THREE, 100, &ZONES), true),
        ("types in another order, one twice", instances(&turned, 100, &ZONES), true),
        ("a little larger", instances(&THREE, 128, &ZONES), true),
        ("a little smaller", instances(&THREE, 65, &ZONES), true),
        ("larger", instances(&THREE, 129, &ZONES), false),
        ("smaller", instances(&THREE, 64, &ZONES), false),
        ("another type", instances(&["m5.large", "c5.large", "r6i.large"], 100, &ZONES), false),
        // The zones in use are picked out of the answer.
        ("other zones", instances(&THREE, 100, &["eu-west-1c"]), true),
    ];
    for (name, other, same) in cases {
        let other = asked(other);
        assert_eq!(other.by_zone == question.by_zone, same, "{name}");
        assert_eq!(other.by_zone.digest() == question.by_zone.digest(), same, "{name}");
        assert_eq!(other.by_region.digest() == question.by_region.digest(), same, "{name}");
    }
    assert_ne!(question.by_zone.digest(), question.by_region.digest());
    let elsewhere = ScoreQuery { region: "eu-north-1".to_owned(), ..question.by_zone.clone() };
    assert_ne!(elsewhere.digest(), question.by_zone.digest());
    assert_eq!(question.by_zone.digest().len(), 32);
}

#[test]
fn requirements_tell_queries_apart() {
    let wanted = |architecture, vcpus: u32| Wanted::Requirements {
        architectures: [architecture].into(),
        requirements: Requirements([("VCpuCount".to_owned(), json!({"Min": vcpus}))].into()),
    };
    let query = |wanted| asked(SpotInstances { wanted, ..instances(&[], 8, &ZONES) }).by_zone.digest();
    let one = query(wanted(Architecture::X8664, 2));
    assert_eq!(one, query(wanted(Architecture::X8664, 2)));
    assert_ne!(one, query(wanted(Architecture::X8664, 4)));
    assert_ne!(one, query(wanted(Architecture::Arm64, 2)));
}

#[test]
fn capacities_are_powers_of_two_within_what_ec2_takes() {
    let cases = [(0, 1), (1, 1), (2, 2), (3, 4), (64, 64), (65, 128), (1 << 30, 1 << 30), (u32::MAX, LARGEST_CAPACITY)];
    for (max_size, expected) in cases {
        assert_eq!(capacity(max_size), expected, "{max_size}");
    }
}

#[test]
fn few_types_are_told() {
    let cases = [
        ("two", instances(&THREE[..2], 1, &ZONES).wanted, true),
        ("three", instances(&THREE, 1, &ZONES).wanted, false),
        (
            "requirements",
            Wanted::Requirements { architectures: BTreeSet::new(), requirements: Requirements::default() },
            false,
        ),
    ];
    for (name, wanted, expected) in cases {
        assert_eq!(wanted.is_too_few(), expected, "{name}");
    }
}

#[test]
fn what_cannot_be_asked_about_is_its_own_answer() {
    let missing = |cause| Reading::Missing(Gap { cause, ..gap("spot", "autoscaling:DescribeAutoScalingGroups") });
    let refused = |why| ScoreAnswer::Refused { why };
    let failed = |detail: &str| refused(ScoreRefusal::Failed { detail: detail.to_owned() });
    let action = "autoscaling:DescribeAutoScalingGroups".to_owned();
    let cases = [
        ("a refusal", missing(GapCause::Denied), refused(ScoreRefusal::Denied { action })),
        ("a throttle", missing(GapCause::Throttled), refused(ScoreRefusal::Throttled)),
        ("no group", missing(GapCause::Absent), failed("spot does not exist (autoscaling:DescribeAutoScalingGroups)")),
        ("no zone", Reading::Known(Launches::Instances(instances(&THREE, 1, &[]))), failed("the group shows no zone")),
        (
            "two types",
            Reading::Known(Launches::Instances(instances(&THREE[..2], 1, &ZONES))),
            ScoreAnswer::Unsupported {
                why: "EC2 scores fewer than 3 instance types low, whatever the pools have".to_owned(),
            },
        ),
        (
            "Fargate",
            Reading::Known(Launches::fargate_spot()),
            ScoreAnswer::Unsupported { why: "EC2 scores instance types, and Fargate Spot shows none".to_owned() },
        ),
    ];
    for (name, launches, expected) in cases {
        assert_eq!(question("eu-west-1", &launches), Err(expected), "{name}");
    }
}

fn names() -> BTreeMap<String, String> {
    let of = |(id, name): (&str, &str)| (id.to_owned(), name.to_owned());
    // Ids and names do not go in the same order: that differs from account to account.
    [("euw1-az1", "eu-west-1b"), ("euw1-az2", "eu-west-1a"), ("euw1-az3", "eu-west-1c")].map(of).into()
}

fn given(scores: &[(&str, i32)]) -> Result<Vec<PlacementScore>, ScoreRefusal> {
    let zone = |id: &str| (!id.is_empty()).then(|| id.to_owned());
    Ok(scores.iter().map(|(id, score)| PlacementScore { zone_id: zone(id), score: *score }).collect())
}

#[test]
fn the_score_of_a_cluster_is_the_mean_of_its_zones() {
    let question = asked(instances(&THREE, 10, &ZONES));
    let scored = |score, a, b, region: Option<u16>| ScoreAnswer::Scored {
        score: Score(score),
        zones: [("eu-west-1a".to_owned(), Score(a)), ("eu-west-1b".to_owned(), Score(b))].into(),
        region: region.map(Score),
    };
    let absent = |zones: &[&str]| ScoreAnswer::Absent { zones: zones.iter().map(|&zone| zone.to_owned()).collect() };
    let throttled = || Err(ScoreRefusal::Throttled);
    let cases = [
        // name, by zone, by region, answer
        (
            "both",
            given(&[("euw1-az1", 9), ("euw1-az2", 4)]),
            Some(given(&[("", 10)])),
            scored(650, 400, 900, Some(1_000)),
        ),
        // A good zone that is not in use does not hide a poor one that is.
        (
            "one that is not in use",
            given(&[("euw1-az3", 10), ("euw1-az1", 1), ("euw1-az2", 2)]),
            None,
            scored(150, 200, 100, None),
        ),
        (
            "the Region refused",
            given(&[("euw1-az1", 9), ("euw1-az2", 9)]),
            Some(throttled()),
            scored(900, 900, 900, None),
        ),
        ("one zone absent", given(&[("euw1-az1", 9), ("euw1-az3", 9)]), None, absent(&["eu-west-1a"])),
        ("none at all", given(&[]), Some(given(&[("", 10)])), absent(&ZONES)),
        ("no score is not zero", given(&[("euw1-az1", 9), ("euw1-az2", 0)]), None, absent(&["eu-west-1a"])),
        ("an unknown zone id", given(&[("euw1-az1", 9), ("euw1-az9", 9)]), None, absent(&["eu-west-1a"])),
        ("refused", throttled(), Some(given(&[("", 10)])), ScoreAnswer::Refused { why: ScoreRefusal::Throttled }),
    ];
    for (name, by_zone, by_region, expected) in cases {
        assert_eq!(answer(&question, &names(), &by_zone, by_region.as_ref()), expected, "{name}");
    }
    let three = asked(instances(&THREE, 10, &["eu-west-1a", "eu-west-1b", "eu-west-1c"]));
    let by_zone = given(&[("euw1-az1", 3), ("euw1-az2", 3), ("euw1-az3", 2)]);
    let ScoreAnswer::Scored { score, .. } = answer(&three, &names(), &by_zone, None) else { panic!("scored") };
    assert_eq!(score, Score(266), "rounded down");
}

#[test]
fn distinct_queries_are_bounded_and_those_of_the_last_day_go_on() {
    let admitted = |asked: &AskedQueries, wanted: &[&str], bound, seconds| {
        let (next, admitted) = asked.admit(wanted.iter().copied(), bound, at(seconds));
        let admitted: Vec<String> = admitted.into_iter().collect();
        (next, admitted)
    };
    let (first, may) = admitted(&AskedQueries::default(), &["b", "a", "b", "c"], 2, 0);
    assert_eq!(may, ["a", "b"], "in the order given, one that is shared counts once");
    assert_eq!((first.last_asked.len(), first.version), (2, 1));

    let (second, may) = admitted(&first, &["c", "b"], 2, 3_600);
    assert_eq!(may, ["b"], "no new one, and the old one goes on");
    // `a` was last asked 24 hours ago, `b` an hour less.
    let (third, may) = admitted(&second, &["c", "b"], 2, 86_400);
    assert_eq!(may, ["b", "c"], "a place is free");
    assert_eq!(third.last_asked.keys().collect::<Vec<_>>(), ["b", "c"]);
    let (_, may) = admitted(&second, &["c", "b"], 2, 86_399);
    assert_eq!(may, ["b"], "a second before it is not");

    let (_, may) = admitted(&third, &["b", "c", "d"], 0, 86_400);
    assert_eq!(may, ["b", "c"], "a lower bound lets those asked before go on");
    let (_, may) = admitted(&AskedQueries::default(), &["a"], 0, 0);
    assert_eq!(may.len(), 0);
    // A clock that went back does not free places.
    let (_, may) = admitted(&AskedQueries { last_asked: [("a".to_owned(), now())].into(), version: 1 }, &["b"], 1, -60);
    assert_eq!(may.len(), 0);
}
