//! `template.yaml`: what `sam deploy` makes, and what each role may do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};
use spotkeeper_core::observe::{LEVER_TAG, LEVER_TAG_VALUE};
use spotkeeper_core::policy::{self, Policy};
use spotkeeper_tests::daemon::environment;
use spotkeeper_tests::paths::{tool, workspace};

/// The template as JSON, its short forms written out (`Fn::Sub`, `Fn::GetAtt`, `Ref`).
static TEMPLATE: LazyLock<Value> = LazyLock::new(|| {
    let script = "import json; from cfnlint.decode.cfn_yaml import load; print(json.dumps(load('template.yaml')))";
    serde_json::from_str(&run("python", &["-c", script])).unwrap()
});

/// The functions of a run.
const OF_RUNS: [&str; 4] = ["Determiner", "Updater", "StabilityChecker", "Recorder"];
const FUNCTIONS: [&str; 6] =
    ["Determiner", "Updater", "StabilityChecker", "Recorder", "PlacementScorer", "InterruptionRecorder"];

/// What a function needs beside the fleet: its own memory, its queue, its logs.
const OWN: [&str; 7] = ["dynamodb", "ssm", "sqs", "cloudwatch", "events", "logs", "xray"];

#[test]
fn cfn_lint_finds_nothing() {
    run("cfn-lint", &["template.yaml"]);
}

#[test]
fn sam_validates_it() {
    run("sam", &["validate", "--lint"]);
}

#[test]
fn the_table_is_encrypted_recoverable_and_forgets() {
    let table = properties("Table");
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["SSESpecification"], json!({ "SSEEnabled": true }));
    assert_eq!(table["PointInTimeRecoverySpecification"], json!({ "PointInTimeRecoveryEnabled": true }));
    assert_eq!(table["TimeToLiveSpecification"], json!({ "AttributeName": "expires_at", "Enabled": true }));
    let keys = json!([{ "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" }]);
    assert_eq!(table["KeySchema"], keys);
    // It holds the original strategies: deleting or replacing it would lose the way back.
    assert_eq!(resource("Table")["DeletionPolicy"], "RetainExceptOnCreate");
    assert_eq!(resource("Table")["UpdateReplacePolicy"], "Retain");
}

/// CloudFormation writes a resource anew when the template's text of it has changed, and an SSM
/// parameter with its value, even if only its description has. So this resource is held to the
/// letter, for good: changing it would put the seed over somebody's policy.
#[test]
fn the_policy_is_seeded_once() {
    let frozen = json!({
        "Type": "AWS::SSM::Parameter",
        "Properties": {
            "Name": { "Fn::Sub": "/${AWS::StackName}/policy" },
            "Description": "Spotkeeper's policy (YAML or JSON). The stack seeds it and does not write it again.",
            "Type": "String",
            "Tier": "Advanced",
            "Value": concat!(
                "# Spotkeeper's policy: docs/POLICY.md explains every field. What is left out has its default.\n",
                "# dry_run looks, judges and plans, and writes nothing to ECS; active moves services.\n",
                "mode: dry_run\n",
            ),
        },
    });
    assert_eq!(*resource("Policy"), frozen);
    let seed = frozen["Properties"]["Value"].as_str().unwrap();
    assert_eq!(policy::parse(seed), Ok(Policy::default()));
}

