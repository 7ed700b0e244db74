//! A service as far as the rules ask, from what `describe-services`, `create-service` and
//! CloudFormation say of it alike.
//!
//! Defaults are those of ECS: 100 % and 200 % for a rolling deployment, `REPLICA`, the `ECS`
//! controller (`CreateService`, ECS API reference).

use std::collections::BTreeMap;

use super::given::{self, Given};
use super::{Open, Thing};
use crate::assess::Rule;
use crate::files::cloudformation::told;
use crate::files::node::Node;
use crate::ids::ProviderName;
use crate::observe::{
    DeploymentConfiguration, DeploymentController, DeploymentStrategy, Discovery, Family, LaunchType,
    LoadBalancerTarget, LoadBalancerUse, PlacedBy, Scheduling,
};
use crate::strategy::{Strategy, StrategyItem};
use crate::units::Seconds;

/// A service that was found, but for what other things say of it.
pub(super) struct Read<'a> {
    pub(super) desired: Option<u32>,
    pub(super) placed_by: Option<PlacedBy>,
    pub(super) scheduling: Scheduling,
    pub(super) controller: DeploymentController,
    pub(super) express: bool,
    pub(super) deployment: DeploymentConfiguration,
    /// Its load balancers, and the nodes that name the target groups of those that have one.
    pub(super) load_balancers: Vec<(LoadBalancerUse, Option<Node<'a>>)>,
    pub(super) discovery: Discovery,
    pub(super) volumes_at_launch: bool,
    pub(super) tags: BTreeMap<String, (String, String)>,
    /// What the rules rest upon and is not known.
    pub(super) open: Vec<Open>,
}

/// What a service is called: its name, or its logical id.
pub(super) fn name(thing: &Thing<'_>) -> Option<String> {
    let arn = given::text(&thing.node, "serviceArn").known().and_then(|arn| arn.rsplit('/').next());
    given::text(&thing.node, "serviceName").known().or(arn).or(thing.logical).map(str::to_owned)
}

pub(super) fn read<'a>(thing: &Thing<'a>) -> Read<'a> {
    let node = &thing.node;
    let mut open = Vec::new();
    let mut known = |rules: &[Rule], why: String, at: &Node<'_>| {
        open.extend(rules.iter().map(|rule| Open::new(*rule, &why, at)));
    };
    let scheduling = match given::word(
        node,
        "schedulingStrategy",
        &[("REPLICA", Scheduling::Replica), ("DAEMON", Scheduling::Daemon)],
    ) {
        Given::Known(scheduling) => scheduling,
        Given::Absent => Scheduling::Replica,
        Given::Unknown(why) => {
            known(&[Rule::Controller], why, node);
            Scheduling::Replica
        }
    };
    let desired = match given::number(node, "desiredCount") {
        Given::Known(desired) => Some(desired),
        // A daemon service has none, and is none of ours.
        Given::Absent if scheduling == Scheduling::Daemon => None,
        Given::Absent => {
            known(&[Rule::Redundancy], "the service says no desiredCount".to_owned(), node);
            None
        }
        Given::Unknown(why) => {
            known(&[Rule::Redundancy], why, &node.get("desiredCount").unwrap_or_else(|| node.clone()));
            None
        }
    };
    let controller = match node.get("deploymentController").map(|outer| {
        given::word(
            &outer,
            "type",
            &[
                ("ECS", DeploymentController::Ecs),
                ("CODE_DEPLOY", DeploymentController::CodeDeploy),
                ("EXTERNAL", DeploymentController::External),
            ],
        )
    }) {
        Some(Given::Known(controller)) => controller,
        None | Some(Given::Absent) => DeploymentController::Ecs,
        Some(Given::Unknown(why)) => {
            known(&[Rule::Controller], why, node);
            DeploymentController::Ecs
        }
    };
    let placed_by = match placed_by(node) {
        Given::Known(placed_by) => Some(placed_by),
        Given::Absent => None,
        Given::Unknown(why) => {
            known(&[Rule::Controller], why, node);
            None
        }
    };
    let deployment = match deployment(node, scheduling) {
        (deployment, None) => deployment,
        (deployment, Some(why)) => {
            known(&[Rule::Replaceable], why, &node.get("deploymentConfiguration").unwrap_or_else(|| node.clone()));
            deployment
        }
    };
    let express = given::text(node, "resourceManagementType").known().is_some_and(|kind| kind == "ECS");
    let load_balancers = load_balancers(node, &mut open);
    let (discovery, volumes_at_launch) = newest(node, &mut open);
    let tags = tags(node, &mut open);
    Read {
        desired,
        placed_by,
        scheduling,
        controller,
        express,
        deployment,
        load_balancers,
        discovery,
        volumes_at_launch,
        tags,
        open,
    }
}

