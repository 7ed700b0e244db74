use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{at, cluster_name, pair};
use crate::observe::Family;
use crate::plan::{Cap, CapBy};
use crate::policy::{Control, ScoreUse};
use crate::signals::{Occurrence, OccurrenceKind, Score, ScoreAnswer, ScoreRecord, ScoreSample, Signals};
use crate::units::{CpuUnits, Percent, Seconds};

/// A case that all rules let rise: a ceiling of 20 % that is used, at rest for two hours.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) control: Control,
    pub(super) step: u64,
    pub(super) cap: u64,
    /// What says so.
    pub(super) by: CapBy,
    pub(super) policy_ceiling: u64,
    pub(super) facts: PairFacts,
    pub(super) before: Option<PairCeiling>,
    pub(super) signals: Signals,
    pub(super) now: Timestamp,
}

impl Case {
    pub(super) fn of(family: Family) -> Case {
        let vcpu = |number| CpuUnits::VCPU.times(number);
        let facts = PairFacts {
            family,
            task_cpu: vcpu(100),
            spot_cpu: vcpu(20),
            smallest_task: vcpu(1),
            running_spot_tasks: 20,
            interruptible: 20,
            failed: 0,
            drought_at: None,
            stable_up_at: None,
        };
        let before = PairCeiling {
            cluster: cluster_name(),
            pair: pair(family),
            ceiling: Percent::saturating(20),
            changed_at: at(-7_200),
            direction: Direction::Raised,
            answered_until: at(-7_200),
            dry: None,
            in_force: Some(InForce { percent: Percent::saturating(20), capped_by: None, since: at(-7_200) }),
            version: 3,
        };
        let mut case = Case {
            control: Control::default(),
            step: 5,
            cap: 60,
            by: CapBy::Policy,
            policy_ceiling: 60,
            facts,
            before: Some(before),
            signals: Signals::default(),
            now: at(0),
        };
        if family == Family::AutoScalingGroup {
            case.scores(&[9, 9, 9, 9]);
        }
        case
    }

    /// Scores ten minutes apart, the last one now.
    fn scores(&mut self, scores: &[u16]) {
        let first = 1 - i64::try_from(scores.len()).unwrap();
        let samples: Vec<ScoreSample> = scores
            .iter()
            .zip(first..)
            .map(|(score, index)| ScoreSample { at: at(index * 600), score: Score(score * 100) })
            .collect();
        let score = samples.last().unwrap().score;
        self.signals.scores = vec![ScoreRecord {
            cluster: cluster_name(),
            provider: pair(self.facts.family).spot,
            at: at(0),
            answer: ScoreAnswer::Scored { score, zones: BTreeMap::new(), region: None },
            samples,
        }];
    }

    fn occurrences(&mut self, kind: OccurrenceKind, seconds: &[i64]) {
        let spot = pair(self.facts.family).spot;
        self.signals.occurrences.extend(seconds.iter().enumerate().map(|(number, seconds)| Occurrence {
            id: format!("{}-{number}", kind.name()),
            kind,
            at: at(*seconds),
            cluster: Some(cluster_name()),
            provider: Some(spot.clone()),
            service: None,
            pool: None,
            sign: Some(crate::verify::Sign::SpotCapacity),
        }));
    }

    pub(super) fn before(&mut self) -> &mut PairCeiling {
        self.before.as_mut().unwrap()
    }

    pub(super) fn steered(&self) -> Steered {
        let input = SteerInput {
            control: &self.control,
            step: Percent::saturating(self.step),
            cap: &Cap { percent: Percent::saturating(self.cap), by: self.by.clone() },
            policy_ceiling: Percent::saturating(self.policy_ceiling),
            drought: Seconds(300),
            signals: &self.signals,
            cluster: &cluster_name(),
            now: self.now,
        };
        steer(&input, &pair(self.facts.family), &self.facts, self.before.as_ref())
    }
}

