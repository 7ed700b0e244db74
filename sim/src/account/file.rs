//! The shapes of the account file.

#![allow(missing_docs, reason = "AWS documents the fields that bear its names; the others have a comment")]

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::world::clusters::GroupProvider;
use crate::world::groups::{InstanceType, InstancesDistribution, LaunchTemplate};
use crate::world::records::{Quota, Subnet};
use crate::world::schedule::Schedule;
use crate::world::services::{Controller, Scheduling};
use crate::world::settings::Settings;
use crate::world::shapes::{
    DeploymentConfiguration, LaunchType, LoadBalancer, NetworkConfiguration, PlacementRule, ServiceRegistry,
    StrategyItem, Tag,
};
use crate::world::task_definitions::TaskDefinition;

/// A whole account file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AccountFile {
    /// The Region.
    #[serde(default = "region")]
    pub region: String,
    /// The twelve digits of the account.
    #[serde(default = "account_id")]
    pub account_id: String,
    /// What everything random is made from.
    #[serde(default)]
    pub seed: u64,
    /// Where the clock starts; absent: now.
    #[serde(default)]
    pub start: Option<jiff::Timestamp>,
    /// What AWS leaves undocumented, and durations.
    #[serde(default)]
    pub settings: Settings,
    /// Subnets; absent: one in each of three zones.
    #[serde(default)]
    pub subnets: Vec<Spanned<Subnet>>,
    /// Instance types beside the built-in ones.
    #[serde(default)]
    pub instance_types: Vec<Spanned<InstanceType>>,
    /// What capacity pools give; a pool that is not named has no limit.
    #[serde(default)]
    pub pools: Vec<Spanned<PoolEntry>>,
    /// Launch templates.
    #[serde(default)]
    pub launch_templates: Vec<Spanned<LaunchTemplate>>,
    /// Auto Scaling groups.
    #[serde(default)]
    pub auto_scaling_groups: Vec<Spanned<GroupEntry>>,
    /// Capacity providers; `FARGATE` and `FARGATE_SPOT` are always there.
    #[serde(default)]
    pub capacity_providers: Vec<Spanned<ProviderEntry>>,
    /// Clusters.
    pub clusters: Vec<Spanned<ClusterEntry>>,
    /// Task definitions, as `describe-task-definition` prints them.
    #[serde(default)]
    pub task_definitions: Vec<Spanned<TaskDefinition>>,
    /// Target groups.
    #[serde(default)]
    pub target_groups: Vec<Spanned<TargetGroupEntry>>,
    /// Services.
    #[serde(default)]
    pub services: Vec<Spanned<ServiceEntry>>,
    /// Scalable targets.
    #[serde(default)]
    pub scalable_targets: Vec<Spanned<ScalableTargetEntry>>,
    /// Scheduled actions.
    #[serde(default)]
    pub scheduled_actions: Vec<Spanned<ScheduledActionEntry>>,
    /// Quotas that differ from the built-in ones.
    #[serde(default)]
    pub quotas: Vec<Spanned<Quota>>,
    /// Many similar services.
    #[serde(default)]
    pub generate: Vec<Spanned<Generate>>,
}

fn region() -> String {
    "eu-west-1".to_owned()
}

fn account_id() -> String {
    "123456789012".to_owned()
}

/// What a capacity pool gives.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolEntry {
    /// An instance type, `FARGATE` or `FARGATE_SPOT`.
    pub instance_type: String,
    /// A zone of the subnets; absent: every one.
    #[serde(default)]
    pub zone: Option<String>,
    /// Spot instances (Fargate Spot: tasks) that can be had at once: a count, or a schedule of counts.
    #[serde(default)]
    pub spot_obtainable: Schedule,
    /// The same of On-Demand.
    #[serde(default)]
    pub on_demand_obtainable: Schedule,
    /// US dollars an hour.
    #[serde(default)]
    pub spot_price: Option<f64>,
    /// US dollars an hour.
    #[serde(default)]
    pub on_demand_price: Option<f64>,
}

/// An Auto Scaling group.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupEntry {
    pub name: String,
    /// The cluster that its instances join.
    pub cluster: String,
    pub launch_template: String,
    /// Overrides of a mixed instances policy.
    #[serde(default)]
    pub instance_types: Vec<String>,
    /// The policy's distribution; with it or with overrides the group has a policy.
    #[serde(default)]
    pub instances_distribution: Option<InstancesDistribution>,
    #[serde(default)]
    pub min_size: u32,
    pub max_size: u32,
    #[serde(default)]
    pub desired_capacity: u32,
    /// Absent: every subnet of the account.
    #[serde(default)]
    pub subnets: Vec<String>,
    #[serde(default)]
    pub tags: Vec<Tag>,
    #[serde(default)]
    pub capacity_rebalance: bool,
    #[serde(default)]
    pub new_instances_protected_from_scale_in: bool,
    /// Attributes that its container instances register with (`ECS_INSTANCE_ATTRIBUTES`).
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// Whether the agents drain on an interruption notice (`ECS_ENABLE_SPOT_INSTANCE_DRAINING`).
    #[serde(default)]
    pub agent_draining: bool,
}