#[test]
fn the_functions_are_built_from_the_workspace() {
    let globals = &TEMPLATE["Globals"]["Function"];
    assert_eq!(globals["CodeUri"], ".");
    assert_eq!(globals["Runtime"], "provided.al2023");
    assert_eq!(globals["Tracing"], "Active");
    assert_eq!(globals["Architectures"], json!([{ "Ref": "Architecture" }]));
    let variables = &globals["Environment"]["Variables"];
    assert_eq!(variables["SPOTKEEPER_TABLE"], json!({ "Ref": "Table" }));
    assert_eq!(variables["SPOTKEEPER_STACK"], json!({ "Ref": "AWS::StackName" }));
    assert_eq!(globals["Environment"]["Variables"]["SPOTKEEPER_POLICY_PARAMETER"], json!({ "Ref": "Policy" }));
    assert_eq!(of_type("AWS::Serverless::Function"), BTreeSet::from(FUNCTIONS));
    for name in FUNCTIONS {
        let metadata = &resource(name)["Metadata"];
        assert_eq!(metadata["BuildMethod"], "rust-cargolambda", "{name}");
        let binary = metadata["BuildProperties"]["Binary"].as_str().unwrap();
        let package = workspace().join("functions").join(binary).join("Cargo.toml");
        assert!(package.exists(), "{} is not there", package.display());
        assert_eq!(properties(name)["Role"], json!({ "Fn::GetAtt": [format!("{name}Role"), "Arn"] }), "{name}");
        let logging = &properties(name)["LoggingConfig"];
        assert_eq!(logging["LogFormat"], "JSON", "{name}");
        assert_eq!(logging["LogGroup"], json!({ "Ref": format!("{name}Log") }), "{name}");
    }
    let own = &properties("Recorder")["Environment"]["Variables"]["SPOTKEEPER_CLUSTERS_IN_FLIGHT"];
    assert_eq!(*own, json!({ "Ref": "ClustersInFlight" }));
    let own = &properties("PlacementScorer")["Environment"]["Variables"]["SPOTKEEPER_SCORE_QUERIES_PER_DAY"];
    assert_eq!(*own, json!({ "Ref": "ScoreQueriesPerDay" }));
    for group in of_type("AWS::Logs::LogGroup") {
        assert_eq!(properties(group)["RetentionInDays"], json!({ "Ref": "LogRetentionDays" }), "{group}");
    }
}

#[test]
fn the_schedule_can_be_set_switched_off_and_misses_no_start_unseen() {
    let schedule = properties("Schedule");
    assert_eq!(schedule["ScheduleExpression"], json!({ "Ref": "ScheduleExpression" }));
    assert_eq!(schedule["State"], json!({ "Ref": "ScheduleState" }));
    assert_eq!(schedule["Target"]["Arn"], json!({ "Ref": "Orchestrator" }));
    assert_eq!(schedule["Target"]["Input"], "{}");
    assert_eq!(schedule["Target"]["DeadLetterConfig"]["Arn"], json!({ "Fn::GetAtt": ["UndeliveredStarts", "Arn"] }));
    assert_eq!(TEMPLATE["Parameters"]["ScheduleExpression"]["Default"], "rate(15 minutes)");
    assert_eq!(TEMPLATE["Parameters"]["Architecture"]["Default"], "x86_64");
    assert_eq!(properties("UndeliveredStarts")["SqsManagedSseEnabled"], true);
}

/// Scores have a schedule of their own: they are to be newer than a run, and cost nothing.
#[test]
fn scores_are_asked_for_on_a_schedule_of_their_own() {
    let schedule = &properties("PlacementScorer")["Events"]["ScoreSchedule"];
    assert_eq!(schedule["Type"], "ScheduleV2");
    let schedule = &schedule["Properties"];
    assert_eq!(schedule["ScheduleExpression"], json!({ "Ref": "ScoreSchedule" }));
    assert_eq!(schedule["State"], json!({ "Ref": "ScheduleState" }));
    assert_eq!(schedule["RoleArn"], json!({ "Fn::GetAtt": ["ScoreScheduleRole", "Arn"] }));
    assert_eq!(schedule["Input"], "{}");
    let invoke = &statement("ScoreSchedule", "lambda:InvokeFunction")["Resource"];
    assert_eq!(*invoke, json!({ "Fn::GetAtt": ["PlacementScorer", "Arn"] }));
    let parameters = &TEMPLATE["Parameters"];
    assert_eq!(parameters["ScoreSchedule"]["Default"], "rate(10 minutes)");
    assert_eq!(parameters["ScoreQueriesPerDay"]["Default"], 10);
}

