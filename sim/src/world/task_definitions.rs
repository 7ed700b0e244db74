//! Task definitions: carried through as `describe-task-definition` prints them, and read where the
//! scheduler needs them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rules::Rule;
use super::shapes::{LaunchType, Tag};
use super::{Refusal, World};

/// A revision of a task definition. What this simulator does not read is carried through.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs, reason = "AWS documents these fields: TaskDefinition in the ECS API reference")]
pub struct TaskDefinition {
    pub task_definition_arn: Option<String>,
    pub family: String,
    pub revision: u32,
    pub status: Option<String>,
    pub container_definitions: Vec<ContainerDefinition>,
    pub cpu: Option<Scalar>,
    pub memory: Option<Scalar>,
    pub network_mode: Option<String>,
    pub requires_compatibilities: Option<Vec<LaunchType>>,
    pub compatibilities: Option<Vec<LaunchType>>,
    pub volumes: Vec<Value>,
    pub placement_constraints: Vec<Value>,
    pub runtime_platform: Option<RuntimePlatform>,
    pub requires_attributes: Option<Value>,
    pub task_role_arn: Option<String>,
    pub execution_role_arn: Option<String>,
    pub inference_accelerators: Option<Value>,
    pub pid_mode: Option<String>,
    pub ipc_mode: Option<String>,
    pub proxy_configuration: Option<Value>,
    pub registered_at: Option<Value>,
    pub deregistered_at: Option<Value>,
    pub registered_by: Option<String>,
    pub ephemeral_storage: Option<Value>,
    pub enable_fault_injection: Option<bool>,
    /// Shown by DescribeTaskDefinition beside the task definition, not in it.
    #[serde(skip_serializing)]
    pub tags: Vec<Tag>,
}

/// The operating system and processor of a task.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs, reason = "AWS documents these fields")]
pub struct RuntimePlatform {
    pub cpu_architecture: Option<String>,
    pub operating_system_family: Option<String>,
}

/// A container of a task definition.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs, reason = "AWS documents these fields: ContainerDefinition in the ECS API reference")]
pub struct ContainerDefinition {
    pub name: String,
    pub image: String,
    pub cpu: u32,
    pub memory: Option<u32>,
    pub memory_reservation: Option<u32>,
    pub essential: Option<bool>,
    pub stop_timeout: Option<u32>,
    pub start_timeout: Option<u32>,
    pub port_mappings: Vec<PortMapping>,
    pub depends_on: Option<Vec<Value>>,
    pub environment: Vec<Value>,
    pub environment_files: Option<Vec<Value>>,
    pub mount_points: Vec<Value>,
    pub volumes_from: Vec<Value>,
    pub secrets: Option<Vec<Value>>,
    pub version_consistency: Option<String>,
    pub repository_credentials: Option<Value>,
    pub links: Option<Vec<String>>,
    pub restart_policy: Option<Value>,
    pub entry_point: Option<Vec<String>>,
    pub command: Option<Vec<String>>,
    pub linux_parameters: Option<Value>,
    pub hostname: Option<String>,
    pub user: Option<String>,
    pub working_directory: Option<String>,
    pub disable_networking: Option<bool>,
    pub privileged: Option<bool>,
    pub readonly_root_filesystem: Option<bool>,
    pub dns_servers: Option<Vec<String>>,
    pub dns_search_domains: Option<Vec<String>>,
    pub extra_hosts: Option<Vec<Value>>,
    pub docker_security_options: Option<Vec<String>>,
    pub interactive: Option<bool>,
    pub pseudo_terminal: Option<bool>,
    pub docker_labels: Option<Value>,
    pub ulimits: Option<Vec<Value>>,
    pub log_configuration: Option<Value>,
    pub health_check: Option<Value>,
    pub system_controls: Option<Vec<Value>>,
    pub resource_requirements: Option<Vec<Value>>,
    pub firelens_configuration: Option<Value>,
    pub credential_specs: Option<Vec<String>>,
}

