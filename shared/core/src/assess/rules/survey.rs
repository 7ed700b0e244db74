//! What is the same for every service of a cluster: its daemons, and what it uses of the account's
//! On-Demand quotas, each taken for more where it is not known.

use crate::assess::pair::is_fargate;
use crate::assess::size::{daemons, instance_types, task_cpu};
use crate::observe::{Gap, Group, LaunchType, Market, PlacedBy, ProviderKind, Reading, Service, Snapshot};
use crate::units::CpuUnits;

/// The largest Fargate task: what a task counts for whose size is not known. Source: "Task CPU and
/// memory", ECS developer guide.
const LARGEST_FARGATE_TASK: CpuUnits = CpuUnits::VCPU.times(16);

/// What is the same for every service of a cluster.
#[derive(Debug, Clone)]
pub struct Survey<'a> {
    /// The daemon services, which take a part of every instance.
    pub(in crate::assess) daemons: Vec<&'a Service>,
    /// vCPU of Fargate On-Demand tasks.
    pub(super) fargate: CpuUnits,
    /// vCPU of Standard On-Demand instances, or why that is not known.
    pub(super) standard: Result<CpuUnits, Vec<Gap>>,
}

impl<'a> Survey<'a> {
    /// Adds up what a cluster uses.
    #[must_use]
    pub fn of(snapshot: &'a Snapshot) -> Survey<'a> {
        Survey {
            daemons: daemons(snapshot),
            fargate: snapshot.services.iter().map(fargate_in_use).sum(),
            standard: standard_in_use(snapshot),
        }
    }
}

/// vCPU of a service's Fargate On-Demand tasks; the worst case where its tasks were not read.
fn fargate_in_use(service: &Service) -> CpuUnits {
    let by_launch_type = service.placed_by == PlacedBy::LaunchType(LaunchType::Fargate);
    let on_demand = |name: &str| name == "FARGATE";
    let tasks = match &service.tasks {
        Reading::Known(tasks) => tasks
            .iter()
            .filter(|task| task.provider.as_ref().map_or(by_launch_type, |provider| on_demand(provider.as_str())))
            .count() as u64,
        Reading::Missing(_) => {
            let placed_there = by_launch_type
                || service
                    .strategy()
                    .is_some_and(|strategy| strategy.items.iter().any(|item| on_demand(item.provider.as_str())));
            if placed_there {
                u64::from(service.desired.max(service.running.saturating_add(service.pending)))
            } else {
                0
            }
        }
    };
    task_cpu(service).unwrap_or(LARGEST_FARGATE_TASK).times(tasks)
}

/// vCPU of the cluster's On-Demand instances: of groups each at the size of its largest type, of
/// Managed Instances what their tasks take.
fn standard_in_use(snapshot: &Snapshot) -> Result<CpuUnits, Vec<Gap>> {
    let (mut in_use, mut gaps) = (Vec::new(), Vec::new());
    for (name, reading) in &snapshot.providers {
        let kind = match reading {
            Reading::Known(provider) => &provider.kind,
            Reading::Missing(_) if is_fargate(name) => continue,
            Reading::Missing(gap) => {
                gaps.push(gap.clone());
                continue;
            }
        };
        match kind {
            ProviderKind::Fargate | ProviderKind::FargateSpot => {}
            ProviderKind::AutoScalingGroup(provider) => match provider.group.get().map(group_in_use) {
                Ok(Ok(cpu)) => in_use.push(cpu),
                Ok(Err(gap)) => gaps.push(gap),
                Err(gap) => gaps.push(gap.clone()),
            },
            ProviderKind::ManagedInstances(provider) if provider.market == Market::Spot => {}
            ProviderKind::ManagedInstances(_) => {
                for service in &snapshot.services {
                    match service.tasks.get() {
                        Ok(tasks) => {
                            let there = tasks.iter().filter(|task| task.provider.as_ref() == Some(name)).count() as u64;
                            match (there, task_cpu(service)) {
                                (0, _) => {}
                                (tasks, Some(cpu)) => in_use.push(cpu.times(tasks)),
                                (_, None) => gaps.extend(service.task_definition.get().err().cloned()),
                            }
                        }
                        Err(gap) if service.strategy().is_some_and(|strategy| strategy.item(name).is_some()) => {
                            gaps.push(gap.clone());
                        }
                        Err(_) => {}
                    }
                }
            }
        }
    }
    if gaps.is_empty() { Ok(in_use.into_iter().sum()) } else { Err(gaps) }
}

fn group_in_use(group: &Group) -> Result<CpuUnits, Gap> {
    if group.market == Market::Spot || group.desired == 0 {
        return Ok(CpuUnits(0));
    }
    let largest = instance_types(group)?.iter().map(|one| one.cpu).max().unwrap_or_default();
    Ok(largest.times(u64::from(group.desired)))
}
