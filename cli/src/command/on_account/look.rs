//! What a run would do now, for `plan` and `explain`: read as a run reads, judged and planned by the same functions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use spotkeeper_aws::installation::policy_parameter;
use spotkeeper_core::assess::{Assessment, Memory, assess};
use spotkeeper_core::ids::{ClusterName, ProviderName, RunId};
use spotkeeper_core::observe::{Depth, Snapshot};
use spotkeeper_core::plan::{Plan, PlanInput, plan};
use spotkeeper_core::policy::{Policy, PolicyMistake};
use spotkeeper_core::ports::PortError;
use spotkeeper_core::reading::Read;
use spotkeeper_core::record::RunRecord;
use spotkeeper_core::turn::TurnSeen;

use super::{input, policy, policy_of};
use crate::account::{LiveFleet, denied};
use crate::stack::Stack;

/// The policy that a run would go by.
pub(crate) struct Rules {
    pub(crate) policy: Policy,
    /// Where it comes from.
    pub(crate) from: String,
    /// What is wrong with the stack's: a run under it is dry.
    pub(crate) mistakes: Vec<PolicyMistake>,
}

impl Rules {
    /// The file's, or the stack's.
    pub(crate) async fn of(stack: &Stack, file: Option<&PathBuf>) -> anyhow::Result<Rules> {
        if let Some(file) = file {
            return Ok(Rules { policy: policy::of_file(file)?, from: input::name(file), mistakes: Vec::new() });
        }
        let from = policy_parameter(&stack.name);
        let text = stack.state.policy_text().await.map_err(denied)?;
        let (policy, mistakes) = policy_of::as_a_run_has_it(&text.unwrap_or_default());
        Ok(Rules { policy, from, mistakes })
    }
}

/// A cluster as a run would find it, and what it would do.
pub(crate) struct Looked {
    pub(crate) snapshot: Snapshot,
    pub(crate) memory: Memory,
    pub(crate) assessments: Vec<Assessment>,
    pub(crate) plan: Plan,
    pub(crate) now: Timestamp,
}

/// Reads, judges and plans a cluster; nothing is written.
pub(crate) async fn look(
    stack: &Stack,
    fleet: &LiveFleet,
    policy: &Policy,
    cluster: &ClusterName,
) -> Result<Looked, PortError> {
    let read = Read::cluster(fleet, &stack.state, cluster, Depth::Full).await?;
    let Read { snapshot, ledgers, signals, switches, turns, turn_versions } = read;
    let memory = Memory::of(ledgers, signals, switches);
    let now = Timestamp::now();
    let assessments = assess(policy, &snapshot, &memory, now);
    let run = RunRecord::look(RunId::look(), cluster.clone(), policy.clone(), now);
    let plan = planned(&run, &snapshot, &assessments, &memory, &turns, &turn_versions);
    Ok(Looked { snapshot, memory, assessments, plan, now })
}

/// What a run that begins now would do in a cluster, with nothing left over from another run or an earlier pass.
pub(crate) fn planned(
    run: &RunRecord,
    snapshot: &Snapshot,
    assessments: &[Assessment],
    memory: &Memory,
    turns: &[TurnSeen],
    turn_versions: &BTreeMap<ProviderName, u64>,
) -> Plan {
    let given_up = BTreeSet::new();
    plan(&PlanInput {
        policy: &run.policy,
        snapshot,
        assessments,
        memory,
        run,
        resumed: &[],
        turns,
        turn_versions,
        given_up: &given_up,
        now: run.started_at,
    })
}
