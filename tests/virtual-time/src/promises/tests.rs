//! Each check bites: a write that breaks a promise is told, and one that keeps all is not.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use aws_sim::account::plain;
use aws_sim::world::faults::Fault;
use aws_sim::world::update_service::UpdateService;
use aws_sim::world::{ServiceKey, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use spotkeeper_core::fixtures;
use spotkeeper_core::ids::{MoveId, RunId, ServiceRef};
use spotkeeper_core::observe::{Depth, Family, Look, PlacedBy, Reading, Snapshot};
use spotkeeper_core::plan::{Move, MoveKind};
use spotkeeper_core::policy::{Policy, checked};
use spotkeeper_core::record::{Ledger, MoveRecord, Outcome, Written};
use spotkeeper_core::strategy::Strategy;
use spotkeeper_core::switch::Scope;
use spotkeeper_core::units::Seconds;

use super::{Promises, Write};
use crate::tables::Tables;

/// A move up of the service `web`, right before its write: everything holds.
struct Stage {
    world: World,
    tables: Tables,
    promises: Promises,
    run: RunId,
    service: ServiceRef,
    up: PlacedBy,
}

fn policy() -> Policy {
    checked(json!({ "mode": "active", "pace": { "services_in_flight": 1 } })).unwrap()
}

impl Stage {
    fn new() -> Stage {
        let account = plain(
            "prod",
            json!({
                "targetGroups": [{ "name": "web", "attributes": { "deregistration_delay.timeout_seconds": "30" } }],
                "services": [{
                    "cluster": "prod", "serviceName": "web", "taskDefinition": "web", "desiredCount": 4,
                    "capacityProviderStrategy": [{ "capacityProvider": "FARGATE", "weight": 1 }],
                    "loadBalancers": [{ "targetGroupArn": "web", "containerName": "app", "containerPort": 80 }],
                    "tags": [{ "key": "spotkeeper:enabled", "value": "true" }],
                }],
            }),
        );
        let start = Timestamp::from_second(1_767_225_600).unwrap();
        let world = aws_sim::account::parse(&account.to_string(), "test", start).unwrap();
        let snapshot = snapshot(&world);
        let service = snapshot.services[0].id.clone();
        let pair = fixtures::pair(Family::Fargate);
        let up = PlacedBy::Strategy(Strategy::over(&pair.on_demand, &pair.spot, 1, 1, 1));
        let run = fixtures::run_id("run");
        let mut tables = Tables::new(Ok(policy()));
        let ledger = Ledger::new(service.clone(), snapshot.services[0].placed_by.clone(), pair);
        tables.ledgers.insert(service.arn.clone(), ledger);
        let record = intent(&run, &service, MoveKind::Up, &up, world.now());
        tables.put_moves(&[record]);
        let mut promises = Promises::new();
        promises.observed(&world, &tables, &run, &snapshot);
        promises.looked(&world, &run, &service);
        Stage { world, tables, promises, run, service, up }
    }

    /// The promises that the write breaks.
    fn broken(mut self, placed_by: &PlacedBy) -> Vec<&'static str> {
        let write = Write { run: &self.run, service: &self.service, placed_by };
        self.promises.before_write(&self.world, &self.tables, &write);
        self.promises.broken().iter().map(|broken| broken.promise).collect()
    }

    fn fault(&mut self, fault: serde_json::Value) {
        let fault: Fault = serde_json::from_value(fault).unwrap();
        self.world.set_fault(fault, true, &[]).unwrap();
    }

    fn delay(&mut self, seconds: u32) {
        let arn = self.world.target_groups.keys().next().unwrap().clone();
        let delay = (aws_sim::world::elb::DEREGISTRATION_DELAY.to_owned(), seconds.to_string());
        self.world.modify_target_group_attributes(&arn, &[delay]).unwrap();
        self.promises.tick(&self.world, &self.tables);
    }

    fn look_again(&mut self) {
        self.look_blindly(|_| {});
    }

    /// Another look at the cluster, of which not everything can be read.
    fn look_blindly(&mut self, lose: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = snapshot(&self.world);
        lose(&mut snapshot);
        self.promises.observed(&self.world, &self.tables, &self.run, &snapshot);
        self.promises.looked(&self.world, &self.run, &self.service);
    }

    /// Another look at the service, of which not everything can be seen.
    fn glance(&mut self, lose: impl FnOnce(&mut Look)) {
        let mut look = aws_sim::fleet::look(&self.world, &self.service, self.world.now());
        lose(&mut look);
        self.promises.shown(&self.run, &self.service, &look);
    }
}

fn snapshot(world: &World) -> Snapshot {
    aws_sim::fleet::snapshot(world, &fixtures::cluster_name(), Depth::Full).unwrap()
}

