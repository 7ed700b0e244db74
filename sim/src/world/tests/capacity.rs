//! Where tasks go, and what happens when there is no room.

use super::*;

#[test]
fn a_drought_keeps_the_deployment_in_progress_until_it_ends() {
    for (kind, pending) in [(FargateDrought::KeepProvisioning, 1), (FargateDrought::NoTask, 0)] {
        let mut world = world();
        world.settings.fargate_drought = kind;
        fault(&mut world, serde_json::json!({"fault": "spot_unavailable", "provider": "all"}), true).unwrap();
        world.update_service(&forced("web", Some(half_spot()))).unwrap();
        world.advance_by(3600.0);
        let s = get(&world, "web");
        assert_eq!(newest(s), ServiceDeploymentStatus::InProgress);
        let tally = world.tally(s, |t| t.provider.is_some());
        assert_eq!((tally.running, tally.pending), (3, pending), "{kind:?}");
        assert_eq!(s.primary().unwrap().failed_tasks, 0, "a placement failure is no failed task");
        assert!(s.events.iter().any(|e| e.message.contains("Capacity is unavailable at this time")));
        fault(&mut world, serde_json::json!({"fault": "spot_unavailable", "provider": "all"}), false).unwrap();
        world.advance_by(300.0);
        assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::Successful, "{kind:?}");
        assert_eq!(on(&world, "web", "FARGATE_SPOT"), 1);
    }
}

#[test]
fn managed_scaling_launches_instances_and_takes_them_away() {
    let mut world = world();
    let strategy = vec![item("od", 1, 1), item("spot", 0, 1)];
    world.update_service(&forced("ec2", Some(strategy))).unwrap();
    assert_eq!(world.instances_of("spot").count(), 0);
    run_out(&mut world, "ec2", 900);
    assert_eq!(newest(get(&world, "ec2")), ServiceDeploymentStatus::Successful);
    assert_eq!((on(&world, "ec2", "od"), on(&world, "ec2", "spot")), (3, 1));
    assert_eq!(world.instances_of("spot").count(), 1);
    assert!(world.instances_of("spot").all(|i| i.spot && i.free().0 < 2048));
    let daemons = world.tally(get(&world, "daemon"), |_| true).running;
    assert_eq!(usize::try_from(daemons).unwrap(), world.instances.len(), "each instance has its daemon");
    // Back, and the empty Spot instance goes.
    world.update_service(&forced("ec2", Some(vec![item("od", 0, 1)]))).unwrap();
    run_out(&mut world, "ec2", 900);
    world.advance_by(3600.0);
    assert_eq!(world.instances_of("spot").count(), 0);
    assert_eq!(on(&world, "ec2", "od"), 4);
}

#[test]
fn a_spot_group_that_cannot_launch_leaves_tasks_provisioning() {
    for cut in ["spot_unavailable", "max_size"] {
        let mut world = world();
        match cut {
            "max_size" => world.groups.get_mut("spot").unwrap().max_size = 0,
            _ => fault(&mut world, serde_json::json!({"fault": "spot_unavailable", "provider": "spot"}), true).unwrap(),
        }
        world.update_service(&forced("ec2", Some(vec![item("od", 1, 1), item("spot", 0, 1)]))).unwrap();
        world.advance_by(7200.0);
        let s = get(&world, "ec2");
        assert_eq!(newest(s), ServiceDeploymentStatus::InProgress, "{cut}");
        assert_eq!(world.tally(s, |t| t.phase == Phase::Provisioning).wanted, 1, "{cut}");
        assert!(s.events.iter().any(|e| { e.message.contains("no container instance met all of its requirements") }));
        world.groups.get_mut("spot").unwrap().max_size = 6;
        let _ = fault(&mut world, serde_json::json!({"fault": "spot_unavailable", "provider": "spot"}), false);
        world.advance_by(600.0);
        assert_eq!(newest(get(&world, "ec2")), ServiceDeploymentStatus::Successful, "{cut}");
    }
}

