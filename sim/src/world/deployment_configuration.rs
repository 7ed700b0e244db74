//! DeploymentConfiguration, as it is in an account file, in a request and in an answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a deployment goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeploymentConfiguration {
    /// The deployment circuit breaker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_circuit_breaker: Option<CircuitBreaker>,
    /// The most tasks in RUNNING or PENDING, in percent of the desired count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_percent: Option<u32>,
    /// The fewest healthy tasks, in percent of the desired count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_healthy_percent: Option<u32>,
    /// CloudWatch alarms that fail a deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarms: Option<DeploymentAlarms>,
    /// ROLLING, BLUE_GREEN, LINEAR or CANARY.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<DeploymentStrategy>,
    /// How long both revisions run after the traffic has shifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bake_time_in_minutes: Option<u32>,
    /// Hooks of the lifecycle stages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_hooks: Option<Vec<LifecycleHook>>,
    /// The steps of a LINEAR deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linear_configuration: Option<LinearConfiguration>,
    /// The step of a CANARY deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_configuration: Option<CanaryConfiguration>,
    /// When a rolling deployment succeeds before the service is steady.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_success_criteria: Option<EarlySuccessCriteria>,
}

/// "Amazon ECS declares a deployment successful once a target percentage of tasks are healthy, instead
/// of waiting for the service to fully stabilize."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "AWS documents these fields: DeploymentEarlySuccessCriteria")]
pub struct EarlySuccessCriteria {
    #[serde(default)]
    pub enable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_percent: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_service_revision_cleanup: Option<RevisionCleanup>,
}

/// Whether the old tasks must be gone before a deployment succeeds early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS documents them: ServiceRevisionCleanup")]
pub enum RevisionCleanup {
    Blocking,
    Deferred,
}

/// How a deployment replaces tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS documents them: DeploymentStrategy")]
pub enum DeploymentStrategy {
    #[default]
    Rolling,
    BlueGreen,
    Linear,
    Canary,
}

/// CloudWatch alarms that fail a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "AWS documents these fields: DeploymentAlarms")]
pub struct DeploymentAlarms {
    pub alarm_names: Vec<String>,
    pub enable: bool,
    pub rollback: bool,
}

/// "Valid values are multiples of 0.1 from 3.0 to 100.0. The default value is 10.0 … 0 to 1440
/// minutes (24 hours). The default value is 6."
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "AWS documents these fields: LinearConfiguration")]
pub struct LinearConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_bake_time_in_minutes: Option<u32>,
}

/// "Valid values are multiples of 0.1 from 0.1 to 100.0. The default value is 5.0 … 0 to 1440
/// minutes (24 hours). The default value is 10."
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "AWS documents these fields: CanaryConfiguration")]
pub struct CanaryConfiguration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_percent: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_bake_time_in_minutes: Option<u32>,
}

/// A hook of lifecycle stages. A function answers after `durations.lifecycleHook`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "AWS documents these fields: DeploymentLifecycleHook")]
pub struct LifecycleHook {
    #[serde(default)]
    pub target_type: HookTarget,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_target_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    pub lifecycle_stages: Vec<HookStage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hook_details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_configuration: Option<HookTimeout>,
}

impl LifecycleHook {
    /// "Default: 1440 (24 hours)".
    pub fn timeout_minutes(&self) -> f64 {
        f64::from(self.timeout_configuration.as_ref().and_then(|t| t.timeout_in_minutes).unwrap_or(1440))
    }

    /// "Default: ROLLBACK".
    pub fn timeout_action(&self) -> HookAction {
        self.timeout_configuration.as_ref().and_then(|t| t.action).unwrap_or(HookAction::Rollback)
    }
}

/// What a hook is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS documents them: DeploymentLifecycleHookTargetType")]
pub enum HookTarget {
    #[default]
    AwsLambda,
    Pause,
}

/// When a hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS documents them: DeploymentLifecycleHookStage")]
pub enum HookStage {
    ReconcileService,
    PreScaleUp,
    PostScaleUp,
    TestTrafficShift,
    PostTestTrafficShift,
    PreProductionTrafficShift,
    ProductionTrafficShift,
    PostProductionTrafficShift,
}

/// How long ECS waits for a hook, and what it does then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "AWS documents these fields: DeploymentLifecycleHookTimeoutConfiguration")]
pub struct HookTimeout {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_in_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<HookAction>,
}

/// What is done at a hook that was answered, or has timed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS documents them: DeploymentLifecycleHookAction")]
pub enum HookAction {
    Continue,
    Rollback,
}

impl DeploymentConfiguration {
    /// Whether traffic is shifted to a whole new set of tasks, instead of rolling.
    pub fn shifts(&self) -> bool {
        self.strategy.unwrap_or_default() != DeploymentStrategy::Rolling
    }

    /// What is wrong with its hooks: "You can configure a maximum of 10 pause hooks and 10 Lambda hooks
    /// per service … Pause hooks do not use hookTargetArn or roleArn … cannot be configured at the
    /// TEST_TRAFFIC_SHIFT or PRODUCTION_TRAFFIC_SHIFT stages" ("Pause hooks for Amazon ECS service
    /// deployments", developer guide); "You must provide this parameter when configuring an AWS_LAMBDA
    /// lifecycle hook" (hookTargetArn). That the unused fields are refused is not said.
    pub fn hook_mistake(&self) -> Option<&'static str> {
        let hooks = self.lifecycle_hooks.as_deref().unwrap_or_default();
        let of = |target| hooks.iter().filter(move |h| h.target_type == target);
        let lambda_only = [HookStage::TestTrafficShift, HookStage::ProductionTrafficShift];
        if of(HookTarget::Pause).count() > 10 || of(HookTarget::AwsLambda).count() > 10 {
            Some("There can be at most 10 PAUSE and 10 AWS_LAMBDA lifecycle hooks.")
        } else if of(HookTarget::AwsLambda).any(|h| h.hook_target_arn.is_none()) {
            Some("A lifecycle hook of the type AWS_LAMBDA needs a hookTargetArn.")
        } else if of(HookTarget::Pause).any(|h| h.lifecycle_stages.iter().any(|s| lambda_only.contains(s))) {
            Some("PAUSE hooks cannot be configured at TEST_TRAFFIC_SHIFT or PRODUCTION_TRAFFIC_SHIFT.")
        } else {
            None
        }
    }

    /// "The default maximumPercent value for a service using the REPLICA service scheduler is 200%".
    pub fn maximum(&self) -> u32 {
        self.maximum_percent.unwrap_or(200)
    }

    /// The default for REPLICA is 100 %.
    pub fn minimum(&self) -> u32 {
        self.minimum_healthy_percent.unwrap_or(100)
    }
}

/// The deployment circuit breaker's configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Whether it watches.
    pub enable: bool,
    /// Whether it rolls back.
    pub rollback: bool,
    /// "When set to true, a task that reaches a healthy state resets the failure count to 0 … The
    /// default is true."
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_on_healthy_task: Option<bool>,
    /// When it triggers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold_configuration: Option<ThresholdConfiguration>,
}

/// When the circuit breaker triggers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThresholdConfiguration {
    /// How `value` is read.
    #[serde(rename = "type")]
    pub kind: ThresholdType,
    /// A count or a percentage.
    pub value: u32,
}

/// How a threshold's value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ThresholdType {
    /// The value is the threshold.
    Count,
    /// A percentage of the desired count, at least 3 and at most 200.
    BoundedPercent,
    /// A percentage of the desired count.
    UnboundedPercent,
}
