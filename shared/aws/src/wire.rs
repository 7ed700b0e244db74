//! What a main holds on to between invocations: clients and state, made once a process.

use aws_config::SdkConfig;
use spotkeeper_core::ids::RunId;
use spotkeeper_core::phase::MOVES_AT_ONCE;
use spotkeeper_core::policy::Policy;
use spotkeeper_core::ports::{Clock, PortError, State as _};
use spotkeeper_core::record::RunRecord;

use crate::client::{ApiLimits, Clients};
use crate::fleet::AwsFleet;
use crate::orchestrator::StepFunctions;
use crate::state::DynamoState;
use crate::telemetry::AwsTelemetry;

/// Clients and state of one installation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    clients: Clients,
    /// Spotkeeper's own state.
    pub state: DynamoState,
    /// Where runs are told of.
    pub telemetry: AwsTelemetry,
}

impl Aws {
    /// Reads the SDK's configuration from the environment, makes the clients, and opens the first
    /// connection while starting costs least. Metrics are told as those of `stack`.
    pub async fn load(stack: &str, table: &str, policy_parameter: &str) -> Aws {
        let config = aws_config::load_from_env().await;
        let state = DynamoState::new(&config, table, policy_parameter);
        state.warm_up().await;
        Aws { clients: Clients::load(&config), state, telemetry: AwsTelemetry::new(&config, stack), config }
    }

    /// The state machine of that ARN.
    #[must_use]
    pub fn orchestrator(&self, machine: &str) -> StepFunctions {
        StepFunctions::new(&self.config, machine)
    }

    /// The fleet for one invocation, with its part of the account's API rates: the part that the
    /// run's policy gives, divided by the invocations of the run that call at the same time.
    /// Without a run, the part that a policy gives where it says nothing.
    ///
    /// # Errors
    /// Where the run cannot be read.
    pub async fn fleet<K: Clock>(
        &self,
        run: Option<&RunId>,
        beside: Beside,
        clock: K,
    ) -> Result<AwsFleet<DynamoState, K>, PortError> {
        let run = match run {
            Some(run) => self.state.run(run).await?,
            None => None,
        };
        Ok(AwsFleet::new(self.clients.clone(), self.state.clone(), beside.limits(run.as_ref()), clock))
    }
}

/// What else of its run calls AWS while an invocation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// One invocation for each other cluster in flight: the Determiner.
    Clusters,
    /// The same for the Updater of a wave, which looks once for each turn to write.
    Writers,
    /// One for each of so many moves that are watched in each cluster in flight: the StabilityChecker,
    /// and the Updater of what it asks for.
    Moves(u32),
}

/// The most invocations that count as calling at the same time. A move that is watched waits
/// longer (`poll_seconds`) than its look takes, so of 500 (5 clusters with 100 moves) few look at
/// once; and with a smaller part a look would not end within the function's time.
const MOST_AT_ONCE: u32 = 100;

impl Beside {
    /// The part of the account's API rates of one invocation for a run; without a run, what a policy
    /// gives where it says nothing.
    #[must_use]
    pub fn limits(self, run: Option<&RunRecord>) -> ApiLimits {
        let rate_percent = run.map_or_else(|| Policy::default().api_rate_percent, RunRecord::api_rate_percent);
        let invocations = self.invocations(run.map_or(1, |run| run.clusters_in_flight));
        let is_paced = self == Beside::Writers && run.is_some_and(RunRecord::shares_turns);
        ApiLimits { rate_percent, invocations, readers: if is_paced { 1 } else { invocations } }
    }

    /// How many invocations the run's part of the rates is divided by.
    #[must_use]
    pub fn invocations(self, clusters_in_flight: u32) -> u32 {
        match self {
            Beside::Clusters | Beside::Writers => clusters_in_flight,
            Beside::Moves(watched) => {
                clusters_in_flight.saturating_mul(watched.clamp(1, MOVES_AT_ONCE)).min(MOST_AT_ONCE)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rates_are_divided_by_all_that_calls_at_the_same_time() {
        let cases = [
            ("a run without a record", Beside::Clusters, 1, 1),
            ("clusters", Beside::Clusters, 5, 5),
            ("writers", Beside::Writers, 5, 5),
            ("the only move of one cluster", Beside::Moves(1), 1, 1),
            ("few moves of several clusters", Beside::Moves(3), 5, 15),
            ("more moves than are watched at once", Beside::Moves(1_000), 1, 100),
            ("more moves than ever look at once", Beside::Moves(100), 40, 100),
            ("as if none were watched", Beside::Moves(0), 2, 2),
        ];
        for (name, beside, clusters, expected) in cases {
            assert_eq!(beside.invocations(clusters), expected, "{name}");
        }
    }
}