/// The names of what a case comes to: ceiling, reason.
type Expected = (u8, &'static str);
/// A case's name, what is different in it, and what it comes to.
type Row = (&'static str, fn(&mut Case), Expected);

fn check(family: Family, cases: Vec<Row>) {
    for (name, vary, expected) in cases {
        let mut case = Case::of(family);
        vary(&mut case);
        let steered = case.steered();
        assert_eq!((steered.after.ceiling.get(), steered.reason.name()), expected, "{name}: {steered:?}");
    }
}

#[test]
fn a_pair_of_groups_follows_its_score() {
    check(
        Family::AutoScalingGroup,
        vec![
            ("good and steady", |_| {}, (25, "quiet")),
            ("at the cap", |case| case.cap = 20, (20, "at_cap")),
            ("up to the cap", |case| case.cap = 22, (22, "quiet")),
            ("no step", |case| case.step = 0, (20, "no_step")),
            (
                "first seen with a poor score",
                |case| {
                    case.before = None;
                    case.facts.spot_cpu = CpuUnits(0);
                    case.scores(&[2]);
                },
                (0, "first_seen"),
            ),
            (
                "first seen with a poor score and with Spot",
                |case| {
                    case.before = None;
                    case.scores(&[2]);
                },
                (20, "first_seen"),
            ),
            (
                "cut within the cool-down, however short the quiet may be",
                |case| {
                    case.control.raise_after_seconds = Seconds(0);
                    case.before().direction = Direction::Cut;
                    case.before().changed_at = at(-1_799);
                },
                (20, "resting"),
            ),
            (
                "cut before the cool-down",
                |case| {
                    case.control.raise_after_seconds = Seconds(0);
                    case.before().direction = Direction::Cut;
                    case.before().changed_at = at(-1_800);
                },
                (25, "quiet"),
            ),
            ("not asked", |case| case.signals.scores.clear(), (20, "no_score")),
            (
                "not asked, and optional",
                |case| {
                    case.signals.scores.clear();
                    case.control.placement_score = ScoreUse::Optional;
                },
                (25, "quiet"),
            ),
            ("stale", |case| case.signals.scores[0].at = at(-3_601), (20, "no_score")),
            (
                "absent",
                |case| {
                    case.signals.scores[0].answer = ScoreAnswer::Absent { zones: vec!["eu-west-1a".to_owned()] };
                },
                (20, "no_score"),
            ),
            (
                "of another provider",
                |case| {
                    case.signals.scores[0].provider = pair(Family::AutoScalingGroup).on_demand;
                },
                (20, "no_score"),
            ),
            (
                "first seen without Spot, and good",
                |case| {
                    case.before = None;
                    case.facts.spot_cpu = CpuUnits(0);
                },
                (5, "first_seen"),
            ),
            ("just good", |case| case.scores(&[7, 7, 7, 7]), (25, "quiet")),
            ("middling", |case| case.scores(&[6, 6, 6, 6]), (20, "middling_score")),
            ("too few to say where it goes", |case| case.scores(&[9, 9]), (20, "middling_score")),
            (
                "too few, while optional",
                |case| {
                    case.scores(&[9, 9]);
                    case.control.placement_score = ScoreUse::Optional;
                },
                (25, "quiet"),
            ),
            ("good, and falling", |case| case.scores(&[10, 10, 10, 9, 9, 9]), (20, "middling_score")),
            ("poor", |case| case.scores(&[3, 3, 3, 3]), (10, "poor_score")),
            (
                "poor, while optional",
                |case| {
                    case.scores(&[3, 3, 3, 3]);
                    case.control.placement_score = ScoreUse::Optional;
                },
                (10, "poor_score"),
            ),
            (
                "falling slowly, and poor within an hour",
                |case| case.scores(&[6, 6, 6, 5, 5, 5, 4, 4]),
                (10, "falling_score"),
            ),
            (
                "falling as slowly, and not poor within an hour",
                |case| case.scores(&[9, 9, 9, 8, 8, 8, 7, 7]),
                (20, "middling_score"),
            ),
            ("off a cliff", |case| case.scores(&[9, 9, 9, 2, 2]), (10, "falling_score")),
            ("flapping", |case| case.scores(&[9, 2, 9, 2, 9, 2, 9]), (20, "middling_score")),
            (
                "poor, and raised just now",
                |case| {
                    case.scores(&[3, 3, 3, 3]);
                    case.before().changed_at = at(-1_799);
                },
                (20, "resting"),
            ),
            (
                "poor, and raised a while ago",
                |case| {
                    case.scores(&[3, 3, 3, 3]);
                    case.before().changed_at = at(-1_800);
                },
                (10, "poor_score"),
            ),
            (
                "poor, and nothing left",
                |case| {
                    case.scores(&[3, 3, 3, 3]);
                    case.before().ceiling = Percent::ZERO;
                },
                (0, "middling_score"),
            ),
        ],
    );
}

#[test]
fn any_pair_follows_what_happens_to_its_tasks() {
    check(
        Family::Fargate,
        vec![
            ("quiet", |_| {}, (25, "quiet")),
            ("raised less than an hour ago", |case| case.before().changed_at = at(-3_599), (20, "resting")),
            ("raised an hour ago", |case| case.before().changed_at = at(-3_600), (25, "quiet")),
            ("lost less than an hour ago", |case| case.before().answered_until = at(-3_599), (20, "resting")),
            (
                "an ordinary interruption",
                |case| case.occurrences(OccurrenceKind::TaskInterruption, &[-60]),
                (20, "resting"),
            ),
            ("an hour ago", |case| case.occurrences(OccurrenceKind::TaskInterruption, &[-3_600]), (25, "quiet")),
            (
                "as many as are ordinary",
                |case| {
                    case.occurrences(OccurrenceKind::TaskInterruption, &[-60, -120]);
                },
                (20, "resting"),
            ),
            (
                "more than are ordinary",
                |case| {
                    case.occurrences(OccurrenceKind::TaskInterruption, &[-60, -120, -180]);
                },
                (10, "interruptions"),
            ),
            (
                "not more than are ordinary for so many instances",
                |case| {
                    case.facts.interruptible = 30;
                    case.occurrences(OccurrenceKind::TaskInterruption, &[-60, -120, -180]);
                },
                (20, "resting"),
            ),
            (
                "not by the tasks of few instances: one interruption takes all of an instance's",
                |case| {
                    case.facts.running_spot_tasks = 80;
                    case.occurrences(OccurrenceKind::TaskInterruption, &[-60, -120, -180]);
                },
                (10, "interruptions"),
            ),
            (
                "answered by the last cut",
                |case| {
                    case.occurrences(OccurrenceKind::TaskInterruption, &[-60, -120, -180]);
                    case.before().answered_until = at(-60);
                },
                (20, "resting"),
            ),
            (
                "recommendations alone",
                |case| {
                    case.occurrences(OccurrenceKind::RebalanceRecommendation, &[-60, -120, -180, -240]);
                },
                (25, "quiet"),
            ),
            ("a failed placement", |case| case.occurrences(OccurrenceKind::PlacementFailure, &[-60]), (25, "quiet")),
            (
                "failed placements for five minutes",
                |case| {
                    case.occurrences(OccurrenceKind::PlacementFailure, &[-360, -60]);
                },
                (20, "drought"),
            ),
            ("a drought", |case| case.facts.drought_at = Some(at(-60)), (20, "drought")),
            (
                "a drought that took half",
                |case| {
                    case.facts.drought_at = Some(at(-60));
                    case.facts.spot_cpu = CpuUnits::VCPU.times(12);
                },
                (12, "drought"),
            ),
            (
                "a drought that took nearly all",
                |case| {
                    case.facts.drought_at = Some(at(-60));
                    case.facts.spot_cpu = CpuUnits::VCPU.times(2);
                },
                (10, "drought"),
            ),
            (
                "a drought that was answered",
                |case| {
                    case.facts.drought_at = Some(at(-7_200));
                },
                (25, "quiet"),
            ),
            ("failed moves", |case| case.facts.failed = 1, (20, "failed_moves")),
            ("nothing runs on Spot", |case| case.facts.running_spot_tasks = 0, (20, "untested")),
            (
                "nothing fits",
                |case| {
                    case.facts.running_spot_tasks = 0;
                    case.facts.smallest_task = CpuUnits::VCPU.times(21);
                },
                (41, "quiet"),
            ),
            (
                "the smallest task just fits",
                |case| {
                    case.facts.running_spot_tasks = 0;
                    case.facts.smallest_task = CpuUnits::VCPU.times(20);
                },
                (20, "untested"),
            ),
            (
                "the same drought, within its pause",
                |case| {
                    case.before().dry = Some(Dry { seen_at: at(-600), until: at(600), times: 1 });
                    case.facts.drought_at = Some(at(-60));
                    case.facts.spot_cpu = CpuUnits::VCPU.times(2);
                },
                (20, "drought"),
            ),
            (
                "another drought, as the pause is over",
                |case| {
                    case.before().dry = Some(Dry { seen_at: at(-3_660), until: at(-60), times: 1 });
                    case.facts.drought_at = Some(at(-60));
                    case.facts.spot_cpu = CpuUnits::VCPU.times(2);
                },
                (10, "drought"),
            ),
            (
                "after the pause one service has room to try",
                |case| {
                    case.before().dry = Some(Dry { seen_at: at(-3_600), until: at(0), times: 1 });
                    case.before().ceiling = Percent::saturating(2);
                },
                (5, "canary"),
            ),
            (
                "which it has already",
                |case| {
                    case.before().dry = Some(Dry { seen_at: at(-3_600), until: at(0), times: 1 });
                    case.before().ceiling = Percent::saturating(5);
                },
                (5, "dry"),
            ),
            ("the policy allows less", |case| (case.policy_ceiling, case.cap) = (10, 10), (10, "policy")),
            ("a dial allows less", |case| case.cap = 10, (20, "at_cap")),
            (
                "dry",
                |case| {
                    case.before().dry = Some(Dry { seen_at: at(-7_200), until: at(-3_600), times: 1 });
                },
                (20, "dry"),
            ),
            (
                "dry until a move up was stable",
                |case| {
                    case.before().dry = Some(Dry { seen_at: at(-7_200), until: at(-3_600), times: 1 });
                    case.facts.stable_up_at = Some(at(-3_600));
                },
                (25, "quiet"),
            ),
            (
                "an older move up says nothing",
                |case| {
                    case.before().dry = Some(Dry { seen_at: at(-7_200), until: at(-3_600), times: 1 });
                    case.facts.stable_up_at = Some(at(-3_601));
                },
                (20, "dry"),
            ),
            (
                "first seen",
                |case| {
                    case.before = None;
                    case.facts.spot_cpu = CpuUnits(0);
                },
                (5, "first_seen"),
            ),
            (
                "first seen, and a task is more than a step",
                |case| {
                    case.before = None;
                    case.facts.spot_cpu = CpuUnits(0);
                    case.facts.smallest_task = CpuUnits(12_289);
                },
                (13, "first_seen"),
            ),
            ("first seen with Spot", |case| case.before = None, (20, "first_seen")),
            (
                "first seen with more than is allowed",
                |case| {
                    case.before = None;
                    case.facts.spot_cpu = CpuUnits::VCPU.times(90);
                },
                (60, "first_seen"),
            ),
            (
                "first seen in a drought",
                |case| {
                    case.before = None;
                    case.facts.spot_cpu = CpuUnits(0);
                    case.facts.drought_at = Some(at(-60));
                },
                (2, "drought"),
            ),
        ],
    );
}

#[test]
fn a_drought_is_remembered_with_a_growing_pause() {
    let mut case = Case::of(Family::Fargate);
    case.facts.drought_at = Some(at(0));
    let dry = |case: &Case| case.steered().after.dry.map(|dry| (dry.times, dry.until));
    assert_eq!(dry(&case), Some((1, at(3_600))));
    case.before = Some(case.steered().after);

    case.now = at(1_800);
    case.facts.drought_at = Some(at(1_800));
    assert_eq!(dry(&case), Some((1, at(3_600))), "within the pause it is the same drought");
    case.before = Some(case.steered().after);

    case.now = at(3_600);
    case.facts.drought_at = Some(at(3_600));
    assert_eq!(dry(&case), Some((2, at(3_600 + 7_200))), "when the pause is over it is the next one");

    case.now = at(4_000);
    case.facts.drought_at = Some(at(4_000));
    assert_eq!(dry(&case), Some((2, at(4_000 + 7_200))), "the canary found none either");

    let pauses: Vec<u32> = (1..8).map(|times| dry_pause(&case.control, times).0 / 3_600).collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 24, 24]);
}

