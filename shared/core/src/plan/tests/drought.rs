//! Droughts that hit services at rest, and what is no drought.

use super::*;
use crate::control::Dry;
use crate::observe::{ServiceEvent, tag};
use crate::plan::ShortWhy;
use crate::signals::{Occurrence, OccurrenceKind};
use crate::verify::Sign;

const NO_CAPACITY: &str = "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.";
const NO_INSTANCE: &str = "was unable to place a task because no container instance met all of its requirements.";
const QUOTA: &str =
    "was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.";

/// A service of four tasks, two of them on Spot, that has lost so many of either kind.
struct Scene {
    service: Service,
    ledger: Ledger,
    snapshot: Snapshot,
    mode: RunMode,
}

impl Scene {
    fn new(family: Family) -> Scene {
        let mut service = fixtures::on_spot(fixtures::service("web", family), 0, 1, 1);
        service.scaling = Reading::Known(None);
        let mut ledger = fixtures::ledger(&service);
        ledger.last_up_at = Some(fixtures::at(-3_600));
        Scene { service, ledger, snapshot: fixtures::snapshot(Vec::new()), mode: RunMode::Ordinary }
    }

    /// A drought since ten minutes: both Spot tasks are missing, and ECS says so.
    fn drought(family: Family) -> Scene {
        let mut scene = Scene::new(family);
        scene.lose(2, 0);
        let said = if family == Family::Fargate { NO_CAPACITY } else { NO_INSTANCE };
        scene.tell(-600, said);
        scene.tell(-60, said);
        for provider in ["group-spot", "group-on-demand"] {
            scene.instances(provider, 8);
        }
        scene
    }

    /// Takes running tasks away.
    fn lose(&mut self, spot: usize, on_demand: usize) {
        let pair = fixtures::pair(fixtures::family(&self.service));
        let Reading::Known(tasks) = &mut self.service.tasks else { return };
        for (provider, lost) in [(pair.spot, spot), (pair.on_demand, on_demand)] {
            for _ in 0..lost {
                let index = tasks.iter().position(|task| task.provider.as_ref() == Some(&provider)).unwrap();
                tasks.remove(index);
            }
        }
        self.service.running = u32::try_from(tasks.len()).unwrap();
    }

    /// The group behind a provider has so many instances: it asks for ten, and may have a hundred.
    fn instances(&mut self, provider: &str, instances: u32) {
        fixtures::edit_group(&mut self.snapshot, &fixtures::provider_name(provider), |provider| {
            let Reading::Known(group) = &mut provider.group else { return };
            group.instances = Some(instances);
        });
    }

    /// So many of the Spot tasks exist and do not run.
    fn hang(&mut self, spot: usize) {
        let pair = fixtures::pair(fixtures::family(&self.service));
        let Reading::Known(tasks) = &mut self.service.tasks else { return };
        for task in tasks.iter_mut().filter(|task| task.provider.as_ref() == Some(&pair.spot)).take(spot) {
            task.running = false;
        }
        self.service.running -= u32::try_from(spot).unwrap();
    }

    fn tell(&mut self, at: i64, message: &str) {
        let message = format!("(service web) {message}");
        self.service.events.insert(0, ServiceEvent { at: fixtures::at(at), message });
    }

    fn plan(&self) -> Plan {
        let snapshot = Snapshot { services: vec![self.service.clone()], ..self.snapshot.clone() };
        plan_of(&open_policy(), &snapshot, &fixtures::open_memory(vec![self.ledger.clone()]), &run(self.mode.clone()))
    }
}

