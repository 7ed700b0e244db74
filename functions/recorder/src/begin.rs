//! Beginning a run: input, switch, lock, record.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::interface::{BeginAnswer, BeginNext, ExecutionInput, MAX_CLUSTERS};
use spotkeeper_core::observe::Cluster;
use spotkeeper_core::policy::{Mode, Policy, PolicyMistake};
use spotkeeper_core::ports::{Clock, Fleet, State, Telemetry};
use spotkeeper_core::record::{DryWhy, RunMode, RunRecord};
use spotkeeper_core::switch::{Lever, Scope, SwitchChange, SwitchEntry, SwitchState, SwitchedHow};
use spotkeeper_core::units::Seconds;
use spotkeeper_lambda::Failure;

use crate::end::{number, older_leases};
use crate::input::{Wish, check};
use crate::tell;

/// How long the run lock lasts without being renewed: every function of a run renews it, and no
/// two of them are further apart than the longest wait and the longest timeout (600 s and 900 s).
pub use spotkeeper_lambda::LOCK;

/// How long a switch run goes on looking while leases live and moves fail: three of the longest
/// deadlines, one each for a move, its retry and what follows. Where it turns groups, their time comes first.
fn switch_patience(policy: &Policy, turns_groups: bool) -> SignedDuration {
    let turns = if turns_groups { policy.verify.turn_seconds } else { Seconds(0) };
    policy.verify.max_deadline_seconds.saturating_mul(3).saturating_add(turns).duration()
}

/// What the recorder's environment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BeginConfig {
    /// How many clusters a run works on at once: 1 to 40.
    pub clusters_in_flight: u32,
    /// Whether switches may turn groups: `CapacityLever` of the template.
    pub capacity_lever: bool,
}

#[expect(clippy::too_many_arguments, reason = "three ports, a clock, and what the state machine says")]
pub(crate) async fn begin(
    fleet: &impl Fleet,
    state: &impl State,
    telemetry: &impl Telemetry,
    clock: &impl Clock,
    config: &BeginConfig,
    run_id: RunId,
    input: &Value,
    who: &str,
) -> Result<BeginAnswer, Failure> {
    if let Some(run) = state.run(&run_id).await? {
        return Ok(answer(&run));
    }
    let now = clock.now();
    let (input, wish) = check(input, who, config.capacity_lever, now)?;
    let all = fleet.clusters().await?;
    let named = known(&all, &input, &wish)?;
    let (policy, mut mistakes) = match state.policy().await {
        Ok(policy) => (policy, Vec::new()),
        Err(mistakes) => (Policy::default(), mistakes),
    };
    for mistake in &mistakes {
        tracing::error!(%mistake, "the policy cannot be used");
    }
    let clusters = clusters(&all, named, &policy, &wish, &mut mistakes);
    let epoch = match &wish {
        Wish::SwitchOn(entry) => state.put_switch(entry).await?,
        Wish::SwitchOff(switch) => state.remove_switch(&switch.scope).await?,
        Wish::Run { .. } | Wish::Restore(_) => {
            let told = state.told_switches().await;
            let switches = state.switches().await?;
            tell::found(state, telemetry, told, &switches, &run_id, now).await;
            switches.epoch
        }
    };
    if let Some(change) = change(&wish, &run_id, who, now, epoch) {
        tell::own(state, telemetry, &change).await;
    }
    // Checked after the switch is on: it keeps every cluster from moving up, however many there are.
    if clusters.len() > MAX_CLUSTERS {
        return Err(too_many(clusters.len(), &wish));
    }
    let mode = mode(wish, &policy, !mistakes.is_empty());
    let lock = match mode {
        RunMode::Ordinary | RunMode::Restore { .. } => Some(state.take_lock(&run_id, now, now + LOCK).await?),
        RunMode::Dry { .. } | RunMode::Switch { .. } => None,
    };
    let asks_for_lever = matches!(&mode, RunMode::Switch { entry } if entry.lever == Lever::Capacity);
    let turns_groups = config.capacity_lever && asks_for_lever;
    let run = RunRecord {
        id: run_id,
        started_at: now,
        capacity_lever: config.capacity_lever,
        clusters_in_flight: config.clusters_in_flight.min(number(clusters.len())).max(1),
        holds_lock: matches!(lock, Some(Ok(_))),
        lock_held_by: lock.and_then(Result::err).map(|other| other.run),
        epoch,
        policy_mistakes: mistakes,
        passes: 0,
        looks: number(clusters.len()),
        clusters,
        older_leases: false,
        ends_by: now + switch_patience(&policy, turns_groups),
        policy,
        ended: None,
        mode,
    };
    let older_leases = !older_leases(state, &run, clock.now()).await?.is_empty();
    let run = RunRecord { older_leases, ..run };
    state.put_run(&run).await?;
    tracing::info!(run = %run.id, mode = ?run.mode, clusters = run.clusters.len(), holds_lock = run.holds_lock, "begun");
    Ok(answer(&run))
}

