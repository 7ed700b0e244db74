//! Whose place is looked up, and who gets it.

use std::collections::BTreeMap;

use super::*;
use crate::fixtures;
use crate::observe::{Family, GapCause};

const INSTANCE: &str = "arn:aws:ecs:eu-west-1:111122223333:container-instance/prod/1";

/// A task on an instance whose place is unread, over one of a pair of groups.
fn unread(market: Market) -> Task {
    let service = fixtures::service("web", Family::AutoScalingGroup);
    let mut task = service.tasks.known().unwrap()[0].clone();
    let pair = fixtures::pair(Family::AutoScalingGroup);
    task.provider = Some(if market == Market::Spot { pair.spot } else { pair.on_demand });
    task.running = true;
    task.place = Reading::Missing(gap(INSTANCE, GapCause::NotRead));
    task
}

fn gap(subject: &str, cause: GapCause) -> Gap {
    Gap { cause, ..fixtures::gap(subject, "ecs:DescribeContainerInstances") }
}

fn with(task: Task) -> Vec<Service> {
    let mut service = fixtures::service("web", Family::AutoScalingGroup);
    service.tasks = Reading::Known(vec![task]);
    vec![service]
}

fn place() -> Place {
    Place { instance_type: Some("m5.large".to_owned()), zone: "eu-west-1a".to_owned() }
}

#[test]
fn instances_are_read_under_running_spot_tasks_alone() {
    type Vary = fn(&mut Task);
    let cases: [(&str, Market, Vary, bool); 7] = [
        ("a Spot task that runs", Market::Spot, |_| {}, true),
        ("an On-Demand task", Market::OnDemand, |_| {}, false),
        ("a Spot task on its way", Market::Spot, |task| task.running = false, false),
        ("an On-Demand task on its way", Market::OnDemand, |task| task.running = false, false),
        ("one that is known", Market::Spot, |task| task.place = Reading::Known(place()), false),
        (
            "one that could not be read",
            Market::Spot,
            |task| task.place = Reading::Missing(gap(INSTANCE, GapCause::Denied)),
            false,
        ),
        (
            "one without an instance",
            Market::Spot,
            |task| {
                task.place = Reading::Missing(gap("arn:aws:ecs:eu-west-1:111122223333:task/prod/1", GapCause::NotRead))
            },
            false,
        ),
    ];
    let providers = fixtures::snapshot(with(unread(Market::Spot))).providers;
    for (name, market, vary, read) in cases {
        let mut task = unread(market);
        vary(&mut task);
        let found: Vec<String> = unread_instances(&with(task), &providers).into_iter().collect();
        assert_eq!(found, Vec::from_iter(read.then(|| INSTANCE.to_owned())), "{name}");
    }
}

#[test]
fn a_task_gets_the_place_of_its_instance_or_why_there_is_none() {
    let denied = gap(INSTANCE, GapCause::Denied);
    let before = unread(Market::Spot).place;
    let cases = [
        ("its place", INSTANCE, Ok(place()), Reading::Known(place())),
        ("why there is none", INSTANCE, Err(denied.clone()), Reading::Missing(denied)),
        (
            "that of another instance",
            "arn:aws:ecs:eu-west-1:111122223333:container-instance/prod/2",
            Ok(place()),
            before,
        ),
    ];
    for (name, instance, answer, after) in cases {
        let mut services = with(unread(Market::Spot));
        set_places(&mut services, &BTreeMap::from([(instance.to_owned(), answer)]));
        assert_eq!(services[0].tasks.known().unwrap()[0].place, after, "{name}");
    }
}
