//! The account that a command is about.

use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use spotkeeper_aws::client::ApiLimits;
use spotkeeper_aws::fleet::{AwsFleet, MemoryCache};
use spotkeeper_aws::session::{Session, SessionOptions};
use spotkeeper_core::ids::ClusterName;
use spotkeeper_core::ports::{Clock, Fleet as _, PortError};
use spotkeeper_core::units::Percent;

use crate::exit::NoAccount;
use crate::interrupt::{NOTHING_WRITTEN, unless_interrupted};

/// Which account, as whom. What is not said here is as AWS's own CLI has it: the environment, then `~/.aws`.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Account")]
pub(crate) struct AwsOptions {
    /// A profile of ~/.aws.
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The Region.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// A role to take first.
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Option<String>,
    /// Where to ask every service, in place of AWS.
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// The twelve digits of the account that it must be; in any other, nothing is read or written.
    #[arg(long, value_name = "ACCOUNT", value_parser = account)]
    pub(crate) expect_account: Option<String>,
}

fn account(text: &str) -> Result<String, String> {
    let is_one = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { Ok(text.to_owned()) } else { Err("an account has twelve digits".to_owned()) }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The fleet of an account, with what was read of it kept for as long as the command runs.
pub(crate) type LiveFleet = AwsFleet<Arc<MemoryCache>, Wall>;

/// The account that a command is about, settled and checked.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) session: Session,
}

impl Account {
    /// Settles who calls and where, and that it is the account that is expected.
    pub(crate) async fn open(options: &AwsOptions) -> anyhow::Result<Account> {
        let given = SessionOptions {
            profile: options.profile.clone(),
            region: options.region.clone(),
            role_arn: options.role_arn.clone(),
            endpoint_url: options.endpoint_url.clone(),
        };
        let session = Session::open(&given).await.map_err(|error| NoAccount(error.to_string()))?;
        if let Some(expected) = options.expect_account.as_ref().filter(|expected| **expected != session.account) {
            let (is, caller) = (&session.account, &session.caller);
            let text = format!("this is account {is} ({caller}), not {expected}: nothing was read or written");
            return Err(NoAccount(text).into());
        }
        Ok(Account { session })
    }

    /// The fleet, with this part of the account's API rates to itself.
    pub(crate) fn fleet(&self, rate_percent: Percent) -> LiveFleet {
        let limits = ApiLimits { rate_percent, invocations: 1, readers: 1 };
        AwsFleet::new(self.session.clients(), Arc::default(), limits, Wall)
    }

    /// `eu-west-1 of account 123456789012`.
    pub(crate) fn place(&self) -> String {
        format!("{} of account {}", self.session.region, self.session.account)
    }

    /// The clusters of these names; without any, all of the Region.
    pub(crate) async fn clusters(&self, fleet: &LiveFleet, named: &[String]) -> anyhow::Result<Vec<ClusterName>> {
        if !named.is_empty() {
            return named.iter().map(|name| Ok(ClusterName::parse(name)?)).collect();
        }
        let all = fleet.clusters().await.map_err(denied)?;
        if all.is_empty() {
            let text = format!("there is no ECS cluster in {}: is it the right Region?", self.place());
            return Err(NoAccount(text).into());
        }
        Ok(all.into_iter().map(|cluster| cluster.name).collect())
    }
}

/// What a read comes to without which nothing can go on.
pub(crate) fn denied(error: PortError) -> NoAccount {
    NoAccount(sentence(&error))
}

/// A failed call in a sentence that says what to do.
pub(crate) fn sentence(error: &PortError) -> String {
    match error {
        PortError::Denied { action, subject } => {
            format!("{action} on {subject} is denied: allow it in the policy of the role that you use")
        }
        PortError::Failed { action, subject, source } => format!("{action} on {subject} failed: {source}"),
        other => other.to_string(),
    }
}

/// Runs what asks AWS. Ctrl-C ends it, where it does not itself say what that leaves behind.
pub(crate) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    block_on_whole(unless_interrupted(work, || NOTHING_WRITTEN.to_owned()))
}

/// Runs what must not be ended in the middle, and looks itself whether Ctrl-C has come.
pub(crate) fn block_on_whole<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("the runtime cannot be started")?;
    let ended = runtime.block_on(work);
    // A name that is still being looked up is no reason to stay.
    runtime.shutdown_background();
    ended
}
