//! `settled`: is the service at rest?
//!
//! Blocks while the cluster or the service is not `ACTIVE`, while a deployment is in progress,
//! when the last one failed, while tasks are missing, and when the bake and hook times of a
//! deployment are longer than the longest deadline of a move: it could never be seen to settle.
//!
//! Source: `Service.deployments`, `Deployment.rolloutState`, `DeploymentConfiguration` and
//! `DeploymentLifecycleHookTimeoutConfiguration`, ECS API reference.

use crate::assess::{Context, Finding, Reasons};
use crate::observe::{RolloutState, ServiceStatus};

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let service = context.service;
    if !context.snapshot.cluster.active {
        reasons.block(Finding::ClusterNotActive);
    }
    if service.status != ServiceStatus::Active {
        reasons.block(Finding::ServiceNotActive { status: service.status });
    }
    if service.deploying() {
        let deployments = u32::try_from(service.deployments.len()).unwrap_or(u32::MAX);
        reasons.block(Finding::Deploying { deployments });
    }
    if let Some(primary) = service.primary().filter(|primary| primary.rollout == Some(RolloutState::Failed)) {
        reasons.block(Finding::RolloutFailed { reason: primary.rollout_reason.clone() });
    }
    if service.running < service.desired {
        reasons.block(Finding::BelowDesired { running: service.running, desired: service.desired });
    }
    let deployment = &service.deployment;
    let limit = context.policy.verify.max_deadline_seconds;
    if deployment.bake.saturating_add(deployment.hook_time) > limit {
        reasons.block(Finding::BakesTooLong {
            bake: deployment.bake,
            hooks: deployment.hooks,
            hook_time: deployment.hook_time,
            limit,
        });
    }
}
