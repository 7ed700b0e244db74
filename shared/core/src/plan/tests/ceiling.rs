//! What lies above a ceiling comes down to it, and no further.

use super::*;

/// A service of 20 tasks of which half may be on Spot, and half are.
fn half_on_spot(name: &str) -> Service {
    let mut service = fixtures::service(name, Family::Fargate);
    service.desired = 20;
    service.scaling = Reading::Known(None);
    fixtures::on_spot(service, 0, 1, 1)
}

#[test]
fn what_is_over_the_ceiling_comes_down_to_it() {
    // The tolerance is 10 %: of 20 tasks, two above the ceiling are left.
    let cases = [
        ("at the ceiling", 50, None),
        ("above it, within the tolerance", 40, None),
        ("a task above the tolerance", 35, Some(7)),
        ("four above it", 30, Some(6)),
        ("nothing may be on Spot", 0, Some(0)),
    ];
    for (name, ceiling, target) in cases {
        let mut policy = open_policy();
        policy.budget.ceiling_percent = Percent::saturating(ceiling);
        let service = half_on_spot("web");
        let plan = plan_of(&policy, &fixtures::snapshot(vec![service]), &Memory::default(), &run(RunMode::Ordinary));
        let found: Vec<(MoveKind, u32)> =
            plan.moves.iter().map(|record| (record.planned.kind, record.planned.spot_tasks)).collect();
        assert_eq!(found, Vec::from_iter(target.map(|target| (MoveKind::Down, target))), "{name}: {:?}", plan.budget);
    }
}

/// What a commitment covers is no part of what a ceiling is a part of: of 20 vCPU, half of what is above
/// the floor. Where it covers the cluster, nothing may be on Spot, and the report shows nothing to share.
#[test]
fn spot_does_not_eat_into_a_commitment() {
    // name, floor, what is above it, where the ten Spot tasks go
    let cases = [
        ("none", 0, 20, None),
        ("half of the cluster", 10, 10, Some(5)),
        ("all of it", 20, 0, Some(0)),
        ("more than there is", 30, 0, Some(0)),
    ];
    for (name, floor, above, target) in cases {
        let mut policy = open_policy();
        policy.budget.ceiling_percent = Percent::saturating(50);
        policy.budget.commitment_floor_vcpu = floor;
        let service = half_on_spot("web");
        let plan = plan_of(&policy, &fixtures::snapshot(vec![service]), &Memory::default(), &run(RunMode::Ordinary));
        let found: Vec<u32> = plan.moves.iter().map(|record| record.planned.spot_tasks).collect();
        assert_eq!(found, Vec::from_iter(target), "{name}: {:?}", plan.budget);
        assert_eq!(plan.budget.task_cpu, CpuUnits::VCPU.times(above), "{name}");
        assert!(plan.budget.left.0 == 0 && plan.budget.room.0 == 0, "{name}: {:?}", plan.budget);
    }
}

/// Two services with ten tasks on Spot each, of 40: at a ceiling of 25 % one must leave, and the
/// unsafe one leaves anyway.
#[test]
fn what_comes_down_for_another_reason_counts() {
    let mut policy = open_policy();
    policy.budget.ceiling_percent = Percent::saturating(25);
    let mut safe = half_on_spot("a");
    safe.deployment.minimum_healthy_percent = 100;
    let mut not_safe = half_on_spot("b");
    for group in not_safe.target_groups.values_mut() {
        *group = Reading::Known(crate::observe::TargetGroup { deregistration_delay: Seconds(300) });
    }
    let mut ledger = fixtures::ledger(&not_safe);
    ledger.unsafe_since = Some(UnsafeSince { at: fixtures::at(-86_400), rules: vec![Rule::Deregistration] });
    let snapshot = fixtures::snapshot(vec![safe, not_safe]);
    let plan = plan_of(&policy, &snapshot, &fixtures::memory(vec![ledger]), &run(RunMode::Ordinary));
    assert_eq!(moves(&plan), expected(&[("b", MoveKind::Down, "FARGATE:1")]), "{:?}", plan.budget);
}

/// At a ceiling of 35 %, with its tolerance, three of ten Spot tasks have to go. Where tasks are missing
/// already it is not placed anew with Spot: all ten go.
#[test]
fn a_service_that_misses_tasks_leaves_spot_whole() {
    for (name, running, target) in
        [("all its tasks run", 20, 7), ("one is missing", 19, 0), ("one too many runs", 21, 7)]
    {
        let mut policy = open_policy();
        policy.budget.ceiling_percent = Percent::saturating(35);
        let mut service = half_on_spot("web");
        service.running = running;
        let plan = plan_of(&policy, &fixtures::snapshot(vec![service]), &Memory::default(), &run(RunMode::Ordinary));
        let found: Vec<u32> = plan.moves.iter().map(|record| record.planned.spot_tasks).collect();
        assert_eq!(found, [target], "{name}");
    }
}

