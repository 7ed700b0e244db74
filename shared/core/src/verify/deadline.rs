//! How long a write may take.

use jiff::Timestamp;

use crate::observe::{DeploymentStrategy, LoadBalancerTarget, Service};
use crate::policy;
use crate::record::MoveRecord;
use crate::units::Seconds;

/// Tasks that ECS starts in a minute for one service. Source: "Amazon ECS service quotas". What it
/// starts on Fargate in the whole account is more: 20 a second ("Fargate throttling quotas").
const SERVICE_LAUNCHES_PER_MINUTE: u64 = 500;
/// The stop timeout of a container that sets none. Source: `ContainerDefinition.stopTimeout`, ECS
/// API reference.
const DEFAULT_STOP_TIMEOUT: Seconds = Seconds(30);
/// The longest stop timeout that Fargate takes; assumed where the task definition was not read.
const LONGEST_STOP_TIMEOUT: Seconds = Seconds(120);
/// The deregistration delay of a target group that sets none, assumed where it was not read.
/// Source: `deregistration_delay.timeout_seconds`, ELBv2 API reference.
const DEFAULT_DEREGISTRATION_DELAY: Seconds = Seconds(300);
/// What the state machine and the Updater take around a write that is under way, and before the
/// next one is sent. Smaller, and another run may take up a move that is still being worked on.
const HANDLING: Seconds = Seconds(120);

/// How long one write of a service may take: launching, health checks, draining and stopping in
/// each batch of the deployment, bake times and hooks, the policy's slack, and the dwell.
///
/// It is at most the policy's longest deadline; the `settled` rule blocks a service whose bake and
/// hook times exceed that.
#[must_use]
pub fn deadline(policy: &policy::Verify, service: &Service) -> Seconds {
    let tasks = u64::from(service.desired);
    let batch = [policy.launch_seconds, service.health_check_grace, drain(service), stop(service)]
        .into_iter()
        .fold(Seconds(0), Seconds::saturating_add);
    let rollout = match batches(service) {
        Some(batches) => batch.saturating_mul(batches),
        // No task may stop and none may start: only the cap ends that.
        None => return policy.max_deadline_seconds,
    };
    let launches = (tasks * 60).div_ceil(SERVICE_LAUNCHES_PER_MINUTE);
    let computed =
        rollout.saturating_add(Seconds(u32::try_from(launches).unwrap_or(u32::MAX))).saturating_add(held(service));
    let slack = policy.deadline_slack_percent.floor_of(u64::from(computed.0));
    computed
        .saturating_add(Seconds(u32::try_from(slack).unwrap_or(u32::MAX)))
        .saturating_add(policy.dwell_seconds)
        .saturating_add(policy.poll_seconds)
        .min(policy.max_deadline_seconds)
}

/// When a move must have ended if it begins a step now: each step that is left to it takes its
/// deadline, and a dwell that began in time is seen to its end.
#[must_use]
pub fn ends_by(policy: &policy::Verify, record: &MoveRecord, now: Timestamp) -> Timestamp {
    let left = most_steps(policy).saturating_sub(record.steps).max(1);
    let step = record
        .planned
        .deadline
        .max(policy.unconfirmed_seconds)
        .saturating_add(policy.dwell_seconds)
        .saturating_add(HANDLING);
    later(now, step.saturating_mul(left))
}

/// The most steps of a move: its attempts, an undo and a fallback.
pub(crate) const fn most_steps(policy: &policy::Verify) -> u32 {
    policy.attempts.saturating_add(2)
}

/// So long after `at`; the end of time where that is beyond it.
pub(crate) fn later(at: Timestamp, by: Seconds) -> Timestamp {
    at.checked_add(by.duration()).unwrap_or(Timestamp::MAX)
}

/// Whole seconds from `from` to `to`; 0 where `to` is earlier.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Seconds {
    let seconds = to.duration_since(from).as_secs().max(0);
    Seconds(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// How many batches a deployment takes; `None` where its percentages let it do nothing.
///
/// Of a rolling deployment ECS keeps `minimumHealthyPercent` of the desired count, rounded up,
/// and runs `maximumPercent` of it at the most, rounded down. Source: `DeploymentConfiguration`,
/// ECS API reference. The others run all tasks twice.
fn batches(service: &Service) -> Option<u32> {
    let configuration = &service.deployment;
    let desired = u64::from(service.desired);
    if desired == 0 {
        return Some(0);
    }
    match configuration.strategy {
        DeploymentStrategy::BlueGreen | DeploymentStrategy::Linear | DeploymentStrategy::Canary => Some(1),
        DeploymentStrategy::Rolling => {
            let kept = (desired * u64::from(configuration.minimum_healthy_percent)).div_ceil(100);
            let most = desired * u64::from(configuration.maximum_percent) / 100;
            let batch = desired.saturating_sub(kept) + most.saturating_sub(desired);
            (batch > 0).then(|| u32::try_from(desired.div_ceil(batch)).unwrap_or(u32::MAX))
        }
    }
}

/// How long bake times and hooks hold a deployment.
fn held(service: &Service) -> Seconds {
    service.deployment.bake.saturating_add(service.deployment.hook_time)
}

/// The longest deregistration delay of its target groups.
fn drain(service: &Service) -> Seconds {
    let delays = service.load_balancers.iter().map(|used| match &used.target {
        LoadBalancerTarget::TargetGroup(arn) | LoadBalancerTarget::AlternateTargetGroup(arn) => {
            let read = service.target_groups.get(arn).and_then(|group| group.known());
            read.map_or(DEFAULT_DEREGISTRATION_DELAY, |group| group.deregistration_delay)
        }
        LoadBalancerTarget::Classic(_) => DEFAULT_DEREGISTRATION_DELAY,
    });
    delays.max().unwrap_or_default()
}

/// The longest time that its containers take to stop, one after the other along `dependsOn`.
fn stop(service: &Service) -> Seconds {
    let Some(definition) = service.task_definition.known() else {
        return LONGEST_STOP_TIMEOUT;
    };
    let containers = &definition.containers;
    let own = |index: usize| containers.get(index).and_then(|one| one.stop_timeout).unwrap_or(DEFAULT_STOP_TIMEOUT);
    // Relaxed as often as there are containers: the longest chain, and an end where they go round.
    let mut chains: Vec<Seconds> = (0..containers.len()).map(own).collect();
    for _ in 1..containers.len() {
        for (index, container) in containers.iter().enumerate() {
            let waits_for = containers.iter().zip(&chains).filter(|(one, _)| container.depends_on.contains(&one.name));
            let longest = waits_for.map(|(_, chain)| *chain).max().unwrap_or_default();
            if let Some(chain) = chains.get_mut(index) {
                *chain = own(index).saturating_add(longest);
            }
        }
    }
    let all = (0..containers.len()).map(own).fold(Seconds(0), Seconds::saturating_add);
    chains.into_iter().max().unwrap_or_default().min(all)
}
