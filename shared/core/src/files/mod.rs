//! Reading task definition files as people write them.
//!
//! Accepted are the input of `register-task-definition`, the output of `describe-task-definition`
//! and a CloudFormation resource or template that holds one task definition, in JSON or YAML, with
//! keys in any case (`containerDefinitions`, `ContainerDefinitions`). What is made alike:
//!
//! - `null` and the empty string are as good as not there; so are empty lists and objects.
//! - Task `cpu` and `memory` may be numbers or text, in units or with one: `256`, `"256"`,
//!   `".25 vcpu"`, `"1 vCPU"`, `"0.5 GB"`. Numbers of containers may be text of digits.
//! - Without `cpu` or `memory` for the task, the sum over its containers stands for it; of memory,
//!   `memoryReservation` before `memory`, as ECS reserves it.
//! - Keys that ECS does not know are passed over with a note.
//! - Template tokens (`${TAG}`, `<CPU>`, `{{ image }}`, `{"Ref": …}`) are named as such.
//!
//! Nothing is guessed: where a token stands for a number, or for another thing that the rules rest
//! upon, there is no task definition. And everything that ECS would refuse is listed with its
//! place, whether or not the rules ask for it.

mod amount;
mod check;
mod cloudformation;
mod container;
pub mod document;
pub mod judge;
mod node;
mod problem;
#[cfg(test)]
mod tests;

pub use cloudformation::Parameters;
pub use problem::Problem;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::observe::{
    Architecture, Compatibility, NetworkMode, PlacementConstraint, TaskDefinition, Volume, VolumeKind,
};
use crate::units::{CpuUnits, MemoryMib};
use amount::Amount;
use node::{Node, Reader};

/// The largest task definition that ECS takes: 64 KiB. Source: "Amazon ECS service quotas", ECS developer
/// guide (task definition size).
pub const MAX_BYTES: usize = 65_536;
/// The largest file that is looked at, 256 KiB: blanks, comments and what surrounds the definition
/// come on top.
pub const MAX_FILE_BYTES: usize = 262_144;
/// The most containers of a task definition. Source: as above.
const MAX_CONTAINERS: usize = 10;

/// What a file came to.
#[must_use = "an unread refusal is a definition that ECS does not take"]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadTaskDefinition {
    /// The definition, as far as the rules ask; `None` where something that they rest upon could
    /// not be read. It may be there although ECS would refuse it: see `refused`.
    pub task_definition: Option<TaskDefinition>,
    /// What was made alike or passed over.
    pub notes: Vec<Note>,
    /// What ECS would refuse, or could not be read.
    pub refused: Vec<Note>,
}

/// Something about one place of a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Where: a JSON pointer into the file, empty for the file itself.
    pub path: String,
    /// What.
    pub problem: Problem,
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.path.as_str() {
            "" => write!(f, "{}", self.problem),
            path => write!(f, "{path}: {}", self.problem),
        }
    }
}

/// Reads the text of a file: JSON or YAML.
pub fn read(text: &str) -> ReadTaskDefinition {
    if text.len() > MAX_FILE_BYTES {
        return refused(Problem::TooLarge { bytes: text.len(), limit: MAX_FILE_BYTES });
    }
    let json = text.trim_start().starts_with(['{', '[']);
    let parsed: Result<Value, String> = if json {
        serde_json::from_str(text).map_err(|error| error.to_string())
    } else {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    };
    match parsed {
        Ok(document) => read_value(&document),
        Err(detail) => refused(Problem::NotReadable { detail: detail.chars().take(200).collect() }),
    }
}

/// Reads a document that is parsed already.
pub fn read_value(document: &Value) -> ReadTaskDefinition {
    let mut reader = Reader::default();
    let task_definition = find(&mut reader, document).and_then(|node| definition(&mut reader, &node));
    let task_definition = task_definition.filter(|_| !reader.unreadable);
    ReadTaskDefinition { task_definition, notes: reader.notes, refused: reader.refused }
}

fn refused(problem: Problem) -> ReadTaskDefinition {
    let refused = vec![Note { path: String::new(), problem }];
    ReadTaskDefinition { task_definition: None, notes: Vec::new(), refused }
}

