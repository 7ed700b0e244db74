//! A value as a file gives it: there, not there, or filled in later.

use serde_json::Value;

use crate::files::cloudformation::told;
use crate::files::node::{Node, cut};

/// What a file says of something.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Given<T> {
    /// Nothing.
    Absent,
    /// This.
    Known(T),
    /// Something that is not known: why.
    Unknown(String),
}

impl<T> Given<T> {
    pub(super) fn known(self) -> Option<T> {
        match self {
            Given::Known(value) => Some(value),
            Given::Absent | Given::Unknown(_) => None,
        }
    }

    fn map<U>(self, of: impl FnOnce(T) -> Given<U>) -> Given<U> {
        match self {
            Given::Absent => Given::Absent,
            Given::Known(value) => of(value),
            Given::Unknown(why) => Given::Unknown(why),
        }
    }
}

/// A field that is no token.
fn field<'a>(node: &Node<'a>, key: &str) -> Given<Node<'a>> {
    let Some(field) = node.get(key) else {
        return Given::Absent;
    };
    match (field.value, told(field.value)) {
        (Value::String(text), _) if text.trim().is_empty() => Given::Absent,
        (_, Some(token)) => Given::Unknown(format!("{key} is {token}, which is filled in later")),
        (_, None) => Given::Known(field),
    }
}

fn wrong<T>(key: &str, field: &Node<'_>, expected: &str) -> Given<T> {
    Given::Unknown(format!("{key} is {}, not {expected}", cut(&field.value.to_string())))
}

/// A text.
pub(super) fn text<'a>(node: &Node<'a>, key: &str) -> Given<&'a str> {
    field(node, key).map(|field| match field.value {
        Value::String(text) => Given::Known(text.as_str()),
        _ => wrong(key, &field, "a text"),
    })
}

/// A whole number, which CloudFormation takes as text, too.
pub(super) fn number(node: &Node<'_>, key: &str) -> Given<u32> {
    field(node, key).map(|field| {
        let number = match field.value {
            Value::Number(number) => number.as_u64().and_then(|number| u32::try_from(number).ok()),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.map_or_else(|| wrong(key, &field, "a whole number"), Given::Known)
    })
}

/// Whether something is so.
pub(super) fn flag(node: &Node<'_>, key: &str) -> Given<bool> {
    field(node, key).map(|field| match field.value {
        Value::Bool(flag) => Given::Known(*flag),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Given::Known(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Given::Known(false),
        _ => wrong(key, &field, "true or false"),
    })
}

/// The items of a list.
pub(super) fn items<'a>(node: &Node<'a>, key: &str) -> Given<Vec<Node<'a>>> {
    field(node, key).map(|field| match field.value {
        Value::Array(_) => Given::Known(field.items()),
        _ => wrong(key, &field, "a list"),
    })
}

/// One of the words that ECS knows.
pub(super) fn word<T: Copy>(node: &Node<'_>, key: &str, words: &[(&str, T)]) -> Given<T> {
    text(node, key).map(|text| match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
        Some((_, meaning)) => Given::Known(*meaning),
        None => {
            let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            Given::Unknown(format!("{key} is {:?}, not one of {}", cut(text), allowed.join(", ")))
        }
    })
}
