//! Keeping how a move ended, and that a cluster could not be worked on.

use spotkeeper_core::ids::{ClusterName, MoveId, RunId};
use spotkeeper_core::interface::Because;
use spotkeeper_core::ports::{Clock, PortError, State, Telemetry};
use spotkeeper_core::record::{ClusterReport, MoveRecord};
use spotkeeper_core::verify::conclude;
use spotkeeper_lambda::{Failure, run_of};

/// Ends a move's branch, and tells of it. A move that has an outcome keeps it.
pub(crate) async fn outcome(
    state: &impl State,
    telemetry: &impl Telemetry,
    clock: &impl Clock,
    run: &RunId,
    id: &MoveId,
    because: &Because,
) -> Result<(), Failure> {
    let policy = run_of(state, run).await?.policy;
    let record = state.get_move(run, id).await?;
    let record = record.ok_or_else(|| PortError::Absent { subject: format!("move {id} of run {run}") })?;
    if record.outcome.is_some() {
        // This call is a repetition: what follows the record may not have been done.
        tell(telemetry, &record).await;
        return Ok(());
    }
    let ledger = state.ledger(&record.planned.service.arn).await?;
    let concluded = conclude(&policy, record, ledger.as_ref(), because, clock.now());
    if let Some(ledger) = concluded.ledger.filter(|concluded| Some(concluded) != ledger.as_ref()) {
        state.put_ledger(&ledger).await?;
    }
    tracing::info!(%run, %id, service = %concluded.record.planned.service, outcome = ?concluded.record.outcome, "ended");
    state.put_moves(std::slice::from_ref(&concluded.record)).await?;
    tell(telemetry, &concluded.record).await;
    Ok(())
}

/// Tells how a move ended. It is on record: what cannot be sent is no reason to fail its branch.
async fn tell(telemetry: &impl Telemetry, record: &MoveRecord) {
    // One that is left open ends in another run, and is told of there.
    if record.outcome.is_none() {
        return;
    }
    if let Err(error) = telemetry.move_ended(record).await {
        tracing::error!(run = %record.planned.run, id = %record.planned.id, %error, "metrics or event not sent");
    }
}

/// Keeps the name of the error that kept a cluster from being worked on to the end.
pub(crate) async fn cluster_failed(
    state: &impl State,
    clock: &impl Clock,
    run_id: RunId,
    cluster: ClusterName,
    error: String,
) -> Result<(), Failure> {
    let run = run_of(state, &run_id).await?;
    tracing::error!(run = %run.id, %cluster, error, "the cluster could not be worked on to the end");
    let report =
        state.report(&run.id, &cluster).await?.unwrap_or_else(|| ClusterReport::empty(run_id, cluster, clock.now()));
    let failed = Some(error.chars().take(128).collect());
    Ok(state.put_report(&ClusterReport { failed, ..report }).await?)
}
