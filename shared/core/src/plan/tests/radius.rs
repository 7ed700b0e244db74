//! No capacity pool keeps more of a service than the blast radius, as its tasks are seen to run.

use super::promises::after;
use super::*;
use crate::observe::{Place, Task};
use crate::record::Crowding;

/// A quarter of a service's tasks may be in one pool, and half of them on Spot.
fn quarter() -> Policy {
    let mut policy = open_policy();
    policy.budget.blast_radius_percent = Percent::saturating(25);
    policy
}

/// A service of so many tasks on groups of twelve pools, `spot` of them on Spot.
fn on_groups(desired: u32, spot: u32) -> Service {
    let mut service = fixtures::service("web", Family::AutoScalingGroup);
    service.desired = desired;
    service.scaling = Reading::Known(None);
    match spot {
        0 => {
            fixtures::settle(&mut service, 0);
            service
        }
        spot => fixtures::on_spot(service, 0, desired - spot, spot),
    }
}

fn spot_tasks(service: &mut Service) -> impl Iterator<Item = &mut Task> {
    let spot = fixtures::pair(fixtures::family(service)).spot;
    let Reading::Known(tasks) = &mut service.tasks else { panic!("the fixture has its tasks") };
    tasks.iter_mut().filter(move |task| task.provider.as_ref() == Some(&spot))
}

fn pool(number: usize) -> Place {
    Place { instance_type: Some("m5.xlarge".to_owned()), zone: format!("zone-{number}") }
}

/// Puts the Spot tasks into pools: so many in each.
fn place(service: &mut Service, counts: &[u32]) {
    let pools = counts.iter().enumerate().flat_map(|(number, tasks)| (0..*tasks).map(move |_| pool(number)));
    let pools: Vec<Place> = pools.collect();
    let tasks: Vec<&mut Task> = spot_tasks(service).collect();
    assert_eq!(tasks.len(), pools.len(), "the row has another number of Spot tasks");
    for (task, pool) in tasks.into_iter().zip(pools) {
        task.place = Reading::Known(pool);
    }
}

fn planned(policy: &Policy, service: &Service, ledger: Ledger, now: i64) -> Plan {
    let snapshot = fixtures::snapshot(vec![service.clone()]);
    let memory = fixtures::open_memory(vec![ledger]);
    plan_at(policy, &snapshot, &memory, now)
}

fn plan_at(policy: &Policy, snapshot: &Snapshot, memory: &Memory, now: i64) -> Plan {
    let now = fixtures::at(now);
    let assessments = assess(policy, snapshot, memory, now);
    plan(&PlanInput {
        policy,
        snapshot,
        assessments: &assessments,
        memory,
        run: &run(RunMode::Ordinary),
        resumed: &[],
        turns: &[],
        turn_versions: &BTreeMap::new(),
        given_up: &BTreeSet::new(),
        now,
    })
}

fn shown(plan: &Plan) -> Vec<(MoveKind, u32)> {
    plan.moves.iter().map(|record| (record.planned.kind, record.planned.spot_tasks)).collect()
}

fn held(plan: &Plan) -> Vec<HeldWhy> {
    plan.held_back.iter().map(|held| held.why).collect()
}

#[test]
fn a_service_climbs_as_far_as_its_spread_allows() {
    // name, desired, Spot tasks by pool, what it climbs to (nothing where it stays), why it stays
    type Row = (&'static str, u32, &'static [u32], Option<u32>, Option<HeldWhy>);
    let cases: [Row; 12] = [
        ("none on Spot: over all pools evenly", 10, &[], Some(5), None),
        ("one says nothing of the spread", 10, &[1], Some(5), None),
        ("two in two pools", 10, &[1, 1], Some(5), None),
        ("two in one: a quarter of ten are two", 10, &[2], None, Some(HeldWhy::Crowded)),
        ("half of them in one pool", 20, &[2, 2], Some(10), None),
        ("two more fit, for which nothing is redeployed", 20, &[3, 1], None, Some(HeldWhy::Crowded)),
        ("eight of forty, half of them in one pool", 40, &[4, 2, 2], Some(20), None),
        ("three quarters of them: 10 of 13 would be", 40, &[6, 1, 1], Some(13), None),
        ("all of them: ten of ten", 40, &[4], Some(10), None),
        ("one of two tasks is in one pool, whichever", 2, &[], Some(1), None),
        ("one of four, and one more elsewhere", 4, &[1], None, Some(HeldWhy::AtTarget)),
        ("two of four in one pool are within a task", 4, &[2], None, Some(HeldWhy::AtTarget)),
    ];
    for (name, desired, counts, target, why) in cases {
        let mut service = on_groups(desired, counts.iter().sum());
        place(&mut service, counts);
        let plan = planned(&quarter(), &service, fixtures::ledger(&service), 0);
        assert_eq!(shown(&plan), Vec::from_iter(target.map(|target| (MoveKind::Up, target))), "{name}");
        assert_eq!(held(&plan), Vec::from_iter(why), "{name}");
    }
}

