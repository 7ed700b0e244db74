//! Files as people write them, one thing varied at a time.

mod links;
mod places;

use super::*;
use crate::files::document::Document;

const SERVICE: &str = r#"
Parameters:
  Count: { Type: Number, Default: 3 }
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: web
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: 256
      Memory: 512
      ContainerDefinitions:
        - Name: app
          Image: !Sub 'web@sha256:${Digest}'
          StopTimeout: 30
  Service:
    Type: AWS::ECS::Service
    Properties:
      TaskDefinition: !Ref Task
      LaunchType: FARGATE
      DesiredCount: 3
      LoadBalancers:
        - TargetGroupArn: !Ref Group
          ContainerName: app
          ContainerPort: 80
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      TargetGroupAttributes:
        - Key: deregistration_delay.timeout_seconds
          Value: 30
  Scaling:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ResourceId: !Sub 'service/${Cluster}/${Service.Name}'
      MinCapacity: 2
      MaxCapacity: 9
"#;

fn sources(texts: &[&str]) -> Vec<Source> {
    let source = |text: &&str| {
        let document = Document::read(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        Source::new("file".to_owned(), document, &Parameters::new(), false)
    };
    texts.iter().map(source).collect()
}

/// What each subject came to: `LEVEL RULE LINE` and `open RULES LINE`.
fn told(judgement: &Judgement) -> Vec<String> {
    let name = |rules: &[Rule]| rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join("+");
    let mut told = Vec::new();
    for subject in &judgement.subjects {
        told.extend(subject.found.iter().map(|one| {
            let level = if one.level == Level::Block { "block" } else { "warn" };
            format!("{level} {} {}", one.rule, one.at.span.start.line)
        }));
        told.extend(subject.open.iter().map(|one| format!("open {} {}", name(&one.rules), one.at.span.start.line)));
        told.extend(subject.refused.iter().map(|one| format!("refused {}", one.at.span.start.line)));
    }
    told
}

#[test]
fn one_service_of_a_template_varied_in_one_thing() {
    // A row: its name, what is replaced by what, and all that is said.
    let cases: [(&str, &str, &str, &[&str]); 26] = [
        ("good", "", "", &[]),
        ("a long stop", "StopTimeout: 30", "StopTimeout: 120", &["block stop_timeout 16", "block drain_budget 16"]),
        (
            "a stop from a parameter",
            "StopTimeout: 30",
            "StopTimeout: !Ref Stop",
            &["open stop_timeout+drain_budget 16"],
        ),
        (
            "a stop that is no number",
            "StopTimeout: 30",
            "StopTimeout: soon",
            &["open stop_timeout+drain_budget 16", "refused 16"],
        ),
        ("a size from a parameter", "Cpu: 256", "Cpu: !Ref Cpu", &[]),
        ("a tag", "web@sha256:${Digest}", "web:${Tag}", &["open image 15"]),
        ("an image by tag", "!Sub 'web@sha256:${Digest}'", "web:1", &["warn image 15"]),
        (
            "a choice of containers",
            "        - Name: app\n",
            "        - !If [C, {}, {}]\n        - Name: app\n",
            &["open stop_timeout+drain_budget+image 14"],
        ),
        (
            "a volume",
            "      Cpu: 256\n",
            "      Cpu: 256\n      Volumes: [{ Name: data, EFSVolumeConfiguration: {} }]\n",
            &["block stateless 12"],
        ),
        (
            "volumes from a function",
            "      Cpu: 256\n",
            "      Cpu: 256\n      Volumes: !If [C, [], []]\n",
            &["open stateless 7"],
        ),
        ("one task", "DesiredCount: 3", "DesiredCount: 1", &["block redundancy 22"]),
        ("a count from a parameter", "DesiredCount: 3", "DesiredCount: !Ref Count", &["open redundancy 22"]),
        ("no count", "      DesiredCount: 3\n", "", &["open redundancy 19"]),
        ("scales to one", "MinCapacity: 2", "MinCapacity: 1", &["block redundancy 37"]),
        (
            "scales by a schedule",
            "      MaxCapacity: 9\n",
            "      MaxCapacity: 9\n      ScheduledActions: [{ ScalableTargetAction: { MinCapacity: 0 } }]\n",
            &["block redundancy 39"],
        ),
        ("another is scaled", "${Service.Name}", "${Other.Name}", &["open redundancy 17"]),
        ("a long drain", "Value: 30", "Value: 300", &["block deregistration 32", "block drain_budget 32"]),
        (
            "the default drain",
            "- Key: deregistration_delay.timeout_seconds",
            "- Key: slow_start.duration_seconds",
            &["block deregistration 29", "block drain_budget 29"],
        ),
        ("a drain from a parameter", "Value: 30", "Value: !Ref Drain", &["open deregistration+drain_budget 17"]),
        ("another's target group", "!Ref Group", "!ImportValue group", &["open deregistration+drain_budget 17"]),
        (
            "an alternate target group",
            "          ContainerPort: 80\n",
            "          AdvancedConfiguration: { AlternateTargetGroupArn: 'arn:aws:x:targetgroup/b/1' }\n",
            &["open deregistration+drain_budget 17"],
        ),
        (
            "the controller of another",
            "DesiredCount: 3",
            "DesiredCount: 3\n      DeploymentController: { Type: CODE_DEPLOY }",
            &["block controller 23"],
        ),
        (
            "no headroom",
            "DesiredCount: 3",
            "DesiredCount: 3\n      DeploymentConfiguration: { MaximumPercent: 100 }",
            &["block replaceable 23"],
        ),
        (
            "a tag that means nothing",
            "DesiredCount: 3",
            "DesiredCount: 3\n      Tags: [{ Key: 'spotkeeper:enabled', Value: maybe }]",
            &["block enrolment 23"],
        ),
        ("another's task definition", "!Ref Task", "other:7", &["open stop_timeout+stateless+drain_budget+image 17"]),
        (
            "found by Cloud Map alone",
            "      LoadBalancers:\n        - TargetGroupArn: !Ref Group\n          ContainerName: app\n          ContainerPort: 80\n",
            "      ServiceRegistries: [{}]\n",
            &["warn discovery 23"],
        ),
    ];
    let mut wrong = Vec::new();
    for (name, from, to, expected) in cases {
        assert!(from.is_empty() || SERVICE.matches(from).count() == 1, "{name}: {from} stands once");
        let text = if from.is_empty() { SERVICE.to_owned() } else { SERVICE.replace(from, to) };
        let judgement = judge(&Policy::default(), &sources(&[&text]));
        let mut told = told(&judgement);
        // A task definition that its service does not use is a subject of its own.
        if name == "another's task definition" {
            assert_eq!(told.remove(0), "open drain_budget 5", "{name}");
        }
        let mut expected = expected.to_vec();
        told.sort();
        expected.sort_unstable();
        if told != expected {
            wrong.push(format!("{name}: {told:?}, expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn parameters_are_filled_in_where_somebody_gives_them() {
    let text = SERVICE.replace("DesiredCount: 3", "DesiredCount: !Ref Count");
    let document = || Document::read(&text).unwrap();
    let given = |value: &str| Parameters::from([("Count".to_owned(), value.to_owned())]);
    let cases = [
        ("nothing given", Parameters::new(), false, vec!["open redundancy 22"]),
        ("one given", given("1"), false, vec!["block redundancy 22"]),
        ("the default of 3", Parameters::new(), true, vec![]),
        ("given wins over the default", given("1"), true, vec!["block redundancy 22"]),
    ];
    for (name, given, with_defaults, expected) in cases {
        let source = Source::new("file".to_owned(), document(), &given, with_defaults);
        assert_eq!(told(&judge(&Policy::default(), &[source])), expected, "{name}");
    }
}

#[test]
fn files_are_linked_by_family_arn_and_name() {
    let definition = r#"{"family": "web", "requiresCompatibilities": ["EC2"], "containerDefinitions": [{"name": "app", "image": "web:1", "memory": 64, "stopTimeout": 20}]}"#;
    let described = r#"{"services": [{"serviceName": "web", "taskDefinition": "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7",
        "desiredCount": 2, "launchType": "EC2", "deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 200},
        "deployments": [{"status": "PRIMARY", "serviceConnectConfiguration": {"enabled": true}, "volumeConfigurations": [{"name": "v"}]}]}]}"#;
    let targets = r#"{"ScalableTargets": [{"ResourceId": "service/prod/web", "MinCapacity": 1, "MaxCapacity": 4}]}"#;
    let cases = [
        ("alone", vec![definition], vec!["warn image 1", "open drain_budget 1"]),
        (
            "with its service and its range",
            vec![definition, described, targets],
            vec!["block redundancy 1", "block stateless 1", "warn replaceable 2", "warn image 1", "warn discovery 1"],
        ),
        (
            "two of a family",
            vec![definition, definition, described],
            vec![
                "warn image 1",
                "open drain_budget 1",
                "warn image 1",
                "open drain_budget 1",
                "block stateless 1",
                "warn replaceable 2",
                "warn discovery 1",
                "open drain_budget+image+stop_timeout+stateless 1",
                "open redundancy 1",
            ],
        ),
    ];
    for (name, texts, expected) in cases {
        let mut told = told(&judge(&Policy::default(), &sources(&texts)));
        let sort = |rules: &str| {
            let mut rules: Vec<&str> = rules.split('+').collect();
            rules.sort_unstable();
            rules.join("+")
        };
        let plain = |one: &String| one.split(' ').map(sort).collect::<Vec<_>>().join(" ");
        told = told.iter().map(plain).collect();
        told.sort();
        let mut expected: Vec<String> = expected.iter().map(|one| plain(&(*one).to_owned())).collect();
        expected.sort();
        assert_eq!(told, expected, "{name}");
    }
}

#[test]
fn where_it_runs_decides_only_where_it_is_known() {
    let definition = |requires: &str| {
        format!(
            r#"{{"family": "web", {requires} "networkMode": "awsvpc", "cpu": 256, "memory": 512, "containerDefinitions": [{{"name": "app", "image": "web@sha256:1"}}]}}"#
        )
    };
    let cases = [
        (r#""requiresCompatibilities": ["FARGATE"],"#, vec!["open drain_budget 1"]),
        (
            r#""requiresCompatibilities": ["EC2"],"#,
            vec!["block stop_timeout 1", "open drain_budget 1", "open drain_budget 1"],
        ),
        (
            r#""requiresCompatibilities": ["EC2", "FARGATE"],"#,
            vec!["open drain_budget 1", "open drain_budget 1", "open stop_timeout 1"],
        ),
    ];
    for (requires, expected) in cases {
        let mut told = told(&judge(&Policy::default(), &sources(&[&definition(requires)])));
        told.sort();
        assert_eq!(told, expected, "{requires}");
    }
}

#[test]
fn what_a_document_is_nothing_of_is_told() {
    let cases = [
        ("{\"Resources\": {\"Bucket\": {\"Type\": \"AWS::S3::Bucket\"}}}", true),
        ("{\"services\": [], \"failures\": []}", true),
        ("{\"kind\": \"Deployment\"}", false),
        ("[1, 2]", false),
        ("text", false),
    ];
    for (text, understood) in cases {
        let judgement = judge(&Policy::default(), &sources(&[text]));
        assert_eq!(judgement.not_understood.is_empty(), understood, "{text}");
        assert!(judgement.subjects.is_empty(), "{text}");
    }
}

#[test]
fn a_configuration_of_ecspresso_names_its_files() {
    let document = Document::read("service: web\nservice_definition: s.json\ntask_definition: t.json\n").unwrap();
    let config = ecspresso(&document.value).unwrap();
    assert_eq!(config.service_definition, Some(("s.json".to_owned(), "/service_definition")));
    assert_eq!(config.task_definition, Some(("t.json".to_owned(), "/task_definition")));
    for one in ["service_definition", "task_definition"] {
        assert!(ecspresso(&serde_json::json!({ one: "a.json" })).is_some(), "{one} alone");
    }
    assert_eq!(ecspresso(&serde_json::json!({ "family": "web" })), None);
}
