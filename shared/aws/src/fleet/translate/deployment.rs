//! `deploymentConfiguration` and `deployments[]`.

use aws_sdk_ecs::types::{
    Deployment as EcsDeployment, DeploymentConfiguration as EcsConfiguration, DeploymentLifecycleHook,
    DeploymentLifecycleHookStage, DeploymentRolloutState, DeploymentStrategy as EcsStrategy,
};
use spotkeeper_core::observe::{Deployment, DeploymentConfiguration, DeploymentStrategy, RolloutState, Scheduling};
use spotkeeper_core::units::Seconds;

use super::{NotUnderstood, count, placed_by, timestamp};

/// `linearConfiguration.stepPercent` where it is not set. Source: `LinearConfiguration`, ECS API
/// reference; the defaults below from there and from `CanaryConfiguration`.
const STEP_PERCENT: f64 = 10.0;
/// `linearConfiguration.stepBakeTimeInMinutes` where it is not set.
const STEP_BAKE_MINUTES: i32 = 6;
/// `canaryConfiguration.canaryBakeTimeInMinutes` where it is not set.
const CANARY_BAKE_MINUTES: i32 = 10;

/// How long a rolling deployment that alarms may roll back bakes where `bakeTimeInMinutes` does not
/// say: "less than 5 minutes". Source: "How CloudWatch alarms detect Amazon ECS deployment failures",
/// Amazon ECS developer guide.
const ALARM_BAKE: Seconds = Seconds(5 * 60);

/// `timeoutConfiguration.timeoutInMinutes` of a hook where it is not set.
const HOOK_MINUTES: i32 = 1_440;

/// `deploymentConfiguration`, with ECS's defaults: at least 100 % and at most 200 % for a replica
/// service; 0 % and 100 % for a daemon.
pub(crate) fn configuration(
    given: Option<&EcsConfiguration>,
    scheduling: Scheduling,
) -> Result<DeploymentConfiguration, NotUnderstood> {
    let (least, most) = match scheduling {
        Scheduling::Replica => (100, 200),
        Scheduling::Daemon => (0, 100),
    };
    let Some(given) = given else {
        return Ok(DeploymentConfiguration {
            strategy: DeploymentStrategy::Rolling,
            minimum_healthy_percent: least,
            maximum_percent: most,
            circuit_breaker: false,
            rollback: false,
            bake: Seconds::default(),
            hooks: 0,
            hook_time: Seconds::default(),
        });
    };
    let strategy = match given.strategy() {
        None | Some(EcsStrategy::Rolling) => DeploymentStrategy::Rolling,
        Some(EcsStrategy::BlueGreen) => DeploymentStrategy::BlueGreen,
        Some(EcsStrategy::Linear) => DeploymentStrategy::Linear,
        Some(EcsStrategy::Canary) => DeploymentStrategy::Canary,
        Some(other) => {
            return Err(NotUnderstood::value("deploymentConfiguration.strategy", other));
        }
    };
    let breaker = given.deployment_circuit_breaker();
    let breaker_rolls_back = breaker.is_some_and(|breaker| breaker.enable() && breaker.rollback());
    let alarms_roll_back = given.alarms().is_some_and(|alarms| alarms.enable() && alarms.rollback());
    let calls = |hook| hook_time(hook, shifts(given, strategy));
    Ok(DeploymentConfiguration {
        strategy,
        minimum_healthy_percent: given.minimum_healthy_percent().map_or(least, count),
        maximum_percent: given.maximum_percent().map_or(most, count),
        circuit_breaker: breaker.is_some_and(|breaker| breaker.enable()),
        rollback: breaker_rolls_back || alarms_roll_back,
        bake: bake(given, strategy, alarms_roll_back),
        hooks: u32::try_from(given.lifecycle_hooks().len()).unwrap_or(u32::MAX),
        hook_time: given.lifecycle_hooks().iter().map(calls).fold(Seconds::default(), Seconds::saturating_add),
    })
}

