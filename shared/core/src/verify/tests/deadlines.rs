//! Deadlines, by hand.

use crate::fixtures;
use crate::observe::{DeploymentStrategy, Family, Reading, Service, TargetGroup};
use crate::policy;
use crate::units::{Percent, Seconds};
use crate::verify::{deadline, ends_by};

/// Launch 100 s, no slack, no dwell, no poll; the fixture drains in 30 s, stops in 30 s and has
/// 60 s of grace: a batch takes 220 s.
fn policy() -> policy::Verify {
    policy::Verify {
        launch_seconds: Seconds(100),
        deadline_slack_percent: Percent::ZERO,
        dwell_seconds: Seconds(0),
        poll_seconds: Seconds(0),
        max_deadline_seconds: Seconds(86_400),
        ..policy::Verify::default()
    }
}

#[test]
fn a_deadline_is_the_sum_of_its_parts() {
    type Change = fn(&mut policy::Verify, &mut Service);
    // The rates add 1 s for 4 tasks: 500 a minute for a service.
    let rows: &[(&str, Change, u32)] = &[
        ("50/200: 6 of 4 at once, one batch", |_, _| {}, 221),
        ("100/150: 2 of 4 at once", |_, s| percents(s, 100, 150), 441),
        ("100/125: one at a time", |_, s| percents(s, 100, 125), 881),
        ("75/100: one at a time", |_, s| percents(s, 75, 100), 881),
        ("51/100: the minimum is rounded up to 3", |_, s| percents(s, 51, 100), 881),
        ("100/149: the maximum is rounded down to 5", |_, s| percents(s, 100, 149), 881),
        ("100/100: nothing can ever move", |_, s| percents(s, 100, 100), 86_400),
        (
            "one task, 100/150: rounded down to none more",
            |_, s| {
                s.desired = 1;
                percents(s, 100, 150);
            },
            86_400,
        ),
        ("no task", |_, s| s.desired = 0, 0),
        (
            "1,000 tasks: 120 s at 500 a minute",
            |_, s| {
                s.desired = 1_000;
                percents(s, 100, 200);
            },
            340,
        ),
        (
            "blue/green: all at once, baked for 600 s",
            |_, s| {
                percents(s, 100, 100);
                s.deployment.strategy = DeploymentStrategy::BlueGreen;
                s.deployment.bake = Seconds(600);
            },
            821,
        ),
        ("hooks", |_, s| s.deployment.hook_time = Seconds(60), 281),
        ("slack of half", |p, _| p.deadline_slack_percent = Percent::saturating(50), 331),
        (
            "dwell and a poll, without slack",
            |p, _| {
                p.dwell_seconds = Seconds(120);
                p.poll_seconds = Seconds(15);
            },
            356,
        ),
        ("capped", |p, _| p.max_deadline_seconds = Seconds(200), 200),
        ("a target group that was not read", |_, s| s.target_groups.clear(), 491),
        (
            "the longest of two target groups",
            |_, s| {
                let group = TargetGroup { deregistration_delay: Seconds(90) };
                let arn = s.target_groups.keys().next().unwrap().clone();
                s.target_groups.insert(arn, Reading::Known(group));
            },
            281,
        ),
        (
            "a task definition that was not read",
            |_, s| s.task_definition = Reading::Missing(fixtures::gap("it", "ecs:DescribeTaskDefinition")),
            311,
        ),
        (
            "containers that stop one after the other",
            |_, s| {
                fixtures::edit_task_definition(s, |definition| {
                    let mut chain = ["a", "b", "c"].map(fixtures::container);
                    chain[0].depends_on = vec!["b".to_owned()];
                    chain[1].depends_on = vec!["c".to_owned()];
                    chain[2].stop_timeout = Some(Seconds(50));
                    definition.containers.extend(chain);
                });
            },
            301,
        ),
        (
            "containers that depend on each other",
            |_, s| {
                fixtures::edit_task_definition(s, |definition| {
                    let mut ring = ["a", "b"].map(fixtures::container);
                    ring[0].depends_on = vec!["b".to_owned()];
                    ring[1].depends_on = vec!["a".to_owned()];
                    definition.containers = ring.to_vec();
                });
            },
            251,
        ),
    ];
    for (name, change, expected) in rows {
        let (mut policy, mut service) = (policy(), fixtures::service("web", Family::Fargate));
        change(&mut policy, &mut service);
        assert_eq!(deadline(&policy, &service), Seconds(*expected), "{name}");
    }
}

fn percents(service: &mut Service, minimum: u32, maximum: u32) {
    service.deployment.minimum_healthy_percent = minimum;
    service.deployment.maximum_percent = maximum;
}

#[test]
fn the_end_of_a_move_allows_for_every_step_that_is_left() {
    let mut drive = super::Drive::up();
    let policy = policy::Verify { dwell_seconds: Seconds(60), ..policy::Verify::default() };
    assert_eq!(ends_by(&policy, &drive.record, fixtures::now()), fixtures::at(4 * (600 + 60 + 120)));
    drive.record.steps = 3;
    assert_eq!(ends_by(&policy, &drive.record, fixtures::now()), fixtures::at(600 + 60 + 120));
    drive.record.planned.deadline = Seconds(10);
    assert_eq!(
        ends_by(&policy, &drive.record, fixtures::now()),
        fixtures::at(300 + 60 + 120),
        "a lost answer takes 300 s"
    );
}
