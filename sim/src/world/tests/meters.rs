//! What users feel, from every change.

use super::*;
use crate::world::meters::HealthChange;

fn of<'a>(changes: &'a [HealthChange], name: &str) -> Vec<&'a HealthChange> {
    changes.iter().filter(|change| change.service.name == name).collect()
}

#[test]
fn changes_of_healthy_tasks_are_kept_from_the_time_on_that_they_are_asked_for() {
    let mut world = world();
    assert_eq!(world.take_health_changes(), []);
    world.keep_health_changes();
    let first = world.take_health_changes();
    assert_eq!(first.len(), world.service_keys().count(), "how all stand");
    assert_eq!(of(&first, "half")[0].healthy, 4);
    let task = world.service("c", "half").unwrap().tasks[0].clone();
    world.stop_task_by_hand(Some("c"), &task, None).unwrap();
    world.advance_by(600.0);
    let later = world.take_health_changes();
    let counts: Vec<u32> = of(&later, "half").iter().map(|change| change.healthy).collect();
    assert_eq!(counts, [3, 4], "only what changed, each once");
    let lasted = of(&later, "half")[1].at.duration_since(of(&later, "half")[0].at).as_secs_f64();
    let lacked = world.felt().below_desired_by_service["c/half"];
    assert!((lasted - lacked).abs() < 1e-6, "{lasted} and {lacked}: the shortfall is measured from the same changes");
    assert_eq!(world.take_health_changes(), [], "taken once");
}
