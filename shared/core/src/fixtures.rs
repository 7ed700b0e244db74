//! A good service, a good snapshot, a good policy: what every rule passes, for tests to vary in
//! one thing. Under the feature `fixtures`, for this crate's dependents too.
//!
//! ```text
//! let mut service = fixtures::service("web", Family::Fargate);
//! service.desired = 1;
//! let snapshot = fixtures::snapshot(vec![service]);
//! ```
#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "fixtures are for tests alone")]

pub mod state_contract;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::assess::Memory;
use crate::control::{Direction, InForce, PairCeiling};
use crate::ids::{ClusterName, MoveId, ProviderName, RunId, ServiceArn, ServiceName, ServiceRef};
use crate::observe::{
    Architecture, Cluster, Compatibility, Container, Deployment, DeploymentConfiguration, DeploymentController,
    DeploymentStrategy, Depth, Discovery, Family, Gap, GapCause, Group, GroupProvider, InstanceType,
    InstancesDistribution, LoadBalancerTarget, LoadBalancerUse, ManagedInstancesProvider, Market, NetworkMode, Place,
    PlacedBy, Provider, ProviderKind, Quotas, Reading, RolloutState, ScalingRange, Scheduling, Service, ServiceStatus,
    Snapshot, TargetGroup, Task, TaskDefinition, tag,
};
use crate::plan::{Fingerprint, Move, MoveCause, MoveKind, Pair};
use crate::policy::{Mode, Once, Policy, Window, ZoneName};
use crate::record::{Dealt, LastWrite, Ledger, MoveRecord, RunMode, RunRecord, Turn};
use crate::signals::Signals;
use crate::strategy::{Strategy, StrategyItem};
use crate::switch::{Lever, Scope, SwitchEntry, Switches};
use crate::units::{CpuUnits, MemoryMib, Percent, Seconds};

/// The cluster of every fixture.
pub const CLUSTER: &str = "prod";
/// Every family, for tests that go over all.
pub const FAMILIES: [Family; 3] = [Family::Fargate, Family::AutoScalingGroup, Family::ManagedInstances];
/// The desired count of a good service.
pub const DESIRED: u32 = 4;

/// The time of every fixture: 2026-01-15, noon.
#[must_use]
pub fn now() -> Timestamp {
    "2026-01-15T12:00:00Z".parse().expect("a valid time")
}

/// That many seconds after [`now`]; before it where negative.
#[must_use]
pub fn at(seconds: i64) -> Timestamp {
    now() + jiff::SignedDuration::from_secs(seconds)
}

/// The cluster's name.
#[must_use]
pub fn cluster_name() -> ClusterName {
    ClusterName::parse(CLUSTER).expect("a valid name")
}

/// A provider's name.
#[must_use]
pub fn provider_name(text: &str) -> ProviderName {
    ProviderName::parse(text).expect("a valid name")
}

/// A run's id.
#[must_use]
pub fn run_id(text: &str) -> RunId {
    RunId::parse(text).expect("a valid id")
}

/// A run of the cluster that holds the lock.
#[must_use]
pub fn run(mode: RunMode) -> RunRecord {
    RunRecord {
        id: run_id("run-1"),
        started_at: now(),
        mode,
        clusters: vec![cluster_name()],
        clusters_in_flight: 1,
        capacity_lever: true,
        holds_lock: true,
        lock_held_by: None,
        epoch: 0,
        policy: Policy::default(),
        policy_mistakes: Vec::new(),
        passes: 0,
        looks: 0,
        older_leases: false,
        ends_by: at(10_000),
        ended: None,
    }
}

/// A switch that somebody threw just now, without an end.
#[must_use]
pub fn switch(scope: Scope) -> SwitchEntry {
    SwitchEntry {
        scope,
        reason: "launch".to_owned(),
        who: "somebody".to_owned(),
        set_at: now(),
        until: None,
        preempt: false,
        unenrolled: false,
        lever: Lever::Strategy,
    }
}

/// The turn of the Spot group for a switch over all: AWS took it a minute ago.
#[must_use]
pub fn turn() -> Turn {
    Turn {
        provider: pair(Family::AutoScalingGroup).spot,
        cluster: cluster_name(),
        group: "asg-spot".to_owned(),
        original: distribution(Market::Spot),
        scope: Scope::All,
        run: run_id("earlier"),
        at: at(-120),
        ends_by: at(480),
        taken_at: Some(at(-119)),
        back: None,
        said: String::new(),
        ended: None,
        version: 2,
    }
}

