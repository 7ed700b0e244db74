//! `return_path`: could On-Demand take its tasks back in time?
//!
//! Blocks when the On-Demand side of the pair can take fewer tasks, within the longest deadline of
//! a move, than the service has on Spot by its strategy, and one at the least: no step onto Spot
//! without a proven way back. A blue/green deployment runs every task twice, so it needs room for
//! all.
//!
//! - Fargate: the vCPU quota less what this cluster's tasks use of it, and the launch rate.
//! - Groups: the instances between `DesiredCapacity` and `MaxSize` (none while managed scaling is
//!   off), bounded by the vCPU quota, each with as many tasks as the smallest type holds. What is
//!   free on running instances is not counted.
//! - Managed Instances: the vCPU quota.
//!
//! Quotas are the account's, and a snapshot shows one cluster: what others use of them is not seen.
//!
//! Source: "Amazon ECS service quotas" and "AWS Fargate service quotas" (`L-3032A538`; 500 task
//! launches a minute a service, 20 a second an account), "Amazon EC2 On-Demand Instances" quotas
//! (`L-1216C47A`: the Standard families, counted in vCPU).

pub use super::survey::Survey;

use crate::assess::pair::{group, is_fargate, provider};
use crate::assess::size::{self, instance_types, reserved, task_cpu, tasks_per_instance};
use crate::assess::{Context, Finding, Reasons, ReturnBound};
use crate::observe::{DeploymentStrategy, Gap, InstanceType, ProviderKind, Service, Snapshot, TaskDefinition};
use crate::plan::Pair;
use crate::policy::Policy;
use crate::units::{CpuUnits, Seconds};

/// Fargate tasks that ECS launches for one service in a minute. The account's 20 a second are more.
const FARGATE_LAUNCHES_A_MINUTE: u64 = 500;
/// The families of the Standard quota, by the letters before the generation.
const STANDARD_FAMILIES: [&str; 11] = ["a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"];

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let Some(pair) = context.pair(reasons) else {
        return;
    };
    let spot =
        context.service.strategy().map_or(0, |strategy| strategy.bounds(&pair.spot, context.service.desired).most);
    let needed = needed(context.service, spot);
    match measure(context.policy, context.snapshot, context.survey, pair, context.service) {
        Ok((headroom, _)) if headroom >= needed => {}
        Ok((headroom, bound)) => reasons.block(Finding::NoWayBack { headroom, needed, bound }),
        Err(findings) => {
            for finding in findings {
                reasons.block(finding);
            }
        }
    }
}

/// How many tasks On-Demand must take for a service with so many on Spot to come back: those, and
/// one at the least; all of its tasks where its deployments run every task twice.
#[must_use]
pub fn needed(service: &Service, spot_tasks: u32) -> u32 {
    match service.deployment.strategy {
        DeploymentStrategy::Rolling => spot_tasks.max(1),
        DeploymentStrategy::BlueGreen | DeploymentStrategy::Linear | DeploymentStrategy::Canary => {
            service.desired.max(spot_tasks).max(1)
        }
    }
}

/// How many more tasks of a service the On-Demand side of its pair can take within the longest
/// deadline of a move.
///
/// Over many services, [`Survey::of`] once and [`headroom_in`] are the same for less work.
///
/// # Errors
/// Everything that is not known, and so proves no way back.
pub fn headroom(snapshot: &Snapshot, pair: &Pair, service: &Service, policy: &Policy) -> Result<u32, Vec<Finding>> {
    headroom_in(&Survey::of(snapshot), snapshot, pair, service, policy)
}

/// [`headroom`], by a survey of the same snapshot.
///
/// # Errors
/// As there.
pub fn headroom_in(
    survey: &Survey<'_>,
    snapshot: &Snapshot,
    pair: &Pair,
    service: &Service,
    policy: &Policy,
) -> Result<u32, Vec<Finding>> {
    measure(policy, snapshot, survey, pair, service).map(|(tasks, _)| tasks)
}

