//! What a request must have and may not exceed, by its shape, in the words of its service.

use serde_json::Value;

use super::model::{Bounds, Model, Shape};
use super::protocol::Service;
use crate::world::Refusal;

/// What is wrong with one member of a request.
struct Problem<'a> {
    /// Its name, with the names around it: `attributes.1.member.key`.
    path: String,
    /// What it is; `None` where it is missing.
    value: Option<&'a Value>,
    /// What it must be, as in "Member must …".
    must: String,
}

/// Refuses a request that lacks what its shape requires, or exceeds what it allows.
pub(super) fn check(service: Service, request: &Shape, input: &Value) -> Result<(), Refusal> {
    let mut problems = Vec::new();
    collect(Model::of(service), request, input, "", &mut problems);
    if problems.is_empty() { Ok(()) } else { Err(refusal(service, &problems)) }
}

fn collect<'a>(model: &Model, shape: &Shape, value: &'a Value, path: &str, problems: &mut Vec<Problem<'a>>) {
    let mut must = |must: String| problems.push(Problem { path: path.to_owned(), value: Some(value), must });
    match (shape, value) {
        (Shape::Structure { members, required }, Value::Object(given)) => {
            for name in required.iter().filter(|name| !given.contains_key(*name)) {
                problems.push(Problem { path: below(path, name), value: None, must: "not be null".to_owned() });
            }
            for (name, value) in given {
                if let Some(member) = members.get(name) {
                    collect(model, model.shape(member), value, &below(path, name), problems);
                }
            }
        }
        (Shape::List { member, bounds }, Value::Array(items)) => {
            outside(bounds, items.len() as f64, "length ").into_iter().for_each(&mut must);
            for (n, item) in items.iter().enumerate() {
                collect(model, model.shape(member), item, &format!("{path}.{}.member", n + 1), problems);
            }
        }
        (Shape::String { bounds, allowed }, Value::String(text)) => {
            outside(bounds, text.chars().count() as f64, "length ").into_iter().for_each(&mut must);
            if !allowed.is_empty() && !allowed.contains(text) {
                must(format!("satisfy enum value set: [{}]", allowed.join(", ")));
            }
        }
        (Shape::Integer { bounds } | Shape::Float { bounds }, Value::Number(n)) => {
            outside(bounds, n.as_f64().unwrap_or_default(), "value ").into_iter().for_each(must);
        }
        _ => {}
    }
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { lower(name) } else { format!("{path}.{}", lower(name)) }
}

/// `targetGroupArn` for `TargetGroupArn`.
pub(super) fn lower(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn outside(bounds: &Bounds, size: f64, what: &str) -> Option<String> {
    match (bounds.min, bounds.max) {
        (_, Some(max)) if size > max => Some(format!("have {what}less than or equal to {max}")),
        (Some(min), _) if size < min => Some(format!("have {what}greater than or equal to {min}")),
        _ => None,
    }
}

fn refusal(service: Service, problems: &[Problem<'_>]) -> Refusal {
    let first = &problems[0];
    match service {
        Service::Ecs => Refusal::invalid(match first.value {
            None => format!("{} cannot be blank.", first.path),
            Some(value) => format!("Invalid {}: {value} must {}.", first.path, first.must),
        }),
        // "The request must contain the parameter …" is how EC2 words a missing one.
        Service::Ec2 => match first.value {
            None => Refusal::new("MissingParameter", format!("The request must contain the parameter {}", first.path)),
            Some(value) => Refusal::new(
                service.invalid(),
                format!("Value ( {} ) for parameter {} is invalid. It must {}.", plain(value), first.path, first.must),
            ),
        },
        _ => Refusal::new(service.invalid(), all(problems)),
    }
}

/// Every problem, in the words that most services share.
fn all(problems: &[Problem<'_>]) -> String {
    let told: Vec<String> = problems
        .iter()
        .map(|p| {
            let value = p.value.map_or_else(|| "null".to_owned(), |v| format!("'{}'", plain(v)));
            format!("Value {value} at '{}' failed to satisfy constraint: Member must {}", p.path, p.must)
        })
        .collect();
    let errors = if told.len() == 1 { "error" } else { "errors" };
    format!("{} validation {errors} detected: {}", told.len(), told.join("; "))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_service_says_it_in_its_words() {
        let table = [
            (Service::Ecs, "UpdateService", json!({}), "InvalidParameterException: service cannot be blank."),
            (
                Service::Ecs,
                "ListServices",
                json!({"launchType": "X"}),
                "InvalidParameterException: Invalid launchType: \"X\" must satisfy enum value set: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES].",
            ),
            (
                Service::Ec2,
                "GetSpotPlacementScores",
                json!({}),
                "MissingParameter: The request must contain the parameter targetCapacity",
            ),
            (
                Service::Ec2,
                "GetSpotPlacementScores",
                json!({"TargetCapacity": 1, "MaxResults": 9}),
                "InvalidParameterValue: Value ( 9 ) for parameter maxResults is invalid. It must have value greater than or equal to 10.",
            ),
            (
                Service::Elbv2,
                "ModifyTargetGroupAttributes",
                json!({"Attributes": [{"Key": ""}, {"Key": "k".repeat(257)}]}),
                &format!(
                    "ValidationError: 2 validation errors detected: Value null at 'targetGroupArn' failed to satisfy constraint: Member must not be null; Value '{}' at 'attributes.2.member.key' failed to satisfy constraint: Member must have length less than or equal to 256",
                    "k".repeat(257)
                ),
            ),
            (
                Service::AutoScaling,
                "SetDesiredCapacity",
                json!({"AutoScalingGroupName": "", "DesiredCapacity": 1}),
                "ValidationError: 1 validation error detected: Value '' at 'autoScalingGroupName' failed to satisfy constraint: Member must have length greater than or equal to 1",
            ),
            (
                Service::Quotas,
                "ListServiceQuotas",
                json!({"ServiceCode": "ec2", "MaxResults": 101}),
                "IllegalArgumentException: 1 validation error detected: Value '101' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 100",
            ),
        ];
        for (service, operation, input, text) in table {
            let told = check(service, Model::of(service).request(operation).unwrap(), &input).unwrap_err();
            assert_eq!(format!("{}: {}", told.code, told.message), text);
        }
    }
}
