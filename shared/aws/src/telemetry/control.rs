//! What metrics make of the ceilings of a run, and of what is on Spot under them.

use std::collections::BTreeMap;

use spotkeeper_core::control::Steered;
use spotkeeper_core::record::{ClusterReport, RunMode, RunRecord};

use super::metrics::{
    CEILING, CEILING_CAP, CEILING_CHANGES, DIAL, DROUGHTS, DROUGHTS_IN_ALL, OTHERS, SPOT_SHARE, Sample, TARGET_SHARE,
    count,
};

/// The most pairs that have a metric of their own: those of the clusters with the most services.
const MAX_PAIRS: usize = 100;

/// The metrics of the ceilings: `own` are the clusters with metrics of their own, the largest first,
/// `others` the rest. What a run did not look at has no value.
pub(super) fn ceiling_samples(run: &RunRecord, own: &[&ClusterReport], others: &[&ClusterReport]) -> Vec<Sample> {
    let mut samples = Vec::new();
    // There is no ceiling, and no cap, of several clusters together.
    let pairs = own.iter().flat_map(|report| pairs(report)).take(MAX_PAIRS);
    samples.extend(pairs.map(|(pair, steered)| {
        let cluster = steered.after.cluster.as_str();
        Sample::new(&CEILING, &[cluster, &pair], percent(steered.after.ceiling))
    }));
    for report in own {
        let dial = report.dial.map(|dial| Sample::new(&DIAL, &[report.cluster.as_str()], percent(dial)));
        samples.extend(dial);
        if let Some(cap) = &report.cap {
            let dimensions = [report.cluster.as_str(), cap.by.name()];
            samples.push(Sample::new(&CEILING_CAP, &dimensions, percent(cap.percent)));
        }
    }
    let each = own.iter().map(|report| (report.cluster.as_str(), std::slice::from_ref(report)));
    let each: Vec<(&str, &[&ClusterReport])> = each.chain((!others.is_empty()).then_some((OTHERS, others))).collect();
    for (cluster, reports) in &each {
        let spot = share(reports, |report| Some(f64_of(report.running_spot_cpu?.0)));
        samples.extend(spot.map(|share| Sample::new(&SPOT_SHARE, &[cluster], share)));
    }
    if !matches!(run.mode, RunMode::Ordinary | RunMode::Dry { .. }) {
        return samples;
    }
    let mut droughts = 0;
    for (cluster, reports) in &each {
        let target = share(reports, |report| Some(target(report)? / 100.0 * f64_of(report.budget?.task_cpu.0)));
        samples.extend(target.map(|share| Sample::new(&TARGET_SHARE, &[cluster], share)));
        let dry = reports.iter().map(|report| dry(report)).sum();
        droughts += dry;
        samples.push(Sample::new(&DROUGHTS, &[cluster], count(dry)));
    }
    samples.push(Sample::new(&DROUGHTS_IN_ALL, &[], count(droughts)));
    let mut changes: BTreeMap<&str, usize> = BTreeMap::new();
    let ceilings = own.iter().chain(others).flat_map(|report| &report.ceilings);
    for reason in ceilings.flat_map(Steered::reasons) {
        *changes.entry(reason).or_default() += 1;
    }
    // A dry run decides, and keeps nothing: it would tell the same change again and again.
    if !run.is_dry() {
        let changes = changes.into_iter();
        samples.extend(changes.map(|(reason, number)| Sample::new(&CEILING_CHANGES, &[reason], count(number))));
    }
    samples
}

/// The pairs of a cluster by name, each with the last that the run made of it.
fn pairs(report: &ClusterReport) -> BTreeMap<String, &Steered> {
    report.ceilings.iter().map(|steered| (steered.after.pair.to_string(), steered)).collect()
}

/// The most of a cluster's task vCPU that its ceilings and its cap allow on Spot, in percent.
fn target(report: &ClusterReport) -> Option<f64> {
    let cap = percent(report.cap.as_ref()?.percent);
    let ceilings: f64 = pairs(report).values().map(|steered| percent(steered.effective)).sum();
    Some(ceilings.min(cap))
}

/// A number of clusters as a percentage of their task vCPU above the commitment floors; `None` where that
/// is nothing. Clusters of which either is not known do not count.
fn share(reports: &[&ClusterReport], number: impl Fn(&ClusterReport) -> Option<f64>) -> Option<f64> {
    let known = reports.iter().filter_map(|report| Some((number(report)?, f64_of(report.budget?.task_cpu.0))));
    let (part, whole) = known.fold((0.0, 0.0), |(part, whole), (number, cpu)| (part + number, whole + cpu));
    (whole > 0.0).then(|| 100.0 * part / whole)
}

/// The pairs over which nothing moves up because they were dry.
fn dry(report: &ClusterReport) -> usize {
    pairs(report).values().filter(|steered| steered.after.dry.is_some_and(|dry| report.at < dry.until)).count()
}

fn percent(percent: spotkeeper_core::units::Percent) -> f64 {
    f64::from(percent.get())
}

/// CPU units as a value: exact up to 2^53.
#[allow(clippy::cast_precision_loss, reason = "no cluster has anywhere near 2^53 CPU units")]
const fn f64_of(units: u64) -> f64 {
    units as f64
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
