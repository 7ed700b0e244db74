//! The tools: two virtual environments of pinned packages, because MiniStack and the SAM CLI want
//! different versions of one library.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use spotkeeper_tests::paths;

use crate::shell::{Shell, step};

/// Each environment's directory under `target/tools`, and the list of what is in it.
const ENVIRONMENTS: [(&str, &str); 2] = [("venv", "requirements.txt"), ("ministack", "requirements-ministack.txt")];
/// The Pythons to try, in this order.
const PYTHONS: [&str; 4] = ["python3", "python3.13", "python3.12", "python3.11"];
/// What a Python must have. It prints its version.
const PROBE: &str = "import sys, venv, ensurepip; assert sys.version_info >= (3, 11); print(sys.version.split()[0])";

/// Installs what is missing, or not what the lists say.
pub(crate) fn install(shell: &Shell) -> anyhow::Result<()> {
    let tools = paths::workspace().join("target/tools");
    std::fs::create_dir_all(&tools).with_context(|| format!("{} cannot be made", tools.display()))?;
    // Two tasks at once would install over each other.
    let lock = File::create(tools.join("lock")).context("target/tools/lock cannot be made")?;
    lock.lock().context("target/tools/lock cannot be locked")?;
    for (name, list) in ENVIRONMENTS {
        let list = paths::workspace().join("xtask").join(list);
        let wanted = std::fs::read_to_string(&list).with_context(|| format!("{} cannot be read", list.display()))?;
        let place = tools.join(name);
        let stamp = place.join("installed.txt");
        if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && works(&place) {
            continue;
        }
        if !works(&place) {
            let python = python()?;
            // What is there cannot be mended: the Python that it was made with is gone.
            if place.exists() {
                std::fs::remove_dir_all(&place).with_context(|| format!("{} cannot be removed", place.display()))?;
            }
            step(&format!("{name}: making the environment"), shell.command(&python).args(["-m", "venv"]).arg(&place))?;
        }
        // The lists are whole: nothing is to be resolved, so nothing can differ between machines.
        let mut pip = Command::new(place.join("bin/python"));
        pip.current_dir(paths::workspace())
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"])
            .arg(&list);
        step(
            &format!("{name}: installing {} packages", wanted.lines().filter(|line| line.contains("==")).count()),
            &mut pip,
        )?;
        std::fs::write(&stamp, &wanted).with_context(|| format!("{} cannot be written", stamp.display()))?;
    }
    Ok(())
}

/// Whether an environment's Python starts.
fn works(place: &Path) -> bool {
    Command::new(place.join("bin/python"))
        .args(["-c", "import pip"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// A Python that can make environments.
fn python() -> anyhow::Result<String> {
    let mut why = Vec::new();
    for name in PYTHONS {
        match Command::new(name).args(["-c", PROBE]).output() {
            Ok(output) if output.status.success() => return Ok(name.to_owned()),
            Ok(output) => {
                let error = String::from_utf8_lossy(&output.stderr);
                why.push(format!("{name}: {}", error.lines().last().unwrap_or("does not say why").trim()));
            }
            Err(_) => why.push(format!("{name}: not found")),
        }
    }
    bail!(
        "no Python can install the tools: python3 must be 3.11 or newer and have its venv module (Debian, Ubuntu: \
         apt-get install python3-venv).\n  {}",
        why.join("\n  ")
    )
}
