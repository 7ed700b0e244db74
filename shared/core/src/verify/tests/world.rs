//! One service as ECS would show it, moved by hand.

use jiff::Timestamp;

use super::missing;
use crate::fixtures;
use crate::observe::{
    ContainerImage, Deployment, Family, Gap, LoadBalancerTarget, Look, PlacedBy, Reading, RevisionTasks, RolloutState,
    Service, ServiceDeployment, ServiceDeploymentStatus, ServiceEvent, ServiceRevision, TargetHealth, Task,
};

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) service: Service,
    /// Newest first.
    pub(crate) deployments: Vec<ServiceDeployment>,
    pub(crate) revisions: Vec<ServiceRevision>,
    pub(crate) events: Vec<ServiceEvent>,
    pub(crate) healthy: u32,
    /// What the tag of the image points at now.
    pub(crate) digest: String,
    pub(crate) service_gap: Option<Gap>,
    pub(crate) hides_deployments: bool,
    pub(crate) hides_targets: bool,
    number: u32,
}

impl World {
    /// A service at rest, placed so; its deployment was a day ago.
    pub(crate) fn at_rest(placed_by: PlacedBy) -> World {
        let mut service = fixtures::service("web", Family::Fargate);
        service.placed_by = placed_by;
        let mut world = World {
            service,
            deployments: Vec::new(),
            revisions: Vec::new(),
            events: Vec::new(),
            healthy: 0,
            digest: "sha256:old".to_owned(),
            service_gap: None,
            hides_deployments: false,
            hides_targets: false,
            number: 0,
        };
        world.deploy(world.service.placed_by.clone(), fixtures::at(-86_400));
        world.finish();
        world
    }

    /// A new deployment, ours or somebody's, that has started no task yet.
    pub(crate) fn deploy(&mut self, placed_by: PlacedBy, at: Timestamp) {
        self.number += 1;
        let number = self.number;
        let source = self.deployments.first().map(|newest| RevisionTasks {
            revision: newest.target_revision.clone(),
            running: self.service.running,
            pending: 0,
        });
        let revision = format!("revision-{number}");
        for one in self.deployments.iter_mut().filter(|one| !one.status.has_ended()) {
            one.status = ServiceDeploymentStatus::Stopped;
        }
        self.revisions.insert(
            0,
            ServiceRevision {
                arn: revision.clone(),
                task_definition_arn: self.service.task_definition_arn.clone(),
                placed_by: placed_by.clone(),
                images: vec![ContainerImage {
                    container: "app".to_owned(),
                    image: "app:latest".to_owned(),
                    digest: Some(self.digest.clone()),
                }],
            },
        );
        self.deployments.insert(
            0,
            ServiceDeployment {
                arn: format!("deployment-{number}"),
                status: ServiceDeploymentStatus::InProgress,
                reason: String::new(),
                created_at: at,
                target_revision: revision,
                source_revisions: source.into_iter().collect(),
                target_running: 0,
                target_pending: 0,
                failed_tasks: 0,
                rolled_back: false,
                stage: String::new(),
            },
        );
        self.service.current_service_deployment = Some(format!("deployment-{number}"));
        self.primary(placed_by, at, format!("ecs-svc/{number}"));
    }

    fn primary(&mut self, placed_by: PlacedBy, at: Timestamp, id: String) {
        for deployment in &mut self.service.deployments {
            deployment.primary = false;
        }
        self.service.deployments.retain(|one| one.running > 0);
        self.service.placed_by = placed_by.clone();
        self.service.deployments.insert(
            0,
            Deployment {
                id,
                primary: true,
                task_definition_arn: self.service.task_definition_arn.clone(),
                desired: self.service.desired,
                running: 0,
                pending: 0,
                failed: 0,
                rollout: Some(RolloutState::InProgress),
                rollout_reason: String::new(),
                placed_by,
                created_at: at,
            },
        );
    }

    pub(crate) fn newest(&mut self) -> &mut ServiceDeployment {
        self.deployments.first_mut().unwrap()
    }