/// A capacity provider: one of the two kinds.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderEntry {
    pub name: String,
    #[serde(default = "active")]
    pub status: String,
    #[serde(default)]
    pub auto_scaling_group_provider: Option<GroupProvider>,
    #[serde(default)]
    pub managed_instances_provider: Option<ManagedInstancesEntry>,
    /// Managed Instances: the cluster that the provider belongs to.
    #[serde(default)]
    pub cluster: Option<String>,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

fn active() -> String {
    "ACTIVE".to_owned()
}

/// A provider of Managed Instances.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManagedInstancesEntry {
    #[serde(default)]
    pub infrastructure_role_arn: Option<String>,
    pub capacity_option_type: CapacityOption,
    #[serde(default)]
    pub instance_requirements: Option<Value>,
}

/// What Managed Instances are bought as.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CapacityOption {
    OnDemand,
    Spot,
    Reserved,
}

/// A cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterEntry {
    #[serde(alias = "name")]
    pub cluster_name: String,
    #[serde(default)]
    pub capacity_providers: Vec<String>,
    #[serde(default)]
    pub default_capacity_provider_strategy: Vec<StrategyItem>,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

/// A target group.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetGroupEntry {
    pub name: String,
    #[serde(default = "http")]
    pub protocol: String,
    #[serde(default = "port")]
    pub port: u16,
    #[serde(default = "ip")]
    pub target_type: String,
    /// Such as `deregistration_delay.timeout_seconds: "60"`.
    #[serde(default)]
    pub attributes: BTreeMap<String, Value>,
    #[serde(default)]
    pub tags: Vec<Tag>,
}

fn http() -> String {
    "HTTP".to_owned()
}

fn port() -> u16 {
    80
}

fn ip() -> String {
    "ip".to_owned()
}

/// Who carries a service's deployments out.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ControllerEntry {
    #[serde(rename = "type")]
    pub kind: Controller,
}

/// A service, in the spelling of `describe-services` where it has one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServiceEntry {
    pub cluster: String,
    #[serde(alias = "name")]
    pub service_name: String,
    pub task_definition: String,
    pub desired_count: u32,
    pub launch_type: Option<LaunchType>,
    pub capacity_provider_strategy: Vec<StrategyItem>,
    /// With a strategy: the launch type that the service was created with, to which `[]` goes back.
    pub created_launch_type: Option<LaunchType>,
    pub deployment_configuration: DeploymentConfiguration,
    pub deployment_controller: ControllerEntry,
    pub scheduling_strategy: Scheduling,
    /// `targetGroupArn` may be a target group's name.
    pub load_balancers: Vec<LoadBalancer>,
    pub service_registries: Vec<ServiceRegistry>,
    pub service_connect_configuration: Option<Value>,
    pub vpc_lattice_configurations: Option<Value>,
    pub volume_configurations: Option<Value>,
    /// Absent in a service on awsvpc: every subnet of the account.
    pub network_configuration: Option<NetworkConfiguration>,
    pub placement_constraints: Vec<PlacementRule>,
    pub placement_strategy: Vec<PlacementRule>,
    pub platform_version: Option<String>,
    pub tags: Vec<Tag>,
    pub resource_management_type: Option<String>,
    pub availability_zone_rebalancing: Option<String>,
    pub health_check_grace_period_seconds: Option<u32>,
    /// How many of its tasks are under scale-in protection.
    pub protected_tasks: u32,
    /// Whether its containers take their whole `stopTimeout`.
    pub ignores_sigterm: bool,
    /// Whether a forced deployment is under way at the start.
    pub deploying: bool,
}

/// A scalable target.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScalableTargetEntry {
    /// `service/CLUSTER/SERVICE`.
    pub resource_id: String,
    pub min_capacity: u32,
    pub max_capacity: u32,
    /// How many tasks the load wants over time: a count, or a schedule of counts.
    #[serde(default)]
    pub load: Option<Schedule>,
}

/// A scheduled action.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScheduledActionEntry {
    pub scheduled_action_name: String,
    pub resource_id: String,
    pub schedule: String,
    #[serde(default)]
    pub timezone: Option<String>,
    #[serde(default)]
    pub min_capacity: Option<u32>,
    #[serde(default)]
    pub max_capacity: Option<u32>,
}

/// Many similar services: `{n}` counts from 1.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Generate {
    pub count: u32,
    /// Such as `svc-{n}`.
    pub name_pattern: String,
    /// The services go to these clusters in turn.
    pub clusters: Vec<String>,
    /// What they have in common.
    pub service: ServiceEntry,
    /// Whether each has a copy of the task definition of its own, as `FAMILY-{n}`.
    #[serde(default)]
    pub distinct_task_definitions: bool,
    /// Whether each has a copy of the target groups of its own, as `NAME-{n}`.
    #[serde(default)]
    pub distinct_target_groups: bool,
    /// Gives each a scalable target.
    #[serde(default)]
    pub scalable_target: Option<GeneratedScaling>,
}

/// The scaling range of generated services.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GeneratedScaling {
    pub min_capacity: u32,
    pub max_capacity: u32,
    #[serde(default)]
    pub load: Option<Schedule>,
}
