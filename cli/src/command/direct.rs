//! The kill switch where Lambda, the table or Step Functions are down: it needs ECS, and what stands behind its
//! providers, and leaves a journal on this machine by which everything is put back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
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
use super::look;
use crate::account::{Account, LiveFleet, denied};
use crate::console::Console;
use crate::exit::Exit;
use crate::options::AwsOptions;
use crate::progress::Progress;
use crate::render::text::{counted, indented, wrapped};

/// The part of the account's API rates that it uses: nearly all, as a switch run does.
const RATE: Percent = Percent::saturating(95);
/// How long tasks may take to come back before that is told, and not waited for.
const PATIENCE: Duration = Duration::from_secs(1_800);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Why a service is not put back that somebody has deleted.
const GONE: &str = "it is not there any more";
/// The version of a journal's lines.
const VERSION: u32 = 1;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    version: u32,
    at: Timestamp,
    state: State,
    service: ServiceRef,
    /// What placed its tasks before the kill.
    before: PlacedBy,
    /// What the kill writes.
    after: PlacedBy,
    /// What AWS said, where it refused.
    #[serde(default)]
    said: String,
}

/// How far a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// About to be written: put back unless something says that it was not.
    Writing,
    /// Written.
    Written,
    /// AWS refused it: nothing has changed.
    Refused,
    /// What was there before is in place again.
    Restored,
}

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
    let account = Account::open(asked.aws).await?;
    let name = asked.journal.display().to_string();
    // Never over another journal: it is the only way back.
    let journal = OpenOptions::new().append(true).create_new(true).open(asked.journal);
    let mut journal = journal.with_context(|| format!("the journal {name} cannot be begun: nothing was written"))?;
    let fleet = account.fleet(RATE);
    let progress = Progress::new(console.quiet);
    let clusters = match asked.scope.cluster() {
        Some(cluster) => vec![cluster.clone()],
        None => account.clusters(&fleet, &[]).await?,
    };
    let mut answer =
        Answer { version: VERSION, journal: name, written: Vec::new(), left: Vec::new(), still_on_spot: None };
    let mut written: Vec<ServiceRef> = Vec::new();
    for cluster in &clusters {
        progress.say(&format!("reading cluster {cluster}"));
        let (moves, left) = planned(&fleet, &account, asked, cluster).await?;
        answer.left.extend(left);
        for (service, before, after) in moves {
            progress.say(&format!("writing {service}"));
            match write(&fleet, &mut journal, &service, &before, &after).await? {
                None => {
                    answer.written.push(service.to_string());
                    written.push(service);
                }
                Some(why) => answer.left.push(Left { service: service.to_string(), why, alarms: true }),
            }
        }
    }
    if asked.follows {
        answer.still_on_spot = Some(until_back(&fleet, &written, &progress).await?);
    }
    drop(progress);
    answer.written.sort();
    tell(console, &answer, "back to On-Demand")?;
    let well = answer.left.iter().all(|left| !left.alarms) && answer.still_on_spot.iter().all(Vec::is_empty);
    Ok(if well { Exit::Good } else { Exit::Bad })
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

