//! The events of moves, ceilings and switches.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use spotkeeper_core::assess::Rule;
use spotkeeper_core::control::{Evidence, ScoreEvidence, Steered};
use spotkeeper_core::ids::RunId;
use spotkeeper_core::plan::{Cap, CapBy, MoveCause, MoveKind};
use spotkeeper_core::record::{MoveRecord, Outcome};
use spotkeeper_core::switch::{Lever, SwitchChange, SwitchState, SwitchedHow};

use super::event::{Detail, VERSION};

/// The longest sentence of an event.
const SENTENCE: usize = 300;

/// The detail of `Move Ended`: how the strategy of one service was changed, or was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MoveEnded {
    /// The version of this shape.
    pub version: u32,
    /// The same each time that this end is told: `move/RUN/MOVE`.
    pub id: String,
    /// The run that made it.
    pub run_id: String,
    /// The move in that run.
    pub move_id: String,
    /// The cluster.
    pub cluster: String,
    /// The service.
    pub service: String,
    /// The service's ARN.
    pub service_arn: String,
    /// `up`, `down` or `rebalance`.
    pub kind: MoveKind,
    /// Why it was planned, in a word.
    pub cause: &'static str,
    /// The same in words, where there is more to say.
    pub cause_detail: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// What placed the service's tasks when it was planned.
    pub before: String,
    /// What it was to write.
    pub after: String,
    /// What it wrote last: itself, an undo or a fallback; null where nothing was written.
    pub written: Option<String>,
    /// Spot tasks that `after` places at the most.
    pub spot_tasks: u32,
    /// Tasks that the service was to have.
    pub desired_tasks: u32,
    /// How often it was written, not counting undo and fallback.
    pub attempts: u32,
    /// Whether its tasks run another image than those before them.
    pub code_changed: bool,
    /// Why it ended so: the last sentence of its history.
    pub reason: String,
    /// What led there, newest last, at most twenty sentences.
    pub history: Vec<Sentence>,
    /// When its last write was sent; null where there was none.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub written_at: Option<Timestamp>,
    /// When it ended.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub ended_at: Timestamp,
    /// Whether somebody must look: it is quarantined or stranded, or brought another image.
    pub alarm: bool,
}

/// A sentence of a move's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sentence {
    /// When.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub at: Timestamp,
    /// What.
    pub what: String,
}

/// The detail of `Ceiling Changed`: how much of a pair's capacity may be on Spot from now on.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CeilingChanged {
    /// The version of this shape.
    pub version: u32,
    /// The same each time that this change is told: `ceiling/CLUSTER/ON_DEMAND/SPOT/NUMBER`.
    pub id: String,
    /// The run that decided it.
    pub run_id: String,
    /// The cluster.
    pub cluster: String,
    /// The pair's On-Demand provider.
    pub on_demand_provider: String,
    /// The pair's Spot provider.
    pub spot_provider: String,
    /// The ceiling before, in percent; null for a pair that was not known.
    pub before: Option<u8>,
    /// The ceiling now, in percent.
    pub after: u8,
    /// What counts: the ceiling, or the cap if that is less, in percent.
    pub effective: u8,
    /// What counted before, in percent; null for a pair that was not known, or of which that was not kept.
    pub effective_before: Option<u8>,
    /// What changed `effective` where the ceiling itself did not: the cap of this name that is less now, or was
    /// before (`policy`, `dial` or `window`); null where it is as it was, or changed with the ceiling.
    pub effective_reason: Option<&'static str>,
    /// The most that a ceiling of the cluster may be, in percent; null where it is not known.
    pub cap: Option<u8>,
    /// What sets the cap: `policy`, `dial` or `window`.
    pub cap_by: Option<&'static str>,
    /// The dial's scope, or the window's name; null where the policy sets it, or it is not known.
    pub cap_name: Option<String>,
    /// Why it changed, in a word: the controller's reason where the ceiling itself changed, else as
    /// `effective_reason`.
    pub reason: &'static str,
    /// From what it was decided.
    pub evidence: EvidenceDetail,
    /// When it was decided.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub decided_at: Timestamp,
}

/// What a ceiling was decided from.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct EvidenceDetail {
    /// `fresh`; `not_applicable` where the family has no score; else why none decides.
    pub score: String,
    /// The smoothed placement score, 1 to 10; null where it is not fresh.
    pub score_level: Option<f64>,
    /// By how much it changes in an hour; null where that is not known.
    pub score_slope_per_hour: Option<f64>,
    /// Interruptions in the last hour that no cut had answered.
    pub interruptions: u32,
    /// How many of them are ordinary.
    pub ordinary_interruptions: u32,
    /// The newest sign of a drought that no cut had answered; null where there was none.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub drought_at: Option<Timestamp>,
    /// Services held back after a failed move up.
    pub failed_moves: u32,
    /// The part of the cluster's task vCPU that was on Spot over the pair, in percent.
    pub share: u8,
    /// Whether the ceiling was put to the test.
    pub tested: bool,
}

