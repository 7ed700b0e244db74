//! The rules about capacity: the pair, placement and the way back.

use super::*;
use crate::fixtures::{container, edit_group, gap, instance_type, pair, provider_name};
use crate::ids::ProviderName;
use crate::observe::Family::{AutoScalingGroup, Fargate, ManagedInstances};
use crate::observe::{
    Architecture, Compatibility, DeploymentStrategy, Group, LaunchType, Market, NetworkMode, PlacedBy,
    PlacementConstraint, Provider, ProviderKind, Reading, Scheduling,
};
use crate::policy::NamedPair;
use crate::strategy::{Strategy, StrategyItem};
use crate::units::{CpuUnits, MemoryMib, Percent, Seconds};

/// Changes the groups of one side, or of both.
fn group(world: &mut World, sides: &[Market], change: impl Fn(&mut Group)) {
    let pair = pair(AutoScalingGroup);
    for side in sides {
        let name = if *side == Market::Spot { &pair.spot } else { &pair.on_demand };
        edit_group(&mut world.snapshot, name, |provider| {
            if let Reading::Known(group) = &mut provider.group {
                change(group);
            }
        });
    }
}

const BOTH: &[Market] = &[Market::OnDemand, Market::Spot];
const SPOT: &[Market] = &[Market::Spot];
const ON_DEMAND: &[Market] = &[Market::OnDemand];

/// Adds a copy of a provider under another name.
fn copy(world: &mut World, of: &ProviderName, name: &str) {
    let mut provider = world.snapshot.providers[of].known().unwrap().clone();
    provider.name = provider_name(name);
    world.snapshot.cluster.capacity_providers.push(provider.name.clone());
    world.snapshot.providers.insert(provider.name.clone(), Reading::Known(provider));
}

fn name_pair(world: &mut World, on_demand: &str, spot: &str) {
    world.policy.pairs.push(NamedPair { on_demand: provider_name(on_demand), spot: provider_name(spot) });
}

fn provider(world: &mut World, name: &ProviderName, change: impl FnOnce(&mut Provider)) {
    if let Some(Reading::Known(provider)) = world.snapshot.providers.get_mut(name) {
        change(provider);
    }
}

fn managed_spot(world: &mut World, change: impl FnOnce(&mut crate::observe::ManagedInstancesProvider)) {
    provider(world, &pair(ManagedInstances).spot, |provider| {
        if let ProviderKind::ManagedInstances(managed) = &mut provider.kind {
            change(managed);
        }
    });
}

fn forget(world: &mut World, name: &ProviderName) {
    let missing = gap(name.as_str(), "ecs:DescribeCapacityProviders");
    world.snapshot.providers.insert(name.clone(), Reading::Missing(missing));
}

fn another_unread(world: &mut World) {
    copy(world, &pair(AutoScalingGroup).spot, "other");
    forget(world, &provider_name("other"));
}

fn another_group_unread(world: &mut World) {
    copy(world, &pair(AutoScalingGroup).spot, "other");
    edit_group(&mut world.snapshot, &provider_name("other"), |provider| {
        provider.group = Reading::Missing(gap("asg", "autoscaling:DescribeAutoScalingGroups"));
    });
}

/// Another service of the cluster, whose tasks were not read.
fn tasks_unread(world: &mut World, mut service: Service) {
    service.tasks = Reading::Missing(gap("the tasks", "ecs:ListTasks"));
    world.snapshot.services.push(service);
}

fn disassociate(world: &mut World, name: &str) {
    let name = provider_name(name);
    world.snapshot.cluster.capacity_providers.retain(|one| *one != name);
}

fn launch_type(world: &mut World, launch_type: LaunchType) {
    world.service().placed_by = PlacedBy::LaunchType(launch_type);
    fixtures::settle(world.service(), 0);
}

fn strategy(world: &mut World, items: &[(&str, u32, u32)]) {
    let items = items
        .iter()
        .map(|(name, base, weight)| StrategyItem { provider: provider_name(name), base: *base, weight: *weight })
        .collect();
    world.service().placed_by = PlacedBy::Strategy(Strategy { items });
}

fn arm(world: &mut World) {
    world.definition(|definition| definition.architecture = Architecture::Arm64);
}

