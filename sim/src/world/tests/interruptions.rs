//! Spot interruptions, from the warning to the end.

use serde_json::json;

use super::*;
use crate::world::event_bridge::BusEvent;
use crate::world::settings::{FargateSpotStop, SpotStopCode};

/// `ec2` runs on Spot, behind a target group with this delay.
fn on_spot(change: impl Fn(String) -> String) -> World {
    world_with(|a| {
        change(a.replace(
            "desiredCount: 4, capacityProviderStrategy: [{ capacityProvider: od, weight: 1 }] }",
            "desiredCount: 4, capacityProviderStrategy: [{ capacityProvider: spot, weight: 1 }], deploymentConfiguration: { minimumHealthyPercent: 50 }, loadBalancers: [{ targetGroupArn: tg, containerName: a, containerPort: 80 }] }",
        ))
    })
}

fn reclaim_all(world: &mut World) -> u32 {
    ["a", "b", "c"].iter().map(|z| world.reclaim(&format!("m5.large/eu-west-1{z}"), u32::MAX).unwrap()).sum()
}

fn events(world: &World, detail_type: &str) -> Vec<BusEvent> {
    world.events().filter(|e| e.detail_type == detail_type).cloned().collect()
}

#[test]
fn a_reclaim_warns_drains_and_ends_in_two_minutes() {
    let mut world = on_spot(|a| a);
    assert_eq!((on(&world, "ec2", "spot"), world.instances_of("spot").count()), (4, 2));
    assert_eq!(reclaim_all(&mut world), 2);
    let warnings = events(&world, "EC2 Spot Instance Interruption Warning");
    assert_eq!(warnings.len(), 2);
    assert_eq!(warnings[0].detail["instance-action"], "terminate");
    assert!(world.instances.contains_key(warnings[0].detail["instance-id"].as_str().unwrap()));
    world.advance_by(8.0);
    assert!(world.instances_of("spot").all(|i| i.draining), "managed draining is on by default");
    // Half of the tasks may go at once: their targets drain for 40 s, then SIGTERM, and all is done
    // before the instance goes.
    let going =
        |w: &World| get(w, "ec2").tasks.iter().filter(|t| w.tasks[*t].target == Some(TargetState::Draining)).count();
    assert_eq!(going(&world), 2);
    world.advance_by(60.0);
    assert_eq!(
        world
            .tally(get(&world, "ec2"), |t| t.stop_code == Some("ServiceSchedulerInitiated")
                && t.phase == Phase::Stopped)
            .running,
        0
    );
    assert_eq!(world.felt().targets_cut, 0);
    world.advance_by(60.0);
    assert!(world.instances_of("spot").all(|i| i.reclaimed_at.is_none()), "the reclaimed ones are gone");
    world.advance_by(900.0);
    assert_eq!(on(&world, "ec2", "spot"), 4, "replaced");
    assert_eq!(world.felt().interruptions.values().sum::<u64>(), 2);
}

#[test]
fn with_a_minimum_of_100_percent_there_is_no_time_to_replace() {
    // "If you use Spot Instances and minimumHealthyPercent is greater than or equal to 100%, then the
    // service will not have enough time to replace the task before the Spot Instance terminates."
    let mut world = on_spot(|a| {
        a.replace("minimumHealthyPercent: 50 }, loadBalancers", "minimumHealthyPercent: 100 }, loadBalancers")
    });
    reclaim_all(&mut world);
    world.advance_by(600.0);
    let felt = world.felt();
    assert_eq!((felt.killed_with_instance, felt.targets_cut), (4, 4));
    let half = on_spot(|a| a);
    let mut half = half;
    reclaim_all(&mut half);
    half.advance_by(600.0);
    assert_eq!(half.felt().killed_with_instance, 2, "the other half went in order");
}

#[test]
fn without_draining_tasks_die_with_their_instance() {
    let off = |a: String| {
        a.replace(
            "{ name: spot, autoScalingGroupProvider: { autoScalingGroup: spot,",
            "{ name: spot, autoScalingGroupProvider: { autoScalingGroup: spot, managedDraining: DISABLED,",
        )
    };
    let mut world = on_spot(off);
    reclaim_all(&mut world);
    world.advance_by(119.0);
    assert_eq!(on(&world, "ec2", "spot"), 4, "nobody has noticed");
    world.advance_by(2.0);
    assert_eq!(on(&world, "ec2", "spot"), 0);
    let felt = world.felt();
    assert_eq!((felt.killed_with_instance, felt.targets_cut, felt.drain_seconds_cut), (4, 4, 160.0));
    let dead = get(&world, "ec2").tasks.iter().find(|t| world.tasks[*t].phase == Phase::Stopped).unwrap();
    assert!(world.tasks[dead].stopped_reason.as_ref().unwrap().starts_with("Host EC2 (instance i-"));
    // The agent's own setting does the same as managed draining.
    let mut agent =
        on_spot(|a| off(a).replace("{ name: spot, cluster: c,", "{ name: spot, cluster: c, agentDraining: true,"));
    reclaim_all(&mut agent);
    agent.advance_by(8.0);
    assert!(agent.instances_of("spot").all(|i| i.draining));
}

