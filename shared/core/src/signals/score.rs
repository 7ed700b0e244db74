//! Spot placement scores: what was asked, and what EC2 answered.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ClusterName, ProviderName};
use crate::units::Seconds;

/// How many samples a [`ScoreRecord`] keeps.
pub const SAMPLES: usize = 48;

/// A placement score, or a mean of some, in hundredths: 100 to 1,000. EC2's own are whole, 1 (poor)
/// to 10 (good). Source: "Spot placement score", EC2 user guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Score(pub u16);

impl Score {
    /// A score as EC2 gives it; `None` for what is not 1 to 10.
    #[must_use]
    pub fn of_ec2(score: i32) -> Option<Score> {
        u16::try_from(score).ok().filter(|score| (1..=10).contains(score)).map(|score| Score(score * 100))
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// What is known of the placement score of one Spot provider in one cluster: one item of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreRecord {
    /// The cluster.
    pub cluster: ClusterName,
    /// The Spot provider.
    pub provider: ProviderName,
    /// When EC2 was last asked, or was not to be asked.
    pub at: Timestamp,
    /// The newest answer.
    pub answer: ScoreAnswer,
    /// The scores of the cluster that were had before and with it, oldest first, at most
    /// [`SAMPLES`].
    pub samples: Vec<ScoreSample>,
}

/// What asking for a score came to. Each is its own answer: only a fresh [`ScoreAnswer::Scored`]
/// decides anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum ScoreAnswer {
    /// Every zone in use has a score.
    Scored {
        /// The score of the cluster: from the zones in use.
        score: Score,
        /// By zone name, the zones in use alone.
        zones: BTreeMap<String, Score>,
        /// The score of the Region, where it was had: of all its zones, also those not in use.
        region: Option<Score>,
    },
    /// EC2, or a limit, refused the answer.
    Refused {
        /// Why.
        why: ScoreRefusal,
    },
    /// EC2 answered without a score for these zones in use. No score is not the score 0.
    Absent {
        /// The names of the zones.
        zones: Vec<String>,
    },
    /// There is no score for what this provider buys.
    Unsupported {
        /// Why, in a sentence.
        why: String,
    },
}

/// Why there is no score.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum ScoreRefusal {
    /// `MaxConfigLimitExceeded`: the account has asked for too many new configurations in 24 hours.
    MaxConfigLimitExceeded,
    /// Spotkeeper's own bound of distinct queries in 24 hours is reached.
    QueryLimit,
    /// The role lacks the action.
    Denied {
        /// As IAM names it.
        action: String,
    },
    /// AWS throttled the call to the end of the retries.
    Throttled,
    /// The call failed otherwise, or what it depends on could not be read.
    Failed {
        /// AWS's code, or what is missing.
        detail: String,
    },
}

/// One score of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreSample {
    /// When.
    pub at: Timestamp,
    /// The score.
    pub score: Score,
}

impl ScoreRefusal {
    /// The name of each, in the order of the variants.
    pub const NAMES: [&'static str; 5] = ["max_config_limit_exceeded", "query_limit", "denied", "throttled", "failed"];

    /// Its name, as in metrics and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            ScoreRefusal::MaxConfigLimitExceeded => Self::NAMES[0],
            ScoreRefusal::QueryLimit => Self::NAMES[1],
            ScoreRefusal::Denied { .. } => Self::NAMES[2],
            ScoreRefusal::Throttled => Self::NAMES[3],
            ScoreRefusal::Failed { .. } => Self::NAMES[4],
        }
    }
}

impl ScoreAnswer {
    /// Its name, as in metrics and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            ScoreAnswer::Scored { .. } => "scored",
            ScoreAnswer::Refused { .. } => "refused",
            ScoreAnswer::Absent { .. } => "absent",
            ScoreAnswer::Unsupported { .. } => "unsupported",
        }
    }
}

