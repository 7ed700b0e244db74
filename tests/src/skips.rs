//! Tests that cannot run here say so, and why.

use std::fs::OpenOptions;
use std::io::Write;

/// The file to which skips are added, one `name<TAB>reason` a line: `cargo xtask test` sets it,
/// lists them at its end, and fails when `tests/skips.toml` does not expect one.
pub const FILE: &str = "SPOTKEEPER_SKIPS";

/// Says that a test is skipped.
#[expect(clippy::print_stdout, reason = "a test's output is where a person looks")]
pub fn skip(name: &str, reason: &str) {
    println!("SKIP {name}: {reason}");
    let Ok(path) = std::env::var(FILE) else {
        return;
    };
    let written = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| file.write_all(format!("{name}\t{reason}\n").as_bytes()));
    assert!(written.is_ok(), "{path}, which {FILE} names, cannot be written: {written:?}");
}
