//! What people change by hand, Spot placement scores and Spot prices.

use serde_json::json;

use super::*;
use crate::world::by_hand::ProviderChange;
use crate::world::groups_by_hand::GroupChange;
use crate::world::placement_scores::{CapacityUnit, Score, ScoreRequest};
use crate::world::pools::PoolKey;
use crate::world::scaling_by_hand::{ScalableTargetChange, ScheduledActionChange};
use crate::world::shapes::Tag;

fn put(world: &mut World, providers: &[&str]) -> Result<String, Refusal> {
    let providers = providers.iter().map(|p| (*p).to_owned()).collect();
    world.put_cluster_capacity_providers("c", providers, vec![item("FARGATE", 0, 1)])
}

#[test]
fn a_provider_that_is_left_out_is_disassociated_unless_tasks_use_it() {
    let mut world = world();
    assert_eq!(put(&mut world, &["FARGATE", "FARGATE_SPOT"]).unwrap_err().code, "ResourceInUseException");
    assert_eq!(world.clusters["c"].capacity_providers.len(), 5, "a refusal changes nothing");
    put(&mut world, &["FARGATE", "od"]).unwrap();
    assert_eq!(world.clusters["c"].capacity_providers, ["FARGATE", "od"]);
    let refused = world.update_service(&forced("strat", Some(half_spot()))).unwrap_err();
    assert!(refused.message.contains("not associated"), "{refused}");
    let spot = vec![item("FARGATE_SPOT", 0, 1)];
    let refused = world.put_cluster_capacity_providers("c", vec!["FARGATE".to_owned(), "od".to_owned()], spot);
    assert!(refused.unwrap_err().message.contains("not associated"), "the default strategy is held to the new list");
    assert_eq!(world.clusters["c"].capacity_providers, ["FARGATE", "od"], "a refused list is not kept");
}

#[test]
fn a_stopped_task_is_replaced() {
    let mut world = world();
    let id = get(&world, "web").tasks[0].clone();
    world.stop_task_by_hand(Some("c"), &id, Some("because")).unwrap();
    assert_eq!(
        (world.tasks[&id].stop_code, world.tasks[&id].stopped_reason.as_deref()),
        (Some("UserInitiated"), Some("because"))
    );
    world.advance_by(300.0);
    assert_eq!(world.tally(get(&world, "web"), |_| true).running, 4);
    assert!(world.stop_task_by_hand(Some("c"), "nope", None).is_err());
}

#[test]
fn protection_ends_with_its_time() {
    let mut world = world();
    let id = get(&world, "web").tasks[0].clone();
    world.protect_task(&id, Some(10));
    world.advance_by(599.0);
    assert!(world.tasks[&id].is_protected(world.now()));
    world.advance_by(2.0);
    assert!(!world.tasks[&id].is_protected(world.now()));
}

#[test]
fn tags_are_set_one_by_one_and_fifty_are_the_most() {
    let mut world = world();
    let tag = |n: u32| Tag { key: format!("k{n}"), value: "v".to_owned() };
    let arn = "arn:aws:ecs:eu-west-1:123456789012:service/c/web";
    world.change_tags(arn, (0..50).map(tag).collect(), &[]).unwrap();
    assert!(world.change_tags(arn, vec![tag(50)], &[]).is_err());
    world.change_tags(arn, vec![tag(50)], &["k0".to_owned(), "k1".to_owned()]).unwrap();
    assert_eq!(world.tags(arn).unwrap().len(), 49);
    assert!(world.tags("arn:aws:ecs:eu-west-1:123456789012:service/c/nope").is_err());
}

#[test]
fn a_provider_changes_where_it_is_told_to_and_protection_needs_managed_scaling() {
    let mut world = world();
    let change = |json| serde_json::from_value::<ProviderChange>(json).unwrap();
    world.update_capacity_provider("od", change(json!({"managedScaling": {"targetCapacity": 80}}))).unwrap();
    let crate::world::clusters::ProviderKind::Group(group) = &world.providers["od"].kind else { panic!("a group") };
    assert_eq!((group.managed_scaling.target_capacity, group.managed_scaling.status.as_str()), (80, "ENABLED"));
    let off = json!({"managedScaling": {"status": "DISABLED"}, "managedTerminationProtection": "ENABLED"});
    assert!(world.update_capacity_provider("od", change(off)).is_err());
}

