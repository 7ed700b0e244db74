//! How large a task is, how many On-Demand could take, and how many pools Spot draws on.

use super::*;
use crate::fixtures::pair;
use crate::observe::Family::{AutoScalingGroup, Fargate, ManagedInstances};
use crate::units::{CpuUnits, MemoryMib, Seconds};

/// Where ECS shows one of its tasks, if it does.
fn zone(world: &mut World, task: usize, zone: Option<&str>) {
    if let Reading::Known(tasks) = &mut world.service().tasks {
        tasks[task].zone = zone.map(str::to_owned);
    }
}

#[test]
fn headroom_is_counted_in_tasks() {
    let world = World::good(AutoScalingGroup);
    let service = &world.snapshot.services[0];
    let headroom = return_path::headroom(&world.snapshot, &pair(AutoScalingGroup), service, &world.policy);
    // 90 more instances of 4 vCPU, two network interfaces to spare on each.
    assert_eq!(headroom, Ok(180));
    let world = World::good(Fargate);
    let service = &world.snapshot.services[0];
    assert_eq!(return_path::headroom(&world.snapshot, &pair(Fargate), service, &world.policy), Ok(3_996));
    let mut world = World::good(Fargate);
    world.policy.verify.max_deadline_seconds = Seconds(192);
    let service = &world.snapshot.services[0];
    let headroom = return_path::headroom(&world.snapshot, &pair(Fargate), service, &world.policy);
    assert_eq!(headroom, Ok(100), "500 launches a minute, in the 12 s that are left for launching");
}

#[test]
fn pools_are_types_times_zones() {
    let cases = [(Fargate, 3), (AutoScalingGroup, 12), (ManagedInstances, 3)];
    for (family, expected) in cases {
        let world = World::good(family);
        assert_eq!(pools(&world.snapshot, &pair(family), &world.snapshot.services[0]), Some(expected), "{family}");
    }
}

#[test]
fn the_zones_of_fargate_are_those_its_tasks_are_seen_in() {
    let cases: [(&str, Vary, u32); 4] = [
        ("four tasks in three zones", |_| {}, 3),
        ("four tasks in two zones", |w| zone(w, 2, Some("eu-west-1a")), 2),
        ("a task whose zone is not shown: as many as subnets", |w| zone(w, 2, None), 3),
        (
            "fewer tasks than subnets show nothing",
            |w| {
                w.service().desired = 2;
                fixtures::settle(w.service(), 0);
            },
            3,
        ),
    ];
    for (name, vary, expected) in cases {
        let mut world = World::good(Fargate);
        vary(&mut world);
        assert_eq!(pools(&world.snapshot, &pair(Fargate), &world.snapshot.services[0]), Some(expected), "{name}");
    }
}

#[test]
fn the_size_of_a_task_is_never_nothing() {
    let mut service = fixtures::service("web", AutoScalingGroup);
    assert_eq!(task_cpu(&service), Some(CpuUnits(1024)));
    fixtures::edit_task_definition(&mut service, |definition| definition.cpu = None);
    assert_eq!(task_cpu(&service), Some(CpuUnits(512)), "2 GiB are half of what comes with a vCPU");
    fixtures::edit_task_definition(&mut service, |definition| definition.cpu = Some(CpuUnits(0)));
    assert_eq!(task_cpu(&service), Some(CpuUnits(512)), "none reserved is as good as none stated");
    fixtures::edit_task_definition(&mut service, |definition| definition.memory = Some(MemoryMib(0)));
    assert_eq!(task_cpu(&service), None);
    fixtures::edit_task_definition(&mut service, |definition| definition.memory = None);
    assert_eq!(task_cpu(&service), None);
}
