//! Properties over random clusters.

use super::*;

/// A world of services of all families, some of which break rules.
fn world() -> impl proptest::strategy::Strategy<Value = Vec<Service>> {
    let service = (0u32..3, 1u32..40, 0u32..400, any::<bool>(), 0u32..4).prop_map(
        |(family, desired, delay, enrolled, on_spot)| {
            let family = fixtures::FAMILIES[family as usize];
            let mut service = fixtures::service("x", family);
            service.desired = desired;
            service.scaling = Reading::Known(Some(ScalingRange { min: desired.min(2), max: desired * 2 }));
            service = fixtures::on_spot(service, u32::from(on_spot > 0), 1, on_spot);
            for group in service.target_groups.values_mut() {
                *group = Reading::Known(crate::observe::TargetGroup { deregistration_delay: Seconds(delay % 130) });
            }
            if !enrolled {
                service.tags.clear();
            }
            service
        },
    );
    proptest::collection::vec(service, 1..12).prop_map(|mut services| {
        for (index, service) in services.iter_mut().enumerate() {
            service.id = fixtures::service_ref(&format!("s{index:02}"));
        }
        services
    })
}

/// A controller whose ceilings rise in each run: here no time passes between them.
fn impatient() -> Control {
    Control {
        placement_score: ScoreUse::Optional,
        raise_after_seconds: Seconds(0),
        cool_down_seconds: Seconds(0),
        ..Control::default()
    }
}

