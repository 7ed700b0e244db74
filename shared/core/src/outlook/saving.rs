//! What a task saves on Spot.

use super::{Money, Prices};
use crate::ids::ProviderName;
use crate::observe::{Group, InstanceType, ProviderKind, Reading, Service, Snapshot, TaskDefinition};
use crate::plan::Pair;

/// What one task saves in an hour on the Spot side of its pair; `None` where a price or a size is not known.
///
/// On Fargate that is the difference of what its CPU and memory cost. On groups a task costs its part of an
/// instance, by CPU or memory, whichever is more: the mean over the types that a group may launch. Managed
/// Instances choose types of their own, of which nothing is known beforehand.
pub(super) fn per_task(prices: &Prices, snapshot: &Snapshot, service: &Service, pair: &Pair) -> Option<Money> {
    let definition = service.task_definition.known()?;
    match &provider(snapshot, &pair.spot)? {
        ProviderKind::FargateSpot => {
            let prices = prices.fargate(definition.architecture)?;
            let (cpu, memory) = (definition.cpu?.0, definition.memory?.0);
            let cost = |vcpu: Money, gb: Money| vcpu.part(cpu, 1024) + gb.part(memory, 1024);
            Some(cost(prices.vcpu?, prices.gb?) - cost(prices.spot_vcpu?, prices.spot_gb?))
        }
        ProviderKind::AutoScalingGroup(_) => {
            let (on_demand, spot) = (group(snapshot, &pair.on_demand)?, group(snapshot, &pair.spot)?);
            let on_demand = cost(definition, on_demand, |kind| prices.on_demand.get(kind).copied())?;
            let spot = cost(definition, spot, |kind| prices.spot(kind, &spot.zones))?;
            Some(on_demand - spot)
        }
        ProviderKind::Fargate | ProviderKind::ManagedInstances(_) => None,
    }
}

fn provider<'a>(snapshot: &'a Snapshot, name: &ProviderName) -> Option<&'a ProviderKind> {
    snapshot.providers.get(name).and_then(Reading::known).map(|provider| &provider.kind)
}

fn group<'a>(snapshot: &'a Snapshot, name: &ProviderName) -> Option<&'a Group> {
    match provider(snapshot, name)? {
        ProviderKind::AutoScalingGroup(behind) => behind.group.known(),
        ProviderKind::Fargate | ProviderKind::FargateSpot | ProviderKind::ManagedInstances(_) => None,
    }
}

/// What a task costs on a group, where the price of every type is known.
fn cost(definition: &TaskDefinition, group: &Group, price: impl Fn(&str) -> Option<Money>) -> Option<Money> {
    let of_type = |kind: &InstanceType| Some(share(definition, kind, price(&kind.name)?));
    let types = group.instance_types.known()?;
    Money::mean(types.iter().map(of_type).collect::<Option<Vec<Money>>>()?)
}

/// A task's part of what an instance costs.
fn share(definition: &TaskDefinition, kind: &InstanceType, price: Money) -> Money {
    let by_cpu = price.part(definition.cpu.unwrap_or_default().0, kind.cpu.0);
    let by_memory = price.part(definition.memory.unwrap_or_default().0, kind.memory.0);
    by_cpu.max(by_memory).min(price)
}
