//! What CloudFormation's functions stand for, as far as a template says it itself.
//!
//! A parameter has the value that it is given; its default is no value, because a deployment may say
//! otherwise. Sources: "Ref", "Fn::GetAtt", "Fn::Sub" and "Pseudo parameters reference",
//! CloudFormation user guide.

use std::collections::BTreeMap;

use serde_json::Value;

use super::node::{Node, cut, token};

/// Parameters by name, as somebody gave them.
pub type Parameters = BTreeMap<String, String>;

/// The defaults that a template states for its parameters.
#[must_use]
pub(super) fn defaults(template: &Value) -> Parameters {
    let parameters = template.get("Parameters").and_then(Value::as_object).into_iter().flatten();
    let default = |parameter: &Value| match parameter.get("Default")? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    parameters.filter_map(|(name, parameter)| Some((name.clone(), default(parameter)?))).collect()
}

/// Fills parameters in, and takes away what `AWS::NoValue` stands for.
pub(super) fn fill_in(value: &mut Value, parameters: &Parameters) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(item, parameters)),
        Value::Object(fields) => {
            fields.values_mut().for_each(|field| fill_in(field, parameters));
            if let Some(filled) = filled_in(value, parameters) {
                *value = filled;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a function comes to; `None` where it is none, or is not known.
fn filled_in(value: &Value, parameters: &Parameters) -> Option<Value> {
    match function(value)? {
        ("Ref", Value::String(name)) if name == "AWS::NoValue" => Some(Value::Null),
        ("Ref", Value::String(name)) => parameters.get(name).cloned().map(Value::String),
        ("Fn::Sub", Value::String(text)) => substituted(text, parameters).map(Value::String),
        _ => None,
    }
}

/// A text with every variable filled in; `None` where one is not known.
fn substituted(text: &str, parameters: &Parameters) -> Option<String> {
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, variable)) = rest.split_once("${") {
        let (name, after) = variable.split_once('}')?;
        done.push_str(before);
        match name.strip_prefix('!') {
            Some(literal) => done.push_str(&format!("${{{literal}}}")),
            None => done.push_str(parameters.get(name.trim())?),
        }
        rest = after;
    }
    done.push_str(rest);
    Some(done)
}

/// A function's name and argument.
fn function(value: &Value) -> Option<(&str, &Value)> {
    let fields = value.as_object().filter(|fields| fields.len() == 1)?;
    let (name, argument) = fields.iter().next()?;
    (name == "Ref" || name.starts_with("Fn::")).then_some((name.as_str(), argument))
}

/// What names a thing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// Its name or its ARN.
    Text(&'a str),
    /// The logical ids that the name is made of: of resources, of parameters.
    Logical(Vec<&'a str>),
    /// Something that is filled in later.
    Unknown(String),
}

/// Reads what names a thing.
pub(super) fn name<'a>(node: &Node<'a>) -> Name<'a> {
    let logical = logical_ids(node.value);
    match (node.value, token(node.value)) {
        _ if !logical.is_empty() => Name::Logical(logical),
        (value, Some(_)) => Name::Unknown(told(value).unwrap_or_default()),
        (Value::String(text), None) => Name::Text(text),
        (other, None) => Name::Unknown(cut(&other.to_string())),
    }
}

/// What a value is that is filled in later, in words: `!Ref Count`, `{{ env "N" }}`; `None` where it is none.
pub(super) fn told(value: &Value) -> Option<String> {
    let token = token(value)?;
    match function(value) {
        Some((name, Value::String(argument))) => {
            Some(cut(&format!("!{} {argument}", name.strip_prefix("Fn::").unwrap_or(name))))
        }
        Some((name, _)) => Some(format!("!{}", name.strip_prefix("Fn::").unwrap_or(name))),
        None => Some(token),
    }
}

/// The logical ids that functions within a value name, the value of `ImportValue` aside.
fn logical_ids(value: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    collect(value, &mut found, 0);
    found
}

fn collect<'a>(value: &'a Value, found: &mut Vec<&'a str>, depth: usize) {
    // Functions are not nested that deep.
    if depth > 8 {
        return;
    }
    match function(value) {
        Some(("Ref", Value::String(name))) => found.push(name),
        Some(("Fn::GetAtt", Value::Array(parts))) => found.extend(parts.first().and_then(Value::as_str)),
        Some(("Fn::GetAtt", Value::String(text))) => found.push(text.split('.').next().unwrap_or(text)),
        Some(("Fn::Sub", Value::String(text))) => found.extend(variables(text)),
        Some(("Fn::Sub", Value::Array(parts))) => {
            found.extend(parts.first().and_then(Value::as_str).into_iter().flat_map(variables));
            for value in parts.get(1).and_then(Value::as_object).into_iter().flat_map(|given| given.values()) {
                collect(value, found, depth + 1);
            }
        }
        // The parts of a text, of which any may be a name.
        Some(("Fn::Join", Value::Array(parts))) => {
            for item in parts.get(1).and_then(Value::as_array).into_iter().flatten() {
                collect(item, found, depth + 1);
            }
        }
        _ => {}
    }
}

/// The logical ids in a text of `Fn::Sub`: `${Service}`, `${Service.Name}`.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|part| {
        let (variable, _) = part.split_once('}')?;
        (!variable.starts_with('!')).then(|| variable.split('.').next().unwrap_or(variable).trim())
    })
}

