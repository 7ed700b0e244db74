//! What the exit status means: the same for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "account"), allow(dead_code, reason = "some come from the commands on an account alone"))]
pub(crate) enum Exit {
    /// 0: all is well, or there are only warnings.
    Good,
    /// 1: something blocks, a document has mistakes, or what was asked for did not come to hold.
    Bad,
    /// 2: the command line could not be understood (clap's own status, too), or a file not be read.
    Unusable,
    /// 3: the account cannot be used: no credentials, another account than expected, a call denied that nothing
    /// can go on without, no network.
    NoAccount,
    /// 4: the answer is there, and something in it could not be read.
    Partial,
    /// 130: Ctrl-C; what it leaves behind is told. Shells show a program that SIGINT has ended as this, too.
    Interrupted,
}

impl Exit {
    /// How a command ended that failed.
    pub(crate) fn of(error: &anyhow::Error) -> Exit {
        if error.is::<NoAccount>() {
            Exit::NoAccount
        } else if error.is::<Interrupted>() {
            Exit::Interrupted
        } else {
            Exit::Unusable
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        match exit {
            Exit::Good => ExitCode::SUCCESS,
            Exit::Bad => ExitCode::from(1),
            Exit::Unusable => ExitCode::from(2),
            Exit::NoAccount => ExitCode::from(3),
            Exit::Partial => ExitCode::from(4),
            Exit::Interrupted => ExitCode::from(130),
        }
    }
}

/// What keeps the account from being used, in a sentence: ends with [`Exit::NoAccount`].
#[derive(Debug)]
#[cfg_attr(not(feature = "account"), allow(dead_code, reason = "only the commands on an account end so"))]
pub(crate) struct NoAccount(pub(crate) String);

/// That Ctrl-C has ended the command, and what it leaves behind: ends with [`Exit::Interrupted`].
#[derive(Debug)]
#[cfg_attr(not(feature = "account"), allow(dead_code, reason = "only the commands on an account end so"))]
pub(crate) struct Interrupted(pub(crate) String);

impl std::fmt::Display for NoAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoAccount {}

impl std::error::Error for Interrupted {}
