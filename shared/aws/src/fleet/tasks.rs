//! The tasks of a cluster or of one service, and their protection.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ecs::types::{DesiredStatus, Failure, Task as EcsTask};
use spotkeeper_core::ids::{ClusterName, ServiceName};
use spotkeeper_core::observe::{Depth, Gap, Task};
use spotkeeper_core::ports::Clock;

use super::services::failed;
use super::translate::task::{service_of, should_run, task};
use super::{AwsFleet, Cache, all, pages};
use crate::client::{Action, ApiError};

/// The most that `ListTasks`, `DescribeTasks` and `GetTaskProtection` take and answer.
const PER_CALL: usize = 100;
const PAGE: i32 = 100;

/// The tasks that should run, by name of their service; a service that is not there has none.
/// The outer error concerns every service: it is not known whose tasks are missing.
pub(super) type Tasks = Result<BTreeMap<String, Result<Vec<Task>, Gap>>, Gap>;

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// All tasks of a cluster's services, or of one service. Protection is read at full depth.
    pub(super) async fn tasks(&self, cluster: &ClusterName, service: Option<&ServiceName>, depth: Depth) -> Tasks {
        let arns = self.task_arns(cluster, service).await.map_err(|error| error.gap(cluster.as_str()))?;
        let batches = all(arns.chunks(PER_CALL).map(|arns| self.described_tasks(cluster, arns.to_vec()))).await;
        let mut by_service: BTreeMap<String, Result<Vec<Task>, Gap>> = BTreeMap::new();
        for batch in batches {
            let (tasks, failures) = batch.map_err(|error| error.gap(cluster.as_str()))?;
            if let Some(failure) = failures.iter().find(|failure| !gone(failure)) {
                return Err(failed(failure, Action::DescribeTasks));
            }
            for one in tasks.iter().filter(|one| should_run(one)) {
                let Some(service) = service_of(one) else {
                    continue;
                };
                let translated =
                    task(one).map_err(|error| error.gap(one.task_arn().unwrap_or(service), Action::DescribeTasks));
                let of_service = by_service.entry(service.to_owned()).or_insert_with(|| Ok(Vec::new()));
                match (of_service.as_mut(), translated) {
                    (Ok(tasks), Ok(task)) => tasks.push(task),
                    (Ok(_), Err(gap)) => *of_service = Err(gap),
                    (Err(_), _) => {}
                }
            }
        }
        if depth == Depth::Full {
            self.protect(cluster, &mut by_service).await;
        }
        Ok(by_service)
    }

    async fn task_arns(&self, cluster: &ClusterName, service: Option<&ServiceName>) -> Result<Vec<String>, ApiError> {
        let request = self
            .api
            .clients
            .ecs
            .list_tasks()
            .cluster(cluster.as_str())
            .set_service_name(service.map(|service| service.as_str().to_owned()))
            .desired_status(DesiredStatus::Running)
            .max_results(PAGE);
        pages(|token| {
            let request = request.clone().set_next_token(token);
            async move {
                let answer = self.api.call(Action::ListTasks, || request.clone().send()).await?;
                Ok((answer.task_arns.unwrap_or_default(), answer.next_token))
            }
        })
        .await
    }

    async fn described_tasks(
        &self,
        cluster: &ClusterName,
        arns: Vec<String>,
    ) -> Result<(Vec<EcsTask>, Vec<Failure>), ApiError> {
        let request = self.api.clients.ecs.describe_tasks().cluster(cluster.as_str()).set_tasks(Some(arns));
        let answer = self.api.call(Action::DescribeTasks, || request.clone().send()).await?;
        Ok((answer.tasks.unwrap_or_default(), answer.failures.unwrap_or_default()))
    }

    /// Marks the tasks under scale-in protection; where that could not be read, the service's
    /// tasks are missing.
    async fn protect(&self, cluster: &ClusterName, by_service: &mut BTreeMap<String, Result<Vec<Task>, Gap>>) {
        let running: Vec<String> =
            by_service.values().flatten().flatten().filter(|task| task.running).map(|task| task.arn.clone()).collect();
        let answers = all(running.chunks(PER_CALL).map(|arns| self.protected(cluster, arns))).await;
        let (mut protected, mut unread) = (BTreeSet::new(), BTreeMap::new());
        for (these, gaps) in answers {
            protected.extend(these);
            unread.extend(gaps);
        }
        for tasks in by_service.values_mut() {
            let Ok(of_service) = tasks else { continue };
            for task in of_service.iter_mut() {
                task.protected = protected.contains(&task.arn);
            }
            let gap = of_service.iter().find_map(|task| unread.get(&task.arn));
            if let Some(gap) = gap.cloned() {
                *tasks = Err(gap);
            }
        }
    }

    /// Which of these tasks are protected, and which could not be asked about.
    async fn protected(&self, cluster: &ClusterName, arns: &[String]) -> (Vec<String>, Vec<(String, Gap)>) {
        const ACTION: Action = Action::GetTaskProtection;
        let request =
            self.api.clients.ecs.get_task_protection().cluster(cluster.as_str()).set_tasks(Some(arns.to_vec()));
        match self.api.call(ACTION, || request.clone().send()).await {
            Err(error) => (Vec::new(), arns.iter().map(|arn| (arn.clone(), error.gap(arn))).collect()),
            Ok(answer) => {
                let now = self.clock.now();
                let ended = |one: &aws_sdk_ecs::types::ProtectedTask| {
                    one.expiration_date().and_then(super::translate::timestamp).is_some_and(|end| end <= now)
                };
                let protected = answer.protected_tasks().iter().filter(|one| one.protection_enabled() && !ended(one));
                let protected = protected.filter_map(|one| one.task_arn()).map(str::to_owned).collect();
                let unread = answer
                    .failures()
                    .iter()
                    .filter(|failure| !gone(failure))
                    .filter_map(|failure| Some((failure.arn()?.to_owned(), failed(failure, ACTION))));
                (protected, unread.collect())
            }
        }
    }
}

/// A task that has ended since it was listed, or that cannot be protected at all, is no gap.
fn gone(failure: &Failure) -> bool {
    matches!(failure.reason(), Some("MISSING" | "TASK_NOT_VALID"))
}