#[test]
fn scale_in_takes_tasks_as_the_setting_says() {
    for (setting, od_left) in [(ScaleIn::OnDemandFirst, 0), (ScaleIn::Newest, 2), (ScaleIn::Oldest, 0)] {
        let mut world = world();
        world.settings.scale_in = setting;
        let call = UpdateService {
            desired_count: Some(6),
            ..forced("strat", Some(vec![item("FARGATE", 0, 1), item("FARGATE_SPOT", 0, 1)]))
        };
        world.update_service(&call).unwrap();
        run_out(&mut world, "strat", 600);
        assert_eq!((on(&world, "strat", "FARGATE"), on(&world, "strat", "FARGATE_SPOT")), (3, 3));
        fault(
            &mut world,
            serde_json::json!({"fault": "set_desired_count", "cluster": "c", "service": "strat", "desired_count": 3}),
            true,
        )
        .unwrap();
        world.advance_by(120.0);
        let left = (on(&world, "strat", "FARGATE"), on(&world, "strat", "FARGATE_SPOT"));
        assert_eq!(left.0 + left.1, 3);
        if setting == ScaleIn::OnDemandFirst {
            assert_eq!(left.0, od_left);
        }
        assert_eq!(
            newest(get(&world, "strat")),
            ServiceDeploymentStatus::Successful,
            "a change of the count is no deployment"
        );
    }
}

#[test]
fn on_demand_keeps_its_base_under_every_rounding() {
    for rounding in Rounding::ALL {
        for desired in 1..12 {
            let mut world = world();
            world.settings.rounding = rounding;
            let call = UpdateService {
                desired_count: Some(desired),
                ..forced("strat", Some(vec![item("FARGATE", 2, 1), item("FARGATE_SPOT", 0, 1)]))
            };
            world.update_service(&call).unwrap();
            run_out(&mut world, "strat", 900);
            let (od, spot) = (on(&world, "strat", "FARGATE"), on(&world, "strat", "FARGATE_SPOT"));
            assert_eq!(od + spot, desired, "{rounding:?}");
            assert!(od >= desired.min(2), "{rounding:?} {desired}: {od}");
            assert!(spot <= desired.saturating_sub(2).div_ceil(2), "{rounding:?} {desired}: {spot}");
        }
    }
}

#[test]
fn the_account_launches_fargate_tasks_at_its_rate() {
    let mut world = world_with(|a| {
        format!(
            "{a}generate: [{{ count: 20, namePattern: \"g-{{n}}\", clusters: [c], service: {{ taskDefinition: f, desiredCount: 20, launchType: FARGATE }} }}]\n"
        )
    });
    let before = world.tasks.len();
    for n in 1..=20 {
        world.update_service(&forced(&format!("g-{n}"), None)).unwrap();
    }
    world.advance_by(5.0);
    let started = world.tasks.len() - before;
    // 100 at once, then 20 a second.
    assert!((150..=200).contains(&started), "{started}");
    world.advance_by(20.0);
    assert_eq!(world.tasks.len() - before, 400);
}

#[test]
fn a_task_that_waits_too_long_for_an_instance_is_started_anew() {
    let mut world = world();
    world.groups.get_mut("spot").unwrap().max_size = 0;
    world.update_service(&forced("ec2", Some(vec![item("spot", 0, 1)]))).unwrap();
    world.advance_by(1900.0);
    let s = get(&world, "ec2");
    let given_up = s.tasks.iter().filter(|t| world.tasks[*t].stop_code == Some("TaskFailedToStart")).count();
    assert_eq!(given_up, 4);
    assert_eq!(world.tally(s, |t| t.provider.as_deref() == Some("spot")).wanted, 4);
    assert_eq!((newest(s), s.primary().unwrap().failed_tasks), (ServiceDeploymentStatus::InProgress, 0));
}

#[test]
fn a_group_gets_only_the_spot_instances_that_can_be_had() {
    let mut world = world();
    for zone in ["a", "b", "c"] {
        let count = u32::from(zone == "b");
        world.set_obtainable(&format!("m5.large/eu-west-1{zone}"), Some(count)).unwrap();
    }
    let call = UpdateService { desired_count: Some(12), ..forced("ec2", Some(vec![item("spot", 0, 1)])) };
    world.update_service(&call).unwrap();
    world.advance_by(1200.0);
    assert_eq!(world.instances_of("spot").map(|i| i.zone.as_str()).collect::<Vec<_>>(), ["eu-west-1b"]);
    // 2048 CPU units less the daemon's 512: three tasks of 512.
    assert_eq!(on(&world, "ec2", "spot"), 3);
    world.set_obtainable("m5.large/eu-west-1a", None).unwrap();
    world.advance_by(1200.0);
    assert_eq!(on(&world, "ec2", "spot"), 12);
}

