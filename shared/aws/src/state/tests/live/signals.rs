//! What is known of Spot capacity, and the dials.

use spotkeeper_core::control::dial_over;
use spotkeeper_core::fixtures::state_contract;
use spotkeeper_core::signals::{Occurrence, OccurrenceKind};

use super::*;

#[tokio::test]
async fn the_newest_score_of_a_provider_stands() {
    let Some(live) = live("scores").await else {
        return;
    };
    state_contract::the_newest_score_of_a_provider_stands(&live.state).await;
}

#[tokio::test]
async fn an_occurrence_is_kept_once() {
    let Some(live) = live("occurrences").await else {
        return;
    };
    state_contract::an_occurrence_is_kept_once(&live.state).await;
    let unknown = live.item("occurrence/(unknown)", "instance_interruption/i-1").await.unwrap();
    assert!(unknown.contains_key("expires_at") && unknown.contains_key("at"), "{unknown:?}");
}

#[tokio::test]
async fn of_many_that_bring_one_occurrence_at_once_one_keeps_it() {
    let Some(live) = live("occurrence-at-once").await else {
        return;
    };
    let occurrence = Occurrence {
        id: "i-1".to_owned(),
        kind: OccurrenceKind::InstanceInterruption,
        at: fixtures::now(),
        cluster: None,
        provider: None,
        service: None,
        pool: None,
        sign: None,
    };
    let put = || live.state.put_occurrence(&occurrence);
    let (a, b, c, d) = tokio::join!(put(), put(), put(), put());
    let kept = [a, b, c, d].into_iter().filter(|kept| *kept.as_ref().unwrap()).count();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn a_ceiling_is_written_over_the_one_that_was_read() {
    let Some(live) = live("ceilings").await else {
        return;
    };
    state_contract::a_ceiling_is_written_over_the_one_that_was_read(&live.state).await;
    let item = live.item("ceiling/prod", &fixtures::pair(Family::AutoScalingGroup).to_string()).await.unwrap();
    assert!(!item.contains_key("expires_at"), "the versions must not begin anew: {item:?}");
}

#[tokio::test]
async fn a_dial_put_by_hand_counts_however_little_it_says() {
    let Some(live) = live("dials").await else {
        return;
    };
    let pk = ("pk", text("dial"));
    let percent = |number: &str| ("percent", AttributeValue::N(number.to_owned()));
    live.put_by_hand(&[pk.clone(), ("sk", text("all")), percent("30"), ("who", text("finops"))]).await;
    live.put_by_hand(&[pk.clone(), ("sk", text("cluster/prod"))]).await;
    let dials = live.state.signals(&fixtures::cluster_name(), fixtures::now()).await.unwrap().dials;
    let read: Vec<(String, u64)> = dials.iter().map(|dial| (dial.scope.to_string(), dial.percent.into())).collect();
    assert_eq!(read, [("all".to_owned(), 30), ("cluster/prod".to_owned(), 0)]);
    let bound = dial_over(&dials, &fixtures::cluster_name(), fixtures::now()).unwrap();
    assert_eq!(bound.percent.get(), 0, "a dial that says nothing is the lowest");
}

#[tokio::test]
async fn an_early_run_is_taken_once_in_its_time() {
    let Some(live) = live("early-runs").await else {
        return;
    };
    state_contract::an_early_run_is_taken_once_in_its_time(&live.state).await;
    assert!(live.state.take_early_run(&fixtures::cluster_name(), fixtures::now(), fixtures::at(600)).await.unwrap());
    let item = live.item("early-run", "prod").await.unwrap();
    assert!(item.contains_key("expires_at"), "{item:?}");
    let take = || live.state.take_early_run(&fixtures::cluster_name(), fixtures::at(600), fixtures::at(1_200));
    let (a, b, c, d) = tokio::join!(take(), take(), take(), take());
    let taken = [a, b, c, d].into_iter().filter(|taken| *taken.as_ref().unwrap()).count();
    assert_eq!(taken, 1, "of many at once");
}