fn missing<T>() -> Reading<T> {
    Reading::Missing(fixtures::gap("it", "ecs:Describe"))
}

/// A move whose write is about to be sent.
fn intent(run: &RunId, service: &ServiceRef, kind: MoveKind, after: &PlacedBy, at: Timestamp) -> MoveRecord {
    let mut record = fixtures::move_up(run, "prod/0-0");
    record.planned = Move { service: service.clone(), kind, after: after.clone(), spot_tasks: 1, ..record.planned };
    record.written = Some(Written {
        at,
        after: after.clone(),
        previous_deployment: None,
        previous_service_deployment: None,
        confirmed: false,
        deployment: None,
        deployment_id: None,
        deadline: Seconds(600),
    });
    record
}

#[test]
fn a_write_that_breaks_a_promise_is_told() {
    type Vary = fn(&mut Stage);
    let cases: [(&str, Vary, &[&str]); 24] = [
        ("all holds", |_| {}, &[]),
        ("no intent is on record", |stage| stage.tables.moves.clear(), &["S12"]),
        ("no original is on record", |stage| stage.tables.ledgers.clear(), &["S9"]),
        (
            "it is not enrolled",
            |stage| {
                let key = ServiceKey::new("prod", "web");
                stage.world.set_tag(&key, "spotkeeper:enabled", Some("false"));
                stage.look_again();
            },
            &["S1"],
        ),
        (
            "it has one task",
            |stage| {
                stage.fault(json!({
                    "fault": "set_desired_count", "cluster": "prod", "service": "web", "desired_count": 1,
                }));
                stage.look_again();
            },
            &["S1"],
        ),
        (
            "its target group drains for too long",
            |stage| {
                stage.delay(300);
                stage.look_again();
            },
            &["S1"],
        ),
        (
            "it drains for too long since less than readings are kept",
            |stage| {
                stage.promises.target_groups_kept = SignedDuration::from_hours(6);
                stage.delay(300);
                stage.world.advance_by(6.0 * 3600.0 - 1.0);
                stage.look_again();
            },
            &[],
        ),
        (
            "it drains for too long since longer than that",
            |stage| {
                stage.promises.target_groups_kept = SignedDuration::from_hours(6);
                stage.delay(300);
                stage.world.advance_by(6.0 * 3600.0);
                stage.look_again();
            },
            &["S1"],
        ),
        (
            "it was faster once, longer ago than readings are kept",
            |stage| {
                stage.promises.target_groups_kept = SignedDuration::from_hours(6);
                stage.delay(300);
                stage.world.advance_by(3.0 * 3600.0);
                stage.delay(200);
                stage.world.advance_by(3.0 * 3600.0);
                stage.look_again();
            },
            &["S1"],
        ),
        (
            "its tasks could not be read",
            |stage| stage.look_blindly(|snapshot| snapshot.services[0].tasks = missing()),
            &["S3"],
        ),
        (
            "its task definition could not be read",
            |stage| stage.look_blindly(|snapshot| snapshot.services[0].task_definition = missing()),
            &["S3"],
        ),
        (
            "its scaling range could not be read",
            |stage| stage.look_blindly(|snapshot| snapshot.services[0].scaling = missing()),
            &["S3"],
        ),
        (
            "its target group could not be read",
            |stage| {
                stage.look_blindly(|snapshot| {
                    snapshot.services[0].target_groups.values_mut().for_each(|group| *group = missing());
                });
            },
            &["S3"],
        ),
        (
            "a provider of its pair could not be read",
            |stage| stage.look_blindly(|snapshot| snapshot.providers.values_mut().for_each(|one| *one = missing())),
            &["S3"],
        ),
        (
            "the quota of Fargate could not be read",
            |stage| stage.look_blindly(|snapshot| snapshot.quotas.fargate_on_demand = missing()),
            &["S3"],
        ),
        (
            "what could not be read is read again",
            |stage| {
                stage.look_blindly(|snapshot| snapshot.services[0].tasks = missing());
                stage.look_again();
            },
            &[],
        ),
        ("it could not be seen right before", |stage| stage.glance(|look| look.service = missing()), &["S3"]),
        (
            "its service deployments could not be seen right before",
            |stage| stage.glance(|look| look.deployments = missing()),
            &["S3"],
        ),
        ("its targets could not be seen right before", |stage| stage.glance(|look| look.targets = missing()), &[]),
        (
            "a switch is on for as long as an Updater may take",
            |stage| {
                stage.promises.switch_put(&stage.world, &fixtures::switch(Scope::All));
                stage.world.advance_by(120.0);
            },
            &[],
        ),
        (
            "a switch is on for longer",
            |stage| {
                stage.promises.switch_put(&stage.world, &fixtures::switch(Scope::All));
                stage.world.advance_by(121.0);
            },
            &["S4"],
        ),
        ("it is in place already", |stage| stage.up = PlacedBy::Strategy(fargate_alone()), &["S5"]),
        (
            "somebody deploys",
            |stage| {
                stage.fault(json!({ "fault": "deploy", "cluster": "prod", "service": "web" }));
                let (run, service) = (stage.run.clone(), stage.service.clone());
                stage.promises.looked(&stage.world, &run, &service);
            },
            &["S6"],
        ),
        (
            "a move down while somebody deploys",
            |stage| {
                stage.fault(json!({ "fault": "deploy", "cluster": "prod", "service": "web" }));
                let (run, service) = (stage.run.clone(), stage.service.clone());
                stage.promises.looked(&stage.world, &run, &service);
                let down = intent(&run, &service, MoveKind::Down, &stage.up, stage.world.now());
                stage.tables.put_moves(&[down]);
            },
            &["S6"],
        ),
    ];
    for (name, vary, expected) in cases {
        let mut stage = Stage::new();
        vary(&mut stage);
        let placed_by = stage.up.clone();
        assert_eq!(stage.broken(&placed_by), expected, "{name}");
    }
}

