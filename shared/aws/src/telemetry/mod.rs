//! Metrics to CloudWatch and events to EventBridge, when a switch changes, when a move ends and when a run
//! ends; metrics of placement scores; and metrics of what happens to Spot capacity, as it happens.
//!
//! What is told is decided by pure functions: those that make [`metrics::Sample`]s, and the details of the
//! events, [`event`] and [`details`]. `docs/METRICS.md` describes all, and tests hold it to them.

mod bus;
mod control;
pub mod details;
pub mod event;
pub mod metrics;
pub mod schema;
pub mod spot;
pub mod turns;

pub use self::bus::Event;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_smithy_types::timeout::TimeoutConfig;
use jiff::Timestamp;
use spotkeeper_core::ports::{EndOfRun, PortError, Telemetry};
use spotkeeper_core::record::{ApiCounts, MoveRecord};
use spotkeeper_core::signals::{Occurrence, ScoreRound};
use spotkeeper_core::switch::SwitchChange;

use self::details::{CeilingChanged, MoveEnded, SwitchChanged};
use self::event::RunEnded;
use self::metrics::{Sample, Unit, call_samples, move_samples, samples, score_samples};
use self::spot::spot_samples;
use self::turns::TurnChanged;
use crate::state::port_error;

/// The namespace of every metric.
pub const NAMESPACE: &str = "Spotkeeper";
/// The dimension that every metric has beside its own: the name of the stack.
pub const STACK: &str = "Stack";
/// The most metrics of one `PutMetricData`. Source: its page in the CloudWatch API reference.
const BATCH: usize = 1_000;
/// How long one call may take with its retries: a run's end does not wait for it much longer.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an invocation waits until its calls are told: what it is to answer is more urgent.
const CALLS_TIMEOUT: Duration = Duration::from_secs(3);

/// CloudWatch and EventBridge. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AwsTelemetry {
    stack: String,
    cloudwatch: aws_sdk_cloudwatch::Client,
    eventbridge: aws_sdk_eventbridge::Client,
}

impl AwsTelemetry {
    /// Makes the clients; endpoints, Region and credentials are the configuration's. All metrics are those of
    /// the stack of that name.
    #[must_use]
    pub fn new(config: &SdkConfig, stack: &str) -> AwsTelemetry {
        let timeouts = TimeoutConfig::builder().operation_timeout(OPERATION_TIMEOUT).build();
        let config = config.clone().into_builder().timeout_config(timeouts).build();
        let cloudwatch = aws_sdk_cloudwatch::Client::new(&config);
        AwsTelemetry::with_clients(stack.to_owned(), cloudwatch, aws_sdk_eventbridge::Client::new(&config))
    }

    /// Telemetry through these clients.
    #[must_use]
    pub const fn with_clients(
        stack: String,
        cloudwatch: aws_sdk_cloudwatch::Client,
        eventbridge: aws_sdk_eventbridge::Client,
    ) -> AwsTelemetry {
        AwsTelemetry { stack, cloudwatch, eventbridge }
    }

    /// Tells what an invocation of a function has called. It has done its work: what cannot be told, or not
    /// soon, is in its log alone.
    pub async fn called(&self, function: &str, counts: ApiCounts, now: Timestamp) {
        let samples = call_samples(function, counts);
        if samples.is_empty() {
            return;
        }
        match tokio::time::timeout(CALLS_TIMEOUT, self.put_metrics(&samples, now)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(function, %error, "metrics of calls not sent"),
            Err(_) => tracing::error!(function, "metrics of calls not sent in time"),
        }
    }

    async fn put_metrics(&self, samples: &[Sample], at: Timestamp) -> Result<(), PortError> {
        for batch in samples.chunks(BATCH) {
            let data = batch.iter().map(|sample| datum(&self.stack, sample, at)).collect();
            let put = self.cloudwatch.put_metric_data().namespace(NAMESPACE).set_metric_data(Some(data));
            let put = put.send().await;
            put.map_err(|error| port_error("cloudwatch:PutMetricData", NAMESPACE, &error))?;
        }
        Ok(())
    }
}

impl Telemetry for AwsTelemetry {
    async fn switch_changed(&self, change: &SwitchChange) -> Result<(), PortError> {
        bus::put(&self.eventbridge, &[switch_event(change)?]).await
    }