/// What the execution does to a switch. It is told before the run is on record, so that a repetition of
/// this call tells it again where it may not have been told.
fn change(wish: &Wish, run: &RunId, who: &str, now: Timestamp, epoch: u64) -> Option<SwitchChange> {
    let (state, entry) = match wish {
        Wish::SwitchOn(entry) => (SwitchState::On, entry.clone()),
        Wish::SwitchOff(switch) => {
            let (scope, reason) = (switch.scope.clone(), switch.reason.clone());
            let who = who.to_owned();
            let (preempt, unenrolled, lever) = (false, false, Lever::Strategy);
            let entry = SwitchEntry { scope, reason, who, set_at: now, until: None, preempt, unenrolled, lever };
            (SwitchState::Off, entry)
        }
        Wish::Run { .. } | Wish::Restore(_) => return None,
    };
    let (how, id) = (SwitchedHow::Execution, run.to_string());
    Some(SwitchChange { run: run.clone(), how, state, entry, epoch, id })
}

fn too_many(clusters: usize, wish: &Wish) -> Failure {
    let done = match wish {
        Wish::SwitchOn(_) => "; the switch is on, and nothing moves up under it: start one for each cluster as well",
        _ => "",
    };
    Failure::invalid(format!(
        "{clusters} clusters are more than the {MAX_CLUSTERS} of one run: name some in the policy or in the input{done}"
    ))
}

fn answer(run: &RunRecord) -> BeginAnswer {
    BeginAnswer {
        run_id: run.id.clone(),
        next: if run.clusters.is_empty() { BeginNext::End } else { BeginNext::Clusters },
        clusters: run.clusters.clone(),
        clusters_in_flight: run.clusters_in_flight,
    }
}

/// The clusters that the input names, each of which must exist.
fn known(all: &[Cluster], input: &ExecutionInput, wish: &Wish) -> Result<Vec<ClusterName>, Failure> {
    let scope = match wish {
        Wish::SwitchOn(entry) => Some(&entry.scope),
        Wish::SwitchOff(switch) => Some(&switch.scope),
        Wish::Restore(RunMode::Restore { scope }) => Some(scope),
        Wish::Restore(_) | Wish::Run { .. } => None,
    };
    let mut named = input.clusters.clone();
    named.extend(scope.and_then(Scope::cluster).cloned());
    named.sort();
    named.dedup();
    Failure::unless_known(&named, all)?;
    Ok(named)
}

/// The clusters to work on: those named, else the policy's, else all. A switch over all covers
/// all, whatever the policy names.
fn clusters(
    all: &[Cluster],
    named: Vec<ClusterName>,
    policy: &Policy,
    wish: &Wish,
    mistakes: &mut Vec<PolicyMistake>,
) -> Vec<ClusterName> {
    if !named.is_empty() {
        return named;
    }
    let active = || all.iter().filter(|cluster| cluster.active).map(|cluster| &cluster.name);
    let of_policy = matches!(wish, Wish::Run { .. } | Wish::SwitchOff(_));
    if !of_policy || policy.clusters.is_empty() {
        return active().cloned().collect();
    }
    for (index, name) in policy.clusters.iter().enumerate() {
        if !active().any(|cluster| cluster == name) {
            mistakes.push(PolicyMistake {
                path: format!("/clusters/{index}"),
                problem: format!("there is no active cluster {name} in this Region"),
            });
        }
    }
    active().filter(|cluster| policy.clusters.contains(cluster)).cloned().collect()
}

/// What the run is for. A switch and a restore are somebody's wish: neither a dry policy nor a
/// mistaken one keeps it from being done.
fn mode(wish: Wish, policy: &Policy, has_mistakes: bool) -> RunMode {
    match wish {
        Wish::SwitchOn(entry) => RunMode::Switch { entry },
        Wish::Restore(mode) => mode,
        Wish::Run { dry: true } => RunMode::Dry { why: DryWhy::Input },
        Wish::Run { .. } | Wish::SwitchOff(_) if has_mistakes => RunMode::Dry { why: DryWhy::PolicyMistakes },
        Wish::Run { .. } | Wish::SwitchOff(_) if policy.mode == Mode::DryRun => RunMode::Dry { why: DryWhy::Policy },
        Wish::Run { .. } | Wish::SwitchOff(_) => RunMode::Ordinary,
    }
}

#[cfg(test)]
mod tests {
    use spotkeeper_core::fixtures;
    use spotkeeper_core::switch::Scope;

    use super::*;

    #[test]
    fn only_ordinary_runs_are_dry_by_policy() {
        let entry = fixtures::switch(Scope::All);
        let restore = RunMode::Restore { scope: Scope::All };
        let dry = Policy::default();
        let active = Policy { mode: Mode::Active, ..Policy::default() };
        let cases = [
            ("active", Wish::Run { dry: false }, &active, false, RunMode::Ordinary),
            ("asked for", Wish::Run { dry: true }, &active, false, RunMode::Dry { why: DryWhy::Input }),
            ("dry policy", Wish::Run { dry: false }, &dry, false, RunMode::Dry { why: DryWhy::Policy }),
            ("mistaken policy", Wish::Run { dry: false }, &active, true, RunMode::Dry { why: DryWhy::PolicyMistakes }),
            ("restore, dry policy", Wish::Restore(restore.clone()), &dry, false, restore.clone()),
            ("restore, mistaken policy", Wish::Restore(restore.clone()), &dry, true, restore),
            ("switch, mistaken policy", Wish::SwitchOn(entry.clone()), &dry, true, RunMode::Switch { entry }),
        ];
        for (name, wish, policy, has_mistakes, expected) in cases {
            assert_eq!(mode(wish, policy, has_mistakes), expected, "{name}");
        }
    }
}
