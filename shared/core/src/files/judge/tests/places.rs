//! Where that stands which is told: each finding at what is to be changed, each open question at what
//! leaves it open, with its reason.

use serde_json::{Value, json};

use super::*;

/// Files that belong together, of which no rule finds anything, and the policy.
struct Files {
    policy: Policy,
    definition: Value,
    service: Value,
    range: Value,
    group: Value,
}

impl Files {
    fn good() -> Files {
        let delay = json!({ "Key": "deregistration_delay.timeout_seconds", "Value": "30" });
        Files {
            policy: Policy::default(),
            definition: json!({
                "family": "web", "requiresCompatibilities": ["EC2"], "networkMode": "bridge", "containerDefinitions": [
                    { "name": "app", "image": "app@sha256:1", "memory": 64, "stopTimeout": 30, "essential": true },
                    { "name": "side", "image": "side@sha256:1", "memory": 64, "stopTimeout": 20 },
                ],
            }),
            service: json!({
                "serviceName": "web", "taskDefinition": "web:7", "desiredCount": 2, "launchType": "EC2",
                "deploymentConfiguration": { "minimumHealthyPercent": 50, "maximumPercent": 200 },
                "loadBalancers": [
                    { "targetGroupArn": "arn:aws:elb:r:a:targetgroup/web/1", "containerName": "app", "containerPort": 80 },
                ],
            }),
            range: json!({ "scalableTargets": [
                { "ResourceId": "service/prod/other", "MinCapacity": 1 },
                { "ResourceId": "service/prod/web", "MinCapacity": 2, "MaxCapacity": 9 },
            ] }),
            group: json!({ "Resources": {
                "Other": { "Type": "AWS::ElasticLoadBalancingV2::TargetGroup", "Properties": { "Name": "other" } },
                "Group": {
                    "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
                    "Properties": { "Name": "web", "TargetGroupAttributes": [{ "Key": "stickiness.enabled", "Value": "1" }, delay] },
                },
            } }),
        }
    }

    /// The service, judged: definition, service, range and target group are documents 0 to 3.
    fn subject(&self) -> Subject {
        let texts = [&self.definition, &self.service, &self.range, &self.group].map(Value::to_string);
        let mut judgement = judge(&self.policy, &sources(&texts.each_ref().map(String::as_str)));
        assert_eq!(judgement.subjects.len(), 1, "the service and its definition are one subject");
        judgement.subjects.remove(0)
    }

    fn container(&mut self, number: usize) -> &mut Value {
        &mut self.definition["containerDefinitions"][number]
    }

    fn delay(&mut self) -> &mut Value {
        &mut self.group["Resources"]["Group"]["Properties"]["TargetGroupAttributes"][1]["Value"]
    }

    fn no_load_balancer(&mut self) {
        self.service["loadBalancers"] = Value::Null;
    }
}

const DELAY: &str = "/Resources/Group/Properties/TargetGroupAttributes/1/Value";

/// `LEVEL RULE DOCUMENT POINTER` of each finding.
fn found(subject: &Subject) -> Vec<String> {
    let one = |one: &Found| {
        let level = if one.level == Level::Block { "block" } else { "warn" };
        format!("{level} {} {} {}", one.rule, one.at.source, one.at.pointer)
    };
    subject.found.iter().map(one).collect()
}

/// `RULES DOCUMENT POINTER: WHY` of each open question.
fn open(subject: &Subject) -> Vec<String> {
    let one = |one: &NotJudged| {
        let rules = one.rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join("+");
        format!("{rules} {} {}: {}", one.at.source, one.at.pointer, one.why)
    };
    subject.open.iter().map(one).collect()
}

type Vary = fn(&mut Files);

