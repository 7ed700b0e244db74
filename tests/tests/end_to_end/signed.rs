//! Signed requests to a MiniStack that enforces IAM, where no JSON is spoken.

use serde_json::Value;
use spotkeeper_tests::signed::post;

/// Calls an operation of IAM; the answer is XML.
pub(crate) fn iam(url: &str, operation: &str, parameters: &[(&str, &str)]) -> String {
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("Action", operation).append_pair("Version", "2010-05-08").extend_pairs(parameters);
    post(url, "iam", &[("content-type", "application/x-www-form-urlencoded")], &body.finish()).unwrap()
}

/// Invokes a function; what it answered.
pub(crate) fn invoke(url: &str, function: &str, input: &Value) -> String {
    let url = format!("{url}/2015-03-31/functions/{function}/invocations");
    post(&url, "lambda", &[], &input.to_string()).unwrap()
}
