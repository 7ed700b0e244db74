//! One execution of the state machine: core's phase table, walked with the functions' own
//! handlers, and the retries, waits, timeouts and concurrency of `orchestrator.asl.json`, which a
//! test holds to what core says and this uses.

use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use recorder::BeginConfig;
use serde_json::Value;
use spotkeeper_aws::wire::Beside;
use spotkeeper_core::ids::{ClusterName, MoveId, RunId};
use spotkeeper_core::interface::{
    Because, BeginAnswer, BeginNext, CheckAnswer, CheckInput, DetermineAnswer, DetermineInput, DetermineNext,
    EndAnswer, EndNext, RecorderInput, Then, UpdateAnswer, UpdateInput, Updated,
};
use spotkeeper_core::phase::{Answer, MOVES_AT_ONCE, Phase, RETRIED, TaskLimits, longest_pause};
use spotkeeper_core::ports::Clock as _;
use spotkeeper_core::record::RunStatus;
use spotkeeper_core::turn::TurnOrder;
use spotkeeper_lambda::Failure;

use crate::ports::Ports;
use crate::simulation::Simulation;

/// One execution of the state machine.
#[derive(Clone)]
pub struct Execution {
    simulation: Simulation,
    run: RunId,
    /// Whether an end without anything done goes unmentioned.
    quiet: bool,
}

/// The name of an error that a task failed with, retries included.
type ErrorName = String;

/// A move on its way through a child execution.
struct Child {
    id: MoveId,
    /// How many moves are watched beside it, itself among them.
    watched: u32,
    wait_seconds: u32,
    because: Because,
}

impl Execution {
    /// An execution of that name.
    #[must_use]
    pub const fn new(simulation: Simulation, run: RunId, quiet: bool) -> Execution {
        Execution { simulation, run, quiet }
    }

    /// Walks the execution to its end, and notes how it ended.
    pub async fn start(self, input: Value) {
        let ended = self.walk(input).await;
        let said = match &ended {
            Ok(answer) if self.quiet && found_nothing(answer) => None,
            Ok(answer) => Some(ended_as(answer)),
            Err(error) => Some(format!("failed: {error}")),
        };
        self.simulation.with(|inner| {
            inner.promises.execution_ended(&inner.world, &inner.tables, &self.run, ended.as_ref().ok());
            if let Some(said) = said {
                inner.note(self.run.as_str(), said);
            }
        });
    }

    async fn walk(&self, input: Value) -> Result<EndAnswer, ErrorName> {
        let begun = self.begin(input).await?;
        let mut clusters = begun.clusters;
        let mut phase = after(
            Phase::Begin,
            match begun.next {
                BeginNext::Clusters => Answer::Clusters,
                BeginNext::End => Answer::End,
            },
        );
        let mut wait = 0;
        loop {
            phase = match phase {
                Phase::Clusters => {
                    let at_once = usize::try_from(begun.clusters_in_flight).unwrap_or(1).max(1);
                    let walks = clusters.iter().map(|cluster| self.cluster(cluster));
                    futures_util::stream::iter(walks).buffer_unordered(at_once).collect::<Vec<()>>().await;
                    after(Phase::Clusters, Answer::Over)
                }
                Phase::End => {
                    let answer = self.end().await?;
                    match answer.next {
                        EndNext::Again => {
                            wait = answer.wait_seconds;
                            clusters = answer.clusters;
                            after(Phase::End, Answer::Again)
                        }
                        EndNext::Ended => {
                            assert_eq!(after(Phase::End, Answer::Ended), Phase::Ended);
                            return Ok(answer);
                        }
                    }
                }
                Phase::WaitAgain => {
                    seconds(wait).await;
                    after(Phase::WaitAgain, Answer::Over)
                }
                other => unreachable!("{other:?} is no phase of a run"),
            };
        }
    }

