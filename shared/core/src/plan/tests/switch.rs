//! Plans under a kill switch.

use super::*;

#[test]
fn a_switch_brings_everything_in_scope_down() {
    let entry = |scope: &str, change: &dyn Fn(&mut SwitchEntry)| {
        let mut entry = fixtures::switch(Scope::parse(scope).unwrap());
        change(&mut entry);
        entry
    };
    let on_spot = |change: &dyn Fn(&mut Service)| {
        let mut service = fixtures::on_spot(fixtures::service("web", Family::AutoScalingGroup), 1, 1, 1);
        change(&mut service);
        service
    };
    let unenrolled = |service: &mut Service| service.tags.clear();
    let deploying = |service: &mut Service| service.deployments[0].rollout = Some(RolloutState::InProgress);
    let down = expected(&[("web", MoveKind::Down, "group-on-demand:1")]);
    let cases = [
        ("over all", entry("all", &|_| {}), on_spot(&|_| {}), down.clone(), None),
        ("over the cluster", entry("cluster/prod", &|_| {}), on_spot(&|_| {}), down.clone(), None),
        ("over the service", entry("service/prod/web", &|_| {}), on_spot(&|_| {}), down.clone(), None),
        ("over another service", entry("service/prod/other", &|_| {}), on_spot(&|_| {}), vec![], None),
        ("passed", entry("all", &|entry| entry.until = Some(fixtures::at(-1))), on_spot(&|_| {}), vec![], None),
        ("not enrolled", entry("all", &|_| {}), on_spot(&unenrolled), vec![], Some(LeftWhy::NotCovered)),
        (
            "not enrolled, and covered",
            entry("all", &|entry| entry.unenrolled = true),
            on_spot(&unenrolled),
            down.clone(),
            None,
        ),
        ("somebody deploys", entry("all", &|_| {}), on_spot(&deploying), vec![], Some(LeftWhy::SomebodyDeploys)),
        ("somebody deploys, preempted", entry("all", &|entry| entry.preempt = true), on_spot(&deploying), down, None),
    ];
    for (name, entry, service, expected, left) in cases {
        let mut snapshot = fixtures::snapshot(vec![service]);
        snapshot.depth = Depth::Switch;
        for service in &mut snapshot.services {
            service.task_definition = Reading::Missing(fixtures::gap("web", "ecs:DescribeTaskDefinition"));
        }
        let memory = Memory { switches: Switches { entries: vec![entry.clone()], epoch: 1 }, ..Memory::default() };
        let plan = plan_of(&Policy::default(), &snapshot, &memory, &run(RunMode::Switch { entry }));
        assert_eq!(moves(&plan), expected, "{name}");
        assert_eq!(plan.left_on_spot.first().map(|one| one.why), left, "{name}");
        assert!(plan.moves.iter().all(|record| record.planned.undo.is_none()), "{name}: a move down is never undone");
    }
}

/// A dead run's moves may take an hour to be verified: what the switch brings down is written before.
#[test]
fn a_switch_does_not_wait_for_what_a_dead_run_has_left() {
    let up = fixtures::service("up", Family::Fargate);
    let first =
        plan_of(&open_policy(), &fixtures::snapshot(vec![up.clone()]), &Memory::default(), &run(RunMode::Ordinary));
    let mut left = first.moves[0].clone();
    left.planned.cause = MoveCause::Resumed { run: fixtures::run_id("earlier") };
    let down = fixtures::on_spot(fixtures::service("down", Family::Fargate), 0, 0, 1);
    let snapshot = fixtures::snapshot(vec![down, up]);
    let entry = fixtures::switch(Scope::All);
    let memory = Memory { switches: Switches { entries: vec![entry.clone()], epoch: 1 }, ..Memory::default() };
    for (name, mode, expected, followed_at_once) in [
        ("a switch", RunMode::Switch { entry }, ["down", "up"], vec![0]),
        ("an ordinary run", RunMode::Ordinary, ["up", "down"], vec![]),
    ] {
        let policy = open_policy();
        let plan = plan(&PlanInput {
            policy: &policy,
            snapshot: &snapshot,
            assessments: &assess(&policy, &snapshot, &memory, fixtures::now()),
            memory: &memory,
            run: &run(mode),
            resumed: std::slice::from_ref(&left),
            turns: &[],
            turn_versions: &BTreeMap::new(),
            given_up: &BTreeSet::new(),
            now: fixtures::now(),
        });
        let order: Vec<&str> = plan.moves.iter().map(|record| record.planned.service.name.as_str()).collect();
        assert_eq!(order, expected, "{name}");
        assert_eq!((plan.waves.len(), plan.followed_at_once), (2, followed_at_once), "{name}: a wave each");
    }
}

