//! What ECS refuses of a task definition as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::container::Read;
use super::node::{Node, Reader};
use super::{Note, Problem, ReadVolume};
use crate::observe::{Compatibility, NetworkMode, VolumeKind};

/// A task definition as far as it was read.
pub(super) struct Whole<'a> {
    pub(super) node: &'a Node<'a>,
    pub(super) requires: &'a [Compatibility],
    pub(super) network_mode: NetworkMode,
    pub(super) cpu: Option<u64>,
    pub(super) memory: Option<u64>,
    pub(super) windows: bool,
    pub(super) volumes: &'a [ReadVolume],
    pub(super) containers: &'a [Read],
    pub(super) constraints: usize,
}

pub(super) fn check(reader: &mut Reader, whole: &Whole<'_>) {
    names(reader, whole);
    references(reader, whole);
    sizes(reader, whole);
    if whole.requires.contains(&Compatibility::Fargate) {
        fargate(reader, whole);
    }
}

fn at(reader: &mut Reader, path: &str, problem: Problem) {
    reader.refused.push(Note { path: path.to_owned(), problem });
}

fn names(reader: &mut Reader, whole: &Whole<'_>) {
    let containers = whole.containers.iter().map(|one| (&one.path, &one.container.name));
    let volumes = whole.volumes.iter().map(|one| (&one.path, &one.volume.name));
    let mut twice = |names: &mut dyn Iterator<Item = (&String, &String)>| {
        let mut seen = BTreeSet::new();
        for (path, name) in names.filter(|(_, name)| !name.is_empty()) {
            if !seen.insert(name.clone()) {
                at(reader, path, Problem::Duplicate { name: name.clone() });
            }
        }
    };
    twice(&mut containers.into_iter());
    twice(&mut volumes.into_iter());
    if !whole.containers.is_empty() && !whole.containers.iter().any(|one| one.essential) {
        reader.refuse(whole.node, Problem::NoEssential);
    }
}

fn references(reader: &mut Reader, whole: &Whole<'_>) {
    let by_name: BTreeMap<&str, &Read> =
        whole.containers.iter().map(|one| (one.container.name.as_str(), one)).collect();
    let volumes: BTreeSet<&str> = whole.volumes.iter().map(|one| one.volume.name.as_str()).collect();
    let missing = |what: &str, name: &String| Problem::UnknownReference { what: what.to_owned(), name: name.clone() };
    for one in whole.containers {
        for (path, on, condition) in &one.waits {
            let Some(other) = by_name.get(on.as_str()) else {
                at(reader, path, missing("container", on));
                continue;
            };
            match condition {
                Some(condition @ ("COMPLETE" | "SUCCESS")) if other.essential => {
                    at(reader, path, Problem::ConditionOnEssential { condition: (*condition).to_owned() });
                }
                Some("HEALTHY") if !other.health_check => {
                    at(reader, path, Problem::HealthyWithoutCheck { container: on.clone() });
                }
                Some(_) => {}
                None => at(reader, path, Problem::Missing { key: "condition".to_owned() }),
            }
        }
        for (path, volume) in &one.mounts {
            if !volumes.contains(volume.as_str()) {
                at(reader, path, missing("volume", volume));
            }
        }
        for (path, source) in &one.volumes_from {
            if !by_name.contains_key(source.as_str()) {
                at(reader, path, missing("container", source));
            }
        }
    }
    if circle(whole.containers) {
        reader.refuse(whole.node, Problem::DependencyCircle);
    }
}

/// Whether containers depend on each other in a circle: whoever waits for nobody any more is taken
/// away until nobody is left, or only circles.
fn circle(containers: &[Read]) -> bool {
    let mut left: BTreeMap<&str, &Read> = containers.iter().map(|one| (one.container.name.as_str(), one)).collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .filter(|(_, one)| !one.container.depends_on.iter().any(|on| left.contains_key(on.as_str())))
            .map(|(name, _)| *name)
            .collect();
        if free.is_empty() {
            return !left.is_empty();
        }
        for name in free {
            left.remove(name);
        }
    }
}

fn sizes(reader: &mut Reader, whole: &Whole<'_>) {
    let sum = |of: fn(&Read) -> Option<u64>| whole.containers.iter().filter_map(of).fold(0, u64::saturating_add);
    // ECS passes over the size of a task with Windows containers.
    let limits = [("cpu", sum(|one| one.cpu), whole.cpu), ("memory", sum(Read::reserved), whole.memory)];
    for (what, sum, task) in limits {
        if let Some(task) = task.filter(|task| !whole.windows && sum > *task) {
            reader.refuse(whole.node, Problem::ContainersExceedTask { what: what.to_owned(), sum, task });
        }
    }
    for one in whole.containers {
        if let (Some(memory), Some(reservation)) = (one.memory, one.reservation)
            && memory < reservation
        {
            at(reader, &one.path, Problem::ReservationAboveLimit { memory, reservation });
        }
        let on_fargate = whole.requires.contains(&Compatibility::Fargate);
        if whole.memory.is_none() && one.reserved().is_none() && !on_fargate && !reader.unreadable {
            at(reader, &one.path, Problem::NoMemory);
        }
    }
    // Source: `RegisterTaskDefinition.cpu`, ECS API reference.
    let (least, most) = (128, 196_608);
    if let (Some(cpu), Some(field)) = (whole.cpu, whole.node.get("cpu"))
        && !(least..=most).contains(&cpu)
    {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        reader.refuse(&field, Problem::OutOfRange { value: number(cpu), least: number(least), most: number(most) });
    }
}

