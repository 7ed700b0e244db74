//! The three protocols: AWS JSON 1.1, AWS Query, and EC2's own Query. Each has one decoder and one
//! encoder here; the services see only [`Call`] and JSON values of serde structs.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::world::Refusal;

/// The services that are simulated, by their IAM prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Ecs,
    ApplicationAutoScaling,
    Quotas,
    Elbv2,
    AutoScaling,
    Ec2,
}

impl Service {
    /// As IAM names it: `ecs` in `ecs:ListServices`.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::ApplicationAutoScaling => "application-autoscaling",
            Self::Quotas => "servicequotas",
            Self::Elbv2 => "elasticloadbalancing",
            Self::AutoScaling => "autoscaling",
            Self::Ec2 => "ec2",
        }
    }

    /// The XML namespace of the Query services.
    fn namespace(self) -> &'static str {
        match self {
            Self::Elbv2 => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
            Self::AutoScaling => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
            _ => "http://ec2.amazonaws.com/doc/2016-11-15/",
        }
    }

    /// How the service says what every service has to say at times.
    pub(super) fn throttled(self) -> Refusal {
        match self {
            Self::Ecs | Self::ApplicationAutoScaling => Refusal::new("ThrottlingException", "Rate exceeded"),
            Self::Quotas => Refusal::new("TooManyRequestsException", "Rate exceeded"),
            Self::Elbv2 | Self::AutoScaling => Refusal::new("Throttling", "Rate exceeded"),
            Self::Ec2 => Refusal::new("RequestLimitExceeded", "Request limit exceeded."),
        }
    }

    /// The code of a denied call.
    pub(super) fn denied(self) -> &'static str {
        match self {
            Self::Ecs | Self::ApplicationAutoScaling | Self::Quotas => "AccessDeniedException",
            Self::Elbv2 | Self::AutoScaling => "AccessDenied",
            Self::Ec2 => "UnauthorizedOperation",
        }
    }

    fn is_json(self) -> bool {
        matches!(self, Self::Ecs | Self::ApplicationAutoScaling | Self::Quotas)
    }
}

/// A request, decoded.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) service: Service,
    /// Such as `ListServices`.
    pub(super) name: String,
    pub(super) input: Input,
    /// The request as text, for what only looks for names in it.
    pub(super) text: String,
}

/// What a request carries.
#[derive(Debug)]
pub(super) enum Input {
    /// AWS JSON.
    Json(Value),
    /// Query parameters.
    Query(Params),
}

impl Call {
    /// Such as `ecs:ListServices`.
    pub(super) fn action(&self) -> String {
        format!("{}:{}", self.service.prefix(), self.name)
    }
}

/// Query parameters, such as `TargetGroupArns.member.1`.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `PREFIX.1`, `PREFIX.2`, …
    pub(super) fn list(&self, prefix: &str) -> Vec<&str> {
        (1..=1_000).map_while(|n| self.get(&format!("{prefix}.{n}"))).collect()
    }

    /// `PREFIX.1.KEY` with its `PREFIX.1.VALUE`, and so on.
    pub(super) fn pairs(&self, prefix: &str, key: &str, value: &str) -> Vec<(String, String)> {
        (1..=1_000)
            .map_while(|n| {
                let k = self.get(&format!("{prefix}.{n}.{key}"))?;
                Some((k.to_owned(), self.get(&format!("{prefix}.{n}.{value}")).unwrap_or_default().to_owned()))
            })
            .collect()
    }

    /// `Filter.1.Name` with its `Filter.1.Value.1`, …
    pub(super) fn filters(&self) -> Vec<(String, Vec<String>)> {
        (1..=200)
            .map_while(|n| {
                let name = self.get(&format!("Filter.{n}.Name"))?.to_owned();
                Some((name, self.list(&format!("Filter.{n}.Value")).into_iter().map(str::to_owned).collect()))
            })
            .collect()
    }
}

/// Which service and action a request is for. `Err` is an answer.
pub(super) fn decode(headers: &HeaderMap, body: &[u8]) -> Result<Call, Box<Response<Body>>> {
    let text = String::from_utf8_lossy(body).into_owned();
    if let Some(target) = headers.get("x-amz-target").and_then(|t| t.to_str().ok()) {
        let (prefix, name) = target.split_once('.').unwrap_or((target, ""));
        let service = match prefix {
            "AmazonEC2ContainerServiceV20141113" => Service::Ecs,
            "AnyScaleFrontendService" => Service::ApplicationAutoScaling,
            "ServiceQuotasV20190624" => Service::Quotas,
            _ => {
                return Err(Box::new(json_refusal(&Refusal::new(
                    "UnknownOperationException",
                    format!("aws-sim does not know the target {target:?}"),
                ))));
            }
        };
        let input = if body.is_empty() { Ok(json!({})) } else { serde_json::from_slice(body) };
        return match input {
            Ok(input @ Value::Object(_)) => {
                Ok(Call { service, name: name.to_owned(), input: Input::Json(input), text })
            }
            Ok(_) => {
                Err(Box::new(json_refusal(&Refusal::new("SerializationException", "the body is not a JSON object"))))
            }
            Err(e) => Err(Box::new(json_refusal(&Refusal::new("SerializationException", e.to_string())))),
        };
    }
    let params = Params::parse(body);
    let service = match params.get("Version") {
        Some("2015-12-01") => Service::Elbv2,
        Some("2011-01-01") => Service::AutoScaling,
        Some("2016-11-15") => Service::Ec2,
        version => {
            let what = format!(
                "aws-sim speaks AWS JSON (an X-Amz-Target header) and AWS Query (Version 2015-12-01, 2011-01-01 or 2016-11-15); this request has Version {version:?}"
            );
            return Err(Box::new(xml_refusal(Service::Ec2, &Refusal::new("InvalidAction", what))));
        }
    };
    let name = params.get("Action").unwrap_or_default().to_owned();
    // Decoded, so that names can be looked for in it.
    let text = params.0.values().cloned().collect::<Vec<_>>().join("\n");
    Ok(Call { service, name, input: Input::Query(params), text })
}