fn version(world: &mut World, text: &str) {
    world.service().platform_version = Some(text.to_owned());
}

fn member_of(world: &mut World, expression: &str) {
    world.service().placement_constraints.push(PlacementConstraint::MemberOf(expression.to_owned()));
}

/// A daemon service of 1 vCPU and 2 GiB with host port 9100, that runs on every instance.
fn daemon(world: &mut World) {
    let mut daemon = fixtures::service("agent", AutoScalingGroup);
    daemon.scheduling = Scheduling::Daemon;
    daemon.placed_by = PlacedBy::LaunchType(LaunchType::Ec2);
    fixtures::edit_task_definition(&mut daemon, |definition| {
        definition.network_mode = NetworkMode::Host;
        definition.containers[0].static_host_ports = vec![9100];
    });
    world.snapshot.services.push(daemon);
}

fn size(world: &mut World, cpu: u64, memory: u64) {
    world.definition(|definition| {
        definition.cpu = Some(CpuUnits(cpu));
        definition.memory = Some(MemoryMib(memory));
    });
}

fn port(world: &mut World, port: u16) {
    world.definition(|definition| {
        definition.network_mode = NetworkMode::Host;
        definition.containers[0].static_host_ports = vec![port];
    });
}

fn fargate_quota(world: &mut World, vcpu: u64) {
    world.snapshot.quotas.fargate_on_demand = Reading::Known(CpuUnits::VCPU.times(vcpu));
}

fn ec2_quota(world: &mut World, vcpu: u64) {
    world.snapshot.quotas.ec2_on_demand_standard = Reading::Known(CpuUnits::VCPU.times(vcpu));
}

/// Puts the service on Spot: base 1, 1 to 1, so that of four tasks two are on Spot at the most.
fn on_spot(world: &mut World) {
    let service = world.service().clone();
    *world.service() = fixtures::on_spot(service, 1, 1, 1);
}

