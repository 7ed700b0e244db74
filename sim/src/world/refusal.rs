//! The answer "no", as AWS says it.

/// A refusal: AWS's error code and its message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// The error code that clients match on, such as `ClusterNotFoundException`.
    pub code: &'static str,
    /// The text for a person.
    pub message: String,
}

impl Refusal {
    /// A refusal with this code and text.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// ECS's word for a parameter that does not fit.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }

    /// ECS does not know the cluster.
    pub fn cluster_not_found() -> Self {
        Self::new("ClusterNotFoundException", "Cluster not found.")
    }

    /// ECS does not know the service.
    pub fn service_not_found() -> Self {
        Self::new("ServiceNotFoundException", "Service not found.")
    }
}
