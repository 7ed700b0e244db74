//! A task definition as far as the rules ask: what one container leaves open does not hide what the
//! others say.

use std::collections::BTreeSet;

use super::{Open, Thing, given};
use crate::assess::Rule;
use crate::files::cloudformation::{pattern, told};
use crate::files::node::{Node, Reader};
use crate::files::{Note, Problem, compatibility, container, definition, volume};
use crate::observe::{Architecture, Compatibility, Family, NetworkMode, TaskDefinition};
use crate::units::Seconds;

/// A task definition that was found.
pub(super) struct Read {
    pub(super) definition: TaskDefinition,
    /// What the rules rest upon and is not known.
    pub(super) open: Vec<Open>,
    /// Containers whose image is not known, by name.
    pub(super) open_images: BTreeSet<String>,
    /// What it may run on, as far as it says itself.
    pub(super) families: Vec<Family>,
    /// What ECS would refuse.
    pub(super) refused: Vec<Note>,
    /// What was made alike or passed over.
    pub(super) notes: Vec<Note>,
    /// The places of its containers and volumes, by name.
    pub(super) containers: Vec<(String, String)>,
    pub(super) volumes: Vec<(String, String)>,
}

/// What a definition is called: its ARN, its family, or its logical id.
pub(super) fn name(thing: &Thing<'_>) -> String {
    ["taskDefinitionArn", "family"]
        .into_iter()
        .find_map(|key| given::text(&thing.node, key).known())
        .or(thing.logical)
        // A name that is filled in later is better than none.
        .or_else(|| thing.node.get("family").and_then(|family| family.value.as_str()))
        .unwrap_or("without a family")
        .to_owned()
}

pub(super) fn read(thing: &Thing<'_>) -> Read {
    let node = &thing.node;
    let mut whole = Reader::default();
    // For what ECS would refuse: the rules are asked of the parts.
    _ = definition(&mut whole, node);
    let mut open = Vec::new();
    let requires = requires(node);
    let (containers, open_images, container_places) = containers(node, &mut open);
    let (volumes, volume_places) = volumes(node, &mut open);
    let is_open = |note: &Note| matches!(note.problem, Problem::TemplateToken { .. });
    let (tokens, refused): (Vec<Note>, Vec<Note>) = whole.refused.into_iter().partition(is_open);
    Read {
        families: families(requires.as_deref()),
        definition: TaskDefinition {
            arn: name(thing),
            requires_compatibilities: requires.unwrap_or_default(),
            // The rules that a file is asked do not rest upon what follows.
            network_mode: NetworkMode::Awsvpc,
            cpu: None,
            memory: None,
            architecture: Architecture::X8664,
            windows: false,
            gpus: 0,
            containers,
            volumes,
            placement_constraints: Vec::new(),
        },
        open,
        open_images,
        refused,
        notes: whole.notes.into_iter().chain(tokens).collect(),
        containers: container_places,
        volumes: volume_places,
    }
}

/// `requiresCompatibilities`; `None` where it is filled in later.
fn requires(node: &Node<'_>) -> Option<Vec<Compatibility>> {
    let mut reader = Reader::default();
    let requires = reader.list(node, "requiresCompatibilities", compatibility);
    (!reader.unreadable).then_some(requires)
}

/// What tasks may run on: a definition that names nothing is one for container instances.
fn families(requires: Option<&[Compatibility]>) -> Vec<Family> {
    let Some(requires) = requires else {
        return vec![Family::Fargate, Family::AutoScalingGroup];
    };
    let family = |one: &Compatibility| match one {
        Compatibility::Fargate => Family::Fargate,
        // ECS Anywhere runs the same agent as container instances do.
        Compatibility::Ec2 | Compatibility::External => Family::AutoScalingGroup,
        Compatibility::ManagedInstances => Family::ManagedInstances,
    };
    let named: BTreeSet<Family> = requires.iter().map(family).collect();
    if named.is_empty() { vec![Family::AutoScalingGroup] } else { named.into_iter().collect() }
}

type Places = Vec<(String, String)>;