#[rustfmt::skip]
const PAIR_ROWS: &[Row] = &[
    ("launch type FARGATE", Fargate, |w| launch_type(w, LaunchType::Fargate), &[]),
    ("launch type EC2, one pair", AutoScalingGroup, |w| launch_type(w, LaunchType::Ec2), &[]),
    ("launch type MANAGED_INSTANCES, one pair", ManagedInstances, |w| launch_type(w, LaunchType::ManagedInstances), &[]),
    ("launch type EC2, two Spot groups", AutoScalingGroup, |w| { launch_type(w, LaunchType::Ec2); copy(w, &pair(AutoScalingGroup).spot, "other"); }, &["block capacity: several_pairs"]),
    ("launch type EC2, two Spot groups, one named", AutoScalingGroup, |w| {
        launch_type(w, LaunchType::Ec2); copy(w, &pair(AutoScalingGroup).spot, "other"); name_pair(w, "group-on-demand", "other");
    }, &[]),
    ("launch type EC2, a pair is named of which one is not there", AutoScalingGroup, |w| { launch_type(w, LaunchType::Ec2); name_pair(w, "group-on-demand", "ghost"); }, &[]),
    ("launch type EC2, no Spot group", AutoScalingGroup, |w| { launch_type(w, LaunchType::Ec2); disassociate(w, "group-spot"); }, &["block capacity: no_pair"]),
    ("all on Spot by strategy", AutoScalingGroup, |w| { strategy(w, &[("group-spot", 0, 1)]); fixtures::settle(w.service(), 4); }, &[]),
    ("no weight at all", AutoScalingGroup, |w| strategy(w, &[("group-on-demand", 0, 0)]), &["block capacity: empty_strategy", "block stop_timeout: gap"]),
    ("a third provider without a weight", AutoScalingGroup, |w| {
        copy(w, &pair(AutoScalingGroup).on_demand, "third"); strategy(w, &[("group-on-demand", 1, 1), ("group-spot", 0, 1), ("third", 0, 0)]);
    }, &[]),
    ("a third provider with a weight", AutoScalingGroup, |w| {
        copy(w, &pair(AutoScalingGroup).on_demand, "third"); strategy(w, &[("group-on-demand", 1, 1), ("group-spot", 0, 1), ("third", 0, 1)]);
    }, &["block capacity: third_provider"]),
    ("a third provider with a base", AutoScalingGroup, |w| {
        copy(w, &pair(AutoScalingGroup).on_demand, "third"); strategy(w, &[("group-on-demand", 0, 1), ("third", 1, 0)]);
    }, &["block capacity: third_provider"]),
    ("two Spot groups fit", AutoScalingGroup, |w| copy(w, &pair(AutoScalingGroup).spot, "other"), &["block capacity: several_pairs"]),
    ("two Spot groups fit, one is being deleted", AutoScalingGroup, |w| {
        copy(w, &pair(AutoScalingGroup).spot, "other"); provider(w, &provider_name("other"), |p| p.active = false);
    }, &[]),
    ("two Spot groups fit, the policy names one", AutoScalingGroup, |w| { copy(w, &pair(AutoScalingGroup).spot, "other"); name_pair(w, "group-on-demand", "other"); }, &[]),
    ("two Spot groups fit, the policy names both", AutoScalingGroup, |w| {
        copy(w, &pair(AutoScalingGroup).spot, "other"); name_pair(w, "group-on-demand", "other"); name_pair(w, "group-on-demand", "group-spot");
    }, &["block capacity: several_pairs"]),
    ("the policy names a pair of two families", AutoScalingGroup, |w| name_pair(w, "group-on-demand", "managed-spot"), &["block capacity: named_pair_unfit"]),
    ("the policy names a pair of On-Demand alone", AutoScalingGroup, |w| { copy(w, &pair(AutoScalingGroup).on_demand, "other"); name_pair(w, "group-on-demand", "other"); },
        &["block capacity: named_pair_unfit"]),
    ("the policy names a provider that is not there", AutoScalingGroup, |w| name_pair(w, "group-on-demand", "ghost"),
        &["block capacity: not_associated", "block placement: gap"]),
    ("the On-Demand group is mixed", AutoScalingGroup, |w| group(w, ON_DEMAND, |g| g.market = Market::Mixed), &["block capacity: mixed_market"]),
    ("the Spot group is mixed", AutoScalingGroup, |w| group(w, SPOT, |g| g.market = Market::Mixed), &["block capacity: no_partner"]),
    ("the Spot group is in other zones", AutoScalingGroup, |w| group(w, SPOT, |g| g.zones.truncate(2)), &["block capacity: no_partner"]),
    ("the Spot group is in some of the subnets", AutoScalingGroup, |w| group(w, SPOT, |g| g.subnets.truncate(2)), &[]),
    ("the Spot group is in other subnets", AutoScalingGroup, |w| group(w, SPOT, |g| g.subnets = vec!["subnet-x".to_owned()]), &["block capacity: no_partner"]),
    ("the Spot group is of Arm", AutoScalingGroup, |w| group(w, SPOT, |g| g.instance_types = Reading::Known(vec![
        crate::observe::InstanceType { architecture: Architecture::Arm64, ..instance_type("m6g.xlarge", 4, 16) }
    ])), &["block capacity: no_partner"]),
    ("Managed Instances of other requirements", ManagedInstances, |w| managed_spot(w, |m| m.requirements_digest = "other".to_owned()), &["block capacity: no_partner"]),
    ("Managed Instances of other subnets", ManagedInstances, |w| managed_spot(w, |m| m.subnets.truncate(1)), &["block capacity: no_partner"]),
    ("Managed Instances of reservations", ManagedInstances, |w| managed_spot(w, |m| m.market = Market::Mixed), &["block capacity: no_partner"]),
    ("the Spot provider is not associated", Fargate, |w| disassociate(w, "FARGATE_SPOT"), &["block capacity: not_associated"]),
    ("the Spot group is not associated", AutoScalingGroup, |w| disassociate(w, "group-spot"), &["block capacity: no_partner"]),
    ("the Spot group is not associated, another On-Demand group is", AutoScalingGroup, |w| {
        disassociate(w, "group-spot"); copy(w, &pair(AutoScalingGroup).on_demand, "other");
    }, &["block capacity: no_partner"]),
    ("the Spot provider is not active", AutoScalingGroup, |w| provider(w, &pair(AutoScalingGroup).spot, |p| p.active = false), &["block capacity: not_active"]),
    ("its provider was not read", AutoScalingGroup, |w| forget(w, &pair(AutoScalingGroup).on_demand), &["block capacity: gap", "block stop_timeout: gap"]),
    ("its group was not read", AutoScalingGroup, |w| edit_group(&mut w.snapshot, &pair(AutoScalingGroup).on_demand, |p| p.group = Reading::Missing(gap("asg", "autoscaling:DescribeAutoScalingGroups"))),
        &["block capacity: gap"]),
    ("another provider was not read", AutoScalingGroup, another_unread,
        &["block capacity: gap", "block return_path: gap"]),
    ("another provider was not read, both sides are in use", AutoScalingGroup, |w| { on_spot(w); another_unread(w); }, &["block return_path: gap"]),
    ("another provider was not read, the pair is named", AutoScalingGroup, |w| { name_pair(w, "group-on-demand", "group-spot"); another_unread(w); },
        &["block return_path: gap"]),
    ("another provider was not read, a pair of which one is not there is named", AutoScalingGroup, |w| {
        launch_type(w, LaunchType::Ec2); name_pair(w, "group-on-demand", "ghost"); another_unread(w);
    }, &["block capacity: gap", "block return_path: gap"]),
    ("the group of another provider was not read", AutoScalingGroup, another_group_unread, &["block capacity: gap", "block return_path: gap"]),
    ("the group of another provider was not read, Managed Instances", ManagedInstances, another_group_unread, &["block return_path: gap"]),
    ("another provider was not read, Fargate", Fargate, another_unread, &[]),
    ("weighted overrides", AutoScalingGroup, |w| group(w, SPOT, |g| g.weighted = true), &["block capacity: weighted_group"]),
    ("managed draining off", AutoScalingGroup, |w| edit_group(&mut w.snapshot, &pair(AutoScalingGroup).spot, |p| p.managed_draining = false), &["block capacity: draining_off"]),
    ("managed scaling of Spot off", AutoScalingGroup, |w| edit_group(&mut w.snapshot, &pair(AutoScalingGroup).spot, |p| p.managed_scaling = false), &["warn capacity: scaling_off"]),
    ("no compatibility stated, on a group", AutoScalingGroup, |w| w.definition(|d| d.requires_compatibilities.clear()), &[]),
    ("no compatibility stated, on Fargate", Fargate, |w| w.definition(|d| d.requires_compatibilities.clear()), &["block capacity: incompatible"]),
    ("EC2 and Fargate stated, on Managed Instances", ManagedInstances, |w| w.definition(|d| d.requires_compatibilities = vec![Compatibility::Ec2, Compatibility::Fargate]), &["block capacity: incompatible"]),
    ("Fargate 1.2.0", Fargate, |w| version(w, "1.2.0"), &["block capacity: platform_version_too_old"]),
    ("Fargate 1.3.0", Fargate, |w| version(w, "1.3.0"), &[]),
    ("Fargate 1.3.0 on Arm", Fargate, |w| { arm(w); version(w, "1.3.0"); }, &["block capacity: platform_version_too_old"]),
    ("Fargate 1.4.0 on Arm", Fargate, |w| { arm(w); version(w, "1.4.0"); }, &[]),
    ("Fargate LATEST on Arm", Fargate, arm, &[]),
    ("a platform version that is none", Fargate, |w| version(w, "newest"), &["block capacity: gap"]),
    ("no platform version shown", Fargate, |w| w.service().platform_version = None, &[]),
    ("Windows on Fargate", Fargate, |w| w.definition(|d| d.windows = true), &["block capacity: windows_on_fargate_spot"]),
    ("GPUs on a group", AutoScalingGroup, |w| w.definition(|d| d.gpus = 1), &["block capacity: gpus_not_supported"]),
    ("GPUs on Managed Instances", ManagedInstances, |w| w.definition(|d| d.gpus = 1), &[]),
    ("the task definition was not read", AutoScalingGroup, |w| w.service().task_definition = Reading::Missing(gap("web:7", "ecs:DescribeTaskDefinition")),
        &["block capacity: gap", "block drain_budget: gap", "block image: gap", "block placement: gap", "block return_path: gap", "block stateless: gap", "block stop_timeout: gap"]),
];

