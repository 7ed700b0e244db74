//! The solver's strategies under the simulator's own placement.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use aws_sim::world::placement::{Share, targets};
use aws_sim::world::settings::Rounding;
use aws_sim::world::shapes::StrategyItem;
use spotkeeper_core::ids::ProviderName;
use spotkeeper_core::observe::ScalingRange;
use spotkeeper_core::plan::{Pair, Promise, solve};
use spotkeeper_core::record::Dealt;

/// S2: floor and share hold under the simulator's placement, however it rounds, at every desired
/// count of the range.
#[test]
fn s2_the_simulators_own_placement_keeps_floor_and_share() {
    let pair =
        Pair { on_demand: ProviderName::parse("FARGATE").unwrap(), spot: ProviderName::parse("FARGATE_SPOT").unwrap() };
    let mut checked = 0;
    for desired in 2..40 {
        for spot_tasks in 1..=desired {
            for floor in [0, 1, 3] {
                let range = ScalingRange { min: desired / 2, max: desired * 2 };
                let share = Dealt { spot_tasks, desired };
                let Some(strategy) = solve(&pair, Promise { floor, share, range }) else { continue };
                let items: Vec<StrategyItem> = strategy
                    .items
                    .iter()
                    .map(|item| StrategyItem {
                        capacity_provider: item.provider.to_string(),
                        base: item.base,
                        weight: item.weight,
                    })
                    .collect();
                let share_of = |item| Share { item, spot: item.capacity_provider == "FARGATE_SPOT", placed: 0 };
                let shares: Vec<Share<'_>> = items.iter().map(share_of).collect();
                for count in range.min..=range.max {
                    for rounding in Rounding::ALL {
                        let placed = targets(&shares, count, rounding);
                        let on_spot: u32 =
                            shares.iter().zip(&placed).filter(|(share, _)| share.spot).map(|(_, tasks)| tasks).sum();
                        assert_eq!(placed.iter().sum::<u32>(), count);
                        assert!(
                            on_spot * desired <= spot_tasks * count,
                            "{strategy} at {count}, {rounding:?}: {on_spot}"
                        );
                        assert!(count - on_spot >= floor.min(count), "{strategy} at {count}, {rounding:?}: {on_spot}");
                        checked += 1;
                    }
                }
            }
        }
    }
    assert!(checked > 100_000, "only {checked} placements were checked");
}
