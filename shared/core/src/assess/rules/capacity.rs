//! `capacity`: is there exactly one pair that fits, and can it be used?
//!
//! Blocks when no pair is found, or several are (see [`crate::assess::find_pair`]), when a provider
//! of the pair is not associated with the cluster or not `ACTIVE`, when the task definition may not
//! be used with the family, when Fargate Spot does not take it (platform version, Windows), when it
//! asks for GPUs that nobody knows to be there, when the group's overrides carry weights, and when
//! managed draining is off: the tasks of an interrupted instance would die with it. Warns when
//! managed scaling of the Spot provider is off.
//!
//! Source: `CapacityProviderStrategyItem`, `ManagedScaling`, `managedDraining` and
//! `TaskDefinition.requiresCompatibilities`, ECS API reference; "Amazon ECS clusters for Fargate"
//! (Fargate Spot: Linux X86_64 from 1.3.0, ARM64 from 1.4.0, no Windows) and "Safely stop Amazon
//! ECS workloads running on EC2 instances", ECS developer guide.

use crate::assess::pair::{is_fargate, misfit, provider};
use crate::assess::{Context, Finding, Misfit, Reasons};
use crate::observe::{
    Architecture, Compatibility, Family, Gap, GapCause, Provider, ProviderKind, Reading, TaskDefinition,
};
use crate::plan::Pair;

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    match &context.pair {
        Ok(pair) => {
            judge_providers(context, pair, reasons);
            judge_rivals(context, pair, reasons);
        }
        Err(findings) => {
            for finding in findings {
                match finding {
                    Finding::NotJudged { .. } => reasons.pass(finding.clone()),
                    _ => reasons.block(finding.clone()),
                }
            }
        }
    }
    if let Some(definition) = context.task_definition(reasons)
        && let Ok(family) = context.family
    {
        judge_definition(context, definition, family, reasons);
    }
}

fn judge_providers(context: &Context<'_>, pair: &Pair, reasons: &mut Reasons) {
    let mut read: Vec<&Provider> = Vec::with_capacity(2);
    for name in [&pair.on_demand, &pair.spot] {
        if !context.snapshot.cluster.capacity_providers.contains(name) {
            reasons.block(Finding::NotAssociated { provider: name.clone() });
            continue;
        }
        match provider(context.snapshot, name) {
            Ok(provider) => {
                read.push(provider);
                judge_provider(provider, *name == pair.spot, reasons);
            }
            Err(gap) => reasons.block(Finding::Gap { gap }),
        }
    }
    // A pair that was searched for fits, and ECS takes no strategy over two families: one that the
    // policy names may not. Zones, subnets and architectures are the policy's to know better.
    if let [on_demand, spot] = read.as_slice()
        && let Some(misfit @ (Misfit::Families(..) | Misfit::Markets(..))) = misfit(on_demand, spot)
    {
        reasons.block(Finding::NamedPairUnfit { pair: pair.clone(), misfit });
    }
}

fn judge_provider(provider: &Provider, is_spot: bool, reasons: &mut Reasons) {
    let name = || provider.name.clone();
    if !provider.active {
        reasons.block(Finding::NotActive { provider: name() });
    }
    let ProviderKind::AutoScalingGroup(group_provider) = &provider.kind else {
        return;
    };
    if let Some(group) = reasons.known(group_provider.group.get())
        && group.weighted
    {
        reasons.block(Finding::WeightedGroup { provider: name() });
    }
    if is_spot && !group_provider.managed_draining {
        reasons.block(Finding::DrainingOff { provider: name() });
    }
    if is_spot && !group_provider.managed_scaling {
        reasons.warn(Finding::ScalingOff { provider: name() });
    }
}

/// A provider of the cluster that was not read might fit as well, and then the pair would not be
/// the only one: unless the strategy or the policy names both sides.
fn judge_rivals(context: &Context<'_>, pair: &Pair, reasons: &mut Reasons) {
    let used = |name| context.service.strategy().is_some_and(|strategy| strategy.item(name).is_some());
    let named = context.policy.pairs.iter().any(|named| named.on_demand == pair.on_demand && named.spot == pair.spot);
    if is_fargate(&pair.spot) || named || (used(&pair.on_demand) && used(&pair.spot)) {
        return;
    }
    for name in context.snapshot.cluster.capacity_providers.iter().filter(|name| !is_fargate(name)) {
        match context.snapshot.providers.get(name) {
            Some(Reading::Known(Provider { kind: ProviderKind::AutoScalingGroup(rival), .. })) => {
                if context.family == Ok(Family::AutoScalingGroup) {
                    reasons.known(rival.group.get());
                }
            }
            Some(Reading::Known(_)) => {}
            Some(Reading::Missing(_)) | None => {
                if let Err(gap) = provider(context.snapshot, name) {
                    reasons.block(Finding::Gap { gap });
                }
            }
        }
    }
}

fn judge_definition(context: &Context<'_>, definition: &TaskDefinition, family: Family, reasons: &mut Reasons) {
    let requires = &definition.requires_compatibilities;
    let needed = match family {
        Family::Fargate => Compatibility::Fargate,
        Family::AutoScalingGroup => Compatibility::Ec2,
        Family::ManagedInstances => Compatibility::ManagedInstances,
    };
    let by_default = requires.is_empty() && needed == Compatibility::Ec2;
    if !by_default && !requires.contains(&needed) {
        reasons.block(Finding::Incompatible { family, requires: requires.clone() });
    }
    // Both providers of a Managed Instances pair have the same requirements: a GPU that the
    // On-Demand side gets, the Spot side gets too.
    if definition.gpus > 0 && family != Family::ManagedInstances {
        reasons.block(Finding::GpusNotSupported { gpus: definition.gpus, family });
    }
    if family != Family::Fargate {
        return;
    }
    if definition.windows {
        reasons.block(Finding::WindowsOnFargateSpot);
        return;
    }
    let least = match definition.architecture {
        Architecture::X8664 => [1, 3, 0],
        Architecture::Arm64 => [1, 4, 0],
    };
    // The API's default is LATEST.
    let version = context.service.platform_version.as_deref().unwrap_or("LATEST");
    match parse_version(version) {
        Some(version) if version >= least => {}
        Some(_) => {
            let [major, minor, patch] = least;
            let least = format!("{major}.{minor}.{patch}");
            reasons.block(Finding::PlatformVersionTooOld { version: version.to_owned(), least });
        }
        None => reasons.block(Finding::Gap {
            gap: Gap {
                subject: format!("the platform version of {}", context.service.id),
                action: "ecs:DescribeServices".to_owned(),
                cause: GapCause::NotUnderstood,
                detail: version.to_owned(),
            },
        }),
    }
}

/// `1.4.0`, or `LATEST`, which is newer than any.
fn parse_version(text: &str) -> Option<[u32; 3]> {
    if text.eq_ignore_ascii_case("LATEST") {
        return Some([u32::MAX; 3]);
    }
    let numbers: Vec<u32> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    numbers.try_into().ok()
}
