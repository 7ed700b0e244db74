//! Task definitions, as far as the rules ask.

use std::ops::RangeInclusive;

use serde_json::Value;
use spotkeeper_core::observe::{
    Architecture, Compatibility, Container, NetworkMode, PlacementConstraint, TaskDefinition, Volume, VolumeKind,
};
use spotkeeper_core::units::{CpuUnits, MemoryMib, Seconds};

use crate::world::shapes::LaunchType;
use crate::world::task_definitions::{self as sim, ContainerDefinition, PortMapping};

/// The call that shows task definitions.
pub(super) const ACTION: &str = "ecs:DescribeTaskDefinition";

/// A task definition.
///
/// # Errors
/// What of it is not understood.
pub(super) fn task_definition(given: &sim::TaskDefinition) -> Result<TaskDefinition, String> {
    let network_mode = match given.network_mode.as_deref() {
        None | Some("bridge") => NetworkMode::Bridge,
        Some("awsvpc") => NetworkMode::Awsvpc,
        Some("host") => NetworkMode::Host,
        Some("none") => NetworkMode::None,
        Some(other) => return Err(format!("networkMode {other}")),
    };
    let platform = given.runtime_platform.clone().unwrap_or_default();
    let containers = &given.container_definitions;
    Ok(TaskDefinition {
        arn: given.task_definition_arn.clone().ok_or_else(|| "no taskDefinitionArn".to_owned())?,
        requires_compatibilities: given
            .requires_compatibilities
            .iter()
            .flatten()
            .map(|on| compatibility(*on))
            .collect(),
        network_mode,
        cpu: cpu(given),
        memory: memory(given),
        architecture: match platform.cpu_architecture.as_deref() {
            None | Some("X86_64") => Architecture::X8664,
            Some("ARM64") => Architecture::Arm64,
            Some(other) => return Err(format!("cpuArchitecture {other}")),
        },
        windows: platform.operating_system_family.is_some_and(|family| family.starts_with("WINDOWS")),
        gpus: containers.iter().try_fold(0, |sum: u32, one| gpus(one).map(|gpus| sum.saturating_add(gpus)))?,
        containers: containers.iter().map(|one| container(one, network_mode)).collect::<Result<_, _>>()?,
        volumes: given.volumes.iter().map(volume).collect(),
        placement_constraints: given.placement_constraints.iter().map(constraint).collect::<Result<_, _>>()?,
    })
}

const fn compatibility(on: LaunchType) -> Compatibility {
    match on {
        LaunchType::Ec2 => Compatibility::Ec2,
        LaunchType::Fargate => Compatibility::Fargate,
        LaunchType::External => Compatibility::External,
        LaunchType::ManagedInstances => Compatibility::ManagedInstances,
    }
}

/// The task's own CPU, or the sum of its containers'.
fn cpu(given: &sim::TaskDefinition) -> Option<CpuUnits> {
    let units = u64::from(given.cpu_units());
    (given.cpu.is_some() || given.container_definitions.iter().any(|one| one.cpu > 0)).then_some(CpuUnits(units))
}

/// The task's own memory, or the sum of what its containers reserve.
fn memory(given: &sim::TaskDefinition) -> Option<MemoryMib> {
    let reserves = |one: &ContainerDefinition| one.memory_reservation.or(one.memory).is_some_and(|mib| mib > 0);
    let says = given.memory.is_some() || given.container_definitions.iter().any(reserves);
    says.then_some(MemoryMib(u64::from(given.memory_mib())))
}

fn gpus(given: &ContainerDefinition) -> Result<u32, String> {
    given.resource_requirements.iter().flatten().try_fold(0_u32, |sum, one| {
        let value = one["value"].as_str().unwrap_or_default();
        match one["type"].as_str() {
            Some("GPU") => value
                .parse::<u32>()
                .map(|gpus| sum.saturating_add(gpus))
                .map_err(|_| format!("resourceRequirements[].value {value}")),
            other => Err(format!("resourceRequirements[].type {}", other.unwrap_or_default())),
        }
    })
}

fn container(given: &ContainerDefinition, network_mode: NetworkMode) -> Result<Container, String> {
    let mut static_host_ports: Vec<u16> =
        given.port_mappings.iter().flat_map(|mapping| static_ports(mapping, network_mode)).collect();
    static_host_ports.sort_unstable();
    static_host_ports.dedup();
    let name_of = |one: &Value| one["containerName"].as_str().unwrap_or_default().to_owned();
    Ok(Container {
        name: given.name.clone(),
        image: given.image.clone(),
        stop_timeout: given.stop_timeout.map(Seconds),
        depends_on: given.depends_on.iter().flatten().map(name_of).collect(),
        static_host_ports,
        reads_at_start: given.secrets.as_ref().is_some_and(|secrets| !secrets.is_empty())
            || given.environment_files.as_ref().is_some_and(|files| !files.is_empty()),
        version_consistency_off: match given.version_consistency.as_deref() {
            None | Some("enabled") => false,
            Some("disabled") => true,
            Some(other) => return Err(format!("versionConsistency {other}")),
        },
    })
}

/// The ports of the instance that a mapping takes.
fn static_ports(given: &PortMapping, network_mode: NetworkMode) -> RangeInclusive<u16> {
    #[allow(clippy::reversed_empty_ranges, reason = "it is to be empty")]
    const NONE: RangeInclusive<u16> = 1..=0;
    let one = |port: Option<u16>| port.filter(|port| *port != 0).map_or(NONE, |port| port..=port);
    match network_mode {
        NetworkMode::Awsvpc | NetworkMode::None => NONE,
        NetworkMode::Bridge => one(given.host_port),
        NetworkMode::Host => match given.container_port_range.as_deref().and_then(port_range) {
            Some(range) => range,
            None => one(given.host_port.filter(|port| *port != 0).or(given.container_port)),
        },
    }
}

fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
}

/// What backs a volume. One that says nothing but its name is an empty bind mount.
fn volume(given: &Value) -> Volume {
    let has = |field: &str| given.get(field).is_some_and(|value| !value.is_null());
    let host_path = given["host"]["sourcePath"].as_str().is_some_and(|path| !path.is_empty());
    let kind = if given["configuredAtLaunch"] == true {
        VolumeKind::EbsAtLaunch
    } else if has("dockerVolumeConfiguration") {
        VolumeKind::Docker
    } else if has("efsVolumeConfiguration") {
        VolumeKind::Efs
    } else if has("fsxWindowsFileServerVolumeConfiguration") {
        VolumeKind::Fsx
    } else if has("s3filesVolumeConfiguration") {
        VolumeKind::Unknown
    } else if host_path {
        VolumeKind::HostPath
    } else {
        VolumeKind::Scratch
    };
    Volume { name: given["name"].as_str().unwrap_or_default().to_owned(), kind }
}

fn constraint(given: &Value) -> Result<PlacementConstraint, String> {
    match given["type"].as_str() {
        Some("memberOf") => {
            Ok(PlacementConstraint::MemberOf(given["expression"].as_str().unwrap_or_default().to_owned()))
        }
        Some(other) => Err(format!("placementConstraints[].type {other}")),
        None => Err("no type of a placement constraint".to_owned()),
    }
}
