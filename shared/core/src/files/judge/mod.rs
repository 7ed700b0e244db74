//! Judging files by the rules that files can decide, with the place of everything.
//!
//! - A task definition alone: `stop_timeout`, `stateless`, `image`, and `drain_budget` as far as
//!   stopping alone spends it. With its service also `redundancy`, `deregistration`, `discovery`,
//!   `controller`, `replaceable`, and mistakes in the tags of `enrolment`.
//! - The rules are core's own ([`assess`](crate::assess)): a stand-in takes the place of the
//!   cluster, and only what those rules say counts.
//! - What is not in the files is not known, and is told as such: never a pass.

mod definition;
mod find;
mod given;
mod links;
mod place;
mod service;
mod stand_in;
#[cfg(test)]
mod tests;

pub use find::{Ecspresso, ecspresso};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cloudformation::{Parameters, defaults, fill_in};
use super::document::{Document, Span};
use super::node::Node;
use super::{Note, Problem};
use crate::assess::{Finding, Level, Rule};
use crate::observe::Family;
use crate::policy::Policy;
use find::{Form, Thing, Things};
use place::Places;

/// The rules that a task definition alone can decide.
pub const DEFINITION_RULES: [Rule; 4] = [Rule::StopTimeout, Rule::Stateless, Rule::DrainBudget, Rule::Image];
/// The rules that a service with its task definition can decide; of `enrolment`, mistaken tags alone.
pub const SERVICE_RULES: [Rule; 10] = [
    Rule::Enrolment,
    Rule::StopTimeout,
    Rule::Redundancy,
    Rule::Stateless,
    Rule::Deregistration,
    Rule::DrainBudget,
    Rule::Replaceable,
    Rule::Image,
    Rule::Discovery,
    Rule::Controller,
];

/// A document of a file.
#[derive(Debug, Clone)]
pub struct Source {
    /// What a service in it is called that says no name.
    pub title: String,
    /// The document.
    pub document: Document,
    /// A number that files have in common which somebody says belong together.
    pub together: Option<u32>,
}

impl Source {
    /// A document in which a template's parameters are filled in: those given and, where asked for,
    /// the defaults of the others.
    #[must_use]
    pub fn new(title: String, mut document: Document, given: &Parameters, with_defaults: bool) -> Source {
        let mut parameters = if with_defaults { defaults(&document.value) } else { Parameters::new() };
        parameters.extend(given.clone());
        fill_in(&mut document.value, &parameters);
        Source { title, document, together: None }
    }
}

/// What the files came to.
#[must_use]
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Judgement {
    /// Every service, and every task definition that no service of the files uses.
    pub subjects: Vec<Subject>,
    /// The documents that are nothing that is known here, by number.
    pub not_understood: Vec<usize>,
}

/// What is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// What it is.
    pub kind: SubjectKind,
    /// What it is called.
    pub name: String,
    /// Where it stands.
    pub at: At,
    /// The task definition of a service, where it was found.
    pub definition: Option<String>,
    /// What the rules found, blocks and warnings, in the order of the rules.
    pub found: Vec<Found>,
    /// What could not be judged.
    pub open: Vec<NotJudged>,
    /// What ECS would refuse of the task definition.
    pub refused: Vec<Remark>,
    /// What was made alike, passed over, or is filled in later.
    pub notes: Vec<Remark>,
}

/// What a subject is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A service.
    Service,
    /// A task definition without a service.
    TaskDefinition,
}

/// One thing that a rule found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The rule.
    pub rule: Rule,
    /// How bad it is.
    pub level: Level,
    /// What it is.
    pub finding: Finding,
    /// Where that stands which is to be changed.
    pub at: At,
}

/// Rules that could not be judged, or not to the end.
#[derive(Debug, Clone, PartialEq)]
pub struct NotJudged {
    /// The rules.
    pub rules: Vec<Rule>,
    /// Why.
    pub why: String,
    /// Where the files leave it open.
    pub at: At,
}

/// Something about one place of a task definition.
#[derive(Debug, Clone, PartialEq)]
pub struct Remark {
    /// What.
    pub problem: Problem,
    /// Where.
    pub at: At,
}

/// A place in the files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// Which document, by number.
    pub source: usize,
    /// The part of the text.
    pub span: Span,
    /// A JSON pointer; what is not there has the pointer of what it would stand in.
    pub pointer: String,
}

/// Something that a rule rests upon and that is not known.
#[derive(Debug, Clone, PartialEq)]
struct Open {
    rule: Rule,
    why: String,
    /// Where, in the thing's own document.
    pointer: Option<String>,
}

impl Open {
    fn new(rule: Rule, why: &str, node: &Node<'_>) -> Open {
        Open { rule, why: why.to_owned(), pointer: Some(node.path.clone()) }
    }
}

