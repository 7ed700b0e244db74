//! What is made to go wrong.

use super::*;

#[test]
fn a_pushed_image_shows_in_the_next_revision() {
    let mut world = world();
    let digest = |w: &World| get(w, "web").current().unwrap().images[0].image_digest.clone();
    let before = digest(&world);
    fault(&mut world, serde_json::json!({"fault": "push_image", "image": "i:latest"}), true).unwrap();
    assert_eq!(digest(&world), before);
    world.update_service(&forced("web", None)).unwrap();
    assert_ne!(digest(&world), before);
}

#[test]
fn stale_reads_show_a_service_as_it_was_before_a_write() {
    let mut world = world();
    fault(&mut world, serde_json::json!({"fault": "stale_reads", "seconds": 5}), true).unwrap();
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    assert_eq!(get(&world, "web").deployments.len(), 1);
    world.advance_by(4.0);
    assert_eq!(get(&world, "web").deployments.len(), 1);
    let listed = |w: &World| w.listed_tasks("c").filter(|t| t.service.name == "web").count();
    assert_eq!((listed(&world), world.written_service(&get(&world, "web").key).unwrap().tasks.len()), (4, 8));
    world.advance_by(1.5);
    assert_eq!((get(&world, "web").deployments.len(), listed(&world)), (2, 8));
}

#[test]
fn tasks_that_cannot_start_say_why_and_count_as_failed() {
    for (why, said) in [("addresses", "InsufficientFreeAddressesInSubnet"), ("image", "CannotPullContainerError")] {
        let mut world = world();
        let cannot = serde_json::json!({"fault": "tasks_cannot_start", "cluster": "c", "service": "web", "why": why});
        fault(&mut world, cannot.clone(), true).unwrap();
        world.update_service(&forced("web", None)).unwrap();
        world.advance_by(120.0);
        let web = get(&world, "web");
        assert!(web.deployments[0].failed_tasks > 0, "{why}");
        assert!(web.events.iter().any(|event| event.message.contains(said)), "{why}: {:?}", web.events);
        let stopped =
            |t: &&crate::world::tasks::Task| t.service.name == "web" && t.stop_code == Some("TaskFailedToStart");
        assert!(
            world.tasks.values().any(|t| stopped(&t) && t.stopped_reason.as_ref().unwrap().contains(said)),
            "{why}"
        );
        fault(&mut world, cannot, false).unwrap();
        world.advance_by(1_800.0);
        assert_eq!(get(&world, "web").deployments.len(), 1, "{why}: it starts again");
    }
}

#[test]
fn faults_name_what_exists() {
    let mut world = world();
    let cases = [
        (
            serde_json::json!({"fault": "new_tasks_crash", "cluster": "x", "service": "web"}),
            "there is no cluster \"x\": there are c",
        ),
        (
            serde_json::json!({"fault": "new_tasks_crash", "cluster": "c", "service": "x"}),
            "there are both, breaker, daemon",
        ),
        (serde_json::json!({"fault": "spot_unavailable", "provider": "x"}), "FARGATE, FARGATE_SPOT, elsewhere"),
        (serde_json::json!({"fault": "spot_unavailable", "provider": "od"}), "not on Spot"),
        (serde_json::json!({"fault": "throttle", "action": "ecs:Nope"}), "there are ecs:UpdateService"),
        (serde_json::json!({"fault": "push_image", "image": "x"}), "there are i:1, i:latest"),
        (
            serde_json::json!({"fault": "deploy", "cluster": "c", "service": "web", "task_definition": "x"}),
            "both:1, e:1, f:1",
        ),
    ];
    for (json, text) in cases {
        let refused = fault(&mut world, json, true).unwrap_err();
        assert!(refused.contains(text), "{refused}");
    }
}

#[test]
fn a_vanished_service_is_gone_with_its_tasks() {
    let mut world = world();
    fault(&mut world, serde_json::json!({"fault": "vanish_service", "cluster": "c", "service": "ec2"}), true).unwrap();
    assert!(world.service("c", "ec2").is_none());
    world.advance_by(10_000.0);
    assert!(world.tasks.values().all(|t| t.service.name != "ec2"));
    assert!(world.instances.values().all(|i| i.tasks.len() <= 1));
}

#[test]
fn somebody_writes_the_strategy_back() {
    let revert = serde_json::json!({"fault": "revert_strategy", "cluster": "c", "service": "web"});
    let mut world = world();
    let nothing = fault(&mut world, revert.clone(), true).unwrap_err();
    assert!(nothing.contains("there is none to go back to"), "{nothing}");
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    run_out(&mut world, "web", 900);
    assert_eq!(get(&world, "web").current().unwrap().strategy, half_spot());
    fault(&mut world, revert, true).unwrap();
    run_out(&mut world, "web", 900);
    let web = get(&world, "web");
    assert!(web.current().unwrap().strategy.is_empty(), "the launch type is back");
    assert_eq!((newest(web), web.service_deployments.len()), (ServiceDeploymentStatus::Successful, 3));
    assert_eq!(world.tally(web, |t| t.provider.is_none()).running, 4);
}
