//! Clusters and capacity providers.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::arn::short_name;
use super::shapes::{LaunchType, StrategyItem, Tag};
use super::{Refusal, World};

/// A cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// The providers that are associated with it, by name.
    pub capacity_providers: Vec<String>,
    /// The strategy of services that are created with neither a strategy nor a launch type.
    pub default_strategy: Vec<StrategyItem>,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// A capacity provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// What stands behind it.
    pub kind: ProviderKind,
    /// ACTIVE, or what the account file says.
    pub status: String,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// What stands behind a capacity provider.
#[derive(Clone, Debug)]
pub enum ProviderKind {
    /// `FARGATE`.
    Fargate,
    /// `FARGATE_SPOT`.
    FargateSpot,
    /// An Auto Scaling group.
    Group(GroupProvider),
    /// ECS Managed Instances.
    ManagedInstances(ManagedInstances),
}

/// A provider on an Auto Scaling group.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupProvider {
    /// The group's name.
    #[serde(alias = "autoScalingGroupArn")]
    pub auto_scaling_group: String,
    /// Managed scaling; absent: off.
    #[serde(default)]
    pub managed_scaling: ManagedScaling,
    /// ENABLED or DISABLED.
    #[serde(default = "disabled")]
    pub managed_termination_protection: String,
    /// ENABLED (the default of new providers) or DISABLED.
    #[serde(default = "enabled")]
    pub managed_draining: String,
}

fn disabled() -> String {
    "DISABLED".to_owned()
}

fn enabled() -> String {
    "ENABLED".to_owned()
}

/// How a provider grows its group.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[allow(missing_docs, reason = "AWS documents these fields")]
pub struct ManagedScaling {
    pub status: String,
    pub target_capacity: u32,
    pub minimum_scaling_step_size: u32,
    pub maximum_scaling_step_size: u32,
    pub instance_warmup_period: u32,
}

impl Default for ManagedScaling {
    fn default() -> Self {
        Self {
            status: disabled(),
            target_capacity: 100,
            minimum_scaling_step_size: 1,
            maximum_scaling_step_size: 10_000,
            instance_warmup_period: 300,
        }
    }
}

/// A provider of ECS Managed Instances: "cluster" is part of it, unlike other providers.
#[derive(Clone, Debug)]
pub struct ManagedInstances {
    /// The cluster that it belongs to.
    pub cluster: String,
    /// ON_DEMAND, SPOT or RESERVED.
    pub capacity_option_type: String,
    /// The role that starts the instances.
    pub infrastructure_role_arn: String,
    /// The whole `instanceLaunchTemplate` as AWS answers it.
    pub instance_launch_template: Value,
}

/// "A capacity provider strategy can only contain providers of one type": these are the types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderFamily {
    /// `FARGATE` and `FARGATE_SPOT`.
    Fargate,
    /// Auto Scaling groups.
    Groups,
    /// Managed Instances.
    ManagedInstances,
}

impl Provider {
    /// The type of provider, for strategies.
    pub fn family(&self) -> ProviderFamily {
        match self.kind {
            ProviderKind::Fargate | ProviderKind::FargateSpot => ProviderFamily::Fargate,
            ProviderKind::Group(_) => ProviderFamily::Groups,
            ProviderKind::ManagedInstances(_) => ProviderFamily::ManagedInstances,
        }
    }

    /// What a task on it has as its launch type.
    pub fn launch_type(&self) -> LaunchType {
        match self.family() {
            ProviderFamily::Fargate => LaunchType::Fargate,
            ProviderFamily::Groups => LaunchType::Ec2,
            ProviderFamily::ManagedInstances => LaunchType::ManagedInstances,
        }
    }

    /// `CapacityProvider.type`.
    pub fn type_name(&self) -> &'static str {
        match self.kind {
            ProviderKind::Fargate => "FARGATE",
            ProviderKind::FargateSpot => "FARGATE_SPOT",
            ProviderKind::Group(_) => "EC2_AUTOSCALING",
            ProviderKind::ManagedInstances(_) => "MANAGED_INSTANCES",
        }
    }
}

impl World {
    /// A cluster by name or ARN; without either it is the one called `default`.
    pub fn cluster(&self, name: Option<&str>) -> Result<&Cluster, Refusal> {
        self.clusters.get(short_name(name.unwrap_or("default"))).ok_or_else(Refusal::cluster_not_found)
    }

    /// Whether tasks on this provider are on Spot. A group that mixes counts as Spot here when
    /// nothing above its base is On-Demand.
    pub fn is_spot(&self, provider: &Provider) -> bool {
        match &provider.kind {
            ProviderKind::Fargate => false,
            ProviderKind::FargateSpot => true,
            ProviderKind::ManagedInstances(m) => m.capacity_option_type == "SPOT",
            ProviderKind::Group(g) => {
                self.groups.get(short_name(&g.auto_scaling_group)).is_some_and(|g| self.is_spot_group(g))
            }
        }
    }
}
