//! The fleet: the simulated account.

use jiff::Timestamp;
use spotkeeper_aws::client::Action;
use spotkeeper_core::ids::{ClusterName, ServiceRef};
use spotkeeper_core::observe::{
    Cluster, Depth, Gap, GapCause, InstancesDistribution, Look, PlacedBy, Reading, Snapshot,
};
use spotkeeper_core::ports::{Clock as _, Fleet, PortError, WriteError};
use spotkeeper_core::record::ApiCounts;
use spotkeeper_core::units::Seconds;

use super::{FaultKind, Ports};
use crate::promises::Write;

impl Fleet for Ports {
    async fn clusters(&self) -> Result<Vec<Cluster>, PortError> {
        self.call("fleet.clusters", |inner| Ok(aws_sim::fleet::clusters(&inner.world))).await
    }

    async fn observe(&self, cluster: &ClusterName, depth: Depth) -> Result<Snapshot, PortError> {
        let run = &self.invocation.run;
        self.pace_of_observe(cluster).await?;
        self.call_faulty("fleet.observe", false, |inner, fault| {
            let mut snapshot = aws_sim::fleet::snapshot(&inner.world, cluster, depth)?;
            inner.kept_target_groups.show(&mut snapshot, inner.world.now());
            if fault == Some(FaultKind::Gaps) {
                lose_some(&mut snapshot, &mut inner.rng);
            }
            inner.promises.observed(&inner.world, &inner.tables, run, &snapshot);
            Ok(snapshot)
        })
        .await
    }

    async fn look(&self, service: &ServiceRef, since: Timestamp) -> Look {
        let run = &self.invocation.run;
        let throttled = self.pace_of_look().await.err();
        let looked = self.call_faulty("fleet.look", false, |inner, fault| {
            inner.promises.looked(&inner.world, run, service);
            let mut look = aws_sim::fleet::look(&inner.world, service, since);
            if fault == Some(FaultKind::Gaps) {
                lose_some_of_look(&mut look, service, &mut inner.rng);
            }
            Ok(look)
        });
        let look = match (looked.await, throttled) {
            (Ok(look), None) => look,
            (Err(error), _) => blind(service, self.now(), &error),
            (Ok(_), Some(throttled)) => blind(service, self.now(), &throttled.into()),
        };
        self.simulation.with(|inner| inner.promises.shown(run, service, &look));
        look
    }

    async fn ready_to_write(&self, patience: Seconds) -> bool {
        self.pace_of_writes(patience).await
    }

    // What a write waits for here is the account's own bucket.
    fn write_granted(&self) {}

    async fn write(&self, service: &ServiceRef, placed_by: &PlacedBy) -> Result<(), WriteError> {
        let mut taken = Ok(());
        if !self.let_through(Action::UpdateService).await {
            return Err(WriteError::Throttled { service: service.to_string() });
        }
        let called = self.call("fleet.write", |inner| {
            let write = Write { run: &self.invocation.run, service, placed_by };
            inner.promises.before_write(&inner.world, &inner.tables, &write);
            taken = aws_sim::fleet::write(&mut inner.world, service, placed_by);
            inner.promises.after_write(&inner.world, &write, taken.is_ok());
            let said = taken.as_ref().map_or_else(ToString::to_string, |()| format!("{service} writes {placed_by}"));
            inner.note(self.invocation.run.as_str(), said);
            Ok(())
        });
        let subject = service.to_string();
        match called.await {
            Ok(()) => taken,
            Err(PortError::Throttled { .. }) => Err(WriteError::Throttled { service: subject }),
            Err(error) => Err(WriteError::Lost { service: subject, source: Box::new(error) }),
        }
    }

    async fn spot_instances(&self, group: &str) -> Reading<u32> {
        let read = self.call_faulty("fleet.spot_instances", false, |inner, fault| match fault {
            Some(FaultKind::Gaps) => Ok(Reading::Missing(lost(group, "ec2:DescribeInstances"))),
            _ => Ok(aws_sim::fleet::spot_instances(&inner.world, group)),
        });
        read.await.unwrap_or_else(|error| Reading::Missing(unread(group, "ec2:DescribeInstances", &error)))
    }

    async fn distribution(&self, group: &str) -> Reading<Option<InstancesDistribution>> {
        const ACTION: &str = "autoscaling:DescribeAutoScalingGroups";
        let read = self.call_faulty("fleet.distribution", false, |inner, fault| match fault {
            Some(FaultKind::Gaps) => Ok(Reading::Missing(lost(group, ACTION))),
            _ => Ok(aws_sim::fleet::distribution(&inner.world, group)),
        });
        read.await.unwrap_or_else(|error| Reading::Missing(unread(group, ACTION, &error)))
    }

