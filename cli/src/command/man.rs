//! `spotkeeper man`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_mangen::Man as Page;

use crate::console::Console;
use crate::exit::Exit;

/// Print the manual page, or write the pages of all commands.
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// A directory that is there: spotkeeper.1 and a page for each command go into it. Without it, the first of them
    /// is printed.
    #[arg(value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, console: &Console) -> anyhow::Result<Exit> {
        let program = crate::Arguments::command();
        match &self.directory {
            Some(directory) => {
                let cannot = || format!("the pages cannot be written to {}", directory.display());
                clap_mangen::generate_to(program, directory).with_context(cannot)?;
            }
            None => {
                let mut text = Vec::new();
                Page::new(program).render(&mut text)?;
                console.print(&String::from_utf8_lossy(&text));
            }
        }
        Ok(Exit::Good)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::*;

    /// Every command with its options, by the name of its page.
    fn commands(command: &clap::Command, name: &str, found: &mut BTreeMap<String, Vec<String>>) {
        let options = command.get_arguments().filter(|one| !one.is_hide_set()).filter_map(|one| one.get_long());
        found.insert(format!("{name}.1"), options.map(str::to_owned).collect());
        for below in command.get_subcommands() {
            commands(below, &format!("{name}-{}", below.get_name()), found);
        }
    }

    #[test]
    fn every_command_has_a_page_with_all_its_options() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp/man");
        _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        clap_mangen::generate_to(crate::Arguments::command(), &directory).unwrap();
        let mut expected = BTreeMap::new();
        let mut program = crate::Arguments::command();
        program.build();
        commands(&program, "spotkeeper", &mut expected);
        assert!(expected.contains_key("spotkeeper-policy-validate.1"), "{:?}", expected.keys());
        let written = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name());
        let mut written: Vec<String> = written.map(|name| name.into_string().unwrap()).collect();
        written.sort();
        assert_eq!(written, expected.keys().cloned().collect::<Vec<_>>());
        for (page, options) in expected {
            let text = std::fs::read_to_string(directory.join(&page)).unwrap();
            for option in options {
                let as_written = format!("\\-\\-{}", option.replace('-', "\\-"));
                assert!(text.contains(&as_written), "{page} has no --{option}");
            }
        }
    }
}
