//! A closer look at one service.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{CreatedAt, ServiceDeploymentBrief};
use jiff::Timestamp;
use spotkeeper_core::ids::ServiceRef;
use spotkeeper_core::observe::{
    Depth, Gap, GapCause, Look, Reading, Service, ServiceDeployment, ServiceDeploymentStatus, ServiceEvent,
    ServiceRevision, TargetHealth,
};
use spotkeeper_core::ports::Clock;

use super::deployments::PER_CALL;
use super::services::failed;
use super::snapshot::{place_tasks, set};
use super::translate::{self, date_time, look as translated, not_read, service::service, service::target_group};
use super::{AwsFleet, Cache, all, pages};
use crate::client::{Action, ApiError};

/// The page of `ListServiceDeployments`.
const PAGE: i32 = 100;
/// The most that `DescribeServiceRevisions` takes.
const REVISIONS_PER_CALL: usize = 20;

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// `DescribeServices`, `ListServiceDeployments`, `DescribeServiceDeployments`,
    /// `DescribeServiceRevisions`, `ListTasks` and `DescribeTasks` once each, and
    /// `DescribeTargetHealth` for each target group.
    pub(super) async fn look_at(&self, id: &ServiceRef, since: Timestamp) -> Look {
        let at = self.clock.now();
        let (read, tasks, listed) = tokio::join!(
            self.one_service(id, since),
            self.tasks(&id.cluster, Some(&id.name), Depth::Switch),
            self.deployment_arns(id, since),
        );
        let (mut service, events) = match read {
            Ok((service, events)) => (Reading::Known(service), events),
            Err(gap) => (Reading::Missing(gap), Vec::new()),
        };
        if let Reading::Known(service) = &mut service {
            place_tasks(std::slice::from_mut(service), &tasks);
        }
        let (targets, (deployments, revisions)) =
            tokio::join!(self.targets(service.get()), self.deployments(service.known(), listed));
        if let Reading::Known(service) = &mut service {
            let status = current_status(service, &deployments);
            set(&mut service.current_deployment_status, status);
        }
        let (mut into_deployments, mut into_revisions, mut into_targets) = (
            Reading::Missing(not_read(id.arn.as_str(), Action::DescribeServiceDeployments)),
            Reading::Missing(not_read(id.arn.as_str(), Action::DescribeServiceRevisions)),
            Reading::Missing(not_read(id.arn.as_str(), Action::DescribeTargetHealth)),
        );
        set(&mut into_deployments, Some(deployments));
        set(&mut into_revisions, Some(revisions));
        set(&mut into_targets, Some(targets));
        Look { at, service, deployments: into_deployments, revisions: into_revisions, targets: into_targets, events }
    }

    async fn one_service(&self, id: &ServiceRef, since: Timestamp) -> Result<(Service, Vec<ServiceEvent>), Gap> {
        const ACTION: Action = Action::DescribeServices;
        let subject = id.arn.as_str();
        let answer = self.raw_services(&id.cluster, vec![id.name.as_str().to_owned()]).await;
        let (found, failures) = answer.map_err(|error| error.gap(subject))?;
        match (found.first(), failures.first()) {
            (Some(found), _) => {
                let events = translated::events(found.events(), since);
                Ok((service(&id.cluster, found).map_err(|error| error.gap(subject, ACTION))?, events))
            }
            (None, Some(failure)) => Err(Gap { subject: subject.to_owned(), ..failed(failure, ACTION) }),
            (None, None) => Err(translate::gap(subject, ACTION, GapCause::Absent, "no answer")),
        }
    }

    /// The newest service deployments since then, newest first. ECS does not document its order,
    /// so all of them are listed: a page holds a hundred.
    async fn deployment_arns(&self, id: &ServiceRef, since: Timestamp) -> Result<Vec<String>, Gap> {
        let request = self
            .api
            .clients
            .ecs
            .list_service_deployments()
            .cluster(id.cluster.as_str())
            .service(id.name.as_str())
            .created_at(CreatedAt::builder().after(date_time(since)).build())
            .max_results(PAGE);
        let mut listed: Vec<ServiceDeploymentBrief> = pages(|token| {
            let request = request.clone().set_next_token(token);
            async move {
                let answer = self.api.call(Action::ListServiceDeployments, || request.clone().send()).await?;
                Ok((answer.service_deployments.unwrap_or_default(), answer.next_token))
            }
        })
        .await
        .map_err(|error: ApiError| error.gap(id.arn.as_str()))?;
        listed.sort_by_key(|one| std::cmp::Reverse(one.created_at().map(|at| (at.secs(), at.subsec_nanos()))));
        Ok(listed.into_iter().filter_map(|one| one.service_deployment_arn).collect())
    }

    /// The service deployments with the revisions that they name. The one in progress is among
    /// them, however old.
    async fn deployments(
        &self,
        service: Option<&Service>,
        listed: Result<Vec<String>, Gap>,
    ) -> (Result<Vec<ServiceDeployment>, Gap>, Result<Vec<ServiceRevision>, Gap>) {
        let mut arns = match listed {
            Ok(arns) => arns,
            Err(gap) => return (Err(gap.clone()), Err(gap)),
        };
        if let Some(current) = service.and_then(|service| service.current_service_deployment.as_ref())
            && !arns.contains(current)
        {
            arns.truncate(PER_CALL - 1);
            arns.push(current.clone());
        }
        arns.truncate(PER_CALL);
        let deployments = match self.described_deployments(arns).await {
            Ok(deployments) => deployments,
            Err(gap) => return (Err(gap.clone()), Err(gap)),
        };
        let mut named: Vec<String> = Vec::new();
        for deployment in &deployments {
            let sources = deployment.source_revisions.iter().map(|source| &source.revision);
            for revision in std::iter::once(&deployment.target_revision).chain(sources) {
                if !revision.is_empty() && !named.contains(revision) {
                    named.push(revision.clone());
                }
            }
        }
        named.truncate(REVISIONS_PER_CALL);
        let revisions = self.described_revisions(named).await;
        (Ok(deployments), revisions)
    }

    async fn described_deployments(&self, arns: Vec<String>) -> Result<Vec<ServiceDeployment>, Gap> {
        const ACTION: Action = Action::DescribeServiceDeployments;
        let Some(first) = arns.first().cloned() else {
            return Ok(Vec::new());
        };
        let request = self.api.clients.ecs.describe_service_deployments().set_service_deployment_arns(Some(arns));
        let answer = self.api.call(ACTION, || request.clone().send()).await.map_err(|error| error.gap(&first))?;
        if let Some(failure) = answer.failures().first() {
            return Err(failed(failure, ACTION));
        }
        let mut deployments = answer
            .service_deployments()
            .iter()
            .map(|one| {
                let subject = one.service_deployment_arn().unwrap_or_default();
                translated::service_deployment(one).map_err(|error| error.gap(subject, ACTION))
            })
            .collect::<Result<Vec<_>, _>>()?;
        deployments.sort_by_key(|one| std::cmp::Reverse(one.created_at));
        Ok(deployments)
    }

    async fn described_revisions(&self, arns: Vec<String>) -> Result<Vec<ServiceRevision>, Gap> {
        const ACTION: Action = Action::DescribeServiceRevisions;
        let Some(first) = arns.first().cloned() else {
            return Ok(Vec::new());
        };
        let request = self.api.clients.ecs.describe_service_revisions().set_service_revision_arns(Some(arns));
        let answer = self.api.call(ACTION, || request.clone().send()).await.map_err(|error| error.gap(&first))?;
        if let Some(failure) = answer.failures().first() {
            return Err(failed(failure, ACTION));
        }
        answer
            .service_revisions()
            .iter()
            .map(|one| {
                let subject = one.service_revision_arn().unwrap_or_default();
                translated::service_revision(one).map_err(|error| error.gap(subject, ACTION))
            })
            .collect()
    }

    /// The targets of every target group; a service that could not be read has unknown ones.
    async fn targets(&self, service: Result<&Service, &Gap>) -> Result<Vec<TargetHealth>, Gap> {
        let service = service.map_err(Gap::clone)?;
        let arns: BTreeSet<&str> = service.load_balancers.iter().filter_map(target_group).collect();
        let arns: Vec<&str> = arns.into_iter().collect();
        let states = all(arns.iter().map(|arn| self.target_states(arn))).await;
        let read: BTreeMap<String, translated::States> = arns
            .iter()
            .zip(states)
            .map(|(arn, states)| Ok(((*arn).to_owned(), states?)))
            .collect::<Result<_, Gap>>()?;
        Ok(translated::target_health(&service.load_balancers, &read))
    }

    async fn target_states(&self, arn: &str) -> Result<translated::States, Gap> {
        let request = self.api.clients.elb.describe_target_health().target_group_arn(arn);
        let answer = self.api.call(Action::DescribeTargetHealth, || request.clone().send()).await;
        Ok(translated::states(answer.map_err(|error| error.gap(arn))?.target_health_descriptions()))
    }
}

/// How far a service's current service deployment is, where it was described.
fn current_status(
    service: &Service,
    deployments: &Result<Vec<ServiceDeployment>, Gap>,
) -> Option<Result<ServiceDeploymentStatus, Gap>> {
    let current = service.current_service_deployment.as_ref()?;
    match deployments {
        Ok(deployments) => Some(Ok(deployments.iter().find(|one| one.arn == *current)?.status)),
        Err(gap) => Some(Err(gap.clone())),
    }
}
