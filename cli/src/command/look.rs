//! What a run would do now, for `plan` and `explain`: read as a run reads, judged and planned by the same functions.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::bail;
use jiff::Timestamp;
use spotkeeper_core::assess::{Assessment, Memory, assess};
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::observe::{Depth, Snapshot};
use spotkeeper_core::plan::{Plan, PlanInput, plan};
use spotkeeper_core::policy::{Policy, PolicyMistake, parse};
use spotkeeper_core::ports::PortError;
use spotkeeper_core::reading::Read;
use spotkeeper_core::record::RunRecord;

use super::{input, policy};
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
            let from = input::name(file);
            let policy = policy::read(file)?;
            return match policy {
                Ok(policy) => Ok(Rules { policy, from, mistakes: Vec::new() }),
                Err(mistakes) => {
                    let all: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
                    bail!("{from} is no policy: {}", all.join("; "))
                }
            };
        }
        let from = spotkeeper_aws::installation::Installation::policy_parameter(&stack.name);
        let text = stack.state.policy_text().await.map_err(denied)?;
        let (policy, mistakes) = match parse(&text.unwrap_or_default()) {
            Ok(policy) => (policy, Vec::new()),
            Err(mistakes) => (Policy::default(), mistakes),
        };
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
    let none = BTreeSet::new();
    let plan = plan(&PlanInput {
        policy,
        snapshot: &snapshot,
        assessments: &assessments,
        memory: &memory,
        run: &run,
        resumed: &[],
        turns: &turns,
        turn_versions: &turn_versions,
        given_up: &none,
        now,
    });
    Ok(Looked { snapshot, memory, assessments, plan, now })
}