#[test]
fn a_group_is_resized_within_its_limits() {
    let mut world = world();
    assert!(world.set_desired_capacity("od", 7).unwrap_err().message.contains("above max value 6"));
    world.set_desired_capacity("od", 5).unwrap();
    world.advance_by(300.0);
    assert_eq!(world.instances_of("od").filter(|i| i.registered).count(), 5);
    // Draining keeps the service whole while its instances go.
    world.update_group("od", GroupChange { max_size: Some(2), ..GroupChange::default() }).unwrap();
    world.advance_by(1200.0);
    assert_eq!((world.groups["od"].desired, world.instances_of("od").count()), (2, 2));
    assert_eq!(world.tally(get(&world, "ec2"), |_| true).running, 4);
    assert_eq!(world.felt().killed_with_instance, 0);
}

#[test]
fn protected_instances_stay() {
    let mut world = world();
    world.set_desired_capacity("od", 4).unwrap();
    world.advance_by(300.0);
    let change = GroupChange { protects_new_instances: Some(true), desired: Some(1), ..GroupChange::default() };
    world.update_group("od", change).unwrap();
    world.advance_by(300.0);
    assert_eq!(world.instances_of("od").filter(|i| !i.leaving).count(), 4);
}

#[test]
fn a_drained_instance_that_is_active_again_takes_tasks() {
    let mut world = world();
    let id = world.instances_of("od").next().unwrap().id.clone();
    world.set_container_instance_state(&id, true);
    assert_eq!(world.instances[&id].status(), "DRAINING");
    world.set_container_instance_state(&id, false);
    assert!(world.instances[&id].takes_tasks());
}

#[test]
fn a_scalable_target_brings_the_count_into_its_range() {
    let mut world = world();
    let change = |min, max| ScalableTargetChange {
        resource_id: "service/c/web".to_owned(),
        min_capacity: min,
        max_capacity: max,
    };
    assert!(world.change_scalable_target(change(Some(6), None)).is_err(), "a new one needs both");
    world.change_scalable_target(change(Some(6), Some(8))).unwrap();
    world.advance_by(1.0);
    assert_eq!(get(&world, "web").desired_count, 6);
    world.change_scalable_target(change(None, Some(7))).unwrap();
    assert_eq!((world.scalable_targets[0].min_capacity, world.scalable_targets[0].max_capacity), (6, 7));
    let action = |schedule: Option<&str>| ScheduledActionChange {
        name: "n".to_owned(),
        resource_id: "service/c/web".to_owned(),
        schedule: schedule.map(str::to_owned),
        timezone: None,
        min_capacity: Some(2),
        max_capacity: None,
    };
    assert!(world.change_scheduled_action(action(None)).is_err());
    assert!(world.change_scheduled_action(action(Some("daily"))).is_err());
    world.change_scheduled_action(action(Some("rate(1 day)"))).unwrap();
    world.change_scheduled_action(action(None)).unwrap();
    assert_eq!((world.scheduled_actions.len(), world.scheduled_actions[0].schedule.as_str()), (1, "rate(1 day)"));
}

fn request(types: &[&str], target_capacity: u64, single_zone: bool) -> ScoreRequest {
    let instance_types = types.iter().map(|t| (*t).to_owned()).collect();
    ScoreRequest { instance_types, target_capacity, unit: CapacityUnit::Units, single_zone }
}

const THREE: [&str; 3] = ["m5.large", "c5.large", "r5.large"];

#[test]
fn a_score_falls_with_what_is_asked_and_with_what_the_pools_give() {
    let mut world = world_with(|a| {
        format!(
            "{a}pools:\n  - {{ instanceType: m5.large, spotObtainable: 4 }}\n  - {{ instanceType: c5.large, spotObtainable: 3 }}\n  - {{ instanceType: r5.large, spotObtainable: 3 }}\n"
        )
    });
    let mut last = 10;
    for target in [1, 5, 8, 10, 15, 20, 30, 100, 2_000_000_000] {
        let score = world.spot_placement_scores(&request(&THREE, target, true)).unwrap()[0].score;
        assert!(score <= last && (1..=10).contains(&score), "{target}: {score} after {last}");
        last = score;
    }
    assert_eq!(last, 1);
    // The Region has three zones.
    assert_eq!(world.spot_placement_scores(&request(&THREE, 10, false)).unwrap(), [Score { zone: None, score: 9 }]);
    let low = world.spot_placement_scores(&request(&THREE[..2], 1, false)).unwrap();
    assert!(low[0].score <= 3, "fewer than three types are always low: {low:?}");
    world.set_drought("m5.large/eu-west-1a", true).unwrap();
    world.set_drought("c5.large/eu-west-1a", true).unwrap();
    let zones = world.spot_placement_scores(&request(&THREE, 10, true)).unwrap();
    assert_eq!(zones.last().unwrap().zone.as_deref(), Some("eu-west-1a"), "best first: {zones:?}");
}

