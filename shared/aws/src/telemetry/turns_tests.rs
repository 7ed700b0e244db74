use spotkeeper_core::fixtures;
use spotkeeper_core::observe::Family;
use spotkeeper_core::plan::BackHeld;
use spotkeeper_core::ports::EndOfRun;
use spotkeeper_core::record::{DryWhy, TurnEnd};
use spotkeeper_core::switch::Scope;
use spotkeeper_core::turn::LostWhy;

use super::*;
use crate::telemetry::run_events;

fn switch() -> RunMode {
    RunMode::Switch { entry: fixtures::switch(Scope::All) }
}

fn told(what: TurnWhat) -> TurnReport {
    TurnReport { provider: fixtures::pair(Family::AutoScalingGroup).spot, what, said: String::new() }
}

fn run(mode: RunMode) -> RunRecord {
    RunRecord { id: fixtures::run_id("2026-01-15-0001"), ..fixtures::run(mode) }
}

fn report(turns: Vec<TurnReport>) -> ClusterReport {
    let empty = ClusterReport::empty(run(switch()).id, fixtures::cluster_name(), fixtures::at(20));
    ClusterReport { turns, ..empty }
}

/// A group that a switch has turned, as the switch's run ends.
pub(in crate::telemetry) fn turned() -> TurnChanged {
    TurnChanged::of(&run(switch()), &report(Vec::new()), &told(TurnWhat::Turned)).unwrap()
}

/// Whoever listens hears of a group when a run changes it, and how the run of its switch left it; not every quarter
/// of an hour that it is as it was.
#[test]
fn a_group_is_told_of_when_a_run_changes_it_and_when_its_switch_run_ends() {
    let said = |mode: RunMode, what: &TurnWhat| {
        let changed = TurnChanged::of(&run(mode), &report(Vec::new()), &told(what.clone()))?;
        assert_eq!(changed.what, what.name());
        Some(changed.why.join(" ") + &changed.spot_instances.map_or_else(String::new, |left| left.to_string()))
    };
    // What is told by a switch run, and by an ordinary one.
    let cases = [
        (TurnWhat::Turn, Some(""), Some("")),
        (TurnWhat::UnderWay { spot_instances: Some(3) }, Some("3"), None),
        (TurnWhat::Turned, Some("0"), None),
        (TurnWhat::Unfit { why: vec![Unfit::NotTagged, Unfit::Segments] }, Some("not_tagged segments"), None),
        (TurnWhat::Lost { why: LostWhy::TimeOver }, Some("time_over"), None),
        (TurnWhat::TurnBack, Some(""), Some("")),
        (TurnWhat::Held { why: BackHeld::Dry }, None, None),
        (TurnWhat::Ended { how: TurnEnd::Changed }, Some("changed"), Some("changed")),
    ];
    for (what, by_switch, by_ordinary) in cases {
        assert_eq!(said(switch(), &what).as_deref(), by_switch, "{what:?}");
        assert_eq!(said(RunMode::Ordinary, &what).as_deref(), by_ordinary, "{what:?}");
        assert_eq!(said(RunMode::Dry { why: DryWhy::Input }, &what), None, "{what:?}");
    }
}

#[test]
fn the_end_of_a_run_tells_of_its_groups() {
    let reports = [report(vec![told(TurnWhat::Turned)])];
    let ids = |mode: RunMode| {
        let end = EndOfRun { run: &run(mode), reports: &reports, held: &[], switches: None };
        let events = run_events(&end).unwrap();
        let ids = events.iter().map(|event| event.on_the_bus()["detail"]["id"].as_str().unwrap().to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(switch()), ["turn/2026-01-15-0001/prod/group-spot"]);
    assert_eq!(ids(RunMode::Ordinary), [""; 0]);
}
