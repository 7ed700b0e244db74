//! The metrics of a run: a closed table, and what a run makes of it.

use std::collections::BTreeMap;

use spotkeeper_core::record::{ClusterReport, Outcome, RunEnd, RunRecord};

use super::event::mode_name;

/// The most clusters that have metrics of their own; the rest are summed under [`OTHERS`]. What a
/// metric costs grows with its dimensions' values.
pub const MAX_CLUSTERS: usize = 50;
/// The `Cluster` of the sum of all clusters beyond [`MAX_CLUSTERS`].
pub const OTHERS: &str = "(others)";

/// A metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// The unit of its values.
    pub unit: Unit,
    /// The names of its dimensions, in order.
    pub dimensions: &'static [&'static str],
}

/// The unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Seconds.
    Seconds,
}

impl Unit {
    /// Its name in CloudWatch.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Count => "Count",
            Unit::Seconds => "Seconds",
        }
    }
}

/// Declares the metrics.
macro_rules! metrics {
    ($($(#[$doc:meta])* $constant:ident = $name:literal in $unit:ident by [$($dimension:literal),*],)*) => {
        $(
            $(#[$doc])*
            pub const $constant: Metric = Metric { name: $name, unit: Unit::$unit, dimensions: &[$($dimension),*] };
        )*

        /// Every metric.
        pub const ALL: &[&Metric] = &[$(&$constant),*];
    };
}

metrics! {
    /// Services looked at.
    SERVICES = "Services" in Count by ["Cluster"],
    /// Services that no rule blocks.
    ELIGIBLE_SERVICES = "EligibleServices" in Count by ["Cluster"],
    /// Services that a rule blocks; a service counts under each of its rules.
    BLOCKED_SERVICES = "BlockedServices" in Count by ["Cluster", "Rule"],
    /// Running tasks on Spot.
    SPOT_TASKS = "SpotTasks" in Count by ["Cluster"],
    /// Running tasks elsewhere.
    ON_DEMAND_TASKS = "OnDemandTasks" in Count by ["Cluster"],
    /// Services that stay on Spot under a switch.
    LEFT_ON_SPOT = "ServicesLeftOnSpot" in Count by ["Cluster"],
    /// Services whose running tasks have broken floor or share for too long.
    SKEWED_SERVICES = "SkewedServices" in Count by ["Cluster"],
    /// Services whose last write somebody took back.
    REVERTED_SERVICES = "RevertedServices" in Count by ["Cluster"],
    /// What could not be read.
    GAPS = "Gaps" in Count by ["Cluster"],
    /// Calls of the Determiner to AWS.
    API_CALLS = "ApiCalls" in Count by ["Cluster"],
    /// Those of them that AWS throttled.
    THROTTLED_CALLS = "ThrottledCalls" in Count by ["Cluster"],
    /// Moves by how they ended.
    MOVES = "MovesByOutcome" in Count by ["Outcome"],
    /// Moves whose tasks run another image than those before them.
    CODE_CHANGED_MOVES = "CodeChangedMoves" in Count by [],
    /// Clusters that could not be worked on to the end.
    FAILED_CLUSTERS = "FailedClusters" in Count by [],
    /// Mistakes in the policy.
    POLICY_MISTAKES = "PolicyMistakes" in Count by [],
    /// Runs that ended.
    RUNS = "Runs" in Count by ["Mode", "Status"],
    /// How long a run took.
    RUN_DURATION = "RunDuration" in Seconds by ["Mode"],

    /// Spot instances and Fargate Spot tasks that are taken away.
    SPOT_INTERRUPTIONS = "SpotInterruptions" in Count by ["Cluster", "Provider", "Pool"],
    /// Spot instances that EC2 sees at higher risk.
    REBALANCE_RECOMMENDATIONS = "RebalanceRecommendations" in Count by ["Cluster"],
    /// Tasks that found no place on a Spot provider.
    SPOT_PLACEMENT_FAILURES = "SpotPlacementFailures" in Count by ["Cluster", "Provider"],
    /// Spot launches of Auto Scaling groups that failed.
    SPOT_LAUNCH_FAILURES = "SpotLaunchFailures" in Count by ["Sign"],
    /// Events that could not be read.
    MALFORMED_EVENTS = "MalformedEvents" in Count by [],
}

/// One value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The metric.
    pub metric: &'static Metric,
    /// Its dimensions, in the metric's order.
    pub dimensions: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

impl Sample {
    pub(super) fn new(metric: &'static Metric, values: &[&str], value: f64) -> Sample {
        let dimensions = metric.dimensions.iter().zip(values).map(|(name, value)| (*name, (*value).to_owned()));
        Sample { metric, dimensions: dimensions.collect(), value }
    }
}

/// The metrics of a run that has ended.
///
/// A cluster of which nothing was read has none of its own: no value is not the value 0. A switch
/// run looks at services too briefly to judge them, so it says nothing of eligibility and skew.
#[must_use]
pub fn samples(run: &RunRecord, ended: &RunEnd, reports: &[ClusterReport]) -> Vec<Sample> {
    let mut samples = Vec::new();
    for (cluster, counts) in by_cluster(reports) {
        let numbers = [
            (&SERVICES, counts.services),
            (&SPOT_TASKS, counts.spot_tasks),
            (&ON_DEMAND_TASKS, counts.on_demand_tasks),
            (&LEFT_ON_SPOT, counts.left_on_spot),
            (&REVERTED_SERVICES, counts.reverted),
            (&GAPS, counts.gaps),
            (&API_CALLS, counts.api_calls),
            (&THROTTLED_CALLS, counts.throttled_calls),
        ];
        samples.extend(numbers.map(|(metric, number)| Sample::new(metric, &[cluster], number)));
        if run.switch().is_none() {
            samples.push(Sample::new(&ELIGIBLE_SERVICES, &[cluster], counts.eligible));
            samples.push(Sample::new(&SKEWED_SERVICES, &[cluster], counts.skewed));
            let rules = counts.blocked.iter();
            samples.extend(rules.map(|(rule, number)| Sample::new(&BLOCKED_SERVICES, &[cluster, rule], *number)));
        }
    }
    for outcome in Outcome::ALL {
        let moves = ended.moves.get(&outcome).copied().unwrap_or(0);
        samples.push(Sample::new(&MOVES, &[outcome.name()], f64::from(moves)));
    }
    let (mode, status) = (mode_name(&run.mode), ended.status.name());
    samples.push(Sample::new(&CODE_CHANGED_MOVES, &[], f64::from(ended.code_changed)));
    samples.push(Sample::new(&FAILED_CLUSTERS, &[], count(ended.failed_clusters.len())));
    samples.push(Sample::new(&POLICY_MISTAKES, &[], count(run.policy_mistakes.len())));
    samples.push(Sample::new(&RUNS, &[mode, status], 1.0));
    let seconds = ended.at.duration_since(run.started_at).as_secs_f64().max(0.0);
    samples.push(Sample::new(&RUN_DURATION, &[mode], seconds));
    samples
}

/// The numbers of a report, or of several together.
#[derive(Debug, Default)]
struct Counts<'a> {
    services: f64,
    eligible: f64,
    blocked: BTreeMap<&'a str, f64>,
    spot_tasks: f64,
    on_demand_tasks: f64,
    left_on_spot: f64,
    skewed: f64,
    reverted: f64,
    gaps: f64,
    api_calls: f64,
    throttled_calls: f64,
}

impl<'a> Counts<'a> {
    fn add(&mut self, report: &'a ClusterReport) {
        self.services += f64::from(report.services);
        self.eligible += f64::from(report.eligible);
        self.spot_tasks += f64::from(report.spot_tasks);
        self.on_demand_tasks += f64::from(report.on_demand_tasks);
        self.left_on_spot += count(report.left_on_spot.len()) + f64::from(report.left_on_spot_more);
        self.skewed += count(report.skewed.len()) + f64::from(report.skewed_more);
        self.reverted += count(report.reverted.len()) + f64::from(report.reverted_more);
        self.gaps += count(report.gaps.len()) + f64::from(report.gaps_more);
        self.api_calls += f64::from(report.api.calls);
        self.throttled_calls += f64::from(report.api.throttled);
        for (rule, number) in &report.blocked {
            *self.blocked.entry(rule).or_default() += f64::from(*number);
        }
    }
}

/// The numbers by cluster: the largest ones by name, the others together.
fn by_cluster(reports: &[ClusterReport]) -> BTreeMap<&str, Counts<'_>> {
    let was_read = |report: &&ClusterReport| report.failed.is_none() || report.api.calls > 0 || report.services > 0;
    let mut reports: Vec<&ClusterReport> = reports.iter().filter(was_read).collect();
    reports.sort_by_key(|report| (std::cmp::Reverse(report.services), &report.cluster));
    let mut counts: BTreeMap<&str, Counts<'_>> = BTreeMap::new();
    for (index, report) in reports.into_iter().enumerate() {
        let name = if index < MAX_CLUSTERS { report.cluster.as_str() } else { OTHERS };
        counts.entry(name).or_default().add(report);
    }
    counts
}

/// A length as a value: exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "no list here is anywhere near 2^53 long")]
pub(super) const fn count(length: usize) -> f64 {
    length as f64
}