/// A port of a container.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs, reason = "AWS documents these fields")]
pub struct PortMapping {
    pub container_port: Option<u16>,
    pub host_port: Option<u16>,
    pub protocol: Option<String>,
    pub name: Option<String>,
    pub app_protocol: Option<String>,
    pub container_port_range: Option<String>,
}

/// A task's `cpu` or `memory`: AWS answers with a string, people write numbers in YAML.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `256`
    Number(u32),
    /// `"256"`, `".25 vCPU"`, `"1 GB"`
    Text(String),
}

impl Serialize for Scalar {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(n) => serializer.collect_str(n),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl Scalar {
    /// CPU units or MiB: "256", ".25 vCPU" and "1 GB" are all legal.
    fn units(&self) -> Option<u32> {
        match self {
            Self::Number(n) => Some(*n),
            Self::Text(text) => {
                let text = text.trim();
                if let Ok(n) = text.parse() {
                    return Some(n);
                }
                let (number, unit) = text.split_at(text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?);
                let number: f64 = number.parse().ok()?;
                if !matches!(unit.trim().to_ascii_lowercase().as_str(), "vcpu" | "gb") {
                    return None;
                }
                whole(number * 1024.0)
            }
        }
    }
}

/// A float that is known to be small, as a whole number.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
pub(crate) fn whole(x: f64) -> Option<u32> {
    (0.0..f64::from(u32::MAX)).contains(&x).then_some(x as u32)
}

impl TaskDefinition {
    /// `family:revision`.
    pub fn short(&self) -> String {
        format!("{}:{}", self.family, self.revision)
    }

    /// CPU units that a task reserves: the task's own, or its containers' together.
    pub fn cpu_units(&self) -> u32 {
        self.cpu
            .as_ref()
            .and_then(Scalar::units)
            .unwrap_or_else(|| self.container_definitions.iter().map(|c| c.cpu).sum())
    }

    /// MiB that a task reserves: the task's own, or for each container its reservation, else its
    /// limit ("memoryReservation … if specified, that value is subtracted from the available memory
    /// resources", ContainerDefinition).
    pub fn memory_mib(&self) -> u32 {
        self.memory.as_ref().and_then(Scalar::units).unwrap_or_else(|| {
            self.container_definitions.iter().map(|c| c.memory_reservation.or(c.memory).unwrap_or(0)).sum()
        })
    }

    /// Whether it may run there. `requiresCompatibilities` is what ECS validated against; "if no
    /// value is specified, the parameter defaults to EC2" (RegisterTaskDefinition).
    pub fn fits(&self, on: LaunchType) -> bool {
        match self.requires_compatibilities.as_deref() {
            Some([]) | None => match &self.compatibilities {
                Some(list) => list.contains(&on),
                None => on == LaunchType::Ec2 || on == LaunchType::External,
            },
            Some(list) => list.contains(&on),
        }
    }

    /// Whether every task has its own network interface.
    pub fn is_awsvpc(&self) -> bool {
        self.network_mode.as_deref() == Some("awsvpc")
    }

    /// Host ports that only one task of an instance can have.
    pub fn static_host_ports(&self) -> Vec<u16> {
        if self.is_awsvpc() {
            return Vec::new();
        }
        let host = self.network_mode.as_deref() == Some("host");
        let of = |p: &PortMapping| p.host_port.or(if host { p.container_port } else { None }).filter(|port| *port != 0);
        self.container_definitions.iter().flat_map(|c| &c.port_mappings).filter_map(of).collect()
    }

    /// "For tasks that use the Fargate launch type […] valid values are 2-120 seconds"
    /// (ContainerDefinition.stopTimeout). The error says which container has another.
    pub fn stop_timeouts_are_allowed(&self) -> Result<(), String> {
        if !self.fits(LaunchType::Fargate) {
            return Ok(());
        }
        let wrong = self.container_definitions.iter().find_map(|c| {
            let stop_timeout = c.stop_timeout.filter(|seconds| !(2..=120).contains(seconds))?;
            Some((&c.name, stop_timeout))
        });
        wrong.map_or(Ok(()), |(container, stop_timeout)| {
            let family = &self.family;
            Err(format!(
                "task definition {family}: stopTimeout of container {container} is {stop_timeout}: 2 to 120 on Fargate"
            ))
        })
    }

