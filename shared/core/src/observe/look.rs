//! A closer look at one service: what verifying a move, and finding a lost answer, ask for.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Gap, GapCause, PlacedBy, Reading, Service};
use crate::ids::ProviderName;

/// One service, its service deployments and what they run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// When the reading began.
    pub at: Timestamp,
    /// The service, at [`super::Depth::Switch`] with its tasks.
    pub service: Reading<Service>,
    /// Its newest service deployments since the time asked for and the current one, newest first,
    /// at most twenty.
    pub deployments: Reading<Vec<ServiceDeployment>>,
    /// The service revisions that those deployments name, at most twenty.
    pub revisions: Reading<Vec<ServiceRevision>>,
    /// The targets in each of its target groups.
    pub targets: Reading<Vec<TargetHealth>>,
    /// The service's events since the time asked for, newest first.
    pub events: Vec<ServiceEvent>,
}

impl Look {
    /// What could not be read, once each. What was not asked for is not among it.
    #[must_use]
    pub fn gaps(&self) -> BTreeSet<&Gap> {
        let tasks = self.service.known().and_then(|service| service.tasks.get().err());
        let of_look = [
            self.service.get().err(),
            tasks,
            self.deployments.get().err(),
            self.revisions.get().err(),
            self.targets.get().err(),
        ];
        of_look.into_iter().flatten().filter(|gap| gap.cause != GapCause::NotRead).collect()
    }
}

/// A service deployment (`DescribeServiceDeployments`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceDeployment {
    /// Its ARN.
    pub arn: String,
    /// How far it is.
    pub status: ServiceDeploymentStatus,
    /// `statusReason`; empty where there is none.
    pub reason: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// The revision it rolls out.
    pub target_revision: String,
    /// The revisions it replaces, with the tasks each still runs.
    pub source_revisions: Vec<RevisionTasks>,
    /// The tasks that the target revision runs.
    pub target_running: u32,
    /// The tasks of the target revision that are on their way.
    pub target_pending: u32,
    /// The tasks that failed, as the circuit breaker counts them.
    pub failed_tasks: u32,
    /// Whether ECS rolled it back.
    pub rolled_back: bool,
    /// `lifecycleStage`, for deployments that have stages; empty for rolling ones.
    pub stage: String,
}

/// How many tasks of a revision there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionTasks {
    /// The revision's ARN.
    pub revision: String,
    /// Tasks that run.
    pub running: u32,
    /// Tasks on their way.
    pub pending: u32,
}

/// `status` of a service deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ServiceDeploymentStatus {
    /// Not begun.
    Pending,
    /// Under way.
    InProgress,
    /// Done.
    Successful,
    /// Somebody asks for its end.
    StopRequested,
    /// Ended by somebody, or by a newer deployment.
    Stopped,
    /// Being rolled back.
    RollbackRequested,
    /// Being rolled back.
    RollbackInProgress,
    /// Rolled back.
    RollbackSuccessful,
    /// Not even rolled back.
    RollbackFailed,
}

impl ServiceDeploymentStatus {
    /// Whether nothing more will happen to the deployment.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        match self {
            ServiceDeploymentStatus::Successful
            | ServiceDeploymentStatus::Stopped
            | ServiceDeploymentStatus::RollbackSuccessful
            | ServiceDeploymentStatus::RollbackFailed => true,
            ServiceDeploymentStatus::Pending
            | ServiceDeploymentStatus::InProgress
            | ServiceDeploymentStatus::StopRequested
            | ServiceDeploymentStatus::RollbackRequested
            | ServiceDeploymentStatus::RollbackInProgress => false,
        }
    }

    /// Whether ECS is rolling the deployment back, or has.
    #[must_use]
    pub const fn rolls_back(self) -> bool {
        match self {
            ServiceDeploymentStatus::RollbackRequested
            | ServiceDeploymentStatus::RollbackInProgress
            | ServiceDeploymentStatus::RollbackSuccessful
            | ServiceDeploymentStatus::RollbackFailed => true,
            ServiceDeploymentStatus::Pending
            | ServiceDeploymentStatus::InProgress
            | ServiceDeploymentStatus::Successful
            | ServiceDeploymentStatus::StopRequested
            | ServiceDeploymentStatus::Stopped => false,
        }
    }
}

/// A service revision (`DescribeServiceRevisions`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRevision {
    /// Its ARN.
    pub arn: String,
    /// Its task definition's ARN.
    pub task_definition_arn: String,
    /// Where it places its tasks.
    pub placed_by: PlacedBy,
    /// What each container runs.
    pub images: Vec<ContainerImage>,
}

