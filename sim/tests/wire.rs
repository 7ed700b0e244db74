//! The wire, with raw HTTP: what clients rely on in each protocol, and `/_sim/`.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as the tests themselves do")]

use std::time::Duration;

use aws_sim::wire::Sim;
use aws_sim::{Speed, account};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const DEMO: &str = include_str!("../accounts/demo.yaml");

/// A simulator on a port of its own.
struct Server {
    port: u16,
    sim: Sim,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

async fn start(account: &str, speed: f64) -> Server {
    let world = account::parse(account, "demo.yaml", jiff::Timestamp::now()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sim = Sim::new(world, Speed::new(speed).unwrap());
    tokio::spawn(sim.clone().serve(listener));
    Server { port, sim }
}

impl Server {
    /// `None`: the connection was closed without an answer.
    async fn raw(&self, method: &str, path: &str, headers: &str, body: &str) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: sim\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some(Answer { status, head: head.to_owned(), body: body.to_owned() })
    }

    async fn try_ecs(&self, action: &str, input: Value) -> Option<Answer> {
        let headers = format!(
            "X-Amz-Target: AmazonEC2ContainerServiceV20141113.{action}\r\nContent-Type: application/x-amz-json-1.1\r\n"
        );
        self.raw("POST", "/", &headers, &input.to_string()).await
    }

    async fn ecs(&self, action: &str, input: Value) -> Answer {
        self.try_ecs(action, input).await.unwrap()
    }

    async fn query(&self, body: &str) -> Answer {
        self.raw("POST", "/", "Content-Type: application/x-www-form-urlencoded\r\n", body).await.unwrap()
    }

    async fn get(&self, path: &str) -> Value {
        self.raw("GET", path, "", "").await.unwrap().json()
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.raw("POST", path, "", &body.to_string()).await.unwrap()
    }

    async fn fault(&self, fault: Value) {
        let answer = self.post("/_sim/faults", fault).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

fn to_spot() -> Value {
    json!({
        "cluster": "shop", "service": "web", "forceNewDeployment": true,
        "capacityProviderStrategy": [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 1}],
    })
}

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
async fn json_answers_and_refusals_look_as_on_aws() {
    let server = start(DEMO, 1.0).await;
    let answer = server
        .ecs("DescribeServices", json!({"cluster": "shop", "services": ["web", "nope"], "include": ["TAGS"]}))
        .await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.to_ascii_lowercase().contains("x-amzn-requestid: "), "{}", answer.head);
    let body = answer.json();
    let web = &body["services"][0];
    assert_eq!(web["launchType"], "FARGATE");
    assert!(web.get("capacityProviderStrategy").is_none(), "omitted with a launch type");
    assert!(web["createdAt"].is_f64(), "times are epoch seconds");
    assert_eq!(body["failures"][0]["reason"], "MISSING");
    assert!(!answer.body.contains("null"), "absent members are left out");

    let refusals = [
        ("DescribeServices", json!({"cluster": "nope", "services": ["web"]}), "ClusterNotFoundException"),
        ("DescribeServices", json!({"cluster": "shop", "services": []}), "InvalidParameterException"),
        ("DescribeServices", json!({"cluster": "shop", "services": vec!["x"; 11]}), "InvalidParameterException"),
        (
            "DescribeServices",
            json!({"cluster": "shop", "services": ["web"], "include": ["ALL"]}),
            "InvalidParameterException",
        ),
        ("DescribeServices", json!({"cluster": "shop", "services": "web"}), "SerializationException"),
        ("ListServices", json!({"cluster": "shop", "maxResults": 101}), "InvalidParameterException"),
        ("ListServices", json!({"cluster": "shop", "nextToken": "?"}), "InvalidParameterException"),
        ("ListTasks", json!({"cluster": "shop", "serviceName": "nope"}), "ServiceNotFoundException"),
        ("DescribeTasks", json!({"cluster": "shop", "tasks": vec!["x"; 101]}), "InvalidParameterException"),
        ("DescribeTaskDefinition", json!({"taskDefinition": "nope:1"}), "ClientException"),
        ("UpdateService", json!({"cluster": "shop", "service": "web", "serviceRegistries": []}), "ClientException"),
        ("StopServiceDeployment", json!({"serviceDeploymentArn": "nope"}), "ServiceDeploymentNotFoundException"),
        ("Nope", json!({}), "UnknownOperationException"),
    ];
    for (action, input, code) in refusals {
        let answer = server.ecs(action, input).await;
        assert_eq!((answer.status, answer.json()["__type"].as_str()), (400, Some(code)), "{action}: {}", answer.body);
    }
    let not_json = server
        .raw("POST", "/", "X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters\r\n", "{")
        .await
        .unwrap();
    assert_eq!(not_json.json()["__type"], "SerializationException");
    let large = "x".repeat((1 << 20) + 1);
    assert_eq!(server.raw("POST", "/", "", &large).await.map(|a| a.status), Some(413));
}

#[tokio::test]
async fn query_answers_and_refusals_look_as_on_aws() {
    let server = start(DEMO, 1.0).await;
    let groups = server.query("Action=DescribeTargetGroups&Version=2015-12-01&Names.member.1=web").await;
    assert_eq!(groups.status, 200);
    assert!(
        groups.body.contains("<DescribeTargetGroupsResult>") && groups.body.contains("<RequestId>"),
        "{}",
        groups.body
    );
    let arn = groups.body.split("<TargetGroupArn>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let change = format!(
        "Action=ModifyTargetGroupAttributes&Version=2015-12-01&TargetGroupArn={arn}&Attributes.member.1.Key=deregistration_delay.timeout_seconds&Attributes.member.1.Value="
    );
    assert_eq!(server.query(&format!("{change}99")).await.status, 200);
    let attributes =
        server.query(&format!("Action=DescribeTargetGroupAttributes&Version=2015-12-01&TargetGroupArn={arn}")).await;
    assert!(
        attributes.body.contains("<Key>deregistration_delay.timeout_seconds</Key><Value>99</Value>"),
        "{}",
        attributes.body
    );
    for (body, status, code) in [
        (format!("{change}4000"), 400, "InvalidConfigurationRequest"),
        (
            "Action=DescribeTargetGroupAttributes&Version=2015-12-01&TargetGroupArn=nope".to_owned(),
            400,
            "TargetGroupNotFound",
        ),
        ("Action=Nope&Version=2015-12-01".to_owned(), 400, "InvalidAction"),
        ("Action=Nope&Version=2011-01-01".to_owned(), 400, "InvalidAction"),
        ("Action=DescribeSubnets&Version=2016-11-15&SubnetId.1=nope".to_owned(), 400, "InvalidSubnetID.NotFound"),
        ("Action=DescribeInstanceTypes&Version=2016-11-15&InstanceType.1=nope".to_owned(), 400, "InvalidInstanceType"),
        (
            "Action=DescribeSubnets&Version=2016-11-15&Filter.1.Name=nope&Filter.1.Value.1=x".to_owned(),
            400,
            "InvalidParameterValue",
        ),
        ("Action=X&Version=1999".to_owned(), 400, "InvalidAction"),
    ] {
        let answer = server.query(&body).await;
        assert!(
            answer.status == status && answer.body.contains(&format!("<Code>{code}</Code>")),
            "{body}: {}",
            answer.body
        );
    }
}

#[tokio::test]
async fn malformed_requests_are_refused_in_the_words_of_their_protocol() {
    let server = start(DEMO, 1.0).await;
    let json = |target: &str| format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n");
    let (ecs, scaling, quotas) =
        ("AmazonEC2ContainerServiceV20141113", "AnyScaleFrontendService", "ServiceQuotasV20190624");
    for (target, body, code, text) in [
        (format!("{ecs}.UpdateService"), "{}", "InvalidParameterException", "service cannot be blank"),
        (format!("{ecs}.UpdateService"), "[]", "SerializationException", "list"),
        (format!("{ecs}.UpdateService"), "{\"service\": 1}", "SerializationException", "NUMBER_VALUE"),
        (format!("{ecs}.ListTasks"), "{\"launchType\": \"X\"}", "InvalidParameterException", "EC2, FARGATE"),
        (format!("{ecs}.ListTasks"), "{\"daemonName\": \"X\"}", "ClientException", "daemonName"),
        (format!("{ecs}.DescribeDaemon"), "{}", "UnknownOperationException", "DescribeDaemon"),
        (format!("{scaling}.DescribeScalableTargets"), "{}", "ValidationException", "'serviceNamespace'"),
        (format!("{scaling}.Nope"), "{}", "UnknownOperationException", "Nope"),
        (format!("{quotas}.ListServiceQuotas"), "{}", "IllegalArgumentException", "'serviceCode'"),
        ("Nope_1.Nope".to_owned(), "{}", "UnknownOperationException", "Nope_1"),
    ] {
        let answer = server.raw("POST", "/", &json(&target), body).await.unwrap();
        assert_eq!((answer.status, answer.json()["__type"].as_str()), (400, Some(code)), "{target}: {}", answer.body);
        assert!(answer.json()["message"].as_str().unwrap().contains(text), "{target}: {}", answer.body);
    }
    for (body, code, text) in [
        ("Action=DescribeTargetGroupAttributes&Version=2015-12-01", "ValidationError", "&apos;targetGroupArn&apos;"),
        ("Action=DescribeTargetGroups&Version=2015-12-01&PageSize=401", "ValidationError", "less than or equal to 400"),
        ("Action=DescribeTargetGroups&Version=2015-12-01&PageSize=x", "MalformedInput", "PageSize"),
        ("Action=SetDesiredCapacity&Version=2011-01-01", "ValidationError", "2 validation errors"),
        ("Action=GetSpotPlacementScores&Version=2016-11-15", "MissingParameter", "targetCapacity"),
        (
            "Action=GetSpotPlacementScores&Version=2016-11-15&TargetCapacity=0",
            "InvalidParameterValue",
            "targetCapacity",
        ),
        ("Action=DescribeSubnets&Version=2016-11-15&Nope=1", "UnknownParameter", "Nope"),
        ("Version=2016-11-15", "MissingAction", "Action"),
    ] {
        let answer = server.query(body).await;
        assert!(
            answer.status == 400 && answer.body.contains(&format!("<Code>{code}</Code>")) && answer.body.contains(text),
            "{body}: {}",
            answer.body
        );
    }
    let dry = server.query("Action=DescribeSubnets&Version=2016-11-15&DryRun=true").await;
    assert!(dry.status == 412 && dry.body.contains("<Code>DryRunOperation</Code>"), "{}", dry.body);
    let many: String = (1..=1001).map(|n| format!("&InstanceType.{n}=m5.large")).collect();
    let many = server.query(&format!("Action=GetSpotPlacementScores&Version=2016-11-15&TargetCapacity=1{many}")).await;
    assert!(many.body.contains("<Code>InvalidParameterValue</Code>") && many.body.contains("1000"), "{}", many.body);
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

#[tokio::test]
async fn pages_have_the_documented_sizes() {
    let fleet = DEMO.replace("scalableTargets:", "generate: [{ count: 30, namePattern: \"g-{n}\", clusters: [shop], service: { taskDefinition: web, desiredCount: 1, launchType: FARGATE } }]\nscalableTargets:");
    let server = start(&fleet, 1.0).await;
    let first = server.ecs("ListServices", json!({"cluster": "shop"})).await.json();
    assert_eq!(
        first["serviceArns"].as_array().unwrap().len(),
        10,
        "ListServices answers 10 unless it is told otherwise"
    );
    let rest = server
        .ecs("ListServices", json!({"cluster": "shop", "maxResults": 100, "nextToken": first["nextToken"]}))
        .await
        .json();
    assert_eq!(rest["serviceArns"].as_array().unwrap().len(), 22);
    assert!(rest.get("nextToken").is_none());
}

#[tokio::test]
async fn a_deployment_runs_on_the_clock_and_calls_are_counted() {
    let server = start(DEMO, 1.0).await;
    let started = server.ecs("UpdateService", to_spot()).await.json();
    assert_eq!(started["service"]["deployments"].as_array().unwrap().len(), 2);
    assert_eq!(started["service"]["capacityProviderStrategy"][0]["capacityProvider"], "FARGATE");
    assert!(started["service"].get("launchType").is_none(), "omitted with a strategy");
    assert_eq!(server.post("/_sim/clock/advance", json!({"seconds": 600})).await.status, 200);
    let body = server.ecs("DescribeServices", json!({"cluster": "shop", "services": ["web"]})).await.json();
    let web = &body["services"][0];
    assert_eq!(web["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(web["currentServiceRevisions"].as_array().unwrap().len(), 1);
    let arn = &web["currentServiceDeployment"];
    let deployment =
        server.ecs("DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn, "x"]})).await.json();
    assert_eq!(deployment["serviceDeployments"][0]["status"], "SUCCESSFUL");
    assert_eq!(deployment["failures"][0]["reason"], "MISSING");
    let revision = server
        .ecs(
            "DescribeServiceRevisions",
            json!({"serviceRevisionArns": [deployment["serviceDeployments"][0]["targetServiceRevision"]["arn"]]}),
        )
        .await
        .json();
    assert_eq!(revision["serviceRevisions"][0]["capacityProviderStrategy"].as_array().unwrap().len(), 2);
    assert!(
        revision["serviceRevisions"][0]["containerImages"][0]["imageDigest"].as_str().unwrap().starts_with("sha256:")
    );

    let counters = server.get("/_sim/counters").await;
    assert_eq!(counters["calls"]["ecs:UpdateService"], 1);
    assert_eq!(counters["updateService"]["shop/web"], 1);
    server.post("/_sim/counters/reset", json!({})).await;
    assert_eq!(server.get("/_sim/counters").await["calls"], json!({}));
}

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
