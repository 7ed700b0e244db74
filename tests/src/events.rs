//! The sample inputs under `events/`, and what each function answers to them.
//!
//! They build on each other in the order of [`EVENTS`]: a run begins, a cluster is planned, moves
//! are written, checked and recorded, the run ends. They are about the account of the demo.

use std::path::PathBuf;

use serde_json::Value;

use crate::paths::workspace;

/// A sample input: its file is `events/FUNCTION/KIND.json`.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// The function's binary.
    pub function: &'static str,
    /// What kind of input it is.
    pub kind: &'static str,
    /// What the function answers.
    pub answer: Answer,
}

/// What a function answers.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// JSON in which these fields have these values. A field is named by its JSON Pointer.
    Fields(&'static [(&'static str, &'static str)]),
    /// An error of this name, with this in its message.
    Error(&'static str, &'static str),
}

/// The functions' binaries, and their names in `template.yaml`.
pub const FUNCTIONS: [(&str, &str); 5] = [
    ("recorder", "Recorder"),
    ("determiner", "Determiner"),
    ("updater", "Updater"),
    ("stability-checker", "StabilityChecker"),
    ("interruption-recorder", "InterruptionRecorder"),
];

/// Every sample input of a function, in the order in which they build on each other.
pub const EVENTS: [Event; 39] = {
    use Answer::{Error, Fields};
    const fn event(function: &'static str, kind: &'static str, answer: Answer) -> Event {
        Event { function, kind, answer }
    }
    [
        event("recorder", "invalid-unknown-field", Error("InvalidInput", "dryrun")),
        event("recorder", "invalid-unknown-cluster", Error("UnknownCluster", "nowhere")),
        event("recorder", "invalid-scope", Error("InvalidInput", "scope")),
        event("recorder", "invalid-no-reason", Error("InvalidInput", "reason")),
        event("recorder", "invalid-two-purposes", Error("InvalidInput", "exclude each other")),
        event("recorder", "invalid-operation", Error("InvalidInput", "finish")),
        event("recorder", "invalid-unknown-run", Error("Absent", "events-never-begun")),
        event("recorder", "begin-dry-run", Fields(&[("/next", r#""clusters""#), ("/clusters", r#"["data","shop"]"#)])),
        event("recorder", "begin-schedule", Fields(&[("/next", r#""clusters""#), ("/clusters_in_flight", "2")])),
        event("determiner", "invalid-unknown-field", Error("InvalidInput", "dry_run")),
        event("determiner", "invalid-cluster-name", Error("InvalidInput", "cluster")),
        event("determiner", "invalid-no-such-cluster", Error("Absent", "nowhere")),
        event("determiner", "invalid-unknown-run", Error("Absent", "events-never-begun")),
        event("determiner", "dry-run", Fields(&[("/next", r#""done""#), ("/counts/services", "4")])),
        event("determiner", "first", Fields(&[("/next", r#""update""#), ("/moves/0", r#""shop/0-0""#)])),
        event("updater", "invalid-unknown-field", Error("InvalidInput", "force")),
        event("updater", "invalid-no-moves", Error("InvalidInput", "1 to 100")),
        event("updater", "invalid-too-many-moves", Error("InvalidInput", "1 to 100")),
        event("updater", "invalid-same-move-twice", Error("InvalidInput", "twice")),
        event("updater", "invalid-unknown-move", Error("Absent", "shop/0-999")),
        event("updater", "one", Fields(&[("/moves/0/outcome", r#""applied""#)])),
        event("stability-checker", "invalid-unknown-field", Error("InvalidInput", "wait")),
        event("stability-checker", "invalid-move-id", Error("InvalidInput", "move_id")),
        event("stability-checker", "invalid-unknown-move", Error("Absent", "shop/0-999")),
        event("stability-checker", "check", Fields(&[("/next", r#""wait""#)])),
        event("recorder", "outcome", Fields(&[])),
        event("determiner", "cursor", Fields(&[])),
        event("updater", "many", Fields(&[("/moves/1/move_id", r#""shop/0-2""#)])),
        event("recorder", "cluster-failed", Fields(&[])),
        event("recorder", "end", Fields(&[("/next", r#""ended""#)])),
        event("recorder", "begin-clusters", Fields(&[("/clusters", r#"["shop"]"#)])),
        event("recorder", "begin-switch-on", Fields(&[("/clusters", r#"["data"]"#)])),
        event("recorder", "begin-switch-off", Fields(&[("/clusters", r#"["data"]"#)])),
        event("recorder", "begin-restore", Fields(&[("/clusters", r#"["shop"]"#)])),
        event("interruption-recorder", "invalid-no-batch", Error("InvalidInput", "sequence")),
        event("interruption-recorder", "invalid-no-message-id", Error("InvalidInput", "without an id")),
        event("interruption-recorder", "batch", Fields(&[("/batchItemFailures", "[]")])),
        event("interruption-recorder", "again", Fields(&[("/batchItemFailures", "[]")])),
        event("interruption-recorder", "malformed", Fields(&[("/batchItemFailures", "[]")])),
    ]
};

impl Event {
    /// Where it is.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        workspace().join(format!("events/{}/{}.json", self.function, self.kind))
    }

    /// The function's name in `template.yaml`.
    #[must_use]
    pub fn logical_name(&self) -> &'static str {
        FUNCTIONS.iter().find(|(binary, _)| *binary == self.function).map_or("", |(_, name)| name)
    }

    /// What is wrong with an answer, if anything.
    #[must_use]
    pub fn complaint(&self, answer: &Value) -> Option<String> {
        let wrong = |what: String| Some(format!("{}/{}: {what}: {answer}", self.function, self.kind));
        match self.answer {
            Answer::Error(name, part) => {
                if answer["errorType"] != name {
                    return wrong(format!("expected the error {name}"));
                }
                let message = answer["errorMessage"].as_str().unwrap_or_default();
                if message.contains(part) { None } else { wrong(format!("the message does not say {part:?}")) }
            }
            Answer::Fields(fields) => {
                if answer.get("errorType").is_some() {
                    return wrong("an error".to_owned());
                }
                let different = fields.iter().find(|(pointer, expected)| {
                    answer.pointer(pointer).map(Value::to_string).as_deref() != Some(expected)
                });
                different.and_then(|(pointer, expected)| wrong(format!("expected {expected} at {pointer}")))
            }
        }
    }
}

/// The files under `events/` that belong to a function, as `FUNCTION/KIND`.
///
/// # Errors
/// When they cannot be listed.
pub fn files() -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (function, _) in FUNCTIONS {
        for entry in std::fs::read_dir(workspace().join("events").join(function))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // Beside the inputs may be what goes into them.
            if !name.ends_with(".json") {
                continue;
            }
            found.push(format!("{function}/{}", name.trim_end_matches(".json")));
        }
    }
    found.sort();
    Ok(found)
}
