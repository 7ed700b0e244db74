//! How long a phase's task may take, and how often it is tried: what `orchestrator.asl.json` and
//! `template.yaml` say, which tests hold to this table. The simulator's driver keeps to it.

use super::Phase;
use crate::units::Seconds;

/// A function of Spotkeeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// Observes, assesses and plans.
    Determiner,
    /// Writes.
    Updater,
    /// Looks at a move.
    StabilityChecker,
    /// Begins and ends runs, and keeps outcomes.
    Recorder,
    /// Asks for placement scores; no phase of a run.
    PlacementScorer,
    /// Keeps what AWS's events say, and starts early runs. No phase invokes it: a queue does.
    InterruptionRecorder,
}

impl Function {
    /// Every function.
    pub const ALL: [Function; 6] = [
        Function::Determiner,
        Function::Updater,
        Function::StabilityChecker,
        Function::Recorder,
        Function::PlacementScorer,
        Function::InterruptionRecorder,
    ];
    /// Those that the state machine invokes.
    pub const OF_A_RUN: [Function; 4] =
        [Function::Determiner, Function::Updater, Function::StabilityChecker, Function::Recorder];

    /// `Timeout` of the function in `template.yaml`: Lambda cuts an invocation off after it.
    #[must_use]
    pub const fn timeout(self) -> Seconds {
        match self {
            Function::Determiner => Seconds(900),
            Function::Updater | Function::StabilityChecker => Seconds(120),
            Function::PlacementScorer => Seconds(300),
            Function::Recorder => Seconds(90),
            Function::InterruptionRecorder => Seconds(60),
        }
    }

    /// Its name in `template.yaml` and in the state machine's substitutions.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Function::Determiner => "Determiner",
            Function::Updater => "Updater",
            Function::StabilityChecker => "StabilityChecker",
            Function::Recorder => "Recorder",
            Function::PlacementScorer => "PlacementScorer",
            Function::InterruptionRecorder => "InterruptionRecorder",
        }
    }
}

/// What the state machine does about a phase's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TaskLimits {
    /// The function that it invokes.
    pub function: Function,
    /// `TimeoutSeconds`.
    pub timeout: Seconds,
    /// `MaxAttempts` of its `Retry`: how often it is tried again.
    pub retries: u32,
}

/// `IntervalSeconds` of every `Retry`: the longest first pause. Each is drawn from 0 up to it
/// (`JitterStrategy` `FULL`).
pub const RETRY_INTERVAL: Seconds = Seconds(1);
/// `BackoffRate` of every `Retry`.
pub const RETRY_BACKOFF_RATE: u32 = 2;
/// `MaxDelaySeconds` of every `Retry`.
pub const RETRY_MAX_DELAY: Seconds = Seconds(30);

/// `ErrorEquals` of every `Retry`: what trying again may mend.
pub const RETRIED: [&str; 13] = [
    "Throttled",
    "Unavailable",
    "Conflict",
    "Runtime.ExitError",
    "Runtime.Unknown",
    "Sandbox.Timedout",
    "Sandbox.Failure",
    "Lambda.Unknown",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "States.Timeout",
];

/// The longest pause before the `retry`-th retry, from 0.
#[must_use]
pub fn longest_pause(retry: u32) -> Seconds {
    RETRY_INTERVAL.saturating_mul(RETRY_BACKOFF_RATE.saturating_pow(retry)).min(RETRY_MAX_DELAY)
}

impl Phase {
    /// The limits of a phase's task; `None` for a phase that invokes no function.
    #[must_use]
    pub const fn task(self) -> Option<TaskLimits> {
        let (function, timeout, retries) = match self {
            Phase::Begin => (Function::Recorder, 120, 6),
            Phase::Determine => (Function::Determiner, 900, 4),
            Phase::Turn | Phase::Update => (Function::Updater, 150, 4),
            Phase::CheckStability => (Function::StabilityChecker, 150, 6),
            Phase::UpdateAgain => (Function::Updater, 150, 6),
            Phase::RecordOutcome | Phase::End => (Function::Recorder, 120, 8),
            Phase::RecordClusterFailure => (Function::Recorder, 120, 6),
            Phase::Clusters | Phase::Moves | Phase::Wait | Phase::ClusterDone | Phase::WaitAgain | Phase::Ended => {
                return None;
            }
        };
        Some(TaskLimits { function, timeout: Seconds(timeout), retries })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::phase::TRANSITIONS;

    #[test]
    fn every_function_is_waited_for_to_its_end() {
        let tasks: Vec<TaskLimits> = TRANSITIONS.iter().filter_map(|(from, _, _)| from.task()).collect();
        for function in Function::ALL {
            // Lambda's own limits, AWS Lambda developer guide, "Lambda quotas".
            assert!((1..=900).contains(&function.timeout().0), "{function:?}");
            let of_it: Vec<&TaskLimits> = tasks.iter().filter(|task| task.function == function).collect();
            assert_eq!(!of_it.is_empty(), Function::OF_A_RUN.contains(&function), "who invokes {function:?}?");
            assert!(of_it.iter().all(|task| task.timeout >= function.timeout()), "{function:?} is cut off");
        }
        let names: BTreeSet<&str> = Function::ALL.map(Function::name).into();
        assert_eq!(names.len(), Function::ALL.len(), "two functions of one name");
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pauses: Vec<u32> = (0..7).map(|retry| longest_pause(retry).0).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(longest_pause(40), RETRY_MAX_DELAY);
    }
}
