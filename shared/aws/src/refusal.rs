//! AWS's words for what it refuses, which are the same for every service.

/// Codes by which AWS's services say that a role lacks an action.
const DENIED: [&str; 6] = [
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "NotAuthorized",
    "UnauthorizedOperation",
];

/// Codes by which AWS's services say that a rate is used up.
const THROTTLED: [&str; 13] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TooManyUpdates",
];

/// Whether the role lacks an action.
pub(crate) fn denies(code: &str) -> bool {
    DENIED.contains(&code)
}

/// Whether a rate is used up.
pub(crate) fn throttles(code: &str) -> bool {
    THROTTLED.contains(&code)
}

/// The action in `... is not authorized to perform: dynamodb:Query on resource: ...`.
pub(crate) fn named_action(message: &str) -> Option<&str> {
    let rest = message.split_once("not authorized to perform: ")?.1;
    let action = rest.split_whitespace().next()?.trim_end_matches(['.', ',']);
    action.contains(':').then_some(action)
}

/// An error and its causes in one line, each said once: what a cause says is often in what it caused already.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// What AWS said, or what went wrong on the way, in at most so many characters: some messages
/// repeat the request.
pub(crate) fn said(code: &str, message: &str, error: &impl std::error::Error, most: usize) -> String {
    let said = match (code, message) {
        ("", _) => chain(error),
        (code, "") => code.to_owned(),
        (code, message) => format!("{code}: {message}"),
    };
    said.chars().take(most).collect()
}
