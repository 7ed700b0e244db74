//! Transactions: all parts or none.

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};
use spotkeeper_core::ports::PortError;

use super::error::{failed, port_error};
use super::items::{Item, Key, check_size};
use super::table::{ATTEMPTS, Condition, Table, names, pause};

impl Table {
    /// A put under a condition, as a part of a transaction.
    pub(super) fn put_part(&self, item: Item, condition: Option<Condition>) -> Result<TransactWriteItem, PortError> {
        check_size(&item)?;
        let put = Put::builder()
            .table_name(&self.name)
            .set_item(Some(item))
            .set_condition_expression(condition.as_ref().map(|condition| condition.expression.clone()))
            .set_expression_attribute_names(condition.as_ref().map(Condition::names))
            .set_expression_attribute_values(condition.as_ref().and_then(Condition::values))
            .build()
            .map_err(|error| failed("dynamodb:PutItem", self.name.clone(), error.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// A deletion, as a part of a transaction.
    pub(super) fn delete_part(&self, key: &Key) -> Result<TransactWriteItem, PortError> {
        let delete = Delete::builder()
            .table_name(&self.name)
            .set_key(Some(key.item()))
            .build()
            .map_err(|error| failed("dynamodb:DeleteItem", self.name.clone(), error.to_string()))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// One more on a number of an item, if a condition holds for it, as a part of a transaction.
    pub(super) fn count_part(
        &self,
        key: &Key,
        attribute: &str,
        condition: &Condition,
    ) -> Result<TransactWriteItem, PortError> {
        let expression = format!("ADD #{attribute} :one");
        let mut all_names = names(&expression);
        all_names.extend(condition.names());
        let mut values = condition.values.clone();
        values.insert(":one".to_owned(), AttributeValue::N("1".to_owned()));
        let update = Update::builder()
            .table_name(&self.name)
            .set_key(Some(key.item()))
            .update_expression(expression)
            .condition_expression(&condition.expression)
            .set_expression_attribute_names(Some(all_names))
            .set_expression_attribute_values(Some(values))
            .build()
            .map_err(|error| failed("dynamodb:UpdateItem", self.name.clone(), error.to_string()))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    /// A condition on an item that is not written, as a part of a transaction.
    pub(super) fn check_part(&self, key: &Key, condition: &Condition) -> Result<TransactWriteItem, PortError> {
        let check = ConditionCheck::builder()
            .table_name(&self.name)
            .set_key(Some(key.item()))
            .condition_expression(&condition.expression)
            .set_expression_attribute_names(Some(condition.names()))
            .set_expression_attribute_values(condition.values())
            .build()
            .map_err(|error| failed("dynamodb:ConditionCheckItem", self.name.clone(), error.to_string()))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }

    /// Writes all parts or none. `Err` inside says of each part whether its condition failed.
    /// A transaction that another one got in the way of is sent again.
    pub(super) async fn transact(
        &self,
        action: &str,
        subject: &str,
        parts: Vec<TransactWriteItem>,
    ) -> Result<Result<(), Vec<bool>>, PortError> {
        for attempt in 1..=ATTEMPTS {
            let sent = self.client.transact_write_items().set_transact_items(Some(parts.clone())).send().await;
            let Err(error) = sent else { return Ok(Ok(())) };
            let reasons = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    cancelled.cancellation_reasons()
                }
                Some(TransactWriteItemsError::TransactionInProgressException(_)) => &[],
                _ => return Err(port_error(action, &self.subject(subject), &error)),
            };
            let has = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
            if has("ConditionalCheckFailed") {
                let failed = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
                return Ok(Err(reasons.iter().map(failed).collect()));
            }
            if has("ThrottlingError") || has("ProvisionedThroughputExceeded") {
                return Err(PortError::Throttled { action: action.to_owned() });
            }
            if !has("TransactionConflict") && !reasons.is_empty() {
                return Err(failed(action, self.subject(subject), cancelled_for(reasons)));
            }
            pause(attempt).await;
        }
        Err(PortError::Conflict { subject: self.subject(subject) })
    }
}

/// Why a transaction was cancelled, in a sentence.
fn cancelled_for(reasons: &[CancellationReason]) -> String {
    let said: Vec<String> = reasons
        .iter()
        .filter(|reason| reason.code() != Some("None"))
        .map(|reason| format!("{} {}", reason.code().unwrap_or_default(), reason.message().unwrap_or_default()))
        .collect();
    format!("the transaction was cancelled: {}", said.join(", ").trim_end())
}
