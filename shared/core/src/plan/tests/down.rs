//! Moves down, and the order of waves.

use super::*;

#[test]
fn a_gap_moves_nothing_down_but_what_is_unsafe() {
    let no_scaling = |snapshot: &mut Snapshot| {
        let gap = fixtures::gap("scaling", "application-autoscaling:DescribeScalableTargets");
        snapshot.services[0].scaling = Reading::Missing(gap);
    };
    let no_types = |snapshot: &mut Snapshot| {
        fixtures::edit_group(snapshot, &fixtures::provider_name("group-spot"), |provider| {
            let Reading::Known(group) = &mut provider.group else { return };
            group.instance_types = Reading::Missing(fixtures::gap("types", "ec2:DescribeInstanceTypes"));
        });
    };
    let not_its_size = |snapshot: &mut Snapshot| {
        let gap = fixtures::gap("web", "ecs:DescribeTaskDefinition");
        snapshot.services[1].task_definition = Reading::Missing(gap);
    };
    let unsafe_too = |snapshot: &mut Snapshot| {
        no_scaling(snapshot);
        for group in snapshot.services[0].target_groups.values_mut() {
            *group = Reading::Known(crate::observe::TargetGroup { deregistration_delay: Seconds(300) });
        }
    };
    type Case<'a> = (&'static str, (u64, u64), &'a dyn Fn(&mut Snapshot), usize, usize);
    let (over_share, over_ceiling) = ((100, 25), (10, 100));
    let cases: [Case<'_>; 7] = [
        ("over its share", over_share, &|_| {}, 1, 0),
        ("over its share, and the scaling is not read", over_share, &no_scaling, 0, 1),
        ("over its share, and the types are not read", over_share, &no_types, 0, 1),
        ("over the ceiling", over_ceiling, &|_| {}, 1, 0),
        ("over the ceiling, and the scaling is not read", over_ceiling, &no_scaling, 0, 1),
        ("over the ceiling, and another's size is not read", over_ceiling, &not_its_size, 0, 0),
        ("unsafe, and the scaling is not read", over_share, &unsafe_too, 1, 0),
    ];
    for (name, (ceiling, percent), vary, downs, held) in cases {
        let mut policy = open_policy();
        policy.budget.ceiling_percent = Percent::saturating(ceiling);
        policy.budget.service_percent = Percent::saturating(percent);
        policy.rules.grace_seconds = Seconds(0);
        let mut web = fixtures::service("web", Family::AutoScalingGroup);
        web.desired = 8;
        let web = fixtures::on_spot(web, 0, 1, 1);
        let mut ledger = fixtures::ledger(&web);
        ledger.unsafe_since = Some(UnsafeSince { at: fixtures::at(-1), rules: vec![Rule::Deregistration] });
        let mut snapshot = fixtures::snapshot(vec![web, fixtures::service("other", Family::Fargate)]);
        vary(&mut snapshot);
        let plan = plan_of(&policy, &snapshot, &fixtures::memory(vec![ledger]), &run(RunMode::Ordinary));
        let moved = plan.moves.iter().filter(|record| record.planned.service.name.as_str() == "web").count();
        assert_eq!(moved, downs, "{name}: {:?}", plan.budget);
        let unread = plan.held_back.iter().filter(|held| held.why == HeldWhy::Unread).count();
        assert_eq!(unread, held, "{name}: {:?}", plan.held_back);
    }
}

#[test]
fn an_unsafe_service_moves_down_after_the_grace() {
    let cases = [
        ("within the grace", -899, None, 0),
        ("after the grace", -900, None, 1),
        ("frozen for a second more", -900, Some(1), 0),
        ("frozen until now", -900, Some(0), 1),
    ];
    for (name, since, frozen, expected) in cases {
        let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
        for group in service.target_groups.values_mut() {
            *group = Reading::Known(crate::observe::TargetGroup { deregistration_delay: Seconds(300) });
        }
        let freeze =
            frozen.map(|until| (crate::observe::tag::FREEZE_UNTIL.to_owned(), fixtures::at(until).to_string()));
        service.tags.extend(freeze);
        let mut ledger = fixtures::ledger(&service);
        ledger.unsafe_since = Some(UnsafeSince { at: fixtures::at(since), rules: vec![Rule::Deregistration] });
        let plan = plan_of(
            &open_policy(),
            &fixtures::snapshot(vec![service]),
            &fixtures::memory(vec![ledger]),
            &run(RunMode::Ordinary),
        );
        assert_eq!(plan.moves.len(), expected, "{name}");
        for record in &plan.moves {
            assert!(matches!(record.planned.cause, MoveCause::Unsafe { .. }), "{name}");
        }
    }
}