#[test]
fn the_state_machine_gets_every_name_it_asks_for() {
    let orchestrator = properties("Orchestrator");
    let definition = read(orchestrator["DefinitionUri"].as_str().unwrap());
    let asked: BTreeSet<&str> =
        definition.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name).collect();
    let given = orchestrator["DefinitionSubstitutions"].as_object().unwrap();
    assert_eq!(given.keys().map(String::as_str).collect::<BTreeSet<_>>(), asked);
    assert_eq!(orchestrator["Tracing"]["Enabled"], true);
    assert_eq!(orchestrator["Logging"]["Level"], "ERROR");
}

/// One statement for each API, named after it, with no wildcard in the action.
#[test]
fn every_role_has_one_statement_for_each_api() {
    for role in of_type("AWS::IAM::Role") {
        let mut seen = BTreeSet::new();
        for statement in statements(role) {
            let action = statement["Action"].as_str().unwrap_or_else(|| panic!("{role}: one action: {statement}"));
            let (service, call) = action.split_once(':').unwrap();
            let service: String = service.split('-').map(capitalised).collect();
            assert_eq!(statement["Sid"], format!("{service}{call}"), "{role}: {action}");
            assert_eq!(statement["Effect"], "Allow", "{role}: {action}");
            assert!(!action.contains('*'), "{role}: {action}");
            assert!(seen.insert(action.to_owned()), "{role} has {action} twice");
        }
        let managed = &properties(role)["ManagedPolicyArns"];
        assert!(managed.is_null(), "{role} has managed policies: {managed}");
    }
}

/// A statement is for all resources only where IAM knows no resource for the action. What IAM
/// knows is taken from cfn-lint's copy of the Service Authorization Reference.
#[test]
fn every_statement_is_as_tight_as_iam_lets_it_be() {
    let script = "import json, os, cfnlint; \
        path = os.path.join(os.path.dirname(cfnlint.__file__), 'data/AdditionalSpecs/Policies.json'); \
        services = {key.lower(): value for key, value in json.load(open(path)).items()}; \
        print(json.dumps({f'{service}:{action}'.lower(): bool(what.get('Resources')) \
            for service, rest in services.items() for action, what in rest['Actions'].items()}))";
    let resources: BTreeMap<String, bool> = serde_json::from_str(&run("python", &["-c", script])).unwrap();
    // IAM names the container instance, of which a call for a service's tasks has none; and the
    // data sets of CloudWatch, of which a namespace is none: the condition stands for it.
    let known = ["ecs:ListTasks", "cloudwatch:PutMetricData"];
    for role in of_type("AWS::IAM::Role") {
        for statement in statements(role) {
            let action = statement["Action"].as_str().unwrap();
            let narrows =
                *resources.get(&action.to_lowercase()).unwrap_or_else(|| panic!("{role}: IAM knows no {action}"));
            let wide = statement["Resource"] == "*";
            assert_eq!(wide, !narrows || known.contains(&action), "{role}: the resource of {action}");
        }
    }
    let condition = |action: &str| statement("Recorder", action)["Condition"].clone();
    for function in ["Recorder", "PlacementScorer", "InterruptionRecorder"] {
        let namespace = json!({ "StringEquals": { "cloudwatch:namespace": "Spotkeeper" } });
        assert_eq!(statement(function, "cloudwatch:PutMetricData")["Condition"], namespace, "{function}");
    }
    assert_eq!(
        condition("events:PutEvents"),
        json!({ "ForAllValues:StringEquals": { "events:source": "spotkeeper" } })
    );
}

/// Spotkeeper's promise to its users: one function writes to ECS, and it can do nothing else to
/// the fleet.
#[test]
fn only_the_updater_may_update_services() {
    for name in FUNCTIONS {
        let writes: Vec<String> = actions(name)
            .into_iter()
            .filter(|action| {
                let (service, call) = action.split_once(':').unwrap();
                !OWN.contains(&service) && !["List", "Describe", "Get"].iter().any(|verb| call.starts_with(verb))
            })
            .collect();
        let expected: &[&str] = match name {
            "Updater" => &["ecs:UpdateService"],
            // It starts a run, which decides for itself what it may do.
            "InterruptionRecorder" => &["states:StartExecution"],
            _ => &[],
        };
        assert_eq!(writes, expected, "{name}");
    }
}

