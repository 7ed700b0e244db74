//! What a plan may and may not hold.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::Strategy as _;

use super::{HeldWhy, MoveCause, MoveKind, Plan, PlanInput, Promise, first_breach, plan};
use crate::assess::{self, Memory, Rule, assess};
use crate::fixtures;
use crate::ids::MoveId;
use crate::observe::{
    Depth, Family, LoadBalancerTarget, Market, PlacedBy, Reading, RolloutState, ScalingRange, Service, Snapshot,
};
use crate::policy::Policy;
use crate::record::{Dealt, LastWrite, Ledger, LeftWhy, OpenMove, RunMode, RunRecord, UnsafeSince};
use crate::strategy::Strategy;
use crate::switch::{Scope, SwitchEntry, Switches};
use crate::units::{CpuUnits, Percent, Seconds};

fn run(mode: RunMode) -> RunRecord {
    fixtures::run(mode)
}

/// A policy that lets everything go up at once.
fn open_policy() -> Policy {
    let mut policy = fixtures::policy();
    policy.budget.ceiling_percent = Percent::HUNDRED;
    policy.budget.step_percent = Percent::HUNDRED;
    policy.budget.blast_radius_percent = Percent::HUNDRED;
    policy.pace.restart_percent = Percent::HUNDRED;
    policy
}

fn plan_of(policy: &Policy, snapshot: &Snapshot, memory: &Memory, run: &RunRecord) -> Plan {
    let assessments = match snapshot.depth {
        Depth::Full => assess(policy, snapshot, memory, fixtures::now()),
        Depth::Switch => Vec::new(),
    };
    plan(&PlanInput {
        policy,
        snapshot,
        assessments: &assessments,
        memory,
        run,
        resumed: &[],
        given_up: &BTreeSet::new(),
        now: fixtures::now(),
    })
}

fn moves(plan: &Plan) -> Vec<(String, MoveKind, String)> {
    let described = plan.moves.iter().map(|record| {
        let after = match &record.planned.after {
            PlacedBy::Strategy(strategy) => strategy.to_string(),
            PlacedBy::LaunchType(launch_type) => format!("{launch_type:?}"),
        };
        (record.planned.service.name.to_string(), record.planned.kind, after)
    });
    described.collect()
}