#[test]
fn an_absent_zone_has_no_score() {
    let mut world = world();
    world.settings.spot_placement_absent_zones = vec!["eu-west-1b".to_owned()];
    let zones = world.spot_placement_scores(&request(&THREE, 1, true)).unwrap();
    assert!(zones.len() == 2 && zones.iter().all(|s| s.zone.as_deref() != Some("eu-west-1b")), "{zones:?}");
}

#[test]
fn a_fault_says_which_score_a_zone_has() {
    let mut world = world();
    let mut fault = |zone: Option<&str>, score: Option<u32>, on: bool| {
        world.set_fault(Fault::PlacementScore { zone: zone.map(str::to_owned), score }, on, &[])?;
        let zones = world.spot_placement_scores(&request(&THREE, 1, true)).unwrap();
        let region = world.spot_placement_scores(&request(&THREE, 1, false)).unwrap();
        let said = |s: &Score| format!("{} {}", s.zone.as_deref().unwrap_or("Region"), s.score);
        Ok::<_, String>(zones.iter().chain(&region).map(said).collect::<Vec<_>>())
    };
    let all = ["eu-west-1a 4", "eu-west-1b 4", "eu-west-1c 4", "Region 4"];
    assert_eq!(fault(None, Some(4), true).unwrap(), all);
    let but_one = ["eu-west-1a 4", "eu-west-1c 4", "eu-west-1b 2", "Region 4"];
    assert_eq!(fault(Some("eu-west-1b"), Some(2), true).unwrap(), but_one, "best first");
    assert_eq!(fault(Some("eu-west-1b"), None, true).unwrap(), ["eu-west-1a 4", "eu-west-1c 4", "Region 4"]);
    assert_eq!(fault(Some("eu-west-1b"), None, false).unwrap(), all);
    assert_eq!(fault(None, None, true).unwrap(), [""; 0]);
    let by_pools = ["eu-west-1a 10", "eu-west-1b 10", "eu-west-1c 10", "Region 10"];
    assert_eq!(fault(None, None, false).unwrap(), by_pools, "without a limit there is always enough");
    assert!(fault(Some("eu-west-1z"), None, true).unwrap_err().contains("eu-west-1a"));
    assert!(fault(None, Some(11), true).unwrap_err().contains("1 to 10"));
}

#[test]
fn new_configurations_are_limited_and_used_ones_can_be_asked_again() {
    let mut world = world();
    world.settings.spot_placement_configurations_per_day = 2;
    for target in [1, 2, 1, 2] {
        world.spot_placement_scores(&request(&THREE, target, false)).unwrap();
    }
    let refused = world.spot_placement_scores(&request(&THREE, 3, false)).unwrap_err();
    assert_eq!(refused.code, "MaxConfigLimitExceeded");
    // The order of the types makes no new one.
    let turned: Vec<&str> = THREE.into_iter().rev().collect();
    world.spot_placement_scores(&request(&turned, 1, false)).unwrap();
    world.advance_by(86_401.0);
    world.spot_placement_scores(&request(&THREE, 3, false)).unwrap();
}

#[test]
fn prices_walk_around_their_pool_and_the_seed_decides() {
    let mut world = world();
    let pool = PoolKey::new("m5.large", "eu-west-1a");
    world.advance_by(86_400.0);
    let from = crate::world::after(world.now(), -43_200.0);
    let changes = world.spot_price_changes(&pool, from, world.now());
    assert!(changes.len() > 5 && changes.len() <= 13, "{}", changes.len());
    assert!(changes.windows(2).all(|w| w[0].at > w[1].at && w[0].price != w[1].price), "newest first, each a change");
    assert!(changes.last().unwrap().at <= from, "the one that held at the beginning is there");
    assert!(changes.iter().all(|c| (280..=420).contains(&c.price)), "{changes:?}");
    assert_eq!(changes, world.spot_price_changes(&pool, from, world.now()), "asking changes nothing");
    let other = world_with(|a| a.replace("seed: 3", "seed: 4"));
    assert_ne!(other.spot_price_changes(&pool, from, world.now()), changes);
}
