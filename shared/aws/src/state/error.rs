//! What a failed call of DynamoDB, SSM, CloudWatch or EventBridge means, in core's words.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use spotkeeper_core::ports::PortError;

use crate::refusal;

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
        code if refusal::denies(code) => {
            let action = refusal::named_action(message).unwrap_or(action).to_owned();
            PortError::Denied { action, subject }
        }
        code if refusal::throttles(code) => PortError::Throttled { action: action.to_owned() },
        "ResourceNotFoundException" => PortError::Absent { subject },
        _ => failed(action, subject, refusal::said(code, message, error, DETAIL_CHARACTERS)),
    }
}

/// The port's error for what is wrong without AWS having said so.
pub(crate) fn failed(action: &str, subject: String, said: String) -> PortError {
    PortError::Failed { action: action.to_owned(), subject, source: Box::new(Said(said)) }
}
