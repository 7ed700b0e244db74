//! `redundancy`: are there two tasks or more, always?
//!
//! Blocks when the desired count is below 2, or when Application Auto Scaling may set it below 2,
//! by the scalable target's minimum or by one of its scheduled actions: of two tasks one can be
//! lost, of one none.
//!
//! Source: `ScalableTarget.MinCapacity` and `ScheduledAction.ScalableTargetAction`, Application
//! Auto Scaling API reference.

use crate::assess::{Context, Finding, Reasons};
use crate::observe::ScalingRange;

/// The least tasks that a service on Spot may have.
const LEAST: u32 = 2;

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let desired = context.service.desired;
    if desired < LEAST {
        reasons.block(Finding::TooFewTasks { desired, least: LEAST });
    }
    if let Some(Some(ScalingRange { min, max })) = reasons.known(context.service.scaling.get())
        && *min < LEAST
    {
        reasons.block(Finding::ScalesTooLow { min: *min, max: *max, least: LEAST });
    }
}
