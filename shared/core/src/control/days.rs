//! Days of random signals: what the controller never does, whatever comes in whichever order.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::fixtures::{at, cluster_name, pair};
use crate::observe::Family;
use crate::plan::{Cap, CapBy};
use crate::policy::Control;
use crate::signals::{Occurrence, OccurrenceKind, Score, ScoreAnswer, ScoreRecord, ScoreSample, Signals};
use crate::units::{CpuUnits, Percent, Seconds};
use crate::verify::Sign;

/// What happens between two runs, a quarter of an hour apart.
#[derive(Debug, Clone)]
struct Step {
    /// The placement score; `None` where it is refused.
    score: Option<u16>,
    /// Tasks that are taken away.
    interruptions: usize,
    /// Whether a service finds no Spot capacity.
    drought: bool,
    /// What policy, dial and windows allow, and which of them.
    cap: (u64, CapBy),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let score = prop_oneof![4 => (1_u16..=10).prop_map(Some), 4 => (8_u16..=10).prop_map(Some), 1 => Just(None)];
    let interruptions = prop_oneof![20 => Just(0_usize), 1 => 1_usize..3, 1 => 3_usize..30];
    let drought = prop_oneof![40 => Just(false), 1 => Just(true)];
    let dial = CapBy::Dial { scope: "all".to_owned(), reason: "drill".to_owned() };
    let window = OpenWindow { name: "launch".to_owned(), ceiling: Percent::ZERO, from: at(0), to: at(1) };
    let by = prop::sample::select(vec![dial, CapBy::Window { window }]);
    let cap = prop_oneof![10 => Just((60_u64, CapBy::Policy)), 1 => (0_u64..=60, by)];
    let step = (score, interruptions, drought, cap).prop_map(|(score, interruptions, drought, cap)| Step {
        score,
        interruptions,
        drought,
        cap,
    });
    prop::collection::vec(step, 96 * 2)
}

fn occurrence(number: usize, kind: OccurrenceKind, at: Timestamp) -> Occurrence {
    Occurrence {
        id: format!("{at}-{number}"),
        kind,
        at,
        cluster: Some(cluster_name()),
        provider: Some(pair(Family::AutoScalingGroup).spot),
        service: None,
        pool: None,
        sign: Some(Sign::SpotCapacity),
    }
}

/// Lives through the steps, and tells what became of the ceiling at each: when, the decision, and the
/// newest interruption that was known.
fn lived(control: &Control, steps: &[Step]) -> Vec<(Timestamp, Steered, Option<Timestamp>)> {
    let pair = pair(Family::AutoScalingGroup);
    let vcpu = |number| CpuUnits::VCPU.times(number);
    let mut signals = Signals::default();
    let mut samples: Vec<ScoreSample> = Vec::new();
    let mut facts = PairFacts {
        family: Family::AutoScalingGroup,
        task_cpu: vcpu(100),
        spot_cpu: vcpu(0),
        smallest_task: vcpu(1),
        running_spot_tasks: 0,
        interruptible: 0,
        failed: 0,
        drought_at: None,
        stable_up_at: None,
    };
    let mut before: Option<PairCeiling> = None;
    let mut told = Vec::new();
    let mut lost = None;
    for (index, step) in steps.iter().enumerate() {
        let now = at(900 * i64::try_from(index).unwrap());
        let answer = match step.score {
            Some(score) => {
                samples.push(ScoreSample { at: now, score: Score(score * 100) });
                ScoreAnswer::Scored { score: Score(score * 100), zones: BTreeMap::new(), region: None }
            }
            None => ScoreAnswer::Absent { zones: vec!["eu-west-1a".to_owned()] },
        };
        let record = ScoreRecord {
            cluster: cluster_name(),
            provider: pair.spot.clone(),
            at: now,
            answer,
            samples: samples.iter().rev().take(48).rev().copied().collect(),
        };
        signals.scores = vec![record];
        let happened = now - SignedDuration::from_secs(60);
        signals.occurrences.retain(|one| now.duration_since(one.at) < SignedDuration::from_hours(24));
        let new = (0..step.interruptions).map(|number| occurrence(number, OccurrenceKind::TaskInterruption, happened));
        signals.occurrences.extend(new);
        lost = if step.interruptions > 0 { Some(happened) } else { lost };
        if step.drought {
            facts.drought_at = Some(happened);
        }
        let input = SteerInput {
            control,
            step: Percent::saturating(5),
            cap: &Cap { percent: Percent::saturating(step.cap.0), by: step.cap.1.clone() },
            policy_ceiling: Percent::saturating(60),
            drought: Seconds(300),
            signals: &signals,
            cluster: &cluster_name(),
            now,
        };
        let steered = steer(&input, &pair, &facts, before.as_ref());
        // The services follow the ceiling at once.
        facts.spot_cpu = vcpu(u64::from(steered.effective));
        facts.running_spot_tasks = u32::from(steered.effective.get());
        facts.interruptible = facts.running_spot_tasks / 2;
        before = Some(steered.after.clone());
        told.push((now, steered, lost));
    }
    told
}

