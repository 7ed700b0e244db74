//! Whether a JSON request has the types of its shape.

use serde_json::{Map, Value};

use super::model::{Model, Shape};
use crate::world::Refusal;

/// The request with what its shape knows: null counts as absent, and what AWS does not know is passed
/// over, as AWS does. A wrong type is a `SerializationException`.
pub(super) fn conform(model: &Model, shape: &Shape, value: &Value) -> Result<Value, Refusal> {
    match (shape, value) {
        (Shape::Structure { members, .. }, Value::Object(given)) => given
            .iter()
            .filter(|(_, value)| !value.is_null())
            .filter_map(|(name, value)| Some((name, members.get(name)?, value)))
            .map(|(name, member, value)| Ok((name.clone(), conform(model, model.shape(member), value)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        (Shape::Map { value: of }, Value::Object(given)) => given
            .iter()
            .map(|(name, value)| Ok((name.clone(), conform(model, model.shape(of), value)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        (Shape::List { member, .. }, Value::Array(items)) => {
            items.iter().map(|item| conform(model, model.shape(member), item)).collect()
        }
        (Shape::String { .. }, Value::String(_))
        | (Shape::Timestamp | Shape::Float { .. }, Value::Number(_))
        | (Shape::Boolean, Value::Bool(_)) => Ok(value.clone()),
        (Shape::Integer { .. }, Value::Number(n)) if n.is_i64() => Ok(value.clone()),
        _ => Err(Refusal::new("SerializationException", mismatch(shape, value))),
    }
}

fn mismatch(shape: &Shape, value: &Value) -> String {
    let wanted = match shape {
        Shape::Structure { .. } => "a structure",
        Shape::Map { .. } => "a map",
        Shape::List { .. } => "a list",
        Shape::String { .. } => "a String",
        Shape::Integer { .. } => "an Integer",
        Shape::Float { .. } => "a Double",
        Shape::Boolean => "a Boolean",
        Shape::Timestamp => "a Timestamp",
    };
    let found = match value {
        Value::Array(_) => return format!("Start of list found where {wanted} is expected"),
        Value::Object(_) => return format!("Start of structure or map found where {wanted} is expected"),
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(n) if n.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
    };
    format!("{found} can not be converted to {wanted}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::protocol::Service;

    fn update(input: Value) -> Result<Value, String> {
        let model = Model::of(Service::Ecs);
        conform(model, model.request("UpdateService").unwrap(), &input)
            .map_err(|r| format!("{}: {}", r.code, r.message))
    }

    #[test]
    fn what_aws_does_not_know_is_passed_over_and_null_is_absent() {
        let input = json!({"service": "web", "more": 1, "desiredCount": null, "capacityProviderStrategy": [{"base": 1, "x": 2}]});
        assert_eq!(update(input), Ok(json!({"service": "web", "capacityProviderStrategy": [{"base": 1}]})));
    }

    #[test]
    fn wrong_types_are_told() {
        for (input, text) in [
            (json!({"service": 1}), "NUMBER_VALUE can not be converted to a String"),
            (json!({"service": ["web"]}), "Start of list found where a String is expected"),
            (json!({"desiredCount": "1"}), "STRING_VALUE can not be converted to an Integer"),
            (json!({"desiredCount": 1.5}), "DECIMAL_VALUE can not be converted to an Integer"),
            (json!({"forceNewDeployment": "true"}), "STRING_VALUE can not be converted to a Boolean"),
            (json!({"capacityProviderStrategy": {}}), "Start of structure or map found where a list is expected"),
            (json!({"capacityProviderStrategy": [null]}), "NULL_VALUE can not be converted to a structure"),
        ] {
            assert_eq!(update(input), Err(format!("SerializationException: {text}")));
        }
    }
}
