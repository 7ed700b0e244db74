//! Deployments, service deployments and service revisions.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::shapes::{DeploymentConfiguration, LaunchType, NetworkConfiguration, StrategyItem};
use super::task_definitions::TaskDefinition;
use super::traffic::Shift;

/// A service revision: "all of the resources that a service deployment launches".
#[derive(Clone, Debug)]
pub struct Revision {
    /// Its ARN.
    pub arn: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The task definition.
    pub task_definition: Arc<TaskDefinition>,
    /// The launch type, where there is no strategy.
    pub launch_type: Option<LaunchType>,
    /// The strategy, where there is one.
    pub strategy: Vec<StrategyItem>,
    /// Fargate's platform version.
    pub platform_version: Option<String>,
    /// Subnets and groups.
    pub network: Option<NetworkConfiguration>,
    /// Each container's image, resolved to a digest.
    pub images: Vec<ContainerImage>,
}

/// A container's image, resolved to a digest.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerImage {
    /// The container.
    pub container_name: String,
    /// What it resolved to.
    pub image_digest: String,
    /// What the task definition says.
    pub image: String,
}

/// Where a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RolloutState {
    /// Under way.
    InProgress,
    /// It reached a steady state.
    Completed,
    /// It gave up; it starts no more tasks.
    Failed,
}

/// An entry of `deployments[]`. The first is PRIMARY, the others are ACTIVE.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `ecs-svc/…`; its tasks carry it as `startedBy`.
    pub id: String,
    /// The service revision that it runs.
    pub revision: String,
    /// Whether its tasks are registered with the alternate target groups.
    pub alternate: bool,
    /// Where it stands.
    pub rollout_state: RolloutState,
    /// In words.
    pub rollout_reason: String,
    /// Tasks that failed since the last healthy one.
    pub failed_tasks: u32,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// `ServiceDeploymentStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "AWS documents them")]
pub enum ServiceDeploymentStatus {
    Pending,
    Successful,
    Stopped,
    StopRequested,
    InProgress,
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl ServiceDeploymentStatus {
    /// Whether nothing changes it any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Successful | Self::Stopped | Self::RollbackSuccessful | Self::RollbackFailed)
    }
}

/// A service deployment.
#[derive(Clone, Debug)]
pub struct ServiceDeployment {
    /// Its ARN.
    pub arn: String,
    /// The entry of `deployments[]` that carries it out.
    pub deployment: String,
    /// Where it stands.
    pub status: ServiceDeploymentStatus,
    /// Why.
    pub status_reason: Option<String>,
    /// The revision that it brings in.
    pub target_revision: String,
    /// The revisions that it replaces.
    pub source_revisions: Vec<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// When it reached its end.
    pub finished_at: Option<Timestamp>,
    /// When it was stopped.
    pub stopped_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The roll-back, where there is one.
    pub rollback: Option<Rollback>,
    /// Since when enough tasks are healthy for an early success, or for the bake time to begin.
    pub(super) healthy_since: Option<Timestamp>,
    /// How far its traffic has shifted; a rolling deployment has no shift.
    pub shift: Option<Shift>,
    /// How it goes.
    pub configuration: DeploymentConfiguration,
    /// Failures that the circuit breaker has counted, up to where the deployment failed: AWS does not
    /// say that a roll-back counts them anew, and `TRIGGERED` beside a count of 0 would say nothing.
    pub failure_count: u32,
    /// Failures of the roll-back, which may fail by the same threshold.
    pub(super) rollback_failures: u32,
    /// How many trigger it.
    pub threshold: u32,
    /// Whether they did.
    pub triggered: bool,
    /// Whether no alarm counts, because one was in ALARM at the beginning.
    pub alarms_ignored: bool,
    /// The alarms that failed it.
    pub triggered_alarms: Vec<String>,
}

impl ServiceDeployment {
    /// The failures that count now: those of the roll-back, once there is one.
    pub(super) fn failures(&self) -> u32 {
        if self.rollback.is_some() { self.rollback_failures } else { self.failure_count }
    }

    /// One more task failed.
    pub(super) fn count_failure(&mut self) {
        if self.rollback.is_some() {
            self.rollback_failures += 1;
        } else {
            self.failure_count += 1;
        }
    }

    /// A task is healthy: the failures before it count no more, but for those that ended the deployment.
    pub(super) fn forget_failures(&mut self) {
        if self.rollback.is_some() {
            self.rollback_failures = 0;
        } else if !self.triggered {
            self.failure_count = 0;
        }
    }
}

/// A roll-back to an earlier revision.
#[derive(Clone, Debug)]
pub struct Rollback {
    /// Why.
    pub reason: String,
    /// Since when.
    pub started_at: Timestamp,
    /// To where.
    pub revision: String,
}
