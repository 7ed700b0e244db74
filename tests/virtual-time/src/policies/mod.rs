//! Months in which Spotkeeper and rivals meet the same hazards: `cargo xtask bench policies`. Why it is
//! made so: `docs/adr/0016-policies-are-compared-on-the-same-months.md`.
//!
//! | file | what is in it |
//! |---|---|
//! | `advisor` | the Spot Advisor data: how often instance types are taken, what they save |
//! | `hazards` | what happens to Spot capacity in a month, from a seed |
//! | `scores` | placement scores that foretell it, more or less |
//! | `month` | both on one calendar |
//! | `account` | the account: 200 services on pairs of Auto Scaling groups |
//! | `meter` | service-seconds at or above desired, interruptions |
//! | `rivals` | the policies beside Spotkeeper, each a function from what it sees |
//! | `versus` | a rival's month |
//! | `keeper` | Spotkeeper's month |
//! | `plan` | which months are lived through by whom |
//! | `statistics` | median, worst, intervals of paired differences |
//! | `table` | the figures as Markdown |

pub mod account;
pub mod advisor;
pub mod hazards;
pub mod keeper;
pub mod meter;
pub mod month;
pub mod plan;
pub mod rivals;
pub mod scores;
pub mod statistics;
pub mod table;
#[cfg(test)]
mod tests;
pub mod versus;