fn containers(node: &Node<'_>, open: &mut Vec<Open>) -> (Vec<crate::observe::Container>, BTreeSet<String>, Places) {
    let (mut containers, mut images, mut places) = (Vec::new(), BTreeSet::new(), Vec::new());
    let asked = [Rule::StopTimeout, Rule::DrainBudget, Rule::Image];
    let list = match given::items(node, "containerDefinitions") {
        given::Given::Known(list) => list,
        given::Given::Absent => {
            open.extend(asked.map(|rule| Open::new(rule, "the task definition has no containerDefinitions", node)));
            return (containers, images, places);
        }
        given::Given::Unknown(why) => {
            open.extend(asked.map(|rule| Open::new(rule, &why, node)));
            return (containers, images, places);
        }
    };
    for (number, item) in list.iter().enumerate() {
        if !item.is_object() || told(item.value).is_some() {
            let what = told(item.value).unwrap_or_else(|| "no object".to_owned());
            let why = format!("container {} is {what}, which is filled in later", number + 1);
            open.extend(asked.map(|rule| Open::new(rule, &why, item)));
            continue;
        }
        let mut reader = Reader::default();
        let Some(read) = container::read(&mut reader, item, NetworkMode::Awsvpc) else {
            continue;
        };
        let mut container = read.container;
        if container.name.is_empty() {
            container.name = format!("#{}", number + 1);
        }
        places.push((container.name.clone(), item.path.clone()));
        for note in reader.refused {
            let rest = note.path.strip_prefix(&item.path).unwrap_or_default().to_ascii_lowercase();
            let key = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
            let rules: &[Rule] = match key {
                "stoptimeout" => {
                    // The least there is: what does not fit with it does not fit.
                    container.stop_timeout = Some(Seconds(0));
                    &[Rule::StopTimeout, Rule::DrainBudget]
                }
                "dependson" => &[Rule::DrainBudget],
                "image" | "versionconsistency" => &[Rule::Image],
                _ => &[],
            };
            if key == "image" {
                images.insert(container.name.clone());
                let pinned = item
                    .get("image")
                    .is_some_and(|image| pattern(image.value).is_some_and(|text| text.contains("@sha256:")));
                if pinned {
                    continue;
                }
            }
            let why = format!("container {}: {key}: {}", container.name, note.problem);
            open.extend(rules.iter().map(|rule| Open {
                rule: *rule,
                why: why.clone(),
                pointer: Some(note.path.clone()),
            }));
        }
        for key in ["secrets", "environmentFiles"] {
            let later = item.get(key).and_then(|field| Some((told(field.value)?, field)));
            if let Some((token, field)) = later {
                container.reads_at_start = false;
                let why = format!("container {}: {key} is {token}, which is filled in later", container.name);
                open.push(Open::new(Rule::Image, &why, &field));
            }
        }
        containers.push(container);
    }
    (containers, images, places)
}

fn volumes(node: &Node<'_>, open: &mut Vec<Open>) -> (Vec<crate::observe::Volume>, Places) {
    let list = match given::items(node, "volumes") {
        given::Given::Known(list) => list,
        given::Given::Absent => return (Vec::new(), Vec::new()),
        given::Given::Unknown(why) => {
            open.push(Open::new(Rule::Stateless, &why, node));
            return (Vec::new(), Vec::new());
        }
    };
    let (mut volumes, mut places) = (Vec::new(), Vec::new());
    for (number, item) in list.iter().enumerate() {
        if !item.is_object() || told(item.value).is_some() {
            let what = told(item.value).unwrap_or_else(|| "no object".to_owned());
            let why = format!("volume {} is {what}, which is filled in later", number + 1);
            open.push(Open::new(Rule::Stateless, &why, item));
            continue;
        }
        if let Some(read) = volume(&mut Reader::default(), item) {
            let mut volume = read.volume;
            if volume.name.is_empty() {
                volume.name = format!("#{}", number + 1);
            }
            places.push((volume.name.clone(), item.path.clone()));
            volumes.push(volume);
        }
    }
    (volumes, places)
}
