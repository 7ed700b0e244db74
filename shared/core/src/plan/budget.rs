//! The room under a cluster's ceiling.

use serde::{Deserialize, Serialize};

use super::PlanInput;
use super::ceilings::Cap;
use super::position::Position;
use crate::units::{CpuUnits, Percent};

/// How the room under the ceiling was found, with its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetReport {
    /// CPU of all the cluster's service tasks above the commitment floor.
    pub task_cpu: CpuUnits,
    /// CPU of the tasks that are, or are to be, on Spot.
    pub spot_cpu: CpuUnits,
    /// The cluster's ceiling: the lowest of policy, dial and window.
    pub ceiling: Percent,
    /// What is left under the ceiling; nothing where the policy's step is 0.
    pub left: CpuUnits,
    /// What may be dealt in this run: one step, at the most what is left. The first deal of a run
    /// may take more where a step is less than a task, but never more than what is left.
    pub room: CpuUnits,
    /// What lies above the ceiling and the tolerance, and has to come down.
    pub excess: CpuUnits,
    /// Services of which the CPU on Spot is not known: while there are any, nothing is dealt.
    pub unknown: u32,
}

pub(super) fn budget(input: &PlanInput<'_>, positions: &[Position<'_>], cap: &Cap) -> BudgetReport {
    let policy = input.policy.budget_of(&input.snapshot.cluster.name);
    let cpu = |tasks: u32, position: &Position<'_>| position.task_cpu.unwrap_or_default().times(u64::from(tasks));
    let all: CpuUnits = positions.iter().map(|position| cpu(position.service.desired, position)).sum();
    let task_cpu = CpuUnits(all.0.saturating_sub(policy.commitment_floor().0));
    let spot_cpu: CpuUnits = positions.iter().map(|position| cpu(position.spot_tasks(), position)).sum();
    let unknown = positions.iter().filter(|position| !position.spot_cpu_known()).count();
    // A service whose size is not known makes the cluster look smaller, and moves nothing down.
    let all_read = positions.iter().all(|position| position.service.task_definition.known().is_some());
    let tolerated = match cap.percent {
        // Nothing means nothing.
        Percent::ZERO => 0,
        some => some.saturating_add(policy.tolerance_percent).floor_of(task_cpu.0),
    };
    let ceiling = cap.percent.floor_of(task_cpu.0);
    let closed = unknown > 0 || policy.step_percent == Percent::ZERO;
    let left = if closed { 0 } else { ceiling.saturating_sub(spot_cpu.0) };
    BudgetReport {
        task_cpu,
        spot_cpu,
        ceiling: cap.percent,
        left: CpuUnits(left),
        room: CpuUnits(left.min(policy.step_percent.floor_of(task_cpu.0))),
        excess: CpuUnits(if all_read && spot_cpu.0 > tolerated { spot_cpu.0 - ceiling } else { 0 }),
        unknown: u32::try_from(unknown).unwrap_or(u32::MAX),
    }
}