    async fn cluster(&self, cluster: &ClusterName) {
        let mut cursor = None;
        let mut moves = Vec::new();
        let mut turns = Vec::new();
        let mut then = Then::Verify;
        let mut follows = false;
        let mut unverified = Vec::new();
        let mut error = String::new();
        let mut phase = Phase::Determine;
        loop {
            phase = match phase {
                Phase::Determine => match self.determine(cluster, cursor).await {
                    Ok(DetermineAnswer {
                        next: DetermineNext::Update, moves: wave, cursor: next, then: what, ..
                    }) => {
                        (moves, cursor, then) = (wave, next, what);
                        after(Phase::Determine, Answer::Update)
                    }
                    Ok(DetermineAnswer { next: DetermineNext::Turn, turns: orders, cursor: next, .. }) => {
                        (turns, cursor) = (orders, next);
                        after(Phase::Determine, Answer::Turn)
                    }
                    Ok(DetermineAnswer { next: DetermineNext::Done, .. }) => after(Phase::Determine, Answer::Done),
                    Err(name) => {
                        error = name;
                        after(Phase::Determine, Answer::Error)
                    }
                },
                Phase::Turn => match self.turn(std::mem::take(&mut turns)).await {
                    Ok(_) => after(Phase::Turn, Answer::Over),
                    Err(_) => after(Phase::Turn, Answer::Error),
                },
                Phase::Update => match self.update(Phase::Update, &moves, follows, None).await {
                    Ok(answer) => {
                        unverified.extend(answer.moves.iter().map(|updated| child_of(updated, 0)));
                        follows = then == Then::NextWave;
                        after(Phase::Update, if follows { Answer::NextWave } else { Answer::Over })
                    }
                    Err(name) => {
                        let failed = |id: &MoveId| {
                            let because = Because::Error(name.clone());
                            (Answer::Error, Child { id: id.clone(), watched: 0, wait_seconds: 0, because })
                        };
                        unverified.extend(moves.iter().map(failed));
                        after(Phase::Update, Answer::Error)
                    }
                },
                Phase::Moves => {
                    let at_once = usize::try_from(MOVES_AT_ONCE).unwrap_or(usize::MAX);
                    let walks = std::mem::take(&mut unverified);
                    let watched = u32::try_from(walks.len()).unwrap_or(u32::MAX);
                    let walks = walks.into_iter().map(|(answer, one)| self.child(answer, Child { watched, ..one }));
                    futures_util::stream::iter(walks).buffer_unordered(at_once).collect::<Vec<()>>().await;
                    follows = false;
                    after(Phase::Moves, if cursor.is_some() { Answer::NextWave } else { Answer::Done })
                }
                Phase::RecordClusterFailure => match self.cluster_failed(cluster, &error).await {
                    Ok(_) => after(Phase::RecordClusterFailure, Answer::Over),
                    Err(_) => after(Phase::RecordClusterFailure, Answer::Error),
                },
                Phase::ClusterDone => return,
                other => unreachable!("{other:?} is no phase of a cluster"),
            };
        }
    }

    async fn child(&self, answer: Answer, mut one: Child) {
        let mut phase = after(Phase::Moves, answer);
        loop {
            phase = match phase {
                Phase::Wait => {
                    seconds(one.wait_seconds).await;
                    after(Phase::Wait, Answer::Over)
                }
                Phase::CheckStability => match self.check(&one).await {
                    Ok(answer) => {
                        one = Child { wait_seconds: answer.wait_seconds, because: Because::Next(answer.next), ..one };
                        after(Phase::CheckStability, answer.next.into())
                    }
                    Err(name) => {
                        one.because = Because::Error(name);
                        after(Phase::CheckStability, Answer::Error)
                    }
                },
                Phase::UpdateAgain => match self.update_again(&one).await {
                    Ok(UpdateAnswer { moves, .. }) => {
                        let Some((answer, updated)) = moves.first().map(|updated| child_of(updated, one.watched))
                        else {
                            unreachable!("the Updater answers for each move");
                        };
                        one = updated;
                        after(Phase::UpdateAgain, answer)
                    }
                    Err(name) => {
                        one.because = Because::Error(name);
                        after(Phase::UpdateAgain, Answer::Error)
                    }
                },
                Phase::RecordOutcome => {
                    // Where even this fails for good, the child fails: the next run finds the move.
                    if self.outcome(&one).await.is_ok() {
                        assert_eq!(after(Phase::RecordOutcome, Answer::Over), Phase::Moves);
                    }
                    self.note_outcome(&one.id);
                    return;
                }
                other => unreachable!("{other:?} is no phase of a move"),
            };
        }
    }