/// The checker of S11 bites: a write is taken back, and the next move up comes too soon.
#[test]
fn s11_a_move_up_too_soon_after_a_revert_is_told() {
    let hour = f64::from(policy().verify.quarantine_seconds.0);
    let up_after = |reverts: u32, pause: f64| {
        let mut stage = Stage::new();
        stage.tables.runs.insert(stage.run.clone(), fixtures::run(spotkeeper_core::record::RunMode::Ordinary));
        for number in 1..=reverts {
            let up = stage.up.clone();
            let write = Write { run: &stage.run, service: &stage.service, placed_by: &up };
            aws_sim::fleet::write(&mut stage.world, &stage.service, &up).unwrap();
            stage.promises.after_write(&stage.world, &write, true);
            stage.world.advance_by(600.0);
            stage.look_again();
            stage.fault(json!({
                "fault": "deploy", "cluster": "prod", "service": "web",
                "capacity_provider_strategy": [{ "capacityProvider": "FARGATE", "weight": 1 }],
            }));
            stage.world.advance_by(if number < reverts { 600.0 } else { pause });
            stage.look_again();
            // Looks that follow do not count it again.
            stage.look_again();
        }
        let up = stage.up.clone();
        stage.broken(&up)
    };
    assert_eq!(up_after(1, hour - 1.0), ["S11"]);
    assert_eq!(up_after(1, hour), [""; 0]);
    assert_eq!(up_after(2, 2.0 * hour - 1.0), ["S11"], "twice as long");
    assert_eq!(up_after(2, 2.0 * hour), [""; 0]);
}

fn fargate_alone() -> Strategy {
    Strategy::only(fixtures::pair(Family::Fargate).on_demand)
}

/// The blast radius: a service of ten tasks with three on Spot, in zones that ECS chose, climbs.
#[test]
fn a_climb_into_a_pool_that_is_full_is_told() {
    let climbs = |percent: u32, planned: u32| {
        let mut stage = Stage::new();
        let mut run = fixtures::run(spotkeeper_core::record::RunMode::Ordinary);
        run.policy = checked(json!({ "mode": "active", "budget": { "blast_radius_percent": percent } })).unwrap();
        stage.tables.runs.insert(stage.run.clone(), run);
        let deploy = json!({
            "fault": "set_desired_count", "cluster": "prod", "service": "web", "desired_count": 10,
        });
        stage.fault(deploy);
        let pair = fixtures::pair(Family::Fargate);
        let now = PlacedBy::Strategy(Strategy::over(&pair.on_demand, &pair.spot, 0, 1, 1));
        aws_sim::fleet::write(&mut stage.world, &stage.service, &now).unwrap();
        stage.world.advance_by(1_200.0);
        stage.up = PlacedBy::Strategy(Strategy::over(&pair.on_demand, &pair.spot, 0, 1, 4));
        let mut record = intent(&stage.run, &stage.service, MoveKind::Up, &stage.up, stage.world.now());
        record.planned = Move { spot_tasks: planned, desired: 10, ..record.planned };
        stage.tables.put_moves(&[record]);
        stage.look_again();
        let up = stage.up.clone();
        stage.broken(&up)
    };
    // Five tasks in three zones: two in the fullest.
    assert_eq!(climbs(30, 8), [""; 0], "three may be in each of three zones");
    assert_eq!(climbs(20, 6), [""; 0], "two may be in each");
    assert_eq!(climbs(20, 7), ["blast radius"], "more are planned than all zones may hold");
    assert_eq!(climbs(10, 3), [""; 0], "one may be in each, and two are, but fewer are planned than run");
    assert_eq!(climbs(10, 6), ["blast radius"; 2], "one may be in each, two are, and more are planned");
}