#[rustfmt::skip]
const PLACEMENT_ROWS: &[Row] = &[
    ("all of the smallest type's CPU", AutoScalingGroup, |w| size(w, 4096, 1024), &[]),
    ("more than the smallest type's CPU", AutoScalingGroup, |w| size(w, 4097, 1024), &["block placement: does_not_fit", "block return_path: no_way_back"]),
    ("all of the smallest type's usable memory", AutoScalingGroup, |w| size(w, 1024, 14_745), &[]),
    ("more than the smallest type's usable memory", AutoScalingGroup, |w| size(w, 1024, 14_746), &["block placement: does_not_fit", "block return_path: no_way_back"]),
    ("one small type among the Spot group's", AutoScalingGroup, |w| group(w, SPOT, |g| if let Reading::Known(types) = &mut g.instance_types { types.push(instance_type("t3.micro", 2, 1)); }),
        &["block placement: does_not_fit"]),
    ("too large beside the daemon", AutoScalingGroup, |w| { daemon(w); size(w, 3073, 1024); }, &["block placement: does_not_fit", "block return_path: no_way_back"]),
    ("fits beside the daemon", AutoScalingGroup, |w| { daemon(w); size(w, 3072, 1024); }, &[]),
    ("the daemon's task definition was not read", AutoScalingGroup, |w| { daemon(w); w.snapshot.services[1].task_definition = Reading::Missing(gap("agent:7", "ecs:DescribeTaskDefinition")); },
        &["block placement: gap", "block return_path: gap"]),
    ("a daemon elsewhere", AutoScalingGroup, |w| { daemon(w); size(w, 3073, 1024); w.snapshot.services[1].placed_by = PlacedBy::Strategy(Strategy::only(provider_name("elsewhere"))); }, &[]),
    ("no memory stated", AutoScalingGroup, |w| w.definition(|d| d.memory = None), &["block placement: size_unknown", "block return_path: size_unknown"]),
    ("an Arm task on x86", AutoScalingGroup, arm, &["block placement: architecture_differs"]),
    ("the Spot group's types were not read", AutoScalingGroup, |w| group(w, SPOT, |g| g.instance_types = Reading::Missing(gap("types", "ec2:DescribeInstanceTypes"))), &["block placement: gap"]),
    ("a constraint that holds", AutoScalingGroup, |w| member_of(w, "attribute:ecs.instance-type in [m5.xlarge, m5a.xlarge, m6i.xlarge, r5.xlarge] and attribute:ecs.availability-zone =~ eu-west-1*"), &[]),
    ("a constraint on one type", AutoScalingGroup, |w| member_of(w, "attribute:ecs.instance-type == m5.xlarge"), &["block placement: constraint_unmet"]),
    ("a constraint of the task definition", AutoScalingGroup, |w| w.definition(|d| d.placement_constraints.push(PlacementConstraint::MemberOf("attribute:ecs.cpu-architecture != x86_64".to_owned()))),
        &["block placement: constraint_unmet"]),
    ("a constraint against a type that is not there", AutoScalingGroup, |w| member_of(w, "attribute:ecs.instance-type not_in [t3.micro]"), &[]),
    ("a constraint against a type that is", AutoScalingGroup, |w| member_of(w, "attribute:ecs.instance-type !in [t3.micro, m5.xlarge]"), &["block placement: constraint_unmet"]),
    ("a constraint that cannot be told", AutoScalingGroup, |w| member_of(w, "attribute:team == search"), &["block placement: constraint_unknown"]),
    ("a constraint with or", AutoScalingGroup, |w| member_of(w, "attribute:ecs.instance-type == m5.xlarge or attribute:ecs.instance-type != m5.xlarge"), &["block placement: constraint_unknown"]),
    ("a constraint on Managed Instances", ManagedInstances, |w| member_of(w, "attribute:ecs.instance-type == m5.xlarge"), &["block placement: constraint_unknown"]),
    ("distinct instances", AutoScalingGroup, |w| w.service().placement_constraints.push(PlacementConstraint::DistinctInstance), &[]),
    ("a host port, and as many instances as Spot tasks", AutoScalingGroup, |w| { port(w, 80); group(w, SPOT, |g| g.max_size = 2); }, &[]),
    ("a host port, and fewer instances than Spot tasks", AutoScalingGroup, |w| { port(w, 80); group(w, SPOT, |g| g.max_size = 1); }, &["block placement: one_task_per_instance"]),
    ("a host port that the daemon has", AutoScalingGroup, |w| { daemon(w); port(w, 9100); }, &["block placement: port_taken"]),
    ("a host port in awsvpc mode", AutoScalingGroup, |w| { daemon(w); port(w, 9100); w.definition(|d| d.network_mode = NetworkMode::Awsvpc); }, &[]),
];

