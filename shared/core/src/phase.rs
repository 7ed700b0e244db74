//! The phases of a run and what follows each answer: the table that the state machine and the
//! simulator's driver both walk.
//!
//! `statemachine/orchestrator.asl.json` has one task or wait for each phase, of the same name; a
//! test holds its choices to [`Phase::after`] and its retries and timeouts to [`Phase::task`].

mod limits;

pub use limits::*;

use serde::{Deserialize, Serialize};

/// How many moves of a cluster are watched at once: `MaxConcurrency` of the state machine's
/// `Moves`. Each looks with the account's API rates divided by it, so more of them would each look
/// more slowly; fewer, and the last of a thousand moves down would be looked at when its time is over.
pub const MOVES_AT_ONCE: u32 = 100;

/// A phase of a run. The run itself has `Begin`, `Clusters`, `End` and `WaitAgain`; each of its
/// clusters `Determine`, `Turn`, `Update`, `Moves` and `RecordClusterFailure`; each applied move `Wait`,
/// `CheckStability`, `UpdateAgain` and `RecordOutcome`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// The recorder checks the input, makes the run's record and takes the lock.
    Begin,
    /// Every cluster, some at once.
    Clusters,
    /// The Determiner reads and plans a cluster, or names its next wave.
    Determine,
    /// The Updater turns groups, before the first wave.
    Turn,
    /// The Updater writes a whole wave.
    Update,
    /// Every move that is written and not verified yet, [`MOVES_AT_ONCE`] at a time.
    Moves,
    /// Time passes.
    Wait,
    /// The StabilityChecker looks at one move.
    CheckStability,
    /// The Updater writes what the StabilityChecker asked for.
    UpdateAgain,
    /// The recorder keeps how the move ended.
    RecordOutcome,
    /// The recorder keeps that a cluster could not be worked on.
    RecordClusterFailure,
    /// The cluster is done.
    ClusterDone,
    /// The recorder ends the pass, and the run unless a switch has something to wait for.
    End,
    /// Time passes before a switch run looks once more.
    WaitAgain,
    /// The run has ended.
    Ended,
}

/// An answer that leads from one phase to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// There is nothing to choose: the phase is over.
    Over,
    /// Begin: there are clusters.
    Clusters,
    /// Begin: there are none.
    End,
    /// Determine: groups to turn.
    Turn,
    /// Determine: a wave of moves.
    Update,
    /// Determine: no further wave.
    Done,
    /// Moves: there is a further wave. Update: it follows at once.
    NextWave,
    /// Update: the move is written.
    Applied,
    /// Update: the service is not as planned.
    Superseded,
    /// Update: not now.
    Held,
    /// Update: AWS refused it.
    Refused,
    /// CheckStability: it has ended well.
    Stable,
    /// CheckStability: look again.
    Wait,
    /// CheckStability: write it again.
    Retry,
    /// CheckStability: write what was there before.
    Undo,
    /// CheckStability: write the On-Demand provider alone.
    FallBack,
    /// CheckStability: leave it to somebody else.
    Yield,
    /// CheckStability: hold the service back.
    Quarantine,
    /// End: a switch run looks once more.
    Again,
    /// End: that was all.
    Ended,
    /// The function failed, and retrying did not mend it.
    Error,
}