#[test]
fn a_drought_brings_a_service_at_rest_back() {
    type Vary = fn(&mut Scene);
    let fargate = Family::Fargate;
    let cases: [(&str, Family, Vary, bool); 19] = [
        ("both Spot tasks are missing for ten minutes", fargate, |_| {}, true),
        ("on groups", Family::AutoScalingGroup, |_| {}, true),
        ("the group has all that it asks for", Family::AutoScalingGroup, |s| s.instances("group-spot", 10), false),
        ("on Managed Instances", Family::ManagedInstances, |_| {}, true),
        (
            "one of them is missing",
            fargate,
            |s| {
                s.service = Scene::new(Family::Fargate).service;
                s.lose(1, 0);
                s.tell(-300, NO_CAPACITY);
            },
            true,
        ),
        (
            "not for as long as the policy waits",
            fargate,
            |s| s.service.events.retain(|event| event.at > fixtures::at(-300)),
            false,
        ),
        (
            "the ledger has it as short for so long",
            fargate,
            |s| {
                s.service.events.retain(|event| event.at > fixtures::at(-300));
                s.ledger.short_since = Some(fixtures::at(-300));
            },
            true,
        ),
        (
            "it was steady in between",
            fargate,
            |s| {
                s.service.events.insert(
                    1,
                    ServiceEvent {
                        at: fixtures::at(-120),
                        message: "(service web) has reached a steady state.".to_owned(),
                    },
                )
            },
            false,
        ),
        (
            "the ledger's shortage was another: it was steady in between",
            fargate,
            |s| {
                s.service.events.clear();
                s.tell(-120, "has reached a steady state.");
                s.tell(-60, NO_CAPACITY);
                s.ledger.short_since = Some(fixtures::at(-900));
            },
            false,
        ),
        (
            "tasks hang without a word",
            fargate,
            |s| {
                s.service = Scene::new(Family::Fargate).service;
                s.hang(1);
                s.ledger.short_since = Some(fixtures::at(-300));
            },
            true,
        ),
        (
            "tasks hang, and some have failed",
            fargate,
            |s| {
                s.service = Scene::new(Family::Fargate).service;
                s.hang(1);
                s.service.deployments[0].failed = 1;
                s.ledger.short_since = Some(fixtures::at(-300));
            },
            false,
        ),
        (
            "nothing hangs, and ECS says nothing",
            fargate,
            |s| {
                s.service.events.clear();
                s.ledger.short_since = Some(fixtures::at(-900));
            },
            false,
        ),
        (
            "it was steady in the second of the event that says so",
            fargate,
            |s| {
                s.service.events.clear();
                s.tell(-600, NO_CAPACITY);
                s.tell(-600, "has reached a steady state.");
            },
            false,
        ),
        (
            "tasks hang since the second in which it was steady",
            fargate,
            |s| {
                s.service = Scene::new(Family::Fargate).service;
                s.hang(1);
                s.tell(-600, "has reached a steady state.");
                s.ledger.short_since = Some(fixtures::at(-600));
            },
            false,
        ),
        (
            "tasks of both kinds are missing, and ECS says nothing",
            fargate,
            |s| {
                s.service = Scene::new(Family::Fargate).service;
                s.lose(0, 1);
                s.hang(1);
                s.ledger.short_since = Some(fixtures::at(-300));
            },
            false,
        ),
        (
            "the group has all that it asks for, and ECS says nothing",
            Family::AutoScalingGroup,
            |s| {
                s.service = Scene::new(Family::AutoScalingGroup).service;
                s.hang(1);
                s.instances("group-spot", 10);
                s.ledger.short_since = Some(fixtures::at(-300));
            },
            false,
        ),
        ("all its tasks run: the pair is dry, the service is whole", fargate, |s| s.service.running = 4, false),
        (
            "the tasks are not read",
            fargate,
            |s| s.service.tasks = Reading::Missing(fixtures::gap("web", "ecs:ListTasks")),
            false,
        ),
        ("a move of it is open", fargate, |s| s.ledger.open = Some(open_move()), false),
    ];
    for (name, family, vary, falls_back) in cases {
        let mut scene = Scene::drought(family);
        vary(&mut scene);
        let plan = scene.plan();
        let downs: Vec<_> = plan.moves.iter().filter(|record| record.planned.kind == MoveKind::Down).collect();
        assert_eq!(downs.len(), usize::from(falls_back), "{name}");
        assert!(plan.short.is_empty(), "{name}: {:?}", plan.short);
        for record in downs {
            let only = PlacedBy::Strategy(Strategy::only(fixtures::pair(family).on_demand));
            assert_eq!((&record.planned.after, &record.planned.undo), (&only, &None), "{name}");
            let MoveCause::Drought { evidence } = &record.planned.cause else {
                panic!("{name}: {:?}", record.planned.cause);
            };
            assert!(evidence.starts_with("since 2026-01-15T11:5"), "{name}: {evidence}");
        }
    }
}

