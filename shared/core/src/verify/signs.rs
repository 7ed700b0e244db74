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
        }
    }
}

/// Words that ECS, EC2 and Auto Scaling use, in lower case. The first kind that fits counts: a
/// message about a quota may also say that a task could not be placed.
const WORDS: [(Sign, &[&str]); 6] = [
    (Sign::Quota, &["vcpu limit", "vcpulimitexceeded", "number of vcpus", "maxspotinstancecountexceeded", "quota"]),
    (Sign::Addresses, &["free addresses", "insufficientfreeaddresses", "free ip", "ip addresses"]),
    (Sign::Image, &["cannotpull", "pull image", "pulling image", "imagepull"]),
    (Sign::MaxSize, &["maxsize", "max size", "maximum size"]),
    (Sign::Placement, &["missing an attribute", "placement constraint"]),
    (
        Sign::SpotCapacity,
        &[
            "unable to place a task",
            "capacity is unavailable",
            "insufficient capacity",
            "insufficientinstancecapacity",
            "unfulfillablecapacity",
            "no spot capacity",
        ],
    ),
];

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
                "no addresses",
                "(service web) was unable to place a task. Reason: Unexpected EC2 error while attempting to create network interface with public IP assignment disabled in subnet 'subnet-a': InsufficientFreeAddressesInSubnet.",
                &fargate,
                Some(Sign::Addresses),
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
            ("steady", "(service web) has reached a steady state.", &fargate, None),
        ];
        for (name, message, pair, expected) in cases {
            assert_eq!(sign(message, pair), expected, "{name}");
        }
    }
}
