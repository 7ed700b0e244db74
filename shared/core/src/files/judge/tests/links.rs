//! What a document holds, what it is called, and what belongs to what.

use serde_json::{Value, json};

use super::*;
use crate::observe::LaunchType;

fn texts(documents: &[Value]) -> Vec<Source> {
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    sources(&texts.iter().map(String::as_str).collect::<Vec<_>>())
}

/// `service NAME of DEFINITION` or `definition NAME`, with document and pointer of each subject.
fn subjects(sources: &[Source]) -> Vec<String> {
    let judgement = judge(&Policy::default(), sources);
    let one = |one: &Subject| {
        let what = match (one.kind, &one.definition) {
            (SubjectKind::Service, Some(definition)) => format!("service {} of {definition}", one.name),
            (SubjectKind::Service, None) => format!("service {}", one.name),
            (SubjectKind::TaskDefinition, _) => format!("definition {}", one.name),
        };
        format!("{what} {} {}", one.at.source, one.at.pointer)
    };
    judgement.subjects.iter().map(one).collect()
}

fn container() -> Value {
    json!([{ "name": "app", "image": "app@sha256:1", "memory": 64, "stopTimeout": 30 }])
}

fn resource(kind: &str, properties: &Value) -> Value {
    json!({ "Type": kind, "Properties": properties })
}

#[test]
fn a_document_is_known_by_its_keys() {
    let service = json!({ "serviceName": "web" });
    let cases = [
        ("one key of a service may be anybody's", json!({ "desiredCount": 2 }), None),
        ("two keys of a service", json!({ "desiredCount": 2, "launchType": "EC2" }), Some("service file 0 ")),
        ("its name alone", service.clone(), Some("service web 0 ")),
        ("its ARN alone", json!({ "serviceArn": "arn:x:service/c/web" }), Some("service web 0 ")),
        ("a list", json!([service]), Some("service web 0 /0")),
        ("a list of lists", json!([[service], [7]]), Some("service web 0 /0/0")),
        ("lists three deep", json!([[[service]]]), None),
        ("a list of nothing that is known", json!([[7], { "a": 1 }]), None),
        ("an answer", json!({ "service": service }), Some("service web 0 /service")),
        ("a resource alone", resource("AWS::ECS::Service", &service), Some("service web 0 /Properties")),
        ("a type without properties", json!({ "Type": "AWS::ECS::Service" }), None),
        ("properties without a type", json!({ "Properties": {} }), None),
        ("a definition", json!({ "containerDefinitions": container(), "family": "web" }), Some("definition web 0 ")),
        (
            "a definition as it is described",
            json!({ "taskDefinition": { "containerDefinitions": container(), "family": "web" } }),
            Some("definition web 0 /taskDefinition"),
        ),
        (
            "a resource of defaults",
            json!({ "Resources": { "Web": { "Type": "AWS::ECS::Service" } } }),
            Some("service Web 0 /Resources"),
        ),
    ];
    for (name, document, expected) in cases {
        let sources = texts(&[document]);
        assert_eq!(subjects(&sources), Vec::from_iter(expected), "{name}");
        assert_eq!(judge(&Policy::default(), &sources).not_understood.is_empty(), expected.is_some(), "{name}");
    }
    for understood in [json!({ "services": [] }), json!({ "scalableTargets": [] })] {
        assert_eq!(
            judge(&Policy::default(), &texts(std::slice::from_ref(&understood))),
            Judgement::default(),
            "{understood}"
        );
    }
}

