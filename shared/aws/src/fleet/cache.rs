//! What need not be read again: the port for it, and one in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use spotkeeper_core::ports::PortError;

/// Values by key that outlive a run. The table implements it; [`MemoryCache`] is for tests.
///
/// A cache may forget anything at any time. The fleet takes a failure for a miss, logs it and
/// reads from AWS instead, so that a broken cache costs calls and never a run.
pub trait Cache: Send + Sync {
    /// The values that are there and have not passed their end at `now`, by key. Keys are ARNs or
    /// of the like; there may be hundreds.
    fn get_many(
        &self,
        keys: &[String],
        now: Timestamp,
    ) -> impl Future<Output = Result<BTreeMap<String, String>, PortError>> + Send;

    /// Puts values in place of those of their keys.
    fn put_many(&self, entries: &[CacheEntry]) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// One value to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheEntry {
    /// Its key: an ARN, or a name that cannot be taken for one.
    pub key: String,
    /// The value, as JSON.
    pub value: String,
    /// When it is no longer to be believed; `None` is never.
    pub expires_at: Option<Timestamp>,
}

/// A cache that lives as long as the process.
#[derive(Debug, Default)]
pub struct MemoryCache {
    entries: Mutex<BTreeMap<String, CacheEntry>>,
}

impl MemoryCache {
    /// The keys in it, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }
}

impl Cache for MemoryCache {
    async fn get_many(&self, keys: &[String], now: Timestamp) -> Result<BTreeMap<String, String>, PortError> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(keys
            .iter()
            .filter_map(|key| entries.get(key))
            .filter(|entry| entry.expires_at.is_none_or(|end| now < end))
            .map(|entry| (entry.key.clone(), entry.value.clone()))
            .collect())
    }

    async fn put_many(&self, new: &[CacheEntry]) -> Result<(), PortError> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.extend(new.iter().map(|entry| (entry.key.clone(), entry.clone())));
        Ok(())
    }
}

impl<C: Cache> Cache for std::sync::Arc<C> {
    fn get_many(
        &self,
        keys: &[String],
        now: Timestamp,
    ) -> impl Future<Output = Result<BTreeMap<String, String>, PortError>> + Send {
        C::get_many(self, keys, now)
    }

    fn put_many(&self, entries: &[CacheEntry]) -> impl Future<Output = Result<(), PortError>> + Send {
        C::put_many(self, entries)
    }
}