#[test]
fn a_delay_that_overruns_the_two_minutes_is_cut() {
    let mut world = on_spot(|a| {
        a.replace("deregistration_delay.timeout_seconds: \"40\"", "deregistration_delay.timeout_seconds: \"300\"")
            .replace("minimumHealthyPercent: 50 }, loadBalancers", "minimumHealthyPercent: 0 }, loadBalancers")
    });
    reclaim_all(&mut world);
    world.advance_by(130.0);
    let felt = world.felt();
    assert_eq!((felt.targets_cut, felt.killed_with_instance), (4, 4));
    // 300 s less what had passed since the drain began.
    assert!((4.0 * 180.0..=4.0 * 190.0).contains(&felt.drain_seconds_cut), "{}", felt.drain_seconds_cut);
}

#[test]
fn pending_tasks_of_a_draining_instance_are_stopped_at_once() {
    let mut world = on_spot(|a| a);
    fault(
        &mut world,
        json!({"fault": "set_desired_count", "cluster": "c", "service": "ec2", "desired_count": 6}),
        true,
    )
    .unwrap();
    world.advance_by(8.0);
    let pending: Vec<_> = get(&world, "ec2")
        .tasks
        .iter()
        .filter(|t| world.tasks[*t].phase < Phase::Running && world.tasks[*t].instance.is_some())
        .cloned()
        .collect();
    assert!(!pending.is_empty());
    let instances: Vec<_> = world.instances_of("spot").map(|i| i.id.clone()).collect();
    for id in &instances {
        world.drain_instance(id);
    }
    assert!(pending.iter().all(|t| world.tasks[t].doomed));
}

#[test]
fn fargate_spot_tasks_get_their_warning_and_are_replaced() {
    for (order, code) in [
        (FargateSpotStop::DeregisterFirst, SpotStopCode::SpotInterruption),
        (FargateSpotStop::SigtermFirst, SpotStopCode::TerminationNotice),
    ] {
        let mut world = world();
        (world.settings.fargate_spot_stop, world.settings.fargate_spot_stop_code) = (order, code);
        world.update_service(&forced("web", Some(vec![item("FARGATE_SPOT", 0, 1)]))).unwrap();
        run_out(&mut world, "web", 900);
        world.take_events();
        let taken: u32 =
            ["a", "b", "c"].iter().map(|z| world.reclaim(&format!("FARGATE_SPOT/eu-west-1{z}"), 1).unwrap()).sum();
        assert_eq!(taken, 3);
        let warned = events(&world, "ECS Task State Change");
        assert_eq!(warned.len(), 3);
        assert_eq!(
            (&warned[0].detail["stopCode"], &warned[0].detail["desiredStatus"]),
            (&json!(code.name()), &json!("STOPPED"))
        );
        assert_eq!(warned[0].detail["stoppedReason"], "Your Spot Task was interrupted.");
        world.advance_by(10.0);
        let cut = if order == FargateSpotStop::SigtermFirst { 3 } else { 0 };
        assert_eq!(world.felt().targets_cut, cut, "{order:?}");
        world.advance_by(600.0);
        assert_eq!(on(&world, "web", "FARGATE_SPOT"), 4);
        assert_eq!((world.felt().targets_cut, world.felt().killed_with_instance), (cut, 0));
    }
    // 40 s of draining and a container that needs more than the rest of the two minutes.
    let mut world = world_with(|a| {
        a.replace("stopTimeout: 30", "stopTimeout: 120")
            .replace("serviceName: web,", "serviceName: web, ignoresSigterm: true,")
    });
    world.update_service(&forced("web", Some(vec![item("FARGATE_SPOT", 0, 1)]))).unwrap();
    run_out(&mut world, "web", 900);
    world.reclaim("FARGATE_SPOT/eu-west-1a", 1).unwrap();
    let killed = |w: &World| w.felt().killed_by_timeout + w.felt().killed_with_instance;
    let before = killed(&world);
    world.advance_by(121.0);
    assert_eq!(killed(&world), before + 1);
}

#[test]
fn what_goes_already_is_not_reclaimed_twice() {
    let mut world = world();
    world.update_service(&forced("web", Some(vec![item("FARGATE_SPOT", 0, 1)]))).unwrap();
    run_out(&mut world, "web", 900);
    for zone in ["b", "c"] {
        world.set_obtainable(&format!("FARGATE_SPOT/eu-west-1{zone}"), Some(0)).unwrap();
    }
    world.advance_by(300.0);
    assert_eq!(on(&world, "web", "FARGATE_SPOT"), 4, "all are in one zone now");
    let before = world.felt().interruptions["FARGATE_SPOT/eu-west-1c"];
    for _ in 0..3 {
        world.set_obtainable("FARGATE_SPOT/eu-west-1a", Some(2)).unwrap();
        world.advance_by(1.0);
    }
    assert_eq!(world.felt().interruptions["FARGATE_SPOT/eu-west-1a"], 2);
    assert_eq!(world.felt().interruptions["FARGATE_SPOT/eu-west-1c"], before);
}