#[test]
fn a_definition_is_called_by_its_arn_its_family_or_its_logical_id() {
    let arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:7";
    let definition = |extra: Value| {
        let mut definition = json!({ "containerDefinitions": container() });
        definition.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        definition
    };
    let template =
        |extra: Value| json!({ "Resources": { "Task": resource("AWS::ECS::TaskDefinition", &definition(extra)) } });
    let cases = [
        (definition(json!({ "taskDefinitionArn": arn, "family": "web" })), format!("definition {arn} 0 ")),
        (definition(json!({ "family": "web" })), "definition web 0 ".to_owned()),
        (definition(json!({ "family": "web-${STAGE}" })), "definition web-${STAGE} 0 ".to_owned()),
        (definition(json!({})), "definition without a family 0 ".to_owned()),
        (template(json!({ "family": "web" })), "definition web 0 /Resources/Task".to_owned()),
        (template(json!({ "family": "web-${STAGE}" })), "definition Task 0 /Resources/Task".to_owned()),
    ];
    for (document, expected) in cases {
        assert_eq!(subjects(&texts(std::slice::from_ref(&document))), [expected], "{document}");
    }
}

#[test]
fn a_service_has_the_definition_that_it_names() {
    let arn = |revision: u32| format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{revision}");
    let described = |revision: u32| json!({ "taskDefinition": { "taskDefinitionArn": arn(revision), "containerDefinitions": container() } });
    let of_family = |family: &str| json!({ "family": family, "containerDefinitions": container() });
    let service = |definition: &str| json!({ "serviceName": "shop", "taskDefinition": definition });
    let template = |family: &str| {
        json!({ "Resources": {
            "Task": resource("AWS::ECS::TaskDefinition", &of_family(family)),
            "Other": resource("AWS::ECS::TaskDefinition", &of_family("other")),
            "Shop": resource("AWS::ECS::Service", &json!({ "TaskDefinition": { "Ref": "Task" } })),
        } })
    };
    let cases = [
        (
            "by its ARN, of two revisions",
            vec![described(7), described(8), service(&arn(8))],
            vec![format!("definition {} 0 /taskDefinition", arn(7)), format!("service shop of {} 2 ", arn(8))],
        ),
        (
            "by the family in an ARN",
            vec![of_family("api"), of_family("web"), service(&arn(9))],
            vec!["definition api 0 ".to_owned(), "service shop of web 2 ".to_owned()],
        ),
        (
            "by its family, which the other says in its ARN alone",
            vec![described(7), of_family("api"), service("web")],
            vec!["definition api 1 ".to_owned(), format!("service shop of {} 2 ", arn(7))],
        ),
        (
            "by its logical id, in its own template",
            vec![template("a"), template("b")],
            vec![
                "definition other 0 /Resources/Other".to_owned(),
                "service Shop of a 0 /Resources/Shop".to_owned(),
                "definition other 1 /Resources/Other".to_owned(),
                "service Shop of b 1 /Resources/Shop".to_owned(),
            ],
        ),
        (
            "by none of these",
            vec![of_family("api"), service("web")],
            vec!["definition api 0 ".to_owned(), "service shop 1 ".to_owned()],
        ),
    ];
    for (name, documents, expected) in cases {
        assert_eq!(subjects(&texts(&documents)), expected, "{name}");
    }
}

/// As a configuration of ecspresso says it.
#[test]
fn files_that_somebody_says_belong_together_do() {
    let definition = |family: &str| json!({ "family": family, "containerDefinitions": container() });
    let service = json!({ "desiredCount": 2, "launchType": "EC2" });
    let cases = [
        ("nobody says so", [None, None, None], "service file 2 "),
        ("with the first", [Some(1), Some(2), Some(1)], "service file of a-${STAGE} 2 "),
        ("with neither", [Some(1), Some(2), Some(3)], "service file 2 "),
        ("with both", [Some(1), Some(1), Some(1)], "service file 2 "),
    ];
    for (name, together, expected) in cases {
        let mut sources = texts(&[definition("a-${STAGE}"), definition("b-${STAGE}"), service.clone()]);
        for (source, together) in sources.iter_mut().zip(together) {
            source.together = together;
        }
        assert_eq!(subjects(&sources).last().map(String::as_str), Some(expected), "{name}");
    }
}

