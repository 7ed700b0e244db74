//! Messages of the queue: what is in them, and what is answered.

use aws_lambda_events::event::sqs::SqsEvent;
use serde_json::Value;
use spotkeeper_core::signals::{Ignored, Notice, Parsed, parse_event};

/// The largest body that is read: the largest event that EventBridge takes. Source: "Amazon
/// EventBridge quotas", its user guide.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// A message: an event of EventBridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id in the queue.
    pub id: String,
    /// The event, as JSON.
    pub body: String,
}

/// What a message says.
pub(crate) enum Read {
    /// Something about Spot capacity.
    Notice(Notice),
    /// Nothing about it.
    Ignored(Ignored),
}

/// The messages of Lambda's input.
///
/// # Errors
/// What is wrong with it. Lambda makes it: the whole batch comes again.
pub fn messages(input: Value) -> Result<Vec<Message>, String> {
    let event: SqsEvent = serde_json::from_value(input).map_err(|error| error.to_string())?;
    let message = |record: aws_lambda_events::event::sqs::SqsMessage| {
        let id = record.message_id.filter(|id| !id.is_empty()).ok_or("a message without an id")?;
        Ok(Message { id, body: record.body.unwrap_or_default() })
    };
    event.records.into_iter().map(message).collect()
}

/// Reads a message.
pub(crate) fn read(message: &Message) -> Result<Read, String> {
    let size = message.body.len();
    if size > MAX_BODY_BYTES {
        return Err(format!("{size} bytes are more than the {MAX_BODY_BYTES} of an event"));
    }
    let event: Value = serde_json::from_str(&message.body).map_err(|error| format!("no JSON: {error}"))?;
    match parse_event(&event) {
        Ok(Parsed::Notice(notice)) => Ok(Read::Notice(notice)),
        Ok(Parsed::Ignored(why)) => Ok(Read::Ignored(why)),
        Err(error) => Err(error.to_string()),
    }
}
