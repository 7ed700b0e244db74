//! Where Spot tasks run: the capacity pool that one reclaim takes at once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Gap, Market, Provider, Reading, Service, Task};
use crate::ids::ProviderName;

/// The capacity pool of a running task: the type of its instance, and its zone. Fargate shows no
/// instance: there the zone stands for the pool.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// `m5.large`; none on Fargate.
    pub instance_type: Option<String>,
    /// The zone's name, `eu-west-1a`.
    pub zone: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.instance_type {
            Some(instance_type) => write!(f, "{instance_type} in {}", self.zone),
            None => write!(f, "Fargate in {}", self.zone),
        }
    }
}

/// The container instances, by ARN, under the running Spot tasks of these services whose place is
/// still unread.
#[must_use]
pub fn unread_instances(
    services: &[Service],
    providers: &BTreeMap<ProviderName, Reading<Provider>>,
) -> BTreeSet<String> {
    let tasks = services.iter().filter_map(|service| service.tasks.known()).flatten();
    tasks.filter(|task| runs_on_spot(task, providers)).filter_map(instance_of).map(str::to_owned).collect()
}

/// Gives the tasks on these container instances their places.
pub fn set_places(services: &mut [Service], places: &BTreeMap<String, Result<Place, Gap>>) {
    for service in services {
        let Reading::Known(tasks) = &mut service.tasks else { continue };
        for task in tasks {
            match instance_of(task).and_then(|instance| places.get(instance)) {
                Some(Ok(place)) => task.place = Reading::Known(place.clone()),
                Some(Err(gap)) => task.place = Reading::Missing(gap.clone()),
                None => {}
            }
        }
    }
}

/// The container instance of a task whose place is still unread.
fn instance_of(task: &Task) -> Option<&str> {
    let unread = task.place.get().err().filter(|gap| gap.cause == super::GapCause::NotRead)?;
    unread.subject.contains(":container-instance/").then_some(unread.subject.as_str())
}

fn runs_on_spot(task: &Task, providers: &BTreeMap<ProviderName, Reading<Provider>>) -> bool {
    let provider = task.provider.as_ref().and_then(|name| providers.get(name)?.known());
    task.running && provider.and_then(Provider::market) == Some(Market::Spot)
}

#[cfg(test)]
#[path = "place_tests.rs"]
mod tests;