fn fargate(reader: &mut Reader, whole: &Whole<'_>) {
    let refuse = |reader: &mut Reader, setting: &str| {
        reader.refuse(whole.node, Problem::NotOnFargate { setting: setting.to_owned() });
    };
    if whole.network_mode != NetworkMode::Awsvpc {
        refuse(reader, "another networkMode than awsvpc");
    }
    if whole.constraints > 0 {
        refuse(reader, "placementConstraints");
    }
    for (key, forbidden) in [("pidMode", "host"), ("ipcMode", "")] {
        let set = whole.node.get(key).and_then(|field| field.value.as_str());
        if set.is_some_and(|set| !set.is_empty() && (forbidden.is_empty() || set == forbidden)) {
            refuse(reader, key);
        }
    }
    let listed = |key: &str| whole.node.get(key).and_then(|field| field.value.as_array().map(Vec::len));
    if listed("inferenceAccelerators").is_some_and(|items| items > 0) {
        refuse(reader, "inferenceAccelerators");
    }
    size(reader, whole);
    for one in whole.volumes {
        let setting = match one.volume.kind {
            VolumeKind::HostPath => "a host path",
            VolumeKind::Docker => "a Docker volume",
            VolumeKind::Fsx => "FSx for Windows File Server",
            VolumeKind::Scratch | VolumeKind::Efs | VolumeKind::EbsAtLaunch | VolumeKind::Unknown => continue,
        };
        at(reader, &one.path, Problem::NotOnFargate { setting: setting.to_owned() });
    }
    for one in whole.containers {
        for (path, setting) in &one.not_on_fargate {
            at(reader, path, Problem::NotOnFargate { setting: (*setting).to_owned() });
        }
        if one.gpus > 0 {
            at(reader, &one.path, Problem::NotOnFargate { setting: "GPUs".to_owned() });
        }
        // Source: `ContainerDefinition.stopTimeout`, ECS API reference.
        if let Some(stop) = one.container.stop_timeout.filter(|stop| !(2..=120).contains(&stop.0)) {
            let path = format!("{}/stopTimeout", one.path);
            at(reader, &path, Problem::OutOfRange { value: i64::from(stop.0), least: 2, most: 120 });
        }
    }
    let storage = whole.node.get("ephemeralStorage").and_then(|storage| storage.get("sizeInGiB"));
    if let Some(field) = storage
        && let Some(gib) = reader.number_of(&field)
        // Source: `EphemeralStorage.sizeInGiB`, ECS API reference.
        && !(21..=200).contains(&gib)
    {
        let value = i64::try_from(gib).unwrap_or(i64::MAX);
        reader.refuse(&field, Problem::OutOfRange { value, least: 21, most: 200 });
    }
}

fn size(reader: &mut Reader, whole: &Whole<'_>) {
    for (key, number) in [("cpu", whole.cpu), ("memory", whole.memory)] {
        let unread = whole.node.get(key).is_some_and(|field| field.value.as_str() != Some(""));
        if number.is_none() && !unread {
            reader.refuse(whole.node, Problem::Missing { key: key.to_owned() });
        }
    }
    let (Some(cpu), Some(memory)) = (whole.cpu, whole.memory) else {
        return;
    };
    if !is_fargate_size(cpu, memory) || (whole.windows && cpu < 1024) {
        reader.refuse(whole.node, Problem::NoFargateSize { cpu, memory });
    }
}

/// Whether Fargate has tasks of that many CPU units and MiB. Source: `RegisterTaskDefinition`, ECS
/// API reference, and "Troubleshoot Amazon ECS task definition invalid CPU or memory errors".
fn is_fargate_size(cpu: u64, memory: u64) -> bool {
    const GIB: u64 = 1024;
    let (least, most, step) = match cpu {
        256 => return [512, GIB, 2 * GIB].contains(&memory),
        512 => (1, 4, 1),
        1024 => (2, 8, 1),
        2048 => (4, 16, 1),
        4096 => (8, 30, 1),
        8192 => (16, 60, 4),
        16_384 => (32, 120, 8),
        _ => return false,
    };
    // Every least is a multiple of its step.
    (least * GIB..=most * GIB).contains(&memory) && memory.is_multiple_of(step * GIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fargate_has_the_sizes_of_its_table() {
        let cases = [
            (256, 512, true),
            (256, 1024, true),
            (256, 2048, true),
            (256, 4096, false),
            (512, 1024, true),
            (512, 4096, true),
            (512, 512, false),
            (512, 5120, false),
            (1024, 2048, true),
            (1024, 8192, true),
            (1024, 1024, false),
            (1024, 2560, false),
            (2048, 4096, true),
            (2048, 16_384, true),
            (2048, 3072, false),
            (2048, 17_408, false),
            (4096, 8192, true),
            (4096, 30_720, true),
            (4096, 31_744, false),
            (8192, 16_384, true),
            (8192, 61_440, true),
            (8192, 12_288, false),
            (8192, 17_408, false),
            (16_384, 32_768, true),
            (16_384, 122_880, true),
            (16_384, 36_864, false),
            (128, 512, false),
            (300, 512, false),
        ];
        for (cpu, memory, expected) in cases {
            assert_eq!(is_fargate_size(cpu, memory), expected, "{cpu} and {memory}");
        }
    }
}
