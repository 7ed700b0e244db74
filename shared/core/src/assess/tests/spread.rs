//! How the running Spot tasks of a service are spread over capacity pools.

use super::*;
use crate::observe::Family::{AutoScalingGroup, Fargate, ManagedInstances};
use crate::observe::{Place, Task};

/// One of its tasks.
fn task(world: &mut World, number: usize) -> &mut Task {
    let Reading::Known(tasks) = &mut world.service().tasks else { panic!("the tasks of a good service are known") };
    &mut tasks[number]
}

/// A pool, in this zone.
fn pool(zone: &str) -> Reading<Place> {
    Reading::Known(Place { instance_type: None, zone: zone.to_owned() })
}

#[test]
fn only_running_spot_tasks_are_counted_and_pool_by_pool() {
    /// What is known: Spot tasks, pools, tasks in the fullest, percent of the desired four.
    type Known = (u32, u32, u32, u32);
    let rows: [(&str, Family, Vary, Option<Known>); 10] = [
        ("nothing runs on Spot", Fargate, |_| {}, None),
        ("one of four", Fargate, |w| fixtures::settle(w.service(), 1), Some((1, 1, 1, 25))),
        (
            "the rest stays On-Demand, in a group",
            AutoScalingGroup,
            |w| fixtures::settle(w.service(), 3),
            Some((3, 1, 3, 75)),
        ),
        (
            "the rest stays On-Demand, on managed instances",
            ManagedInstances,
            |w| fixtures::settle(w.service(), 3),
            Some((3, 1, 3, 75)),
        ),
        (
            "what Fargate calls its providers says what they buy, read or not",
            Fargate,
            |w| {
                fixtures::settle(w.service(), 3);
                w.snapshot.providers.clear();
            },
            Some((3, 1, 3, 75)),
        ),
        (
            "two in one pool, one in another",
            Fargate,
            |w| {
                fixtures::settle(w.service(), 3);
                task(w, 2).place = pool("b");
            },
            Some((3, 2, 2, 50)),
        ),
        (
            "a task that has stopped is in no pool",
            Fargate,
            |w| {
                fixtures::settle(w.service(), 3);
                task(w, 0).running = false;
            },
            Some((2, 1, 2, 50)),
        ),
        (
            "a task of no provider is On-Demand",
            Fargate,
            |w| {
                fixtures::settle(w.service(), 3);
                task(w, 0).provider = None;
            },
            Some((2, 1, 2, 50)),
        ),
        (
            "percent are rounded down",
            Fargate,
            |w| {
                fixtures::settle(w.service(), 2);
                w.service().desired = 3;
            },
            Some((2, 1, 2, 66)),
        ),
        (
            "where none is desired, what still runs is all there is",
            Fargate,
            |w| {
                fixtures::settle(w.service(), 1);
                w.service().desired = 0;
            },
            Some((1, 1, 1, 100)),
        ),
    ];
    for (name, family, vary, expected) in rows {
        let mut world = World::good(family);
        vary(&mut world);
        if let Reading::Known(tasks) = &mut world.service().tasks {
            for task in tasks {
                if task.place != pool("b") {
                    task.place = pool("a");
                }
            }
        }
        let seen =
            crate::assess::spread::spread(&world.snapshot, &world.snapshot.services[0]).map(|reading| match reading {
                Reading::Known(spread) => (spread.spot_tasks, spread.pools, spread.in_fullest, spread.percent),
                Reading::Missing(gap) => panic!("{name}: {gap}"),
            });
        assert_eq!(seen, expected, "{name}");
    }
}