/// The image of one container, with the digest that ECS resolved it to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ContainerImage {
    /// The container's name.
    pub container: String,
    /// The image as written.
    pub image: String,
    /// Its digest, where ECS resolved one.
    pub digest: Option<String>,
}

/// How many targets of one target group are healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetHealth {
    /// The target group's ARN.
    pub target_group: String,
    /// Targets in state `healthy`, or `unused` (the group receives no traffic now).
    pub healthy: u32,
    /// Targets in any other state than `healthy`, `unused` and `draining`.
    pub unhealthy: u32,
    /// Whether no listener sends traffic to it now: the other side of a blue/green pair.
    pub unused: bool,
}

/// One of a service's events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// When.
    pub at: Timestamp,
    /// What ECS wrote.
    pub message: String,
}

/// The most events of a service that a snapshot keeps.
const MOST_EVENTS: usize = 20;
/// How old the events are that a snapshot keeps: no policy waits longer for Spot.
const OLDEST_EVENT: SignedDuration = SignedDuration::from_hours(1);

/// The events that a snapshot keeps of a service: the newest twenty of the last hour, newest first.
#[must_use]
pub fn recent(mut events: Vec<ServiceEvent>, now: Timestamp) -> Vec<ServiceEvent> {
    events.retain(|event| now.duration_since(event.at) <= OLDEST_EVENT);
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events.truncate(MOST_EVENTS);
    events
}

/// How the running tasks of a service are split.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Tasks on the Spot provider.
    pub spot: u32,
    /// Tasks elsewhere.
    pub elsewhere: u32,
}

impl Service {
    /// How its running tasks are split between a provider and the rest; `None` where the tasks
    /// were not read.
    #[must_use]
    pub fn split(&self, spot: &ProviderName) -> Option<Split> {
        let tasks = self.tasks.known()?;
        Some(tasks.iter().filter(|task| task.running).fold(
            Split::default(),
            |split, task| match task.provider.as_ref() == Some(spot) {
                true => Split { spot: split.spot + 1, ..split },
                false => Split { elsewhere: split.elsewhere + 1, ..split },
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{Look, Split};
    use crate::fixtures;
    use crate::observe::{Family, Gap, GapCause, Reading};

    /// What a function that looks tells of what it may not see.
    #[test]
    fn each_gap_of_a_look_is_told_once() {
        let gap = |action: &str| Gap { cause: GapCause::Denied, ..fixtures::gap("web", action) };
        let mut service = fixtures::service("web", Family::Fargate);
        service.tasks = Reading::Missing(gap("ecs:ListTasks"));
        let look = Look {
            at: fixtures::now(),
            service: Reading::Known(service),
            deployments: Reading::Missing(gap("ecs:ListServiceDeployments")),
            revisions: Reading::Missing(gap("ecs:ListServiceDeployments")),
            targets: Reading::Missing(Gap { cause: GapCause::NotRead, ..gap("elb") }),
            events: Vec::new(),
        };
        let told = |look: &Look| look.gaps().into_iter().map(|gap| gap.action.clone()).collect::<Vec<_>>();
        assert_eq!(told(&look), ["ecs:ListServiceDeployments", "ecs:ListTasks"]);
        let look = Look { service: Reading::Missing(gap("ecs:DescribeServices")), ..look };
        assert_eq!(told(&look), ["ecs:DescribeServices", "ecs:ListServiceDeployments"]);
        let look = Look { targets: Reading::Missing(gap("elb:DescribeTargetHealth")), ..look };
        assert_eq!(told(&look).len(), 3);
    }

    #[test]
    fn running_tasks_are_split_by_provider() {
        let pair = fixtures::pair(Family::Fargate);
        let mut service = fixtures::service("web", Family::Fargate);
        fixtures::settle(&mut service, 3);
        assert_eq!(service.split(&pair.spot), Some(Split { spot: 3, elsewhere: 1 }));
        let Reading::Known(tasks) = &mut service.tasks else { panic!("the fixture has its tasks") };
        tasks[0].running = false;
        assert_eq!(service.split(&pair.spot), Some(Split { spot: 2, elsewhere: 1 }), "one is on its way");
        service.tasks = Reading::Missing(fixtures::gap("web", "ecs:ListTasks"));
        assert_eq!(service.split(&pair.spot), None);
    }
}
