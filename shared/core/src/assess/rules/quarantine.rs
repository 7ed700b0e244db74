//! `quarantine`: does the ledger let it go?
//!
//! Blocks until the end of the pause that a service was given after moves up that failed, or that
//! were taken back. A service without a ledger has never been moved.
//!
//! Source: Spotkeeper's own ledger; AWS has no say in it.

use crate::assess::{Context, Finding, Reasons};

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let Some(ledger) = context.memory.ledgers.get(&context.service.id.arn) else {
        return;
    };
    if let Some(until) = ledger.quarantined_until(context.now) {
        reasons.block(Finding::Quarantined {
            until,
            failures: ledger.failures,
            reverts: ledger.reverts,
            reason: ledger.quarantine_reason.clone(),
        });
    }
}