/// Spot tasks run on in one pool although the strategy places none any more: of a service that is to have
/// no Spot task, one is worth a move.
#[test]
fn what_places_no_spot_climbs_by_one_task() {
    let mut service = on_groups(4, 2);
    place(&mut service, &[2]);
    let pair = fixtures::pair(Family::AutoScalingGroup);
    service.placed_by = PlacedBy::Strategy(Strategy::over(&pair.on_demand, &pair.spot, 0, 1, 0));
    let plan = planned(&quarter(), &service, fixtures::ledger(&service), 0);
    assert_eq!((shown(&plan), held(&plan)), (vec![(MoveKind::Up, 1)], vec![]));
}

/// In whole tasks: seven of ten in three pools would be three in one of them.
#[test]
fn an_even_spread_is_reckoned_in_whole_tasks() {
    // name, desired, pools, percent, what fits
    let cases = [
        ("two in each of three", 10, 3, 25, 6),
        ("a task in each of twelve", 4, 12, 25, 4),
        ("half a task in one: none", 2, 1, 25, 0),
        ("half a task in each of two: one in all", 2, 2, 25, 1),
        ("everything", 7, 1, 100, 7),
        ("nothing", 7, 12, 0, 0),
    ];
    for (name, desired, pools, percent, fits) in cases {
        let radius = super::super::radius::Radius::new(Percent::saturating(percent), pools, None);
        assert_eq!(radius.evenly(desired), fits, "{name}");
    }
}

#[test]
fn a_service_that_one_pool_holds_too_much_of_comes_down_after_the_grace() {
    type Vary = fn(&mut Service, &mut Ledger);
    type Row = (&'static str, u32, &'static [u32], Vary, Option<u32>);
    let crowded = |_: &mut Service, ledger: &mut Ledger| ledger.crowded_since = Some(fixtures::at(-900));
    let cases: [Row; 12] = [
        // A quarter of ten are two, and one more is tolerated.
        ("all five in one pool", 10, &[5], crowded, Some(2)),
        ("four of five", 10, &[4, 1], crowded, Some(2)),
        ("three of five: within the tolerance", 10, &[3, 1, 1], crowded, None),
        ("not for long enough", 10, &[5], |_, ledger| ledger.crowded_since = Some(fixtures::at(-899)), None),
        ("seen for the first time", 10, &[5], |_, _| {}, None),
        // Of forty, ten and four.
        ("fifteen of twenty", 40, &[15, 5], crowded, Some(13)),
        ("fourteen of twenty", 40, &[14, 6], crowded, None),
        // Of six, one and one: it comes down to a task, never to none.
        ("all three of six", 6, &[3], crowded, Some(1)),
        (
            "somebody deploys",
            10,
            &[5],
            |service, ledger| {
                ledger.crowded_since = Some(fixtures::at(-900));
                service.deployments[0].rollout = Some(RolloutState::InProgress);
            },
            None,
        ),
        (
            "a task is missing",
            10,
            &[5],
            |service, ledger| {
                ledger.crowded_since = Some(fixtures::at(-900));
                service.running -= 1;
            },
            None,
        ),
        (
            "it is frozen",
            10,
            &[5],
            |service, ledger| {
                ledger.crowded_since = Some(fixtures::at(-900));
                service.tags.insert(crate::observe::tag::FREEZE_UNTIL.to_owned(), "2030-01-01T00:00:00Z".to_owned());
            },
            None,
        ),
        (
            "the place of one is not known",
            10,
            &[5],
            |service, ledger| {
                ledger.crowded_since = Some(fixtures::at(-900));
                unread(service);
            },
            None,
        ),
    ];
    for (name, desired, counts, vary, target) in cases {
        let mut service = on_groups(desired, counts.iter().sum());
        place(&mut service, counts);
        let mut ledger = fixtures::ledger(&service);
        vary(&mut service, &mut ledger);
        let plan = planned(&quarter(), &service, ledger, 0);
        assert_eq!(shown(&plan), Vec::from_iter(target.map(|target| (MoveKind::Down, target))), "{name}");
        let causes = plan.moves.iter().map(|record| &record.planned.cause);
        for cause in causes {
            let MoveCause::Crowded { pool, in_pool, spot_tasks, allowed } = cause else { panic!("{name}: {cause:?}") };
            assert_eq!((pool.as_str(), *in_pool), ("m5.xlarge in zone-0", counts[0]), "{name}");
            assert_eq!((*spot_tasks, Some(*allowed)), (counts.iter().sum(), target), "{name}");
        }
    }
}

