//! Signed requests to a MiniStack that checks signatures.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use axum::http::Request;
use serde_json::Value;

/// Sends a request as the account's root and answers with the body; it must be taken.
pub(crate) fn post(url: &str, service: &str, headers: &[(&str, &str)], body: &str) -> String {
    let identity = Credentials::new("test", "test", None, None, "tests").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(service)
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .unwrap();
    let signable =
        SignableRequest::new("POST", url, headers.iter().copied(), SignableBody::Bytes(body.as_bytes())).unwrap();
    let (instructions, _) = sign(signable, &parameters.into()).unwrap().into_parts();
    let mut request = Request::post(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(body.to_owned()).unwrap();
    instructions.apply_to_request_http1x(&mut request);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent.run(request).unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    assert!(answer.status().is_success(), "{service} {headers:?} {body}: {text}");
    text
}

/// Calls an operation of a service that speaks JSON: `target` is the first part of `X-Amz-Target`.
pub(crate) fn json(url: &str, service: &str, target: &str, operation: &str, input: &Value) -> Value {
    let target = format!("{target}.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
    let text = post(url, service, &headers, &input.to_string());
    serde_json::from_str(&text).unwrap()
}

/// Calls an operation of IAM; the answer is XML.
pub(crate) fn iam(url: &str, operation: &str, parameters: &[(&str, &str)]) -> String {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("Action", operation).append_pair("Version", "2010-05-08").extend_pairs(parameters);
    post(url, "iam", &[("content-type", "application/x-www-form-urlencoded")], &body.finish())
}

/// Invokes a function; what it answered.
pub(crate) fn invoke(url: &str, function: &str, input: &Value) -> String {
    post(&format!("{url}/2015-03-31/functions/{function}/invocations"), "lambda", &[], &input.to_string())
}
