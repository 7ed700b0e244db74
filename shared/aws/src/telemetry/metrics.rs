//! The metrics: a closed table, and what a run or a pass over the placement scores makes of it.

use std::collections::{BTreeMap, BTreeSet};

use spotkeeper_core::plan::MoveKind;
use spotkeeper_core::ports::EndOfRun;
use spotkeeper_core::record::{ApiCounts, ClusterReport, MoveRecord, Outcome, RunEnd};
use spotkeeper_core::signals::{ScoreAnswer, ScoreRecord, ScoreRefusal, ScoreRound};

use super::control::ceiling_samples;
use super::event::mode_name;

/// The most clusters that have metrics of their own; the rest are summed under [`OTHERS`]. What a
/// metric costs grows with its dimensions' values.
pub const MAX_CLUSTERS: usize = 50;
/// The `Cluster` of the sum of all clusters beyond [`MAX_CLUSTERS`].
pub const OTHERS: &str = "(others)";
/// The `Zone` of the score of a cluster, which is made of those of its zones in use.
pub const OF_CLUSTER: &str = "(cluster)";

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
    /// Parts of a hundred.
    Percent,
    /// A score: it has no unit.
    None,
}

impl Unit {
    /// Its name in CloudWatch.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Count => "Count",
            Unit::Seconds => "Seconds",
            Unit::Percent => "Percent",
            Unit::None => "None",
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
    /// The same, of all clusters of the run together.
    BLOCKED_IN_ALL = "BlockedServices" in Count by ["Rule"],
    /// Running tasks on Spot.
    SPOT_TASKS = "SpotTasks" in Count by ["Cluster"],
    /// Running tasks elsewhere.
    ON_DEMAND_TASKS = "OnDemandTasks" in Count by ["Cluster"],
    /// Services that stay on Spot under a switch.
    LEFT_ON_SPOT = "ServicesLeftOnSpot" in Count by ["Cluster"],
    /// Services whose running tasks have broken floor or share for too long.
    SKEWED_SERVICES = "SkewedServices" in Count by ["Cluster"],
    /// The same, of all clusters of the run together.
    SKEWED_IN_ALL = "SkewedServices" in Count by [],
    /// Services whose last write somebody took back.
    REVERTED_SERVICES = "RevertedServices" in Count by ["Cluster"],
    /// The same, of all clusters of the run together.
    REVERTED_IN_ALL = "RevertedServices" in Count by [],
    /// What could not be read.
    GAPS = "Gaps" in Count by ["Cluster"],
    /// Calls of the Determiner to AWS.
    API_CALLS = "ApiCalls" in Count by ["Cluster"],
    /// Those of them that AWS throttled.
    THROTTLED_CALLS = "ThrottledCalls" in Count by ["Cluster"],
    /// Calls of a function to the services under care.
    API_CALLS_OF_FUNCTION = "ApiCalls" in Count by ["Function"],
    /// Those of them that AWS throttled.
    THROTTLED_CALLS_OF_FUNCTION = "ThrottledCalls" in Count by ["Function"],
    /// Of each call of any function: 100 where AWS throttled it, else 0.
    THROTTLED_SHARE = "ThrottledShare" in Percent by [],
    /// The ceiling of a pair.
    CEILING = "Ceiling" in Percent by ["Cluster", "Pair"],
    /// The most that the ceilings of a cluster may be by its dials.
    DIAL = "Dial" in Percent by ["Cluster"],
    /// What bounds the ceilings of a cluster.
    CEILING_CAP = "CeilingCap" in Percent by ["Cluster", "By"],
    /// Ceilings that changed.
    CEILING_CHANGES = "CeilingChanges" in Count by ["Reason"],
    /// The most that ceilings and cap allow on Spot.
    TARGET_SHARE = "TargetShare" in Percent by ["Cluster"],
    /// What runs on Spot.
    SPOT_SHARE = "SpotShare" in Percent by ["Cluster"],
    /// Pairs over which nothing moves up because they were dry.
    DROUGHTS = "Droughts" in Count by ["Cluster"],
    /// The same, of all clusters of the run together.
    DROUGHTS_IN_ALL = "Droughts" in Count by [],
    /// Switches in force.
    SWITCHES_ON = "SwitchesOn" in Count by [],
    /// How long the oldest of them has been on.
    SWITCH_ON_DURATION = "SwitchOnDuration" in Seconds by [],
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
    /// The same, of whatever mode and status.
    RUNS_IN_ALL = "Runs" in Count by [],
    /// How long a run took.
    RUN_DURATION = "RunDuration" in Seconds by ["Mode"],
    /// Moves by kind and by how they ended, as each ends.
    ENDED_MOVES = "EndedMoves" in Count by ["Kind", "Outcome"],
    /// Spot placement scores.
    SPOT_PLACEMENT_SCORE = "SpotPlacementScore" in None by ["Cluster", "Provider", "Zone"],
    /// Scores that were refused.
    PLACEMENT_SCORE_REFUSALS = "PlacementScoreRefusals" in Count by ["Reason"],
    /// Distinct queries for scores in 24 hours.
    PLACEMENT_SCORE_QUERIES = "PlacementScoreQueries" in Count by [],

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
    /// How often it was measured.
    pub times: u32,
}

