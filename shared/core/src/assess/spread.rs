//! How the running Spot tasks of a service are spread over capacity pools: what one reclaim may
//! take of it at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pair;
use crate::observe::{Gap, Market, Place, ProviderKind, Reading, Service, Snapshot, Task};

/// How many of a service's running Spot tasks each pool holds, as far as one reclaim is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    /// Its running Spot tasks.
    pub spot_tasks: u32,
    /// How many pools they run in.
    pub pools: u32,
    /// The fullest of them; the first by name where several are.
    pub fullest: Place,
    /// How many tasks run there.
    pub in_fullest: u32,
    /// The part of its desired tasks that this is, in percent, rounded down.
    pub percent: u32,
}

/// The spread of a service's running Spot tasks; `None` where none runs on Spot, the gap where it
/// is not known which do, or where one of them runs.
pub(super) fn spread(snapshot: &Snapshot, service: &Service) -> Option<Reading<Spread>> {
    match measured(snapshot, service) {
        Ok(spread) => spread.map(Reading::Known),
        Err(gap) => Some(Reading::Missing(gap)),
    }
}

fn measured(snapshot: &Snapshot, service: &Service) -> Result<Option<Spread>, Gap> {
    let mut pools: BTreeMap<&Place, u32> = BTreeMap::new();
    for task in service.tasks.get().map_err(Gap::clone)?.iter().filter(|task| task.running) {
        if on_spot(snapshot, task)? {
            *pools.entry(task.place.get().map_err(Gap::clone)?).or_default() += 1;
        }
    }
    let fullest = pools.iter().max_by_key(|(place, tasks)| (**tasks, std::cmp::Reverse(**place)));
    Ok(fullest.map(|(fullest, in_fullest)| Spread {
        spot_tasks: pools.values().sum(),
        pools: u32::try_from(pools.len()).unwrap_or(u32::MAX),
        fullest: (*fullest).clone(),
        in_fullest: *in_fullest,
        percent: (u64::from(*in_fullest) * 100)
            .checked_div(u64::from(service.desired))
            .and_then(|percent| u32::try_from(percent).ok())
            .unwrap_or(100),
    }))
}

/// Whether a task is a Spot task: by the name that AWS reserves, or by what its provider buys. A
/// group that buys both is no side of a pair, and shows no task's market.
fn on_spot(snapshot: &Snapshot, task: &Task) -> Result<bool, Gap> {
    let Some(name) = &task.provider else { return Ok(false) };
    match name.as_str() {
        "FARGATE" => return Ok(false),
        "FARGATE_SPOT" => return Ok(true),
        _ => {}
    }
    let provider = pair::provider(snapshot, name)?;
    if let ProviderKind::AutoScalingGroup(behind) = &provider.kind {
        return behind.group.get().map(|group| group.market == Market::Spot).map_err(Gap::clone);
    }
    Ok(provider.market() == Some(Market::Spot))
}
