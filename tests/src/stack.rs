//! Spotkeeper as `sam deploy` leaves it on a MiniStack.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::api::{Api, DYNAMODB, SSM, STEP_FUNCTIONS};
use crate::daemon::environment;
use crate::ministack::MiniStack;
use crate::paths;

/// How long to wait between two looks at an execution.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A deployed stack.
#[derive(Debug, Clone)]
pub struct Stack {
    /// A client of the MiniStack that it is on.
    pub api: Api,
    /// The template's outputs.
    pub outputs: BTreeMap<String, String>,
}

/// An execution of the state machine, ended or not.
#[derive(Debug, Clone)]
pub struct Execution {
    /// `RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`.
    pub status: String,
    /// What it answered.
    pub output: Value,
    /// The error's name, where it failed.
    pub error: String,
    /// The error in words, where it failed.
    pub cause: String,
}

impl Stack {
    /// Deploys the built template, with these parameters. The schedule is off unless they say
    /// otherwise.
    ///
    /// # Errors
    /// When `sam deploy` fails, with what it printed.
    pub fn deploy(ministack: &MiniStack, name: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Stack> {
        let mut overrides = BTreeMap::from([("ScheduleState", "DISABLED")]);
        overrides.extend(parameters.iter().copied());
        let output = Command::new(paths::tool("sam")?)
            .current_dir(paths::workspace())
            .args(["deploy", "--stack-name", name, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"])
            .args(["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"])
            .arg("--template-file")
            .arg(paths::built_template()?)
            .arg("--parameter-overrides")
            .args(overrides.iter().map(|(key, value)| format!("{key}={value}")))
            .env_clear()
            .envs(environment(&[("AWS_ENDPOINT_URL", ministack.url())]))
            .output()
            .context("sam cannot be started")?;
        if !output.status.success() {
            let printed = [output.stdout, output.stderr].concat();
            bail!("sam deploy failed:\n{}", String::from_utf8_lossy(&printed));
        }
        let api = ministack.api();
        let described = api.cli(&["cloudformation", "describe-stacks", "--stack-name", name])?;
        let outputs = described["Stacks"][0]["Outputs"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let outputs = outputs.iter().map(|each| (text(&each["OutputKey"]), text(&each["OutputValue"]))).collect();
        Ok(Stack { api, outputs })
    }

    /// One of the template's outputs.
    ///
    /// # Errors
    /// When the template has no such output.
    pub fn output(&self, name: &str) -> anyhow::Result<&str> {
        self.outputs.get(name).map(String::as_str).with_context(|| format!("the stack has no output {name}"))
    }

    /// Puts a policy in place of the one that is there.
    ///
    /// # Errors
    /// When SSM refuses.
    pub fn put_policy(&self, text: &str) -> anyhow::Result<()> {
        let name = self.output("PolicyParameterName")?;
        let input = json!({ "Name": name, "Value": text, "Type": "String", "Tier": "Advanced", "Overwrite": true });
        self.api.call(SSM, "PutParameter", &input)?;
        Ok(())
    }

    /// Starts the state machine; answers with the execution's ARN.
    ///
    /// # Errors
    /// When Step Functions refuses.
    pub fn start(&self, name: &str, input: &Value) -> anyhow::Result<String> {
        let machine = self.output("StateMachineArn")?;
        let input = json!({ "stateMachineArn": machine, "name": name, "input": input.to_string() });
        let answer = self.api.call(STEP_FUNCTIONS, "StartExecution", &input)?;
        answer["executionArn"].as_str().map(str::to_owned).context("StartExecution answered without an ARN")
    }

    /// How an execution stands.
    ///
    /// # Errors
    /// When Step Functions refuses.
    pub fn execution(&self, arn: &str) -> anyhow::Result<Execution> {
        let answer = self.api.call(STEP_FUNCTIONS, "DescribeExecution", &json!({ "executionArn": arn }))?;
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        Ok(Execution {
            status: text("status"),
            output: serde_json::from_str(&text("output")).unwrap_or(Value::Null),
            error: text("error"),
            cause: text("cause"),
        })
    }

    /// Waits until an execution has ended, however it ends.
    ///
    /// # Errors
    /// When it takes longer than `patience`.
    pub fn wait(&self, arn: &str, patience: Duration) -> anyhow::Result<Execution> {
        let started = Instant::now();
        loop {
            let execution = self.execution(arn)?;
            if execution.status != "RUNNING" {
                return Ok(execution);
            }
            if started.elapsed() > patience {
                bail!("{arn} still runs after {} s", patience.as_secs());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Starts the state machine and waits for its end.
    ///
    /// # Errors
    /// When it cannot be started, or takes longer than `patience`.
    pub fn run(&self, name: &str, input: &Value, patience: Duration) -> anyhow::Result<Execution> {
        self.wait(&self.start(name, input)?, patience)
    }

    /// The items of the table under one partition key, each as DynamoDB writes it.
    ///
    /// # Errors
    /// When DynamoDB refuses.
    pub fn items(&self, pk: &str) -> anyhow::Result<Vec<Value>> {
        let table = self.output("TableName")?;
        let mut items = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut input = json!({
                "TableName": table,
                "ConsistentRead": true,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": { ":pk": { "S": pk } },
            });
            if !start.is_null() {
                input["ExclusiveStartKey"] = start;
            }
            let mut answer = self.api.call(DYNAMODB, "Query", &input)?;
            items.extend(answer["Items"].as_array().cloned().unwrap_or_default());
            start = answer["LastEvaluatedKey"].take();
            if start.is_null() {
                return Ok(items);
            }
        }
    }

    /// Deletes every ledger: what a test has restored starts anew.
    ///
    /// # Errors
    /// When DynamoDB refuses.
    pub fn forget_ledgers(&self) -> anyhow::Result<()> {
        let table = self.output("TableName")?;
        for item in self.items("ledger")? {
            let key = json!({ "pk": item["pk"], "sk": item["sk"] });
            self.api.call(DYNAMODB, "DeleteItem", &json!({ "TableName": table, "Key": key }))?;
        }
        Ok(())
    }

    /// The `body` of each item under one partition key: what Spotkeeper wrote, as JSON.
    ///
    /// # Errors
    /// When DynamoDB refuses, or a body is not JSON.
    pub fn bodies(&self, pk: &str) -> anyhow::Result<Vec<Value>> {
        self.items(pk)?
            .iter()
            .filter_map(|item| item["body"]["S"].as_str())
            .map(|body| serde_json::from_str(body).with_context(|| format!("an item of {pk} is not JSON")))
            .collect()
    }
}