    /// How long its containers may take to stop, one after the other where they depend on each
    /// other: "for shutdown dependency, the order is reversed" (ContainerDependency), so that the
    /// timeouts along a chain add up. A container without a `stopTimeout` has 30 s (the default on
    /// Fargate, and the agent's on EC2).
    pub fn stop_timeout(&self) -> u32 {
        self.container_definitions
            .iter()
            .map(|c| self.stop_chain(c, self.container_definitions.len()))
            .max()
            .unwrap_or(30)
    }

    /// The longest time that one container is given to stop.
    pub(super) fn longest_stop_timeout(&self) -> u32 {
        self.container_definitions.iter().map(ContainerDefinition::stop_seconds).max().unwrap_or(30)
    }

    /// The longest chain from a container on; `left` ends a circle, which ECS would refuse.
    fn stop_chain(&self, container: &ContainerDefinition, left: usize) -> u32 {
        let names = container.depends_on.iter().flatten().filter_map(|d| d.get("containerName")?.as_str());
        let behind = names.filter_map(|name| self.container_definitions.iter().find(|c| c.name == name));
        let longest = if left == 0 { 0 } else { behind.map(|c| self.stop_chain(c, left - 1)).max().unwrap_or(0) };
        container.stop_seconds() + longest
    }
}

impl ContainerDefinition {
    fn stop_seconds(&self) -> u32 {
        self.stop_timeout.unwrap_or(30)
    }
}

impl World {
    /// A task definition by ARN, `family:revision`, or family: "If a revision is not specified, the
    /// latest ACTIVE revision is used" (UpdateService).
    pub fn task_definition(&self, name: &str) -> Result<Arc<TaskDefinition>, Refusal> {
        let short = super::arn::short_name(name);
        let found = match short.split_once(':') {
            Some((family, revision)) => {
                revision.parse().ok().and_then(|r: u32| self.task_definitions.get(&(family.to_owned(), r)))
            }
            None => {
                let mut all = self.task_definitions.range((short.to_owned(), 0)..=(short.to_owned(), u32::MAX));
                let active = |(_, t): &(_, &Arc<TaskDefinition>)| t.status.as_deref() != Some("INACTIVE");
                let found = if self.holds(Rule::FamilyMeansLatest) { all.rfind(active) } else { all.find(active) };
                found.map(|(_, t)| t)
            }
        };
        found.cloned().ok_or_else(|| Refusal::new("ClientException", "Unable to describe task definition."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_every_legal_spelling() {
        let of = |text: &str| Scalar::Text(text.to_owned()).units();
        assert_eq!(of("256"), Some(256));
        assert_eq!(of(".25 vCPU"), Some(256));
        assert_eq!(of("1 vcpu"), Some(1024));
        assert_eq!(of("2 GB"), Some(2048));
        assert_eq!(of("0.5GB"), Some(512));
        assert_eq!(of("many"), None);
    }

    #[test]
    fn without_requires_compatibilities_only_ec2_fits() {
        let mut t = TaskDefinition::default();
        assert!(t.fits(LaunchType::Ec2) && !t.fits(LaunchType::Fargate));
        t.requires_compatibilities = Some(vec![LaunchType::Fargate]);
        assert!(!t.fits(LaunchType::Ec2) && t.fits(LaunchType::Fargate));
    }

    #[test]
    fn static_ports_are_those_of_bridge_and_host_mode() {
        let mut t = TaskDefinition {
            container_definitions: vec![ContainerDefinition {
                port_mappings: vec![PortMapping {
                    container_port: Some(80),
                    host_port: Some(8080),
                    ..Default::default()
                }],
                ..Default::default()
            }],
            ..Default::default()
        };
        assert_eq!(t.static_host_ports(), [8080]);
        t.network_mode = Some("awsvpc".to_owned());
        assert!(t.static_host_ports().is_empty());
    }
}
