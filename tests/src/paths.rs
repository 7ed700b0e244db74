//! Where things are.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, ensure};

/// The workspace's directory.
#[must_use]
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests)
}

/// A program of the tools' virtual environment: `aws`, `sam`, `cfn-lint`, `python`.
///
/// # Errors
/// When it is not there.
pub fn tool(name: &str) -> anyhow::Result<PathBuf> {
    present(workspace().join("target/tools/venv/bin").join(name), "cargo xtask tools")
}

/// MiniStack.
///
/// # Errors
/// When it is not there.
pub fn ministack() -> anyhow::Result<PathBuf> {
    present(workspace().join("target/tools/ministack/bin/ministack"), "cargo xtask tools")
}

/// AWS's runtime interface emulator, which comes with the SAM CLI.
///
/// # Errors
/// When it is not there.
pub fn rie() -> anyhow::Result<PathBuf> {
    let libraries = workspace().join("target/tools/venv/lib");
    let python = std::fs::read_dir(&libraries)
        .ok()
        .and_then(|mut entries| entries.find_map(Result::ok))
        .map(|entry| entry.path())
        .unwrap_or(libraries);
    present(python.join("site-packages/samcli/local/rapid/aws-lambda-rie-x86_64"), "cargo xtask tools")
}

/// A built function, by its name in `template.yaml`.
///
/// # Errors
/// When it is not there.
pub fn function(name: &str) -> anyhow::Result<PathBuf> {
    present(workspace().join(".aws-sam/build").join(name).join("bootstrap"), "cargo xtask build")
}

/// The template as `sam build` leaves it.
///
/// # Errors
/// When it is not there.
pub fn built_template() -> anyhow::Result<PathBuf> {
    present(workspace().join(".aws-sam/build/template.yaml"), "cargo xtask build")
}

/// A program of this workspace, `aws-sim` or `spotkeeper`, built with the program that asks or by `cargo xtask build`:
/// the newest.
///
/// # Errors
/// When it is not there.
pub fn program(name: &str) -> anyhow::Result<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|exe| {
        let directory = exe.parent()?;
        Some(if directory.ends_with("deps") { directory.parent()? } else { directory }.join(name))
    });
    let target = workspace().join("target");
    let mut found: Vec<_> = std::fs::read_dir(&target)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path().join("debug").join(name))
        .chain([target.join("debug").join(name)])
        .chain(beside)
        .filter_map(|path| Some((path.metadata().and_then(|data| data.modified()).ok()?, path)))
        .collect();
    found.sort();
    found.pop().map(|(_, path)| path).with_context(|| format!("{name} is not built: run `cargo xtask build`"))
}

/// A directory of its own under `target/scratch`, for logs and temporary files.
///
/// # Errors
/// When it cannot be made.
pub fn scratch(name: &str) -> anyhow::Result<PathBuf> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = workspace().join("target/scratch").join(format!("{name}-{}-{count}", std::process::id()));
    std::fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    path.canonicalize().with_context(|| format!("{} cannot be found again", path.display()))
}

fn present(path: PathBuf, remedy: &str) -> anyhow::Result<PathBuf> {
    ensure!(path.exists(), "{} is missing: run `{remedy}`", path.display());
    Ok(path)
}