#[test]
fn capacity_rebalancing_launches_the_new_instance_first() {
    let mut world =
        on_spot(|a| a.replace("{ name: spot, cluster: c,", "{ name: spot, cluster: c, capacityRebalance: true,"));
    let old: Vec<_> = world.instances_of("spot").map(|i| i.id.clone()).collect();
    let pool = world.instances[&old[0]].pool().to_string();
    assert_eq!(world.recommend_rebalance(&pool, 1).unwrap(), 1);
    assert_eq!(events(&world, "EC2 Instance Rebalance Recommendation").len(), 1);
    assert_eq!(world.instances_of("spot").count(), 3);
    world.advance_by(60.0);
    assert!(world.instances_of("spot").all(|i| !i.draining), "the new one is not there yet");
    world.advance_by(600.0);
    assert_eq!(world.instances_of("spot").count(), 2);
    assert_eq!(old.iter().filter(|id| world.instances.contains_key(*id)).count(), 1);
    assert_eq!((on(&world, "ec2", "spot"), world.felt().targets_cut, world.felt().killed_with_instance), (4, 0, 0));
    // Without it a recommendation changes nothing.
    let mut world = on_spot(|a| a);
    for z in ["a", "b", "c"] {
        world.recommend_rebalance(&format!("m5.large/eu-west-1{z}"), u32::MAX).unwrap();
    }
    world.advance_by(3600.0);
    assert!(old.len() == 2 && world.instances_of("spot").all(|i| i.rebalance_recommended && !i.draining));
}

#[test]
fn pools_are_named_or_the_names_are_told() {
    let mut world = world();
    for (json, text) in [
        (json!({"fault": "reclaim", "pool": "m5.large"}), "there are FARGATE/eu-west-1a"),
        (json!({"fault": "drought", "pool": "m9.huge/eu-west-1a"}), "m5.large/eu-west-1a"),
        (json!({"fault": "reclaim", "pool": "FARGATE/eu-west-1a"}), "is not Spot"),
        (json!({"fault": "rebalance_recommendation", "pool": "x"}), "there is no pool \"x\""),
        (json!({"fault": "set_obtainable", "pool": "x", "count": 3}), "there is no pool \"x\""),
    ] {
        let refused = fault(&mut world, json, true).unwrap_err();
        assert!(refused.contains(text), "{refused}");
    }
}

#[test]
fn what_users_feel_is_counted() {
    let mut world = world();
    let paid = |w: &World| (w.felt().spot_vcpu_seconds, w.felt().on_demand_vcpu_seconds);
    let start = paid(&world);
    world.advance_by(100.0);
    // 17 tasks of 0.25 vCPU and one of 0.5 on Fargate, and two vCPU for each instance.
    let instances = f64::from(u32::try_from(world.instances.len()).unwrap());
    let fargate: f64 =
        world.tasks.values().filter(|t| t.fargate_market().is_some()).map(crate::world::tasks::Task::vcpus).sum();
    assert!((paid(&world).1 - start.1 - 100.0 * (fargate + 2.0 * instances)).abs() < 1e-6);
    assert_eq!((paid(&world).0, world.felt().task_seconds_below_desired), (0.0, 0.0));
    fault(
        &mut world,
        json!({"fault": "set_desired_count", "cluster": "c", "service": "strat", "desired_count": 5}),
        true,
    )
    .unwrap();
    world.advance_by(600.0);
    let felt = world.felt();
    // Three tasks were missing until they ran: 1 s to the scheduler's look, 10 s and 12 s to start.
    assert_eq!(felt.below_desired_by_service["c/strat"], 3.0 * 23.0);
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    run_out(&mut world, "web", 600);
    assert_eq!(world.felt().deployments_started["c/web"], 1);
    assert!(paid(&world).0 > 0.0);
}

#[test]
fn a_late_notice_leaves_less_than_two_minutes() {
    // 40 s of draining and 60 s until SIGKILL fit two minutes, and not what a late notice leaves of them.
    for (noticed, killed) in [(5.0, 0), (40.0, 4)] {
        let mut world = world_with(|a| {
            let (from, to) = (
                "desiredCount: 4, capacityProviderStrategy: [{ capacityProvider: od, weight: 1 }] }",
                "desiredCount: 4, ignoresSigterm: true, capacityProviderStrategy: [{ capacityProvider: spot, weight: 1 }], deploymentConfiguration: { minimumHealthyPercent: 0 }, loadBalancers: [{ targetGroupArn: tg, containerName: a, containerPort: 80 }] }",
            );
            let e = "requiresCompatibilities: [EC2], containerDefinitions: [{ name: a, image: \"i:1\"";
            assert!(a.contains(from) && a.contains(e));
            a.replace(from, to).replace(e, &format!("{e}, stopTimeout: 60"))
        });
        world.settings.durations.interruption_noticed = noticed;
        for zone in ["a", "b", "c"] {
            world.reclaim(&format!("m5.large/eu-west-1{zone}"), u32::MAX).unwrap();
        }
        world.advance_by(130.0);
        assert_eq!(world.felt().killed_with_instance, killed, "noticed after {noticed} s");
    }
}
