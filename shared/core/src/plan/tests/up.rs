//! Moves up, rebalances, and what holds them back.

use super::*;

#[test]
fn services_move_up_by_what_the_ceiling_leaves() {
    let of = |names: &[&str]| names.iter().map(|name| fixtures::service(name, Family::Fargate)).collect::<Vec<_>>();
    let with = |change: &dyn Fn(&mut Policy)| {
        let mut policy = open_policy();
        change(&mut policy);
        policy
    };
    let half = "FARGATE:1 base 1, FARGATE_SPOT:1";
    // Four tasks, scaled from 2 to 20, at most 50 %: the base keeps one of two On-Demand.
    let cases = [
        (
            "all the room",
            with(&|_| {}),
            of(&["a", "b"]),
            expected(&[("a", MoveKind::Up, half), ("b", MoveKind::Up, half)]),
        ),
        ("no room", with(&|policy| policy.budget.ceiling_percent = Percent::ZERO), of(&["a"]), vec![]),
        (
            "a step of 12 % of 16 tasks is one task",
            with(&|policy| policy.budget.step_percent = Percent::saturating(12)),
            of(&["a", "b", "c", "d"]),
            expected(&[("a", MoveKind::Up, "FARGATE:3 base 3, FARGATE_SPOT:1")]),
        ),
        (
            "a step of less than a task is a task",
            with(&|policy| policy.budget.step_percent = Percent::saturating(5)),
            of(&["a", "b"]),
            expected(&[("a", MoveKind::Up, "FARGATE:3 base 3, FARGATE_SPOT:1")]),
        ),
        ("no step", with(&|policy| policy.budget.step_percent = Percent::ZERO), of(&["a"]), vec![]),
        (
            "a ceiling of less than a task is none",
            with(&|policy| policy.budget.ceiling_percent = Percent::saturating(12)),
            of(&["a", "b"]),
            vec![],
        ),
        (
            "one move a run",
            with(&|policy| policy.pace.moves_per_run = 1),
            of(&["a", "b"]),
            expected(&[("a", MoveKind::Up, half)]),
        ),
        (
            "a quarter of the tasks may restart: the first move always",
            with(&|policy| policy.pace.restart_percent = Percent::saturating(10)),
            of(&["a", "b"]),
            expected(&[("a", MoveKind::Up, half)]),
        ),
        (
            "a commitment that covers everything",
            with(&|policy| policy.budget.commitment_floor_vcpu = 8),
            of(&["a", "b"]),
            vec![],
        ),
    ];
    for (name, policy, services, expected) in cases {
        let plan =
            plan_of(&policy, &fixtures::snapshot(services), &fixtures::open_memory(vec![]), &run(RunMode::Ordinary));
        assert_eq!(moves(&plan), expected, "{name}: {:?} {:?}", plan.budget, plan.held_back);
    }
}

#[test]
fn every_family_has_its_pair() {
    for family in fixtures::FAMILIES {
        let snapshot = fixtures::snapshot(vec![fixtures::service("web", family)]);
        let plan = plan_of(&open_policy(), &snapshot, &Memory::default(), &run(RunMode::Ordinary));
        let [record] = plan.moves.as_slice() else { panic!("{family:?}: {:?}", plan.held_back) };
        assert_eq!(record.planned.pair, fixtures::pair(family), "{family:?}");
        assert_eq!(record.planned.undo, Some(snapshot.services[0].placed_by.clone()));
        assert!(record.planned.deadline > Seconds(0));
    }
}