#[rustfmt::skip]
const RETURN_ROWS: &[Row] = &[
    ("a quota of the four tasks and one", Fargate, |w| fargate_quota(w, 5), &[]),
    ("a quota of the four tasks", Fargate, |w| fargate_quota(w, 4), &["block return_path: no_way_back"]),
    ("two on Spot, two free", Fargate, |w| { on_spot(w); fargate_quota(w, 4); }, &[]),
    ("two on Spot, one free", Fargate, |w| { on_spot(w); fargate_quota(w, 3); }, &["block return_path: no_way_back"]),
    ("four tasks by launch type, a quota of five", Fargate, |w| { launch_type(w, LaunchType::Fargate); fargate_quota(w, 5); }, &[]),
    ("four tasks by launch type, a quota of four", Fargate, |w| { launch_type(w, LaunchType::Fargate); fargate_quota(w, 4); }, &["block return_path: no_way_back"]),
    ("another service uses the quota, its tasks were not read", Fargate, |w| { fargate_quota(w, 8); tasks_unread(w, fixtures::service("api", Fargate)); },
        &["block return_path: no_way_back"]),
    ("another service by launch type uses the quota, its tasks were not read", Fargate, |w| {
        fargate_quota(w, 8);
        let mut other = fixtures::service("api", Fargate);
        other.placed_by = PlacedBy::LaunchType(LaunchType::Fargate);
        tasks_unread(w, other);
    }, &["block return_path: no_way_back"]),
    ("a service on groups uses none of the quota, its tasks were not read", Fargate, |w| { fargate_quota(w, 5); tasks_unread(w, fixtures::service("api", AutoScalingGroup)); }, &[]),
    ("another service uses the quota", Fargate, |w| { fargate_quota(w, 8); w.snapshot.services.push(fixtures::service("api", Fargate)); }, &["block return_path: no_way_back"]),
    ("another service of unknown size uses the quota", Fargate, |w| {
        fargate_quota(w, 68);
        let mut other = fixtures::service("api", Fargate);
        other.task_definition = Reading::Missing(gap("api:7", "ecs:DescribeTaskDefinition"));
        w.snapshot.services.push(other);
    }, &["block return_path: no_way_back"]),
    ("blue/green needs room for all", Fargate, |w| { w.service().deployment.strategy = DeploymentStrategy::BlueGreen; fargate_quota(w, 7); }, &["block return_path: no_way_back"]),
    ("blue/green has room for all", Fargate, |w| { w.service().deployment.strategy = DeploymentStrategy::BlueGreen; fargate_quota(w, 8); }, &[]),
    ("the quota was not read", Fargate, |w| w.snapshot.quotas.fargate_on_demand = Reading::Missing(gap("L-3032A538", "servicequotas:GetServiceQuota")), &["block return_path: gap"]),
    ("no time to launch", Fargate, |w| w.policy.verify.max_deadline_seconds = Seconds(180), &["block return_path: no_way_back"]),
    ("the group is full", AutoScalingGroup, |w| group(w, ON_DEMAND, |g| g.max_size = g.desired), &["block return_path: no_way_back"]),
    ("room for one instance", AutoScalingGroup, |w| group(w, ON_DEMAND, |g| g.max_size = g.desired + 1), &[]),
    ("managed scaling of On-Demand off", AutoScalingGroup, |w| edit_group(&mut w.snapshot, &pair(AutoScalingGroup).on_demand, |p| p.managed_scaling = false), &["block return_path: no_way_back"]),
    ("the vCPU quota leaves one instance", AutoScalingGroup, |w| ec2_quota(w, 44), &[]),
    ("the vCPU quota leaves none", AutoScalingGroup, |w| ec2_quota(w, 43), &["block return_path: no_way_back"]),
    ("types of another quota", AutoScalingGroup, |w| group(w, BOTH, |g| g.instance_types = Reading::Known(vec![instance_type("g5.xlarge", 4, 16)])), &["block return_path: quota_not_read"]),
    ("warm-up as long as the deadline", AutoScalingGroup, |w| edit_group(&mut w.snapshot, &pair(AutoScalingGroup).on_demand, |p| p.warmup = Seconds(3_420)), &["block return_path: no_way_back"]),
    ("the EC2 quota was not read", ManagedInstances, |w| w.snapshot.quotas.ec2_on_demand_standard = Reading::Missing(gap("L-1216C47A", "servicequotas:GetServiceQuota")), &["block return_path: gap"]),
    ("Fargate's providers were not read, on a group", AutoScalingGroup, |w| { forget(w, &pair(Fargate).on_demand); forget(w, &pair(Fargate).spot); }, &[]),
    ("tasks on Fargate were not read, on a group", AutoScalingGroup, |w| tasks_unread(w, fixtures::service("api", Fargate)), &[]),
    ("tasks on Managed Instances were not read, on a group", AutoScalingGroup, |w| tasks_unread(w, fixtures::service("api", ManagedInstances)), &["block return_path: gap"]),
    ("Spot tasks of Managed Instances take nothing of the quota", ManagedInstances, |w| { on_spot(w); ec2_quota(w, 44); }, &[]),
    ("On-Demand tasks of Managed Instances do", ManagedInstances, |w| { on_spot(w); ec2_quota(w, 43); }, &["block return_path: no_way_back"]),
    // The group's ten instances of 4 vCPU count too, and the four tasks of 1 vCPU.
    ("Managed Instances, room for one", ManagedInstances, |w| ec2_quota(w, 45), &[]),
    ("Managed Instances, no room", ManagedInstances, |w| ec2_quota(w, 44), &["block return_path: no_way_back"]),
];

