//! What capacity costs an hour, as far as it is known.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::money::{Currency, Money};
use crate::observe::Architecture;

/// What capacity costs an hour. What is not in it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Prices {
    /// The currency of all of them; `USD` where it is left out.
    pub currency: Currency,
    /// On-Demand, by instance type.
    #[serde(deserialize_with = "amounts")]
    #[schemars(with = "BTreeMap<String, f64>")]
    pub on_demand: BTreeMap<String, Money>,
    /// Spot, by instance type: in place of the Spot price history.
    #[serde(deserialize_with = "amounts")]
    #[schemars(with = "BTreeMap<String, f64>")]
    pub spot: BTreeMap<String, Money>,
    /// Fargate on Linux and x86.
    pub fargate: Option<FargatePrices>,
    /// Fargate on Linux and ARM.
    pub fargate_arm64: Option<FargatePrices>,
    /// The Spot price history: the newest price of each type in each zone.
    #[serde(skip)]
    pub history: SpotPrices,
}

/// The newest Spot price by instance type and zone.
pub type SpotPrices = BTreeMap<String, BTreeMap<String, Money>>;

/// What Fargate costs an hour, as far as it is known.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FargatePrices {
    /// A vCPU.
    #[serde(deserialize_with = "amount")]
    #[schemars(with = "Option<f64>")]
    pub vcpu: Option<Money>,
    /// A GB of memory.
    #[serde(deserialize_with = "amount")]
    #[schemars(with = "Option<f64>")]
    pub gb: Option<Money>,
    /// A vCPU on Fargate Spot.
    #[serde(deserialize_with = "amount")]
    #[schemars(with = "Option<f64>")]
    pub spot_vcpu: Option<Money>,
    /// A GB of memory on Fargate Spot.
    #[serde(deserialize_with = "amount")]
    #[schemars(with = "Option<f64>")]
    pub spot_gb: Option<Money>,
}

impl FargatePrices {
    /// Whether what Spot costs is known, and what On-Demand costs is not: the one is worth nothing without the
    /// other.
    #[must_use]
    pub const fn lacks_on_demand(&self) -> bool {
        let spot = self.spot_vcpu.is_some() && self.spot_gb.is_some();
        spot && (self.vcpu.is_none() || self.gb.is_none())
    }

    /// The same, with another's On-Demand prices where it has none of its own.
    #[must_use]
    pub fn or_on_demand(self, other: FargatePrices) -> FargatePrices {
        FargatePrices { vcpu: self.vcpu.or(other.vcpu), gb: self.gb.or(other.gb), ..self }
    }
}

impl Prices {
    /// Reads a file of prices, YAML or JSON.
    ///
    /// # Errors
    /// What is wrong with it, with the line.
    pub fn parse(text: &str) -> Result<Prices, String> {
        if text.trim().is_empty() {
            return Err("it is empty: on_demand, spot, fargate or fargate_arm64 were expected".to_owned());
        }
        let options = serde_saphyr::options! {
            duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
            strict_booleans: true,
        };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let plain = serde_saphyr::render_options! {
                formatter: &serde_saphyr::UserMessageFormatter,
                snippets: serde_saphyr::SnippetMode::Off,
            };
            error.render_with_options(plain)
        })
    }

    /// What Fargate costs on that architecture.
    pub(super) const fn fargate(&self, architecture: Architecture) -> Option<&FargatePrices> {
        match architecture {
            Architecture::X8664 => self.fargate.as_ref(),
            Architecture::Arm64 => self.fargate_arm64.as_ref(),
        }
    }

    /// The Spot price of a type in these zones: as given, or the mean of what the history has.
    pub(super) fn spot(&self, instance_type: &str, zones: &[String]) -> Option<Money> {
        self.spot.get(instance_type).copied().or_else(|| {
            let by_zone = self.history.get(instance_type)?;
            Money::mean(zones.iter().filter_map(|zone| by_zone.get(zone).copied()))
        })
    }
}

/// A number of a file. A price has at most six digits that count, so that the shortest way to write the number
/// is the amount that was written.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Number(f64);

fn money(Number(number): Number) -> Result<Money, String> {
    Money::parse(&number.to_string())
        .ok_or_else(|| format!("{number} is no price: an amount from 0 to 9999999 for an hour was expected"))
}

fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
    money(Number::deserialize(deserializer)?).map(Some).map_err(serde::de::Error::custom)
}

fn amounts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Money>, D::Error> {
    let given: BTreeMap<String, Number> = BTreeMap::deserialize(deserializer)?;
    let read = |(name, number): (String, Number)| {
        money(number).map(|money| (name.clone(), money)).map_err(|why| format!("{name}: {why}"))
    };
    given.into_iter().map(read).collect::<Result<_, _>>().map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_prices_is_read_and_its_mistakes_have_a_line() {
        let prices = Prices::parse(
            "on_demand: { m5.large: 0.107 }\nfargate: { vcpu: 0.04048, gb: 0.004445, spot_vcpu: 0.0121, spot_gb: 1 }\n",
        )
        .unwrap();
        assert_eq!(prices.on_demand["m5.large"], Money(107_000));
        assert_eq!(prices.currency.0, "USD");
        let fargate = prices.fargate.unwrap();
        assert_eq!((fargate.vcpu, fargate.gb), (Some(Money(40_480)), Some(Money(4_445))));
        assert_eq!((fargate.spot_vcpu, fargate.spot_gb), (Some(Money(12_100)), Some(Money(1_000_000))));
        let part = Prices::parse("fargate: { vcpu: 1 }\n").unwrap().fargate.unwrap();
        assert_eq!(part, FargatePrices { vcpu: Some(Money(1_000_000)), ..FargatePrices::default() });
        let cases = [
            ("", "it is empty"),
            ("on_demand:\n  m5.large: -1\n", "m5.large: -1 is no price"),
            ("on_demand:\n  m5.large: cheap\n", "line 2"),
            ("ondemand: {}\n", "ondemand"),
            ("fargate:\n  cpu: 1\n", "cpu"),
            ("fargate:\n  vcpu: free\n", "line 2"),
            ("on_demand: { a: 1, a: 2 }\n", "duplicate"),
            ("[", "line 1"),
        ];
        for (text, expected) in cases {
            let said = Prices::parse(text).unwrap_err();
            assert!(said.contains(expected), "{text:?}: {said}");
        }
    }

    #[test]
    fn what_on_demand_fargate_costs_is_filled_in_and_never_replaced() {
        let of = |vcpu: Option<i64>, gb: Option<i64>, spot: Option<i64>| {
            let [vcpu, gb, spot] = [vcpu, gb, spot].map(|price| price.map(Money));
            FargatePrices { vcpu, gb, spot_vcpu: spot, spot_gb: spot }
        };
        let list = of(Some(40), Some(4), Some(99));
        let cases = [
            // what is known, whether the list is wanted, what comes of it
            (of(None, None, None), false, of(Some(40), Some(4), None)),
            (of(None, None, Some(1)), true, of(Some(40), Some(4), Some(1))),
            (of(Some(5), None, Some(1)), true, of(Some(5), Some(4), Some(1))),
            (of(Some(5), Some(6), Some(1)), false, of(Some(5), Some(6), Some(1))),
            (of(Some(5), None, None), false, of(Some(5), Some(4), None)),
        ];
        for (known, wanted, filled) in cases {
            assert_eq!((known.lacks_on_demand(), known.or_on_demand(list)), (wanted, filled), "{known:?}");
        }
        let half = FargatePrices { spot_gb: None, ..of(None, None, Some(1)) };
        assert!(!half.lacks_on_demand());
    }

    #[test]
    fn what_the_file_says_of_spot_comes_before_the_history() {
        let mut prices = Prices { spot: BTreeMap::from([("a".to_owned(), Money(5))]), ..Prices::default() };
        for (instance_type, zone, price) in [("a", "1", 100), ("b", "1", 10), ("b", "2", 20), ("b", "3", 90)] {
            prices.history.entry(instance_type.to_owned()).or_default().insert(zone.to_owned(), Money(price));
        }
        let zones = ["1", "2", "4"].map(str::to_owned);
        assert_eq!(prices.spot("a", &zones), Some(Money(5)));
        assert_eq!(prices.spot("b", &zones), Some(Money(15)), "zone 3 is not the group's, zone 4 is not known");
        assert_eq!(prices.spot("b", &["9".to_owned()]), None);
        assert_eq!(prices.spot("c", &zones), None);
    }
}
