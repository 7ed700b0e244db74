//! Early runs: for clusters in a storm, at most one each in a cool-down.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::interface::MAX_CLUSTERS;
use spotkeeper_core::ports::{Clock, Orchestrator, PortError, State};
use spotkeeper_core::signals::{EARLY_RUN_COOL_DOWN, STORM_MEMORY, early_run_name, storm};
use spotkeeper_lambda::with_causes;

use crate::{Found, Recorded, touched};

/// How many clusters are looked at at once.
const AT_ONCE: usize = 8;

/// Starts an early run of the clusters that these occurrences are a storm in. Where something fails
/// on the way, the messages of those clusters come again, and with them the question.
pub(crate) async fn start(
    state: &impl State,
    orchestrator: &impl Orchestrator,
    clock: &impl Clock,
    kept: &[&Found<'_>],
    recorded: &mut Recorded,
) {
    let touched = touched(kept);
    if touched.is_empty() {
        return;
    }
    let now = clock.now();
    let asked = touched.into_iter().map(async |cluster| (cluster, in_storm(state, cluster, now).await));
    let asked: Vec<_> = futures_util::stream::iter(asked).buffered(AT_ONCE).collect().await;
    let mut stormy = Vec::new();
    let mut failed = BTreeSet::new();
    for (cluster, storm) in asked {
        match storm {
            Ok(true) => stormy.push(cluster.clone()),
            Ok(false) => {}
            Err(error) => {
                let error = with_causes(&error);
                tracing::error!(error, %cluster, "whether there is a storm could not be found out: to come again");
                failed.insert(cluster.clone());
            }
        }
    }
    if !stormy.is_empty() {
        let covered = covered(state, stormy).await;
        take_and_start(state, orchestrator, now, covered, recorded, &mut failed).await;
    }
    let of_failed = |one: &&&Found<'_>| one.occurrence.cluster.as_ref().is_some_and(|name| failed.contains(name));
    recorded.failed.extend(kept.iter().filter(of_failed).map(|one| one.message.to_owned()));
}

async fn in_storm(state: &impl State, cluster: &ClusterName, now: Timestamp) -> Result<bool, PortError> {
    let since = now.checked_sub(STORM_MEMORY.duration()).unwrap_or(Timestamp::MIN);
    let storm = storm(&state.occurrences(cluster, since).await?, now);
    if let Some(storm) = &storm {
        tracing::warn!(%cluster, %storm, "a storm");
    }
    Ok(storm.is_some())
}

/// Those that the policy lets runs work on: a run that names clusters does not ask it.
async fn covered(state: &impl State, clusters: Vec<ClusterName>) -> Vec<ClusterName> {
    match state.policy().await {
        Ok(policy) if !policy.clusters.is_empty() => {
            clusters.into_iter().filter(|cluster| policy.clusters.contains(cluster)).collect()
        }
        Ok(_) => clusters,
        Err(mistakes) => {
            for mistake in &mistakes {
                tracing::error!(%mistake, "the policy cannot be used: the early run will be a dry one");
            }
            clusters
        }
    }
}

async fn take_and_start(
    state: &impl State,
    orchestrator: &impl Orchestrator,
    now: Timestamp,
    clusters: Vec<ClusterName>,
    recorded: &mut Recorded,
    failed: &mut BTreeSet<ClusterName>,
) {
    let until = now.checked_add(EARLY_RUN_COOL_DOWN.duration()).unwrap_or(Timestamp::MAX);
    let mut taken = Vec::new();
    for cluster in clusters {
        match state.take_early_run(&cluster, now, until).await {
            Ok(true) => taken.push(cluster),
            Ok(false) => tracing::info!(%cluster, "an early run was started not long ago"),
            Err(error) => {
                let error = with_causes(&error);
                tracing::error!(error, %cluster, "the right to start an early run could not be taken: to come again");
                failed.insert(cluster);
            }
        }
    }
    for clusters in taken.chunks(MAX_CLUSTERS) {
        match begin(orchestrator, now, clusters).await {
            Ok(()) => recorded.early_run.extend_from_slice(clusters),
            Err(error) => {
                let error = with_causes(&error);
                tracing::error!(error, ?clusters, "an early run could not be started: to come again");
                give_back(state, clusters, until).await;
                failed.extend(clusters.iter().cloned());
            }
        }
    }
}

async fn begin(orchestrator: &impl Orchestrator, now: Timestamp, clusters: &[ClusterName]) -> Result<(), PortError> {
    let name = early_run_name(clusters, now);
    orchestrator.start_run(&name, clusters).await?;
    tracing::info!(run = %name, ?clusters, "an early run was started");
    Ok(())
}

/// What cannot be given back holds the cluster's early runs up for the cool-down; the schedule goes on.
async fn give_back(state: &impl State, clusters: &[ClusterName], until: Timestamp) {
    for cluster in clusters {
        if let Err(error) = state.release_early_run(cluster, until).await {
            let error = with_causes(&error);
            tracing::error!(error, %cluster, "the right to start an early run could not be given back");
        }
    }
}