#[test]
fn what_is_no_drought_is_told_by_its_name() {
    let spot_full = |scene: &mut Scene| scene.instances("group-spot", 100);
    let on_demand_full = |scene: &mut Scene| {
        scene.lose(0, 1);
        scene.instances("group-on-demand", 100);
    };
    let one_more_waits = |scene: &mut Scene| {
        let Reading::Known(tasks) = &mut scene.service.tasks else { return };
        let waiting = crate::observe::Task { running: false, ..tasks[0].clone() };
        tasks.push(waiting);
    };
    let (fargate, groups) = (Family::Fargate, Family::AutoScalingGroup);
    type Case<'a> = (&'static str, Family, &'a dyn Fn(&mut Scene), Sign, ShortWhy);
    let cases: [Case<'_>; 12] = [
        ("On-Demand is short too", fargate, &|s| s.lose(0, 1), Sign::OnDemandCapacity, ShortWhy::AnotherCause),
        ("an On-Demand task waits too", fargate, &one_more_waits, Sign::OnDemandCapacity, ShortWhy::AnotherCause),
        ("the quota", fargate, &|s| s.tell(-30, QUOTA), Sign::Quota, ShortWhy::AnotherCause),
        (
            "addresses",
            fargate,
            &|s| s.tell(-30, "was unable to place a task. Reason: InsufficientFreeAddressesInSubnet."),
            Sign::Addresses,
            ShortWhy::AnotherCause,
        ),
        (
            "images",
            fargate,
            &|s| s.tell(-30, "failed to launch a task with (error CannotPullContainerError)."),
            Sign::Image,
            ShortWhy::AnotherCause,
        ),
        ("the Spot group is full", groups, &spot_full, Sign::MaxSize, ShortWhy::AnotherCause),
        ("the On-Demand group is full", groups, &on_demand_full, Sign::MaxSize, ShortWhy::AnotherCause),
        ("opted out", fargate, &|s| tagged(s, tag::ENABLED, "false"), Sign::SpotCapacity, ShortWhy::NotEnrolled),
        (
            "frozen",
            fargate,
            &|s| tagged(s, tag::FREEZE_UNTIL, "2026-01-15T12:00:01Z"),
            Sign::SpotCapacity,
            ShortWhy::Frozen,
        ),
        (
            "hands off",
            fargate,
            &|s| s.service.controller = crate::observe::DeploymentController::CodeDeploy,
            Sign::SpotCapacity,
            ShortWhy::HandsOff,
        ),
        (
            "somebody deploys",
            fargate,
            &|s| s.service.deployments[0].rollout = Some(RolloutState::InProgress),
            Sign::SpotCapacity,
            ShortWhy::Deploying,
        ),
        (
            "a run that restores",
            fargate,
            &|s| s.mode = RunMode::Restore { scope: Scope::All },
            Sign::SpotCapacity,
            ShortWhy::NotThisRun,
        ),
    ];
    for (name, family, vary, cause, why) in cases {
        let mut scene = Scene::drought(family);
        vary(&mut scene);
        let plan = scene.plan();
        assert_eq!(moves(&plan), [], "{name}");
        let told: Vec<(Sign, ShortWhy)> = plan.short.iter().map(|short| (short.cause, short.why)).collect();
        assert_eq!(told, [(cause, why)], "{name}");
        assert!(plan.short[0].evidence.contains(cause.name()), "{name}: {}", plan.short[0].evidence);
    }
}

fn tagged(scene: &mut Scene, key: &str, value: &str) {
    scene.service.tags.insert(key.to_owned(), value.to_owned());
}

#[test]
fn the_ledger_keeps_since_when_a_service_is_short() {
    type Vary = fn(&mut Scene);
    let cases: [(&str, Option<i64>, Vary, Option<i64>); 7] = [
        ("seen for the first time", None, |_| {}, Some(0)),
        ("still", Some(-900), |_| {}, Some(-900)),
        ("whole again", Some(-900), |s| s.service.running = 4, None),
        ("somebody deploys", Some(-900), |s| s.service.deployments[0].rollout = Some(RolloutState::InProgress), None),
        (
            "not read",
            Some(-900),
            |s| s.service.tasks = Reading::Missing(fixtures::gap("web", "ecs:ListTasks")),
            Some(-900),
        ),
        (
            "On-Demand tasks alone are missing",
            None,
            |s| {
                s.service = Scene::new(Family::Fargate).service;
                s.lose(0, 1);
            },
            None,
        ),
        (
            "steady in between",
            Some(-900),
            |s| {
                s.service.events = vec![ServiceEvent {
                    at: fixtures::at(-60),
                    message: "(service web) has reached a steady state.".to_owned(),
                }]
            },
            Some(0),
        ),
    ];
    for (name, before, vary, after) in cases {
        let mut scene = Scene::new(Family::Fargate);
        scene.lose(2, 0);
        scene.ledger.short_since = before.map(fixtures::at);
        vary(&mut scene);
        let kept = scene.plan().ledgers.into_iter().next().unwrap_or_else(|| scene.ledger.clone());
        assert_eq!(kept.short_since, after.map(fixtures::at), "{name}");
    }
}

