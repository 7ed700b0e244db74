//! Runs and what they found.

use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::ports::PortError;
use spotkeeper_core::record::{ClusterReport, RunRecord};

use super::items::{KEPT, Key, body_of, expiring, with_body};
use super::table::Table;

fn key(run: &RunId) -> Key {
    Key::new("run", run.as_str())
}

fn report_partition(run: &RunId) -> String {
    format!("report/{run}")
}

/// Writes the record of a run.
pub(super) async fn put(table: &Table, run: &RunRecord) -> Result<(), PortError> {
    table.put(expiring(with_body(&key(&run.id), run)?, KEPT)).await
}

/// The record of a run.
pub(super) async fn read(table: &Table, run: &RunId) -> Result<Option<RunRecord>, PortError> {
    table.get(&key(run)).await?.as_ref().map(body_of).transpose()
}

/// Writes what was found in a cluster.
pub(super) async fn put_report(table: &Table, report: &ClusterReport) -> Result<(), PortError> {
    let key = Key::new(report_partition(&report.run), report.cluster.as_str());
    table.put(expiring(with_body(&key, report)?, KEPT)).await
}

/// What a run found, by cluster.
pub(super) async fn reports(table: &Table, run: &RunId) -> Result<Vec<ClusterReport>, PortError> {
    table.query(&report_partition(run), "", None, None).await?.iter().map(body_of).collect()
}

/// What a run found in one cluster.
pub(super) async fn report(
    table: &Table,
    run: &RunId,
    cluster: &ClusterName,
) -> Result<Option<ClusterReport>, PortError> {
    table.get(&Key::new(report_partition(run), cluster.as_str())).await?.as_ref().map(body_of).transpose()
}
