//! The calls to the table.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use spotkeeper_core::ports::PortError;

use super::error::port_error;
use super::items::{Item, Key, check_size, text};

/// How often what DynamoDB left over of a batch, or cancelled for a conflict, is sent again.
/// With [`pause`] up to 6 s of waiting, 3 s on average.
pub(super) const ATTEMPTS: u32 = 8;
/// The upper end of the first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The upper end of every later pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) client: Client,
    pub(super) name: String,
}

/// A condition on a write. Every name is written `#name`, so that no reserved word gets in the way.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    pub(super) expression: String,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Condition {
    pub(super) fn new<const N: usize>(expression: &str, values: [(&str, AttributeValue); N]) -> Condition {
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Condition { expression: expression.to_owned(), values }
    }

    /// The names that the expression has, `#fence` for `fence`.
    pub(super) fn names(&self) -> HashMap<String, String> {
        names(&self.expression)
    }

    /// `None` for none: DynamoDB refuses an empty map.
    pub(super) fn values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// The names in an expression: `#fence` stands for `fence`.
pub(super) fn names(expression: &str) -> HashMap<String, String> {
    expression
        .split(|character: char| character != '#' && character != '_' && !character.is_ascii_alphanumeric())
        .filter_map(|word| word.strip_prefix('#').map(|name| (word.to_owned(), name.to_owned())))
        .collect()
}

impl Table {
    pub(super) fn new(client: Client, name: &str) -> Table {
        Table { client, name: name.to_owned() }
    }

    /// Where something is, for an error's subject.
    pub(super) fn subject(&self, what: &str) -> String {
        format!("table {}, {what}", self.name)
    }

    /// Reads an item as the last write left it.
    pub(super) async fn get(&self, key: &Key) -> Result<Option<Item>, PortError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.name)
            .set_key(Some(key.item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| port_error("dynamodb:GetItem", &self.subject(&key.to_string()), &error))?;
        Ok(answer.item)
    }

    /// Reads every item of a partition whose `sk` begins with `prefix`, all attributes or those
    /// named, as the last writes left them.
    pub(super) async fn query(
        &self,
        pk: &str,
        prefix: &str,
        attributes: Option<&str>,
        filter: Option<Condition>,
    ) -> Result<Vec<Item>, PortError> {
        let mut values = HashMap::from([(":pk".to_owned(), text(pk))]);
        let mut condition = "#pk = :pk".to_owned();
        if !prefix.is_empty() {
            condition.push_str(" AND begins_with(#sk, :prefix)");
            values.insert(":prefix".to_owned(), text(prefix));
        }
        let mut names = names(&format!("{condition} {}", attributes.unwrap_or_default()));
        if let Some(filter) = &filter {
            names.extend(filter.names());
            values.extend(filter.values.clone());
        }
        let mut pages = self
            .client
            .query()
            .table_name(&self.name)
            .consistent_read(true)
            .key_condition_expression(condition)
            .set_projection_expression(attributes.map(str::to_owned))
            .set_filter_expression(filter.map(|filter| filter.expression))
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .into_paginator()
            .send();
        let mut items = Vec::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|error| port_error("dynamodb:Query", &self.subject(&format!("items {pk}")), &error))?;
            items.extend(page.items.unwrap_or_default());
        }
        Ok(items)
    }

    /// Puts an item in place of the one of its key.
    pub(super) async fn put(&self, item: Item) -> Result<(), PortError> {
        check_size(&item)?;
        let subject = self.subject(&Key::of(&item).to_string());
        let put = self.client.put_item().table_name(&self.name).set_item(Some(item)).send().await;
        put.map(drop).map_err(|error| port_error("dynamodb:PutItem", &subject, &error))
    }

    /// Puts an item if a condition holds for the one of its key. `Err` inside is the item that it
    /// did not hold for, as far as DynamoDB tells.
    pub(super) async fn put_if(&self, item: Item, condition: Condition) -> Result<Result<(), Option<Item>>, PortError> {
        check_size(&item)?;
        let subject = self.subject(&Key::of(&item).to_string());
        let put = self
            .client
            .put_item()
            .table_name(&self.name)
            .set_item(Some(item))
            .condition_expression(&condition.expression)
            .set_expression_attribute_names(Some(condition.names()))
            .set_expression_attribute_values(condition.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else { return Ok(Ok(())) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(failed)) => Ok(Err(failed.item.clone())),
            _ => Err(port_error("dynamodb:PutItem", &subject, &error)),
        }
    }

    /// Deletes an item if a condition holds for it, and says whether it did.
    pub(super) async fn delete_if(&self, key: &Key, condition: Condition) -> Result<bool, PortError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.name)
            .set_key(Some(key.item()))
            .condition_expression(&condition.expression)
            .set_expression_attribute_names(Some(condition.names()))
            .set_expression_attribute_values(condition.values())
            .send()
            .await;
        let Err(error) = delete else { return Ok(true) };
        match error.as_service_error() {
            Some(failed) if failed.is_conditional_check_failed_exception() => Ok(false),
            _ => Err(port_error("dynamodb:DeleteItem", &self.subject(&key.to_string()), &error)),
        }
    }
}

/// Waits before the next attempt: any part of a time whose upper end doubles.
pub(super) async fn pause(attempt: u32) {
    let doublings = attempt.saturating_sub(1).min(16);
    let most = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
}
