//! `image`: does a forced deployment run the same code?
//!
//! Warns of a container whose image is named by tag, because a forced deployment resolves tags
//! anew; of one with `versionConsistency` disabled, whose tag every single task resolves anew; and
//! of one that reads secrets or environment files each time it starts. `verify` compares the
//! digests afterwards.
//!
//! Source: `UpdateService.forceNewDeployment`, `ContainerDefinition.versionConsistency`, `secrets`
//! and `environmentFiles`, ECS API reference.

use crate::assess::{Context, Finding, Reasons};

pub(super) fn judge(context: &Context<'_>, reasons: &mut Reasons) {
    let Some(definition) = context.task_definition(reasons) else {
        return;
    };
    for container in &definition.containers {
        let name = || container.name.clone();
        if !container.image.contains("@sha256:") {
            reasons.warn(Finding::MutableTag { container: name(), image: container.image.clone() });
        }
        if container.version_consistency_off {
            reasons.warn(Finding::VersionConsistencyOff { container: name() });
        }
        if container.reads_at_start {
            reasons.warn(Finding::ReadsAtStart { container: name() });
        }
    }
}
