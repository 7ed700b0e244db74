//! AWS's answers in core's words: pure and total. What this version does not know is
//! [`NotUnderstood`] and becomes a gap; nothing is guessed.

pub mod capacity;
pub mod deployment;
pub mod look;
pub mod market;
pub mod scaling;
pub mod service;
pub mod task;
pub mod task_definition;

use aws_sdk_ecs::types::{CapacityProviderStrategyItem, LaunchType as EcsLaunchType};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use spotkeeper_core::ids::ProviderName;
use spotkeeper_core::observe::{Gap, GapCause, LaunchType, PlacedBy};
use spotkeeper_core::strategy::{Strategy, StrategyItem};
use spotkeeper_core::units::Seconds;

use crate::client::Action;

/// An answer of AWS that this version does not know how to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotUnderstood(pub String);

impl NotUnderstood {
    /// A field with a value that is not among those known.
    pub(crate) fn value(field: &str, value: impl std::fmt::Display) -> NotUnderstood {
        NotUnderstood(format!("{field} {value:.80}"))
    }

    /// A field that should be there.
    pub(crate) fn absent(field: &str) -> NotUnderstood {
        NotUnderstood(format!("no {field}"))
    }

    /// The gap that is left where the answer would have stood.
    #[must_use]
    pub fn gap(self, subject: &str, action: Action) -> Gap {
        gap(subject, action, GapCause::NotUnderstood, self.0)
    }
}

/// A gap left by a call that did answer.
#[must_use]
pub fn gap(subject: &str, action: Action, cause: GapCause, detail: impl Into<String>) -> Gap {
    Gap { subject: subject.to_owned(), action: action.name().to_owned(), cause, detail: detail.into() }
}

/// What was not asked for at this depth.
#[must_use]
pub fn not_read(subject: &str, action: Action) -> Gap {
    gap(subject, action, GapCause::NotRead, "")
}

/// A count: AWS declares them as signed, but never sends a negative one.
#[must_use]
pub fn count(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// A length of time in seconds, as [`count`].
#[must_use]
pub fn seconds(number: i32) -> Seconds {
    Seconds(count(number))
}

/// AWS's time as core's.
#[must_use]
pub fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// Core's time as AWS's.
#[must_use]
pub fn date_time(time: Timestamp) -> DateTime {
    DateTime::from_millis(time.as_millisecond())
}

/// A provider's name, as strategies and tasks give it.
pub(crate) fn provider_name(name: &str) -> Result<ProviderName, NotUnderstood> {
    ProviderName::parse(name).map_err(|error| NotUnderstood(error.to_string()))
}

/// A strategy; a base or weight that is not there is 0.
pub(crate) fn strategy(items: &[CapacityProviderStrategyItem]) -> Result<Strategy, NotUnderstood> {
    let item = |item: &CapacityProviderStrategyItem| {
        Ok(StrategyItem {
            provider: provider_name(item.capacity_provider())?,
            base: count(item.base()),
            weight: count(item.weight()),
        })
    };
    Ok(Strategy { items: items.iter().map(item).collect::<Result<_, _>>()? })
}

/// Where tasks are placed: ECS leaves the launch type out when it shows a strategy, and the other
/// way round. `None` where it shows neither.
pub(crate) fn placed_by(
    launch_type: Option<&EcsLaunchType>,
    items: &[CapacityProviderStrategyItem],
) -> Result<Option<PlacedBy>, NotUnderstood> {
    if !items.is_empty() {
        return Ok(Some(PlacedBy::Strategy(strategy(items)?)));
    }
    launch_type
        .map(|launch_type| {
            Ok(PlacedBy::LaunchType(match launch_type {
                EcsLaunchType::Ec2 => LaunchType::Ec2,
                EcsLaunchType::Fargate => LaunchType::Fargate,
                EcsLaunchType::External => LaunchType::External,
                EcsLaunchType::ManagedInstances => LaunchType::ManagedInstances,
                other => return Err(NotUnderstood::value("launchType", other)),
            }))
        })
        .transpose()
}

/// SHA-256 in hexadecimal.
pub(crate) fn digest(text: &str) -> String {
    spotkeeper_core::digest::hex(text, 32)
}
