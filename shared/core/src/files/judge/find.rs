//! What a document holds: definitions, services, and what belongs to them.

use serde_json::Value;

use super::Source;
use crate::files::node::Node;

/// One thing of a document.
#[derive(Debug, Clone)]
pub(super) struct Thing<'a> {
    /// Which document, by number.
    pub(super) source: usize,
    /// Its logical id, in a template.
    pub(super) logical: Option<&'a str>,
    /// Its properties.
    pub(super) node: Node<'a>,
}

/// Everything that all documents hold.
#[derive(Debug, Default)]
pub(super) struct Things<'a> {
    pub(super) definitions: Vec<Thing<'a>>,
    pub(super) services: Vec<Thing<'a>>,
    pub(super) target_groups: Vec<Thing<'a>>,
    pub(super) scalable_targets: Vec<Thing<'a>>,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One that was understood.
    Known,
    /// None that is known here.
    Unknown,
}

/// Keys of `CreateService` and `Service`, ECS API reference, that nothing else has. A service file
/// of ecspresso may leave the name and the task definition out.
const SERVICE_KEYS: &[&str] = &[
    "serviceName",
    "serviceArn",
    "desiredCount",
    "launchType",
    "capacityProviderStrategy",
    "deploymentConfiguration",
    "deploymentController",
    "loadBalancers",
    "networkConfiguration",
    "schedulingStrategy",
    "healthCheckGracePeriodSeconds",
    "serviceConnectConfiguration",
    "serviceRegistries",
    "platformVersion",
    "enableECSManagedTags",
    "placementStrategy",
];

impl<'a> Things<'a> {
    /// Finds what a document holds.
    pub(super) fn add(&mut self, source: usize, document: &'a Source) -> Form {
        self.look(source, &Node::root(&document.document.value), 0)
    }

    fn look(&mut self, source: usize, node: &Node<'a>, depth: u8) -> Form {
        let thing = |node: Node<'a>| Thing { source, logical: None, node };
        if node.value.is_array() {
            // What `--query` leaves of an answer.
            let items = node.items();
            let known = items.iter().filter(|item| depth < 2 && self.look(source, item, depth + 1) == Form::Known);
            return if known.count() > 0 { Form::Known } else { Form::Unknown };
        }
        if let Some(resources) = node.get("Resources").filter(Node::is_object) {
            for resource in resources.fields() {
                self.resource(source, Some(resource.key()), &resource);
            }
            return Form::Known;
        }
        if node.get("Type").is_some_and(|kind| kind.value.is_string()) && node.get("Properties").is_some() {
            self.resource(source, None, node);
            return Form::Known;
        }
        for (list, is_target) in [("services", false), ("scalableTargets", true)] {
            for item in node.get(list).filter(|list| list.value.is_array()).into_iter().flat_map(|list| list.items()) {
                if is_target { self.scalable_targets.push(thing(item)) } else { self.services.push(thing(item)) }
            }
        }
        if let Some(described) = node.get("taskDefinition").filter(Node::is_object) {
            self.definitions.push(thing(described));
            return Form::Known;
        }
        if let Some(described) = node.get("service").filter(Node::is_object) {
            self.services.push(thing(described));
            return Form::Known;
        }
        if node.get("containerDefinitions").is_some() {
            self.definitions.push(thing(node.clone()));
            return Form::Known;
        }
        let keys = SERVICE_KEYS.iter().filter(|key| node.get(key).is_some()).count();
        let named = ["serviceName", "serviceArn"].iter().any(|key| node.get(key).is_some());
        if keys >= 2 || named {
            self.services.push(thing(node.clone()));
            return Form::Known;
        }
        // An answer that lists nothing was understood, too.
        let lists = |key: &str| node.get(key).is_some_and(|list| list.value.is_array());
        if lists("services") || lists("scalableTargets") { Form::Known } else { Form::Unknown }
    }

    fn resource(&mut self, source: usize, logical: Option<&'a str>, resource: &Node<'a>) {
        let Some(kind) = resource.get("Type").and_then(|kind| kind.value.as_str()) else {
            return;
        };
        // A resource without properties is one with defaults alone.
        let node = resource.get("Properties").unwrap_or_else(|| resource.clone());
        let thing = Thing { source, logical, node };
        match kind {
            "AWS::ECS::TaskDefinition" => self.definitions.push(thing),
            "AWS::ECS::Service" => self.services.push(thing),
            "AWS::ElasticLoadBalancingV2::TargetGroup" => self.target_groups.push(thing),
            "AWS::ApplicationAutoScaling::ScalableTarget" => self.scalable_targets.push(thing),
            _ => {}
        }
    }
}

/// The files that a configuration of ecspresso names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ecspresso {
    /// `service_definition`, with its JSON pointer.
    pub service_definition: Option<(String, &'static str)>,
    /// `task_definition`, with its JSON pointer.
    pub task_definition: Option<(String, &'static str)>,
}

/// Reads a document as a configuration of ecspresso; `None` where it is none.
#[must_use]
pub fn ecspresso(document: &Value) -> Option<Ecspresso> {
    let named = |key: &str| document.get(key).and_then(Value::as_str).map(str::to_owned);
    let service_definition = named("service_definition").map(|name| (name, "/service_definition"));
    let task_definition = named("task_definition").map(|name| (name, "/task_definition"));
    (service_definition.is_some() || task_definition.is_some())
        .then_some(Ecspresso { service_definition, task_definition })
}
