//! Deployments from their beginning to their end.

use super::*;

#[test]
fn a_world_starts_settled() {
    let mut world = world();
    let before = world.counters.clone();
    for key in world.service_keys().cloned().collect::<Vec<_>>() {
        let s = world.service(&key.cluster, &key.name).unwrap();
        let tally = world.tally(s, |_| true);
        assert_eq!((tally.running, tally.pending), (s.desired_count, 0), "{key}");
        assert_eq!(s.deployments.len(), 1);
        assert_eq!(newest(s), ServiceDeploymentStatus::Successful);
    }
    assert_eq!(get(&world, "daemon").desired_count, u32::try_from(world.instances.len()).unwrap());
    let ids: Vec<String> = world.tasks.keys().cloned().collect();
    world.advance_by(86_400.0 * 30.0);
    assert_eq!(ids, world.tasks.keys().cloned().collect::<Vec<_>>());
    assert_eq!(before.calls, world.counters.calls);
}

#[test]
fn the_same_seed_gives_the_same_world() {
    let run = || {
        let mut world = world();
        world.update_service(&forced("web", Some(half_spot()))).unwrap();
        world.advance_by(600.0);
        let s = get(&world, "web");
        (s.tasks.clone(), s.events.iter().map(|e| (e.created_at, e.message.clone())).collect::<Vec<_>>())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_deployment_keeps_within_minimum_and_maximum() {
    for (name, least, most) in [("web", 4, 8), ("half", 2, 4), ("breaker", 2, 8)] {
        let mut world = world();
        world.update_service(&forced(name, None)).unwrap();
        let mut lowest = u32::MAX;
        while !newest(get(&world, name)).is_final() {
            world.advance_by(0.5);
            let s = get(&world, name);
            let running = u32::try_from(s.tasks.iter().filter(|t| world.tasks[*t].is_healthy()).count()).unwrap();
            lowest = lowest.min(running);
            assert!(running >= least, "{name}: {running} healthy at {}", world.now());
            assert!(world.tally(s, |_| true).wanted <= most, "{name}: too many at {}", world.now());
        }
        assert_eq!(newest(get(&world, name)), ServiceDeploymentStatus::Successful);
        if name == "half" {
            assert_eq!(lowest, 2, "maximumPercent 100 leaves no other way than to stop first");
        } else {
            assert_eq!(lowest, 4, "{name} has room to start first");
        }
    }
}

#[test]
fn a_task_goes_through_its_life_and_its_target_drains() {
    let mut world = world();
    let old = get(&world, "web").tasks.clone();
    world.update_service(&forced("web", None)).unwrap();
    let mut seen: Vec<(Phase, Option<TargetState>)> = Vec::new();
    let mut drained = 0.0;
    while !newest(get(&world, "web")).is_final() {
        world.advance_by(0.25);
        let new = get(&world, "web").tasks.iter().find(|t| !old.contains(t)).cloned();
        for id in old.first().into_iter().chain(new.as_ref()) {
            let task = &world.tasks[id];
            if seen.last() != Some(&(task.phase, task.target)) {
                seen.push((task.phase, task.target));
            }
        }
        let first = &world.tasks[&old[0]];
        if first.phase == Phase::Deactivating {
            assert_eq!(first.target, Some(TargetState::Draining));
            drained += 0.25;
        }
    }
    assert!((39.0..=41.0).contains(&drained), "deregistration takes its 40 s, not {drained}");
    for phase in [
        Phase::Provisioning,
        Phase::Pending,
        Phase::Activating,
        Phase::Running,
        Phase::Deactivating,
        Phase::Stopping,
        Phase::Deprovisioning,
        Phase::Stopped,
    ] {
        assert!(seen.iter().any(|(p, _)| *p == phase), "{phase:?} was not seen");
    }
    let stopped = &world.tasks[&old[0]];
    assert_eq!(stopped.stop_code, Some("ServiceSchedulerInitiated"));
    world.advance_by(3700.0);
    assert!(!world.tasks.contains_key(&old[0]), "a stopped task is forgotten after an hour");
}

#[test]
fn the_circuit_breaker_rolls_back_to_the_whole_revision() {
    let mut world = world();
    let before = get(&world, "breaker").current().unwrap().arn.clone();
    fault(&mut world, serde_json::json!({"fault": "new_tasks_crash", "cluster": "c", "service": "breaker", "provider": "FARGATE_SPOT"}), true).unwrap();
    world.update_service(&forced("breaker", Some(vec![item("FARGATE_SPOT", 0, 1)]))).unwrap();
    let mut rolling_back = false;
    for _ in 0..2000 {
        if newest(get(&world, "breaker")).is_final() {
            break;
        }
        world.advance_by(1.0);
        rolling_back |= newest(get(&world, "breaker")) == ServiceDeploymentStatus::RollbackInProgress;
    }
    let s = get(&world, "breaker");
    assert!(rolling_back);
    let d = &s.service_deployments[0];
    assert_eq!((d.status, d.triggered, d.threshold), (ServiceDeploymentStatus::RollbackSuccessful, true, 3));
    assert_eq!(d.failure_count, 3, "what triggered it can still be read");
    assert_eq!(d.rollback.as_ref().unwrap().revision, before);
    let current = s.current().unwrap();
    assert_eq!((current.arn.as_str(), &current.strategy), (before.as_str(), &vec![item("FARGATE", 0, 1)]));
    assert_eq!(on(&world, "breaker", "FARGATE"), 4);
    assert!(s.events.iter().any(|e| e.message.contains("rolling back to deployment")));
}

#[test]
fn without_the_circuit_breaker_a_crashing_service_is_tried_for_ever() {
    let mut world = world();
    fault(&mut world, serde_json::json!({"fault": "new_tasks_crash", "cluster": "c", "service": "web"}), true).unwrap();
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    world.advance_by(4.0 * 3600.0);
    let s = get(&world, "web");
    assert_eq!(newest(s), ServiceDeploymentStatus::InProgress);
    assert_eq!(s.primary().unwrap().rollout_state, RolloutState::InProgress);
    assert!(s.primary().unwrap().failed_tasks > 10);
    assert_eq!(world.tally(s, |t| t.provider.is_none()).running, 4, "the old tasks serve on");
    // The pauses grow: nowhere near one round of tasks every 25 s.
    assert!(s.primary().unwrap().failed_tasks < 300, "{}", s.primary().unwrap().failed_tasks);
    fault(&mut world, serde_json::json!({"fault": "new_tasks_crash", "cluster": "c", "service": "web"}), false)
        .unwrap();
    world.advance_by(1800.0);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::Successful);
}

#[test]
fn a_new_deployment_supersedes_one_in_progress() {
    let mut world = world();
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    world.advance_by(20.0);
    let first = get(&world, "web").service_deployments[0].arn.clone();
    fault(
        &mut world,
        serde_json::json!({"fault": "deploy", "cluster": "c", "service": "web", "task_definition": "both"}),
        true,
    )
    .unwrap();
    let s = get(&world, "web");
    assert_eq!(s.service_deployments[1].arn, first);
    assert_eq!(s.service_deployments[1].status, ServiceDeploymentStatus::Stopped);
    run_out(&mut world, "web", 900);
    let s = get(&world, "web");
    assert_eq!(
        (newest(s), s.current().unwrap().task_definition.family.as_str()),
        (ServiceDeploymentStatus::Successful, "both")
    );
    assert_eq!(world.tally(s, |_| true).running, 4);
}

#[test]
fn stopping_a_deployment_rolls_it_back() {
    let mut world = world();
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    world.advance_by(15.0);
    let arn = get(&world, "web").service_deployments[0].arn.clone();
    world.stop_service_deployment(&arn, false).unwrap();
    run_out(&mut world, "web", 600);
    let s = get(&world, "web");
    assert_eq!(newest(s), ServiceDeploymentStatus::RollbackSuccessful);
    assert!(s.current().unwrap().strategy.is_empty());
    assert_eq!(world.stop_service_deployment(&arn, false).unwrap_err().code, "ConflictException");
    assert_eq!(
        world.stop_service_deployment("arn:x/c/web/nope", false).unwrap_err().code,
        "ServiceDeploymentNotFoundException"
    );
}

#[test]
fn protected_tasks_block_a_deployment() {
    let mut world = world_with(|a| {
        a.replace(
            "serviceName: both, taskDefinition: both, desiredCount: 2,",
            "serviceName: both, taskDefinition: both, desiredCount: 2, protectedTasks: 1,",
        )
    });
    world.update_service(&forced("both", None)).unwrap();
    world.advance_by(3600.0);
    assert_eq!(newest(get(&world, "both")), ServiceDeploymentStatus::InProgress);
    world.advance_by(48.0 * 3600.0);
    assert_eq!(newest(get(&world, "both")), ServiceDeploymentStatus::Successful, "protection lasts 48 hours");
}

#[test]
fn without_rollback_a_failed_deployment_starts_nothing_more() {
    let mut world = world_with(|a| a.replace("rollback: true", "rollback: false"));
    let crash = serde_json::json!({"fault": "new_tasks_crash", "cluster": "c", "service": "breaker"});
    fault(&mut world, crash.clone(), true).unwrap();
    world.update_service(&forced("breaker", Some(half_spot()))).unwrap();
    run_out(&mut world, "breaker", 3600);
    let tasks = get(&world, "breaker").tasks.len();
    fault(&mut world, crash, false).unwrap();
    world.advance_by(1800.0);
    let s = get(&world, "breaker");
    assert_eq!(
        (newest(s), s.primary().unwrap().rollout_state),
        (ServiceDeploymentStatus::Stopped, RolloutState::Failed)
    );
    assert_eq!(s.tasks.len(), tasks);
    assert_eq!(s.service_deployments[0].failure_count, 3);
    assert_eq!(world.tally(s, |_| true).running, 4, "the old tasks serve on");
    assert_eq!(s.current().unwrap().strategy.len(), 2, "the service says what it was told last");
}

#[test]
fn a_roll_back_that_fails_too_ends_as_such() {
    let mut world = world_with(|a| {
        a.replace(
            "minimumHealthyPercent: 50, deploymentCircuitBreaker",
            "minimumHealthyPercent: 0, maximumPercent: 100, deploymentCircuitBreaker",
        )
    });
    fault(&mut world, serde_json::json!({"fault": "new_tasks_crash", "cluster": "c", "service": "breaker"}), true)
        .unwrap();
    world.update_service(&forced("breaker", Some(half_spot()))).unwrap();
    run_out(&mut world, "breaker", 3600);
    let d = &get(&world, "breaker").service_deployments[0];
    assert_eq!((d.status, d.failure_count), (ServiceDeploymentStatus::RollbackFailed, 3));
}

#[test]
fn a_service_may_start_with_a_deployment_under_way() {
    let mut world = world_with(|a| a.replace("serviceName: both,", "serviceName: both, deploying: true,"));
    assert_eq!(newest(get(&world, "both")), ServiceDeploymentStatus::Pending);
    assert_eq!(get(&world, "both").deployments.len(), 2);
    run_out(&mut world, "both", 600);
    assert_eq!(newest(get(&world, "both")), ServiceDeploymentStatus::Successful);
}

#[test]
fn containers_that_ignore_sigterm_take_their_whole_stop_timeout() {
    let stop = |ignores: &str| {
        let mut world = world_with(|a| {
            a.replace("serviceName: strat,", &format!("serviceName: strat, ignoresSigterm: {ignores},"))
        });
        let start = world.now();
        let old = get(&world, "strat").tasks[0].clone();
        world.update_service(&forced("strat", None)).unwrap();
        run_out(&mut world, "strat", 600);
        let task = &world.tasks[&old];
        (task.stopped_at.unwrap().duration_since(start).as_secs(), task.exit_code)
    };
    let (quick, slow) = (stop("false"), stop("true"));
    assert_eq!((slow.0 - quick.0, quick.1, slow.1), (28, Some(0), Some(137)));
}

#[test]
fn a_daemon_is_replaced_on_every_instance() {
    let mut world = world();
    let old = get(&world, "daemon").tasks.clone();
    world.update_service(&forced("daemon", None)).unwrap();
    run_out(&mut world, "daemon", 600);
    let s = get(&world, "daemon");
    assert_eq!(newest(s), ServiceDeploymentStatus::Successful);
    assert_eq!(world.tally(s, |t| !old.contains(&t.id)).running, s.desired_count);
}
