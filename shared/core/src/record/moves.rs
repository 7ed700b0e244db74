//! How far a move has come.

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observe::PlacedBy;
use crate::plan::Move;
use crate::units::Seconds;

/// How long before a write a look at it begins: more than AWS's clock may be behind ours
/// (`CLOCK_SKEW` of `verify::find`).
const BEFORE_A_WRITE: SignedDuration = SignedDuration::from_secs(60);
/// How far a look goes back while nothing is written.
const BEFORE_THE_FIRST_WRITE: SignedDuration = SignedDuration::from_hours(24);

/// A move and how far it has come: one item of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveRecord {
    /// The move as planned.
    pub planned: Move,
    /// What the Updater is to write, or has written last.
    pub step: Step,
    /// How often the move itself was written (undo and fallback do not count).
    pub attempts: u32,
    /// The write of the present step; `None` until it is about to be sent.
    pub written: Option<Written>,
    /// How many steps were begun: writes of whatever kind, and deployments in progress that a
    /// retry took over instead of writing. At most `attempts` of the policy and two.
    #[serde(default)]
    pub steps: u32,
    /// Since when everything holds that stable means.
    pub stable_since: Option<Timestamp>,
    /// The desired count at that time: a later change of it does not restart the dwell.
    #[serde(default)]
    pub dwell_desired: u32,
    /// Since when the present step waits for Spot tasks without getting one.
    #[serde(default)]
    pub spot_wait: Option<SpotWait>,
    /// What drove the move off its own strategy; `None` while all goes well.
    #[serde(default)]
    pub setback: Option<Setback>,
    /// Whether the tasks that it started run other images than those before: alarmed, and the
    /// wave stops.
    #[serde(default)]
    pub code_changed: bool,
    /// The digests that the service ran before the first write.
    pub images_before: Vec<crate::observe::ContainerImage>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// When its own branch of the run ended it. A move that was held before it had one has none, and is
    /// told of with the end of the run.
    #[serde(default)]
    pub concluded_at: Option<Timestamp>,
    /// What led there, newest last, at most twenty sentences.
    pub history: Vec<HistoryLine>,
}

/// Spot tasks are missing, and no new one has come to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpotWait {
    /// Since when.
    pub since: Timestamp,
    /// The Spot tasks that ran then: one more, and the wait begins anew.
    pub running: u32,
}

/// What drove a move off its own strategy. It decides what its end does to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Setback {
    /// It failed: tasks, circuit breaker or deadline.
    Failed,
    /// Spot could not be had.
    Drought,
    /// A switch was thrown while it was under way.
    Switch,
    /// Somebody put back what was there before.
    Reverted,
    /// ECS itself rolled it back.
    RolledBack,
    /// AWS never took it.
    NotTaken,
}

/// What the Updater is to write for a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The move.
    Apply,
    /// The move again, after ECS itself ended its deployment or it failed.
    Retry,
    /// What was there before.
    Undo,
    /// The On-Demand provider alone.
    FallBack,
}

impl Step {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Step::Apply => "apply",
            Step::Retry => "retry",
            Step::Undo => "undo",
            Step::FallBack => "fall_back",
        }
    }
}

/// A write of the present step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// When it was about to be sent.
    pub at: Timestamp,
    /// What was written.
    pub after: PlacedBy,
    /// The primary deployment's id just before: another one afterwards is ours, or somebody's.
    pub previous_deployment: Option<String>,
    /// The ARN of the newest service deployment just before: ours is newer.
    #[serde(default)]
    pub previous_service_deployment: Option<String>,
    /// Whether AWS confirmed it, or a later read found it.
    pub confirmed: bool,
    /// The ARN of the service deployment that it started, once known.
    pub deployment: Option<String>,
    /// The id (`ecs-svc/...`) of the deployment that it started, once known.
    pub deployment_id: Option<String>,
    /// How long it may take.
    pub deadline: Seconds,
}

/// One sentence of a move's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryLine {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: String,
}

