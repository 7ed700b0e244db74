//! From the events of a YAML parser to a value with its places.

use std::collections::BTreeMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};
use serde_json::{Map, Value};

use super::mask::Masked;
use super::{
    Document, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_TEXT_BYTES, MAX_VALUES, Mark, Place, Span, Unreadable, scalar,
};

/// Reads the one document of a text.
pub(super) fn document(text: &str, original: &str, masked: &[Masked]) -> Result<Document, Unreadable> {
    let options = granit_parser::options! {
        emit_comments: false,
        // JSON has keys of any length.
        simple_key_max_lookahead: MAX_DOCUMENT_BYTES,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut builder = Builder {
        parser: Parser::new_from_str_with_options(text, options),
        original,
        masked,
        anchors: BTreeMap::new(),
        values: 0,
        bytes: 0,
    };
    let mut found = None;
    loop {
        let (event, at) = builder.next()?;
        match event {
            Event::StreamEnd => break,
            Event::DocumentStart(..) if found.is_some() => {
                return Err(wrong(at.start, "a second document begins: give a file of its own to each"));
            }
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            event => found = Some(builder.node(event, at, 0)?),
        }
    }
    let (value, marks) =
        found.ok_or_else(|| Unreadable::whole("it holds nothing: a definition or a template was expected"))?;
    Ok(Document { value, marks })
}

/// One event with what it covers.
#[derive(Clone, Copy)]
struct Covered {
    start: Place,
    end: Place,
    byte: Option<usize>,
}

struct Builder<'a> {
    parser: Parser<'a, StrInput<'a>>,
    original: &'a str,
    masked: &'a [Masked],
    anchors: BTreeMap<usize, (Value, Mark)>,
    values: usize,
    bytes: usize,
}

impl<'a> Builder<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Covered), Unreadable> {
        let next = self.parser.next_event().unwrap_or_else(|| Ok((Event::StreamEnd, granit_parser::Span::default())));
        let (event, span) = next.map_err(|error| wrong(place(error.marker()), &error.info()))?;
        let start = span.tag_start().unwrap_or(span.start);
        let covered = Covered { start: place(&start), end: place(&span.end), byte: span.start.byte_offset() };
        Ok((event, covered))
    }

    /// The value that begins with an event.
    fn node(&mut self, event: Event<'a>, at: Covered, depth: usize) -> Result<(Value, Mark), Unreadable> {
        if depth > MAX_DEPTH {
            return Err(wrong(at.start, &format!("it is nested deeper than {MAX_DEPTH} levels")));
        }
        let mark = Mark { key: None, value: Span { start: at.start, end: at.end }, children: Vec::new() };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.count(at.start, 1, text.len())?;
                let value = self.scalar(&text, style, tag.as_deref(), at);
                Ok(self.finish(value, mark, anchor, tag.as_deref(), at)?)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.count(at.start, 1, 0)?;
                let (mut items, mut children) = (Vec::new(), Vec::new());
                loop {
                    let (event, at) = self.next()?;
                    if event == Event::SequenceEnd {
                        break;
                    }
                    let (value, mark) = self.node(event, at, depth + 1)?;
                    items.push(value);
                    children.push(mark);
                }
                self.finish(Value::Array(items), collection(mark, children), anchor, tag.as_deref(), at)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.count(at.start, 1, 0)?;
                let (fields, children) = self.fields(depth)?;
                self.finish(Value::Object(fields), collection(mark, children), anchor, tag.as_deref(), at)
            }
            Event::Alias(anchor) => {
                let Some((value, mark)) = self.anchors.get(&anchor).cloned() else {
                    return Err(wrong(at.start, "an alias stands within what it names"));
                };
                let (values, bytes) = size(&value);
                self.count(at.start, values, bytes)?;
                Ok((value, mark))
            }
            _ => Err(wrong(at.start, "a value was expected")),
        }
    }

    /// The fields of an object up to its end.
    fn fields(&mut self, depth: usize) -> Result<(Map<String, Value>, Vec<Mark>), Unreadable> {
        let (mut fields, mut children) = (Map::new(), Vec::new());
        let mut merged: Vec<(Value, Mark, Place)> = Vec::new();
        loop {
            let (event, at) = self.next()?;
            let key = match event {
                Event::MappingEnd => break,
                // `cpu: {{ x }}` begins such a key, too.
                Event::Scalar(text, style, _, None) => (text.into_owned(), style),
                _ => return Err(wrong(at.start, "a key must be a plain text")),
            };
            self.count(at.start, 1, key.0.len())?;
            let (event, value_at) = self.next()?;
            let (value, mut mark) = self.node(event, value_at, depth + 1)?;
            if key == ("<<".to_owned(), ScalarStyle::Plain) {
                merged.push((value, mark, at.start));
                continue;
            }
            if fields.contains_key(&key.0) {
                return Err(wrong(at.start, &format!("the key {:?} stands twice: take one away", key.0)));
            }
            mark.key = Some(Span { start: at.start, end: at.end });
            fields.insert(key.0, value);
            children.push(mark);
        }
        for (value, mark, at) in merged {
            merge(&mut fields, &mut children, value, mark)
                .ok_or_else(|| wrong(at, "<< takes an object, or a list of them"))?;
        }
        Ok((fields, children))
    }

    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Covered) -> Value {
        let masked = self.masked.iter().find(|one| Some(one.start) == at.byte && style == ScalarStyle::DoubleQuoted);
        if let Some(text) = masked.and_then(|one| self.original.get(one.start..one.end)) {
            return Value::String(text.to_owned());
        }
        match tag.and_then(Tag::core_suffix) {
            Some("str") => Value::String(text.to_owned()),
            Some(_) => scalar::plain(text),
            None if style == ScalarStyle::Plain => scalar::plain(text),
            None => Value::String(text.to_owned()),
        }
    }

    /// Puts a value into the long form of its tag, and keeps it for its aliases.
    fn finish(
        &mut self,
        value: Value,
        mark: Mark,
        anchor: usize,
        tag: Option<&Tag>,
        at: Covered,
    ) -> Result<(Value, Mark), Unreadable> {
        let custom =
            tag.filter(|tag| tag.core_suffix().is_none()).map(|tag| tag.suffix()).filter(|name| !name.is_empty());
        let (value, mark) = match custom {
            Some(name) => {
                let (key, value) = scalar::long_form(name, value);
                let outer = Mark { key: None, value: mark.value, children: vec![mark] };
                (Value::Object(Map::from_iter([(key, value)])), outer)
            }
            None => (value, mark),
        };
        if anchor > 0 {
            let (values, bytes) = size(&value);
            self.count(at.start, values, bytes)?;
            self.anchors.insert(anchor, (value.clone(), mark.clone()));
        }
        Ok((value, mark))
    }

    fn count(&mut self, at: Place, values: usize, bytes: usize) -> Result<(), Unreadable> {
        self.values = self.values.saturating_add(values);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.values > MAX_VALUES || self.bytes > MAX_TEXT_BYTES {
            let problem = format!("it holds more than {MAX_VALUES} values or {MAX_TEXT_BYTES} bytes of text");
            return Err(wrong(at, &problem));
        }
        Ok(())
    }
}

