//! Values of core's types in the cache: what cannot be had from it is simply not there.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use spotkeeper_core::ports::Clock;
use spotkeeper_core::units::Seconds;

use super::{AwsFleet, Cache, CacheEntry};

impl<C: Cache, K: Clock> AwsFleet<C, K> {
    /// The values that are in the cache. A cache that fails, or holds what this version cannot
    /// read, has none.
    pub(super) async fn remembered<T: DeserializeOwned>(&self, keys: &[String]) -> BTreeMap<String, T> {
        if keys.is_empty() {
            return BTreeMap::new();
        }
        let found = match self.cache.get_many(keys, self.clock.now()).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "the cache could not be read: reading from AWS instead");
                return BTreeMap::new();
            }
        };
        found.into_iter().filter_map(|(key, value)| Some((key, serde_json::from_str(&value).ok()?))).collect()
    }

    /// Puts values into the cache, for ever or for a time.
    pub(super) async fn remember<'v, T: Serialize + 'v>(
        &self,
        values: impl IntoIterator<Item = (&'v String, &'v T)>,
        keep: Option<Seconds>,
    ) {
        let expires_at = keep.and_then(|keep| self.clock.now().checked_add(keep.duration()).ok());
        let entries: Vec<CacheEntry> = values
            .into_iter()
            .filter_map(|(key, value)| {
                let value = serde_json::to_string(value).ok()?;
                Some(CacheEntry { key: key.clone(), value, expires_at })
            })
            .collect();
        if entries.is_empty() {
            return;
        }
        if let Err(error) = self.cache.put_many(&entries).await {
            tracing::warn!(%error, "the cache could not be written");
        }
    }
}
