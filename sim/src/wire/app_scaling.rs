//! Application Auto Scaling: AWS JSON 1.1, target `AnyScaleFrontendService`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::Paging;
use super::protocol::Service;
use super::{Handler, epoch, read};
use crate::world::arn::hash;
use crate::world::autoscaling::{ScalableTarget, ScheduledAction};
use crate::world::scaling_by_hand::{ScalableTargetChange, ScheduledActionChange};
use crate::world::{Refusal, World};

pub(super) const CALLS: &[(&str, Handler)] = &[
    ("DescribeScalableTargets", |w, i| describe_targets(w, i)),
    ("RegisterScalableTarget", register_target),
    ("DescribeScheduledActions", |w, i| describe_actions(w, i)),
    ("PutScheduledAction", put_action),
];

const DIMENSION: &str = "ecs:service:DesiredCount";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeTargets {
    service_namespace: String,
    #[serde(default)]
    resource_ids: Vec<String>,
    scalable_dimension: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

/// Whether anything of this namespace and dimension can be here.
fn is_ecs(namespace: &str, dimension: Option<&str>) -> bool {
    namespace == "ecs" && dimension.is_none_or(|d| d == DIMENSION)
}

fn paging(token: &Option<String>, max: Option<i64>) -> Paging<'_> {
    Paging { service: Service::ApplicationAutoScaling, token: token.as_deref(), max }
}

fn describe_targets(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: DescribeTargets = read(Service::ApplicationAutoScaling, input)?;
    let here = is_ecs(&call.service_namespace, call.scalable_dimension.as_deref());
    let mut names: Vec<String> = world
        .scalable_targets
        .iter()
        .filter(|t| here && (call.resource_ids.is_empty() || call.resource_ids.contains(&t.resource_id)))
        .map(|t| t.resource_id.clone())
        .collect();
    names.sort();
    // "This value can be between 1 and 50. The default value is 50" (MaxResults).
    let (names, next) = paging(&call.next_token, call.max_results).cut(names, 50, 1..=50)?;
    let targets: Vec<Value> = names
        .iter()
        .filter_map(|n| world.scalable_targets.iter().find(|t| t.resource_id == *n))
        .map(|t| target(world, t))
        .collect();
    Ok(json!({"ScalableTargets": targets, "NextToken": next}))
}

fn target(world: &World, t: &ScalableTarget) -> Value {
    json!({
        "ServiceNamespace": "ecs",
        "ResourceId": t.resource_id,
        "ScalableDimension": DIMENSION,
        "MinCapacity": t.min_capacity,
        "MaxCapacity": t.max_capacity,
        "RoleARN": format!("arn:aws:iam::{}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService", world.arns.account),
        "CreationTime": epoch(t.created_at),
        "SuspendedState": {"DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false},
        "ScalableTargetARN": target_arn(world, &t.resource_id),
    })
}

fn target_arn(world: &World, resource_id: &str) -> String {
    world.arns.of("application-autoscaling", &format!("scalable-target/{:016x}", hash(resource_id)))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RegisterTarget {
    service_namespace: String,
    resource_id: String,
    scalable_dimension: String,
    min_capacity: Option<i64>,
    max_capacity: Option<i64>,
}

/// The refusal of what is not an ECS service's desired count.
fn check_dimension(namespace: &str, dimension: &str) -> Result<(), Refusal> {
    if is_ecs(namespace, Some(dimension)) {
        return Ok(());
    }
    let what = format!("aws-sim scales {DIMENSION} of the namespace ecs alone, not {dimension} of {namespace}");
    Err(Refusal::new("ValidationException", what))
}

fn capacity(name: &str, value: Option<i64>) -> Result<Option<u32>, Refusal> {
    let what = || Refusal::new("ValidationException", format!("{name} must be 0 or more"));
    value.map(|v| u32::try_from(v).map_err(|_| what())).transpose()
}

fn register_target(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: RegisterTarget = read(Service::ApplicationAutoScaling, input)?;
    check_dimension(&call.service_namespace, &call.scalable_dimension)?;
    world.change_scalable_target(ScalableTargetChange {
        min_capacity: capacity("MinCapacity", call.min_capacity)?,
        max_capacity: capacity("MaxCapacity", call.max_capacity)?,
        resource_id: call.resource_id.clone(),
    })?;
    Ok(json!({"ScalableTargetARN": target_arn(world, &call.resource_id)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeActions {
    service_namespace: String,
    #[serde(default)]
    scheduled_action_names: Vec<String>,
    resource_id: Option<String>,
    scalable_dimension: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

fn describe_actions(world: &World, input: &Value) -> Result<Value, Refusal> {
    let call: DescribeActions = read(Service::ApplicationAutoScaling, input)?;
    let here = is_ecs(&call.service_namespace, call.scalable_dimension.as_deref());
    let key = |a: &ScheduledAction| format!("{} {}", a.resource_id, a.name);
    let names = &call.scheduled_action_names;
    let mut keys: Vec<String> = world
        .scheduled_actions
        .iter()
        .filter(|a| here && call.resource_id.as_ref().is_none_or(|r| *r == a.resource_id))
        .filter(|a| names.is_empty() || names.contains(&a.name))
        .map(key)
        .collect();
    keys.sort();
    // "This value can be between 1 and 50. The default value is 50" (MaxResults).
    let (keys, next) = paging(&call.next_token, call.max_results).cut(keys, 50, 1..=50)?;
    let actions: Vec<Value> = keys
        .iter()
        .filter_map(|k| world.scheduled_actions.iter().find(|a| key(a) == *k))
        .map(|a| scheduled_action(world, a))
        .collect();
    Ok(json!({"ScheduledActions": actions, "NextToken": next}))
}

fn scheduled_action(world: &World, a: &ScheduledAction) -> Value {
    json!({
        "ScheduledActionName": a.name,
        "ScheduledActionARN": world.arns.of("autoscaling", &format!("scheduledAction:{:016x}:resource/ecs/{}:scheduledActionName/{}", hash(&a.name), a.resource_id, a.name)),
        "ServiceNamespace": "ecs",
        "Schedule": a.schedule,
        "Timezone": a.timezone,
        "ResourceId": a.resource_id,
        "ScalableDimension": DIMENSION,
        "ScalableTargetAction": {"MinCapacity": a.min_capacity, "MaxCapacity": a.max_capacity},
        "CreationTime": epoch(a.created_at),
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct PutAction {
    service_namespace: String,
    scheduled_action_name: String,
    resource_id: String,
    scalable_dimension: String,
    schedule: Option<String>,
    timezone: Option<String>,
    scalable_target_action: Option<TargetAction>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct TargetAction {
    min_capacity: Option<i64>,
    max_capacity: Option<i64>,
}

fn put_action(world: &mut World, input: &Value) -> Result<Value, Refusal> {
    let call: PutAction = read(Service::ApplicationAutoScaling, input)?;
    check_dimension(&call.service_namespace, &call.scalable_dimension)?;
    let action = call.scalable_target_action.unwrap_or_default();
    world.change_scheduled_action(ScheduledActionChange {
        name: call.scheduled_action_name,
        resource_id: call.resource_id,
        schedule: call.schedule,
        timezone: call.timezone,
        min_capacity: capacity("MinCapacity", action.min_capacity)?,
        max_capacity: capacity("MaxCapacity", action.max_capacity)?,
    })?;
    Ok(json!({}))
}
