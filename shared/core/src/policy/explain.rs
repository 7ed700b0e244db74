//! Turning a violation of the schema into a sentence that says what is allowed.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use super::parse::PolicyMistake;

/// The most characters of a value that are shown.
const SHOWN: usize = 60;

/// What a violation of the schema means: one mistake, or one for each unknown field.
pub(super) fn explain(schema: &Value, error: &ValidationError<'_>) -> Vec<PolicyMistake> {
    let path = error.instance_path().to_string();
    let rule = rule_of(schema, error);
    let given = error.instance();
    let one = |problem: String| vec![PolicyMistake::at(&path, problem)];
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.iter().map(|field| unknown_field(&path, field, rule)).collect()
        }
        ValidationErrorKind::Required { property } => {
            let field = property.as_str().unwrap_or_default();
            vec![PolicyMistake::at(&format!("{path}/{field}"), "is missing, and has no default".to_owned())]
        }
        ValidationErrorKind::MaxItems { limit } => {
            let count = given.as_array().map_or(0, Vec::len);
            one(format!("has {count} entries: at most {limit} are allowed"))
        }
        // Something, or nothing: what is wrong with the something, which stands first.
        ValidationErrorKind::AnyOf { context } => match context.first() {
            Some(of_it) => of_it.iter().flat_map(|error| explain(schema, error)).collect(),
            None => one(error.to_string()),
        },
        ValidationErrorKind::Type { .. } => one(wrong_type(given, rule)),
        ValidationErrorKind::Minimum { .. }
        | ValidationErrorKind::Maximum { .. }
        | ValidationErrorKind::Enum { .. }
        | ValidationErrorKind::OneOfNotValid { .. } => {
            one(format!("{} is not allowed: write {}", shown(given), allowed(rule)))
        }
        ValidationErrorKind::Pattern { .. } => one(format!("{} is not allowed: {}", shown(given), text_rule(rule))),
        _ => one(error.to_string()),
    }
}

/// The part of the schema that was violated: what holds the keyword.
fn rule_of<'a>(schema: &'a Value, error: &ValidationError<'_>) -> &'a Value {
    let keyword = error.schema_path().to_string();
    let holder = keyword.rsplit_once('/').map_or("", |(holder, _)| holder);
    schema.pointer(holder).unwrap_or(schema)
}

fn unknown_field(path: &str, field: &str, rule: &Value) -> PolicyMistake {
    // A JSON Pointer, as the paths of the validator are.
    let here = format!("{path}/{}", cut(field).replace('~', "~0").replace('/', "~1"));
    let problem = match rule["properties"].as_object() {
        Some(fields) => {
            let known: Vec<&str> = fields.keys().map(String::as_str).collect();
            format!(
                "there is no such field: {} has {}",
                if path.is_empty() { "the document" } else { path },
                known.join(", ")
            )
        }
        None => format!("{:?} is not allowed as a name: {}", cut(field), text_rule(rule)),
    };
    PolicyMistake::at(&here, problem)
}

fn wrong_type(given: &Value, rule: &Value) -> String {
    let allowed = allowed(rule);
    match given {
        Value::Null => format!("is empty: write {allowed}, or leave the line out"),
        Value::String(text) if is_number(rule) && text.parse::<f64>().is_ok() => {
            format!("{} is text: write {allowed}, without quotes", shown(given))
        }
        Value::Number(_) | Value::Bool(_) if rule["type"] == "string" => {
            format!("{given} is not text: write it in quotes; {}", text_rule(rule))
        }
        other => format!("{} is not allowed: write {allowed}", shown(other)),
    }
}

fn is_number(rule: &Value) -> bool {
    let kind = &rule["type"];
    kind == "integer" || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "integer"))
}

/// What a rule allows, as the object of "write".
fn allowed(rule: &Value) -> String {
    if let Some(options) = rule["oneOf"].as_array().or_else(|| rule["enum"].as_array()) {
        let names: Vec<&str> =
            options.iter().filter_map(|option| option.get("const").unwrap_or(option).as_str()).collect();
        return if names.is_empty() { "one of its forms".to_owned() } else { names.join(" or ") };
    }
    if is_number(rule) {
        let least = rule["minimum"].as_i64().unwrap_or(0);
        return match rule["maximum"].as_i64() {
            Some(most) => format!("a whole number from {least} to {most}"),
            None => format!("a whole number of {least} or more"),
        };
    }
    match rule["type"].as_str() {
        Some("boolean") => "true or false".to_owned(),
        Some("array") => "a list".to_owned(),
        Some("object") => match rule["properties"].as_object() {
            Some(fields) => {
                let known: Vec<&str> = fields.keys().map(String::as_str).collect();
                format!("a group of the fields {}", known.join(", "))
            }
            None => "a group of named entries".to_owned(),
        },
        _ => "text".to_owned(),
    }
}

fn text_rule(rule: &Value) -> &str {
    rule["patternErrorMessage"].as_str().unwrap_or("any text")
}

/// A value as it is shown in a sentence, cut where it is long.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("{:?}", cut(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a group of fields".to_owned(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
