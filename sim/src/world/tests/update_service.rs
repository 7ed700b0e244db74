//! What UpdateService refuses, and what it starts.

use super::*;

#[test]
fn update_service_refuses_what_ecs_refuses() {
    let twenty_one = (0..21).map(|n| item(&format!("p{n}"), 0, 1)).collect::<Vec<_>>();
    let unforced = |service: &str, strategy: Vec<StrategyItem>| UpdateService {
        force_new_deployment: false,
        ..forced(service, Some(strategy))
    };
    let s = |items: &[(&str, u32, u32)]| items.iter().map(|(n, b, w)| item(n, *b, *w)).collect::<Vec<_>>();
    let table: Vec<(&str, UpdateService, &str, &str)> = vec![
        (
            "launch type to strategy, not forced",
            unforced("web", half_spot()),
            "InvalidParameterException",
            "you must force a new deployment",
        ),
        (
            "a change of strategy, not forced",
            unforced("strat", half_spot()),
            "InvalidParameterException",
            "you must force a new deployment",
        ),
        (
            "CODE_DEPLOY, forced",
            forced("deploy", Some(half_spot())),
            "InvalidParameterException",
            "CODE_DEPLOY deployment controller",
        ),
        (
            "CODE_DEPLOY, strategy",
            unforced("deploy", half_spot()),
            "InvalidParameterException",
            "capacity provider strategy on services with a CODE_DEPLOY",
        ),
        (
            "EXTERNAL",
            forced("external", Some(half_spot())),
            "InvalidParameterException",
            "EXTERNAL deployment controller",
        ),
        ("DAEMON", forced("daemon", Some(s(&[("od", 0, 1)]))), "InvalidParameterException", "DAEMON"),
        (
            "unknown provider",
            forced("web", Some(s(&[("nope", 0, 1)]))),
            "InvalidParameterException",
            "'nope' was not found",
        ),
        (
            "not associated",
            forced("ec2", Some(s(&[("elsewhere", 0, 1)]))),
            "InvalidParameterException",
            "not associated with the cluster",
        ),
        (
            "not ACTIVE",
            forced("ec2", Some(s(&[("leaving", 0, 1)]))),
            "InvalidParameterException",
            "not in an ACTIVE state",
        ),
        (
            "two types",
            forced("both", Some(s(&[("FARGATE", 0, 1), ("od", 0, 1)]))),
            "InvalidParameterException",
            "a mix of capacity providers",
        ),
        (
            "two bases",
            forced("web", Some(s(&[("FARGATE", 1, 1), ("FARGATE_SPOT", 1, 1)]))),
            "InvalidParameterException",
            "more than one capacity provider with a base",
        ),
        (
            "no weight",
            forced("web", Some(s(&[("FARGATE", 1, 0), ("FARGATE_SPOT", 0, 0)]))),
            "InvalidParameterException",
            "weight greater than 0",
        ),
        (
            "twice",
            forced("web", Some(s(&[("FARGATE", 0, 1), ("FARGATE", 0, 1)]))),
            "InvalidParameterException",
            "more than once",
        ),
        (
            "weight too large",
            forced("web", Some(s(&[("FARGATE", 0, 1001)]))),
            "InvalidParameterException",
            "0 to 1,000",
        ),
        (
            "base too large",
            forced("web", Some(s(&[("FARGATE", 100_001, 1)]))),
            "InvalidParameterException",
            "0 to 100,000",
        ),
        ("too many", forced("web", Some(twenty_one)), "InvalidParameterException", "more than 20"),
        (
            "does not fit EC2",
            forced("web", Some(s(&[("od", 0, 1)]))),
            "InvalidParameterException",
            "does not support launch_type EC2",
        ),
        (
            "does not fit Fargate",
            forced("ec2", Some(s(&[("FARGATE", 0, 1)]))),
            "InvalidParameterException",
            "does not support launch_type FARGATE",
        ),
        (
            "Windows on Fargate Spot",
            forced("win", Some(half_spot())),
            "PlatformTaskDefinitionIncompatibilityException",
            "platform",
        ),
        (
            "never had a launch type",
            forced("strat", Some(vec![])),
            "InvalidParameterException",
            "not created with a launch type",
        ),
        ("unknown service", forced("nope", None), "ServiceNotFoundException", "Service not found"),
        (
            "unknown cluster",
            UpdateService { cluster: Some("x".to_owned()), ..forced("web", None) },
            "ClusterNotFoundException",
            "Cluster not found",
        ),
        (
            "unknown task definition",
            UpdateService { task_definition: Some("nope:1".to_owned()), ..forced("web", None) },
            "ClientException",
            "task definition",
        ),
    ];
    let mut world = world();
    for (what, call, code, text) in table {
        let before: Vec<_> = world
            .service_keys()
            .cloned()
            .collect::<Vec<_>>()
            .iter()
            .map(|k| world.service(&k.cluster, &k.name).unwrap().service_deployments.len())
            .collect();
        let refusal = world.update_service(&call).expect_err(what);
        assert_eq!(refusal.code, code, "{what}: {refusal}");
        assert!(refusal.message.contains(text), "{what}: {refusal}");
        let after: Vec<_> = world
            .service_keys()
            .cloned()
            .collect::<Vec<_>>()
            .iter()
            .map(|k| world.service(&k.cluster, &k.name).unwrap().service_deployments.len())
            .collect();
        assert_eq!(before, after, "{what}: nothing was deployed");
    }
    fault(
        &mut world,
        serde_json::json!({"fault": "vanish_service", "cluster": "c", "service": "web", "inactive": true}),
        true,
    )
    .unwrap();
    assert_eq!(
        world.update_service(&forced("web", None)).map_err(|r: Refusal| r.code),
        Err("ServiceNotActiveException")
    );
}

#[test]
fn a_forced_change_replaces_every_task_by_the_strategy() {
    let mut world = world();
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    assert_eq!(get(&world, "web").deployments.len(), 2);
    assert_eq!(newest(get(&world, "web")), ServiceDeploymentStatus::Pending);
    run_out(&mut world, "web", 600);
    let s = get(&world, "web");
    assert_eq!(newest(s), ServiceDeploymentStatus::Successful);
    assert_eq!((on(&world, "web", "FARGATE"), on(&world, "web", "FARGATE_SPOT")), (3, 1));
    let r = s.current().unwrap();
    assert_eq!((r.launch_type, r.strategy.len()), (None, 2));
    // Back to the launch type that it was created with.
    world.update_service(&forced("web", Some(vec![]))).unwrap();
    run_out(&mut world, "web", 600);
    assert_eq!(get(&world, "web").current().unwrap().launch_type, Some(crate::world::shapes::LaunchType::Fargate));
    assert_eq!(world.tally(get(&world, "web"), |t| t.provider.is_none()).running, 4);
}

#[test]
fn an_identical_strategy_deploys_only_when_forced() {
    let mut world = world();
    let same = vec![item("FARGATE", 0, 1)];
    let tasks = get(&world, "strat").tasks.clone();
    world
        .update_service(&UpdateService { force_new_deployment: false, ..forced("strat", Some(same.clone())) })
        .unwrap();
    world.advance_by(300.0);
    assert_eq!(get(&world, "strat").tasks, tasks);
    world.update_service(&forced("strat", Some(same))).unwrap();
    run_out(&mut world, "strat", 600);
    let running: Vec<_> = get(&world, "strat").tasks.iter().filter(|t| world.tasks[*t].is_running()).cloned().collect();
    assert!(running.len() == 2 && running.iter().all(|t| !tasks.contains(t)), "every task was replaced");
}
