//! Metrics to CloudWatch and one event to EventBridge, when a run ends; and metrics of what happens
//! to Spot capacity, as it happens.
//!
//! What is told is decided by pure functions, [`metrics::samples`], [`spot::spot_samples`] and
//! [`event::RunEnded::of`]; `docs/METRICS.md` describes all, and tests hold it to them.

pub mod event;
pub mod metrics;
pub mod spot;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::{Dimension, MetricDatum, StandardUnit};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_smithy_types::timeout::TimeoutConfig;
use jiff::Timestamp;
use spotkeeper_core::ports::{PortError, Telemetry};
use spotkeeper_core::record::{ClusterReport, RunRecord};
use spotkeeper_core::signals::Occurrence;

use self::event::RunEnded;
use self::metrics::{Sample, Unit, samples};
use self::spot::spot_samples;
use crate::state::{failed, port_error};

/// The namespace of every metric.
pub const NAMESPACE: &str = "Spotkeeper";
/// The most metrics of one `PutMetricData`. Source: its page in the CloudWatch API reference.
const BATCH: usize = 1_000;
/// How long one call may take with its retries: a run's end does not wait for it much longer.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(15);

/// CloudWatch and EventBridge. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AwsTelemetry {
    cloudwatch: aws_sdk_cloudwatch::Client,
    eventbridge: aws_sdk_eventbridge::Client,
}

impl AwsTelemetry {
    /// Makes the clients; endpoints, Region and credentials are the configuration's.
    #[must_use]
    pub fn new(config: &SdkConfig) -> AwsTelemetry {
        let timeouts = TimeoutConfig::builder().operation_timeout(OPERATION_TIMEOUT).build();
        let config = config.clone().into_builder().timeout_config(timeouts).build();
        AwsTelemetry::with_clients(aws_sdk_cloudwatch::Client::new(&config), aws_sdk_eventbridge::Client::new(&config))
    }

    /// Telemetry through these clients.
    #[must_use]
    pub const fn with_clients(
        cloudwatch: aws_sdk_cloudwatch::Client,
        eventbridge: aws_sdk_eventbridge::Client,
    ) -> AwsTelemetry {
        AwsTelemetry { cloudwatch, eventbridge }
    }

    async fn put_metrics(&self, samples: &[Sample], at: Timestamp) -> Result<(), PortError> {
        for batch in samples.chunks(BATCH) {
            let data = batch.iter().map(|sample| datum(sample, at)).collect();
            let put = self.cloudwatch.put_metric_data().namespace(NAMESPACE).set_metric_data(Some(data));
            let put = put.send().await;
            put.map_err(|error| port_error("cloudwatch:PutMetricData", NAMESPACE, &error))?;
        }
        Ok(())
    }

    async fn put_event(&self, event: &RunEnded, at: Timestamp) -> Result<(), PortError> {
        let (action, subject) = ("events:PutEvents", "the default event bus");
        let refused = |said: String| failed(action, subject.to_owned(), said);
        let detail = serde_json::to_string(event).map_err(|error| refused(error.to_string()))?;
        let entry = PutEventsRequestEntry::builder()
            .source(event::SOURCE)
            .detail_type(event::DETAIL_TYPE)
            .time(aws_time(at))
            .detail(detail)
            .build();
        let answer = self.eventbridge.put_events().entries(entry).send().await;
        let answer = answer.map_err(|error| port_error(action, subject, &error))?;
        if answer.failed_entry_count() == 0 {
            return Ok(());
        }
        let codes: Vec<&str> = answer.entries().iter().filter_map(|entry| entry.error_code()).collect();
        Err(refused(format!("the entry was refused: {}", codes.join(", "))))
    }
}

impl Telemetry for AwsTelemetry {
    /// Tries the event also where the metrics fail; the first failure is the answer.
    async fn run_ended(&self, run: &RunRecord, reports: &[ClusterReport]) -> Result<(), PortError> {
        let Some(ended) = &run.ended else {
            tracing::warn!(run = %run.id, "a run that has not ended is not told of");
            return Ok(());
        };
        let metrics = self.put_metrics(&samples(run, ended, reports), ended.at).await;
        let event = self.put_event(&RunEnded::of(run, ended, reports), ended.at).await;
        metrics.and(event)
    }

    async fn spot_events(&self, occurrences: &[Occurrence], malformed: u32, now: Timestamp) -> Result<(), PortError> {
        self.put_metrics(&spot_samples(occurrences, malformed), now).await
    }
}

fn datum(sample: &Sample, at: Timestamp) -> MetricDatum {
    let dimensions =
        sample.dimensions.iter().map(|(name, value)| Dimension::builder().name(*name).value(value).build());
    let unit = match sample.metric.unit {
        Unit::Count => StandardUnit::Count,
        Unit::Seconds => StandardUnit::Seconds,
    };
    MetricDatum::builder()
        .metric_name(sample.metric.name)
        .set_dimensions(Some(dimensions.collect()))
        .timestamp(aws_time(at))
        .value(sample.value)
        .unit(unit)
        .build()
}

fn aws_time(at: Timestamp) -> aws_smithy_types::DateTime {
    aws_smithy_types::DateTime::from_secs(at.as_second())
}

#[cfg(test)]
mod tests;
