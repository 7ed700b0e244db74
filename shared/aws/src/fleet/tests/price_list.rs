//! The price list, against its answers as they come over the wire.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_smithy_http_client::test_util::StaticReplayClient;
use serde_json::{Value, json};
use spotkeeper_core::observe::{Architecture, GapCause};
use spotkeeper_core::outlook::{FargatePrices, Money};

use super::{TestFleet, fleet_on};
use crate::client::testing::{ecs_error, replaying};

fn replayed(answers: &[(u16, String)]) -> (TestFleet, StaticReplayClient) {
    let answers: Vec<(u16, &str)> = answers.iter().map(|(status, body)| (*status, body.as_str())).collect();
    let (clients, replay) = replaying(&answers);
    (fleet_on(clients, Arc::default()), replay)
}

fn page(products: &[Value], next: Option<&str>) -> (u16, String) {
    let list: Vec<String> = products.iter().map(Value::to_string).collect();
    (200, json!({ "FormatVersion": "aws_v1", "PriceList": list, "NextToken": next }).to_string())
}

fn product(attributes: Value, unit: &str, price: &str) -> Value {
    let dimension = json!({ "unit": unit, "beginRange": "0", "endRange": "Inf", "pricePerUnit": { "USD": price } });
    json!({
        "product": { "productFamily": "Compute Instance", "attributes": attributes, "sku": "A" },
        "serviceCode": "AmazonEC2",
        "terms": {
            "OnDemand": { "A.B": { "priceDimensions": { "A.B.C": dimension }, "termAttributes": {} } },
            "Reserved": { "A.D": { "priceDimensions": {} } },
        },
    })
}

fn instance(name: &str, price: &str) -> Value {
    product(json!({ "instanceType": name, "usagetype": format!("EU-BoxUsage:{name}") }), "Hrs", price)
}

fn types(names: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    names.into_iter().collect()
}

fn body(replay: &StaticReplayClient, index: usize) -> Value {
    let request = replay.actual_requests().nth(index).unwrap();
    assert_eq!(request.headers().get("x-amz-target"), Some("AWSPriceListService.GetProducts"));
    assert!(request.uri().starts_with("https://api.pricing.eu-central-1.amazonaws.com"), "{}", request.uri());
    serde_json::from_slice(request.body().bytes().unwrap()).unwrap()
}

#[tokio::test]
async fn types_are_asked_about_forty_at_once_and_page_after_page() {
    let answers = [
        page(&[instance("t0.large", "0.1070000000")], Some("more")),
        page(&[instance("t1.large", "0.0480000000")], None),
        page(&[], None),
    ];
    let (fleet, replay) = replayed(&answers);
    let read = fleet.on_demand_prices("eu-west-1", &types((0..41).map(|number| format!("t{number}.large")))).await;
    assert!(read.gaps.is_empty(), "{:?}", read.gaps);
    let prices: Vec<(&str, i64)> = read.prices.iter().map(|(name, price)| (name.as_str(), price.0)).collect();
    assert_eq!(prices, [("t0.large", 107_000), ("t1.large", 48_000)], "what the list does not have is not known");
    let questions: Vec<Value> = (0..3).map(|index| body(&replay, index)).collect();
    let of_types = |index: usize| {
        let filters = questions[index]["Filters"].as_array().unwrap();
        let filter = filters.iter().find(|one| one["Field"] == "instanceType").unwrap();
        assert_eq!(filter["Type"], "ANY_OF");
        filter["Value"].as_str().unwrap().split(',').count()
    };
    let mut asked: Vec<usize> = (0..3).map(of_types).collect();
    asked.sort_unstable();
    assert_eq!(asked, [1, 40, 40]);
    assert_eq!(questions.iter().filter(|one| one["NextToken"] == "more").count(), 1);
    for (field, value) in [("regionCode", "eu-west-1"), ("operatingSystem", "Linux"), ("capacitystatus", "Used")] {
        let filter = json!({ "Type": "TERM_MATCH", "Field": field, "Value": value });
        assert!(questions[0]["Filters"].as_array().unwrap().contains(&filter), "{}", questions[0]);
    }
}

