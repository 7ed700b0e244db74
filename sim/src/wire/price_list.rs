//! The price list: AWS JSON 1.1, target `AWSPriceListService`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::page::Paging;
use super::protocol::Service;
use super::{Handler, read};
use crate::world::arn::hash;
use crate::world::groups::InstanceType;
use crate::world::{Refusal, World};

pub(super) const CALLS: &[(&str, Handler)] = &[("GetProducts", |w, i| get_products(w, i))];

/// "The format version that you want the response to be in. Valid values are: aws_v1".
const FORMAT: &str = "aws_v1";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetProducts {
    service_code: String,
    #[serde(default)]
    filters: Vec<Filter>,
    format_version: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    #[serde(rename = "Type")]
    kind: String,
    field: String,
    value: String,
}

impl Filter {
    /// "For ANY_OF and NONE_OF filter types, you can provide multiple values as a comma-separated string" (Filter). An
    /// attribute that a product does not have is never matched.
    fn takes(&self, attributes: &Map<String, Value>) -> bool {
        let Some(value) = attributes.get(&self.field).and_then(Value::as_str) else { return false };
        let named = || self.value.split(',').any(|one| one.trim() == value);
        match self.kind.as_str() {
            "CONTAINS" => value.contains(&self.value),
            "ANY_OF" => named(),
            "NONE_OF" => !named(),
            _ => value == self.value,
        }
    }
}

/// A product with one On-Demand price.
struct Product {
    attributes: Map<String, Value>,
    family: &'static str,
    unit: &'static str,
    /// US dollars for a unit.
    price: f64,
}

impl Product {
    fn of(family: &'static str, unit: &'static str, price: f64, attributes: Value) -> Product {
        let attributes = match attributes {
            Value::Object(attributes) => attributes,
            _ => Map::new(),
        };
        Product { attributes, family, unit, price }
    }

    /// Sixteen letters and digits, the same for the same product.
    fn sku(&self) -> String {
        format!("{:016X}", hash(&Value::Object(self.attributes.clone()).to_string()))
    }

    /// As the list has it: JSON in a string.
    fn shown(&self, service: &str) -> String {
        // The codes of On-Demand offers and of their one rate.
        let sku = self.sku();
        let (offer, rate) = (format!("{sku}.JRTCKXETXF"), format!("{sku}.JRTCKXETXF.6YS6EN2CT7"));
        let price = format!("{:.10}", self.price);
        json!({
            "product": { "productFamily": self.family, "attributes": self.attributes, "sku": sku },
            "serviceCode": service,
            "terms": { "OnDemand": { offer: {
                "priceDimensions": { rate.clone(): {
                    "unit": self.unit, "beginRange": "0", "endRange": "Inf", "rateCode": rate, "appliesTo": [],
                    "description": format!("${price} per {}", self.unit), "pricePerUnit": { "USD": price },
                } },
                "sku": sku, "effectiveDate": "2026-01-01T00:00:00Z", "offerTermCode": "JRTCKXETXF", "termAttributes": {},
            } } },
            "version": "20260101000000",
            "publicationDate": "2026-01-01T00:00:00Z",
        })
        .to_string()
    }
}

fn get_products(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: GetProducts = read(Service::PriceList, input)?;
    if let Some(other) = call.format_version.as_ref().filter(|version| *version != FORMAT) {
        let what = format!("Invalid format version {other:?}: valid values are {FORMAT}");
        return Err(Refusal::new(Service::PriceList.invalid(), what));
    }
    let products: Vec<Product> = match call.service_code.as_str() {
        "AmazonEC2" => world.instance_types.values().flat_map(|t| instances(world, t)).collect(),
        "AmazonECS" => containers(world),
        // Of the other services of AWS nothing is simulated.
        other => return Err(Refusal::new("NotFoundException", format!("Service {other} is not found"))),
    };
    let wanted = |product: &Product| call.filters.iter().all(|filter| filter.takes(&product.attributes));
    let mut found: Vec<(String, Product)> =
        products.into_iter().filter(wanted).map(|product| (product.sku(), product)).collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    let paging = Paging { service: Service::PriceList, token: call.next_token.as_deref(), max: call.max_results };
    let (keys, next) = paging.cut(found.iter().map(|(key, _)| key.clone()).collect(), 100, 1..=100)?;
    let page = found.iter().filter(|(key, _)| keys.contains(key));
    let list: Vec<String> = page.map(|(_, product)| product.shown(&call.service_code)).collect();
    Ok(json!({ "FormatVersion": FORMAT, "PriceList": list, "NextToken": next }))
}

