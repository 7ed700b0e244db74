//! The image registry: which digest a tag resolves to.

use super::World;
use super::deployments::ContainerImage;
use super::task_definitions::TaskDefinition;

/// The digest that a tag resolves to after so many pushes: made up, but stable.
fn digest_of(image: &str, pushes: u32) -> String {
    let part = |n: u32| super::arn::hash(&format!("{n} {pushes} {image}"));
    format!("sha256:{:016x}{:016x}{:016x}{:016x}", part(0), part(1), part(2), part(3))
}

impl World {
    /// Resolves each container's image to a digest, as the registry has it now.
    pub(super) fn resolve_images(&self, task_definition: &TaskDefinition) -> Vec<ContainerImage> {
        let digest = |image: &str| match image.split_once('@') {
            Some((_, digest)) => digest.to_owned(),
            None => digest_of(image, self.pushes.get(image).copied().unwrap_or(0)),
        };
        task_definition
            .container_definitions
            .iter()
            .map(|c| ContainerImage {
                container_name: c.name.clone(),
                image_digest: digest(&c.image),
                image: c.image.clone(),
            })
            .collect()
    }
}
