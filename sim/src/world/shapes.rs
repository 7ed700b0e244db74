//! AWS shapes that are the same in an account file, in a request and in an answer.

use serde::{Deserialize, Serialize};

pub use super::deployment_configuration::{
    CanaryConfiguration, CircuitBreaker, DeploymentAlarms, DeploymentConfiguration, DeploymentStrategy,
    EarlySuccessCriteria, HookAction, HookStage, HookTarget, HookTimeout, LifecycleHook, LinearConfiguration,
    RevisionCleanup, ThresholdConfiguration, ThresholdType,
};

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

impl LoadBalancer {
    /// The other target group of a blue/green pair.
    pub fn alternate(&self) -> Option<&str> {
        self.advanced_configuration.as_ref()?.alternate_target_group_arn.as_deref()
    }

    /// The listener rule that carries production traffic, where one is given.
    pub fn production_listener_rule(&self) -> Option<&str> {
        self.advanced_configuration.as_ref()?.production_listener_rule.as_deref()
    }

    /// The target group on one side of the pair; without a pair there is one side.
    pub fn side(&self, alternate: bool) -> Option<&str> {
        self.alternate().filter(|_| alternate).or(self.target_group_arn.as_deref())
    }
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
