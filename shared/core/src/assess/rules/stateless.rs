//! `stateless`: does the service keep nothing on volumes?
//!
//! Blocks any volume that the policy's level does not allow: `none` allows none, `scratch` allows
//! empty bind mounts, `shared` allows EFS and FSx too. EBS volumes, Docker volumes, paths of the
//! instance and kinds that are not known block always: they outlive the task, or are private to
//! its host.
//!
//! Source: `TaskDefinition.volumes` and `Service.volumeConfigurations`, ECS API reference;
//! "Storage options for Amazon ECS tasks", ECS developer guide.

use crate::assess::{Context, Finding, Reasons};
use crate::observe::VolumeKind;
use crate::policy::VolumeLevel;

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    if context.service.volumes_at_launch {
        reasons.block(Finding::VolumeAtLaunch);
    }
    let Some(definition) = context.task_definition(reasons) else {
        return;
    };
    let allowed = context.policy.rules.volumes;
    for volume in &definition.volumes {
        if needs(volume.kind).is_none_or(|needed| allowed < needed) {
            reasons.block(Finding::VolumeNotAllowed { volume: volume.name.clone(), kind: volume.kind, allowed });
        }
    }
}

/// The level at which a kind of volume is allowed; `None` where none allows it.
const fn needs(kind: VolumeKind) -> Option<VolumeLevel> {
    match kind {
        VolumeKind::Scratch => Some(VolumeLevel::Scratch),
        VolumeKind::Efs | VolumeKind::Fsx => Some(VolumeLevel::Shared),
        VolumeKind::HostPath | VolumeKind::Docker | VolumeKind::EbsAtLaunch | VolumeKind::Unknown => None,
    }
}
