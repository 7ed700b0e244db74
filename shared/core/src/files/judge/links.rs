//! What belongs together: by logical id within a template, by name, family or ARN over all files.

use serde_json::Value;

use super::given::{self, Given};
use super::{Source, Thing, Things};
use crate::files::cloudformation::{Name, name};
use crate::files::node::Node;
use crate::observe::{Gap, GapCause, Reading, ScalingRange, TargetGroup};
use crate::units::Seconds;

/// What a target group's delay is where nothing sets it. Source: `TargetGroupAttribute`
/// (`deregistration_delay.timeout_seconds`), ELB API reference.
const DEFAULT_DELAY: Seconds = Seconds(300);
const DELAY: &str = "deregistration_delay.timeout_seconds";

/// A place: which document, and a JSON pointer.
pub(super) type Pointer = (usize, String);

/// Something that no file says: told where a rule asks for it.
pub(super) fn gap(why: String) -> Gap {
    Gap { subject: String::new(), action: String::new(), cause: GapCause::NotRead, detail: why }
}

/// The task definition of a service.
///
/// # Errors
/// Why there is none.
pub(super) fn definition<'t, 'a>(
    sources: &[Source],
    things: &'t Things<'a>,
    service: &Thing<'a>,
) -> Result<&'t Thing<'a>, String> {
    let candidates = |wanted: &dyn Fn(&&Thing<'a>) -> bool| -> Vec<&'t Thing<'a>> {
        things.definitions.iter().filter(wanted).collect()
    };
    let together = sources.get(service.source).and_then(|source| source.together);
    let (found, what) = match service.node.get("taskDefinition").map(|field| (name(&field), field)) {
        Some((Name::Logical(ids), _)) => {
            let found = candidates(&|one| {
                one.source == service.source && one.logical.is_some_and(|logical| ids.contains(&logical))
            });
            (found, ids.join(", "))
        }
        Some((Name::Text(text), _)) => {
            let exact = candidates(&|one| given::text(&one.node, "taskDefinitionArn").known() == Some(text));
            let family = family(text);
            let found = if exact.is_empty() { candidates(&|one| family_of(one) == Some(family)) } else { exact };
            (found, text.to_owned())
        }
        Some((Name::Unknown(token), _)) => (Vec::new(), token),
        None => (Vec::new(), "of the service".to_owned()),
    };
    // A configuration of ecspresso says what belongs together, whatever the names are.
    let found = match (found.is_empty(), together) {
        (true, Some(_)) => candidates(&|one| sources.get(one.source).is_some_and(|source| source.together == together)),
        _ => found,
    };
    match found.as_slice() {
        [] => Err(format!("its task definition {what} is not in these files")),
        [one] => Ok(one),
        several => Err(format!("{} task definitions of these files could be {what}", several.len())),
    }
}

/// The family in a name: of `web:7` and of an ARN that ends in it.
fn family(text: &str) -> &str {
    let name = text.rsplit('/').next().unwrap_or(text);
    name.split(':').next().unwrap_or(name)
}

fn family_of<'a>(thing: &Thing<'a>) -> Option<&'a str> {
    let family_of_arn = || given::text(&thing.node, "taskDefinitionArn").known().map(family);
    given::text(&thing.node, "family").known().or_else(family_of_arn)
}