fn placed_by(node: &Node<'_>) -> Given<PlacedBy> {
    match given::items(node, "capacityProviderStrategy") {
        Given::Known(items) if !items.is_empty() => {
            let mut strategy = Strategy { items: Vec::new() };
            for item in &items {
                let number = |key| given::number(item, key).known().unwrap_or(0);
                let name =
                    given::text(item, "capacityProvider").known().and_then(|name| ProviderName::parse(name).ok());
                let Some(provider) = name else {
                    return Given::Unknown("a capacity provider of its strategy is filled in later".to_owned());
                };
                strategy.items.push(StrategyItem { provider, base: number("base"), weight: number("weight") });
            }
            return Given::Known(PlacedBy::Strategy(strategy));
        }
        Given::Unknown(why) => return Given::Unknown(why),
        Given::Known(_) | Given::Absent => {}
    }
    let words = [
        ("EC2", LaunchType::Ec2),
        ("FARGATE", LaunchType::Fargate),
        ("EXTERNAL", LaunchType::External),
        ("MANAGED_INSTANCES", LaunchType::ManagedInstances),
    ];
    match given::word(node, "launchType", &words) {
        Given::Known(launch_type) => Given::Known(PlacedBy::LaunchType(launch_type)),
        Given::Absent => Given::Absent,
        Given::Unknown(why) => Given::Unknown(why),
    }
}

/// `deploymentConfiguration`, and what of it is not known.
fn deployment(node: &Node<'_>, scheduling: Scheduling) -> (DeploymentConfiguration, Option<String>) {
    let (least, most) = match scheduling {
        Scheduling::Replica => (100, 200),
        Scheduling::Daemon => (0, 100),
    };
    let mut deployment = DeploymentConfiguration {
        strategy: DeploymentStrategy::Rolling,
        minimum_healthy_percent: least,
        maximum_percent: most,
        circuit_breaker: false,
        rollback: false,
        bake: Seconds(0),
        hooks: 0,
        hook_time: Seconds(0),
    };
    let Some(configuration) = node.get("deploymentConfiguration") else {
        return (deployment, None);
    };
    let mut open = told(configuration.value).map(|token| format!("deploymentConfiguration is {token}"));
    let mut number = |key, default| match given::number(&configuration, key) {
        Given::Known(number) => number,
        Given::Absent => default,
        Given::Unknown(why) => {
            open = Some(why);
            // What no finding rests upon.
            if key == "maximumPercent" { 200 } else { 0 }
        }
    };
    deployment.minimum_healthy_percent = number("minimumHealthyPercent", least);
    deployment.maximum_percent = number("maximumPercent", most);
    let words = [
        ("ROLLING", DeploymentStrategy::Rolling),
        ("BLUE_GREEN", DeploymentStrategy::BlueGreen),
        ("LINEAR", DeploymentStrategy::Linear),
        ("CANARY", DeploymentStrategy::Canary),
    ];
    match given::word(&configuration, "strategy", &words) {
        Given::Known(strategy) => deployment.strategy = strategy,
        Given::Absent => {}
        Given::Unknown(why) => {
            open = Some(why);
            deployment.strategy = DeploymentStrategy::BlueGreen;
        }
    }
    (deployment, open)
}

