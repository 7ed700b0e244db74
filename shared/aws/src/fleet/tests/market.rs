//! Spot providers and placement scores, against EC2's answers as they come over the wire.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_smithy_http_client::test_util::StaticReplayClient;
use spotkeeper_core::observe::Architecture;
use spotkeeper_core::ports::SpotMarket as _;
use spotkeeper_core::signals::{PlacementScore, ScoreQuery, ScoreRefusal, Scored, Wanted};

use super::{TestFleet, fleet_on};
use crate::client::Action;
use crate::client::testing::replaying;

fn replayed(answers: &[(u16, &str)]) -> (TestFleet, StaticReplayClient) {
    let (clients, replay) = replaying(answers);
    (fleet_on(clients, Arc::default()), replay)
}

/// The parameters of the n-th request, in order of their names, without those of every call.
pub(super) fn parameters(replay: &StaticReplayClient, index: usize) -> Vec<String> {
    let request = replay.actual_requests().nth(index).unwrap();
    let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
    let every = ["Action=", "Version="];
    let parameters = body.split('&').filter(|one| !every.iter().any(|name| one.starts_with(name)));
    parameters.map(|one| one.replace("%2A", "*")).collect::<BTreeSet<_>>().into_iter().collect()
}

fn query(wanted: Wanted, of: Scored) -> ScoreQuery {
    ScoreQuery { region: "eu-west-1".to_owned(), wanted, capacity: 64, of }
}

fn types() -> Wanted {
    Wanted::Types(["m5.large", "c5.large", "r5.large"].map(str::to_owned).into())
}

fn page(zone: &str, score: i32, token: &str) -> String {
    format!(
        "<GetSpotPlacementScoresResponse><spotPlacementScoreSet><item><region>eu-west-1</region>\
         <availabilityZoneId>{zone}</availabilityZoneId><score>{score}</score></item></spotPlacementScoreSet>\
         <nextToken>{token}</nextToken></GetSpotPlacementScoresResponse>"
    )
}

fn error(code: &str, message: &str) -> String {
    format!("<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>")
}

#[tokio::test]
async fn types_are_asked_about_page_after_page() {
    let (first, second) = (page("euw1-az1", 9, "more"), page("euw1-az2", 4, ""));
    let (fleet, replay) = replayed(&[(200, &first), (200, &second)]);
    let scores = fleet.placement_scores(&query(types(), Scored::Zones)).await.unwrap();
    let of = |zone: &str, score| PlacementScore { zone_id: Some(zone.to_owned()), score };
    assert_eq!(scores, [of("euw1-az1", 9), of("euw1-az2", 4)]);
    let expected = [
        "InstanceType.1=c5.large",
        "InstanceType.2=m5.large",
        "InstanceType.3=r5.large",
        "MaxResults=1000",
        "RegionName.1=eu-west-1",
        "SingleAvailabilityZone=true",
        "TargetCapacity=64",
    ];
    assert_eq!(parameters(&replay, 0), expected);
    assert!(parameters(&replay, 1).contains(&"NextToken=more".to_owned()));
    assert_eq!(fleet.counts().of(Action::GetSpotPlacementScores).calls, 2);
}

#[tokio::test]
async fn requirements_are_passed_on_as_requirements() {
    let of_region = page("", 7, "");
    let (fleet, replay) = replayed(&[(200, &of_region)]);
    let requirements = serde_json::json!({
        "ExcludedInstanceTypes": ["t3.*"],
        "MemoryMiB": { "Min": 4096 },
        "VCpuCount": { "Max": 8, "Min": 2 },
    });
    let wanted = Wanted::Requirements {
        architectures: [Architecture::Arm64].into(),
        requirements: serde_json::from_value(requirements).unwrap(),
    };
    let scores = fleet.placement_scores(&query(wanted, Scored::Region)).await.unwrap();
    assert_eq!(scores, [PlacementScore { zone_id: None, score: 7 }]);
    let metadata = "InstanceRequirementsWithMetadata";
    let expected = [
        format!("{metadata}.ArchitectureType.1=arm64"),
        format!("{metadata}.InstanceRequirements.ExcludedInstanceType.1=t3.*"),
        format!("{metadata}.InstanceRequirements.MemoryMiB.Min=4096"),
        format!("{metadata}.InstanceRequirements.VCpuCount.Max=8"),
        format!("{metadata}.InstanceRequirements.VCpuCount.Min=2"),
        format!("{metadata}.VirtualizationType.1=hvm"),
        "MaxResults=1000".to_owned(),
        "RegionName.1=eu-west-1".to_owned(),
        "SingleAvailabilityZone=false".to_owned(),
        "TargetCapacity=64".to_owned(),
    ];
    assert_eq!(parameters(&replay, 0), expected);
}

#[tokio::test]
async fn a_requirement_that_cannot_be_passed_on_is_not_left_out() {
    let (fleet, replay) = replayed(&[]);
    let requirements = serde_json::from_value(serde_json::json!({ "Colour": "blue" })).unwrap();
    let wanted = Wanted::Requirements { architectures: BTreeSet::new(), requirements };
    let refused = fleet.placement_scores(&query(wanted, Scored::Zones)).await.unwrap_err();
    let ScoreRefusal::Failed { detail } = refused else { panic!("{refused:?}") };
    assert!(detail.contains("Colour"), "{detail}");
    assert_eq!(replay.actual_requests().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_refusal_of_ec2_is_its_own() {
    let action = |name: &str| ScoreRefusal::Denied { action: name.to_owned() };
    let message =
        "User: u is not authorized to perform: ec2:GetSpotPlacementScores because of a service control policy";
    let cases = [
        (400, error("MaxConfigLimitExceeded", "no more today"), 1, ScoreRefusal::MaxConfigLimitExceeded),
        (403, error("UnauthorizedOperation", message), 1, action("ec2:GetSpotPlacementScores")),
        (403, error("UnauthorizedOperation", "no"), 1, action("ec2:GetSpotPlacementScores")),
        (503, error("RequestLimitExceeded", "slow down"), 11, ScoreRefusal::Throttled),
        (
            400,
            error("InvalidParameterValue", "no such type"),
            1,
            ScoreRefusal::Failed { detail: "InvalidParameterValue: no such type".to_owned() },
        ),
    ];
    for (status, body, calls, expected) in cases {
        let (fleet, _) = replayed(&[(status, body.as_str()); 11]);
        assert_eq!(fleet.placement_scores(&query(types(), Scored::Zones)).await, Err(expected), "{body}");
        assert_eq!(fleet.counts().of(Action::GetSpotPlacementScores).calls, calls, "{body}");
    }
    let denied = error("UnauthorizedOperation", "You are not authorized to perform this operation.");
    let (fleet, _) = replayed(&[(403, &denied)]);
    assert_eq!(fleet.zone_names().await, Err(action("ec2:DescribeAvailabilityZones")));
}