#[test]
fn what_is_in_place_and_good_enough_is_kept() {
    let kept = |change: &dyn Fn(&mut Service)| {
        let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
        change(&mut service);
        let ledger = fixtures::ledger(&service);
        let plan = plan_of(
            &open_policy(),
            &fixtures::snapshot(vec![service]),
            &fixtures::memory(vec![ledger]),
            &run(RunMode::Ordinary),
        );
        moves(&plan)
    };
    assert_eq!(kept(&|_| {}), vec![], "as it was dealt");
    let unread = fixtures::gap("scaling", "application-autoscaling:DescribeScalableTargets");
    assert_eq!(kept(&|service| service.scaling = Reading::Missing(unread.clone())), vec![], "what was not read");
    for (on_demand, spot) in [(3, 1), (1, 3)] {
        let a_task_off = |service: &mut Service| *service = fixtures::on_spot(service.clone(), 0, on_demand, spot);
        assert_eq!(kept(&a_task_off), vec![], "{spot} of four, of which two may be on Spot: a task is no matter");
    }
    for desired in [2, 3, 5, 8, 13, 20] {
        let breathe = |service: &mut Service| {
            service.desired = desired;
            let Some(strategy) = service.strategy().cloned() else { return };
            let spot = strategy.bounds(&fixtures::pair(Family::Fargate).spot, desired).most;
            fixtures::settle(service, spot);
        };
        assert_eq!(kept(&breathe), vec![], "autoscaling to {desired} makes no move");
    }
}

#[test]
fn the_climb_goes_on_where_a_deal_was_cut_and_rests_where_it_was_not() {
    // A service of 100 tasks that may have 50 on Spot, on a strategy that gives it `have`.
    let cases = [
        (
            "cut by the step: five more, within the tolerance",
            Some(Dealt { spot_tasks: 40, desired: 100 }),
            40,
            100,
            Some(45),
        ),
        ("five short of the target, for another reason", None, 45, 100, None),
        ("cut by the ceiling, and five short", Some(Dealt { spot_tasks: 45, desired: 100 }), 45, 100, Some(50)),
        ("all that it may have, and scaled in since", Some(Dealt { spot_tasks: 50, desired: 100 }), 50, 95, None),
    ];
    for (name, dealt, have, desired, target) in cases {
        let mut service = fixtures::service("web", Family::Fargate);
        service.desired = desired;
        service.scaling = Reading::Known(None);
        let service = fixtures::on_spot(service, 0, 100 - have, have);
        let mut ledger = fixtures::ledger(&service);
        ledger.last_write = dealt.map(|dealt| LastWrite {
            at: fixtures::at(-86_400),
            deployment: None,
            deployment_id: None,
            dealt,
            ..fixtures::last_write(&service)
        });
        let mut policy = open_policy();
        policy.budget.step_percent = Percent::saturating(5);
        let plan = plan_of(
            &policy,
            &fixtures::snapshot(vec![service]),
            &fixtures::open_memory(vec![ledger]),
            &run(RunMode::Ordinary),
        );
        let found: Vec<u32> = plan.moves.iter().map(|record| record.planned.spot_tasks).collect();
        assert_eq!(found, Vec::from_iter(target), "{name}: {:?} {:?}", plan.budget, plan.held_back);
    }
}

/// A floor of three let it have two of five; of twenty it might have ten, and has eight.
#[test]
fn what_only_autoscaling_has_changed_is_not_redeployed() {
    let mut service = fixtures::service("web", Family::Fargate);
    service.tags.insert(crate::observe::tag::FLOOR.to_owned(), "3".to_owned());
    service.scaling = Reading::Known(None);
    service.desired = 20;
    let service = fixtures::on_spot(service, 0, 3, 2);
    let mut ledger = fixtures::ledger(&service);
    ledger.last_write = Some(LastWrite {
        at: fixtures::at(-86_400),
        deployment: None,
        deployment_id: None,
        dealt: Dealt { spot_tasks: 2, desired: 5 },
        ..fixtures::last_write(&service)
    });
    let plan = plan_of(
        &open_policy(),
        &fixtures::snapshot(vec![service]),
        &fixtures::memory(vec![ledger]),
        &run(RunMode::Ordinary),
    );
    assert_eq!(moves(&plan), vec![]);
    assert_eq!(plan.held_back[0].why, HeldWhy::AtTarget);
}

