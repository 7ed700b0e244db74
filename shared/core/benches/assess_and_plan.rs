//! Assessing and planning a cluster: time per service must not grow with the fleet.
//!
//! `cargo bench -p spotkeeper-core --features fixtures`; the figures stand in
//! `docs/PERFORMANCE.md`.
#![allow(missing_docs, reason = "criterion's macros make functions of their own")]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use spotkeeper_core::assess::{Memory, assess};
use spotkeeper_core::fixtures;
use spotkeeper_core::observe::{Reading, Service, Snapshot, TargetGroup};
use spotkeeper_core::plan::{PlanInput, plan};
use spotkeeper_core::policy::Policy;
use spotkeeper_core::record::RunMode;
use spotkeeper_core::units::{Percent, Seconds};

/// A fleet of all families: a tenth on Spot, a fifth blocked, the rest eligible.
fn fleet(services: usize) -> (Snapshot, Memory) {
    let service = |number: usize| -> Service {
        let family = fixtures::FAMILIES[number % fixtures::FAMILIES.len()];
        let mut service = fixtures::service(&format!("service-{number}"), family);
        if number.is_multiple_of(10) {
            service = fixtures::on_spot(service, 1, 1, 1);
        }
        if number % 5 == 1 {
            for group in service.target_groups.values_mut() {
                *group = Reading::Known(TargetGroup { deregistration_delay: Seconds(300) });
            }
        }
        service
    };
    let services: Vec<Service> = (0..services).map(service).collect();
    let ledgers = services.iter().filter(|service| service.strategy().is_some()).step_by(10).map(fixtures::ledger);
    let memory = fixtures::memory(ledgers.collect());
    (fixtures::snapshot(services), memory)
}

fn assess_and_plan(criterion: &mut Criterion) {
    let run = fixtures::run(RunMode::Ordinary);
    let mut policy: Policy = fixtures::policy();
    policy.budget.ceiling_percent = Percent::HUNDRED;
    policy.budget.step_percent = Percent::HUNDRED;
    let given_up = BTreeSet::new();
    let mut group = criterion.benchmark_group("assess_and_plan");
    for services in [1_000, 10_000, 100_000] {
        let (snapshot, memory) = fleet(services);
        group.throughput(Throughput::Elements(services as u64));
        group.sample_size(20);
        group.bench_with_input(BenchmarkId::from_parameter(services), &services, |bencher, _| {
            bencher.iter(|| {
                let assessments = assess(&policy, &snapshot, &memory, fixtures::now());
                let plan = plan(&PlanInput {
                    policy: &policy,
                    snapshot: &snapshot,
                    assessments: &assessments,
                    memory: &memory,
                    run: &run,
                    resumed: &[],
                    turns: &[],
                    turn_versions: &BTreeMap::new(),
                    given_up: &given_up,
                    now: fixtures::now(),
                });
                black_box((assessments, plan))
            });
        });
    }
    group.finish();
}

/// What merely copying the fleet takes: how much of the growth is the memory's.
fn copy(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("copy");
    for services in [1_000, 10_000, 100_000] {
        let (snapshot, _) = fleet(services);
        group.throughput(Throughput::Elements(services as u64));
        group.sample_size(20);
        group.bench_with_input(BenchmarkId::from_parameter(services), &services, |bencher, _| {
            bencher.iter(|| black_box(snapshot.clone()));
        });
    }
    group.finish();
}

criterion_group!(benches, assess_and_plan, copy);
criterion_main!(benches);
