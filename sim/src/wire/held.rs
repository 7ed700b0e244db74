//! Answers that are held until a test lets them go.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

/// What is held now.
#[derive(Clone)]
pub(super) struct Held {
    entries: Arc<Mutex<(u64, BTreeMap<u64, Entry>)>>,
    changed: watch::Sender<u64>,
}

/// A held call.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Entry {
    action: String,
    before: bool,
    since: String,
}

/// A call that is held; it is forgotten when its client goes away.
pub(super) struct Guard {
    held: Held,
    id: u64,
    seen: watch::Receiver<u64>,
}

impl Default for Held {
    fn default() -> Self {
        Self { entries: Arc::default(), changed: watch::Sender::new(0) }
    }
}

impl Held {
    pub(super) fn enter(&self, action: &str, before: bool, since: jiff::Timestamp) -> Guard {
        let seen = self.changed.subscribe();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.0 += 1;
        let id = entries.0;
        entries.1.insert(id, Entry { action: action.to_owned(), before, since: since.to_string() });
        Guard { held: self.clone(), id, seen }
    }

    pub(super) fn list(&self) -> Vec<Entry> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).1.values().cloned().collect()
    }

    /// Has every held call look again whether it is still held.
    pub(super) fn look_again(&self) {
        self.changed.send_modify(|n| *n += 1);
    }
}

impl Guard {
    /// Waits until the faults have changed.
    pub(super) async fn changed(&mut self) {
        // The sender lives in `self.held`, so this cannot fail.
        let _ = self.seen.changed().await;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.held.entries.lock().unwrap_or_else(PoisonError::into_inner).1.remove(&self.id);
    }
}