#[test]
fn the_pair_is_found_or_the_reason_why_not() {
    check("pair", PAIR_ROWS);
}

#[test]
fn placement_decides_alone() {
    check("placement", PLACEMENT_ROWS);
}

#[test]
fn the_way_back_decides_alone() {
    check("return_path", RETURN_ROWS);
}

#[test]
fn the_named_pair_wins() {
    let mut world = World::good(AutoScalingGroup);
    copy(&mut world, &pair(AutoScalingGroup).spot, "other");
    name_pair(&mut world, "group-on-demand", "other");
    assert_eq!(world.assess().pair.map(|pair| pair.to_string()), Some("group-on-demand/other".to_owned()));
}

/// AWS reserves the names of Fargate's providers: what they buy needs no reading.
#[test]
fn the_pair_of_fargate_needs_no_reading() {
    for used in ["FARGATE", "FARGATE_SPOT"] {
        let mut world = World::good(Fargate);
        strategy(&mut world, &[(used, 0, 1)]);
        forget(&mut world, &pair(Fargate).on_demand);
        forget(&mut world, &pair(Fargate).spot);
        assert_eq!(world.assess().pair, Some(pair(Fargate)), "{used}");
    }
}

#[test]
fn what_rests_on_a_pair_says_so_where_there_is_none() {
    let mut world = World::good(AutoScalingGroup);
    disassociate(&mut world, "group-spot");
    let assessment = world.assess();
    for rule in [Rule::Placement, Rule::ReturnPath] {
        let found: Vec<&Finding> =
            assessment.verdict(rule).unwrap().reasons.iter().map(|reason| &reason.finding).collect();
        assert_eq!(found, [&Finding::NotJudged { needs: Rule::Capacity }], "{rule}");
    }
}

#[test]
fn a_service_percent_of_nothing_needs_no_instance() {
    let mut world = World::good(AutoScalingGroup);
    port(&mut world, 80);
    group(&mut world, SPOT, |group| group.max_size = 0);
    world.policy.budget.service_percent = Percent::ZERO;
    assert_eq!(reasons(&world.assess()), Vec::<String>::new());
}

#[test]
fn several_containers_do_not_change_the_pair() {
    let mut world = World::good(Fargate);
    world.definition(|definition| definition.containers.push(container("aside")));
    assert_eq!(world.assess().pair, Some(pair(Fargate)));
}
