//! S11: when somebody else takes a write back, Spotkeeper backs off instead of fighting.

use super::*;
use crate::observe::LaunchType;
use crate::record::TakenBack;
use crate::verify::pause;

/// A service that Spotkeeper moved onto Spot an hour ago: how it stands now, and its ledger.
struct Stand {
    service: Service,
    ledger: Ledger,
    mode: RunMode,
    depth: Depth,
}

fn fargate() -> PlacedBy {
    PlacedBy::Strategy(Strategy::only(fixtures::provider_name("FARGATE")))
}

impl Stand {
    /// What was written is in place.
    fn kept() -> Stand {
        let original = fixtures::service("web", Family::Fargate);
        let mut service = fixtures::on_spot(original.clone(), 1, 1, 1);
        service.deployments[0].created_at = fixtures::at(-3_599);
        service.deployments[0].id = "ecs-svc/ours".to_owned();
        let ledger = Ledger {
            last_up_at: Some(fixtures::at(-100_000)),
            last_write: Some(fixtures::last_write(&service)),
            ..fixtures::ledger(&original)
        };
        Stand { service, ledger, mode: RunMode::Ordinary, depth: Depth::Full }
    }

    /// Somebody has put the strategy back that was there before.
    fn reverted() -> Stand {
        let mut stand = Stand::kept();
        stand.somebody("ecs-svc/theirs", -60, fargate());
        stand
    }

    fn somebody(&mut self, id: &str, at: i64, placed_by: PlacedBy) {
        self.service.placed_by = placed_by;
        fixtures::settle(&mut self.service, 0);
        self.service.deployments[0].id = id.to_owned();
        self.service.deployments[0].created_at = fixtures::at(at);
    }

    fn write(&mut self) -> &mut LastWrite {
        self.ledger.last_write.as_mut().unwrap()
    }

    fn plan(&self) -> Plan {
        let mut snapshot = fixtures::snapshot(vec![self.service.clone()]);
        snapshot.depth = self.depth;
        plan_of(&open_policy(), &snapshot, &fixtures::open_memory(vec![self.ledger.clone()]), &run(self.mode.clone()))
    }

    /// The ledger after a look.
    fn after(&self) -> Ledger {
        self.plan().ledgers.into_iter().next().unwrap_or_else(|| self.ledger.clone())
    }
}

#[test]
fn s11_a_write_that_somebody_took_back_is_counted() {
    type Vary = fn(&mut Stand);
    let cases: [(&str, Vary, u32); 15] = [
        ("what was there before is in place again", |_| {}, 1),
        ("yet another strategy", |s| s.somebody("ecs-svc/theirs", -60, over("FARGATE", 3, "FARGATE_SPOT", 1)), 1),
        ("a launch type", |s| s.somebody("ecs-svc/theirs", -60, PlacedBy::LaunchType(LaunchType::Fargate)), 1),
        (
            "while their deployment is under way",
            |s| s.service.deployments[0].rollout = Some(RolloutState::InProgress),
            1,
        ),
        ("seen by a switch run", |s| (s.mode, s.depth) = (switch_run(), Depth::Switch), 1),
        (
            "the same strategy, deployed anew",
            |s| s.somebody("ecs-svc/theirs", -60, s.ledger.last_write.as_ref().unwrap().after.clone()),
            0,
        ),
        ("counted already", |s| s.write().taken_back = Some(their_deployment("ecs-svc/theirs", -60)), 0),
        (
            "counted already, and they have deployed again",
            |s| s.write().taken_back = Some(their_deployment("ecs-svc/before", -90)),
            0,
        ),
        ("ECS was never seen to take the write", |s| (s.write().deployment, s.write().deployment_id) = (None, None), 0),
        ("a move is open", |s| s.ledger.open = Some(open_move()), 0),
        (
            "the read lags behind: it shows what was there before the write",
            |s| s.service.deployments[0].created_at = fixtures::at(-3_600),
            0,
        ),
        (
            "ECS rolled our own service deployment back",
            |s| s.service.current_service_deployment = Some("deployment/ours".to_owned()),
            0,
        ),
        (
            "On-Demand under another name, where we wrote On-Demand",
            |s| {
                s.write().after = fargate();
                s.somebody("ecs-svc/theirs", -60, PlacedBy::LaunchType(LaunchType::Fargate));
            },
            0,
        ),
        (
            "opted out: hands off",
            |s| {
                s.service.tags.insert(crate::observe::tag::ENABLED.to_owned(), "false".to_owned());
            },
            0,
        ),
        ("a dry run", |s| s.mode = RunMode::Dry { why: crate::record::DryWhy::Input }, 0),
    ];
    for (name, vary, expected) in cases {
        let mut stand = Stand::reverted();
        vary(&mut stand);
        let plan = stand.plan();
        let ledger = stand.after();
        assert_eq!(ledger.reverts, expected, "{name}");
        assert_eq!(u32::try_from(plan.reverted.len()).unwrap(), expected, "{name}");
        let until = (expected > 0).then(|| fixtures::at(3_600));
        assert_eq!(ledger.quarantined_until, until, "{name}");
        let up = plan.moves.iter().any(|record| record.planned.kind.may_add_spot());
        let may_go_up = ["counted already", "ECS", "the read lags", "On-Demand under"];
        assert_eq!(
            up,
            expected == 0 && may_go_up.iter().any(|begin| name.starts_with(begin)),
            "{name}: {:?}",
            plan.held_back
        );
    }
}

