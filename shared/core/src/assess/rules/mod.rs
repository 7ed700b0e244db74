//! The rules, one module each or a few of a kind. Blocks bar moves up only.

mod capacity;
mod controller;
mod drain;
mod enrolment;
mod expression;
mod image;
mod placement;
mod protection;
mod quarantine;
mod redundancy;
mod replaceable;
pub mod return_path;
mod settled;
mod stateless;
pub(super) mod stop_timeout;
mod survey;

pub(super) use drain::drain;
pub(super) use replaceable::rolling_limits;

use super::{Context, Reasons, Rule};

/// Asks one rule.
pub(super) fn judge(rule: Rule, context: &Context<'_>, reasons: &mut Reasons) {
    let ask = match rule {
        Rule::Enrolment => enrolment::judge,
        Rule::StopTimeout => stop_timeout::judge,
        Rule::Redundancy => redundancy::judge,
        Rule::Stateless => stateless::judge,
        Rule::Deregistration => drain::judge_deregistration,
        Rule::DrainBudget => drain::judge_budget,
        Rule::Replaceable => replaceable::judge,
        Rule::Image => image::judge,
        Rule::Discovery => drain::judge_discovery,
        Rule::Controller => controller::judge,
        Rule::Protection => protection::judge,
        Rule::Capacity => capacity::judge,
        Rule::Placement => placement::judge,
        Rule::ReturnPath => return_path::judge,
        Rule::Settled => settled::judge,
        Rule::Quarantine => quarantine::judge,
    };
    ask(context, reasons);
}