#[test]
fn after_a_switch_a_service_climbs_to_what_it_had_before() {
    let spot =
        |on_demand, spot| fixtures::on_spot(fixtures::service("web", Family::Fargate), 0, on_demand, spot).placed_by;
    let on_demand = || PlacedBy::Strategy(Strategy::only(fixtures::provider_name("FARGATE")));
    let cases = [
        ("a quarter of four, an hour ago", true, spot(3, 1), 3_600, Some(1)),
        ("more than it may have now", true, spot(0, 1), 3_600, Some(2)),
        ("a launch type: nothing is known of its Spot", true, on_demand(), 3_600, Some(2)),
        ("no switch: it rests", false, spot(3, 1), 3_600, None),
        ("no switch, and it has rested", false, spot(3, 1), 90_000, Some(2)),
    ];
    for (name, by_switch, before, ago, target) in cases {
        let mut service = fixtures::service("web", Family::Fargate);
        service.scaling = Reading::Known(None);
        let mut ledger = fixtures::ledger(&service);
        ledger.last_up_at = Some(fixtures::at(-ago));
        ledger.last_write = Some(LastWrite {
            at: fixtures::at(-600),
            before,
            after: on_demand(),
            deployment: None,
            deployment_id: None,
            dealt: Dealt { spot_tasks: 0, desired: 4 },
            by_switch,
            ..fixtures::last_write(&service)
        });
        let (snapshot, memory) = (fixtures::snapshot(vec![service]), fixtures::memory(vec![ledger]));
        let plan = plan_of(&open_policy(), &snapshot, &memory, &run(RunMode::Ordinary));
        let found: Vec<u32> = plan.moves.iter().map(|record| record.planned.spot_tasks).collect();
        assert_eq!(found, Vec::from_iter(target), "{name}: {:?}", plan.held_back);
    }
}

#[test]
fn a_service_that_may_be_on_spot_leaves_no_room() {
    type Vary = fn(&mut Snapshot);
    fn size_unread(service: &mut Service) {
        service.task_definition = Reading::Missing(fixtures::gap("other", "ecs:DescribeTaskDefinition"));
    }
    let cases: [(&str, Vary, bool); 5] = [
        ("all is read", |_| {}, true),
        ("the size of another service's tasks is not", |world| size_unread(&mut world.services[0]), false),
        (
            "the size of tasks that are all On-Demand is not",
            |world| {
                world.services[0] = fixtures::service("other", Family::AutoScalingGroup);
                size_unread(&mut world.services[0]);
            },
            true,
        ),
        (
            "the Spot provider of another service is not",
            |world| {
                let gap = fixtures::gap("provider", "ecs:DescribeCapacityProviders");
                world.providers.insert(fixtures::provider_name("group-spot"), Reading::Missing(gap));
            },
            false,
        ),
        (
            "the group behind it is not",
            |world| {
                fixtures::edit_group(world, &fixtures::provider_name("group-spot"), |provider| {
                    provider.group = Reading::Missing(fixtures::gap("group", "autoscaling:DescribeAutoScalingGroups"));
                });
            },
            false,
        ),
    ];
    for (name, vary, moves_up) in cases {
        let other = fixtures::on_spot(fixtures::service("other", Family::AutoScalingGroup), 1, 1, 1);
        let mut snapshot = fixtures::snapshot(vec![other, fixtures::service("web", Family::Fargate)]);
        vary(&mut snapshot);
        let plan = plan_of(&open_policy(), &snapshot, &Memory::default(), &run(RunMode::Ordinary));
        let up = plan.moves.iter().any(|record| record.planned.kind == MoveKind::Up);
        assert_eq!(up, moves_up, "{name}: {:?}", plan.budget);
        assert_eq!(plan.budget.unknown, u32::from(!moves_up), "{name}");
    }
}

#[test]
fn tasks_that_do_not_follow_the_strategy_are_placed_anew_after_the_dwell() {
    let cases = [("just seen", None, 0), ("within the dwell", Some(-119), 0), ("after the dwell", Some(-120), 1)];
    for (name, since, expected) in cases {
        let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
        // All four on Spot: neither the floor of one nor the share of half holds.
        fixtures::settle(&mut service, 4);
        let mut ledger = fixtures::ledger(&service);
        ledger.skewed_since = since.map(fixtures::at);
        let plan = plan_of(
            &open_policy(),
            &fixtures::snapshot(vec![service]),
            &fixtures::memory(vec![ledger]),
            &run(RunMode::Ordinary),
        );
        let kinds: Vec<MoveKind> = plan.moves.iter().map(|record| record.planned.kind).collect();
        assert_eq!(kinds, vec![MoveKind::Rebalance; expected], "{name}: {:?}", plan.held_back);
        if since.is_none() {
            assert_eq!(plan.ledgers[0].skewed_since, Some(fixtures::now()), "{name}: remembered");
        }
    }
}

