//! One container definition.

use super::Problem;
use super::node::{Node, Reader, token};
use crate::observe::{Container, NetworkMode};
use crate::units::Seconds;

/// A container, with what the checks ask of it.
pub(super) struct Read {
    pub(super) path: String,
    pub(super) container: Container,
    pub(super) essential: bool,
    pub(super) health_check: bool,
    pub(super) cpu: Option<u64>,
    pub(super) memory: Option<u64>,
    pub(super) reservation: Option<u64>,
    pub(super) gpus: u32,
    /// The conditions of `dependsOn`: place, container, condition.
    pub(super) waits: Vec<(String, String, Option<&'static str>)>,
    /// Volumes that it mounts, with the place.
    pub(super) mounts: Vec<(String, String)>,
    /// Containers whose volumes it takes, with the place.
    pub(super) volumes_from: Vec<(String, String)>,
    /// Settings that Fargate does not take.
    pub(super) not_on_fargate: Vec<(String, &'static str)>,
}

impl Read {
    /// The memory that ECS reserves for it.
    pub(super) fn reserved(&self) -> Option<u64> {
        self.reservation.or(self.memory)
    }
}

/// Keys of `ContainerDefinition`, ECS API reference.
const KEYS: &[&str] = &[
    "name",
    "image",
    "repositoryCredentials",
    "cpu",
    "memory",
    "memoryReservation",
    "links",
    "portMappings",
    "essential",
    "restartPolicy",
    "entryPoint",
    "command",
    "environment",
    "environmentFiles",
    "mountPoints",
    "volumesFrom",
    "linuxParameters",
    "secrets",
    "dependsOn",
    "startTimeout",
    "stopTimeout",
    "versionConsistency",
    "hostname",
    "user",
    "workingDirectory",
    "disableNetworking",
    "privileged",
    "readonlyRootFilesystem",
    "dnsServers",
    "dnsSearchDomains",
    "extraHosts",
    "dockerSecurityOptions",
    "interactive",
    "pseudoTerminal",
    "dockerLabels",
    "ulimits",
    "logConfiguration",
    "healthCheck",
    "systemControls",
    "resourceRequirements",
    "firelensConfiguration",
    "credentialSpecs",
];

const CONDITIONS: &[(&str, &str)] =
    &[("START", "START"), ("COMPLETE", "COMPLETE"), ("SUCCESS", "SUCCESS"), ("HEALTHY", "HEALTHY")];

pub(super) fn read(reader: &mut Reader, node: &Node<'_>, mode: NetworkMode) -> Option<Read> {
    reader.known_keys(node, KEYS);
    let name = reader.name(node, "name").unwrap_or_default();
    let image = image(reader, node).unwrap_or_default();
    let waits: Vec<(String, String, Option<&'static str>)> = reader.objects(node, "dependsOn", |reader, item| {
        let on = reader.reference(item, "containerName")?;
        Some((item.path.clone(), on, reader.choice(item, "condition", CONDITIONS)))
    });
    let stop_timeout = reader.number(node, "stopTimeout");
    let named = |reader: &mut Reader, list: &str, key: &'static str| {
        reader.objects(node, list, |reader, item| Some((item.path.clone(), reader.reference(item, key)?)))
    };
    let essential = match node.get("essential").map(|field| field.value) {
        Some(serde_json::Value::Bool(essential)) => *essential,
        Some(serde_json::Value::String(text)) => !text.eq_ignore_ascii_case("false"),
        _ => true,
    };
    if let Some(policy) = node.get("restartPolicy").filter(|policy| !policy.is_object()) {
        reader.refuse(&policy, Problem::WrongType { expected: "an object".to_owned() });
    }
    not_in_mode(reader, node, mode);
    Some(Read {
        path: node.path.clone(),
        essential,
        health_check: node.get("healthCheck").is_some(),
        cpu: reader.number(node, "cpu"),
        memory: reader.number(node, "memory").filter(|memory| *memory > 0),
        reservation: reader.number(node, "memoryReservation").filter(|memory| *memory > 0),
        gpus: gpus(reader, node),
        mounts: named(reader, "mountPoints", "sourceVolume"),
        volumes_from: named(reader, "volumesFrom", "sourceContainer"),
        not_on_fargate: not_on_fargate(node),
        container: Container {
            name,
            image,
            stop_timeout: stop_timeout.and_then(|seconds| u32::try_from(seconds).ok()).map(Seconds),
            depends_on: waits.iter().map(|(_, on, _)| on.clone()).collect(),
            static_host_ports: reader
                .objects(node, "portMappings", |reader, item| Some(host_port(reader, item, mode)))
                .into_iter()
                .flatten()
                .collect(),
            reads_at_start: has(node, "secrets") || has(node, "environmentFiles"),
            version_consistency_off: reader
                .choice(node, "versionConsistency", &[("enabled", false), ("disabled", true)])
                .unwrap_or(false),
        },
        waits,
    })
}

