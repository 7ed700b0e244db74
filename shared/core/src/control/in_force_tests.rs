//! What counts of a ceiling, and what is told of it.

use super::tests::Case;
use super::*;
use crate::fixtures::{at, pair};
use crate::observe::Family;
use crate::plan::CapBy;
use crate::units::Percent;

fn dial(scope: &str) -> CapBy {
    CapBy::Dial { scope: scope.to_owned(), reason: "drill".to_owned() }
}

fn window(name: &str) -> CapBy {
    let window = OpenWindow { name: name.to_owned(), ceiling: Percent::ZERO, from: at(0), to: at(3_600) };
    CapBy::Window { window }
}

fn in_force(percent: u64, capped_by: Option<CapBy>) -> Option<InForce> {
    Some(InForce { percent: Percent::saturating(percent), capped_by, since: at(-7_200) })
}

/// Rested for a minute, so that nothing but what a case says changes the ceiling of 20 %.
fn resting() -> Case {
    let mut case = Case::of(Family::Fargate);
    case.before().changed_at = at(-60);
    case
}

#[test]
fn what_changes_what_counts_is_named() {
    let all = || dial("all");
    let launch = || window("launch");
    // name; what counted; cap and what sets it; what counts and why it is less; the reasons
    type Row = (&'static str, Option<InForce>, (u64, CapBy), (u8, Option<CapBy>), &'static [&'static str]);
    let cases: [Row; 15] = [
        ("nothing changes", in_force(20, None), (60, CapBy::Policy), (20, None), &[]),
        ("a dial above the ceiling", in_force(20, None), (30, all()), (20, None), &[]),
        ("a dial that says the same", in_force(20, None), (20, all()), (20, None), &[]),
        ("a dial is put", in_force(20, None), (10, all()), (10, Some(all())), &["dial"]),
        ("it is turned down", in_force(10, Some(all())), (5, all()), (5, Some(all())), &["dial"]),
        ("it is turned up", in_force(5, Some(all())), (10, all()), (10, Some(all())), &["dial"]),
        ("it is as it was", in_force(10, Some(all())), (10, all()), (10, Some(all())), &[]),
        ("it is taken away", in_force(10, Some(all())), (60, CapBy::Policy), (20, None), &["dial"]),
        ("a window opens", in_force(20, None), (0, launch()), (0, Some(launch())), &["window"]),
        ("one opens under a dial", in_force(10, Some(all())), (0, launch()), (0, Some(launch())), &["window"]),
        ("it ends, and the dial is there", in_force(0, Some(launch())), (10, all()), (10, Some(all())), &["window"]),
        ("it ends", in_force(0, Some(launch())), (60, CapBy::Policy), (20, None), &["window"]),
        ("another says the same", in_force(10, Some(all())), (10, launch()), (10, Some(launch())), &[]),
        ("not known before", None, (10, all()), (10, Some(all())), &[]),
        (
            "the cluster's dial is lower",
            in_force(10, Some(all())),
            (5, dial("cluster/prod")),
            (5, Some(dial("cluster/prod"))),
            &["dial"],
        ),
    ];
    for (name, before, (cap, by), (percent, capped_by), reasons) in cases {
        let mut case = resting();
        (case.cap, case.by) = (cap, by);
        case.before().in_force = before.clone();
        let steered = case.steered();
        let now = steered.after.in_force.clone().unwrap();
        assert_eq!((now.percent.get(), &now.capped_by), (percent, &capped_by), "{name}: {steered:?}");
        assert_eq!((steered.effective.get(), steered.changed()), (percent, false), "{name}");
        assert_eq!(steered.reasons().collect::<Vec<_>>(), reasons, "{name}: {steered:?}");
        assert_eq!(steered.is_news(), !reasons.is_empty(), "{name}");
        let stays = before.as_ref().is_some_and(|before| before.percent == now.percent);
        assert_eq!(now.since, if stays { at(-7_200) } else { at(0) }, "{name}");
        // What is to be remembered is written, and only that.
        let is_kept = before != Some(now);
        assert_eq!(steered.after.version, if is_kept { 4 } else { 3 }, "{name}");
        assert_eq!(steered.after.last_change(), if stays { at(-60) } else { at(0) }, "{name}");
        // Decided again at once, it is no news.
        let again = Case { before: Some(steered.after.clone()), ..case }.steered();
        assert_eq!((again.is_news(), &again.after), (false, &steered.after), "{name}");
    }
}

#[test]
fn the_ceiling_and_its_cap_may_change_at_once() {
    type Vary = fn(&mut Case);
    type Row = (&'static str, Vary, (u8, u8), &'static [&'static str]);
    let cases: [Row; 6] = [
        ("quiet alone", |_| {}, (25, 25), &["quiet"]),
        ("quiet, and a window opens", |case| (case.cap, case.by) = (30, window("launch")), (25, 25), &["quiet"]),
        (
            "a drought, and a dial is turned down",
            |case| {
                case.facts.drought_at = Some(at(-60));
                case.facts.spot_cpu = crate::units::CpuUnits::VCPU.times(2);
                (case.cap, case.by) = (5, dial("all"));
            },
            (10, 5),
            &["drought", "dial"],
        ),
        (
            "quiet, and a dial is taken away",
            |case| case.before().in_force = in_force(5, Some(dial("all"))),
            (25, 25),
            &["quiet", "dial"],
        ),
        ("the policy allows less", |case| (case.policy_ceiling, case.cap) = (10, 10), (10, 10), &["policy"]),
        (
            "the policy allows less than a dial",
            |case| {
                case.before().in_force = in_force(15, Some(dial("all")));
                (case.policy_ceiling, case.cap) = (10, 10);
            },
            (10, 10),
            &["policy"],
        ),
    ];
    for (name, vary, expected, reasons) in cases {
        let mut case = Case::of(Family::Fargate);
        vary(&mut case);
        let steered = case.steered();
        assert_eq!((steered.after.ceiling.get(), steered.effective.get()), expected, "{name}: {steered:?}");
        assert_eq!(steered.reasons().collect::<Vec<_>>(), reasons, "{name}: {steered:?}");
        assert_eq!(steered.after.last_change(), at(0), "{name}");
    }
}

#[test]
fn a_pair_that_is_first_seen_is_told_once() {
    let mut case = Case { before: None, cap: 10, by: dial("all"), ..Case::of(Family::Fargate) };
    let steered = case.steered();
    assert_eq!((steered.after.ceiling.get(), steered.effective.get()), (20, 10));
    assert_eq!(steered.reasons().collect::<Vec<_>>(), ["first_seen"]);
    case.before = Some(steered.after);
    assert!(!case.steered().is_news());
}

/// Ceilings and reports were kept before anybody wrote down what counts.
#[test]
fn what_was_kept_before_is_read() {
    let steered = resting().steered();
    let mut json = serde_json::to_value(&steered).unwrap();
    assert!(json["after"].as_object_mut().unwrap().remove("in_force").is_some());
    assert!(json.as_object_mut().unwrap().remove("in_force_before").is_some());
    let read: Steered = serde_json::from_value(json).unwrap();
    let after = PairCeiling { in_force: None, ..steered.after.clone() };
    assert_eq!(read, Steered { in_force_before: None, after, ..steered.clone() });
    assert!(!read.is_news());
    assert_eq!(read.after.last_change(), at(-60));
    let again: Steered = serde_json::from_value(serde_json::to_value(&steered).unwrap()).unwrap();
    assert_eq!(again, steered);
}

#[test]
fn what_was_kept_is_known_by_its_version() {
    let steered = Case::of(Family::Fargate).steered();
    let kept = || steered.after.clone();
    let other = || PairCeiling { ceiling: Percent::ZERO, ..kept() };
    let cases = [
        ("nothing stands", vec![], false),
        ("it stands", vec![kept()], true),
        ("the one before stands", vec![PairCeiling { version: 3, ..kept() }], false),
        ("another run was first", vec![other()], false),
        ("one after it stands", vec![PairCeiling { version: 5, ..other() }], true),
        ("of another pair", vec![PairCeiling { pair: pair(Family::ManagedInstances), version: 5, ..kept() }], false),
    ];
    for (name, stand, expected) in cases {
        assert_eq!(steered.was_kept(&stand), expected, "{name}");
    }
}
