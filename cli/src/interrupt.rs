//! Ctrl-C: what ends at once, and what comes to a good end first.

use std::pin::Pin;

use futures_util::FutureExt as _;

use crate::exit::Interrupted;

/// What Ctrl-C leaves behind of a command that only reads.
pub(crate) const NOTHING_WRITTEN: &str = "interrupted: nothing was written";

/// Does something that Ctrl-C may end at any moment; `stays` says what that leaves behind.
///
/// What is done may itself end by Ctrl-C, and says then what stays: that is what counts.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    stays: impl FnOnce() -> String,
) -> anyhow::Result<T> {
    tokio::select! {
        biased;
        ended = work => ended,
        Ok(()) = tokio::signal::ctrl_c() => Err(Interrupted(stays()).into()),
    }
}

/// Whether Ctrl-C has come, for what must not be ended in the middle.
pub(crate) struct Interrupts {
    next: Pin<Box<dyn Future<Output = std::io::Result<()>>>>,
    came: bool,
}

impl Interrupts {
    /// From now on Ctrl-C ends nothing by itself.
    pub(crate) fn new() -> Interrupts {
        let mut interrupts = Interrupts { next: Box::pin(tokio::signal::ctrl_c()), came: false };
        // Listening begins with the first question.
        interrupts.came();
        interrupts
    }

    /// Whether it has come.
    pub(crate) fn came(&mut self) -> bool {
        self.came = self.came || matches!((&mut self.next).now_or_never(), Some(Ok(())));
        self.came
    }
}
