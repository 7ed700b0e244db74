//! How far the current service deployments are.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::ServiceDeployment as EcsServiceDeployment;
use spotkeeper_core::observe::{Gap, GapCause, Service, ServiceDeploymentStatus};
use spotkeeper_core::ports::Clock;

use super::services::failed;
use super::translate::{self, look as translated};
use super::{AwsFleet, Cache, all};
use crate::client::Action;

const ACTION: Action = Action::DescribeServiceDeployments;

/// The most that `DescribeServiceDeployments` takes.
pub(super) const PER_CALL: usize = 20;

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// The status of each service deployment that is named as current and not known to be
    /// completed, by its ARN. AWS does not say that a current one is in progress.
    pub(super) async fn open_deployments(
        &self,
        services: &[Service],
    ) -> BTreeMap<String, Result<ServiceDeploymentStatus, Gap>> {
        let arns: BTreeSet<&str> = services.iter().filter_map(Service::open_service_deployment).collect();
        let arns: Vec<String> = arns.into_iter().map(str::to_owned).collect();
        let batches = all(arns.chunks(PER_CALL).map(|batch| self.deployment_statuses(batch))).await;
        batches.into_iter().flatten().collect()
    }

    async fn deployment_statuses(&self, arns: &[String]) -> Vec<(String, Result<ServiceDeploymentStatus, Gap>)> {
        let request =
            self.api.clients.ecs.describe_service_deployments().set_service_deployment_arns(Some(arns.to_vec()));
        let answer = match self.api.call(ACTION, || request.clone().send()).await {
            Ok(answer) => answer,
            Err(error) => return arns.iter().map(|arn| (arn.clone(), Err(error.gap(arn)))).collect(),
        };
        let (found, failures) = (answer.service_deployments(), answer.failures());
        let status = |arn: &String| {
            if let Some(found) = found.iter().find(|one| one.service_deployment_arn() == Some(arn)) {
                return status(arn, found);
            }
            match failures.iter().find(|failure| failure.arn() == Some(arn)) {
                Some(failure) => Err(failed(failure, ACTION)),
                None => Err(translate::gap(arn, ACTION, GapCause::Absent, "no answer")),
            }
        };
        arns.iter().map(|arn| (arn.clone(), status(arn))).collect()
    }
}

fn status(arn: &str, found: &EcsServiceDeployment) -> Result<ServiceDeploymentStatus, Gap> {
    translated::status(found).map_err(|error| error.gap(arn, ACTION))
}
