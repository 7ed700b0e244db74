//! What AWS leaves undocumented: each setting's effect, under more than one of its values.

use serde_json::json;

use super::*;
use crate::world::settings::InstanceGoneCode;

const EC2: &str = "desiredCount: 4, capacityProviderStrategy: [{ capacityProvider: od, weight: 1 }] }";

#[test]
fn protection_holds_a_drain_back_where_the_setting_says_so() {
    for holds in [true, false] {
        let mut world = world_with(|a| {
            assert!(a.contains(EC2));
            a.replace(EC2, &format!("protectedTasks: 2, {EC2}"))
        });
        world.settings.protection_holds_drains = holds;
        let protected: Vec<_> = get(&world, "ec2").tasks.iter().take(2).cloned().collect();
        let all: Vec<_> = world.instances_of("od").map(|i| i.id.clone()).collect();
        all.iter().for_each(|id| world.drain_instance(id));
        world.advance_by(3600.0);
        let left = protected.iter().filter(|id| world.tasks.get(*id).is_some_and(|t| t.is_running())).count();
        assert_eq!(left, if holds { 2 } else { 0 }, "protectionHoldsDrains: {holds}");
        let running = world.tally(get(&world, "ec2"), |t| t.is_wanted() && !world.is_draining(t)).running;
        assert_eq!(running, 4, "what is held back is replaced all the same");
    }
}

#[test]
fn express_services_take_a_strategy_where_the_setting_says_so() {
    for takes in [true, false] {
        let mut world =
            world_with(|a| a.replace("serviceName: web,", "serviceName: web, resourceManagementType: ECS,"));
        world.settings.express_takes_strategy = takes;
        let call = forced("web", Some(half_spot()));
        assert_eq!(world.update_service(&call).is_ok(), takes);
        let told = world.update_service(&call).err();
        assert!(takes || told.is_some_and(|r| r.code == "InvalidParameterException"));
        assert!(world.update_service(&forced("web", None)).is_ok(), "anything else is taken");
        assert!(world.update_service(&forced("strat", Some(half_spot()))).is_ok(), "others are no Express services");
    }
}

#[test]
fn tasks_that_fail_are_held_off_by_the_factor() {
    let failed = |factor: f64| {
        let mut world = world();
        world.settings.failed_task_backoff_factor = factor;
        fault(&mut world, json!({"fault": "new_tasks_crash", "cluster": "c", "service": "web"}), true).unwrap();
        world.update_service(&forced("web", Some(half_spot()))).unwrap();
        world.advance_by(3600.0);
        get(&world, "web").primary().unwrap().failed_tasks
    };
    let [constant, doubling, faster] = [1.0, 2.0, 4.0].map(failed);
    // With a constant pause of 2 s four tasks fail about every 25 s.
    assert!(constant > 400, "{constant}");
    assert!(constant > 4 * doubling && doubling > faster, "{constant}, {doubling}, {faster}");
}

#[test]
fn a_service_is_steady_once_it_was_whole_for_so_long() {
    let ended = |seconds: f64, configuration: &str| {
        let mut world = world_with(|a| a.replace("serviceName: web,", &format!("serviceName: web, {configuration}")));
        world.settings.durations.steady_state = seconds;
        world.update_service(&forced("web", Some(half_spot()))).unwrap();
        let told = |w: &World| get(w, "web").events.iter().filter(|e| e.message.contains("a steady state")).count();
        let before = told(&world);
        run_out(&mut world, "web", 7200);
        assert_eq!((newest(get(&world, "web")), told(&world)), (ServiceDeploymentStatus::Successful, before + 1));
        world.now().duration_since(get(&world, "web").service_deployments[0].created_at).as_secs()
    };
    let rolling = ended(0.0, "");
    assert_eq!(ended(120.0, "") - rolling, 120);
    // Traffic that shifts is steady only when the old tasks are gone; a bake time runs beside it.
    let shifting = "deploymentConfiguration: { strategy: BLUE_GREEN },";
    assert_eq!(ended(300.0, shifting) - ended(0.0, shifting), 300);
    let baking = "deploymentConfiguration: { bakeTimeInMinutes: 5 },";
    assert_eq!(
        (ended(0.0, baking) - rolling, ended(120.0, baking) - rolling, ended(600.0, baking) - rolling),
        (300, 300, 600)
    );
}

