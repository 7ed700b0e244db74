//! What services refer to and rarely changes: task definitions and target-group attributes. Both
//! come from the cache where they can.

use std::collections::{BTreeMap, BTreeSet};

use spotkeeper_core::observe::{Gap, GapCause, TargetGroup, TaskDefinition};
use spotkeeper_core::ports::Clock;
use spotkeeper_core::units::Seconds;

use super::translate::{self, NotUnderstood, task_definition::task_definition};
use super::{AwsFleet, Cache, all};
use crate::client::Action;

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// Task definitions by ARN: a revision never changes, so it is read once for ever.
    pub(super) async fn task_definitions(
        &self,
        arns: BTreeSet<String>,
    ) -> BTreeMap<String, Result<TaskDefinition, Gap>> {
        let (known, unknown) = self.split(arns).await;
        let read = all(unknown.iter().map(|arn| self.task_definition(arn))).await;
        self.merge(known, unknown.into_iter().zip(read).collect(), None).await
    }

    async fn task_definition(&self, arn: &str) -> Result<TaskDefinition, Gap> {
        const ACTION: Action = Action::DescribeTaskDefinition;
        if arn.is_empty() {
            return Err(translate::gap(arn, ACTION, GapCause::Absent, "the service names no task definition"));
        }
        let request = self.api.clients.ecs.describe_task_definition().task_definition(arn);
        let answer = self.api.call(ACTION, || request.clone().send()).await.map_err(|error| error.gap(arn))?;
        answer
            .task_definition()
            .ok_or_else(|| NotUnderstood::absent("taskDefinition"))
            .and_then(task_definition)
            .map_err(|error| error.gap(arn, ACTION))
    }

    /// Target-group attributes by ARN: they may change, so they are believed for a time only.
    pub(super) async fn target_groups(&self, arns: BTreeSet<String>) -> BTreeMap<String, Result<TargetGroup, Gap>> {
        let (known, unknown) = self.split(arns).await;
        let read = all(unknown.iter().map(|arn| self.target_group(arn))).await;
        self.merge(known, unknown.into_iter().zip(read).collect(), Some(self.target_group_ttl)).await
    }

    async fn target_group(&self, arn: &str) -> Result<TargetGroup, Gap> {
        const ACTION: Action = Action::DescribeTargetGroupAttributes;
        const DELAY: &str = "deregistration_delay.timeout_seconds";
        let request = self.api.clients.elb.describe_target_group_attributes().target_group_arn(arn);
        let answer = self.api.call(ACTION, || request.clone().send()).await.map_err(|error| error.gap(arn))?;
        let delay = answer.attributes().iter().find(|one| one.key() == Some(DELAY)).and_then(|one| one.value());
        let seconds = match delay {
            None => Err(NotUnderstood::absent(DELAY)),
            Some(text) => text.parse().map_err(|_| NotUnderstood::value(DELAY, text)),
        };
        let seconds = seconds.map_err(|error| error.gap(arn, ACTION))?;
        Ok(TargetGroup { deregistration_delay: Seconds(seconds) })
    }

    /// What is in the cache, and the keys of what is not.
    async fn split<T: serde::de::DeserializeOwned>(
        &self,
        keys: BTreeSet<String>,
    ) -> (BTreeMap<String, T>, Vec<String>) {
        let keys: Vec<String> = keys.into_iter().collect();
        let known = self.remembered(&keys).await;
        let unknown = keys.into_iter().filter(|key| !known.contains_key(key)).collect();
        (known, unknown)
    }

    /// Both together; what was read now is remembered.
    async fn merge<T: serde::Serialize>(
        &self,
        known: BTreeMap<String, T>,
        read: BTreeMap<String, Result<T, Gap>>,
        keep: Option<Seconds>,
    ) -> BTreeMap<String, Result<T, Gap>> {
        self.remember(read.iter().filter_map(|(key, value)| Some((key, value.as_ref().ok()?))), keep).await;
        known.into_iter().map(|(key, value)| (key, Ok(value))).chain(read).collect()
    }
}
