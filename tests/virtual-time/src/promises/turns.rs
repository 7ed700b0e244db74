//! S10, S4 and S12 of groups: as one is turned, turned back, and left.

use aws_sim::world::World;
use spotkeeper_core::ids::RunId;
use spotkeeper_core::observe::{InstancesDistribution, Market, Reading};
use spotkeeper_core::phase::Function;
use spotkeeper_core::record::{Turn, TurnEnd};
use spotkeeper_core::switch::{Lever, SwitchEntry};

use super::Promises;
use crate::tables::Tables;

fn now_of(world: &World, group: &str) -> Option<InstancesDistribution> {
    match aws_sim::fleet::distribution(world, group) {
        Reading::Known(distribution) => distribution,
        Reading::Missing(_) => None,
    }
}

impl Promises {
    /// A group's distribution is about to be written.
    pub(crate) fn before_turn(
        &mut self,
        world: &World,
        tables: &Tables,
        run: &RunId,
        group: &str,
        to: &InstancesDistribution,
    ) {
        let now = world.now();
        let said = || format!("{run} gives {group} {to}");
        let Some(found) = now_of(world, group) else { return };
        let turn = tables.turns.values().find(|turn| turn.group == group && turn.ended.is_none());
        self.holds("S12", now, turn.is_some(), || format!("{}: no turn is on record", said()));
        let Some(turn) = turn else { return };
        let others = found.with_numbers_of(to) == *to;
        self.holds("S10", now, others, || format!("{}, which changes more than two numbers of {found:?}", said()));
        let covers = |entry: &SwitchEntry| entry.scope.cluster().is_none_or(|cluster| *cluster == turn.cluster);
        let of_cluster = |entry: &SwitchEntry| covers(entry) && entry.in_force(now);
        let timeout = Function::Updater.timeout().duration();
        if to.market() == Market::Spot {
            let original = self.originals.get(group).cloned();
            let back = original.as_ref().is_some_and(|original| to.has_numbers_of(original));
            self.holds("S10", now, back, || format!("{}, where it had {original:?}", said()));
            let late = self.switched.values().find(|(since, entry)| of_cluster(entry) && now > *since + timeout);
            let late = late.map(|(since, entry)| format!("{}: switch {} is on since {since}", said(), entry.scope));
            self.holds("S4", now, late.is_none(), || late.unwrap_or_default());
            self.coverage.turned_back += 1;
        } else {
            let original = self.originals.entry(group.to_owned()).or_insert(found).clone();
            self.holds("S10", now, turn.original == original, || {
                format!("{}: {:?} is kept for {original:?}", said(), turn.original)
            });
            // One that was there when the Updater read them may be gone by now: that adds no Spot.
            let lately = self.gone.iter().filter(|(at, _)| now <= *at + timeout).map(|(_, entry)| entry);
            let lately = lately.filter(|entry| covers(entry));
            let mut all = tables.switches.values().filter(|entry| of_cluster(entry)).chain(lately);
            let lever = all.any(|entry| entry.lever == Lever::Capacity);
            self.holds("S10", now, lever, || format!("{}: no switch with the lever is on", said()));
            self.coverage.turned += 1;
        }
    }

    /// A turn is written: one that has ended well has left the group as it was.
    pub(crate) fn turn_put(&mut self, world: &World, turn: &Turn) {
        let Some(how) = turn.ended else { return };
        let original = self.originals.remove(&turn.group);
        let found = now_of(world, &turn.group);
        let same = original.is_none() || found == original.map(|one| one.with_numbers_of(&one));
        self.holds("S10", world.now(), how == TurnEnd::Changed || same, || {
            format!(
                "the turn of {} has ended, and {} has {found:?}, not {:?}",
                turn.provider, turn.group, turn.original
            )
        });
    }
}
