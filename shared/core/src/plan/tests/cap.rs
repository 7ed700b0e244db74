//! What bounds a ceiling, and what the controller is told of a pair.

use super::*;
use crate::control::Dial;

fn ceilings(policy: &Policy, services: Vec<Service>, memory: &Memory, mode: RunMode) -> Plan {
    plan_of(policy, &fixtures::snapshot(services), memory, &run(mode))
}

/// A service of four tasks whose tag lets one of them be on Spot; so many are.
fn a_quarter(spot: u32) -> Service {
    let mut service = fixtures::service("web", Family::Fargate);
    service.tags.insert(crate::observe::tag::MAX_PERCENT.to_owned(), "25".to_owned());
    service.scaling = Reading::Known(None);
    match spot {
        0 => service,
        1 => fixtures::on_spot(service, 0, 3, 1),
        _ => fixtures::on_spot(service, 0, 1, 1),
    }
}

#[test]
fn the_lowest_of_policy_dial_and_window_binds() {
    // name, the policy's, a dial's, a window's, what binds
    let cases = [
        ("the policy alone", 50, None, None, ("policy", 50)),
        ("a dial below it", 50, Some(30), None, ("dial", 30)),
        ("a dial above it", 50, Some(70), None, ("policy", 50)),
        ("a dial that says the same", 50, Some(50), None, ("policy", 50)),
        ("a window below it", 50, None, Some(20), ("window", 20)),
        ("a window above it", 50, None, Some(60), ("policy", 50)),
        ("a window below a dial", 50, Some(30), Some(20), ("window", 20)),
        ("a dial below a window", 50, Some(20), Some(30), ("dial", 20)),
        ("a window that says the same as a dial", 50, Some(20), Some(20), ("dial", 20)),
    ];
    for (name, of_policy, dial, window, expected) in cases {
        let mut policy = open_policy();
        policy.budget.ceiling_percent = Percent::saturating(of_policy);
        policy.windows = Vec::from_iter(window.map(|one| fixtures::window(Percent::saturating(one), fixtures::now())));
        let mut memory = Memory::default();
        memory.signals.dials = Vec::from_iter(dial.map(dialled));
        let cap = ceilings(&policy, vec![a_quarter(0)], &memory, RunMode::Ordinary).cap;
        assert_eq!((cap.by.name(), cap.percent), (expected.0, Percent::saturating(expected.1)), "{name}");
    }
}

fn dialled(percent: u64) -> Dial {
    Dial {
        scope: Scope::All,
        percent: Percent::saturating(percent),
        reason: "sale".to_owned(),
        who: "sam".to_owned(),
        set_at: fixtures::at(-60),
        until: None,
    }
}

/// What a run that does not move by budget has seen of a pair is no reason to change its ceiling.
#[test]
fn ceilings_are_decided_by_runs_that_move_by_budget() {
    let cases = [
        ("ordinary", RunMode::Ordinary, Depth::Full, 1),
        ("dry", RunMode::Dry { why: crate::record::DryWhy::Input }, Depth::Full, 1),
        ("a restore", RunMode::Restore { scope: Scope::All }, Depth::Full, 0),
        ("a switch", RunMode::Switch { entry: fixtures::switch(Scope::All) }, Depth::Switch, 0),
        ("one that has not read enough", RunMode::Ordinary, Depth::Switch, 0),
    ];
    for (name, mode, depth, decided) in cases {
        let snapshot = Snapshot { depth, ..fixtures::snapshot(vec![a_quarter(1)]) };
        let plan = plan_of(&open_policy(), &snapshot, &Memory::default(), &run(mode));
        assert_eq!(plan.ceilings.len(), decided, "{name}");
    }
}

/// A ceiling rises by a step of 5 %, and by one task of a service that could have more at the least: here
/// a task is a quarter of the cluster. Where there is none, and nothing runs on Spot, nothing is known.
#[test]
fn a_ceiling_rises_by_the_smallest_task_that_could_move() {
    type Vary = fn(&mut Service);
    let cases: [(&str, u32, Vary, u64); 5] = [
        ("none of the one that may be is on Spot", 0, |_| {}, 45),
        ("it is on Spot", 1, |_| {}, 25),
        ("more than may be are", 2, |_| {}, 25),
        ("it could have more, and may not move", 0, |service| service.tags.clear(), 20),
        ("it could have more, and is not safe", 0, slow_to_drain, 20),
    ];
    for (name, spot, vary, expected) in cases {
        let mut policy = open_policy();
        policy.budget.step_percent = Percent::saturating(5);
        let mut service = a_quarter(spot);
        vary(&mut service);
        let mut memory = Memory::default();
        memory.signals.ceilings = vec![fixtures::ceiling(Family::Fargate, Percent::saturating(20))];
        let plan = ceilings(&policy, vec![service], &memory, RunMode::Ordinary);
        let found: Vec<Percent> = plan.ceilings.iter().map(|steered| steered.after.ceiling).collect();
        assert_eq!(found, [Percent::saturating(expected)], "{name}: {:?}", plan.ceilings);
    }
}

/// Its load balancer waits longer than a Spot task has.
fn slow_to_drain(service: &mut Service) {
    for group in service.target_groups.values_mut() {
        *group = Reading::Known(crate::observe::TargetGroup { deregistration_delay: Seconds(300) });
    }
}

#[test]
fn failed_moves_count_while_their_service_is_held_back() {
    // name, failures, held back for so many seconds, what the controller is told
    let cases = [
        ("never failed", 0, None, 0),
        ("held back for what a person did", 0, Some(60), 0),
        ("failed, and held back", 1, Some(60), 1),
        ("failed twice, and held back", 2, Some(60), 1),
        ("failed, and not held back any more", 1, Some(0), 0),
        ("failed once", 1, None, 0),
    ];
    for (name, failures, held, expected) in cases {
        let service = a_quarter(1);
        let mut ledger = fixtures::ledger(&service);
        (ledger.failures, ledger.quarantined_until) = (failures, held.map(fixtures::at));
        let plan = ceilings(&open_policy(), vec![service], &fixtures::memory(vec![ledger]), RunMode::Ordinary);
        let found: Vec<u32> = plan.ceilings.iter().map(|steered| steered.evidence.failed_moves).collect();
        assert_eq!(found, [expected], "{name}");
    }
}