/// The answer on the wire.
pub(super) fn encode(call: &Call, outcome: Result<Value, Refusal>) -> Response<Body> {
    match (call.service.is_json(), outcome) {
        (true, Ok(answer)) => respond(StatusCode::OK, "application/x-amz-json-1.1", without_nulls(answer).to_string()),
        (true, Err(refusal)) => json_refusal(&refusal),
        (false, Ok(answer)) => respond(StatusCode::OK, "text/xml", xml_answer(call, &without_nulls(answer))),
        (false, Err(refusal)) => xml_refusal(call.service, &refusal),
    }
}

fn json_refusal(refusal: &Refusal) -> Response<Body> {
    let status = status_of(refusal.code);
    respond(
        status,
        "application/x-amz-json-1.1",
        json!({"__type": refusal.code, "message": refusal.message}).to_string(),
    )
}

fn status_of(code: &str) -> StatusCode {
    match code {
        "ServerException" => StatusCode::INTERNAL_SERVER_ERROR,
        "RequestLimitExceeded" => StatusCode::SERVICE_UNAVAILABLE,
        "AccessDenied" | "UnauthorizedOperation" => StatusCode::FORBIDDEN,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn xml_refusal(service: Service, refusal: &Refusal) -> Response<Body> {
    let (code, message) = (escape(refusal.code), escape(&refusal.message));
    let id = request_id();
    let body = if service == Service::Ec2 {
        format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>{id}</RequestID></Response>"
        )
    } else {
        let ns = service.namespace();
        format!(
            "<ErrorResponse xmlns=\"{ns}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
        )
    };
    respond(status_of(refusal.code), "text/xml", format!("{XML}{body}"))
}

const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn xml_answer(call: &Call, answer: &Value) -> String {
    let (name, ns, id) = (&call.name, call.service.namespace(), request_id());
    if call.service == Service::Ec2 {
        let mut body = String::new();
        write_xml(&mut body, answer, "item");
        return format!("{XML}<{name}Response xmlns=\"{ns}\"><requestId>{id}</requestId>{body}</{name}Response>");
    }
    let mut body = String::new();
    write_xml(&mut body, answer, "member");
    format!(
        "{XML}<{name}Response xmlns=\"{ns}\"><{name}Result>{body}</{name}Result><ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{name}Response>"
    )
}

/// Writes a value as AWS's XML: an object's members are elements, a list's items are elements
/// called `member` (Query) or `item` (EC2).
fn write_xml(out: &mut String, value: &Value, item: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                out.push_str(&format!("<{name}>"));
                write_xml(out, member, item);
                out.push_str(&format!("</{name}>"));
            }
        }
        Value::Array(items) => {
            for member in items {
                out.push_str(&format!("<{item}>"));
                write_xml(out, member, item);
                out.push_str(&format!("</{item}>"));
            }
        }
        Value::String(text) => out.push_str(&escape(text)),
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}

/// AWS leaves absent members out; serde writes them as null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v))).collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    if let Ok(id) = header::HeaderValue::from_str(&request_id()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// Request ids are not part of the world: they need not be the same in every run.
fn request_id() -> String {
    let h = format!("{:032x}", fastrand::u128(..));
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_the_element_that_the_protocol_wants() {
        let mut out = String::new();
        write_xml(
            &mut out,
            &json!({"Tags": [{"Key": "a<b", "Value": "1"}], "Empty": [], "Count": 2, "On": true}),
            "member",
        );
        assert_eq!(
            out,
            "<Tags><member><Key>a&lt;b</Key><Value>1</Value></member></Tags><Empty></Empty><Count>2</Count><On>true</On>"
        );
    }

    #[test]
    fn absent_members_are_left_out() {
        assert_eq!(without_nulls(json!({"a": null, "b": [{"c": null, "d": 0}]})), json!({"b": [{"d": 0}]}));
    }

    #[test]
    fn parameters_are_read_as_lists_pairs_and_filters() {
        let p = Params::parse(
            b"A.member.1=x&A.member.2=y&Filter.1.Name=zone&Filter.1.Value.1=a&P.member.1.Key=k&P.member.1.Value=v",
        );
        assert_eq!(p.list("A.member"), ["x", "y"]);
        assert_eq!(p.filters(), [("zone".to_owned(), vec!["a".to_owned()])]);
        assert_eq!(p.pairs("P.member", "Key", "Value"), [("k".to_owned(), "v".to_owned())]);
    }
}
