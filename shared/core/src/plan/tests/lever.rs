//! The capacity lever: groups that are turned instead of services that are moved, and turned back.

use super::*;
use crate::ids::ProviderName;
use crate::plan::{BackHeld, TurnReport, TurnWhat};
use crate::record::{Turn, TurnEnd, WriteBack};
use crate::switch::Lever;
use crate::turn::{LostWhy, TurnSeen, TurnWay, Unfit, as_recorded};

const GROUPS: Family = Family::AutoScalingGroup;

/// A cluster with services on its Spot group, to vary.
struct World {
    policy: Policy,
    snapshot: Snapshot,
    memory: Memory,
    run: RunRecord,
    turns: Vec<TurnSeen>,
    versions: BTreeMap<ProviderName, u64>,
}

type Vary = fn(&mut World);

fn entry(scope: &str, lever: Lever) -> SwitchEntry {
    SwitchEntry { lever, ..fixtures::switch(Scope::parse(scope).unwrap()) }
}

fn spot() -> ProviderName {
    fixtures::pair(GROUPS).spot
}

fn two_on_spot() -> Vec<Service> {
    ["api", "web"].map(|name| fixtures::on_spot(fixtures::service(name, GROUPS), 1, 1, 1)).to_vec()
}

impl World {
    /// A switch run with the lever over all: nothing is turned yet.
    fn switched() -> World {
        let entry = entry("all", Lever::Capacity);
        let mut snapshot = fixtures::snapshot(two_on_spot());
        snapshot.depth = Depth::Switch;
        let mut memory = fixtures::open_memory(snapshot.services.iter().map(fixtures::ledger).collect());
        memory.switches = Switches { entries: vec![entry.clone()], epoch: 1 };
        let run = run(RunMode::Switch { entry });
        World { policy: open_policy(), snapshot, memory, run, turns: Vec::new(), versions: BTreeMap::new() }
    }

    /// An ordinary run over a turned group, and no switch any more.
    fn released() -> World {
        let mut world = World::switched();
        world.snapshot.depth = Depth::Full;
        world.memory.switches = Switches { entries: Vec::new(), epoch: 2 };
        world.run = run(RunMode::Ordinary);
        world.turned(Market::OnDemand, 0, |_| {});
        world
    }

    /// The group has a turn on record, and now buys that.
    fn turned(&mut self, market: Market, spot_instances: u32, vary: fn(&mut Turn)) {
        let mut turn = fixtures::turn();
        vary(&mut turn);
        self.turns = vec![TurnSeen { turn, spot_instances: Reading::Known(spot_instances) }];
        self.group(|group| (group.market, group.distribution) = (market, Some(fixtures::distribution(market))));
    }

    fn group(&mut self, change: impl FnOnce(&mut crate::observe::Group)) {
        fixtures::edit_group(&mut self.snapshot, &spot(), |behind| {
            let Reading::Known(group) = &mut behind.group else { panic!("the group is known") };
            change(group);
        });
    }

    fn plan(&self) -> Plan {
        let World { policy, memory, run, turns, versions, .. } = self;
        let mut snapshot = self.snapshot.clone();
        as_recorded(&mut snapshot, turns);
        let assessments = match snapshot.depth {
            Depth::Full => assess(policy, &snapshot, memory, fixtures::now()),
            Depth::Switch => Vec::new(),
        };
        plan(&PlanInput {
            policy,
            snapshot: &snapshot,
            assessments: &assessments,
            memory,
            run,
            resumed: &[],
            turns,
            turn_versions: versions,
            given_up: &BTreeSet::new(),
            now: fixtures::now(),
        })
    }
}

fn orders(plan: &Plan) -> Vec<TurnWay> {
    assert!(plan.turn_orders.iter().all(|order| order.provider == spot()));
    plan.turn_orders.iter().map(|order| order.way).collect()
}

fn reported(plan: &Plan) -> Option<TurnWhat> {
    let of_groups: Vec<&TurnReport> = plan.turn_reports.iter().filter(|one| one.provider == spot()).collect();
    assert!(of_groups.len() <= 1, "{of_groups:?}");
    of_groups.first().map(|one| one.what.clone())
}

