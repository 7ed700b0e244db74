//! What AWS's events say about Spot capacity: from EventBridge's JSON to a [`Notice`], or to why it
//! is none. Nothing is looked up here: [`super::resolve`] does that.
//!
//! | detail-type | counts where | source |
//! |---|---|---|
//! | `EC2 Spot Instance Interruption Warning` | always | "Spot Instance interruption notices", EC2 user guide |
//! | `EC2 Instance Rebalance Recommendation` | always | "EC2 instance rebalance recommendations", EC2 user guide |
//! | `ECS Task State Change` | Fargate Spot takes the task away | "Amazon ECS task state change events" and "Amazon ECS clusters for Fargate", ECS developer guide |
//! | `ECS Service Action` | `SERVICE_TASK_PLACEMENT_FAILURE` that names providers | "Amazon ECS service action events", ECS developer guide |
//! | `EC2 Instance Launch Unsuccessful` | always | "Amazon EC2 Auto Scaling event reference", Auto Scaling user guide |
//!
//! Tasks on instances do not count by their own events: the warning of their instance does, once
//! for all of them, and `TerminationNotice` is what tasks of any instance that goes may carry.

use jiff::Timestamp;
use serde_json::Value;

use super::OccurrenceKind;
use super::field::{EventError, Field};
use crate::ids::{ClusterName, InstanceId, ProviderName, ServiceName};
use crate::verify::{Sign, sign_by_words};

/// The name of the provider of Fargate Spot.
pub const FARGATE_SPOT: &str = "FARGATE_SPOT";
/// `stoppedReason` of a task that Fargate Spot takes away. Source: "Amazon ECS clusters for
/// Fargate", ECS developer guide.
const INTERRUPTED: &str = "Your Spot Task was interrupted.";

/// What an event comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// It says something about Spot capacity.
    Notice(Notice),
    /// It says nothing about it, for this reason.
    Ignored(Ignored),
}

/// Why an event does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ignored {
    /// A task that ends for another reason, or does not end.
    OtherStop,
    /// A task on an instance: the instance's own warning counts.
    TaskOfInstance,
    /// Another service action, or a placement failure that names no provider.
    OtherAction,
    /// What it is about has nothing to do with Spot providers of ECS.
    Elsewhere,
}

impl Ignored {
    /// Its name, as in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Ignored::OtherStop => "other_stop",
            Ignored::TaskOfInstance => "task_of_instance",
            Ignored::OtherAction => "other_action",
            Ignored::Elsewhere => "elsewhere",
        }
    }
}

/// An event that says something about Spot capacity, in its own terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What makes it one occurrence, however often it arrives: the instance's id, the task's ARN,
    /// the event's or the activity's id.
    pub id: String,
    /// What happened.
    pub kind: OccurrenceKind,
    /// When.
    pub at: Timestamp,
    /// What it is about.
    pub about: About,
    /// Why a placement or a launch failed, where it says so.
    pub sign: Option<Sign>,
}

/// What a notice is about, as far as its event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A Spot instance.
    Instance(InstanceId),
    /// A task of Fargate Spot.
    Task {
        /// Its cluster.
        cluster: ClusterName,
        /// Its service, of a service's task.
        service: Option<ServiceName>,
        /// Its provider, where the event shows that it is `FARGATE_SPOT`.
        provider: Option<ProviderName>,
    },
    /// A service whose task found no place.
    Service {
        /// Its cluster.
        cluster: ClusterName,
        /// Its name.
        service: ServiceName,
        /// The providers that were tried, at least one, of either market.
        providers: Vec<ProviderName>,
    },
    /// An Auto Scaling group, of either market, whose launch failed.
    Group {
        /// Its name.
        name: String,
        /// Whether the message is about Spot Instances.
        says_spot: bool,
    },
}

/// Reads an event. Fields that it does not know are passed over: AWS adds some.
///
/// # Errors
/// [`EventError`] with the field and what is wrong with it.
pub fn parse_event(event: &Value) -> Result<Parsed, EventError> {
    let event = Field::root(event);
    let (source, kind) = (event.get("source")?.text()?, event.get("detail-type")?);
    match (source, kind.text()?) {
        ("aws.ec2", "EC2 Spot Instance Interruption Warning") => instance(&event, OccurrenceKind::InstanceInterruption),
        ("aws.ec2", "EC2 Instance Rebalance Recommendation") => {
            instance(&event, OccurrenceKind::RebalanceRecommendation)
        }
        ("aws.ecs", "ECS Task State Change") => task(&event),
        ("aws.ecs", "ECS Service Action") => service_action(&event),
        ("aws.autoscaling", "EC2 Instance Launch Unsuccessful") => launch(&event),
        (source, _) => Err(kind.wrong(&format!("none that is known, from {source:.80}"))),
    }
}

fn instance(event: &Field<'_>, kind: OccurrenceKind) -> Result<Parsed, EventError> {
    let instance = event.get("detail")?.get("instance-id")?.parsed(InstanceId::parse)?;
    let at = event.get("time")?.time()?;
    Ok(Parsed::Notice(Notice {
        id: instance.as_str().to_owned(),
        kind,
        at,
        about: About::Instance(instance),
        sign: None,
    }))
}