/// A service of the cluster.
#[must_use]
pub fn service_ref(name: &str) -> ServiceRef {
    let arn = format!("arn:aws:ecs:eu-west-1:123456789012:service/{CLUSTER}/{name}");
    ServiceRef {
        cluster: cluster_name(),
        name: ServiceName::parse(name).expect("a valid name"),
        arn: ServiceArn::parse(&arn).expect("a valid ARN"),
    }
}

/// A gap: something that the role may not read.
#[must_use]
pub fn gap(subject: &str, action: &str) -> Gap {
    Gap { subject: subject.to_owned(), action: action.to_owned(), cause: GapCause::Denied, detail: String::new() }
}

/// A policy that is active, opt-in, and says what the agents' stop timeout is; for the rest, the
/// defaults.
#[must_use]
pub fn policy() -> Policy {
    let mut policy = Policy { mode: Mode::Active, ..Policy::default() };
    policy.rules.ec2_default_stop_timeout_seconds = Some(Seconds(30));
    policy
}

/// The pair of a family in [`snapshot`].
#[must_use]
pub fn pair(family: Family) -> Pair {
    let (on_demand, spot) = match family {
        Family::Fargate => ("FARGATE", "FARGATE_SPOT"),
        Family::AutoScalingGroup => ("group-on-demand", "group-spot"),
        Family::ManagedInstances => ("managed-on-demand", "managed-spot"),
    };
    Pair { on_demand: provider_name(on_demand), spot: provider_name(spot) }
}

/// A snapshot of the cluster with the pairs of all three families, ample quotas and these
/// services.
#[must_use]
pub fn snapshot(services: Vec<Service>) -> Snapshot {
    let providers = providers();
    Snapshot {
        taken_at: now(),
        depth: Depth::Full,
        cluster: Cluster {
            name: cluster_name(),
            arn: format!("arn:aws:ecs:eu-west-1:123456789012:cluster/{CLUSTER}"),
            active: true,
            capacity_providers: providers.iter().map(|provider| provider.name.clone()).collect(),
        },
        services,
        providers: providers.into_iter().map(|provider| (provider.name.clone(), Reading::Known(provider))).collect(),
        quotas: Quotas {
            fargate_on_demand: Reading::Known(CpuUnits::VCPU.times(4_000)),
            ec2_on_demand_standard: Reading::Known(CpuUnits::VCPU.times(4_000)),
        },
        gaps: Vec::new(),
    }
}

fn providers() -> Vec<Provider> {
    let provider = |name: &ProviderName, kind| Provider {
        name: name.clone(),
        arn: format!("arn:aws:ecs:eu-west-1:123456789012:capacity-provider/{name}"),
        active: true,
        kind,
    };
    let groups = pair(Family::AutoScalingGroup);
    let managed = pair(Family::ManagedInstances);
    vec![
        provider(&provider_name("FARGATE"), ProviderKind::Fargate),
        provider(&provider_name("FARGATE_SPOT"), ProviderKind::FargateSpot),
        provider(&groups.on_demand, ProviderKind::AutoScalingGroup(group_provider("on-demand", Market::OnDemand))),
        provider(&groups.spot, ProviderKind::AutoScalingGroup(group_provider("spot", Market::Spot))),
        provider(&managed.on_demand, ProviderKind::ManagedInstances(managed_provider(Market::OnDemand))),
        provider(&managed.spot, ProviderKind::ManagedInstances(managed_provider(Market::Spot))),
    ]
}

/// A group of four kinds of instances in three zones: 10 of at most 100 instances.
#[must_use]
pub fn group_provider(name: &str, market: Market) -> GroupProvider {
    GroupProvider {
        managed_scaling: true,
        managed_draining: true,
        managed_termination_protection: false,
        warmup: Seconds(60),
        group: Reading::Known(Group {
            name: format!("asg-{name}"),
            market,
            max_size: 100,
            desired: 10,
            instances: Some(10),
            zones: zones(),
            subnets: subnets(),
            instance_types: Reading::Known(vec![
                instance_type("m5.xlarge", 4, 16),
                instance_type("m5a.xlarge", 4, 16),
                instance_type("m6i.xlarge", 4, 16),
                instance_type("r5.xlarge", 4, 32),
            ]),
            weighted: false,
            distribution: Some(distribution(market)),
            protects_new_instances: false,
            may_be_turned: true,
        }),
    }
}

