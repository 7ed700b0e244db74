//! `replaceable`: can ECS replace a task before its instance goes?
//!
//! Warns, or blocks where the policy says so, when a service on instances has a
//! `minimumHealthyPercent` of 100 or more: ECS then stops no task before its replacement runs,
//! which two minutes do not suffice for. Blocks, on every family, when a rolling deployment may
//! neither start nor stop a task (as with 100 and 100): no move could ever be completed, and no
//! draining either.
//!
//! Source: `DeploymentConfiguration`, ECS API reference (rounded up and down), and "Draining
//! Amazon ECS container instances", ECS developer guide ("If you use Spot Instances and
//! minimumHealthyPercent is greater than or equal to 100%").

use crate::assess::{Context, Finding, Level, Reasons};
use crate::observe::{DeploymentStrategy, Family, Service};

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let (service, deployment) = (context.service, &context.service.deployment);
    let (lower, upper) = rolling_limits(service);
    let rolling = deployment.strategy == DeploymentStrategy::Rolling;
    if rolling && service.desired > 0 && lower >= service.desired && upper <= service.desired {
        reasons.block(Finding::NoRollingHeadroom {
            desired: service.desired,
            minimum_healthy_percent: deployment.minimum_healthy_percent,
            lower,
            maximum_percent: deployment.maximum_percent,
            upper,
        });
    }
    let on_instances = matches!(context.family, Ok(Family::AutoScalingGroup | Family::ManagedInstances));
    if on_instances && deployment.minimum_healthy_percent >= 100 {
        let level = if context.policy.rules.replaceable_blocks { Level::Block } else { Level::Warn };
        let minimum_healthy_percent = deployment.minimum_healthy_percent;
        reasons.add(level, Finding::NotReplaceable { minimum_healthy_percent });
    }
}

/// The tasks that must stay during a rolling deployment, and those that there may be.
pub(in crate::assess) fn rolling_limits(service: &Service) -> (u32, u32) {
    let of = |percent: u32| u64::from(service.desired) * u64::from(percent);
    let tasks = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    (
        tasks(of(service.deployment.minimum_healthy_percent).div_ceil(100)),
        tasks(of(service.deployment.maximum_percent) / 100),
    )
}
