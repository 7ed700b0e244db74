//! What a failed call of DynamoDB, SSM, CloudWatch or EventBridge means, in core's words.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use spotkeeper_core::ports::PortError;

/// The most of AWS's words that is kept.
const DETAIL_CHARACTERS: usize = 400;

/// What AWS, or the way to it, said of a call.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Said(pub(crate) String);

/// The port's error for a failed call. `action` is what IAM calls it; where AWS's refusal names
/// another one (a member of a transaction, a key's `kms:Decrypt`), that one is told.
pub(crate) fn port_error<E>(action: &str, subject: &str, error: &SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let meta = error.as_service_error().map(ProvideErrorMetadata::meta);
    let code = meta.and_then(|meta| meta.code()).unwrap_or_default();
    let message = meta.and_then(|meta| meta.message()).unwrap_or_default();
    let subject = subject.to_owned();
    match code {
        "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => {
            PortError::Denied { action: named_action(message).unwrap_or(action).to_owned(), subject }
        }
        "ThrottlingException"
        | "Throttling"
        | "ProvisionedThroughputExceededException"
        | "RequestLimitExceeded"
        | "ThrottledException"
        | "TooManyUpdates" => PortError::Throttled { action: action.to_owned() },
        "ResourceNotFoundException" => PortError::Absent { subject },
        _ => {
            let said = match (code, message) {
                ("", _) => DisplayErrorContext(error).to_string(),
                (code, "") => code.to_owned(),
                (code, message) => format!("{code}: {message}"),
            };
            failed(action, subject, said.chars().take(DETAIL_CHARACTERS).collect())
        }
    }
}

/// The port's error for what is wrong without AWS having said so.
pub(crate) fn failed(action: &str, subject: String, said: String) -> PortError {
    PortError::Failed { action: action.to_owned(), subject, source: Box::new(Said(said)) }
}

/// The action in `... is not authorized to perform: dynamodb:Query on resource: ...`.
fn named_action(message: &str) -> Option<&str> {
    let rest = message.split_once("not authorized to perform: ")?.1;
    let action = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
    action.contains(':').then_some(action)
}
