//! Core's ports on a simulation. Each call takes its time both ways, is counted, and may go wrong.

mod ceilings;
mod events;
mod faults;
mod fleet;
mod kept;
mod market;
mod pace;
mod races;
mod state;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::Timestamp;
use spotkeeper_aws::telemetry::{move_event, run_events, switch_event};
use spotkeeper_core::ids::RunId;
use spotkeeper_core::phase::Function;
use spotkeeper_core::ports::{Clock, EndOfRun, PortError, Telemetry};
use spotkeeper_core::record::MoveRecord;
use spotkeeper_core::signals::{Occurrence, ScoreRound};
use spotkeeper_core::switch::SwitchChange;
use tokio::sync::Notify;

use crate::simulation::{Inner, Simulation};

pub use faults::{FaultKind, FaultRule, Faults};
pub use kept::KeptTargetGroups;
pub use pace::AccountPace;
pub use races::{At, Races, Throw};

/// The ports of one invocation of a function: its fleet, its state, its telemetry and its clock.
#[derive(Clone)]
pub struct Ports {
    simulation: Simulation,
    invocation: Arc<Invocation>,
}

/// One invocation of a function.
pub struct Invocation {
    /// The function.
    pub function: Function,
    /// The run that it works for.
    pub run: RunId,
    calls: AtomicU32,
    died: Notify,
    /// The part of the API's rates that it keeps to, where the account has any.
    pace: Option<pace::Pace>,
}

/// Every call of a port, as faults name it.
pub const CALLS: &[&str] = &[
    "fleet.clusters",
    "fleet.distribution",
    "fleet.look",
    "fleet.observe",
    "fleet.spot_instances",
    "fleet.write",
    "fleet.write_distribution",
    "inventory.directory",
    "inventory.instances",
    "market.placement_scores",
    "market.spot_providers",
    "market.zone_names",
    "orchestrator.start_run",
    "state.asked_queries",
    "state.assessments",
    "state.code_changed",
    "state.get_move",
    "state.leases",
    "state.give_back_writes",
    "state.ledger",
    "state.ledgers",
    "state.occurrences",
    "state.outcomes",
    "state.policy",
    "state.put_asked_queries",
    "state.put_assessments",
    "state.put_ceiling",
    "state.put_ledger",
    "state.put_moves",
    "state.put_occurrence",
    "state.put_report",
    "state.put_run",
    "state.put_score",
    "state.put_switch",
    "state.put_told_switches",
    "state.put_turn",
    "state.release_early_run",
    "state.release_lease",
    "state.release_lock",
    "state.remove_switch",
    "state.report",
    "state.reports",
    "state.run",
    "state.scores",
    "state.signals",
    "state.switches",
    "state.take_early_run",
    "state.take_lease",
    "state.take_lock",
    "state.take_writes",
    "state.told_switches",
    "state.turns",
    "telemetry.move_ended",
    "telemetry.run_ended",
    "telemetry.scored",
    "telemetry.spot_events",
    "telemetry.switch_changed",
];

/// One call of a port, as faults name it: `fleet.write`, `state.put_ledger`.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The function that makes it.
    pub function: Function,
    /// The port and its method.
    pub name: &'static str,
    /// The how manieth of its invocation it is, from 1.
    pub number: u32,
}

impl Ports {
    /// The ports of a new invocation.
    #[must_use]
    pub fn new(simulation: Simulation, function: Function, run: RunId) -> Ports {
        Ports::with_pace(simulation, function, run, None)
    }

    fn with_pace(simulation: Simulation, function: Function, run: RunId, pace: Option<pace::Pace>) -> Ports {
        let invocation = Invocation { function, run, calls: AtomicU32::new(0), died: Notify::new(), pace };
        Ports { simulation, invocation: Arc::new(invocation) }
    }

    /// Ends when the invocation dies.
    pub async fn died(&self) {
        self.invocation.died.notified().await;
    }

    /// Makes a call.
    async fn call<T>(
        &self,
        name: &'static str,
        effect: impl FnOnce(&mut Inner) -> Result<T, PortError> + Send,
    ) -> Result<T, PortError> {
        self.call_faulty(name, false, |inner, _| effect(inner)).await
    }

