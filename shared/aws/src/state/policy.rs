//! The policy document in SSM.

use aws_sdk_ssm::Client;
use spotkeeper_core::policy::{Policy, PolicyMistake, parse};
use spotkeeper_core::ports::PortError;

use super::error::port_error;

/// Reads and parses the policy. That it is absent, or that the role may not read it, is told as
/// its mistake: the run becomes dry, and a kill switch still works.
pub(super) async fn read(client: &Client, name: &str) -> Result<Result<Policy, Vec<PolicyMistake>>, PortError> {
    let mistake = |problem: String| Ok(Err(vec![PolicyMistake { path: "/".to_owned(), problem }]));
    let answer = match client.get_parameter().name(name).with_decryption(true).send().await {
        Ok(answer) => answer,
        Err(error) if error.as_service_error().is_some_and(|error| error.is_parameter_not_found()) => {
            return mistake(format!("there is no policy at {name}"));
        }
        Err(error) => {
            return match port_error("ssm:GetParameter", &format!("parameter {name}"), &error) {
                PortError::Denied { action, subject } => {
                    mistake(format!("the policy cannot be read: the role may not call {action} on {subject}"))
                }
                other => Err(other),
            };
        }
    };
    match answer.parameter.and_then(|parameter| parameter.value) {
        Some(text) => Ok(parse(&text)),
        None => mistake(format!("there is no policy at {name}")),
    }
}
