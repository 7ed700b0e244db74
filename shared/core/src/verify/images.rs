//! Whether a deployment runs other code than the one before it.

use super::find::Sight;
use crate::observe::{ContainerImage, Look};
use crate::record::MoveRecord;

/// The containers whose image has the same reference and another digest than before, in a
/// sentence: a tag was moved, and the deployment that was to change the capacity changed the code.
pub(super) fn changed(look: &Look, record: &MoveRecord, sight: &Sight<'_>) -> Option<String> {
    let own = sight.own?;
    let after = &look.revisions.known()?.iter().find(|one| one.arn == own.target_revision)?.images;
    let replaced = before(look, record, own.source_revisions.iter().map(|one| one.revision.as_str()));
    let changes: Vec<String> = after
        .iter()
        .filter_map(|new| {
            let old = replaced.iter().find(|old| old.container == new.container && old.image == new.image)?;
            let (old_digest, new_digest) = (old.digest.as_ref()?, new.digest.as_ref()?);
            (old_digest != new_digest)
                .then(|| format!("container {} of {} went from {old_digest} to {new_digest}", new.container, new.image))
        })
        .collect();
    (!changes.is_empty()).then(|| changes.join("; "))
}

/// The images before the first write; those of the revisions that are replaced, where they were
/// not kept.
fn before<'a>(
    look: &'a Look,
    record: &'a MoveRecord,
    mut replaced: impl Iterator<Item = &'a str>,
) -> &'a [ContainerImage] {
    if !record.images_before.is_empty() {
        return &record.images_before;
    }
    let revisions = look.revisions.known().map(Vec::as_slice).unwrap_or_default();
    let source = replaced.find_map(|arn| revisions.iter().find(|one| one.arn == arn));
    source.map(|one| one.images.as_slice()).unwrap_or_default()
}