/// How long one hook may hold a deployment: its timeout, each time that it is called. Before and at
/// the shift of production traffic that is "at every traffic shift step" (`DeploymentLifecycleHook`,
/// ECS API reference).
fn hook_time(hook: &DeploymentLifecycleHook, shifts: u32) -> Seconds {
    let minutes = hook.timeout_configuration().and_then(|timeout| timeout.timeout_in_minutes());
    let calls = hook.lifecycle_stages().iter().map(|stage| match stage {
        DeploymentLifecycleHookStage::PreProductionTrafficShift
        | DeploymentLifecycleHookStage::ProductionTrafficShift => shifts,
        _ => 1,
    });
    let calls = calls.fold(0_u32, u32::saturating_add).max(1);
    Seconds(count(minutes.unwrap_or(HOOK_MINUTES))).saturating_mul(60).saturating_mul(calls)
}

/// In how many steps the production traffic shifts.
fn shifts(given: &EcsConfiguration, strategy: DeploymentStrategy) -> u32 {
    match strategy {
        DeploymentStrategy::Rolling | DeploymentStrategy::BlueGreen => 1,
        DeploymentStrategy::Linear => {
            let percent = given.linear_configuration().and_then(|linear| linear.step_percent());
            steps(percent.unwrap_or(STEP_PERCENT))
        }
        DeploymentStrategy::Canary => 2,
    }
}

/// All waiting that the configuration asks for. Linear: a pause after each step but the last;
/// canary: one pause; then the final bake time, which ECS itself sets for a rolling deployment that
/// alarms may roll back.
fn bake(given: &EcsConfiguration, strategy: DeploymentStrategy, alarms_roll_back: bool) -> Seconds {
    let minutes = |minutes: i32| Seconds(count(minutes)).saturating_mul(60);
    let last = minutes(given.bake_time_in_minutes().unwrap_or(0));
    match strategy {
        DeploymentStrategy::Rolling if alarms_roll_back && last == Seconds(0) => ALARM_BAKE,
        DeploymentStrategy::Rolling | DeploymentStrategy::BlueGreen => last,
        DeploymentStrategy::Linear => {
            let linear = given.linear_configuration();
            let pause = linear.and_then(|linear| linear.step_bake_time_in_minutes()).unwrap_or(STEP_BAKE_MINUTES);
            last.saturating_add(minutes(pause).saturating_mul(shifts(given, strategy).saturating_sub(1)))
        }
        DeploymentStrategy::Canary => {
            let canary = given.canary_configuration();
            let pause = canary.and_then(|canary| canary.canary_bake_time_in_minutes()).unwrap_or(CANARY_BAKE_MINUTES);
            last.saturating_add(minutes(pause))
        }
    }
}

/// In how many steps of `percent` all traffic moves: whole tenths of a percent, as ECS has them.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 1..=1000 before")]
fn steps(percent: f64) -> u32 {
    let tenths = (percent * 10.0).round().clamp(1.0, 1_000.0) as u32;
    1_000_u32.div_ceil(tenths)
}

/// One of `deployments[]`.
pub(crate) fn deployment(given: &EcsDeployment) -> Result<Deployment, NotUnderstood> {
    let placed_by = placed_by(given.launch_type(), given.capacity_provider_strategy())?
        .ok_or_else(|| NotUnderstood::absent("launchType and capacityProviderStrategy of a deployment"))?;
    let primary = match given.status() {
        Some("PRIMARY") => true,
        Some("ACTIVE" | "INACTIVE") => false,
        other => {
            return Err(NotUnderstood::value("deployments[].status", other.unwrap_or_default()));
        }
    };
    let rollout = match given.rollout_state() {
        None => None,
        Some(DeploymentRolloutState::Completed) => Some(RolloutState::Completed),
        Some(DeploymentRolloutState::Failed) => Some(RolloutState::Failed),
        Some(DeploymentRolloutState::InProgress) => Some(RolloutState::InProgress),
        Some(other) => return Err(NotUnderstood::value("rolloutState", other)),
    };
    Ok(Deployment {
        id: given.id().ok_or_else(|| NotUnderstood::absent("id of a deployment"))?.to_owned(),
        primary,
        task_definition_arn: given.task_definition().unwrap_or_default().to_owned(),
        desired: count(given.desired_count()),
        running: count(given.running_count()),
        pending: count(given.pending_count()),
        failed: count(given.failed_tasks()),
        rollout,
        rollout_reason: given.rollout_state_reason().unwrap_or_default().to_owned(),
        placed_by,
        created_at: given
            .created_at()
            .and_then(timestamp)
            .ok_or_else(|| NotUnderstood::absent("createdAt of a deployment"))?,
    })
}

#[cfg(test)]
#[path = "deployment_tests.rs"]
mod tests;
