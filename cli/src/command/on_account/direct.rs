//! The kill switch where Lambda, the table or Step Functions are down: it needs ECS, and what stands behind its
//! providers, and leaves a journal on this machine by which everything is put back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spotkeeper_core::assess::Memory;
use spotkeeper_core::ids::{ClusterName, RunId, ServiceArn, ServiceRef};
use spotkeeper_core::observe::{Depth, GapCause, PlacedBy, ServiceStatus, Task};
use spotkeeper_core::policy::Policy;
use spotkeeper_core::ports::{Fleet as _, WriteError};
use spotkeeper_core::record::{RunMode, RunRecord};
use spotkeeper_core::switch::{Lever, Scope, SwitchEntry, Switches};
use spotkeeper_core::units::Percent;

use super::execution::Left;
use super::journal::{Journal, Line, State, VERSION, note, read};
use super::look;
use crate::account::{Account, AwsOptions, LiveFleet, denied};
use crate::console::Console;
use crate::exit::{Exit, Interrupted};
use crate::interrupt::{NOTHING_WRITTEN, came, to_its_end, unless_interrupted};
use crate::progress::Progress;
use crate::render::text::{counted, indented, wrapped};

/// The part of the account's API rates that it uses: nearly all, as a switch run does.
const RATE: Percent = Percent::saturating(95);
/// How long tasks may take to come back before that is told, and not waited for.
const PATIENCE: Duration = Duration::from_secs(1_800);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Why a service is not put back that somebody has deleted.
const GONE: &str = "it is not there any more";

/// What came of it: the answer of `kill --direct` and `resume --direct --output json`.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Answer {
    /// The version of this shape.
    pub(crate) version: u32,
    /// The journal.
    pub(crate) journal: String,
    /// Services that were written, as `CLUSTER/NAME`.
    pub(crate) written: Vec<String>,
    /// Services that stay as they are, and why.
    pub(crate) left: Vec<Left>,
    /// Services of which tasks still ran on Spot at the end; `null` where nobody waited.
    pub(crate) still_on_spot: Option<Vec<String>>,
}

/// What is asked for.
pub(crate) struct Kill<'a> {
    pub(crate) aws: &'a AwsOptions,
    pub(crate) scope: &'a Scope,
    pub(crate) reason: &'a str,
    pub(crate) preempt: bool,
    pub(crate) unenrolled: bool,
    pub(crate) journal: &'a Path,
    pub(crate) follows: bool,
}

/// Brings everything in scope back to On-Demand, by ECS alone.
pub(crate) async fn kill(console: &Console, asked: &Kill<'_>) -> anyhow::Result<Exit> {
    let account = unless_interrupted(Account::open(asked.aws), || NOTHING_WRITTEN.to_owned()).await?;
    let name = asked.journal.display().to_string();
    // Never over another journal: it is the only way back.
    let journal = OpenOptions::new().append(true).create_new(true).open(asked.journal);
    let mut journal = journal.with_context(|| format!("the journal {name} cannot be begun: nothing was written"))?;
    let fleet = account.fleet(RATE);
    let progress = Progress::new(console.quiet);
    let mut answer = Answer { version: 1, journal: name, written: Vec::new(), left: Vec::new(), still_on_spot: None };
    let ended = bring_down(&account, &fleet, asked, &mut journal, &mut answer, &progress).await;
    drop(progress);
    answer.written.sort();
    // However it ended: what was written is told.
    if ended.is_ok() || !answer.written.is_empty() {
        tell(console, &answer, "back to On-Demand")?;
    }
    ended?;
    let well = answer.left.iter().all(|left| !left.alarms) && answer.still_on_spot.iter().all(Vec::is_empty);
    Ok(if well { Exit::Good } else { Exit::Bad })
}