/// The calls of each function: what `Fleet::observe`, `Fleet::look`, `Fleet::write`,
/// `Fleet::clusters`, those of `SpotMarket` and those of `Inventory` make.
const CALLS: [(&str, &[&str]); 6] = [
    (
        "Determiner",
        &[
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScheduledActions",
            "autoscaling:DescribeAutoScalingGroups",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeLaunchTemplateVersions",
            "ecs:DescribeCapacityProviders",
            "ecs:DescribeClusters",
            "ecs:DescribeContainerInstances",
            "ecs:DescribeServiceDeployments",
            "ecs:DescribeServices",
            "ecs:DescribeTaskDefinition",
            "ecs:DescribeTasks",
            "ecs:GetTaskProtection",
            "ecs:ListServices",
            "ecs:ListTasks",
            "elasticloadbalancing:DescribeTargetGroupAttributes",
            "servicequotas:GetAWSDefaultServiceQuota",
            "servicequotas:GetServiceQuota",
        ],
    ),
    (
        "Updater",
        &[
            "ecs:DescribeServiceDeployments",
            "ecs:DescribeServiceRevisions",
            "ecs:DescribeServices",
            "ecs:DescribeTasks",
            "ecs:ListServiceDeployments",
            "ecs:ListTasks",
            "ecs:UpdateService",
            "elasticloadbalancing:DescribeTargetHealth",
        ],
    ),
    (
        "StabilityChecker",
        &[
            "ecs:DescribeServiceDeployments",
            "ecs:DescribeServiceRevisions",
            "ecs:DescribeServices",
            "ecs:DescribeTasks",
            "ecs:ListServiceDeployments",
            "ecs:ListTasks",
            "elasticloadbalancing:DescribeTargetHealth",
        ],
    ),
    ("Recorder", &["ecs:DescribeClusters", "ecs:ListClusters"]),
    (
        "PlacementScorer",
        &[
            "autoscaling:DescribeAutoScalingGroups",
            "ec2:DescribeAvailabilityZones",
            "ec2:DescribeInstanceTypes",
            "ec2:DescribeLaunchTemplateVersions",
            "ec2:GetSpotPlacementScores",
            "ecs:DescribeCapacityProviders",
            "ecs:DescribeClusters",
            "ecs:ListClusters",
        ],
    ),
    (
        "InterruptionRecorder",
        &[
            "autoscaling:DescribeAutoScalingGroups",
            "ec2:DescribeInstances",
            "ec2:DescribeLaunchTemplateVersions",
            "ecs:DescribeCapacityProviders",
            "ecs:DescribeClusters",
            "ecs:ListClusters",
        ],
    ),
];

/// The calls that the capacity lever adds to a function, by the policy that gives them to its role.
const LEVER: [(&str, &str, &[&str]); 2] = [
    ("DeterminerTurns", "DeterminerRole", &["ec2:DescribeInstances"]),
    ("UpdaterTurns", "UpdaterRole", &["autoscaling:DescribeAutoScalingGroups", "autoscaling:UpdateAutoScalingGroup"]),
];

