//! Readings that the fleet on AWS keeps instead of reading again: `shared/aws` reads the attributes
//! of a target group once in a period, because Elastic Load Balancing lets few such calls through.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use spotkeeper_core::observe::{Reading, Snapshot, TargetGroup};

/// The target groups that were read, and when.
#[derive(Debug, Clone, Default)]
pub struct KeptTargetGroups {
    /// How long a reading is kept; zero: not at all. On AWS a reading lasts until the turn of its
    /// target group, which comes once in the period: this is the longest that it can last.
    period: SignedDuration,
    read: BTreeMap<String, (Timestamp, TargetGroup)>,
}

impl KeptTargetGroups {
    /// Keeps readings for so long.
    pub(crate) fn keep_for(&mut self, period: SignedDuration) {
        self.period = period;
    }

    /// Shows what was read before where that is still kept, and keeps what is new.
    pub(super) fn show(&mut self, snapshot: &mut Snapshot, now: Timestamp) {
        self.read.retain(|_, (read_at, _)| now < *read_at + self.period);
        for service in &mut snapshot.services {
            for (arn, reading) in &mut service.target_groups {
                if let Some((_, kept)) = self.read.get(arn) {
                    *reading = Reading::Known(kept.clone());
                } else if let Some(new) = reading.known() {
                    self.read.insert(arn.clone(), (now, new.clone()));
                }
            }
        }
    }
}
