//! A task definition of `DescribeTaskDefinition`.

use std::ops::RangeInclusive;

use aws_sdk_ecs::types::{
    Compatibility as EcsCompatibility, ContainerDefinition, CpuArchitecture, NetworkMode as EcsNetworkMode,
    PortMapping, ResourceType, TaskDefinition as EcsTaskDefinition, TaskDefinitionPlacementConstraint,
    TaskDefinitionPlacementConstraintType, VersionConsistency, Volume as EcsVolume,
};
use spotkeeper_core::observe::{
    Architecture, Compatibility, Container, NetworkMode, PlacementConstraint, TaskDefinition, Volume, VolumeKind,
};
use spotkeeper_core::units::{CpuUnits, MemoryMib};

use super::{NotUnderstood, seconds};

/// A task definition, as far as the rules ask.
pub(crate) fn task_definition(given: &EcsTaskDefinition) -> Result<TaskDefinition, NotUnderstood> {
    let network_mode = match given.network_mode() {
        None | Some(EcsNetworkMode::Bridge) => NetworkMode::Bridge,
        Some(EcsNetworkMode::Awsvpc) => NetworkMode::Awsvpc,
        Some(EcsNetworkMode::Host) => NetworkMode::Host,
        Some(EcsNetworkMode::None) => NetworkMode::None,
        Some(other) => return Err(NotUnderstood::value("networkMode", other)),
    };
    let containers = given.container_definitions();
    let platform = given.runtime_platform();
    Ok(TaskDefinition {
        arn: given.task_definition_arn().ok_or_else(|| NotUnderstood::absent("taskDefinitionArn"))?.to_owned(),
        requires_compatibilities: given
            .requires_compatibilities()
            .iter()
            .map(compatibility)
            .collect::<Result<_, _>>()?,
        network_mode,
        cpu: task_cpu(given.cpu(), containers)?,
        memory: task_memory(given.memory(), containers)?,
        architecture: match platform.and_then(|platform| platform.cpu_architecture()) {
            None | Some(CpuArchitecture::X8664) => Architecture::X8664,
            Some(CpuArchitecture::Arm64) => Architecture::Arm64,
            Some(other) => return Err(NotUnderstood::value("cpuArchitecture", other)),
        },
        windows: platform
            .and_then(|platform| platform.operating_system_family())
            .is_some_and(|family| family.as_str().starts_with("WINDOWS")),
        gpus: containers.iter().try_fold(0, |sum: u32, one| gpus(one).map(|gpus| sum.saturating_add(gpus)))?,
        containers: containers.iter().map(|one| container(one, network_mode)).collect::<Result<_, _>>()?,
        volumes: given.volumes().iter().map(volume).collect(),
        placement_constraints: given.placement_constraints().iter().map(constraint).collect::<Result<_, _>>()?,
    })
}

fn compatibility(given: &EcsCompatibility) -> Result<Compatibility, NotUnderstood> {
    match given {
        EcsCompatibility::Ec2 => Ok(Compatibility::Ec2),
        EcsCompatibility::Fargate => Ok(Compatibility::Fargate),
        EcsCompatibility::External => Ok(Compatibility::External),
        EcsCompatibility::ManagedInstances => Ok(Compatibility::ManagedInstances),
        other => Err(NotUnderstood::value("requiresCompatibilities", other)),
    }
}

/// The task's own CPU, or the sum of its containers'. ECS answers with CPU units, but takes
/// `1 vCPU` too.
fn task_cpu(given: Option<&str>, containers: &[ContainerDefinition]) -> Result<Option<CpuUnits>, NotUnderstood> {
    match given {
        Some(text) => sized(text, "vcpu", 1024)
            .map(|units| Some(CpuUnits(units)))
            .ok_or_else(|| NotUnderstood::value("cpu", text)),
        None => {
            let sum: u64 = containers.iter().map(|one| u64::try_from(one.cpu()).unwrap_or(0)).sum();
            Ok((sum > 0).then_some(CpuUnits(sum)))
        }
    }
}

/// The task's own memory, or the sum of what its containers reserve: the soft limit where there
/// is one, as the scheduler counts.
fn task_memory(given: Option<&str>, containers: &[ContainerDefinition]) -> Result<Option<MemoryMib>, NotUnderstood> {
    match given {
        Some(text) => {
            sized(text, "gb", 1024).map(|mib| Some(MemoryMib(mib))).ok_or_else(|| NotUnderstood::value("memory", text))
        }
        None => {
            let reserved = |one: &ContainerDefinition| one.memory_reservation().or_else(|| one.memory()).unwrap_or(0);
            let sum: u64 = containers.iter().map(|one| u64::try_from(reserved(one)).unwrap_or(0)).sum();
            Ok((sum > 0).then_some(MemoryMib(sum)))
        }
    }
}

