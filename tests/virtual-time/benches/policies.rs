//! Spotkeeper beside other policies, over the same simulated months: what it is, and what is fair about it, is in
//! `docs/adr/0016-policies-are-compared-on-the-same-months.md`.
//!
//! `cargo xtask bench policies [--months N] [--days N] [--services N] [--policies NAME,...] [--threads N]
//! [--advisor FILE] [--tuning [--policy FILE] [--journal]]`: 30 months of each kind, 30 days and 200 services, if
//! nothing else is said, and the policy of `policies.json` beside this file. What is done is kept as JSON lines in `target/bench/policies`, and not done again; delete the file to
//! begin anew. The tables are of what is there at the end. Another policy for Spotkeeper, and a journal of each of
//! its months, are for the seeds of tuning alone.

#![allow(missing_docs, reason = "a bench has no readers of its own")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "figures for people")]

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use serde_json::Value;
use spotkeeper_virtual_time::policies::advisor::{self, Region};
use spotkeeper_virtual_time::policies::month::Month;
use spotkeeper_virtual_time::policies::plan::{Job, Line, Lived, Scope, Who};
use spotkeeper_virtual_time::policies::scores::Informativeness;
use spotkeeper_virtual_time::policies::{keeper, table, versus};

/// Spotkeeper's policy, from the project's root.
const POLICY: &str = "tests/virtual-time/benches/policies.json";
/// The Spot Advisor data, from there.
const ADVISOR: &str = "../shared/data/spot-advisor/spot-advisor-data.2025-06-28.json";

/// What the command line says.
struct Arguments {
    scope: Scope,
    days: u32,
    services: u32,
    threads: usize,
    advisor: PathBuf,
    policy: PathBuf,
    journal: bool,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("policies: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let arguments = arguments(&root, std::env::args().skip(1))?;
    let regions = advisor::read(&text_of(&arguments.advisor)?)?;
    let policy: Value = serde_json::from_str(&text_of(&arguments.policy)?)
        .map_err(|error| format!("{}: {error}", arguments.policy.display()))?;
    let path = kept_at(&root, &arguments, &policy)?;
    let mut done = kept(&path)?;
    let jobs = arguments.scope.jobs();
    let left: VecDeque<Job> = jobs.iter().filter(|job| !done.iter().any(|line| line.is_of(job))).copied().collect();
    println!("{} of {} are left to do; kept in {}", left.len(), jobs.len(), path.display());
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
    let journals = arguments.journal.then(|| path.with_extension("journals"));
    let Arguments { days, services, .. } = arguments;
    let work = Work { regions, days, services, policy, journals, all: left.len() };
    let (left, file, news) = (Mutex::new(left), Mutex::new(file), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..arguments.threads).map(|_| scope.spawn(|| work.until_done(&left, &file, &news))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a month panicked".to_owned())?)
    })?;
    done.extend(news.into_inner().unwrap_or_else(PoisonError::into_inner));
    done.retain(|line| jobs.iter().any(|job| line.is_of(job)));
    println!("{}", table::tables(&done));
    Ok(())
}