/// How a move ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its strategy is in place and everything holds.
    Stable,
    /// It failed and what was there before is in place again.
    Undone,
    /// Spot could not be had and the service is On-Demand.
    FallenBack,
    /// Somebody else deploys, or has taken it back: Spotkeeper yields.
    Superseded,
    /// It failed and so did undoing it: alarmed, and held back.
    Quarantined,
    /// It is a move down that cannot be completed: alarmed.
    Stranded,
    /// A lease, a switch or a wave that stopped kept it from being written in this run.
    Held,
    /// AWS, or a check just before the write, refused it.
    Refused,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 8] = [
        Outcome::Stable,
        Outcome::Undone,
        Outcome::FallenBack,
        Outcome::Superseded,
        Outcome::Quarantined,
        Outcome::Stranded,
        Outcome::Held,
        Outcome::Refused,
    ];

    /// Its name, as in metrics and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Stable => "stable",
            Outcome::Undone => "undone",
            Outcome::FallenBack => "fallen_back",
            Outcome::Superseded => "superseded",
            Outcome::Quarantined => "quarantined",
            Outcome::Stranded => "stranded",
            Outcome::Held => "held",
            Outcome::Refused => "refused",
        }
    }

    /// Whether somebody must look.
    #[must_use]
    pub const fn alarms(self) -> bool {
        matches!(self, Outcome::Quarantined | Outcome::Stranded)
    }
}

/// The most sentences that a move's history keeps.
pub const HISTORY_LINES: usize = 20;

impl MoveRecord {
    /// The record of a move that nothing has been done about.
    #[must_use]
    pub const fn new(planned: Move) -> MoveRecord {
        MoveRecord {
            planned,
            step: Step::Apply,
            attempts: 0,
            written: None,
            steps: 0,
            stable_since: None,
            dwell_desired: 0,
            spot_wait: None,
            setback: None,
            code_changed: false,
            images_before: Vec::new(),
            outcome: None,
            concluded_at: None,
            history: Vec::new(),
        }
    }

    /// Adds a sentence to its history; the oldest goes when it is full.
    pub fn note(&mut self, at: Timestamp, what: String) {
        if self.history.len() >= HISTORY_LINES {
            self.history.remove(0);
        }
        self.history.push(HistoryLine { at, what });
    }

