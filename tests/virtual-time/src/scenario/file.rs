//! The shape of a scenario file.

use std::collections::BTreeMap;

use aws_sim::account::AccountFile;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;
use spotkeeper_core::record::Outcome;

use super::happenings::Event;
use crate::queue::Delivery;

/// A whole scenario file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFile {
    /// What it shows, in a sentence: the first line of the transcript.
    pub shows: String,
    /// The account, as in an account file of the simulator.
    #[serde(default)]
    pub account: Option<Box<AccountFile>>,
    /// The account's file, beside the scenario.
    #[serde(default)]
    pub account_file: Option<String>,
    /// The policy; what is left out has its default.
    #[serde(default = "empty")]
    pub policy: Value,
    /// The time between two starts of the schedule; absent: no schedule.
    #[serde(default)]
    pub schedule: Option<SignedDuration>,
    /// The time between two starts of the placement scorer; null: it does not run.
    #[serde(default = "scores")]
    pub scores: Option<SignedDuration>,
    /// How the account's events come; absent: soon, one in ten twice, shuffled.
    #[serde(default)]
    pub delivery: Option<Delivery>,
    /// How long it lasts.
    pub duration: SignedDuration,
    /// How long readings of target groups are kept, as the fleet on AWS keeps them; absent: each is
    /// read anew.
    #[serde(default)]
    pub target_groups_kept: SignedDuration,
    /// What everything random at the ports is made from.
    #[serde(default)]
    pub seed: u64,
    /// When it begins.
    #[serde(default = "start")]
    pub start: Timestamp,
    /// Whether the transcript has a line for each event on the bus.
    #[serde(default)]
    pub show_events: bool,
    /// What others do, and when.
    #[serde(default)]
    pub events: Vec<Spanned<Event>>,
    /// What must be so at its end, beside the promises that always hold.
    pub expect: Expect,
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

fn scores() -> Option<SignedDuration> {
    Some(crate::scorer::PERIOD)
}

/// A Sunday at midnight.
fn start() -> Timestamp {
    Timestamp::from_second(1_767_225_600).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// What must be so at the end.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// How many moves ended so; an outcome that is not named must not have happened.
    pub outcomes: BTreeMap<Outcome, u32>,
    /// Running tasks on Spot, by `CLUSTER/SERVICE`.
    pub spot: BTreeMap<String, u32>,
    /// Writes that ECS took, by `CLUSTER/SERVICE`.
    pub writes: BTreeMap<String, u32>,
    /// No write is taken after this time.
    pub no_write_after: Option<SignedDuration>,
    /// Sentences, or parts of them, that must stand in the transcript, in this order.
    pub told: Vec<String>,
}
