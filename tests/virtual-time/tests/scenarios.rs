//! Every scenario of `tests/scenarios/`: promises, expectations, and the golden transcript.
//!
//! `UPDATE_GOLDEN=1` rewrites the transcripts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on ends")]

use std::path::{Path, PathBuf};

use spotkeeper_virtual_time::scenario;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

#[test]
fn every_scenario_keeps_its_promise() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut names: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| path.to_string_lossy().contains(&only))
        .collect();
    names.sort();
    let mut wrong = Vec::new();
    for path in &names {
        let name = path.file_stem().unwrap().to_string_lossy();
        let scenario = scenario::load(path).unwrap_or_else(|error| panic!("{error}"));
        let lived = scenario.live().unwrap();
        let golden = path.with_extension("txt");
        if update {
            std::fs::write(&golden, &lived.transcript).unwrap();
        }
        wrong.extend(lived.wrong.iter().map(|what| format!("{name}: {what}")));
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        if expected != lived.transcript {
            wrong
                .push(format!("{name}: the transcript is another (UPDATE_GOLDEN=1 rewrites it)\n{}", lived.transcript));
        }
    }
    assert!(only.is_empty() || !names.is_empty(), "there is no scenario {only}");
    assert!(wrong.is_empty(), "{} of {} scenarios:\n{}", wrong.len(), names.len(), wrong.join("\n"));
}
