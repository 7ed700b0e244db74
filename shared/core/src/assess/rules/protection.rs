//! `protection`: are its tasks free of scale-in protection?
//!
//! Blocks when a task is under scale-in protection, or when the tasks were not read: protected
//! tasks are not stopped by a deployment, which then stalls.
//!
//! Source: `UpdateTaskProtection`, ECS API reference.

use crate::assess::{Context, Finding, Reasons};

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let Some(tasks) = reasons.known(context.service.tasks.get()) else {
        return;
    };
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let protected = count(tasks.iter().filter(|task| task.protected).count());
    if protected > 0 {
        reasons.block(Finding::ProtectedTasks { protected, tasks: count(tasks.len()) });
    }
}