/// Two templates with the same logical ids: each service has what stands in its own.
#[test]
fn logical_ids_are_those_of_one_template() {
    let template = |delay: u32, least: u32| {
        let attribute = json!({ "Key": "deregistration_delay.timeout_seconds", "Value": delay });
        let service = json!({
            "TaskDefinition": { "Ref": "Task" }, "DesiredCount": 2, "LaunchType": "FARGATE",
            "LoadBalancers": [{ "TargetGroupArn": { "Ref": "Group" } }],
        });
        json!({ "Resources": {
            "Task": resource("AWS::ECS::TaskDefinition", &json!({ "Family": "web", "RequiresCompatibilities": ["FARGATE"], "ContainerDefinitions": container() })),
            "Web": resource("AWS::ECS::Service", &service),
            "Group": resource("AWS::ElasticLoadBalancingV2::TargetGroup", &json!({ "TargetGroupAttributes": [attribute] })),
            "Scaling": resource("AWS::ApplicationAutoScaling::ScalableTarget", &json!({
                "ResourceId": { "Fn::Sub": "service/${Cluster}/${Web.Name}" }, "MinCapacity": least, "MaxCapacity": 9,
            })),
        } })
    };
    let (good, bad) = (template(30, 2), template(200, 1));
    for (documents, bad_one) in [([good.clone(), bad.clone()], 1), ([bad, good], 0)] {
        let judgement = judge(&Policy::default(), &texts(&documents));
        for (number, subject) in judgement.subjects.iter().enumerate() {
            let found: Vec<String> =
                subject.found.iter().map(|one| format!("{} {}", one.rule, one.at.source)).collect();
            let expected = ["redundancy", "deregistration", "drain_budget"].map(|rule| format!("{rule} {number}"));
            assert_eq!(found, if number == bad_one { expected.to_vec() } else { Vec::new() }, "template {number}");
        }
        assert_eq!(judgement.subjects.len(), 2);
    }
}

#[test]
fn what_scales_a_service_is_told_with_its_numbers() {
    let action =
        |least: u32, most: u32| json!({ "ScalableTargetAction": { "MinCapacity": least, "MaxCapacity": most } });
    let cases = [
        (json!({ "MinCapacity": 1, "MaxCapacity": 9 }), (1, 9)),
        (json!({ "MinCapacity": 1 }), (1, 1)),
        (json!({ "MinCapacity": 3, "MaxCapacity": 9, "ScheduledActions": [action(0, 4), action(2, 20)] }), (0, 20)),
    ];
    for (mut target, (min, max)) in cases {
        target["ResourceId"] = json!("service/prod/web");
        let service = json!({ "serviceName": "web", "desiredCount": 5, "launchType": "FARGATE" });
        let judgement = judge(&Policy::default(), &texts(&[service, json!({ "scalableTargets": [target] })]));
        let found: Vec<&Finding> = judgement.subjects[0].found.iter().map(|one| &one.finding).collect();
        assert_eq!(found, [&Finding::ScalesTooLow { min, max, least: 2 }]);
    }
}