/// Finds the definition in a document.
fn find<'a>(reader: &mut Reader, document: &'a Value) -> Option<Node<'a>> {
    let root = Node::root(document);
    if !document.is_object() {
        reader.refuse(&root, Problem::WrongType { expected: "an object".to_owned() });
        return None;
    }
    if let Some(described) = root.get("taskDefinition").filter(Node::is_object) {
        return Some(described);
    }
    if let Some(properties) = root.get("properties").filter(Node::is_object) {
        return Some(properties);
    }
    let Some(resources) = root.get("resources").filter(Node::is_object) else {
        return Some(root);
    };
    let is_definition = |resource: &Node<'_>| {
        resource.get("type").is_some_and(|kind| kind.value.as_str() == Some("AWS::ECS::TaskDefinition"))
    };
    let mut definitions: Vec<Node<'a>> = resources.fields().into_iter().filter(is_definition).collect();
    match (definitions.len(), definitions.pop()) {
        (1, Some(only)) => only.get("properties"),
        (count, _) => {
            reader.refuse(&resources, Problem::NotOneDefinition { count });
            None
        }
    }
}

/// Top-level keys of `RegisterTaskDefinition` and of `TaskDefinition`, ECS API reference.
const KEYS: &[&str] = &[
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "placementConstraints",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "tags",
    "pidMode",
    "ipcMode",
    "proxyConfiguration",
    "inferenceAccelerators",
    "ephemeralStorage",
    "runtimePlatform",
    "enableFaultInjection",
    "trustedExecutionConfiguration",
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "deregisteredAt",
    "deleteRequestedAt",
    "registeredBy",
];

fn definition(reader: &mut Reader, node: &Node<'_>) -> Option<TaskDefinition> {
    let bytes = node.value.to_string().len();
    if bytes > MAX_BYTES {
        reader.refuse(node, Problem::TooLarge { bytes, limit: MAX_BYTES });
        return None;
    }
    reader.known_keys(node, KEYS);
    let family = reader.name(node, "family");
    let cpu = reader.amount(node, "cpu", Amount::Cpu);
    let memory = reader.amount(node, "memory", Amount::Memory);
    let requires_compatibilities = reader.list(node, "requiresCompatibilities", compatibility);
    let network_mode = reader
        .choice(
            node,
            "networkMode",
            &[
                ("awsvpc", NetworkMode::Awsvpc),
                ("bridge", NetworkMode::Bridge),
                ("host", NetworkMode::Host),
                ("none", NetworkMode::None),
            ],
        )
        .unwrap_or(NetworkMode::Bridge);
    let platform = node.get("runtimePlatform");
    let architecture = platform
        .as_ref()
        .and_then(|platform| {
            reader.choice(
                platform,
                "cpuArchitecture",
                &[("X86_64", Architecture::X8664), ("ARM64", Architecture::Arm64)],
            )
        })
        .unwrap_or(Architecture::X8664);
    let windows = platform
        .and_then(|platform| reader.text(&platform, "operatingSystemFamily"))
        .is_some_and(|os| os.to_ascii_uppercase().starts_with("WINDOWS"));
    let placement_constraints = reader.objects(node, "placementConstraints", constraint);
    let volumes = reader.objects(node, "volumes", volume);
    let containers =
        reader.objects(node, "containerDefinitions", |reader, node| container::read(reader, node, network_mode));
    if containers.is_empty() && node.get("containerDefinitions").is_none_or(|list| list.value.is_array()) {
        reader.refuse(node, Problem::Missing { key: "containerDefinitions".to_owned() });
        reader.unreadable = true;
    }
    if containers.len() > MAX_CONTAINERS {
        let problem =
            Problem::TooMany { what: "containers".to_owned(), count: containers.len(), limit: MAX_CONTAINERS };
        reader.refuse(&node.get("containerDefinitions")?, problem);
    }
    let sum = |of: fn(&container::Read) -> Option<u64>| {
        Some(containers.iter().filter_map(of).fold(0, u64::saturating_add)).filter(|sum| *sum > 0)
    };
    let reserved = sum(container::Read::reserved);
    let arn = reader.text(node, "taskDefinitionArn").map(str::to_owned).or(family).unwrap_or_default();
    let check = check::Whole {
        node,
        requires: &requires_compatibilities,
        network_mode,
        cpu,
        memory,
        windows,
        volumes: &volumes,
        containers: &containers,
        constraints: placement_constraints.len(),
    };
    check::check(reader, &check);
    let task_cpu = cpu.or_else(|| sum(|one| one.cpu));
    Some(TaskDefinition {
        arn,
        requires_compatibilities,
        network_mode,
        cpu: task_cpu.map(CpuUnits),
        // A container without either number makes the sum too small, and the whole unknown.
        memory: memory
            .or_else(|| reserved.filter(|_| containers.iter().all(|one| one.reserved().is_some())))
            .map(MemoryMib),
        architecture,
        windows,
        gpus: containers.iter().map(|one| one.gpus).fold(0, u32::saturating_add),
        containers: containers.into_iter().map(|one| one.container).collect(),
        volumes: volumes.into_iter().map(|one| one.volume).collect(),
        placement_constraints,
    })
}