fn unread(service: &mut Service) {
    let gap = fixtures::gap("instance", "ecs:DescribeContainerInstances");
    spot_tasks(service).next().unwrap().place = Reading::Missing(gap);
}

#[test]
fn the_ledger_keeps_since_when_a_pool_holds_too_much() {
    type Vary = fn(&mut Service);
    type Row = (&'static str, &'static [u32], Vary, Option<i64>, Option<i64>);
    let cases: [Row; 6] = [
        ("seen for the first time", &[5], |_| {}, None, Some(0)),
        ("seen before", &[5], |_| {}, Some(-60), Some(-60)),
        ("spread since", &[2, 2, 1], |_| {}, Some(-60), None),
        ("not known: what was known stays", &[5], unread, Some(-60), Some(-60)),
        ("not known, and nothing was", &[5], unread, None, None),
        ("tasks are replaced: it counts anew", &[5], |service| service.pending = 1, Some(-60), None),
    ];
    for (name, counts, vary, before, since) in cases {
        let mut service = on_groups(10, counts.iter().sum());
        place(&mut service, counts);
        vary(&mut service);
        let ledger = Ledger { crowded_since: before.map(fixtures::at), ..fixtures::ledger(&service) };
        let plan = planned(&quarter(), &service, ledger.clone(), 0);
        let kept = plan.ledgers.first().unwrap_or(&ledger);
        assert_eq!(kept.crowded_since, since.map(fixtures::at), "{name}");
        let told: Vec<(u32, u32)> =
            plan.crowded.iter().map(|crowded| (crowded.spread.in_fullest, crowded.per_pool)).collect();
        let is_crowded = counts == [5] && service.pending == 0 && !name.starts_with("not known");
        assert_eq!(told, Vec::from_iter(is_crowded.then_some((5, 2))), "{name}");
    }
}

/// S3: where a Spot task runs that cannot be read, nothing more goes there.
#[test]
fn s3_a_place_that_is_not_known_bars_more_spot() {
    let mut service = on_groups(10, 2);
    assert_eq!(shown(&planned(&quarter(), &service, fixtures::ledger(&service), 0)), [(MoveKind::Up, 5)]);
    unread(&mut service);
    let plan = planned(&quarter(), &service, fixtures::ledger(&service), 0);
    assert_eq!((shown(&plan), held(&plan)), (vec![], vec![HeldWhy::Unread]));
}

/// What a service on Fargate shows is its zones: each stands for a pool.
#[test]
fn a_zone_stands_for_the_pool_of_fargate() {
    let mut service = fixtures::service("web", Family::Fargate);
    service.desired = 12;
    service.scaling = Reading::Known(None);
    let mut service = fixtures::on_spot(service, 0, 1, 1);
    let ledger = Ledger { crowded_since: Some(fixtures::at(-900)), ..fixtures::ledger(&service) };
    assert_eq!(shown(&planned(&quarter(), &service, ledger.clone(), 0)), []);
    for task in spot_tasks(&mut service) {
        task.place = Reading::Known(Place { instance_type: None, zone: "eu-west-1a".to_owned() });
    }
    let plan = planned(&quarter(), &service, ledger, 0);
    assert_eq!(shown(&plan), [(MoveKind::Down, 3)]);
    assert!(matches!(&plan.moves[0].planned.cause, MoveCause::Crowded { pool, .. } if pool == "Fargate in eu-west-1a"));
}

#[test]
fn what_came_down_climbs_after_a_pause_that_doubles() {
    let mut service = on_groups(10, 2);
    place(&mut service, &[1, 1]);
    let day = 86_400;
    let cases = [
        ("the first time, a day later", 1, day, true),
        ("the first time, a second earlier", 1, day - 1, false),
        ("the second time, a day later", 2, day, false),
        ("the second time, two days later", 2, 2 * day, true),
        ("many times: a week is the longest", 40, 7 * day, true),
        ("many times, a second earlier", 40, 7 * day - 1, false),
    ];
    for (name, times, ago, climbs) in cases {
        let crowding = Some(Crowding { at: fixtures::at(-ago), times });
        // After a switch it climbs without a rest, but not without this one.
        let by_switch = LastWrite { by_switch: true, ..fixtures::last_write(&service) };
        let ledger = Ledger { crowding, last_write: Some(by_switch), ..fixtures::ledger(&service) };
        let plan = planned(&quarter(), &service, ledger, 0);
        assert_eq!(!plan.moves.is_empty(), climbs, "{name}: {:?}", plan.held_back);
        assert_eq!(held(&plan), Vec::from_iter((!climbs).then_some(HeldWhy::Crowded)), "{name}");
    }
    let again = |ago: i64, times| {
        let before = Crowding { at: fixtures::at(-ago), times };
        super::super::crowded_again(&quarter(), Some(&before), fixtures::now()).times
    };
    assert_eq!(
        super::super::crowded_again(&quarter(), None, fixtures::now()),
        Crowding { at: fixtures::now(), times: 1 }
    );
    assert_eq!((again(day, 1), again(2 * day - 1, 1), again(2 * day, 1)), (2, 2, 1));
    assert_eq!((again(4 * day - 1, 2), again(4 * day, 2)), (3, 1));
}

