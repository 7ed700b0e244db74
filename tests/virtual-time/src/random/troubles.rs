//! What others do in a random world, and what goes wrong.

use aws_sim::world::faults::Fault;
use aws_sim::world::shapes::StrategyItem;
use aws_sim::world::{ServiceKey, World};
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use spotkeeper_core::control::Dial;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::observe::tag;
use spotkeeper_core::phase::Function;
use spotkeeper_core::policy::Policy;
use spotkeeper_core::switch::Scope;
use spotkeeper_core::units::Percent;

use super::CALM;
use super::account::one_of;
use crate::day::Happening;
use crate::ports::{FaultKind, FaultRule};

/// What happens, by the time since the start; what lasts is over when calm begins.
pub(super) fn troubles(rng: &mut Rng, world: &World) -> Vec<(SignedDuration, Happening)> {
    let mut all = Vec::new();
    let calm = CALM.as_secs();
    let services: Vec<ServiceKey> = world.service_keys().cloned().collect();
    for _ in 0..rng.usize(6..=40) {
        let at = SignedDuration::from_secs(rng.i64(60..calm));
        let until = (at + SignedDuration::from_secs(rng.i64(60..=5_400))).min(CALM);
        let service = one_of(rng, &services);
        trouble(rng, world, &service, at, until, &mut all);
    }
    for _ in 0..rng.usize(1..=3) {
        let at = SignedDuration::from_secs(rng.i64(60..calm));
        all.push((at, Happening::Ports(gaps(rng, at))));
    }
    all
}

/// For an hour or two a part of what is read is missing: what S3 is about.
fn gaps(rng: &mut Rng, at: SignedDuration) -> FaultRule {
    let until = (at + SignedDuration::from_mins(rng.i64(60..=120))).min(CALM);
    FaultRule {
        kind: FaultKind::Gaps,
        function: None,
        port: None,
        call: None,
        from: Timestamp::UNIX_EPOCH + at,
        until: Timestamp::UNIX_EPOCH + until,
        times: u32::MAX,
        per_mille: one_of(rng, &[300, 700, 1_000]),
    }
}