#[test]
fn a_task_that_is_lost_while_a_service_settles_begins_its_time_anew() {
    let mut world = world();
    world.settings.durations.steady_state = 600.0;
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    world.advance_by(400.0);
    let healthy = |w: &World| get(w, "web").tasks.iter().filter(|t| w.tasks[*t].is_healthy()).count();
    assert_eq!((healthy(&world), newest(get(&world, "web"))), (4, ServiceDeploymentStatus::InProgress));
    let running = |w: &World| get(w, "web").tasks.iter().find(|t| w.tasks[*t].is_healthy()).cloned().unwrap();
    let id = running(&world);
    world.stop_task_by_hand(Some("c"), &id, None).unwrap();
    world.advance_by(400.0);
    assert_eq!((healthy(&world), newest(get(&world, "web"))), (4, ServiceDeploymentStatus::InProgress));
    world.advance_by(600.0);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::Successful);
}

#[test]
fn the_same_placement_failure_is_told_again_after_its_time() {
    let told = |seconds: f64| {
        let mut world = world();
        world.settings.durations.placement_failure_told = seconds;
        fault(&mut world, json!({"fault": "spot_unavailable", "provider": "all"}), true).unwrap();
        world.update_service(&forced("web", Some(half_spot()))).unwrap();
        world.advance_by(3600.0);
        world.events().filter(|e| e.detail["eventName"] == "SERVICE_TASK_PLACEMENT_FAILURE").count()
    };
    let [each_time, once_a_minute, twice] = [0.0, 60.0, 1800.0].map(told);
    assert!(each_time > 200 && (50..=61).contains(&once_a_minute), "{each_time}, {once_a_minute}");
    assert_eq!(twice, 2);
}

#[test]
fn a_fargate_task_tries_other_zones_where_the_setting_says_so() {
    for tries in [true, false] {
        let mut world = world();
        world.settings.fargate_tries_other_zones = tries;
        world.set_obtainable("FARGATE_SPOT/eu-west-1a", Some(0)).unwrap();
        let call = UpdateService { desired_count: Some(6), ..forced("web", Some(vec![item("FARGATE_SPOT", 0, 1)])) };
        world.update_service(&call).unwrap();
        world.advance_by(1800.0);
        assert_eq!(on(&world, "web", "FARGATE_SPOT"), if tries { 6 } else { 4 }, "fargateTriesOtherZones: {tries}");
    }
}

#[test]
fn a_task_whose_instance_is_gone_stops_with_the_code_of_the_setting() {
    for (setting, code) in [
        (InstanceGoneCode::TerminationNotice, json!("TerminationNotice")),
        (InstanceGoneCode::SpotInterruption, json!("SpotInterruption")),
        (InstanceGoneCode::InfrastructureHealth, json!("InfrastructureHealth")),
        (InstanceGoneCode::None, json!(null)),
    ] {
        let mut world = world();
        world.settings.instance_gone_stop_code = setting;
        let all: Vec<_> = world.instances_of("od").map(|i| i.id.clone()).collect();
        world.take_events();
        all.iter().for_each(|id| world.end_instance(id));
        let stopped =
            world.events().filter(|e| e.detail["stoppedReason"].as_str().is_some_and(|r| r.contains("Host EC2")));
        let codes: Vec<_> = stopped.map(|e| e.detail["stopCode"].clone()).collect();
        assert!(codes.len() >= 4 && codes.iter().all(|c| *c == code), "{setting:?}: {codes:?}");
    }
}
