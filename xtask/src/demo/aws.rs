//! What AWS says of the fleet, asked through the AWS CLI and not through Spotkeeper.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;
use spotkeeper_core::strategy::Strategy;
use spotkeeper_tests::api::Api;
use spotkeeper_tests::sim::Simulator;

use super::CLUSTERS;

/// The services by `CLUSTER/NAME`.
pub(super) type Fleet = BTreeMap<String, Service>;

/// A service as AWS describes it.
#[derive(Debug, Clone)]
pub(super) struct Service {
    /// The strategy; `None` where a launch type places the tasks.
    pub(super) strategy: Option<Strategy>,
    /// The launch type, where there is no strategy.
    pub(super) launch_type: String,
    /// Running tasks by capacity provider; those of a launch type by its name.
    pub(super) running: BTreeMap<String, usize>,
}

impl Service {
    /// Running tasks on Spot.
    pub(super) fn on_spot(&self) -> usize {
        self.running.iter().filter(|(provider, _)| is_spot(provider)).map(|(_, tasks)| tasks).sum()
    }
}

/// Whether a provider of the demo's account buys Spot: there their names say so.
pub(super) fn is_spot(provider: &str) -> bool {
    provider.to_ascii_lowercase().ends_with("spot")
}

/// Asks for every service and every running task.
pub(super) fn ask(simulator: &Simulator) -> anyhow::Result<Fleet> {
    let api = simulator.api();
    // Each call of the CLI takes half a second of starting Python.
    let answers: Vec<anyhow::Result<Fleet>> = std::thread::scope(|scope| {
        let asked = CLUSTERS.map(|cluster| scope.spawn(|| ask_cluster(&api, cluster)));
        let answer = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("asking AWS panicked")))
        };
        asked.map(answer).into_iter().collect()
    });
    let mut fleet = Fleet::new();
    for answer in answers {
        fleet.extend(answer?);
    }
    Ok(fleet)
}

fn ask_cluster(api: &Api, cluster: &str) -> anyhow::Result<Fleet> {
    let mut fleet = Fleet::new();
    let names = texts(&api.cli(&["ecs", "list-services", "--cluster", cluster])?["serviceArns"]);
    // DescribeServices takes ten at the most.
    for names in names.chunks(10) {
        for service in described(api, "describe-services", "--services", cluster, names, "services")? {
            let strategy = service["capacityProviderStrategy"].clone();
            let strategy: Option<Strategy> =
                serde_json::from_value(strategy).context("a strategy is not understood")?;
            let known = Service {
                strategy: strategy.filter(|strategy| !strategy.items.is_empty()),
                launch_type: text(&service["launchType"]),
                running: BTreeMap::new(),
            };
            fleet.insert(format!("{cluster}/{}", text(&service["serviceName"])), known);
        }
    }
    let tasks = texts(&api.cli(&["ecs", "list-tasks", "--cluster", cluster])?["taskArns"]);
    for tasks in tasks.chunks(100) {
        for task in described(api, "describe-tasks", "--tasks", cluster, tasks, "tasks")? {
            let name = text(&task["group"]).trim_start_matches("service:").to_owned();
            let provider = task["capacityProviderName"].as_str();
            let place = provider.or_else(|| task["launchType"].as_str()).unwrap_or("unknown");
            if let Some(service) = fleet.get_mut(&format!("{cluster}/{name}"))
                && task["lastStatus"] == "RUNNING"
            {
                *service.running.entry(place.to_owned()).or_default() += 1;
            }
        }
    }
    Ok(fleet)
}

fn described(
    api: &Api,
    command: &str,
    flag: &str,
    cluster: &str,
    names: &[String],
    key: &str,
) -> anyhow::Result<Vec<Value>> {
    let mut arguments = vec!["ecs", command, "--cluster", cluster, flag];
    arguments.extend(names.iter().map(String::as_str));
    Ok(api.cli(&arguments)?[key].as_array().cloned().unwrap_or_default())
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
