//! Early runs: for clusters in a storm, at most one each in a cool-down.

use std::collections::BTreeSet;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::interface::MAX_CLUSTERS;
use spotkeeper_core::policy::{Policy, PolicyMistake};
use spotkeeper_core::ports::{Clock, Orchestrator, PortError, State};
use spotkeeper_core::signals::{
    EARLY_RUN_COOL_DOWN, Occurrence, early_run_name, may_become_a_storm, storm, storm_memory,
};
use spotkeeper_core::units::Seconds;
use spotkeeper_lambda::with_causes;

use crate::{Found, Recorded, touched};

/// How many clusters are looked at at once.
const AT_ONCE: usize = 8;

/// Starts an early run of the clusters that these occurrences are a storm in. Where something fails
/// on the way, the messages of those clusters come again, and with them the question; so does a message
/// that begins a shortage, when it may have become a drought.
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
    let policy = state.policy().await;
    let drought = policy.as_ref().map_or_else(|_| Policy::default().verify, |policy| policy.verify.clone());
    let drought = drought.drought_seconds;
    let now = clock.now();
    let asked = touched.into_iter().map(async |cluster| (cluster, happened(state, cluster, drought, now).await));
    let asked: Vec<_> = futures_util::stream::iter(asked).buffered(AT_ONCE).collect().await;
    let mut stormy = Vec::new();
    let mut failed = BTreeSet::new();
    for (cluster, happened) in asked {
        match happened {
            Ok(happened) => {
                if let Some(storm) = storm(&happened, drought, now) {
                    tracing::warn!(%cluster, %storm, "a storm");
                    stormy.push(cluster.clone());
                }
                let of_cluster = kept.iter().filter(|one| one.occurrence.cluster.as_ref() == Some(cluster));
                let waits = of_cluster.filter(|one| may_become_a_storm(&one.occurrence, &happened, drought, now));
                recorded.failed.extend(waits.map(|one| one.message.to_owned()));
            }
            Err(error) => {
                let error = with_causes(&error);
                tracing::error!(error, %cluster, "whether there is a storm could not be found out: to come again");
                failed.insert(cluster.clone());
            }
        }
    }
    if !stormy.is_empty() {
        let covered = covered(policy, stormy);
        take_and_start(state, orchestrator, now, covered, recorded, &mut failed).await;
    }
    let of_failed = |one: &&&Found<'_>| one.occurrence.cluster.as_ref().is_some_and(|name| failed.contains(name));
    recorded.failed.extend(kept.iter().filter(of_failed).map(|one| one.message.to_owned()));
}

/// What happened to a cluster's capacity of late.
async fn happened(
    state: &impl State,
    cluster: &ClusterName,
    drought: Seconds,
    now: Timestamp,
) -> Result<Vec<Occurrence>, PortError> {
    let since = now.checked_sub(storm_memory(drought).duration()).unwrap_or(Timestamp::MIN);
    state.occurrences(cluster, since).await
}

/// Those that the policy lets runs work on: a run that names clusters does not ask it.
fn covered(policy: Result<Policy, Vec<PolicyMistake>>, clusters: Vec<ClusterName>) -> Vec<ClusterName> {
    match policy {
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