fn expected(rows: &[(&str, MoveKind, &str)]) -> Vec<(String, MoveKind, String)> {
    rows.iter().map(|(name, kind, after)| ((*name).to_owned(), *kind, (*after).to_owned())).collect()
}

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
        let plan = plan_of(&policy, &fixtures::snapshot(services), &Memory::default(), &run(RunMode::Ordinary));
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
            run: fixtures::run_id("earlier"),
            move_id: MoveId::parse("prod/0-0").unwrap(),
            before: PlacedBy::Strategy(Strategy::only(fixtures::provider_name("FARGATE"))),
            after: service.placed_by.clone(),
            deployment: None,
            deployment_id: None,
            dealt,
            by_switch: false,
        });
        let mut policy = open_policy();
        policy.budget.step_percent = Percent::saturating(5);
        let plan = plan_of(
            &policy,
            &fixtures::snapshot(vec![service]),
            &fixtures::memory(vec![ledger]),
            &run(RunMode::Ordinary),
        );
        let found: Vec<u32> = plan.moves.iter().map(|record| record.planned.spot_tasks).collect();
        assert_eq!(found, Vec::from_iter(target), "{name}: {:?} {:?}", plan.budget, plan.held_back);
    }
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
            run: fixtures::run_id("earlier"),
            move_id: MoveId::parse("prod/0-0").unwrap(),
            before,
            after: on_demand(),
            deployment: None,
            deployment_id: None,
            dealt: Dealt { spot_tasks: 0, desired: 4 },
            by_switch,
        });
        let (snapshot, memory) = (fixtures::snapshot(vec![service]), fixtures::memory(vec![ledger]));
        let plan = plan_of(&open_policy(), &snapshot, &memory, &run(RunMode::Ordinary));
        let found: Vec<u32> = plan.moves.iter().map(|record| record.planned.spot_tasks).collect();
        assert_eq!(found, Vec::from_iter(target), "{name}: {:?}", plan.held_back);
    }
}

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
fn a_switch_brings_everything_in_scope_down() {
    let entry = |scope: &str, change: &dyn Fn(&mut SwitchEntry)| {
        let mut entry = SwitchEntry {
            scope: Scope::parse(scope).unwrap(),
            reason: "launch".to_owned(),
            who: "somebody".to_owned(),
            set_at: fixtures::at(-10),
            until: None,
            preempt: false,
            unenrolled: false,
        };
        change(&mut entry);
        entry
    };
    let on_spot = |change: &dyn Fn(&mut Service)| {
        let mut service = fixtures::on_spot(fixtures::service("web", Family::AutoScalingGroup), 1, 1, 1);
        change(&mut service);
        service
    };
    let unenrolled = |service: &mut Service| service.tags.clear();
    let deploying = |service: &mut Service| service.deployments[0].rollout = Some(RolloutState::InProgress);
    let down = expected(&[("web", MoveKind::Down, "group-on-demand:1")]);
    let cases = [
        ("over all", entry("all", &|_| {}), on_spot(&|_| {}), down.clone(), None),
        ("over the cluster", entry("cluster/prod", &|_| {}), on_spot(&|_| {}), down.clone(), None),
        ("over the service", entry("service/prod/web", &|_| {}), on_spot(&|_| {}), down.clone(), None),
        ("over another service", entry("service/prod/other", &|_| {}), on_spot(&|_| {}), vec![], None),
        ("passed", entry("all", &|entry| entry.until = Some(fixtures::at(-1))), on_spot(&|_| {}), vec![], None),
        ("not enrolled", entry("all", &|_| {}), on_spot(&unenrolled), vec![], Some(LeftWhy::NotCovered)),
        (
            "not enrolled, and covered",
            entry("all", &|entry| entry.unenrolled = true),
            on_spot(&unenrolled),
            down.clone(),
            None,
        ),
        ("somebody deploys", entry("all", &|_| {}), on_spot(&deploying), vec![], Some(LeftWhy::SomebodyDeploys)),
        ("somebody deploys, preempted", entry("all", &|entry| entry.preempt = true), on_spot(&deploying), down, None),
    ];
    for (name, entry, service, expected, left) in cases {
        let mut snapshot = fixtures::snapshot(vec![service]);
        snapshot.depth = Depth::Switch;
        for service in &mut snapshot.services {
            service.task_definition = Reading::Missing(fixtures::gap("web", "ecs:DescribeTaskDefinition"));
        }
        let memory = Memory { switches: Switches { entries: vec![entry.clone()], epoch: 1 }, ..Memory::default() };
        let plan = plan_of(&Policy::default(), &snapshot, &memory, &run(RunMode::Switch { entry }));
        assert_eq!(moves(&plan), expected, "{name}");
        assert_eq!(plan.left_on_spot.first().map(|one| one.why), left, "{name}");
        assert!(plan.moves.iter().all(|record| record.planned.undo.is_none()), "{name}: a move down is never undone");
    }
}

/// A world under a switch over all, to vary: the snapshot, and the ledger of its service `web`.
type VarySwitched = fn(&mut Snapshot, &mut Option<Ledger>);

