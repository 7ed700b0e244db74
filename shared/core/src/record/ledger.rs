//! What Spotkeeper knows of a service.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::assess::Rule;
use crate::ids::{MoveId, RunId, ServiceRef};
use crate::observe::{Deployment, PlacedBy};
use crate::plan::{Move, MoveCause, Pair};

/// What Spotkeeper knows of a service: one item of the table. A write under an older fence than the
/// one that stands is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ledger {
    /// The service.
    pub service: ServiceRef,
    /// What placed its tasks before the first write ever; never changed afterwards.
    pub original: PlacedBy,
    /// The pair it was last moved over.
    pub pair: Pair,
    /// The last write, made or about to be made.
    pub last_write: Option<LastWrite>,
    /// The move that is not finished yet.
    pub open: Option<OpenMove>,
    /// When a move up was last written.
    pub last_up_at: Option<Timestamp>,
    /// Moves up that failed since one was last stable.
    pub failures: u32,
    /// Times that somebody else took a write back since one last stood for longer than the pause that
    /// the next such time would get.
    pub reverts: u32,
    /// No move up before this time.
    pub quarantined_until: Option<Timestamp>,
    /// Why it is quarantined, in a sentence.
    pub quarantine_reason: String,
    /// Since when it fails safety rules while on Spot, and which.
    pub unsafe_since: Option<UnsafeSince>,
    /// Since when its running tasks break floor or share.
    pub skewed_since: Option<Timestamp>,
    /// Since when one capacity pool holds more of its tasks than it may.
    #[serde(default)]
    pub crowded_since: Option<Timestamp>,
    /// The last move down because of that.
    #[serde(default)]
    pub crowding: Option<Crowding>,
    /// Since when it has been seen at rest with tasks missing that may be Spot tasks.
    #[serde(default)]
    pub short_since: Option<Timestamp>,
    /// When a move of it last met a drought, or was made because of one.
    #[serde(default)]
    pub drought_at: Option<Timestamp>,
    /// The fencing number of the lease under which this was written; older leases cannot write.
    pub fence: u64,
}

impl Ledger {
    /// Until when no move up is made, where that is so now.
    #[must_use]
    pub fn quarantined_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.quarantined_until.filter(|until| now < *until)
    }

    /// The ledger of a service of which nothing was known: its original is what it has now.
    #[must_use]
    pub const fn new(service: ServiceRef, original: PlacedBy, pair: Pair) -> Ledger {
        Ledger {
            service,
            original,
            pair,
            last_write: None,
            open: None,
            last_up_at: None,
            failures: 0,
            reverts: 0,
            quarantined_until: None,
            quarantine_reason: String::new(),
            unsafe_since: None,
            skewed_since: None,
            crowded_since: None,
            crowding: None,
            short_since: None,
            drought_at: None,
            fence: 0,
        }
    }
}

/// A write of a strategy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastWrite {
    /// When it was about to be sent.
    pub at: Timestamp,
    /// The run.
    pub run: RunId,
    /// The move.
    pub move_id: MoveId,
    /// What was there before, as far as it was something else.
    pub before: PlacedBy,
    /// What was written.
    pub after: PlacedBy,
    /// The service deployment that it started, once known.
    pub deployment: Option<String>,
    /// The id (`ecs-svc/...`) of that deployment, once known.
    #[serde(default)]
    pub deployment_id: Option<String>,
    /// The most Spot tasks it was dealt, and of how many: the share that it keeps.
    pub dealt: Dealt,
    /// Whether a switch asked for it: the service climbs again, without a rest, to what it had
    /// before.
    #[serde(default)]
    pub by_switch: bool,
    /// The service's task definition at that time.
    #[serde(default)]
    pub task_definition: Option<String>,
    /// Since when it has been seen in place; kept while the ledger counts reverts.
    #[serde(default)]
    pub stands_since: Option<Timestamp>,
    /// What took it back, once that is counted, while it is not in place again.
    #[serde(default)]
    pub taken_back: Option<TakenBack>,
}

impl LastWrite {
    /// Whether AWS is known to have taken it: its deployment has been seen.
    #[must_use]
    pub const fn is_taken(&self) -> bool {
        self.deployment.is_some() || self.deployment_id.is_some()
    }