/// A later deployment than theirs has put it in place again: what they did is answered.
#[test]
fn s11_what_was_taken_back_counts_until_it_is_in_place_by_a_later_deployment() {
    for (name, deployed, remembered) in [("theirs still", -60, true), ("a later one", -59, false)] {
        let mut stand = Stand::kept();
        stand.write().taken_back = Some(their_deployment("ecs-svc/theirs", -60));
        stand.service.deployments[0].created_at = fixtures::at(deployed);
        assert_eq!(stand.after().last_write.unwrap().taken_back.is_some(), remembered, "{name}");
    }
}

#[test]
fn s11_the_pause_doubles_with_each_revert() {
    let policy = open_policy().verify;
    for (before, reverts) in [(0, 1), (1, 2), (5, 6), (40, 41)] {
        let mut stand = Stand::reverted();
        stand.ledger.reverts = before;
        let after = stand.after();
        assert_eq!(after.reverts, reverts);
        let until = fixtures::now() + pause(&policy, reverts).duration();
        assert_eq!(after.quarantined_until, Some(until), "{reverts} reverts");
    }
    let mut stand = Stand::reverted();
    stand.ledger.quarantined_until = Some(fixtures::at(100_000));
    assert_eq!(stand.after().quarantined_until, Some(fixtures::at(100_000)), "a longer pause that stands stays");
}

#[test]
fn s11_a_revert_is_told_by_its_evidence() {
    let mut stand = Stand::reverted();
    stand.service.deployments[0].task_definition_arn = "web:8".to_owned();
    stand.write().task_definition = Some("web:7".to_owned());
    let plan = stand.plan();
    assert_eq!(plan.held_back, [super::super::HeldBack { service: stand.service.id.clone(), why: HeldWhy::TakenBack }]);
    let told = &plan.reverted[0];
    assert_eq!((told.reverts, told.quarantined_until), (1, fixtures::at(3_600)));
    assert_eq!(told.write.taken_back.as_ref().unwrap().deployment, "ecs-svc/theirs");
    let reason = &plan.ledgers[0].quarantine_reason;
    for part in [
        "taken back 1 times",
        "ecs-svc/theirs of 2026-01-15T11:59:00Z places tasks by FARGATE:1",
        "run earlier had written FARGATE:1 base 1, FARGATE_SPOT:1 at 2026-01-15T11:00:00Z",
        "web:8 runs instead of web:7",
        "no move up for 3600 s",
    ] {
        assert!(reason.contains(part), "{reason} does not say {part}");
    }
    stand.write().task_definition = Some("web:8".to_owned());
    let reason = &stand.plan().ledgers[0].quarantine_reason;
    assert!(!reason.contains("runs instead"), "the same task definition: {reason}");
}

