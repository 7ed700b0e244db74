//! The policy document in SSM.

use std::error::Error;

use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use spotkeeper_core::policy::{Policy, PolicyMistake, parse};
use spotkeeper_core::ports::PortError;

use super::error::port_error;

/// Reads and parses the policy. That it cannot be read is told as its mistake: the run becomes dry,
/// and a kill switch still works.
pub(super) async fn read(client: &Client, name: &str) -> Result<Policy, Vec<PolicyMistake>> {
    let mistake = |problem: String| Err(vec![PolicyMistake { path: "/".to_owned(), problem }]);
    match text(client, name).await {
        Ok(Some(text)) => parse(&text),
        Ok(None) => mistake(format!("there is no policy at {name}")),
        Err(error) => {
            let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            mistake(format!("the policy cannot be read: {error}{cause}"))
        }
    }
}

/// The document as it is written; `None` where there is none.
pub(super) async fn text(client: &Client, name: &str) -> Result<Option<String>, PortError> {
    match client.get_parameter().name(name).with_decryption(true).send().await {
        Ok(answer) => Ok(answer.parameter.and_then(|parameter| parameter.value)),
        Err(error) if error.as_service_error().is_some_and(|error| error.is_parameter_not_found()) => Ok(None),
        Err(error) => Err(port_error("ssm:GetParameter", &format!("parameter {name}"), &error)),
    }
}

/// Puts a document in place of the one that is there; answers the parameter's new version. The tier is as the
/// template has it, which is the one that holds 8 KB.
pub(super) async fn put(client: &Client, name: &str, text: &str) -> Result<i64, PortError> {
    let request = client
        .put_parameter()
        .name(name)
        .value(text)
        .r#type(ParameterType::String)
        .tier(ParameterTier::Advanced)
        .overwrite(true);
    let answer = request.send().await;
    answer
        .map(|answer| answer.version())
        .map_err(|error| port_error("ssm:PutParameter", &format!("parameter {name}"), &error))
}
