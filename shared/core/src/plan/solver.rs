//! Finding the strategy for a dealt share.
//!
//! ECS documents neither how it rounds the split of tasks by weight nor how it scales in, so a
//! strategy is good only if it keeps its promises whichever way ECS rounds, at every desired
//! count that the service may have.

use super::Pair;
use crate::observe::ScalingRange;
use crate::record::Dealt;
use crate::strategy::{MAX_BASE, MAX_WEIGHT, Strategy};

/// What a strategy must keep at every desired count of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Promise {
    /// Tasks that stay On-Demand; all of them where there are fewer.
    pub floor: u32,
    /// Spot tasks / tasks may not exceed this.
    pub share: Dealt,
    /// The desired counts at which it must hold.
    pub range: ScalingRange,
}

/// A desired count at which a strategy breaks its promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breach {
    /// The desired count.
    pub desired: u32,
    /// The most Spot tasks that ECS may place at that count.
    pub spot_tasks: u32,
    /// Whether the floor is broken; else the share is.
    pub floor: bool,
}

/// The largest desired count that is tried one by one: the service quota "tasks per service" is
/// 5,000, and beyond it nothing can be placed.
const MAX_DESIRED: u32 = 5_000;

/// The strategy over `pair` with the most Spot tasks at the dealt desired count, among those that
/// keep floor and share at every desired count of the range whichever way ECS rounds. `None`
/// where every such strategy has no Spot at all.
///
/// For a share s, a base of max(floor, 1/s rounded up) with a Spot weight fraction of at most s
/// always keeps both: at most (n - base) s + 1 <= n s tasks are on Spot. Smaller bases, and
/// fractions that are exact at the dealt count, often keep both with more Spot; they are tried.
#[must_use]
pub fn solve(pair: &Pair, promise: Promise) -> Option<Strategy> {
    let Dealt { spot_tasks: wanted, desired } = promise.share;
    let wanted = wanted.min(desired.saturating_sub(promise.floor));
    if wanted == 0 {
        return None;
    }
    let share = promise.share;
    let safe_base = promise.floor.max(share.desired.div_ceil(share.spot_tasks)).min(MAX_BASE);
    let (share_on_demand, share_spot) =
        within_weights(share.desired - share.spot_tasks.min(share.desired), share.spot_tasks);
    let mut best: Option<Candidate> = None;
    for base in 0..=safe_base.min(desired.saturating_sub(1)) {
        let above = desired - base;
        // A base on a provider of weight 0 places nothing there, so On-Demand always has a weight.
        let exact = wanted.min(above.saturating_sub(1));
        for (on_demand, spot) in [(above - exact, exact), (share_on_demand, share_spot)] {
            let candidate = Candidate::new(base, on_demand, spot, desired);
            if best.as_ref().is_none_or(|best| candidate.rank() > best.rank()) && candidate.is_valid() {
                let strategy = candidate.strategy(pair);
                if first_breach(&strategy, pair, promise).is_none() {
                    best = Some(candidate);
                }
            }
        }
        if best.as_ref().is_some_and(|best| best.least == wanted) {
            break;
        }
    }
    best.map(|best| best.strategy(pair))
}

/// The first desired count of the range at which a strategy may break floor or share.
#[must_use]
pub fn first_breach(strategy: &Strategy, pair: &Pair, promise: Promise) -> Option<Breach> {
    let Promise { floor, share, range } = promise;
    let last = range.max.max(range.min).min(MAX_DESIRED.max(range.min));
    (range.min..=last).find_map(|desired| {
        let spot_tasks = strategy.bounds(&pair.spot, desired).most;
        let over_share =
            u64::from(spot_tasks) * u64::from(share.desired) > u64::from(desired) * u64::from(share.spot_tasks);
        let under_floor = desired - spot_tasks.min(desired) < floor.min(desired);
        (over_share || under_floor).then_some(Breach { desired, spot_tasks, floor: under_floor })
    })
}

/// A base and two weights, with what they place at the dealt count.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    base: u32,
    on_demand: u32,
    spot: u32,
    least: u32,
    most: u32,
}

impl Candidate {
    fn new(base: u32, on_demand: u32, spot: u32, desired: u32) -> Candidate {
        let divisor = crate::strategy::gcd(on_demand, spot).max(1);
        let (on_demand, spot) = (on_demand / divisor, spot / divisor);
        let above = u64::from(desired.saturating_sub(base));
        let total = (u64::from(on_demand) + u64::from(spot)).max(1);
        let tasks = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Candidate {
            base,
            on_demand,
            spot,
            least: tasks(above * u64::from(spot) / total),
            most: tasks((above * u64::from(spot)).div_ceil(total)),
        }
    }

    /// Whether the API takes its weights, and it places something on Spot.
    fn is_valid(&self) -> bool {
        self.on_demand <= MAX_WEIGHT && (1..=MAX_WEIGHT).contains(&self.spot)
    }

    /// The most certain Spot first, then the most possible; the smaller base among equals.
    const fn rank(&self) -> (u32, u32, std::cmp::Reverse<u32>) {
        (self.least, self.most, std::cmp::Reverse(self.base))
    }

    fn strategy(&self, pair: &Pair) -> Strategy {
        Strategy::over(&pair.on_demand, &pair.spot, self.base, self.on_demand, self.spot)
    }
}