/// How a group's mixed instances policy divides what it launches, for a market.
#[must_use]
pub fn distribution(market: Market) -> InstancesDistribution {
    let percentage = match market {
        Market::Spot => 0,
        Market::Mixed => 50,
        Market::OnDemand => 100,
    };
    InstancesDistribution {
        on_demand_base_capacity: Some(0),
        on_demand_percentage_above_base_capacity: Some(percentage),
        spot_allocation_strategy: Some("price-capacity-optimized".to_owned()),
        ..InstancesDistribution::default()
    }
}

/// An x86 instance type with so many vCPU and GiB.
#[must_use]
pub fn instance_type(name: &str, vcpu: u64, gib: u64) -> InstanceType {
    InstanceType {
        name: name.to_owned(),
        cpu: CpuUnits::VCPU.times(vcpu),
        memory: MemoryMib(gib * 1024),
        architecture: Architecture::X8664,
    }
}

fn managed_provider(market: Market) -> ManagedInstancesProvider {
    ManagedInstancesProvider { market, subnets: subnets(), requirements_digest: "requirements".to_owned() }
}

/// The zones of the cluster.
#[must_use]
pub fn zones() -> Vec<String> {
    ["eu-west-1a", "eu-west-1b", "eu-west-1c"].map(str::to_owned).to_vec()
}

/// The subnets of the cluster: one in each zone.
#[must_use]
pub fn subnets() -> Vec<String> {
    ["subnet-a", "subnet-b", "subnet-c"].map(str::to_owned).to_vec()
}

/// A service that every rule passes, without a warning: four tasks, all On-Demand on the
/// family's provider by strategy, with a target group, enrolled, at rest for a day.
#[must_use]
pub fn service(name: &str, family: Family) -> Service {
    let target_group =
        format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{name}/0123456789abcdef");
    let task_definition = task_definition(name, family);
    let mut service = Service {
        id: service_ref(name),
        status: ServiceStatus::Active,
        desired: DESIRED,
        running: DESIRED,
        pending: 0,
        placed_by: PlacedBy::Strategy(Strategy::only(pair(family).on_demand)),
        platform_version: match family {
            Family::Fargate => Some("LATEST".to_owned()),
            Family::AutoScalingGroup | Family::ManagedInstances => None,
        },
        scheduling: Scheduling::Replica,
        controller: DeploymentController::Ecs,
        express: false,
        deployment: DeploymentConfiguration {
            strategy: DeploymentStrategy::Rolling,
            minimum_healthy_percent: 50,
            maximum_percent: 200,
            circuit_breaker: true,
            rollback: true,
            bake: Seconds(0),
            hooks: 0,
            hook_time: Seconds(0),
        },
        deployments: Vec::new(),
        current_service_deployment: None,
        current_deployment_status: Reading::Missing(Gap {
            cause: GapCause::NotRead,
            ..gap(name, "ecs:DescribeServiceDeployments")
        }),
        load_balancers: vec![LoadBalancerUse {
            target: LoadBalancerTarget::TargetGroup(target_group.clone()),
            container: "app".to_owned(),
            port: 8080,
        }],
        target_groups: BTreeMap::from([(
            target_group,
            Reading::Known(TargetGroup { deregistration_delay: Seconds(30) }),
        )]),
        discovery: Discovery::default(),
        volumes_at_launch: false,
        placement_constraints: Vec::new(),
        subnets: subnets(),
        network_digest: "network".to_owned(),
        health_check_grace: Seconds(60),
        tags: BTreeMap::from([(tag::ENABLED.to_owned(), "true".to_owned())]),
        task_definition_arn: task_definition.arn.clone(),
        task_definition: Reading::Known(task_definition),
        scaling: Reading::Known(Some(ScalingRange { min: 2, max: 20 })),
        tasks: Reading::Known(Vec::new()),
        events: Vec::new(),
    };
    settle(&mut service, 0);
    service
}

/// A task definition of one container of 1 vCPU and 2 GiB, its image pinned by digest.
#[must_use]
pub fn task_definition(name: &str, family: Family) -> TaskDefinition {
    TaskDefinition {
        arn: format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/{name}:7"),
        requires_compatibilities: vec![match family {
            Family::Fargate => Compatibility::Fargate,
            Family::AutoScalingGroup => Compatibility::Ec2,
            Family::ManagedInstances => Compatibility::ManagedInstances,
        }],
        network_mode: NetworkMode::Awsvpc,
        cpu: Some(CpuUnits::VCPU),
        memory: Some(MemoryMib(2048)),
        architecture: Architecture::X8664,
        windows: false,
        gpus: 0,
        containers: vec![container("app")],
        volumes: Vec::new(),
        placement_constraints: Vec::new(),
    }
}

