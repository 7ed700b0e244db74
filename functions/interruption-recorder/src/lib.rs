//! The interruption recorder: keeps what AWS's events say of Spot capacity, and starts an early run
//! where that cannot wait for the schedule.
//!
//! Events come through a queue, in batches, twice, and in any order. A message is given back to the
//! queue only where it may be done later; one that cannot be read would come back for ever.

mod batch;
mod early;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt as _;
use serde::Serialize;
use spotkeeper_core::ids::{ClusterName, InstanceId};
use spotkeeper_core::ports::{Clock, Inventory, Orchestrator, PortError, State, Telemetry};
use spotkeeper_core::signals::{About, Directory, Ignored, Notice, Occurrence, SpotInstance, resolve};
use spotkeeper_lambda::with_causes;

pub use batch::{MAX_BODY_BYTES, Message, messages};

use crate::batch::{Read, read};

/// How many occurrences are on their way into the table at once.
const AT_ONCE: usize = 32;

/// What a batch of messages came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// The ids of the messages that are to come again.
    pub failed: BTreeSet<String>,
    /// Occurrences that were new.
    pub kept: u32,
    /// Those that had been kept before.
    pub known: u32,
    /// Events of no concern, by reason.
    pub ignored: BTreeMap<&'static str, u32>,
    /// Messages that could not be read.
    pub malformed: u32,
    /// The clusters of which an early run was started.
    pub early_run: Vec<ClusterName>,
}

/// An event that says something, and the message that it came in.
struct Entry<'m> {
    message: &'m str,
    notice: Notice,
}

/// What was found out about an entry.
struct Found<'m> {
    message: &'m str,
    occurrence: Occurrence,
}

/// Records a batch of messages. There is no error: what cannot be done now is in
/// [`Recorded::failed`].
pub async fn handle(
    inventory: &impl Inventory,
    state: &impl State,
    telemetry: &impl Telemetry,
    orchestrator: &impl Orchestrator,
    clock: &impl Clock,
    messages: &[Message],
) -> Recorded {
    let mut recorded = Recorded::default();
    let entries = entries(messages, &mut recorded);
    let found = look_up(inventory, entries, &mut recorded).await;
    let kept = keep(state, &found, &mut recorded).await;
    let new: Vec<Occurrence> =
        kept.iter().filter(|(_, is_new)| *is_new).map(|(one, _)| one.occurrence.clone()).collect();
    if (!new.is_empty() || recorded.malformed > 0)
        && let Err(error) = telemetry.spot_events(&new, recorded.malformed, clock.now()).await
    {
        // Coming again would not bring it: what is kept already counts no more.
        tracing::error!(error = with_causes(&error), "the metrics could not be sent");
    }
    // What had been kept before as well: the start of its early run may have failed.
    let kept: Vec<&Found<'_>> = kept.iter().map(|(one, _)| *one).collect();
    early::start(state, orchestrator, clock, &kept, &mut recorded).await;
    tell(&recorded);
    recorded
}

/// Reads the messages; what says nothing is counted.
fn entries<'m>(messages: &'m [Message], recorded: &mut Recorded) -> Vec<Entry<'m>> {
    let mut entries = Vec::new();
    for message in messages {
        match read(message) {
            Ok(Read::Notice(notice)) => entries.push(Entry { message: &message.id, notice }),
            Ok(Read::Ignored(why)) => ignore(recorded, why),
            Err(problem) => {
                recorded.malformed += 1;
                tracing::error!(message_id = message.id, problem, "a message cannot be read: it is dropped");
            }
        }
    }
    entries
}

fn ignore(recorded: &mut Recorded, why: Ignored) {
    *recorded.ignored.entry(why.name()).or_default() += 1;
}

/// Finds out what the entries are about, with one question for all instances and one for all
/// providers. Where an answer may come later, what needs it comes again; where it will not, what is
/// known without it counts.
async fn look_up<'m>(inventory: &impl Inventory, entries: Vec<Entry<'m>>, recorded: &mut Recorded) -> Vec<Found<'m>> {
    let ids: BTreeSet<InstanceId> = entries.iter().filter_map(|entry| instance_of(&entry.notice)).cloned().collect();
    let instances = if ids.is_empty() { Ok(BTreeMap::new()) } else { inventory.instances(&ids).await };
    let instances = settled(instances, "the instances");
    let groups: BTreeSet<String> = entries
        .iter()
        .filter_map(|entry| group_of(&entry.notice, instances.as_ref().ok().and_then(Option::as_ref)))
        .map(str::to_owned)
        .collect();
    let wanted = !groups.is_empty() || entries.iter().any(|entry| names_providers(&entry.notice));
    let directory = if wanted { inventory.directory(&groups).await.map(Some) } else { Ok(None) };
    let directory = settled(directory, "the capacity providers").map(Option::flatten);

    let none = BTreeMap::new();
    let mut found = Vec::new();
    for Entry { message, notice } in entries {
        let waits_for_instances = instances.is_err() && instance_of(&notice).is_some();
        let known = instances.as_ref().ok().and_then(Option::as_ref).unwrap_or(&none);
        let needs_directory = group_of(&notice, Some(known)).is_some() || names_providers(&notice);
        let (true, Ok(directory)) = (!waits_for_instances, known_directory(&directory, needs_directory)) else {
            recorded.failed.insert(message.to_owned());
            continue;
        };
        match resolve(&notice, known, directory) {
            Ok(occurrences) => found.extend(occurrences.into_iter().map(|occurrence| Found { message, occurrence })),
            Err(why) => ignore(recorded, why),
        }
    }
    found
}