/// On what a service runs, by the stop that nobody but the agent of an instance knows.
#[test]
fn where_a_service_runs_is_what_it_says_or_its_definition_does() {
    use crate::observe::Family::{AutoScalingGroup, Fargate, ManagedInstances};
    let strategy = |name: &str| json!({ "capacityProviderStrategy": [{ "capacityProvider": name, "weight": 1 }] });
    let launch_type = |name: &str| json!({ "launchType": name });
    // name, what the definition requires, what the service says, the families it is judged for
    let cases = [
        ("Fargate by launch type", json!(["EC2"]), launch_type("FARGATE"), vec![]),
        ("instances by launch type", json!(["FARGATE"]), launch_type("EC2"), vec![AutoScalingGroup]),
        ("Managed Instances by launch type", json!(["EC2"]), launch_type("MANAGED_INSTANCES"), vec![ManagedInstances]),
        ("Fargate by strategy", json!(["EC2"]), strategy("FARGATE"), vec![]),
        ("instances by strategy", json!(["EC2"]), strategy("spot"), vec![AutoScalingGroup]),
        ("Managed Instances by strategy", json!(["MANAGED_INSTANCES"]), strategy("spot"), vec![ManagedInstances]),
        ("one of both by strategy", json!(["EC2", "MANAGED_INSTANCES"]), strategy("spot"), vec![AutoScalingGroup]),
        ("nothing said by either", json!([]), json!({}), vec![AutoScalingGroup]),
        ("ECS Anywhere by the definition", json!(["EXTERNAL"]), json!({}), vec![AutoScalingGroup]),
        ("Managed Instances by the definition", json!(["MANAGED_INSTANCES"]), json!({}), vec![ManagedInstances]),
        ("Fargate by the definition", json!(["FARGATE"]), json!({}), vec![]),
    ];
    for (name, requires, mut service, expected) in cases {
        let definition = json!({
            "family": "web", "requiresCompatibilities": requires, "containerDefinitions": [{ "name": "app", "image": "app@sha256:1" }],
        });
        service["serviceName"] = json!("web");
        service["taskDefinition"] = json!("web");
        let judgement = judge(&Policy::default(), &texts(&[definition, service]));
        let families: Vec<Family> = judgement.subjects[0]
            .found
            .iter()
            .filter_map(|one| match &one.finding {
                Finding::StopTimeoutUnknown { family, .. } => Some(*family),
                _ => None,
            })
            .collect();
        assert_eq!(families, expected, "{name}");
    }
    let placed = super::super::service::families;
    let external = crate::observe::PlacedBy::LaunchType(LaunchType::External);
    assert_eq!(placed(Some(&external), Some(&[Fargate])), [AutoScalingGroup], "ECS Anywhere has agents, too");
    assert_eq!(placed(None, None), [Fargate, AutoScalingGroup], "nothing is known: either");
}

/// A definition for both, of which one needs what the other does not.
#[test]
fn what_depends_on_where_it_runs_is_open_and_says_so() {
    let definition = json!({
        "family": "web", "requiresCompatibilities": ["FARGATE", "EC2"], "containerDefinitions": [{ "name": "app", "image": "app@sha256:1" }],
    });
    let judgement = judge(&Policy::default(), &texts(&[definition]));
    let open: Vec<(&[Rule], &str)> =
        judgement.subjects[0].open.iter().map(|one| (one.rules.as_slice(), one.why.as_str())).collect();
    let depends = "it depends on where it runs, and that is not in these files: Fargate or EC2 Auto Scaling groups";
    assert!(open.contains(&(&[Rule::StopTimeout], depends)), "{open:?}");
    assert!(judgement.subjects[0].found.is_empty());
}

/// What ECS would refuse, and what was passed over, stand with the definition and not with the rules.
#[test]
fn remarks_have_their_places() {
    let definition = json!({
        "family": "web", "cpu": "${CPU}", "colour": "red", "networkMode": "some",
        "containerDefinitions": [{ "name": "app", "image": "app@sha256:1", "memory": 64, "stopTimeout": 30 }],
    });
    let judgement = judge(
        &Policy::default(),
        &texts(&[json!({ "serviceName": "shop", "taskDefinition": "web", "desiredCount": 2 }), definition]),
    );
    let told = |remarks: &[Remark]| -> Vec<String> {
        remarks.iter().map(|one| format!("{} {} {}", one.at.source, one.at.pointer, one.problem)).collect()
    };
    let subject = &judgement.subjects[0];
    assert_eq!(told(&subject.refused), ["1 /networkMode \"some\" is not one of awsvpc, bridge, host, none"]);
    assert_eq!(
        told(&subject.notes),
        ["1 /colour ECS knows no colour: passed over", "1 /cpu ${CPU} is a template token: fill it in first",]
    );
}
