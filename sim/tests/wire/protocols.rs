//! What clients rely on in each protocol.

use serde_json::json;

use crate::server::{DEMO, start, to_spot};

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