fn text_of(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn arguments(root: &Path, mut given: impl Iterator<Item = String>) -> Result<Arguments, String> {
    let scope = Scope { months: 30, tuning: false, policies: Vec::new() };
    let (advisor, policy) = (root.join(ADVISOR), root.join(POLICY));
    let mut read = Arguments { scope, days: 30, services: 200, threads: 2, advisor, policy, journal: false };
    let mut tunes = false;
    while let Some(name) = given.next() {
        let mut value = || given.next().ok_or_else(|| format!("{name} needs a value"));
        let number = |text: String| text.parse::<u32>().map_err(|_| format!("{text:?} is no number"));
        match name.as_str() {
            // What cargo says to every bench.
            "--bench" => {}
            "--months" => read.scope.months = number(value()?)?,
            "--days" => read.days = number(value()?)?,
            "--services" => read.services = number(value()?)?,
            "--threads" => read.threads = usize::try_from(number(value()?)?).unwrap_or(1).max(1),
            "--tuning" => read.scope.tuning = true,
            "--policy" => (read.policy, tunes) = (value()?.into(), true),
            "--advisor" => read.advisor = value()?.into(),
            "--journal" => (read.journal, tunes) = (true, true),
            "--policies" => read.scope.policies = value()?.split(',').map(str::to_owned).collect(),
            other => return Err(format!("{other:?} is not known")),
        }
    }
    if tunes && !read.scope.tuning {
        return Err("another policy and journals are for --tuning alone".to_owned());
    }
    let known: Vec<String> = Who::all().map(Who::name).collect();
    match read.scope.policies.iter().find(|name| !known.contains(name)) {
        Some(unknown) => Err(format!("there is no policy {unknown:?}: there are {}", known.join(", "))),
        None => Ok(read),
    }
}

/// What is measured with other days, services or another policy is another figure.
fn kept_at(root: &Path, arguments: &Arguments, policy: &Value) -> Result<PathBuf, String> {
    let folder = root.join("target/bench/policies");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let policy = policy.to_string();
    // FNV-1a: a name, nothing more.
    let digest = policy
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let tuning = if arguments.scope.tuning { "-tuning" } else { "" };
    let (days, services) = (arguments.days, arguments.services);
    Ok(folder.join(format!("{days}-days-{services}-services{tuning}-{digest:016x}.jsonl")))
}

fn kept(path: &Path) -> Result<Vec<Line>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let read = |(line, number): (&str, u32)| {
        serde_json::from_str(line).map_err(|error| format!("{}, line {number}: {error}", path.display()))
    };
    text.lines().zip(1..).map(read).collect()
}

/// What all threads share.
struct Work {
    regions: Vec<Region>,
    days: u32,
    services: u32,
    policy: Value,
    /// Where journals go, if they do.
    journals: Option<PathBuf>,
    all: usize,
}

impl Work {
    fn until_done(
        &self,
        left: &Mutex<VecDeque<Job>>,
        file: &Mutex<File>,
        news: &Mutex<Vec<Line>>,
    ) -> Result<(), String> {
        loop {
            let (job, waiting) = {
                let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(job) = left.pop_front() else { return Ok(()) };
                (job, left.len())
            };
            let line = self.live(&job)?;
            println!(
                "{} of {}: {} {} {} {}: served {:.3} %, on Spot {:.1} %, {:.1} s",
                self.all - waiting,
                self.all,
                line.kind,
                line.seed,
                line.who,
                line.informativeness.as_deref().unwrap_or("-"),
                line.lived.served * 100.0,
                line.lived.spot / (line.lived.spot + line.lived.on_demand) * 100.0,
                line.took,
            );
            let text = serde_json::to_string(&line).map_err(|error| error.to_string())?;
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            // In one write, so that a line is there or not.
            file.write_all(format!("{text}\n").as_bytes()).map_err(|error| error.to_string())?;
            news.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    }

    fn live(&self, job: &Job) -> Result<Line, String> {
        let began = Instant::now();
        let level = job.informativeness.unwrap_or(Informativeness::Half);
        let month = Month::new(&self.regions, job.kind, job.seed, self.days, level)?;
        let lived = match job.who {
            Who::Rival(rival) => versus::live(rival, &month, self.services),
            Who::Spotkeeper => self.keep(job, &month),
        };
        Ok(Line {
            kind: job.kind.name().to_owned(),
            seed: job.seed,
            who: job.who.name(),
            informativeness: job.informativeness.map(|level| level.name().to_owned()),
            lived: lived.map_err(|why| format!("{job:?}: {why}"))?,
            took: began.elapsed().as_secs_f64(),
        })
    }

    fn keep(&self, job: &Job, month: &Month) -> Result<Lived, String> {
        let (lived, journal) = keeper::live(&self.policy, month, self.services, self.journals.is_some())?;
        if let Some(folder) = &self.journals {
            std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
            let level = job.informativeness.map_or("none", Informativeness::name);
            let path = folder.join(format!("{}-{level}.txt", job.seed));
            std::fs::write(&path, journal).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(lived)
    }
}