fn compatibility(reader: &mut Reader, node: &Node<'_>) -> Option<Compatibility> {
    reader.choice_of(
        node,
        &[
            ("EC2", Compatibility::Ec2),
            ("FARGATE", Compatibility::Fargate),
            ("EXTERNAL", Compatibility::External),
            ("MANAGED_INSTANCES", Compatibility::ManagedInstances),
        ],
    )
}

fn constraint(reader: &mut Reader, node: &Node<'_>) -> Option<PlacementConstraint> {
    // A task definition has `memberOf` alone; `distinctInstance` is a service's.
    reader.choice(node, "type", &[("memberOf", ())]);
    let expression = reader.text(node, "expression");
    if expression.is_none() {
        reader.refuse(node, Problem::Missing { key: "expression".to_owned() });
        reader.unreadable = true;
    }
    Some(PlacementConstraint::MemberOf(expression?.to_owned()))
}

/// A volume, with what the checks ask of it.
struct ReadVolume {
    path: String,
    volume: Volume,
}

/// What can back a volume, by its key.
const BACKINGS: &[(&str, VolumeKind)] = &[
    ("host", VolumeKind::Scratch),
    ("dockerVolumeConfiguration", VolumeKind::Docker),
    ("efsVolumeConfiguration", VolumeKind::Efs),
    ("s3filesVolumeConfiguration", VolumeKind::Unknown),
    ("fsxWindowsFileServerVolumeConfiguration", VolumeKind::Fsx),
    ("configuredAtLaunch", VolumeKind::EbsAtLaunch),
];

fn volume(reader: &mut Reader, node: &Node<'_>) -> Option<ReadVolume> {
    let name = reader.name(node, "name").unwrap_or_default();
    let mut kind = VolumeKind::Scratch;
    let mut backings = 0_usize;
    for field in node.fields() {
        let key = field.key();
        if key.eq_ignore_ascii_case("name") {
            continue;
        }
        let known = BACKINGS.iter().find(|(backing, _)| key.eq_ignore_ascii_case(backing));
        let Some((_, backing)) = known else {
            // A kind of volume that is newer than this version may outlive the task.
            reader.note(&field, Problem::UnknownKey { key: key.to_owned() });
            kind = VolumeKind::Unknown;
            continue;
        };
        let source = field.get("sourcePath");
        let there = match backing {
            VolumeKind::EbsAtLaunch => field.value.as_bool() != Some(false),
            // `host: {}` is what an empty volume is anyway.
            VolumeKind::Scratch => source.is_some(),
            _ => true,
        };
        if there {
            backings += 1;
            kind = if *backing == VolumeKind::Scratch { VolumeKind::HostPath } else { *backing };
        }
    }
    if backings > 1 {
        reader.refuse(node, Problem::TooMany { what: "kinds of one volume".to_owned(), count: backings, limit: 1 });
    }
    Some(ReadVolume { path: node.path.clone(), volume: Volume { name, kind } })
}
