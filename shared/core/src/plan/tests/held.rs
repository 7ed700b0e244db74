//! Why services that could move do not, in this run.

use super::*;

/// Services of four tasks of a vCPU each, and an On-Demand quota that leaves so many vCPU.
fn cluster(names: &[&str], free: u64) -> Snapshot {
    let services: Vec<Service> = names.iter().map(|name| fixtures::service(name, Family::Fargate)).collect();
    let in_use = 4 * u64::try_from(services.len()).unwrap();
    let mut snapshot = fixtures::snapshot(services);
    for service in &mut snapshot.services {
        service.scaling = Reading::Known(None);
    }
    snapshot.quotas.fargate_on_demand = Reading::Known(CpuUnits::VCPU.times(in_use + free));
    snapshot
}

/// Each service's Spot tasks after its move up, or why it has none.
fn dealt(policy: &Policy, snapshot: &Snapshot) -> Vec<(String, Result<u32, HeldWhy>)> {
    let plan = plan_of(policy, snapshot, &fixtures::open_memory(vec![]), &run(RunMode::Ordinary));
    let moved = plan.moves.iter().map(|one| (one.planned.service.name.to_string(), Ok(one.planned.spot_tasks)));
    let held = plan.held_back.iter().map(|one| (one.service.name.to_string(), Err(one.why)));
    let mut dealt: Vec<_> = moved.chain(held).collect();
    dealt.sort_by(|one, other| one.0.cmp(&other.0));
    dealt
}

#[test]
fn who_gets_nothing_is_told_why() {
    // name, ceiling and step in percent of the cluster's tasks, what the quota leaves, the deals
    let (room, back) = (Err(HeldWhy::NoRoom), Err(HeldWhy::NoReturnPath));
    let cases = [
        ("room and a way back for both", 100, 100, 8, [Ok(2), Ok(2)]),
        ("no room at all", 0, 100, 8, [room, room]),
        ("room for one of them", 25, 100, 8, [Ok(2), room]),
        ("a step for one of them", 100, 25, 8, [Ok(2), room]),
        ("a step of less than a task: the first alone goes over it", 100, 5, 8, [Ok(1), room]),
        ("a way back for one of them", 100, 100, 2, [Ok(2), back]),
        ("a way back for one and a half", 100, 100, 3, [Ok(2), Ok(1)]),
        ("neither room nor a way back is left", 25, 100, 2, [Ok(2), room]),
    ];
    for (name, ceiling, step, free, [a, b]) in cases {
        let mut policy = open_policy();
        policy.budget.ceiling_percent = Percent::saturating(ceiling);
        policy.budget.step_percent = Percent::saturating(step);
        let found = dealt(&policy, &cluster(&["a", "b"], free));
        assert_eq!(found, [("a".to_owned(), a), ("b".to_owned(), b)], "{name}");
    }
}

/// Two of five tasks are on Spot. The ceiling has room for a third, but what gives three of five
/// gives two of three somewhere between two and ten tasks, which is more.
#[test]
fn a_task_that_no_strategy_can_add_is_not_called_a_lack_of_room() {
    let mut policy = open_policy();
    policy.budget.service_percent = Percent::saturating(80);
    policy.budget.ceiling_percent = Percent::saturating(60);
    policy.budget.step_percent = Percent::saturating(5);
    let mut snapshot = cluster(&["a"], 8);
    snapshot.services[0].desired = 5;
    snapshot.services[0].scaling = Reading::Known(Some(ScalingRange { min: 2, max: 10 }));
    snapshot.services[0] = fixtures::on_spot(snapshot.services[0].clone(), 2, 1, 2);
    assert_eq!(dealt(&policy, &snapshot), [("a".to_owned(), Err(HeldWhy::NoStrategy))]);
}

/// A service that has one task on Spot and gets one more takes one, not its whole share, from room
/// and way back.
#[test]
fn what_a_service_has_already_is_not_dealt_again() {
    let mut snapshot = cluster(&["a", "b"], 0);
    snapshot.services[0].desired = 8;
    snapshot.services[0] = fixtures::on_spot(snapshot.services[0].clone(), 0, 7, 1);
    // 15 of 16 vCPU: eleven On-Demand tasks, and one On-Demand task for each Spot task to come.
    let quota = |free: u64| Reading::Known(CpuUnits::VCPU.times(11 + free));
    let of_12 = |tasks: u64| Percent::saturating((tasks * 100).div_ceil(12));
    // a may climb from 1 to 4, b from 0 to 2.
    let cases = [
        ("room for what a lacks and for b", 12, 6, [Ok(4), Ok(2)]),
        ("room for what a lacks and for one of b", 12, 5, [Ok(4), Ok(1)]),
        ("a way back for what a lacks and for b", 5, 12, [Ok(4), Ok(2)]),
        ("a way back for what a lacks and for one of b", 4, 12, [Ok(4), Ok(1)]),
    ];
    for (name, free, ceiling, [a, b]) in cases {
        let mut policy = open_policy();
        policy.budget.ceiling_percent = of_12(ceiling);
        snapshot.quotas.fargate_on_demand = quota(free);
        let found = dealt(&policy, &snapshot);
        assert_eq!(found, [("a".to_owned(), a), ("b".to_owned(), b)], "{name}");
    }
}
