//! Batches and pages.

use super::*;

/// The requests of a batch, as DynamoDB leaves them over.
fn left_over(
    request: &aws_sdk_dynamodb::operation::batch_write_item::BatchWriteItemInput,
    from: usize,
) -> BatchWriteItemOutput {
    let requests = request.request_items().unwrap()[TABLE].clone();
    let left = requests.into_iter().skip(from).collect::<Vec<_>>();
    BatchWriteItemOutput::builder().set_unprocessed_items(Some(HashMap::from([(TABLE.to_owned(), left)]))).build()
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_batch_is_sent_again() {
    let write = |expected: usize, done: usize| {
        mock!(Client::batch_write_item)
            .match_requests(move |request| request.request_items().unwrap()[TABLE].len() == expected)
            .then_compute_output(move |request| left_over(request, done))
    };
    let rules = [write(25, 5), write(20, 19), write(1, 1), write(5, 5)];
    let run = fixtures::run_id("run");
    let moves: Vec<MoveRecord> = (0..30).map(|index| fixtures::move_up(&run, &format!("{index:02}"))).collect();
    state(&rules.iter().collect::<Vec<_>>()).put_moves(&moves).await.unwrap();
    assert!(rules.iter().all(|rule| rule.num_calls() == 1));

    let nothing_done = mock!(Client::batch_write_item).sequence().output(|| {
        let put = aws_sdk_dynamodb::types::PutRequest::builder().set_item(Some(item(&[]))).build().unwrap();
        let left = vec![aws_sdk_dynamodb::types::WriteRequest::builder().put_request(put).build()];
        BatchWriteItemOutput::builder().unprocessed_items(TABLE, left).build()
    });
    let nothing_done = nothing_done.repeatedly().build();
    let error = state(&[&nothing_done]).put_moves(&moves[..1]).await.unwrap_err();
    assert_eq!(said(&error), "Throttled: dynamodb:BatchWriteItem was throttled to the end");
    assert_eq!(nothing_done.num_calls(), 8);
}

#[tokio::test(start_paused = true)]
async fn keys_left_over_are_asked_for_again_and_none_twice() {
    let read = |expected: usize, left: usize| {
        mock!(Client::batch_get_item)
            .match_requests(move |request| request.request_items().unwrap()[TABLE].keys().len() == expected)
            .then_compute_output(move |request| {
                let keys = request.request_items().unwrap()[TABLE].keys().to_vec();
                let (done, rest) = keys.split_at(expected - left);
                let answer = BatchGetItemOutput::builder().responses(
                    TABLE,
                    done.iter()
                        .map(|key| key.clone().into_iter().chain([("body".to_owned(), text("1"))]).collect())
                        .collect(),
                );
                match rest {
                    [] => answer.build(),
                    rest => answer
                        .unprocessed_keys(
                            TABLE,
                            KeysAndAttributes::builder().set_keys(Some(rest.to_vec())).build().unwrap(),
                        )
                        .build(),
                }
            })
    };
    let rules = [read(100, 40), read(40, 0), read(20, 0)];
    let keys: Vec<String> = (0..240).map(|index| format!("key-{}", index % 120)).collect();
    let values = state(&rules.iter().collect::<Vec<_>>()).get_many(&keys, fixtures::now()).await.unwrap();
    assert_eq!(values.len(), 120);
}

#[tokio::test]
async fn every_page_is_read() {
    let page = |number: u32, last: bool| {
        mock!(Client::query)
            .match_requests(move |query| {
                query.consistent_read() == Some(true)
                    && query.exclusive_start_key().is_some() == (number > 0)
                    && query.projection_expression() == Some("#pk, #sk, #outcome")
            })
            .then_output(move || {
                let id = format!("m{number}");
                let outcome = ("outcome", text("stable"));
                let answer =
                    QueryOutput::builder().items(item(&[("pk", text("move/run")), ("sk", text(&id)), outcome]));
                match last {
                    true => answer.build(),
                    false => {
                        answer.last_evaluated_key("pk", text("move/run")).last_evaluated_key("sk", text(id)).build()
                    }
                }
            })
    };
    let rules = [page(0, false), page(1, false), page(2, true)];
    let outcomes = state(&rules.iter().collect::<Vec<_>>()).outcomes(&fixtures::run_id("run")).await.unwrap();
    assert_eq!(outcomes.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["m0", "m1", "m2"]);
}
