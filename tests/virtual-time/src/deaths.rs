//! Functions that die at one of their calls, one after the other.

use spotkeeper_core::phase::Function;

use crate::ports::{FaultKind, FaultRule};

/// Which call of which function is its last, how it dies, and in how many of its invocations.
#[derive(Debug, Clone, Copy)]
pub struct Death {
    /// Who dies.
    pub function: Function,
    /// At the how manieth call of an invocation.
    pub call: u32,
    /// Before or after the call took effect.
    pub kind: FaultKind,
    /// In how many invocations at the most.
    pub times: u32,
}

impl Death {
    /// The fault that it is.
    #[must_use]
    pub const fn rule(self) -> FaultRule {
        FaultRule::at_call(self.function, self.call, self.kind, self.times)
    }
}

/// Lives with a death at every call of a function in turn, until one has none so late: `lives` says whether anything
/// died. Before the call took effect, and after it; how many calls there were, each time.
pub fn every_call(function: Function, times: u32, lives: impl Fn(Death) -> bool) -> [u32; 2] {
    [FaultKind::DieBefore, FaultKind::DieAfter].map(|kind| {
        let mut deaths = 0;
        while lives(Death { function, call: deaths + 1, kind, times }) {
            deaths += 1;
        }
        deaths
    })
}
