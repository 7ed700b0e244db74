//! Placement constraints: `distinctInstance`, and `memberOf` with the cluster query language.

use super::World;
use super::instances::Instance;
use super::rules::Rule;
use super::services::{Scheduling, Service};
use super::task_definitions::TaskDefinition;

/// What a service's tasks want of an instance.
pub(super) struct Wants {
    distinct: bool,
    member_of: Vec<Expression>,
}

impl Wants {
    /// Whether the instance will do, that has so many tasks of the service already.
    pub(super) fn accept(&self, instance: &Instance, own: usize) -> bool {
        !(self.distinct && own > 0) && self.member_of.iter().all(|e| e.holds(instance))
    }
}

impl World {
    /// "distinctInstance: place each task on a different container instance. memberOf: place tasks on
    /// container instances that satisfy an expression" (developer guide, placement constraints). A
    /// task definition may have memberOf alone.
    pub(super) fn wants_of(&self, service: &Service, task_definition: &TaskDefinition) -> Wants {
        if !self.holds(Rule::PlacementConstraints) {
            return Wants { distinct: false, member_of: Vec::new() };
        }
        let of_service = service.spec.placement_constraints.iter();
        let expressions = of_service.clone().filter_map(|c| c.expression.as_deref());
        let of_task = task_definition.placement_constraints.iter().filter_map(|c| c.get("expression")?.as_str());
        Wants {
            distinct: of_service.clone().any(|c| c.kind == "distinctInstance")
                || service.spec.scheduling == Scheduling::Daemon,
            // The account file and UpdateService refuse what cannot be read.
            member_of: expressions.chain(of_task).filter_map(|e| Expression::read(e).ok()).collect(),
        }
    }
}

/// An expression of the cluster query language: comparisons of attributes and of `ec2InstanceId`,
/// joined by `and` and `or` (`and` binds closer). Brackets, `not`, `task:group` and the other subjects
/// are not modelled.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression(Vec<Vec<Comparison>>);

#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    /// An attribute's name; `None`: the instance's id.
    attribute: Option<String>,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq)]
enum Operator {
    Equals(String),
    Differs(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    ExistsNot,
    /// A pattern with `*` for any text.
    Matches(String),
}

const ALLOWED: &str = "allowed are comparisons such as `attribute:ecs.instance-type == m5.large` or `ec2InstanceId in [i-1, i-2]`, with ==, !=, =~ (and * for any text), in [a, b], !in [a, b], exists and !exists, joined by `and` and `or`";

impl Expression {
    /// Reads an expression; the error says what is allowed.
    pub fn read(text: &str) -> Result<Self, String> {
        let comparisons = |part: &str| part.split(" and ").map(Comparison::read).collect::<Option<Vec<_>>>();
        let all: Option<Vec<_>> = text.split(" or ").map(comparisons).collect();
        all.map(Self).ok_or_else(|| format!("the expression {text:?} cannot be read: {ALLOWED}"))
    }

    /// Whether an instance satisfies it.
    pub fn holds(&self, instance: &Instance) -> bool {
        self.0.iter().any(|all| all.iter().all(|c| c.holds(instance)))
    }
}

impl Comparison {
    fn read(text: &str) -> Option<Self> {
        let (subject, rest) = text.trim().split_once(char::is_whitespace)?;
        let attribute = match subject.strip_prefix("attribute:") {
            None if subject != "ec2InstanceId" => return None,
            name => name.map(str::to_owned),
        };
        let (operator, argument) = match rest.trim().split_once(char::is_whitespace) {
            Some((operator, argument)) => (operator, argument.trim()),
            None => (rest.trim(), ""),
        };
        let word = || (!argument.is_empty() && !argument.contains(['[', ']', ' '])).then(|| argument.to_owned());
        let list = || {
            let inner = argument.strip_prefix('[')?.strip_suffix(']')?;
            Some(inner.split(',').map(|v| v.trim().to_owned()).collect())
        };
        let operator = match operator {
            "==" | "equals" => Operator::Equals(word()?),
            "!=" | "not_equals" => Operator::Differs(word()?),
            "=~" | "matches" => Operator::Matches(word()?),
            "in" => Operator::In(list()?),
            "!in" | "not_in" => Operator::NotIn(list()?),
            "exists" if argument.is_empty() => Operator::Exists,
            "!exists" | "not_exists" if argument.is_empty() => Operator::ExistsNot,
            _ => return None,
        };
        Some(Self { attribute, operator })
    }

    fn holds(&self, instance: &Instance) -> bool {
        let value = self.attribute.as_ref().map_or(Some(&instance.id), |name| instance.attributes.get(name));
        match &self.operator {
            Operator::Equals(v) => value == Some(v),
            Operator::Differs(v) => value != Some(v),
            Operator::In(list) => value.is_some_and(|v| list.contains(v)),
            Operator::NotIn(list) => value.is_none_or(|v| !list.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::ExistsNot => value.is_none(),
            Operator::Matches(pattern) => value.is_some_and(|v| matches(pattern, v)),
        }
    }
}

/// Whether a text matches a pattern with `*` for any text.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            rest.char_indices().map(|(n, _)| n).chain([rest.len()]).any(|n| matches(tail, &rest[n..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_any_text() {
        assert!(matches("m5.*", "m5.large") && matches("*.large", "m5.large") && matches("m*.l*e", "m5.large"));
        assert!(!matches("m5.*", "c5.large") && !matches("m5", "m5.large"));
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_what_can() {
        for text in [
            "attribute:a == b",
            "attribute:a in [b, c] and attribute:d exists",
            "attribute:a !exists or attribute:a != b",
            "attribute:a =~ t2.*",
            "ec2InstanceId in [i-1, i-2]",
        ] {
            assert!(Expression::read(text).is_ok(), "{text}");
        }
        for text in ["", "task:group == service:x", "not(attribute:a == b)", "attribute:a in b", "attribute:a == "] {
            assert!(Expression::read(text).unwrap_err().contains("allowed are"), "{text}");
        }
    }
}