/// A container that leaves `stopTimeout` out and whose image is pinned by digest.
#[must_use]
pub fn container(name: &str) -> Container {
    Container {
        name: name.to_owned(),
        image: format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/{name}@sha256:{}", "0123456789abcdef".repeat(4)),
        stop_timeout: None,
        depends_on: Vec::new(),
        static_host_ports: Vec::new(),
        reads_at_start: false,
        version_consistency_off: false,
    }
}

/// Changes the task definition of a service that has one.
pub fn edit_task_definition(service: &mut Service, change: impl FnOnce(&mut TaskDefinition)) {
    let Reading::Known(task_definition) = &mut service.task_definition else {
        panic!("{} has no task definition to change", service.id);
    };
    change(task_definition);
}

/// Changes the group behind a provider of a snapshot.
pub fn edit_group(snapshot: &mut Snapshot, provider: &ProviderName, change: impl FnOnce(&mut GroupProvider)) {
    let Some(Reading::Known(Provider { kind: ProviderKind::AutoScalingGroup(group), .. })) =
        snapshot.providers.get_mut(provider)
    else {
        panic!("{provider} is no group of the snapshot");
    };
    change(group);
}

/// Puts a service at rest under what places its tasks now: one completed deployment, all desired
/// tasks running, `spot` of them on the Spot provider of its pair and the rest On-Demand.
pub fn settle(service: &mut Service, spot: u32) {
    let family = family(service);
    let pair = pair(family);
    service.running = service.desired;
    service.pending = 0;
    service.current_service_deployment = None;
    service.deployments = vec![Deployment {
        id: format!("ecs-svc/{}", service.id.name),
        primary: true,
        task_definition_arn: service.task_definition_arn.clone(),
        desired: service.desired,
        running: service.desired,
        pending: 0,
        failed: 0,
        rollout: Some(RolloutState::Completed),
        rollout_reason: String::new(),
        placed_by: service.placed_by.clone(),
        created_at: at(-86_400),
    }];
    let zones = zones();
    let by_launch_type = matches!(service.placed_by, PlacedBy::LaunchType(_));
    service.tasks = Reading::Known(
        (0..service.desired)
            .zip(zones.iter().cycle())
            .map(|(number, zone)| Task {
                arn: format!("arn:aws:ecs:eu-west-1:123456789012:task/{CLUSTER}/{}-{number}", service.id.name),
                provider: match (number < spot, by_launch_type) {
                    (true, _) => Some(pair.spot.clone()),
                    (false, true) => None,
                    (false, false) => Some(pair.on_demand.clone()),
                },
                running: true,
                zone: Some(zone.clone()),
                place: Reading::Known(place(family, number, zone)),
                instance: instance(family, service.id.name.as_str(), number),
                protected: false,
                started_by: format!("ecs-svc/{}", service.id.name),
            })
            .collect(),
    );
}

/// Where a task of that number runs: over the pools of the family in turn.
fn place(family: Family, number: u32, zone: &str) -> Place {
    let instance_type = match family {
        Family::Fargate => None,
        Family::AutoScalingGroup => {
            let types = ["m5.xlarge", "m5a.xlarge", "m6i.xlarge", "r5.xlarge"];
            Some(types[(number / 3 % 4) as usize].to_owned())
        }
        Family::ManagedInstances => Some("m5.xlarge".to_owned()),
    };
    Place { instance_type, zone: zone.to_owned() }
}

/// The instance under a task of that number: two of a service share one.
fn instance(family: Family, service: &str, number: u32) -> Option<String> {
    let of = format!("arn:aws:ecs:eu-west-1:123456789012:container-instance/{CLUSTER}/{service}-{}", number / 2);
    (family != Family::Fargate).then_some(of)
}

/// Puts a service under a strategy over its pair, and at rest with as many Spot tasks as that
/// strategy gives at the most.
#[must_use]
pub fn on_spot(mut service: Service, base: u32, on_demand_weight: u32, spot_weight: u32) -> Service {
    let pair = pair(family(&service));
    let item = |provider: &ProviderName, base, weight| StrategyItem { provider: provider.clone(), base, weight };
    let strategy =
        Strategy { items: vec![item(&pair.on_demand, base, on_demand_weight), item(&pair.spot, 0, spot_weight)] };
    let spot = strategy.bounds(&pair.spot, service.desired).most;
    service.placed_by = PlacedBy::Strategy(strategy);
    settle(&mut service, spot);
    service
}

