//! How long a day of the world alone takes, with four deployments of every service in it:
//! `cargo run --release -p aws-sim --example day`. A figure to look at, not a test.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::time::Instant;

use anyhow::{Context, anyhow};
use aws_sim::account;
use aws_sim::world::faults::Fault;
use serde_json::json;

const HOUR: f64 = 3600.0;

fn main() -> anyhow::Result<()> {
    for services in [10, 100, 1_000] {
        let account = account::plain(
            "shop",
            json!({
                "generate": [{
                    "count": services, "namePattern": "web-{n}", "clusters": ["shop"],
                    "service": {
                        "taskDefinition": "web", "desiredCount": 4,
                        "capacityProviderStrategy": [
                            { "capacityProvider": "FARGATE", "weight": 1 },
                            { "capacityProvider": "FARGATE_SPOT", "weight": 1 },
                        ],
                        "deploymentConfiguration": { "minimumHealthyPercent": 50, "maximumPercent": 200 },
                    },
                }],
            }),
        );
        let start = jiff::Timestamp::UNIX_EPOCH;
        let mut world = account::parse(&account.to_string(), "day", start).context("the account")?;
        let names: Vec<String> = world.service_keys().map(|key| key.name.clone()).collect();
        let started = Instant::now();
        for _ in 0..4 {
            for service in names.iter().cloned() {
                let cluster = "shop".to_owned();
                let deploy =
                    Fault::Deploy { cluster, service, task_definition: None, capacity_provider_strategy: None };
                world.set_fault(deploy, true, &[]).map_err(|refused| anyhow!(refused))?;
            }
            world.advance_by(6.0 * HOUR);
        }
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{services} services: a day in {seconds:.3} s, {:.0} service-days a second",
            f64::from(services) / seconds
        );
    }
    Ok(())
}