fn load_balancers<'a>(node: &Node<'a>, open: &mut Vec<Open>) -> Vec<(LoadBalancerUse, Option<Node<'a>>)> {
    let items = match given::items(node, "loadBalancers") {
        Given::Known(items) => items,
        Given::Absent => return Vec::new(),
        Given::Unknown(why) => {
            let rules = [Rule::Deregistration, Rule::DrainBudget, Rule::Discovery];
            open.extend(rules.map(|rule| Open::new(rule, &why, node)));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for item in items {
        if let Some(token) = told(item.value) {
            let why = format!("a load balancer is {token}, which is filled in later");
            let rules = [Rule::Deregistration, Rule::DrainBudget, Rule::Discovery, Rule::Controller];
            open.extend(rules.map(|rule| Open::new(rule, &why, &item)));
            continue;
        }
        let used = |target| LoadBalancerUse {
            target,
            container: given::text(&item, "containerName").known().unwrap_or_default().to_owned(),
            port: given::number(&item, "containerPort").known().unwrap_or(0),
        };
        // Their names are what the links come to: the number of the node stands for it until then.
        let alternate = item.get("advancedConfiguration").and_then(|outer| outer.get("alternateTargetGroupArn"));
        if let Some(group) = item.get("targetGroupArn") {
            found.push((used(LoadBalancerTarget::TargetGroup(String::new())), Some(group)));
        }
        if let Some(group) = alternate {
            found.push((used(LoadBalancerTarget::AlternateTargetGroup(String::new())), Some(group)));
        }
        if let Some(classic) = item.get("loadBalancerName") {
            let name = classic.value.as_str().filter(|name| !name.is_empty());
            let name = name.map(str::to_owned).or_else(|| told(classic.value));
            found.extend(name.map(|name| (used(LoadBalancerTarget::Classic(name)), None)));
        }
    }
    found
}

/// What `describe-services` shows of the newest deployment, and inputs have at the service.
fn newest(node: &Node<'_>, open: &mut Vec<Open>) -> (Discovery, bool) {
    let primary = given::items(node, "deployments")
        .known()
        .into_iter()
        .flatten()
        .find(|deployment| given::text(deployment, "status").known() == Some("PRIMARY"));
    let of = |key: &str| node.get(key).or_else(|| primary.as_ref().and_then(|deployment| deployment.get(key)));
    let mut lists = |key: &str, rule: Rule| {
        let Some(field) = of(key) else { return false };
        if let Some(token) = told(field.value) {
            open.push(Open::new(rule, &format!("{key} is {token}, which is filled in later"), &field));
        }
        field.value.as_array().is_some_and(|items| !items.is_empty())
    };
    let cloud_map = lists("serviceRegistries", Rule::Discovery);
    let lattice = lists("vpcLatticeConfigurations", Rule::Discovery);
    let volumes = lists("volumeConfigurations", Rule::Stateless);
    let service_connect =
        of("serviceConnectConfiguration").is_some_and(|connect| match given::flag(&connect, "enabled") {
            Given::Known(enabled) => enabled,
            Given::Absent => false,
            Given::Unknown(why) => {
                open.push(Open::new(Rule::Discovery, &why, &connect));
                false
            }
        });
    (Discovery { service_connect, cloud_map, lattice }, volumes)
}

/// The tags, each with the pointer of its value.
fn tags(node: &Node<'_>, open: &mut Vec<Open>) -> BTreeMap<String, (String, String)> {
    let items = match given::items(node, "tags") {
        Given::Known(items) => items,
        Given::Absent => return BTreeMap::new(),
        Given::Unknown(why) => {
            open.push(Open::new(Rule::Enrolment, &why, node));
            return BTreeMap::new();
        }
    };
    let mut tags = BTreeMap::new();
    for item in items {
        let Some(key) = given::text(&item, "key").known() else { continue };
        match (given::text(&item, "value"), item.get("value")) {
            (Given::Known(value), Some(field)) => {
                tags.insert(key.to_owned(), (value.to_owned(), field.path));
            }
            (Given::Unknown(why), Some(field)) if key.starts_with("spotkeeper:") => {
                // YAML writes `true` and `50` without quotes.
                match field.value {
                    serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
                        tags.insert(key.to_owned(), (field.value.to_string(), field.path));
                    }
                    _ => open.push(Open::new(Rule::Enrolment, &format!("the tag {key}: {why}"), &field)),
                }
            }
            _ => {}
        }
    }
    tags
}

/// What a service may run on: what it says, or else what its task definition does.
pub(super) fn families(placed_by: Option<&PlacedBy>, definition: Option<&[Family]>) -> Vec<Family> {
    let on_instances = || match definition {
        Some([Family::ManagedInstances]) => vec![Family::ManagedInstances],
        _ => vec![Family::AutoScalingGroup],
    };
    match placed_by {
        Some(PlacedBy::LaunchType(LaunchType::Fargate)) => vec![Family::Fargate],
        Some(PlacedBy::LaunchType(LaunchType::ManagedInstances)) => vec![Family::ManagedInstances],
        Some(PlacedBy::LaunchType(LaunchType::Ec2 | LaunchType::External)) => vec![Family::AutoScalingGroup],
        Some(PlacedBy::Strategy(strategy)) => {
            let fargate = strategy.items.iter().any(|item| item.provider.as_str().starts_with("FARGATE"));
            if fargate { vec![Family::Fargate] } else { on_instances() }
        }
        None => definition.map_or_else(|| vec![Family::Fargate, Family::AutoScalingGroup], <[Family]>::to_vec),
    }
}