fn trouble(
    rng: &mut Rng,
    world: &World,
    service: &ServiceKey,
    at: SignedDuration,
    until: SignedDuration,
    all: &mut Vec<(SignedDuration, Happening)>,
) {
    let mut lasting = |fault: Fault| {
        all.push((at, Happening::Aws { fault: fault.clone(), on: true }));
        all.push((until, Happening::Aws { fault, on: false }));
    };
    let (cluster, name) = (service.cluster.clone(), service.name.clone());
    match rng.u32(0..35) {
        0 | 1 => lasting(Fault::SpotUnavailable { provider: "all".to_owned() }),
        2 | 16..=18 => {
            let spot = rng.bool().then(|| spot_provider(world, service)).flatten();
            lasting(Fault::NewTasksCrash { cluster, service: name, provider: spot });
        }
        3 => lasting(Fault::StaleReads { seconds: f64::from(rng.u32(5..=120)) }),
        4 | 5 => {
            let task_definition = rng.bool().then(|| format!("{name}:{}", rng.u32(1..=2)));
            let fault = Fault::Deploy { cluster, service: name, task_definition, capacity_provider_strategy: None };
            all.push((at, Happening::Aws { fault, on: true }));
        }
        6 | 7 | 21 => {
            let desired_count = desired(rng, world, service);
            let fault = Fault::SetDesiredCount { cluster, service: name, desired_count };
            all.push((at, Happening::Aws { fault, on: true }));
        }
        22..=24 => {
            let zone = one_of(rng, &["a", "b", "c"]);
            let kind = one_of(rng, &["m5.large", "m6i.large", "m5.xlarge", "FARGATE_SPOT"]);
            let fault = Fault::Reclaim { pool: format!("{kind}/eu-west-1{zone}"), count: rng.u32(1..=20) };
            all.push((at, Happening::Aws { fault, on: true }));
        }
        28 | 29 => {
            let scope = ClusterName::parse(&cluster).ok().filter(|_| rng.bool()).map_or(Scope::All, Scope::Cluster);
            all.push((at, Happening::Dial(dial(&scope, Percent::saturating(rng.u64(0..=60))))));
            all.push((until, Happening::DialOff(scope)));
        }
        30 => {
            let zone = one_of(rng, &["a", "b", "c"]);
            let kind = one_of(rng, &["m5.large", "m6i.large", "m5.xlarge"]);
            let pool = format!("{kind}/eu-west-1{zone}");
            let fault = Fault::RebalanceRecommendation { pool, count: rng.u32(1..=20) };
            all.push((at, Happening::Aws { fault, on: true }));
        }
        31 => {
            let group = format!("{cluster}-od");
            let Some(usual) = world.groups.get(&group).map(|group| group.max_size) else { return };
            all.push((at, Happening::GroupMaxSize { group: group.clone(), max_size: rng.u32(1..=6) }));
            all.push((until, Happening::GroupMaxSize { group, max_size: usual }));
        }
        32 | 33 => {
            let market = one_of(rng, &["od", "spot"]);
            all.push((at, Happening::Drain { group: format!("{cluster}-{market}") }));
        }
        34 => {
            let minutes = u32::try_from((until - at).as_mins()).unwrap_or(0).max(1);
            all.push((at, Happening::Protect { service: service.clone(), minutes }));
        }
        8 | 9 => switch(rng, service, at, until, all),
        10 => {
            let scope = format!("service/{cluster}/{name}");
            all.push((at, Happening::Start(json!({ "restore": { "scope": scope } }))));
        }
        11 => all.push((at, Happening::Start(json!({ "dry_run": rng.bool() })))),
        12 => {
            let groups: Vec<String> = world.target_groups.keys().cloned().collect();
            if !groups.is_empty() {
                let key = aws_sim::world::elb::DEREGISTRATION_DELAY.to_owned();
                let value = one_of(rng, &["10", "60", "300"]).to_owned();
                all.push((at, Happening::TargetGroup { arn: one_of(rng, &groups), key, value }));
            }
        }
        13 => {
            let value = one_of(rng, &[Some("true".to_owned()), Some("false".to_owned()), None]);
            all.push((at, Happening::Tag { service: service.clone(), key: tag::ENABLED.to_owned(), value }));
        }
        19 | 20 => {
            let value = Some(rng.u32(0..=100).to_string());
            all.push((at, Happening::Tag { service: service.clone(), key: tag::MAX_PERCENT.to_owned(), value }));
        }
        14 => {
            let strategy = original(world, service);
            if !strategy.is_empty() {
                all.push((at, Happening::Revert { service: service.clone(), strategy }));
            }
        }
        _ => all.push((at, Happening::Ports(fault(rng, at, until)))),
    }
}

fn dial(scope: &Scope, percent: Percent) -> Dial {
    Dial {
        scope: scope.clone(),
        percent,
        reason: "a drill".to_owned(),
        who: "a person".to_owned(),
        set_at: Timestamp::UNIX_EPOCH,
        until: None,
    }
}

/// A switch is thrown, and released; sometimes by hand, sometimes one that interrupts.
fn switch(
    rng: &mut Rng,
    service: &ServiceKey,
    at: SignedDuration,
    until: SignedDuration,
    all: &mut Vec<(SignedDuration, Happening)>,
) {
    let scopes = [
        "all".to_owned(),
        format!("cluster/{}", service.cluster),
        format!("service/{}/{}", service.cluster, service.name),
    ];
    let scope = one_of(rng, &scopes);
    let on = json!({ "switch": {
        "scope": scope, "state": "on", "reason": "a drill", "preempt": rng.bool(), "unenrolled": rng.bool(),
    } });
    let off = json!({ "switch": { "scope": scope, "state": "off", "reason": "over" } });
    all.push((at, Happening::Start(on)));
    all.push((until, Happening::Start(off)));
}