#[test]
fn a_score_that_does_not_decide_is_called_by_its_name() {
    type Vary = fn(&mut ScoreRecord);
    let cases: [(&str, Vary, &str); 3] = [
        ("too old", |record| record.at = at(-3_601), "stale"),
        ("no recent sample", |record| record.samples.clear(), "stale"),
        (
            "AWS said no",
            |record| record.answer = ScoreAnswer::Refused { why: crate::signals::ScoreRefusal::Throttled },
            "refused",
        ),
    ];
    for (name, vary, why) in cases {
        let mut case = Case::of(Family::AutoScalingGroup);
        vary(&mut case.signals.scores[0]);
        assert_eq!(case.steered().evidence.score, ScoreEvidence::Missing { why: why.to_owned() }, "{name}");
    }
}

#[test]
fn a_decision_counts_its_version_up_only_when_there_is_something_to_remember() {
    let mut case = Case::of(Family::Fargate);
    assert_eq!(case.steered().after.version, 4);
    case.cap = 20;
    let steered = case.steered();
    assert_eq!((steered.after.version, steered.changed()), (3, false));
    case.before = None;
    assert_eq!((case.steered().after.version, case.steered().changed()), (1, true));
}

#[test]
fn the_effective_ceiling_is_the_lowest() {
    let mut case = Case::of(Family::Fargate);
    assert_eq!(case.steered().effective, Percent::saturating(25));
    case.cap = 3;
    assert_eq!(case.steered().effective, Percent::saturating(3), "a dial or a window");
    assert_eq!(case.steered().after.ceiling, Percent::saturating(20), "which the controller outlasts");
}

