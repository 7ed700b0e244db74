//! The level of a placement score, and which way it goes.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::signals::{Score, ScoreSample};

/// After how long a sample weighs half as much.
const HALF_LIFE: SignedDuration = SignedDuration::from_mins(30);
/// How far back samples count for the level.
const LEVEL_SPAN: SignedDuration = SignedDuration::from_hours(6);
/// How far back samples count for the slope.
const SLOPE_SPAN: SignedDuration = SignedDuration::from_hours(2);
/// How many samples a slope needs, and how far they must lie apart.
const SLOPE_SAMPLES: usize = 3;
const SLOPE_LEAST_SPAN: SignedDuration = SignedDuration::from_mins(15);

/// What the samples of a score come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trend {
    /// The mean, in which newer samples weigh more.
    pub level: Score,
    /// By how much the score changes in an hour, in hundredths; `None` where too few samples are
    /// known to say.
    pub slope_per_hour: Option<i32>,
}

/// The trend of a score; `None` without a recent sample.
#[must_use]
pub fn trend(samples: &[ScoreSample], now: Timestamp) -> Option<Trend> {
    let age = |sample: &ScoreSample| now.duration_since(sample.at);
    let within = |span: SignedDuration| {
        samples.iter().filter(move |sample| (SignedDuration::ZERO..=span).contains(&age(sample)))
    };
    let mut weights = 0.0;
    let mut sum = 0.0;
    for sample in within(LEVEL_SPAN) {
        let weight = (-age(sample).as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2();
        weights += weight;
        sum += weight * f64::from(sample.score.0);
    }
    if weights <= 0.0 {
        return None;
    }
    let recent: Vec<&ScoreSample> = within(SLOPE_SPAN).collect();
    Some(Trend { level: Score(whole(sum / weights)), slope_per_hour: slope(&recent) })
}

/// The least-squares slope, in hundredths an hour.
fn slope(samples: &[&ScoreSample]) -> Option<i32> {
    let (first, last) = (samples.first()?, samples.last()?);
    if samples.len() < SLOPE_SAMPLES || last.at.duration_since(first.at) < SLOPE_LEAST_SPAN {
        return None;
    }
    let points: Vec<(f64, f64)> = samples
        .iter()
        .map(|sample| (sample.at.duration_since(first.at).as_secs_f64() / 3_600.0, f64::from(sample.score.0)))
        .collect();
    let mean = points.iter().map(|(x, _)| x).sum::<f64>() / f64::from(count(points.len()));
    // What lies apart from the mean time adds up to nothing, so that the mean score need not be taken off.
    let above: f64 = points.iter().map(|(x, y)| (x - mean) * y).sum();
    let below: f64 = points.iter().map(|(x, _)| (x - mean).powi(2)).sum();
    Some(round(above / below))
}

/// A number of samples: there are few.
fn count(samples: usize) -> u32 {
    u32::try_from(samples).unwrap_or(u32::MAX)
}

/// A score's number: a mean of some from 100 to 1,000 is one of them.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a score may be")]
fn whole(value: f64) -> u16 {
    value.round().clamp(0.0, 1_000.0) as u16
}

/// A slope's number: over a quarter of an hour at least, a score changes by 900 at the most.
#[expect(clippy::cast_possible_truncation, reason = "clamped to a range that holds every slope")]
fn round(value: f64) -> i32 {
    value.round().clamp(-1e6, 1e6) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::at;

    /// Samples ten minutes apart, the last one now.
    fn samples(scores: &[u16]) -> Vec<ScoreSample> {
        let first = 1 - i64::try_from(scores.len()).unwrap();
        let times = (first..).map(|index| at(index * 600));
        scores.iter().zip(times).map(|(score, at)| ScoreSample { at, score: Score(score * 100) }).collect()
    }

    /// Level and slope, where there are any.
    type Expected = Option<(u16, Option<i32>)>;

    #[test]
    fn level_and_slope_follow_the_samples() {
        let cases: [(&str, &[u16], Expected); 7] = [
            ("no sample", &[], None),
            ("one", &[9], Some((900, None))),
            ("two say no slope", &[9, 8], Some((844, None))),
            ("steady", &[7, 7, 7, 7], Some((700, Some(0)))),
            ("one an hour down", &[9, 9, 9, 8, 8, 8, 7], Some((799, Some(-193)))),
            ("off a cliff", &[9, 9, 9, 9, 1, 1], Some((505, Some(-1097)))),
            ("flapping", &[9, 2, 9, 2, 9, 2, 9, 2, 9], Some((602, Some(0)))),
        ];
        for (name, scores, expected) in cases {
            let trend = trend(&samples(scores), at(0));
            assert_eq!(trend.map(|trend| (trend.level.0, trend.slope_per_hour)), expected, "{name}");
        }
    }

    #[test]
    fn a_slope_needs_three_samples_over_a_quarter_of_an_hour() {
        // Scores fall by one in each half of an hour.
        let cases: [(&str, &[i64], Option<i32>); 5] = [
            ("three over a quarter of an hour", &[-900, -450, 0], Some(-200)),
            ("three, a second short of it", &[-899, -450, 0], None),
            ("two, however far apart", &[-3_600, 0], None),
            ("three over an hour, not evenly", &[-3_600, -600, 0], Some(-200)),
            ("four", &[-1_800, -1_200, -600, 0], Some(-200)),
        ];
        for (name, times, expected) in cases {
            let score = |seconds: i64| Score(u16::try_from(300 - seconds / 18).unwrap());
            let samples: Vec<ScoreSample> =
                times.iter().map(|seconds| ScoreSample { at: at(*seconds), score: score(*seconds) }).collect();
            assert_eq!(trend(&samples, at(0)).and_then(|trend| trend.slope_per_hour), expected, "{name}");
        }
    }

    #[test]
    fn samples_of_the_future_and_of_long_ago_do_not_count() {
        let sample = |seconds, score| ScoreSample { at: at(seconds), score: Score(score) };
        assert_eq!(trend(&[sample(1, 900)], at(0)), None);
        assert_eq!(trend(&[sample(-6 * 3_600 - 1, 900)], at(0)), None);
        assert_eq!(trend(&[sample(-6 * 3_600, 900)], at(0)).map(|trend| trend.level), Some(Score(900)));
    }
}