#[test]
fn services_that_miss_tasks_come_down_first_and_whole_ones_stay() {
    let scene = Scene::drought(Family::Fargate);
    let whole = fixtures::on_spot(fixtures::service("whole", Family::Fargate), 0, 1, 1);
    let mut over = fixtures::on_spot(fixtures::service("over", Family::Fargate), 0, 0, 1);
    over.scaling = Reading::Known(None);
    let snapshot = fixtures::snapshot(vec![over, scene.service.clone(), whole]);
    let mut policy = open_policy();
    policy.pace.down_wave_percent = Percent::saturating(34);
    let plan = plan_of(&policy, &snapshot, &fixtures::open_memory(vec![scene.ledger]), &run(RunMode::Ordinary));
    let names: Vec<String> = plan.moves.iter().map(|record| record.planned.service.name.to_string()).collect();
    assert_eq!((names, plan.waves.len()), (vec!["web".to_owned(), "over".to_owned()], 2));
}

#[test]
fn a_snapshot_keeps_the_newest_events_of_an_hour() {
    let event = |at: i64| ServiceEvent { at: fixtures::at(at), message: at.to_string() };
    let kept = crate::observe::recent(vec![event(-3_601), event(-5), event(-3_600), event(-1)], fixtures::now());
    assert_eq!(kept, [event(-1), event(-5), event(-3_600)]);
    let many = crate::observe::recent((0..100).map(|n| event(-n)).collect(), fixtures::now());
    assert_eq!((many.len(), many.last()), (20, Some(&event(-19))));
}

/// An event of a failed placement on Fargate does not say whether it was capacity or a quota.
#[test]
fn a_pair_is_not_dry_where_the_services_own_events_name_another_cause() {
    let cases: [(&str, usize, &str, Option<&str>, bool); 5] = [
        ("no capacity", 2, NO_CAPACITY, Some("web"), true),
        ("a quota", 2, QUOTA, Some("web"), false),
        ("a quota, which is over", 0, QUOTA, Some("web"), false),
        ("a quota, and another service finds no capacity", 2, QUOTA, Some("cart"), true),
        ("a quota, and a group's launches find no capacity", 2, QUOTA, None, true),
    ];
    for (name, lost, said, of, dry) in cases {
        let mut scene = Scene::new(Family::Fargate);
        scene.lose(lost, 0);
        scene.tell(-600, said);
        let mut memory = fixtures::open_memory(vec![scene.ledger.clone()]);
        memory.signals.occurrences = [-600, -60].map(|seconds| failed_placement(of, seconds)).to_vec();
        let snapshot = fixtures::snapshot(vec![scene.service.clone()]);
        let plan = plan_of(&open_policy(), &snapshot, &memory, &run(RunMode::Ordinary));
        assert_eq!(plan.ceilings[0].after.dry.is_some(), dry, "{name}: {:?}", plan.ceilings);
    }
}

fn failed_placement(service: Option<&str>, seconds: i64) -> Occurrence {
    Occurrence {
        id: format!("failed-{seconds}"),
        kind: OccurrenceKind::PlacementFailure,
        at: fixtures::at(seconds),
        cluster: Some(fixtures::cluster_name()),
        provider: Some(fixtures::pair(Family::Fargate).spot),
        service: service.map(str::to_owned),
        pool: None,
        sign: Some(Sign::SpotCapacity),
    }
}

/// A canary that a switch has brought down again has shown nothing.
#[test]
fn a_pair_stays_dry_until_a_move_up_over_it_has_stood() {
    for (name, spot, dry) in [("the canary stands", 1, false), ("it was brought down again", 0, true)] {
        let service = fixtures::on_spot(fixtures::service("web", Family::Fargate), 0, 1, spot);
        let ledger = Ledger {
            last_up_at: Some(fixtures::at(-600)),
            last_write: Some(fixtures::last_write(&service)),
            ..fixtures::ledger(&service)
        };
        let mut memory = fixtures::open_memory(vec![ledger]);
        for ceiling in &mut memory.signals.ceilings {
            ceiling.dry = Some(Dry { seen_at: fixtures::at(-7_200), until: fixtures::at(-900), times: 1 });
        }
        let plan = plan_of(&open_policy(), &fixtures::snapshot(vec![service]), &memory, &run(RunMode::Ordinary));
        assert_eq!(plan.ceilings[0].after.dry.is_some(), dry, "{name}: {:?}", plan.ceilings);
    }
}
