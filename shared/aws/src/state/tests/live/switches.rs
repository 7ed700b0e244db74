//! The policy and the kill switch.

use spotkeeper_core::fixtures::state_contract;

use super::*;

#[tokio::test]
async fn a_policy_is_read_and_its_absence_told() {
    let Some(live) = live("policy").await else {
        return;
    };
    let name = format!("/{}/policy", live.table);
    let absent = live.state.policy().await.unwrap_err();
    assert_eq!(
        absent.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [format!("/: there is no policy at {name}")]
    );
    for (document, mistakes) in [("mode: active", 0), ("mode: on\nclusters: 5", 2)] {
        live.ssm
            .put_parameter()
            .name(&name)
            .value(document)
            .r#type(aws_sdk_ssm::types::ParameterType::String)
            .overwrite(true)
            .send()
            .await
            .unwrap();
        let policy = live.state.policy().await;
        assert_eq!(policy.map_or_else(|mistakes| mistakes.len(), |_| 0), mistakes, "{document}");
    }
}

#[tokio::test]
async fn every_change_of_a_switch_counts_the_epoch_up_and_a_repetition_does_not() {
    let Some(live) = live("switches").await else {
        return;
    };
    state_contract::every_change_of_a_switch_counts_the_epoch_up(&live.state).await;
}

#[tokio::test]
async fn told_switches_are_written_over_those_that_were_read() {
    let Some(live) = live("told-switches").await else {
        return;
    };
    state_contract::told_switches_are_written_over_those_that_were_read(&live.state).await;
    let item = live.item("told-switches", "told").await.unwrap();
    assert!(!item.contains_key("expires_at"), "what was told must not be told again: {item:?}");
}

#[tokio::test]
async fn switches_thrown_at_once_are_all_counted() {
    let Some(live) = live("at-once").await else {
        return;
    };
    let names = ["a", "b", "c", "d", "e", "f"].map(|name| entry(&format!("cluster/{name}"), "storm"));
    let (a, b, c, d, e, f) = tokio::join!(
        live.state.put_switch(&names[0]),
        live.state.put_switch(&names[1]),
        live.state.put_switch(&names[2]),
        live.state.put_switch(&names[3]),
        live.state.put_switch(&names[4]),
        live.state.put_switch(&names[5]),
    );
    let mut epochs: Vec<u64> = [a, b, c, d, e, f].into_iter().map(Result::unwrap).collect();
    epochs.sort_unstable();
    assert_eq!(epochs, [1, 2, 3, 4, 5, 6], "each change has a number of its own");
    let switches = live.state.switches().await.unwrap();
    assert_eq!((switches.epoch, switches.entries.len()), (6, 6));
}

#[tokio::test]
async fn a_switch_put_by_hand_counts_however_little_it_says() {
    let Some(live) = live("by-hand").await else {
        return;
    };
    let pk = ("pk", text("switch"));
    live.put_by_hand(&[pk.clone(), ("sk", text("cluster/prod"))]).await;
    live.put_by_hand(&[pk.clone(), ("sk", text("clutser/test")), ("reason", text("in a hurry"))]).await;
    let switches = live.state.switches().await.unwrap();
    assert_eq!(switches.epoch, 0, "nobody counted");
    let scopes: Vec<String> = switches.entries.iter().map(|entry| entry.scope.to_string()).collect();
    assert_eq!(scopes, ["cluster/prod", "all"], "what has no readable scope counts for all");
    assert!(switches.over(&fixtures::service_ref("web"), fixtures::now()).is_some());
    // Spotkeeper's own entry takes its place.
    assert_eq!(live.state.put_switch(&entry("cluster/prod", "drill")).await.unwrap(), 1);
    assert_eq!(live.state.remove_switch(&Scope::parse("cluster/prod").unwrap()).await.unwrap(), 2);
}
