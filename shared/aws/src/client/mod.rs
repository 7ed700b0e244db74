//! The one layer through which every call to the services under care goes: it waits for a token,
//! counts the call, retries throttles, and says what a failure means.
//!
//! The SDK's own retries are off ([`Clients::load`]), so that each request is counted once and an
//! write whose answer was lost is never repeated blindly. What is retried, and how often:
//!
//! | failure | reads | `UpdateService`, `UpdateAutoScalingGroup` |
//! |---|---|---|
//! | throttled | 8 attempts | 8 attempts: a throttled call was not carried out |
//! | no answer, 5xx | 3 attempts | not at all: it may have been carried out |
//! | anything else | not at all | not at all |

mod action;
mod bucket;
mod counts;
mod error;
mod load;

pub use action::Action;
pub use bucket::{ApiLimits, BucketId, Rate, TokenBucket};
pub use counts::{CallCounts, Count};
pub use error::{ApiCause, ApiError};
pub use load::Clients;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::time::{Instant, sleep};

/// How often a throttled write is sent. With [`backoff`], up to 25 s of waiting, 13 s on average.
const THROTTLED_WRITES: u32 = 8;
/// How often a throttled read is sent: up to 85 s of waiting, 43 s on average. No lease waits for it, and what
/// could not be seen may cost a move that does well.
const THROTTLED_READS: u32 = 11;
/// How often a read that got no answer is sent.
const UNANSWERED_ATTEMPTS: u32 = 3;
/// The upper end of the first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// The upper end of every later pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// The clients, the buckets and the counts of one invocation.
#[derive(Debug)]
pub struct Api {
    /// The SDK's clients.
    pub clients: Clients,
    buckets: Mutex<BTreeMap<BucketId, TokenBucket>>,
    /// Tokens that were waited for and not used yet.
    reserved: Mutex<BTreeMap<BucketId, u32>>,
    since: Instant,
    counts: Mutex<CallCounts>,
}

impl Api {
    /// Starts with full buckets and no calls.
    #[must_use]
    pub fn new(clients: Clients, limits: ApiLimits) -> Api {
        let buckets = BucketId::ALL.map(|id| (id, TokenBucket::full(limits.of(id))));
        Api {
            clients,
            buckets: Mutex::new(BTreeMap::from(buckets)),
            reserved: Mutex::default(),
            since: Instant::now(),
            counts: Mutex::default(),
        }
    }

    /// What was called so far.
    #[must_use]
    pub fn counts(&self) -> CallCounts {
        locked(&self.counts).clone()
    }

    /// Sends a call when its bucket has a token, and again as the table of the module says.
    ///
    /// # Errors
    /// The last attempt's.
    pub async fn call<T, E, F>(&self, action: Action, send: impl Fn() -> F) -> Result<T, ApiError>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let mut attempt = 1;
        loop {
            self.wait_for_token(action.bucket()).await;
            let error = match send().await {
                Ok(answer) => {
                    locked(&self.counts).add(action, false);
                    return Ok(answer);
                }
                Err(error) => ApiError::new(action, error),
            };
            let throttled = error.cause == ApiCause::Throttled;
            locked(&self.counts).add(action, throttled);
            if attempt >= attempts(action, error.cause) {
                return Err(error);
            }
            if throttled {
                self.empty(action.bucket());
            }
            let pause = backoff(attempt, fastrand::f64());
            tracing::debug!(%action, attempt, throttled, detail = error.detail, "calling again");
            sleep(pause).await;
            attempt += 1;
        }
    }

    /// Waits for a token that the next call of that action uses, so that this call does not wait.
    /// Answers `false` at once, and takes none, where it would come later than `patience` allows.
    pub async fn reserve(&self, action: Action, patience: Duration) -> bool {
        let id = action.bucket();
        let wait = locked(&self.buckets).get_mut(&id).map(|bucket| bucket.take_within(self.since.elapsed(), patience));
        match wait.unwrap_or(Some(Duration::ZERO)) {
            None => return false,
            Some(wait) => sleep(wait).await,
        }
        self.grant(id);
        true
    }

    /// Has the next call that draws on a bucket go without waiting: its token comes from elsewhere.
    pub(crate) fn grant(&self, id: BucketId) {
        *locked(&self.reserved).entry(id).or_default() += 1;
    }

    /// Uses a token that was reserved, if there is one.
    fn use_reserved(&self, id: BucketId) -> bool {
        match locked(&self.reserved).get_mut(&id) {
            Some(reserved) if *reserved > 0 => {
                *reserved -= 1;
                true
            }
            _ => false,
        }
    }

    async fn wait_for_token(&self, id: BucketId) {
        if self.use_reserved(id) {
            return;
        }
        let wait = locked(&self.buckets).get_mut(&id).map(|bucket| bucket.take(self.since.elapsed()));
        if let Some(wait) = wait
            && !wait.is_zero()
        {
            sleep(wait).await;
        }
    }

    /// Takes it that another invocation has just emptied the account's bucket.
    pub(crate) fn follow(&self, id: BucketId) {
        if let Some(bucket) = locked(&self.buckets).get_mut(&id) {
            bucket.follow(self.since.elapsed());
        }
    }

    fn empty(&self, id: BucketId) {
        if let Some(bucket) = locked(&self.buckets).get_mut(&id) {
            bucket.empty(self.since.elapsed());
        }
    }
}

/// What is behind a lock; a panic elsewhere does not spoil counters and buckets.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a call that failed like this is sent in all.
const fn attempts(action: Action, cause: ApiCause) -> u32 {
    match cause {
        ApiCause::Throttled => throttled_attempts(action),
        ApiCause::Unanswered if action.reads() => UNANSWERED_ATTEMPTS,
        ApiCause::Unanswered | ApiCause::Denied | ApiCause::Absent | ApiCause::Refused => 1,
    }
}

/// How often a call is sent in all that is throttled each time.
#[must_use]
pub const fn throttled_attempts(action: Action) -> u32 {
    if action.reads() { THROTTLED_READS } else { THROTTLED_WRITES }
}

/// The pause after an attempt, counted from 1. Full jitter: any part, `random` from 0 to 1, of a pause whose upper
/// end doubles with each attempt.
#[must_use]
pub fn backoff(attempt: u32, random: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE).mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