fn a_score() -> impl Strategy<Value = Option<Vec<u16>>> {
    prop_oneof![Just(None), prop::collection::vec(1_u16..=10, 1..12).prop_map(Some)]
}

prop_compose! {
    fn a_case()(
        groups in any::<bool>(),
        scores in a_score(),
        interruptions in prop::collection::vec(-4_000_i64..0, 0..6),
        shortages in prop::collection::vec(-4_000_i64..0, 0..4),
        spot in 0_u64..=100,
        ceiling in 0_u64..=60,
        rested in 0_i64..10_000,
        drought in prop::option::of(-4_000_i64..0),
        failed in 0_u32..3,
    ) -> Case {
        let family = if groups { Family::AutoScalingGroup } else { Family::Fargate };
        let mut case = Case::of(family);
        match scores {
            Some(scores) => case.scores(&scores),
            None => case.signals.scores.clear(),
        }
        case.occurrences(OccurrenceKind::TaskInterruption, &interruptions);
        case.occurrences(OccurrenceKind::PlacementFailure, &shortages);
        case.facts.spot_cpu = CpuUnits::VCPU.times(spot);
        case.facts.drought_at = drought.map(at);
        case.facts.failed = failed;
        case.before().ceiling = Percent::saturating(ceiling);
        case.before().in_force = None;
        case.before().changed_at = at(-rested);
        case.before().answered_until = at(-rested);
        case
    }
}

