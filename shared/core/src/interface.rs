//! What the functions take and answer. Unknown fields are refused; everything is bounded.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ClusterName, MoveId, RunId};
use crate::phase::MOVES_AT_ONCE;
use crate::record::Outcome;
use crate::switch::{Lever, Scope, SwitchState};
use crate::turn::TurnOrder;
use crate::verify::Next;

/// The most moves that one answer of the Determiner names, and that one call of the Updater takes.
pub const MAX_MOVES: usize = 100;

/// The most clusters of one run. An execution's history holds 25,000 events, and the state
/// machine's Map leaves 13 a cluster and 22 a wave in it: room for five waves in each. Source:
/// "Quotas for state executions", AWS Step Functions Developer Guide.
pub const MAX_CLUSTERS: usize = 200;

/// How large the list of moves may become that are written and not verified yet, in bytes: the state
/// machine carries it from wave to wave. Step Functions lets a state's input be 256 KiB. Source:
/// "Quotas related to task executions", AWS Step Functions Developer Guide.
const MAX_UNVERIFIED_BYTES: usize = 163_840;

/// The most moves of a cluster that are written before they are verified.
#[must_use]
pub fn max_unverified(run: &RunId, cluster: &ClusterName) -> usize {
    // {"run_id":"...","move_id":"CLUSTER/PASS-NUMBER","outcome":"superseded","wait_seconds":3600,"watched":1000}
    let item = 115 + run.as_str().len() + cluster.as_str().len();
    MAX_UNVERIFIED_BYTES / item
}

/// The input of an execution: what the schedule, or a person, starts the state machine with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExecutionInput {
    /// Write nothing to the fleet.
    pub dry_run: bool,
    /// Look at these clusters alone; all that the policy names where it is empty.
    #[schemars(length(max = 200))]
    pub clusters: Vec<ClusterName>,
    /// Throw or release the kill switch.
    pub switch: Option<SwitchInput>,
    /// Bring back what placed the tasks before the first write ever.
    pub restore: Option<RestoreInput>,
}

/// What to restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreInput {
    /// `all`, `cluster/NAME` or `service/CLUSTER/NAME`.
    pub scope: Scope,
}

/// A change of the kill switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchInput {
    /// `all`, `cluster/NAME` or `service/CLUSTER/NAME`.
    pub scope: Scope,
    /// `on` or `off`.
    pub state: SwitchState,
    /// Why: 1 to 256 characters.
    pub reason: String,
    /// When it ends by itself, RFC 3339.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub until: Option<jiff::Timestamp>,
    /// Also interrupt deployments that somebody else started.
    #[serde(default)]
    pub preempt: bool,
    /// Also cover services that are neither enrolled nor in the ledger.
    #[serde(default)]
    pub unenrolled: bool,
    /// How services are brought off Spot: `strategy`, or `capacity` to turn Auto Scaling groups where
    /// the stack and the groups allow it.
    #[serde(default)]
    pub lever: Lever,
}

/// The input of the recorder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum RecorderInput {
    /// Begins a run.
    Begin {
        /// The execution's name.
        run_id: RunId,
        /// The execution's input as it came: checked here, so that every mistake is named.
        input: serde_json::Value,
        /// Who started it: the ARN of the execution, by which CloudTrail names the principal.
        #[serde(default)]
        who: String,
    },
    /// Records how a move ended.
    Outcome {
        /// The run.
        run_id: RunId,
        /// The move.
        move_id: MoveId,
        /// What the Updater or the StabilityChecker said last, or the name of the error that
        /// ended the move's branch.
        because: Because,
    },
    /// Records that a cluster could not be worked on.
    ClusterFailed {
        /// The run.
        run_id: RunId,
        /// The cluster.
        cluster: ClusterName,
        /// The error's name.
        error: String,
    },
    /// Ends a pass over the clusters, and the run unless a switch still has something to wait for.
    End {
        /// The run.
        run_id: RunId,
    },
}

