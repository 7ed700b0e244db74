//! How large a task is, and what an instance holds of it.

use std::collections::BTreeSet;

use super::pair::provider;
use super::{Finding, pair};
use crate::ids::ProviderName;
use crate::observe::{
    Gap, Group, InstanceType, LaunchType, NetworkMode, PlacedBy, PlacementConstraint, ProviderKind, Scheduling,
    Service, Snapshot, TaskDefinition,
};
use crate::plan::Pair;
use crate::units::{CpuUnits, MemoryMib, Percent};

/// The part of an instance's memory that its tasks can have. ECS registers what the
/// operating system shows, which is less than what EC2 states: between 2 % and 8 % less on the
/// usual types ("Reserving Amazon ECS Linux container instance memory", ECS developer guide, says
/// why and gives no number). Raising it lets tasks pass that find no instance.
const USABLE_MEMORY: Percent = Percent::saturating(90);

/// The memory that stands for one vCPU where a task reserves no CPU: 4 GiB, as on EC2's
/// general-purpose families.
const MEMORY_OF_A_VCPU: MemoryMib = MemoryMib(4096);

/// CPU of one task: what its task definition states, or else what its memory would come to on a
/// general-purpose instance, so that a service that reserves no CPU still counts for a budget.
/// Never 0: `None` where the task definition was not read or states neither.
#[must_use]
pub fn task_cpu(service: &Service) -> Option<CpuUnits> {
    let task_definition = service.task_definition.known()?;
    match (task_definition.cpu, task_definition.memory) {
        (Some(cpu), _) if cpu.0 > 0 => Some(cpu),
        (_, Some(memory)) if memory.0 > 0 => {
            Some(CpuUnits((memory.0.saturating_mul(CpuUnits::VCPU.0) / MEMORY_OF_A_VCPU.0).max(1)))
        }
        _ => None,
    }
}

/// How many capacity pools the Spot side of a pair draws on, 1 at least: types times zones of a
/// group; for Fargate the zones that the service's tasks are seen in, or else its subnets; for
/// Managed Instances the provider's subnets. `None` where provider, group or types were not read.
#[must_use]
pub fn pools(snapshot: &Snapshot, pair: &Pair, service: &Service) -> Option<u32> {
    let count = if pair::is_fargate(&pair.spot) {
        fargate_zones(service)
    } else {
        match &provider(snapshot, &pair.spot).ok()?.kind {
            ProviderKind::AutoScalingGroup(provider) => {
                let group = provider.group.known()?;
                let types = group.instance_types.known()?;
                group.zones.len() * distinct(types.iter().map(|one| &one.name))
            }
            ProviderKind::ManagedInstances(provider) => distinct(provider.subnets.iter()),
            ProviderKind::Fargate | ProviderKind::FargateSpot => 1,
        }
    };
    Some(u32::try_from(count).unwrap_or(u32::MAX).max(1))
}

/// The zones of a Fargate service. ECS spreads tasks over zones, so that as many tasks as subnets
/// show every zone; fewer show nothing.
fn fargate_zones(service: &Service) -> usize {
    let zones: Option<Vec<&String>> = service
        .tasks
        .known()
        .filter(|tasks| tasks.len() >= service.subnets.len())
        .and_then(|tasks| tasks.iter().map(|task| task.zone.as_ref()).collect());
    zones.map_or_else(|| distinct(service.subnets.iter()), |zones| distinct(zones.into_iter()))
}

fn distinct<'a>(items: impl Iterator<Item = &'a String>) -> usize {
    items.collect::<BTreeSet<_>>().len()
}

/// What the cluster's daemon services take of every instance of a provider.
#[derive(Debug, Clone, Default)]
pub(super) struct Reserved<'a> {
    pub(super) cpu: CpuUnits,
    pub(super) memory: MemoryMib,
    /// Their fixed host ports.
    pub(super) ports: Vec<(u16, &'a Service)>,
}

/// The daemon services of a cluster.
pub(super) fn daemons(snapshot: &Snapshot) -> Vec<&Service> {
    snapshot.services.iter().filter(|service| service.scheduling == Scheduling::Daemon).collect()
}