/// What counts is told as it changes, and not again: each change begins where the one before ended.
fn told_once(lived: &[(Timestamp, Steered, Option<Timestamp>)]) -> Result<(), TestCaseError> {
    let mut last: Option<&Steered> = None;
    for (now, steered, _) in lived {
        let before = last.and_then(|last| last.after.in_force.clone());
        prop_assert_eq!(&steered.in_force_before, &before);
        let in_force = steered.after.in_force.as_ref().unwrap();
        prop_assert_eq!(in_force.percent, steered.effective);
        let same = before.as_ref().is_some_and(|before| before.percent == in_force.percent);
        prop_assert_eq!(in_force.since == *now, !same, "{:?}", steered);
        prop_assert_eq!(steered.is_news(), steered.changed() || !same, "{:?}", steered);
        prop_assert_eq!(steered.reasons().count() > 0, steered.is_news(), "{:?}", steered);
        if steered.is_news() {
            prop_assert_eq!(steered.after.last_change(), *now);
        }
        last = Some(steered);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.min(32), ..ProptestConfig::default() })]

    /// S3: over days of random signals a ceiling never rises without a fresh and good score, nor soon after
    /// a cut, a loss or a drought; a score never turns it round within the cool-down; and the same signals
    /// come to the same ceilings.
    #[test]
    fn s3_days_of_random_signals_never_raise_a_ceiling_too_soon(
        steps in steps(),
        raise_after in prop::sample::select(vec![0_u32, 900, 3_600, 7_200]),
        cool_down in prop::sample::select(vec![0_u32, 1_800, 5_400]),
    ) {
        let control = Control {
            raise_after_seconds: Seconds(raise_after),
            cool_down_seconds: Seconds(cool_down),
            ..Control::default()
        };
        let lived_once = lived(&control, &steps);
        let mut last_cut: Option<Timestamp> = None;
        let mut last_by_score: Option<(Timestamp, Direction)> = None;
        for (index, (now, steered, lost)) in lived_once.iter().enumerate() {
            let before = steered.before.unwrap_or(Percent::ZERO);
            let rises = steered.before.is_some() && steered.after.ceiling > before;
            let falls = steered.after.ceiling < before;
            prop_assert!(steered.effective <= Percent::saturating(steps[index].cap.0));
            let canary = steered.reason == CeilingReason::Canary;
            if rises && !canary {
                prop_assert_eq!(steered.reason.clone(), CeilingReason::Quiet);
                let since = |at: Timestamp| now.duration_since(at);
                let good = matches!(&steered.evidence.score, ScoreEvidence::Fresh { trend } if trend.level >= Score(700));
                prop_assert!(good, "at {now}: {steered:?}");
                prop_assert!(steps[index].score.is_some(), "at {now} the score was refused");
                if let Some(cut) = last_cut {
                    prop_assert!(since(cut) >= Seconds(raise_after.max(cool_down)).duration(), "at {now}, cut at {cut}");
                }
                if let Some(lost) = lost {
                    // What a cut has answered counts from the cut.
                    let answered = *lost <= steered.after.answered_until;
                    prop_assert!(answered || since(*lost) >= SignedDuration::from_hours(1), "at {now}, lost at {lost}");
                }
                prop_assert_eq!(steered.evidence.drought_at, None);
            }
            let by_score = matches!(
                steered.reason,
                CeilingReason::PoorScore | CeilingReason::FallingScore | CeilingReason::Quiet
            );
            if by_score && (rises || falls) {
                let direction = if rises { Direction::Raised } else { Direction::Cut };
                if let Some((at, was)) = last_by_score.filter(|(_, was)| *was != direction) {
                    let rested = now.duration_since(at) >= Seconds(cool_down).duration();
                    prop_assert!(rested, "{was:?} at {at}, {direction:?} at {now}");
                }
                last_by_score = Some((*now, direction));
            }
            if falls {
                last_cut = Some(*now);
            }
        }
        told_once(&lived_once)?;
        let again = lived(&control, &steps);
        prop_assert!(lived_once.iter().map(|(_, steered, _)| steered).eq(again.iter().map(|(_, steered, _)| steered)));
    }
}