    async fn write_distribution(&self, group: &str, distribution: &InstancesDistribution) -> Result<(), PortError> {
        let run = &self.invocation.run;
        self.call("fleet.write_distribution", |inner| {
            inner.promises.before_turn(&inner.world, &inner.tables, run, group, distribution);
            let written = aws_sim::fleet::write_distribution(&mut inner.world, group, distribution);
            let said = written.as_ref().map_or_else(ToString::to_string, |()| format!("{group} gets {distribution}"));
            inner.note(run.as_str(), said);
            written
        })
        .await
    }

    fn api_counts(&self) -> ApiCounts {
        let calls = self.simulation.with(|inner| inner.calls);
        ApiCounts { calls, throttled: 0 }
    }
}

/// A look that showed nothing.
fn blind(service: &ServiceRef, at: Timestamp, error: &PortError) -> Look {
    let cause = match error {
        PortError::Throttled { .. } => GapCause::Throttled,
        _ => GapCause::Failed,
    };
    let gap = |action: &str| Gap {
        subject: service.arn.as_str().to_owned(),
        action: action.to_owned(),
        cause,
        detail: error.to_string(),
    };
    Look {
        at,
        service: Reading::Missing(gap("ecs:DescribeServices")),
        deployments: Reading::Missing(gap("ecs:DescribeServiceDeployments")),
        revisions: Reading::Missing(gap("ecs:DescribeServiceRevisions")),
        targets: Reading::Missing(gap("elasticloadbalancing:DescribeTargetHealth")),
        events: Vec::new(),
    }
}

fn unread(subject: &str, action: &str, error: &PortError) -> Gap {
    Gap { cause: GapCause::Failed, detail: error.to_string(), ..lost(subject, action) }
}

fn lost(subject: &str, action: &str) -> Gap {
    Gap { subject: subject.to_owned(), action: action.to_owned(), cause: GapCause::Throttled, detail: String::new() }
}

/// Takes a part of what a look shows away.
fn lose_some_of_look(look: &mut Look, service: &ServiceRef, rng: &mut fastrand::Rng) {
    let arn = service.arn.as_str();
    match rng.u32(0..6) {
        0 => look.service = Reading::Missing(lost(arn, "ecs:DescribeServices")),
        1 => look.deployments = Reading::Missing(lost(arn, "ecs:DescribeServiceDeployments")),
        2 => look.revisions = Reading::Missing(lost(arn, "ecs:DescribeServiceRevisions")),
        3 => look.targets = Reading::Missing(lost(arn, "elasticloadbalancing:DescribeTargetHealth")),
        _ => {}
    }
}

/// Takes a part of the readings away, as throttled or denied calls do.
fn lose_some(snapshot: &mut Snapshot, rng: &mut fastrand::Rng) {
    let mut gaps = Vec::new();
    let mut lose = |subject: &str, action: &str| {
        let gap = lost(subject, action);
        gaps.push(gap.clone());
        gap
    };
    for service in &mut snapshot.services {
        let arn = service.id.arn.as_str().to_owned();
        match rng.u32(0..10) {
            0 => service.tasks = Reading::Missing(lose(&arn, "ecs:ListTasks")),
            1 => service.task_definition = Reading::Missing(lose(&arn, "ecs:DescribeTaskDefinition")),
            2 => service.scaling = Reading::Missing(lose(&arn, "application-autoscaling:DescribeScalableTargets")),
            3 => {
                for (group, reading) in &mut service.target_groups {
                    *reading = Reading::Missing(lose(group, "elasticloadbalancing:DescribeTargetGroupAttributes"));
                }
            }
            4 => {
                if let Reading::Known(tasks) = &mut service.tasks {
                    for task in tasks.iter_mut().filter(|task| task.place.known().is_some()) {
                        task.place = Reading::Missing(lose(&task.arn, "ecs:DescribeContainerInstances"));
                    }
                }
            }
            _ => {}
        }
    }
    if rng.u32(0..8) == 0 {
        snapshot.quotas.fargate_on_demand = Reading::Missing(lose("L-3032A538", "servicequotas:GetServiceQuota"));
    }
    for (name, provider) in &mut snapshot.providers {
        if rng.u32(0..8) == 0 {
            *provider = Reading::Missing(lose(name.as_str(), "ecs:DescribeCapacityProviders"));
        }
    }
    gaps.sort();
    gaps.dedup();
    snapshot.gaps = gaps;
}
