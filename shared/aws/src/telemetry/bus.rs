//! Putting events on the bus.

use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use jiff::Timestamp;
use serde_json::{Value, json};
use spotkeeper_core::ports::PortError;

use super::aws_time;
use super::event::{Detail, SOURCE};
use crate::state::{failed, port_error};

const ACTION: &str = "events:PutEvents";
const BUS: &str = "the default event bus";
/// The most events of one call. Source: `PutEvents`, EventBridge API reference.
const ENTRIES: usize = 10;
/// The most bytes of one call, all its events together. Source: "Calculating Amazon EventBridge PutEvents
/// event entry size", EventBridge user guide: below 256 KB.
const BYTES: usize = 250_000;
/// How often an event is sent that the bus did not take: the answer to a call says of each of its events
/// whether it was taken, and those that were not are the sender's to send again ("Handling failures with
/// PutEvents", EventBridge user guide). The SDK repeats only calls that fail as a whole.
const ATTEMPTS: usize = 2;

/// An event that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    detail_type: &'static str,
    at: Timestamp,
    detail: String,
}

impl Event {
    pub(super) fn of<D: Detail>(detail: &D) -> Result<Event, PortError> {
        let text = serde_json::to_string(detail).map_err(|error| refused(error.to_string()))?;
        Ok(Event { detail_type: D::TYPE, at: detail.at(), detail: text })
    }

    /// The event as it is on the bus, as far as Spotkeeper says what it is.
    #[must_use]
    pub fn on_the_bus(&self) -> Value {
        let detail: Value = serde_json::from_str(&self.detail).unwrap_or_default();
        json!({ "source": SOURCE, "detail-type": self.detail_type, "time": self.at, "detail": detail })
    }

    /// Its size, as EventBridge reckons it: the time counts for 14 bytes.
    const fn bytes(&self) -> usize {
        14 + SOURCE.len() + self.detail_type.len() + self.detail.len()
    }

    fn entry(&self) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .source(SOURCE)
            .detail_type(self.detail_type)
            .time(aws_time(self.at))
            .detail(&self.detail)
            .build()
    }
}

/// Sends events, as many in a call as it takes, in order. Where a call fails, those after it are not sent:
/// a run does not wait for a bus that is not there. Where single events are refused, the others are sent.
pub(super) async fn put(client: &aws_sdk_eventbridge::Client, events: &[Event]) -> Result<(), PortError> {
    let mut codes = Vec::new();
    for batch in batches(events) {
        codes.extend(put_batch(client, batch).await?);
    }
    match codes.as_slice() {
        [] => Ok(()),
        codes => Err(refused(format!("{} of {} events were refused: {}", codes.len(), events.len(), codes.join(", ")))),
    }
}

/// Sends a batch, and what was refused of it once more; the codes of what was refused to the end.
async fn put_batch(client: &aws_sdk_eventbridge::Client, batch: &[Event]) -> Result<Vec<String>, PortError> {
    let mut left: Vec<&Event> = batch.iter().collect();
    let mut codes = Vec::new();
    for _ in 0..ATTEMPTS {
        let entries = left.iter().map(|event| event.entry()).collect();
        let answer = client.put_events().set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| port_error(ACTION, BUS, &error))?;
        if answer.failed_entry_count() == 0 {
            return Ok(Vec::new());
        }
        // The answer has as many entries as the call, in its order.
        let refused =
            answer.entries().iter().zip(&left).filter_map(|(entry, event)| Some((entry.error_code()?, *event)));
        let (refused, events): (Vec<String>, Vec<&Event>) =
            refused.map(|(code, event)| (code.to_owned(), event)).unzip();
        (codes, left) = (refused, events);
    }
    Ok(codes)
}

fn batches(events: &[Event]) -> Vec<&[Event]> {
    let mut batches = Vec::new();
    let mut rest = events;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fit = rest.iter().take(ENTRIES).take_while(|event| {
            bytes += event.bytes();
            bytes <= BYTES
        });
        // One that is too large is sent alone, and AWS says so.
        let (batch, after) = rest.split_at(fit.count().max(1));
        batches.push(batch);
        rest = after;
    }
    batches
}

fn refused(said: String) -> PortError {
    failed(ACTION, BUS.to_owned(), said)
}

#[cfg(test)]
#[path = "bus_tests.rs"]
mod tests;