/// Over two weeks of runs every 15 minutes, wherever the tasks land: the moves get rarer, and those that
/// a spread can foresee are not made.
#[test]
fn a_service_does_not_flap_between_climbing_and_coming_down() {
    type Lands = (&'static str, fn(&mut Service), &'static [usize]);
    let policy = quarter();
    let lands: [Lands; 3] = [
        // Up, and down for good: the tasks that are left show what would come.
        ("in one pool", |service| spot_tasks(service).for_each(|task| task.place = Reading::Known(pool(0))), &[2, 0]),
        (
            "in one pool where they are many, and spread where they are few",
            |service| {
                let many = spot_tasks(service).count() > 2;
                for (number, task) in spot_tasks(service).enumerate() {
                    task.place = Reading::Known(pool(if many { 0 } else { number }));
                }
            },
            // A day, two and four after it came down.
            &[6, 2],
        ),
        (
            "in all pools",
            |service| {
                for (number, task) in spot_tasks(service).enumerate() {
                    task.place = Reading::Known(pool(number));
                }
            },
            &[1, 0],
        ),
    ];
    for (name, land, moves_by_week) in lands {
        let (mut snapshot, mut memory) = (fixtures::snapshot(vec![on_groups(10, 0)]), fixtures::open_memory(vec![]));
        let mut made = Vec::new();
        for now in (0..14 * 86_400).step_by(900) {
            let plan = plan_at(&policy, &snapshot, &memory, now);
            made.extend(plan.moves.iter().map(|_| now));
            (snapshot, memory) = after(&policy, &snapshot, &memory, &plan, now);
            memory.signals.ceilings = fixtures::open_memory(vec![]).signals.ceilings;
            land(&mut snapshot.services[0]);
        }
        let in_week = |week: i64| made.iter().filter(|at| *at / (7 * 86_400) == week).count();
        assert_eq!([in_week(0), in_week(1)], moves_by_week, "{name}: {made:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// No move up leads above the cap if the spread stays, and no move down because of one pool leaves
    /// more there than fits, or nothing.
    #[test]
    fn no_move_up_leads_above_the_blast_radius_if_the_spread_stays(
        desired in 2u32..120,
        counts in proptest::collection::vec(0u32..12, 0..12),
        percent in 1u64..=100,
        tolerance in 0u64..=30,
        not_known in proptest::option::weighted(0.1, Just(())),
        waits in any::<bool>(),
    ) {
        let spot: u32 = counts.iter().sum();
        prop_assume!(spot < desired);
        let mut policy = open_policy();
        policy.budget.blast_radius_percent = Percent::saturating(percent);
        policy.budget.service_percent = Percent::HUNDRED;
        policy.budget.tolerance_percent = Percent::saturating(tolerance);
        let mut service = on_groups(desired, spot);
        place(&mut service, &counts);
        if not_known.is_some() && spot > 0 {
            unread(&mut service);
        }
        let mut ledger = fixtures::ledger(&service);
        ledger.crowded_since = Some(fixtures::at(-86_400));
        ledger.crowding = waits.then(|| Crowding { at: fixtures::at(-60), times: 1 });
        let plan = planned(&policy, &service, ledger, 0);
        let fullest = counts.iter().copied().max().unwrap_or(0);
        let per_pool = (u64::from(desired) * percent / 100).max(1);
        let even = fullest <= spot.div_ceil(12);
        for record in &plan.moves {
            let after = record.planned.spot_tasks;
            let fits = match even {
                true => u64::from(after.div_ceil(12)) <= per_pool,
                false => u64::from(after) * u64::from(fullest) <= per_pool * u64::from(spot),
            };
            match (record.planned.kind, &record.planned.cause) {
                (MoveKind::Up, _) => {
                    prop_assert!(fits, "{spot} in {counts:?} of {desired} climb to {after} at {percent} %");
                    prop_assert!(not_known.is_none() || spot == 0, "its places are not known");
                    prop_assert!(!waits, "it waits");
                }
                (MoveKind::Down, MoveCause::Crowded { .. }) => {
                    prop_assert!(fits && after < spot && after > 0, "{counts:?} of {desired} come down to {after}");
                }
                (MoveKind::Down | MoveKind::Rebalance, _) => {}
            }
        }
    }
}
