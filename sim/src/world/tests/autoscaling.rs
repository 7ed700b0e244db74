//! Application Auto Scaling: load, scheduled actions, and deployments between them.

use serde_json::json;

use super::*;
use crate::world::autoscaling::ScalableTarget;

fn with_target(target: &str) -> World {
    world_with(|a| format!("{a}scalableTargets:\n  - {{ resourceId: service/c/web, {target} }}\n"))
}

fn desired(world: &World) -> u32 {
    get(world, "web").desired_count
}

#[test]
fn the_desired_count_follows_the_load_within_the_range() {
    let mut world = with_target(
        "minCapacity: 2, maxCapacity: 8, load: { every: 86400, steps: [{ after: 0, count: 1 }, { after: 28800, count: 20 }, { after: 72000, count: 3 }] }",
    );
    for (hour, want) in [(1.0, 2), (9.0, 8), (21.0, 3), (25.0, 2), (33.0, 8)] {
        world.advance(crate::world::after(jiff::Timestamp::UNIX_EPOCH, hour * 3600.0));
        assert_eq!((desired(&world), world.tally(get(&world, "web"), |_| true).running), (want, want), "hour {hour}");
        assert_eq!(
            newest(get(&world, "web")),
            ServiceDeploymentStatus::Successful,
            "a change of the count is no deployment"
        );
    }
}

#[test]
fn nothing_is_scaled_in_while_a_deployment_runs() {
    let mut world = with_target(
        "minCapacity: 2, maxCapacity: 8, load: [{ after: 0, count: 4 }, { after: 3600, count: 2 }, { after: 7200, count: 6 }, { after: 10800, count: 2 }]",
    );
    fault(&mut world, json!({"fault": "spot_unavailable", "provider": "all"}), true).unwrap();
    world.advance_by(3500.0);
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    world.advance_by(1000.0);
    assert_eq!(desired(&world), 4, "the deployment holds scale-in up");
    world.advance_by(3000.0);
    assert_eq!(desired(&world), 6, "but not scale-out");
    world.advance_by(4000.0);
    assert_eq!(desired(&world), 6);
    fault(&mut world, json!({"fault": "spot_unavailable", "provider": "all"}), false).unwrap();
    world.advance_by(1800.0);
    assert_eq!(desired(&world), 2, "it was only put off");
}

#[test]
fn scheduled_actions_change_the_range() {
    let mut world = world_with(|a| {
        a.to_owned()
            + "scalableTargets:\n  - { resourceId: service/c/web, minCapacity: 2, maxCapacity: 10 }\nscheduledActions:\n  - { scheduledActionName: night, resourceId: service/c/web, schedule: \"cron(0 22 * * ? *)\", timezone: Europe/Berlin, minCapacity: 2, maxCapacity: 3 }\n  - { scheduledActionName: day, resourceId: service/c/web, schedule: \"cron(0 6 * * ? *)\", timezone: Europe/Berlin, minCapacity: 5, maxCapacity: 10 }\n"
    });
    // The world starts at midnight UTC, 01:00 in Berlin in 1970.
    for (hour, want) in [(4.9, 4), (5.1, 5), (21.1, 3), (29.1, 5)] {
        world.advance(crate::world::after(jiff::Timestamp::UNIX_EPOCH, hour * 3600.0));
        assert_eq!(desired(&world), want, "hour {hour}");
    }
    assert_eq!(world.scalable_targets[0].min_capacity, 5);
}

#[test]
fn a_new_range_takes_effect_at_once() {
    let mut world = world();
    let target = |min_capacity| ScalableTarget {
        resource_id: "service/c/web".to_owned(),
        min_capacity,
        max_capacity: 10,
        load: None,
        created_at: world.now(),
    };
    let (first, second) = (target(6), target(7));
    world.register_scalable_target(first);
    world.advance_by(1.0);
    assert_eq!(desired(&world), 6);
    world.register_scalable_target(second);
    world.advance_by(1.0);
    assert_eq!((desired(&world), world.scalable_targets.len()), (7, 1));
}
