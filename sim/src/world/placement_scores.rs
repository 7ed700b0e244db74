//! Spot placement scores: how likely a Spot request is to succeed, by the capacity pools.
//!
//! AWS publishes neither how a score comes about nor how many configurations it takes. Here a score
//! is three times what the pools give, over what is asked for, from 1 to 10, unless a fault says which
//! it is.

use super::pools::PoolKey;
use super::rules::Rule;
use super::{Refusal, World, after};

/// In what a target capacity is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapacityUnit {
    /// Instances: the default.
    Units,
    /// Virtual processors.
    Vcpu,
    /// MiB of memory.
    MemoryMib,
}

/// What a score is asked for.
#[derive(Clone, Debug)]
pub struct ScoreRequest {
    /// Instance types of the account.
    pub instance_types: Vec<String>,
    /// How much is wanted.
    pub target_capacity: u64,
    /// Of what.
    pub unit: CapacityUnit,
    /// Whether zones are scored, not the Region.
    pub single_zone: bool,
}

/// A score: of a zone, or of the Region where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// The zone's name.
    pub zone: Option<String>,
    /// From 1 to 10.
    pub score: u32,
}

/// "If you specify one or two instance types, … the returned placement score will always be low"
/// (GetSpotPlacementScores.InstanceTypes).
const FEWEST_TYPES: usize = 3;
const LOW: u32 = 3;

/// "the top 10 Regions or Availability Zones" (SpotPlacementScores).
const MOST_SCORES: usize = 10;

impl World {
    /// The scores of the zones, or of the Region, best first. A zone of
    /// `spotPlacementAbsentZones` has none, and neither has one that a fault leaves without.
    pub fn spot_placement_scores(&mut self, request: &ScoreRequest) -> Result<Vec<Score>, Refusal> {
        self.take_configuration(request)?;
        let zones: Vec<String> = {
            let mut zones: Vec<String> = self.subnets.values().map(|s| s.zone.clone()).collect();
            zones.sort();
            zones.dedup();
            zones
        };
        if !request.single_zone {
            let score = self.faults.placement_score(None).unwrap_or_else(|| Some(self.score(request, &zones)));
            return Ok(score.map(|score| Score { zone: None, score }).into_iter().collect());
        }
        let absent = &self.settings.spot_placement_absent_zones;
        let mut scores: Vec<Score> = zones
            .into_iter()
            .filter(|z| !absent.contains(z) || !self.holds(Rule::ZonesMayBeAbsent))
            .filter_map(|z| {
                let by_pools = || Some(self.score(request, std::slice::from_ref(&z)));
                let score = self.faults.placement_score(Some(&z)).unwrap_or_else(by_pools)?;
                Some(Score { zone: Some(z), score })
            })
            .collect();
        scores.sort_by_key(|s| std::cmp::Reverse(s.score));
        scores.truncate(MOST_SCORES);
        Ok(scores)
    }

    /// How many distinct configurations were asked about in the last 24 hours.
    pub fn placement_configurations(&self) -> usize {
        self.placement_configurations.values().filter(|used| after(**used, 86_400.0) > self.now).count()
    }

    fn score(&self, request: &ScoreRequest, zones: &[String]) -> u32 {
        let mut total = 0_u64;
        for zone in zones {
            for name in &request.instance_types {
                let Some(kind) = self.instance_types.get(name) else {
                    continue;
                };
                let size = u64::from(match request.unit {
                    CapacityUnit::Units => 1,
                    CapacityUnit::Vcpu => kind.vcpus,
                    CapacityUnit::MemoryMib => kind.memory_mib,
                });
                // Without a limit there is always enough.
                let count = self.obtainable(&PoolKey::new(name, zone), true).unwrap_or(u32::MAX);
                total = total.saturating_add(u64::from(count).saturating_mul(size));
            }
        }
        let few = request.instance_types.len() < FEWEST_TYPES && self.holds(Rule::FewTypesScoreLow);
        let best = if few { LOW } else { 10 };
        let score = total.saturating_mul(3) / request.target_capacity.max(1);
        u32::try_from(score).unwrap_or(u32::MAX).clamp(1, best)
    }

    /// Counts a configuration: "you can retry configurations that you used within the last 24 hours, or
    /// wait for 24 hours before specifying a new configuration" (EC2 User Guide, Spot placement score).
    fn take_configuration(&mut self, request: &ScoreRequest) -> Result<(), Refusal> {
        let now = self.now;
        self.placement_configurations.retain(|_, used| after(*used, 86_400.0) > now);
        let mut types = request.instance_types.clone();
        types.sort();
        let key = format!("{types:?} {} {:?} {}", request.target_capacity, request.unit, request.single_zone);
        let most = usize::try_from(self.settings.spot_placement_configurations_per_day).unwrap_or(usize::MAX);
        let is_new = !self.placement_configurations.contains_key(&key);
        if is_new && self.placement_configurations.len() >= most && self.holds(Rule::NewConfigurationsAreLimited) {
            return Err(Refusal::new(
                "MaxConfigLimitExceeded",
                "The maximum number of new Spot placement configurations in 24 hours is exceeded: configurations of the last 24 hours can be asked for again.",
            ));
        }
        self.placement_configurations.insert(key, now);
        Ok(())
    }
}