/// Off by default, and then nothing may update a group; on, the Updater alone, and tagged groups alone.
#[test]
fn only_the_updater_may_turn_groups_and_only_where_that_is_on() {
    let parameter = &TEMPLATE["Parameters"]["CapacityLever"];
    assert_eq!((&parameter["Default"], &parameter["AllowedValues"]), (&json!("off"), &json!(["on", "off"])));
    assert_eq!(TEMPLATE["Conditions"]["TurnsGroups"], json!({ "Fn::Equals": [{ "Ref": "CapacityLever" }, "on"] }));
    let own = &properties("Recorder")["Environment"]["Variables"]["SPOTKEEPER_CAPACITY_LEVER"];
    assert_eq!(*own, json!({ "Ref": "CapacityLever" }));
    assert_eq!(of_type("AWS::IAM::Policy"), LEVER.iter().map(|(policy, ..)| *policy).collect());
    for (policy, role, expected) in LEVER {
        assert_eq!(resource(policy)["Condition"], "TurnsGroups", "{policy}");
        assert_eq!(properties(policy)["Roles"], json!([{ "Ref": role }]), "{policy}");
        let statements = properties(policy)["PolicyDocument"]["Statement"].as_array().unwrap();
        let actions: Vec<&str> = statements.iter().map(|each| each["Action"].as_str().unwrap()).collect();
        assert_eq!(actions, expected, "{policy}");
        for statement in statements {
            let action = statement["Action"].as_str().unwrap();
            let write = action == "autoscaling:UpdateAutoScalingGroup";
            assert_eq!(statement["Resource"] == "*", !write, "{policy}: the resource of {action}");
            let tag = format!("autoscaling:ResourceTag/{LEVER_TAG}");
            let tagged = json!({ "StringEquals": { tag: LEVER_TAG_VALUE } });
            assert_eq!(statement["Condition"], if write { tagged } else { Value::Null }, "{policy}: {action}");
        }
    }
}

/// What the operator's tool alone calls, with the rights of who uses it.
const OF_THE_TOOL: [&str; 2] = ["ec2:DescribeSpotPriceHistory", "pricing:GetProducts"];

/// Each role allows exactly the calls of its function, and together they are those that the client
/// layer knows.
#[test]
fn each_role_allows_what_its_function_calls() {
    let own: Vec<String> = OWN.iter().chain(&["states"]).map(|service| format!("{service}:")).collect();
    for (function, calls) in CALLS {
        let allowed: BTreeSet<String> = actions(function)
            .into_iter()
            .filter(|action| !own.iter().any(|service| action.starts_with(service)))
            .collect();
        assert_eq!(allowed, calls.iter().copied().map(str::to_owned).collect(), "{function}");
    }
    let source = read("shared/aws/src/client/action.rs");
    let known: BTreeSet<&str> = source
        .split('"')
        .filter(|text| {
            text.contains(':') && text.chars().all(|letter| letter.is_ascii_alphanumeric() || ":-".contains(letter))
        })
        .collect();
    assert!(known.len() > 10, "the list of actions was not found");
    let with_lever = LEVER.iter().flat_map(|(_, _, calls)| calls.iter().copied());
    let called = CALLS.iter().flat_map(|(_, calls)| calls.iter().copied()).chain(with_lever).chain(OF_THE_TOOL);
    assert_eq!(called.collect::<BTreeSet<&str>>(), known);
}

#[test]
fn the_state_machine_may_call_the_four_functions_and_start_itself() {
    let invoke = &statement("Orchestrator", "lambda:InvokeFunction")["Resource"];
    let arns: Vec<Value> = OF_RUNS.iter().map(|name| json!({ "Fn::GetAtt": [name, "Arn"] })).collect();
    assert_eq!(*invoke, json!(arns));
    let name = &properties("Orchestrator")["Name"];
    assert_eq!(*name, json!({ "Ref": "AWS::StackName" }));
    let start = statement("Orchestrator", "states:StartExecution")["Resource"]["Fn::Sub"].as_str().unwrap();
    assert!(start.ends_with(":stateMachine:${AWS::StackName}"), "{start}");
}

/// The rules of the events about Spot capacity.
const RULES: [&str; 5] = [
    "SpotInterruptionRule",
    "RebalanceRecommendationRule",
    "FargateSpotInterruptionRule",
    "PlacementFailureRule",
    "LaunchFailureRule",
];