/// What a case comes to: orders, how many services move by strategy, why others are left, what is told.
type Expected = (Vec<TurnWay>, usize, Vec<LeftWhy>, Option<TurnWhat>);

fn check(name: &str, world: &World, (turned, moved, left, told): Expected) -> Plan {
    let plan = world.plan();
    assert_eq!(orders(&plan), turned, "{name}: {:?}", plan.turn_reports);
    assert_eq!(plan.moves.len(), moved, "{name}: {:?}", moves(&plan));
    assert_eq!(plan.left_on_spot.iter().map(|one| one.why).collect::<Vec<_>>(), left, "{name}");
    assert_eq!(reported(&plan), told, "{name}");
    plan
}

#[test]
fn a_switch_with_the_lever_turns_groups_instead_of_moving_services() {
    let turning = || vec![LeftWhy::Turning, LeftWhy::Turning];
    let unfit = |why: Unfit| Some(TurnWhat::Unfit { why: vec![why] });
    let lost = |why| Some(TurnWhat::Lost { why });
    let under_way = |left| Some(TurnWhat::UnderWay { spot_instances: Some(left) });
    let away = || vec![TurnWay::Away];
    let web = fixtures::service_ref("web").name;
    let cases: Vec<(&str, Vary, Expected)> = vec![
        ("a group that can be turned", |_| {}, (away(), 0, turning(), Some(TurnWhat::Turn))),
        (
            "a switch without the lever",
            |world| world.memory.switches.entries[0].lever = Lever::Strategy,
            (vec![], 2, vec![], None),
        ),
        ("a stack without it", |world| world.run.capacity_lever = false, (vec![], 2, vec![], unfit(Unfit::LeverOff))),
        (
            "a service outside the scope",
            |world| world.memory.switches.entries = vec![entry("service/prod/api", Lever::Capacity)],
            (vec![], 1, vec![], unfit(Unfit::Outside { service: web.clone() })),
        ),
        (
            "a service that the switch does not cover",
            |world| {
                world.snapshot.services[1].tags.clear();
                world.memory.ledgers.remove(&world.snapshot.services[1].id.arn);
            },
            (vec![], 1, vec![LeftWhy::NotCovered], unfit(Unfit::Outside { service: web })),
        ),
        (
            "two entries that cover them together",
            |world| {
                let scopes = ["service/prod/api", "service/prod/web"];
                world.memory.switches.entries = scopes.map(|scope| entry(scope, Lever::Capacity)).to_vec();
            },
            (away(), 0, turning(), Some(TurnWhat::Turn)),
        ),
        (
            "a service that could not be read",
            |world| world.snapshot.gaps = vec![fixtures::gap("other", "ecs:DescribeServices")],
            (vec![], 2, vec![], unfit(Unfit::ServicesUnread)),
        ),
        (
            "its instances are being replaced",
            |world| world.turned(Market::OnDemand, 3, |_| {}),
            (vec![], 0, turning(), under_way(3)),
        ),
        (
            "no Spot instance is left",
            |world| world.turned(Market::OnDemand, 0, |_| {}),
            (vec![], 0, vec![], Some(TurnWhat::Turned)),
        ),
        (
            "the time is over",
            |world| world.turned(Market::OnDemand, 3, |turn| turn.ends_by = fixtures::now()),
            (vec![], 2, vec![], lost(LostWhy::TimeOver)),
        ),
        (
            "somebody gave it Spot again",
            |world| {
                world.turned(Market::Spot, 3, |turn| {
                    (turn.at, turn.taken_at) = (fixtures::at(-400), Some(fixtures::at(-400)));
                });
            },
            (vec![], 2, vec![], lost(LostWhy::Reverted)),
        ),
        (
            "a write back may be on its way",
            |world| {
                world.turned(Market::OnDemand, 0, |turn| {
                    let (at, until) = (fixtures::at(-10), fixtures::at(170));
                    turn.back = Some(WriteBack { run: fixtures::run_id("ordinary"), at, until });
                });
            },
            (vec![], 2, vec![], lost(LostWhy::ComingBack)),
        ),
        (
            "AWS has not taken it",
            |world| world.turned(Market::Spot, 3, |turn| turn.taken_at = None),
            (away(), 0, turning(), Some(TurnWhat::Turn)),
        ),
        (
            "somebody asks for strategies now",
            |world| {
                world.turned(Market::OnDemand, 3, |_| {});
                world.memory.switches.entries = vec![entry("all", Lever::Strategy)];
            },
            (vec![], 2, vec![], under_way(3)),
        ),
        (
            "and nothing is on Spot any more",
            |world| {
                world.turned(Market::OnDemand, 0, |_| {});
                world.memory.switches.entries = vec![entry("all", Lever::Strategy)];
            },
            (vec![], 0, vec![], Some(TurnWhat::Turned)),
        ),
        (
            "an ordinary run under it",
            |world| {
                world.run = run(RunMode::Ordinary);
                world.snapshot.depth = Depth::Full;
            },
            (away(), 0, vec![], Some(TurnWhat::Turn)),
        ),
    ];
    for (name, vary, expected) in cases {
        let mut world = World::switched();
        vary(&mut world);
        let _ = check(name, &world, expected);
    }
}