    /// Makes a call that is there for metrics and events alone, where `is_telling`.
    async fn call_telling<T>(
        &self,
        name: &'static str,
        is_telling: bool,
        effect: impl FnOnce(&mut Inner) -> Result<T, PortError> + Send,
    ) -> Result<T, PortError> {
        self.call_faulty(name, is_telling, |inner, _| effect(inner)).await
    }

    /// Whether the run's end is on record: what is read from then on is read to tell of it.
    fn has_ended(&self) -> bool {
        let run = &self.invocation.run;
        self.simulation.with(|inner| inner.tables.runs.get(run).is_some_and(|run| run.ended.is_some()))
    }

    /// Makes a call: on its way there, its effect, on its way back. The effect is told what goes
    /// wrong.
    async fn call_faulty<T>(
        &self,
        name: &'static str,
        is_telling: bool,
        effect: impl FnOnce(&mut Inner, Option<FaultKind>) -> Result<T, PortError> + Send,
    ) -> Result<T, PortError> {
        let number = self.invocation.calls.fetch_add(1, Ordering::Relaxed) + 1;
        debug_assert!(CALLS.contains(&name), "{name} is not in CALLS");
        let call = Call { function: self.invocation.function, name, number };
        let run = &self.invocation.run;
        let (there, back, fault) = self.simulation.with(|inner| {
            inner.calls += 1;
            inner.throw_switch(run, At::Before);
            let (fault, there, back) = inner.meet(&call, is_telling);
            if let Some(fault) = fault {
                inner.promises.coverage.faults += 1;
                if let Some(said) = inner.faults.tell(&call, fault) {
                    inner.note(run.as_str(), said);
                }
            }
            (there, back, fault)
        });
        pass(there).await;
        match fault {
            Some(FaultKind::DieBefore) => return self.die().await,
            Some(FaultKind::Stall { seconds }) => {
                tokio::time::sleep(std::time::Duration::from_secs(seconds.into())).await;
            }
            Some(FaultKind::Throttle) => return Err(PortError::Throttled { action: name.to_owned() }),
            Some(FaultKind::Fail) => return Err(failed(name)),
            Some(FaultKind::DieAfter | FaultKind::LoseAnswer | FaultKind::Gaps) | None => {}
        }
        let answer = self.simulation.with(|inner| {
            let answer = effect(inner, fault);
            inner.throw_switch(run, At::After);
            answer
        });
        match fault {
            Some(FaultKind::DieAfter) => return self.die().await,
            Some(FaultKind::LoseAnswer) => return Err(failed(name)),
            _ => {}
        }
        pass(back).await;
        answer
    }

    /// The invocation dies here: nothing that follows happens.
    async fn die<T>(&self) -> T {
        self.invocation.died.notify_one();
        std::future::pending().await
    }
}

/// Lets time pass; where none does, nothing else comes in between.
async fn pass(time: std::time::Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

fn failed(name: &str) -> PortError {
    PortError::Failed { action: name.to_owned(), subject: "the simulation".to_owned(), source: "no answer".into() }
}

impl Clock for Ports {
    fn now(&self) -> Timestamp {
        self.simulation.clock.now()
    }
}

impl Telemetry for Ports {
    async fn switch_changed(&self, change: &SwitchChange) -> Result<(), PortError> {
        self.call_telling("telemetry.switch_changed", true, |inner| {
            inner.told.switch(change);
            inner.hear(&change.run, &[switch_event(change)?]);
            Ok(())
        })
        .await
    }

    async fn move_ended(&self, record: &MoveRecord) -> Result<(), PortError> {
        self.call_telling("telemetry.move_ended", true, |inner| {
            inner.told.ended(record);
            inner.hear(&record.planned.run, &Vec::from_iter(move_event(record)?));
            Ok(())
        })
        .await
    }

    async fn run_ended(&self, end: &EndOfRun<'_>) -> Result<(), PortError> {
        self.call("telemetry.run_ended", |inner| {
            inner.told.run(end);
            inner.hear(&end.run.id, &run_events(end)?);
            Ok(())
        })
        .await
    }

    async fn scored(&self, _round: &ScoreRound) -> Result<(), PortError> {
        self.call("telemetry.scored", |_| Ok(())).await
    }

    async fn spot_events(
        &self,
        _occurrences: &[Occurrence],
        _malformed: u32,
        _now: Timestamp,
    ) -> Result<(), PortError> {
        self.call("telemetry.spot_events", |_| Ok(())).await
    }
}
