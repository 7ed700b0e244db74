//! `enrolment`: is the service enrolled, and not frozen?
//!
//! Blocks a service that no tag enrols (`opt_in`) or that its tag opts out, one that its tag
//! freezes until later than now, one that a kill switch in force covers, and one whose tags say
//! what they may not: a mistake is no default.
//!
//! Source: Spotkeeper's own tags and switches (`docs/POLICY.md`); AWS has no say in it.

use crate::assess::{Context, Finding, Reasons};
use crate::observe::tag;
use crate::policy::EnrolmentRule;

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let settings = context.service.tag_settings();
    let mistaken = settings.mistakes.iter().any(|mistake| mistake.tag == tag::ENABLED);
    match (settings.enabled, context.policy.enrolment) {
        (Some(false), _) => reasons.block(Finding::OptedOut),
        // A mistaken tag is reported as such, below.
        (None, EnrolmentRule::OptIn) if !mistaken => reasons.block(Finding::NotEnrolled),
        (Some(true), _) | (None, EnrolmentRule::OptIn | EnrolmentRule::OptOut) => {}
    }
    let frozen_until = settings.frozen_until(context.now);
    for mistake in settings.mistakes {
        reasons.block(Finding::TagMistake { mistake });
    }
    if let Some(until) = frozen_until {
        reasons.block(Finding::Frozen { until });
    }
    if let Some(entry) = context.memory.switches.over(&context.service.id, context.now) {
        reasons.block(Finding::SwitchedOn {
            scope: entry.scope.clone(),
            reason: entry.reason.clone(),
            until: entry.until,
        });
    }
}
