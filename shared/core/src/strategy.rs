//! Capacity provider strategies: what ECS treats as equal, and what they promise.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::ProviderName;

/// The largest weight that the API takes. Source: `CapacityProviderStrategyItem`, ECS API reference.
pub const MAX_WEIGHT: u32 = 1_000;
/// The largest base that the API takes. Source: as above.
pub const MAX_BASE: u32 = 100_000;

/// A capacity provider strategy as AWS shows it, or as Spotkeeper writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Strategy {
    /// Its items, in AWS's order.
    pub items: Vec<StrategyItem>,
}

/// One provider's part of a strategy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyItem {
    /// The provider.
    #[serde(rename = "capacityProvider")]
    pub provider: ProviderName,
    /// How many tasks, at the least, run on it; the API reads a missing one as 0.
    #[serde(default)]
    pub base: u32,
    /// Its part of the tasks above the base; the API reads a missing one as 0.
    #[serde(default)]
    pub weight: u32,
}

/// The least and the most tasks that a strategy may put on a provider, whichever way ECS rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// When every rounding goes against the provider.
    pub least: u32,
    /// When every rounding goes its way.
    pub most: u32,
}

impl StrategyItem {
    /// Whether tasks may be placed by it, at some desired count or other.
    #[must_use]
    pub const fn places(&self) -> bool {
        self.weight > 0 || self.base > 0
    }
}

impl Strategy {
    /// The strategy that uses one provider alone.
    #[must_use]
    pub fn only(provider: ProviderName) -> Strategy {
        Strategy { items: vec![StrategyItem { provider, base: 0, weight: 1 }] }
    }

    /// A strategy over a pair, in lowest terms: `base` and `on_demand_weight` on the On-Demand
    /// provider, `spot_weight` on the Spot provider. Items of no weight are left out.
    #[must_use]
    pub fn over(
        on_demand: &ProviderName,
        spot: &ProviderName,
        base: u32,
        on_demand_weight: u32,
        spot_weight: u32,
    ) -> Strategy {
        let divisor = gcd(on_demand_weight, spot_weight).max(1);
        let item = |provider: &ProviderName, base, weight| StrategyItem { provider: provider.clone(), base, weight };
        let items = [item(on_demand, base, on_demand_weight / divisor), item(spot, 0, spot_weight / divisor)];
        Strategy { items: items.into_iter().filter(StrategyItem::places).collect() }
    }

    /// The form in which two strategies that ECS treats as equal are the same: items that place
    /// nothing left out, weights in lowest terms, ordered by provider. A lone provider's base
    /// says nothing, and so is left out too.
    #[must_use]
    pub fn canonical(&self) -> Strategy {
        let mut items: Vec<StrategyItem> = self.items.iter().filter(|item| item.places()).cloned().collect();
        let divisor = items.iter().fold(0, |divisor, item| gcd(divisor, item.weight)).max(1);
        for item in &mut items {
            item.weight /= divisor;
        }
        if let [only] = items.as_mut_slice()
            && only.weight > 0
        {
            only.base = 0;
        }
        items.sort();
        Strategy { items }
    }

    /// Whether ECS would place tasks the same under both.
    #[must_use]
    pub fn equivalent(&self, other: &Strategy) -> bool {
        self.canonical() == other.canonical()
    }

    /// The providers on which tasks may be placed, at some desired count or other.
    pub fn used(&self) -> impl Iterator<Item = &ProviderName> {
        self.items.iter().filter(|item| item.places()).map(|item| &item.provider)
    }

    /// Whether tasks may be placed on a provider, at some desired count or other.
    #[must_use]
    pub fn uses(&self, provider: &ProviderName) -> bool {
        self.used().any(|used| used == provider)
    }

    /// The item of a provider.
    #[must_use]
    pub fn item(&self, provider: &ProviderName) -> Option<&StrategyItem> {
        self.items.iter().find(|item| item.provider == *provider)
    }

    /// The least and the most of `tasks` tasks that this strategy places on `provider`: the base
    /// first, the rest by weight, either rounding.
    #[must_use]
    pub fn bounds(&self, provider: &ProviderName, tasks: u32) -> Bounds {
        let base_total = self.items.iter().map(|item| u64::from(item.base)).sum::<u64>().min(u64::from(tasks));
        let weight_total: u64 = self.items.iter().map(|item| u64::from(item.weight)).sum();
        let Some(item) = self.item(provider) else {
            return Bounds { least: 0, most: 0 };
        };
        let base = u64::from(item.base).min(u64::from(tasks));
        let above = u64::from(tasks) - base_total;
        let part = above * u64::from(item.weight);
        let (least, most) = match weight_total {
            0 => (0, 0),
            total => (part / total, part.div_ceil(total)),
        };
        // Both are at most `tasks`, which is a u32.
        let tasks_of = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Bounds { least: tasks_of(base + least), most: tasks_of(base + most) }
    }
}

impl std::fmt::Display for Strategy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, StrategyItem { provider, base, weight }) in self.items.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            match base {
                0 => write!(f, "{separator}{provider}:{weight}")?,
                base => write!(f, "{separator}{provider}:{weight} base {base}")?,
            }
        }
        Ok(())
    }
}

/// The greatest common divisor; of 0 and a number, the number.
pub(crate) const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `NAME BASE+WEIGHT`, as people write it: `a 2+1, b 0+1`.
    fn strategy(text: &str) -> Strategy {
        let number = |text: &str| text.parse().unwrap();
        let item = |text: &str| {
            let (provider, numbers) = text.split_once(' ').unwrap();
            let (base, weight) = numbers.split_once('+').unwrap();
            StrategyItem {
                provider: ProviderName::parse(provider).unwrap(),
                base: number(base),
                weight: number(weight),
            }
        };
        Strategy { items: text.split(", ").map(item).collect() }
    }

    #[test]
    fn strategies_are_equal_where_ecs_treats_them_as_equal() {
        let cases = [
            ("the same", "a 1+1, b 0+2", "a 1+1, b 0+2", true),
            ("in another order", "a 1+1, b 0+2", "b 0+2, a 1+1", true),
            ("weights are ratios", "a 0+1, b 0+4", "a 0+20, b 0+80", true),
            ("another ratio", "a 0+1, b 0+4", "a 0+1, b 0+3", false),
            ("another base", "a 1+1, b 0+1", "a 2+1, b 0+1", false),
            ("the base of another", "a 1+1, b 0+1", "a 0+1, b 1+1", false),
            ("an item that places nothing", "a 0+1, b 0+0", "a 0+1", true),
            ("a base is nothing where there is one provider", "a 2+1", "a 0+5", true),
            ("a base without weight holds no more than its tasks", "a 2+0", "a 0+0", false),
            ("nor as many as another", "a 2+0", "a 3+0", false),
            ("another provider", "a 0+1", "b 0+1", false),
        ];
        for (name, one, other, equal) in cases {
            let (one, other) = (strategy(one), strategy(other));
            assert_eq!((one.equivalent(&other), other.equivalent(&one)), (equal, equal), "{name}");
        }
    }
}
