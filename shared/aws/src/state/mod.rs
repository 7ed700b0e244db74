//! Spotkeeper's own memory in DynamoDB and SSM.
//!
//! One table, keys `pk` and `sk`. The switch entries and the dials are a public interface with
//! attributes of their own (design.md, section 11); every other item carries one JSON document in
//! `body`, and beside it only the attributes that conditions, filters and TTL need.
//!
//! | item | pk | sk | beside `body` |
//! |---|---|---|---|
//! | switch entry | `switch` | the scope | no body: `reason`, `who`, `set_at`, `until`, `preempt`, `unenrolled`, `lever` |
//! | switch epoch | `switch` | `epoch` | no body: `epoch` |
//! | switches told of | `told-switches` | `told` | `version` |
//! | dial | `dial` | the scope | no body: `percent`, `reason`, `who`, `set_at`, `until` |
//! | ledger | `ledger` | the service's ARN, with its cluster | `fence` |
//! | lease | `lease` | the service's ARN | `fence`, `until` |
//! | turned group | `turn` | the provider | `version` |
//! | run lock | `lock` | `run` | `run`, `until` |
//! | run | `run` | the run | `expires_at` |
//! | report | `report/RUN` | the cluster | `expires_at` |
//! | assessments | `assessments/RUN/CLUSTER` | the part's number | `parts`, `expires_at` |
//! | move | `move/RUN` | the move | `outcome`, `expires_at` |
//! | placement score | `score/CLUSTER` | the Spot provider | `expires_at` |
//! | queries for scores | `score-queries` | `asked` | `version` |
//! | ceiling | `ceiling/CLUSTER` | the pair | `version` |
//! | occurrence | `occurrence/CLUSTER`, `occurrence/(unknown)` | `KIND/ID` | `at`, `expires_at` |
//! | early run | `early-run` | the cluster | no body: `until`, `expires_at` |
//! | pace of writes | `pace` | `update-service` | no body: `full_at` |
//! | cache | `cache/KEY` | `v1` | `until`, `expires_at` |
//!
//! `until` and `at` are in milliseconds, `full_at` in microseconds and `expires_at`, for TTL, in seconds since 1970; the times
//! of switch entries and dials are RFC 3339. Ledgers, leases, turns and ceilings have no TTL: an original
//! is kept for as long as the table is, and the numbers of the others must not begin anew.

mod assessments;
mod batch;
mod by_hand;
mod cache;
mod dials;
mod early_runs;
mod error;
mod items;
mod leases;
mod ledgers;
mod lock;
mod moves;
mod pace;
mod policy;
mod runs;
mod signals;
mod switches;
mod table;
mod told;
mod transaction;
mod turns;

pub(crate) use error::{failed, port_error};

use std::time::Duration;

use aws_config::SdkConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use jiff::Timestamp;
use spotkeeper_core::assess::Assessment;
use spotkeeper_core::control::{Dial, PairCeiling};
use spotkeeper_core::ids::{ClusterName, MoveId, RunId, ServiceArn, ServiceRef};
use spotkeeper_core::observe::Cluster;
use spotkeeper_core::pace::WritePace;
use spotkeeper_core::policy::{Policy, PolicyMistake};
use spotkeeper_core::ports::{LeaseAnswer, PortError, State};
use spotkeeper_core::record::{ClusterReport, Lease, Ledger, Lock, MoveRecord, Outcome, RunRecord, Turn};
use spotkeeper_core::signals::{AskedQueries, Occurrence, ScoreRecord, Signals};
use spotkeeper_core::switch::{Scope, SwitchEntry, Switches, ToldSwitches};

use self::table::Table;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long one attempt may take. DynamoDB answers in milliseconds or not at all.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long a call may take with its retries: well below the Updater's timeout.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
/// How often the SDK sends a call. Every write here may be repeated: puts are whole or
/// conditional, and the SDK gives all attempts of a transaction the same token.
const ATTEMPTS: u32 = 5;

/// The state of one installation: its table and its policy parameter. Cheap to clone.
#[derive(Debug, Clone)]
pub struct DynamoState {
    table: Table,
    ssm: aws_sdk_ssm::Client,
    policy_parameter: String,
}

