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

    /// The fleet for one invocation, with its part of the account's API rates: the policy's part,
    /// divided by the clusters that the run works on at once.
    ///
    /// # Errors
    /// Where the run or the policy cannot be read.
    pub async fn fleet<K: Clock>(&self, run: Option<&RunId>, clock: K) -> Result<AwsFleet<DynamoState, K>, PortError> {
        let policy = self.state.policy().await?.unwrap_or_default();
        let run = match run {
            Some(run) => self.state.run(run).await?,
            None => None,
        };
        let limits = limits(&policy, run.map_or(1, |run| run.clusters_in_flight));
        Ok(AwsFleet::new(self.clients.clone(), self.state.clone(), limits, clock))
    }
}

const fn limits(policy: &Policy, clusters_in_flight: u32) -> ApiLimits {
    ApiLimits { rate_percent: policy.api_rate_percent, clusters_in_flight }
}
