//! ECS's answers as serde structs. Members that are `None` are left out on the wire.

use serde::Serialize;
use serde_json::Value;

use crate::world::deployments::{ContainerImage, RolloutState, ServiceDeploymentStatus};
use crate::world::hooks::HookStatus;
use crate::world::shapes::{
    DeploymentConfiguration, HookAction, HookTarget, LaunchType, LoadBalancer, NetworkConfiguration, PlacementRule,
    ServiceRegistry, StrategyItem, Tag,
};
use crate::world::traffic::LifecycleStage;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Failure {
    pub(super) arn: String,
    pub(super) reason: &'static str,
}

impl Failure {
    pub(super) fn missing(arn: String) -> Self {
        Self { arn, reason: "MISSING" }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cluster<'a> {
    pub(super) cluster_arn: String,
    pub(super) cluster_name: &'a str,
    pub(super) status: &'static str,
    pub(super) registered_container_instances_count: usize,
    pub(super) running_tasks_count: u32,
    pub(super) pending_tasks_count: u32,
    pub(super) active_services_count: usize,
    pub(super) statistics: Vec<Value>,
    pub(super) tags: Vec<Tag>,
    pub(super) settings: Vec<Value>,
    pub(super) capacity_providers: &'a [String],
    pub(super) default_capacity_provider_strategy: &'a [StrategyItem],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CapacityProvider {
    pub(super) capacity_provider_arn: String,
    pub(super) name: String,
    pub(super) cluster: Option<String>,
    pub(super) status: String,
    pub(super) auto_scaling_group_provider: Option<Value>,
    pub(super) managed_instances_provider: Option<Value>,
    pub(super) tags: Vec<Tag>,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Controller {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Service<'a> {
    pub(super) service_arn: &'a str,
    pub(super) service_name: &'a str,
    pub(super) cluster_arn: String,
    pub(super) load_balancers: &'a [LoadBalancer],
    pub(super) service_registries: &'a [ServiceRegistry],
    pub(super) status: &'static str,
    pub(super) desired_count: u32,
    pub(super) running_count: u32,
    pub(super) pending_count: u32,
    pub(super) launch_type: Option<LaunchType>,
    pub(super) capacity_provider_strategy: Option<&'a [StrategyItem]>,
    pub(super) platform_version: Option<String>,
    pub(super) platform_family: Option<&'static str>,
    pub(super) task_definition: Option<String>,
    pub(super) deployment_configuration: Value,
    pub(super) task_sets: Option<Vec<Value>>,
    pub(super) deployments: Vec<Deployment<'a>>,
    pub(super) events: Vec<Event<'a>>,
    pub(super) created_at: f64,
    pub(super) current_service_deployment: Option<&'a str>,
    pub(super) current_service_revisions: Option<Vec<RevisionSummary>>,
    pub(super) placement_constraints: &'a [PlacementRule],
    pub(super) placement_strategy: &'a [PlacementRule],
    pub(super) network_configuration: Option<&'a NetworkConfiguration>,
    pub(super) health_check_grace_period_seconds: Option<u32>,
    pub(super) scheduling_strategy: &'static str,
    pub(super) deployment_controller: Controller,
    pub(super) tags: Option<&'a [Tag]>,
    pub(super) created_by: String,
    #[serde(rename = "enableECSManagedTags")]
    pub(super) enable_ecs_managed_tags: bool,
    pub(super) propagate_tags: &'static str,
    pub(super) enable_execute_command: bool,
    pub(super) availability_zone_rebalancing: &'a str,
    pub(super) resource_management_type: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    pub(super) id: &'a str,
    pub(super) created_at: f64,
    pub(super) message: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Deployment<'a> {
    pub(super) id: &'a str,
    pub(super) status: &'static str,
    pub(super) task_definition: Option<String>,
    pub(super) desired_count: u32,
    pub(super) pending_count: u32,
    pub(super) running_count: u32,
    pub(super) failed_tasks: u32,
    pub(super) created_at: f64,
    pub(super) updated_at: f64,
    pub(super) capacity_provider_strategy: Option<&'a [StrategyItem]>,
    pub(super) launch_type: Option<LaunchType>,
    pub(super) platform_version: Option<String>,
    pub(super) platform_family: Option<&'static str>,
    pub(super) network_configuration: Option<&'a NetworkConfiguration>,
    pub(super) rollout_state: Option<RolloutState>,
    pub(super) rollout_state_reason: Option<&'a str>,
    pub(super) service_connect_configuration: Option<&'a Value>,
    pub(super) volume_configurations: Option<&'a Value>,
    pub(super) vpc_lattice_configurations: Option<&'a Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RevisionSummary {
    pub(super) arn: String,
    pub(super) requested_task_count: u32,
    pub(super) running_task_count: u32,
    pub(super) pending_task_count: u32,
    /// Of service deployments alone: ServiceCurrentRevisionSummary has no weights.
    pub(super) requested_test_traffic_weight: Option<f64>,
    pub(super) requested_production_traffic_weight: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceDeploymentBrief<'a> {
    pub(super) service_deployment_arn: &'a str,
    pub(super) service_arn: &'a str,
    pub(super) cluster_arn: String,
    pub(super) started_at: Option<f64>,
    pub(super) created_at: f64,
    pub(super) finished_at: Option<f64>,
    pub(super) target_service_revision_arn: &'a str,
    pub(super) status: ServiceDeploymentStatus,
    pub(super) status_reason: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceDeployment<'a> {
    pub(super) service_deployment_arn: &'a str,
    pub(super) service_arn: &'a str,
    pub(super) cluster_arn: String,
    pub(super) created_at: f64,
    pub(super) started_at: Option<f64>,
    pub(super) finished_at: Option<f64>,
    pub(super) stopped_at: Option<f64>,
    pub(super) updated_at: f64,
    pub(super) source_service_revisions: Vec<RevisionSummary>,
    pub(super) target_service_revision: RevisionSummary,
    pub(super) status: ServiceDeploymentStatus,
    pub(super) status_reason: Option<&'a str>,
    pub(super) lifecycle_stage: Option<LifecycleStage>,
    pub(super) lifecycle_hook_details: Option<Vec<HookDetail<'a>>>,
    pub(super) deployment_configuration: &'a DeploymentConfiguration,
    pub(super) rollback: Option<Rollback<'a>>,
    pub(super) deployment_circuit_breaker: CircuitBreaker,
    pub(super) alarms: Alarms<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HookDetail<'a> {
    pub(super) hook_id: &'a str,
    pub(super) target_type: HookTarget,
    pub(super) target_arn: Option<&'a str>,
    pub(super) status: HookStatus,
    pub(super) expires_at: f64,
    pub(super) timeout_action: HookAction,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alarms<'a> {
    pub(super) status: &'static str,
    pub(super) alarm_names: &'a [String],
    pub(super) triggered_alarm_names: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rollback<'a> {
    pub(super) reason: &'a str,
    pub(super) started_at: f64,
    pub(super) service_revision_arn: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CircuitBreaker {
    pub(super) status: &'static str,
    pub(super) failure_count: u32,
    pub(super) threshold: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServiceRevision<'a> {
    pub(super) service_revision_arn: &'a str,
    pub(super) service_arn: &'a str,
    pub(super) cluster_arn: String,
    pub(super) task_definition: Option<String>,
    pub(super) capacity_provider_strategy: Option<&'a [StrategyItem]>,
    pub(super) launch_type: Option<LaunchType>,
    pub(super) platform_version: Option<String>,
    pub(super) platform_family: Option<&'static str>,
    pub(super) load_balancers: &'a [LoadBalancer],
    pub(super) service_registries: &'a [ServiceRegistry],
    pub(super) network_configuration: Option<&'a NetworkConfiguration>,
    pub(super) container_images: &'a [ContainerImage],
    pub(super) guard_duty_enabled: bool,
    pub(super) service_connect_configuration: Option<&'a Value>,
    pub(super) volume_configurations: Option<&'a Value>,
    pub(super) vpc_lattice_configurations: Option<&'a Value>,
    pub(super) resolved_configuration: Option<ResolvedConfiguration<'a>>,
    pub(super) created_at: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResolvedConfiguration<'a> {
    pub(super) load_balancers: Vec<ResolvedLoadBalancer<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResolvedLoadBalancer<'a> {
    pub(super) target_group_arn: &'a str,
    pub(super) production_listener_rule: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task<'a> {
    pub(super) task_arn: &'a str,
    pub(super) cluster_arn: String,
    pub(super) task_definition_arn: Option<&'a str>,
    pub(super) group: String,
    pub(super) started_by: &'a str,
    pub(super) last_status: crate::world::tasks::Phase,
    pub(super) desired_status: &'static str,
    pub(super) launch_type: LaunchType,
    pub(super) capacity_provider_name: Option<&'a str>,
    pub(super) availability_zone: &'a str,
    pub(super) container_instance_arn: Option<String>,
    pub(super) attachments: Vec<Value>,
    pub(super) attributes: Vec<Value>,
    pub(super) containers: Vec<Container<'a>>,
    pub(super) cpu: String,
    pub(super) memory: String,
    pub(super) connectivity: Option<&'static str>,
    pub(super) health_status: &'static str,
    pub(super) platform_version: Option<&'static str>,
    pub(super) platform_family: Option<&'static str>,
    pub(super) created_at: f64,
    pub(super) started_at: Option<f64>,
    pub(super) stopping_at: Option<f64>,
    pub(super) stopped_at: Option<f64>,
    pub(super) stop_code: Option<&'static str>,
    pub(super) stopped_reason: Option<&'a str>,
    pub(super) enable_execute_command: bool,
    pub(super) overrides: Value,
    pub(super) tags: Vec<Tag>,
    pub(super) version: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container<'a> {
    pub(super) container_arn: String,
    pub(super) task_arn: &'a str,
    pub(super) name: &'a str,
    pub(super) image: &'a str,
    pub(super) image_digest: Option<&'a str>,
    pub(super) last_status: crate::world::tasks::Phase,
    pub(super) exit_code: Option<i32>,
    pub(super) health_status: &'static str,
    pub(super) cpu: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerInstance<'a> {
    pub(super) container_instance_arn: String,
    pub(super) ec2_instance_id: &'a str,
    pub(super) capacity_provider_name: Option<String>,
    pub(super) version: u32,
    pub(super) remaining_resources: Vec<Resource>,
    pub(super) registered_resources: Vec<Resource>,
    pub(super) status: &'static str,
    pub(super) agent_connected: bool,
    pub(super) running_tasks_count: usize,
    pub(super) pending_tasks_count: usize,
    pub(super) attributes: Vec<Value>,
    pub(super) registered_at: f64,
    pub(super) tags: Vec<Tag>,
    pub(super) health_status: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    pub(super) name: &'static str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) integer_value: u32,
}
