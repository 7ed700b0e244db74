//! What a service's events say about why its tasks do not run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observe::ServiceEvent;
use crate::plan::Pair;

/// Why ECS does not start tasks, as its events word it. Only the first may be a drought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// No capacity, on Spot or without saying where.
    SpotCapacity,
    /// No capacity on the On-Demand provider.
    OnDemandCapacity,
    /// A quota of the account.
    Quota,
    /// No free addresses in a subnet.
    Addresses,
    /// The image cannot be pulled.
    Image,
    /// An Auto Scaling group at its largest size.
    MaxSize,
    /// No instance has what the task asks for.
    Placement,
    /// ECS cannot start the task and says no more: a subnet may be in a zone without Fargate.
    Internal,
}

impl Sign {
    /// Its name in metrics: as it is written in the table.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Sign::SpotCapacity => "spot_capacity",
            Sign::OnDemandCapacity => "on_demand_capacity",
            Sign::Quota => "quota",
            Sign::Addresses => "addresses",
            Sign::Image => "image",
            Sign::MaxSize => "max_size",
            Sign::Placement => "placement",
            Sign::Internal => "internal",
        }
    }

    /// What it is, for sentences.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Sign::SpotCapacity => "no Spot capacity",
            Sign::OnDemandCapacity => "no On-Demand capacity",
            Sign::Quota => "a quota is used up",
            Sign::Addresses => "a subnet has no free addresses",
            Sign::Image => "the image cannot be pulled",
            Sign::MaxSize => "the Auto Scaling group is at its largest size",
            Sign::Placement => "no instance has what the task asks for",
            Sign::Internal => "ECS answers with an internal error",
        }
    }
}

/// Words that ECS, EC2 and Auto Scaling use, in lower case and without apostrophes, which AWS writes
/// in two ways. The first kind that fits counts: a message about a quota may also say that a task
/// could not be placed.
///
/// Sources, in the Amazon ECS developer guide: "Amazon ECS service event messages" for the limits on
/// tasks and vCPUs, the CPU and memory above a limit, the provisioning limit, the internal error (a
/// subnet in a zone that Fargate does not have), the closest matching instance, and capacity;
/// "Troubleshooting Amazon ECS TaskFailedToStart errors" for the network interface of a subnet without
/// addresses; "CannotPullContainer task errors" for images. Error codes are those of "Error codes for
/// the Amazon EC2 API". No list has a message for a group at its largest size, which only leaves tasks
/// in PROVISIONING: those words are what Auto Scaling's own answers use.
const WORDS: [(Sign, &[&str]); 7] = [
    (
        Sign::Quota,
        &[
            "reached the limit on the number of",
            "is above your limit",
            "provisioning capacity limit was exceeded",
            "vcpu limit",
            "vcpulimitexceeded",
            "maxspotinstancecountexceeded",
            "quota",
        ],
    ),
    (
        Sign::Addresses,
        &[
            "attempting to create network interface",
            "enough free addresses",
            "insufficientfreeaddresses",
            "free ip",
            "enough ip addresses",
        ],
    ),
    (Sign::Image, &["cannotpull", "pull image", "pulling image", "imagepull"]),
    (Sign::MaxSize, &["maxsize", "max size", "maximum size", "above max value"]),
    (Sign::Placement, &["missing an attribute", "placement constraint"]),
    (Sign::Internal, &["reason: internal error"]),
    (
        Sign::SpotCapacity,
        &[
            "unable to place a task",
            "tasks for deployment",
            "no container instances were found",
            "capacity is unavailable",
            "insufficient capacity",
            "insufficientinstancecapacity",
            "unfulfillablecapacity",
            "no spot capacity",
        ],
    ),
];

/// Whether an event says that the service has all its tasks. Source: "Amazon ECS service event
/// messages", ECS developer guide.
pub(crate) fn is_steady(message: &str) -> bool {
    message.ends_with("has reached a steady state.")
}

/// What a message says by its words alone, whatever it is about: one that is about On-Demand
/// capacity reads as [`Sign::SpotCapacity`] too.
#[must_use]
pub fn sign_by_words(message: &str) -> Option<Sign> {
    let lower = message.to_ascii_lowercase();
    WORDS.iter().find(|(_, words)| words.iter().any(|word| lower.contains(word))).map(|(sign, _)| *sign)
}

/// What one event says, if it says why tasks do not run.
pub(crate) fn sign(message: &str, pair: &Pair) -> Option<Sign> {
    let found = sign_by_words(message)?;
    let names = |provider: &str| {
        let mut words = message.split(|letter: char| !(letter.is_ascii_alphanumeric() || "-_".contains(letter)));
        words.any(|word| word == provider)
    };
    let on_demand_alone = names(pair.on_demand.as_str()) && !names(pair.spot.as_str());
    match found {
        Sign::SpotCapacity if on_demand_alone => Some(Sign::OnDemandCapacity),
        found => Some(found),
    }
}

/// The newest sign that is no lack of Spot, since a time; events are given newest first.
pub(crate) fn other_cause<'a>(events: &'a [ServiceEvent], pair: &Pair, since: Timestamp) -> Option<(Sign, &'a str)> {
    signs(events, pair, since).find(|(sign, _)| *sign != Sign::SpotCapacity)
}

