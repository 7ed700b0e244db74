//! What a Spot provider launches, for a question about its placement score.

use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::{AutoScalingGroup, InstanceRequirements, MixedInstancesPolicy};
use spotkeeper_aws_ec2::LaunchTemplate;
use spotkeeper_core::observe::{Architecture, Gap, Group, InstanceType, Reading};
use spotkeeper_core::signals::{Launches, Requirements, SpotInstances, Wanted};

use super::NotUnderstood;
use crate::client::Action;

/// `SpotAllocationStrategy` where it is not set. Source: `InstancesDistribution`, Amazon EC2 Auto
/// Scaling API reference.
const DEFAULT_ALLOCATION: &str = "lowest-price";

/// What the instances of a Spot group may be, by itself and its launch template.
pub(crate) fn launches(
    given: &AutoScalingGroup,
    template: Option<&LaunchTemplate>,
    group: &Group,
) -> Result<Launches, Gap> {
    if group.weighted {
        return Ok(Launches::weighted());
    }
    let wanted = match asked_for(given, template) {
        Asked::Types(types) if types.is_empty() => {
            return Err(NotUnderstood::absent("instance type in the group's overrides and launch template")
                .gap(&group.name, Action::DescribeAutoScalingGroups));
        }
        Asked::Types(types) => Wanted::Types(types),
        Asked::Requirements(requirements) => {
            // The group does not show its image: the types that it has had say what that runs on.
            Wanted::Requirements { architectures: architectures(&group.instance_types)?, requirements }
        }
        Asked::Several => {
            let why = "the group asks by several sets of requirements, or by requirements and types: EC2 takes one";
            return Ok(Launches::Unscored(why.to_owned()));
        }
    };
    let strategy = given.mixed_instances_policy().map(|policy| {
        let distribution = policy.instances_distribution();
        distribution.and_then(|distribution| distribution.spot_allocation_strategy()).unwrap_or(DEFAULT_ALLOCATION)
    });
    Ok(Launches::Instances(SpotInstances {
        wanted,
        max_size: group.max_size,
        zones: group.zones.iter().cloned().collect(),
        lowest_price: strategy == Some("lowest-price"),
    }))
}

/// How a group says what it wants.
enum Asked {
    Types(BTreeSet<String>),
    Requirements(Requirements),
    Several,
}

fn asked_for(given: &AutoScalingGroup, template: Option<&LaunchTemplate>) -> Asked {
    let overrides = given
        .mixed_instances_policy()
        .and_then(MixedInstancesPolicy::launch_template)
        .map(|template| template.overrides())
        .unwrap_or_default();
    let (types, mut requirements): (BTreeSet<String>, Vec<Requirements>) = match overrides {
        [] => (
            template.and_then(|template| template.instance_type.clone()).into_iter().collect(),
            template.and_then(|template| template.requirements.clone()).into_iter().collect(),
        ),
        overrides => (
            overrides.iter().filter_map(|one| one.instance_type()).map(str::to_owned).collect(),
            overrides.iter().filter_map(|one| one.instance_requirements()).map(of_group).collect(),
        ),
    };
    requirements.dedup();
    match (types.is_empty(), requirements.pop()) {
        (_, None) => Asked::Types(types),
        (true, Some(only)) if requirements.is_empty() => Asked::Requirements(only),
        _ => Asked::Several,
    }
}

fn of_group(given: &InstanceRequirements) -> Requirements {
    spotkeeper_aws_ec2::requirements!(given)
}

fn architectures(types: &Reading<Vec<InstanceType>>) -> Result<BTreeSet<Architecture>, Gap> {
    match types {
        Reading::Known(types) => Ok(types.iter().map(|one| one.architecture).collect()),
        Reading::Missing(gap) => Err(gap.clone()),
    }
}

#[cfg(test)]
#[path = "market_tests.rs"]
mod tests;
