//! The journal of `kill --direct`: what placed the tasks of each service before, and the only way back.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use spotkeeper_core::ids::ServiceRef;
use spotkeeper_core::observe::PlacedBy;

/// The version of a journal's lines.
pub(super) const VERSION: u32 = 1;

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) version: u32,
    pub(super) at: Timestamp,
    pub(super) state: State,
    pub(super) service: ServiceRef,
    /// What placed its tasks before the kill.
    pub(super) before: PlacedBy,
    /// What the kill writes.
    pub(super) after: PlacedBy,
    /// What AWS said, where it refused.
    #[serde(default)]
    pub(super) said: String,
}

/// How far a service is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// About to be written: put back unless something says that it was not.
    Writing,
    /// Written.
    Written,
    /// AWS refused it: nothing has changed.
    Refused,
    /// What was there before is in place again.
    Restored,
}

/// Adds a line, and has it on the disk before anything goes on.
pub(super) fn note(journal: &mut File, line: &Line) -> anyhow::Result<()> {
    let text = serde_json::to_string(line)? + "\n";
    journal.write_all(text.as_bytes()).and_then(|()| journal.sync_data()).context("the journal cannot be written")
}

/// A journal, read.
#[derive(Debug)]
pub(super) struct Journal {
    /// The services that were, or may have been, written and not put back since; each with its last line.
    pub(super) lines: Vec<Line>,
    /// How many bytes of it are whole lines.
    pub(super) whole: u64,
}

/// Reads a journal. A last line without an end was cut off while it was noted: what it was to say had not begun, or
/// the line before it says that it had.
pub(super) fn read(path: &Path) -> anyhow::Result<Journal> {
    let name = path.display();
    let mut bytes = std::fs::read(path).with_context(|| format!("{name} cannot be read"))?;
    bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    let whole = u64::try_from(bytes.len())?;
    let text = String::from_utf8(bytes).with_context(|| format!("{name} is no text"))?;
    let mut last: Vec<Line> = Vec::new();
    for (number, text) in text.lines().enumerate() {
        let line: Line =
            serde_json::from_str(text).with_context(|| format!("{name}:{} is no line of a journal", number + 1))?;
        if line.version != VERSION {
            bail!("{name}:{} is of version {}: this program reads {VERSION}", number + 1, line.version);
        }
        last.retain(|one| one.service.arn != line.service.arn);
        last.push(line);
    }
    last.retain(|line| matches!(line.state, State::Writing | State::Written));
    Ok(Journal { lines: last, whole })
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use spotkeeper_core::ids::{ClusterName, ServiceArn, ServiceName};
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
        let open = |journal: Journal| {
            let names: Vec<String> = journal.lines.iter().map(|line| line.service.name.to_string()).collect();
            (names, journal.whole)
        };
        let length = std::fs::metadata(&path).unwrap().len();
        let expected = (vec!["written".to_owned(), "cut-off".to_owned()], length);
        assert_eq!(open(read(&path).unwrap()), expected);
        file.write_all(b"{\"version\":1").unwrap();
        assert_eq!(open(read(&path).unwrap()), expected, "a line that was cut off is none");
        file.write_all(b"\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains(":9 is no line of a journal"));
        std::fs::write(&path, "{").unwrap();
        assert_eq!(open(read(&path).unwrap()), (Vec::new(), 0));
        std::fs::remove_file(&path).unwrap();
    }
}