/// An instance type as AWS sells it: with Linux, and what the filters must tell apart from that.
fn instances(world: &World, t: &InstanceType) -> Vec<Product> {
    let price = world.on_demand_price(&t.name);
    let of = |system: &str, tenancy: &str, status: &str, price: f64| {
        let operation = if system == "Linux" { "RunInstances" } else { "RunInstances:0002" };
        Product::of(
            "Compute Instance",
            "Hrs",
            price,
            json!({
                "servicecode": "AmazonEC2", "regionCode": world.arns.region, "locationType": "AWS Region",
                "instanceType": t.name, "vcpu": t.vcpus.to_string(),
                "memory": format!("{} GiB", t.memory_mib / 1024),
                "operatingSystem": system, "tenancy": tenancy, "capacitystatus": status, "preInstalledSw": "NA",
                "operation": operation, "marketoption": "OnDemand", "usagetype": format!("BoxUsage:{}", t.name),
            }),
        )
    };
    vec![
        of("Linux", "Shared", "Used", price),
        of("Linux", "Dedicated", "Used", price * 1.06),
        of("Linux", "Shared", "AllocatedCapacityReservation", 0.0),
        of("Windows", "Shared", "Used", price + 0.046 * f64::from(t.vcpus)),
    ]
}

/// What ECS is billed by. On instances it costs nothing; Fargate Spot is not in the list.
fn containers(world: &World) -> Vec<Product> {
    let of = |usage: &str, price: f64| {
        let attributes = json!({
            "servicecode": "AmazonECS", "regionCode": world.arns.region, "locationType": "AWS Region",
            "tenancy": "Shared", "operation": "", "usagetype": format!("EU-{usage}"),
        });
        Product::of("Compute", "hours", price, attributes)
    };
    vec![
        of("Fargate-vCPU-Hours:perCPU", 0.040_48),
        of("Fargate-GB-Hours", 0.004_445),
        of("Fargate-ARM-vCPU-Hours:perCPU", 0.032_38),
        of("Fargate-ARM-GB-Hours", 0.003_56),
        of("Fargate-Windows-vCPU-Hours:perCPU", 0.046_552),
        of("Fargate-Windows-GB-Hours", 0.005_112),
        of("ECS-EC2-vCPU-Hours", 0.0),
        of("ECS-EC2-GB-Hours", 0.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_of_five_kinds() {
        let attributes = json!({ "instanceType": "m5.large" });
        let cases = [
            ("TERM_MATCH", "m5.large", true),
            ("TERM_MATCH", "m5", false),
            ("EQUALS", "m5.large", true),
            ("CONTAINS", "m5", true),
            ("CONTAINS", "c5", false),
            ("ANY_OF", "c5.large, m5.large", true),
            ("ANY_OF", "m5", false),
            ("NONE_OF", "c5.large,m5.large", false),
            ("NONE_OF", "c5.large", true),
        ];
        for (kind, value, expected) in cases {
            let of = |field: &str| Filter { kind: kind.to_owned(), field: field.to_owned(), value: value.to_owned() };
            assert_eq!(of("instanceType").takes(attributes.as_object().unwrap()), expected, "{kind} {value}");
            assert!(!of("absent").takes(attributes.as_object().unwrap()), "{kind} of what is not there");
        }
    }
}
