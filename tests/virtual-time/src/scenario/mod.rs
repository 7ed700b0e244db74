//! The files of `tests/scenarios/`: an account, what happens in it, and what is promised. Each has
//! a golden transcript beside it.

mod expect;
mod file;
mod happenings;

use std::path::Path;

use aws_sim::account::{Source, line_of};
use aws_sim::world::World;
use spotkeeper_core::policy::{Policy, checked};

use crate::day::{Day, live};
use crate::heard::Heard;
use crate::ports::AccountPace;
use crate::simulation::{Inner, Simulation, in_virtual_time};
use crate::tables::Tables;

pub use file::ScenarioFile;

/// A scenario, ready to be lived through.
#[derive(Debug)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub shows: String,
    /// The file as it was read.
    pub file: ScenarioFile,
    /// The account.
    pub world: World,
    /// The policy.
    pub policy: Policy,
    /// What happens.
    pub day: Day,
}

/// Why a scenario cannot be used: one mistake a line, each with its place.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(String);

/// How a scenario went.
#[derive(Debug)]
pub struct Lived {
    /// The transcript.
    pub transcript: String,
    /// Promises that were broken, and expectations that were not met.
    pub wrong: Vec<String>,
}

/// Reads a scenario file.
///
/// # Errors
/// [`ScenarioError`] with file, line and what is allowed.
pub fn load(path: &Path) -> Result<Scenario, ScenarioError> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let text = std::fs::read_to_string(path).map_err(|error| ScenarioError(format!("{name}: {error}")))?;
    parse(&text, &name, path.parent().unwrap_or_else(|| Path::new(".")))
}

/// The same from a text; `name` stands for the file in messages, `folder` is where account files
/// are looked for.
///
/// # Errors
/// [`ScenarioError`] with file, line and what is allowed.
pub fn parse(text: &str, name: &str, folder: &Path) -> Result<Scenario, ScenarioError> {
    let refuse = |line: u64, what: String| match line {
        0 => ScenarioError(format!("{name}: {what}")),
        line => ScenarioError(format!("{name}:{line}: {what}")),
    };
    let mut file: ScenarioFile = serde_saphyr::from_str(text).map_err(|error| refuse(0, error.to_string()))?;
    let start = file.start;
    let world = match (file.account.take(), &file.account_file) {
        (Some(account), None) => aws_sim::account::build(*account, Source { name, text, under: &["account"] }, start),
        (None, Some(path)) => {
            let account = std::fs::read_to_string(folder.join(path));
            let account = account.map_err(|error| {
                refuse(line_of(text, &["account_file"]), format!("account_file {path} cannot be read: {error}"))
            })?;
            aws_sim::account::parse(&account, path, start)
        }
        _ => return Err(refuse(0, "give either account or account_file".to_owned())),
    };
    let world = world.map_err(|error| ScenarioError(error.to_string()))?;
    let policy = checked(file.policy.clone()).map_err(|mistakes| {
        let mistakes: Vec<String> = mistakes.iter().map(|mistake| format!("policy: {mistake}")).collect();
        refuse(line_of(text, &["policy"]), mistakes.join("; "))
    })?;
    let mut happenings = Vec::new();
    for event in &file.events {
        let line = event.referenced.line();
        for (at, happening) in event.value.happenings(&world, file.duration).map_err(|what| refuse(line, what))? {
            happenings.push((at, happening));
        }
    }
    file.expect.check(&world).map_err(|what| refuse(line_of(text, &["expect"]), format!("expect: {what}")))?;
    let day = Day { schedule: file.schedule, scores: file.scores, duration: file.duration, happenings };
    Ok(Scenario { shows: file.shows.clone(), file, world, policy, day })
}

impl Scenario {
    /// Lives through it.
    ///
    /// # Errors
    /// Where no runtime can be made.
    pub fn live(&self) -> std::io::Result<Lived> {
        let heard = Heard::new(self.file.show_events).map_err(std::io::Error::other)?;
        in_virtual_time(async {
            let tables = Tables::new(Ok(self.policy.clone()));
            let simulation = Simulation::start(self.world.clone(), tables, self.file.seed);
            simulation.with(|inner| {
                inner.pace = AccountPace::of(&self.world);
                inner.keep_target_groups_for(self.file.target_groups_kept);
                inner.delivery = self.file.delivery;
                inner.heard = Some(heard);
            });
            live(&simulation, &self.day).await;
            simulation.with(|inner| self.judge(inner))
        })
    }

    fn judge(&self, inner: &Inner) -> Lived {
        let broken = inner.promises.broken().iter().map(ToString::to_string);
        let unmet = self.file.expect.unmet(inner);
        let misshapen = inner.heard.iter().flat_map(|heard| heard.wrong.iter().cloned());
        let transcript = format!("{}\n\n{}\n{}", self.shows, inner.journal.tail(usize::MAX), expect::summary(inner));
        Lived { transcript, wrong: broken.chain(unmet).chain(misshapen).collect() }
    }
}
