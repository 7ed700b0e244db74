//! What a main holds on to between invocations: clients and state, made once a process.

use spotkeeper_core::ids::RunId;
use spotkeeper_core::policy::Policy;
use spotkeeper_core::ports::{Clock, PortError, State as _};

use crate::client::{ApiLimits, Clients};
use crate::fleet::AwsFleet;
use crate::state::DynamoState;
use crate::telemetry::AwsTelemetry;

/// Clients and state of one installation. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Aws {
    clients: Clients,
    /// Spotkeeper's own state.
    pub state: DynamoState,
    /// Where runs are told of.
    pub telemetry: AwsTelemetry,
}

impl Aws {
    /// Reads the SDK's configuration from the environment, makes the clients, and opens the first
    /// connection while starting costs least.
    pub async fn load(table: &str, policy_parameter: &str) -> Aws {
        let config = aws_config::load_from_env().await;
        let state = DynamoState::new(&config, table, policy_parameter);
        state.warm_up().await;
        Aws { clients: Clients::load(&config), state, telemetry: AwsTelemetry::new(&config) }
    }

    /// The fleet for one invocation, with its part of the account's API rates: the part that the
    /// run's policy gives, divided by the clusters that it works on at once. Without a run, the
    /// part that a policy gives where it says nothing.
    ///
    /// # Errors
    /// Where the run cannot be read.
    pub async fn fleet<K: Clock>(&self, run: Option<&RunId>, clock: K) -> Result<AwsFleet<DynamoState, K>, PortError> {
        let run = match run {
            Some(run) => self.state.run(run).await?,
            None => None,
        };
        let limits = run.map_or_else(
            || limits(&Policy::default(), 1),
            |run| limits(&run.policy, run.clusters_in_flight),
        );
        Ok(AwsFleet::new(self.clients.clone(), self.state.clone(), limits, clock))
    }
}

const fn limits(policy: &Policy, clusters_in_flight: u32) -> ApiLimits {
    ApiLimits { rate_percent: policy.api_rate_percent, clusters_in_flight }
}