proptest! {
    /// S3: nothing but fresh, good and quiet evidence raises a ceiling, and by a step at the most.
    #[test]
    fn s3_missing_or_bad_evidence_never_raises_a_ceiling(case in a_case()) {
        let before = case.before.clone().unwrap();
        let steered = case.steered();
        prop_assert!(steered.effective <= Percent::saturating(case.cap));
        if steered.after.ceiling > before.ceiling {
            prop_assert!(steered.after.ceiling <= before.ceiling.saturating_add(Percent::saturating(case.step)));
            prop_assert!(case.now.duration_since(before.changed_at) >= case.control.raise_after_seconds.duration());
            prop_assert_eq!(steered.evidence.interruptions, 0);
            prop_assert_eq!(steered.evidence.drought_at, None);
            prop_assert_eq!(steered.evidence.failed_moves, 0);
            let by_score = matches!(&steered.evidence.score, ScoreEvidence::Fresh { trend } if trend.level >= Score(700));
            prop_assert!(by_score || case.facts.family == Family::Fargate);
        }
    }

    /// A second look at the same time with the same evidence changes nothing more.
    #[test]
    fn a_decision_is_made_once(case in a_case()) {
        let first = case.steered();
        let again = Case { before: Some(first.after.clone()), ..case }.steered();
        prop_assert_eq!(again.after, first.after);
    }

    /// A score that goes anywhere never turns a ceiling round within the cool-down.
    #[test]
    fn a_score_never_flips_a_ceiling_within_the_cool_down(
        scores in prop::collection::vec(1_u16..=10, 40),
        spot in 0_u64..=100,
    ) {
        let mut case = Case::of(Family::AutoScalingGroup);
        case.facts.spot_cpu = CpuUnits::VCPU.times(spot);
        let mut last: Option<(Timestamp, Direction)> = None;
        for end in 4..scores.len() {
            let seen = &scores[end.saturating_sub(12)..end];
            case.scores(seen);
            let shift = jiff::SignedDuration::from_mins(10 * i64::try_from(end).unwrap());
            case.now = at(0) + shift;
            for sample in &mut case.signals.scores[0].samples {
                sample.at += shift;
            }
            case.signals.scores[0].at = case.now;
            let steered = case.steered();
            if steered.changed() {
                let direction = steered.after.direction;
                if let Some((at, before)) = last.filter(|(_, before)| *before != direction) {
                    let rested = case.now.duration_since(at);
                    prop_assert!(
                        rested >= case.control.cool_down_seconds.duration(),
                        "{before:?} and then {direction:?} after {rested}"
                    );
                }
                last = Some((case.now, direction));
            }
            case.before = Some(steered.after);
        }
    }
}
