//! When the next write may go: an Updater of a switch run that has others beside it takes its turns
//! from the bucket that all of them share (ADR 21); every other one keeps to its own part of the rate.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use spotkeeper_core::pace::WritePace;
use spotkeeper_core::ports::{Clock, Fleet, PortError, State};
use spotkeeper_core::record::RunRecord;
use spotkeeper_core::units::Seconds;
use tokio::sync::Mutex;

/// How long the table is waited for: two calls take milliseconds, and a switch does not wait for a table.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// How many turns are taken at once while the bucket has them: as many as there are moves worked on.
const TAKEN_AT_ONCE: u32 = 16;

/// The leave to write once.
pub(crate) enum Turn {
    /// Of this Updater's own part of the rate: the fleet knows of it.
    Own,
    /// Of the shared bucket, from that time on.
    Shared(Timestamp),
}

/// The turns of one call of the Updater.
pub(crate) struct Pace<'a, F, S, C> {
    fleet: &'a F,
    state: &'a S,
    clock: &'a C,
    pace: WritePace,
    /// How many Updaters the rate is shared with.
    beside: u32,
    turns: Mutex<Turns>,
}

struct Turns {
    /// Taken from the shared bucket and not used.
    shared: VecDeque<Timestamp>,
    /// Whether more are taken from it.
    takes: bool,
    /// Moves that have not asked for their turn.
    left: u32,
}

impl<'a, F: Fleet, S: State, C: Clock> Pace<'a, F, S, C> {
    /// The pace of a call with so many moves.
    pub(crate) fn new(fleet: &'a F, state: &'a S, clock: &'a C, run: &RunRecord, moves: usize) -> Pace<'a, F, S, C> {
        let beside = run.clusters_in_flight;
        let turns = Turns {
            shared: VecDeque::new(),
            takes: run.shares_turns(),
            left: u32::try_from(moves).unwrap_or(u32::MAX),
        };
        Pace { fleet, state, clock, pace: WritePace::of(run.api_rate_percent()), beside, turns: Mutex::new(turns) }
    }

    /// Waits for the next turn; `None` where it comes later than that.
    pub(crate) async fn turn(&self, until: Timestamp) -> Option<Turn> {
        // Held while waiting: turns come in the order in which they are asked for.
        let mut turns = self.turns.lock().await;
        if turns.takes && turns.shared.is_empty() {
            self.take(&mut turns).await;
        }
        turns.left = turns.left.saturating_sub(1);
        if turns.shared.front().is_some_and(|from| *from > until) {
            return None;
        }
        if let Some(from) = turns.shared.pop_front() {
            let wait = from.duration_since(self.clock.now());
            tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
            return Some(Turn::Shared(from));
        }
        drop(turns);
        let patience = until.duration_since(self.clock.now()).as_secs();
        let patience = Seconds(u32::try_from(patience).ok()?);
        self.fleet.ready_to_write(patience).await.then_some(Turn::Own)
    }

    /// Takes turns from the shared bucket; from then on none, where that is no help.
    async fn take(&self, turns: &mut Turns) {
        let now = self.clock.now();
        let wanted = turns.left.clamp(1, TAKEN_AT_ONCE);
        match tokio::time::timeout(ANSWER_WITHIN, self.state.take_writes(self.pace, wanted, now)).await {
            Ok(Ok(taken)) => {
                turns.shared.extend(taken);
                // It may have been moved on by a clock that is ahead, or by another switch run.
                let longest = self.pace.longest_wait(self.beside);
                turns.takes = turns.shared.front().is_some_and(|first| first.duration_since(now) <= longest);
                if !turns.takes {
                    tracing::warn!(first = ?turns.shared.front(), "the shared pace is behind: going on with an own part");
                    self.put_back(std::mem::take(&mut turns.shared).len()).await;
                }
            }
            Ok(Err(error)) => {
                turns.takes = false;
                tracing::warn!(%error, "no shared pace: going on with an own part");
            }
            Err(_) => {
                turns.takes = false;
                tracing::warn!(after = ?ANSWER_WITHIN, "no answer about the shared pace: going on with an own part");
            }
        }
    }

    /// Keeps a turn that was not used for the next move.
    pub(crate) async fn unused(&self, turn: Turn) {
        if let Turn::Shared(from) = turn {
            self.turns.lock().await.shared.push_front(from);
        }
    }

    /// Gives back what is left when nothing more is written.
    pub(crate) async fn end(self) {
        let left = self.turns.lock().await.shared.len();
        self.put_back(left).await;
    }

    async fn put_back(&self, number: usize) {
        if number == 0 {
            return;
        }
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let back = self.state.give_back_writes(self.pace, number);
        // What is not given back comes back with time.
        let back = tokio::time::timeout(ANSWER_WITHIN, back).await;
        let failed: Option<PortError> = back.ok().and_then(Result::err);
        if let Some(error) = failed {
            tracing::warn!(number, %error, "turns to write were not given back");
        }
    }
}
