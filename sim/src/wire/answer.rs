//! The answer on the wire: one encoder for each protocol.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use serde_json::{Value, json};

use super::protocol::{Call, Service};
use crate::world::Refusal;

/// The answer on the wire.
pub(super) fn encode(call: &Call, outcome: Result<Value, Refusal>) -> Response<Body> {
    match (call.service.is_json(), outcome) {
        (true, Ok(answer)) => respond(StatusCode::OK, "application/x-amz-json-1.1", without_nulls(answer).to_string()),
        (true, Err(refusal)) => json_refusal(&refusal),
        (false, Ok(answer)) => respond(StatusCode::OK, "text/xml", xml_answer(call, &without_nulls(answer))),
        (false, Err(refusal)) => xml_refusal(call.service, &refusal),
    }
}

pub(super) fn json_refusal(refusal: &Refusal) -> Response<Body> {
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
        "DryRunOperation" => StatusCode::PRECONDITION_FAILED,
        _ => StatusCode::BAD_REQUEST,
    }
}

pub(super) fn xml_refusal(service: Service, refusal: &Refusal) -> Response<Body> {
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
    // An action that answers nothing has no result.
    let result = if body.is_empty() { body } else { format!("<{name}Result>{body}</{name}Result>") };
    format!(
        "{XML}<{name}Response xmlns=\"{ns}\">{result}<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{name}Response>"
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
}