/// The detail of `Switch Changed`: the kill switch was thrown or released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SwitchChanged {
    /// The version of this shape.
    pub version: u32,
    /// The same each time that this change is told: `switch/RUN`, or `switch/NUMBER/SCOPE` for one that a run
    /// found.
    pub id: String,
    /// The run that did it, or found it.
    pub run_id: String,
    /// How it was done: by an `execution`, by its item in the `table`, or by itself, as it `ended`.
    pub how: SwitchedHow,
    /// `on` or `off`.
    pub state: SwitchState,
    /// What it covers: `all`, `cluster/NAME` or `service/CLUSTER/NAME`.
    pub scope: String,
    /// Why; for one that ended or was taken out of the table, why it had been thrown.
    pub reason: String,
    /// Who did it: the execution's ARN; as the item says, for one that was put into the table; who had thrown it,
    /// for one that ended; `(unknown)` for one that was taken out of the table.
    pub who: String,
    /// When it ends by itself; null where it does not, and when it is released.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub until: Option<Timestamp>,
    /// Whether it also interrupts deployments that somebody else started.
    pub preempt: bool,
    /// Whether it also covers services that are neither enrolled nor known to Spotkeeper.
    pub unenrolled: bool,
    /// How it brings services off Spot: `strategy` or `capacity`.
    pub lever: Lever,
    /// The number that counts up with every change of a switch.
    pub epoch: u64,
    /// When it was done; when it was found, where nothing says that.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub changed_at: Timestamp,
}

impl Detail for MoveEnded {
    const TYPE: &'static str = "Move Ended";
    fn at(&self) -> Timestamp {
        self.ended_at
    }
}

impl Detail for CeilingChanged {
    const TYPE: &'static str = "Ceiling Changed";
    fn at(&self) -> Timestamp {
        self.decided_at
    }
}

impl Detail for SwitchChanged {
    const TYPE: &'static str = "Switch Changed";
    fn at(&self) -> Timestamp {
        self.changed_at
    }
}

impl MoveEnded {
    /// The detail for a move; `None` for one that has not ended.
    #[must_use]
    pub fn of(record: &MoveRecord) -> Option<MoveEnded> {
        let MoveRecord { planned, history, .. } = record;
        let history: Vec<Sentence> =
            history.iter().map(|line| Sentence { at: line.at, what: cut(&line.what) }).collect();
        Some(MoveEnded {
            version: VERSION,
            id: format!("move/{}/{}", planned.run, planned.id),
            run_id: planned.run.to_string(),
            move_id: planned.id.to_string(),
            cluster: planned.service.cluster.to_string(),
            service: planned.service.name.to_string(),
            service_arn: planned.service.arn.to_string(),
            kind: planned.kind,
            cause: cause(&planned.cause),
            cause_detail: cause_detail(&planned.cause).map(|detail| cut(&detail)),
            outcome: record.outcome?,
            before: planned.before.to_string(),
            after: planned.after.to_string(),
            written: record.written.as_ref().map(|written| written.after.to_string()),
            spot_tasks: planned.spot_tasks,
            desired_tasks: planned.desired,
            attempts: record.attempts,
            code_changed: record.code_changed,
            reason: history.last().map(|line| line.what.clone()).unwrap_or_default(),
            history,
            written_at: record.written.as_ref().map(|written| written.at),
            ended_at: record.ended_at()?,
            alarm: record.alarms(),
        })
    }
}

impl CeilingChanged {
    /// The detail for a ceiling that has changed in a run, or of which another part counts; `None` for one that
    /// is as it was.
    #[must_use]
    pub fn of(run: &RunId, steered: &Steered, cap: Option<&Cap>) -> Option<CeilingChanged> {
        let Steered { before, in_force_before, after, effective, evidence, .. } = steered;
        let pair = &after.pair;
        let reason = steered.reasons().next()?;
        Some(CeilingChanged {
            version: VERSION,
            id: format!("ceiling/{}/{}/{}/{}", after.cluster, pair.on_demand, pair.spot, after.version),
            run_id: run.to_string(),
            cluster: after.cluster.to_string(),
            on_demand_provider: pair.on_demand.to_string(),
            spot_provider: pair.spot.to_string(),
            before: before.map(|before| before.get()),
            after: after.ceiling.get(),
            effective: effective.get(),
            effective_before: in_force_before.as_ref().map(|before| before.percent.get()),
            effective_reason: steered.cap_change().map(CapBy::name),
            cap: cap.map(|cap| cap.percent.get()),
            cap_by: cap.map(|cap| cap.by.name()),
            cap_name: cap.and_then(cap_name),
            reason,
            evidence: EvidenceDetail::of(evidence),
            decided_at: after.last_change(),
        })
    }
}

