//! What is made to go wrong: throttling, denials, lost and held answers.

use std::time::Duration;

use serde_json::json;

use crate::server::{DEMO, start, to_spot};

#[tokio::test]
async fn token_buckets_throttle() {
    let server = start(DEMO, 1.0).await;
    let mut throttled = 0;
    for _ in 0..60 {
        let answer = server.ecs("UpdateService", json!({"cluster": "shop", "service": "nope"})).await;
        if answer.json()["__type"] == "ThrottlingException" {
            assert_eq!(answer.json()["message"], "Rate exceeded");
            throttled += 1;
        }
    }
    assert!(throttled > 0 && throttled <= 10, "{throttled}");
    assert_eq!(server.get("/_sim/counters").await["throttled"]["ecs:UpdateService"], throttled);
    let off = start(&DEMO.replace("  jitterPercent: 10", "  throttling: off"), 1.0).await;
    for _ in 0..60 {
        assert_ne!(
            off.ecs("UpdateService", json!({"cluster": "shop", "service": "nope"})).await.json()["__type"],
            "ThrottlingException"
        );
    }
}

#[tokio::test]
async fn a_lost_answer_takes_effect_first() {
    let server = start(DEMO, 1.0).await;
    server.fault(json!({"fault": "lose_answer", "action": "ecs:UpdateService"})).await;
    assert!(server.try_ecs("UpdateService", to_spot()).await.is_none(), "the connection is closed without an answer");
    let body = server.ecs("DescribeServices", json!({"cluster": "shop", "services": ["web"]})).await.json();
    assert_eq!(body["services"][0]["deployments"].as_array().unwrap().len(), 2, "the write took effect");
    assert!(server.try_ecs("UpdateService", to_spot()).await.is_some(), "once means once");
}

#[tokio::test]
async fn denials_and_throttles_are_switched_on_and_off() {
    let server = start(DEMO, 1.0).await;
    let deny = |on: bool| json!({"fault": "deny", "action": "ecs:DescribeTaskDefinition", "resource": "api", "on": on});
    server.fault(deny(true)).await;
    let denied = server.ecs("DescribeTaskDefinition", json!({"taskDefinition": "api:7"})).await.json();
    assert_eq!(denied["__type"], "AccessDeniedException");
    let message = denied["message"].as_str().unwrap();
    assert!(message.contains("is not authorized to perform: ecs:DescribeTaskDefinition on resource: arn:aws:ecs:eu-west-1:123456789012:task-definition/api:7"), "{message}");
    assert_eq!(server.ecs("DescribeTaskDefinition", json!({"taskDefinition": "web:3"})).await.status, 200);
    server.fault(deny(false)).await;
    assert_eq!(server.ecs("DescribeTaskDefinition", json!({"taskDefinition": "api:7"})).await.status, 200);

    server.fault(json!({"fault": "deny", "action": "elasticloadbalancing:DescribeTargetGroupAttributes"})).await;
    let denied = server.query("Action=DescribeTargetGroupAttributes&Version=2015-12-01&TargetGroupArn=x").await;
    assert!(denied.status == 403 && denied.body.contains("<Code>AccessDenied</Code>"), "{}", denied.body);

    server.fault(json!({"fault": "throttle", "action": "ecs:ListClusters", "times": 2})).await;
    for code in [Some("ThrottlingException"), Some("ThrottlingException"), None] {
        assert_eq!(server.ecs("ListClusters", json!({})).await.json()["__type"].as_str(), code);
    }
}

#[tokio::test]
async fn held_answers_wait_until_they_are_let_go() {
    for before in [false, true] {
        let server = start(DEMO, 1.0).await;
        let hold = |on: bool| json!({"fault": "hold", "action": "ecs:UpdateService", "before": before, "on": on});
        server.fault(hold(true)).await;
        let call = server.try_ecs("UpdateService", to_spot());
        tokio::pin!(call);
        assert!(tokio::time::timeout(Duration::from_millis(200), &mut call).await.is_err(), "it is held");
        let held = server.get("/_sim/held").await;
        assert_eq!(
            (held[0]["action"].as_str(), held[0]["before"].as_bool()),
            (Some("ecs:UpdateService"), Some(before))
        );
        let written = server.sim.with_world(|w| w.service("shop", "web").unwrap().deployments.len() == 2);
        assert_eq!(written, !before, "whether the call has taken effect");
        server.fault(hold(false)).await;
        let answer = tokio::time::timeout(Duration::from_secs(5), call).await.unwrap().unwrap();
        assert_eq!(answer.status, 200);
        assert_eq!(server.get("/_sim/held").await, json!([]));
    }
}

#[tokio::test]
async fn a_held_client_that_goes_away_is_forgotten() {
    let server = start(DEMO, 1.0).await;
    server.fault(json!({"fault": "hold", "action": "ecs:ListClusters"})).await;
    let gone = tokio::time::timeout(Duration::from_millis(100), server.try_ecs("ListClusters", json!({}))).await;
    assert!(gone.is_err());
    for _ in 0..50 {
        if server.get("/_sim/held").await == json!([]) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the call is still held: {}", server.get("/_sim/held").await);
}