    fn note_outcome(&self, id: &MoveId) {
        self.simulation.with(|inner| {
            let record = inner.tables.moves.get(&(self.run.clone(), id.clone()));
            let said = record.map_or_else(
                || format!("{id} has no record"),
                |record| {
                    let outcome = record.outcome.map_or("open", |outcome| outcome.name());
                    let why = record
                        .history
                        .iter()
                        .rev()
                        .find(|line| !line.what.starts_with("ended"))
                        .map(|line| format!(": {}", line.what))
                        .unwrap_or_default();
                    format!("{} ends {outcome}{why}", record.planned.service)
                },
            );
            inner.note(self.run.as_str(), said);
        });
    }

    async fn begin(&self, input: Value) -> Result<BeginAnswer, ErrorName> {
        let (run_id, who) = (self.run.clone(), "a person".to_owned());
        self.recorder(Phase::Begin, RecorderInput::Begin { run_id, input, who }).await.map(read)
    }

    async fn outcome(&self, one: &Child) -> Result<Value, ErrorName> {
        let (run_id, move_id) = (self.run.clone(), one.id.clone());
        let because = one.because.clone();
        self.recorder(Phase::RecordOutcome, RecorderInput::Outcome { run_id, move_id, because }).await
    }

    async fn cluster_failed(&self, cluster: &ClusterName, error: &str) -> Result<Value, ErrorName> {
        let (run_id, cluster, error) = (self.run.clone(), cluster.clone(), error.to_owned());
        self.recorder(Phase::RecordClusterFailure, RecorderInput::ClusterFailed { run_id, cluster, error }).await
    }

    async fn end(&self) -> Result<EndAnswer, ErrorName> {
        self.recorder(Phase::End, RecorderInput::End { run_id: self.run.clone() }).await.map(read)
    }

    async fn recorder(&self, phase: Phase, input: RecorderInput) -> Result<Value, ErrorName> {
        let clusters_in_flight = self.simulation.clusters_in_flight;
        let config = BeginConfig { clusters_in_flight, capacity_lever: self.simulation.capacity_lever };
        self.task(phase, Beside::Clusters, async |ports: &Ports, _| {
            recorder::handle(ports, ports, ports, ports, &config, input.clone()).await
        })
        .await
    }

    async fn determine(&self, cluster: &ClusterName, cursor: Option<u32>) -> Result<DetermineAnswer, ErrorName> {
        let input = DetermineInput { run_id: self.run.clone(), cluster: cluster.clone(), cursor };
        self.task(Phase::Determine, Beside::Clusters, async |ports: &Ports, _| {
            determiner::handle(ports, ports, ports, input.clone()).await
        })
        .await
    }

    async fn update(
        &self,
        phase: Phase,
        moves: &[MoveId],
        follows: bool,
        watched: Option<u32>,
    ) -> Result<UpdateAnswer, ErrorName> {
        let (run_id, move_ids) = (self.run.clone(), moves.to_vec());
        let input = UpdateInput { run_id, move_ids, turns: Vec::new(), follows, watched };
        let beside = watched.map_or(Beside::Writers, Beside::Moves);
        self.task(phase, beside, async |ports: &Ports, ends_at| {
            if follows {
                ports.writes_follow();
            }
            updater::handle(ports, ports, ports, ends_at, input.clone()).await
        })
        .await
    }

    async fn turn(&self, turns: Vec<TurnOrder>) -> Result<UpdateAnswer, ErrorName> {
        let (run_id, move_ids) = (self.run.clone(), Vec::new());
        let input = UpdateInput { run_id, move_ids, turns, follows: false, watched: None };
        self.task(Phase::Turn, Beside::Writers, async |ports: &Ports, ends_at| {
            updater::handle(ports, ports, ports, ends_at, input.clone()).await
        })
        .await
    }

