//! `placement`: do its tasks fit the smallest Spot instance?
//!
//! On groups, blocks when an instance type of the Spot group has another architecture than the
//! task definition, or less CPU or memory to give than a task needs, after what the system and the
//! cluster's `DAEMON` services take of every instance; when a placement constraint does not hold
//! there, or cannot be checked; when a daemon has a fixed host port of it; and when an instance
//! holds only one task (fixed host ports, `distinctInstance`) and the Spot group may not have as
//! many instances as the policy might deal it tasks.
//!
//! On Fargate there is no instance to fit. Managed Instances choose types by the requirements,
//! which are the same on both sides of a pair; only constraints on instances are asked.
//!
//! Source: "Automatically manage Amazon ECS capacity with cluster auto scaling", ECS developer
//! guide (managed scaling considers tasks that fit the smallest type, the others stay
//! `PROVISIONING`); "Amazon ECS task placement".

use super::expression::{self, Outcome};
use crate::assess::pair::group;
use crate::assess::size::{Reserved, host_ports, instance_types, one_per_instance, reserved, room};
use crate::assess::{Context, Finding, Reasons};
use crate::observe::{Group, InstanceType, PlacementConstraint, TaskDefinition};

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let Some(definition) = context.task_definition(reasons) else {
        return;
    };
    let Some(pair) = context.pair(reasons) else {
        return;
    };
    let group = match group(context.snapshot, &pair.spot) {
        Ok(group) => group,
        Err(gap) => return reasons.block(Finding::Gap { gap }),
    };
    let Some(group) = group else {
        // A constraint on instances cannot be checked where no types are known.
        for expression in expressions(context, definition) {
            reasons.block(Finding::ConstraintUnknown { expression: expression.to_owned() });
        }
        return;
    };
    let types = match instance_types(group) {
        Ok(types) => types,
        Err(gap) => return reasons.block(Finding::Gap { gap }),
    };
    let reserved = match reserved(&context.survey.daemons, &pair.spot) {
        Ok(reserved) => reserved,
        Err(findings) => {
            for finding in findings {
                reasons.block(finding);
            }
            return;
        }
    };
    judge_types(definition, types, &reserved, reasons);
    judge_constraints(context, definition, group, types, reasons);
    judge_ports(context, definition, group, &reserved, reasons);
}

fn judge_types(definition: &TaskDefinition, types: &[InstanceType], reserved: &Reserved<'_>, reasons: &mut Reasons) {
    if let Some(other) = types.iter().find(|one| one.architecture != definition.architecture) {
        reasons.block(Finding::ArchitectureDiffers {
            instance_type: other.name.clone(),
            has: other.architecture,
            wants: definition.architecture,
        });
    }
    let Some(memory) = definition.memory else {
        return reasons.block(Finding::SizeUnknown);
    };
    // ECS reserves none for a task that states none.
    let cpu = definition.cpu.unwrap_or_default();
    let too_small = types.iter().filter(|one| {
        let (cpu_free, memory_free) = room(one, reserved);
        cpu > cpu_free || memory > memory_free
    });
    if let Some(smallest) = too_small.min_by_key(|one| (one.cpu, one.memory)) {
        let (cpu_free, memory_free) = room(smallest, reserved);
        let instance_type = smallest.name.clone();
        reasons.block(Finding::DoesNotFit { instance_type, cpu, cpu_free, memory, memory_free });
    }
}

fn judge_constraints(
    context: &Context<'_>,
    definition: &TaskDefinition,
    group: &Group,
    types: &[InstanceType],
    reasons: &mut Reasons,
) {
    for expression in expressions(context, definition) {
        let expression = || expression.to_owned();
        match expression::evaluate(&expression(), group, types) {
            Outcome::Holds => {}
            Outcome::FailsOn(fails_on) => {
                reasons.block(Finding::ConstraintUnmet { expression: expression(), fails_on })
            }
            Outcome::Unknown => reasons.block(Finding::ConstraintUnknown { expression: expression() }),
        }
    }
}

fn expressions<'a>(context: &Context<'a>, definition: &'a TaskDefinition) -> impl Iterator<Item = &'a str> {
    let of_service = context.service.placement_constraints.iter();
    of_service.chain(&definition.placement_constraints).filter_map(|constraint| match constraint {
        PlacementConstraint::MemberOf(expression) => Some(expression.as_str()),
        PlacementConstraint::DistinctInstance => None,
    })
}

fn judge_ports(
    context: &Context<'_>,
    definition: &TaskDefinition,
    group: &Group,
    reserved: &Reserved<'_>,
    reasons: &mut Reasons,
) {
    let ports = host_ports(definition);
    for (port, daemon) in &reserved.ports {
        if ports.contains(port) {
            reasons.block(Finding::PortTaken { port: *port, by: daemon.id.clone() });
        }
    }
    if !one_per_instance(context.service, definition) {
        return;
    }
    let percent = context.policy.budget_of(&context.service.id.cluster).service_percent;
    let most = percent.floor_of(u64::from(context.service.desired));
    if most > u64::from(group.max_size) {
        let tasks = u32::try_from(most).unwrap_or(u32::MAX);
        reasons.block(Finding::OneTaskPerInstance { ports, tasks, max_size: group.max_size });
    }
}
