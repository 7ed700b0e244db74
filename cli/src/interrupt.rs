//! Ctrl-C: what ends at once, and what comes to a good end first.

use std::sync::LazyLock;

use futures_util::FutureExt as _;
use tokio::sync::watch;

use crate::exit::Interrupted;

/// What Ctrl-C leaves behind of a command that only reads.
pub(crate) const NOTHING_WRITTEN: &str = "interrupted: nothing was written";

/// Whether Ctrl-C has come. From the first look on it ends nothing by itself.
static CAME: LazyLock<watch::Sender<bool>> = LazyLock::new(|| {
    #[cfg(unix)]
    listen();
    watch::Sender::new(false)
});

/// Notes every Ctrl-C. Where nobody can listen it ends the program, as it does any other.
#[cfg(unix)]
fn listen() {
    if let Ok(mut signals) = signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT]) {
        std::thread::spawn(move || signals.forever().for_each(|_| _ = CAME.send_replace(true)));
    }
}

/// Whether Ctrl-C has come, for what must not be ended in the middle.
pub(crate) fn came() -> bool {
    *CAME.borrow()
}

/// Waits for Ctrl-C.
pub(crate) async fn comes() {
    // The sender is never dropped.
    _ = CAME.subscribe().wait_for(|came| *came).await;
}

/// Does something that Ctrl-C may end at any moment; `stays` says what that leaves behind.
///
/// What is done may itself end by Ctrl-C, and says then what stays: that is what counts.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
    stays: impl FnOnce() -> String,
) -> anyhow::Result<T> {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        ended = &mut work => return ended,
        () = comes() => {}
    }
    // It may have come just after the work had looked for it: asked once more, the work says so itself.
    work.now_or_never().unwrap_or_else(|| Err(Interrupted(stays()).into()))
}

/// Does something that must come to its end; on Ctrl-C, `told` is called meanwhile.
pub(crate) async fn to_its_end<T>(work: impl Future<Output = T>, told: impl FnOnce()) -> T {
    let mut work = std::pin::pin!(work);
    tokio::select! {
        biased;
        ended = &mut work => return ended,
        () = comes() => told(),
    }
    work.await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ctrl-C comes after the inner work was asked whether it has, and before the outer one asks: a run that was
    /// started must not be told as nothing.
    #[tokio::test]
    async fn what_the_inner_work_says_of_ctrl_c_counts() {
        let never = std::future::pending::<anyhow::Result<()>>();
        let mut inner = Box::pin(unless_interrupted(never, || "a run was started".to_owned()));
        let work = std::future::poll_fn(|context| {
            let polled = inner.as_mut().poll(context);
            if polled.is_pending() {
                CAME.send_replace(true);
            }
            polled
        });
        let ended = unless_interrupted(work, || NOTHING_WRITTEN.to_owned()).await;
        CAME.send_replace(false);
        assert_eq!(ended.unwrap_err().to_string(), "a run was started");
    }
}