    async fn update_again(&self, one: &Child) -> Result<UpdateAnswer, ErrorName> {
        self.update(Phase::UpdateAgain, std::slice::from_ref(&one.id), false, Some(one.watched)).await
    }

    async fn check(&self, one: &Child) -> Result<CheckAnswer, ErrorName> {
        let input = CheckInput { run_id: self.run.clone(), move_id: one.id.clone(), watched: one.watched };
        self.task(Phase::CheckStability, Beside::Moves(one.watched), async |ports: &Ports, _| {
            stability_checker::handle(ports, ports, ports, input.clone()).await
        })
        .await
    }

    /// Invokes the function of a phase, and again where that may mend what went wrong. The function
    /// is told when it will be cut off.
    async fn task<T>(
        &self,
        phase: Phase,
        beside: Beside,
        work: impl AsyncFn(&Ports, Timestamp) -> Result<T, Failure>,
    ) -> Result<T, ErrorName> {
        let Some(limits) = phase.task() else {
            unreachable!("{phase:?} invokes no function");
        };
        for retry in 0..=limits.retries {
            let error = match self.invocation(&limits, beside, &work).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !RETRIED.contains(&error.as_str()) || retry == limits.retries {
                self.simulation.with(|inner| inner.note(self.run.as_str(), format!("{phase:?} fails: {error}")));
                return Err(error);
            }
            let longest = u64::from(longest_pause(retry).0) * 1_000;
            let pause = self.simulation.with(|inner| inner.rng.u64(0..=longest));
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        unreachable!("the last attempt returns")
    }

    async fn invocation<T>(
        &self,
        limits: &TaskLimits,
        beside: Beside,
        work: &impl AsyncFn(&Ports, Timestamp) -> Result<T, Failure>,
    ) -> Result<T, ErrorName> {
        let ports = Ports::paced(self.simulation.clone(), limits.function, beside, self.run.clone());
        let timeout = limits.function.timeout();
        let ends_at = ports.now() + timeout.duration();
        tokio::select! {
            // In this order: which is looked at first is not to be left to chance.
            biased;
            done = work(&ports, ends_at) => done.map_err(|failure| failure.name().to_owned()),
            () = ports.died() => Err("Runtime.ExitError".to_owned()),
            () = seconds(timeout.0) => {
                let said = format!("{} is cut off after {timeout}", limits.function.name());
                self.simulation.with(|inner| inner.note(self.run.as_str(), said));
                Err("Sandbox.Timedout".to_owned())
            }
        }
    }
}

/// What follows, by core's table: an answer that is not in it is a mistake of the walk.
fn after(phase: Phase, answer: Answer) -> Phase {
    phase.after(answer).unwrap_or_else(|| unreachable!("{phase:?} gives no answer {answer:?}"))
}

fn child_of(one: &Updated, watched: u32) -> (Answer, Child) {
    let because = Because::Update(one.outcome);
    (one.outcome.into(), Child { id: one.move_id.clone(), watched, wait_seconds: one.wait_seconds, because })
}

/// The recorder's answers are its own types as JSON.
fn read<T: serde::de::DeserializeOwned>(answer: Value) -> T {
    serde_json::from_value(answer).unwrap_or_else(|error| unreachable!("an answer of the recorder: {error}"))
}

async fn seconds(number: u32) {
    tokio::time::sleep(Duration::from_secs(number.into())).await;
}

fn found_nothing(answer: &EndAnswer) -> bool {
    answer.moves.is_empty() && answer.status == RunStatus::Completed.name()
}

fn ended_as(answer: &EndAnswer) -> String {
    let moves: Vec<String> =
        answer.moves.iter().map(|(outcome, moves)| format!("{moves} {}", outcome.name())).collect();
    let moves = if moves.is_empty() { "no moves".to_owned() } else { moves.join(", ") };
    format!("ended {}: {moves}", answer.status)
}
