//! Where in the files that stands which a finding asks to change.

use super::definition::Read as Definition;
use super::links::{Pointer, node};
use super::{At, Source, Thing};
use crate::assess::{DelayFrom, Finding};

/// What a finding may be about.
pub(super) struct Places<'a> {
    pub(super) sources: &'a [Source],
    pub(super) service: Option<&'a Thing<'a>>,
    pub(super) definition: Option<(&'a Thing<'a>, &'a Definition)>,
    /// Of each target group, where its delay stands.
    pub(super) target_groups: Vec<(String, Pointer)>,
    /// Where the least count stands.
    pub(super) scaling: Option<Pointer>,
    /// Of each tag, where its value stands.
    pub(super) tags: Vec<(String, String)>,
}

impl Places<'_> {
    /// The place of a finding; the service's or the definition's own where there is none closer.
    pub(super) fn of(&self, finding: &Finding) -> At {
        let pointer = match finding {
            Finding::StopTimeoutTooLong { container, .. } => self.container(container, &["stopTimeout"]),
            Finding::StopTimeoutUnknown { container, .. } | Finding::StopTimeoutNotExplicit { container } => {
                self.container(container, &["name"])
            }
            Finding::MutableTag { container, .. } => self.container(container, &["image"]),
            Finding::ReadsAtStart { container } => self.container(container, &["secrets", "environmentFiles"]),
            Finding::VersionConsistencyOff { container } => self.container(container, &["versionConsistency"]),
            Finding::VolumeNotAllowed { volume, .. } => self.definition.and_then(|(thing, read)| {
                let (_, path) = read.volumes.iter().find(|(name, _)| name == volume)?;
                Some((thing.source, self.child(thing.source, path, &["name"])))
            }),
            Finding::DeregistrationTooLong { target_group, .. } => self.target_group(target_group),
            Finding::DrainBudgetSpent { delay, delay_from, stop, chain, .. } => match delay_from {
                DelayFrom::TargetGroup(target_group) if delay >= stop => self.target_group(target_group),
                _ => chain.first().and_then(|container| self.container(container, &["stopTimeout", "name"])),
            },
            Finding::ScalesTooLow { .. } => self.scaling.clone(),
            Finding::TooFewTasks { .. } => self.of_service(&["desiredCount"]),
            Finding::VolumeAtLaunch => self.of_service(&["volumeConfigurations"]),
            Finding::NotReplaceable { .. } | Finding::NoRollingHeadroom { .. } => {
                self.of_service(&["deploymentConfiguration"]).map(|(source, path)| {
                    let within = self.child(source, &path, &["minimumHealthyPercent"]);
                    (source, within)
                })
            }
            Finding::NoDrainDelay { .. } => {
                self.of_service(&["serviceConnectConfiguration", "serviceRegistries", "vpcLatticeConfigurations"])
            }
            Finding::ForeignController { .. } => self.of_service(&["deploymentController"]),
            Finding::DaemonScheduling => self.of_service(&["schedulingStrategy"]),
            Finding::ExternalLaunchType => self.of_service(&["launchType"]),
            Finding::Express => self.of_service(&["resourceManagementType"]),
            Finding::ClassicLoadBalancer { .. } => self.of_service(&["loadBalancers"]),
            Finding::TagMistake { mistake } => self.service.and_then(|service| {
                let (_, path) = self.tags.iter().find(|(tag, _)| *tag == mistake.tag)?;
                Some((service.source, path.clone()))
            }),
            _ => None,
        };
        self.at(pointer.unwrap_or_else(|| self.own()))
    }

    /// Where the service stands, or else the definition.
    pub(super) fn own(&self) -> Pointer {
        let thing = self.service.or_else(|| self.definition.map(|(thing, _)| thing));
        thing.map_or_else(Pointer::default, own)
    }

    /// A place with its line and column.
    pub(super) fn at(&self, (source, pointer): Pointer) -> At {
        let span = self.sources.get(source).map(|source| source.document.at(&pointer)).unwrap_or_default();
        At { source, pointer, span }
    }

    fn container(&self, name: &str, keys: &[&str]) -> Option<Pointer> {
        let (thing, read) = self.definition?;
        let (_, path) = read.containers.iter().find(|(container, _)| container == name)?;
        Some((thing.source, self.child(thing.source, path, keys)))
    }

    fn target_group(&self, name: &str) -> Option<Pointer> {
        self.target_groups.iter().find(|(called, _)| called == name).map(|(_, at)| at.clone())
    }

    fn of_service(&self, keys: &[&str]) -> Option<Pointer> {
        let service = self.service?;
        Some((service.source, self.child(service.source, &service.node.path, keys)))
    }

    /// The first of these fields that is there, or what they would stand in.
    fn child(&self, source: usize, path: &str, keys: &[&str]) -> String {
        let document = self.sources.get(source).map(|source| &source.document.value);
        let outer = document.and_then(|document| node(document, path));
        let field = outer.and_then(|outer| keys.iter().find_map(|key| outer.get(key)));
        field.map_or_else(|| path.to_owned(), |field| field.path)
    }
}

/// Where a thing stands: of a resource, its logical id.
pub(super) fn own(thing: &Thing<'_>) -> Pointer {
    let path = match thing.logical {
        Some(_) => thing.node.path.rsplit_once('/').map_or(thing.node.path.as_str(), |(resource, _)| resource),
        None => &thing.node.path,
    };
    (thing.source, path.to_owned())
}