fn task(event: &Field<'_>) -> Result<Parsed, EventError> {
    let detail = event.get("detail")?;
    let text = |name: &str| detail.optional(name)?.map(|field| field.text()).transpose();
    let interrupted = text("stoppedReason")? == Some(INTERRUPTED);
    // The code is documented in two ways, and tasks without any have been seen.
    let by_spot = match text("stopCode")? {
        Some("SpotInterruption") => true,
        Some("TerminationNotice") => interrupted,
        Some(_) => return Ok(Parsed::Ignored(Ignored::OtherStop)),
        None if interrupted => true,
        None => return Ok(Parsed::Ignored(Ignored::OtherStop)),
    };
    let on_instance = matches!(text("launchType")?, Some("EC2" | "MANAGED_INSTANCES" | "EXTERNAL"))
        || detail.optional("containerInstanceArn")?.is_some();
    if on_instance {
        return Ok(Parsed::Ignored(Ignored::TaskOfInstance));
    }
    let provider = match detail.optional("capacityProviderName")? {
        Some(name) if name.text()? != FARGATE_SPOT => return Ok(Parsed::Ignored(Ignored::OtherStop)),
        Some(name) => Some(name.parsed(ProviderName::parse)?),
        None if by_spot => ProviderName::parse(FARGATE_SPOT).ok(),
        None => None,
    };
    let arn = detail.get("taskArn")?;
    arn.resource("ecs", "task")?;
    let service = match detail.optional("group")? {
        Some(group) => group.text()?.strip_prefix("service:").map(|name| group.read(name, ServiceName::parse)),
        None => None,
    };
    // Warning and STOPPED both arrive, in any order: this is the same in both.
    let at = match detail.optional("stoppingAt")? {
        Some(field) => field.time()?,
        None => event.get("time")?.time()?,
    };
    Ok(Parsed::Notice(Notice {
        id: arn.text()?.to_owned(),
        kind: OccurrenceKind::TaskInterruption,
        at,
        about: About::Task { cluster: cluster(&detail)?, service: service.transpose()?, provider },
        sign: None,
    }))
}

fn service_action(event: &Field<'_>) -> Result<Parsed, EventError> {
    let detail = event.get("detail")?;
    if detail.get("eventName")?.text()? != "SERVICE_TASK_PLACEMENT_FAILURE" {
        return Ok(Parsed::Ignored(Ignored::OtherAction));
    }
    let named = match detail.optional("capacityProviderArns")? {
        Some(arns) => arns.items()?,
        None => Vec::new(),
    };
    let providers: Vec<ProviderName> = named
        .iter()
        .map(|arn| arn.read(last_part(arn.resource("ecs", "capacity-provider")?), ProviderName::parse))
        .collect::<Result<_, EventError>>()?;
    if providers.is_empty() {
        return Ok(Parsed::Ignored(Ignored::OtherAction));
    }
    let resources = event.get("resources")?;
    let Some(arn) = resources.items()?.into_iter().next() else {
        return Err(resources.wrong("the ARN of the service"));
    };
    let service = arn.read(last_part(arn.resource("ecs", "service")?), ServiceName::parse)?;
    let reason = detail.optional("reason")?.map(|reason| reason.text()).transpose()?;
    Ok(Parsed::Notice(Notice {
        id: event.get("id")?.text()?.to_owned(),
        kind: OccurrenceKind::PlacementFailure,
        at: event.get("time")?.time()?,
        about: About::Service { cluster: cluster(&detail)?, service, providers },
        sign: reason.and_then(sign_of_reason),
    }))
}

/// What a placement failure's reason says. Only Fargate's is about capacity: that no instance has
/// room says nothing of Spot, and where a group gets no instances its own events do.
fn sign_of_reason(reason: &str) -> Option<Sign> {
    match reason {
        "RESOURCE:FARGATE" => Some(Sign::SpotCapacity),
        "ATTRIBUTE" => Some(Sign::Placement),
        resource if resource.starts_with("RESOURCE:") => Some(Sign::Placement),
        words => sign_by_words(words),
    }
}

fn launch(event: &Field<'_>) -> Result<Parsed, EventError> {
    let detail = event.get("detail")?;
    let message = detail.get("StatusMessage")?.text()?;
    let lower = message.to_ascii_lowercase();
    let sign = match sign_by_words(message) {
        Some(Sign::SpotCapacity) if lower.contains("on-demand instances") => Some(Sign::OnDemandCapacity),
        sign => sign,
    };
    Ok(Parsed::Notice(Notice {
        id: detail.get("ActivityId")?.text()?.to_owned(),
        kind: OccurrenceKind::LaunchFailure,
        at: event.get("time")?.time()?,
        about: About::Group {
            name: detail.get("AutoScalingGroupName")?.text()?.to_owned(),
            says_spot: lower.contains("spot"),
        },
        sign,
    }))
}

fn cluster(detail: &Field<'_>) -> Result<ClusterName, EventError> {
    let arn = detail.get("clusterArn")?;
    arn.read(arn.resource("ecs", "cluster")?, ClusterName::parse)
}

/// The name at the end of a resource that its cluster may stand before.
fn last_part(resource: &str) -> &str {
    resource.rsplit_once('/').map_or(resource, |(_, name)| name)
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
