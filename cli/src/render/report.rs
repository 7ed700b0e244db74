//! What `check` answers: the shape of `--output json`, from which the other forms are made, too.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use spotkeeper_core::assess::Level as CoreLevel;
use spotkeeper_core::digest;
use spotkeeper_core::files::document::Span;
use spotkeeper_core::files::judge::{At, Judgement, Remark, Subject, SubjectKind};

/// The version of this shape: it counts up with every change that a reader must know of.
pub(crate) const VERSION: u32 = 1;

/// What the files came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Report {
    /// The version of this shape.
    pub(crate) version: u32,
    /// The files that were read, those that configurations of ecspresso name in their place.
    pub(crate) files: Vec<String>,
    /// Every service, and every task definition that no service of the files uses.
    pub(crate) subjects: Vec<Judged>,
    /// Sums.
    pub(crate) summary: Summary,
}

/// Sums over all subjects.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Summary {
    /// How many subjects there are.
    pub(crate) subjects: usize,
    /// Of these, those in which something blocks.
    pub(crate) blocked: usize,
    /// Of these, those of which something was not judged.
    pub(crate) not_fully_judged: usize,
    /// Findings that block.
    pub(crate) blocks: usize,
    /// Findings that warn.
    pub(crate) warnings: usize,
}

/// One service or task definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Judged {
    /// What it is.
    pub(crate) kind: SubjectKind,
    /// What it is called.
    pub(crate) name: String,
    /// Where it stands.
    pub(crate) place: FilePlace,
    /// The task definition of a service, where the files hold it.
    pub(crate) task_definition: Option<String>,
    /// What the rules found.
    pub(crate) findings: Vec<Finding>,
    /// What could not be judged, and why.
    pub(crate) not_judged: Vec<NotJudged>,
    /// What was made alike, passed over, or is filled in later.
    pub(crate) notes: Vec<Note>,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Finding {
    /// The rule; `definition` for what ECS itself would refuse.
    pub(crate) rule: String,
    /// How bad it is.
    pub(crate) level: Level,
    /// The sentence that says what to change.
    pub(crate) message: String,
    /// Where that stands.
    pub(crate) place: FilePlace,
    /// What kind of finding it is, and its numbers.
    pub(crate) detail: Map<String, Value>,
    /// The same for the same finding, wherever in the file it moves.
    pub(crate) fingerprint: String,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    /// It bars the service from Spot.
    Block,
    /// It may surprise.
    Warn,
}

/// Rules that could not be judged, or not to the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NotJudged {
    /// The rules.
    pub(crate) rules: Vec<String>,
    /// Why.
    pub(crate) why: String,
    /// Where the files leave it open.
    pub(crate) place: FilePlace,
}

/// Something about one place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Note {
    /// What.
    pub(crate) message: String,
    /// Where.
    pub(crate) place: FilePlace,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct FilePlace {
    /// The file, as it was named.
    pub(crate) file: String,
    /// A JSON pointer; what is not there has that of what it would stand in.
    pub(crate) pointer: String,
    /// The part of the text.
    #[serde(flatten)]
    pub(crate) span: Span,
}

impl std::fmt::Display for FilePlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.span.start.line, self.span.start.column)
    }
}

impl Report {
    /// The report of a judgement of these files.
    pub(crate) fn new(files: &[String], judgement: &Judgement) -> Report {
        let subjects: Vec<Judged> = judgement.subjects.iter().map(|subject| judged(files, subject)).collect();
        let count = |level| {
            subjects.iter().flat_map(|subject| &subject.findings).filter(|finding| finding.level == level).count()
        };
        let summary = Summary {
            subjects: subjects.len(),
            blocked: subjects.iter().filter(|one| one.level() == Some(Level::Block)).count(),
            not_fully_judged: subjects.iter().filter(|one| !one.not_judged.is_empty()).count(),
            blocks: count(Level::Block),
            warnings: count(Level::Warn),
        };
        Report { version: VERSION, files: files.to_vec(), summary, subjects }
    }

