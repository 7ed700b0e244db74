//! What must be so at the end of a scenario.

use std::collections::BTreeMap;

use aws_sim::world::{ServiceKey, World};
use spotkeeper_core::record::Outcome;

use super::file::Expect;
use super::happenings::existing_service;
use crate::promises::{placement, spot_tasks};
use crate::simulation::Inner;

impl Expect {
    /// Whether what it names exists.
    ///
    /// # Errors
    /// What does not, and what does.
    pub(super) fn check(&self, world: &World) -> Result<(), String> {
        self.spot.keys().chain(self.writes.keys()).try_for_each(|name| key(world, name).map(|_| ()))
    }

    /// What is not as expected.
    pub(super) fn unmet(&self, inner: &Inner) -> Vec<String> {
        let mut unmet = Vec::new();
        let outcomes = outcomes(inner);
        if outcomes != self.outcomes {
            unmet.push(format!("outcomes are {outcomes:?}, expected {:?}", self.outcomes));
        }
        for (name, expected) in &self.spot {
            let found = key(&inner.world, name)
                .ok()
                .and_then(|key| Some(spot_tasks(&inner.world, inner.world.written_service(&key)?).0));
            if found != Some(*expected) {
                unmet.push(format!("{name} has {found:?} tasks on Spot, expected {expected}"));
            }
        }
        for (name, expected) in &self.writes {
            let made = key(&inner.world, name).ok().and_then(|key| inner.promises.writes.get(&key)).map_or(0, Vec::len);
            if u32::try_from(made) != Ok(*expected) {
                unmet.push(format!("{name} was written {made} times, expected {expected}"));
            }
        }
        if let Some(after) = self.no_write_after {
            let limit = inner.journal.origin() + after;
            let late = inner.promises.writes.values().flatten().filter(|(at, _)| *at > limit).count();
            if late > 0 {
                unmet.push(format!("{late} writes after {after:#}"));
            }
        }
        let mut lines = inner.journal.lines().iter().map(|line| inner.journal.text(line));
        for told in &self.told {
            if !lines.any(|line| line.contains(told)) {
                unmet.push(format!("the transcript does not tell (in this order): {told}"));
            }
        }
        unmet
    }
}

fn key(world: &World, name: &str) -> Result<ServiceKey, String> {
    let (cluster, service) = name.split_once('/').ok_or_else(|| format!("{name}: write CLUSTER/SERVICE"))?;
    existing_service(world, cluster, service)
}

fn outcomes(inner: &Inner) -> BTreeMap<Outcome, u32> {
    let mut outcomes = BTreeMap::new();
    for outcome in inner.tables.moves.values().filter_map(|record| record.outcome) {
        *outcomes.entry(outcome).or_insert(0) += 1;
    }
    outcomes
}

/// How things stand at the end, a line for each service.
pub(super) fn summary(inner: &Inner) -> String {
    let line = |key: &ServiceKey| {
        let service = inner.world.written_service(key)?;
        let (spot, elsewhere) = spot_tasks(&inner.world, service);
        let placed = placement(service).map_or_else(String::new, |placed| placed.to_string());
        Some(format!("{key}: {spot} on Spot, {elsewhere} elsewhere, by {placed}\n"))
    };
    let throttled = inner.pace.as_ref().map(|pace| format!("\n{} calls were throttled\n", pace.throttled));
    inner.world.service_keys().filter_map(line).chain(throttled).collect()
}
