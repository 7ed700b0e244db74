//! Core's `Orchestrator` on Step Functions.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use jiff::Timestamp;
use serde_json::json;
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::interface::ExecutionInput;
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

/// An execution of the state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// Its name: the run's id.
    pub name: String,
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT`, `ABORTED` or `PENDING_REDRIVE`.
    pub status: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// The error's name and its cause, where it failed and that was asked for.
    pub error: Option<(String, String)>,
}

impl Execution {
    /// Whether it is over.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ended_at.is_some() || !matches!(self.status.as_str(), "RUNNING" | "PENDING_REDRIVE")
    }
}

/// The most executions that one call lists. Source: `maxResults` of `ListExecutions`.
const PAGE: i32 = 1_000;

impl StepFunctions {
    /// Starts an execution by name with an input, as a person would.
    ///
    /// # Errors
    /// Where Step Functions refuses it; one of that name that was started before is that one.
    pub async fn start(&self, name: &RunId, input: &ExecutionInput) -> Result<(), PortError> {
        let input = serde_json::to_string(input)
            .map_err(|error| PortError::Corrupt { subject: "the input".to_owned(), detail: error.to_string() })?;
        self.start_with(name, input).await
    }

    async fn start_with(&self, name: &RunId, input: String) -> Result<(), PortError> {
        let start = self.client.start_execution().state_machine_arn(&self.machine).name(name.as_str()).input(input);
        let Err(error) = start.send().await else { return Ok(()) };
        match error.as_service_error() {
            Some(refused) if refused.is_execution_already_exists() => Ok(()),
            _ => Err(port_error("states:StartExecution", &self.machine, &error)),
        }
    }

    /// The newest executions, newest first.
    ///
    /// # Errors
    /// Where Step Functions does not list them.
    pub async fn executions(&self, most: usize) -> Result<Vec<Execution>, PortError> {
        let page = i32::try_from(most).unwrap_or(PAGE).clamp(1, PAGE);
        let request = self.client.list_executions().state_machine_arn(&self.machine).max_results(page);
        let answer =
            request.send().await.map_err(|error| port_error("states:ListExecutions", &self.machine, &error))?;
        let read = |one: &aws_sdk_sfn::types::ExecutionListItem| Execution {
            name: one.name().to_owned(),
            status: one.status().as_str().to_owned(),
            started_at: time(one.start_date()),
            ended_at: one.stop_date().map(time),
            error: None,
        };
        Ok(answer.executions().iter().map(read).take(most).collect())
    }

    /// How an execution stands.
    ///
    /// # Errors
    /// Where Step Functions does not say; [`PortError::Absent`] where there is none of that name.
    pub async fn execution(&self, name: &str) -> Result<Execution, PortError> {
        let arn = format!("{}:{name}", self.machine.replacen(":stateMachine:", ":execution:", 1));
        let answer = self.client.describe_execution().execution_arn(&arn).send().await;
        let answer = answer.map_err(|error| match error.as_service_error() {
            Some(absent) if absent.is_execution_does_not_exist() => {
                PortError::Absent { subject: format!("run {name}") }
            }
            _ => port_error("states:DescribeExecution", &arn, &error),
        })?;
        Ok(Execution {
            name: name.to_owned(),
            status: answer.status().as_str().to_owned(),
            started_at: time(answer.start_date()),
            ended_at: answer.stop_date().map(time),
            error: answer.error().map(|error| (error.to_owned(), answer.cause().unwrap_or_default().to_owned())),
        })
    }
}

fn time(given: &aws_smithy_types::DateTime) -> Timestamp {
    Timestamp::from_second(given.secs()).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Orchestrator for StepFunctions {
    /// Step Functions takes the same start twice while the execution runs, and refuses it with
    /// `ExecutionAlreadyExists` once it has ended: either way there was one.
    async fn start_run(&self, name: &RunId, clusters: &[ClusterName]) -> Result<(), PortError> {
        self.start_with(name, json!({ "clusters": clusters }).to_string()).await
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
