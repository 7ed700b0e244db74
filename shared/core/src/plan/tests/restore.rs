//! Bringing originals back.

use super::*;

#[test]
fn an_original_on_spot_comes_back_by_a_move_up_alone_whatever_the_count() {
    let cases =
        [("the lock is ours", true, vec![MoveKind::Up], None), ("it is not", false, vec![], Some(LeftWhy::NotNow))];
    for (name, holds_lock, expected, left) in cases {
        let mut service = fixtures::service("web", Family::Fargate);
        service.desired = 2;
        fixtures::settle(&mut service, 0);
        let mut ledger = fixtures::ledger(&service);
        ledger.original = PlacedBy::Strategy(serde_json::from_str(fargate_base_2()).unwrap());
        let restore = RunRecord { holds_lock, ..run(RunMode::Restore { scope: Scope::All }) };
        let plan =
            plan_of(&open_policy(), &fixtures::snapshot(vec![service]), &fixtures::memory(vec![ledger]), &restore);
        let kinds: Vec<MoveKind> = plan.moves.iter().map(|record| record.planned.kind).collect();
        assert_eq!(kinds, expected, "{name}");
        assert_eq!(plan.left_on_spot.first().map(|one| one.why), left, "{name}");
    }
}

fn only(provider: &str) -> PlacedBy {
    PlacedBy::Strategy(Strategy::only(fixtures::provider_name(provider)))
}

#[test]
fn a_restore_lists_what_it_leaves() {
    let entry = fixtures::switch(Scope::All);
    type Vary<'a> = &'a dyn Fn(&mut Service, &mut Ledger, &mut Switches);
    let to_spot = |service: &Service| fixtures::on_spot(service.clone(), 1, 1, 1).placed_by;
    let cases: [(&str, Vary<'_>, Option<LeftWhy>); 10] = [
        ("it can be made", &|_, _, _| {}, None),
        ("in place already", &|service, ledger, _| ledger.original = service.placed_by.clone(), None),
        (
            "somebody deploys",
            &|service, _, _| service.deployments[0].rollout = Some(RolloutState::InProgress),
            Some(LeftWhy::SomebodyDeploys),
        ),
        ("a move is open", &|_, ledger, _| ledger.open = Some(open_move()), Some(LeftWhy::MoveOpen)),
        ("ECS takes no strategy", &|service, _, _| service.express = true, Some(LeftWhy::HandsOff)),
        (
            "the original has Spot, and a switch is on",
            &|service, ledger, switches| {
                ledger.original = to_spot(service);
                switches.entries.push(entry.clone());
            },
            Some(LeftWhy::SwitchOn),
        ),
        (
            "the original has Spot, and a rule blocks",
            &|service, ledger, _| {
                ledger.original = to_spot(service);
                service.tags.clear();
            },
            Some(LeftWhy::Blocked),
        ),
        ("the original has none, and a switch is on", &|_, _, switches| switches.entries.push(entry.clone()), None),
        (
            "the original is On-Demand by strategy, and a switch is on",
            &|_, ledger, switches| {
                ledger.original = only("FARGATE");
                switches.entries.push(entry.clone());
            },
            None,
        ),
        (
            "the original is Spot alone, and a switch is on",
            &|_, ledger, switches| {
                ledger.original = only("FARGATE_SPOT");
                switches.entries.push(entry.clone());
            },
            Some(LeftWhy::SwitchOn),
        ),
    ];
    for (name, vary, left) in cases {
        let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 4);
        let mut ledger = fixtures::ledger(&service);
        ledger.original = PlacedBy::LaunchType(crate::observe::LaunchType::Fargate);
        let mut switches = Switches::default();
        vary(&mut service, &mut ledger, &mut switches);
        let memory = Memory { switches, ..fixtures::memory(vec![ledger]) };
        let restore = run(RunMode::Restore { scope: Scope::All });
        let plan = plan_of(&open_policy(), &fixtures::snapshot(vec![service]), &memory, &restore);
        assert_eq!(plan.left_on_spot.first().map(|one| one.why), left, "{name}");
        assert_eq!(plan.moves.len(), usize::from(left.is_none() && name != "in place already"), "{name}");
    }
}

#[test]
fn originals_are_restored() {
    let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
    service.tags.clear();
    let mut ledger = fixtures::ledger(&service);
    ledger.original = PlacedBy::LaunchType(crate::observe::LaunchType::Fargate);
    let snapshot = fixtures::snapshot(vec![service]);
    let restore = run(RunMode::Restore { scope: Scope::All });
    let plan = plan_of(&open_policy(), &snapshot, &fixtures::memory(vec![ledger]), &restore);
    assert_eq!(moves(&plan), expected(&[("web", MoveKind::Down, "Fargate")]));
}