    /// When it ended, where it has.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        let last = || self.history.last().map(|line| line.at);
        self.outcome.and_then(|_| self.concluded_at.or_else(last))
    }

    /// Whether somebody must look.
    #[must_use]
    pub fn alarms(&self) -> bool {
        self.code_changed || self.outcome.is_some_and(Outcome::alarms)
    }

    /// Since when a look at the service is to show deployments and events: a minute before the
    /// present write, since AWS's clock may be behind ours and its deployment then seems older; a
    /// day back while nothing is written, so that the deployment whose images run is among them.
    #[must_use]
    pub fn look_since(&self, now: Timestamp) -> Timestamp {
        let since = match &self.written {
            Some(written) => written.at.checked_sub(BEFORE_A_WRITE),
            None => now.checked_sub(BEFORE_THE_FIRST_WRITE),
        };
        since.unwrap_or(Timestamp::MIN)
    }

    /// What the present step writes; `None` for an undo of a move that has none.
    #[must_use]
    pub fn target(&self) -> Option<PlacedBy> {
        self.target_of(self.step)
    }

    /// What a step writes; `None` for an undo of a move that has none.
    #[must_use]
    pub fn target_of(&self, step: Step) -> Option<PlacedBy> {
        match step {
            Step::Apply | Step::Retry => Some(self.planned.after.clone()),
            Step::Undo => self.planned.undo.clone(),
            Step::FallBack => Some(PlacedBy::Strategy(self.planned.fall_back.clone())),
        }
    }

    /// The step that goes back from a failed move up: the undo; On-Demand where there is none, or
    /// where the undo would write the same strategy again.
    #[must_use]
    pub fn way_back(&self) -> Step {
        match &self.planned.undo {
            Some(before) if !before.equivalent(&self.planned.after) => Step::Undo,
            Some(_) | None => Step::FallBack,
        }
    }

    /// Whether the present step may add Spot tasks.
    #[must_use]
    pub fn may_add_spot(&self) -> bool {
        self.step_may_add_spot(self.step)
    }

    /// Whether a step may add Spot tasks. An undo may, where what was there before uses any
    /// provider but the On-Demand one, however few tasks the service has now: the next scale-out
    /// is placed by it.
    #[must_use]
    pub fn step_may_add_spot(&self, step: Step) -> bool {
        match step {
            Step::Apply | Step::Retry => self.planned.kind.may_add_spot(),
            Step::Undo => match &self.planned.undo {
                Some(PlacedBy::Strategy(before)) => {
                    before.used().any(|provider| *provider != self.planned.pair.on_demand)
                }
                Some(PlacedBy::LaunchType(_)) | None => false,
            },
            Step::FallBack => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HISTORY_LINES, Outcome, Step};
    use crate::fixtures::{at, now};
    use crate::observe::{LaunchType, PlacedBy};
    use crate::verify::tests::{Answer, Drive, over};

    #[test]
    fn names_are_those_of_the_table() {
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
        }
        for step in [Step::Apply, Step::Retry, Step::Undo, Step::FallBack] {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
    }

    #[test]
    fn a_look_begins_before_what_it_looks_for() {
        let mut drive = Drive::up();
        assert_eq!(drive.record.look_since(drive.now), at(-86_400), "nothing is written: the images that run");
        drive.update(Answer::Taken);
        assert_eq!(drive.record.written.as_ref().map(|written| written.at), Some(now()));
        drive.pass(300);
        assert_eq!(drive.record.look_since(drive.now), at(-60), "a clock that is behind by less than a minute");
    }

    #[test]
    fn a_history_keeps_its_newest_lines() {
        let mut record = Drive::up().record;
        for number in 0..25 {
            record.note(at(number), number.to_string());
        }
        let kept: Vec<&str> = record.history.iter().map(|line| line.what.as_str()).collect();
        assert_eq!((kept.len(), kept.first(), kept.last()), (HISTORY_LINES, Some(&"5"), Some(&"24")));
    }

    #[test]
    fn a_move_has_ended_when_its_branch_did_or_its_last_line_says() {
        let mut record = Drive::up().record;
        record.note(at(7), "held".to_owned());
        assert_eq!(record.ended_at(), None, "under way");
        record.outcome = Some(Outcome::Held);
        assert_eq!(record.ended_at(), Some(at(7)), "held before it had a branch");
        record.concluded_at = Some(at(9));
        assert_eq!(record.ended_at(), Some(at(9)));
    }

    #[test]
    fn somebody_must_look_at_other_code_and_at_some_ends() {
        let rows = [
            ("under way", false, None, false),
            ("stable", false, Some(Outcome::Stable), false),
            ("undone", false, Some(Outcome::Undone), false),
            ("held back", false, Some(Outcome::Quarantined), true),
            ("stranded", false, Some(Outcome::Stranded), true),
            ("stable with other code", true, Some(Outcome::Stable), true),
            ("under way with other code", true, None, true),
        ];
        for (name, code_changed, outcome, expected) in rows {
            let mut record = Drive::up().record;
            (record.code_changed, record.outcome) = (code_changed, outcome);
            assert_eq!(record.alarms(), expected, "{name}");
        }
    }

    /// An undo adds Spot tasks where what was there before uses any provider but the On-Demand one.
    #[test]
    fn some_steps_may_add_spot() {
        let (on_demand, half) = (Some(over(1, 0)), Some(over(1, 1)));
        let by_launch_type = Some(PlacedBy::LaunchType(LaunchType::Fargate));
        let rows = [
            ("a move up", Drive::up(), Step::Apply, on_demand.clone(), true),
            ("a move up again", Drive::up(), Step::Retry, on_demand.clone(), true),
            ("a move down", Drive::down(), Step::Apply, None, false),
            ("an undo to On-Demand", Drive::up(), Step::Undo, on_demand, false),
            ("an undo to some Spot", Drive::up(), Step::Undo, half.clone(), true),
            ("an undo to a launch type", Drive::up(), Step::Undo, by_launch_type, false),
            ("an undo of which nothing is known", Drive::up(), Step::Undo, None, false),
            ("a fallback", Drive::up(), Step::FallBack, half, false),
        ];
        for (name, drive, step, undo, expected) in rows {
            let mut record = drive.record;
            record.planned.undo = undo;
            record.step = step;
            assert_eq!(record.may_add_spot(), expected, "{name}");
        }
    }
}
