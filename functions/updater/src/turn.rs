//! Turning groups to On-Demand, and back.

use jiff::Timestamp;
use spotkeeper_core::interface::{Turned, UpdateOutcome};
use spotkeeper_core::ports::{Clock, Fleet, State};
use spotkeeper_core::record::{RunRecord, Turn};
use spotkeeper_core::turn::{TurnDecision, TurnInput, TurnOrder, TurnWay, after_write, decide};
use spotkeeper_lambda::Failure;

use crate::last_begin;

/// Turns the groups, one after the other.
///
/// # Errors
/// A [`Failure`] when Spotkeeper's own state cannot be used. What was written before that is on record:
/// calling again with the same orders is safe.
pub(crate) async fn turn_all(
    fleet: &impl Fleet,
    state: &impl State,
    clock: &impl Clock,
    ends_at: Timestamp,
    run: &RunRecord,
    orders: &[TurnOrder],
) -> Result<Vec<Turned>, Failure> {
    let mut done = Vec::new();
    for order in orders {
        let (outcome, reason) = turn(fleet, state, clock, ends_at, run, order).await?;
        tracing::info!(cluster = %order.cluster, provider = %order.provider, way = ?order.way, ?outcome, reason, "turned");
        done.push(Turned { order: order.clone(), outcome, reason: reason.chars().take(256).collect() });
    }
    Ok(done)
}

async fn turn(
    fleet: &impl Fleet,
    state: &impl State,
    clock: &impl Clock,
    ends_at: Timestamp,
    run: &RunRecord,
    order: &TurnOrder,
) -> Result<(UpdateOutcome, String), Failure> {
    let out_of_time = || Ok((UpdateOutcome::Held, "the time of this call is used up".to_owned()));
    if clock.now() > last_begin(ends_at) {
        return out_of_time();
    }
    let turn = state.turns().await?.into_iter().find(|turn| turn.provider == order.provider);
    let Some(turn) = turn else {
        return Ok((UpdateOutcome::Held, format!("no turn of {} is on record", order.provider)));
    };
    let distribution = fleet.distribution(&turn.group).await;
    // Read last, right before deciding: entries that people put into the table by hand do not count the
    // epoch up, and those that a run puts there do.
    let switches = state.switches().await?;
    let decision = decide(&TurnInput {
        policy: &run.policy,
        run,
        order,
        turn: Some(&turn),
        distribution: &distribution,
        switches: &switches,
        now: clock.now(),
    });
    match decision {
        TurnDecision::Held { reason } => Ok((UpdateOutcome::Held, reason)),
        TurnDecision::InPlace { turn: found } => {
            if found.version != turn.version {
                state.put_turn(&found, None).await?;
            }
            Ok((UpdateOutcome::Applied, "it is in place".to_owned()))
        }
        TurnDecision::Write { .. } if clock.now() > last_begin(ends_at) => out_of_time(),
        TurnDecision::Write { turn, distribution } => {
            // A way back adds Spot: its intent stands only if no switch has changed since they were read,
            // and a switch run that comes later finds it on record.
            let epoch = (order.way == TurnWay::Back).then_some(switches.epoch);
            if !state.put_turn(&turn, epoch).await? {
                return Ok((UpdateOutcome::Held, "a switch has changed".to_owned()));
            }
            write(fleet, state, clock, *turn, order.way, &distribution).await
        }
    }
}

async fn write(
    fleet: &impl Fleet,
    state: &impl State,
    clock: &impl Clock,
    turn: Turn,
    way: TurnWay,
    distribution: &spotkeeper_core::observe::InstancesDistribution,
) -> Result<(UpdateOutcome, String), Failure> {
    tracing::info!(provider = %turn.provider, group = turn.group, %distribution, "writing");
    let result = fleet.write_distribution(&turn.group, distribution).await;
    let turn = after_write(turn, way, result.as_ref().copied(), clock.now());
    state.put_turn(&turn, None).await?;
    match result {
        Ok(()) => Ok((UpdateOutcome::Applied, format!("{} gets {distribution}", turn.group))),
        Err(_) => Ok((UpdateOutcome::Refused, turn.said)),
    }
}
