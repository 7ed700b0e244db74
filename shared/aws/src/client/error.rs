//! What a failed call means, in core's words.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use spotkeeper_core::observe::{Gap, GapCause};
use spotkeeper_core::ports::{PortError, WriteError};

use super::Action;
use crate::refusal;

/// The most of AWS's words that is kept.
const DETAIL_CHARACTERS: usize = 300;

/// A call that AWS did not answer as asked.
#[derive(Debug, thiserror::Error)]
#[error("{action} failed: {detail}")]
pub struct ApiError {
    /// The call; where AWS's refusal names another action that the role lacks, that one is in
    /// [`ApiError::denied_action`].
    pub action: Action,
    /// What it means.
    pub cause: ApiCause,
    /// AWS's error code; empty where AWS gave none.
    pub code: String,
    /// The code with AWS's message, or what went wrong on the way, cut short.
    pub detail: String,
    /// The SDK's error.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// What a failed call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiCause {
    /// The role lacks an action.
    Denied,
    /// AWS throttled the call: it was not carried out.
    Throttled,
    /// There is no such thing.
    Absent,
    /// AWS refused the call (4xx): it was not carried out.
    Refused,
    /// No answer came, or one that says nothing (5xx, cut off, unreadable): the call may have
    /// been carried out.
    Unanswered,
}

/// Codes by which AWS's services say that there is no such thing, beside those that end in
/// `NotFound` or `NotFoundException`.
const ABSENT: [&str; 2] = ["NoSuchResourceException", "ObjectNotFoundException"];

impl ApiError {
    /// Reads the SDK's error.
    pub fn new<E>(action: Action, error: SdkError<E, HttpResponse>) -> ApiError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let status = error.raw_response().map(|response| response.status().as_u16());
        let (code, message) = match &error {
            SdkError::ServiceError(context) => {
                let metadata = context.err().meta();
                (metadata.code().unwrap_or_default(), metadata.message().unwrap_or_default())
            }
            _ => ("", ""),
        };
        let cause = cause(code, status);
        let detail = refusal::said(code, message, &error, DETAIL_CHARACTERS);
        ApiError { action, cause, code: code.to_owned(), detail, source: Box::new(error) }
    }

    /// The action that the role lacks: the one AWS names, or else the call itself.
    #[must_use]
    pub fn denied_action(&self) -> &str {
        refusal::named_action(&self.detail).unwrap_or_else(|| self.action.name())
    }

    /// The gap that is left where the answer would have stood.
    #[must_use]
    pub fn gap(&self, subject: &str) -> Gap {
        let (cause, action) = match self.cause {
            ApiCause::Denied => (GapCause::Denied, self.denied_action()),
            ApiCause::Throttled => (GapCause::Throttled, self.action.name()),
            ApiCause::Absent => (GapCause::Absent, self.action.name()),
            ApiCause::Refused | ApiCause::Unanswered => (GapCause::Failed, self.action.name()),
        };
        Gap { subject: subject.to_owned(), action: action.to_owned(), cause, detail: self.detail.clone() }
    }

    /// The same for a read without which nothing can go on.
    #[must_use]
    pub fn into_port(self, subject: &str) -> PortError {
        let subject = subject.to_owned();
        match self.cause {
            ApiCause::Denied => PortError::Denied { action: self.denied_action().to_owned(), subject },
            ApiCause::Throttled => PortError::Throttled { action: self.action.name().to_owned() },
            ApiCause::Absent => PortError::Absent { subject },
            ApiCause::Refused | ApiCause::Unanswered => {
                PortError::Failed { action: self.action.name().to_owned(), subject, source: Box::new(self) }
            }
        }
    }

    /// The same for a write: only what AWS itself has refused is known not to have happened.
    #[must_use]
    pub fn into_write(self, service: &str) -> WriteError {
        let service = service.to_owned();
        match self.cause {
            ApiCause::Denied if self.denied_action() == Action::UpdateService.name() => WriteError::Denied { service },
            ApiCause::Throttled => WriteError::Throttled { service },
            ApiCause::Denied | ApiCause::Absent | ApiCause::Refused => {
                let message = self.detail.strip_prefix(&format!("{}: ", self.code)).unwrap_or(&self.detail);
                WriteError::Refused { service, message: message.to_owned(), code: self.code }
            }
            ApiCause::Unanswered => WriteError::Lost { service, source: Box::new(self) },
        }
    }
}

/// What an error is by its code and status. EC2 and others answer some throttles with 503: the
/// code counts first. A 4xx without a code is not AWS's own (a proxy's, say) and proves nothing.
fn cause(code: &str, status: Option<u16>) -> ApiCause {
    if refusal::throttles(code) || status == Some(429) {
        return ApiCause::Throttled;
    }
    match status {
        Some(400..=499) => match code {
            "" | "RequestTimeout" | "RequestTimeoutException" => ApiCause::Unanswered,
            code if refusal::denies(code) => ApiCause::Denied,
            code if ABSENT.contains(&code) || code.ends_with("NotFound") || code.ends_with("NotFoundException") => {
                ApiCause::Absent
            }
            _ => ApiCause::Refused,
        },
        _ => ApiCause::Unanswered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_meaning() {
        let cases = [
            // code, status, meaning
            ("ThrottlingException", Some(400), ApiCause::Throttled),
            ("Throttling", Some(400), ApiCause::Throttled),
            ("RequestLimitExceeded", Some(503), ApiCause::Throttled),
            ("TooManyRequestsException", Some(429), ApiCause::Throttled),
            ("", Some(429), ApiCause::Throttled),
            ("AccessDeniedException", Some(400), ApiCause::Denied),
            ("AccessDenied", Some(403), ApiCause::Denied),
            ("UnauthorizedOperation", Some(403), ApiCause::Denied),
            ("ClusterNotFoundException", Some(400), ApiCause::Absent),
            ("TargetGroupNotFound", Some(400), ApiCause::Absent),
            ("InvalidLaunchTemplateId.NotFound", Some(400), ApiCause::Absent),
            ("NoSuchResourceException", Some(400), ApiCause::Absent),
            ("InvalidParameterException", Some(400), ApiCause::Refused),
            ("UnrecognizedClientException", Some(400), ApiCause::Refused),
            ("", Some(403), ApiCause::Unanswered),
            ("RequestTimeoutException", Some(408), ApiCause::Unanswered),
            ("ServerException", Some(500), ApiCause::Unanswered),
            ("ServiceUnavailable", Some(503), ApiCause::Unanswered),
            ("", Some(200), ApiCause::Unanswered),
            ("", None, ApiCause::Unanswered),
        ];
        for (code, status, expected) in cases {
            assert_eq!(cause(code, status), expected, "{code} {status:?}");
        }
    }

    #[test]
    fn the_action_that_aws_names_is_the_one_that_is_missing() {
        let cases = [
            (
                "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: ecs:ListServices on resource: *",
                Some("ecs:ListServices"),
            ),
            ("You are not authorized to perform: ec2:DescribeInstanceTypes.", Some("ec2:DescribeInstanceTypes")),
            ("You are not authorized to perform this operation.", None),
            ("not authorized to perform: this", None),
        ];
        for (message, expected) in cases {
            assert_eq!(refusal::named_action(message), expected, "{message}");
        }
    }
}
