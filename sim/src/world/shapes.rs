//! AWS shapes that are the same in an account file, in a request and in an answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tag {
    /// Its name.
    pub key: String,
    /// Its value.
    #[serde(default)]
    pub value: String,
}

/// What a task runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LaunchType {
    /// Container instances of the cluster.
    Ec2,
    /// Fargate.
    Fargate,
    /// ECS Anywhere.
    External,
    /// ECS Managed Instances.
    ManagedInstances,
}

impl LaunchType {
    /// As AWS writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "EC2",
            Self::Fargate => "FARGATE",
            Self::External => "EXTERNAL",
            Self::ManagedInstances => "MANAGED_INSTANCES",
        }
    }
}

/// One provider of a capacity provider strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StrategyItem {
    /// The provider's short name.
    pub capacity_provider: String,
    /// "If no weight value is specified, the default value of 0 is used" (CapacityProviderStrategyItem).
    #[serde(default)]
    pub weight: u32,
    /// "If no value is specified, the default value of 0 is used."
    #[serde(default)]
    pub base: u32,
}

/// Where a service's targets are registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadBalancer {
    /// A target group's ARN; an account file may give the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group_arn: Option<String>,
    /// A Classic Load Balancer's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer_name: Option<String>,
    /// The container that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_name: Option<String>,
    /// Its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_port: Option<u16>,
    /// What a blue/green deployment needs besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advanced_configuration: Option<AdvancedConfiguration>,
}

/// What a blue/green deployment needs of a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AdvancedConfiguration {
    /// The other target group; an account file may give the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate_target_group_arn: Option<String>,
    /// The rule that carries production traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub production_listener_rule: Option<String>,
    /// The rule that carries test traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_listener_rule: Option<String>,
    /// The role that moves the traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
}

/// A Cloud Map registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceRegistry {
    /// The registry's ARN.
    pub registry_arn: String,
    /// The port to publish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The container to publish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_name: Option<String>,
    /// The container's port to publish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container_port: Option<u16>,
}

/// The subnets and groups of a service's tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NetworkConfiguration {
    /// The only network mode that has a configuration.
    pub awsvpc_configuration: AwsVpcConfiguration,
}

/// The subnets and groups of a service's tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AwsVpcConfiguration {
    /// The subnets.
    pub subnets: Vec<String>,
    /// The security groups.
    #[serde(default)]
    pub security_groups: Vec<String>,
    /// ENABLED or DISABLED.
    #[serde(default = "disabled")]
    pub assign_public_ip: String,
}

fn disabled() -> String {
    "DISABLED".to_owned()
}

/// A placement constraint or placement strategy item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementRule {
    /// `distinctInstance`, `memberOf`, `random`, `spread`, `binpack`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A constraint's expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// A strategy's field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

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
    /// CloudWatch alarms: carried through, never raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Value>,
    /// ROLLING, BLUE_GREEN, LINEAR or CANARY: carried through; this slice rolls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// Carried through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bake_time_in_minutes: Option<u32>,
    /// Carried through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_hooks: Option<Value>,
    /// Carried through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub linear_configuration: Option<Value>,
    /// Carried through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary_configuration: Option<Value>,
    /// Carried through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_success_criteria: Option<Value>,
}

impl DeploymentConfiguration {
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
