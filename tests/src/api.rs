//! Calls to AWS's JSON APIs, as MiniStack and the simulator serve them.

use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::daemon::environment;
use crate::{paths, signed};

/// A client of one endpoint.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
}

/// A service that speaks one of AWS's JSON protocols.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The first part of `X-Amz-Target`.
    target: &'static str,
    /// The name in the scope of a signature, by which MiniStack tells services apart.
    scope: &'static str,
}

/// Step Functions.
pub const STEP_FUNCTIONS: Service = Service { target: "AWSStepFunctions", scope: "states" };
/// DynamoDB.
pub const DYNAMODB: Service = Service { target: "DynamoDB_20120810", scope: "dynamodb" };
/// Systems Manager.
pub const SSM: Service = Service { target: "AmazonSSM", scope: "ssm" };
/// CloudWatch Logs.
pub const LOGS: Service = Service { target: "Logs_20140328", scope: "logs" };
/// SQS.
pub const SQS: Service = Service { target: "AmazonSQS", scope: "sqs" };
/// EventBridge.
pub const EVENTS: Service = Service { target: "AWSEvents", scope: "events" };
/// ECS, which the simulator serves.
pub const ECS: Service = Service { target: "AmazonEC2ContainerServiceV20141113", scope: "ecs" };

impl Api {
    /// A client of this address.
    #[must_use]
    pub fn new(url: &str) -> Api {
        Api { url: url.to_owned() }
    }

    /// Calls one operation, named as the API reference does. An empty answer is `null`.
    ///
    /// # Errors
    /// When it is refused, with AWS's own words, or cannot be reached.
    pub fn call(&self, service: Service, operation: &str, input: &Value) -> anyhow::Result<Value> {
        let target = format!("{}.{operation}", service.target);
        let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
        let answer = signed::post(&self.url, service.scope, &headers, &input.to_string());
        let text = answer.with_context(|| format!("{operation} failed"))?;
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("{operation} answered no JSON: {text}"))
    }

    /// Runs the AWS CLI against this address, for the services that do not speak JSON. It takes half
    /// a second a call. An empty answer is `null`.
    ///
    /// # Errors
    /// When it fails, with what it printed.
    pub fn cli(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = Command::new(paths::tool("aws")?)
            .args(["--endpoint-url", &self.url, "--output", "json"])
            .args(arguments)
            .env_clear()
            .envs(environment(&[]))
            .output()
            .context("the AWS CLI cannot be started")?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        if output.stdout.iter().all(u8::is_ascii_whitespace) {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&output.stdout).context("the AWS CLI did not print JSON")
    }
}
