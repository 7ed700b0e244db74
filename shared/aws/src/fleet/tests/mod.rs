//! The fleet against mocked answers: what is asked for, in which pieces, and what becomes of it.

mod look;
mod market;
mod observe;
mod price_list;
mod turn;
mod write;

use std::sync::Arc;

use aws_sdk_ecs::types::{
    CapacityProvider, CapacityProviderStatus, Cluster as EcsCluster, Deployment, LaunchType, Service as EcsService,
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use spotkeeper_core::ids::{ClusterName, ServiceArn, ServiceName, ServiceRef};
use spotkeeper_core::ports::Clock;

use super::{AwsFleet, MemoryCache};
use crate::client::Clients;
use crate::client::testing::{ALL, silent};

/// A clock that stands still.
pub(super) struct Fixed(pub(super) i64);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap()
    }
}

pub(super) type TestFleet = AwsFleet<Arc<MemoryCache>, Fixed>;

/// A fleet whose ECS is mocked, and nothing else.
pub(super) fn fleet(ecs: aws_sdk_ecs::Client) -> TestFleet {
    fleet_on(Clients { ecs, ..silent() }, Arc::default())
}

pub(super) fn fleet_on(clients: Clients, cache: Arc<MemoryCache>) -> TestFleet {
    AwsFleet::new(clients, cache, ALL, Fixed(10_000))
}

pub(super) fn prod() -> ClusterName {
    ClusterName::parse("prod").unwrap()
}

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:service/prod/{name}")
}

pub(super) fn web() -> ServiceRef {
    ServiceRef {
        cluster: prod(),
        name: ServiceName::parse("web").unwrap(),
        arn: ServiceArn::parse(&arn("web")).unwrap(),
    }
}

/// A Fargate service in a steady state.
pub(super) fn service(name: &str) -> aws_sdk_ecs::types::builders::ServiceBuilder {
    let deployment = Deployment::builder()
        .id("ecs-svc/1")
        .status("PRIMARY")
        .launch_type(LaunchType::Fargate)
        .created_at(DateTime::from_secs(1))
        .build();
    EcsService::builder()
        .service_arn(arn(name))
        .service_name(name)
        .status("ACTIVE")
        .desired_count(2)
        .running_count(2)
        .launch_type(LaunchType::Fargate)
        .task_definition("arn:td:1")
        .deployments(deployment)
}

pub(super) fn cluster() -> EcsCluster {
    EcsCluster::builder()
        .cluster_name("prod")
        .cluster_arn("arn:aws:ecs:eu-west-1:123456789012:cluster/prod")
        .status("ACTIVE")
        .capacity_providers("FARGATE")
        .build()
}

pub(super) fn fargate(name: &str) -> CapacityProvider {
    CapacityProvider::builder().name(name).status(CapacityProviderStatus::Active).build()
}
