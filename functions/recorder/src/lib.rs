//! The recorder: begins a run, keeps how each move ended, ends the run.

mod begin;
mod end;
mod input;
mod outcome;
mod tell;

pub use begin::{BeginConfig, LOCK};

use serde_json::Value;
use spotkeeper_core::interface::RecorderInput;
use spotkeeper_core::ports::{Clock, Fleet, State, Telemetry};
use spotkeeper_lambda::Failure;

/// Does what the state machine asks for.
///
/// # Errors
/// A [`Failure`] whose name the state machine matches. Every operation may be repeated.
pub async fn handle(
    fleet: &impl Fleet,
    state: &impl State,
    telemetry: &impl Telemetry,
    clock: &impl Clock,
    config: &BeginConfig,
    input: RecorderInput,
) -> Result<Value, Failure> {
    match input {
        RecorderInput::Begin { run_id, input, who } => {
            answer(&begin::begin(fleet, state, telemetry, clock, config, run_id, &input, &who).await?)
        }
        RecorderInput::Outcome { run_id, move_id, because } => {
            outcome::outcome(state, telemetry, clock, &run_id, &move_id, &because).await?;
            Ok(Value::Object(serde_json::Map::new()))
        }
        RecorderInput::ClusterFailed { run_id, cluster, error } => {
            outcome::cluster_failed(state, clock, run_id, cluster, error).await?;
            Ok(Value::Object(serde_json::Map::new()))
        }
        RecorderInput::End { run_id } => answer(&end::end(state, telemetry, clock, &run_id).await?),
    }
}

fn answer(answer: &impl serde::Serialize) -> Result<Value, Failure> {
    serde_json::to_value(answer).map_err(|error| Failure::invalid(format!("the answer cannot be written: {error}")))
}
