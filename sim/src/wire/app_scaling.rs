//! Application Auto Scaling: AWS JSON 1.1, target `AnyScaleFrontendService`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::page::page;
use super::{epoch, read};
use crate::world::{Refusal, World};

pub(super) const ACTIONS: &[&str] =
    &["application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScheduledActions"];

const DIMENSION: &str = "ecs:service:DesiredCount";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Describe {
    service_namespace: String,
    #[serde(default)]
    resource_ids: Vec<String>,
    resource_id: Option<String>,
    #[serde(default)]
    scheduled_action_names: Vec<String>,
    scalable_dimension: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

pub(super) fn answer(world: &World, action: &str, input: &Value) -> Result<Value, Refusal> {
    if !matches!(action, "DescribeScalableTargets" | "DescribeScheduledActions") {
        return Err(super::unknown_action(true, action));
    }
    let call: Describe = read(input)?;
    // "The maximum number of … results … between 1 and 50. The default value is 50."
    if call.max_results.is_some_and(|n| !(1..=50).contains(&n)) {
        return Err(Refusal::new(
            "ValidationException",
            "1 validation error detected: MaxResults must be between 1 and 50",
        ));
    }
    let nothing = call.service_namespace != "ecs" || call.scalable_dimension.as_deref().is_some_and(|d| d != DIMENSION);
    let cut = |names: Vec<String>| {
        page(names, call.next_token.as_deref(), call.max_results, 50, 50)
            .map_err(|_| Refusal::new("InvalidNextTokenException", "The specified token is not valid"))
    };
    if action == "DescribeScalableTargets" {
        let mut names: Vec<String> = world
            .scalable_targets
            .iter()
            .filter(|t| !nothing && (call.resource_ids.is_empty() || call.resource_ids.contains(&t.resource_id)))
            .map(|t| t.resource_id.clone())
            .collect();
        names.sort();
        let (names, next) = cut(names)?;
        let targets: Vec<Value> = names
            .iter()
            .filter_map(|n| world.scalable_targets.iter().find(|t| t.resource_id == *n))
            .map(|t| {
                json!({
                    "ServiceNamespace": "ecs",
                    "ResourceId": t.resource_id,
                    "ScalableDimension": DIMENSION,
                    "MinCapacity": t.min_capacity,
                    "MaxCapacity": t.max_capacity,
                    "RoleARN": format!("arn:aws:iam::{}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService", world.arns.account),
                    "CreationTime": epoch(t.created_at),
                    "SuspendedState": {"DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false},
                    "ScalableTargetARN": world.arns.of("application-autoscaling", &format!("scalable-target/{:016x}", crate::world::arn::hash(&t.resource_id))),
                })
            })
            .collect();
        return Ok(json!({"ScalableTargets": targets, "NextToken": next}));
    }
    let mut names: Vec<String> = world
        .scheduled_actions
        .iter()
        .filter(|a| !nothing && call.resource_id.as_ref().is_none_or(|r| *r == a.resource_id))
        .filter(|a| call.scheduled_action_names.is_empty() || call.scheduled_action_names.contains(&a.name))
        .map(|a| format!("{} {}", a.resource_id, a.name))
        .collect();
    names.sort();
    let (names, next) = cut(names)?;
    let actions: Vec<Value> = names
        .iter()
        .filter_map(|n| world.scheduled_actions.iter().find(|a| format!("{} {}", a.resource_id, a.name) == *n))
        .map(|a| {
            json!({
                "ScheduledActionName": a.name,
                "ScheduledActionARN": world.arns.of("autoscaling", &format!("scheduledAction:{:016x}:resource/ecs/{}:scheduledActionName/{}", crate::world::arn::hash(&a.name), a.resource_id, a.name)),
                "ServiceNamespace": "ecs",
                "Schedule": a.schedule,
                "Timezone": a.timezone,
                "ResourceId": a.resource_id,
                "ScalableDimension": DIMENSION,
                "ScalableTargetAction": {"MinCapacity": a.min_capacity, "MaxCapacity": a.max_capacity},
                "CreationTime": epoch(a.created_at),
            })
        })
        .collect();
    Ok(json!({"ScheduledActions": actions, "NextToken": next}))
}