#[test]
fn a_turn_is_on_record_with_its_original_and_its_time_before_it_is_ordered() {
    let mut world = World::switched();
    world.versions.insert(spot(), 7);
    let plan = world.plan();
    let [turn] = plan.turns.as_slice() else { panic!("{:?}", plan.turns) };
    assert_eq!((turn.version, turn.ends_by, turn.taken_at), (8, fixtures::at(600), None), "its versions go on");
    assert_eq!((&turn.original, turn.group.as_str()), (&fixtures::distribution(Market::Spot), "asg-spot"));
    assert_eq!((&turn.scope, turn.cluster.as_str()), (&Scope::All, "prod"));
    world.turned(Market::Spot, 3, |turn| turn.taken_at = None);
    assert_eq!(world.plan().turns, [], "it is there already: its time does not begin anew");
}

#[test]
fn a_turned_group_is_turned_back_as_a_move_up() {
    let held = |why| (vec![], 0, vec![], Some(TurnWhat::Held { why }));
    let ended = |how| (vec![], 0, vec![], Some(TurnWhat::Ended { how }));
    let back = || (vec![TurnWay::Back], 0, vec![], Some(TurnWhat::TurnBack));
    let cases: Vec<(&str, Vary, Expected)> = vec![
        ("nothing bars it", |_| {}, back()),
        (
            "a switch over another service of the cluster",
            |world| world.memory.switches.entries = vec![entry("service/prod/other", Lever::Strategy)],
            held(BackHeld::SwitchOn),
        ),
        (
            "a switch over another cluster",
            |world| world.memory.switches.entries = vec![entry("cluster/test", Lever::Capacity)],
            back(),
        ),
        ("without the lock", |world| world.run.holds_lock = false, held(BackHeld::NotNow)),
        (
            "a dry run says that it would",
            |world| {
                world.run = RunRecord { holds_lock: false, ..run(RunMode::Dry { why: crate::record::DryWhy::Input }) }
            },
            back(),
        ),
        ("a stack that may turn groups no more", |world| world.run.capacity_lever = false, held(BackHeld::LeverOff)),
        (
            "a window without Spot",
            |world| world.policy.windows = vec![fixtures::window(Percent::ZERO, fixtures::now())],
            (vec![], 2, vec![], Some(TurnWhat::Held { why: BackHeld::Ceiling })),
        ),
        (
            "a ceiling below what is on it",
            |world| {
                world.policy.budget.tolerance_percent = Percent::ZERO;
                for ceiling in &mut world.memory.signals.ceilings {
                    ceiling.ceiling = Percent::saturating(20);
                }
            },
            (vec![], 2, vec![], Some(TurnWhat::Held { why: BackHeld::Ceiling })),
        ),
        (
            "a dry pair",
            |world| {
                for ceiling in &mut world.memory.signals.ceilings {
                    ceiling.dry =
                        Some(crate::control::Dry { seen_at: fixtures::at(-60), until: fixtures::at(60), times: 1 });
                }
            },
            held(BackHeld::Dry),
        ),
        (
            "a service that fails a safety rule",
            |world| {
                for group in world.snapshot.services[0].target_groups.values_mut() {
                    *group = Reading::Known(crate::observe::TargetGroup { deregistration_delay: Seconds(300) });
                }
            },
            held(BackHeld::Unsafe),
        ),
        (
            "a deployment",
            |world| world.snapshot.services[0].deployments[0].rollout = Some(RolloutState::InProgress),
            held(BackHeld::Deploying),
        ),
        (
            "another run may be turning it back",
            |world| {
                world.turned(Market::OnDemand, 0, |turn| {
                    let (at, until) = (fixtures::at(-10), fixtures::at(170));
                    turn.back = Some(WriteBack { run: fixtures::run_id("other"), at, until });
                });
            },
            held(BackHeld::JustWritten),
        ),
        (
            "a read that came before the turn",
            |world| world.turned(Market::Spot, 0, |_| {}),
            held(BackHeld::JustWritten),
        ),
        (
            "the original is back",
            |world| {
                world.turned(Market::Spot, 3, |turn| {
                    (turn.at, turn.taken_at) = (fixtures::at(-900), Some(fixtures::at(-900)));
                });
            },
            ended(TurnEnd::Original),
        ),
        (
            "somebody has other wishes",
            |world| {
                world.turned(Market::Mixed, 3, |turn| {
                    (turn.at, turn.taken_at) = (fixtures::at(-900), Some(fixtures::at(-900)));
                });
            },
            ended(TurnEnd::Changed),
        ),
        ("a restore of all", |world| world.run = run(RunMode::Restore { scope: Scope::All }), back()),
        (
            "a restore of one service",
            |world| world.run = run(RunMode::Restore { scope: Scope::parse("service/prod/web").unwrap() }),
            held(BackHeld::NotCovered),
        ),
    ];
    for (name, vary, expected) in cases {
        let mut world = World::released();
        vary(&mut world);
        let plan = check(name, &world, expected);
        for turn in &plan.turns {
            assert_eq!((turn.version, turn.ended.is_some()), (3, true), "{name}");
        }
    }
}

