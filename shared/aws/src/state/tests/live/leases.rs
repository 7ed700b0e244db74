//! Leases, fences, the run lock and the pace of writes.

use spotkeeper_core::fixtures::state_contract;
use spotkeeper_core::pace::WritePace;
use spotkeeper_core::units::Percent;

use super::*;

#[tokio::test]
async fn of_many_holders_at_once_one_takes_the_lease() {
    let Some(live) = live("contention").await else {
        return;
    };
    let now = fixtures::now();
    let (a, b, c, d) = tokio::join!(
        live.lease("run/a", 0, now),
        live.lease("run/b", 0, now),
        live.lease("run/c", 0, now),
        live.lease("run/d", 0, now),
    );
    let answers = [a, b, c, d];
    let holders: Vec<&str> = answers
        .iter()
        .filter_map(|answer| match answer {
            LeaseAnswer::Taken(lease) => Some(lease.holder.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(holders.len(), 1, "{answers:?}");
    for answer in &answers {
        match answer {
            LeaseAnswer::Taken(lease) => assert_eq!(lease.fence, 1),
            LeaseAnswer::HeldBy(lease) => assert_eq!(lease.holder, holders[0]),
            LeaseAnswer::SwitchChanged => panic!("no switch was changed"),
        }
    }
    assert_eq!(live.state.leases(now).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lease_passes_on_when_it_ends_or_is_given_back() {
    let Some(live) = live("leases").await else {
        return;
    };
    state_contract::a_lease_passes_on_when_it_ends_or_is_given_back(&live.state).await;
}

#[tokio::test]
async fn a_lease_is_not_given_under_an_old_epoch() {
    let Some(live) = live("epoch").await else {
        return;
    };
    state_contract::a_lease_is_not_given_under_an_old_epoch(&live.state).await;
}

#[tokio::test]
async fn an_older_fence_cannot_write_the_ledger() {
    let Some(live) = live("fencing").await else {
        return;
    };
    state_contract::an_older_fence_cannot_write_the_ledger(&live.state).await;

    // A lease item that somebody deletes does not start the numbers anew.
    let delete = live.dynamodb.delete_item().table_name(&live.table);
    delete.key("pk", text("lease")).key("sk", text(fixtures::service_ref("web").arn.as_str())).send().await.unwrap();
    let third = taken(live.lease("run/c", 0, fixtures::at(62)).await);
    assert_eq!(third.fence, 3);
}

#[tokio::test]
async fn the_lock_has_one_holder_until_it_ends_or_is_given_back() {
    let Some(live) = live("lock").await else {
        return;
    };
    let state = &live.state;
    state_contract::the_lock_has_one_holder_until_it_ends_or_is_given_back(state).await;
    let (one, two) = (fixtures::run_id("one"), fixtures::run_id("two"));
    let take = async |run, now, until| state.take_lock(run, fixtures::at(now), fixtures::at(until)).await.unwrap();
    let (a, b) = tokio::join!(take(&one, 200, 260), take(&two, 200, 260));
    assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|taken| **taken).count(), 1, "of two at once, one");
}

#[tokio::test]
async fn a_turn_is_written_over_the_one_that_was_read() {
    let Some(live) = live("turns").await else {
        return;
    };
    state_contract::a_turn_is_written_over_the_one_that_was_read(&live.state).await;
}

#[tokio::test]
async fn writes_are_taken_from_one_bucket() {
    let Some(live) = live("pace").await else {
        return;
    };
    let state = &live.state;
    state_contract::writes_are_taken_from_one_bucket(state).await;
    let pace = WritePace::of(Percent::saturating(100));
    let take = async || state.take_writes(pace, 10, fixtures::at(3_600)).await.unwrap();
    let (a, b, c) = tokio::join!(take(), take(), take());
    assert!([a, b, c].iter().all(|slots| *slots == [fixtures::at(3_600); 10]));
    let most = state.take_writes(pace, 50, fixtures::at(3_600)).await.unwrap();
    assert_eq!(most.len(), 20, "of three at once, none took what another took");
}
