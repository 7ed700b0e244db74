//! Telling of switches: what an execution does to one, and what was done to the table by hand.
//!
//! A switch counts as soon as it is in the table: nothing here is a reason to fail a run. What cannot be told
//! now is told by the next run.

use jiff::Timestamp;
use spotkeeper_core::ids::RunId;
use spotkeeper_core::ports::{PortError, State, Telemetry};
use spotkeeper_core::switch::{SwitchChange, Switches, ToldSwitches};

/// Tells what this execution has done to a switch.
pub(crate) async fn own(state: &impl State, telemetry: &impl Telemetry, change: &SwitchChange) {
    let written = async {
        let told = state.told_switches().await?.with(change);
        state.put_told_switches(&told).await.map(|()| told)
    };
    match written.await {
        Ok(told) => tell(state, telemetry, &change.run, told).await,
        Err(error) => {
            tracing::warn!(run = %change.run, %error, "what was told of switches is not kept: the next run may tell of this one again");
            if let Err(error) = telemetry.switch_changed(change).await {
                tracing::error!(run = %change.run, %error, "event not sent");
            }
        }
    }
}

/// Tells what has become of the switches since a run last looked. `told` was read before them: what another
/// run has told meanwhile is not found as gone.
pub(crate) async fn found(
    state: &impl State,
    telemetry: &impl Telemetry,
    told: Result<ToldSwitches, PortError>,
    switches: &Switches,
    run: &RunId,
    now: Timestamp,
) {
    let written = async {
        let told = told?;
        match told.found(switches, run, now) {
            Some(found) => state.put_told_switches(&found).await.map(|()| found),
            None => Ok(told),
        }
    };
    match written.await {
        Ok(told) => tell(state, telemetry, run, told).await,
        // Another run looks at the same time, or the table does not answer.
        Err(error) => tracing::warn!(%run, %error, "what became of the switches is left for the next run to tell"),
    }
}

/// Tells what waits to be told, in order, and strikes out what was.
async fn tell(state: &impl State, telemetry: &impl Telemetry, run: &RunId, told: ToldSwitches) {
    let mut done = 0;
    for change in &told.untold {
        if let Err(error) = telemetry.switch_changed(change).await {
            // A run does not wait for a bus that is not there.
            tracing::error!(%run, %error, scope = %change.entry.scope, "event not sent: the next run tries again");
            break;
        }
        tracing::info!(%run, scope = %change.entry.scope, state = ?change.state, how = ?change.how, "told of a switch");
        done += 1;
    }
    if done > 0
        && let Err(error) = state.put_told_switches(&told.after_telling(done)).await
    {
        tracing::warn!(%run, %error, "what was told of switches is not kept: the next run tells of it again");
    }
}
