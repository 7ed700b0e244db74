//! The part of the cluster query language that can be checked from outside: clauses on an
//! instance's type, architecture and zone, joined by `and`.
//!
//! Source: "Create expressions to define container instances for Amazon ECS tasks", ECS developer
//! guide. Everything else (`or`, `not`, `task:`, custom attributes, patterns beyond `*`) is not
//! understood, and blocks.

use crate::observe::{Architecture, Group, InstanceType};

/// What an expression comes to over a group.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It holds for every type and zone.
    Holds,
    /// It does not hold on this type or zone.
    FailsOn(String),
    /// It cannot be told.
    Unknown,
}

/// Evaluates an expression over every instance type and zone of a group.
pub(super) fn evaluate(expression: &str, group: &Group, types: &[InstanceType]) -> Outcome {
    let mut fails_on = None;
    for clause in clauses(expression) {
        let Some(Clause { attribute, test }) = parse(clause) else {
            return Outcome::Unknown;
        };
        let failing = match attribute {
            "ecs.instance-type" => types.iter().map(|one| one.name.clone()).find(|name| !test.holds(name)),
            "ecs.cpu-architecture" => {
                types.iter().find(|one| !test.holds(architecture(one.architecture))).map(|one| one.name.clone())
            }
            "ecs.availability-zone" => group.zones.iter().find(|zone| !test.holds(zone)).cloned(),
            _ => return Outcome::Unknown,
        };
        fails_on = fails_on.or(failing);
    }
    fails_on.map_or(Outcome::Holds, Outcome::FailsOn)
}

/// The clauses of a conjunction.
fn clauses(expression: &str) -> impl Iterator<Item = &str> {
    expression.split("&&").flat_map(|part| part.split(" and ")).map(str::trim)
}

struct Clause<'a> {
    attribute: &'a str,
    test: Test<'a>,
}

enum Test<'a> {
    In(Vec<&'a str>),
    NotIn(Vec<&'a str>),
    /// A literal prefix, with `*` or `.*` after it.
    Prefix(&'a str),
}

impl Test<'_> {
    fn holds(&self, value: &str) -> bool {
        match self {
            Test::In(values) => values.contains(&value),
            Test::NotIn(values) => !values.contains(&value),
            Test::Prefix(prefix) => value.starts_with(prefix),
        }
    }
}

fn parse(clause: &str) -> Option<Clause<'_>> {
    let rest = clause.strip_prefix("attribute:")?;
    let (attribute, rest) = rest.split_once(char::is_whitespace)?;
    let (operator, value) = rest.trim().split_once(char::is_whitespace)?;
    let value = value.trim();
    let test = match operator {
        "==" | "equals" => Test::In(vec![plain(value)?]),
        "!=" | "not_equals" => Test::NotIn(vec![plain(value)?]),
        "in" => Test::In(list(value)?),
        "!in" | "not_in" => Test::NotIn(list(value)?),
        "=~" | "matches" => {
            let prefix = value.strip_suffix(".*").or_else(|| value.strip_suffix('*'))?;
            Test::Prefix(plain(prefix)?)
        }
        _ => return None,
    };
    Some(Clause { attribute, test })
}

fn list(text: &str) -> Option<Vec<&str>> {
    text.strip_prefix('[')?.strip_suffix(']')?.split(',').map(|one| plain(one.trim())).collect()
}

/// A value of plain characters: nothing that the language, or a pattern, gives a meaning. A dot in
/// a pattern stands for itself here, which is stricter than any character.
fn plain(text: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (!text.is_empty() && text.bytes().all(plain)).then_some(text)
}

const fn architecture(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X8664 => "x86_64",
        Architecture::Arm64 => "arm64",
    }
}
