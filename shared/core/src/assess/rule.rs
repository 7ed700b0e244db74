//! The rules by name.

use serde::{Deserialize, Serialize};

/// A rule of eligibility. What each asks stands in the module of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Is the service enrolled, and not frozen?
    Enrolment,
    /// Does every container stop well within the warning?
    StopTimeout,
    /// Are there two tasks or more, always?
    Redundancy,
    /// Does it keep nothing on volumes?
    Stateless,
    /// Does every target group let go within the warning?
    Deregistration,
    /// Do draining and stopping, one after the other, fit the warning?
    DrainBudget,
    /// Can ECS replace a task before its instance goes?
    Replaceable,
    /// Does a forced deployment run the same code?
    Image,
    /// Is it found by something that drains?
    Discovery,
    /// Does the API take a strategy for it?
    Controller,
    /// Are its tasks free of scale-in protection?
    Protection,
    /// Is there exactly one pair that fits?
    Capacity,
    /// Do its tasks fit the smallest Spot instance?
    Placement,
    /// Could On-Demand take its tasks back in time?
    ReturnPath,
    /// Is it at rest?
    Settled,
    /// Does the ledger let it go?
    Quarantine,
}

impl Rule {
    /// Every rule, in the order in which verdicts are listed.
    pub const ALL: [Rule; 16] = [
        Rule::Enrolment,
        Rule::StopTimeout,
        Rule::Redundancy,
        Rule::Stateless,
        Rule::Deregistration,
        Rule::DrainBudget,
        Rule::Replaceable,
        Rule::Image,
        Rule::Discovery,
        Rule::Controller,
        Rule::Protection,
        Rule::Capacity,
        Rule::Placement,
        Rule::ReturnPath,
        Rule::Settled,
        Rule::Quarantine,
    ];

    /// Its name, as in JSON, metrics and docs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Rule::Enrolment => "enrolment",
            Rule::StopTimeout => "stop_timeout",
            Rule::Redundancy => "redundancy",
            Rule::Stateless => "stateless",
            Rule::Deregistration => "deregistration",
            Rule::DrainBudget => "drain_budget",
            Rule::Replaceable => "replaceable",
            Rule::Image => "image",
            Rule::Discovery => "discovery",
            Rule::Controller => "controller",
            Rule::Protection => "protection",
            Rule::Capacity => "capacity",
            Rule::Placement => "placement",
            Rule::ReturnPath => "return_path",
            Rule::Settled => "settled",
            Rule::Quarantine => "quarantine",
        }
    }

    /// Whether a service on Spot that comes to fail it, for a known reason and beyond the grace,
    /// moves down.
    #[must_use]
    pub const fn is_safety(self) -> bool {
        matches!(
            self,
            Rule::StopTimeout | Rule::Redundancy | Rule::Stateless | Rule::Deregistration | Rule::DrainBudget
        )
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