/// Its tasks count as Spot, and nothing climbs onto it.
#[test]
fn nothing_moves_up_onto_a_turned_group() {
    let mut world = World::released();
    world.snapshot.services[1] = fixtures::service("web", GROUPS);
    let plan = world.plan();
    let web = plan.held_back.iter().find(|held| held.service.name.as_str() == "web").map(|held| held.why);
    assert_eq!(web, Some(HeldWhy::Turned), "{:?}", moves(&plan));
    assert!(plan.budget.spot_cpu > CpuUnits(0));
    world.turns.clear();
    world
        .group(|group| (group.market, group.distribution) = (Market::Spot, Some(fixtures::distribution(Market::Spot))));
    assert!(world.plan().moves.iter().any(|one| one.planned.kind == MoveKind::Up), "and without the turn it climbs");
}

#[test]
fn what_is_told_of_a_group_is_called_as_in_json() {
    let all = [
        TurnWhat::Turn,
        TurnWhat::Unfit { why: vec![Unfit::LeverOff] },
        TurnWhat::UnderWay { spot_instances: None },
        TurnWhat::Turned,
        TurnWhat::Lost { why: LostWhy::TimeOver },
        TurnWhat::TurnBack,
        TurnWhat::Held { why: BackHeld::Dry },
        TurnWhat::Ended { how: TurnEnd::Original },
    ];
    for what in all {
        assert_eq!(serde_json::to_value(&what).unwrap()["what"], what.name());
    }
    for why in [LostWhy::TimeOver, LostWhy::Unread, LostWhy::Reverted, LostWhy::ComingBack] {
        assert_eq!(serde_json::to_value(why).unwrap(), why.name());
    }
    for how in [TurnEnd::Original, TurnEnd::Changed] {
        assert_eq!(serde_json::to_value(how).unwrap(), how.name());
    }
}
