//! Why a function failed, under names that the state machine matches.

use lambda_runtime::Diagnostic;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::observe::Cluster;
use spotkeeper_core::ports::PortError;

/// The most characters of a message. Step Functions takes 32,768 for the cause of a failure, in
/// which the message stands as JSON.
const MESSAGE_CHARACTERS: usize = 12_000;

/// Why a function failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The input is wrong: nothing was written.
    #[error("the input is refused: {problem}")]
    InvalidInput {
        /// Every mistake, with what is allowed.
        problem: String,
    },
    /// The input names clusters that do not exist: nothing was written.
    #[error("there is no cluster {} in this Region; there are: {}", unknown.join(", "), known.join(", "))]
    UnknownCluster {
        /// The names that do not exist.
        unknown: Vec<String>,
        /// The names that do, at most twenty.
        known: Vec<String>,
    },
    /// AWS, or Spotkeeper's own state, could not be used.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Failure {
    /// Every name, for the test that holds the state machine to them.
    pub const NAMES: [&'static str; 8] = [
        "InvalidInput",
        "UnknownCluster",
        "AccessDenied",
        "Throttled",
        "Unavailable",
        "CorruptState",
        "Conflict",
        "Absent",
    ];

    /// A wrong input.
    #[must_use]
    pub const fn invalid(problem: String) -> Failure {
        Failure::InvalidInput { problem }
    }

    /// Whether the clusters that an input names all exist.
    ///
    /// # Errors
    /// [`Failure::UnknownCluster`] with those that do not, and those that do.
    pub fn unless_known(named: &[ClusterName], all: &[Cluster]) -> Result<(), Failure> {
        let unknown = named.iter().filter(|name| !all.iter().any(|cluster| cluster.name == **name));
        let unknown: Vec<String> = unknown.map(ToString::to_string).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let known = all.iter().take(20).map(|cluster| cluster.name.to_string()).collect();
        Err(Failure::UnknownCluster { unknown, known })
    }

    /// The name that the state machine matches.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Failure::InvalidInput { .. } => "InvalidInput",
            Failure::UnknownCluster { .. } => "UnknownCluster",
            Failure::Port(error) => error.name(),
        }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Diagnostic {
        let error_message = with_causes(&failure).chars().take(MESSAGE_CHARACTERS).collect();
        Diagnostic { error_type: failure.name().to_owned(), error_message }
    }
}

/// An error and its causes in one line: the only place where a chain is printed.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_one_of_the_names_and_tells_its_cause_once() {
        let subject = || "table".to_owned();
        let action = || "dynamodb:Query".to_owned();
        let source = || Box::new(std::io::Error::other("connection refused"));
        let failures = [
            Failure::invalid("x".to_owned()),
            Failure::UnknownCluster { unknown: Vec::new(), known: Vec::new() },
            PortError::Denied { action: action(), subject: subject() }.into(),
            PortError::Throttled { action: action() }.into(),
            PortError::Absent { subject: subject() }.into(),
            PortError::Conflict { subject: subject() }.into(),
            PortError::Corrupt { subject: subject(), detail: String::new() }.into(),
            PortError::Failed { action: action(), subject: subject(), source: source() }.into(),
        ];
        let mut names: Vec<&str> = failures.iter().map(Failure::name).collect();
        names.sort_unstable();
        let mut expected = Failure::NAMES;
        expected.sort_unstable();
        assert_eq!(names, expected);
        let [.., failed] = failures;
        let diagnostic = Diagnostic::from(failed);
        assert_eq!(diagnostic.error_type, "Unavailable");
        assert_eq!(diagnostic.error_message, "dynamodb:Query on table failed: connection refused");
    }
}