#[test]
fn under_a_switch_what_could_not_be_read_is_not_taken_for_on_demand() {
    fn unread(snapshot: &mut Snapshot, name: &str) {
        let name = fixtures::provider_name(name);
        snapshot.providers.insert(name, Reading::Missing(fixtures::gap("provider", "ecs:DescribeCapacityProviders")));
    }
    fn group_unread(snapshot: &mut Snapshot, name: &str) {
        fixtures::edit_group(snapshot, &fixtures::provider_name(name), |provider| {
            provider.group = Reading::Missing(fixtures::gap("group", "autoscaling:DescribeAutoScalingGroups"));
        });
    }
    fn place(snapshot: &mut Snapshot, strategy: &str, desired: u32) {
        let service = &mut snapshot.services[0];
        service.placed_by = PlacedBy::Strategy(serde_json::from_str(strategy).unwrap());
        service.desired = desired;
        fixtures::settle(service, 0);
    }
    let asg = Family::AutoScalingGroup;
    let to = |provider: &str| expected(&[("web", MoveKind::Down, &format!("{provider}:1"))]);
    let cases: [(&str, Family, VarySwitched, _, _); 12] = [
        (
            "the group of the Spot provider",
            asg,
            |world, _| group_unread(world, "group-spot"),
            vec![],
            Some(LeftWhy::Unread),
        ),
        ("the Spot provider", asg, |world, _| unread(world, "group-spot"), vec![], Some(LeftWhy::Unread)),
        (
            "the Spot provider of Managed Instances",
            Family::ManagedInstances,
            |world, _| unread(world, "managed-spot"),
            vec![],
            Some(LeftWhy::Unread),
        ),
        (
            "the Spot provider, which the ledger knows",
            asg,
            |world, ledger| {
                *ledger = Some(fixtures::ledger(&world.services[0]));
                unread(world, "group-spot");
            },
            to("group-on-demand"),
            None,
        ),
        (
            "the provider of a service on that alone",
            asg,
            |world, _| {
                world.services[0] = fixtures::service("web", Family::AutoScalingGroup);
                unread(world, "group-on-demand");
            },
            vec![],
            Some(LeftWhy::Unread),
        ),
        (
            "FARGATE_SPOT needs no reading",
            Family::Fargate,
            |world, _| unread(world, "FARGATE_SPOT"),
            to("FARGATE"),
            None,
        ),
        (
            "a group that buys both",
            asg,
            |world, _| {
                fixtures::edit_group(world, &fixtures::provider_name("group-spot"), |provider| {
                    let Reading::Known(group) = &mut provider.group else { return };
                    group.market = Market::Mixed;
                });
            },
            vec![],
            Some(LeftWhy::NoPair),
        ),
        (
            "a service behind a Classic Load Balancer",
            asg,
            |world, _| {
                let target = LoadBalancerTarget::Classic("old".to_owned());
                world.services[0].load_balancers[0].target = target;
            },
            vec![],
            Some(LeftWhy::HandsOff),
        ),
        (
            "no Spot task at the present count",
            Family::Fargate,
            |world, _| place(world, fargate_base_2(), 2),
            to("FARGATE"),
            None,
        ),
        ("no task at all", Family::Fargate, |world, _| place(world, fargate_base_2(), 0), to("FARGATE"), None),
        (
            "a Spot provider of weight 0",
            Family::Fargate,
            |world, _| {
                place(world, r#"[{"capacityProvider":"FARGATE","weight":1},{"capacityProvider":"FARGATE_SPOT"}]"#, 4)
            },
            vec![],
            None,
        ),
        (
            "its owner has taken it off the ledger's pair",
            asg,
            |world, ledger| {
                *ledger = Some(fixtures::ledger(&world.services[0]));
                place(world, fargate_base_2(), 4);
            },
            to("FARGATE"),
            None,
        ),
    ];
    for (name, family, vary, expected, left) in cases {
        let mut snapshot = fixtures::snapshot(vec![fixtures::on_spot(fixtures::service("web", family), 1, 1, 1)]);
        let mut ledger = None;
        vary(&mut snapshot, &mut ledger);
        snapshot.depth = Depth::Switch;
        for service in &mut snapshot.services {
            service.task_definition = Reading::Missing(fixtures::gap("web", "ecs:DescribeTaskDefinition"));
            service.tasks = Reading::Missing(fixtures::gap("web", "ecs:ListTasks"));
            service.scaling = Reading::Missing(fixtures::gap("web", "application-autoscaling:DescribeScalableTargets"));
        }
        let entry = SwitchEntry {
            scope: Scope::All,
            reason: "launch".to_owned(),
            who: "somebody".to_owned(),
            set_at: fixtures::at(-10),
            until: None,
            preempt: false,
            unenrolled: false,
        };
        let memory = Memory {
            switches: Switches { entries: vec![entry.clone()], epoch: 1 },
            ..fixtures::memory(ledger.into_iter().collect())
        };
        let plan = plan_of(&Policy::default(), &snapshot, &memory, &run(RunMode::Switch { entry }));
        assert_eq!(moves(&plan), expected, "{name}");
        assert_eq!(plan.left_on_spot.first().map(|one| one.why), left, "{name}");
    }
}

#[test]
fn a_service_that_may_be_on_spot_leaves_no_room() {
    type Vary = fn(&mut Snapshot);
    let cases: [(&str, Vary, bool); 3] = [
        ("all is read", |_| {}, true),
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

/// Two tasks of which none is on Spot, and a third that would be.
const fn fargate_base_2() -> &'static str {
    r#"[{"capacityProvider":"FARGATE","base":2,"weight":1},{"capacityProvider":"FARGATE_SPOT","weight":1}]"#
}

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

#[test]
fn a_restore_lists_what_it_leaves() {
    let entry = SwitchEntry {
        scope: Scope::All,
        reason: "launch".to_owned(),
        who: "somebody".to_owned(),
        set_at: fixtures::at(-10),
        until: None,
        preempt: false,
        unenrolled: false,
    };
    type Vary<'a> = &'a dyn Fn(&mut Service, &mut Ledger, &mut Switches);
    let to_spot = |service: &Service| fixtures::on_spot(service.clone(), 1, 1, 1).placed_by;
    let cases: [(&str, Vary<'_>, Option<LeftWhy>); 8] = [
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

fn open_move() -> OpenMove {
    OpenMove {
        run: fixtures::run_id("earlier"),
        move_id: MoveId::parse("prod/0-0").unwrap(),
        ends_by: fixtures::at(600),
        previous: None,
    }
}

#[test]
fn an_unsafe_service_moves_down_after_the_grace() {
    let cases = [("within the grace", -899, 0), ("after the grace", -900, 1)];
    for (name, since, expected) in cases {
        let mut service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 1, 1, 1);
        for group in service.target_groups.values_mut() {
            *group = Reading::Known(crate::observe::TargetGroup { deregistration_delay: Seconds(300) });
        }
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
    let (policy, run) = (open_policy(), run(RunMode::Ordinary));
    let mut other = snapshot;
    other.services.push(fixtures::service("other", Family::Fargate));
    let plan = plan(&PlanInput {
        policy: &policy,
        snapshot: &other,
        assessments: &assess(&policy, &other, &memory, fixtures::now()),
        memory: &memory,
        run: &run,
        resumed: &vec![left; 150],
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
    }
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

#[test]
fn without_the_lock_nothing_moves_up() {
    let snapshot = fixtures::snapshot(vec![fixtures::service("web", Family::Fargate)]);
    let other = RunRecord { holds_lock: false, ..run(RunMode::Ordinary) };
    let plan = plan_of(&open_policy(), &snapshot, &Memory::default(), &other);
    assert_eq!(plan.moves, vec![]);
    assert_eq!(plan.held_back[0].why, HeldWhy::NoLock);
}

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

/// The world after a plan's moves have all been made and have settled.
fn after(snapshot: &Snapshot, memory: &Memory, plan: &Plan, now: i64) -> (Snapshot, Memory) {
    let (mut snapshot, mut memory) = (snapshot.clone(), memory.clone());
    let remembered = |ledger: &Ledger| (ledger.service.arn.clone(), ledger.clone());
    memory.ledgers.extend(plan.ledgers.iter().map(remembered));
    for record in &plan.moves {
        let Some(service) = snapshot.services.iter_mut().find(|service| service.id == record.planned.service) else {
            continue;
        };
        let ledger = memory.ledgers.entry(service.id.arn.clone()).or_insert_with(|| fixtures::ledger(service));
        if record.planned.kind.may_add_spot() {
            ledger.last_up_at = Some(fixtures::at(now));
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
        let (mut snapshot, mut memory) = (fixtures::snapshot(services), Memory::default());
        let ordinary = run(RunMode::Ordinary);
        let mut settled = false;
        for _ in 0..60 {
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
            settled = plan.moves.is_empty() && plan.ledgers.is_empty();
            if settled {
                break;
            }
            (snapshot, memory) = after(&snapshot, &memory, &plan, 0);
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
            if plan.moves.is_empty() {
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
            (snapshot, memory) = after(&snapshot, &memory, &plan, 0);
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
