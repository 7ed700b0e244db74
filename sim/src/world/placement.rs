//! Base and weights: on which provider the next tasks of a service go.
//!
//! "The base value designates how many tasks, at a minimum, to run on the specified capacity
//! provider … Weight is considered after the base value is satisfied … the relative percentage of
//! the total number of tasks launched that should use the specified capacity provider"
//! (CapacityProviderStrategyItem, ECS API reference). How shares become whole tasks is not
//! documented: [`Rounding`]. The split is made at placement only: nothing moves a running task.

use super::settings::Rounding;
use super::shapes::StrategyItem;

/// One provider of a strategy, as placement sees it.
#[derive(Clone, Debug)]
pub struct Share<'a> {
    /// The strategy's item.
    pub item: &'a StrategyItem,
    /// Whether the provider is Spot (only the lopsided roundings look at it).
    pub spot: bool,
    /// Tasks of this deployment that are on it already.
    pub placed: u32,
}

/// How many of `total` tasks each provider should have, in the order of the strategy.
pub fn targets(shares: &[Share<'_>], total: u32, rounding: Rounding) -> Vec<u32> {
    let mut out = vec![0_u32; shares.len()];
    let mut left = total;
    for (n, share) in shares.iter().enumerate() {
        // "Capacity providers with a weight of 0 can't be used to place tasks", base or not.
        if share.item.weight > 0 {
            out[n] = share.item.base.min(left);
            left -= out[n];
        }
    }
    let weights: u64 = shares.iter().map(|s| u64::from(s.item.weight)).sum();
    if weights == 0 {
        return vec![0; shares.len()];
    }
    let mut remainders: Vec<(usize, u64)> = Vec::new();
    let above_base = u64::from(left);
    for (n, share) in shares.iter().enumerate() {
        let exact = above_base * u64::from(share.item.weight);
        let part = u32::try_from(exact / weights).unwrap_or(u32::MAX);
        out[n] += part;
        left -= part;
        if exact % weights > 0 {
            remainders.push((n, exact % weights));
        }
    }
    match rounding {
        Rounding::LargestRemainder => remainders.sort_by_key(|(n, r)| (u64::MAX - r, *n)),
        Rounding::FirstListed => {}
        Rounding::LastListed => remainders.reverse(),
        Rounding::FavourSpot => remainders.sort_by_key(|(n, _)| (!shares[*n].spot, *n)),
        Rounding::FavourOnDemand => remainders.sort_by_key(|(n, _)| (shares[*n].spot, *n)),
    }
    // What is left is always less than the number of providers that have a remainder.
    for (n, _) in remainders.into_iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
        out[n] += 1;
    }
    out
}

/// Where the next `count` tasks go: indices into the strategy, one a task. The providers furthest
/// below their target come first, in the order of the strategy.
pub fn place(shares: &[Share<'_>], count: u32, rounding: Rounding) -> Vec<usize> {
    let mut placed: Vec<u32> = shares.iter().map(|s| s.placed).collect();
    let total: u32 = placed.iter().sum::<u32>() + count;
    let want = targets(shares, total, rounding);
    (0..count)
        .filter_map(|_| {
            let mut best: Option<(usize, i64)> = None;
            for n in 0..shares.len() {
                if shares[n].item.weight == 0 {
                    continue;
                }
                let short = i64::from(want[n]) - i64::from(placed[n]);
                if best.is_none_or(|(_, most)| short > most) {
                    best = Some((n, short));
                }
            }
            let (n, _) = best?;
            placed[n] += 1;
            Some(n)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, base: u32, weight: u32) -> StrategyItem {
        StrategyItem { capacity_provider: name.to_owned(), weight, base }
    }

    fn split(strategy: &[(u32, u32)], total: u32, rounding: Rounding) -> Vec<u32> {
        let items: Vec<_> = strategy.iter().enumerate().map(|(n, (b, w))| item(&n.to_string(), *b, *w)).collect();
        // By convention here: the first is On-Demand, the others are Spot.
        let shares: Vec<_> = items.iter().enumerate().map(|(n, i)| Share { item: i, spot: n > 0, placed: 0 }).collect();
        let mut out = vec![0; items.len()];
        for n in place(&shares, total, rounding) {
            out[n] += 1;
        }
        out
    }

    #[test]
    fn base_comes_first_and_weights_share_the_rest() {
        type Row = (&'static [(u32, u32)], u32, [u32; 2]);
        let table: &[Row] = &[
            (&[(1, 1), (0, 1)], 1, [1, 0]),
            (&[(1, 1), (0, 1)], 3, [2, 1]),
            (&[(2, 1), (0, 1)], 10, [6, 4]),
            (&[(0, 1), (0, 4)], 10, [2, 8]),
            (&[(0, 20), (0, 80)], 10, [2, 8]),
            (&[(5, 1), (0, 1)], 4, [4, 0]),
            (&[(0, 1), (0, 0)], 4, [4, 0]),
            // A base on a provider of weight 0 pins nothing.
            (&[(3, 0), (0, 1)], 4, [0, 4]),
        ];
        for (strategy, total, want) in table {
            for rounding in Rounding::ALL {
                assert_eq!(split(strategy, *total, rounding), want, "{strategy:?} {total} {rounding:?}");
            }
        }
    }

    #[test]
    fn rounding_decides_what_whole_tasks_cannot_share() {
        let half: &[(u32, u32)] = &[(0, 1), (0, 1)];
        assert_eq!(split(half, 3, Rounding::LargestRemainder), [2, 1]);
        assert_eq!(split(half, 3, Rounding::FirstListed), [2, 1]);
        assert_eq!(split(half, 3, Rounding::LastListed), [1, 2]);
        assert_eq!(split(half, 3, Rounding::FavourSpot), [1, 2]);
        assert_eq!(split(half, 3, Rounding::FavourOnDemand), [2, 1]);
        let quarter: &[(u32, u32)] = &[(0, 3), (0, 1)];
        assert_eq!(split(quarter, 5, Rounding::LargestRemainder), [4, 1]);
        assert_eq!(split(quarter, 5, Rounding::FavourSpot), [3, 2]);
    }

    #[test]
    fn every_task_is_placed_under_every_rounding() {
        for total in 0..40 {
            for rounding in Rounding::ALL {
                for strategy in [&[(0, 1), (0, 2), (0, 3)][..], &[(2, 7), (0, 3)], &[(0, 5), (0, 0), (0, 1)]] {
                    assert_eq!(split(strategy, total, rounding).iter().sum::<u32>(), total);
                }
            }
        }
    }

    #[test]
    fn tasks_that_are_there_already_count() {
        let items = [item("od", 0, 1), item("spot", 0, 1)];
        let shares =
            [Share { item: &items[0], spot: false, placed: 0 }, Share { item: &items[1], spot: true, placed: 3 }];
        assert_eq!(place(&shares, 2, Rounding::LargestRemainder), [0, 0]);
    }
}