#[rustfmt::skip]
const FOUND: &[(&str, Vary, &[&str])] = &[
    ("good", |_| {}, &[]),
    ("a long stop", |f| f.container(0)["stopTimeout"] = json!(120), &[
        "block stop_timeout 0 /containerDefinitions/0/stopTimeout", "block drain_budget 0 /containerDefinitions/0/stopTimeout",
    ]),
    ("a long stop of the second", |f| f.container(1)["stopTimeout"] = json!(120), &[
        "block stop_timeout 0 /containerDefinitions/1/stopTimeout", "block drain_budget 0 /containerDefinitions/1/stopTimeout",
    ]),
    ("a stop that is the agent's to say", |f| f.container(0)["stopTimeout"] = Value::Null, &[
        "block stop_timeout 0 /containerDefinitions/0/name",
    ]),
    ("a stop that is to be said", |f| {
        f.policy.rules.require_explicit_stop_timeout = true;
        f.policy.rules.ec2_default_stop_timeout_seconds = Some(crate::units::Seconds(30));
        f.container(1)["stopTimeout"] = Value::Null;
    }, &["block stop_timeout 0 /containerDefinitions/1/name"]),
    ("an image by tag", |f| f.container(1)["image"] = json!("side:1"), &["warn image 0 /containerDefinitions/1/image"]),
    ("secrets", |f| f.container(0)["secrets"] = json!([{ "name": "S", "valueFrom": "s" }]), &[
        "warn image 0 /containerDefinitions/0/secrets",
    ]),
    ("environment files", |f| f.container(0)["environmentFiles"] = json!([{ "type": "s3", "value": "v" }]), &[
        "warn image 0 /containerDefinitions/0/environmentFiles",
    ]),
    ("no version consistency", |f| f.container(1)["versionConsistency"] = json!("disabled"), &[
        "warn image 0 /containerDefinitions/1/versionConsistency",
    ]),
    ("a volume", |f| f.definition["volumes"] = json!([{ "name": "tmp" }]), &["block stateless 0 /volumes/0/name"]),
    ("a volume that outlives the task", |f| {
        f.policy.rules.volumes = crate::policy::VolumeLevel::Scratch;
        f.definition["volumes"] = json!([{ "name": "tmp" }, { "name": "data", "efsVolumeConfiguration": {} }]);
    }, &["block stateless 0 /volumes/1/name"]),
    ("one without a name", |f| {
        f.policy.rules.volumes = crate::policy::VolumeLevel::Scratch;
        f.definition["volumes"] = json!([{ "name": "tmp" }, { "efsVolumeConfiguration": {} }]);
    }, &["block stateless 0 /volumes/1"]),
    ("a volume at launch", |f| f.service["volumeConfigurations"] = json!([{ "name": "v" }]), &[
        "block stateless 1 /volumeConfigurations",
    ]),
    ("a long drain", |f| *f.delay() = json!("120"), &["block deregistration 3 DELAY", "block drain_budget 3 DELAY"]),
    ("a drain that does not fit with the stop", |f| *f.delay() = json!("90"), &["block drain_budget 3 DELAY"]),
    ("drain and stop as long as each other", |f| {
        *f.delay() = json!(60);
        f.container(0)["stopTimeout"] = json!(60);
    }, &["block drain_budget 3 DELAY"]),
    ("a stop that is longer than the drain", |f| {
        *f.delay() = json!(60);
        f.container(0)["stopTimeout"] = json!(61);
    }, &["block drain_budget 0 /containerDefinitions/0/stopTimeout"]),
    ("a chain of stops", |f| {
        *f.delay() = json!(60);
        f.container(0)["dependsOn"] = json!([{ "containerName": "side", "condition": "START" }]);
        f.container(1)["stopTimeout"] = json!(40);
    }, &["block drain_budget 0 /containerDefinitions/0/stopTimeout"]),
    ("the default drain", |f| f.group["Resources"]["Group"]["Properties"]["TargetGroupAttributes"] = Value::Null, &[
        "block deregistration 3 /Resources/Group/Properties", "block drain_budget 3 /Resources/Group/Properties",
    ]),
    ("an alternate target group", |f| {
        f.service["loadBalancers"][0]["targetGroupArn"] = Value::Null;
        f.service["loadBalancers"][0]["advancedConfiguration"] = json!({ "alternateTargetGroupArn": "web" });
        *f.delay() = json!("120");
    }, &["block deregistration 3 DELAY", "block drain_budget 3 DELAY"]),
    ("one task", |f| f.service["desiredCount"] = json!(1), &["block redundancy 1 /desiredCount"]),
    ("scales to one", |f| f.range["scalableTargets"][1]["MinCapacity"] = json!("1"), &[
        "block redundancy 2 /scalableTargets/1/MinCapacity",
    ]),
    ("scales to none by a schedule, and by a second one", |f| {
        let action = |least: u32| json!({ "ScalableTargetAction": { "MinCapacity": least } });
        f.range["scalableTargets"][1]["ScheduledActions"] = json!([action(1), action(0), action(0)]);
    }, &["block redundancy 2 /scalableTargets/1/ScheduledActions/1/ScalableTargetAction/MinCapacity"]),
    ("no task may stop first", |f| f.service["deploymentConfiguration"]["minimumHealthyPercent"] = json!(100), &[
        "warn replaceable 1 /deploymentConfiguration/minimumHealthyPercent",
    ]),
    ("no task may stop first, by default", |f| f.service["deploymentConfiguration"] = json!({ "maximumPercent": 150 }), &[
        "warn replaceable 1 /deploymentConfiguration",
    ]),
    ("nothing is said of deployments", |f| f.service["deploymentConfiguration"] = Value::Null, &["warn replaceable 1 "]),
    ("no headroom", |f| f.service["deploymentConfiguration"] = json!({ "maximumPercent": "100", "minimumHealthyPercent": 51 }), &[
        "block replaceable 1 /deploymentConfiguration/minimumHealthyPercent",
    ]),
    ("blue/green needs no headroom", |f| {
        let both = json!({ "maximumPercent": 100, "minimumHealthyPercent": 51, "strategy": "BLUE_GREEN" });
        f.service["deploymentConfiguration"] = both;
    }, &[]),
    ("a percentage that is filled in later bars nothing", |f| {
        f.service["deploymentConfiguration"] = json!({ "minimumHealthyPercent": 99, "maximumPercent": "${MAX}" });
    }, &[]),
    ("nor does the other", |f| {
        f.service["deploymentConfiguration"] = json!({ "minimumHealthyPercent": "${MIN}", "maximumPercent": 100 });
    }, &[]),
    ("no count, by which there may be headroom: the rest counts", |f| {
        f.service["desiredCount"] = Value::Null;
        f.service["deploymentConfiguration"] = json!({ "maximumPercent": 100, "minimumHealthyPercent": 51 });
        f.container(0)["image"] = json!("app:1");
    }, &["warn image 0 /containerDefinitions/0/image"]),
    ("found by Service Connect alone", |f| {
        f.no_load_balancer();
        f.service["serviceConnectConfiguration"] = json!({ "enabled": true });
    }, &["warn discovery 1 /serviceConnectConfiguration"]),
    ("Service Connect that is off", |f| {
        f.no_load_balancer();
        f.service["serviceConnectConfiguration"] = json!({ "enabled": "false" });
    }, &[]),
    ("Service Connect of which nothing is said", |f| {
        f.no_load_balancer();
        f.service["serviceConnectConfiguration"] = json!({});
    }, &[]),
    ("found by Cloud Map alone", |f| {
        f.no_load_balancer();
        f.service["serviceRegistries"] = json!([{}]);
    }, &["warn discovery 1 /serviceRegistries"]),
    ("found by Lattice alone", |f| {
        f.no_load_balancer();
        f.service["vpcLatticeConfigurations"] = json!([{}]);
    }, &["warn discovery 1 /vpcLatticeConfigurations"]),
    ("a list of nothing", |f| {
        f.no_load_balancer();
        f.service["serviceRegistries"] = json!([]);
    }, &[]),
    ("a drain that the policy assumes", |f| {
        f.no_load_balancer();
        f.policy.rules.discovery_drain_seconds = crate::units::Seconds(100);
        f.service["serviceRegistries"] = json!([{}]);
    }, &["block drain_budget 0 /containerDefinitions/0/stopTimeout", "warn discovery 1 /serviceRegistries"]),
    ("deployments by CodeDeploy", |f| f.service["deploymentController"] = json!({ "type": "CODE_DEPLOY" }), &[
        "block controller 1 /deploymentController",
    ]),
    ("deployments by a third party", |f| f.service["deploymentController"] = json!({ "type": "EXTERNAL" }), &[
        "block controller 1 /deploymentController",
    ]),
    ("deployments by ECS", |f| f.service["deploymentController"] = json!({ "type": "ECS" }), &[]),
    ("one task for each instance", |f| f.service["schedulingStrategy"] = json!("DAEMON"), &[
        "block controller 1 /schedulingStrategy",
    ]),
    ("ECS Anywhere", |f| f.service["launchType"] = json!("EXTERNAL"), &["block controller 1 /launchType"]),
    ("an Express service", |f| f.service["resourceManagementType"] = json!("ECS"), &[
        "block controller 1 /resourceManagementType",
    ]),
    ("a service that its owner manages", |f| f.service["resourceManagementType"] = json!("CUSTOMER"), &[]),
    ("a Classic Load Balancer", |f| f.service["loadBalancers"] = json!([{ "loadBalancerName": "old" }]), &[
        "block controller 1 /loadBalancers",
    ]),
    ("a Classic Load Balancer whose name is filled in later", |f| {
        f.service["loadBalancers"] = json!([{ "loadBalancerName": { "Ref": "Old" } }]);
    }, &["block controller 1 /loadBalancers"]),
    ("a load balancer with an empty name", |f| f.service["loadBalancers"] = json!([{ "loadBalancerName": "" }]), &[]),
    ("a tag that means nothing", |f| {
        f.service["tags"] = json!([{ "key": "team", "value": "a" }, { "key": "spotkeeper:enabled", "value": "maybe" }]);
    }, &["block enrolment 1 /tags/1/value"]),
    ("a number that means nothing", |f| f.service["tags"] = json!([{ "key": "spotkeeper:max-percent", "value": 101 }]), &[
        "block enrolment 1 /tags/0/value",
    ]),
    ("an image that is filled in later, beside one by tag", |f| {
        f.container(0)["image"] = json!("app:${TAG}");
        f.container(1)["image"] = json!("side:1");
    }, &["warn image 0 /containerDefinitions/1/image"]),
    ("Service Connect that is on, in a text", |f| {
        f.no_load_balancer();
        f.service["serviceConnectConfiguration"] = json!({ "enabled": "True" });
    }, &["warn discovery 1 /serviceConnectConfiguration"]),
    ("on Fargate by its strategy, where the stop has a default", |f| {
        f.service["launchType"] = Value::Null;
        f.service["capacityProviderStrategy"] = json!([{ "capacityProvider": "FARGATE_SPOT", "weight": 1 }]);
        f.container(0)["stopTimeout"] = Value::Null;
    }, &[]),
    ("a strategy of nothing leaves it to the launch type", |f| {
        f.service["launchType"] = json!("EXTERNAL");
        f.service["capacityProviderStrategy"] = json!([]);
    }, &["block controller 1 /launchType"]),
    ("true without quotes", |f| f.service["tags"] = json!([{ "key": "spotkeeper:enabled", "value": true }]), &[]),
    ("a tag of somebody else's", |f| f.service["tags"] = json!([{ "key": "enabled", "value": { "Ref": "X" } }]), &[]),
    ("opted out, which is no mistake of the file", |f| {
        f.service["tags"] = json!([{ "key": "spotkeeper:enabled", "value": "false" }]);
    }, &[]),
];

