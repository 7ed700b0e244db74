//! A verdict, with what is needed to choose what follows.

use jiff::Timestamp;

use super::MoveVerdict;
use super::deadline::later;
use crate::policy;
use crate::record::Written;

/// A verdict, with what the next step has to know besides.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    pub(super) verdict: MoveVerdict,
    /// ECS itself has ended the deployment: the same strategy may be written again.
    pub(super) ended: bool,
    /// AWS did not take the write.
    pub(super) not_taken: bool,
    /// Whether it is known which deployment, if any, is the write's.
    pub(super) resolved: bool,
    /// The deadline has passed.
    pub(super) late: bool,
}

impl Seen {
    pub(super) const fn new(verdict: MoveVerdict) -> Seen {
        Seen { verdict, ended: false, not_taken: false, resolved: true, late: false }
    }

    pub(super) fn ended(verdict: MoveVerdict) -> Seen {
        Seen { ended: true, ..Seen::new(verdict) }
    }

    pub(super) fn unresolved(verdict: MoveVerdict) -> Seen {
        Seen { resolved: false, ..Seen::new(verdict) }
    }
}

/// Until when a write may take: its deadline, and no less than it takes to know whether AWS took
/// it.
pub(super) fn due(policy: &policy::Verify, written: &Written) -> Timestamp {
    let allowed = if written.confirmed { written.deadline } else { written.deadline.max(policy.unconfirmed_seconds) };
    later(written.at, allowed)
}
