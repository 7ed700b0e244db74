//! Services: listed, then described ten at a time.

use aws_sdk_ecs::types::{Failure, Service as EcsService, ServiceField};
use jiff::Timestamp;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::observe::{Depth, Gap, GapCause, Service, recent};
use spotkeeper_core::ports::Clock;

use super::translate::{self, NotUnderstood, look::events, service::service};
use super::{AwsFleet, Cache, all, pages};
use crate::client::{Action, ApiError};

/// The page of `ListServices`: without it ECS answers with 10.
const PAGE: i32 = 100;
/// The most that `DescribeServices` takes.
const PER_CALL: usize = 10;

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// The ARNs of a cluster's services.
    pub(super) async fn service_arns(&self, cluster: &ClusterName) -> Result<Vec<String>, ApiError> {
        let ecs = &self.api.clients.ecs;
        pages(|token| async move {
            let request = ecs.list_services().cluster(cluster.as_str()).max_results(PAGE).set_next_token(token);
            let answer = self.api.call(Action::ListServices, || request.clone().send()).await?;
            Ok((answer.service_arns.unwrap_or_default(), answer.next_token))
        })
        .await
    }

    /// The services, in order of name, and a gap for each that could not be read.
    pub(super) async fn services(
        &self,
        cluster: &ClusterName,
        arns: &[String],
        depth: Depth,
    ) -> (Vec<Service>, Vec<Gap>) {
        let batches = all(arns.chunks(PER_CALL).map(|batch| self.described_services(cluster, batch, depth))).await;
        let (mut services, mut gaps) = (Vec::new(), Vec::new());
        for batch in batches {
            for one in batch {
                match one {
                    Ok(service) => services.push(service),
                    Err(gap) => gaps.push(gap),
                }
            }
        }
        services.sort_by(|one: &Service, other| one.id.name.cmp(&other.id.name));
        (services, gaps)
    }

    async fn described_services(
        &self,
        cluster: &ClusterName,
        arns: &[String],
        depth: Depth,
    ) -> Vec<Result<Service, Gap>> {
        let now = self.clock.now();
        let translated = |one: &EcsService| {
            let mut read = service(cluster, one)?;
            if depth == Depth::Full {
                read.events = recent(events(one.events(), Timestamp::MIN), now);
            }
            Ok(read)
        };
        match self.raw_services(cluster, arns.to_vec()).await {
            Err(error) => arns.iter().map(|arn| Err(error.gap(arn))).collect(),
            Ok((found, failures)) => {
                let understood = found.iter().map(|one| {
                    translated(one).map_err(|error: NotUnderstood| {
                        error.gap(one.service_arn().unwrap_or_default(), Action::DescribeServices)
                    })
                });
                let failed = failures.iter().map(|failure| Err(failed(failure, Action::DescribeServices)));
                understood.chain(failed).collect()
            }
        }
    }

    /// What `DescribeServices` answers, with tags.
    pub(super) async fn raw_services(
        &self,
        cluster: &ClusterName,
        names: Vec<String>,
    ) -> Result<(Vec<EcsService>, Vec<Failure>), ApiError> {
        let request = self
            .api
            .clients
            .ecs
            .describe_services()
            .cluster(cluster.as_str())
            .set_services(Some(names))
            .include(ServiceField::Tags);
        let answer = self.api.call(Action::DescribeServices, || request.clone().send()).await?;
        Ok((answer.services.unwrap_or_default(), answer.failures.unwrap_or_default()))
    }
}

/// The gap that one of `failures[]` leaves.
pub(super) fn failed(failure: &Failure, action: Action) -> Gap {
    let reason = failure.reason().unwrap_or_default();
    let cause = match reason {
        "MISSING" => GapCause::Absent,
        _ => GapCause::Failed,
    };
    let detail = match failure.detail() {
        Some(detail) => format!("{reason}: {detail}"),
        None => reason.to_owned(),
    };
    translate::gap(failure.arn().unwrap_or_default(), action, cause, detail)
}
