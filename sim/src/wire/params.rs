//! Query parameters, such as `TargetGroupArns.member.1`, as the JSON value that they stand for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::model::{Model, Reference, Shape};
use super::protocol::Service;
use crate::world::Refusal;

/// The parameters of one request.
pub(super) type Params = BTreeMap<String, String>;

/// What every Query request may carry beside the parameters of its action.
const COMMON: [&str; 2] = ["Action", "Version"];

/// Reads the request of an operation. A parameter that EC2 does not know is refused ("`UnknownParameter`
/// An unknown or unrecognized parameter was supplied", EC2 error codes); other services pass over it.
pub(super) fn read(service: Service, request: &Shape, params: &Params) -> Result<Value, Refusal> {
    let mut reader = Reader { service, model: Model::of(service), params, used: BTreeSet::new() };
    let value = reader.value(request, "")?.unwrap_or_else(|| Value::Object(Map::new()));
    let unknown = params.keys().find(|k| !reader.used.contains(*k) && !COMMON.contains(&k.as_str()));
    match unknown.filter(|_| service == Service::Ec2) {
        Some(name) => Err(Refusal::new("UnknownParameter", format!("The parameter {name} is not recognized"))),
        None => Ok(value),
    }
}

struct Reader<'a> {
    service: Service,
    model: &'static Model,
    params: &'a Params,
    used: BTreeSet<String>,
}

impl Reader<'_> {
    fn value(&mut self, shape: &Shape, at: &str) -> Result<Option<Value>, Refusal> {
        match shape {
            Shape::Structure { members, .. } => {
                let mut object = Map::new();
                for (name, member) in members {
                    let at = join(at, &self.wire_name(name, member));
                    if self.is_given(&at)
                        && let Some(value) = self.value(self.model.shape(member), &at)?
                    {
                        object.insert(name.clone(), value);
                    }
                }
                Ok(Some(Value::Object(object)))
            }
            Shape::List { member, .. } => self.list(member, at).map(Some),
            Shape::Map { .. } => Err(self.wrong(at, "a map, which no action of this simulator takes")),
            Shape::String { .. } | Shape::Timestamp => Ok(self.take(at).map(Value::String)),
            Shape::Integer { .. } => self.parsed(at, "an integer", |t| t.parse::<i64>().ok().map(Value::from)),
            Shape::Float { .. } => self.parsed(at, "a number", |t| t.parse::<f64>().ok().map(Value::from)),
            Shape::Boolean => self.parsed(at, "true or false", |t| t.parse::<bool>().ok().map(Value::from)),
        }
    }

    /// `AT.member.1`, or `AT.1` with EC2. `AT=` is an empty list.
    fn list(&mut self, member: &Reference, at: &str) -> Result<Value, Refusal> {
        let _empty = self.take(at);
        let items = if self.service == Service::Ec2 { at.to_owned() } else { format!("{at}.member") };
        let mut list = Vec::new();
        for n in 1.. {
            let item = format!("{items}.{n}");
            if !self.is_given(&item) {
                break;
            }
            list.extend(self.value(self.model.shape(member), &item)?);
        }
        Ok(Value::Array(list))
    }

    /// How a member is called in a request: EC2 begins every name with a capital.
    fn wire_name(&self, name: &str, member: &Reference) -> String {
        if self.service != Service::Ec2 {
            return member.location_name.clone().unwrap_or_else(|| name.to_owned());
        }
        let given = member.query_name.as_deref().or(member.location_name.as_deref()).unwrap_or(name);
        let mut letters = given.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
    }

    fn is_given(&self, at: &str) -> bool {
        let below = format!("{at}.");
        self.params.contains_key(at)
            || self.params.range(below.clone()..).next().is_some_and(|(k, _)| k.starts_with(&below))
    }

    fn take(&mut self, at: &str) -> Option<String> {
        let value = self.params.get(at)?;
        self.used.insert(at.to_owned());
        Some(value.clone())
    }

    fn parsed(
        &mut self,
        at: &str,
        what: &str,
        parse: impl Fn(&str) -> Option<Value>,
    ) -> Result<Option<Value>, Refusal> {
        let Some(text) = self.take(at) else {
            return Ok(None);
        };
        parse(&text).map(Some).ok_or_else(|| self.wrong(at, &format!("{text:?}, which is not {what}")))
    }

    fn wrong(&self, at: &str, what: &str) -> Refusal {
        match self.service {
            Service::Ec2 => Refusal::new("InvalidParameterValue", format!("The parameter {at} is {what}")),
            _ => Refusal::new("MalformedInput", format!("{at} is {what}")),
        }
    }
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_text(service: Service, operation: &str, text: &str) -> Result<Value, Refusal> {
        let params = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        read(service, Model::of(service).request(operation).unwrap(), &params)
    }

    #[test]
    fn query_lists_have_members() {
        let value = read_text(
            Service::Elbv2,
            "ModifyTargetGroupAttributes",
            "Action=x&TargetGroupArn=a&Attributes.member.1.Key=k&Attributes.member.1.Value=v&Attributes.member.2.Key=l&More=1",
        );
        assert_eq!(value, Ok(json!({"TargetGroupArn": "a", "Attributes": [{"Key": "k", "Value": "v"}, {"Key": "l"}]})));
        let empty = read_text(Service::Elbv2, "DescribeTargetGroups", "Names=&PageSize=3");
        assert_eq!(empty, Ok(json!({"Names": [], "PageSize": 3})));
    }

    #[test]
    fn ec2_lists_have_numbers_and_unknown_parameters_are_refused() {
        let value = read_text(
            Service::Ec2,
            "DescribeSubnets",
            "Version=x&Filter.1.Name=zone&Filter.1.Value.1=a&Filter.1.Value.2=b&SubnetId.1=s&DryRun=false",
        );
        assert_eq!(
            value,
            Ok(json!({"Filters": [{"Name": "zone", "Values": ["a", "b"]}], "SubnetIds": ["s"], "DryRun": false}))
        );
        for (text, code) in [
            ("Nope=1", "UnknownParameter"),
            ("SubnetId.2=a", "UnknownParameter"),
            ("DryRun=maybe", "InvalidParameterValue"),
            ("MaxResults=many", "InvalidParameterValue"),
        ] {
            assert_eq!(read_text(Service::Ec2, "DescribeSubnets", text).map_err(|r| r.code), Err(code), "{text}");
        }
        let wrong = read_text(Service::AutoScaling, "SetDesiredCapacity", "DesiredCapacity=1.5");
        assert_eq!(wrong.map_err(|r| r.code), Err("MalformedInput"));
    }
}
