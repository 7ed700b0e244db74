//! Published On-Demand prices: AWS's price list, for people who want to know what is at stake. No run asks for it.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_pricing::types::{Filter, FilterType};
use serde::Deserialize;
use spotkeeper_core::observe::{Architecture, Gap};
use spotkeeper_core::outlook::{FargatePrices, Money};
use spotkeeper_core::ports::Clock;

use super::translate::NotUnderstood;
use super::{AwsFleet, Cache, all};
use crate::client::Action;

const ACTION: Action = Action::GetProducts;
/// How many types one call names: the value of a filter has 1,024 characters at the most, and a type's name some
/// twenty. Source: `Filter`, API reference of the price list.
const TYPES_PER_CALL: usize = 40;
/// The most products of a page. Source: `MaxResults` of `GetProducts`.
const PAGE: i32 = 100;
/// The most pages of one question. The filters leave one product a type, and a dozen of Fargate.
const MAX_PAGES: usize = 20;
/// The longest product that is read: with the terms of all its reservations, one has some 15 kB.
const MAX_PRODUCT_BYTES: usize = 256 * 1024;
/// What tells the product of an instance apart from those with Windows, on dedicated hosts, with software, or of a
/// capacity reservation that nobody uses.
const OF_LINUX: [(&str, &str); 5] = [
    ("operatingSystem", "Linux"),
    ("tenancy", "Shared"),
    ("preInstalledSw", "NA"),
    ("capacitystatus", "Used"),
    ("operation", "RunInstances"),
];

/// What the price list says, and what of it could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published<T> {
    /// The prices of an hour, in US dollars.
    pub prices: T,
    /// Where the others would have stood.
    pub gaps: Vec<Gap>,
}

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// What instances of these types cost On-Demand in a Region, with Linux and shared: one call for forty types. A
    /// type that the list does not have, or has at two prices, is left out.
    pub async fn on_demand_prices(&self, region: &str, types: &BTreeSet<String>) -> Published<BTreeMap<String, Money>> {
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        let read = all(types.chunks(TYPES_PER_CALL).map(|types| {
            let subject = format!("the On-Demand prices of {}", types.join(", "));
            let mut filters = vec![(FilterType::AnyOf, "instanceType", types.join(","))];
            filters.extend(OF_LINUX.map(|(field, value)| (FilterType::TermMatch, field, value.to_owned())));
            async move { self.products("AmazonEC2", region, filters, &subject).await }
        }))
        .await;
        let (mut products, mut gaps) = (Vec::new(), Vec::new());
        for batch in read {
            match batch {
                Ok(batch) => products.extend(batch),
                Err(gap) => gaps.push(gap),
            }
        }
        Published { prices: hourly(products, |attributes| attributes.instance_type), gaps }
    }

    /// What Fargate costs in a Region on Linux, by architecture: one call. Fargate Spot is not in the list.
    pub async fn fargate_prices(&self, region: &str) -> Published<BTreeMap<Architecture, FargatePrices>> {
        let filters = vec![(FilterType::Contains, "usagetype", "Fargate-".to_owned())];
        let (products, gaps) = match self.products("AmazonECS", region, filters, "the prices of Fargate").await {
            Ok(products) => (products, Vec::new()),
            Err(gap) => (Vec::new(), vec![gap]),
        };
        let by_usage = hourly(products, |attributes| Some(usage(&attributes.usagetype).to_owned()));
        let price = |usage: &str| by_usage.get(usage).copied();
        let of = |vcpu: &str, gb: &str| FargatePrices { vcpu: price(vcpu), gb: price(gb), ..FargatePrices::default() };
        let prices = BTreeMap::from([
            (Architecture::X8664, of("Fargate-vCPU-Hours:perCPU", "Fargate-GB-Hours")),
            (Architecture::Arm64, of("Fargate-ARM-vCPU-Hours:perCPU", "Fargate-ARM-GB-Hours")),
        ]);
        Published { prices, gaps }
    }

    /// The products of a service in a Region that pass these filters; none where the partition has no price list.
    async fn products(
        &self,
        service: &str,
        region: &str,
        mut filters: Vec<(FilterType, &str, String)>,
        subject: &str,
    ) -> Result<Vec<Product>, Gap> {
        let Some(client) = &self.api.clients.price_list else { return Ok(Vec::new()) };
        filters.push((FilterType::TermMatch, "regionCode", region.to_owned()));
        let filter = |(kind, field, value): (FilterType, &str, String)| {
            Filter::builder().r#type(kind).field(field).value(value).build()
        };
        let filters: Result<Vec<Filter>, _> = filters.into_iter().map(filter).collect();
        let filters = filters.map_err(|error| NotUnderstood(error.to_string()).gap(subject, ACTION))?;
        let question = client.get_products().service_code(service).set_filters(Some(filters)).max_results(PAGE);
        let (mut products, mut token) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = question.clone().set_next_token(token);
            let answer = self.api.call(ACTION, || page.clone().send()).await.map_err(|error| error.gap(subject))?;
            for text in answer.price_list() {
                products.push(product(text).map_err(|error| error.gap(subject, ACTION))?);
            }
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(products);
            }
        }
        Err(NotUnderstood(format!("more than {MAX_PAGES} pages")).gap(subject, ACTION))
    }
}