/// Counted once: neither the next looks nor deployments of theirs count it again; put back by them
/// and taken away again, it counts anew.
#[test]
fn s11_a_revert_is_counted_once() {
    let mut stand = Stand::reverted();
    stand.ledger = stand.after();
    assert_eq!(stand.after().reverts, 1, "the same");
    stand.somebody("ecs-svc/theirs-2", -50, fargate());
    assert_eq!(stand.after().reverts, 1, "they deploy what stands");
    let ours = stand.write().after.clone();
    stand.somebody("ecs-svc/ours", -3_599, ours.clone());
    assert!(stand.after().last_write.unwrap().taken_back.is_some(), "a read that lags behind changes nothing");
    stand.somebody("ecs-svc/theirs-3", -40, ours);
    stand.ledger = stand.after();
    assert_eq!(stand.write().taken_back, None, "they have put ours back");
    stand.somebody("ecs-svc/theirs-4", -30, fargate());
    assert_eq!(stand.after().reverts, 2, "and taken it away again");
}

#[test]
fn s11_reverts_are_forgotten_when_a_write_has_stood_for_longer_than_the_next_pause() {
    // One revert so far: the next would pause for two hours.
    let cases = [
        ("first seen in place now", None, 1, Some(0)),
        ("in place for as long as the next pause", Some(-7_200), 1, Some(-7_200)),
        ("for a second longer", Some(-7_201), 0, None),
    ];
    for (name, since, reverts, stands_since) in cases {
        let mut stand = Stand::kept();
        stand.ledger.reverts = 1;
        stand.write().stands_since = since.map(fixtures::at);
        let after = stand.after();
        assert_eq!(after.reverts, reverts, "{name}");
        assert_eq!(after.last_write.unwrap().stands_since, stands_since.map(fixtures::at), "{name}");
    }
    let mut stand = Stand::kept();
    stand.ledger.reverts = 1;
    stand.write().stands_since = Some(fixtures::at(-1_000_000));
    stand.write().after = fargate();
    stand.somebody("ecs-svc/ours", -3_599, fargate());
    assert_eq!(stand.after().reverts, 1, "that On-Demand stands says nothing");
}

#[test]
fn s11_what_was_taken_back_may_still_come_down() {
    let mut stand = Stand::reverted();
    stand.somebody("ecs-svc/theirs", -60, over("FARGATE", 0, "FARGATE_SPOT", 1));
    let plan = stand.plan();
    assert_eq!(plan.reverted.len(), 1);
    assert_eq!(moves(&plan), expected(&[("web", MoveKind::Down, "FARGATE:1 base 1, FARGATE_SPOT:1")]));
}

#[test]
fn s11_a_restore_by_the_owner_is_no_revert_and_waits_for_one() {
    // Restored by Spotkeeper: what it wrote last is the original.
    let mut stand = Stand::kept();
    stand.write().after = fargate();
    stand.somebody("ecs-svc/ours", -3_599, fargate());
    assert_eq!(stand.after().reverts, 0);
    // An original with Spot is not brought back over what somebody put there just now.
    let mut stand = Stand::reverted();
    stand.ledger.original = over("FARGATE", 1, "FARGATE_SPOT", 1);
    stand.mode = RunMode::Restore { scope: Scope::All };
    let plan = stand.plan();
    assert_eq!((plan.moves.len(), plan.reverted.len()), (0, 1));
    assert_eq!(plan.left_on_spot[0].why, LeftWhy::Blocked);
}

fn over(on_demand: &str, weight: u32, spot: &str, spot_weight: u32) -> PlacedBy {
    let name = fixtures::provider_name;
    PlacedBy::Strategy(Strategy::over(&name(on_demand), &name(spot), 0, weight, spot_weight))
}

fn switch_run() -> RunMode {
    RunMode::Switch { entry: fixtures::switch(Scope::parse("cluster/prod").unwrap()) }
}

fn their_deployment(id: &str, at: i64) -> TakenBack {
    TakenBack {
        deployment: id.to_owned(),
        at: fixtures::at(at),
        placed_by: fargate(),
        task_definition: "web:7".to_owned(),
    }
}
