//! The blast radius (`docs/adr/0017-*`): no plan adds to a capacity pool that holds as much as it may.

use std::collections::BTreeMap;

use aws_sim::world::World;
use aws_sim::world::clusters::ProviderKind;
use aws_sim::world::services::Service;
use jiff::Timestamp;
use spotkeeper_core::plan::MoveKind;
use spotkeeper_core::policy::Policy;
use spotkeeper_core::record::{MoveRecord, Step};

use super::{Promises, Write, facts};

/// A service as a run saw it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Its tasks.
    desired: u32,
    /// Those that run on Spot.
    on_spot: u32,
    /// How many of those the pool holds that holds the most.
    in_fullest: u32,
}

/// Where a service's running Spot tasks are, by zone and instance type; Fargate shows its zones alone.
pub(super) fn seen(world: &World, service: &Service) -> Seen {
    let mut pools: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let tasks = service.tasks.iter().filter_map(|id| world.tasks.get(id));
    for task in tasks.filter(|task| task.is_running() && task.is_wanted()) {
        if task.provider.as_deref().is_some_and(|provider| facts::is_spot(world, provider)) {
            let instance = task.instance.as_ref().and_then(|id| world.instances.get(id));
            let kind = instance.map_or("", |instance| instance.instance_type.as_str());
            *pools.entry((task.zone.as_str(), kind)).or_default() += 1;
        }
    }
    let in_fullest = pools.values().copied().max().unwrap_or_default();
    Seen { desired: service.desired_count, on_spot: pools.values().sum(), in_fullest }
}

/// The tasks of so many that one pool may hold: one is always where it is.
fn per_pool(policy: &Policy, write: &Write<'_>, desired: u32) -> u32 {
    let percent = policy.budget_of(&write.service.cluster).blast_radius_percent;
    u32::try_from(percent.floor_of(u64::from(desired))).unwrap_or(u32::MAX).max(1)
}

/// The pools that a Spot provider can draw on at the most.
fn pools(world: &World, provider: &str) -> usize {
    let kinds = match world.providers.get(provider).map(|provider| &provider.kind) {
        Some(ProviderKind::Group(behind)) => {
            world.groups.get(&behind.auto_scaling_group).map_or(1, |group| group.instance_types.len().max(1))
        }
        _ => 1,
    };
    kinds * world.subnets.len()
}

impl Promises {
    /// Before a first write that adds Spot, under the policy of its run.
    pub(super) fn keeps_the_radius(
        &mut self,
        world: &World,
        policy: &Policy,
        write: &Write<'_>,
        record: &MoveRecord,
        said: &dyn Fn() -> String,
    ) {
        let now: Timestamp = world.now();
        // The same strategy anew may spread better; a later step goes where the first was judged to go.
        if record.planned.kind != MoveKind::Up || record.step != Step::Apply {
            return;
        }
        let Some(Seen { desired, on_spot, in_fullest }) =
            self.spreads.get(&(write.run.clone(), write.service.arn.clone())).copied()
        else {
            return;
        };
        let most = per_pool(policy, write, desired);
        let planned = record.planned.spot_tasks;
        // After a scale-in more may run on Spot than the strategy deals: a plan up to less adds nothing.
        self.holds("blast radius", now, in_fullest <= most || planned <= on_spot, || {
            format!("{}, while one pool holds {in_fullest} of {desired} tasks, {most} allowed", said())
        });
        let pools = u32::try_from(pools(world, record.planned.pair.spot.as_str())).unwrap_or(u32::MAX);
        let most = per_pool(policy, write, record.planned.desired).saturating_mul(pools);
        self.holds("blast radius", now, planned <= most, || {
            format!("{}: {planned} Spot tasks, of which {pools} pools may hold {most}", said())
        });
    }
}