#[test]
fn what_a_move_leaves_behind_is_told() {
    let ended = |vary: &dyn Fn(&mut Stage)| {
        let mut stage = Stage::new();
        let write = Write { run: &stage.run, service: &stage.service, placed_by: &stage.up };
        stage.tables.ledgers.get_mut(&stage.service.arn).unwrap().open = Some(spotkeeper_core::record::OpenMove {
            run: stage.run.clone(),
            move_id: MoveId::parse("prod/0-0").unwrap(),
            ends_by: stage.world.now() + SignedDuration::from_secs(600),
            previous: None,
        });
        stage.promises.before_write(&stage.world, &stage.tables, &write);
        aws_sim::fleet::write(&mut stage.world, &stage.service, &stage.up).unwrap();
        stage.promises.after_write(&stage.world, &write, true);
        stage.world.advance_by(300.0);
        vary(&mut stage);
        let mut record = intent(&stage.run, &stage.service, MoveKind::Up, &stage.up, stage.world.now());
        record.outcome = Some(Outcome::Stable);
        record.planned.spot_tasks = 0;
        stage.tables.runs.insert(stage.run.clone(), fixtures::run(spotkeeper_core::record::RunMode::Ordinary));
        stage.promises.moves_put(&stage.world, &stage.tables, &[record]);
        stage.promises.broken().iter().map(|broken| broken.promise).collect::<Vec<_>>()
    };
    assert_eq!(ended(&|_| {}), ["S2"], "a task is on Spot, where the plan dealt none");
    assert_eq!(ended(&|stage| stage.world.advance_by(600.0)), ["S8", "S2"], "and it comes too late");
}

#[test]
fn more_moves_up_in_flight_than_the_policy_allows_are_told() {
    let in_flight = |moves: u32, vary: &dyn Fn(&mut MoveRecord)| {
        let mut stage = Stage::new();
        let mut run = fixtures::run(spotkeeper_core::record::RunMode::Ordinary);
        run.policy = policy();
        stage.tables.runs.insert(stage.run.clone(), run);
        for number in 0..moves {
            let mut record = intent(&stage.run, &stage.service, MoveKind::Up, &stage.up, stage.world.now());
            record.planned.id = MoveId::parse(&format!("prod/0-{number}")).unwrap();
            vary(&mut record);
            let ends_by = stage.world.now() + SignedDuration::from_secs(600);
            stage.promises.ends_by.insert((stage.run.clone(), record.planned.id.clone()), ends_by);
            stage.tables.put_moves(&[record.clone()]);
            stage.promises.moves_put(&stage.world, &stage.tables, &[record]);
        }
        stage.promises.broken().iter().map(|broken| broken.promise).collect::<Vec<_>>()
    };
    assert_eq!(in_flight(1, &|_| {}), [""; 0], "the policy allows one");
    assert_eq!(in_flight(2, &|_| {}), ["S7"]);
    assert_eq!(in_flight(2, &|record| record.written = None), [""; 0], "what is not written is not in flight");
    assert_eq!(in_flight(2, &|record| record.planned.kind = MoveKind::Down), [""; 0], "nor is a way down");
}

#[test]
fn a_write_that_changes_more_than_the_strategy_is_told() {
    let written = |change: &dyn Fn(&mut World)| {
        let mut stage = Stage::new();
        let write = Write { run: &stage.run, service: &stage.service, placed_by: &stage.up };
        stage.promises.before_write(&stage.world, &stage.tables, &write);
        aws_sim::fleet::write(&mut stage.world, &stage.service, &stage.up).unwrap();
        change(&mut stage.world);
        stage.promises.after_write(&stage.world, &write, true);
        stage.promises.broken().iter().map(|broken| broken.promise).collect::<Vec<_>>()
    };
    let by_hand = |change: UpdateService| {
        move |world: &mut World| {
            let call = UpdateService { cluster: Some("prod".to_owned()), service: "web".to_owned(), ..change.clone() };
            world.update_service(&call).unwrap();
        }
    };
    assert_eq!(written(&|_| {}), [""; 0], "the strategy alone");
    let cases = [
        ("the desired count", UpdateService { desired_count: Some(5), ..UpdateService::default() }),
        ("the platform", UpdateService { platform_version: Some("1.4.0".to_owned()), ..UpdateService::default() }),
        ("the grace", UpdateService { health_check_grace_period_seconds: Some(9), ..UpdateService::default() }),
    ];
    for (name, change) in cases {
        assert_eq!(written(&by_hand(change)), ["S10"], "{name}");
    }
    let tagged = |world: &mut World| world.set_tag(&ServiceKey::new("prod", "web"), "team", Some("a"));
    assert_eq!(written(&tagged), ["S10"], "a tag");
}
