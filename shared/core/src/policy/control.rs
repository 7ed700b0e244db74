//! What the owners say to the controller.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Percent, Seconds};

/// How the ceiling of a pair follows its capacity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    /// Whether a pair of Auto Scaling groups climbs only by fresh placement scores.
    pub placement_score: ScoreUse,
    /// From which placement score on a ceiling may rise.
    #[schemars(range(min = 1, max = 10))]
    pub good_score: u8,
    /// At which placement score, and below, a ceiling is cut.
    #[schemars(range(min = 1, max = 10))]
    pub poor_score: u8,
    /// By how much a score that is not good may fall in an hour before the ceiling is cut. One that will be
    /// poor within an hour, as it falls now, cuts in any case.
    #[schemars(range(min = 1, max = 10))]
    pub falling_per_hour: u8,
    /// How old a placement score may be and still decide.
    #[schemars(range(min = 60, max = 86_400))]
    pub score_max_age_seconds: Seconds,
    /// How long a ceiling stays, and all must be quiet, before it rises by a step.
    #[schemars(range(max = 604_800))]
    pub raise_after_seconds: Seconds,
    /// How long a ceiling stays before a score cuts it.
    #[schemars(range(max = 604_800))]
    pub cool_down_seconds: Seconds,
    /// How much of a ceiling one cut takes away, in percent of it.
    #[schemars(range(min = 1))]
    pub cut_percent: Percent,
    /// How many interruptions in an hour are ordinary, in percent of the instances under the running Spot
    /// tasks, on Fargate of the tasks: more cut the ceiling. Two are always ordinary.
    pub interruptions_percent: Percent,
    /// How long nothing moves up over a pair whose Spot capacity could not be had; it doubles each
    /// time.
    #[schemars(range(max = 604_800))]
    pub dry_seconds: Seconds,
    /// The longest of these pauses.
    #[schemars(range(max = 2_592_000))]
    pub max_dry_seconds: Seconds,
    /// How long before a window begins it applies; where it is left out, the time that its
    /// moves need, and two runs of the default schedule: with a slower one, set it.
    #[schemars(range(max = 86_400))]
    pub window_lead_seconds: Option<Seconds>,
}

impl Default for Control {
    fn default() -> Control {
        Control {
            placement_score: ScoreUse::Required,
            good_score: 7,
            poor_score: 3,
            falling_per_hour: 2,
            score_max_age_seconds: Seconds(3_600),
            raise_after_seconds: Seconds(3_600),
            cool_down_seconds: Seconds(1_800),
            cut_percent: Percent::saturating(50),
            interruptions_percent: Percent::saturating(10),
            dry_seconds: Seconds(3_600),
            max_dry_seconds: Seconds(86_400),
            window_lead_seconds: None,
        }
    }
}

/// What placement scores mean to a pair of Auto Scaling groups. Fargate and Managed Instances have
/// none, and climb by what happens to their tasks alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScoreUse {
    /// Without a fresh score the ceiling stays where it is.
    Required,
    /// A fresh score may cut the ceiling; it rises without.
    Optional,
}