/// What is written and not verified yet is carried from wave to wave, and that has an end: what does
/// not fit with the switch's own moves waits for them.
#[test]
fn what_a_dead_run_has_left_follows_a_switch_at_once_as_far_as_it_can_be_carried() {
    let up = fixtures::service("up", Family::Fargate);
    let policy = open_policy();
    let first = plan_of(&policy, &fixtures::snapshot(vec![up.clone()]), &Memory::default(), &run(RunMode::Ordinary));
    let mut left = first.moves[0].clone();
    left.planned.cause = MoveCause::Resumed { run: fixtures::run_id("earlier") };
    let on_spot = |name: &str| fixtures::on_spot(fixtures::service(name, Family::Fargate), 0, 0, 1);
    let snapshot = fixtures::snapshot(vec![on_spot("a"), on_spot("b"), on_spot("c"), up]);
    let entry = fixtures::switch(Scope::All);
    let memory = Memory { switches: Switches { entries: vec![entry.clone()], epoch: 1 }, ..Memory::default() };
    let run = run(RunMode::Switch { entry });
    let most = crate::interface::max_unverified(&run.id, &snapshot.cluster.name);
    for (name, resumed, together) in [("all that can be carried", most - 3, true), ("one more", most - 2, false)] {
        let plan = plan(&PlanInput {
            policy: &policy,
            snapshot: &snapshot,
            assessments: &assess(&policy, &snapshot, &memory, fixtures::now()),
            memory: &memory,
            run: &run,
            resumed: &vec![left.clone(); resumed],
            turns: &[],
            turn_versions: &BTreeMap::new(),
            given_up: &BTreeSet::new(),
            now: fixtures::now(),
        });
        assert_eq!((plan.waves[0].len(), plan.moves.len()), (3, 3 + resumed), "{name}");
        let all_but_the_last: Vec<u32> = (0..u32::try_from(plan.waves.len()).unwrap() - 1).collect();
        assert_eq!(plan.followed_at_once, if together { all_but_the_last } else { Vec::new() }, "{name}");
    }
}

/// A world under a switch over all, to vary: the snapshot, and the ledger of its service `web`.
type VarySwitched = fn(&mut Snapshot, &mut Option<Ledger>);

