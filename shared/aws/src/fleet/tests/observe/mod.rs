//! Observing one cluster.

mod capacity;
mod deployments;
mod details;
mod places;
mod services;
mod tasks;

use std::sync::{Arc, Mutex};

use super::look::refused;
use super::{arn, cluster, fargate, fleet, fleet_on, prod, service};
use crate::client::Clients;
use crate::client::testing::silent;
use aws_sdk_applicationautoscaling::Client as Scaling;
use aws_sdk_applicationautoscaling::operation::describe_scalable_targets::DescribeScalableTargetsOutput;
use aws_sdk_ecs::Client as Ecs;
use aws_sdk_ecs::operation::describe_capacity_providers::DescribeCapacityProvidersOutput;
use aws_sdk_ecs::operation::describe_clusters::DescribeClustersOutput;
use aws_sdk_ecs::operation::describe_services::DescribeServicesOutput;
use aws_sdk_ecs::operation::describe_task_definition::DescribeTaskDefinitionOutput;
use aws_sdk_ecs::operation::list_services::ListServicesOutput;
use aws_sdk_ecs::operation::list_tasks::ListTasksOutput;
use aws_sdk_ecs::types::{ServiceField, TaskDefinition};
use aws_sdk_servicequotas::operation::get_service_quota::GetServiceQuotaOutput;
use aws_sdk_servicequotas::types::ServiceQuota;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use spotkeeper_core::observe::{Depth, GapCause};
use spotkeeper_core::ports::{Fleet as _, PortError};

pub(super) fn describe_cluster() -> Rule {
    mock!(Ecs::describe_clusters)
        .match_requests(|it| it.clusters() == ["prod"])
        .then_output(|| DescribeClustersOutput::builder().clusters(cluster()).build())
}

pub(super) fn providers() -> Rule {
    mock!(Ecs::describe_capacity_providers)
        .match_requests(|it| it.cluster() == Some("prod") && it.capacity_providers() == ["FARGATE"])
        .then_output(|| DescribeCapacityProvidersOutput::builder().capacity_providers(fargate("FARGATE")).build())
}

/// One page with the services of that name.
pub(super) fn list(names: &'static [&'static str]) -> Rule {
    mock!(Ecs::list_services)
        .match_requests(|it| it.cluster() == Some("prod") && it.max_results() == Some(100))
        .then_output(move || {
            let arns = names.iter().map(|name| arn(name)).collect();
            ListServicesOutput::builder().set_service_arns(Some(arns)).build()
        })
}

pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap()
}

/// Answers every service that is asked for; says how many each call asked for.
pub(super) fn describe(sizes: Arc<Mutex<Vec<usize>>>) -> Rule {
    mock!(Ecs::describe_services)
        .match_requests(|it| it.include() == [ServiceField::Tags] && it.services().len() <= 10)
        .then_compute_output(move |it| {
            sizes.lock().unwrap().push(it.services().len());
            let services = it.services().iter().map(|arn| service(name_of(arn)).build()).collect();
            DescribeServicesOutput::builder().set_services(Some(services)).build()
        })
}

pub(super) fn no_tasks() -> Rule {
    mock!(Ecs::list_tasks).then_output(|| ListTasksOutput::builder().build())
}

pub(super) fn definitions() -> Rule {
    mock!(Ecs::describe_task_definition).then_compute_output(|it| {
        let definition =
            TaskDefinition::builder().set_task_definition_arn(it.task_definition.clone()).cpu("256").build();
        DescribeTaskDefinitionOutput::builder().task_definition(definition).build()
    })
}

pub(super) fn quotas() -> aws_sdk_servicequotas::Client {
    let quota = mock!(aws_sdk_servicequotas::Client::get_service_quota)
        .then_output(|| GetServiceQuotaOutput::builder().quota(ServiceQuota::builder().value(64.0).build()).build());
    mock_client!(aws_sdk_servicequotas, RuleMode::MatchAny, [&quota])
}

pub(super) fn no_scaling() -> Scaling {
    let none = mock!(Scaling::describe_scalable_targets)
        .match_requests(|it| it.max_results() == Some(50) && it.resource_ids().len() <= 50)
        .then_output(|| DescribeScalableTargetsOutput::builder().build());
    mock_client!(aws_sdk_applicationautoscaling, RuleMode::MatchAny, [&none])
}

pub(super) fn clients(ecs: Ecs) -> Clients {
    Clients { ecs, scaling: no_scaling(), quotas: quotas(), ..silent() }
}
