//! `spotkeeper check`: the rules on files, for pull requests.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::{Args, ValueEnum};
use spotkeeper_core::files::Parameters;
use spotkeeper_core::files::document::{Document, MAX_DOCUMENT_BYTES};
use spotkeeper_core::files::judge::{Judgement, Source, ecspresso, judge};

use super::{input, policy};
use crate::console::Console;
use crate::exit::Exit;
use crate::options::Output;
use crate::render;
use crate::render::report::Report;

/// The most files of one call, those that configurations name included.
const MAX_FILES: usize = 5_000;

/// Judge task and service definitions by the rules that files can decide.
///
/// Takes what `aws ecs describe-task-definition` and `describe-services` print, the inputs of
/// `register-task-definition` and `create-service`, ecspresso's files (a configuration names two more, which are
/// read, too), and CloudFormation and SAM templates, in JSON or YAML. What belongs together in these files is linked by
/// logical id, family, ARN and name. What is not in them is told as not judged, and never passes.
///
/// Exit status: 0 all pass, or there are only warnings; 1 something blocks; 2 a file cannot be read or is none of
/// these.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The files; `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The policy whose rules apply; without it, the default policy.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How to print the answer; without it, as `--output` says.
    #[arg(long, value_enum, value_name = "FORM")]
    format: Option<Format>,
    /// End with 1 for warnings, too.
    #[arg(long)]
    deny_warnings: bool,
    /// The value of a template's parameter; may be given several times.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Take the defaults that a template states for the parameters that are not given.
    #[arg(long)]
    parameter_defaults: bool,
}

/// How to print the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs: a documented shape with a version.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions: an annotation at each line.
    Github,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Files that were read, in the order in which they were named.
#[derive(Debug, Default)]
struct Files {
    names: Vec<String>,
    sources: Vec<Source>,
}

impl Check {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let policy = match &self.policy {
            None => Default::default(),
            Some(file) => policy::of_file(file)?,
        };
        let files = self.read()?;
        let judgement = judge(&policy, &files.sources);
        understood(&files, &judgement)?;
        let report = Report::new(&files.names, &judgement);
        let format = self.format.unwrap_or(match console.output {
            Output::Table => Format::Table,
            Output::Json => Format::Json,
        });
        console.print(&match format {
            Format::Table => render::table::report(&report, console),
            Format::Json => render::json(&report)?,
            Format::Sarif => render::json(&render::sarif::log(&report))?,
            Format::Github => render::github::commands(&report, console.quiet),
        });
        let bad = report.summary.blocks > 0 || (self.deny_warnings && report.summary.warnings > 0);
        Ok(if bad { Exit::Bad } else { Exit::Good })
    }

    fn read(&self) -> anyhow::Result<Files> {
        let mut files = Files::default();
        let mut wrong = Vec::new();
        let given: Parameters = self.parameters.iter().cloned().collect();
        for (number, path) in self.files.iter().enumerate() {
            let together = u32::try_from(number).unwrap_or(u32::MAX);
            if let Err(error) = self.add(&mut files, path, &given, together) {
                wrong.push(format!("{error:#}"));
            }
        }
        if files.sources.len() > MAX_FILES {
            bail!("{} files are more than the {MAX_FILES} of one call", files.sources.len());
        }
        // Every file that cannot be read, not the first alone.
        if wrong.is_empty() { Ok(files) } else { bail!("{}", wrong.join("\nerror: ")) }
    }

    /// Adds a file, or those that it names as a configuration of ecspresso.
    fn add(&self, files: &mut Files, path: &Path, given: &Parameters, together: u32) -> anyhow::Result<()> {
        let document = document(path)?;
        let Some(config) = ecspresso(&document.value) else {
            return self.push(files, path, document, given, None);
        };
        let directory = path.parent().unwrap_or_else(|| Path::new(""));
        let title = document.value.get("service").and_then(|service| service.as_str()).map(str::to_owned);
        for (named, pointer) in [config.service_definition, config.task_definition].into_iter().flatten() {
            let place = document.at(pointer).start;
            let from = format!("{}:{}:{}", input::name(path), place.line, place.column);
            let file = directory.join(named);
            let read = self::document(&file).with_context(|| format!("{from} names a file"))?;
            self.push(files, &file, read, given, Some(together))?;
            if let (Some(title), Some(source)) = (&title, files.sources.last_mut()) {
                source.title.clone_from(title);
            }
        }
        Ok(())
    }

    fn push(
        &self,
        files: &mut Files,
        path: &Path,
        document: Document,
        given: &Parameters,
        together: Option<u32>,
    ) -> anyhow::Result<()> {
        let title = path.file_stem().map_or_else(|| "-".to_owned(), |stem| stem.to_string_lossy().into_owned());
        let source = Source::new(title, document, given, self.parameter_defaults);
        files.names.push(input::name(path));
        files.sources.push(Source { together, ..source });
        Ok(())
    }
}

fn document(path: &Path) -> anyhow::Result<Document> {
    let name = input::name(path);
    if path.extension().is_some_and(|extension| extension == "jsonnet" || extension == "libsonnet") {
        bail!("{name} is Jsonnet, which is not read: give the JSON that `ecspresso render` or `jsonnet` makes of it");
    }
    let text = input::read(path, MAX_DOCUMENT_BYTES)?;
    Document::read(&text).map_err(|error| match error.at {
        Some(at) => anyhow!("{name}:{}:{}: {error}", at.line, at.column),
        None => anyhow!("{name}: {error}"),
    })
}

/// Ends where a file is nothing that is known here.
fn understood(files: &Files, judgement: &Judgement) -> anyhow::Result<()> {
    let names: Vec<&str> =
        judgement.not_understood.iter().filter_map(|number| files.names.get(*number).map(String::as_str)).collect();
    if names.is_empty() {
        return Ok(());
    }
    bail!(
        "{} holds no task definition, service or template that is known here: what describe-task-definition or \
         describe-services print, their inputs, ecspresso's files or a CloudFormation template were expected",
        names.join(", ")
    )
}