/// Writes one service after the other, and waits until they are back where that is asked for. Ctrl-C ends it between
/// two services.
async fn bring_down(
    account: &Account,
    fleet: &LiveFleet,
    asked: &Kill<'_>,
    journal: &mut File,
    answer: &mut Answer,
    progress: &Progress,
) -> anyhow::Result<()> {
    let clusters = match asked.scope.cluster() {
        Some(cluster) => vec![cluster.clone()],
        None => unless_interrupted(account.clusters(fleet, &[]), || NOTHING_WRITTEN.to_owned()).await?,
    };
    let mut written: Vec<ServiceRef> = Vec::new();
    for cluster in &clusters {
        progress.say(&format!("reading cluster {cluster}"));
        let planned = planned(fleet, account, asked, cluster);
        let (moves, left) = unless_interrupted(planned, || stopped(answer)).await?;
        answer.left.extend(left);
        for (service, before, after) in moves {
            if came() {
                return Err(Interrupted(stopped(answer)).into());
            }
            progress.say(&format!("writing {service}"));
            let patience = || progress.say(&format!("interrupted: the write of {service} comes to its end first"));
            match to_its_end(write(fleet, journal, &service, &before, &after), patience).await? {
                None => {
                    answer.written.push(service.to_string());
                    written.push(service);
                }
                Some(why) => answer.left.push(Left { service: service.to_string(), why, alarms: true }),
            }
        }
    }
    if asked.follows {
        let back = until_back(fleet, &written, progress);
        let nobody_waits = || "interrupted: everything is written, and nobody waits for it to be back".to_owned();
        answer.still_on_spot = Some(unless_interrupted(back, nobody_waits).await?);
    }
    Ok(())
}

/// What Ctrl-C leaves behind between two services.
fn stopped(answer: &Answer) -> String {
    match answer.written.is_empty() {
        true => NOTHING_WRITTEN.to_owned(),
        false => format!(
            "interrupted: no other service was written; kill --direct again brings down the rest, and resume --direct \
             --journal {} puts these back",
            answer.journal
        ),
    }
}

type Planned = (ServiceRef, PlacedBy, PlacedBy);

/// The moves of a switch run over a cluster, by the same plan, with nothing remembered.
async fn planned(
    fleet: &LiveFleet,
    account: &Account,
    asked: &Kill<'_>,
    cluster: &ClusterName,
) -> anyhow::Result<(Vec<Planned>, Vec<Left>)> {
    let snapshot = fleet.observe(cluster, Depth::Switch).await.map_err(denied)?;
    let now = Timestamp::now();
    let entry = SwitchEntry {
        scope: asked.scope.clone(),
        reason: asked.reason.to_owned(),
        who: account.session.caller.clone(),
        set_at: now,
        until: None,
        preempt: asked.preempt,
        unenrolled: asked.unenrolled,
        lever: Lever::Strategy,
    };
    let switches = Switches { entries: vec![entry.clone()], epoch: 1 };
    let memory = Memory { switches, ..Memory::default() };
    let run = RunRecord {
        mode: RunMode::Switch { entry },
        ..RunRecord::look(RunId::look(), cluster.clone(), Policy::default(), now)
    };
    let plan = look::planned(&run, &snapshot, &[], &memory, &[], &BTreeMap::new());
    let moves = plan.moves.into_iter().map(|record| record.planned);
    let moves = moves.map(|planned| (planned.service, planned.before, planned.after)).collect();
    Ok((moves, plan.left_on_spot.iter().map(Left::from).collect()))
}

/// Writes a service's placement, the journal before and after it. Why it was refused, where it was.
async fn write(
    fleet: &LiveFleet,
    journal: &mut File,
    service: &ServiceRef,
    before: &PlacedBy,
    after: &PlacedBy,
) -> anyhow::Result<Option<String>> {
    let line = |state, said: String| Line {
        version: VERSION,
        at: Timestamp::now(),
        state,
        service: service.clone(),
        before: before.clone(),
        after: after.clone(),
        said,
    };
    note(journal, &line(State::Writing, String::new()))?;
    match fleet.write(service, after).await {
        Ok(()) => {
            note(journal, &line(State::Written, String::new()))?;
            Ok(None)
        }
        // It may have been taken: the journal says that it was about to be, and it is put back with the others.
        Err(WriteError::Lost { source, .. }) => Ok(Some(format!("the answer was lost, look at it: {source}"))),
        Err(error) => {
            note(journal, &line(State::Refused, error.to_string()))?;
            Ok(Some(error.to_string()))
        }
    }
}

