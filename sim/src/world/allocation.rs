//! Which pool an Auto Scaling group launches from.

use super::World;
use super::groups::Group;
use super::pools::PoolKey;

/// Why an instance could not be launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LaunchFailure {
    /// No pool of the group gives Spot.
    NoSpotCapacity,
    /// No pool of the group gives On-Demand: `InsufficientInstanceCapacity`.
    InsufficientInstanceCapacity {
        /// The pool that was asked for first.
        pool: PoolKey,
    },
    /// The account's quota on Spot vCPU.
    MaxSpotInstanceCountExceeded,
    /// The account's quota on On-Demand vCPU, in vCPU.
    VcpuLimitExceeded {
        /// The quota.
        limit: u32,
    },
}

impl std::fmt::Display for LaunchFailure {
    /// The status message of the scaling activity ("Troubleshoot issues in Amazon EC2 Auto Scaling";
    /// EC2's error codes).
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSpotCapacity => f.write_str("Could not launch Spot Instances. UnfulfillableCapacity - There is no Spot capacity available that matches your request."),
            Self::InsufficientInstanceCapacity { pool } => write!(
                f,
                "Could not launch On-Demand Instances. InsufficientInstanceCapacity - We currently do not have sufficient {} capacity in the Availability Zone you requested ({}).",
                pool.instance_type, pool.zone
            ),
            Self::MaxSpotInstanceCountExceeded => {
                f.write_str("Could not launch Spot Instances. MaxSpotInstanceCountExceeded - Max spot instance count exceeded.")
            }
            Self::VcpuLimitExceeded { limit } => write!(
                f,
                "Could not launch On-Demand Instances. VcpuLimitExceeded - You have requested more vCPU capacity than your current vCPU limit of {limit} allows for the instance bucket that the specified instance type belongs to."
            ),
        }?;
        f.write_str(" Launching EC2 instance failed.")
    }
}

/// A pool that a launch may take, as the allocation strategies see it.
struct Candidate {
    pool: PoolKey,
    /// What it gives; `u32::MAX`: no limit.
    obtainable: u32,
    price: f64,
    /// Instances of the group that are in it.
    held: usize,
}

impl World {
    /// The subnet and pool of a group's next instance.
    ///
    /// "Amazon EC2 Auto Scaling … attempts to maintain equivalent numbers of instances in each
    /// enabled Availability Zone … it attempts to launch new instances in the Availability Zone with
    /// the fewest instances. If the attempt fails, it attempts to launch the instances in another
    /// Availability Zone until it succeeds" (Auto Scaling User Guide, Availability Zone distribution).
    pub(super) fn choose_pool(&self, group: &Group, spot: bool) -> Result<(String, PoolKey), LaunchFailure> {
        let types: Vec<String> = self.group_types(group).iter().map(|t| t.name.clone()).collect();
        let in_zone = |zone: &str| self.instances_of(&group.name).filter(|i| i.zone == zone).count();
        let mut subnets: Vec<(usize, &String, &str)> = group
            .subnets
            .iter()
            .filter_map(|id| self.subnets.get(id).map(|s| (in_zone(&s.zone), id, s.zone.as_str())))
            .collect();
        subnets.sort_by_key(|(instances, _, _)| *instances);
        for (_, subnet, zone) in &subnets {
            let candidates: Vec<Candidate> =
                types.iter().filter_map(|t| self.candidate(group, t, zone, spot)).collect();
            if let Some(chosen) = choose(group, spot, candidates, self.settings.deep_pool_percent) {
                return Ok(((*subnet).clone(), chosen));
            }
        }
        if spot {
            return Err(LaunchFailure::NoSpotCapacity);
        }
        let zone = subnets.first().map_or("", |(_, _, zone)| zone);
        let pool = PoolKey::new(types.first().map_or("", String::as_str), zone);
        Err(LaunchFailure::InsufficientInstanceCapacity { pool })
    }

    fn candidate(&self, group: &Group, instance_type: &str, zone: &str, spot: bool) -> Option<Candidate> {
        let pool = PoolKey::new(instance_type, zone);
        let obtainable = self.obtainable(&pool, spot).unwrap_or(u32::MAX);
        let entry = self.pools.get(&pool)?;
        let price = if spot { entry.spot_price } else { entry.on_demand_price };
        let held = self.instances_of(&group.name).filter(|i| i.spot == spot && i.pool() == pool).count();
        (obtainable > 0).then_some(Candidate { pool, obtainable, price, held })
    }
}

/// The pool that the group's allocation strategy prefers; the candidates are in the order of the
/// group's overrides, which is their priority.
fn choose(group: &Group, spot: bool, mut candidates: Vec<Candidate>, deep_percent: u32) -> Option<PoolKey> {
    let distribution = group.distribution.clone().unwrap_or_default();
    let by_price = |a: &Candidate, b: &Candidate| a.price.total_cmp(&b.price);
    match (spot, distribution.strategy(spot)) {
        // "Launches your highest priority instance types first."
        (false, "prioritized") => {}
        (false, _) => candidates.sort_by(by_price),
        // "Requests Spot Instances using the lowest priced pools within an Availability Zone, across
        // the number of Spot pools that you specify for the SpotInstancePools property … Default: 2"
        (true, "lowest-price") => {
            candidates.sort_by(by_price);
            let pools = distribution.spot_instance_pools.unwrap_or(2).max(1);
            candidates.truncate(usize::try_from(pools).unwrap_or(usize::MAX));
            candidates.sort_by_key(|c| c.held);
        }
        // "Optimizes for capacity first", then by priority: what counts as the same capacity is not
        // documented: a setting.
        (true, "capacity-optimized-prioritized") => keep_deep(&mut candidates, deep_percent),
        // "Looks at both price and capacity": of the deep pools, the one with the lowest price.
        (true, "price-capacity-optimized") => {
            keep_deep(&mut candidates, deep_percent);
            candidates.sort_by(by_price);
        }
        // "Pools that are optimally chosen based on the available Spot capacity."
        (true, _) => candidates.sort_by_key(|c| u32::MAX - c.obtainable),
    }
    candidates.into_iter().next().map(|c| c.pool)
}

fn keep_deep(candidates: &mut Vec<Candidate>, percent: u32) {
    let deepest = candidates.iter().map(|c| c.obtainable).max().unwrap_or(0);
    let least = (u64::from(deepest) * u64::from(percent)).div_ceil(100);
    candidates.retain(|c| u64::from(c.obtainable) >= least);
}