/// A product of the list, as far as it is read. Source: "Reading the service price list file for an AWS service",
/// Billing user guide.
#[derive(Debug, Deserialize)]
struct Product {
    product: Described,
    #[serde(default)]
    terms: Terms,
}

#[derive(Debug, Deserialize)]
struct Described {
    attributes: Attributes,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    instance_type: Option<String>,
    #[serde(default)]
    usagetype: String,
}

#[derive(Debug, Default, Deserialize)]
struct Terms {
    #[serde(rename = "OnDemand", default)]
    on_demand: BTreeMap<String, Term>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    price_per_unit: BTreeMap<String, String>,
}

fn product(text: &str) -> Result<Product, NotUnderstood> {
    if text.len() > MAX_PRODUCT_BYTES {
        return Err(NotUnderstood(format!("a product of {} bytes", text.len())));
    }
    serde_json::from_str(text).map_err(|error| NotUnderstood::value("product", error.to_string()))
}

impl Product {
    /// What an hour costs in dollars, where that is one amount. Nothing that is wanted here costs nothing.
    fn hourly(&self) -> Option<Money> {
        let mut dimensions = self.terms.on_demand.values().flat_map(|term| term.price_dimensions.values());
        let (dimension, None) = (dimensions.next()?, dimensions.next()) else { return None };
        let is_hourly = ["hrs", "hours"].contains(&dimension.unit.to_ascii_lowercase().as_str());
        let price = Money::parse(dimension.price_per_unit.get("USD").filter(|_| is_hourly)?);
        price.filter(|price| *price > Money::ZERO)
    }
}

/// What an hour costs, by a name that the attributes give; nothing where two products of a name disagree.
fn hourly(products: Vec<Product>, name: impl Fn(Attributes) -> Option<String>) -> BTreeMap<String, Money> {
    let mut by_name: BTreeMap<String, BTreeSet<Money>> = BTreeMap::new();
    for product in products {
        if let (price, Some(name)) = (product.hourly(), name(product.product.attributes)) {
            by_name.entry(name).or_default().extend(price);
        }
    }
    let one = |(name, prices): (String, BTreeSet<Money>)| {
        let mut prices = prices.into_iter();
        let (price, None) = (prices.next()?, prices.next()) else { return None };
        Some((name, price))
    };
    by_name.into_iter().filter_map(one).collect()
}

/// A usage type without the letters of its Region: `Fargate-GB-Hours` of `EU-Fargate-GB-Hours`. Those of us-east-1
/// have them or not.
fn usage(usagetype: &str) -> &str {
    match usagetype.split_once('-') {
        Some((region, rest)) if region.bytes().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit()) => {
            rest
        }
        _ => usagetype,
    }
}
