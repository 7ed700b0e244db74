//! A group's running instances follow a change of its distribution.

use super::*;
use crate::world::groups_by_hand::GroupChange;

const SIZE: usize = 6;

/// `ec2` runs on six Spot instances, one task on each.
fn on_spot(settings: &str) -> World {
    let mut world = world_with(|a| {
        let settings = format!("jitterPercent: 0, {settings} }}");
        a.replace("jitterPercent: 0 }", &settings).replace(
            "desiredCount: 4, capacityProviderStrategy: [{ capacityProvider: od, weight: 1 }] }",
            "desiredCount: 6, capacityProviderStrategy: [{ capacityProvider: spot, weight: 1 }], placementConstraints: [{ type: distinctInstance }] }",
        )
    });
    world.advance_by(600.0);
    assert_eq!(markets(&world), (0, SIZE), "the world does not start on Spot");
    assert_eq!(on(&world, "ec2", "spot"), 6);
    world
}

/// Registered instances of the group: On-Demand, Spot.
fn markets(world: &World) -> (usize, usize) {
    let count = |spot: bool| world.instances_of("spot").filter(|i| i.registered && i.spot == spot).count();
    (count(false), count(true))
}

fn update(world: &mut World, members: serde_json::Value) -> Result<(), Refusal> {
    let distribution = members.as_object().unwrap().clone();
    world.update_group("spot", GroupChange { distribution, ..GroupChange::default() })
}

fn percent(world: &mut World, on_demand: u32) {
    update(world, serde_json::json!({"onDemandPercentageAboveBaseCapacity": on_demand})).unwrap();
}

#[test]
fn a_turned_group_is_replaced_a_few_at_a_time_and_no_task_is_lost() {
    for (name, batch, most) in [("default", "", 1), ("half", "distributionBatchPercent: 50", 3)] {
        let mut world = on_spot(batch);
        let services_before = get(&world, "ec2").service_deployments.len();
        for (to, end) in [(100, (SIZE, 0)), (0, (0, SIZE))] {
            percent(&mut world, to);
            let mut seconds = 0;
            while markets(&world) != end {
                world.advance_by(1.0);
                seconds += 1;
                assert!(seconds < 7200, "{name}: to {to} % ends with {:?}", markets(&world));
                let leaving = world.instances_of("spot").filter(|i| i.leaving).count();
                assert!(leaving <= most, "{name}: {leaving} leave at once");
                let (on_demand, spot) = markets(&world);
                assert!(on_demand + spot >= SIZE, "{name}: an instance went before its replacement was there");
            }
            assert!(seconds > 90, "{name}: a replacement takes its time");
            world.advance_by(600.0);
            assert_eq!((markets(&world), on(&world, "ec2", "spot")), (end, 6), "{name}");
            assert!(!world.groups["spot"].following, "{name}");
        }
        assert_eq!(world.felt().killed_with_instance, 0, "{name}");
        assert_eq!(get(&world, "ec2").service_deployments.len(), services_before, "{name}: nothing is deployed");
    }
}

#[test]
fn a_share_of_the_group_follows_a_share() {
    let mut world = on_spot("");
    percent(&mut world, 50);
    world.advance_by(3600.0);
    assert_eq!(markets(&world), (3, 3));
    update(&mut world, serde_json::json!({"onDemandBaseCapacity": 2, "onDemandPercentageAboveBaseCapacity": 0}))
        .unwrap();
    world.advance_by(3600.0);
    assert_eq!(markets(&world), (2, 4));
}

#[test]
fn other_members_of_the_distribution_replace_nothing() {
    let mut world = on_spot("");
    let before: Vec<_> = world.instances_of("spot").map(|i| i.id.clone()).collect();
    let members = serde_json::json!({"spotAllocationStrategy": "capacity-optimized", "spotMaxPrice": "0.05"});
    update(&mut world, members).unwrap();
    world.advance_by(3600.0);
    let after: Vec<_> = world.instances_of("spot").map(|i| i.id.clone()).collect();
    assert_eq!(before, after);
}

#[test]
fn scale_in_protection_keeps_spot_instances_where_the_setting_says_so() {
    for (setting, end) in [("", (0, SIZE)), ("distributionSparesProtected: false", (SIZE, 0))] {
        let mut world = on_spot(setting);
        let protect = |on| GroupChange { protects_new_instances: Some(on), ..GroupChange::default() };
        world.update_group("spot", protect(true)).unwrap();
        percent(&mut world, 100);
        world.advance_by(3600.0);
        assert_eq!(markets(&world), end, "{setting:?}");
        // Without the protection, the group goes on with what it was told.
        world.update_group("spot", protect(false)).unwrap();
        world.advance_by(3600.0);
        assert_eq!(markets(&world), (SIZE, 0), "{setting:?}");
    }
}

#[test]
fn a_group_that_gets_no_on_demand_capacity_keeps_its_spot_instances() {
    let mut world = on_spot("");
    // Managed scaling has ended what was idle; then the quota has room for one m5.large more.
    world.advance_by(1800.0);
    let held: u32 = world.instances.values().filter(|i| !i.spot).map(|i| i.vcpus).sum();
    let quota = world.quotas.iter_mut().find(|q| q.quota_code == "L-1216C47A").unwrap();
    quota.value = f64::from(held + 2);
    percent(&mut world, 100);
    world.advance_by(3600.0);
    let (on_demand, spot) = markets(&world);
    assert_eq!((on_demand, spot), (1, SIZE - 1));
    assert_eq!((on(&world, "ec2", "spot"), world.felt().killed_with_instance), (6, 0));
}