impl Sample {
    pub(super) fn new(metric: &'static Metric, values: &[&str], value: f64) -> Sample {
        let dimensions = metric.dimensions.iter().zip(values).map(|(name, value)| (*name, (*value).to_owned()));
        Sample { metric, dimensions: dimensions.collect(), value, times: 1 }
    }
}

/// The metrics of a run that has ended.
///
/// A cluster of which nothing was read has none of its own: no value is not the value 0. A switch
/// run looks at services too briefly to judge them, so it says nothing of eligibility and skew.
#[must_use]
pub fn samples(end: &EndOfRun<'_>, ended: &RunEnd) -> Vec<Sample> {
    let EndOfRun { run, reports, .. } = end;
    let mut samples = Vec::new();
    let (own, others) = largest(reports);
    for (cluster, counts) in by_cluster(&own, &others) {
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
    samples.extend(in_all(end, &own, &others));
    samples.extend(ceiling_samples(run, &own, &others));
    samples.extend(switch_samples(end, ended));
    for outcome in Outcome::ALL {
        let moves = ended.moves.get(&outcome).copied().unwrap_or(0);
        samples.push(Sample::new(&MOVES, &[outcome.name()], f64::from(moves)));
    }
    let (mode, status) = (mode_name(&run.mode), ended.status.name());
    samples.push(Sample::new(&CODE_CHANGED_MOVES, &[], f64::from(ended.code_changed)));
    samples.push(Sample::new(&FAILED_CLUSTERS, &[], count(ended.failed_clusters.len())));
    samples.push(Sample::new(&POLICY_MISTAKES, &[], count(run.policy_mistakes.len())));
    samples.push(Sample::new(&RUNS, &[mode, status], 1.0));
    samples.push(Sample::new(&RUNS_IN_ALL, &[], 1.0));
    let seconds = ended.at.duration_since(run.started_at).as_secs_f64().max(0.0);
    samples.push(Sample::new(&RUN_DURATION, &[mode], seconds));
    samples.extend(move_samples(end.held));
    samples
}

/// The metrics of all clusters together: an alarm has the dimensions that it has, and no search.
fn in_all(end: &EndOfRun<'_>, own: &[&ClusterReport], others: &[&ClusterReport]) -> Vec<Sample> {
    let mut all = Counts::default();
    own.iter().chain(others).for_each(|report| all.add(report));
    let mut samples = vec![Sample::new(&REVERTED_IN_ALL, &[], all.reverted)];
    if end.run.switch().is_none() {
        samples.push(Sample::new(&SKEWED_IN_ALL, &[], all.skewed));
        samples.extend(all.blocked.iter().map(|(rule, number)| Sample::new(&BLOCKED_IN_ALL, &[rule], *number)));
    }
    samples
}

/// The metrics of an invocation's calls to AWS; none where it made none.
#[must_use]
pub fn call_samples(function: &str, counts: ApiCounts) -> Vec<Sample> {
    let ApiCounts { calls, throttled } = counts;
    if calls == 0 {
        return Vec::new();
    }
    // The average of a value for each call is the share of whatever calls it is taken over.
    let share =
        [(0.0, calls.saturating_sub(throttled)), (100.0, throttled)].into_iter().filter(|(_, times)| *times > 0);
    let share = share.map(|(value, times)| Sample { times, ..Sample::new(&THROTTLED_SHARE, &[], value) });
    let counts = [
        Sample::new(&API_CALLS_OF_FUNCTION, &[function], f64::from(calls)),
        Sample::new(&THROTTLED_CALLS_OF_FUNCTION, &[function], f64::from(throttled)),
    ];
    counts.into_iter().chain(share).collect()
}

/// The metrics of the switches; none where they could not be read.
fn switch_samples(end: &EndOfRun<'_>, ended: &RunEnd) -> Vec<Sample> {
    let Some(switches) = end.switches else {
        return Vec::new();
    };
    let oldest = switches.in_force(ended.at).map(|entry| entry.set_at).min();
    let seconds = oldest.map_or(0.0, |since| ended.at.duration_since(since).as_secs_f64().max(0.0));
    let on = switches.in_force(ended.at).count();
    vec![Sample::new(&SWITCHES_ON, &[], count(on)), Sample::new(&SWITCH_ON_DURATION, &[], seconds)]
}

/// The metrics of moves that have ended. What did not happen has no value.
#[must_use]
pub fn move_samples(records: &[MoveRecord]) -> Vec<Sample> {
    let mut counts: BTreeMap<(MoveKind, Outcome), usize> = BTreeMap::new();
    for record in records {
        if let Some(outcome) = record.outcome {
            *counts.entry((record.planned.kind, outcome)).or_default() += 1;
        }
    }
    let sample = |((kind, outcome), number): ((MoveKind, Outcome), usize)| {
        Sample::new(&ENDED_MOVES, &[kind.name(), outcome.name()], count(number))
    };
    counts.into_iter().map(sample).collect()
}

/// The metrics of a pass over the placement scores. Only an answer with a score has a value: no
/// score is not the score 0. The first [`MAX_CLUSTERS`] clusters by name have theirs here, all have
/// theirs in the table; there is no score of several clusters together.
#[must_use]
pub fn score_samples(round: &ScoreRound) -> Vec<Sample> {
    let clusters: BTreeSet<_> = round.records.iter().map(|record| &record.cluster).collect();
    let clusters: BTreeSet<_> = clusters.into_iter().take(MAX_CLUSTERS).collect();
    let mut samples = Vec::new();
    for ScoreRecord { cluster, provider, answer, .. } in &round.records {
        if let ScoreAnswer::Scored { score, zones, .. } = answer
            && clusters.contains(cluster)
        {
            let zones = zones.iter().map(|(zone, score)| (zone.as_str(), score));
            samples.extend(zones.chain([(OF_CLUSTER, score)]).map(|(zone, score)| {
                let dimensions = [cluster.as_str(), provider.as_str(), zone];
                Sample::new(&SPOT_PLACEMENT_SCORE, &dimensions, f64::from(score.0) / 100.0)
            }));
        }
    }
    let refusals = |reason: &str| {
        let is_it = |record: &&ScoreRecord| match &record.answer {
            ScoreAnswer::Refused { why } => why.name() == reason,
            ScoreAnswer::Scored { .. } | ScoreAnswer::Absent { .. } | ScoreAnswer::Unsupported { .. } => false,
        };
        count(round.records.iter().filter(is_it).count())
    };
    let reasons = ScoreRefusal::NAMES;
    samples.extend(reasons.map(|reason| Sample::new(&PLACEMENT_SCORE_REFUSALS, &[reason], refusals(reason))));
    samples.push(Sample::new(&PLACEMENT_SCORE_QUERIES, &[], f64::from(round.queries)));
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

/// The clusters of which something was read: those with metrics of their own, the largest first, and the
/// others.
fn largest(reports: &[ClusterReport]) -> (Vec<&ClusterReport>, Vec<&ClusterReport>) {
    let was_read = |report: &&ClusterReport| report.failed.is_none() || report.api.calls > 0 || report.services > 0;
    let mut reports: Vec<&ClusterReport> = reports.iter().filter(was_read).collect();
    reports.sort_by_key(|report| (std::cmp::Reverse(report.services), &report.cluster));
    let others = reports.split_off(reports.len().min(MAX_CLUSTERS));
    (reports, others)
}

/// The numbers by cluster: the largest ones by name, the others together.
fn by_cluster<'a>(own: &[&'a ClusterReport], others: &[&'a ClusterReport]) -> BTreeMap<&'a str, Counts<'a>> {
    let mut counts: BTreeMap<&str, Counts<'_>> = BTreeMap::new();
    own.iter().for_each(|report| counts.entry(report.cluster.as_str()).or_default().add(report));
    others.iter().for_each(|report| counts.entry(OTHERS).or_default().add(report));
    counts
}

/// A length as a value: exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "no list here is anywhere near 2^53 long")]
pub(super) const fn count(length: usize) -> f64 {
    length as f64
}
