//! Suitability: who moves first.
//!
//! The score is the product of the parts, each 0 to 1, times 100, rounded down, and 1 at the
//! least; 0 where any rule blocks:
//!
//! score = 100 x drain slack x redundancy x rolling headroom x pool diversity x placement score
//!
//! A part that nothing is known of is left out of the product. The parts are kept beside the score,
//! in percent, so that everyone can multiply for themselves.

use super::rules::{drain, rolling_limits};
use super::{Context, SPOT_NOTICE, Suitability, pools};
use crate::observe::DeploymentStrategy;

pub(super) fn of(context: &Context<'_>, blocked: bool) -> Suitability {
    let drain_slack = context.service.task_definition.known().map_or(0, |definition| {
        let left = SPOT_NOTICE.saturating_sub(drain(context, definition).time());
        percent(u64::from(left.0), u64::from(SPOT_NOTICE.0))
    });
    let desired = u64::from(context.service.desired);
    let redundancy = percent(desired.saturating_sub(1), desired);
    let rolling_headroom = match context.service.deployment.strategy {
        DeploymentStrategy::Rolling => {
            let (lower, upper) = rolling_limits(context.service);
            let to_start = u64::from(upper).saturating_sub(desired);
            let to_stop = desired.saturating_sub(u64::from(lower));
            percent(to_start + to_stop, desired)
        }
        // Every task runs twice for a while.
        DeploymentStrategy::BlueGreen | DeploymentStrategy::Linear | DeploymentStrategy::Canary => 100,
    };
    let pool_diversity = context.pair.as_ref().map_or(0, |pair| {
        let pools = u64::from(pools(context.snapshot, pair, context.service).unwrap_or(1));
        percent(pools, pools + 1)
    });
    // No reading of a placement score reaches the rules yet.
    let placement_score = None;
    let mut suitability =
        Suitability { score: 0, drain_slack, redundancy, rolling_headroom, pool_diversity, placement_score };
    if !blocked {
        suitability.score = suitability.unblocked();
    }
    suitability
}

impl Suitability {
    /// The score without regard to what blocks: 1 to 100.
    #[must_use]
    pub fn unblocked(&self) -> u8 {
        let parts = [self.drain_slack, self.redundancy, self.rolling_headroom, self.pool_diversity].map(Some);
        product(parts.into_iter().chain([self.placement_score]).flatten())
    }
}

/// The product of percentages as a percentage, 1 at the least.
fn product(parts: impl Iterator<Item = u8>) -> u8 {
    // In ten-thousandths of a percent, so that rounding down five times loses nothing that shows.
    let scaled = parts.fold(1_000_000_u64, |scaled, part| scaled * u64::from(part) / 100);
    percent(scaled, 1_000_000).max(1)
}

/// A part of a whole in percent, rounded down, 100 at the most; nothing of nothing is 0.
fn percent(part: u64, whole: u64) -> u8 {
    let percent = part.saturating_mul(100).checked_div(whole).unwrap_or(0).min(100);
    u8::try_from(percent).unwrap_or(100)
}
