//! Whether the group of a Spot provider can be turned to On-Demand (ADR 13).

use serde::{Deserialize, Serialize};

use crate::ids::ServiceName;
use crate::observe::{Market, Provider, ProviderKind, Reading};

/// What decides whether a group can be turned.
#[derive(Debug, Clone, Copy)]
pub struct Fit<'a> {
    /// Whether the stack may turn groups at all.
    pub lever: bool,
    /// The Spot provider; `None` where it was not read.
    pub provider: Option<&'a Provider>,
    /// Whether every service of the cluster was read, with its tasks.
    pub services_read: bool,
    /// A service that uses the provider and that no switch with the lever covers.
    pub outside: Option<&'a ServiceName>,
}

/// Why a group cannot be turned: its services move by strategy.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "unfit", rename_all = "snake_case")]
pub enum Unfit {
    /// The stack's parameter `CapacityLever` is `off`.
    LeverOff,
    /// The provider or its group could not be read.
    Unread,
    /// The provider is on no Auto Scaling group.
    NoGroup,
    /// The group lacks the tag `spotkeeper:lever` with the value `capacity`: the role may not update it.
    NotTagged,
    /// The group has no mixed instances policy, so no distribution to turn.
    NoMixedInstancesPolicy,
    /// Its distribution has a base, or a percentage above 0.
    NotSpotAlone,
    /// Its distribution has segments, which the write would remove.
    Segments,
    /// It protects new instances from scale-in: whether they are replaced is not documented.
    ScaleInProtection,
    /// The provider has managed termination protection: the same.
    TerminationProtection,
    /// The provider has no managed draining: tasks would end with their instances.
    NoDraining,
    /// Not every service of the cluster could be read: another one may use the provider.
    ServicesUnread,
    /// A service uses the provider that no switch with the lever covers.
    Outside {
        /// Which; the first by name.
        service: ServiceName,
    },
}

impl Unfit {
    /// Its name, as in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Unfit::LeverOff => "lever_off",
            Unfit::Unread => "unread",
            Unfit::NoGroup => "no_group",
            Unfit::NotTagged => "not_tagged",
            Unfit::NoMixedInstancesPolicy => "no_mixed_instances_policy",
            Unfit::NotSpotAlone => "not_spot_alone",
            Unfit::Segments => "segments",
            Unfit::ScaleInProtection => "scale_in_protection",
            Unfit::TerminationProtection => "termination_protection",
            Unfit::NoDraining => "no_draining",
            Unfit::ServicesUnread => "services_unread",
            Unfit::Outside { .. } => "outside",
        }
    }
}

impl Fit<'_> {
    /// Everything that keeps the group from being turned; nothing where it can be.
    #[must_use]
    pub fn unfit(&self) -> Vec<Unfit> {
        let mut unfit = Vec::new();
        let mut say = |holds: bool, why: Unfit| {
            if holds {
                unfit.push(why);
            }
        };
        say(!self.lever, Unfit::LeverOff);
        match self.provider.map(|provider| &provider.kind) {
            None => say(true, Unfit::Unread),
            Some(ProviderKind::Fargate | ProviderKind::FargateSpot | ProviderKind::ManagedInstances(_)) => {
                say(true, Unfit::NoGroup);
            }
            Some(ProviderKind::AutoScalingGroup(behind)) => {
                match &behind.group {
                    Reading::Missing(_) => say(true, Unfit::Unread),
                    Reading::Known(group) => {
                        say(!group.may_be_turned, Unfit::NotTagged);
                        match &group.distribution {
                            None => say(true, Unfit::NoMixedInstancesPolicy),
                            Some(distribution) if distribution.has_segments => say(true, Unfit::Segments),
                            Some(distribution) => say(distribution.market() != Market::Spot, Unfit::NotSpotAlone),
                        }
                        say(group.protects_new_instances, Unfit::ScaleInProtection);
                    }
                }
                say(behind.managed_termination_protection, Unfit::TerminationProtection);
                say(!behind.managed_draining, Unfit::NoDraining);
            }
        }
        say(!self.services_read, Unfit::ServicesUnread);
        if let Some(service) = self.outside {
            say(true, Unfit::Outside { service: service.clone() });
        }
        unfit
    }
}
