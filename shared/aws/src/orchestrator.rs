//! Core's `Orchestrator` on Step Functions.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use serde_json::json;
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::ports::{Orchestrator, PortError};

use crate::state::port_error;

/// How long one call may take with its retries.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// The state machine of an installation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct StepFunctions {
    client: aws_sdk_sfn::Client,
    machine: String,
}

impl StepFunctions {
    /// Makes the client; endpoint, Region and credentials are the configuration's. `machine` is the
    /// state machine's ARN.
    #[must_use]
    pub fn new(config: &SdkConfig, machine: &str) -> StepFunctions {
        let timeouts = TimeoutConfig::builder().operation_timeout(OPERATION_TIMEOUT).build();
        let config = config.clone().into_builder().timeout_config(timeouts).build();
        StepFunctions::with_client(aws_sdk_sfn::Client::new(&config), machine)
    }

    /// The state machine through this client.
    #[must_use]
    pub fn with_client(client: aws_sdk_sfn::Client, machine: &str) -> StepFunctions {
        StepFunctions { client, machine: machine.to_owned() }
    }
}

impl Orchestrator for StepFunctions {
    /// Step Functions takes the same start twice while the execution runs, and refuses it with
    /// `ExecutionAlreadyExists` once it has ended: either way there was one.
    async fn start_run(&self, name: &RunId, clusters: &[ClusterName]) -> Result<(), PortError> {
        let input = json!({ "clusters": clusters }).to_string();
        let start = self.client.start_execution().state_machine_arn(&self.machine).name(name.as_str()).input(input);
        let Err(error) = start.send().await else { return Ok(()) };
        match error.as_service_error() {
            Some(refused) if refused.is_execution_already_exists() => Ok(()),
            _ => Err(port_error("states:StartExecution", &self.machine, &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_sfn::operation::start_execution::{StartExecutionError, StartExecutionOutput};
    use aws_sdk_sfn::types::error::{ExecutionAlreadyExists, ExecutionLimitExceeded, StateMachineDoesNotExist};
    use aws_smithy_mocks::{RuleMode, mock, mock_client};
    use aws_smithy_types::DateTime;
    use spotkeeper_core::fixtures::{cluster_name, run_id};

    use super::*;

    const MACHINE: &str = "arn:aws:states:eu-west-1:123456789012:stateMachine:spotkeeper";

    async fn start(client: aws_sdk_sfn::Client) -> Result<(), PortError> {
        StepFunctions::with_client(client, MACHINE).start_run(&run_id("early-1-2"), &[cluster_name()]).await
    }

    #[tokio::test]
    async fn a_run_is_started_by_name_with_its_clusters() {
        let rule = mock!(aws_sdk_sfn::Client::start_execution)
            .match_requests(|request| {
                request.state_machine_arn() == Some(MACHINE)
                    && request.name() == Some("early-1-2")
                    && request.input() == Some(r#"{"clusters":["prod"]}"#)
            })
            .then_output(|| {
                let started = StartExecutionOutput::builder().execution_arn("arn").start_date(DateTime::from_secs(0));
                started.build().unwrap()
            });
        start(mock_client!(aws_sdk_sfn, RuleMode::Sequential, [&rule])).await.unwrap();
        assert_eq!(rule.num_calls(), 1);
    }

    #[tokio::test]
    async fn one_that_was_started_before_is_that_one_and_all_else_is_told() {
        let again = mock!(aws_sdk_sfn::Client::start_execution)
            .then_error(|| StartExecutionError::ExecutionAlreadyExists(ExecutionAlreadyExists::builder().build()));
        start(mock_client!(aws_sdk_sfn, RuleMode::Sequential, [&again])).await.unwrap();
        let refused = mock!(aws_sdk_sfn::Client::start_execution)
            .then_error(|| StartExecutionError::StateMachineDoesNotExist(StateMachineDoesNotExist::builder().build()));
        let error = start(mock_client!(aws_sdk_sfn, RuleMode::Sequential, [&refused])).await.unwrap_err();
        assert_eq!(error.name(), "Unavailable", "{error}");
        let full = mock!(aws_sdk_sfn::Client::start_execution)
            .then_error(|| StartExecutionError::ExecutionLimitExceeded(ExecutionLimitExceeded::builder().build()));
        let error = start(mock_client!(aws_sdk_sfn, RuleMode::Sequential, [&full])).await.unwrap_err();
        assert_eq!(error.name(), "Unavailable", "{error}");
    }
}