/// `1024`, or `.5 vCPU` and the like with a unit of `factor`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be positive and small")]
fn sized(text: &str, unit: &str, factor: u32) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    match text.strip_suffix(unit) {
        None => text.parse().ok(),
        Some(number) => {
            let number: f64 = number.trim().parse().ok()?;
            (0.0..=1_000_000.0).contains(&number).then(|| (number * f64::from(factor)).round() as u64)
        }
    }
}

/// GPUs of one container. Other accelerators fit instance types that core knows nothing of.
fn gpus(given: &ContainerDefinition) -> Result<u32, NotUnderstood> {
    given.resource_requirements().iter().try_fold(0_u32, |sum, one| match one.r#type() {
        ResourceType::Gpu => one
            .value()
            .parse::<u32>()
            .map(|gpus| sum.saturating_add(gpus))
            .map_err(|_| NotUnderstood::value("resourceRequirements[].value", one.value())),
        other => Err(NotUnderstood::value("resourceRequirements[].type", other)),
    })
}

fn container(given: &ContainerDefinition, network_mode: NetworkMode) -> Result<Container, NotUnderstood> {
    let mut static_host_ports: Vec<u16> =
        given.port_mappings().iter().flat_map(|mapping| static_ports(mapping, network_mode)).collect();
    static_host_ports.sort_unstable();
    static_host_ports.dedup();
    Ok(Container {
        name: given.name().unwrap_or_default().to_owned(),
        image: given.image().unwrap_or_default().to_owned(),
        stop_timeout: given.stop_timeout().map(seconds),
        depends_on: given.depends_on().iter().map(|one| one.container_name().to_owned()).collect(),
        static_host_ports,
        reads_at_start: !given.secrets().is_empty() || !given.environment_files().is_empty(),
        version_consistency_off: match given.version_consistency() {
            None | Some(VersionConsistency::Enabled) => false,
            Some(VersionConsistency::Disabled) => true,
            Some(other) => return Err(NotUnderstood::value("versionConsistency", other)),
        },
    })
}

/// The ports of the instance that a mapping takes. With `awsvpc` they are the task's own; with
/// `bridge` a host port of 0, or none, is chosen by Docker; with `host` the container's ports are
/// the instance's.
fn static_ports(given: &PortMapping, network_mode: NetworkMode) -> RangeInclusive<u16> {
    let one = |port: Option<i32>| match port.and_then(|port| u16::try_from(port).ok()) {
        None | Some(0) => NO_PORTS,
        Some(port) => port..=port,
    };
    match network_mode {
        NetworkMode::Awsvpc | NetworkMode::None => NO_PORTS,
        NetworkMode::Bridge => one(given.host_port()),
        NetworkMode::Host => match given.container_port_range().and_then(port_range) {
            Some(range) => range,
            None => one(given.host_port().filter(|port| *port != 0).or_else(|| given.container_port())),
        },
    }
}

#[allow(clippy::reversed_empty_ranges, reason = "it is to be empty")]
const NO_PORTS: RangeInclusive<u16> = 1..=0;

fn port_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-')?;
    Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
}

/// What backs a volume. A volume that says nothing but its name is an empty bind mount.
fn volume(given: &EcsVolume) -> Volume {
    let host_path = given.host().and_then(|host| host.source_path()).is_some_and(|path| !path.is_empty());
    let kind = if given.configured_at_launch() == Some(true) {
        VolumeKind::EbsAtLaunch
    } else if given.docker_volume_configuration().is_some() {
        VolumeKind::Docker
    } else if given.efs_volume_configuration().is_some() {
        VolumeKind::Efs
    } else if given.fsx_windows_file_server_volume_configuration().is_some() {
        VolumeKind::Fsx
    } else if given.s3files_volume_configuration().is_some() {
        VolumeKind::Unknown
    } else if host_path {
        VolumeKind::HostPath
    } else {
        VolumeKind::Scratch
    };
    Volume { name: given.name().unwrap_or_default().to_owned(), kind }
}

fn constraint(given: &TaskDefinitionPlacementConstraint) -> Result<PlacementConstraint, NotUnderstood> {
    match given.r#type() {
        Some(TaskDefinitionPlacementConstraintType::MemberOf) => {
            Ok(PlacementConstraint::MemberOf(given.expression().unwrap_or_default().to_owned()))
        }
        Some(other) => Err(NotUnderstood::value("placementConstraints[].type", other)),
        None => Err(NotUnderstood::absent("type of a placement constraint")),
    }
}

#[cfg(test)]
#[path = "task_definition_tests.rs"]
mod tests;
