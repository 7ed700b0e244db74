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

/// The cluster, of which every ceiling is a part.
pub(super) struct Whole {
    /// CPU of all its service tasks above the commitment floor.
    pub(super) task_cpu: CpuUnits,
    /// Whether the size of every service is known: one that is not makes the cluster look smaller, and
    /// moves nothing down.
    all_read: bool,
}

/// How Spot stands to a ceiling.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// CPU that is left under it.
    pub(super) left: CpuUnits,
    /// CPU above it and its tolerance, which has to come down.
    pub(super) excess: CpuUnits,
}

impl Whole {
    pub(super) fn of(input: &PlanInput<'_>, positions: &[Position<'_>]) -> Whole {
        let all: CpuUnits = positions.iter().map(|position| position.cpu_of(position.service.desired)).sum();
        let floor = input.policy.budget_of(&input.snapshot.cluster.name).commitment_floor();
        Whole {
            task_cpu: CpuUnits(all.0.saturating_sub(floor.0)),
            all_read: positions.iter().all(|position| position.service.task_definition.known().is_some()),
        }
    }

    /// How so much CPU on Spot stands to a ceiling.
    pub(super) fn room(&self, ceiling: Percent, tolerance: Percent, spot: CpuUnits) -> Room {
        let tolerated = match ceiling {
            // Nothing means nothing.
            Percent::ZERO => 0,
            some => some.saturating_add(tolerance).floor_of(self.task_cpu.0),
        };
        let ceiling = ceiling.floor_of(self.task_cpu.0);
        let excess = if self.all_read && spot.0 > tolerated { spot.0 - ceiling } else { 0 };
        Room { left: CpuUnits(ceiling.saturating_sub(spot.0)), excess: CpuUnits(excess) }
    }
}

pub(super) fn budget(input: &PlanInput<'_>, positions: &[Position<'_>], whole: &Whole, cap: &Cap) -> BudgetReport {
    let policy = input.policy.budget_of(&input.snapshot.cluster.name);
    let spot_cpu: CpuUnits = positions.iter().map(|position| position.cpu_of(position.spot_tasks())).sum();
    let unknown = positions.iter().filter(|position| !position.spot_cpu_known()).count();
    let closed = unknown > 0 || policy.step_percent == Percent::ZERO;
    let Room { left, excess } = whole.room(cap.percent, policy.tolerance_percent, spot_cpu);
    let left = if closed { CpuUnits(0) } else { left };
    BudgetReport {
        task_cpu: whole.task_cpu,
        spot_cpu,
        ceiling: cap.percent,
        left,
        room: CpuUnits(left.0.min(policy.step_percent.floor_of(whole.task_cpu.0))),
        excess,
        unknown: u32::try_from(unknown).unwrap_or(u32::MAX),
    }
}
