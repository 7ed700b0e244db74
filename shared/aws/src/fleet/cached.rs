//! Values of core's types in the cache: what cannot be had from it is simply not there.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use spotkeeper_core::observe::Gap;
use spotkeeper_core::ports::Clock;
use spotkeeper_core::units::Seconds;

use super::{AwsFleet, Cache, CacheEntry, IN_FLIGHT};

/// How many values are read before they are put into the cache: what one `BatchWriteItem` takes.
/// A function that runs out of time loses no more than these.
const KEPT_AT_ONCE: usize = 25;

/// How long a value is believed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    /// For good: it never changes.
    ForEver,
    /// For this long.
    For(Seconds),
    /// Until its turn: see [`turn`].
    UntilItsTurn {
        /// Everything has one turn in this time.
        period: Seconds,
    },
}

impl Keep {
    /// When a value that is read now is no longer to be believed; `None` is never.
    fn until(self, key: &str, now: Timestamp) -> Option<Timestamp> {
        match self {
            Keep::ForEver => None,
            Keep::For(time) => now.checked_add(time.duration()).ok(),
            Keep::UntilItsTurn { period } => turn(key, now, period),
        }
    }
}

/// When a value is next to be read again. Each key has one second of the period, taken from the
/// digest of the key, so that what was read together is not read again together: each run of a
/// period reads a slice, and no run reads all.
fn turn(key: &str, now: Timestamp, period: Seconds) -> Option<Timestamp> {
    let period = u64::from(period.0.max(1));
    let digest = Sha256::digest(key.as_bytes());
    let own = i64::try_from(u64::from_be_bytes(*digest.first_chunk()?) % period).ok()?;
    let wait = (own - now.as_second()).rem_euclid(i64::try_from(period).ok()?);
    let wait = if wait == 0 { i64::try_from(period).ok()? } else { wait };
    now.checked_add(SignedDuration::from_secs(wait)).ok()
}

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

    /// What was remembered together with what is read now. That is put into the cache as it
    /// comes: a run that is cut off goes on next time where it stopped.
    pub(super) async fn read_and_remember<T, F>(
        &self,
        known: BTreeMap<String, T>,
        reading: Vec<F>,
        keep: Keep,
    ) -> BTreeMap<String, Result<T, Gap>>
    where
        T: Serialize,
        F: Future<Output = (String, Result<T, Gap>)>,
    {
        let mut all: BTreeMap<_, _> = known.into_iter().map(|(key, value)| (key, Ok(value))).collect();
        let mut chunks = futures_util::stream::iter(reading).buffer_unordered(IN_FLIGHT).chunks(KEPT_AT_ONCE);
        while let Some(chunk) = chunks.next().await {
            self.remember(chunk.iter().filter_map(|(key, value)| Some((key, value.as_ref().ok()?))), keep).await;
            all.extend(chunk);
        }
        all
    }

    /// Puts values into the cache.
    pub(super) async fn remember<'v, T: Serialize + 'v>(
        &self,
        values: impl IntoIterator<Item = (&'v String, &'v T)>,
        keep: Keep,
    ) {
        let now = self.clock.now();
        let entries: Vec<CacheEntry> = values
            .into_iter()
            .filter_map(|(key, value)| {
                let value = serde_json::to_string(value).ok()?;
                Some(CacheEntry { key: key.clone(), value, expires_at: keep.until(key, now) })
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

#[cfg(test)]
mod tests {
    use super::*;

    const SIX_HOURS: Seconds = Seconds(6 * 60 * 60);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn every_key_has_one_turn_in_a_period_and_it_does_not_move() {
        let own = turn("arn:tg", at(0), SIX_HOURS).unwrap().as_second();
        let cases = [
            // name, read at, turn
            ("long before its turn", own - 20_000, own),
            ("a second before its turn", own - 1, own),
            ("at its turn", own, own + 21_600),
            ("a second after its turn", own + 1, own + 21_600),
            ("days later", own + 10 * 21_600 + 7, own + 11 * 21_600),
        ];
        for (name, read_at, expected) in cases {
            assert_eq!(turn("arn:tg", at(read_at), SIX_HOURS), Some(at(expected)), "{name}");
        }
        assert_eq!(turn("arn:tg", at(50), Seconds(0)), Some(at(51)), "no period at all is a second");
    }

    /// `reference/performance.md` B.3 wants a rolling slice of about 300 of 5,000.
    #[test]
    fn what_was_read_together_is_read_again_in_slices() {
        let mut slices = [0_u32; 24];
        for number in 0..5_000 {
            let turn = turn(&format!("arn:tg/{number}"), at(1_700_000_000), SIX_HOURS).unwrap().as_second();
            slices[usize::try_from((turn - 1_700_000_001) / 900).unwrap()] += 1;
        }
        assert!(slices.iter().all(|slice| (150..=300).contains(slice)), "{slices:?}");
    }
}
