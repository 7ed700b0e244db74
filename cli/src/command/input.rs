//! Reading what a command line names.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};

/// Reads a file of text, `-` for standard input, up to a limit.
pub(crate) fn read(path: &Path, limit: usize) -> anyhow::Result<String> {
    let name = name(path);
    let mut bytes = Vec::new();
    // One byte more tells a file of the limit from a longer one.
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes).with_context(|| format!("{name} cannot be read"))?;
    } else {
        let of = || format!("{name} cannot be read");
        if std::fs::metadata(path).with_context(of)?.is_dir() {
            bail!("{name} is a directory: name the files in it");
        }
        let file = std::fs::File::open(path).with_context(of)?;
        file.take(most).read_to_end(&mut bytes).with_context(of)?;
    }
    if bytes.len() > limit {
        bail!("{name} is larger than the {limit} bytes that are taken");
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        anyhow::anyhow!("{name} is no text: JSON or YAML in UTF-8 was expected (byte {})", at + 1)
    })
}

/// What a file is called in answers.
pub(crate) fn name(path: &Path) -> String {
    if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() }
}