/// Two weights in the same ratio within the API's limits; where that cannot be, with less Spot.
fn within_weights(on_demand: u32, spot: u32) -> (u32, u32) {
    let divisor = crate::strategy::gcd(on_demand, spot).max(1);
    let (on_demand, spot) = (on_demand / divisor, spot / divisor);
    let largest = on_demand.max(spot);
    if largest <= MAX_WEIGHT {
        return (on_demand.max(1), spot);
    }
    let scaled = |weight: u32| u64::from(weight) * u64::from(MAX_WEIGHT);
    // Both quotients are at most MAX_WEIGHT, because no weight is larger than `largest`.
    let narrow = |number: u64| u32::try_from(number).unwrap_or(MAX_WEIGHT);
    (narrow(scaled(on_demand).div_ceil(u64::from(largest))).max(1), narrow(scaled(spot) / u64::from(largest)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Promise, solve, within_weights};
    use crate::ids::ProviderName;
    use crate::observe::ScalingRange;
    use crate::plan::Pair;
    use crate::record::Dealt;

    fn pair() -> Pair {
        Pair { on_demand: ProviderName::parse("FARGATE").unwrap(), spot: ProviderName::parse("FARGATE_SPOT").unwrap() }
    }

    fn promise(spot_tasks: u32, desired: u32, floor: u32, min: u32, max: u32) -> Promise {
        Promise { floor, share: Dealt { spot_tasks, desired }, range: ScalingRange { min, max } }
    }

    #[test]
    fn the_strategy_with_the_most_spot_is_found() {
        let cases = [
            ("half of ten, not scaled", promise(5, 10, 1, 10, 10), Some("FARGATE:1, FARGATE_SPOT:1")),
            ("a third of three", promise(1, 3, 1, 3, 3), Some("FARGATE:2, FARGATE_SPOT:1")),
            ("half of ten, scaled 2 to 20", promise(5, 10, 1, 2, 20), Some("FARGATE:1 base 1, FARGATE_SPOT:1")),
            ("two thirds, scaled 2 to 6", promise(2, 3, 0, 2, 6), Some("FARGATE:1 base 1, FARGATE_SPOT:2")),
            ("all but the floor, scaled 2 to 10", promise(5, 5, 1, 2, 10), Some("FARGATE:1 base 1, FARGATE_SPOT:3")),
            ("one of two", promise(1, 2, 1, 2, 2), Some("FARGATE:1, FARGATE_SPOT:1")),
            ("the floor takes it all", promise(2, 4, 4, 4, 4), None),
            ("nothing dealt", promise(0, 4, 1, 4, 4), None),
            ("all but the floor", promise(10, 10, 2, 10, 10), Some("FARGATE:1, FARGATE_SPOT:4")),
        ];
        for (name, promise, expected) in cases {
            let found = solve(&pair(), promise).map(|strategy| strategy.to_string());
            assert_eq!(found.as_deref(), expected, "{name}");
        }
    }

    /// The API takes weights up to 1,000: a large service gets a ratio close by, with less Spot.
    #[test]
    fn a_large_service_gets_weights_that_the_api_takes() {
        let cases = [
            ("1,000 of 2,001: 1001 to 1000 is too much", promise(1_000, 2_001, 1, 2_001, 2_001), 998..=1_000),
            ("1 of 4,999: 4998 to 1 is too much", promise(1, 4_999, 0, 4_999, 4_999), 1..=1),
        ];
        for (name, promise, expected) in cases {
            let strategy = solve(&pair(), promise).expect(name);
            assert!(strategy.items.iter().all(|item| item.weight <= 1_000), "{name}: {strategy}");
            let most = strategy.bounds(&pair().spot, promise.share.desired).most;
            assert!(expected.contains(&most), "{name}: {most} by {strategy}");
        }
    }

    #[test]
    fn weights_beyond_the_limit_are_scaled_down_with_less_spot() {
        assert_eq!(within_weights(4_999, 1), (1_000, 0));
        assert_eq!(within_weights(3_001, 1_999), (1_000, 666));
        assert_eq!(within_weights(0, 7), (1, 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// S2: every strategy written keeps floor and share for every desired count in the
        /// service's scaling range, whichever way ECS rounds.
        #[test]
        fn s2_floor_and_share_hold_over_the_whole_range(
            (desired, spot_tasks) in (1u32..400).prop_flat_map(|desired| (Just(desired), 0..=desired)),
            floor in 0u32..60,
            below in 0u32..400,
            above in 0u32..400,
        ) {
            let min = desired.saturating_sub(below);
            let max = desired + above;
            if let Some(strategy) = solve(&pair(), promise(spot_tasks, desired, floor, min, max)) {
                for count in min..=max {
                    let most = strategy.bounds(&pair().spot, count).most;
                    prop_assert!(u64::from(most) * u64::from(desired) <= u64::from(spot_tasks) * u64::from(count),
                        "{strategy}: {most} of {count} on Spot for a share of {spot_tasks}/{desired}");
                    prop_assert!(count - most >= floor.min(count),
                        "{strategy}: {} of {count} On-Demand for a floor of {floor}", count - most);
                }
                let item = strategy.item(&pair().on_demand);
                prop_assert!(item.is_some_and(|item| item.weight > 0), "a base on a provider of weight 0");
            }
        }

        /// A service that does not scale gets what it was dealt, to the task.
        #[test]
        fn a_fixed_count_gets_its_deal(
            (desired, spot_tasks) in (2u32..300).prop_flat_map(|desired| (Just(desired), 1..desired)),
        ) {
            let strategy = solve(&pair(), promise(spot_tasks, desired, 0, desired, desired)).unwrap();
            let bounds = strategy.bounds(&pair().spot, desired);
            prop_assert_eq!((bounds.least, bounds.most), (spot_tasks, spot_tasks));
        }
    }
}
