//! Leases, fences and the run lock.

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
    let now = fixtures::now();
    let first = taken(live.lease("run/a", 0, now).await);
    assert_eq!(live.lease("run/b", 0, now).await, LeaseAnswer::HeldBy(first.clone()));

    let kept = taken(live.lease("run/a", 0, fixtures::at(30)).await);
    assert_eq!((kept.fence, kept.until), (2, fixtures::at(90)), "a holder keeps it, with a later end");

    let second = taken(live.lease("run/b", 0, fixtures::at(90)).await);
    assert_eq!(second.fence, 3, "it had ended");
    live.state.release_lease(&kept).await.unwrap();
    assert_eq!(
        live.state.leases(fixtures::at(91)).await.unwrap(),
        std::slice::from_ref(&second),
        "only its own fence releases it"
    );
    live.state.release_lease(&second).await.unwrap();
    assert_eq!(live.state.leases(fixtures::at(91)).await.unwrap(), []);

    let third = taken(live.lease("run/c", 0, fixtures::at(92)).await);
    assert_eq!(third.fence, 4, "the numbers go on after a release");
}

#[tokio::test]
async fn a_lease_is_not_given_under_an_old_epoch() {
    let Some(live) = live("epoch").await else {
        return;
    };
    let now = fixtures::now();
    let before = live.state.switches().await.unwrap();
    live.state.put_switch(&entry("service/prod/web", "stop")).await.unwrap();
    assert_eq!(live.lease("run/a", before.epoch, now).await, LeaseAnswer::SwitchChanged, "from none to the first");
    assert_eq!(live.state.leases(now).await.unwrap(), [], "and nothing was written");

    let between = live.state.switches().await.unwrap();
    live.state.remove_switch(&Scope::parse("service/prod/web").unwrap()).await.unwrap();
    assert_eq!(live.lease("run/a", between.epoch, now).await, LeaseAnswer::SwitchChanged);
    let lease = taken(live.lease("run/a", live.state.switches().await.unwrap().epoch, now).await);
    assert_eq!((lease.fence, lease.epoch), (1, 2));
}

#[tokio::test]
async fn an_older_fence_cannot_write_the_ledger() {
    let Some(live) = live("fencing").await else {
        return;
    };
    let state = &live.state;
    let first = taken(live.lease("run/a", 0, fixtures::now()).await);
    state.put_ledger(&ledger("web", first.fence)).await.unwrap();
    // `a` reads, stalls, and loses its lease to `b`, which writes.
    let read = state.ledger(&first.service.arn).await.unwrap().unwrap();
    let second = taken(live.lease("run/b", 0, fixtures::at(61)).await);
    let by_b = Ledger { failures: 7, ..ledger("web", second.fence) };
    state.put_ledger(&by_b).await.unwrap();
    let by_a = Ledger { reverts: 1, ..read };
    assert!(matches!(state.put_ledger(&by_a).await, Err(PortError::Conflict { .. })));
    assert_eq!(state.ledger(&first.service.arn).await.unwrap(), Some(by_b.clone()), "b's update is not lost");
    state.put_ledger(&Ledger { failures: 8, ..by_b }).await.unwrap();

    // A lease item that somebody deletes does not start the numbers anew.
    let delete = live.dynamodb.delete_item().table_name(&live.table);
    delete.key("pk", text("lease")).key("sk", text(first.service.arn.as_str())).send().await.unwrap();
    let third = taken(live.lease("run/c", 0, fixtures::at(62)).await);
    assert_eq!(third.fence, 3);
}

#[tokio::test]
async fn the_lock_has_one_holder_until_it_ends_or_is_given_back() {
    let Some(live) = live("lock").await else {
        return;
    };
    let state = &live.state;
    let (one, two) = (fixtures::run_id("one"), fixtures::run_id("two"));
    let take = async |run, now, until| state.take_lock(run, fixtures::at(now), fixtures::at(until)).await.unwrap();
    assert_eq!(take(&one, 0, 60).await.unwrap().until, fixtures::at(60));
    assert_eq!(take(&two, 30, 90).await.unwrap_err().run, one);
    assert_eq!(take(&one, 30, 90).await.unwrap().until, fixtures::at(90), "kept, with a later end");
    state.release_lock(&two).await.unwrap();
    assert_eq!(take(&two, 89, 150).await.unwrap_err().run, one, "another run cannot give it back");
    assert_eq!(take(&two, 90, 150).await.unwrap().run, two, "it had ended");
    assert_eq!(take(&one, 100, 160).await.unwrap_err().run, two);
    state.release_lock(&two).await.unwrap();
    assert_eq!(take(&one, 100, 160).await.unwrap().run, one);
    let (a, b) = tokio::join!(take(&one, 200, 260), take(&two, 200, 260));
    assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|taken| **taken).count(), 1, "of two at once, one");
}