impl ScoreRecord {
    /// The record after another answer. The samples go on: what was scored before stays known, and
    /// grows stale.
    #[must_use]
    pub fn answered(
        before: Option<ScoreRecord>,
        cluster: ClusterName,
        provider: ProviderName,
        at: Timestamp,
        answer: ScoreAnswer,
    ) -> ScoreRecord {
        let mut samples = before.map(|before| before.samples).unwrap_or_default();
        if let ScoreAnswer::Scored { score, .. } = answer {
            samples.retain(|sample| sample.at < at);
            samples.push(ScoreSample { at, score });
            let extra = samples.len().saturating_sub(SAMPLES);
            samples.drain(..extra);
        }
        ScoreRecord { cluster, provider, at, answer, samples }
    }

    /// Whether its newest answer is a score, and at most that old.
    #[must_use]
    pub fn is_fresh(&self, now: Timestamp, max_age: Seconds) -> bool {
        matches!(self.answer, ScoreAnswer::Scored { .. }) && now.duration_since(self.at) <= max_age.duration()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{at, cluster_name};

    fn scored(score: u16) -> ScoreAnswer {
        ScoreAnswer::Scored { score: Score(score), zones: BTreeMap::new(), region: None }
    }

    fn answered(before: Option<ScoreRecord>, seconds: i64, answer: ScoreAnswer) -> ScoreRecord {
        let provider = ProviderName::parse("spot").unwrap();
        ScoreRecord::answered(before, cluster_name(), provider, at(seconds), answer)
    }

    #[test]
    fn ec2_scores_are_one_to_ten() {
        let cases = [(-1, None), (0, None), (1, Some(Score(100))), (10, Some(Score(1_000))), (11, None)];
        for (given, expected) in cases {
            assert_eq!(Score::of_ec2(given), expected, "{given}");
        }
        assert_eq!(Score(705).to_string(), "7.05");
    }

    #[test]
    fn names_are_those_of_the_table() {
        let all = [
            ScoreRefusal::MaxConfigLimitExceeded,
            ScoreRefusal::QueryLimit,
            ScoreRefusal::Denied { action: "ec2:GetSpotPlacementScores".to_owned() },
            ScoreRefusal::Throttled,
            ScoreRefusal::Failed { detail: "InternalError".to_owned() },
        ];
        assert_eq!(all.each_ref().map(ScoreRefusal::name), ScoreRefusal::NAMES);
        for why in all {
            assert_eq!(serde_json::to_value(&why).unwrap()["why"], why.name());
        }
        let refused = ScoreAnswer::Refused { why: ScoreRefusal::Throttled };
        let absent = ScoreAnswer::Absent { zones: Vec::new() };
        let unsupported = ScoreAnswer::Unsupported { why: "Fargate".to_owned() };
        for answer in [scored(900), refused, absent, unsupported] {
            assert_eq!(serde_json::to_value(&answer).unwrap()["answer"], answer.name());
        }
    }

    #[test]
    fn samples_go_on_through_a_refusal_and_are_bounded() {
        let first = answered(None, 0, scored(900));
        let refused = ScoreAnswer::Refused { why: ScoreRefusal::MaxConfigLimitExceeded };
        let second = answered(Some(first), 600, refused);
        assert_eq!(second.samples, [ScoreSample { at: at(0), score: Score(900) }]);
        let again = answered(Some(second), 600, scored(300));
        let again = answered(Some(again), 600, scored(400));
        assert_eq!(again.samples.len(), 2, "the same time again takes its place");
        let many = (0..100).fold(again, |before, run| answered(Some(before), 1_200 + run, scored(500)));
        assert_eq!(many.samples.len(), SAMPLES);
        assert_eq!(many.samples.last().map(|sample| sample.at), Some(at(1_299)), "the newest stay");
    }

    #[test]
    fn only_a_recent_score_is_fresh() {
        let refused = ScoreAnswer::Refused { why: ScoreRefusal::Throttled };
        let cases = [
            ("just now", scored(900), 0, true),
            ("at the limit", scored(900), 3_600, true),
            ("stale", scored(900), 3_601, false),
            ("refused", refused, 0, false),
        ];
        for (name, answer, age, expected) in cases {
            assert_eq!(answered(None, 0, answer).is_fresh(at(age), Seconds(3_600)), expected, "{name}");
        }
    }
}