impl EvidenceDetail {
    fn of(evidence: &Evidence) -> EvidenceDetail {
        let Evidence { score, interruptions, ordinary_interruptions, drought_at, failed_moves, share, tested } =
            evidence;
        let (name, trend) = match score {
            ScoreEvidence::Fresh { trend } => ("fresh", Some(trend)),
            ScoreEvidence::Missing { why } => (why.as_str(), None),
            ScoreEvidence::NotApplicable => ("not_applicable", None),
        };
        EvidenceDetail {
            score: name.to_owned(),
            score_level: trend.map(|trend| f64::from(trend.level.0) / 100.0),
            score_slope_per_hour: trend.and_then(|trend| trend.slope_per_hour).map(|slope| f64::from(slope) / 100.0),
            interruptions: *interruptions,
            ordinary_interruptions: *ordinary_interruptions,
            drought_at: *drought_at,
            failed_moves: *failed_moves,
            share: share.get(),
            tested: *tested,
        }
    }
}

impl SwitchChanged {
    /// The detail for a switch that was thrown or released.
    #[must_use]
    pub fn of(change: &SwitchChange) -> SwitchChanged {
        let SwitchChange { run, how, state, entry, epoch, id } = change;
        SwitchChanged {
            version: VERSION,
            id: format!("switch/{id}"),
            run_id: run.to_string(),
            how: *how,
            state: *state,
            scope: entry.scope.to_string(),
            reason: cut(&entry.reason),
            who: cut(&entry.who),
            until: entry.until,
            preempt: entry.preempt,
            unenrolled: entry.unenrolled,
            lever: entry.lever,
            epoch: *epoch,
            changed_at: entry.set_at,
        }
    }
}

/// Which dial or window sets a cap.
fn cap_name(cap: &Cap) -> Option<String> {
    match &cap.by {
        CapBy::Policy => None,
        CapBy::Dial { scope, .. } => Some(scope.clone()),
        CapBy::Window { window } => Some(cut(&window.name)),
    }
}

/// A cause's name, as in the move's record.
const fn cause(cause: &MoveCause) -> &'static str {
    match cause {
        MoveCause::Budget => "budget",
        MoveCause::Switch { .. } => "switch",
        MoveCause::Unsafe { .. } => "unsafe",
        MoveCause::OverShare { .. } => "over_share",
        MoveCause::Skewed { .. } => "skewed",
        MoveCause::Crowded { .. } => "crowded",
        MoveCause::Drought { .. } => "drought",
        MoveCause::Restore => "restore",
        MoveCause::Resumed { .. } => "resumed",
    }
}

fn cause_detail(cause: &MoveCause) -> Option<String> {
    match cause {
        MoveCause::Budget | MoveCause::Restore => None,
        MoveCause::Switch { scope, reason, .. } => Some(format!("the switch over {scope}: {reason}")),
        MoveCause::Unsafe { rules } => {
            let rules: Vec<&str> = rules.iter().copied().map(Rule::name).collect();
            Some(format!("fails {}", rules.join(", ")))
        }
        MoveCause::OverShare { spot_tasks, allowed } => Some(format!("{spot_tasks} tasks on Spot, {allowed} allowed")),
        MoveCause::Skewed { spot_tasks, least, most } => {
            Some(format!("{spot_tasks} tasks on Spot, where the strategy has {least} to {most}"))
        }
        MoveCause::Crowded { pool, in_pool, spot_tasks, allowed } => {
            Some(format!("{pool} holds {in_pool} of {spot_tasks} tasks on Spot, of which {allowed} are allowed"))
        }
        MoveCause::Drought { evidence } => Some(evidence.clone()),
        MoveCause::Resumed { run } => Some(format!("left by run {run}")),
    }
}

fn cut(sentence: &str) -> String {
    match sentence.char_indices().nth(SENTENCE) {
        Some((end, _)) => format!("{}...", sentence.get(..end).unwrap_or_default()),
        None => sentence.to_owned(),
    }
}