/// Waits until all tasks of these services run, and none of them on a provider that its service does not use any
/// more; answers those of which that is not so.
async fn until_back(fleet: &LiveFleet, written: &[ServiceRef], progress: &Progress) -> anyhow::Result<Vec<String>> {
    let started = Instant::now();
    let clusters: BTreeSet<&ClusterName> = written.iter().map(|service| &service.cluster).collect();
    let written: BTreeSet<&ServiceArn> = written.iter().map(|service| &service.arn).collect();
    loop {
        let mut still = Vec::new();
        for cluster in &clusters {
            let snapshot = fleet.observe(cluster, Depth::Switch).await.map_err(denied)?;
            for service in snapshot.services.iter().filter(|service| written.contains(&service.id.arn)) {
                let used: BTreeSet<_> = service.strategy().into_iter().flat_map(|strategy| strategy.used()).collect();
                let elsewhere = |task: &Task| {
                    task.running && task.provider.as_ref().is_some_and(|provider| !used.contains(provider))
                };
                let left = match service.tasks.known() {
                    Some(tasks) => tasks.iter().any(elsewhere),
                    None => true,
                };
                if left || service.running < service.desired {
                    still.push(service.id.to_string());
                }
            }
        }
        if still.is_empty() || started.elapsed() > PATIENCE {
            return Ok(still);
        }
        progress.say(&format!("waiting for {}", counted(still.len(), "service", "services")));
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Puts back what a journal says was there, where what the kill wrote is still in place. Ctrl-C ends it between two
/// services.
pub(crate) async fn resume(console: &Console, aws: &AwsOptions, path: &Path) -> anyhow::Result<Exit> {
    let Journal { lines, whole } = read(path)?;
    let account = unless_interrupted(Account::open(aws), || NOTHING_WRITTEN.to_owned()).await?;
    let fleet = account.fleet(RATE);
    let name = path.display().to_string();
    let journal = OpenOptions::new().append(true).open(path);
    // What comes goes on a line of its own.
    let journal = journal.and_then(|journal| journal.set_len(whole).map(|()| journal));
    let mut journal = journal.with_context(|| format!("{name} cannot be written"))?;
    let progress = Progress::new(console.quiet);
    let mut answer = Answer { version: 1, journal: name, written: Vec::new(), left: Vec::new(), still_on_spot: None };
    let mut rest = lines.iter();
    for line in rest.by_ref() {
        progress.say(&format!("putting {} back", line.service));
        let patience = || progress.say(&format!("interrupted: the write of {} comes to its end first", line.service));
        match to_its_end(put_back(&fleet, &mut journal, line), patience).await? {
            Put::Back => answer.written.push(line.service.to_string()),
            Put::WasThere => {}
            Put::Left(why) => answer.left.push(Left { service: line.service.to_string(), why, alarms: true }),
        }
        if came() {
            break;
        }
    }
    drop(progress);
    answer.written.sort();
    tell(console, &answer, "back to what was there before")?;
    match rest.len() {
        0 if answer.left.is_empty() => Ok(Exit::Good),
        0 => Ok(Exit::Bad),
        some => {
            let services = counted(some, "service was", "services were");
            Err(Interrupted(format!("interrupted: {services} not looked at; the same command again goes on")).into())
        }
    }
}

/// What became of a service that was to be put back.
enum Put {
    /// It was written.
    Back,
    /// What was there before is there: the kill never wrote it, or somebody has put it back.
    WasThere,
    /// It stays as it is, and why.
    Left(String),
}

async fn put_back(fleet: &LiveFleet, journal: &mut File, line: &Line) -> anyhow::Result<Put> {
    let restored = || Line { state: State::Restored, at: Timestamp::now(), ..line.clone() };
    // Right before its write, and of this service alone: there may be a thousand of them.
    match fleet.look(&line.service, Timestamp::now()).await.service.get() {
        Ok(there) if there.status == ServiceStatus::Inactive => return Ok(Put::Left(GONE.to_owned())),
        Ok(there) if there.placed_by.equivalent(&line.before) => {
            note(journal, &restored())?;
            return Ok(Put::WasThere);
        }
        Ok(there) if !there.placed_by.equivalent(&line.after) => {
            return Ok(Put::Left(format!("somebody has changed it since: {}", there.placed_by)));
        }
        Ok(_) => {}
        Err(gap) if gap.cause == GapCause::Absent => return Ok(Put::Left(GONE.to_owned())),
        Err(gap) => return Ok(Put::Left(gap.to_string())),
    }
    match fleet.write(&line.service, &line.before).await {
        Ok(()) => note(journal, &restored()).map(|()| Put::Back),
        Err(error) => Ok(Put::Left(error.to_string())),
    }
}

fn tell(console: &Console, answer: &Answer, done: &str) -> anyhow::Result<()> {
    console.answer(answer, || told(console, answer, done))
}

fn told(console: &Console, answer: &Answer, done: &str) -> String {
    let services = counted(answer.written.len(), "service was written", "services were written");
    let mut text = wrapped(&format!("{services} {done}; the journal is {}.", answer.journal), console.width);
    for left in &answer.left {
        text.push_str(&indented(&format!("{} stays as it is: {}", left.service, left.why), console.width, 2));
    }
    for service in answer.still_on_spot.iter().flatten() {
        text.push_str(&indented(&format!("{service} IS NOT BACK YET"), console.width, 2));
    }
    text
}
