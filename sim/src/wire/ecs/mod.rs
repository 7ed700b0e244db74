//! ECS: AWS JSON 1.1, target `AmazonEC2ContainerServiceV20141113`.

mod clusters;
mod container_instances;
mod deployments;
mod protection;
mod providers;
mod services;
mod shapes;
mod tags;
mod task_definitions;
mod tasks;
mod update_service;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Handler;
use super::page::Paging;
use super::protocol::Service;
use crate::world::Refusal;

/// What this front answers.
pub(super) const CALLS: &[(&str, Handler)] = &[
    ("ListClusters", |w, i| clusters::list(w, i)),
    ("DescribeClusters", |w, i| clusters::describe(w, i)),
    ("PutClusterCapacityProviders", clusters::put_capacity_providers),
    ("DescribeCapacityProviders", |w, i| providers::describe(w, i)),
    ("UpdateCapacityProvider", providers::update),
    ("ListContainerInstances", |w, i| container_instances::list(w, i)),
    ("DescribeContainerInstances", |w, i| container_instances::describe(w, i)),
    ("UpdateContainerInstancesState", container_instances::update_state),
    ("ListServices", |w, i| services::list(w, i)),
    ("DescribeServices", |w, i| services::describe(w, i)),
    ("UpdateService", update_service::update),
    ("ListServiceDeployments", |w, i| deployments::list(w, i)),
    ("DescribeServiceDeployments", |w, i| deployments::describe(w, i)),
    ("ContinueServiceDeployment", deployments::go_on),
    ("StopServiceDeployment", deployments::stop),
    ("DescribeServiceRevisions", |w, i| deployments::describe_revisions(w, i)),
    ("ListTaskDefinitions", |w, i| task_definitions::list(w, i)),
    ("ListTaskDefinitionFamilies", |w, i| task_definitions::list_families(w, i)),
    ("DescribeTaskDefinition", |w, i| task_definitions::describe(w, i)),
    ("ListTasks", |w, i| tasks::list(w, i)),
    ("DescribeTasks", |w, i| tasks::describe(w, i)),
    ("StopTask", tasks::stop),
    ("GetTaskProtection", |w, i| protection::get(w, i)),
    ("UpdateTaskProtection", protection::update),
    ("ListTagsForResource", |w, i| tags::list(w, i)),
    ("TagResource", tags::tag),
    ("UntagResource", tags::untag),
];

fn read<T: DeserializeOwned>(input: &Value) -> Result<T, Refusal> {
    super::read(Service::Ecs, input)
}

fn paging(token: &Option<String>, max: Option<i64>) -> Paging<'_> {
    Paging { service: Service::Ecs, token: token.as_deref(), max }
}

/// At least one and at most so many of something.
fn bounded(what: &str, count: usize, most: usize) -> Result<(), Refusal> {
    match count {
        0 => Err(Refusal::invalid(format!("{what} cannot be empty."))),
        n if n > most => Err(Refusal::invalid(format!("{what} cannot have more than {most} elements."))),
        _ => Ok(()),
    }
}
