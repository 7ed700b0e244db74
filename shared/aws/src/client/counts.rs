//! How many calls were made.

use std::collections::BTreeMap;

use spotkeeper_core::record::ApiCounts;

use super::Action;

/// The calls of one invocation, by action. Attempts count one each: so does AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// By action; those never called are absent.
    pub by_action: BTreeMap<Action, Count>,
}

/// The calls of one action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Requests sent, repeated ones included.
    pub calls: u32,
    /// Those that AWS throttled.
    pub throttled: u32,
}

impl CallCounts {
    /// Counts one request.
    pub(super) fn add(&mut self, action: Action, throttled: bool) {
        let count = self.by_action.entry(action).or_default();
        count.calls += 1;
        count.throttled += u32::from(throttled);
    }

    /// The calls of one action.
    #[must_use]
    pub fn of(&self, action: Action) -> Count {
        self.by_action.get(&action).copied().unwrap_or_default()
    }

    /// The calls of each action that was called, by its name in IAM.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, ApiCounts)> {
        self.by_action.iter().map(|(action, count)| (action.name(), (*count).into()))
    }

    /// All calls together.
    #[must_use]
    pub fn total(&self) -> Count {
        self.by_action.values().fold(Count::default(), |total, count| Count {
            calls: total.calls + count.calls,
            throttled: total.throttled + count.throttled,
        })
    }
}

impl From<Count> for ApiCounts {
    fn from(Count { calls, throttled }: Count) -> ApiCounts {
        ApiCounts { calls, throttled }
    }
}