/// A service that was scaled in to the base of its strategy, and whose Spot tasks are what is left.
#[test]
fn spot_tasks_left_below_the_base_are_seen() {
    let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 4, 1, 1);
    fixtures::settle(&mut service, 4);
    let memory = fixtures::memory(vec![fixtures::ledger(&service)]);
    let plan = plan_of(&open_policy(), &fixtures::snapshot(vec![service]), &memory, &run(RunMode::Ordinary));
    let since: Vec<_> = plan.ledgers.iter().map(|ledger| ledger.skewed_since).collect();
    assert_eq!(since, [Some(fixtures::now())]);
}

#[test]
fn a_split_that_nothing_repairs_is_named_after_a_deadline() {
    type Vary = fn(&mut Service, &mut Ledger, &mut RunRecord);
    let cases: [(&str, Vary, bool, usize); 6] = [
        ("repaired", |_, _, _| {}, false, 1),
        ("without the lock", |_, _, run| run.holds_lock = false, true, 0),
        (
            "without the lock, within the deadline",
            |_, ledger, run| {
                ledger.skewed_since = Some(fixtures::at(-300));
                run.holds_lock = false;
            },
            false,
            0,
        ),
        (
            "frozen",
            |service, _, _| {
                let until = fixtures::at(60).to_string();
                service.tags.insert(crate::observe::tag::FREEZE_UNTIL.to_owned(), until);
            },
            true,
            0,
        ),
        ("quarantined", |_, ledger, _| ledger.quarantined_until = Some(fixtures::at(60)), true, 0),
        ("resting", |_, ledger, _| ledger.last_up_at = Some(fixtures::at(-3_600)), true, 0),
    ];
    for (name, vary, named, moves) in cases {
        let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
        fixtures::settle(&mut service, 4);
        let mut ledger = fixtures::ledger(&service);
        ledger.skewed_since = Some(fixtures::at(-4_000));
        let mut run = run(RunMode::Ordinary);
        vary(&mut service, &mut ledger, &mut run);
        let plan = plan_of(&open_policy(), &fixtures::snapshot(vec![service]), &fixtures::memory(vec![ledger]), &run);
        assert_eq!(!plan.skewed.is_empty(), named, "{name}");
        assert_eq!(plan.moves.len(), moves, "{name}: {:?}", plan.held_back);
    }
}

#[test]
fn without_the_lock_nothing_moves_up() {
    let snapshot = fixtures::snapshot(vec![fixtures::service("web", Family::Fargate)]);
    let other = RunRecord { holds_lock: false, ..run(RunMode::Ordinary) };
    let plan = plan_of(&open_policy(), &snapshot, &Memory::default(), &other);
    assert_eq!(plan.moves, vec![]);
    assert_eq!(plan.held_back[0].why, HeldWhy::NoLock);
}

/// S6: no move, up or down, while a deployment that is not ours runs.
#[test]
fn s6_no_move_during_somebody_elses_deployment() {
    for spot in [0, 1] {
        let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 0, 1 - spot, spot.max(1));
        service.deployments[0].rollout = Some(RolloutState::InProgress);
        let mut ledger = fixtures::ledger(&service);
        ledger.unsafe_since = Some(UnsafeSince { at: fixtures::at(-86_400), rules: vec![Rule::Deregistration] });
        for group in service.target_groups.values_mut() {
            *group = Reading::Known(crate::observe::TargetGroup { deregistration_delay: Seconds(300) });
        }
        let snapshot = fixtures::snapshot(vec![service]);
        let plan = plan_of(&open_policy(), &snapshot, &fixtures::memory(vec![ledger]), &run(RunMode::Ordinary));
        assert_eq!(plan.moves, vec![]);
    }
}
