//! The alarms and the dashboard of `template.yaml`: each looks at what is emitted, and somebody is told.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};
use spotkeeper_core::record::Outcome;
use spotkeeper_tests::daemon::environment;
use spotkeeper_tests::paths::{tool, workspace};

/// The template as JSON, its short forms written out (`Fn::Sub`, `Fn::GetAtt`, `Ref`).
static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
    let script = "import json; from cfnlint.decode.cfn_yaml import load; print(json.dumps(load('template.yaml')))";
    let python = Command::new(tool("python").unwrap())
        .current_dir(workspace())
        .args(["-c", script])
        .env_clear()
        .envs(environment(&[]))
        .output()
        .unwrap();
    serde_json::from_slice(&python.stdout).unwrap()
});
/// A test of the crate that emits the metrics holds its tables to the code.
static METRICS: LazyLock<String> =
    LazyLock::new(|| std::fs::read_to_string(workspace().join("docs/METRICS.md")).unwrap());

/// A metric and the names of its dimensions.
type Measure = (String, BTreeSet<String>);

/// AWS's own metrics that are looked at, by namespace, with the dimension and what it may be. Sources:
/// "Step Functions metrics in CloudWatch", Step Functions developer guide; "Available CloudWatch metrics for
/// Amazon SQS", SQS developer guide; "Types of metrics for Lambda functions", Lambda developer guide.
const OF_AWS: [(&str, &str, &str, &str); 5] = [
    ("AWS/States", "ExecutionsFailed", "StateMachineArn", "AWS::Serverless::StateMachine"),
    ("AWS/States", "ExecutionsTimedOut", "StateMachineArn", "AWS::Serverless::StateMachine"),
    ("AWS/States", "ExecutionsAborted", "StateMachineArn", "AWS::Serverless::StateMachine"),
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "AWS::SQS::Queue"),
    ("AWS/Lambda", "Errors", "FunctionName", "AWS::Serverless::Function"),
];

/// The dimension that every metric of Spotkeeper has: a test of the crate that emits them holds them to it.
const STACK: &str = "Stack";

/// What is emitted under `Spotkeeper`.
fn emitted() -> BTreeSet<Measure> {
    let rows = METRICS.lines().take_while(|line| *line != "## The events").filter(|line| line.starts_with("| `"));
    let measure = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, name, unit, dimensions, ..] = cells.as_slice() else { return None };
        let is_metric = ["Count", "Seconds", "Percent", "None"].contains(unit);
        let own = dimensions.split(", ").filter(|dimension| *dimension != "-");
        let dimensions = own.chain([STACK]).map(str::to_owned);
        is_metric.then(|| (name.replace('`', ""), dimensions.collect()))
    };
    rows.filter_map(measure).collect()
}

/// The values of a dimension that an alarm or a graph may name: those that are there in every account.
fn fixed(dimension: &str) -> BTreeSet<&'static str> {
    match dimension {
        "Outcome" => Outcome::ALL.iter().map(|outcome| outcome.name()).collect(),
        STACK => BTreeSet::from(["AWS::StackName"]),
        _ => BTreeSet::new(),
    }
}

/// Whether what is looked at is emitted; a dimension of AWS's own metrics stands with the resource that it
/// names.
fn is_there(namespace: &str, name: &str, dimensions: &[(String, String)]) -> Result<(), String> {
    if namespace == "Spotkeeper" {
        let names = dimensions.iter().map(|(name, _)| name.clone()).collect();
        if !emitted().contains(&(name.to_owned(), names)) {
            return Err(format!("nobody emits {name} by {dimensions:?}"));
        }
        let strange = dimensions.iter().find(|(name, value)| !fixed(name).contains(value.as_str()));
        return strange.map_or(Ok(()), |strange| Err(format!("{name} has no {strange:?}")));
    }
    let [(dimension, resource)] = dimensions else { return Err(format!("{name} by {dimensions:?}")) };
    let known = OF_AWS.iter().find(|known| (known.0, known.1, known.2) == (namespace, name, dimension.as_str()));
    let (.., wanted) = known.ok_or_else(|| format!("{namespace} has no {name} by {dimension}"))?;
    let found = &TEMPLATE["Resources"][resource]["Type"];
    if found == wanted { Ok(()) } else { Err(format!("{resource} is {found}, not {wanted}")) }
}

fn of_type(wanted: &str) -> BTreeMap<&'static str, &'static Value> {
    let resources = TEMPLATE["Resources"].as_object().unwrap();
    resources.iter().filter(|(_, each)| each["Type"] == wanted).map(|(name, each)| (name.as_str(), each)).collect()
}