#[test]
fn a_finding_stands_where_it_is_to_be_changed() {
    let mut wrong = Vec::new();
    for (name, vary, expected) in FOUND {
        let mut files = Files::good();
        vary(&mut files);
        let expected: Vec<String> = expected.iter().map(|one| one.replace("DELAY", DELAY)).collect();
        let found = found(&files.subject());
        if found != expected {
            wrong.push(format!("{name}: {found:#?}, expected {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[rustfmt::skip]
const OPEN: &[(&str, Vary, &[&str])] = &[
    ("good", |_| {}, &[]),
    ("containers from a function", |f| f.definition["containerDefinitions"] = json!({ "Ref": "C" }), &[
        "stop_timeout+drain_budget+image 0 : containerDefinitions is !Ref C, which is filled in later",
    ]),
    ("a container from a function", |f| *f.container(1) = json!({ "Ref": "Side" }), &[
        "stop_timeout+drain_budget+image 0 /containerDefinitions/1: container 2 is !Ref Side, which is filled in later",
    ]),
    ("a container that is none", |f| *f.container(1) = json!("side"), &[
        "stop_timeout+drain_budget+image 0 /containerDefinitions/1: container 2 is no object, which is filled in later",
    ]),
    ("no containers", |f| f.definition["containerDefinitions"] = json!(""), &[
        "stop_timeout+drain_budget+image 0 : the task definition has no containerDefinitions",
    ]),
    ("a stop that is filled in later", |f| f.container(1)["stopTimeout"] = json!("${STOP}"), &[
        "stop_timeout+drain_budget 0 /containerDefinitions/1/stopTimeout: container side: stoptimeout: ${STOP} is a template token: fill it in first",
    ]),
    ("of a container without a name", |f| {
        f.container(1)["name"] = Value::Null;
        f.container(1)["stopTimeout"] = json!("${STOP}");
    }, &["stop_timeout+drain_budget 0 /containerDefinitions/1/stopTimeout: container #2: stoptimeout: ${STOP} is a template token: fill it in first"]),
    ("a dependency that is filled in later", |f| f.container(0)["dependsOn"] = json!("${DEPENDS}"), &[
        "drain_budget 0 /containerDefinitions/0/dependsOn: container app: dependson: ${DEPENDS} is a template token: fill it in first",
    ]),
    ("an image that is filled in later, beside one by tag", |f| {
        f.container(0)["image"] = json!("app:${TAG}");
        f.container(1)["image"] = json!("side:1");
    }, &["image 0 /containerDefinitions/0/image: container app: image: app:${TAG} is a template token: fill it in first"]),
    ("a digest that is filled in later", |f| f.container(0)["image"] = json!("app@sha256:${DIGEST}"), &[]),
    ("version consistency that is filled in later", |f| f.container(0)["versionConsistency"] = json!("${V}"), &[
        "image 0 /containerDefinitions/0/versionConsistency: container app: versionconsistency: ${V} is a template token: fill it in first",
    ]),
    ("secrets from a function", |f| f.container(0)["secrets"] = json!({ "Fn::If": ["C", [], []] }), &[
        "image 0 /containerDefinitions/0/secrets: container app: secrets is !If, which is filled in later",
    ]),
    ("environment files from a function", |f| f.container(1)["environmentFiles"] = json!({ "Ref": "E" }), &[
        "image 0 /containerDefinitions/1/environmentFiles: container side: environmentFiles is !Ref E, which is filled in later",
    ]),
    ("memory that is filled in later, which no rule asks for", |f| f.container(0)["memory"] = json!("${M}"), &[]),
    ("volumes from a function", |f| f.definition["volumes"] = json!({ "Ref": "V" }), &[
        "stateless 0 : volumes is !Ref V, which is filled in later",
    ]),
    ("a volume from a function, and one that is none", |f| f.definition["volumes"] = json!([{ "name": "a" }, { "Ref": "V" }, 7]), &[
        "stateless 0 /volumes/1: volume 2 is !Ref V, which is filled in later",
        "stateless 0 /volumes/2: volume 3 is no object, which is filled in later",
    ]),
    ("a count that is filled in later", |f| f.service["desiredCount"] = json!("${COUNT}"), &[
        "redundancy 1 /desiredCount: desiredCount is ${COUNT}, which is filled in later",
    ]),
    ("a count that is none", |f| f.service["desiredCount"] = json!([2]), &[
        "redundancy 1 /desiredCount: desiredCount is [2], not a whole number",
    ]),
    ("no count", |f| f.service["desiredCount"] = Value::Null, &["redundancy 1 : the service says no desiredCount"]),
    ("a count of blanks", |f| f.service["desiredCount"] = json!(" "), &["redundancy 1 : the service says no desiredCount"]),
    ("Service Connect that is neither on nor off", |f| f.service["serviceConnectConfiguration"] = json!({ "enabled": 5 }), &[
        "discovery 1 /serviceConnectConfiguration: enabled is 5, not true or false",
    ]),
    ("Service Connect that may be either", |f| f.service["serviceConnectConfiguration"] = json!({ "enabled": "some" }), &[
        "discovery 1 /serviceConnectConfiguration: enabled is \"some\", not true or false",
    ]),
    ("Service Connect that is off, in a text", |f| f.service["serviceConnectConfiguration"] = json!({ "enabled": "false" }), &[]),
    ("a launch type that is no text", |f| f.service["launchType"] = json!(7), &[
        "controller 1 : launchType is 7, not a text",
    ]),
    ("tags that are no list", |f| f.service["tags"] = json!("a"), &["enrolment 1 : tags is \"a\", not a list"]),
    ("a tag of somebody else's", |f| f.service["tags"] = json!([{ "key": "enabled", "value": { "Ref": "X" } }]), &[]),
    ("no count, by which there may be headroom", |f| {
        f.service["desiredCount"] = Value::Null;
        f.service["deploymentConfiguration"] = json!({ "maximumPercent": 100, "minimumHealthyPercent": 51 });
    }, &["redundancy+replaceable 1 : the service says no desiredCount"]),
    ("a count that a daemon has not", |f| {
        f.service["desiredCount"] = Value::Null;
        f.service["schedulingStrategy"] = json!("daemon");
    }, &[]),
    ("scheduling that nobody knows", |f| f.service["schedulingStrategy"] = json!("SOME"), &[
        "controller 1 : schedulingStrategy is \"SOME\", not one of REPLICA, DAEMON",
    ]),
    ("a controller that is filled in later", |f| f.service["deploymentController"] = json!({ "type": "${C}" }), &[
        "controller 1 : type is ${C}, which is filled in later",
    ]),
    ("a launch type that is filled in later", |f| f.service["launchType"] = json!("${L}"), &[
        "controller 1 : launchType is ${L}, which is filled in later",
    ]),
    ("a strategy that is filled in later", |f| f.service["capacityProviderStrategy"] = json!({ "Ref": "S" }), &[
        "controller 1 : capacityProviderStrategy is !Ref S, which is filled in later",
    ]),
    ("a provider that is filled in later", |f| f.service["capacityProviderStrategy"] = json!([{ "capacityProvider": "${P}" }]), &[
        "controller 1 : a capacity provider of its strategy is filled in later",
    ]),
    ("a deployment configuration that is filled in later", |f| f.service["deploymentConfiguration"] = json!({ "Ref": "D" }), &[
        "replaceable 1 /deploymentConfiguration: deploymentConfiguration is !Ref D",
    ]),
    ("percentages that are filled in later", |f| {
        f.service["deploymentConfiguration"] = json!({ "minimumHealthyPercent": "${MIN}", "maximumPercent": 100 });
    }, &["replaceable 1 /deploymentConfiguration: minimumHealthyPercent is ${MIN}, which is filled in later"]),
    ("the other percentage that is filled in later", |f| {
        f.service["deploymentConfiguration"] = json!({ "minimumHealthyPercent": 99, "maximumPercent": "${MAX}" });
    }, &["replaceable 1 /deploymentConfiguration: maximumPercent is ${MAX}, which is filled in later"]),
    ("a deployment strategy that is filled in later", |f| {
        let both = json!({ "minimumHealthyPercent": 99, "maximumPercent": 100, "strategy": "${S}" });
        f.service["deploymentConfiguration"] = both;
    }, &["replaceable 1 /deploymentConfiguration: strategy is ${S}, which is filled in later"]),
    ("load balancers from a function", |f| f.service["loadBalancers"] = json!({ "Ref": "L" }), &[
        "deregistration+drain_budget+discovery 1 : loadBalancers is !Ref L, which is filled in later",
    ]),
    ("two load balancers from a function", |f| f.service["loadBalancers"] = json!([{ "Ref": "L" }, { "Ref": "L" }]), &[
        "deregistration+drain_budget+discovery+controller 1 /loadBalancers/0: a load balancer is !Ref L, which is filled in later",
    ]),
    ("registries from a function", |f| f.service["serviceRegistries"] = json!({ "Ref": "R" }), &[
        "discovery 1 /serviceRegistries: serviceRegistries is !Ref R, which is filled in later",
    ]),
    ("Lattice from a function", |f| f.service["vpcLatticeConfigurations"] = json!({ "Ref": "R" }), &[
        "discovery 1 /vpcLatticeConfigurations: vpcLatticeConfigurations is !Ref R, which is filled in later",
    ]),
    ("volumes at launch from a function", |f| f.service["volumeConfigurations"] = json!({ "Ref": "R" }), &[
        "stateless 1 /volumeConfigurations: volumeConfigurations is !Ref R, which is filled in later",
    ]),
    ("Service Connect that may be on", |f| f.service["serviceConnectConfiguration"] = json!({ "enabled": "${ON}" }), &[
        "discovery 1 /serviceConnectConfiguration: enabled is ${ON}, which is filled in later",
    ]),
    ("tags from a function", |f| f.service["tags"] = json!({ "Ref": "T" }), &[
        "enrolment 1 : tags is !Ref T, which is filled in later",
    ]),
    ("a tag from a function", |f| f.service["tags"] = json!([{ "key": "spotkeeper:enabled", "value": { "Ref": "T" } }]), &[
        "enrolment 1 /tags/0/value: the tag spotkeeper:enabled: value is !Ref T, which is filled in later",
    ]),
    ("a stop that is the agent's to say", |f| f.container(0)["stopTimeout"] = Value::Null, &[
        "drain_budget 1 : stop_timeout must be known first",
    ]),
    ("another's target group", |f| f.service["loadBalancers"][0]["targetGroupArn"] = json!("arn:x:targetgroup/theirs/1"), &[
        "deregistration+drain_budget 1 : target group arn:x:targetgroup/theirs/1 is not in these files",
    ]),
    ("a target group that is filled in later", |f| f.service["loadBalancers"][0]["targetGroupArn"] = json!("${TG}"), &[
        "deregistration+drain_budget 1 : target group ${TG} is not in these files",
    ]),
    ("a drain that is filled in later", |f| *f.delay() = json!("${D}"), &[
        "deregistration+drain_budget 1 : target group web: deregistration_delay.timeout_seconds is ${D}, which is filled in later",
    ]),
    ("a drain that is none", |f| *f.delay() = Value::Null, &[
        "deregistration+drain_budget 1 : target group web: deregistration_delay.timeout_seconds has no value",
    ]),
    ("an attribute that is filled in later", |f| {
        f.group["Resources"]["Group"]["Properties"]["TargetGroupAttributes"][0]["Key"] = json!("${K}");
    }, &["deregistration+drain_budget 1 : target group web: one of its attributes is filled in later"]),
    ("attributes from a function", |f| f.group["Resources"]["Group"]["Properties"]["TargetGroupAttributes"] = json!({ "Ref": "A" }), &[
        "deregistration+drain_budget 1 : target group web: TargetGroupAttributes is !Ref A, which is filled in later",
    ]),
    ("another is scaled", |f| f.range["scalableTargets"][1]["ResourceId"] = json!("service/prod/web-2"), &[
        "redundancy 1 : whether Application Auto Scaling may set fewer tasks is not in these files",
    ]),
    ("something else of that name is scaled", |f| f.range["scalableTargets"][1]["ResourceId"] = json!("table/web"), &[
        "redundancy 1 : whether Application Auto Scaling may set fewer tasks is not in these files",
    ]),
    ("what is scaled is filled in later", |f| f.range["scalableTargets"][1]["ResourceId"] = json!("{{ id }}/web"), &[
        "redundancy 1 : whether Application Auto Scaling may set fewer tasks is not in these files",
    ]),
    ("what is scaled is not said", |f| f.range["scalableTargets"][1]["ResourceId"] = Value::Null, &[
        "redundancy 1 : whether Application Auto Scaling may set fewer tasks is not in these files",
    ]),
    ("a least count that is filled in later", |f| f.range["scalableTargets"][1]["MinCapacity"] = json!("${MIN}"), &[
        "redundancy 1 : its scalable target: MinCapacity is ${MIN}, which is filled in later",
    ]),
    ("no least count", |f| f.range["scalableTargets"][1]["MinCapacity"] = Value::Null, &[
        "redundancy 1 : its scalable target: it says no MinCapacity",
    ]),
    ("schedules that are filled in later", |f| f.range["scalableTargets"][1]["ScheduledActions"] = json!({ "Ref": "A" }), &[
        "redundancy 1 : its scalable target: ScheduledActions is !Ref A, which is filled in later",
    ]),
    ("what is known to be too few needs no word of what more there could be", |f| {
        f.service["desiredCount"] = json!(1);
        f.range["scalableTargets"][1]["MinCapacity"] = Value::Null;
    }, &[]),
];

#[test]
fn what_is_left_open_is_told_with_its_place_and_its_reason() {
    let mut wrong = Vec::new();
    for (name, vary, expected) in OPEN {
        let mut files = Files::good();
        vary(&mut files);
        let open = open(&files.subject());
        if open != *expected {
            wrong.push(format!("{name}: {open:#?}, expected {expected:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Without its service a definition has no drain delay: what stopping alone spends is known all the same.
#[test]
fn a_definition_alone_leaves_the_drain_open_where_stopping_does_not_spend_it() {
    let unknown = "drain_budget 0 : no service of these files uses it, so that the drain delay is not known";
    for (stop, expected) in [(104, vec![unknown.to_owned()]), (106, Vec::new())] {
        let mut files = Files::good();
        files.container(0)["stopTimeout"] = json!(stop);
        let judgement = judge(&files.policy, &sources(&[&files.definition.to_string()]));
        let blocks = judgement.subjects[0].found.iter().any(|one| one.rule == Rule::DrainBudget);
        assert_eq!((open(&judgement.subjects[0]), blocks), (expected, stop == 106), "{stop} s");
    }
}