impl DynamoState {
    /// Makes the clients; endpoints, Region and credentials are the configuration's.
    #[must_use]
    pub fn new(config: &SdkConfig, table: &str, policy_parameter: &str) -> DynamoState {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let config = config.clone().into_builder().retry_config(retries).timeout_config(timeouts).build();
        let dynamodb = aws_sdk_dynamodb::Client::new(&config);
        DynamoState::with_clients(dynamodb, aws_sdk_ssm::Client::new(&config), table, policy_parameter)
    }

    /// The state behind these clients.
    #[must_use]
    pub fn with_clients(
        dynamodb: aws_sdk_dynamodb::Client,
        ssm: aws_sdk_ssm::Client,
        table: &str,
        policy_parameter: &str,
    ) -> DynamoState {
        DynamoState { table: Table::new(dynamodb, table), ssm, policy_parameter: policy_parameter.to_owned() }
    }

    /// The policy document as it is written; `None` where there is none.
    ///
    /// # Errors
    /// Where SSM does not answer it.
    pub async fn policy_text(&self) -> Result<Option<String>, PortError> {
        policy::text(&self.ssm, &self.policy_parameter).await
    }

    /// Puts a policy document in place of the one that is there; answers the parameter's new version.
    ///
    /// # Errors
    /// Where SSM refuses it.
    pub async fn put_policy_text(&self, text: &str) -> Result<i64, PortError> {
        policy::put(&self.ssm, &self.policy_parameter, text).await
    }

    /// All dials, passed ones included.
    ///
    /// # Errors
    /// Where the table does not answer them.
    pub async fn dials(&self) -> Result<Vec<Dial>, PortError> {
        dials::read(&self.table).await
    }

    /// Puts a dial in place of the one of its scope.
    ///
    /// # Errors
    /// Where the table does not take it.
    pub async fn put_dial(&self, dial: &Dial) -> Result<(), PortError> {
        dials::put(&self.table, dial).await
    }

    /// Takes the dial of a scope away, if there is one.
    ///
    /// # Errors
    /// Where the table does not let it go.
    pub async fn remove_dial(&self, scope: &Scope) -> Result<(), PortError> {
        dials::remove(&self.table, scope).await
    }

    /// Makes the first connection while the function starts, when time costs least. A failure is
    /// only logged: the first real call will tell it.
    pub async fn warm_up(&self) {
        if let Err(error) = switches::epoch(&self.table).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "could not warm up the table's client");
        }
    }
}

impl State for DynamoState {
    async fn policy(&self) -> Result<Policy, Vec<PolicyMistake>> {
        policy::read(&self.ssm, &self.policy_parameter).await
    }

    async fn switches(&self) -> Result<Switches, PortError> {
        switches::read(&self.table).await
    }

    async fn put_switch(&self, entry: &SwitchEntry) -> Result<u64, PortError> {
        switches::put(&self.table, entry).await
    }

    async fn remove_switch(&self, scope: &Scope) -> Result<u64, PortError> {
        switches::remove(&self.table, scope).await
    }

    async fn told_switches(&self) -> Result<ToldSwitches, PortError> {
        told::read(&self.table).await
    }

    async fn put_told_switches(&self, told: &ToldSwitches) -> Result<(), PortError> {
        told::put(&self.table, told).await
    }

    async fn ledgers(&self, cluster: &Cluster) -> Result<Vec<Ledger>, PortError> {
        ledgers::of_cluster(&self.table, cluster).await
    }

    async fn ledger(&self, service: &ServiceArn) -> Result<Option<Ledger>, PortError> {
        ledgers::read(&self.table, service).await
    }

    async fn put_ledger(&self, ledger: &Ledger) -> Result<(), PortError> {
        ledgers::put(&self.table, ledger).await
    }