/// What ended a move's branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Because {
    /// An answer of the StabilityChecker.
    Next(Next),
    /// An answer of the Updater.
    Update(UpdateOutcome),
    /// An error that was not mended by retrying.
    Error(String),
}

/// The answer to [`RecorderInput::Begin`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeginAnswer {
    /// The run.
    pub run_id: RunId,
    /// `clusters` to work on them; `ended` where there is nothing to do.
    pub next: BeginNext,
    /// The clusters.
    pub clusters: Vec<ClusterName>,
    /// How many to work on at once.
    pub clusters_in_flight: u32,
}

/// What follows Begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BeginNext {
    /// Work on the clusters.
    Clusters,
    /// There are none: end.
    End,
}

/// The answer to [`RecorderInput::End`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndAnswer {
    /// `again` where a switch run must look once more, else `ended`.
    pub next: EndNext,
    /// How long to wait before that.
    pub wait_seconds: u32,
    /// The clusters to look at once more; empty where the run has ended.
    pub clusters: Vec<ClusterName>,
    /// How the run ended: a status of [`crate::record::RunStatus`], or `running`.
    pub status: String,
    /// Moves by outcome.
    pub moves: BTreeMap<Outcome, u32>,
}

/// What follows End.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndNext {
    /// Over the clusters once more.
    Again,
    /// The run has ended.
    Ended,
}

/// The input of the Determiner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DetermineInput {
    /// The run.
    pub run_id: RunId,
    /// The cluster.
    pub cluster: ClusterName,
    /// Where the last answer left off: the next wave's number. Without it the cluster is read
    /// and planned.
    #[serde(default)]
    pub cursor: Option<u32>,
}

/// The answer of the Determiner: one wave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetermineAnswer {
    /// `turn` where there are groups to turn, `update` where there are moves, `done` where there is no
    /// further wave.
    pub next: DetermineNext,
    /// The moves of this wave, at most [`MAX_MOVES`].
    pub moves: Vec<MoveId>,
    /// The groups to turn, at most [`crate::turn::MAX_TURNS`]; only where `next` is `turn`.
    pub turns: Vec<TurnOrder>,
    /// The next wave, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cursor: Option<u32>,
    /// What comes once this wave is written.
    pub then: Then,
    /// What was found.
    pub counts: DetermineCounts,
}

/// What follows Determine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetermineNext {
    /// Turn groups; the first wave follows.
    Turn,
    /// Apply the moves.
    Update,
    /// The cluster is done.
    Done,
}

/// What comes once a wave is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// It is verified, and the waves before it that were not.
    Verify,
    /// The next wave is written first.
    NextWave,
}

/// What the Determiner found, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetermineCounts {
    /// Services looked at.
    pub services: u32,
    /// Services that no rule blocks.
    pub eligible: u32,
    /// Moves up planned in all waves.
    pub up: u32,
    /// Moves down planned in all waves.
    pub down: u32,
    /// Rebalances planned in all waves.
    pub rebalance: u32,
    /// Gaps in what was read.
    pub gaps: u32,
}

/// The input of the Updater.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateInput {
    /// The run.
    pub run_id: RunId,
    /// The moves, 1 to [`MAX_MOVES`], each once; none where there are turns.
    #[serde(default)]
    pub move_ids: Vec<MoveId>,
    /// Groups to turn, at most [`crate::turn::MAX_TURNS`], instead of moves.
    #[serde(default)]
    pub turns: Vec<TurnOrder>,
    /// Whether another wave was written right before: next to nothing is left then of what the API
    /// lets through at once.
    #[serde(default)]
    pub follows: bool,
    /// How many moves of the cluster are watched at the same time, where a StabilityChecker asked for this one
    /// of them; `None` where a wave is written.
    #[serde(default)]
    pub watched: Option<u32>,
}

/// The answer of the Updater.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateAnswer {
    /// One for each move, in the order of the input.
    pub moves: Vec<Updated>,
    /// One for each turn, in the order of the input.
    #[serde(default)]
    pub turns: Vec<Turned>,
}