    /// Tries each also where the other fails; the first failure is the answer.
    async fn move_ended(&self, record: &MoveRecord) -> Result<(), PortError> {
        let Some(ended) = MoveEnded::of(record) else {
            tracing::warn!(run = %record.planned.run, id = %record.planned.id, "a move that has not ended is not told of");
            return Ok(());
        };
        let metrics = self.put_metrics(&move_samples(std::slice::from_ref(record)), ended.ended_at).await;
        let events = bus::put(&self.eventbridge, &[Event::of(&ended)?]).await;
        metrics.and(events)
    }

    /// Tries the events also where the metrics fail; the first failure is the answer.
    async fn run_ended(&self, end: &EndOfRun<'_>) -> Result<(), PortError> {
        let Some(ended) = &end.run.ended else {
            tracing::warn!(run = %end.run.id, "a run that has not ended is not told of");
            return Ok(());
        };
        let metrics = self.put_metrics(&samples(end, ended), ended.at).await;
        let events = bus::put(&self.eventbridge, &run_events(end)?).await;
        metrics.and(events)
    }

    async fn scored(&self, round: &ScoreRound) -> Result<(), PortError> {
        self.put_metrics(&score_samples(round), round.at).await
    }

    async fn spot_events(&self, occurrences: &[Occurrence], malformed: u32, now: Timestamp) -> Result<(), PortError> {
        self.put_metrics(&spot_samples(occurrences, malformed), now).await
    }
}

/// The event of a switch that was thrown or released.
///
/// # Errors
/// [`PortError::Failed`] where its detail cannot be written as JSON, which each can.
pub fn switch_event(change: &SwitchChange) -> Result<Event, PortError> {
    Event::of(&SwitchChanged::of(change))
}

/// The event of a move that has ended; none for one that has not.
///
/// # Errors
/// As [`switch_event`].
pub fn move_event(record: &MoveRecord) -> Result<Option<Event>, PortError> {
    MoveEnded::of(record).map(|ended| Event::of(&ended)).transpose()
}

/// The events of a run's end: its own first, since those after a call that fails are not sent. A dry run
/// keeps no ceiling, so none has changed.
///
/// # Errors
/// As [`switch_event`].
pub fn run_events(end: &EndOfRun<'_>) -> Result<Vec<Event>, PortError> {
    let EndOfRun { run, reports, held, .. } = end;
    let own = run.ended.iter().map(|ended| Event::of(&RunEnded::of(run, ended, reports)));
    let held = held.iter().filter_map(MoveEnded::of).map(|ended| Event::of(&ended));
    let steered = reports.iter().filter(|_| !run.is_dry());
    let steered = steered.flat_map(|report| report.ceilings.iter().map(|steered| (steered, report.cap.as_ref())));
    let ceilings = steered.filter_map(|(steered, cap)| CeilingChanged::of(&run.id, steered, cap));
    let turns = reports.iter().flat_map(|report| report.turns.iter().map(move |told| (report, told)));
    let turns = turns.filter_map(|(report, told)| TurnChanged::of(run, report, told));
    let ceilings = ceilings.map(|changed| Event::of(&changed));
    own.chain(held).chain(ceilings).chain(turns.map(|changed| Event::of(&changed))).collect()
}

fn datum(stack: &str, sample: &Sample, at: Timestamp) -> MetricDatum {
    let own = sample.dimensions.iter().map(|(name, value)| (*name, value.as_str()));
    let dimensions = std::iter::once((STACK, stack)).chain(own);
    let dimensions = dimensions.map(|(name, value)| Dimension::builder().name(name).value(value).build());
    let unit = match sample.metric.unit {
        Unit::Count => StandardUnit::Count,
        Unit::Seconds => StandardUnit::Seconds,
        Unit::Percent => StandardUnit::Percent,
        Unit::None => StandardUnit::None,
    };
    MetricDatum::builder()
        .metric_name(sample.metric.name)
        .set_dimensions(Some(dimensions.collect()))
        .timestamp(aws_time(at))
        .values(sample.value)
        .counts(f64::from(sample.times))
        .unit(unit)
        .build()
}

fn aws_time(at: Timestamp) -> aws_smithy_types::DateTime {
    aws_smithy_types::DateTime::from_secs(at.as_second())
}

#[cfg(test)]
mod tests;
