//! Calls to AWS's JSON APIs, as MiniStack serves them.

use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::daemon::{REGION, environment};
use crate::paths;

/// A client of one endpoint. Where that endpoint checks signatures, calls go through the AWS CLI,
/// which signs them and takes half a second each; elsewhere they are plain requests.
#[derive(Debug, Clone)]
pub struct Api {
    url: String,
    signed: bool,
}

/// A service that speaks one of AWS's JSON protocols.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// The first part of `X-Amz-Target`.
    target: &'static str,
    /// The name in the scope of a signature, by which MiniStack tells services apart.
    scope: &'static str,
    /// The AWS CLI's name of it.
    cli: &'static str,
}

/// Step Functions.
pub const STEP_FUNCTIONS: Service = Service { target: "AWSStepFunctions", scope: "states", cli: "stepfunctions" };
/// DynamoDB.
pub const DYNAMODB: Service = Service { target: "DynamoDB_20120810", scope: "dynamodb", cli: "dynamodb" };
/// Systems Manager.
pub const SSM: Service = Service { target: "AmazonSSM", scope: "ssm", cli: "ssm" };
/// CloudWatch Logs.
pub const LOGS: Service = Service { target: "Logs_20140328", scope: "logs", cli: "logs" };
/// SQS.
pub const SQS: Service = Service { target: "AmazonSQS", scope: "sqs", cli: "sqs" };
/// EventBridge.
pub const EVENTS: Service = Service { target: "AWSEvents", scope: "events", cli: "events" };
/// ECS, which the simulator serves.
pub const ECS: Service = Service { target: "AmazonEC2ContainerServiceV20141113", scope: "ecs", cli: "ecs" };

impl Api {
    /// A client of this address.
    #[must_use]
    pub fn new(url: &str, signed: bool) -> Api {
        Api { url: url.to_owned(), signed }
    }

    /// Calls one operation, named as the API reference does.
    ///
    /// # Errors
    /// When it is refused, with AWS's own words, or cannot be reached.
    pub fn call(&self, service: Service, operation: &str, input: &Value) -> anyhow::Result<Value> {
        let answer = if self.signed {
            let input = input.to_string();
            self.cli(&[service.cli, &kebab(operation), "--cli-input-json", &input])
        } else {
            self.post(service, operation, input)
        };
        answer.with_context(|| format!("{operation} failed"))
    }

    /// Runs the AWS CLI against this address. An empty answer is `null`.
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

    fn post(&self, service: Service, operation: &str, input: &Value) -> anyhow::Result<Value> {
        let scope = format!("AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/{}/aws4_request", service.scope);
        let mut response = ureq::post(&self.url)
            .config()
            .http_status_as_error(false)
            .build()
            .header("x-amz-target", format!("{}.{operation}", service.target))
            .header("content-type", "application/x-amz-json-1.1")
            .header("authorization", format!("{scope}, SignedHeaders=host, Signature=none"))
            .send(input.to_string())
            .context("no answer")?;
        let status = response.status();
        let text = response.body_mut().read_to_string().context("half an answer")?;
        if !status.is_success() {
            bail!("{status}: {text}");
        }
        if text.trim().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
    }
}

/// `DescribeExecution` as the CLI spells it.
fn kebab(operation: &str) -> String {
    let mut name = String::new();
    for (index, letter) in operation.char_indices() {
        if letter.is_ascii_uppercase() && index > 0 {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
