//! Conditions and transactions.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_transaction_is_cancelled_for_many_reasons() {
    let lease = "lease arn:aws:ecs:eu-west-1:123456789012:service/prod/web";
    let cases: [(&str, &'static [&'static str], String); 4] = [
        ("the epoch", &["ConditionalCheckFailed", "None"], "Ok(SwitchChanged)".to_owned()),
        ("both", &["ConditionalCheckFailed", "ConditionalCheckFailed"], "Ok(SwitchChanged)".to_owned()),
        ("throttled", &["None", "ThrottlingError"], "Throttled: dynamodb:PutItem was throttled to the end".to_owned()),
        (
            "something else",
            &["None", "ValidationError"],
            format!(
                "Unavailable: dynamodb:PutItem on table table, item {lease} failed: the transaction was cancelled: ValidationError"
            ),
        ),
    ];
    for (name, codes, expected) in cases {
        let (get_lease, get_ledger) = (no_item(), no_item());
        let transact = mock!(Client::transact_write_items).then_error(move || cancelled(codes));
        let answer = take(&state(&[&get_lease, &get_ledger, &transact])).await;
        let answer = answer.map_or_else(|error| said(&error), |answer| format!("Ok({answer:?})"));
        assert!(answer.starts_with(&expected), "{name}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_transaction_in_the_way_of_another_is_sent_again() {
    let (get_lease, get_ledger) = (no_item(), no_item());
    let in_the_way = mock!(Client::transact_write_items)
        .sequence()
        .error(|| cancelled(&["TransactionConflict", "None"]))
        .times(3)
        .output(|| TransactWriteItemsOutput::builder().build())
        .build();
    let answer = take(&state(&[&get_lease, &get_ledger, &in_the_way])).await.unwrap();
    assert!(matches!(answer, LeaseAnswer::Taken(lease) if lease.fence == 1 && lease.epoch == 3));
    assert_eq!(in_the_way.num_calls(), 4);

    let (get_lease, get_ledger) = (no_item(), no_item());
    let for_ever = mock!(Client::transact_write_items)
        .sequence()
        .error(|| cancelled(&["None", "TransactionConflict"]))
        .repeatedly();
    let answer = take(&state(&[&get_lease, &get_ledger, &for_ever.build()])).await;
    assert_eq!(answer.unwrap_err().name(), "Conflict");
}

#[tokio::test]
async fn the_transaction_checks_the_epoch_and_the_lease_together() {
    let (get_lease, get_ledger) = (no_item(), no_item());
    let transact = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let [check, put] = request.transact_items() else {
                return false;
            };
            let check = check.condition_check().unwrap();
            let put = put.put().unwrap();
            check.key()["sk"] == text("epoch")
                && check.condition_expression() == "#epoch = :epoch"
                && check.expression_attribute_values().unwrap()[":epoch"] == AttributeValue::N("3".to_owned())
                && put.condition_expression() == Some("attribute_not_exists(#pk)")
                && put.expression_attribute_values().is_none()
                && request.client_request_token().is_some()
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());
    take(&state(&[&get_lease, &get_ledger, &transact])).await.unwrap();
    assert_eq!(transact.num_calls(), 1);
}

#[tokio::test]
async fn the_role_s_missing_action_is_named() {
    let (get_lease, get_ledger) = (no_item(), no_item());
    let message = "User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: dynamodb:ConditionCheckItem on \
                   resource: arn:aws:dynamodb:eu-west-1:1:table/table because no identity-based policy allows it";
    let denied = mock!(Client::transact_write_items)
        .then_error(move || TransactWriteItemsError::generic(refused("AccessDeniedException", message)));
    let error = take(&state(&[&get_lease, &get_ledger, &denied])).await.unwrap_err();
    assert!(said(&error).starts_with("AccessDenied: the role may not call dynamodb:ConditionCheckItem on table table"));
}

#[tokio::test]
async fn a_failed_condition_is_a_conflict_or_the_item_in_the_way() {
    let failed = || PutItemError::ConditionalCheckFailedException(ConditionalCheckFailedException::builder().build());
    let put = mock!(Client::put_item).then_error(failed);
    let error = state(&[&put]).put_ledger(&ledger("web", 3)).await.unwrap_err();
    assert_eq!(said(&error), "Conflict: the ledger of prod/web was changed by somebody else in between");

    // An answer without the item, as when it was given back in between: look, and try again.
    let (put, get, again) = (
        mock!(Client::put_item).then_error(failed),
        no_item(),
        mock!(Client::put_item).then_output(|| PutItemOutput::builder().build()),
    );
    let lock = state(&[&put, &get, &again]).take_lock(&fixtures::run_id("r"), fixtures::now(), fixtures::at(1)).await;
    assert!(lock.unwrap().is_ok());
}

#[tokio::test]
async fn an_item_of_more_than_400_kb_is_refused_before_it_is_sent() {
    let mut large = fixtures::move_up(&fixtures::run_id("run"), "m");
    large.history.push(HistoryLine { at: fixtures::now(), what: "x".repeat(410_000) });
    let error = state(&[]).put_moves(&[large]).await.unwrap_err();
    assert!(
        said(&error).starts_with("Unavailable: dynamodb:PutItem on item move/run m failed: 41"),
        "{}",
        said(&error)
    );
    assert!(
        said(&error).ends_with("bytes are more than the 409600 that DynamoDB takes in one item"),
        "{}",
        said(&error)
    );
}