#[tokio::test]
async fn what_is_not_one_hourly_price_is_not_known() {
    let mut tiered = instance("tiered", "0.1");
    let dimensions = &mut tiered["terms"]["OnDemand"]["A.B"]["priceDimensions"];
    dimensions["A.B.E"] = dimensions["A.B.C"].clone();
    let products = [
        instance("good", "0.1"),
        instance("twice", "0.1"),
        instance("twice", "0.2"),
        instance("alike", "0.1"),
        instance("alike", "0.1"),
        instance("free", "0.0000000000"),
        product(json!({ "instanceType": "monthly" }), "Mo", "9"),
        json!({ "product": { "attributes": { "instanceType": "unsold" } } }),
        tiered,
    ];
    let (fleet, _) = replayed(&[page(&products, None)]);
    let read = fleet.on_demand_prices("eu-west-1", &types(["good".to_owned()])).await;
    assert_eq!(read.prices.keys().collect::<Vec<_>>(), ["alike", "good"]);
}

#[tokio::test]
async fn what_is_denied_or_not_understood_is_a_gap_and_the_rest_is_there() {
    let message = "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: pricing:GetProducts";
    let denied = (400, ecs_error("AccessDeniedException", message));
    let (fleet, _) = replayed(&[denied, page(&[instance("t9.large", "0.1")], None)]);
    let read = fleet.on_demand_prices("eu-west-1", &types((0..41).map(|number| format!("t{number}.large")))).await;
    let [gap] = read.gaps.as_slice() else { panic!("one gap: {:?}", read.gaps) };
    assert_eq!((gap.action.as_str(), gap.cause), ("pricing:GetProducts", GapCause::Denied));
    assert_eq!(read.prices.len(), 1);
    let long = "x".repeat(256 * 1024 + 1);
    for text in ["{", "{}", r#"{"product":{"attributes":{"instanceType":5}}}"#, &long] {
        let list = json!({ "PriceList": [text] }).to_string();
        let (fleet, _) = replayed(&[(200, list)]);
        let read = fleet.on_demand_prices("eu-west-1", &types(["a".to_owned()])).await;
        assert_eq!(read.gaps.first().map(|gap| gap.cause), Some(GapCause::NotUnderstood), "{text:.20}");
    }
}

#[tokio::test]
async fn fargate_costs_by_architecture_and_its_spot_prices_are_not_in_the_list() {
    let of = |usage: &str, price: &str| product(json!({ "usagetype": usage }), "hours", price);
    let products = [
        of("EU-Fargate-vCPU-Hours:perCPU", "0.0404800000"),
        of("EU-Fargate-GB-Hours", "0.0044450000"),
        of("EU-Fargate-ARM-vCPU-Hours:perCPU", "0.0323800000"),
        of("EU-Fargate-Windows-vCPU-Hours:perCPU", "0.0465520000"),
        of("EU-SpotUsage-Fargate-GB-Hours", "0.0010000000"),
        of("EU-ECS-EC2-GB-Hours", "0.0000000000"),
    ];
    let (fleet, replay) = replayed(&[page(&products, None)]);
    let read = fleet.fargate_prices("eu-west-1").await;
    assert_eq!(body(&replay, 0)["ServiceCode"], "AmazonECS");
    let price = |price: i64| Some(Money(price));
    let x86 = FargatePrices { vcpu: price(40_480), gb: price(4_445), ..FargatePrices::default() };
    assert_eq!(read.prices[&Architecture::X8664], x86);
    assert_eq!(read.prices[&Architecture::Arm64], FargatePrices { vcpu: price(32_380), ..FargatePrices::default() });
}