/// The resource that a value names, or the value.
fn named(value: &Value) -> String {
    let attribute = value["Fn::GetAtt"][0].as_str();
    value["Ref"].as_str().or(attribute).or(value.as_str()).unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// What an alarm looks at, as `NAMESPACE/METRIC DIMENSION=VALUE: STATISTIC of SECONDS`; and whether it is emitted.
/// None is made of several metrics: MiniStack takes no such alarm.
fn look_of(alarm: &Value) -> (String, Result<(), String>) {
    let dimensions = alarm["Dimensions"].as_array().into_iter().flatten();
    let dimensions: Vec<(String, String)> =
        dimensions.map(|each| (named(&each["Name"]), named(&each["Value"]))).collect();
    let (namespace, name) = (alarm["Namespace"].as_str().unwrap(), alarm["MetricName"].as_str().unwrap());
    let by: String = dimensions.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    let (statistic, period) = (alarm["Statistic"].as_str().unwrap_or("?"), &alarm["Period"]);
    (format!("{namespace}/{name}{by}: {statistic} of {period}"), is_there(namespace, name, &dimensions))
}

/// When an alarm goes off: what it compares, with how many periods, and what missing data is.
fn when_of(alarm: &Value) -> String {
    let value = |key: &str| match &alarm[key] {
        Value::Number(number) => number.to_string(),
        other => named(other),
    };
    let operator = match alarm["ComparisonOperator"].as_str().unwrap() {
        "GreaterThanThreshold" => ">",
        "LessThanThreshold" => "<",
        other => other,
    };
    let (threshold, periods) = (value("Threshold"), value("EvaluationPeriods"));
    format!("{operator} {threshold} in {periods}, missing {}", alarm["TreatMissingData"].as_str().unwrap())
}

/// Goes off by itself, and is over when nothing more is found.
const FOUND_ONCE: &str = "> 0 in 1, missing notBreaching";
/// What was found lasts until a run says otherwise.
const LASTS: &str = "> 0 in 1, missing ignore";

/// Every alarm: what it looks at, and when it goes off.
const ALARMS: [(&str, &str, &str); 17] = [
    (
        "UndoFailedAlarm",
        "Spotkeeper/MovesByOutcome Stack=AWS::StackName Outcome=quarantined: Maximum of 300",
        FOUND_ONCE,
    ),
    ("StrandedAlarm", "Spotkeeper/MovesByOutcome Stack=AWS::StackName Outcome=stranded: Maximum of 300", FOUND_ONCE),
    ("CodeChangedAlarm", "Spotkeeper/CodeChangedMoves Stack=AWS::StackName: Maximum of 300", FOUND_ONCE),
    ("RevertedAlarm", "Spotkeeper/RevertedServices Stack=AWS::StackName: Maximum of 300", FOUND_ONCE),
    ("FailedClustersAlarm", "Spotkeeper/FailedClusters Stack=AWS::StackName: Maximum of 300", FOUND_ONCE),
    ("MalformedEventsAlarm", "Spotkeeper/MalformedEvents Stack=AWS::StackName: Sum of 300", FOUND_ONCE),
    ("SkewedAlarm", "Spotkeeper/SkewedServices Stack=AWS::StackName: Maximum of 3600", LASTS),
    ("DroughtAlarm", "Spotkeeper/Droughts Stack=AWS::StackName: Maximum of 3600", LASTS),
    ("PolicyMistakesAlarm", "Spotkeeper/PolicyMistakes Stack=AWS::StackName: Maximum of 3600", LASTS),
    (
        "SwitchOnAlarm",
        "Spotkeeper/SwitchOnDuration Stack=AWS::StackName: Maximum of 3600",
        "> SwitchOnSeconds in 1, missing ignore",
    ),
    (
        "ThrottledAlarm",
        "Spotkeeper/ThrottledShare Stack=AWS::StackName: Average of 3600",
        "> ThrottledPercent in 1, missing ignore",
    ),
    (
        "RunMissingAlarm",
        "Spotkeeper/Runs Stack=AWS::StackName: Sum of 60",
        "< 1 in RunMissingMinutes, missing breaching",
    ),
    ("RunFailedAlarm", "AWS/States/ExecutionsFailed StateMachineArn=Orchestrator: Sum of 300", FOUND_ONCE),
    ("RunTimedOutAlarm", "AWS/States/ExecutionsTimedOut StateMachineArn=Orchestrator: Sum of 300", FOUND_ONCE),
    ("RunAbortedAlarm", "AWS/States/ExecutionsAborted StateMachineArn=Orchestrator: Sum of 300", FOUND_ONCE),
    (
        "UndeliveredStartsAlarm",
        "AWS/SQS/ApproximateNumberOfMessagesVisible QueueName=UndeliveredStarts: Maximum of 300",
        FOUND_ONCE,
    ),
    (
        "UnrecordedEventsAlarm",
        "AWS/SQS/ApproximateNumberOfMessagesVisible QueueName=UnrecordedEvents: Maximum of 300",
        FOUND_ONCE,
    ),
];

#[test]
fn every_alarm_is_as_it_is_meant_and_looks_at_what_is_emitted() {
    let alarms = of_type("AWS::CloudWatch::Alarm");
    let wanted: BTreeSet<&str> = ALARMS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(alarms.keys().copied().collect::<BTreeSet<_>>(), wanted);
    for (name, looks_at, when) in ALARMS {
        let alarm = &alarms[name]["Properties"];
        assert_eq!(look_of(alarm), (looks_at.to_owned(), Ok(())), "{name}");
        assert_eq!(when_of(alarm), when, "{name}");
    }
}

#[test]
fn every_alarm_tells_the_topic_and_is_described() {
    let alarms = of_type("AWS::CloudWatch::Alarm");
    let topic = json!({ "Fn::If": ["TellsTopic", [{ "Ref": "AlarmTopicArn" }], { "Ref": "AWS::NoValue" }] });
    for (name, alarm) in &alarms {
        let alarm = &alarm["Properties"];
        assert_eq!(alarm["AlarmActions"], topic, "{name}");
        let row = METRICS.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
        let row = row.unwrap_or_else(|| panic!("{name} is not described"));
        assert_eq!(row.split('|').count(), 5, "{name}: its name, when, what to do");
        assert!(row.contains(alarm["MetricName"].as_str().unwrap()), "{name}: its metric is described");
    }
    let described = METRICS.lines().filter(|line| line.starts_with("| `") && line.contains("Alarm` |")).count();
    assert_eq!(described, alarms.len());
}

/// A run that does not end is missed where there is a schedule, and by what every run emits. The longest
/// time is that of a day: PutMetricAlarm, CloudWatch API reference.
#[test]
fn a_run_is_missed_only_on_schedule() {
    let alarm = &TEMPLATE["Resources"]["RunMissingAlarm"];
    assert_eq!(alarm["Condition"], "RunsOnSchedule");
    let schedule = json!({ "Fn::Equals": [{ "Ref": "ScheduleState" }, "ENABLED"] });
    assert_eq!(TEMPLATE["Conditions"]["RunsOnSchedule"], schedule);
    let minutes = &TEMPLATE["Parameters"]["RunMissingMinutes"];
    assert!(minutes["MaxValue"].as_u64().unwrap() * 60 <= 86_400, "{minutes}");
}

/// What a widget draws, which is not emitted.
fn strange(metric: &Value) -> Result<(), String> {
    if let Some(expression) = metric[0]["expression"].as_str() {
        return searched(expression).and_then(|measure| {
            if emitted().contains(&measure) { Ok(()) } else { Err(format!("nobody emits {measure:?}")) }
        });
    }
    let texts: Vec<&str> = metric.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let [namespace, name, dimensions @ ..] = texts.as_slice() else { return Err(format!("{metric}")) };
    let resource = |value: &str| {
        let named = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        named.map_or(value, |named| named.split('.').next().unwrap_or_default()).to_owned()
    };
    let dimensions = dimensions.chunks(2).map(|each| (each[0].to_owned(), resource(each[1])));
    is_there(namespace, name, &dimensions.collect::<Vec<_>>())
}

/// What `SEARCH('{Spotkeeper,Stack,DIMENSION} Stack="${AWS::StackName}" MetricName="NAME"', 'STATISTIC', PERIOD)`
/// finds.
fn searched(expression: &str) -> Result<Measure, String> {
    let parts = || {
        let (schema, rest) =
            expression.strip_prefix("SEARCH('{")?.split_once("} Stack=\"${AWS::StackName}\" MetricName=\"")?;
        let (name, rest) = rest.split_once("\"', '")?;
        let (statistic, period) = rest.strip_suffix(')')?.split_once("', ")?;
        let period: u32 = period.parse().ok()?;
        let mut schema = schema.split(',');
        let is_right = schema.next() == Some("Spotkeeper")
            && ["Average", "Maximum", "Minimum", "Sum"].contains(&statistic)
            && period.is_multiple_of(60);
        is_right.then(|| (name.to_owned(), schema.map(str::to_owned).collect()))
    };
    parts().ok_or_else(|| format!("not a search: {expression}"))
}

#[test]
fn every_widget_draws_what_is_emitted() {
    let dashboards = of_type("AWS::CloudWatch::Dashboard");
    assert_eq!(dashboards.keys().collect::<Vec<_>>(), [&"Dashboard"]);
    let body = dashboards["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    let mut drawn = BTreeSet::new();
    for widget in body["widgets"].as_array().unwrap() {
        let properties = &widget["properties"];
        let title = properties["title"].as_str().unwrap();
        assert_eq!(properties["region"], "${AWS::Region}", "{title}");
        let metrics = properties["metrics"].as_array().unwrap();
        assert!(!metrics.is_empty(), "{title}");
        for metric in metrics {
            assert_eq!(strange(metric), Ok(()), "{title}");
            let name = metric[1].as_str().map(str::to_owned);
            drawn.insert(name.unwrap_or_else(|| searched(metric[0]["expression"].as_str().unwrap()).unwrap().0));
        }
    }
    // What somebody who runs it wants to see.
    let wanted = [
        "SpotPlacementScore",
        "Ceiling",
        "CeilingCap",
        "Dial",
        "TargetShare",
        "SpotShare",
        "SpotTasks",
        "OnDemandTasks",
        "SpotInterruptions",
        "Droughts",
        "MovesByOutcome",
        "ThrottledShare",
        "BlockedServices",
        "RunDuration",
        "Errors",
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|name| !drawn.contains(*name)).collect();
    assert_eq!(missing, [""; 0]);
}

/// That these tests can fail.
#[test]
fn what_nobody_emits_is_found() {
    let alarm = |name: &str, dimensions: Value| {
        look_of(&json!({ "Namespace": "Spotkeeper", "MetricName": name, "Dimensions": dimensions })).1
    };
    let stack = json!({ "Name": "Stack", "Value": { "Ref": "AWS::StackName" } });
    let stranded = json!({ "Name": "Outcome", "Value": "stranded" });
    assert_eq!(alarm("MovesByOutcome", json!([stack, stranded])), Ok(()));
    assert!(alarm("MovesByOutcome", json!([stranded])).is_err(), "of any stack");
    assert!(alarm("MovesByOutcome", json!([{ "Name": "Stack", "Value": "mine" }, stranded])).is_err());
    assert!(alarm("MovesByOutcome", json!([stack, { "Name": "Outcome", "Value": "strandet" }])).is_err());
    assert!(alarm("MovesByOutcome", json!([])).is_err());
    assert!(alarm("SpotTasks", json!([stack, { "Name": "Cluster", "Value": "prod" }])).is_err(), "no fixed value");
    assert!(alarm("SpotTask", json!([])).is_err());
    assert_eq!(strange(&json!(["Spotkeeper", "ThrottledShare", "Stack", "${AWS::StackName}"])), Ok(()));
    assert_eq!(
        strange(
            &json!([{ "expression": "SEARCH('{Spotkeeper,Stack,Cluster} Stack=\"${AWS::StackName}\" MetricName=\"Gaps\"', 'Sum', 60)" }])
        ),
        Ok(())
    );
    for wrong in [
        json!([{ "expression": "SEARCH('{Spotkeeper,Stack,Rule} Stack=\"${AWS::StackName}\" MetricName=\"Gaps\"', 'Sum', 60)" }]),
        json!([{ "expression": "SEARCH('{Spotkeeper,Stack,Cluster} Stack=\"${AWS::StackName}\" MetricName=\"Gap\"', 'Sum', 60)" }]),
        json!([{ "expression": "SUM(METRICS())" }]),
        json!([{ "expression": "SEARCH('{Spotkeeper,Cluster} MetricName=\"Gaps\"', 'Sum', 60)" }]),
        json!(["Spotkeeper", "ThrottledShare"]),
        json!(["Spotkeeper", "Gaps", { "stat": "Sum" }]),
        json!(["AWS/Lambda", "Errors", "FunctionName", "${Table}"]),
        json!(["AWS/Lambda", "Error", "FunctionName", "${Updater}"]),
    ] {
        assert!(strange(&wrong).is_err(), "{wrong}");
    }
}
