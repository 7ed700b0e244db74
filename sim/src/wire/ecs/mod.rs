//! ECS: AWS JSON 1.1, target `AmazonEC2ContainerServiceV20141113`.

mod capacity;
mod deployments;
mod services;
mod shapes;
mod tasks;

use serde_json::Value;

use crate::world::{Refusal, World};

/// What this front answers.
pub(super) const ACTIONS: &[&str] = &[
    "ecs:ListClusters",
    "ecs:DescribeClusters",
    "ecs:ListServices",
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
    "ecs:DescribeCapacityProviders",
    "ecs:ListTasks",
    "ecs:DescribeTasks",
    "ecs:ListServiceDeployments",
    "ecs:DescribeServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "ecs:UpdateService",
    "ecs:ListContainerInstances",
    "ecs:DescribeContainerInstances",
    "ecs:GetTaskProtection",
    "ecs:ListTagsForResource",
    "ecs:StopServiceDeployment",
];

pub(super) fn answer(world: &mut World, action: &str, input: &Value) -> Result<Value, Refusal> {
    match action {
        "ListClusters" => capacity::list_clusters(world, input),
        "DescribeClusters" => capacity::describe_clusters(world, input),
        "DescribeCapacityProviders" => capacity::describe_capacity_providers(world, input),
        "ListContainerInstances" => capacity::list_container_instances(world, input),
        "DescribeContainerInstances" => capacity::describe_container_instances(world, input),
        "ListServices" => services::list_services(world, input),
        "DescribeServices" => services::describe_services(world, input),
        "UpdateService" => services::update_service(world, input),
        "DescribeTaskDefinition" => services::describe_task_definition(world, input),
        "ListTagsForResource" => services::list_tags_for_resource(world, input),
        "ListTasks" => tasks::list_tasks(world, input),
        "DescribeTasks" => tasks::describe_tasks(world, input),
        "GetTaskProtection" => tasks::get_task_protection(world, input),
        "ListServiceDeployments" => deployments::list(world, input),
        "DescribeServiceDeployments" => deployments::describe(world, input),
        "DescribeServiceRevisions" => deployments::describe_revisions(world, input),
        "StopServiceDeployment" => deployments::stop(world, input),
        other => Err(super::unknown_action(true, other)),
    }
}

/// At least one and at most so many of something.
fn bounded(what: &str, count: usize, most: usize) -> Result<(), Refusal> {
    match count {
        0 => Err(Refusal::invalid(format!("{what} cannot be empty."))),
        n if n > most => Err(Refusal::invalid(format!("{what} cannot have more than {most} elements."))),
        _ => Ok(()),
    }
}

/// Whether a request asks to include something; what cannot be included is refused.
fn includes(include: &[String], what: &str, allowed: &[&str]) -> Result<bool, Refusal> {
    if let Some(unknown) = include.iter().find(|i| !allowed.contains(&i.as_str())) {
        return Err(Refusal::invalid(format!("Invalid include {unknown}: allowed are {}.", allowed.join(", "))));
    }
    Ok(include.iter().any(|i| i == what))
}
