//! What services refer to and rarely changes: task definitions and target-group attributes. Both
//! come from the cache where they can.

use std::collections::{BTreeMap, BTreeSet};

use spotkeeper_core::observe::{Gap, GapCause, TargetGroup, TaskDefinition};
use spotkeeper_core::ports::Clock;
use spotkeeper_core::units::Seconds;

use super::cached::Keep;
use super::translate::{self, NotUnderstood, task_definition::task_definition};
use super::{AwsFleet, Cache};
use crate::client::Action;

/// In how long every target group has its turn to be read again: attributes change rarely, and
/// each costs a call from the slowest bucket there is. At a run every 15 minutes 5,000 target
/// groups are about 210 calls a run.
const TARGET_GROUP_PERIOD: Seconds = Seconds(6 * 60 * 60);

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// Task definitions by ARN: a revision never changes, so it is read once for ever.
    pub(super) async fn task_definitions(
        &self,
        arns: BTreeSet<String>,
    ) -> BTreeMap<String, Result<TaskDefinition, Gap>> {
        let (known, unknown) = self.split(arns).await;
        let reading = unknown.iter().map(|arn| async move { (arn.clone(), self.task_definition(arn).await) });
        self.read_and_remember(known, reading.collect(), Keep::ForEver).await
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

    /// Target-group attributes by ARN: they may change, so each is read again when its turn comes.
    pub(super) async fn target_groups(&self, arns: BTreeSet<String>) -> BTreeMap<String, Result<TargetGroup, Gap>> {
        let (known, unknown) = self.split(arns).await;
        let reading = unknown.iter().map(|arn| async move { (arn.clone(), self.target_group(arn).await) });
        let keep = Keep::UntilItsTurn { period: TARGET_GROUP_PERIOD };
        self.read_and_remember(known, reading.collect(), keep).await
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
}
