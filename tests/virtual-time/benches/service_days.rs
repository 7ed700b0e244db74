//! Simulated service-days per second of one core: how much of a fleet's life can be proven on.
//!
//! `settled` lives through a day in which nothing is left to do; `rolling_out` through one in which
//! every service moves up.

#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on ends")]

use aws_sim::account::plain;
use aws_sim::world::World;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use spotkeeper_core::policy::{Policy, checked};
use spotkeeper_virtual_time::day::{Day, live};
use spotkeeper_virtual_time::simulation::{Simulation, in_virtual_time};
use spotkeeper_virtual_time::tables::Tables;

fn world(services: u32) -> World {
    let account = plain(
        "shop",
        json!({
            "quotas": [{ "serviceCode": "fargate", "quotaCode": "L-3032A538", "value": 100_000 }],
            "generate": [{
                "count": services, "namePattern": "web-{n}", "clusters": ["shop"],
                "service": {
                    "taskDefinition": "web", "desiredCount": 4, "launchType": "FARGATE",
                    "deploymentConfiguration": { "minimumHealthyPercent": 50, "maximumPercent": 200 },
                    "tags": [{ "key": "spotkeeper:enabled", "value": "true" }],
                },
            }],
        }),
    );
    aws_sim::account::parse(&account.to_string(), "bench", Timestamp::from_second(1_767_225_600).unwrap()).unwrap()
}

fn policy(ceiling: u32) -> Policy {
    checked(json!({
        "mode": "active",
        "budget": { "ceiling_percent": ceiling, "step_percent": 100, "blast_radius_percent": 100 },
        "pace": { "restart_percent": 100, "services_in_flight": 40, "moves_per_run": 1000 },
    }))
    .unwrap()
}

fn day(services: u32, ceiling: u32) {
    let day = Day {
        schedule: Some(SignedDuration::from_mins(15)),
        duration: SignedDuration::from_hours(24),
        happenings: Vec::new(),
    };
    let writes = in_virtual_time(async {
        let simulation = Simulation::start(world(services), Tables::new(Ok(policy(ceiling))), 1);
        live(&simulation, &day).await;
        simulation.with(|inner| inner.promises.coverage.writes)
    })
    .unwrap();
    assert_eq!(writes, if ceiling == 0 { 0 } else { services });
}

fn service_days(criterion: &mut Criterion) {
    for (name, ceiling) in [("settled", 0), ("rolling_out", 100)] {
        let mut group = criterion.benchmark_group(name);
        group.sample_size(10);
        for services in [10, 100, 1_000] {
            group.throughput(Throughput::Elements(services.into()));
            group.bench_with_input(BenchmarkId::from_parameter(services), &services, |bencher, services| {
                bencher.iter(|| day(*services, ceiling));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, service_days);
criterion_main!(benches);
