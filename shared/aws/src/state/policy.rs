//! The policy document in SSM.

use std::error::Error;

use aws_sdk_ssm::Client;
use spotkeeper_core::policy::{Policy, PolicyMistake, parse};

use super::error::port_error;

/// Reads and parses the policy. That it cannot be read is told as its mistake: the run becomes dry,
/// and a kill switch still works.
pub(super) async fn read(client: &Client, name: &str) -> Result<Policy, Vec<PolicyMistake>> {
    let mistake = |problem: String| Err(vec![PolicyMistake { path: "/".to_owned(), problem }]);
    let answer = match client.get_parameter().name(name).with_decryption(true).send().await {
        Ok(answer) => answer,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_parameter_not_found()) => {
            return mistake(format!("there is no policy at {name}"));
        }
        Err(error) => {
            let error = port_error("ssm:GetParameter", &format!("parameter {name}"), &error);
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            return mistake(format!("the policy cannot be read: {error}{cause}"));
        }
    };
    match answer.parameter.and_then(|parameter| parameter.value) {
        Some(text) => parse(&text),
        None => mistake(format!("there is no policy at {name}")),
    }
}