    /// By what it is known that it was taken back, in a sentence.
    #[must_use]
    pub fn evidence(&self) -> Option<String> {
        let TakenBack { deployment, at, placed_by, task_definition } = self.taken_back.as_ref()?;
        let changed = match &self.task_definition {
            Some(before) if before != task_definition => format!(", and {task_definition} runs instead of {before}"),
            Some(_) | None => String::new(),
        };
        Some(format!(
            "{deployment} of {at} places tasks by {placed_by}, where run {} had written {} at {}{changed}",
            self.run, self.after, self.at
        ))
    }
}

/// What stands in the place of a write that ECS had taken, and by what that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TakenBack {
    /// The id (`ecs-svc/...`) of the deployment that did it.
    pub deployment: String,
    /// When that was created.
    pub at: Timestamp,
    /// What it places tasks by.
    pub placed_by: PlacedBy,
    /// Its task definition.
    pub task_definition: String,
}

impl TakenBack {
    /// As the deployment shows it that stands now.
    #[must_use]
    pub fn by(primary: &Deployment) -> TakenBack {
        TakenBack {
            deployment: primary.id.clone(),
            at: primary.created_at,
            placed_by: primary.placed_by.clone(),
            task_definition: primary.task_definition_arn.clone(),
        }
    }
}

/// A share as it was dealt: whole tasks of the desired count at the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dealt {
    /// Spot tasks.
    pub spot_tasks: u32,
    /// Desired tasks.
    pub desired: u32,
}

/// A move that a run has begun and not finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenMove {
    /// The run.
    pub run: RunId,
    /// The move.
    pub move_id: MoveId,
    /// When it must have ended, its retries and fallback included: from then on another run may
    /// take it up.
    pub ends_by: Timestamp,
    /// The last write before the present one: what `last_write` goes back to when AWS did not
    /// take the present one.
    #[serde(default)]
    pub previous: Option<LastWrite>,
}

/// A move down because one capacity pool held too many tasks of a service: before its pause is over the
/// service does not climb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crowding {
    /// When it was written.
    pub at: Timestamp,
    /// How many times in a row, each soon after the pause of the one before.
    pub times: u32,
}

/// Since when a service on Spot fails safety rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnsafeSince {
    /// Since when.
    pub at: Timestamp,
    /// The rules.
    pub rules: Vec<Rule>,
}

impl OpenMove {
    /// Whether it is this move, or the one that this move resumes.
    #[must_use]
    pub fn is_of(&self, planned: &Move) -> bool {
        let resumed = matches!(&planned.cause, MoveCause::Resumed { run } if *run == self.run);
        resumed || (self.run == planned.run && self.move_id == planned.id)
    }
}

#[cfg(test)]
mod tests {
    use super::{Ledger, OpenMove};
    use crate::fixtures::{self, at};
    use crate::plan::MoveCause;
    use crate::verify::tests::Drive;

    #[test]
    fn a_pause_is_over_at_its_end() {
        let ledger = fixtures::ledger(&fixtures::service("web", crate::observe::Family::Fargate));
        let rests = Ledger { quarantined_until: Some(at(60)), ..ledger.clone() };
        assert_eq!(rests.quarantined_until(at(59)), Some(at(60)));
        assert_eq!(rests.quarantined_until(at(60)), None);
        assert_eq!(ledger.quarantined_until(at(0)), None);
    }

    #[test]
    fn an_open_move_is_of_its_run_or_of_the_one_that_resumes_it() {
        let planned = Drive::up().record.planned;
        let open = |run: &str| OpenMove {
            run: fixtures::run_id(run),
            move_id: planned.id.clone(),
            ends_by: at(600),
            previous: None,
        };
        let mut other = planned.clone();
        other.id = crate::ids::MoveId::parse("prod/0-9").unwrap();
        let mut resumed = other.clone();
        resumed.cause = MoveCause::Resumed { run: fixtures::run_id("earlier") };
        let own = planned.run.as_str();
        let rows = [
            ("its own", open(own), &planned, true),
            ("of the same name in another run", open("earlier"), &planned, false),
            ("another of the same run", open(own), &other, false),
            ("the one that it resumes", open("earlier"), &resumed, true),
            ("one that it does not resume", open("later"), &resumed, false),
        ];
        for (name, open, planned, expected) in rows {
            assert_eq!(open.is_of(planned), expected, "{name}");
        }
    }
}
