//! `/_sim/`, the sample accounts, and the commands of the README.

use std::time::Duration;

use serde_json::{Value, json};

use crate::server::{DEMO, start, to_spot};

#[tokio::test]
async fn every_sample_account_is_served() {
    let samples = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/accounts")).unwrap();
    let mut names = Vec::new();
    for path in samples.map(|entry| entry.unwrap().path()) {
        let server = start(&std::fs::read_to_string(&path).unwrap(), 1.0).await;
        let services = server.get("/_sim/services").await;
        let first = &services[0];
        let call = json!({"cluster": first["cluster"], "services": [first["service"]]});
        let answer = server.ecs("DescribeServices", call).await.json();
        assert_eq!(answer["services"][0]["status"], "ACTIVE", "{}: {answer}", path.display());
        // A day passes, and nothing that the account does by itself breaks it.
        assert_eq!(server.post("/_sim/clock/advance", json!({"seconds": 86_400})).await.status, 200);
        assert_eq!(server.get("/_sim/health").await["status"], "ok", "{}", path.display());
        names.push(path.file_stem().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    assert_eq!(names, ["demo", "ec2", "fargate", "fleet", "mixed"], "sim/README.md lists them");
}

#[tokio::test]
async fn people_meddle_and_see_what_came_of_it() {
    let server = start(DEMO, 1.0).await;
    let revert = json!({"fault": "revert_strategy", "cluster": "shop", "service": "web"});
    let none = server.post("/_sim/faults", revert.clone()).await;
    assert!(none.status == 400 && none.body.contains("no other strategy"), "{}", none.body);
    let mut spot = to_spot();
    spot["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    assert_eq!(server.ecs("UpdateService", spot).await.status, 200);
    server.post("/_sim/clock/advance", json!({"seconds": 600})).await;
    let held = |pools: &Value| -> u64 {
        let of_spot = |p: &&Value| p["pool"].as_str().is_some_and(|name| name.starts_with("FARGATE_SPOT/"));
        pools.as_array().unwrap().iter().filter(of_spot).map(|p| p["spotHeld"].as_u64().unwrap()).sum()
    };
    assert_eq!(held(&server.get("/_sim/pools").await), 4);
    let nowhere = server.post("/_sim/faults", json!({"fault": "reclaim", "pool": "nope"})).await;
    assert!(nowhere.status == 400 && nowhere.body.contains("FARGATE_SPOT/eu-west-1a"), "{}", nowhere.body);
    for zone in ["a", "b", "c"] {
        server.fault(json!({"fault": "reclaim", "pool": format!("FARGATE_SPOT/eu-west-1{zone}")})).await;
    }
    server.post("/_sim/clock/advance", json!({"seconds": 300})).await;
    let felt = server.get("/_sim/counters").await["felt"].clone();
    let taken: u64 = felt["interruptions"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
    assert!(taken == 4 && felt["spotVcpuSeconds"].as_f64().unwrap() > 0.0, "{felt}");
    let events = server.get("/_sim/events").await;
    let interrupted =
        |e: &&Value| e["detail"]["stopCode"] == "SpotInterruption" && e["detail"]["lastStatus"] == "STOPPED";
    assert_eq!(events.as_array().unwrap().iter().filter(interrupted).count(), 4);
    assert_eq!(server.post("/_sim/events/take", json!({})).await.json(), events);
    assert_eq!(server.get("/_sim/events").await, json!([]));
    server.fault(revert).await;
    server.post("/_sim/clock/advance", json!({"seconds": 600})).await;
    let web = server.ecs("DescribeServices", json!({"cluster": "shop", "services": ["web"]})).await.json();
    assert_eq!(web["services"][0]["launchType"], "FARGATE");
}

/// The commands of the README, as a shell would send them: `curl -s [-X METHOD] $URL/PATH [-d 'BODY']`.
fn commands() -> impl Iterator<Item = (&'static str, &'static str, Option<&'static str>)> {
    include_str!("../../README.md").lines().filter_map(|line| {
        let (before, rest) = line.strip_prefix("curl -s ")?.split_once("$URL")?;
        let (path, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let body = rest.trim_start().strip_prefix("-d '").and_then(|b| b.split_once('\'')).map(|(body, _)| body);
        let method = before.trim().strip_prefix("-X ").unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" });
        Some((method, path, body))
    })
}

#[tokio::test]
async fn every_command_of_the_readme_runs_as_written() {
    let server = start(include_str!("../../accounts/mixed.yaml"), 1.0).await;
    let mut ran = 0;
    for (method, path, body) in commands() {
        let answer = server.raw(method, path, "", body.unwrap_or_default()).await.unwrap();
        assert_eq!(answer.status, 200, "{method} {path} {body:?}: {}", answer.body);
        ran += 1;
    }
    assert!(ran > 25, "{ran}");
}

#[tokio::test]
async fn the_admin_paths_refuse_what_they_do_not_know() {
    let server = start(DEMO, 1.0).await;
    assert_eq!(server.get("/_sim/health").await["status"], "ok");
    assert_eq!(server.get("/_sim/services").await.as_array().unwrap().len(), 3);
    let cases = [
        ("/_sim/faults", json!({"fault": "nope"}), "new_tasks_crash"),
        ("/_sim/faults", json!({"fault": "throttle", "action": "ecs:ListClusters", "more": 1}), "more"),
        ("/_sim/faults", json!({"fault": "throttle", "action": "ecs:Nope"}), "ecs:DescribeServices"),
        ("/_sim/faults", json!({"fault": "vanish_service", "cluster": "shop", "service": "x"}), "api, web"),
        ("/_sim/faults", json!({"fault": "deny", "action": "ecs:ListClusters", "on": "yes"}), "true and false"),
        ("/_sim/clock/advance", json!({"seconds": -1}), "0 to 2678400"),
        ("/_sim/nope", json!({}), "/_sim/counters"),
    ];
    for (path, body, text) in cases {
        let answer = server.post(path, body).await;
        assert!((400..405).contains(&answer.status) && answer.body.contains(text), "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_clock_runs_at_its_speed() {
    let server = start(DEMO, 1000.0).await;
    let at = |v: Value| v["now"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let first = at(server.get("/_sim/clock").await);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let later = at(server.get("/_sim/clock").await);
    let passed = later.duration_since(first).as_secs_f64();
    assert!(passed >= 100.0, "{passed} s");
}
