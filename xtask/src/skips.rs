//! Tests that were skipped, and whether that was to be expected.

use std::path::{Path, PathBuf};

use anyhow::Context;
use comfy_table::Table;
use serde::Deserialize;
use spotkeeper_tests::paths;

/// A test that did not run.
#[derive(Debug)]
pub(crate) struct Skip {
    /// Its name.
    pub(crate) test: String,
    /// Why.
    pub(crate) reason: String,
}

/// `tests/skips.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(default)]
    skip: Vec<ExpectedSkip>,
}

/// A skip that is no failure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectedSkip {
    /// The test's name.
    test: String,
    /// What the reason must contain.
    reason: String,
}

/// Where the tests are to write their skips; empty.
pub(crate) fn file() -> anyhow::Result<PathBuf> {
    let path = paths::workspace().join("target/skips.txt");
    std::fs::write(&path, "").with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(path)
}

/// The skips that the tests wrote.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Skip>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut skips: Vec<Skip> = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(test, reason)| Skip { test: test.to_owned(), reason: reason.to_owned() })
        .collect();
    skips.sort_by(|one, other| one.test.cmp(&other.test));
    Ok(skips)
}

/// Prints the table of skips; answers how many of them nobody expects.
pub(crate) fn report(skips: &[Skip]) -> anyhow::Result<usize> {
    if skips.is_empty() {
        println!("Nothing was skipped.");
        return Ok(0);
    }
    let expected = expected()?;
    let mut table = Table::new();
    table.load_style(comfy_table::presets::UTF8_HORIZONTAL_ONLY).set_header(["skipped", "because", ""]);
    let mut unexpected = 0;
    for skip in skips {
        let known = expected.skip.iter().any(|each| each.test == skip.test && skip.reason.contains(&each.reason));
        unexpected += usize::from(!known);
        table.add_row([skip.test.as_str(), &skip.reason, if known { "expected" } else { "NOT EXPECTED" }]);
    }
    println!("{table}");
    Ok(unexpected)
}

fn expected() -> anyhow::Result<Expected> {
    let path = paths::workspace().join("tests/skips.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is not understood", path.display()))
}