#[test]
fn under_a_switch_what_could_not_be_read_is_not_taken_for_on_demand() {
    fn unread(snapshot: &mut Snapshot, name: &str) {
        let name = fixtures::provider_name(name);
        snapshot.providers.insert(name, Reading::Missing(fixtures::gap("provider", "ecs:DescribeCapacityProviders")));
    }
    fn group_unread(snapshot: &mut Snapshot, name: &str) {
        fixtures::edit_group(snapshot, &fixtures::provider_name(name), |provider| {
            provider.group = Reading::Missing(fixtures::gap("group", "autoscaling:DescribeAutoScalingGroups"));
        });
    }
    fn place(snapshot: &mut Snapshot, strategy: &str, desired: u32) {
        let service = &mut snapshot.services[0];
        service.placed_by = PlacedBy::Strategy(serde_json::from_str(strategy).unwrap());
        service.desired = desired;
        fixtures::settle(service, 0);
    }
    let asg = Family::AutoScalingGroup;
    let to = |provider: &str| expected(&[("web", MoveKind::Down, &format!("{provider}:1"))]);
    let cases: [(&str, Family, VarySwitched, _, _); 14] = [
        (
            "the group of the Spot provider",
            asg,
            |world, _| group_unread(world, "group-spot"),
            vec![],
            Some(LeftWhy::Unread),
        ),
        ("the Spot provider", asg, |world, _| unread(world, "group-spot"), vec![], Some(LeftWhy::Unread)),
        (
            "the Spot provider of Managed Instances",
            Family::ManagedInstances,
            |world, _| unread(world, "managed-spot"),
            vec![],
            Some(LeftWhy::Unread),
        ),
        (
            "the Spot provider, which the ledger knows",
            asg,
            |world, ledger| {
                *ledger = Some(fixtures::ledger(&world.services[0]));
                unread(world, "group-spot");
            },
            to("group-on-demand"),
            None,
        ),
        (
            "the provider of a service on that alone",
            asg,
            |world, _| {
                world.services[0] = fixtures::service("web", Family::AutoScalingGroup);
                unread(world, "group-on-demand");
            },
            vec![],
            Some(LeftWhy::Unread),
        ),
        (
            "FARGATE_SPOT needs no reading",
            Family::Fargate,
            |world, _| unread(world, "FARGATE_SPOT"),
            to("FARGATE"),
            None,
        ),
        (
            "FARGATE needs none either",
            Family::Fargate,
            |world, _| {
                world.services[0] = fixtures::service("web", Family::Fargate);
                unread(world, "FARGATE");
            },
            vec![],
            None,
        ),
        (
            "the way back of Spot alone is the family's one On-Demand provider",
            asg,
            |world, _| place(world, r#"[{"capacityProvider":"group-spot","weight":1}]"#, 4),
            to("group-on-demand"),
            None,
        ),
        (
            "a group that buys both",
            asg,
            |world, _| {
                fixtures::edit_group(world, &fixtures::provider_name("group-spot"), |provider| {
                    let Reading::Known(group) = &mut provider.group else { return };
                    group.market = Market::Mixed;
                });
            },
            vec![],
            Some(LeftWhy::NoPair),
        ),
        (
            "a service behind a Classic Load Balancer",
            asg,
            |world, _| {
                let target = LoadBalancerTarget::Classic("old".to_owned());
                world.services[0].load_balancers[0].target = target;
            },
            vec![],
            Some(LeftWhy::HandsOff),
        ),
        (
            "no Spot task at the present count",
            Family::Fargate,
            |world, _| place(world, fargate_base_2(), 2),
            to("FARGATE"),
            None,
        ),
        ("no task at all", Family::Fargate, |world, _| place(world, fargate_base_2(), 0), to("FARGATE"), None),
        (
            "a Spot provider of weight 0",
            Family::Fargate,
            |world, _| {
                place(world, r#"[{"capacityProvider":"FARGATE","weight":1},{"capacityProvider":"FARGATE_SPOT"}]"#, 4)
            },
            vec![],
            None,
        ),
        (
            "its owner has taken it off the ledger's pair",
            asg,
            |world, ledger| {
                *ledger = Some(fixtures::ledger(&world.services[0]));
                place(world, fargate_base_2(), 4);
            },
            to("FARGATE"),
            None,
        ),
    ];
    for (name, family, vary, expected, left) in cases {
        let mut snapshot = fixtures::snapshot(vec![fixtures::on_spot(fixtures::service("web", family), 1, 1, 1)]);
        let mut ledger = None;
        vary(&mut snapshot, &mut ledger);
        snapshot.depth = Depth::Switch;
        for service in &mut snapshot.services {
            service.task_definition = Reading::Missing(fixtures::gap("web", "ecs:DescribeTaskDefinition"));
            service.tasks = Reading::Missing(fixtures::gap("web", "ecs:ListTasks"));
            service.scaling = Reading::Missing(fixtures::gap("web", "application-autoscaling:DescribeScalableTargets"));
        }
        let entry = fixtures::switch(Scope::All);
        let memory = Memory {
            switches: Switches { entries: vec![entry.clone()], epoch: 1 },
            ..fixtures::memory(ledger.into_iter().collect())
        };
        let plan = plan_of(&Policy::default(), &snapshot, &memory, &run(RunMode::Switch { entry }));
        assert_eq!(moves(&plan), expected, "{name}");
        assert_eq!(plan.left_on_spot.first().map(|one| one.why), left, "{name}");
    }
}

/// A service whose way down is under way: On-Demand was written, its Spot tasks are not yet
/// replaced.
#[test]
fn s5_a_way_down_that_is_under_way_is_not_begun_anew() {
    let on_spot = fixtures::on_spot(fixtures::service("web", Family::AutoScalingGroup), 1, 1, 1);
    let mut written = on_spot.clone();
    written.placed_by = PlacedBy::Strategy(Strategy::only(fixtures::pair(Family::AutoScalingGroup).on_demand));
    written.deployments[0].rollout = Some(RolloutState::InProgress);
    let entry = fixtures::switch(Scope::All);
    let switch_run = run(RunMode::Switch { entry: entry.clone() });
    let ordinary = || run(RunMode::Ordinary);
    let down = || expected(&[("web", MoveKind::Down, "group-on-demand:1")]);
    let (left, over) = (fixtures::at(60), fixtures::at(0));
    let cases = [
        ("it is in place", ordinary(), &written, -600, left, vec![], None),
        ("its time is over", ordinary(), &written, -600, over, down(), None),
        ("reads may be older than the write", ordinary(), &on_spot, -299, left, vec![], None),
        ("ECS never took it", ordinary(), &on_spot, -300, left, down(), None),
        ("a switch run tells of it", switch_run, &written, -600, left, vec![], Some(LeftWhy::MoveOpen)),
    ];
    for (name, run, service, written_at, ends_by, expected, left) in cases {
        let mut snapshot = fixtures::snapshot(vec![service.clone()]);
        snapshot.depth = if run.switch().is_some() { Depth::Switch } else { Depth::Full };
        let open = OpenMove { ends_by, ..open_move() };
        let last_write = LastWrite {
            at: fixtures::at(written_at),
            run: open.run.clone(),
            move_id: open.move_id.clone(),
            before: on_spot.placed_by.clone(),
            after: written.placed_by.clone(),
            deployment: None,
            deployment_id: None,
            dealt: Dealt { spot_tasks: 0, desired: 4 },
            by_switch: true,
            ..fixtures::last_write(&written)
        };
        let ledger = Ledger { open: Some(open), last_write: Some(last_write), ..fixtures::ledger(service) };
        let memory =
            Memory { switches: Switches { entries: vec![entry.clone()], epoch: 1 }, ..fixtures::memory(vec![ledger]) };
        let plan = plan_of(&Policy::default(), &snapshot, &memory, &run);
        assert_eq!(moves(&plan), expected, "{name}");
        assert_eq!(plan.left_on_spot.first().map(|one| one.why), left, "{name}");
    }
}

/// Spot alone, and two On-Demand groups: the policy says which is the way back.
#[test]
fn under_a_switch_the_named_pair_is_the_way_back() {
    let spot = fixtures::pair(Family::AutoScalingGroup).spot;
    let mut service = fixtures::service("web", Family::AutoScalingGroup);
    service.placed_by = PlacedBy::Strategy(Strategy::only(spot.clone()));
    fixtures::settle(&mut service, 4);
    let mut snapshot = fixtures::snapshot(vec![service]);
    snapshot.depth = Depth::Switch;
    let mut other = snapshot.providers[&fixtures::provider_name("group-on-demand")].known().unwrap().clone();
    other.name = fixtures::provider_name("other");
    snapshot.cluster.capacity_providers.push(other.name.clone());
    snapshot.providers.insert(other.name.clone(), Reading::Known(other));
    let entry = fixtures::switch(Scope::All);
    let memory = Memory { switches: Switches { entries: vec![entry.clone()], epoch: 1 }, ..Memory::default() };
    let run = run(RunMode::Switch { entry });
    let named = |on_demand: &str, spot: &str| NamedPair {
        on_demand: fixtures::provider_name(on_demand),
        spot: fixtures::provider_name(spot),
    };
    let cases = [
        ("none is named", vec![], vec![], Some(LeftWhy::NoPair)),
        ("another's is named", vec![named("other", "managed-spot")], vec![], Some(LeftWhy::NoPair)),
        (
            "its own is named",
            vec![named("managed-on-demand", "managed-spot"), named("other", spot.as_str())],
            expected(&[("web", MoveKind::Down, "other:1")]),
            None,
        ),
    ];
    for (name, pairs, expected, left) in cases {
        let plan = plan_of(&Policy { pairs, ..Policy::default() }, &snapshot, &memory, &run);
        assert_eq!(moves(&plan), expected, "{name}");
        assert_eq!(plan.left_on_spot.first().map(|one| one.why), left, "{name}");
        assert_eq!(plan.ledgers, vec![], "{name}: a switch run judges nothing, and so remembers nothing");
    }
}

/// Beside the entry over a service, another one is passed or is over another service.
#[test]
fn what_other_entries_say_counts_for_nothing() {
    let loud = SwitchEntry { preempt: true, unenrolled: true, ..fixtures::switch(Scope::All) };
    let passed = SwitchEntry { until: Some(fixtures::at(-1)), ..loud.clone() };
    let elsewhere = SwitchEntry { scope: Scope::parse("service/prod/other").unwrap(), ..loud };
    for (name, other) in [("passed", passed), ("elsewhere", elsewhere)] {
        let scope = Scope::Cluster(fixtures::cluster_name());
        let switches = Switches { entries: vec![other, fixtures::switch(scope.clone())], epoch: 2 };
        let memory = Memory { switches, ..Memory::default() };
        let mut deploying = fixtures::on_spot(fixtures::service("deploying", Family::Fargate), 1, 1, 1);
        deploying.deployments[0].rollout = Some(RolloutState::InProgress);
        let mut unenrolled = fixtures::on_spot(fixtures::service("unenrolled", Family::Fargate), 1, 1, 1);
        unenrolled.tags.clear();
        let web = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
        let snapshot = fixtures::snapshot(vec![deploying, unenrolled, web]);
        let plan = plan_of(&open_policy(), &snapshot, &memory, &run(RunMode::Ordinary));
        let left: Vec<LeftWhy> = plan.left_on_spot.iter().map(|one| one.why).collect();
        assert_eq!(left, [LeftWhy::SomebodyDeploys, LeftWhy::NotCovered], "{name}");
        let [record] = plan.moves.as_slice() else { panic!("{name}: {:?}", plan.moves) };
        let MoveCause::Switch { scope: found, .. } = &record.planned.cause else { panic!("{name}: {record:?}") };
        assert_eq!(*found, scope, "{name}");
    }
}

/// Its tasks are on Spot still, and somebody's deployment places them On-Demand already: even a switch
/// that preempts leaves that alone.
#[test]
fn s5_what_somebody_brings_down_is_not_begun_anew() {
    let mut service = fixtures::on_spot(fixtures::service("web", Family::AutoScalingGroup), 1, 1, 1);
    let ledger = fixtures::ledger(&service);
    let on_demand = Strategy::only(fixtures::pair(Family::AutoScalingGroup).on_demand);
    service.placed_by = PlacedBy::Strategy(on_demand);
    let mut snapshot = fixtures::snapshot(vec![service]);
    let entry = SwitchEntry { preempt: true, ..fixtures::switch(Scope::All) };
    let switches = Switches { entries: vec![entry], epoch: 1 };
    let memory = Memory { switches, ..fixtures::memory(vec![ledger]) };
    let run = run(RunMode::Ordinary);
    let policy = fixtures::policy();
    let rested = plan_of(&policy, &snapshot, &memory, &run);
    assert_eq!(rested.moves.len(), 1, "at rest, its tasks are placed anew: {:?}", rested.left_on_spot);

    snapshot.services[0].deployments[0].rollout = Some(RolloutState::InProgress);
    let plan = plan_of(&policy, &snapshot, &memory, &run);
    let left: Vec<LeftWhy> = plan.left_on_spot.iter().map(|left| left.why).collect();
    assert_eq!((moves(&plan), left), (vec![], vec![LeftWhy::SomebodyDeploys]));
}