#[test]
fn events_about_spot_capacity_reach_their_function_within_seconds_and_are_not_lost() {
    assert_eq!(of_type("AWS::Events::Rule"), BTreeSet::from(RULES));
    let queue = json!({ "Fn::GetAtt": ["CapacityEvents", "Arn"] });
    for rule in RULES {
        assert_eq!(properties(rule)["Targets"], json!([{ "Id": "queue", "Arn": queue }]), "{rule}");
        assert!(properties(rule)["State"].is_null(), "{rule} is on");
    }
    let policy = properties("CapacityEventsPolicy");
    assert_eq!(policy["Queues"], json!([{ "Ref": "CapacityEvents" }]));
    let statements = policy["PolicyDocument"]["Statement"].as_array().unwrap();
    let [statement] = statements.as_slice() else { panic!("one statement: {statements:?}") };
    assert_eq!(statement["Principal"], json!({ "Service": "events.amazonaws.com" }));
    assert_eq!((&statement["Action"], &statement["Resource"]), (&json!("sqs:SendMessage"), &queue));
    let arns: Vec<Value> = RULES.iter().map(|rule| json!({ "Fn::GetAtt": [rule, "Arn"] })).collect();
    assert_eq!(statement["Condition"], json!({ "ArnEquals": { "aws:SourceArn": arns } }));

    let mapping = properties("CapacityEventsMapping");
    assert_eq!(mapping["EventSourceArn"], queue);
    assert_eq!(mapping["FunctionName"], json!({ "Ref": "InterruptionRecorder" }));
    assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
    assert!(mapping["MaximumBatchingWindowInSeconds"].as_u64().unwrap() <= 5);
    let events = properties("CapacityEvents");
    let timeout = properties("InterruptionRecorder")["Timeout"].as_u64().unwrap();
    assert!(events["VisibilityTimeout"].as_u64().unwrap() >= 6 * timeout);
    let redrive = &events["RedrivePolicy"];
    assert_eq!(redrive["deadLetterTargetArn"], json!({ "Fn::GetAtt": ["UnrecordedEvents", "Arn"] }));
    assert!(redrive["maxReceiveCount"].as_u64().unwrap() >= 5, "a throttle is no reason to give up");
    let kept = |queue: &str| properties(queue)["MessageRetentionPeriod"].as_u64().unwrap();
    // A message keeps the time of its first queue when it is moved.
    assert!(kept("UnrecordedEvents") > kept("CapacityEvents"));
    for queue in of_type("AWS::SQS::Queue") {
        assert_eq!(properties(queue)["SqsManagedSseEnabled"], true, "{queue}");
    }
    let own = &properties("InterruptionRecorder")["Environment"]["Variables"]["SPOTKEEPER_STATE_MACHINE"];
    assert_eq!(*own, json!({ "Ref": "Orchestrator" }));
    assert_eq!(statement_of("InterruptionRecorder", "states:StartExecution"), json!({ "Ref": "Orchestrator" }));
    for action in ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"] {
        assert_eq!(statement_of("InterruptionRecorder", action), queue, "{action}");
    }
}

/// Each documented sample is taken by one rule, by its source and detail-type, and no rule takes
/// what no sample shows.
#[test]
fn each_documented_event_has_its_rule() {
    let samples = workspace().join("events/interruption-recorder/samples");
    let mut taken: BTreeMap<&str, u32> = RULES.iter().map(|rule| (*rule, 0)).collect();
    for entry in std::fs::read_dir(samples).unwrap() {
        let path = entry.unwrap().path();
        let event: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let takes = |rule: &&&str| {
            let pattern = &properties(rule)["EventPattern"];
            pattern["source"] == json!([event["source"]]) && pattern["detail-type"] == json!([event["detail-type"]])
        };
        let rules: Vec<&&str> = RULES.iter().filter(takes).collect();
        assert_eq!(rules.len(), 1, "{}", path.display());
        *taken.entry(rules[0]).or_default() += 1;
    }
    assert!(taken.values().all(|samples| *samples > 0), "{taken:?}");
    let pattern = |rule: &str| properties(rule)["EventPattern"]["detail"].clone();
    assert_eq!(
        pattern("FargateSpotInterruptionRule"),
        json!({ "$or": [
            { "stopCode": ["SpotInterruption", "TerminationNotice"] },
            { "stopCode": [{ "exists": false }], "stoppedReason": ["Your Spot Task was interrupted."] },
        ] })
    );
    let named =
        json!({ "eventName": ["SERVICE_TASK_PLACEMENT_FAILURE"], "capacityProviderArns": [{ "exists": true }] });
    assert_eq!(pattern("PlacementFailureRule"), named);
}

