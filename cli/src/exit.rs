//! What the exit status means: the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0: all is well, or there are only warnings.
    Good,
    /// 1: something blocks, or a document has mistakes.
    Bad,
    /// 2: the command line could not be understood (clap's own status, too), or something not be read.
    Unusable,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        match exit {
            Exit::Good => ExitCode::SUCCESS,
            Exit::Bad => ExitCode::from(1),
            Exit::Unusable => ExitCode::from(2),
        }
    }
}
