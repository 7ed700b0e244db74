//! A task definition, as far as the rules ask.

use serde::{Deserialize, Serialize};

use super::PlacementConstraint;
use crate::units::{CpuUnits, MemoryMib, Seconds};

/// A task definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskDefinition {
    /// Its ARN with the revision.
    pub arn: String,
    /// The launch types it may be used with (`requiresCompatibilities`); empty means `EC2`.
    pub requires_compatibilities: Vec<Compatibility>,
    /// `networkMode`.
    pub network_mode: NetworkMode,
    /// CPU of one task; `None` where neither the task nor its containers say.
    pub cpu: Option<CpuUnits>,
    /// Memory of one task; `None` where neither the task nor its containers say.
    pub memory: Option<MemoryMib>,
    /// `runtimePlatform.cpuArchitecture`; `X86_64` where it is not set.
    pub architecture: Architecture,
    /// `runtimePlatform.operatingSystemFamily` names a Windows.
    pub windows: bool,
    /// GPUs that one task asks for.
    pub gpus: u32,
    /// Its containers.
    pub containers: Vec<Container>,
    /// Its volumes.
    pub volumes: Vec<Volume>,
    /// Its placement constraints.
    pub placement_constraints: Vec<PlacementConstraint>,
}

/// `requiresCompatibilities`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Compatibility {
    /// Container instances of Auto Scaling groups.
    Ec2,
    /// Fargate.
    Fargate,
    /// ECS Anywhere.
    External,
    /// ECS Managed Instances.
    ManagedInstances,
}

/// `networkMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkMode {
    /// An elastic network interface a task.
    Awsvpc,
    /// Docker's bridge: the default on EC2.
    Bridge,
    /// The instance's own network.
    Host,
    /// None.
    None,
}

/// `cpuArchitecture`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// 64-bit x86.
    X8664,
    /// 64-bit Arm.
    Arm64,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image as written.
    pub image: String,
    /// `stopTimeout`, where it is set.
    pub stop_timeout: Option<Seconds>,
    /// The containers it waits for at start, and which therefore stop after it (`dependsOn`).
    pub depends_on: Vec<String>,
    /// Fixed ports of the instance that it needs.
    pub static_host_ports: Vec<u16>,
    /// Whether it reads secrets or environment files each time it starts.
    pub reads_at_start: bool,
    /// `versionConsistency` is `disabled`: tags are resolved anew by every task.
    pub version_consistency_off: bool,
}

/// One volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Its name.
    pub name: String,
    /// What backs it.
    pub kind: VolumeKind,
}

/// What backs a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeKind {
    /// An empty bind mount: gone with the task.
    Scratch,
    /// A path of the instance.
    HostPath,
    /// A Docker volume.
    Docker,
    /// Amazon EFS.
    Efs,
    /// Amazon FSx, for Windows File Server or another.
    Fsx,
    /// Amazon EBS, attached at launch (`configuredAtLaunch`).
    EbsAtLaunch,
    /// Amazon S3 Files, or another kind that this version does not know: treated as one that outlives the task.
    Unknown,
}
