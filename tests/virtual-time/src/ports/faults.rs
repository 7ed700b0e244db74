//! What goes wrong at the ports.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spotkeeper_core::phase::Function;

use super::Call;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The function dies before the call takes effect.
    DieBefore,
    /// The function dies after the call took effect.
    DieAfter,
    /// The call takes effect, and its answer is lost.
    LoseAnswer,
    /// The call waits that long before it takes effect.
    Stall {
        /// How long, in virtual seconds.
        seconds: u32,
    },
    /// AWS throttles it to the end of the retries.
    Throttle,
    /// It fails without effect.
    Fail,
    /// A snapshot, or a look at a service, has gaps: a part of its readings is missing.
    Gaps,
}

impl std::fmt::Display for FaultKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FaultKind::DieBefore => f.write_str("dies before it takes effect"),
            FaultKind::DieAfter => f.write_str("dies after it took effect"),
            FaultKind::LoseAnswer => f.write_str("the answer is lost"),
            FaultKind::Stall { seconds } => write!(f, "stalls for {seconds} s"),
            FaultKind::Throttle => f.write_str("throttled to the end"),
            FaultKind::Fail => f.write_str("fails"),
            FaultKind::Gaps => f.write_str("has gaps"),
        }
    }
}

/// Which calls go wrong, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultRule {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Only calls of this function.
    pub function: Option<Function>,
    /// Only calls whose name begins so: `state`, `fleet.write`.
    pub port: Option<String>,
    /// Only the how manieth call of an invocation.
    pub call: Option<u32>,
    /// From then on.
    pub from: Timestamp,
    /// Up to then.
    pub until: Timestamp,
    /// How often at the most.
    pub times: u32,
    /// How many of the calls in a thousand.
    pub per_mille: u32,
}

impl FaultRule {
    /// That one call of a function goes wrong, the how manieth of an invocation, in so many invocations at the most:
    /// whenever that is.
    #[must_use]
    pub const fn at_call(function: Function, call: u32, kind: FaultKind, times: u32) -> FaultRule {
        FaultRule {
            kind,
            function: Some(function),
            port: None,
            call: Some(call),
            from: Timestamp::UNIX_EPOCH,
            until: Timestamp::MAX,
            times,
            per_mille: 1_000,
        }
    }

    fn matches(&self, call: &Call, now: Timestamp) -> bool {
        self.times > 0
            && self.from <= now
            && now < self.until
            && self.function.is_none_or(|function| function == call.function)
            && self.port.as_deref().is_none_or(|port| call.name.starts_with(port))
            && self.call.is_none_or(|number| number == call.number)
            && (self.kind != FaultKind::Gaps || matches!(call.name, "fleet.observe" | "fleet.look"))
    }
}

/// The rules in force.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    /// Every rule; the first that matches counts.
    pub rules: Vec<FaultRule>,
    /// How often each kind of fault was told of.
    told: BTreeMap<(&'static str, String), u32>,
}

/// How often a journal tells of the same fault at the same call.
const TOLD: u32 = 3;

impl Faults {
    /// What goes wrong with a call, if anything.
    pub(crate) fn of(&mut self, call: &Call, now: Timestamp, rng: &mut fastrand::Rng) -> Option<FaultKind> {
        let rule = self.rules.iter_mut().find(|rule| rule.matches(call, now))?;
        if rule.per_mille < 1_000 && rng.u32(0..1_000) >= rule.per_mille {
            return None;
        }
        rule.times -= 1;
        Some(rule.kind)
    }

    /// What a journal says of a fault; nothing where it has said so often enough.
    pub(super) fn tell(&mut self, call: &Call, kind: FaultKind) -> Option<String> {
        let told = self.told.entry((call.name, kind.to_string())).or_default();
        *told += 1;
        let more = match *told {
            TOLD => " (more of these go untold)",
            1..TOLD => "",
            _ => return None,
        };
        Some(format!("{} call {}, {}: {kind}{more}", call.function.name(), call.number, call.name))
    }
}