/// Every transition of a run.
pub const TRANSITIONS: [(Phase, Answer, Phase); 40] = {
    use Answer as A;
    use Phase as P;
    [
        (P::Begin, A::Clusters, P::Clusters),
        (P::Begin, A::End, P::End),
        (P::Clusters, A::Over, P::End),
        (P::Determine, A::Update, P::Update),
        (P::Determine, A::Turn, P::Turn),
        (P::Determine, A::Done, P::ClusterDone),
        (P::Determine, A::Error, P::RecordClusterFailure),
        (P::RecordClusterFailure, A::Over, P::ClusterDone),
        (P::RecordClusterFailure, A::Error, P::ClusterDone),
        (P::Turn, A::Over, P::Determine),
        (P::Turn, A::Error, P::Determine),
        (P::Update, A::Over, P::Moves),
        (P::Update, A::NextWave, P::Determine),
        (P::Update, A::Error, P::Moves),
        (P::Moves, A::NextWave, P::Determine),
        (P::Moves, A::Done, P::ClusterDone),
        (P::Moves, A::Applied, P::Wait),
        (P::Moves, A::Superseded, P::RecordOutcome),
        (P::Moves, A::Held, P::RecordOutcome),
        (P::Moves, A::Refused, P::RecordOutcome),
        (P::Moves, A::Error, P::RecordOutcome),
        (P::Wait, A::Over, P::CheckStability),
        (P::CheckStability, A::Wait, P::Wait),
        (P::CheckStability, A::Retry, P::UpdateAgain),
        (P::CheckStability, A::Undo, P::UpdateAgain),
        (P::CheckStability, A::FallBack, P::UpdateAgain),
        (P::CheckStability, A::Stable, P::RecordOutcome),
        (P::CheckStability, A::Yield, P::RecordOutcome),
        (P::CheckStability, A::Quarantine, P::RecordOutcome),
        (P::CheckStability, A::Error, P::RecordOutcome),
        (P::UpdateAgain, A::Applied, P::Wait),
        (P::UpdateAgain, A::Superseded, P::RecordOutcome),
        (P::UpdateAgain, A::Held, P::RecordOutcome),
        (P::UpdateAgain, A::Refused, P::RecordOutcome),
        (P::UpdateAgain, A::Error, P::RecordOutcome),
        (P::RecordOutcome, A::Over, P::Moves),
        (P::End, A::Again, P::WaitAgain),
        (P::End, A::Ended, P::Ended),
        (P::End, A::Error, P::Ended),
        (P::WaitAgain, A::Over, P::Clusters),
    ]
};

impl Phase {
    /// What follows an answer; `None` where the phase does not give that answer.
    #[must_use]
    pub fn after(self, answer: Answer) -> Option<Phase> {
        TRANSITIONS.iter().find(|(from, by, _)| *from == self && *by == answer).map(|(_, _, to)| *to)
    }
}

impl From<crate::verify::Next> for Answer {
    fn from(next: crate::verify::Next) -> Answer {
        use crate::verify::Next;
        match next {
            Next::Stable => Answer::Stable,
            Next::Wait => Answer::Wait,
            Next::Retry => Answer::Retry,
            Next::Undo => Answer::Undo,
            Next::FallBack => Answer::FallBack,
            Next::Yield => Answer::Yield,
            Next::Quarantine => Answer::Quarantine,
        }
    }
}

impl From<crate::interface::UpdateOutcome> for Answer {
    fn from(outcome: crate::interface::UpdateOutcome) -> Answer {
        use crate::interface::UpdateOutcome;
        match outcome {
            UpdateOutcome::Applied => Answer::Applied,
            UpdateOutcome::Superseded => Answer::Superseded,
            UpdateOutcome::Held => Answer::Held,
            UpdateOutcome::Refused => Answer::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_phase_gives_one_answer_two_meanings() {
        let distinct: BTreeSet<_> = TRANSITIONS.iter().map(|(from, by, _)| (*from, *by)).collect();
        assert_eq!(distinct.len(), TRANSITIONS.len());
    }

    #[test]
    fn what_follows_is_what_the_table_says() {
        for (from, by, to) in TRANSITIONS {
            assert_eq!(from.after(by), Some(to), "{from:?} {by:?}");
        }
        assert_eq!(Phase::Wait.after(Answer::Stable), None, "a wait judges nothing");
    }

    #[test]
    fn every_phase_can_reach_the_end() {
        let mut reaching = BTreeSet::from([Phase::Ended, Phase::ClusterDone]);
        for _ in 0..TRANSITIONS.len() {
            for (from, _, to) in TRANSITIONS {
                if reaching.contains(&to) {
                    reaching.insert(from);
                }
            }
        }
        for (from, _, _) in TRANSITIONS {
            assert!(reaching.contains(&from), "{from:?} can never end");
        }
    }
}
