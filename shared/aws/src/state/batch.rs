//! Many items in few calls.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{KeysAndAttributes, PutRequest, WriteRequest};
use spotkeeper_core::ports::PortError;

use super::error::{failed, port_error};
use super::items::{Item, Key, check_size};
use super::table::{ATTEMPTS, Table, pause};

/// The most items of one `BatchGetItem`. Source: its page in the DynamoDB API reference.
const GET_BATCH: usize = 100;
/// The most items of one `BatchWriteItem`. Source: its page in the DynamoDB API reference.
const WRITE_BATCH: usize = 25;

impl Table {
    /// Puts items in place of those of their keys, 25 a call. Of several with one key the last
    /// stands: DynamoDB refuses a batch that names a key twice.
    pub(super) async fn put_many(&self, items: Vec<Item>) -> Result<(), PortError> {
        let mut by_key: BTreeMap<(String, String), Item> = BTreeMap::new();
        for item in items {
            check_size(&item)?;
            let Key { pk, sk } = Key::of(&item);
            by_key.insert((pk, sk), item);
        }
        let items: Vec<Item> = by_key.into_values().collect();
        for batch in items.chunks(WRITE_BATCH) {
            self.put_batch(batch).await?;
        }
        Ok(())
    }

    async fn put_batch(&self, batch: &[Item]) -> Result<(), PortError> {
        let action = "dynamodb:BatchWriteItem";
        let mut requests = Vec::with_capacity(batch.len());
        for item in batch {
            let put = PutRequest::builder().set_item(Some(item.clone())).build();
            let put = put.map_err(|error| failed(action, self.name.clone(), error.to_string()))?;
            requests.push(WriteRequest::builder().put_request(put).build());
        }
        for attempt in 1..=ATTEMPTS {
            let sent = self.client.batch_write_item().request_items(&self.name, requests).send().await;
            let answer = sent.map_err(|error| port_error(action, &self.subject("a batch of items"), &error))?;
            requests = answer.unprocessed_items.and_then(|mut left| left.remove(&self.name)).unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
            tracing::debug!(attempt, left = requests.len(), "DynamoDB left over a part of a batch");
            pause(attempt).await;
        }
        Err(PortError::Throttled { action: action.to_owned() })
    }

    /// Reads the items that are there, 100 a call, in no order, and not necessarily the newest.
    pub(super) async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, PortError> {
        let action = "dynamodb:BatchGetItem";
        let mut items = Vec::new();
        for batch in keys.chunks(GET_BATCH) {
            let mut wanted: Vec<Item> = batch.iter().map(Key::item).collect();
            for attempt in 1.. {
                let request = KeysAndAttributes::builder().set_keys(Some(wanted)).build();
                let request = request.map_err(|error| failed(action, self.name.clone(), error.to_string()))?;
                let sent = self.client.batch_get_item().request_items(&self.name, request).send().await;
                let answer = sent.map_err(|error| port_error(action, &self.subject("a batch of items"), &error))?;
                items.extend(answer.responses.and_then(|mut read| read.remove(&self.name)).unwrap_or_default());
                let left = answer.unprocessed_keys.and_then(|mut left| left.remove(&self.name));
                wanted = left.map(|left| left.keys).unwrap_or_default();
                if wanted.is_empty() {
                    break;
                }
                if attempt == ATTEMPTS {
                    return Err(PortError::Throttled { action: action.to_owned() });
                }
                pause(attempt).await;
            }
        }
        Ok(items)
    }
}