#[test]
fn a_mixed_group_keeps_its_on_demand_part() {
    let mut world = world();
    let distribution = world.groups.get_mut("spot").unwrap().distribution.as_mut().unwrap();
    distribution.on_demand_base_capacity = Some(1);
    distribution.on_demand_percentage_above_base_capacity = Some(50);
    let kinds: Vec<bool> = (0..5)
        .filter_map(|_| {
            let id = world.launch_instance("spot", true).ok()?;
            Some(world.instances[&id].spot)
        })
        .collect();
    assert_eq!(kinds, [false, false, true, false, true]);
    assert!(!world.is_spot_group(&world.groups["spot"]));
}

#[test]
fn tasks_with_the_same_host_port_do_not_share_an_instance() {
    let mut world = world_with(|a| {
        a.replace("  - { family: e, cpu: 512", "  - { family: port, cpu: 128, memory: 128, networkMode: bridge, containerDefinitions: [{ name: a, image: \"i:1\", portMappings: [{ containerPort: 80, hostPort: 80 }] }] }\n  - { family: e, cpu: 512")
            .replace("  - { cluster: c, serviceName: daemon", "  - { cluster: c, serviceName: port, taskDefinition: port, desiredCount: 2, capacityProviderStrategy: [{ capacityProvider: od, weight: 1 }] }\n  - { cluster: c, serviceName: daemon")
    });
    let instances = |w: &World| {
        let mut all: Vec<_> = get(w, "port")
            .tasks
            .iter()
            .filter(|t| w.tasks[*t].is_running())
            .filter_map(|t| w.tasks[t].instance.clone())
            .collect();
        all.sort();
        all.dedup();
        all.len()
    };
    assert_eq!(instances(&world), 2);
    world.update_service(&forced("port", None)).unwrap();
    world.advance_by(900.0);
    assert_eq!(newest(get(&world, "port")), ServiceDeploymentStatus::Successful);
    assert_eq!(instances(&world), 2);
}

#[test]
fn the_ec2_launch_type_uses_any_instance_of_the_cluster() {
    let mut world = world_with(|a| {
        a.replace(
            "serviceName: both, taskDefinition: both, desiredCount: 2, launchType: FARGATE",
            "serviceName: both, taskDefinition: both, desiredCount: 2, launchType: EC2",
        )
    });
    assert!(
        get(&world, "both")
            .tasks
            .iter()
            .all(|t| world.tasks[t].instance.is_some() && world.tasks[t].provider.is_none())
    );
    world.update_service(&forced("both", Some(half_spot()))).unwrap();
    run_out(&mut world, "both", 600);
    assert_eq!((on(&world, "both", "FARGATE"), on(&world, "both", "FARGATE_SPOT")), (2, 0));
}

#[test]
fn what_waits_counts_as_pending_where_the_setting_says_so() {
    for (counts, pending) in [(true, 4), (false, 0)] {
        let mut world = world();
        world.settings.provisioning_counts_as_pending = counts;
        world.groups.get_mut("spot").unwrap().max_size = 0;
        world.update_service(&forced("ec2", Some(vec![item("spot", 0, 1)]))).unwrap();
        world.advance_by(600.0);
        let tally = world.tally(get(&world, "ec2"), |t| t.provider.as_deref() == Some("spot"));
        assert_eq!((tally.wanted, tally.pending), (4, pending));
    }
}

#[test]
fn draining_instances_are_no_capacity() {
    // "When launched tasks can't be placed on available instances, the Auto Scaling group scales out"
    // (developer guide, cluster auto scaling); on one that drains nothing can be placed. All that hold the
    // service are drained by hand: others are launched beside them, which go when they are empty.
    let mut world = world();
    let old: Vec<_> = world.instances_of("od").map(|i| i.id.clone()).collect();
    let group = world.groups["od"].desired;
    for id in &old {
        world.drain_instance(id);
    }
    world.advance_by(300.0);
    assert!(world.instances_of("od").any(|i| i.takes_tasks()), "nothing was launched");
    let here = |w: &World| get(w, "ec2").tasks.iter().filter_map(|t| w.tasks.get(t)).filter(|t| t.is_healthy()).count();
    assert_eq!(here(&world), 4, "no task is missing meanwhile");
    world.advance_by(7200.0);
    assert!(old.iter().all(|id| !world.instances.contains_key(id)), "what was drained is empty, and goes");
    assert_eq!((here(&world), world.groups["od"].desired <= group), (4, true));
}
