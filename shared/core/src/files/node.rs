//! Walking a document: every value with its place, every mistake with it.

use serde_json::Value;

use super::amount::{Amount, parse};
use super::{Note, Problem};

/// A value and where it is.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    /// A JSON pointer.
    pub(super) path: String,
    key: &'a str,
    pub(super) value: &'a Value,
}

impl<'a> Node<'a> {
    pub(super) const fn root(value: &'a Value) -> Node<'a> {
        Node { path: String::new(), key: "", value }
    }

    fn child(&self, key: &'a str, value: &'a Value) -> Node<'a> {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        Node { path: format!("{}/{escaped}", self.path), key, value }
    }

    /// The key under which it stands.
    pub(super) const fn key(&self) -> &'a str {
        self.key
    }

    pub(super) fn is_object(&self) -> bool {
        self.value.is_object()
    }

    /// A field, its key in any case; `None` where it is not there, or null.
    pub(super) fn get(&self, key: &str) -> Option<Node<'a>> {
        let fields = self.value.as_object()?;
        let (key, value) = fields
            .get_key_value(key)
            .or_else(|| fields.iter().find(|(spelt, value)| spelt.eq_ignore_ascii_case(key) && !value.is_null()))?;
        (!value.is_null()).then(|| self.child(key, value))
    }

    /// All fields that are not null.
    pub(super) fn fields(&self) -> Vec<Node<'a>> {
        let fields = self.value.as_object().into_iter().flatten();
        fields.filter(|(_, value)| !value.is_null()).map(|(key, value)| self.child(key, value)).collect()
    }

    /// The items of a list that are not null.
    pub(super) fn items(&self) -> Vec<Node<'a>> {
        let items = self.value.as_array().into_iter().flatten().enumerate();
        items
            .filter(|(_, value)| !value.is_null())
            .map(|(index, value)| Node { path: format!("{}/{index}", self.path), key: self.key, value })
            .collect()
    }
}

/// What has been found so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) notes: Vec<Note>,
    pub(super) refused: Vec<Note>,
    /// Whether something that the rules rest upon could not be read.
    pub(super) unreadable: bool,
}

impl Reader {
    pub(super) fn note(&mut self, node: &Node<'_>, problem: Problem) {
        self.notes.push(Note { path: node.path.clone(), problem });
    }

    pub(super) fn refuse(&mut self, node: &Node<'_>, problem: Problem) {
        self.refused.push(Note { path: node.path.clone(), problem });
    }

    /// Refuses a value that the rules rest upon.
    fn unreadable(&mut self, node: &Node<'_>, problem: Problem) {
        self.refuse(node, problem);
        self.unreadable = true;
    }

    /// Notes the keys that are not known, and those that are there twice.
    pub(super) fn known_keys(&mut self, node: &Node<'_>, known: &[&str]) {
        let mut seen: Vec<String> = Vec::new();
        for field in node.fields() {
            let lower = field.key().to_ascii_lowercase();
            if !known.iter().any(|one| field.key().eq_ignore_ascii_case(one)) {
                self.note(&field, Problem::UnknownKey { key: cut(field.key()) });
            } else if seen.contains(&lower) {
                self.note(&field, Problem::KeyTwice { key: cut(field.key()) });
            }
            seen.push(lower);
        }
    }

