//! What a plain text means, and what a tag does to it.

use serde_json::{Number, Value, json};

/// A plain scalar by the core schema of YAML 1.2, of which JSON's words and numbers are a part:
/// `yes` and `no` are text.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    number(text).map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

fn number(text: &str) -> Option<Number> {
    if !text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.')) {
        return None;
    }
    if let Ok(number) = serde_json::from_str(text) {
        return Some(number);
    }
    let whole = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(Number::from);
    if let Some(digits) = text.strip_prefix("0x") {
        return whole(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return whole(digits, 8);
    }
    // `+1`, `.5` and `1.`, which JSON has not. What begins with a zero is no number but a name.
    let decimal = text.trim_start_matches(['+', '-']);
    let looks = decimal.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !looks || (decimal.starts_with('0') && !decimal.starts_with("0.")) {
        return None;
    }
    match text.strip_prefix('+').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        Some(digits) => whole(digits, 10),
        None => text.parse().ok().and_then(Number::from_f64),
    }
}

/// The key and value of a short tag's long form. Source: "Intrinsic function reference",
/// CloudFormation user guide.
pub(super) fn long_form(tag: &str, value: Value) -> (String, Value) {
    match (tag, value) {
        ("Ref" | "Condition", value) => (tag.to_owned(), value),
        ("GetAtt", Value::String(text)) => {
            let parts = match text.split_once('.') {
                Some((resource, attribute)) => json!([resource, attribute]),
                None => json!([text]),
            };
            ("Fn::GetAtt".to_owned(), parts)
        }
        (tag, value) => (format!("Fn::{tag}"), value),
    }
}