/// Of a share of nothing, a service that has no Spot task now is not redeployed.
#[test]
fn a_service_without_a_spot_task_is_not_brought_down() {
    let mut policy = open_policy();
    policy.budget.service_percent = Percent::ZERO;
    let mut service = fixtures::service("web", Family::Fargate);
    service.desired = 2;
    service.placed_by = PlacedBy::Strategy(serde_json::from_str(fargate_base_2()).unwrap());
    fixtures::settle(&mut service, 0);
    let plan = plan_of(&policy, &fixtures::snapshot(vec![service]), &Memory::default(), &run(RunMode::Ordinary));
    assert_eq!(moves(&plan), vec![]);
}

#[test]
fn a_pool_holds_no_more_of_a_service_than_the_blast_radius() {
    // A quarter of four tasks may sit in one pool; half may be on Spot in all.
    let cases = [(1, Some(1)), (2, Some(2)), (3, Some(2))];
    for (zones, target) in cases {
        let mut policy = open_policy();
        policy.budget.blast_radius_percent = Percent::saturating(25);
        let mut service = fixtures::service("web", Family::Fargate);
        service.scaling = Reading::Known(None);
        let Reading::Known(tasks) = &mut service.tasks else { panic!("the fixture has its tasks") };
        for (task, zone) in tasks.iter_mut().zip(fixtures::zones().iter().take(zones).cycle()) {
            task.zone = Some(zone.clone());
        }
        let plan = plan_of(&policy, &fixtures::snapshot(vec![service]), &Memory::default(), &run(RunMode::Ordinary));
        let found: Vec<u32> = plan.moves.iter().map(|record| record.planned.spot_tasks).collect();
        assert_eq!(found, Vec::from_iter(target), "{zones} zones: {:?}", plan.held_back);
    }
}

/// Moves down go in the order of need: who misses tasks first, then who has most on Spot.
#[test]
fn who_misses_tasks_comes_down_first() {
    let mut policy = open_policy();
    policy.budget.service_percent = Percent::ZERO;
    policy.pace.down_wave_percent = Percent::ZERO;
    let mut services: Vec<Service> = ["few", "many", "missing"].map(half_on_spot).into();
    services[0] = fixtures::on_spot(services[0].clone(), 0, 3, 1);
    services[2].running -= 1;
    let plan = plan_of(&policy, &fixtures::snapshot(services), &Memory::default(), &run(RunMode::Ordinary));
    let order: Vec<&str> = plan.moves.iter().map(|record| record.planned.service.name.as_str()).collect();
    assert_eq!(order, ["missing", "many", "few"]);
    assert_eq!(plan.waves.len(), 3);
}

#[test]
fn a_wave_of_moves_down_is_one_call_of_the_updater() {
    let services = (0..101).map(|number| {
        let name = format!("s{number:03}");
        fixtures::on_spot(fixtures::service(&name, Family::Fargate), 1, 1, 1)
    });
    let mut policy = open_policy();
    policy.budget.service_percent = Percent::ZERO;
    let plan = plan_of(&policy, &fixtures::snapshot(services.collect()), &Memory::default(), &run(RunMode::Ordinary));
    assert_eq!(plan.waves.iter().map(Vec::len).collect::<Vec<_>>(), [100, 1]);
    assert_eq!(plan.followed_at_once, [0], "they fit together, and are verified together");
}

/// One interruption takes an instance with all its tasks; on Fargate it takes a task.
#[test]
fn ordinary_interruptions_are_a_part_of_what_one_each_can_take() {
    // Sixteen of twenty tasks on Spot; in fixtures two share an instance.
    for (family, ordinary) in [(Family::Fargate, 16), (Family::AutoScalingGroup, 8), (Family::ManagedInstances, 8)] {
        let mut policy = open_policy();
        policy.control.interruptions_percent = Percent::HUNDRED;
        let mut service = fixtures::service("web", family);
        service.desired = 20;
        service.scaling = Reading::Known(None);
        let snapshot = fixtures::snapshot(vec![fixtures::on_spot(service, 0, 1, 4)]);
        let plan = plan_of(&policy, &snapshot, &Memory::default(), &run(RunMode::Ordinary));
        let found: Vec<u32> = plan.ceilings.iter().map(|steered| steered.evidence.ordinary_interruptions).collect();
        assert_eq!(found, [ordinary], "{family:?}");
    }
}