/// The family that a fixture service's task definition asks for.
#[must_use]
pub fn family(service: &Service) -> Family {
    match service.task_definition.known().and_then(|read| read.requires_compatibilities.first()) {
        Some(Compatibility::Fargate) => Family::Fargate,
        Some(Compatibility::ManagedInstances) => Family::ManagedInstances,
        Some(Compatibility::Ec2 | Compatibility::External) | None => Family::AutoScalingGroup,
    }
}

/// A memory with these ledgers, and no switch.
#[must_use]
pub fn memory(ledgers: Vec<Ledger>) -> Memory {
    Memory::of(ledgers, Signals::default(), Switches::default())
}

/// A memory with these ledgers, in which no pair's ceiling is below what the policy allows.
#[must_use]
pub fn open_memory(ledgers: Vec<Ledger>) -> Memory {
    let mut memory = memory(ledgers);
    memory.signals.ceilings = FAMILIES.map(|family| ceiling(family, Percent::HUNDRED)).to_vec();
    memory
}

/// A window over every cluster, open for an hour from then on.
#[must_use]
pub fn window(ceiling: Percent, from: Timestamp) -> Window {
    let utc = |at: Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    Window {
        name: "launch".to_owned(),
        clusters: Vec::new(),
        ceiling_percent: ceiling,
        time_zone: ZoneName("UTC".to_owned()),
        once: Some(Once { from: utc(from), to: utc(from + jiff::SignedDuration::from_hours(1)) }),
        weekly: None,
    }
}

/// The ceiling of a family's pair, set long ago.
#[must_use]
pub fn ceiling(family: Family, ceiling: Percent) -> PairCeiling {
    PairCeiling {
        cluster: cluster_name(),
        pair: pair(family),
        ceiling,
        changed_at: at(-30 * 86_400),
        direction: Direction::Raised,
        answered_until: at(-30 * 86_400),
        dry: None,
        in_force: Some(InForce { percent: ceiling, capped_by: None, since: at(-30 * 86_400) }),
        version: 1,
    }
}

/// The write, an hour ago, of what places a service's tasks now: ECS took it, and somebody's
/// earlier strategy was On-Demand alone.
#[must_use]
pub fn last_write(service: &Service) -> LastWrite {
    let pair = pair(family(service));
    LastWrite {
        at: at(-3_600),
        run: run_id("earlier"),
        move_id: MoveId::parse(&format!("{CLUSTER}/0-0")).expect("a valid id"),
        before: PlacedBy::Strategy(Strategy::only(pair.on_demand)),
        after: service.placed_by.clone(),
        deployment: Some("deployment/ours".to_owned()),
        deployment_id: Some("ecs-svc/ours".to_owned()),
        dealt: Dealt {
            spot_tasks: service.strategy().map_or(0, |one| one.bounds(&pair.spot, service.desired).most),
            desired: service.desired,
        },
        by_switch: false,
        task_definition: Some(service.task_definition_arn.clone()),
        stands_since: None,
        taken_back: None,
    }
}

/// The ledger of a service that was never moved and did nothing wrong.
#[must_use]
pub fn ledger(service: &Service) -> Ledger {
    let ledger = Ledger::new(service.id.clone(), service.placed_by.clone(), pair(family(service)));
    Ledger { fence: 1, ..ledger }
}

/// A move up of `web` on Fargate, of which nothing is written yet: half of its tasks may be on Spot.
#[must_use]
pub fn move_up(run: &RunId, id: &str) -> MoveRecord {
    let pair = pair(Family::Fargate);
    let on_demand = Strategy::only(pair.on_demand.clone());
    MoveRecord::new(Move {
        id: MoveId::parse(id).expect("a valid id"),
        run: run.clone(),
        service: service_ref("web"),
        kind: MoveKind::Up,
        cause: MoveCause::Budget,
        before: PlacedBy::Strategy(on_demand.clone()),
        after: PlacedBy::Strategy(Strategy::over(&pair.on_demand, &pair.spot, 1, 1, 1)),
        spot_tasks: 2,
        desired: DESIRED,
        fingerprint: Fingerprint("f".to_owned()),
        deadline: Seconds(600),
        undo: None,
        fall_back: on_demand,
        wave: 0,
        suitability: 50,
        pair,
    })
}
