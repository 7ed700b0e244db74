//! What the demo claims, held against what was found and against what AWS says.

use std::collections::BTreeSet;

use spotkeeper_core::assess::{Assessment, Level, Rule};
use spotkeeper_core::observe::PlacedBy;
use spotkeeper_core::plan::MoveKind;
use spotkeeper_core::record::{MoveRecord, Outcome};

use super::aws::{Fleet, Service, is_spot};

/// The rules that only warn, unless the policy says otherwise.
const WARNS: [Rule; 3] = [Rule::Replaceable, Rule::Image, Rule::Discovery];
/// Services that may move, one on every kind of capacity pair.
const FREE: [&str; 3] = ["shop/web", "shop/api", "data/crunch"];
/// The service that is on Spot before Spotkeeper comes.
const ADOPTED: &str = "shop/thumbnails";

/// Each rule must be the only one that blocks some service; one that only warns, the only one that
/// warns of it.
pub(super) fn rules(assessments: &[Assessment]) -> Vec<String> {
    let mut sole = BTreeSet::new();
    for assessment in assessments {
        let heard: Vec<_> = assessment.verdicts.iter().filter(|verdict| verdict.level != Level::Pass).collect();
        let blocks: Vec<_> = heard.iter().filter(|verdict| verdict.level == Level::Block).collect();
        match (blocks.as_slice(), heard.as_slice()) {
            ([only], _) => _ = sole.insert(only.rule),
            ([], [only]) if WARNS.contains(&only.rule) => _ = sole.insert(only.rule),
            _ => {}
        }
    }
    let missing = Rule::ALL.iter().filter(|rule| !sole.contains(rule));
    missing.map(|rule| format!("no service has {rule} as its sole reason")).collect()
}

/// Moves up were made, on every kind of pair, and AWS has what Spotkeeper says that it wrote; and
/// what no move touched is as it was.
pub(super) fn moved_up(before: &Fleet, after: &Fleet, moves: &[MoveRecord], found: &[Assessment]) -> Vec<String> {
    let mut problems = Vec::new();
    let done = |name: &str| moves.iter().find(|record| name_of(record) == name && is_stable(record));
    for name in FREE {
        if done(name).is_none_or(|record| record.planned.kind != MoveKind::Up) {
            problems.push(format!("{name} did not move up"));
        }
        if after.get(name).is_none_or(|service| service.on_spot() == 0) {
            problems.push(format!("AWS knows of no task of {name} on Spot"));
        }
    }
    if before.get(ADOPTED).is_none_or(|service| service.on_spot() == 0) {
        problems.push(format!("{ADOPTED} was not on Spot at the start"));
    }
    if after.len() != found.len() {
        problems.push(format!("AWS has {} services, and {} were judged", after.len(), found.len()));
    }
    for (name, service) in after {
        match done(name) {
            Some(record) if !is_placed_by(service, &record.planned.after) => {
                problems.push(format!("AWS has another strategy for {name} than the one that was written"));
            }
            Some(record) if service.on_spot() > record.planned.spot_tasks as usize => {
                let (tasks, most) = (service.on_spot(), record.planned.spot_tasks);
                problems.push(format!("{name} has {tasks} tasks on Spot, and was dealt {most}"));
            }
            None if before.get(name).is_none_or(|earlier| earlier.strategy != service.strategy) => {
                problems.push(format!("no move of {name} was made, and AWS has another strategy for it than before"));
            }
            Some(_) | None => {}
        }
    }
    for assessment in found.iter().filter(|assessment| assessment.blocked()) {
        let name = format!("{}/{}", assessment.service.cluster, assessment.service.name);
        if moves.iter().any(|record| name_of(record) == name && record.planned.kind == MoveKind::Up) {
            problems.push(format!("{name} is blocked, and was moved up"));
        }
    }
    problems
}

/// After the kill switch nothing is on Spot, and nothing would be: by strategy and by tasks.
pub(super) fn all_on_demand(end: &Fleet, moves: &[MoveRecord]) -> Vec<String> {
    let mut problems = Vec::new();
    if moves.is_empty() {
        problems.push("the kill switch moved nothing".to_owned());
    }
    for record in moves.iter().filter(|record| !is_stable(record)) {
        problems.push(format!("the move of {} under the switch did not end well", name_of(record)));
    }
    for (name, service) in end {
        let items = service.strategy.iter().flat_map(|strategy| &strategy.items);
        let promised =
            items.filter(|item| is_spot(item.provider.as_str())).any(|item| item.weight > 0 || item.base > 0);
        if promised || service.on_spot() > 0 {
            problems.push(format!("{name} is still on Spot: {} tasks", service.on_spot()));
        }
        if service.running.values().sum::<usize>() == 0 {
            problems.push(format!("{name} has no running task"));
        }
    }
    problems
}

pub(super) fn name_of(record: &MoveRecord) -> String {
    record.planned.service.to_string()
}

fn is_stable(record: &MoveRecord) -> bool {
    record.outcome == Some(Outcome::Stable)
}

fn is_placed_by(service: &Service, written: &PlacedBy) -> bool {
    match (written, &service.strategy) {
        (PlacedBy::Strategy(written), Some(strategy)) => written.equivalent(strategy),
        (PlacedBy::LaunchType(_), None) => true,
        (PlacedBy::Strategy(_), None) | (PlacedBy::LaunchType(_), Some(_)) => false,
    }
}