/// What the daemons that run on a provider's instances take of each.
///
/// # Errors
/// The gaps in their task definitions.
pub(super) fn reserved<'a>(daemons: &[&'a Service], name: &ProviderName) -> Result<Reserved<'a>, Vec<Finding>> {
    let (mut reserved, mut findings) = (Reserved::default(), Vec::new());
    for daemon in daemons {
        let runs_there = match &daemon.placed_by {
            PlacedBy::LaunchType(launch_type) => {
                matches!(launch_type, LaunchType::Ec2 | LaunchType::ManagedInstances)
            }
            PlacedBy::Strategy(strategy) => strategy.item(name).is_some(),
        };
        if !runs_there {
            continue;
        }
        match daemon.task_definition.get() {
            Ok(definition) => {
                reserved.cpu = [reserved.cpu, definition.cpu.unwrap_or_default()].into_iter().sum();
                let memory = definition.memory.unwrap_or_default();
                reserved.memory = MemoryMib(reserved.memory.0.saturating_add(memory.0));
                reserved.ports.extend(host_ports(definition).into_iter().map(|port| (port, *daemon)));
            }
            Err(gap) => findings.push(Finding::Gap { gap: gap.clone() }),
        }
    }
    if findings.is_empty() { Ok(reserved) } else { Err(findings) }
}

/// What is left of an instance for the tasks of services.
pub(super) fn room(instance: &InstanceType, reserved: &Reserved<'_>) -> (CpuUnits, MemoryMib) {
    let usable = USABLE_MEMORY.floor_of(instance.memory.0);
    (CpuUnits(instance.cpu.0.saturating_sub(reserved.cpu.0)), MemoryMib(usable.saturating_sub(reserved.memory.0)))
}

/// The instance types of a group; a group without any is not understood.
pub(super) fn instance_types(group: &Group) -> Result<&[InstanceType], Gap> {
    let types = group.instance_types.get().map_err(Gap::clone)?;
    if types.is_empty() {
        return Err(pair::not_read(&format!("the instance types of {}", group.name), "ec2:DescribeInstanceTypes"));
    }
    Ok(types)
}

/// The fixed host ports of a task.
pub(super) fn host_ports(definition: &TaskDefinition) -> Vec<u16> {
    match definition.network_mode {
        NetworkMode::Bridge | NetworkMode::Host => {
            definition.containers.iter().flat_map(|one| one.static_host_ports.iter().copied()).collect()
        }
        // A task with its own network interface, or with none, takes no port of the instance.
        NetworkMode::Awsvpc | NetworkMode::None => Vec::new(),
    }
}

/// Whether an instance holds one task of the service at the most.
pub(super) fn one_per_instance(service: &Service, definition: &TaskDefinition) -> bool {
    !host_ports(definition).is_empty() || service.placement_constraints.contains(&PlacementConstraint::DistinctInstance)
}

/// How many tasks an instance holds. A task in `awsvpc` mode takes a network interface, and
/// without trunking, which no reading shows, EC2's table of interfaces per type ("Maximum IP
/// addresses per network interface") gives the types of fewer than 4 vCPU one to spare at the
/// least, those of fewer than 16 two, the larger seven.
pub(super) fn tasks_per_instance(
    instance: &InstanceType,
    reserved: &Reserved<'_>,
    service: &Service,
    definition: &TaskDefinition,
) -> u64 {
    let (cpu, memory) = room(instance, reserved);
    let by_cpu = cpu.0.checked_div(definition.cpu.unwrap_or_default().0).unwrap_or(u64::MAX);
    let by_memory = memory.0.checked_div(definition.memory.unwrap_or_default().0).unwrap_or(u64::MAX);
    let by_network = match (definition.network_mode, instance.cpu.0 / CpuUnits::VCPU.0) {
        (NetworkMode::Awsvpc, ..4) => 1,
        (NetworkMode::Awsvpc, 4..16) => 2,
        (NetworkMode::Awsvpc, 16..) => 7,
        (NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None, _) => u64::MAX,
    };
    let by_rule = if one_per_instance(service, definition) { 1 } else { u64::MAX };
    by_cpu.min(by_memory).min(by_network).min(by_rule)
}
