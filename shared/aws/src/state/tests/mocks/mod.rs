//! Against modelled answers: what MiniStack never says.

mod batches;
mod reads;
mod writes;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
use aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemOutput;
use aws_sdk_dynamodb::operation::get_item::{GetItemError, GetItemOutput};
use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemOutput};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{TransactWriteItemsError, TransactWriteItemsOutput};
use aws_sdk_dynamodb::types::error::{ConditionalCheckFailedException, TransactionCanceledException};
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, KeysAndAttributes};
use aws_sdk_ssm::operation::get_parameter::GetParameterError;
use aws_smithy_mocks::{Rule, RuleMode, mock, mock_client};
use aws_smithy_types::error::ErrorMetadata;
use jiff::Timestamp;
use spotkeeper_core::fixtures;
use spotkeeper_core::ports::{LeaseAnswer, PortError, State};
use spotkeeper_core::record::{HistoryLine, MoveRecord};
use spotkeeper_core::switch::SwitchEntry;

use super::{entry, ledger, time};
use crate::fleet::Cache;
use crate::state::items::{Item, text};
use crate::state::{DynamoState, dials, switches};

const TABLE: &str = "table";

fn state(rules: &[&Rule]) -> DynamoState {
    let dynamodb = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, rules);
    DynamoState::with_clients(dynamodb, mock_client!(aws_sdk_ssm, []), TABLE, "/policy")
}

fn item(attributes: &[(&str, AttributeValue)]) -> Item {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn cancelled(codes: &'static [&'static str]) -> TransactWriteItemsError {
    let reasons = codes.iter().map(|code| CancellationReason::builder().code(*code).build()).collect();
    let cancelled = TransactionCanceledException::builder().set_cancellation_reasons(Some(reasons));
    TransactWriteItemsError::TransactionCanceledException(cancelled.build())
}

fn refused(code: &str, message: &str) -> ErrorMetadata {
    ErrorMetadata::builder().code(code).message(message).build()
}

fn no_item() -> Rule {
    mock!(Client::get_item)
        .match_requests(|get| get.consistent_read() == Some(true))
        .then_output(|| GetItemOutput::builder().build())
}

async fn take(state: &DynamoState) -> Result<LeaseAnswer, PortError> {
    state.take_lease(&fixtures::service_ref("web"), "run/a", 3, fixtures::now(), fixtures::at(60)).await
}

/// What an error says, for comparison.
fn said(error: &PortError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{}: {error}: {source}", error.name()),
        None => format!("{}: {error}", error.name()),
    }
}