    /// A text; an empty one is as good as none, and a token is refused.
    pub(super) fn text<'a>(&mut self, node: &Node<'a>, key: &str) -> Option<&'a str> {
        let field = node.get(key)?;
        self.text_of(&field)
    }

    fn text_of<'a>(&mut self, field: &Node<'a>) -> Option<&'a str> {
        match field.value {
            Value::String(text) if text.trim().is_empty() => {
                self.note(field, Problem::EmptyText);
                None
            }
            Value::String(text) => Some(text),
            value => {
                match token(value) {
                    Some(token) => self.refuse(field, Problem::TemplateToken { token }),
                    None => self.refuse(field, Problem::WrongType { expected: "a text".to_owned() }),
                }
                None
            }
        }
    }

    /// A name that ECS requires: 1 to 255 letters, digits, hyphens and underscores. One that ECS
    /// would refuse is answered all the same.
    pub(super) fn name(&mut self, node: &Node<'_>, key: &str) -> Option<String> {
        let Some(field) = node.get(key) else {
            self.refuse(node, Problem::Missing { key: key.to_owned() });
            return None;
        };
        let before = self.refused.len();
        let Some(name) = self.text_of(&field) else {
            if self.refused.len() == before {
                self.refuse(&field, Problem::Missing { key: key.to_owned() });
            }
            return None;
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if let Some(token) = token(field.value) {
            self.refuse(&field, Problem::TemplateToken { token });
        } else if name.len() > 255 || !name.bytes().all(plain) {
            let allowed = "1 to 255 letters, digits, hyphens and underscores".to_owned();
            self.refuse(&field, Problem::BadCharacters { allowed });
        }
        Some(name.to_owned())
    }

    /// One of the words that ECS knows, in any case.
    pub(super) fn choice<T: Copy>(&mut self, node: &Node<'_>, key: &str, words: &[(&str, T)]) -> Option<T> {
        let field = node.get(key)?;
        if field.value.as_str().is_some_and(|text| text.trim().is_empty()) {
            self.note(&field, Problem::EmptyText);
            return None;
        }
        self.choice_of(&field, words)
    }

    /// As [`Reader::choice`], of a value itself.
    pub(super) fn choice_of<T: Copy>(&mut self, field: &Node<'_>, words: &[(&str, T)]) -> Option<T> {
        let text = field.value.as_str();
        if let Some((_, choice)) = text.and_then(|text| words.iter().find(|(word, _)| text.eq_ignore_ascii_case(word)))
        {
            return Some(*choice);
        }
        let problem = match (token(field.value), text) {
            (Some(token), _) => Problem::TemplateToken { token },
            (None, Some(text)) => Problem::NotOneOf {
                value: cut(text),
                allowed: words.iter().map(|(word, _)| (*word).to_owned()).collect(),
            },
            (None, None) => Problem::WrongType { expected: "a text".to_owned() },
        };
        self.unreadable(field, problem);
        None
    }

    /// Task CPU or memory, as a number or as text.
    pub(super) fn amount(&mut self, node: &Node<'_>, key: &str, amount: Amount) -> Option<u64> {
        let field = node.get(key)?;
        match field.value {
            Value::Number(_) => self.number_of(&field),
            Value::String(text) if text.trim().is_empty() => {
                self.note(&field, Problem::EmptyText);
                None
            }
            Value::String(text) => match (parse(text, amount), token(field.value)) {
                (Some(number), _) => Some(number),
                (None, Some(token)) => {
                    self.unreadable(&field, Problem::TemplateToken { token });
                    None
                }
                (None, None) => {
                    self.unreadable(&field, Problem::NotANumber { text: cut(text) });
                    None
                }
            },
            value => {
                let problem = match token(value) {
                    Some(token) => Problem::TemplateToken { token },
                    None => Problem::WrongType { expected: "a number or a text".to_owned() },
                };
                self.unreadable(&field, problem);
                None
            }
        }
    }

    /// A whole number that is not negative.
    pub(super) fn number(&mut self, node: &Node<'_>, key: &str) -> Option<u64> {
        let field = node.get(key)?;
        self.number_of(&field)
    }

    pub(super) fn number_of(&mut self, field: &Node<'_>) -> Option<u64> {
        let problem = match field.value {
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) if number <= MOST.unsigned_abs() => return Some(number),
                (_, Some(value)) => Problem::OutOfRange { value, least: 0, most: MOST },
                (_, None) => Problem::NotANumber { text: cut(&number.to_string()) },
            },
            Value::String(text) if text.trim().is_empty() => {
                self.note(field, Problem::EmptyText);
                return None;
            }
            Value::String(text) => match (text.trim().parse::<u32>(), token(field.value)) {
                (Ok(number), _) if i64::from(number) <= MOST => {
                    self.note(field, Problem::NumberAsText);
                    return Some(u64::from(number));
                }
                (_, Some(token)) => Problem::TemplateToken { token },
                (_, None) => Problem::NotANumber { text: cut(text) },
            },
            value => match token(value) {
                Some(token) => Problem::TemplateToken { token },
                None => Problem::WrongType { expected: "a whole number".to_owned() },
            },
        };
        self.unreadable(field, problem);
        None
    }

    /// As [`Reader::number`] where the API has text, so that text needs no note.
    pub(super) fn number_quietly(&mut self, node: &Node<'_>, key: &str) -> Option<u64> {
        let field = node.get(key)?;
        let text = field.value.as_str().and_then(|text| text.trim().parse().ok());
        text.or_else(|| self.number_of(&field))
    }

    /// The objects of a list that can be read; anything else in it cannot.
    pub(super) fn objects<T>(
        &mut self,
        node: &Node<'_>,
        key: &str,
        mut read: impl FnMut(&mut Reader, &Node<'_>) -> Option<T>,
    ) -> Vec<T> {
        self.list(node, key, |reader, item| {
            // A function of a template is an object, too, and none of these.
            let token = token(item.value);
            if item.is_object() && token.is_none() {
                return read(reader, item);
            }
            let problem = match token {
                Some(token) => Problem::TemplateToken { token },
                None => Problem::WrongType { expected: "an object".to_owned() },
            };
            reader.unreadable(item, problem);
            None
        })
    }

    /// A name that the rules rest upon.
    pub(super) fn reference(&mut self, node: &Node<'_>, key: &str) -> Option<String> {
        let before = self.refused.len();
        let name = self.text(node, key).map(str::to_owned);
        if name.is_none() {
            if self.refused.len() == before {
                self.refuse(node, Problem::Missing { key: key.to_owned() });
            }
            self.unreadable = true;
        }
        name
    }

    /// The items of a list that can be read.
    pub(super) fn list<T>(
        &mut self,
        node: &Node<'_>,
        key: &str,
        mut read: impl FnMut(&mut Reader, &Node<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Some(field) = node.get(key) else {
            return Vec::new();
        };
        if !field.value.is_array() {
            let problem = match token(field.value) {
                Some(token) => Problem::TemplateToken { token },
                None => Problem::WrongType { expected: "a list".to_owned() },
            };
            self.unreadable(&field, problem);
        }
        field.items().iter().filter_map(|item| read(self, item)).collect()
    }
}

/// The largest number of the API: its integers have 32 bits.
const MOST: i64 = i32::MAX as i64;

/// The template token that a value is, or holds.
pub(super) fn token(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let pairs = [("${", "}"), ("{{", "}}"), ("<", ">"), ("$(", ")"), ("#{", "}")];
            let holds =
                pairs.iter().any(|(open, close)| text.split_once(open).is_some_and(|(_, rest)| rest.contains(close)));
            let stands_for = text.starts_with('$') || text.contains("PLACEHOLDER");
            (holds || stands_for).then(|| cut(text))
        }
        // CloudFormation's functions, in their long form.
        Value::Object(fields) => {
            let (key, _) = fields.iter().next().filter(|_| fields.len() == 1)?;
            (key == "Ref" || key.starts_with("Fn::")).then(|| cut(key))
        }
        _ => None,
    }
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