/// The text in which a function fills something in: `web:${Tag}` of `Fn::Sub`, or the text itself.
pub(super) fn pattern(value: &Value) -> Option<&str> {
    match (value, function(value)) {
        (Value::String(text), _) => Some(text),
        (_, Some(("Fn::Sub", Value::String(text)))) => Some(text),
        (_, Some(("Fn::Sub", Value::Array(parts)))) => parts.first().and_then(Value::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_given_is_filled_in_and_nothing_else() {
        let parameters = Parameters::from([("Tag".to_owned(), "7".to_owned())]);
        let cases = [
            ("a parameter", json!({ "Ref": "Tag" }), json!("7")),
            ("another", json!({ "Ref": "Other" }), json!({ "Ref": "Other" })),
            ("no value", json!({ "Ref": "AWS::NoValue" }), Value::Null),
            ("within a text", json!({ "Fn::Sub": "web:${Tag}" }), json!("web:7")),
            ("twice, with a literal", json!({ "Fn::Sub": "${Tag}${!Tag}${Tag}" }), json!("7${Tag}7")),
            ("one of two", json!({ "Fn::Sub": "${Tag}${Other}" }), json!({ "Fn::Sub": "${Tag}${Other}" })),
            ("never closed", json!({ "Fn::Sub": "${Tag" }), json!({ "Fn::Sub": "${Tag" })),
            ("deep within", json!([{ "a": [{ "Ref": "Tag" }] }]), json!([{ "a": ["7"] }])),
            ("a choice", json!({ "Fn::If": ["C", 1, 2] }), json!({ "Fn::If": ["C", 1, 2] })),
        ];
        for (name, mut given, expected) in cases {
            fill_in(&mut given, &parameters);
            assert_eq!(given, expected, "{name}");
        }
    }

    #[test]
    fn the_defaults_of_a_template_are_those_that_it_states() {
        let template = json!({ "Parameters": {
            "Count": { "Type": "Number", "Default": 2 }, "Tag": { "Type": "String" }, "On": { "Default": "yes" },
        } });
        let expected = [("Count", "2"), ("On", "yes")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(defaults(&template), Parameters::from(expected));
        assert_eq!(defaults(&json!([])), Parameters::new());
    }

    #[test]
    fn names_are_texts_or_made_of_logical_ids() {
        let cases = [
            ("a text", json!("web"), Name::Text("web")),
            ("a resource", json!({ "Ref": "Web" }), Name::Logical(vec!["Web"])),
            ("its attribute", json!({ "Fn::GetAtt": ["Web", "Name"] }), Name::Logical(vec!["Web"])),
            ("the same as a text", json!({ "Fn::GetAtt": "Web.Name" }), Name::Logical(vec!["Web"])),
            (
                "a text of two",
                json!({ "Fn::Sub": "service/${Cluster}/${Web.Name}" }),
                Name::Logical(vec!["Cluster", "Web"]),
            ),
            (
                "joined",
                json!({ "Fn::Join": ["/", ["service", { "Ref": "Cluster" }, { "Fn::GetAtt": ["Web", "Name"] }]] }),
                Name::Logical(vec!["Cluster", "Web"]),
            ),
            (
                "with names of its own",
                json!({ "Fn::Sub": ["${a}", { "a": { "Ref": "Web" } }] }),
                Name::Logical(vec!["a", "Web"]),
            ),
            ("imported", json!({ "Fn::ImportValue": "web" }), Name::Unknown("!ImportValue web".to_owned())),
            ("a token", json!("{{ env }}"), Name::Unknown("{{ env }}".to_owned())),
            ("a number", json!(7), Name::Unknown("7".to_owned())),
        ];
        for (case, value, expected) in cases {
            assert_eq!(name(&Node::root(&value)), expected, "{case}");
        }
    }

    #[test]
    fn the_text_of_a_function_is_what_it_fills_in() {
        let cases = [
            ("a text", json!("web:7"), Some("web:7")),
            ("a function's", json!({ "Fn::Sub": "web:${Tag}" }), Some("web:${Tag}")),
            ("with names of its own", json!({ "Fn::Sub": ["web:${a}", { "a": 7 }] }), Some("web:${a}")),
            ("another function", json!({ "Ref": "Tag" }), None),
            ("a number", json!(7), None),
        ];
        for (name, value, expected) in cases {
            assert_eq!(pattern(&value), expected, "{name}");
        }
    }

    #[test]
    fn functions_are_followed_eight_levels_deep() {
        let joined = |value| json!({ "Fn::Join": ["/", [value]] });
        let filled = |value| json!({ "Fn::Sub": ["", { "a": value }] });
        let deep = |levels: usize, wrap: &dyn Fn(Value) -> Value| {
            (0..levels).fold(json!({ "Ref": "Web" }), |value, _| wrap(value))
        };
        let cases = [("joined", &joined as &dyn Fn(Value) -> Value), ("filled in", &filled)];
        for (name, wrap) in cases {
            assert_eq!(logical_ids(&deep(8, wrap)), ["Web"], "{name}");
            assert!(logical_ids(&deep(9, wrap)).is_empty(), "{name}: too deep");
        }
    }
}