/// What goes wrong at the ports for a while.
fn fault(rng: &mut Rng, at: SignedDuration, until: SignedDuration) -> FaultRule {
    let kind = one_of(
        rng,
        &[
            FaultKind::DieBefore,
            FaultKind::DieAfter,
            FaultKind::LoseAnswer,
            FaultKind::Stall { seconds: 20 },
            FaultKind::Stall { seconds: 100 },
            FaultKind::Throttle,
            FaultKind::Fail,
            FaultKind::Gaps,
        ],
    );
    let from = Timestamp::UNIX_EPOCH + at;
    let longest = at + SignedDuration::from_mins(30);
    FaultRule {
        kind,
        function: rng.bool().then(|| one_of(rng, &Function::ALL)),
        port: one_of(rng, &[None, Some("fleet"), Some("fleet.write"), Some("state")]).map(str::to_owned),
        call: None,
        from,
        until: Timestamp::UNIX_EPOCH + until.min(longest),
        times: rng.u32(1..=200),
        per_mille: one_of(rng, &[50, 200, 1_000]),
    }
}

/// A desired count that autoscaling, or a person, may set.
fn desired(rng: &mut Rng, world: &World, service: &ServiceKey) -> u32 {
    let resource = format!("service/{}/{}", service.cluster, service.name);
    match world.scalable_targets.iter().find(|target| target.resource_id == resource) {
        Some(target) => rng.u32(target.min_capacity..=target.max_capacity),
        None => rng.u32(2..=14),
    }
}

/// Another ceiling, again and again: there is something to move all day, and now and then somebody
/// deploys, breaks what moves, or takes it back.
pub(super) fn ceilings(rng: &mut Rng, world: &World, policy: &Policy) -> Vec<(SignedDuration, Happening)> {
    let mut all = Vec::new();
    let services: Vec<ServiceKey> = world.service_keys().cloned().collect();
    let mut at = SignedDuration::ZERO;
    loop {
        at += SignedDuration::from_mins(rng.i64(60..=240));
        if at > CALM {
            return all;
        }
        let mut policy = policy.clone();
        policy.budget.ceiling_percent = Percent::saturating(rng.u64(0..=10) * 10);
        all.push((at, Happening::Policy(Ok(Box::new(policy)))));
        for service in &services {
            let (cluster, name) = (service.cluster.clone(), service.name.clone());
            let soon = at + SignedDuration::from_secs(rng.i64(0..=2_400));
            match rng.u32(0..12) {
                0 | 1 => {
                    let spot = spot_provider(world, service);
                    let fault = Fault::NewTasksCrash { cluster, service: name, provider: spot };
                    all.push((at, Happening::Aws { fault: fault.clone(), on: true }));
                    all.push((soon + SignedDuration::from_mins(10), Happening::Aws { fault, on: false }));
                }
                2..=4 => {
                    let fault = Fault::Deploy {
                        cluster,
                        service: name,
                        task_definition: None,
                        capacity_provider_strategy: None,
                    };
                    all.push((soon, Happening::Aws { fault, on: true }));
                }
                5 | 6 => {
                    let strategy = original(world, service);
                    if !strategy.is_empty() {
                        all.push((soon, Happening::Revert { service: service.clone(), strategy }));
                    }
                }
                _ => {}
            }
        }
    }
}

fn spot_provider(world: &World, service: &ServiceKey) -> Option<String> {
    let used = original(world, service);
    let is_on = |what: &str| used.iter().any(|item| item.capacity_provider.starts_with(what));
    let cluster = &service.cluster;
    Some(match (is_on("FARGATE"), is_on(&format!("{cluster}-mi"))) {
        (true, _) => "FARGATE_SPOT".to_owned(),
        (false, true) => format!("{cluster}-mi-spot"),
        (false, false) => format!("{cluster}-spot"),
    })
}

fn original(world: &World, service: &ServiceKey) -> Vec<StrategyItem> {
    let found = world.written_service(service).and_then(|found| found.current());
    found.map(|revision| revision.strategy.clone()).unwrap_or_default()
}