/// The world after a plan's moves have all been made and have settled.
pub(super) fn after(
    policy: &Policy,
    snapshot: &Snapshot,
    memory: &Memory,
    plan: &Plan,
    now: i64,
) -> (Snapshot, Memory) {
    let (mut snapshot, mut memory) = (snapshot.clone(), memory.clone());
    let remembered = |ledger: &Ledger| (ledger.service.arn.clone(), ledger.clone());
    memory.ledgers.extend(plan.ledgers.iter().map(remembered));
    memory.signals.ceilings = plan.ceilings.iter().map(|steered| steered.after.clone()).collect();
    for record in &plan.moves {
        let Some(service) = snapshot.services.iter_mut().find(|service| service.id == record.planned.service) else {
            continue;
        };
        let ledger = memory.ledgers.entry(service.id.arn.clone()).or_insert_with(|| fixtures::ledger(service));
        if record.planned.kind.may_add_spot() {
            ledger.last_up_at = Some(fixtures::at(now));
        }
        if matches!(record.planned.cause, MoveCause::Crowded { .. }) {
            ledger.crowding = Some(crate::plan::crowded_again(policy, ledger.crowding.as_ref(), fixtures::at(now)));
        }
        ledger.pair = record.planned.pair.clone();
        ledger.last_write = Some(LastWrite {
            at: fixtures::at(now),
            run: record.planned.run.clone(),
            move_id: record.planned.id.clone(),
            before: service.placed_by.clone(),
            after: record.planned.after.clone(),
            deployment: None,
            deployment_id: None,
            dealt: Dealt { spot_tasks: record.planned.spot_tasks, desired: record.planned.desired },
            by_switch: matches!(record.planned.cause, MoveCause::Switch { .. }),
            task_definition: None,
            stands_since: None,
            taken_back: None,
        });
        service.placed_by = record.planned.after.clone();
        let spot = match &service.placed_by {
            PlacedBy::Strategy(strategy) => strategy.bounds(&record.planned.pair.spot, service.desired).most,
            PlacedBy::LaunchType(_) => 0,
        };
        fixtures::settle(service, spot);
    }
    (snapshot, memory)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// S5, and on the way S1, S2 and S7: nothing blocked moves up; every strategy written keeps floor and share
    /// over the whole range; in flight are never more than the policy allows; and a world in
    /// which every plan is carried out comes to rest and stays there.
    #[test]
    fn s5_a_settled_world_plans_nothing(services in world(), ceiling in 0u64..=100, step in 1u64..=100) {
        let mut policy = open_policy();
        policy.budget.ceiling_percent = Percent::saturating(ceiling);
        policy.budget.step_percent = Percent::saturating(step);
        policy.pace.rest_seconds = Seconds(0);
        policy.rules.grace_seconds = Seconds(0);
        policy.control = impatient();
        let (mut snapshot, mut memory) = (fixtures::snapshot(services), Memory::default());
        let ordinary = run(RunMode::Ordinary);
        let mut settled = false;
        for _ in 0..120 {
            let assessments = assess(&policy, &snapshot, &memory, fixtures::now());
            let plan = plan_of(&policy, &snapshot, &memory, &ordinary);
            for record in &plan.moves {
                let index = snapshot.services.iter().position(|service| service.id == record.planned.service).unwrap();
                let service = &snapshot.services[index];
                if record.planned.kind != MoveKind::Down {
                    prop_assert!(!assessments[index].blocked(), "S1: {} moved up while blocked", service.id);
                }
                let PlacedBy::Strategy(strategy) = &record.planned.after else { panic!("no restore was asked for") };
                let cap = Dealt { spot_tasks: service.desired / 2, desired: service.desired };
                let scaling = service.scaling.known().unwrap().unwrap();
                let range = ScalingRange { min: scaling.min.min(service.desired), max: scaling.max };
                let breach = first_breach(strategy, &record.planned.pair, Promise { floor: 1, share: cap, range });
                prop_assert_eq!(breach, None, "S2: {} {}", service.id, strategy);
            }
            let ups = plan.waves.iter().filter(|wave| {
                wave.iter().any(|id| plan.moves.iter().any(|record| record.planned.id == *id && record.planned.kind == MoveKind::Up))
            });
            for (number, wave) in ups.enumerate() {
                let most = if number == 0 { 1 } else { policy.pace.services_in_flight as usize };
                prop_assert!(wave.len() <= most, "S7: {} in flight", wave.len());
            }
            let steady = plan.ceilings.iter().all(|steered| !steered.changed());
            settled = plan.moves.is_empty() && plan.ledgers.is_empty() && steady;
            if settled {
                break;
            }
            (snapshot, memory) = after(&policy, &snapshot, &memory, &plan, 0);
        }
        prop_assert!(settled, "the world does not come to rest");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Runs that each settle before the next climb to the greatest share of whole tasks that
    /// ceiling and services allow, whatever the step, and never past the ceiling.
    #[test]
    fn the_climb_reaches_what_the_ceiling_allows(
        sizes in proptest::collection::vec((1u32..120, 1u64..9, 2u32..4), 1..6),
        ceiling in 0u64..=100,
        step in 1u64..=30,
        percent in 1u64..=100,
    ) {
        let mut policy = open_policy();
        policy.budget.ceiling_percent = Percent::saturating(ceiling);
        policy.budget.step_percent = Percent::saturating(step);
        policy.budget.service_percent = Percent::saturating(percent);
        policy.pace.rest_seconds = Seconds(0);
        policy.control = impatient();
        let services = sizes.iter().enumerate().map(|(index, (desired, cpu, scale))| {
            let mut service = fixtures::service(&format!("s{index}"), Family::Fargate);
            service.desired = desired + 1;
            service.scaling = Reading::Known((index % 2 == 0).then_some(ScalingRange { min: 2, max: desired * scale }));
            fixtures::edit_task_definition(&mut service, |definition| definition.cpu = Some(CpuUnits(256 * cpu)));
            fixtures::settle(&mut service, 0);
            service
        });
        let (mut snapshot, mut memory) = (fixtures::snapshot(services.collect()), Memory::default());
        for number in 0.. {
            prop_assert!(number < 1_000, "the climb does not end");
            let plan = plan_of(&policy, &snapshot, &memory, &run(RunMode::Ordinary));
            let budget = plan.budget;
            prop_assert!(budget.spot_cpu.0 * 100 <= budget.task_cpu.0 * ceiling, "past the ceiling: {budget:?}");
            if plan.moves.is_empty() && plan.ceilings.iter().all(|steered| !steered.changed()) {
                for (index, service) in snapshot.services.iter().enumerate().filter(|(index, _)| index % 2 == 1) {
                    let cpu = assess::task_cpu(service).unwrap().0;
                    let spot = service.strategy().map_or(0, |strategy| {
                        strategy.bounds(&fixtures::pair(Family::Fargate).spot, service.desired).most
                    });
                    let cap = (u64::from(service.desired) * percent / 100).min(u64::from(service.desired) - 1);
                    prop_assert!(u64::from(spot) == cap || budget.left.0 < cpu,
                        "{index}: {spot} of {} on Spot, may be {cap}: {budget:?} {:?}", service.desired, plan.held_back);
                }
                break;
            }
            (snapshot, memory) = after(&policy, &snapshot, &memory, &plan, 0);
        }
    }
}

/// A strategy that ECS treats as equal is the same strategy.
#[test]
fn equal_strategies_are_equivalent() {
    let parse = |json: &str| serde_json::from_str::<Strategy>(json).unwrap();
    let base = parse(r#"[{"capacityProvider":"A","base":1,"weight":1},{"capacityProvider":"B","weight":4}]"#);
    let cases = [
        (
            "another order",
            r#"[{"capacityProvider":"B","weight":4},{"capacityProvider":"A","base":1,"weight":1}]"#,
            true,
        ),
        (
            "the same ratio",
            r#"[{"capacityProvider":"A","base":1,"weight":20},{"capacityProvider":"B","weight":80}]"#,
            true,
        ),
        (
            "a provider that places nothing",
            r#"[{"capacityProvider":"A","base":1,"weight":1},{"capacityProvider":"B","weight":4},{"capacityProvider":"C"}]"#,
            true,
        ),
        (
            "another base",
            r#"[{"capacityProvider":"A","base":2,"weight":1},{"capacityProvider":"B","weight":4}]"#,
            false,
        ),
        (
            "another ratio",
            r#"[{"capacityProvider":"A","base":1,"weight":1},{"capacityProvider":"B","weight":5}]"#,
            false,
        ),
        ("one provider", r#"[{"capacityProvider":"A","base":1,"weight":1}]"#, false),
    ];
    for (name, other, expected) in cases {
        assert_eq!(base.equivalent(&parse(other)), expected, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// S1: a service that any rule blocks is never moved up.
    #[test]
    fn s1_nothing_blocked_moves_up(services in world()) {
        let (policy, snapshot) = (open_policy(), fixtures::snapshot(services));
        let assessments = assess(&policy, &snapshot, &Memory::default(), fixtures::now());
        let plan = plan_of(&policy, &snapshot, &Memory::default(), &run(RunMode::Ordinary));
        for record in plan.moves.iter().filter(|record| record.planned.kind.may_add_spot()) {
            let judged = assessments.iter().find(|judged| judged.service == record.planned.service);
            prop_assert!(judged.is_some_and(|judged| !judged.blocked()), "{}", record.planned.service);
        }
    }

    /// S2: every strategy of a plan keeps floor and cap over the whole scaling range.
    #[test]
    fn s2_every_strategy_of_a_plan_keeps_its_promise(services in world()) {
        let (policy, snapshot) = (open_policy(), fixtures::snapshot(services));
        let plan = plan_of(&policy, &snapshot, &Memory::default(), &run(RunMode::Ordinary));
        for record in &plan.moves {
            let service = snapshot.services.iter().find(|service| service.id == record.planned.service).unwrap();
            let PlacedBy::Strategy(strategy) = &record.planned.after else { panic!("no restore was asked for") };
            let scaling = service.scaling.known().unwrap().unwrap();
            for desired in scaling.min.min(service.desired)..=scaling.max {
                let most = strategy.bounds(&record.planned.pair.spot, desired).most;
                prop_assert!(2 * most <= desired && desired - most >= 1.min(desired), "{strategy} at {desired}");
            }
        }
    }

    /// S7: the first wave of moves up is one service, and no wave is larger than what may be in
    /// flight.
    #[test]
    fn s7_waves_are_no_larger_than_the_pace(services in world(), in_flight in 1u32..4) {
        let mut policy = open_policy();
        policy.pace.services_in_flight = in_flight;
        let plan = plan_of(&policy, &fixtures::snapshot(services), &Memory::default(), &run(RunMode::Ordinary));
        let goes_up = |id: &MoveId| plan.moves.iter().any(|record| record.planned.id == *id && record.planned.kind.may_add_spot());
        let ups: Vec<usize> = plan.waves.iter().filter(|wave| wave.iter().any(goes_up)).map(Vec::len).collect();
        prop_assert!(ups.first().is_none_or(|first| *first == 1), "{ups:?}");
        prop_assert!(ups.iter().all(|wave| *wave <= in_flight as usize), "{ups:?}");
    }
}