/// A list or an object is told by where it begins: its end is wherever the next thing is.
fn collection(mark: Mark, children: Vec<Mark>) -> Mark {
    Mark { value: Span { start: mark.value.start, end: mark.value.start }, children, ..mark }
}

/// Adds the fields of `<<` that are not there yet; `None` where they are no fields.
fn merge(fields: &mut Map<String, Value>, children: &mut Vec<Mark>, value: Value, mark: Mark) -> Option<()> {
    match value {
        Value::Object(more) => {
            for ((key, value), mark) in more.into_iter().zip(mark.children) {
                if !fields.contains_key(&key) {
                    fields.insert(key, value);
                    children.push(mark);
                }
            }
            Some(())
        }
        Value::Array(items) if items.iter().all(Value::is_object) => {
            items.into_iter().zip(mark.children).try_for_each(|(item, mark)| merge(fields, children, item, mark))
        }
        _ => None,
    }
}

/// How many values, and how many bytes of text, a value holds.
fn size(value: &Value) -> (usize, usize) {
    let sum = |sizes: &mut dyn Iterator<Item = (usize, usize)>| {
        sizes.fold((1_usize, 0_usize), |sum, one| (sum.0.saturating_add(one.0), sum.1.saturating_add(one.1)))
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => (1, 0),
        Value::String(text) => (1, text.len()),
        Value::Array(items) => sum(&mut items.iter().map(size)),
        Value::Object(fields) => sum(&mut fields.iter().map(|(key, value)| {
            let (values, bytes) = size(value);
            (values, bytes.saturating_add(key.len()))
        })),
    }
}

fn place(marker: &Marker) -> Place {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Place { line: number(marker.line()).max(1), column: number(marker.col()).saturating_add(1) }
}

fn wrong(at: Place, problem: &str) -> Unreadable {
    Unreadable { at: Some(at), problem: problem.chars().take(300).collect() }
}