/// Judges documents, in which everything may belong to everything.
pub fn judge(policy: &Policy, sources: &[Source]) -> Judgement {
    let mut things = Things::default();
    let mut judgement = Judgement::default();
    for (number, source) in sources.iter().enumerate() {
        if things.add(number, source) == Form::Unknown {
            judgement.not_understood.push(number);
        }
    }
    let definitions: Vec<definition::Read> = things.definitions.iter().map(definition::read).collect();
    let mut used = BTreeSet::new();
    for service in &things.services {
        let linked = links::definition(sources, &things, service)
            .map(|found| things.definitions.iter().position(|one| std::ptr::eq(one, found)).unwrap_or_default());
        used.extend(linked.as_ref().ok().copied());
        let definition = linked.and_then(|number| {
            let both = things.definitions.get(number).zip(definitions.get(number));
            both.ok_or_else(|| "its task definition is not in these files".to_owned())
        });
        judgement.subjects.push(service_subject(policy, sources, &things, service, definition));
    }
    for (number, (thing, read)) in things.definitions.iter().zip(&definitions).enumerate() {
        if !used.contains(&number) {
            judgement.subjects.push(definition_subject(policy, sources, thing, read));
        }
    }
    judgement.subjects.sort_by(|one, other| one.at.cmp(&other.at));
    judgement
}

fn definition_subject(policy: &Policy, sources: &[Source], thing: &Thing<'_>, read: &definition::Read) -> Subject {
    let places = Places {
        sources,
        service: None,
        definition: Some((thing, read)),
        target_groups: Vec::new(),
        scaling: None,
        tags: Vec::new(),
    };
    let said = stand_in::of_definition(policy, read);
    let mut open: Vec<(usize, Open)> = read.open.iter().map(|open| (thing.source, open.clone())).collect();
    if !said.blocks(Rule::DrainBudget) {
        let why = "no service of these files uses it, so that the drain delay is not known";
        open.push((thing.source, Open { rule: Rule::DrainBudget, why: why.to_owned(), pointer: None }));
    }
    subject(SubjectKind::TaskDefinition, definition::name(thing), None, &places, said, open)
}

fn service_subject(
    policy: &Policy,
    sources: &[Source],
    things: &Things<'_>,
    thing: &Thing<'_>,
    linked: Result<(&Thing<'_>, &definition::Read), String>,
) -> Subject {
    let read = service::read(thing);
    let title = sources.get(thing.source).map_or("", |source| source.title.as_str());
    let name = service::name(thing).unwrap_or_else(|| title.to_owned());
    let (mut target_groups, mut attributes) = (Vec::new(), BTreeMap::new());
    let mut load_balancers = Vec::new();
    for (used, named) in &read.load_balancers {
        let mut used = used.clone();
        if let Some(named) = named {
            let (called, reading, at) = links::target_group(things, thing.source, named);
            stand_in::name_target_group(&mut used, &called);
            target_groups.extend(at.map(|at| (called.clone(), at)));
            attributes.insert(called, reading);
        }
        load_balancers.push(used);
    }
    let (scaling, scaling_at) = links::scaling(things, thing, Some(&name));
    let places = Places {
        sources,
        service: Some(thing),
        definition: linked.clone().ok(),
        target_groups,
        scaling: scaling_at,
        tags: read.tags.iter().map(|(tag, (_, at))| (tag.clone(), at.clone())).collect(),
    };
    let definition = linked.as_ref().map(|(_, read)| *read).map_err(Clone::clone);
    let said = stand_in::of_service(policy, &read, load_balancers, attributes, scaling, definition);
    let mut open: Vec<(usize, Open)> = read.open.iter().map(|open| (thing.source, open.clone())).collect();
    if let Ok((thing, read)) = &linked {
        open.extend(read.open.iter().map(|open| (thing.source, open.clone())));
    }
    let definition = linked.ok().map(|(thing, _)| definition::name(thing));
    subject(SubjectKind::Service, name, definition, &places, said, open)
}

/// Puts together what the rules said and what was left open before they were asked.
fn subject(
    kind: SubjectKind,
    name: String,
    definition: Option<String>,
    places: &Places<'_>,
    said: stand_in::Said,
    open: Vec<(usize, Open)>,
) -> Subject {
    let found: Vec<Found> = said
        .found
        .into_iter()
        .map(|(rule, level, finding)| Found { at: places.of(&finding), rule, level, finding })
        .collect();
    // What is known already needs no word of what more there could be.
    let decided = |rule: Rule| rule == Rule::Redundancy && found.iter().any(|one| one.rule == rule);
    let mut grouped: Vec<NotJudged> = Vec::new();
    let said_open = said.open.into_iter().map(|(rule, why)| (places.own().0, Open { rule, why, pointer: None }));
    for (source, Open { rule, why, pointer }) in
        open.into_iter().chain(said_open).filter(|(_, open)| !decided(open.rule))
    {
        let at = places.at(pointer.map_or_else(|| places.own(), |pointer| (source, pointer)));
        match grouped.iter_mut().find(|one| one.why == why) {
            Some(same) if same.rules.contains(&rule) => {}
            Some(same) => same.rules.push(rule),
            None => grouped.push(NotJudged { rules: vec![rule], why, at }),
        }
    }
    let remarks = |of: fn(&definition::Read) -> &[Note]| -> Vec<Remark> {
        let definition = places.definition.into_iter();
        let notes = definition.flat_map(|(thing, read)| of(read).iter().map(|note| (thing.source, note)));
        notes
            .map(|(source, note)| Remark { problem: note.problem.clone(), at: places.at((source, note.path.clone())) })
            .collect()
    };
    Subject {
        kind,
        name,
        at: places.at(places.own()),
        definition,
        found,
        open: grouped,
        refused: remarks(|read| &read.refused),
        notes: remarks(|read| &read.notes),
    }
}

/// Families in words: `Fargate or EC2 Auto Scaling groups`.
fn either(families: &[Family]) -> String {
    families.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