/// Whether a field is there and not empty.
fn has(node: &Node<'_>, key: &str) -> bool {
    node.get(key).is_some_and(|field| match field.value {
        serde_json::Value::Array(items) => !items.is_empty(),
        serde_json::Value::Object(fields) => !fields.is_empty(),
        serde_json::Value::String(text) => !text.is_empty(),
        serde_json::Value::Bool(set) => *set,
        serde_json::Value::Number(_) => true,
        serde_json::Value::Null => false,
    })
}

/// The image. Source: `ContainerDefinition.image`, ECS API reference, for what it may have.
fn image(reader: &mut Reader, node: &Node<'_>) -> Option<String> {
    let Some(field) = node.get("image") else {
        reader.refuse(node, Problem::Missing { key: "image".to_owned() });
        return None;
    };
    let Some(text) = field.value.as_str() else {
        let problem = match token(field.value) {
            Some(token) => Problem::TemplateToken { token },
            None => Problem::WrongType { expected: "a text".to_owned() },
        };
        reader.refuse(&field, problem);
        return None;
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:./#@".contains(&byte);
    if text.trim().is_empty() {
        reader.refuse(&field, Problem::Missing { key: "image".to_owned() });
    } else if let Some(token) = token(field.value) {
        reader.refuse(&field, Problem::TemplateToken { token });
    } else if !text.bytes().all(allowed) {
        let allowed = "letters, digits, hyphens, underscores, colons, periods, slashes, # and @".to_owned();
        reader.refuse(&field, Problem::BadCharacters { allowed });
    }
    Some(text.to_owned())
}

/// The fixed port of the instance that a port mapping takes, if it takes one.
fn host_port(reader: &mut Reader, item: &Node<'_>, mode: NetworkMode) -> Option<u16> {
    let container_port = reader.number(item, "containerPort");
    let host_port = reader.number(item, "hostPort").filter(|port| *port > 0);
    for (key, port) in [("containerPort", container_port), ("hostPort", host_port)] {
        if let (Some(port), Some(field)) = (port, item.get(key))
            && port > u64::from(u16::MAX)
        {
            let value = i64::try_from(port).unwrap_or(i64::MAX);
            reader.refuse(&field, Problem::OutOfRange { value, least: 0, most: i64::from(u16::MAX) });
        }
    }
    if let (Some(container_port), Some(host_port)) = (container_port, host_port)
        && matches!(mode, NetworkMode::Awsvpc | NetworkMode::Host)
        && host_port != container_port
    {
        reader.refuse(item, Problem::HostPortDiffers { container_port, host_port, mode });
    }
    let taken = match mode {
        NetworkMode::Bridge => host_port,
        NetworkMode::Host => host_port.or(container_port),
        NetworkMode::Awsvpc | NetworkMode::None => None,
    };
    taken.and_then(|port| u16::try_from(port).ok())
}

fn gpus(reader: &mut Reader, node: &Node<'_>) -> u32 {
    let asked = reader.objects(node, "resourceRequirements", |reader, item| {
        let gpu = item.get("type").is_some_and(|kind| kind.value.as_str() == Some("GPU"));
        if gpu { reader.number_quietly(item, "value") } else { None }
    });
    asked.into_iter().fold(0, |sum, gpus| sum.saturating_add(u32::try_from(gpus).unwrap_or(u32::MAX)))
}

/// What does not go with a network mode. Source: `links`, `hostname`, `extraHosts` of
/// `ContainerDefinition`, ECS API reference.
fn not_in_mode(reader: &mut Reader, node: &Node<'_>, mode: NetworkMode) {
    let settings: &[&str] = match mode {
        NetworkMode::Awsvpc => &["links", "hostname", "extraHosts"],
        NetworkMode::Host | NetworkMode::None => &["links"],
        NetworkMode::Bridge => &[],
    };
    for setting in settings.iter().filter(|setting| has(node, setting)) {
        reader.refuse(node, Problem::NotInMode { setting: (*setting).to_owned(), mode });
    }
}

/// What Fargate does not take of a container. Source: `ContainerDefinition` and `LinuxParameters`,
/// ECS API reference.
fn not_on_fargate(node: &Node<'_>) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for setting in ["privileged", "dockerSecurityOptions"] {
        if let Some(field) = node.get(setting).filter(|_| has(node, setting)) {
            found.push((field.path, setting));
        }
    }
    if let Some(linux) = node.get("linuxParameters") {
        for setting in ["devices", "sharedMemorySize", "tmpfs"] {
            if let Some(field) = linux.get(setting).filter(|_| has(&linux, setting)) {
                found.push((field.path, setting));
            }
        }
    }
    found
}