/// The directory, where it is needed; an error where it is, and may come later.
const fn known_directory(directory: &Result<Option<Directory>, ()>, needed: bool) -> Result<Option<&Directory>, ()> {
    match directory {
        Ok(directory) => Ok(directory.as_ref()),
        Err(()) if needed => Err(()),
        Err(()) => Ok(None),
    }
}

/// What was read; `None` where asking again will not help, an error where it may.
fn settled<T>(read: Result<T, PortError>, what: &str) -> Result<Option<T>, ()> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if may_succeed_later(&error) => {
            tracing::warn!(error = with_causes(&error), what, "could not be read now: to come again");
            Err(())
        }
        Err(error) => {
            tracing::error!(error = with_causes(&error), what, "could not be read: doing without");
            Ok(None)
        }
    }
}

const fn may_succeed_later(error: &PortError) -> bool {
    matches!(error, PortError::Throttled { .. } | PortError::Failed { .. })
}

const fn instance_of(notice: &Notice) -> Option<&InstanceId> {
    match &notice.about {
        About::Instance(id) => Some(id),
        About::Task { .. } | About::Service { .. } | About::Group { .. } => None,
    }
}

/// The group that a notice is about, as far as its instance is known.
fn group_of<'a>(notice: &'a Notice, instances: Option<&'a BTreeMap<InstanceId, SpotInstance>>) -> Option<&'a str> {
    match &notice.about {
        About::Instance(id) => instances?.get(id)?.launched_by.group(),
        About::Group { name, .. } => Some(name),
        About::Task { .. } | About::Service { .. } => None,
    }
}

/// Whether it names providers whose market does not show in their names.
fn names_providers(notice: &Notice) -> bool {
    match &notice.about {
        About::Service { providers, .. } => {
            providers.iter().any(|name| !matches!(name.as_str(), "FARGATE" | "FARGATE_SPOT"))
        }
        About::Instance(_) | About::Task { .. } | About::Group { .. } => false,
    }
}

/// Puts every occurrence into the table, and says which are there and which of them are new.
async fn keep<'f, 'm>(
    state: &impl State,
    found: &'f [Found<'m>],
    recorded: &mut Recorded,
) -> Vec<(&'f Found<'m>, bool)> {
    let puts = found.iter().map(async |one| (one, state.put_occurrence(&one.occurrence).await));
    let puts: Vec<_> = futures_util::stream::iter(puts).buffered(AT_ONCE).collect().await;
    let mut kept = Vec::new();
    for (one, put) in puts {
        match put {
            Ok(true) => recorded.kept += 1,
            Ok(false) => recorded.known += 1,
            // Also where the role lacks the action: the message outlives the mistake, in the queue
            // of the dead at last, and the table is the only memory there is.
            Err(error) => {
                let error = with_causes(&error);
                tracing::error!(error, id = one.occurrence.id, "an occurrence could not be kept: to come again");
                recorded.failed.insert(one.message.to_owned());
                continue;
            }
        }
        kept.push((one, matches!(put, Ok(true))));
    }
    kept
}

fn tell(recorded: &Recorded) {
    let Recorded { failed, kept, known, ignored, malformed, early_run } = recorded;
    let ignored = serde_json::to_string(ignored).unwrap_or_default();
    let early_run = serde_json::to_string(early_run).unwrap_or_default();
    tracing::info!(kept, known, malformed, ignored, failed = failed.len(), early_run, "recorded");
}

/// Whether an occurrence can be a part of a storm.
fn is_evidence(occurrence: &Occurrence) -> bool {
    occurrence.kind.is_interruption() || occurrence.is_shortage()
}

/// The clusters that something happened to which may be a storm.
fn touched<'f>(kept: &[&'f Found<'_>]) -> BTreeSet<&'f ClusterName> {
    kept.iter().filter(|one| is_evidence(&one.occurrence)).filter_map(|one| one.occurrence.cluster.as_ref()).collect()
}
