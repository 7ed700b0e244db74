//! Scaling ranges: the scalable targets of a cluster's services, and their scheduled actions.

use std::collections::BTreeMap;

use aws_sdk_applicationautoscaling::types::{ScalableTarget, ScheduledAction, ServiceNamespace};
use spotkeeper_core::ids::{ClusterName, ServiceName};
use spotkeeper_core::observe::{Gap, ScalingRange};
use spotkeeper_core::ports::Clock;

use super::translate::scaling::{ranges, resource_id};
use super::{AwsFleet, Cache, all, pages};
use crate::client::{Action, ApiError};

/// The most that `DescribeScalableTargets` and `DescribeScheduledActions` take and answer.
const PER_CALL: usize = 50;
const PAGE: i32 = 50;

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// The range of each service, `None` where it is not a scalable target.
    pub(super) async fn scaling(
        &self,
        cluster: &ClusterName,
        services: &[ServiceName],
    ) -> BTreeMap<ServiceName, Result<Option<ScalingRange>, Gap>> {
        let id = |name: &ServiceName| resource_id(cluster, name);
        let chunks =
            all(services.chunks(PER_CALL).map(|chunk| self.scalable_targets(chunk.iter().map(id).collect()))).await;
        let (mut targets, mut unread) = (Vec::new(), BTreeMap::new());
        for (chunk, answer) in services.chunks(PER_CALL).zip(chunks) {
            match answer {
                Ok(found) => targets.extend(found),
                Err(error) => unread.extend(chunk.iter().map(|name| (name.clone(), error.gap(&id(name))))),
            }
        }
        let actions = match targets.is_empty() {
            true => Ok(Vec::new()),
            false => self.scheduled_actions().await,
        };
        let ranges = ranges(&targets, actions.as_deref().unwrap_or_default(), self.clock.now());
        let mut of_service = |name: &ServiceName| match (unread.remove(name), ranges.get(&id(name)), &actions) {
            (Some(gap), _, _) => Err(gap),
            (None, Some(_), Err(error)) => Err(error.gap(&id(name))),
            (None, range, _) => Ok(range.copied()),
        };
        services.iter().map(|name| (name.clone(), of_service(name))).collect()
    }

    async fn scalable_targets(&self, resource_ids: Vec<String>) -> Result<Vec<ScalableTarget>, ApiError> {
        let request = self
            .api
            .clients
            .scaling
            .describe_scalable_targets()
            .service_namespace(ServiceNamespace::Ecs)
            .set_resource_ids(Some(resource_ids))
            .max_results(PAGE);
        pages(|token| {
            let request = request.clone().set_next_token(token);
            async move {
                let answer = self.api.call(Action::DescribeScalableTargets, || request.clone().send()).await?;
                Ok((answer.scalable_targets.unwrap_or_default(), answer.next_token))
            }
        })
        .await
    }

    /// Those of the whole account: the API takes one resource, or none.
    async fn scheduled_actions(&self) -> Result<Vec<ScheduledAction>, ApiError> {
        let scaling = &self.api.clients.scaling;
        pages(|token| async move {
            let request = scaling
                .describe_scheduled_actions()
                .service_namespace(ServiceNamespace::Ecs)
                .max_results(PAGE)
                .set_next_token(token);
            let answer = self.api.call(Action::DescribeScheduledActions, || request.clone().send()).await?;
            Ok((answer.scheduled_actions.unwrap_or_default(), answer.next_token))
        })
        .await
    }
}