/// What the Updater did about a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turned {
    /// What was to be done.
    pub order: TurnOrder,
    /// What was done: applied, held, or refused.
    pub outcome: UpdateOutcome,
    /// Why, in a sentence of at most 256 characters.
    pub reason: String,
}

/// What the Updater did about a move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Updated {
    /// The move.
    pub move_id: MoveId,
    /// What was done.
    pub outcome: UpdateOutcome,
    /// Why, in a sentence of at most 256 characters.
    pub reason: String,
    /// How long to wait before the first look.
    pub wait_seconds: u32,
}

/// What the Updater can do about a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdateOutcome {
    /// It is written: by this call or an earlier one.
    Applied,
    /// The service is no longer as the plan found it.
    Superseded,
    /// A lease, a switch or the run's mode keeps it from being written now.
    Held,
    /// AWS refused it.
    Refused,
}

/// The input of the StabilityChecker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckInput {
    /// The run.
    pub run_id: RunId,
    /// The move.
    pub move_id: MoveId,
    /// How many moves of the cluster are watched at the same time, this one among them.
    #[serde(default = "most_watched")]
    pub watched: u32,
}

/// Where nobody says how many moves are watched, it may be as many as the state machine watches at once.
const fn most_watched() -> u32 {
    MOVES_AT_ONCE
}

/// The answer of the StabilityChecker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckAnswer {
    /// What to do.
    pub next: Next,
    /// How long to wait first.
    pub wait_seconds: u32,
    /// Why, in a sentence of at most 256 characters.
    pub reason: String,
}

/// The input of the placement scorer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ScoreInput {
    /// Ask for these clusters alone; for all of the Region where it is empty.
    #[schemars(length(max = 200))]
    pub clusters: Vec<ClusterName>,
}

/// The answer of the placement scorer: providers by what asking came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreCounts {
    /// Clusters looked at.
    pub clusters: u32,
    /// Providers with a score.
    pub scored: u32,
    /// Providers of which a score was refused.
    pub refused: u32,
    /// Providers with a zone in use that has no score.
    pub absent: u32,
    /// Providers that EC2 has no score for.
    pub unsupported: u32,
    /// Calls of `GetSpotPlacementScores` that were asked for, pages not counted.
    pub asked: u32,
    /// The distinct queries of the last 24 hours.
    pub queries: u32,
    /// Clusters of which what is known could not be read or written, with the error's name.
    pub failed_clusters: BTreeMap<ClusterName, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    /// As an execution asks that was started before the state machine told it.
    #[test]
    fn a_look_that_does_not_say_how_many_are_watched_keeps_to_the_least_part_of_the_rates() {
        let input = serde_json::json!({ "run_id": "run", "move_id": "prod/0-0" });
        let input: CheckInput = serde_json::from_value(input).unwrap();
        assert_eq!(input.watched, MOVES_AT_ONCE);
    }

    /// Step Functions fails a run whose state is larger.
    #[test]
    fn what_is_carried_until_it_is_verified_fits_a_state() {
        let cases = [
            (
                "a uuid and an ordinary name",
                "6f9b4f7e-6a0c-4a9e-9a52-3c4d7d0b7f11".to_owned(),
                "production".to_owned(),
                1_000,
            ),
            ("the longest names", "r".repeat(80), "c".repeat(255), 350),
        ];
        for (name, run, cluster, least) in cases {
            let (run, cluster) = (fixtures::run_id(&run), ClusterName::parse(&cluster).unwrap());
            let most = max_unverified(&run, &cluster);
            assert!(most >= least, "{name}: {most}");
            let item = serde_json::json!({
                "run_id": run,
                "move_id": format!("{cluster}/600-{most}"),
                "outcome": UpdateOutcome::Superseded,
                "wait_seconds": 3_600,
                "watched": most,
            });
            // A wave that could not be written says so of each of its moves.
            let failed = serde_json::json!({ "because": { "error": "Lambda.TooManyRequestsException" } });
            let bytes = most * (item.to_string().len() + 1) + MAX_MOVES * failed.to_string().len();
            assert!(bytes < 200 * 1_024, "{name}: {bytes} bytes of {most} moves");
        }
    }
}
