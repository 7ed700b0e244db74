//! UpdateService.

use serde::Deserialize;
use serde_json::{Value, json};

use super::read;
use super::services::shape;
use crate::world::shapes::{DeploymentConfiguration, NetworkConfiguration, PlacementRule, StrategyItem};
use crate::world::update_service::UpdateService;
use crate::world::{Refusal, World};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    cluster: Option<String>,
    service: String,
    desired_count: Option<i64>,
    task_definition: Option<String>,
    capacity_provider_strategy: Option<Vec<StrategyItem>>,
    deployment_configuration: Option<DeploymentConfiguration>,
    network_configuration: Option<NetworkConfiguration>,
    platform_version: Option<String>,
    health_check_grace_period_seconds: Option<u32>,
    availability_zone_rebalancing: Option<String>,
    placement_constraints: Option<Vec<PlacementRule>>,
    placement_strategy: Option<Vec<PlacementRule>>,
    #[serde(default)]
    force_new_deployment: bool,
}

pub(super) fn update(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: Update = read(input)?;
    let desired_count = call
        .desired_count
        .map(|n| u32::try_from(n).map_err(|_| Refusal::invalid("desiredCount cannot be negative.")))
        .transpose()?;
    let key = world.update_service(&UpdateService {
        cluster: call.cluster,
        service: call.service,
        desired_count,
        task_definition: call.task_definition,
        capacity_provider_strategy: call.capacity_provider_strategy,
        deployment_configuration: call.deployment_configuration,
        network_configuration: call.network_configuration,
        platform_version: call.platform_version,
        health_check_grace_period_seconds: call.health_check_grace_period_seconds,
        availability_zone_rebalancing: call.availability_zone_rebalancing,
        placement_constraints: call.placement_constraints,
        placement_strategy: call.placement_strategy,
        force_new_deployment: call.force_new_deployment,
    })?;
    // The writer sees its own write, whatever readers see.
    let written = world.written_service(&key).ok_or_else(Refusal::service_not_found)?;
    Ok(json!({"service": shape(world, written, true)?}))
}