    /// All findings, each with its subject.
    pub(crate) fn findings(&self) -> impl Iterator<Item = (&Judged, &Finding)> {
        self.subjects.iter().flat_map(|subject| subject.findings.iter().map(move |finding| (subject, finding)))
    }
}

impl Judged {
    /// `service web`.
    pub(crate) fn title(&self) -> String {
        match self.kind {
            SubjectKind::Service => format!("service {}", self.name),
            SubjectKind::TaskDefinition => format!("task definition {}", self.name),
        }
    }

    /// The worst of its findings.
    pub(crate) fn level(&self) -> Option<Level> {
        let has = |level| self.findings.iter().any(|finding| finding.level == level);
        if has(Level::Block) { Some(Level::Block) } else { has(Level::Warn).then_some(Level::Warn) }
    }
}

fn judged(files: &[String], subject: &Subject) -> Judged {
    let place = |at: &At| FilePlace {
        file: files.get(at.source).cloned().unwrap_or_default(),
        pointer: at.pointer.clone(),
        span: at.span,
    };
    let kind = match subject.kind {
        SubjectKind::Service => "service",
        SubjectKind::TaskDefinition => "task definition",
    };
    let finding = |rule: &str, level, message: String, detail: Map<String, Value>, at: &At| {
        let place = place(at);
        // Neither line nor number is part of it: who mends half of it has the same finding still.
        let named: Vec<&str> = ["finding", "problem", "container", "volume", "target_group"]
            .iter()
            .filter_map(|key| detail.get(*key)?.as_str())
            .collect();
        let key = [&[rule, &place.file, kind, &subject.name], named.as_slice()].concat().join("\n");
        Finding { rule: rule.to_owned(), level, message, place, detail, fingerprint: digest::hex(&key, 16) }
    };
    let by_rules = subject.found.iter().map(|one| {
        let level = if one.level == CoreLevel::Block { Level::Block } else { Level::Warn };
        finding(one.rule.name(), level, one.finding.to_string(), object(&one.finding), &one.at)
    });
    let by_ecs = subject.refused.iter().map(|one| {
        let message = format!("ECS would refuse the task definition: {}", one.problem);
        finding("definition", Level::Warn, message, object(&one.problem), &one.at)
    });
    let note = |one: &Remark| Note { message: one.problem.to_string(), place: place(&one.at) };
    Judged {
        kind: subject.kind,
        name: subject.name.clone(),
        place: place(&subject.at),
        task_definition: subject.definition.clone(),
        findings: by_rules.chain(by_ecs).collect(),
        not_judged: subject
            .open
            .iter()
            .map(|open| NotJudged {
                rules: open.rules.iter().map(|rule| rule.name().to_owned()).collect(),
                why: open.why.clone(),
                place: place(&open.at),
            })
            .collect(),
        notes: subject.notes.iter().map(note).collect(),
    }
}

fn object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        // Findings and problems are objects all.
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docs(name: &str) -> std::path::PathBuf {
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
    }

    /// `docs/check.schema.json` is what the types say; `UPDATE_GOLDEN=1` writes it anew.
    #[test]
    fn the_published_schema_is_that_of_the_types() {
        let schema = crate::render::json(&schemars::schema_for!(Report)).unwrap();
        let update = std::env::var("UPDATE_GOLDEN").is_ok();
        if update {
            std::fs::write(docs("check.schema.json"), &schema).unwrap();
        }
        let published = std::fs::read_to_string(docs("check.schema.json")).unwrap_or_default();
        assert_eq!(published, schema, "UPDATE_GOLDEN=1 writes it anew");
    }

    #[test]
    fn the_golden_answer_is_valid_by_it() {
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/check.json");
        let answer: Value = serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
        let validator = jsonschema::validator_for(&schemars::schema_for!(Report).to_value()).unwrap();
        let mistakes: Vec<String> = validator.iter_errors(&answer).map(|error| error.to_string()).collect();
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(answer["version"], VERSION);
        assert!(!validator.is_valid(&serde_json::json!({ "version": 1 })));
    }
}
