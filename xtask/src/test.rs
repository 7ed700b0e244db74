//! Everything that must hold.

use std::time::Instant;

use anyhow::{bail, ensure};
use spotkeeper_tests::{paths, skips as harness};

use crate::build;
use crate::shell::{Shell, seconds, step, step_read};
use crate::skips::{self, Skip};

/// Runs everything, or only the tests whose names contain `filter`.
pub(crate) fn test(shell: &Shell, filter: Option<&str>) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut failed: Vec<&str> = Vec::new();
    if filter.is_none() {
        let deny = ["check", "bans", "licenses", "sources"];
        let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        let alone = ["clippy", "--package", "spotkeeper", "--no-default-features", "--", "-D", "warnings"];
        for (name, program, arguments) in [
            ("format", "cargo", ["fmt", "--all", "--check"].as_slice()),
            ("licences", "cargo-deny", &deny),
            ("clippy", "cargo", &clippy),
            ("clippy of the tool for files alone", "cargo", &alone),
        ] {
            if let Err(error) = step(name, shell.command(program).args(arguments)) {
                println!("{error:#}");
                failed.push(name);
            }
        }
    }
    build::build(shell)?;
    clean_scratch();
    let file = skips::file()?;
    let mut counts = Counts::default();
    let mut cargo = shell.command("cargo");
    cargo.args(["test", "--workspace", "--no-fail-fast"]).args(filter).env(harness::FILE, &file);
    // The same cases on every machine; `PROPTEST_RNG_SEED` and `PROPTEST_CASES` search elsewhere.
    if std::env::var_os("PROPTEST_RNG_SEED").is_none() {
        cargo.env("PROPTEST_RNG_SEED", "14");
    }
    if !step_read("tests", &mut cargo, |line| counts.see(line))? {
        failed.push("tests");
    }

    let said = skips::read(&file)?;
    // A test that skips itself ends well in the eyes of its harness.
    let passed = counts.passed.saturating_sub(said.len());
    let all: Vec<Skip> = counts.ignored.into_iter().chain(said).collect();
    println!();
    let unexpected = skips::report(&all)?;
    println!("{} in all", seconds(started.elapsed()));
    println!("{passed} passed, {} failed, {} skipped", counts.failed, all.len());
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    ensure!(unexpected == 0, "{unexpected} skipped that tests/skips.toml does not expect");
    ensure!(passed > 0, "no test ran");
    Ok(())
}

/// What the test harnesses say about themselves.
#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: Vec<Skip>,
}

impl Counts {
    /// Reads one line of a harness.
    fn see(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            // "ok. 6 passed; 0 failed; 1 ignored; ..."
            self.passed += number_before(result, " passed");
            self.failed += number_before(result, " failed");
        } else if let Some((test, rest)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ignored")) {
            let reason = rest.trim_start_matches(", ").to_owned();
            self.ignored.push(Skip { test: test.to_owned(), reason });
        }
    }
}

fn number_before(text: &str, word: &str) -> usize {
    let before = text.split_once(word).map_or("", |(before, _)| before);
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
}

/// What earlier runs left: logs of processes that have long ended.
fn clean_scratch() {
    // Best effort: it is only in the way of whoever looks for a log.
    _ = std::fs::remove_dir_all(paths::workspace().join("target/scratch"));
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn the_lines_of_a_harness_are_counted() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test one ... ok",
            "test two ... ignored, takes an hour",
            "test three - should panic ... FAILED",
            "test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 2.16s",
            "test result: ok. 41 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        ] {
            counts.see(line);
        }
        assert_eq!((counts.passed, counts.failed), (42, 1));
        let ignored: Vec<_> = counts.ignored.iter().map(|skip| (skip.test.as_str(), skip.reason.as_str())).collect();
        assert_eq!(ignored, [("two", "takes an hour")]);
    }
}
