//! What can be said about one place of a file.

use serde::{Deserialize, Serialize};

use crate::observe::NetworkMode;

/// What can be said about one place of a file. Its `Display` is the sentence that people read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// The file, or the definition, is larger than what is taken.
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The most.
        limit: usize,
    },
    /// It is neither JSON nor YAML.
    NotReadable {
        /// What the parser says, cut to 200 characters.
        detail: String,
    },
    /// A template holds no task definition, or several.
    NotOneDefinition {
        /// How many.
        count: usize,
    },
    /// A value of another type than ECS takes.
    WrongType {
        /// What it takes.
        expected: String,
    },
    /// A key that ECS does not know: passed over.
    UnknownKey {
        /// The key.
        key: String,
    },
    /// The same key twice, in other letters: the first was taken.
    KeyTwice {
        /// The key.
        key: String,
    },
    /// An empty text: taken as not set.
    EmptyText,
    /// A number written as text: taken as the number.
    NumberAsText,
    /// Something that ECS requires is not there.
    Missing {
        /// Its key.
        key: String,
    },
    /// A template token, which is to be filled in first.
    TemplateToken {
        /// The token, cut to 80 characters.
        token: String,
    },
    /// A text that is no number.
    NotANumber {
        /// The text, cut to 80 characters.
        text: String,
    },
    /// A number that ECS does not take.
    OutOfRange {
        /// The number.
        value: i64,
        /// The least.
        least: i64,
        /// The most.
        most: i64,
    },
    /// A word that ECS does not know here.
    NotOneOf {
        /// The word, cut to 80 characters.
        value: String,
        /// What it knows.
        allowed: Vec<String>,
    },
    /// Characters that ECS does not take in a name or an image.
    BadCharacters {
        /// What it takes.
        allowed: String,
    },
    /// A name that was used before.
    Duplicate {
        /// The name.
        name: String,
    },
    /// More than ECS takes.
    TooMany {
        /// Of what.
        what: String,
        /// How many there are.
        count: usize,
        /// How many it takes.
        limit: usize,
    },
    /// No container is essential.
    NoEssential,
    /// Fargate has no task of this size.
    NoFargateSize {
        /// CPU units.
        cpu: u64,
        /// MiB.
        memory: u64,
    },
    /// A setting that Fargate does not take.
    NotOnFargate {
        /// The setting, and its value where that matters.
        setting: String,
    },
    /// A container without memory, in a task without memory.
    NoMemory,
    /// `memory` is less than `memoryReservation`.
    ReservationAboveLimit {
        /// `memory`.
        memory: u64,
        /// `memoryReservation`.
        reservation: u64,
    },
    /// The containers ask for more than the task has.
    ContainersExceedTask {
        /// `cpu` or `memory`.
        what: String,
        /// Their sum.
        sum: u64,
        /// What the task has.
        task: u64,
    },
    /// A name of something that is not there.
    UnknownReference {
        /// What it should be the name of.
        what: String,
        /// The name.
        name: String,
    },
    /// Containers that wait for each other.
    DependencyCircle,
    /// Waiting for the end of an essential container, which ends the task.
    ConditionOnEssential {
        /// The condition.
        condition: String,
    },
    /// Waiting for the health of a container without a health check.
    HealthyWithoutCheck {
        /// The container.
        container: String,
    },
    /// A host port other than the container's, in a mode without a mapping.
    HostPortDiffers {
        /// `containerPort`.
        container_port: u64,
        /// `hostPort`.
        host_port: u64,
        /// The network mode.
        mode: NetworkMode,
    },
    /// A setting that does not go with the network mode.
    NotInMode {
        /// The setting.
        setting: String,
        /// The network mode.
        mode: NetworkMode,
    },
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Problem::TooLarge { bytes, limit } => {
                write!(f, "{bytes} bytes are more than the {limit} that are taken")
            }
            Problem::NotReadable { detail } => write!(f, "neither JSON nor YAML: {detail}"),
            Problem::NotOneDefinition { count } => {
                write!(f, "the template holds {count} task definitions: give a file with one")
            }
            Problem::WrongType { expected } => write!(f, "it must be {expected}"),
            Problem::UnknownKey { key } => write!(f, "ECS knows no {key}: passed over"),
            Problem::KeyTwice { key } => write!(f, "{key} is there twice: the first was taken"),
            Problem::EmptyText => f.write_str("empty: taken as not set"),
            Problem::NumberAsText => f.write_str("a number written as text: taken as the number"),
            Problem::Missing { key } => write!(f, "{key} is missing"),
            Problem::TemplateToken { token } => {
                write!(f, "{token} is a template token: fill it in first")
            }
            Problem::NotANumber { text } => {
                write!(f, "{text:?} is not a number that ECS takes here")
            }
            Problem::OutOfRange { value, least, most } => {
                write!(f, "{value} is not from {least} to {most}")
            }
            Problem::NotOneOf { value, allowed } => {
                write!(f, "{value:?} is not one of {}", allowed.join(", "))
            }
            Problem::BadCharacters { allowed } => write!(f, "it may have {allowed}"),
            Problem::Duplicate { name } => write!(f, "the name {name} is used twice"),
            Problem::TooMany { what, count, limit } => {
                write!(f, "{count} {what}: ECS takes {limit}")
            }
            Problem::NoEssential => f.write_str("no container is essential: one must be"),
            Problem::NoFargateSize { cpu, memory } => {
                write!(f, "Fargate has no tasks of {cpu} CPU units and {memory} MiB")
            }
            Problem::NotOnFargate { setting } => write!(f, "Fargate does not take {setting}"),
            Problem::NoMemory => f.write_str("neither memory nor memoryReservation is set, nor memory of the task"),
            Problem::ReservationAboveLimit { memory, reservation } => {
                write!(f, "memory ({memory}) must not be less than memoryReservation ({reservation})")
            }
            Problem::ContainersExceedTask { what, sum, task } => {
                write!(f, "the containers ask for {sum} of {what}, the task has {task}")
            }
            Problem::UnknownReference { what, name } => {
                write!(f, "there is no {what} named {name}")
            }
            Problem::DependencyCircle => f.write_str("the containers depend on each other in a circle"),
            Problem::ConditionOnEssential { condition } => {
                write!(f, "{condition} waits for the end of an essential container, which ends the task")
            }
            Problem::HealthyWithoutCheck { container } => {
                write!(f, "HEALTHY waits for container {container}, which has no healthCheck")
            }
            Problem::HostPortDiffers { container_port, host_port, mode } => write!(
                f,
                "hostPort {host_port} must be containerPort {container_port} in network mode {}",
                mode_name(*mode)
            ),
            Problem::NotInMode { setting, mode } => {
                write!(f, "{setting} does not go with network mode {}", mode_name(*mode))
            }
        }
    }
}

const fn mode_name(mode: NetworkMode) -> &'static str {
    match mode {
        NetworkMode::Awsvpc => "awsvpc",
        NetworkMode::Bridge => "bridge",
        NetworkMode::Host => "host",
        NetworkMode::None => "none",
    }
}
