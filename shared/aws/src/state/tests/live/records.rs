//! Ledgers, moves, assessments and the cache.

use super::*;

#[tokio::test]
async fn ledgers_are_found_by_cluster_and_kept_for_good() {
    let Some(live) = live("ledgers").await else {
        return;
    };
    let in_cluster = |cluster: &str, name: &str, arn: String| {
        let service = ServiceRef {
            cluster: ClusterName::parse(cluster).unwrap(),
            arn: ServiceArn::parse(&arn).unwrap(),
            ..fixtures::service_ref(name)
        };
        Ledger { service, ..ledger(name, 1) }
    };
    let arn = "arn:aws:ecs:eu-west-1:123456789012";
    let ledgers = [
        in_cluster("prod", "api", format!("{arn}:service/prod/api")),
        in_cluster("prod", "old", format!("{arn}:service/old")),
        in_cluster("prod", "web", format!("{arn}:service/prod/web")),
        in_cluster("prod2", "web", format!("{arn}:service/prod2/web")),
    ];
    for ledger in &ledgers {
        live.state.put_ledger(ledger).await.unwrap();
        assert_eq!(live.state.ledger(&ledger.service.arn).await.unwrap().as_ref(), Some(ledger));
    }
    let cluster = Cluster {
        name: fixtures::cluster_name(),
        arn: format!("{arn}:cluster/prod"),
        active: true,
        capacity_providers: Vec::new(),
    };
    assert_eq!(live.state.ledgers(&cluster).await.unwrap(), ledgers[..3]);
    let item = live.item("ledger", ledgers[0].service.arn.as_str()).await.unwrap();
    assert!(!item.contains_key("expires_at"), "an original is never forgotten");
    assert_eq!(live.state.ledger(&ServiceArn::parse(&format!("{arn}:service/x")).unwrap()).await.unwrap(), None);
}

#[tokio::test]
async fn moves_are_written_in_batches_and_their_outcomes_listed() {
    let Some(live) = live("moves").await else {
        return;
    };
    let run = fixtures::run_id("run");
    let mut moves: Vec<MoveRecord> =
        (0..60).map(|index| fixtures::move_up(&run, &format!("prod/{index:03}"))).collect();
    live.state.put_moves(&moves).await.unwrap();
    moves[7].outcome = Some(Outcome::FallenBack);
    moves[7].attempts = 2;
    live.state.put_moves(&[moves[7].clone(), moves[7].clone()]).await.unwrap();
    let outcomes = live.state.outcomes(&run).await.unwrap();
    assert_eq!(outcomes.len(), 60);
    let ended: Vec<_> = outcomes.into_iter().filter(|(_, outcome)| outcome.is_some()).collect();
    assert_eq!(ended, [(move_id("prod/007"), Some(Outcome::FallenBack))]);
    assert_eq!(live.state.get_move(&run, &move_id("prod/007")).await.unwrap().as_ref(), Some(&moves[7]));
    assert_eq!(live.state.get_move(&run, &move_id("prod/060")).await.unwrap(), None);
    assert_eq!(live.state.outcomes(&fixtures::run_id("ru")).await.unwrap(), []);
    let item = live.item("move/run", "prod/007").await.unwrap();
    let expires: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
    let days = (expires - Timestamp::now().as_second()) / 86_400;
    assert!((89..=90).contains(&days), "{days} days");
}

#[tokio::test]
async fn a_large_cluster_has_its_assessments_kept() {
    let Some(live) = live("assessments").await else {
        return;
    };
    let run = fixtures::run_id("run");
    let assessments = |count: u32| -> Vec<spotkeeper_core::assess::Assessment> {
        let one = |index| spotkeeper_core::assess::Assessment {
            service: fixtures::service_ref(&format!("service-{index}-{}", "x".repeat(200))),
            pair: Some(fixtures::pair(Family::Fargate)),
            verdicts: Vec::new(),
            spread: None,
            suitability: serde_json::from_value(serde_json::json!({
                "score": 1, "drain_slack": 1, "redundancy": 1, "rolling_headroom": 1, "pool_diversity": 1,
                "placement_score": null,
            }))
            .unwrap(),
        };
        (0..count).map(one).collect()
    };
    let cluster = fixtures::cluster_name();
    for count in [0, 1, 2_000, 3] {
        live.state.put_assessments(&run, &cluster, &assessments(count)).await.unwrap();
        assert_eq!(live.state.assessments(&run, &cluster).await.unwrap(), assessments(count), "{count} services");
    }
    assert_eq!(live.state.assessments(&run, &ClusterName::parse("pro").unwrap()).await.unwrap(), []);
}

#[tokio::test]
async fn the_cache_remembers_until_an_entry_ends() {
    let Some(live) = live("cache").await else {
        return;
    };
    let entries: Vec<CacheEntry> = (0..150)
        .map(|index| CacheEntry {
            key: format!("arn:{index}"),
            value: index.to_string(),
            expires_at: (index % 2 == 0).then(|| time("2026-01-01T00:00:00.5Z")),
        })
        .chain([CacheEntry { key: "large".to_owned(), value: "x".repeat(500_000), expires_at: None }])
        .collect();
    live.state.put_many(&entries).await.unwrap();
    let keys: Vec<String> = entries.iter().map(|entry| entry.key.clone()).chain(["arn:0".to_owned()]).collect();
    let before = live.state.get_many(&keys, time("2026-01-01T00:00:00.4Z")).await.unwrap();
    assert_eq!(before.len(), 150, "what is too large is forgotten");
    assert_eq!(before["arn:149"], "149");
    assert_eq!(live.state.get_many(&keys, time("2026-01-01T00:00:00.5Z")).await.unwrap().len(), 75);
    assert_eq!(live.state.get_many(&[], fixtures::now()).await.unwrap(), BTreeMap::new());
}
