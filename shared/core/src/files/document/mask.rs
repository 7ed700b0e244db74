//! Go's template tokens in JSON and YAML, as ecspresso's files have them.
//!
//! A token may hold quotes, and may stand where JSON and YAML want a value. Each is overlaid with
//! characters that a parser takes, as many as there were, so that every place stays what it is.

/// A text in which tokens are overlaid.
pub(super) struct MaskedText {
    pub(super) text: String,
    /// The parts that were put in quotes: there the original text is the value.
    pub(super) spans: Vec<Masked>,
}

/// A part of a text, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Masked {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Overlays the tokens of a text; `None` where it has none.
pub(super) fn tokens(text: &str) -> Option<MaskedText> {
    if !text.contains("{{") {
        return None;
    }
    let json = text.trim_start().starts_with(['{', '[']);
    let mut bytes = text.as_bytes().to_vec();
    let mut spans = Vec::new();
    let (mut at, mut in_text) = (0, false);
    while let Some(byte) = bytes.get(at).copied() {
        let token = text.get(at..).filter(|rest| rest.starts_with("{{")).and_then(|rest| rest.split_once("}}"));
        match token {
            // What goes over several lines is no value.
            Some((token, _)) if !token.contains('\n') => {
                let mut end = at + token.len() + 2;
                let value = if json { !in_text } else { begins_value(text.get(..at).unwrap_or_default()) };
                if value && !json {
                    end = end_of_value(text, end);
                }
                overlay(&mut bytes, at, end, value);
                if value {
                    spans.push(Masked { start: at, end });
                }
                at = end;
            }
            _ => {
                match byte {
                    b'\\' if in_text => at += 1,
                    b'"' if json => in_text = !in_text,
                    _ => {}
                }
                at += 1;
            }
        }
    }
    // Only characters of one byte were changed, into such.
    Some(MaskedText { text: String::from_utf8(bytes).ok()?, spans })
}

/// Whether a value begins after this part of a text of YAML: in the same line, or in the next one.
fn begins_value(before: &str) -> bool {
    let trimmed = before.trim_end();
    let blank_between = trimmed.len() < before.len();
    trimmed.ends_with(['[', ',']) || (blank_between && trimmed.ends_with([':', '-']))
}

/// Where the value of a line of YAML ends that begins with a token.
fn end_of_value(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let line = rest.split_once('\n').map_or(rest, |(line, _)| line);
    let line = line.split_once(" #").map_or(line, |(value, _)| value);
    // Within a list in one line, the value ends before what ends it.
    let line = line.find([',', ']']).map_or(line, |end| line.get(..end).unwrap_or(line));
    from + line.trim_end().len()
}

fn overlay(bytes: &mut [u8], start: usize, end: usize, quoted: bool) {
    for byte in bytes.iter_mut().take(end).skip(start) {
        *byte = match *byte {
            b'"' => b'`',
            b'\\' => b'/',
            b'\t' => b' ',
            other => other,
        };
    }
    // The braces of a token are what becomes quotes.
    if quoted {
        for at in [start, end - 1] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = b'"';
            }
        }
    }
}