fn measure(
    policy: &Policy,
    snapshot: &Snapshot,
    survey: &Survey<'_>,
    pair: &Pair,
    service: &Service,
) -> Result<(u32, ReturnBound), Vec<Finding>> {
    let gap = |gap: Gap| vec![Finding::Gap { gap }];
    let definition = service.task_definition.get().map_err(|missing| gap(missing.clone()))?;
    let cpu = task_cpu(service).ok_or_else(|| vec![Finding::SizeUnknown])?;
    let verify = &policy.verify;
    let launching = verify.max_deadline_seconds.saturating_sub(verify.launch_seconds);
    if is_fargate(&pair.on_demand) {
        let quota = snapshot.quotas.fargate_on_demand.get().map_err(|missing| gap(missing.clone()))?;
        let by_rate = u64::from(launching.0) * FARGATE_LAUNCHES_A_MINUTE / 60;
        return Ok(least([
            by_quota(*quota, survey.fargate, cpu),
            (by_rate, ReturnBound::LaunchRate { within: launching }),
        ]));
    }
    let quota = *snapshot.quotas.ec2_on_demand_standard.get().map_err(|missing| gap(missing.clone()))?;
    let in_use = match &survey.standard {
        Ok(in_use) => *in_use,
        Err(gaps) => {
            return Err(gaps.iter().cloned().map(|gap| Finding::Gap { gap }).collect());
        }
    };
    let Some(group) = group(snapshot, &pair.on_demand).map_err(gap)? else {
        let in_time = if launching == Seconds(0) { 0 } else { u64::MAX };
        return Ok(least([by_quota(quota, in_use, cpu), (in_time, ReturnBound::LaunchRate { within: launching })]));
    };
    let types = instance_types(group).map_err(gap)?;
    if let Some(other) = types.iter().find(|one| !is_standard(&one.name)) {
        return Err(vec![Finding::QuotaNotRead { instance_type: other.name.clone() }]);
    }
    if definition.memory.is_none() {
        return Err(vec![Finding::SizeUnknown]);
    }
    let (managed_scaling, warmup) = match &provider(snapshot, &pair.on_demand).map_err(gap)?.kind {
        ProviderKind::AutoScalingGroup(provider) => (provider.managed_scaling, provider.warmup),
        ProviderKind::Fargate | ProviderKind::FargateSpot | ProviderKind::ManagedInstances(_) => (true, Seconds(0)),
    };
    let reserved = reserved(&survey.daemons, &pair.on_demand)?;
    let each = tasks_on_smallest(types, &reserved, service, definition);
    let largest = types.iter().map(|one| one.cpu).max().unwrap_or_default();
    let instances = u64::from(group.max_size.saturating_sub(group.desired));
    let by_size = ReturnBound::MaxSize {
        max_size: group.max_size,
        desired: group.desired,
        tasks_per_instance: u32::try_from(each).unwrap_or(u32::MAX),
    };
    let (instances_in_quota, quota_bound) = by_quota(quota, in_use, largest);
    let within = launching.saturating_sub(warmup);
    Ok(least([
        (instances.saturating_mul(each), by_size),
        (instances_in_quota.saturating_mul(each), quota_bound),
        (if managed_scaling { u64::MAX } else { 0 }, ReturnBound::ManagedScalingOff),
        (if within == Seconds(0) { 0 } else { u64::MAX }, ReturnBound::LaunchRate { within }),
    ]))
}

fn tasks_on_smallest(
    types: &[InstanceType],
    reserved: &size::Reserved<'_>,
    service: &Service,
    definition: &TaskDefinition,
) -> u64 {
    types.iter().map(|one| tasks_per_instance(one, reserved, service, definition)).min().unwrap_or(0)
}

/// How many things of a size fit what is left of a quota.
fn by_quota(quota: CpuUnits, in_use: CpuUnits, size: CpuUnits) -> (u64, ReturnBound) {
    let free = quota.0.saturating_sub(in_use.0);
    (free.checked_div(size.0).unwrap_or(0), ReturnBound::Quota { quota, in_use })
}

/// The bound that allows the fewest tasks; the first of them where several do.
fn least<const N: usize>(bounds: [(u64, ReturnBound); N]) -> (u32, ReturnBound) {
    let fallback = (0, ReturnBound::LaunchRate { within: Seconds(0) });
    let (tasks, bound) = bounds.into_iter().min_by_key(|(tasks, _)| *tasks).unwrap_or(fallback);
    (u32::try_from(tasks).unwrap_or(u32::MAX), bound)
}

/// Whether an instance type counts against the Standard quota.
fn is_standard(name: &str) -> bool {
    let letters = name.split(|letter: char| letter.is_ascii_digit()).next().unwrap_or_default();
    STANDARD_FAMILIES.contains(&letters)
}
