//! `stop_timeout`: does every container stop well within the warning?
//!
//! Blocks when the effective `stopTimeout` of a container is 120 s or more, or unknown. A
//! container that leaves it out has 30 s on Fargate; on instances it is the agent's
//! `ECS_CONTAINER_STOP_TIMEOUT`, which no API shows, so that it blocks until the policy says what
//! to assume. The policy may require every container to say it.
//!
//! Source: `ContainerDefinition.stopTimeout`, ECS API reference. It documents defaults for Fargate
//! and for EC2 and none for Managed Instances, which are therefore treated as EC2.

use crate::assess::{Context, Finding, Reasons, SPOT_NOTICE, StopTimeoutFrom};
use crate::observe::{Container, Family};
use crate::policy::Rules;
use crate::units::Seconds;

/// Fargate's documented default.
const FARGATE_DEFAULT: Seconds = Seconds(30);

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let Some(definition) = context.task_definition(reasons) else {
        return;
    };
    for container in &definition.containers {
        let name = || container.name.clone();
        if context.policy.rules.require_explicit_stop_timeout && container.stop_timeout.is_none() {
            reasons.block(Finding::StopTimeoutNotExplicit { container: name() });
        }
        match effective(context, container) {
            Ok((stop_timeout, from)) if stop_timeout >= SPOT_NOTICE => {
                reasons.block(Finding::StopTimeoutTooLong {
                    container: name(),
                    stop_timeout,
                    from,
                    limit: SPOT_NOTICE,
                });
            }
            Ok(_) => {}
            Err(unknown) => reasons.block(unknown),
        }
    }
}

/// How long a container may take to stop where the service runs, and where that number is from.
///
/// # Errors
/// What is not known.
pub(in crate::assess) fn effective(
    context: &Context<'_>,
    container: &Container,
) -> Result<(Seconds, StopTimeoutFrom), Finding> {
    if let Some(stated) = container.stop_timeout {
        return Ok((stated, StopTimeoutFrom::Container));
    }
    let Rules { ec2_default_stop_timeout_seconds: agents, .. } = context.policy.rules;
    match (&context.family, agents) {
        (Ok(Family::Fargate), _) => Ok((FARGATE_DEFAULT, StopTimeoutFrom::FargateDefault)),
        (Ok(Family::AutoScalingGroup | Family::ManagedInstances), Some(agents)) => {
            Ok((agents, StopTimeoutFrom::Policy))
        }
        (Ok(family @ (Family::AutoScalingGroup | Family::ManagedInstances)), None) => {
            Err(Finding::StopTimeoutUnknown { container: container.name.clone(), family: *family })
        }
        (Err(gap), _) => Err(Finding::Gap { gap: gap.clone() }),
    }
}