#[test]
fn what_was_left_goes_first_then_moves_down_and_moves_up_last() {
    let up = fixtures::service("up", Family::Fargate);
    let down = fixtures::on_spot(fixtures::service("down", Family::Fargate), 0, 0, 1);
    let snapshot = fixtures::snapshot(vec![down, up.clone()]);
    let first = plan_of(&open_policy(), &snapshot, &Memory::default(), &run(RunMode::Ordinary));
    let mut left = first.moves.iter().find(|record| record.planned.kind == MoveKind::Up).unwrap().clone();
    left.planned.cause = MoveCause::Resumed { run: fixtures::run_id("earlier") };
    let mut ledger = fixtures::ledger(&up);
    ledger.open = Some(open_move());
    let memory = fixtures::memory(vec![ledger]);
    let mut resumed = vec![left.clone(); 150];
    // A service that is gone is not gone on with.
    left.planned.service = fixtures::service_ref("gone");
    resumed.push(left);
    let (policy, run) = (open_policy(), run(RunMode::Ordinary));
    let mut other = snapshot;
    other.services.push(fixtures::service("other", Family::Fargate));
    let plan = plan(&PlanInput {
        policy: &policy,
        snapshot: &other,
        assessments: &assess(&policy, &other, &memory, fixtures::now()),
        memory: &memory,
        run: &run,
        resumed: &resumed,
        turns: &[],
        turn_versions: &BTreeMap::new(),
        given_up: &BTreeSet::new(),
        now: fixtures::now(),
    });
    let of_wave = |wave: &Vec<MoveId>| {
        let planned = plan.moves.iter().map(|record| &record.planned).filter(|planned| wave.contains(&planned.id));
        let kinds: BTreeSet<(MoveKind, bool)> =
            planned.map(|planned| (planned.kind, planned.begins_to_add_spot())).collect();
        (wave.len(), kinds.into_iter().collect::<Vec<_>>())
    };
    let waves: Vec<_> = plan.waves.iter().map(of_wave).collect();
    let resumed = vec![(MoveKind::Up, false)];
    assert_eq!(
        waves,
        [(100, resumed.clone()), (50, resumed), (1, vec![(MoveKind::Down, false)]), (1, vec![(MoveKind::Up, true)]),]
    );
}

#[test]
fn waves_of_moves_down_stay_within_what_on_demand_can_take() {
    // Three services of four vCPU each, two of them on Spot; the quota leaves so many.
    let vcpu = |free: u64| Reading::Known(CpuUnits::VCPU.times(6 + free));
    let unread = Reading::Missing(fixtures::gap("quota", "servicequotas:GetServiceQuota"));
    let cases = [
        ("room for all", vcpu(6), 100, vec![3]),
        ("room for two", vcpu(5), 100, vec![2, 1]),
        ("room for none: one at a time", vcpu(0), 100, vec![1, 1, 1]),
        ("not read: nothing is held up", unread, 100, vec![3]),
        ("room for all, and two thirds of the tasks", vcpu(6), 67, vec![2, 1]),
    ];
    for (name, quota, percent, expected) in cases {
        let services = ["a", "b", "c"].map(|name| fixtures::on_spot(fixtures::service(name, Family::Fargate), 0, 1, 1));
        let mut snapshot = fixtures::snapshot(services.to_vec());
        snapshot.quotas.fargate_on_demand = quota;
        let mut policy = open_policy();
        policy.budget.service_percent = Percent::ZERO;
        policy.pace.down_wave_percent = Percent::saturating(percent);
        let plan = plan_of(&policy, &snapshot, &Memory::default(), &run(RunMode::Ordinary));
        assert_eq!(plan.waves.iter().map(Vec::len).collect::<Vec<_>>(), expected, "{name}");
        assert_eq!(plan.followed_at_once, [0; 0], "{name}: each is verified before the next");
    }
}

/// A thousand moves down are written in one go. What is carried until they are verified has an end.
#[test]
fn moves_down_are_written_together_as_far_as_they_can_be_carried() {
    let services: Vec<_> = (0..1_600)
        .map(|number| fixtures::on_spot(fixtures::service(&format!("s{number:04}"), Family::Fargate), 0, 1, 1))
        .collect();
    let mut snapshot = fixtures::snapshot(services);
    snapshot.quotas.fargate_on_demand = Reading::Known(CpuUnits::VCPU.times(100_000));
    let mut policy = open_policy();
    policy.budget.service_percent = Percent::ZERO;
    let run = run(RunMode::Ordinary);
    let most = crate::interface::max_unverified(&run.id, &snapshot.cluster.name);
    assert!((1_000..1_600).contains(&most), "{most}");
    let plan = plan_of(&policy, &snapshot, &Memory::default(), &run);
    assert_eq!(plan.waves.iter().map(Vec::len).sum::<usize>(), 1_600);
    assert!(plan.waves.iter().all(|wave| (1..=crate::interface::MAX_MOVES).contains(&wave.len())));
    let mut together = 0;
    for (number, wave) in plan.waves.iter().enumerate() {
        together += wave.len();
        assert!(together <= most, "{together} of {most}");
        if !plan.followed_at_once.contains(&u32::try_from(number).unwrap()) {
            together = 0;
        }
    }
    let barriers = plan.waves.len() - plan.followed_at_once.len();
    assert_eq!(barriers, 1_600_usize.div_ceil(most), "as few barriers as can be");
}

#[test]
fn a_service_already_on_spot_is_adopted_and_lowered() {
    let service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 0, 0, 1);
    let snapshot = fixtures::snapshot(vec![service.clone()]);
    let plan = plan_of(&open_policy(), &snapshot, &Memory::default(), &run(RunMode::Ordinary));
    assert_eq!(plan.ledgers.len(), 1);
    assert_eq!(plan.ledgers[0].original, service.placed_by);
    assert_eq!(moves(&plan), expected(&[("web", MoveKind::Down, "FARGATE:1 base 1, FARGATE_SPOT:1")]));
}