    /// The newest deployment has replaced all tasks.
    pub(crate) fn finish(&mut self) {
        let desired = self.service.desired;
        let newest = self.newest();
        newest.status = ServiceDeploymentStatus::Successful;
        newest.target_running = desired;
        newest.target_pending = 0;
        for source in &mut newest.source_revisions {
            source.running = 0;
        }
        self.at_ease();
    }

    /// All tasks run, by the primary deployment alone.
    fn at_ease(&mut self) {
        let desired = self.service.desired;
        self.service.deployments.retain(|one| one.primary);
        let primary = self.service.deployments.first_mut().unwrap();
        primary.running = desired;
        primary.desired = desired;
        primary.rollout = Some(RolloutState::Completed);
        self.service.current_service_deployment = None;
        self.service.running = desired;
        self.service.pending = 0;
        self.healthy = desired;
        let spot = match &self.service.placed_by {
            PlacedBy::Strategy(strategy) => strategy.bounds(&super::pair().spot, desired).least,
            PlacedBy::LaunchType(_) => 0,
        };
        self.tasks(spot, 0);
    }

    /// The circuit breaker ends the newest deployment, without rolling back.
    pub(crate) fn break_off(&mut self) {
        let newest = self.newest();
        newest.status = ServiceDeploymentStatus::Stopped;
        newest.failed_tasks = 3;
        newest.reason = "tasks failed to start".to_owned();
        let primary = self.service.deployments.first_mut().unwrap();
        primary.rollout = Some(RolloutState::Failed);
        self.service.current_service_deployment = None;
        self.service.deployments.truncate(1);
    }

    /// The circuit breaker ends the newest deployment and rolls it back.
    pub(crate) fn roll_back(&mut self, at: Timestamp) {
        let source = self.newest().source_revisions.first().map(|one| one.revision.clone());
        let placed_by = self.revisions.iter().find(|one| Some(&one.arn) == source.as_ref()).unwrap().placed_by.clone();
        let newest = self.newest();
        newest.status = ServiceDeploymentStatus::RollbackSuccessful;
        newest.failed_tasks = 3;
        newest.rolled_back = true;
        newest.reason = "the circuit breaker threshold was exceeded".to_owned();
        self.number += 1;
        let id = format!("ecs-svc/{}", self.number);
        self.primary(placed_by, at, id);
        self.at_ease();
    }

    /// Tasks of the primary deployment: so many run on Spot and so many wait for it, the rest
    /// runs On-Demand.
    pub(crate) fn tasks(&mut self, spot_running: u32, spot_pending: u32) {
        let pair = super::pair();
        let started_by = self.service.deployments.first().unwrap().id.clone();
        let desired = self.service.desired.max(spot_running + spot_pending);
        let tasks = (0..desired).map(|number| Task {
            arn: format!("task-{number}"),
            provider: Some(if number < spot_running + spot_pending {
                pair.spot.clone()
            } else {
                pair.on_demand.clone()
            }),
            running: number < spot_running || number >= spot_running + spot_pending,
            zone: None,
            place: Reading::Missing(crate::fixtures::gap("task", "ecs:DescribeContainerInstances")),
            instance: None,
            protected: false,
            started_by: started_by.clone(),
        });
        self.service.tasks = Reading::Known(tasks.collect());
    }

    pub(crate) fn tell(&mut self, at: Timestamp, message: &str) {
        self.events.insert(0, ServiceEvent { at, message: format!("(service web) {message}") });
    }

    pub(crate) fn look(&self, at: Timestamp) -> Look {
        let service = match &self.service_gap {
            Some(gap) => Reading::Missing(gap.clone()),
            None => Reading::Known(self.service.clone()),
        };
        let groups = self.service.load_balancers.iter().filter_map(|used| match &used.target {
            LoadBalancerTarget::TargetGroup(arn) => {
                Some(TargetHealth { target_group: arn.clone(), healthy: self.healthy, unhealthy: 0, unused: false })
            }
            _ => None,
        });
        let hidden = self.hides_deployments;
        Look {
            at,
            service,
            deployments: if hidden { missing("deployments") } else { Reading::Known(self.deployments.clone()) },
            revisions: if hidden { missing("revisions") } else { Reading::Known(self.revisions.clone()) },
            targets: if self.hides_targets { missing("targets") } else { Reading::Known(groups.collect()) },
            events: self.events.clone(),
        }
    }
}