/// Adds a line, and has it on the disk before anything goes on.
fn note(journal: &mut File, line: &Line) -> anyhow::Result<()> {
    let text = serde_json::to_string(line)? + "\n";
    journal.write_all(text.as_bytes()).and_then(|()| journal.sync_data()).context("the journal cannot be written")
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

/// Puts back what a journal says was there, where what the kill wrote is still in place.
pub(crate) async fn resume(console: &Console, aws: &AwsOptions, path: &Path) -> anyhow::Result<Exit> {
    let lines = read(path)?;
    let account = Account::open(aws).await?;
    let fleet = account.fleet(RATE);
    let name = path.display().to_string();
    let mut journal =
        OpenOptions::new().append(true).open(path).with_context(|| format!("{name} cannot be written"))?;
    let progress = Progress::new(console.quiet);
    let mut answer =
        Answer { version: VERSION, journal: name, written: Vec::new(), left: Vec::new(), still_on_spot: None };
    for line in &lines {
        let service = &line.service;
        let left = |why: String| Left { service: service.to_string(), why, alarms: true };
        progress.say(&format!("putting {service} back"));
        // Right before its write, and of this service alone: there may be a thousand of them.
        match fleet.look(service, Timestamp::now()).await.service.get() {
            Ok(there) if there.status == ServiceStatus::Inactive => {
                answer.left.push(left(GONE.to_owned()));
                continue;
            }
            Ok(there) if !there.placed_by.equivalent(&line.after) => {
                answer.left.push(left(format!("somebody has changed it since: {}", there.placed_by)));
                continue;
            }
            Ok(_) => {}
            Err(gap) => {
                answer.left.push(left(if gap.cause == GapCause::Absent { GONE.to_owned() } else { gap.to_string() }));
                continue;
            }
        }
        match fleet.write(service, &line.before).await {
            Ok(()) => {
                let restored = Line { state: State::Restored, at: Timestamp::now(), ..line.clone() };
                note(&mut journal, &restored)?;
                answer.written.push(service.to_string());
            }
            Err(error) => answer.left.push(left(error.to_string())),
        }
    }
    drop(progress);
    answer.written.sort();
    tell(console, &answer, "back to what was there before")?;
    Ok(if answer.left.is_empty() { Exit::Good } else { Exit::Bad })
}

/// The services of a journal that were, or may have been, written and not put back since; each with its last line.
fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
    let mut last: Vec<Line> = Vec::new();
    for (number, text) in BufReader::new(file).lines().enumerate() {
        let text = text.with_context(|| format!("{name} cannot be read"))?;
        let line: Line =
            serde_json::from_str(&text).with_context(|| format!("{name}:{} is no line of a journal", number + 1))?;
        if line.version != VERSION {
            bail!("{name}:{} is of version {}: this program reads {VERSION}", number + 1, line.version);
        }
        last.retain(|one| one.service.arn != line.service.arn);
        last.push(line);
    }
    last.retain(|line| matches!(line.state, State::Writing | State::Written));
    Ok(last)
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

#[cfg(test)]
mod tests {
    use spotkeeper_core::ids::{ServiceArn, ServiceName};
    use spotkeeper_core::observe::LaunchType;

    use super::*;

    fn line(name: &str, state: State) -> Line {
        let arn = format!("arn:aws:ecs:eu-west-1:123456789012:service/prod/{name}");
        Line {
            version: VERSION,
            at: Timestamp::UNIX_EPOCH,
            state,
            service: ServiceRef {
                cluster: ClusterName::parse("prod").unwrap(),
                name: ServiceName::parse(name).unwrap(),
                arn: ServiceArn::parse(&arn).unwrap(),
            },
            before: PlacedBy::LaunchType(LaunchType::Fargate),
            after: PlacedBy::LaunchType(LaunchType::Ec2),
            said: String::new(),
        }
    }

    #[test]
    fn a_journal_says_what_is_to_be_put_back() {
        let path = std::env::temp_dir().join(format!("spotkeeper-journal-{}", std::process::id()));
        let mut file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let lines = [
            ("written", State::Writing),
            ("written", State::Written),
            ("cut-off", State::Writing),
            ("refused", State::Writing),
            ("refused", State::Refused),
            ("back", State::Writing),
            ("back", State::Written),
            ("back", State::Restored),
        ];
        for (name, state) in lines {
            note(&mut file, &line(name, state)).unwrap();
        }
        let open: Vec<String> = read(&path).unwrap().iter().map(|line| line.service.name.to_string()).collect();
        assert_eq!(open, ["written", "cut-off"]);
        file.write_all(b"{\"version\":1\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains(":9 is no line of a journal"));
        std::fs::remove_file(&path).unwrap();
    }
}
