//! What a look at the running tasks says, and what the ledger keeps of it.

use super::*;

fn ledgers(service: Service, ledger: Option<Ledger>, run: &RunRecord) -> Vec<Ledger> {
    let memory = fixtures::memory(ledger.into_iter().collect());
    plan_of(&open_policy(), &fixtures::snapshot(vec![service]), &memory, run).ledgers
}

/// How a service of ten tasks runs that may have five on Spot.
struct Running {
    /// Its tag's floor.
    floor: u32,
    /// Base and weight of On-Demand, weight of Spot.
    strategy: (u32, u32, u32),
    /// Spot tasks that run.
    spot: u32,
}

#[test]
fn a_split_is_broken_where_floor_or_share_is() {
    type Vary = fn(&mut Service);
    let cases: [(&str, Running, Vary, bool); 14] = [
        ("all that the strategy gives", Running { floor: 1, strategy: (1, 1, 1), spot: 5 }, |_| {}, false),
        ("one more", Running { floor: 1, strategy: (1, 1, 1), spot: 6 }, |_| {}, true),
        ("two more", Running { floor: 1, strategy: (1, 1, 1), spot: 7 }, |_| {}, true),
        ("less than it may", Running { floor: 1, strategy: (1, 1, 1), spot: 2 }, |_| {}, false),
        ("over its share, as its strategy has it", Running { floor: 1, strategy: (0, 1, 3), spot: 8 }, |_| {}, false),
        ("beyond that strategy", Running { floor: 1, strategy: (0, 1, 3), spot: 9 }, |_| {}, true),
        ("beyond its strategy, within its share", Running { floor: 1, strategy: (0, 9, 1), spot: 5 }, |_| {}, false),
        ("the floor just kept", Running { floor: 7, strategy: (0, 1, 1), spot: 3 }, |_| {}, false),
        (
            "the floor broken by what the strategy gives",
            Running { floor: 7, strategy: (0, 1, 1), spot: 4 },
            |_| {},
            true,
        ),
        ("two below the floor", Running { floor: 7, strategy: (0, 1, 1), spot: 5 }, |_| {}, true),
        ("Spot tasks that no strategy of it places", Running { floor: 1, strategy: (0, 1, 0), spot: 6 }, |_| {}, false),
        (
            "a task is missing",
            Running { floor: 1, strategy: (1, 1, 1), spot: 6 },
            |service| service.running -= 1,
            false,
        ),
        (
            "a task is on its way",
            Running { floor: 1, strategy: (1, 1, 1), spot: 6 },
            |service| service.pending += 1,
            false,
        ),
        (
            "a deployment is in progress",
            Running { floor: 1, strategy: (1, 1, 1), spot: 6 },
            |service| service.deployments[0].rollout = Some(RolloutState::InProgress),
            false,
        ),
    ];
    for (name, Running { floor, strategy: (base, on_demand, weight), spot }, vary, broken) in cases {
        let mut service = fixtures::service("web", Family::Fargate);
        service.desired = 10;
        service.tags.insert(crate::observe::tag::FLOOR.to_owned(), floor.to_string());
        let mut service = fixtures::on_spot(service, base, on_demand, weight);
        fixtures::settle(&mut service, spot);
        vary(&mut service);
        let ledger = fixtures::ledger(&service);
        let kept = ledgers(service, Some(ledger), &run(RunMode::Ordinary));
        let since: Vec<_> = kept.iter().filter_map(|ledger| ledger.skewed_since).collect();
        assert_eq!(since, Vec::from_iter(broken.then(fixtures::now)), "{name}");
    }
}

/// The grace counts from when it was first seen.
#[test]
fn since_when_a_service_on_spot_is_unsafe_is_remembered() {
    let on_spot = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
    let mut not_safe = on_spot.clone();
    for group in not_safe.target_groups.values_mut() {
        *group = Reading::Known(crate::observe::TargetGroup { deregistration_delay: Seconds(300) });
    }
    let mut on_demand = fixtures::service("web", Family::Fargate);
    on_demand.target_groups = not_safe.target_groups.clone();
    let rules = vec![Rule::Deregistration, Rule::DrainBudget];
    let since = |at: i64| UnsafeSince { at: fixtures::at(at), rules: rules.clone() };
    let cases = [
        ("seen for the first time", &not_safe, None, Some(since(0))),
        ("seen before", &not_safe, Some(since(-60)), Some(since(-60))),
        ("mended", &on_spot, Some(since(-60)), None),
        ("not on Spot any more", &on_demand, Some(since(-60)), None),
    ];
    for (name, service, before, after) in cases {
        let ledger = Ledger { unsafe_since: before.clone(), ..fixtures::ledger(service) };
        let kept = ledgers(service.clone(), Some(ledger.clone()), &run(RunMode::Ordinary));
        let found = kept.first().unwrap_or(&ledger);
        assert_eq!(found.unsafe_since, after, "{name}");
        assert_eq!(kept.is_empty(), before == after, "{name}: kept where it has changed");
    }
}

#[test]
fn a_service_is_adopted_by_a_run_that_may_move_it() {
    type Vary = fn(&mut Service, &mut Option<Ledger>, &mut RunRecord);
    let cases: [(&str, Vary, bool); 5] = [
        ("on Spot and enrolled", |_, _, _| {}, true),
        ("not enrolled", |service, _, _| service.tags.clear(), false),
        ("On-Demand", |service, _, _| *service = fixtures::service("web", Family::Fargate), false),
        ("in a dry run", |_, _, run| run.mode = RunMode::Dry { why: crate::record::DryWhy::Input }, false),
        (
            "a move of it is open, and it is skewed",
            |service, ledger, _| {
                fixtures::settle(service, 4);
                *ledger = Some(Ledger { open: Some(open_move()), ..fixtures::ledger(service) });
            },
            false,
        ),
    ];
    for (name, vary, changed) in cases {
        let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
        let (mut ledger, mut run) = (None, run(RunMode::Ordinary));
        vary(&mut service, &mut ledger, &mut run);
        assert_eq!(!ledgers(service, ledger, &run).is_empty(), changed, "{name}");
    }
}