/// S4: nothing may act after the right to act has ended: a lease outlives the Updater, the Updater
/// every call that it sends, and Step Functions waits longer than any function runs.
#[test]
fn s4_timeouts_nest() {
    let updater = read("functions/updater/src/lib.rs");
    let lease = seconds(&updater, "pub const LEASE: SignedDuration = SignedDuration::from_secs(");
    let one_move = seconds(&updater, "pub const TIME_FOR_ONE_MOVE: SignedDuration = SignedDuration::from_secs(");
    let call =
        seconds(&read("shared/aws/src/client/load.rs"), "const OPERATION_TIMEOUT: Duration = Duration::from_secs(");
    let timeout = properties("Updater")["Timeout"].as_u64().unwrap();
    assert_eq!((lease, timeout), (180, 120));
    assert!(lease > timeout && timeout > one_move && one_move > call, "{lease} > {timeout} > {one_move} > {call}");

    let definition: Value = serde_json::from_str(&read("statemachine/orchestrator.asl.json")).unwrap();
    let mut tasks = 0;
    each_task(&definition, &mut |state, task| {
        let name =
            task["Arguments"]["FunctionName"].as_str().unwrap().trim_start_matches("${").trim_end_matches("Arn}");
        let own = properties(name)["Timeout"].as_u64().unwrap();
        let patience = task["TimeoutSeconds"].as_u64().unwrap();
        assert!(patience >= own, "{state} waits {patience} s for the {name}, which may take {own} s");
        tasks += 1;
    });
    assert!(tasks >= 7, "only {tasks} tasks were found");
}

fn each_task(machine: &Value, see: &mut impl FnMut(&str, &Value)) {
    for (name, state) in machine["States"].as_object().unwrap() {
        match state["Type"].as_str().unwrap() {
            "Task" => see(name, state),
            "Map" => each_task(&state["ItemProcessor"], see),
            _ => {}
        }
    }
}

/// The whole number that follows `start` in a source file.
fn seconds(source: &str, start: &str) -> u64 {
    let (_, rest) = source.split_once(start).unwrap_or_else(|| panic!("no `{start}`"));
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

fn resource(name: &str) -> &'static Value {
    let found = &TEMPLATE["Resources"][name];
    assert!(found.is_object(), "the template has no {name}");
    found
}

fn properties(name: &str) -> &'static Value {
    &resource(name)["Properties"]
}

fn of_type(wanted: &str) -> BTreeSet<&'static str> {
    let resources = TEMPLATE["Resources"].as_object().unwrap();
    resources.iter().filter(|(_, each)| each["Type"] == wanted).map(|(name, _)| name.as_str()).collect()
}

/// The statements of a role, by the role's own name.
fn statements(role: &str) -> impl Iterator<Item = &'static Value> {
    let policies = properties(role)["Policies"].as_array().unwrap();
    policies.iter().flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap())
}

/// The statement about an action in the role of a function or of the state machine.
fn statement(user: &str, action: &str) -> &'static Value {
    let found = statements(&format!("{user}Role")).find(|statement| statement["Action"] == action);
    found.unwrap_or_else(|| panic!("the {user} may not {action}"))
}

/// The resource that a function's role allows an action on.
fn statement_of(function: &str, action: &str) -> Value {
    statement(function, action)["Resource"].clone()
}

fn actions(function: &str) -> BTreeSet<String> {
    statements(&format!("{function}Role")).map(|each| each["Action"].as_str().unwrap().to_owned()).collect()
}

fn capitalised(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_uppercase() + rest
}

fn read(path: &str) -> String {
    std::fs::read_to_string(workspace().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a tool prints; it must succeed.
fn run(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool(name).unwrap())
        .current_dir(workspace())
        .args(arguments)
        .env_clear()
        .envs(environment(&[]))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}: {printed}{}", String::from_utf8_lossy(&output.stderr));
    printed
}
