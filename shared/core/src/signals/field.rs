//! Fields of an event: each knows where it stands, so that a mistake is told with its place.

use jiff::Timestamp;
use serde_json::Value;

use crate::ids::InvalidName;

/// The longest text that is taken: the longest ARN, and more than Auto Scaling's messages.
const LONGEST: usize = 2_048;
/// The longest list that is taken: more than the providers of a strategy (20).
const MOST_ITEMS: usize = 100;

/// An event that is not what AWS documents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct EventError {
    /// The field, as a path: `detail/instance-id`.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Field<'a> {
    value: &'a Value,
    place: String,
}

impl<'a> Field<'a> {
    pub(super) const fn root(value: &'a Value) -> Field<'a> {
        Field { value, place: String::new() }
    }

    /// A field that must be there.
    pub(super) fn get(&self, name: &str) -> Result<Field<'a>, EventError> {
        self.optional(name)?.ok_or_else(|| EventError { place: self.below(name), problem: "is not there".to_owned() })
    }

    /// A field that need not be there; `null` is absent.
    pub(super) fn optional(&self, name: &str) -> Result<Option<Field<'a>>, EventError> {
        let fields = self.value.as_object().ok_or_else(|| self.wrong("an object"))?;
        let value = fields.get(name).filter(|value| !value.is_null());
        Ok(value.map(|value| Field { value, place: self.below(name) }))
    }

    pub(super) fn text(&self) -> Result<&'a str, EventError> {
        let text = self.value.as_str().ok_or_else(|| self.wrong("a text"))?;
        match text.len() <= LONGEST {
            true => Ok(text),
            false => Err(self.wrong(&format!("a text of at most {LONGEST} bytes"))),
        }
    }

    pub(super) fn items(&self) -> Result<Vec<Field<'a>>, EventError> {
        let items = self.value.as_array().ok_or_else(|| self.wrong("a list"))?;
        if items.len() > MOST_ITEMS {
            return Err(self.wrong(&format!("a list of at most {MOST_ITEMS}")));
        }
        let item = |(index, value): (usize, &'a Value)| Field { value, place: self.below(&index.to_string()) };
        Ok(items.iter().enumerate().map(item).collect())
    }

    pub(super) fn time(&self) -> Result<Timestamp, EventError> {
        self.text()?.parse().map_err(|_| self.wrong("a time (RFC 3339)"))
    }

    /// The text as a name.
    pub(super) fn parsed<T>(&self, parse: fn(&str) -> Result<T, InvalidName>) -> Result<T, EventError> {
        self.read(self.text()?, parse)
    }

    /// A part of the text as a name.
    pub(super) fn read<T>(&self, part: &str, parse: fn(&str) -> Result<T, InvalidName>) -> Result<T, EventError> {
        parse(part).map_err(|error| EventError { place: self.place.clone(), problem: error.to_string() })
    }

    /// What follows the resource type in the ARN of one of a service's resources.
    pub(super) fn resource(&self, service: &str, kind: &str) -> Result<&'a str, EventError> {
        let mut parts = self.text()?.splitn(6, ':');
        let found = match (parts.next(), parts.next(), parts.next(), parts.nth(2)) {
            (Some("arn"), Some(partition), Some(of), Some(resource)) if !partition.is_empty() && of == service => {
                resource.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')).filter(|rest| !rest.is_empty())
            }
            _ => None,
        };
        found.ok_or_else(|| self.wrong(&format!("the ARN of a {kind} of {service}")))
    }

    /// The mistake that it is not what is wanted.
    pub(super) fn wrong(&self, wanted: &str) -> EventError {
        let given: String = self.value.to_string().chars().take(80).collect();
        let place = if self.place.is_empty() { "the event".to_owned() } else { self.place.clone() };
        EventError { place, problem: format!("{given} is not {wanted}") }
    }

    fn below(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}/{name}", self.place) }
    }
}
