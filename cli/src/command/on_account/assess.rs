//! `spotkeeper assess`: what could be on Spot, before anything is deployed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use futures_util::StreamExt as _;
use spotkeeper_core::assess::{Assessment, Memory, assess};
use spotkeeper_core::ids::{ClusterName, RunId};
use spotkeeper_core::observe::{Depth, Gap, Snapshot};
use spotkeeper_core::outlook::{Outlook, Prices, outlook};
use spotkeeper_core::policy::Policy;
use spotkeeper_core::ports::Fleet as _;
use spotkeeper_core::record::RunRecord;

use super::look::planned;
use super::prices::{self, Wanted};
use super::{input, policy_of};
use crate::account::{Account, AwsOptions, LiveFleet, block_on, sentence};
use crate::console::Console;
use crate::exit::{Exit, NoAccount};
use crate::progress::Progress;
use crate::render::assess::{Answer, Failed};
use crate::render::assess_table;
use crate::render::text::counted;

/// How many clusters are read at once: their calls share the account's rates in any case.
const CLUSTERS_AT_ONCE: usize = 4;
/// The most bytes of a file of prices: every type of every family is a tenth of it.
const MAX_PRICES_BYTES: usize = 1024 * 1024;

/// Look at an account: which services could be on Spot, what stands against the others, what is at stake.
///
/// Reads only. Nothing has to be deployed; where a stack is, `--stack` takes its policy. What could not be read is
/// told with the IAM action that is missing, and the rest is shown.
///
/// Exit status: 0 everything was read, whatever it says; 2 a file cannot be read; 3 the account cannot be used; 4
/// something could not be read, and the rest is shown.
#[derive(Debug, Args)]
pub(crate) struct Assess {
    #[command(flatten)]
    aws: AwsOptions,
    /// A cluster to look at; may be given several times. Without it, every cluster of the Region.
    #[arg(long = "cluster", value_name = "NAME")]
    clusters: Vec<String>,
    /// The policy whose rules and ceilings apply; without it, the default policy.
    #[arg(long, value_name = "FILE", conflicts_with = "stack")]
    policy: Option<PathBuf>,
    /// Take the policy of this stack of Spotkeeper.
    #[arg(long, value_name = "STACK")]
    stack: Option<String>,
    /// What capacity costs an hour. What it does not say comes from AWS's price list and EC2's Spot price history,
    /// where they have it: what Fargate Spot costs comes from here alone.
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

/// A cluster that was read and judged.
struct Judged {
    snapshot: Snapshot,
    assessments: Vec<Assessment>,
}

impl Assess {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let prices = match &self.prices {
            None => Prices::default(),
            Some(file) => {
                let text = input::read(file, MAX_PRICES_BYTES)?;
                let name = input::name(file);
                Prices::parse(&text).map_err(|why| anyhow::anyhow!("{name} is no file of prices: {why}"))?
            }
        };
        block_on(self.look(console, prices))
    }

    async fn look(self, console: &Console, mut prices: Prices) -> anyhow::Result<Exit> {
        let account = Account::open(&self.aws).await?;
        let policy = match (&self.policy, &self.stack) {
            (None, None) => policy_of::PolicyOf::default(),
            (file, stack) => policy_of::of(&account, file.as_ref(), stack.as_deref().unwrap_or_default()).await?,
        };
        let fleet = account.fleet(policy.policy.api_rate_percent);
        let progress = Progress::new(console.quiet);
        let clusters = account.clusters(&fleet, &self.clusters).await?;
        let (judged, failed) = read(&fleet, &policy.policy, &clusters, &progress).await;
        if judged.is_empty() {
            let all: Vec<&str> = failed.iter().map(|one| one.why.as_str()).collect();
            return Err(NoAccount(format!("{} (in {})", all.join("; "), account.place())).into());
        }
        let mut gaps: BTreeSet<Gap> = judged.iter().flat_map(|one| one.snapshot.gaps.iter().cloned()).collect();
        let mut wanted = Wanted::default();
        for one in &judged {
            let pairs = one.assessments.iter().filter_map(|assessment| assessment.pair.as_ref());
            pairs.for_each(|pair| wanted.add(&one.snapshot, pair));
        }
        gaps.extend(prices::fill(&account, &fleet, wanted, &mut prices, &progress).await);
        drop(progress);
        let outlooks: Vec<Outlook> = judged.iter().map(|one| of_cluster(&policy.policy, one, &prices)).collect();
        let assessments: Vec<&[Assessment]> = judged.iter().map(|one| one.assessments.as_slice()).collect();
        let answer = Answer::new(&account, &policy, &prices, &outlooks, &assessments, &gaps, failed);
        console.answer(&answer, || assess_table::answer(&answer, console))?;
        Ok(if answer.is_whole() { Exit::Good } else { Exit::Partial })
    }
}

/// Reads and judges clusters, some at once; in their order.
async fn read(
    fleet: &LiveFleet,
    policy: &Policy,
    clusters: &[ClusterName],
    progress: &Progress,
) -> (Vec<Judged>, Vec<Failed>) {
    let reading = clusters
        .iter()
        .enumerate()
        .map(|(number, name)| async move { (number, name, fleet.observe(name, Depth::Full).await) });
    let mut reading = futures_util::stream::iter(reading).buffer_unordered(CLUSTERS_AT_ONCE);
    let (mut judged, mut failed) = (BTreeMap::new(), Vec::new());
    let (mut done, mut services) = (0, 0);
    while let Some((number, name, snapshot)) = reading.next().await {
        done += 1;
        match snapshot {
            Ok(snapshot) => {
                services += snapshot.services.len();
                let assessments = assess(policy, &snapshot, &Memory::default(), snapshot.taken_at);
                judged.insert(number, Judged { snapshot, assessments });
            }
            Err(error) => failed.push(Failed { cluster: name.to_string(), why: sentence(&error) }),
        }
        let calls = fleet.counts().total().calls;
        let of = counted(clusters.len(), "cluster", "clusters");
        let services = counted(services, "service", "services");
        progress.say(&format!("read {done} of {of}: {services}, {calls} calls"));
    }
    (judged.into_values().collect(), failed)
}

fn of_cluster(policy: &Policy, judged: &Judged, prices: &Prices) -> Outlook {
    let Judged { snapshot, assessments } = judged;
    let run = RunRecord::look(RunId::look(), snapshot.cluster.name.clone(), policy.clone(), snapshot.taken_at);
    // Nothing is remembered: what the plan is asked for is the room under the ceiling.
    let plan = planned(&run, snapshot, assessments, &Memory::default(), &[], &BTreeMap::new());
    outlook(policy, snapshot, assessments, &plan.budget, prices)
}