/// The newest sign that Spot is lacking, since a time.
pub(crate) fn lack_of_spot<'a>(events: &'a [ServiceEvent], pair: &Pair, since: Timestamp) -> Option<&'a str> {
    signs(events, pair, since).find(|(sign, _)| *sign == Sign::SpotCapacity).map(|(_, message)| message)
}

/// The newest sign of all.
pub(crate) fn newest_sign(events: &[ServiceEvent], pair: &Pair) -> Option<Sign> {
    signs(events, pair, Timestamp::MIN).next().map(|(sign, _)| sign)
}

fn signs<'a>(events: &'a [ServiceEvent], pair: &Pair, since: Timestamp) -> impl Iterator<Item = (Sign, &'a str)> {
    let recent = events.iter().filter(move |event| event.at >= since);
    recent.filter_map(move |event| sign(&event.message, pair).map(|sign| (sign, event.message.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use crate::observe::Family;

    #[test]
    fn a_sign_has_one_name() {
        let signs = [
            Sign::SpotCapacity,
            Sign::OnDemandCapacity,
            Sign::Quota,
            Sign::Addresses,
            Sign::Image,
            Sign::MaxSize,
            Sign::Placement,
        ];
        for sign in signs {
            assert_eq!(serde_json::to_value(sign).unwrap(), sign.code());
        }
    }

    #[test]
    fn events_are_told_apart() {
        let fargate = fixtures::pair(Family::Fargate);
        let groups = fixtures::pair(Family::AutoScalingGroup);
        let cases = [
            (
                "Fargate without capacity",
                "(service web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a different availability zone.",
                &fargate,
                Some(Sign::SpotCapacity),
            ),
            (
                "capacity of the Spot provider",
                "(service web) was unable to place a task. Reason: Capacity is unavailable at this time. Capacity provider FARGATE_SPOT.",
                &fargate,
                Some(Sign::SpotCapacity),
            ),
            (
                "capacity of the On-Demand provider",
                "(service web) was unable to place a task. Reason: Capacity is unavailable at this time. Capacity provider FARGATE.",
                &fargate,
                Some(Sign::OnDemandCapacity),
            ),
            (
                "the vCPU quota",
                "(service web) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently.",
                &fargate,
                Some(Sign::Quota),
            ),
            (
                "the vCPU quota, with the apostrophe of the developer guide",
                "(service web) was unable to place a task. Reason: You’ve reached the limit on the number of vCPUs you can run concurrently",
                &fargate,
                Some(Sign::Quota),
            ),
            (
                "the quota of tasks",
                "(service web) was unable to place a task. Reason: You've reached the limit on the number of tasks you can run concurrently",
                &fargate,
                Some(Sign::Quota),
            ),
            (
                "the size of a task",
                "(service web) was unable to place a task. Reason: The requested MEMORY configuration is above your limit.",
                &fargate,
                Some(Sign::Quota),
            ),
            (
                "tasks in PROVISIONING",
                "(service web) was unable to place tasks in your cluster because the tasks provisioning capacity limit was exceeded.",
                &groups,
                Some(Sign::Quota),
            ),
            (
                "no addresses",
                "(service web) was unable to place a task. Reason: Unexpected EC2 error while attempting to Create Network Interface with public IP assignment disabled in subnet 'subnet-a': InsufficientFreeAddressesInSubnet.",
                &fargate,
                Some(Sign::Addresses),
            ),
            (
                "no addresses, without the error code",
                "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment enabled in subnet 'subnet-a'",
                &fargate,
                Some(Sign::Addresses),
            ),
            (
                "a zone without Fargate",
                "(service web) was unable to place a task. Reason: Internal error.",
                &fargate,
                Some(Sign::Internal),
            ),
            (
                "an image",
                "(service web) failed to launch a task with (error CannotPullContainerError: pull access denied).",
                &fargate,
                Some(Sign::Image),
            ),
            (
                "a full group",
                "(service web) was unable to place a task because the Auto Scaling group asg-spot is at its MaxSize of 4.",
                &groups,
                Some(Sign::MaxSize),
            ),
            (
                "an attribute",
                "(service web) was unable to place a task because no container instance met all of its requirements. The closest matching (container-instance i-1) is missing an attribute required by your task.",
                &groups,
                Some(Sign::Placement),
            ),
            (
                "no instance",
                "(service web) was unable to place a task because no container instance met all of its requirements.",
                &groups,
                Some(Sign::SpotCapacity),
            ),
            (
                "no instance of the provider",
                "(service web) was unable to reach steady state. Reason: No Container Instances were found in your capacity provider.",
                &groups,
                Some(Sign::SpotCapacity),
            ),
            (
                "a part of the tasks",
                "(service web) could not launch 3 tasks for deployment ecs-svc/1.",
                &groups,
                Some(Sign::SpotCapacity),
            ),
            ("steady", "(service web) has reached a steady state.", &fargate, None),
        ];
        for (name, message, pair, expected) in cases {
            assert_eq!(sign(message, pair), expected, "{name}");
        }
    }
}