/// A target group by what names it: what it is called, its attributes, and where its delay stands.
pub(super) fn target_group(
    things: &Things<'_>,
    source: usize,
    named: &Node<'_>,
) -> (String, Reading<TargetGroup>, Option<Pointer>) {
    let (called, found) = match name(named) {
        Name::Logical(ids) => {
            let by_id = |one: &&Thing<'_>| one.source == source && one.logical.is_some_and(|id| ids.contains(&id));
            (ids.join(", "), things.target_groups.iter().find(by_id))
        }
        Name::Text(text) => {
            // `targetgroup/NAME/HASH`, or a name alone.
            let name = text.split("targetgroup/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or(text);
            let by_name = |one: &&Thing<'_>| given::text(&one.node, "Name").known() == Some(name);
            (text.to_owned(), things.target_groups.iter().find(by_name))
        }
        Name::Unknown(token) => (token, None),
    };
    let Some(thing) = found else {
        let why = format!("target group {called} is not in these files");
        return (called, Reading::Missing(gap(why)), None);
    };
    let called = given::text(&thing.node, "Name").known().or(thing.logical).unwrap_or(&called).to_owned();
    let (delay, at) = delay(thing);
    let reading = match delay {
        Ok(deregistration_delay) => Reading::Known(TargetGroup { deregistration_delay }),
        Err(why) => Reading::Missing(gap(format!("target group {called}: {why}"))),
    };
    (called, reading, Some((thing.source, at)))
}

/// The delay of a target group, and where it stands.
fn delay(thing: &Thing<'_>) -> (Result<Seconds, String>, String) {
    let here = thing.node.path.clone();
    let attributes = match given::items(&thing.node, "TargetGroupAttributes") {
        Given::Known(attributes) => attributes,
        Given::Absent => return (Ok(DEFAULT_DELAY), here),
        Given::Unknown(why) => return (Err(why), here),
    };
    // An attribute that is filled in later may be this one.
    if let Some(open) = attributes.iter().find(|one| !matches!(given::text(one, "Key"), Given::Known(_))) {
        return (Err("one of its attributes is filled in later".to_owned()), open.path.clone());
    }
    let ours = attributes.iter().find(|one| given::text(one, "Key").known() == Some(DELAY));
    let Some(ours) = ours else {
        return (Ok(DEFAULT_DELAY), here);
    };
    let at = ours.get("Value").map_or_else(|| ours.path.clone(), |value| value.path);
    match given::number(ours, "Value") {
        Given::Known(delay) => (Ok(Seconds(delay)), at),
        Given::Absent => (Err(format!("{DELAY} has no value")), at),
        Given::Unknown(why) => (Err(why.replace("Value", DELAY)), at),
    }
}

/// What Application Auto Scaling may do to a service, and where its least count stands.
pub(super) fn scaling(
    things: &Things<'_>,
    service: &Thing<'_>,
    service_name: Option<&str>,
) -> (Reading<Option<ScalingRange>>, Option<Pointer>) {
    let target = things.scalable_targets.iter().find(|one| {
        let Some(resource) = one.node.get("ResourceId") else { return false };
        match name(&resource) {
            Name::Logical(ids) => {
                one.source == service.source && service.logical.is_some_and(|logical| ids.contains(&logical))
            }
            Name::Text(text) => text.starts_with("service/") && text.rsplit('/').next() == service_name,
            Name::Unknown(_) => false,
        }
    });
    let Some(target) = target else {
        let why = "whether Application Auto Scaling may set fewer tasks is not in these files".to_owned();
        return (Reading::Missing(gap(why)), None);
    };
    let open = |why: String| Reading::Missing(gap(format!("its scalable target: {why}")));
    let mut least: Option<(u32, String)> = None;
    let mut most = 0;
    let actions = match given::items(&target.node, "ScheduledActions") {
        Given::Known(actions) => actions,
        Given::Absent => Vec::new(),
        Given::Unknown(why) => return (open(why), None),
    };
    let actions = actions.into_iter().filter_map(|action| action.get("ScalableTargetAction"));
    for place in std::iter::once(target.node.clone()).chain(actions) {
        match given::number(&place, "MinCapacity") {
            Given::Known(min) => {
                if least.as_ref().is_none_or(|(least, _)| min < *least) {
                    let at = place.get("MinCapacity").map_or_else(|| place.path.clone(), |field| field.path);
                    least = Some((min, at));
                }
            }
            Given::Absent => {}
            Given::Unknown(why) => return (open(why), None),
        }
        most = most.max(given::number(&place, "MaxCapacity").known().unwrap_or(0));
    }
    match least {
        Some((min, at)) => (Reading::Known(Some(ScalingRange { min, max: most.max(min) })), Some((target.source, at))),
        None => (open("it says no MinCapacity".to_owned()), None),
    }
}

/// A node of a document by its pointer.
pub(super) fn node<'a>(document: &'a Value, pointer: &str) -> Option<Node<'a>> {
    let mut node = Node::root(document.pointer(pointer)?);
    node.path = pointer.to_owned();
    Some(node)
}
