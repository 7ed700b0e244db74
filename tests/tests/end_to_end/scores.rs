//! The placement scorer as it is deployed.

use serde_json::{Value, json};

use crate::signed;
use crate::world::{POLICY, World, world};

/// Asks for the scores of every cluster; what the function answered.
fn ask(local: &World) -> Value {
    let name = local.stack.output("PlacementScorerName").unwrap();
    let said = signed::invoke(local.ministack.url(), name, &json!({}));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// What is known of the scores of a cluster: provider and answer.
fn known(local: &World, cluster: &str) -> Vec<(String, Value)> {
    let records = local.stack.bodies(&format!("score/{cluster}")).unwrap();
    records.into_iter().map(|one| (one["provider"].as_str().unwrap().to_owned(), one["answer"].clone())).collect()
}

#[test]
fn scores_are_asked_for_kept_and_told() {
    let local = world(POLICY);
    let answer = ask(&local);
    let expected = json!({
        "clusters": 2, "scored": 1, "refused": 0, "absent": 0, "unsupported": 2, "asked": 2, "queries": 2,
        "failed_clusters": {},
    });
    assert_eq!(answer, expected);

    let prod = known(&local, "prod");
    let names: Vec<&str> = prod.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["FARGATE_SPOT", "prod-spot"]);
    assert_eq!(prod[0].1["answer"], "unsupported");
    let scored = &prod[1].1;
    assert_eq!(scored["answer"], "scored");
    let zones = scored["zones"].as_object().unwrap();
    assert_eq!(zones.keys().collect::<Vec<_>>(), ["us-east-1a", "us-east-1b", "us-east-1c"]);
    assert!(zones.values().chain([&scored["score"]]).all(|score| *score == 1_000), "{scored}");
    assert_eq!(known(&local, "batch")[0].1["answer"], "unsupported", "Managed Instances");
    assert_eq!(local.stack.bodies("score-queries").unwrap()[0]["last_asked"].as_object().unwrap().len(), 2);

    let listed = ["cloudwatch", "list-metrics", "--namespace", "Spotkeeper"];
    let metrics = local.stack.api.cli(&listed).unwrap();
    let mut told: Vec<String> = metrics["Metrics"].as_array().unwrap().iter().map(metric).collect();
    told.sort();
    let expected = [
        "ApiCalls",
        "PlacementScoreQueries",
        "PlacementScoreRefusals denied",
        "PlacementScoreRefusals failed",
        "PlacementScoreRefusals max_config_limit_exceeded",
        "PlacementScoreRefusals query_limit",
        "PlacementScoreRefusals throttled",
        "SpotPlacementScore prod prod-spot (cluster)",
        "SpotPlacementScore prod prod-spot us-east-1a",
        "SpotPlacementScore prod prod-spot us-east-1b",
        "SpotPlacementScore prod prod-spot us-east-1c",
        "ThrottledCalls",
        "ThrottledShare",
    ];
    assert_eq!(told, expected);

    // Again: the same two queries, and a second sample.
    assert_eq!(ask(&local)["queries"], 2);
    let record = local.stack.bodies("score/prod").unwrap().remove(1);
    assert_eq!(record["samples"].as_array().unwrap().len(), 2, "{record}");
}

/// A metric with its dimensions in the order in which they are documented.
fn metric(metric: &Value) -> String {
    let dimensions = metric["Dimensions"].as_array().unwrap();
    let value = |name: &&str| dimensions.iter().find(|one| one["Name"] == **name);
    let order = ["Cluster", "Provider", "Zone", "Reason"];
    let values = order.iter().filter_map(value).map(|one| format!(" {}", one["Value"].as_str().unwrap()));
    format!("{}{}", metric["MetricName"].as_str().unwrap(), values.collect::<String>())
}
