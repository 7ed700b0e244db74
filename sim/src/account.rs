//! The account file: what is in the simulated account when it starts.
//!
//! YAML or JSON, in AWS's own spelling (camelCase). `sim/accounts/` has samples, and
//! `sim/README.md` describes every field. A mistake is told with file, line and what is allowed.

mod build;
mod capacity;
mod file;
mod generate;
mod place;

use std::path::Path;

use serde_json::{Value, json};

use crate::world::World;
use build::Place;

pub use file::AccountFile;
pub use place::line_of;

/// Where an account was read from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file, as messages name it.
    pub name: &'a str,
    /// All of its text.
    pub text: &'a str,
    /// What the account is under in it.
    pub under: &'a [&'a str],
}

/// Why an account file cannot be used: one mistake a line, each with its place.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct AccountError(String);

/// Reads an account file and builds the world that it describes. `now` is where its clock starts,
/// unless the file says otherwise.
pub fn load(path: &Path, now: jiff::Timestamp) -> Result<World, AccountError> {
    let text =
        std::fs::read_to_string(path).map_err(|e| AccountError(format!("{}: cannot be read: {e}", path.display())))?;
    parse(&text, &path.display().to_string(), now)
}

/// The same from a text; `name` stands for the file in messages.
pub fn parse(text: &str, name: &str, now: jiff::Timestamp) -> Result<World, AccountError> {
    let file: AccountFile = serde_saphyr::from_str(text).map_err(|e| AccountError(format!("{name}: {e}")))?;
    build(file, Source { name, text, under: &[] }, now)
}

/// The world that a file describes which was read from there.
pub fn build(file: AccountFile, source: Source<'_>, now: jiff::Timestamp) -> Result<World, AccountError> {
    let Source { name, text, under } = source;
    build::build(file, now).map_err(|mistakes| {
        let told = mistakes.iter().map(|mistake| {
            let line = match &mistake.place {
                Place::Line(line) => *line,
                Place::Path(path) => line_of(text, &[under, path.as_slice()].concat()),
            };
            if line > 0 { format!("{name}:{line}: {}", mistake.what) } else { format!("{name}: {}", mistake.what) }
        });
        AccountError(told.collect::<Vec<_>>().join("\n"))
    })
}

/// A plain account on Fargate as JSON, for tests: one cluster, the task definition `web` with its
/// container `app`, and no token buckets. The fields of `more` are added, or take the place of these.
pub fn plain(cluster: &str, more: Value) -> Value {
    let mut account = json!({
        "settings": { "throttling": "off" },
        "clusters": [{ "clusterName": cluster, "capacityProviders": ["FARGATE", "FARGATE_SPOT"] }],
        "taskDefinitions": [{
            "family": "web", "cpu": 256, "memory": 512, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"],
            "containerDefinitions": [{ "name": "app", "image": "web:1", "stopTimeout": 30 }],
        }],
    });
    if let (Some(account), Value::Object(more)) = (account.as_object_mut(), more) {
        account.extend(more);
    }
    account
}