    async fn take_lease(
        &self,
        service: &ServiceRef,
        holder: &str,
        epoch: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<LeaseAnswer, PortError> {
        leases::take(&self.table, service, holder, epoch, now, until).await
    }

    async fn release_lease(&self, lease: &Lease) -> Result<(), PortError> {
        leases::release(&self.table, lease).await
    }

    async fn leases(&self, now: Timestamp) -> Result<Vec<Lease>, PortError> {
        leases::alive(&self.table, now).await
    }

    async fn turns(&self) -> Result<Vec<Turn>, PortError> {
        turns::all(&self.table).await
    }

    async fn put_turn(&self, turn: &Turn, epoch: Option<u64>) -> Result<bool, PortError> {
        turns::put(&self.table, turn, epoch).await
    }

    async fn take_lock(&self, run: &RunId, now: Timestamp, until: Timestamp) -> Result<Result<Lock, Lock>, PortError> {
        lock::take(&self.table, run, now, until).await
    }

    async fn release_lock(&self, run: &RunId) -> Result<(), PortError> {
        lock::release(&self.table, run).await
    }

    async fn put_run(&self, run: &RunRecord) -> Result<(), PortError> {
        runs::put(&self.table, run).await
    }

    async fn run(&self, run: &RunId) -> Result<Option<RunRecord>, PortError> {
        runs::read(&self.table, run).await
    }

    async fn put_report(&self, report: &ClusterReport) -> Result<(), PortError> {
        runs::put_report(&self.table, report).await
    }

    async fn reports(&self, run: &RunId) -> Result<Vec<ClusterReport>, PortError> {
        runs::reports(&self.table, run).await
    }

    async fn report(&self, run: &RunId, cluster: &ClusterName) -> Result<Option<ClusterReport>, PortError> {
        runs::report(&self.table, run, cluster).await
    }

    async fn put_assessments(
        &self,
        run: &RunId,
        cluster: &ClusterName,
        assessments: &[Assessment],
    ) -> Result<(), PortError> {
        assessments::put(&self.table, run, cluster, assessments).await
    }

    async fn assessments(&self, run: &RunId, cluster: &ClusterName) -> Result<Vec<Assessment>, PortError> {
        assessments::read(&self.table, run, cluster).await
    }

    async fn signals(&self, cluster: &ClusterName, since: Timestamp) -> Result<Signals, PortError> {
        signals::read(&self.table, cluster, since).await
    }

    async fn occurrences(&self, cluster: &ClusterName, since: Timestamp) -> Result<Vec<Occurrence>, PortError> {
        signals::occurrences(&self.table, cluster, since).await
    }

    async fn put_score(&self, score: &ScoreRecord) -> Result<(), PortError> {
        signals::put_score(&self.table, score).await
    }

    async fn scores(&self, cluster: &ClusterName) -> Result<Vec<ScoreRecord>, PortError> {
        signals::scores(&self.table, cluster).await
    }

    async fn asked_queries(&self) -> Result<AskedQueries, PortError> {
        signals::asked(&self.table).await
    }

    async fn put_asked_queries(&self, asked: &AskedQueries) -> Result<(), PortError> {
        signals::put_asked(&self.table, asked).await
    }

    async fn put_occurrence(&self, occurrence: &Occurrence) -> Result<bool, PortError> {
        signals::put_occurrence(&self.table, occurrence).await
    }

    async fn put_ceiling(&self, ceiling: &PairCeiling) -> Result<(), PortError> {
        signals::put_ceiling(&self.table, ceiling).await
    }

    async fn take_early_run(&self, cluster: &ClusterName, now: Timestamp, until: Timestamp) -> Result<bool, PortError> {
        early_runs::take(&self.table, cluster, now, until).await
    }

    async fn release_early_run(&self, cluster: &ClusterName, until: Timestamp) -> Result<(), PortError> {
        early_runs::release(&self.table, cluster, until).await
    }

    async fn take_writes(&self, pace: WritePace, wanted: u32, now: Timestamp) -> Result<Vec<Timestamp>, PortError> {
        pace::take(&self.table, pace, wanted, now).await
    }

    async fn give_back_writes(&self, pace: WritePace, number: u32) -> Result<(), PortError> {
        pace::give_back(&self.table, pace, number).await
    }

    async fn put_moves(&self, moves: &[MoveRecord]) -> Result<(), PortError> {
        moves::put(&self.table, moves).await
    }

    async fn get_move(&self, run: &RunId, id: &MoveId) -> Result<Option<MoveRecord>, PortError> {
        moves::read(&self.table, run, id).await
    }

    async fn outcomes(&self, run: &RunId) -> Result<Vec<(MoveId, Option<Outcome>)>, PortError> {
        moves::outcomes(&self.table, run).await
    }

    async fn code_changed(&self, run: &RunId) -> Result<u32, PortError> {
        moves::code_changed(&self.table, run).await
    }
}

#[cfg(test)]
mod tests;
